//! What holds for any file: the cuts between its chunks change nothing, and a naive validator that has the
//! whole file in memory and reads it with serde_json finds the same.

use crate::support::random::Random;
use edgebatch::{Dialect, Limits, Progress, Report, Rules, ValidRequest, Validator};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashSet;

const CHAT: &str = "/v1/chat/completions";

/// Line, offset, end, custom_id, body, model.
type Handed = (u64, u64, u64, String, Vec<u8>, Option<String>);

fn exists(model: &str) -> bool {
    !model.starts_with("gone")
}

/// Validates a file in chunks; also gives the models asked for.
fn validate<'a>(
    rules: &Rules,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Report, Vec<Handed>, Vec<String>) {
    let mut validator = Validator::new(rules.clone());
    let (mut handed, mut asked) = (Vec::new(), Vec::new());
    let mut sink = |ValidRequest { line, offset, end, request }: ValidRequest<'_>| {
        let model = request.model.map(String::from);
        handed.push((line, offset, end, request.custom_id.into(), request.body.to_vec(), model));
    };
    for mut chunk in chunks {
        while let Progress::NeedsModel { model, taken } = validator.push(chunk, &mut sink) {
            chunk = &chunk[taken..];
            validator.answer_model(exists(&model), &mut sink);
            asked.push(model);
        }
    }
    while let Progress::NeedsModel { model, .. } = validator.finish(&mut sink) {
        validator.answer_model(exists(&model), &mut sink);
        asked.push(model);
    }
    (validator.report(), handed, asked)
}

/// Some line a user or an adversary may send.
fn line(random: &mut Random) -> Vec<u8> {
    let id = random.below(12);
    match random.below(15) {
        0 => random.pick(&["", " ", "\t \t"]).into(),
        1 => random.pick(&["{\0\"\0", "\0{\0\"", "\0\0\0{", "{\0\0\0", "\0", "PK\x03\x04"]).into(),
        2 => random.pick(&["{", "[]", "nul", "1", "\u{FEFF}{}", "\"\\ud800\"", "{}", "null"]).into(),
        3 => (0..random.below(40)).map(|_| random.below(256) as u8).filter(|&b| b != b'\n').collect(),
        4 => vec![b' '; random.below(700) as usize],
        5 => vec![b'x'; random.below(700) as usize],
        _ => {
            let custom_id =
                random.pick(&["\"ID\"", "\"ID\"", "\"ID\"", "\"日本ID\"", "\"\\u0061ID\"", "7", ""]);
            let method =
                random.pick(&["\"POST\"", "\"POST\"", "\"POST\"", "\"\\u0050OST\"", "\"GET\"", "null", ""]);
            let url =
                random.pick(&["\"/v1/chat/completions\"", "\"/v1/chat/completions\"", "\"/v1/x\"", "[]"]);
            let model = random.pick(&["\"m\"", "\"m\"", "\"m\"", "\"gone\"", "\"n\"", "{}", ""]);
            let messages = random.pick(&["[]", "[]", "[{\"content\":\"日本語 😀\"}]", "\"\"", ""]);
            let stream = random.pick(&["", "", "", "true", "false"]);
            let mut member = |name: &str, value: &str| {
                let space = random.pick(&["", "", "", " "]);
                let again = if random.below(20) == 0 { format!("{name:?}:0,") } else { String::new() };
                let value = value.replace("ID", &id.to_string());
                if value.is_empty() { again } else { format!("{again}{name:?}:{space}{value}{space},") }
            };
            let body = [member("model", model), member("messages", messages), member("stream", stream)];
            let body = format!("{{{}}}", body.concat().trim_end_matches(','));
            let mut members = [
                member("custom_id", custom_id),
                member("method", method),
                member("url", url),
                member("body", &body),
            ];
            let at = random.below(4) as usize;
            members.swap(0, at);
            format!("{{{}}}", members.concat().trim_end_matches(',')).into_bytes()
        }
    }
}

