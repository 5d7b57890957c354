//! A line of a result file that an earlier batch wrote, read back.

use crate::json::scan::{self, Kind};
use crate::json::value::Value;
use crate::result::body;
use crate::result::output_line::{CANCELLED, EXPIRED, OVER_BUDGET, PAST_NAMES};
use crate::wire::{Rerun, Usage};

/// What a line of a result file says.
#[derive(Debug, PartialEq)]
pub(crate) struct PastLine {
    pub(crate) custom_id: String,
    /// How the request ended, of a line of an error file; none where the budget had no room for it.
    pub(crate) ending: Option<Rerun>,
    /// Tokens of the answer; zeros where it says nothing of them.
    pub(crate) usage: Usage,
}

impl PastLine {
    /// Reads a line, without its end. Nothing where it is none.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let (top, [body]) = scan::members_within(line, PAST_NAMES, 1, ["body"]).ok()?;
        let [custom_id, _, error, _] = top.found;
        let code = error.filter(|error| error.kind == Kind::Object).and_then(|error| {
            let error = Value::from_json(error.raw.as_bytes()).ok()?;
            error.get("code")?.as_str().map(str::to_owned)
        });
        Some(Self {
            custom_id: custom_id?.text()?.into_owned(),
            ending: match code.as_deref() {
                Some(EXPIRED) => Some(Rerun::Expired),
                Some(CANCELLED) => Some(Rerun::Cancelled),
                Some(OVER_BUDGET) => None,
                _ => Some(Rerun::Failed),
            },
            usage: body.and_then(|body| body::read(body.raw.as_bytes()).usage).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_request_it_is_of_and_how_that_ended() {
        let line = |error: &str| {
            format!(r#"{{"id":"batch_req_1","custom_id":"a\u0062","response":null,"error":{error}}}"#)
        };
        for (error, ending) in [
            (r#"{"code":"batch_expired","message":"m"}"#, Some(Rerun::Expired)),
            (r#"{"code":"batch_cancelled","message":"m"}"#, Some(Rerun::Cancelled)),
            (r#"{"code":"budget_exceeded","message":"m"}"#, None),
            (r#"{"code":"request_timeout","message":"m"}"#, Some(Rerun::Failed)),
            (r#"{"message":"m"}"#, Some(Rerun::Failed)),
            ("null", Some(Rerun::Failed)),
        ] {
            let read = PastLine::read(line(error).as_bytes()).expect(error);
            assert_eq!((read.custom_id.as_str(), read.ending), ("ab", ending), "{error}");
        }
        let answer = r#"{"custom_id":"r1","response":{"status_code":200,"body":{"usage":{"prompt_tokens":3,"completion_tokens":4}}},"error":null}"#;
        let usage = PastLine::read(answer.as_bytes()).expect("a line").usage;
        assert_eq!((usage.input_tokens, usage.output_tokens), (3, 4));
        for none in ["", "{", "{}", "[]", r#"{"custom_id":7}"#] {
            assert_eq!(PastLine::read(none.as_bytes()), None, "{none}");
        }
    }
}
