//! Files as a whole: the odd ones people send, limits, counts, and when a model is asked for.

use crate::support::requests::*;
use edgebatch::{Dialect, Limits, Progress, Rules, ValidRequest, Validator};

#[test]
fn an_empty_file_has_no_requests_and_is_an_error_in_the_dialect_of_openai() {
    for file in ["", "\u{FEFF}", "\n", "\r\n", " \t\n\n"] {
        let report = chat(file);
        assert_eq!((report.errors.len(), report.request_count, report.model), (0, 0, None), "{file:?}");
        let openai = validate(openai(), file);
        assert_eq!(
            told(&openai.errors),
            [
                "- empty_file - The input file is empty. Please ensure that the batch contains at least one request."
            ]
        );
        assert_eq!((openai.error_count, openai.request_count), (1, 0), "{file:?}");
    }
    assert_eq!(chat("").line_count, 0);
    assert_eq!(chat("\n \n").line_count, 2);
    assert_eq!(Validator::new(openai()).report().errors, [], "it may yet become one");
    assert_eq!(validate(openai(), GOOD).errors, []);
    let limits = Limits { max_file_bytes: 1, ..Limits::default() };
    let report = validate(Rules { limits, ..openai() }, "\n\n");
    assert_eq!(report.errors.len(), 1, "of a file that is too large it is not known");
}

fn openai() -> Rules {
    Rules { dialect: Dialect::Openai, ..Rules::new(CHAT) }
}

#[test]
fn line_ends_blank_lines_and_a_bom_are_no_errors_and_lines_stay_physical() {
    let other = line_with("custom_id", "\"b\"");
    let file = format!("\u{FEFF}{GOOD}\r\n\r\n \t\n{other}\n[]");
    let (report, valid) = validate_with(Rules::new(CHAT), file.as_bytes(), |_| true);
    assert_eq!(valid, [1, 4]);
    assert_eq!(told(&report.errors), ["5 invalid_request - Each line must be a JSON dictionary object"]);
    assert_eq!((report.line_count, report.request_count), (5, 3));
    assert_eq!(report.bytes, file.len() as u64);
    assert_eq!(report.model.as_deref(), Some("m"));
}

#[test]
fn a_bom_is_dropped_only_at_the_start() {
    let report = chat(format!("\n\u{FEFF}{GOOD}\n \u{FEFF}{GOOD}"));
    assert_eq!(report.errors.iter().map(|e| e.line).collect::<Vec<_>>(), [Some(2), Some(3)]);
    assert_eq!(chat(format!("\u{FEFF}\u{FEFF}{GOOD}")).error_count, 1);
}