fn file(random: &mut Random) -> Vec<u8> {
    let mut file = if random.below(4) == 0 { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
    let lines = random.below(14);
    for i in 0..lines {
        file.extend(line(random));
        if i + 1 < lines || random.below(2) == 0 {
            file.extend(random.pick(&["\n", "\n", "\r\n"]).bytes());
        }
    }
    file
}

fn some_rules(random: &mut Random) -> Rules {
    let limits = Limits {
        max_response_bytes: 8 << 20,
        max_requests: random.below(12),
        max_file_bytes: if random.below(3) == 0 { random.below(2_000) } else { 1 << 20 },
        max_line_bytes: random.pick(&[&20, &150, &400, &100_000]).to_owned(),
        max_errors: random.pick(&[&0, &1, &3, &100, &100]).to_owned(),
    };
    Rules {
        limits,
        dialect: if random.below(2) == 0 { Dialect::Reference } else { Dialect::Openai },
        single_model: random.below(2) == 0,
        check_models: random.below(2) == 0,
        hash_key: (random.below(100), 7),
        ..Rules::new(CHAT)
    }
}

/// An error: line, code and parameter.
type Told = (Option<u64>, String, String);

/// The error of a file whose first line is not JSON and starts as no text in UTF-8 does.
fn no_text(line: &[u8]) -> Option<&'static str> {
    let zeros = [0, 1, 2, 3].map(|at| line.get(at) == Some(&0));
    let wide = [[true, false, true, false], [false, true, false, true], [false, true, true, true]];
    let marked = [b"\xFF\xFE", b"\xFE\xFF"].iter().any(|mark| line.starts_with(*mark));
    let utf32_be = zeros[0] && zeros[1] && !zeros[3];
    if marked || utf32_be || wide.contains(&zeros) {
        // Of three bytes the fourth is not zero, and of two neither.
        return (marked || line.len() > 1).then_some("invalid_encoding");
    }
    [b"PK\x03\x04".as_slice(), b"\x1F\x8B"]
        .iter()
        .any(|m| line.starts_with(m))
        .then_some("invalid_file_format")
}

