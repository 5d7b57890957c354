//! Tables, JSON and prompts become lines that say what they said, and what cannot become one is told.

use edgebatch::{ApiError, Convert, ConvertFrom, ConvertOptions, Converted, Rules, Validator, Value};
use proptest::prelude::*;

const CHAT: &str = "/v1/chat/completions";

fn chat() -> ConvertOptions {
    ConvertOptions { model: Some("m".into()), ..ConvertOptions::default() }
}

fn converted_by(options: ConvertOptions, file: &[u8], cut: usize) -> Result<(String, Converted), ApiError> {
    let mut convert = Convert::new(options)?;
    let mut out = Vec::new();
    for chunk in file.chunks(cut) {
        convert.push(chunk, &mut out)?;
    }
    convert.finish(&mut out)?;
    Ok((String::from_utf8(out).unwrap(), convert.report().clone()))
}

/// The lines, and that none is missing.
#[track_caller]
fn lines(options: ConvertOptions, file: &str) -> Vec<String> {
    let (text, report) = converted_by(options, file.as_bytes(), 3).unwrap();
    assert_eq!((report.errors, report.error_count), (vec![], 0));
    text.lines().map(str::to_owned).collect()
}

/// Ids and prompts.
#[track_caller]
fn prompts(options: ConvertOptions, file: &str) -> Vec<(String, String)> {
    lines(options, file).iter().map(|line| prompt_of(line)).collect()
}

fn prompt_of(line: &str) -> (String, String) {
    let value = Value::from_json(line.as_bytes()).unwrap();
    let Some(Value::Array(messages)) = value.get("body").unwrap().get("messages") else { panic!("{line}") };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap().to_owned();
    (text(value.get("custom_id")), text(messages.last().unwrap().get("content")))
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(id, prompt)| (id.to_owned(), prompt.to_owned())).collect()
}

#[track_caller]
fn refused(options: ConvertOptions, file: &str) -> (String, String) {
    let error = converted_by(options, file.as_bytes(), 7).unwrap_err();
    (error.param.unwrap(), error.message)
}

#[test]
fn a_table_becomes_a_line_for_each_row_by_the_columns_that_seem_to_be_id_and_prompt() {
    let file = "\u{FEFF}id;Text;x\r\nq1;\"Hello; \"\"you\"\"\r\nthere\";1\r\n\r\nq2;;2";
    assert_eq!(prompts(chat(), file), pairs(&[("q1", "Hello; \"you\"\r\nthere"), ("q2", "")]));
    let tabs = "topic\tanswer\n1\tHello, you\n2\tx\n";
    let named = ConvertOptions { prompt: Some("answer".into()), ..chat() };
    assert_eq!(prompts(named, tabs), pairs(&[("request-1", "Hello, you"), ("request-2", "x")]));
    assert_eq!(prompts(chat(), "prompt\nHello, you\n"), pairs(&[("request-1", "Hello, you")]));
}

#[test]
fn json_of_any_layout_becomes_a_line_for_each_object_or_text() {
    let expected = pairs(&[("1", "a\n\"b\""), ("x", "")]);
    for file in [
        r#"[{"id": 1, "prompt": "a\n\"b\""}, {"id": "x", "prompt": null}]"#,
        "[\n  {\n    \"id\": 1,\n    \"prompt\": \"a\\n\\\"b\\\"\"\n  },\n  {\"id\": \"x\", \"prompt\": \"\"}\n]\n",
        "{\"id\": 1, \"prompt\": \"a\\n\\\"b\\\"\"}\n\n{\"prompt\": \"\", \"id\": \"x\"}",
        "{\n\"id\": 1, \"prompt\": \"a\\n\\\"b\\\"\"}\n{\"prompt\": \"\",\n \"id\": \"x\"}",
    ] {
        assert_eq!(prompts(chat(), file), expected, "{file}");
    }
    let texts = "[\"a, [b]\",\n \"{c}\"]";
    assert_eq!(prompts(chat(), texts), pairs(&[("request-1", "a, [b]"), ("request-2", "{c}")]));
}

#[test]
fn plain_text_becomes_a_prompt_a_line_with_blank_lines_left_out() {
    let file = "Why is the sky blue?\r\n\n  Say \"no\", please.\nüber";
    let expected = [
        ("request-1", "Why is the sky blue?"),
        ("request-2", "  Say \"no\", please."),
        ("request-3", "über"),
    ];
    assert_eq!(prompts(chat(), file), pairs(&expected));
}

