//! What is mended, what is left, and that nothing else of a file changes.

use edgebatch::{Cure, Repair, RepairOptions, Repaired, Rules, Validator};
use proptest::prelude::*;

const CHAT: &str = "/v1/chat/completions";

fn repaired_by(options: RepairOptions, file: &[u8], cut: usize) -> (String, Repaired) {
    let mut repair = Repair::new(options);
    let mut out = Vec::new();
    for chunk in file.chunks(cut) {
        repair.push(chunk, &mut out);
    }
    repair.finish(&mut out);
    (String::from_utf8_lossy(&out).into_owned(), repair.report())
}

fn repaired(file: &str) -> String {
    repaired_by(RepairOptions::default(), file.as_bytes(), 7).0
}

fn counts(file: &[u8]) -> Vec<(Cure, u64)> {
    let (_, report) = repaired_by(RepairOptions::default(), file, 1 << 20);
    report.cures.iter().map(|cured| (cured.cure, cured.count)).collect()
}

/// Its errors, by code.
fn errors(file: &[u8]) -> Vec<String> {
    let mut validator = Validator::new(Rules::new(CHAT));
    let _ = validator.push(file, &mut |_| {});
    let _ = validator.finish(&mut |_| {});
    validator.report().errors.into_iter().map(|error| error.code).collect()
}

fn line(id: &str) -> String {
    format!(
        r#"{{"custom_id": "{id}", "method": "POST", "url": "{CHAT}", "body": {{"model": "m", "messages": []}}}}"#
    )
}

/// That a line becomes another by one cure, and is good then.
#[track_caller]
fn cured(cure: Cure, bad: &str, good: &str) {
    let file = format!("{}\r\n{bad}\n{}", line("first"), line("last"));
    let expected = format!("{}\r\n{good}\n{}", line("first"), line("last"));
    assert_ne!(errors(file.as_bytes()), [""; 0], "{bad}");
    assert_eq!(repaired(&file), expected);
    assert_eq!(errors(expected.as_bytes()), [""; 0]);
    assert_eq!(counts(file.as_bytes()), [(cure, 1)]);
    let only = RepairOptions { only: Some(vec![cure]), ..RepairOptions::default() };
    assert_eq!(repaired_by(only, file.as_bytes(), 3).0, expected);
    let others = Cure::ALL.into_iter().filter(|&other| other != cure).collect();
    let others = RepairOptions { only: Some(others), ..RepairOptions::default() };
    assert_eq!(
        repaired_by(others, file.as_bytes(), 3),
        (file, Repaired { endpoint: CHAT.into(), cures: vec![] })
    );
}