#[test]
fn a_bad_line_never_hides_the_next() {
    let other = line_with("custom_id", "\"b\"");
    let huge = "x".repeat(9 << 20);
    let deep = "[".repeat(200) + &"]".repeat(200);
    let unclosed = "{\"custom_id\":\"";
    let utf8 = " It is not valid UTF-8.";
    let surrogate = " It holds half of a surrogate pair.";
    let control = " It holds a control character, such as a tab, that is not escaped.";
    let cases: [(&[u8], &str); _] = [
        (unclosed.as_bytes(), ""),
        (b"\xFF\xFE", utf8),
        (b"\"\xC3\"", utf8),
        (b"\"\xED\xA0\x80\"", utf8),
        (br#""\ud800""#, surrogate),
        (br#""\udc00""#, surrogate),
        (br#""\udc00\ud800""#, surrogate),
        (br#""\ud800\u0041""#, surrogate),
        (b"\"\0\"", control),
        (b"\0", " A zero byte, a control character, stands here: the file is not UTF-8, or was cut off."),
        (b"{\"a\":1}}", ""),
        (b"{\"a\":1,}", ""),
        (b"NaN", ""),
        (b"1e999", " It holds a number that is too large for a double."),
        (b"'a'", ""),
        (huge.as_bytes(), "This line has 9437185 bytes, more than the maximum of 8388608."),
        (deep.as_bytes(), " It is nested more than 128 levels deep."),
    ];
    for (bad, reason) in cases {
        let file = [GOOD.as_bytes(), b"\n", bad, b"\n", other.as_bytes()].concat();
        let (report, valid) = validate_with(Rules::new(CHAT), &file, |_| true);
        let start = String::from_utf8_lossy(&bad[..bad.len().min(20)]);
        let text = if bad.len() > 8 << 20 {
            format!("2 line_too_long - {reason}")
        } else {
            format!("2 invalid_json_line - This line is not parseable as valid JSON.{reason}")
        };
        assert_eq!(told(&report.errors), [text], "{start}");
        assert_eq!(valid, [1, 3], "{start}");
    }
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let limits = Limits { max_line_bytes: GOOD.len(), ..Limits::default() };
    let rules = Rules { limits, ..Rules::new(CHAT) };
    assert_eq!(validate(rules.clone(), format!("\u{FEFF}{GOOD}\r\n")).errors, []);
    let report = validate(rules, format!("{GOOD} \r\n"));
    let text = format!(
        "1 line_too_long - This line has {} bytes, more than the maximum of {}.",
        GOOD.len() + 3,
        GOOD.len()
    );
    assert_eq!(told(&report.errors), [text]);
}

#[test]
fn a_file_that_is_no_text_is_one_error_however_many_lines_it_seems_to_have() {
    let text = format!("\n{GOOD}\n{}\n", line_with("custom_id", "\"b\"")).repeat(20);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let zip = b"PK\x03\x04\x14\0\n\xFF\n{}\n\0".repeat(20);
    let gzip = b"\x1F\x8B\x08\0\n\xFF\n{}\n\0".repeat(20);
    let marked = [b"\xFF\xFE".as_slice(), &utf16].concat();
    for (file, code, what) in [
        (&utf16, "invalid_encoding", "UTF-16"),
        (&marked, "invalid_encoding", "UTF-16"),
        (&utf32, "invalid_encoding", "UTF-32"),
        (&zip, "invalid_file_format", "a zip archive"),
        (&gzip, "invalid_file_format", "gzip"),
    ] {
        for rules in [Rules::new(CHAT), openai()] {
            let report = validate(rules, file);
            let text =
                format!("- {code} - The input file must be utf-8 encoded lines of JSON, but it is {what}.");
            assert_eq!(told(&report.errors), [text]);
            assert_eq!((report.error_count, report.request_count, report.valid_count), (1, 0, 0));
            assert_eq!(report.bytes, file.len() as u64);
        }
    }
    let late = [GOOD.as_bytes(), b"\n", &utf16].concat();
    assert!(chat(late).error_count > 1, "after a request, it is a line that is wrong");
}

#[test]
fn the_first_thousand_errors_are_kept_and_the_rest_counted() {
    let report = chat("x\n".repeat(2_500));
    assert_eq!((report.errors.len(), report.error_count, report.request_count), (1_000, 2_500, 2_500));
    assert_eq!(report.errors[999].line, Some(1_000));
}

#[test]
fn each_model_is_asked_once_and_before_later_lines_are_judged() {
    let mut file = String::new();
    for i in 0..9 {
        let line = line_with("body", &format!(r#"{{"model":"m{}","messages":[]}}"#, i % 3));
        file += &line.replace("\"a\"", &format!("\"{i}\""));
        file += if i == 4 { "\n{\n" } else { "\n" };
    }
    for file in [file.as_str(), file.trim_end()] {
        let mut asked = Vec::new();
        let rules = Rules { check_models: true, ..Rules::new(CHAT) };
        let (report, valid) = validate_with(rules, file.as_bytes(), |model| {
            asked.push(model.to_owned());
            model != "m1"
        });
        assert_eq!(asked, ["m0", "m1", "m2"]);
        let lines: Vec<_> = report.errors.iter().map(|e| e.line.unwrap()).collect();
        assert_eq!(lines, [2, 5, 6, 9]);
        assert_eq!(valid, [1, 3, 4, 7, 8, 10]);
        assert_eq!(report.model, None);
    }
}

#[test]
fn a_model_is_asked_for_on_any_line_that_names_one() {
    let rules = Rules { check_models: true, ..Rules::new(CHAT) };
    let line = r#"{"body":{"model":"gone"}}"#;
    let (report, _) = validate_with(rules, line.as_bytes(), |_| false);
    assert_eq!(report.errors.last().unwrap().code, "model_not_found");
}

#[test]
fn nothing_moves_while_an_answer_is_due() {
    let mut validator = Validator::new(Rules { check_models: true, ..Rules::new(CHAT) });
    let mut valid = 0;
    let mut sink = |_: ValidRequest<'_>| valid += 1;
    let file = format!("{GOOD}\n[]\n");
    let question = |taken| Progress::NeedsModel { model: "m".to_owned(), taken };
    assert_eq!(validator.push(&file.as_bytes()[..7], &mut sink), Progress::Done);
    assert_eq!(validator.push(&file.as_bytes()[7..], &mut sink), question(GOOD.len() - 6));
    assert_eq!(validator.push(b"more", &mut sink), question(0));
    assert_eq!(validator.finish(&mut sink), question(0));
    assert_eq!(validator.report().request_count, 0);
    validator.answer_model(true, &mut sink);
    validator.answer_model(false, &mut sink);
    assert_eq!(validator.push(b"[]\n", &mut sink), Progress::Done);
    assert_eq!(validator.finish(&mut sink), Progress::Done);
    assert_eq!(validator.finish(&mut sink), Progress::Done);
    let report = validator.report();
    assert_eq!((report.request_count, report.valid_count, report.error_count), (2, 1, 1));
    assert_eq!(report.bytes, file.len() as u64);
    assert_eq!(valid, 1);
}

#[test]
fn many_models_are_forgotten_and_asked_again() {
    let mut file = String::new();
    for i in 0..3_000 {
        let line = line_with("body", &format!(r#"{{"model":"m{}","messages":[]}}"#, i % 1_500));
        file += &(line.replace("\"a\"", &format!("\"{i}\"")) + "\n");
    }
    let mut asked = 0;
    let rules = Rules { check_models: true, ..Rules::new(CHAT) };
    let (report, _) = validate_with(rules, file.as_bytes(), |_| {
        asked += 1;
        true
    });
    assert_eq!(report.valid_count, 3_000);
    assert!((1_501..=3_000).contains(&asked), "{asked}");
}

#[test]
fn the_report_names_the_model_all_valid_lines_share() {
    let other = r#"{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"n","messages":[]}}"#;
    assert_eq!(chat(format!("{GOOD}\n{}", other.replace("POST", "GET"))).model.as_deref(), Some("m"));
    assert_eq!(chat(format!("{GOOD}\n{other}")).model, None);
    let moderation = for_endpoint("/v1/moderations", r#"{"input":"x"}"#);
    assert_eq!(validate(Rules::new("/v1/moderations"), moderation).model, None);
}

#[test]
fn too_many_requests_are_one_error_however_many_there_are() {
    let limits = Limits { max_requests: 2, max_errors: 3, ..Limits::default() };
    let rules = Rules { limits, ..Rules::new(CHAT) };
    let ids = |ids: &str| {
        let lines = ids.chars().map(|id| line_with("custom_id", &format!("\"{id}\"")));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(validate(rules.clone(), ids("ab") + "\n\n").errors, []);
    let report = validate(rules.clone(), ids("abcd"));
    assert_eq!(
        told(&report.errors),
        ["- too_many_tasks - The input file has more requests than the maximum of 2"]
    );
    assert_eq!((report.error_count, report.request_count, report.valid_count), (1, 4, 4));
    let report = validate(rules.clone(), ids("abab"));
    assert_eq!(report.error_count, 3, "ids within the limit are still known after it");
    let report = validate(rules, "x\n".repeat(5));
    assert_eq!(report.error_count, 6);
    let lines: Vec<_> = report.errors.iter().map(|e| e.line).collect();
    assert_eq!(lines, [Some(1), Some(2), None], "the error of the file is kept whatever the lines have");
}

#[test]
fn bytes_over_the_maximum_are_one_error_and_are_not_looked_at() {
    let good = format!("{GOOD}\n");
    let limits = Limits { max_file_bytes: good.len() as u64 + 3, ..Limits::default() };
    let rules = Rules { limits, ..Rules::new(CHAT) };
    assert_eq!(validate(rules.clone(), format!("{good}\n\n\n")).errors, []);
    let report = validate(rules.clone(), format!("{good}x\nx\nx\n"));
    assert_eq!(report.errors.len(), 2, "the line that is whole counts, half of one does not");
    assert_eq!((report.errors[0].line, report.errors[1].code.as_str()), (Some(2), "request_too_large"));
    assert_eq!((report.valid_count, report.bytes), (1, good.len() as u64 + 6));
}

#[test]
fn nesting_may_be_as_deep_as_the_limit_and_no_deeper() {
    for (depth, valid) in [(127, true), (128, true), (129, false), (200, false), (100_000, false)] {
        for (open, core, close) in [("[", "1", "]"), ("[", "", "]"), (r#"{"a":"#, "1", "}")] {
            // The line and its body are two levels.
            let nested = open.repeat(depth - 2) + core + &close.repeat(depth - 2);
            let report = chat(body(&format!(r#"{{"model":"m","messages":[],"x":{nested}}}"#)));
            assert_eq!(report.errors.is_empty(), valid, "{depth} {open}");
        }
    }
}

#[test]
fn the_report_is_json_in_camel_case() {
    let json = serde_json::to_value(chat("{")).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "errors": [{
                "code": "invalid_json_line",
                "message": "This line is not parseable as valid JSON.",
                "param": null,
                "line": 1,
                "column": 2,
                "reason": "The line ends here. There should be a name in double quotes or “}”.",
            }],
            "errorCount": 1, "requestCount": 1, "validCount": 0, "lineCount": 1, "bytes": 1, "model": null,
        })
    );
    assert_eq!(serde_json::to_value(Dialect::Openai).unwrap(), "openai");
    assert_eq!(serde_json::from_str::<Dialect>("\"reference\"").unwrap(), Dialect::Reference);
}