#[test]
fn text_in_utf_16_is_read_as_any_other() {
    let text = "\u{FEFF}id\tprompt\n1\tgrün 🎉\n";
    let file: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (lines, report) = converted_by(chat(), &file, 5).unwrap();
    assert_eq!((report.from, report.columns), (Some(ConvertFrom::Table), vec!["id".into(), "prompt".into()]));
    assert_eq!(prompt_of(&lines), ("1".into(), "grün 🎉".into()));
}

#[test]
fn a_line_is_what_model_endpoint_texts_and_extra_members_say() {
    let options = ConvertOptions {
        model: Some("m-{size}".into()),
        system: Some("You speak {tongue}. Answer as {\"a\": 1}, {{so}}.".into()),
        prompt: Some("{#}: {q}".into()),
        custom_id: Some("{size}/{#}".into()),
        extra: Some(r#"{"temperature": 0.50, "max_tokens": "{most:json}", "user": "u{#}"}"#.into()),
        ..ConvertOptions::default()
    };
    let file = "q,tongue,size,most\nWhy?,\"a \"\"b\"\"\",xl,20\n";
    let expected = concat!(
        r#"{"custom_id":"xl/1","method":"POST","url":"/v1/chat/completions","body":{"model":"m-xl","messages":["#,
        r#"{"role":"system","content":"You speak a \"b\". Answer as {\"a\": 1}, {so}."},"#,
        r#"{"role":"user","content":"1: Why?"}],"temperature":0.50,"max_tokens":20,"user":"u1"}}"#,
    );
    assert_eq!(lines(options, file), [expected]);
}

#[test]
fn each_endpoint_gets_the_body_that_it_asks_for() {
    for (endpoint, body) in [
        ("/v1/embeddings", r#"{"model":"m","input":"hi"}"#),
        ("/v1/responses", r#"{"model":"m","input":"hi"}"#),
        ("/v1/completions", r#"{"model":"m","prompt":"hi"}"#),
        ("/v1/moderations", r#"{"model":"m","input":"hi"}"#),
        ("/v1/images/generations", r#"{"model":"m","prompt":"hi"}"#),
    ] {
        let options = ConvertOptions { endpoint: endpoint.into(), ..chat() };
        let [line] = &lines(options, "hi\n")[..] else { panic!("{endpoint}") };
        assert!(line.ends_with(&format!("\"url\":\"{endpoint}\",\"body\":{body}}}")), "{line}");
        let mut validator = Validator::new(Rules::new(endpoint));
        let _ = validator.push(line.as_bytes(), &mut |_| {});
        let _ = validator.finish(&mut |_| {});
        assert_eq!(validator.report().errors, [], "{endpoint}");
    }
    let system =
        ConvertOptions { endpoint: "/v1/responses".into(), system: Some("Be kind.".into()), ..chat() };
    assert!(lines(system, "hi")[0].contains(r#""instructions":"Be kind.","input":"hi""#));
}

#[test]
fn a_template_is_the_whole_body() {
    let template = r#"{ "model": "x", "messages": "{turns:json}", "n": 1, "user" : "{who}" }"#;
    let options = ConvertOptions { template: Some(template.into()), ..ConvertOptions::default() };
    let file = r#"[{"turns": [{"role": "user", "content": "a b\n"}], "who": 1.50, "id": 7}]"#;
    let body = r#"{"model":"x","messages":[{"role": "user", "content": "a b\n"}],"n":1,"user":"1.50"}"#;
    let line = format!(r#"{{"custom_id":"7","method":"POST","url":"{CHAT}","body":{body}}}"#);
    assert_eq!(lines(options, file), [line]);
    let options = ConvertOptions { template: Some("{}".into()), extra: Some("{}".into()), ..chat() };
    assert!(lines(options, "hi")[0].ends_with(r#""body":{"model":"m"}}"#));
}

#[test]
fn rows_that_cannot_be_lines_are_told_with_their_line_and_the_others_are_written() {
    let file = b"id,prompt\n1,a\n2\n3,\"b\"x\n ,c\n5,\xFF\n6,d,e\n7,\"f\ng";
    let table = ConvertOptions { from: Some(ConvertFrom::Table), ..chat() };
    let (text, report) = converted_by(table, file, 4).unwrap();
    assert_eq!(text.lines().map(prompt_of).collect::<Vec<_>>(), pairs(&[("1", "a")]));
    assert_eq!((report.rows, report.written, report.error_count), (7, 1, 6));
    let told: Vec<_> =
        report.errors.iter().map(|error| (error.line.unwrap(), error.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "It has 1 field, the header 2."),
            (4, "Text follows a closing quote: a quote within quotes is doubled."),
            (5, "Its 'id' is empty."),
            (6, "It is not UTF-8: save the file as UTF-8."),
            (7, "It has 3 fields, the header 2."),
            (8, "A quote that is opened here has no end: the rest of the file was read as its text."),
        ]
    );
    let file = b"[{\"id\": 1, \"text\": \"a\"}, 5, {\"id\": 2}, {\"id\": 3, \"text\": tru}]";
    let (text, report) = converted_by(chat(), file, 4).unwrap();
    assert_eq!(text.lines().count(), 1);
    let told: Vec<_> = report.errors.iter().map(|error| (error.line, error.message.as_str())).collect();
    let expected = [
        "Row 2: It is neither an object nor a text.",
        "Row 3: It has no 'text'.",
        "Row 4: It is no JSON: There should be a value after the colon.",
    ];
    assert_eq!(told, expected.map(|message| (None, message)));
}

#[test]
fn options_that_cannot_be_are_refused_by_name() {
    let with = |change: fn(&mut ConvertOptions)| {
        let mut options = chat();
        change(&mut options);
        options
    };
    let file = "id,a,b\n1,x,y\n";
    let refusals: [(ConvertOptions, &str, &str); 14] = [
        (with(|o| o.separator = Some(b'"')), "separator", "it must be one ASCII character"),
        (chat(), "prompt", "which column holds the prompt? The file has id, a, b."),
        (with(|o| o.prompt = Some("c".into())), "prompt", "there is no column 'c'; the file has id, a, b."),
        (with(|o| o.prompt = Some("{a} {c}".into())), "prompt", "there is no column 'c'"),
        (with(|o| o.custom_id = Some("c".into())), "custom_id", "there is no column 'c'"),
        (with(|o| o.model = None), "model", "Missing required parameter: 'model'."),
        (
            with(|o| o.template = Some("{\"a\": 'b'}".into())),
            "template",
            "no JSON at character 7: JSON has no single",
        ),
        (with(|o| o.template = Some("[]".into())), "template", "it must be a JSON object"),
        (
            with(|o| o.template = Some(r#"{"model": "x"}"#.into())),
            "model",
            "the template names a model itself",
        ),
        (
            with(|o| (o.template, o.system) = (Some("{}".into()), Some("x".into()))),
            "system",
            "the template is the whole body",
        ),
        (
            with(|o| (o.prompt, o.extra) = (Some("a".into()), Some(r#"{"mess\u0061ges": 1}"#.into()))),
            "extra",
            "the body has 'messages' already",
        ),
        (with(|o| o.endpoint = "/v1/rerank".into()), "endpoint", "give a template"),
        (
            with(|o| (o.endpoint, o.system) = ("/v1/embeddings".into(), Some("x".into()))),
            "system",
            "this endpoint has no place for it",
        ),
        (with(|o| o.system = Some("{c}".into())), "prompt", "which column"),
    ];
    for (options, param, message) in refusals {
        let (found, said) = refused(options, file);
        assert!(found == param && said.contains(message), "{param}: {said}");
    }
    let twice =
        refused(with(|o| (o.prompt, o.from) = (Some("a".into()), Some(ConvertFrom::Table))), "a,a\n1,2\n");
    assert_eq!(twice, ("file".into(), "Invalid 'file': it has several columns 'a'.".into()));
}

#[test]
fn what_has_no_rows_is_refused_by_what_it_is() {
    for (file, message) in [
        ("%PDF-1.7", "it is a PDF document."),
        (
            r#"{"custom_id": "a", "method": "POST"}"#,
            "it is a batch file already, or nothing that can be read.",
        ),
        (r#"[{"custom_id": "a", "method": "POST"}]"#, "it is a JSON array of requests: repair it."),
        ("", "it is a batch file already, or nothing that can be read."),
    ] {
        let (param, said) = refused(chat(), file);
        assert_eq!((param.as_str(), said), ("file", format!("Invalid 'file': {message}")));
    }
    // Unless it is said what it is.
    let from = |from| ConvertOptions { from: Some(from), prompt: Some("{#}".into()), ..chat() };
    assert_eq!(prompts(from(ConvertFrom::Text), "1\n2\n").len(), 2);
    assert_eq!(prompts(from(ConvertFrom::Table), "One sentence.\nAnother.\n").len(), 1);
    assert_eq!(prompts(from(ConvertFrom::Json), "\"1\"\n\"2\"\n").len(), 2);
}

#[test]
fn a_row_that_is_too_long_is_told_and_holds_no_memory() {
    let options = ConvertOptions { max_line_bytes: 20_000, ..chat() };
    for file in [
        format!("id,prompt\n1,{}\n2,b\n", "a".repeat(100_000)),
        format!("[{{\"id\":1,\"prompt\":\"{}\"}},{{\"id\":2,\"prompt\":\"b\"}}]", "a".repeat(100_000)),
        format!("{{\"id\":1,\"prompt\":\"{}\"}}\n{{\"id\":2,\"prompt\":\"b\"}}", "a".repeat(100_000)),
    ] {
        let (text, report) = converted_by(options.clone(), file.as_bytes(), 1_000).unwrap();
        assert_eq!(prompt_of(&text), ("2".into(), "b".into()), "{}", &file[..20]);
        assert!(report.errors[0].message.ends_with("It is longer than a line may be."));
    }
}

/// Any text that a field of a table can hold.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z \",;\t|\r\n\\\\{}]{0,12}",
        "\\PC{0,8}",
        any::<String>().prop_map(|text| text.replace('\0', "0")),
    ]
}

fn table_of(rows: &[(String, String)], separator: char, end: &str, quotes: bool) -> String {
    let field = |text: &str| {
        let needs = text.contains([separator, '"', '\r', '\n']) || text.starts_with('\u{FEFF}');
        if needs || quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    let mut file = format!("n{separator}prompt{end}");
    for (name, prompt) in rows {
        file += &format!("{}{separator}{}{end}", field(name), field(prompt));
    }
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_a_table_says_is_what_its_lines_say(
        rows in prop::collection::vec((field(), field()), 1..8),
        separator in prop::sample::select(vec![',', ';', '\t', '|']),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        quotes: bool,
        cut in 1_usize..40,
    ) {
        let file = table_of(&rows, separator, end, quotes);
        let options = ConvertOptions {
            from: Some(ConvertFrom::Table),
            prompt: Some("{n}\u{1}{prompt}".into()),
            ..chat()
        };
        let (text, report) = converted_by(options, file.as_bytes(), cut).unwrap();
        prop_assert_eq!(report.errors, vec![]);
        let found: Vec<_> = text.lines().map(|line| prompt_of(line).1).collect();
        let expected: Vec<_> = rows.iter().map(|(name, prompt)| format!("{name}\u{1}{prompt}")).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_json_says_is_what_its_lines_say(
        rows in prop::collection::vec((any::<String>(), any::<String>()), 1..8),
        is_array: bool,
        cut in 1_usize..40,
    ) {
        let object = |(name, prompt): &(String, String)| {
            let [name, prompt] = [name, prompt].map(|text| serde_json::to_string(text).unwrap());
            format!("{{\"n\": {name}, \"prompt\": {prompt}}}")
        };
        let objects: Vec<_> = rows.iter().map(object).collect();
        let file = if is_array { format!("[{}]", objects.join(",\n ")) } else { objects.join("\n") };
        let options = ConvertOptions { prompt: Some("{n}\u{1}{prompt}".into()), ..chat() };
        let (text, report) = converted_by(options, file.as_bytes(), cut).unwrap();
        prop_assert_eq!(report.errors, vec![]);
        let found: Vec<_> = text.lines().map(|line| prompt_of(line).1).collect();
        let expected: Vec<_> = rows.iter().map(|(name, prompt)| format!("{name}\u{1}{prompt}")).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_line_is_a_good_request_whatever_the_bytes(file: Vec<u8>, from in 0_usize..4, cut in 1_usize..40) {
        let options = ConvertOptions {
            from: ConvertFrom::ALL.get(from).copied(),
            prompt: Some("{#}".into()),
            custom_id: Some(String::new()),
            ..chat()
        };
        if let Ok((text, report)) = converted_by(options, &file, cut) {
            let mut validator = Validator::new(Rules::new(CHAT));
            let _ = validator.push(text.as_bytes(), &mut |_| {});
            let _ = validator.finish(&mut |_| {});
            prop_assert_eq!(validator.report().errors, vec![]);
            prop_assert_eq!(validator.report().request_count, report.written);
            prop_assert_eq!(report.rows, report.written + report.error_count);
        }
    }
}