#[test]
fn the_method_is_set_to_post_whatever_it_was() {
    for method in [r#""GET""#, r#""post""#, "null", "1", r#"{"a": ["POST"]}"#] {
        let bad = line("a").replace(r#""POST""#, method);
        cured(Cure::Method, &bad, &line("a"));
    }
    let without = line("a").replace(r#""method": "POST", "#, "");
    let first = line("a").replace(r#""method": "POST", "#, "").replacen('{', r#"{"method": "POST", "#, 1);
    cured(Cure::Method, &without, &first);
}

#[test]
fn the_url_is_set_to_the_endpoint() {
    for url in [
        "\"/v1/chat/completions/\"",
        "\"https://api.openai.com/v1/chat/completions\"",
        "null",
        "\"/v1/embeddings\"",
    ] {
        cured(Cure::Url, &line("a").replace(&format!("\"{CHAT}\""), url), &line("a"));
    }
}

#[test]
fn a_request_that_another_endpoint_takes_keeps_its_url() {
    let other = r#"{"custom_id": "e", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}"#;
    let file = format!("{}\n{other}\n", line("a"));
    assert_eq!(repaired(&file), file);
}

#[test]
fn the_endpoint_is_what_the_first_request_means() {
    for (url, endpoint) in [
        ("/v1/rerank", "/v1/rerank"),
        ("/embeddings", "/v1/embeddings"),
        ("https://example.com/v1/responses/", "/v1/responses"),
        ("chat", CHAT),
    ] {
        let file = format!("not JSON\n{}", line("a").replace(CHAT, url));
        assert_eq!(repaired_by(RepairOptions::default(), file.as_bytes(), 9).1.endpoint, endpoint, "{url}");
    }
    let options = RepairOptions { endpoint: Some(CHAT.into()), ..RepairOptions::default() };
    let file = line("a").replace(CHAT, "/v1/embeddings");
    assert_eq!(repaired_by(options, file.as_bytes(), 9).0, line("a"));
}

#[test]
fn stream_is_removed_wherever_it_stands_and_its_options_with_it() {
    let good = line("a");
    let body = r#"{"model": "m", "messages": []}"#;
    for streaming in [
        r#"{"stream": true, "model": "m", "messages": []}"#,
        r#"{"model": "m", "stream":true , "messages": []}"#,
        r#"{"model": "m", "messages": [], "stream": true}"#,
        r#"{"model": "m", "messages": [], "str\u0065am" : true}"#,
        r#"{"model": "m", "stream": true, "messages": [], "stream": true}"#,
        r#"{"stream_options": {"include_usage": true}, "model": "m", "messages": [], "stream": true}"#,
    ] {
        cured(Cure::Stream, &good.replace(body, streaming), &good);
    }
    let not_streaming = good.replace(body, r#"{"model": "m", "messages": [], "stream": false}"#);
    assert_eq!(repaired(&not_streaming), not_streaming);
}

#[test]
fn braces_missing_at_the_end_are_added_and_commas_too_many_removed() {
    let good = line("a");
    for bad in [
        good.strip_suffix('}').unwrap().to_owned(),
        good.strip_suffix("}}").unwrap().to_owned(),
        format!("{good},"),
        good.replace("[]", "[],"),
        good.replace("}}", "},}"),
        good.replace("[]}}", "[],}"),
    ] {
        cured(Cure::Json, &bad, &good);
    }
}

#[test]
fn a_line_that_may_have_been_cut_off_in_a_value_stays() {
    for bad in [
        &line("a")[..20],
        r#"{"custom_id": "a", "body": {"messages": [], "max_tokens": 12"#,
        r#"{"custom_id": "a", "body": {"messages": ["#,
        r#"{"custom_id": "a", "body":"#,
        r#"{"a": 'b'}"#,
    ] {
        assert_eq!(repaired(bad), *bad);
    }
}

#[test]
fn ids_that_are_missing_or_blank_are_filled_and_numbers_are_quoted() {
    for id in ["null", "17"] {
        let number = if id == "17" { "17" } else { "line-2" };
        cured(Cure::Ids, &line("a").replace(r#""a""#, id), &line(number));
    }
    let without = line("a").replace(r#""custom_id": "a", "#, "");
    cured(Cure::Ids, &without, &line("line-2"));
    // By itself a blank one is allowed.
    assert_eq!(repaired(&line(" ")), line("line-1"));
    let taken = format!("{}\n{without}\n", line("line-2"));
    assert_eq!(repaired(&taken), format!("{}\n{}\n", line("line-2"), line("line-2#2")));
}

#[test]
fn ids_that_are_used_again_are_numbered() {
    let file = [line("a"), line("a#2"), line("a"), line("b"), line("a"), line("a")].join("\n");
    let expected = [line("a"), line("a#2"), line("a#3"), line("b"), line("a#4"), line("a#5")].join("\n");
    assert_eq!(repaired(&file), expected);
    assert_eq!(counts(file.as_bytes()), [(Cure::Duplicates, 3)]);
    let long = "é".repeat(512);
    let renamed = format!("{}#2", "é".repeat(510));
    assert_eq!(repaired(&[line(&long), line(&long)].join("\n")), [line(&long), line(&renamed)].join("\n"));
}

#[test]
fn an_array_and_objects_over_several_lines_become_lines() {
    let good = [line("a"), line("b \\\"}],[{")].join("\n") + "\n";
    let spread = |id: &str| {
        line(id)
            .replacen("{\"custom", "{\n  \"custom", 1)
            .replace(", \"body\": {", ",\r\n\t\"body\": {")
            .replace("}}", "}\n}")
    };
    let [a, b] = ["a", "b \\\"}],[{"].map(spread);
    let expected = good.replace(", \"body\"", ",\"body\"");
    assert_eq!(repaired(&format!("[{},\n {}]\n", line("a"), line("b \\\"}],[{"))), good);
    assert_eq!(repaired(&format!("\n [\n{a},\n{b}\n]")), expected);
    assert_eq!(repaired(&format!("{a}\n{b}\n")), expected);
    assert_eq!(repaired(&format!("\u{FEFF}{a}{b}")), expected);
    assert_eq!(counts(format!("[{a},{b}]").as_bytes()), [(Cure::Lines, 2)]);
    assert_eq!(errors(expected.as_bytes()), [""; 0]);
    // What such a file holds besides objects is left for the check to tell.
    assert_eq!(repaired(&format!("[{}, 5, \"x, ]\"]", line("a"))), format!("{}\n5\n\"x, ]\"\n", line("a")));
}

#[test]
fn wider_encodings_become_utf_8_and_marks_go() {
    let good = [line("añ😀"), line("b")].join("\r\n");
    let marked = format!("\u{FEFF}{good}");
    for text in [&good, &marked] {
        let files: [Vec<u8>; 4] = [
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect(),
            text.chars().flat_map(|char| u32::from(char).to_be_bytes()).collect(),
        ];
        for file in files {
            for cut in [1, 3, 4096] {
                assert_eq!(repaired_by(RepairOptions::default(), &file, cut).0, good);
            }
            assert_eq!(counts(&file), [(Cure::Encoding, 1)]);
        }
    }
    assert_eq!(repaired(&marked), good);
    assert_eq!(repaired(&good.replace("\r\n", "\r\n\u{FEFF}")), good);
    assert_eq!(repaired_by(RepairOptions::default(), b"\xFF\xFE\x00\xD8{\0\x41", 1).0, "\u{FFFD}{\u{FFFD}");
}

#[test]
fn several_things_wrong_with_a_line_are_mended_together() {
    let bad = r#"{"custom_id": null, "method": "get", "url": "chat/completions", "body": {"model": "m", "stream": true, "messages": []},"#;
    assert_eq!(repaired(bad), bad, "there is no telling what a comma at the end was followed by");
    let bad = bad.strip_suffix(',').unwrap();
    assert_eq!(repaired(bad), line("line-1"));
    let cures: Vec<Cure> = counts(bad.as_bytes()).into_iter().map(|(cure, _)| cure).collect();
    assert_eq!(cures, [Cure::Json, Cure::Stream, Cure::Method, Cure::Url, Cure::Ids]);
}

#[test]
fn what_is_no_request_or_too_long_stays() {
    let long = line(&"x".repeat(200)).replace("POST", "GET");
    let file = format!("[1]\n{{\"a\": 1}}\n\n \t\nabc\r\n\0\n{long}\n{}\n", line("a").replace("POST", "GET"));
    let options = RepairOptions { max_line_bytes: 200, ..RepairOptions::default() };
    for cut in [1, 50, 4096] {
        let (out, report) = repaired_by(options.clone(), file.as_bytes(), cut);
        assert_eq!(out, file.replace(&line("a").replace("POST", "GET"), &line("a")));
        assert_eq!(report.cures[0].examples[0].line, 8);
    }
    for file in [&b"PK\x03\x04\x00\x00\n"[..], b"\x1F\x8B\x08\n", b"", b"[", b"{", b"\xEF\xBB", b"\n\n"] {
        let mut out = Vec::new();
        let mut repair = Repair::new(RepairOptions::default());
        repair.push(file, &mut out);
        repair.finish(&mut out);
        assert_eq!(out, file);
    }
}

#[test]
fn examples_show_what_stands_around_and_are_bounded() {
    let text = "ü".repeat(5_000);
    let bad = line("a").replace("[]}", &format!("\"{text}\", \"stream\": true, \"z\": \"{text}\"}}"));
    let file = [bad.as_str(); 5].join("\n");
    let (_, report) = repaired_by(RepairOptions::default(), file.as_bytes(), 1 << 20);
    let stream = &report.cures[0];
    assert_eq!((stream.cure, stream.count, stream.examples.len()), (Cure::Stream, 5, 3));
    let example = &stream.examples[0];
    assert!(
        example.before.contains(r#"ü", "stream": true, "z": "ü"#) && example.after.contains(r#"ü", "z": "ü"#)
    );
    for text in [&example.before, &example.after] {
        assert!(text.len() <= 170 && text.starts_with("…ü") && text.ends_with("ü…"), "{text}");
        assert!(!text.contains('\u{FFFD}'));
    }
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let mut repair = Repair::new(RepairOptions { max_line_bytes: 1_000, ..RepairOptions::default() });
    let endless = vec![b'x'; 1 << 16];
    for _ in 0..100 {
        let mut out = Vec::new();
        repair.push(&endless, &mut out);
        assert!(out.len() <= endless.len() + 1_005 && repair.held() < 4_096, "{}", repair.held());
    }
}

/// A line that is good, but for what the flags put wrong.
fn request() -> impl Strategy<Value = (String, String)> {
    let id = prop_oneof!["[a-c]", "[a-zA-Z0-9#é -]{1,12}x"];
    (id, any::<[bool; 6]>(), "[ -!#-\\[\\]-~é😀]{0,20}", 0..4usize).prop_map(|(id, wrong, text, space)| {
        let [method, url, stream, brace, comma, number] = wrong;
        let space = " ".repeat(space);
        let make = |bad: bool| {
            let pick = |flag: bool, yes: &'static str, no: &'static str| if bad && flag { yes } else { no };
            let id = if bad && number { "5".to_owned() } else { format!("\"{id}\"") };
            format!(
                "{space}{{\"custom_id\":{id},{}{}\"body\":{space}{{{}\"model\":\"m\",\"messages\":[\"{text}\"{}]}}{}",
                pick(method, "", "\"method\":\"POST\","),
                pick(url, "\"url\":\"/completions\",", "\"url\":\"/v1/chat/completions\","),
                pick(stream, "\"stream\":true,", ""),
                pick(comma, ",", ""),
                pick(brace, "", "}"),
            )
        };
        (make(false), make(true))
    })
}

proptest! {
    #[test]
    fn a_valid_file_stays_byte_for_byte_however_it_is_cut(
        lines in prop::collection::vec((request(), prop::sample::select(vec!["\n", "\r\n", "\n\n", "\n \t\n"])), 1..20),
        cut in 1..200usize,
    ) {
        let file: String = lines
            .iter()
            .enumerate()
            .map(|(at, ((good, _), end))| good.replacen(":\"", &format!(":\"{at}."), 1) + end)
            .collect();
        prop_assert_eq!(errors(file.as_bytes()), Vec::<String>::new());
        let (out, report) = repaired_by(RepairOptions::default(), file.as_bytes(), cut);
        prop_assert_eq!(out, file);
        prop_assert_eq!(report.cures, vec![]);
    }

    #[test]
    fn what_is_repaired_is_valid_and_stays_as_it_is(
        lines in prop::collection::vec(request(), 1..20),
        cut in 1..200usize,
        wide in any::<bool>(),
    ) {
        let file: String = lines.into_iter().map(|(_, bad)| bad + "\n").collect();
        let bytes = if wide { file.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { file.into_bytes() };
        let options = RepairOptions { endpoint: Some(CHAT.into()), ..RepairOptions::default() };
        let (out, report) = repaired_by(options.clone(), &bytes, cut);
        prop_assert_eq!(errors(out.as_bytes()), Vec::<String>::new(), "{}", out);
        let (whole, same) = repaired_by(options.clone(), &bytes, usize::MAX);
        prop_assert_eq!((&whole, same), (&out, report));
        let (again, nothing) = repaired_by(options, out.as_bytes(), cut);
        prop_assert_eq!((again, nothing.cures), (out, vec![]));
    }

    #[test]
    fn bytes_of_any_kind_are_taken_alike_however_they_are_cut(
        file in prop::collection::vec(prop::sample::select(b"\xEF\xBB\xBF\xFF\xFE\0{}[]\",: \n\r\\a1".to_vec()), 0..200),
        cut in 1..9usize,
    ) {
        let (out, report) = repaired_by(RepairOptions::default(), &file, cut);
        prop_assert_eq!(repaired_by(RepairOptions::default(), &file, usize::MAX), (out, report));
    }
}
