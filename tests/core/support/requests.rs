//! Request lines to validate, and a validator that has the whole file at hand.

use edgebatch::{BatchError, Dialect, Progress, Report, Rules, ValidRequest, Validator};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const GOOD: &str =
    r#"{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}"#;

/// Validates a file pushed at once; models are known by `exists`. Gives the lines of the valid requests too.
pub(crate) fn validate_with(
    rules: Rules,
    file: &[u8],
    mut exists: impl FnMut(&str) -> bool,
) -> (Report, Vec<u64>) {
    let mut validator = Validator::new(rules);
    let mut lines = Vec::new();
    let mut sink = |request: ValidRequest<'_>| lines.push(request.line);
    let mut rest = file;
    while let Progress::NeedsModel { model, taken } = validator.push(rest, &mut sink) {
        rest = &rest[taken..];
        validator.answer_model(exists(&model), &mut sink);
    }
    while let Progress::NeedsModel { model, .. } = validator.finish(&mut sink) {
        validator.answer_model(exists(&model), &mut sink);
    }
    (validator.report(), lines)
}

pub(crate) fn validate(rules: Rules, file: impl AsRef<[u8]>) -> Report {
    validate_with(rules, file.as_ref(), |_| true).0
}

pub(crate) fn chat(file: impl AsRef<[u8]>) -> Report {
    validate(Rules::new(CHAT), file)
}

pub(crate) fn rules(dialect: Dialect, endpoint: &str) -> Rules {
    Rules { dialect, single_model: true, check_models: true, ..Rules::new(endpoint) }
}

/// One error a line, as `line code param message`, so that a test reads as a table.
pub(crate) fn told(errors: &[BatchError]) -> Vec<String> {
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    errors
        .iter()
        .map(|e| {
            let line = e.line.map_or("-".to_owned(), |line| line.to_string());
            format!("{line} {} {} {}", e.code, word(&e.param), e.message)
        })
        .collect()
}

/// A chat request with one member of the line replaced, or removed where `value` is empty.
pub(crate) fn line_with(name: &str, value: &str) -> String {
    let members = [
        ("custom_id", r#""a""#),
        ("method", r#""POST""#),
        ("url", r#""/v1/chat/completions""#),
        ("body", r#"{"model":"m","messages":[]}"#),
    ];
    let members = members.map(|(key, old)| (key, if key == name { value } else { old }));
    let members = members.iter().filter(|(_, value)| !value.is_empty());
    format!("{{{}}}", members.map(|(key, value)| format!("{key:?}:{value}")).collect::<Vec<_>>().join(","))
}

pub(crate) fn body(body: &str) -> String {
    line_with("body", body)
}

pub(crate) fn for_endpoint(endpoint: &str, body: &str) -> String {
    format!(r#"{{"custom_id":"a","method":"POST","url":"{endpoint}","body":{body}}}"#)
}