/// All errors, and the lines of valid requests: the plain reading of the rules.
fn naive(rules: &Rules, file: &[u8]) -> (Vec<Told>, Vec<u64>) {
    let limits = rules.limits;
    let too_large = file.len() as u64 > limits.max_file_bytes;
    let text = &file[..file.len().min(limits.max_file_bytes as usize)];
    let mut lines: Vec<_> = text.split(|&b| b == b'\n').collect();
    if too_large {
        lines.pop();
    }
    let (mut errors, mut valid) = (Vec::new(), Vec::new());
    let (mut requests, mut ids, mut first_model) = (0, HashSet::new(), None);
    for (i, line) in lines.into_iter().enumerate() {
        let line = if i == 0 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let long = line.len() > limits.max_line_bytes;
        if !long && line.iter().all(|b| b" \t\r".contains(b)) {
            continue;
        }
        requests += 1;
        let before = errors.len();
        let mut error =
            |code: &str, param: &str| errors.push((Some(i as u64 + 1), code.to_owned(), param.to_owned()));
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) if !long => value,
            _ if long => {
                error("line_too_long", "");
                continue;
            }
            _ => {
                if requests == 1
                    && let Some(code) = no_text(line)
                {
                    errors.push((None, code.to_owned(), String::new()));
                    requests = 0;
                    break;
                }
                error("invalid_json_line", "");
                continue;
            }
        };
        let Some(request) = value.as_object() else {
            error("invalid_request", "");
            continue;
        };
        for name in ["custom_id", "method", "url", "body"] {
            match request.get(name) {
                None => error("missing_required_parameter", name),
                Some(Value::Object(_)) if name == "body" => {}
                Some(Value::String(_)) if name != "body" => {}
                Some(_) => error("invalid_request", name),
            }
        }
        if request.get("method").and_then(Value::as_str).is_some_and(|method| method != "POST") {
            error("invalid_value", "method");
        }
        let elsewhere = request.get("url").and_then(Value::as_str).is_some_and(|url| url != CHAT);
        if elsewhere {
            error("invalid_url", "url");
        }
        if let Some(body) = request.get("body").and_then(Value::as_object) {
            if body.get("stream") == Some(&Value::Bool(true)) {
                error("streaming_unsupported", "body.stream");
            }
            let reference = rules.dialect == Dialect::Reference;
            let missing = if reference { "invalid_request" } else { "missing_required_parameter" };
            match body.get("model") {
                None => error(missing, "body.model"),
                Some(model) if !model.is_string() => error("invalid_request", "body.model"),
                _ => {}
            }
            match body.get("messages") {
                _ if elsewhere => {}
                None => error(missing, "body.messages"),
                Some(messages) if !messages.is_array() => error("invalid_request", "body.messages"),
                _ => {}
            }
            if let Some(model) = body.get("model").and_then(Value::as_str) {
                if rules.check_models && !exists(model) {
                    error("model_not_found", "body.model");
                }
                if rules.single_model && first_model.get_or_insert(model.to_owned()) != model {
                    error("mismatched_model", "body.model");
                }
            }
        }
        if let Some(id) = request.get("custom_id").and_then(Value::as_str) {
            if ids.contains(id) {
                error("duplicate_custom_id", "custom_id");
            } else if requests <= limits.max_requests {
                ids.insert(id.to_owned());
            }
        }
        if errors.len() == before {
            valid.push(i as u64 + 1);
        }
    }
    if requests == 0 && errors.is_empty() && !too_large && rules.dialect == Dialect::Openai {
        errors.push((None, "empty_file".to_owned(), String::new()));
    }
    if too_large {
        errors.push((None, "request_too_large".to_owned(), String::new()));
    }
    if requests > limits.max_requests {
        errors.push((None, "too_many_tasks".to_owned(), String::new()));
    }
    (errors, valid)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_of_any_file_give_the_same_report_and_requests(seed in any::<u64>()) {
        let mut random = Random(seed);
        for _ in 0..10 {
            let (file, rules) = (file(&mut random), some_rules(&mut random));
            let whole = validate(&rules, [file.as_slice()]);
            prop_assert_eq!(&whole, &validate(&rules, file.chunks(1)), "byte by byte");
            for longest in [3, 60, 600] {
                let (mut rest, mut chunks) = (file.as_slice(), Vec::new());
                while !rest.is_empty() {
                    let (chunk, tail) = rest.split_at(rest.len().min(random.below(longest) as usize));
                    chunks.push(chunk);
                    rest = tail;
                }
                prop_assert_eq!(&whole, &validate(&rules, chunks));
            }
            let asked: HashSet<_> = whole.2.iter().collect();
            prop_assert_eq!(asked.len(), whole.2.len(), "each model is asked once");
        }
    }

    #[test]
    fn a_naive_validator_finds_the_same(seed in any::<u64>()) {
        let mut random = Random(seed);
        for _ in 0..40 {
            let (file, rules) = (file(&mut random), some_rules(&mut random));
            let (report, handed, _) = validate(&rules, [file.as_slice()]);
            let (errors, valid) = naive(&rules, &file);
            prop_assert_eq!(handed.iter().map(|h| h.0).collect::<Vec<_>>(), valid);
            prop_assert_eq!(report.error_count, errors.len() as u64);
            if rules.limits.max_errors == 100 {
                let found = report.errors.into_iter().map(|e| (e.line, e.code, e.param.unwrap_or_default()));
                prop_assert_eq!(found.collect::<Vec<_>>(), errors);
            } else {
                prop_assert!(report.errors.len() <= rules.limits.max_errors);
            }
            for (_, offset, end, custom_id, body, _) in handed {
                let line = &file[offset as usize..end as usize];
                let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
                let value: Value = serde_json::from_slice(line).unwrap();
                prop_assert_eq!(&value["custom_id"], &custom_id);
                prop_assert_eq!(&value["body"], &serde_json::from_slice::<Value>(&body).unwrap());
            }
        }
    }
}
