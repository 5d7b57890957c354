//! What is wrong with a line, case by case: every rule in both dialects.

use crate::support::requests::*;
use edgebatch::internal::endpoint::{ENDPOINTS, Endpoint};
use edgebatch::{Dialect, Progress, Rules, ValidRequest, Validator};

#[test]
fn every_fault_of_a_line_is_told_in_both_dialects() {
    let long_id = format!("{:?}", "é".repeat(513));
    let long_model = format!(r#"{{"model":"{}","messages":[]}}"#, "é".repeat(250));
    let cut = "é".repeat(200) + "…";
    // The line; then code and parameter, where they differ as reference | openai; then both texts.
    #[rustfmt::skip]
    let table: &[(String, &str, &str, &str, &str)] = &[
        ("{not json".into(), "invalid_json_line", "-", "This line is not parseable as valid JSON.", "This line is not parseable as valid JSON."),
        ("[1]".into(), "invalid_request", "-", "Each line must be a JSON dictionary object", "Each line must be a JSON object."),
        ("\"text\"".into(), "invalid_request", "-", "Each line must be a JSON dictionary object", "Each line must be a JSON object."),
        ("null".into(), "invalid_request", "-", "Each line must be a JSON dictionary object", "Each line must be a JSON object."),
        (line_with("custom_id", ""), "missing_required_parameter", "custom_id", "Missing required parameter: custom_id", "Missing required parameter: 'custom_id'."),
        (line_with("method", ""), "missing_required_parameter", "method", "Missing required parameter: method", "Missing required parameter: 'method'."),
        (line_with("url", ""), "missing_required_parameter", "url", "Missing required parameter: url", "Missing required parameter: 'url'."),
        (line_with("body", ""), "missing_required_parameter", "body", "Missing required parameter: body", "Missing required parameter: 'body'."),
        (line_with("custom_id", "12"), "invalid_request", "custom_id", "Custom_id must be a string", "Invalid type for 'custom_id': expected a string, but got an integer instead."),
        (line_with("custom_id", "1.5"), "invalid_request", "custom_id", "Custom_id must be a string", "Invalid type for 'custom_id': expected a string, but got a decimal number instead."),
        (line_with("custom_id", "null"), "invalid_request", "custom_id", "Custom_id must be a string", "Invalid type for 'custom_id': expected a string, but got null instead."),
        (line_with("method", "[]"), "invalid_request", "method", "Method must be a string", "Invalid type for 'method': expected a string, but got an array instead."),
        (line_with("url", "true"), "invalid_request", "url", "URL must be a string", "Invalid type for 'url': expected a string, but got a boolean instead."),
        (line_with("body", "\"{}\""), "invalid_request", "body", "Body must be a JSON dictionary object", "Invalid type for 'body': expected an object, but got a string instead."),
        (line_with("custom_id", &long_id), "string_above_max_length", "custom_id", "Custom_id must have at most 512 characters, not 513", "Invalid 'custom_id': string too long. Expected a string with maximum length 512, but got a string with length 513 instead."),
        (line_with("method", "\"GET\""), "invalid_value", "method", "Method must be POST", "Invalid value: 'GET'. Value must be 'POST'."),
        (line_with("url", "\"/v1/embeddings\""), "invalid_url", "url", "URL provided for this request does not match the batch endpoint", "The URL provided for this request does not match the batch endpoint."),
        (body(r#"{"model":"m","messages":[],"stream":true}"#), "streaming_unsupported", "body.stream", "Streaming is not supported in batch processing", "Chat Completions: Streaming is not supported in the Batch API."),
        (body(r#"{"messages":[]}"#), "invalid_request|missing_required_parameter", "body.model", "Model parameter is required", "Missing required parameter: 'model'."),
        (body(r#"{"model":"m"}"#), "invalid_request|missing_required_parameter", "body.messages", "Messages parameter is required", "Missing required parameter: 'messages'."),
        (body(r#"{"model":{},"messages":[]}"#), "invalid_request", "body.model", "Model must be a string", "Invalid type for 'model': expected a string, but got an object instead."),
        (body(r#"{"model":"m","messages":"x"}"#), "invalid_request", "body.messages", "Messages must be an array", "Invalid type for 'messages': expected an array, but got a string instead."),
        (body(r#"{"model":"gone","messages":[]}"#), "model_not_found", "body.model", "Model 'gone' does not exist or is not supported", "The provided model 'gone' is not supported by the Batch API."),
        (body(&long_model), "model_not_found", "body.model", &format!("Model '{cut}' does not exist or is not supported"), &format!("The provided model '{cut}' is not supported by the Batch API.")),
    ];
    for (line, code, param, reference, openai) in table {
        let codes = code.split_once('|').unwrap_or((code, code));
        for (dialect, code, text) in
            [(Dialect::Reference, codes.0, reference), (Dialect::Openai, codes.1, openai)]
        {
            let (report, valid) = validate_with(rules(dialect, CHAT), line.as_bytes(), |model| model == "m");
            assert_eq!(told(&report.errors), [format!("1 {code} {param} {text}")], "{dialect:?}: {line}");
            assert_eq!((report.error_count, report.request_count, report.valid_count), (1, 1, 0), "{line}");
            assert!(valid.is_empty(), "{line}");
        }
    }
}

#[test]
fn faults_between_lines_are_told_in_both_dialects() {
    let file = [GOOD, &line_with("body", r#"{"model":"other","messages":[]}"#)].join("\n");
    let (report, _) = validate_with(rules(Dialect::Reference, CHAT), file.as_bytes(), |_| true);
    assert_eq!(
        told(&report.errors),
        [
            "2 mismatched_model body.model Model 'other' does not match the first model of the file",
            "2 duplicate_custom_id custom_id Custom_id 'a' is used more than once",
        ]
    );
    let (report, _) = validate_with(rules(Dialect::Openai, CHAT), file.as_bytes(), |_| true);
    assert_eq!(
        told(&report.errors),
        [
            "2 mismatched_model body.model The model 'other' for this request does not match the rest of the batch. \
             Each batch must contain requests for a single model.",
            "2 duplicate_custom_id custom_id The custom_id 'a' for this request is a duplicate of another request. \
             The custom_id parameter must be unique for each request in a batch.",
        ]
    );
}

#[test]
fn faults_of_the_whole_file_are_told_in_both_dialects() {
    let file_errors = |rules: &Rules| {
        told(&[rules.missing_file("file-X"), rules.file_too_large(), rules.too_many_requests()])
    };
    let mut rules = Rules::new(CHAT);
    assert_eq!(
        file_errors(&rules),
        [
            "- invalid_request input_file_id Cannot find file file-X.",
            "- request_too_large - The input file is larger than the maximum of 209715200 bytes",
            "- too_many_tasks - The input file has more requests than the maximum of 50000",
        ]
    );
    rules.dialect = Dialect::Openai;
    assert_eq!(
        file_errors(&rules),
        [
            "- invalid_request file_id Cannot find file file-X, or organization does not have access to it.",
            "- request_too_large - The batch input file is larger than the 209715200 maximum.",
            "- too_many_tasks - The number of requests in the input file exceeds the maximum allowed value of 50000.",
        ]
    );
}

#[test]
fn all_faults_of_a_line_are_told_in_the_order_of_the_rules() {
    let worst =
        r#"{"custom_id":"a","method":"PUT","url":"/","body":{"stream":true,"model":"gone","messages":1}}"#;
    let file = [GOOD, worst].join("\n");
    let (report, valid) = validate_with(rules(Dialect::Reference, CHAT), file.as_bytes(), |m| m == "m");
    let codes: Vec<_> = report.errors.iter().map(|e| e.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "invalid_value",
            "invalid_url",
            "streaming_unsupported",
            "model_not_found",
            "mismatched_model",
            "duplicate_custom_id"
        ]
    );
    assert_eq!(valid, [1]);

    let report = chat("{}");
    let params: Vec<_> = report.errors.iter().map(|e| e.param.as_deref().unwrap()).collect();
    assert_eq!(
        params,
        ["custom_id", "method", "url", "body"],
        "without a body nothing is said of its members"
    );

    let report = chat(r#"{"custom_id":1,"method":1,"url":1,"body":{}}"#);
    let params: Vec<_> = report.errors.iter().map(|e| e.param.as_deref().unwrap()).collect();
    assert_eq!(params, ["custom_id", "method", "url", "body.model", "body.messages"]);
}

#[test]
fn each_endpoint_asks_for_its_own_parameter() {
    let model = "Model parameter is required";
    #[rustfmt::skip]
    let table: &[(&str, &str, &[&str])] = &[
        ("/v1/completions", r#"{"model":"m","prompt":"x"}"#, &[]),
        ("/v1/completions", r#"{"model":"m","prompt":[1]}"#, &[]),
        ("/v1/completions", r#"{"model":"m","prompt":null}"#, &[]),
        ("/v1/completions", r#"{"model":"m","prompt":1}"#, &["Prompt must be a string or an array"]),
        ("/v1/completions", "{}", &[model, "Prompt parameter is required"]),
        ("/v1/embeddings", r#"{"model":"m","input":"x"}"#, &[]),
        ("/v1/embeddings", r#"{"model":"m","input":[]}"#, &[]),
        ("/v1/embeddings", r#"{"model":"m","input":{}}"#, &["Input must be a string or an array"]),
        ("/v1/embeddings", r#"{"model":"m"}"#, &["Input parameter is required"]),
        ("/v1/responses", r#"{"model":"m","input":[]}"#, &[]),
        ("/v1/responses", r#"{"input":null}"#, &[model, "Input must be a string or an array"]),
        ("/v1/responses", r#"{"prompt":{"id":"pmpt_1"}}"#, &[]),
        ("/v1/responses", r#"{"prompt":{"id":"pmpt_1"},"input":null,"model":null}"#, &[]),
        ("/v1/responses", r#"{"model":"m","conversation":"conv_1"}"#, &[]),
        ("/v1/responses", r#"{"model":"m","previous_response_id":"resp_1"}"#, &[]),
        ("/v1/responses", r#"{"conversation":"conv_1"}"#, &[model]),
        ("/v1/responses", r#"{"previous_response_id":"resp_1","input":1}"#, &[model, "Input must be a string or an array"]),
        ("/v1/responses", r#"{"model":"m","prompt":null,"conversation":null}"#, &["Input parameter is required"]),
        ("/v1/responses", r#"{"model":"m","metadata":{"prompt":"x"}}"#, &["Input parameter is required"]),
        ("/v1/embeddings", r#"{"model":"m","prompt":{"id":"pmpt_1"}}"#, &["Input parameter is required"]),
        ("/v1/chat/completions", r#"{"model":"m","messages":[]}"#, &[]),
        ("/v1/chat/completions", r#"{"model":"m","conversation":"conv_1"}"#, &["Messages parameter is required"]),
        ("/v1/moderations", r#"{"input":"x"}"#, &[]),
        ("/v1/moderations", r#"{"model":1,"input":"x"}"#, &["Model must be a string"]),
        ("/v1/moderations", "{}", &["Input parameter is required"]),
        ("/v1/images/generations", r#"{"prompt":"x"}"#, &[]),
        ("/v1/images/generations", r#"{"prompt":["x"]}"#, &["Prompt must be a string"]),
        ("/v1/images/generations", r#"{"prompt":"x","model":null}"#, &[]),
        ("/v1/images/edits", r#"{"prompt":"x","images":[]}"#, &[]),
        ("/v1/images/edits", r#"{"images":[]}"#, &["Prompt parameter is required"]),
        ("/v1/videos", r#"{"prompt":"x"}"#, &[]),
        ("/v1/videos", r#"{"model":1}"#, &["Model must be a string", "Prompt parameter is required"]),
        ("/v1/rerank", r#"{"model":"m"}"#, &[]),
        ("/v1/rerank", r#"{"":1}"#, &[model]),
    ];
    for (endpoint, body, messages) in table {
        let report = validate(Rules::new(*endpoint), for_endpoint(endpoint, body));
        let found: Vec<_> = report.errors.iter().map(|e| e.message.as_str()).collect();
        assert_eq!(&found, messages, "{endpoint} {body}");
        assert_eq!(report.valid_count, u64::from(messages.is_empty()));
    }
    for Endpoint { path, .. } in &ENDPOINTS {
        let shown = |well| table.iter().any(|(of, _, found)| of == path && found.is_empty() == well);
        assert!(shown(true) && shown(false), "{path} needs a good body and a bad one above");
    }
    let rules = Rules { dialect: Dialect::Openai, ..Rules::new("/v1/embeddings") };
    let report =
        validate(rules, for_endpoint("/v1/embeddings", r#"{"model":"m","input":false,"stream":true}"#));
    assert_eq!(
        told(&report.errors),
        [
            "1 streaming_unsupported body.stream Streaming is not supported in the Batch API.",
            "1 invalid_request body.input Invalid type for 'input': expected one of a string or array, but got a boolean instead.",
        ]
    );
}

#[test]
fn a_custom_id_is_measured_in_characters() {
    for (id, errors) in
        [("é".repeat(512), 0), ("x".repeat(512), 0), ("x".repeat(513), 1), (r"\u00e9".repeat(512), 0)]
    {
        assert_eq!(chat(line_with("custom_id", &format!("\"{id}\""))).error_count, errors, "{id}");
    }
}

#[test]
fn only_true_is_streaming() {
    for value in ["false", "null", "1", "\"true\"", "[true]"] {
        let report = chat(body(&format!(r#"{{"stream":{value},"model":"m","messages":[]}}"#)));
        assert_eq!(report.errors, [], "{value}");
    }
}

#[test]
fn a_valid_request_is_handed_out_as_its_line_says() {
    let line = r#" { "url":"/v1/chat/completions","body": {"messages":[ 1 ],"model":"m\u0065"} ,"custom_id":"\"é\ud83d\ude00" ,"method":"POST"} "#;
    let file = format!("\u{FEFF}\r\n{line}\r\n");
    let mut validator = Validator::new(Rules::new(CHAT));
    let mut count = 0;
    let mut sink = |valid: ValidRequest<'_>| {
        count += 1;
        assert_eq!((valid.line, valid.offset, valid.end), (2, 5, file.len() as u64));
        assert_eq!(valid.request.custom_id, "\"é😀");
        assert_eq!((&*valid.request.method, &*valid.request.url), ("POST", CHAT));
        assert_eq!(valid.request.body, br#"{"messages":[ 1 ],"model":"m\u0065"}"#);
        assert_eq!(valid.request.model.as_deref(), Some("me"));
        assert_eq!(edgebatch::internal::request::parse(line.as_bytes()), Some(valid.request));
    };
    assert_eq!(validator.push(file.as_bytes(), &mut sink), Progress::Done);
    assert_eq!(validator.finish(&mut sink), Progress::Done);
    assert_eq!(count, 1);
}

#[test]
fn parse_gives_none_for_what_is_no_request() {
    for line in
        ["", "1", "{", "{}", "[]", &line_with("body", "[]"), &line_with("url", "1"), &line_with("method", "")]
    {
        assert_eq!(edgebatch::internal::request::parse(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn of_a_name_given_twice_the_last_counts() {
    let line = r#"{"custom_id":1,"method":"GET","url":"/","body":{"model":"x","stream":true},"custom_id":"a",
        "m\u0065thod":"POST","url":"/v1/chat/completions",
        "body":{"model":1,"messages":{},"mod\u0065l":"y","messages":[]}}"#;
    let line = line.replace('\n', " ");
    let report = chat(&line);
    assert_eq!(report.errors, []);
    assert_eq!(report.model.as_deref(), Some("y"));

    let model_only_in_the_first =
        GOOD.replace(r#""body":"#, r#""body":{"model":"m","messages":[]},"body":{},"x":"#);
    assert_eq!(chat(&model_only_in_the_first).error_count, 2, "members of the first body are forgotten");
    let report = chat(GOOD.replace(r#","body""#, r#","body":{},"body":7,"x""#));
    assert_eq!(report.errors[0].message, "Body must be a JSON dictionary object");
}

#[test]
fn members_count_only_where_they_belong() {
    let report = chat(r#"[{"custom_id":"a","body":{"model":"m"}}]"#);
    assert_eq!(report.errors[0].message, "Each line must be a JSON dictionary object");
    let line = r#"{"x":{"custom_id":"a","model":"m"},"body":{"y":{"model":"m","messages":[]}}}"#;
    let params: Vec<_> = chat(line).errors.into_iter().filter_map(|e| e.param).collect();
    assert_eq!(params, ["custom_id", "method", "url", "body.model", "body.messages"]);
    let report = chat(body(r#"[{"model":"m","messages":[]}]"#));
    assert_eq!(report.errors[0].message, "Body must be a JSON dictionary object");
}

#[test]
fn an_id_counts_as_used_even_on_a_line_with_errors() {
    let bad = line_with("method", "\"GET\"");
    let escaped = line_with("custom_id", r#""\u0061""#);
    let report = chat([bad.as_str(), &escaped, "{", GOOD].join("\n"));
    let codes: Vec<_> = report.errors.iter().map(|e| (e.line.unwrap(), e.code.as_str())).collect();
    assert_eq!(
        codes,
        [
            (1, "invalid_value"),
            (2, "duplicate_custom_id"),
            (3, "invalid_json_line"),
            (4, "duplicate_custom_id")
        ]
    );
    let long = "x".repeat(600);
    let report = chat(format!("{0}\n{0}", line_with("custom_id", &format!("{long:?}"))));
    assert_eq!(report.error_count, 3, "also when it is too long");
    assert!(report.errors[2].message.len() < 300);
}
