//! The lines of the output and error files (contract §4), byte for byte.

use super::command::Answer;
use super::results::Outcome;
use crate::limits::MAX_RESPONSE_BYTES;
use crate::object::{InputTokensDetails, OutputTokensDetails, Usage};
use crate::scan;
use crate::validate::Dialect;
use crate::value::Value;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Characters of an upstream's text quoted in a line.
const QUOTED_CHARS: usize = 1_000;

/// Which request a line answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) batch_id: &'a str,
    /// Physical line of the request: with the batch's id, its identity across restarts.
    pub(super) line: u64,
    pub(super) custom_id: &'a str,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    Cancelled,
    Expired,
    TimedOut,
    ConnectionFailed(String),
    /// The answer is above [`MAX_RESPONSE_BYTES`].
    TooLarge,
    /// The file changed after validation.
    NotARequest,
}

impl NoAnswer {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Cancelled | Self::Expired => Outcome::NotRun,
            Self::TimedOut | Self::ConnectionFailed(_) | Self::TooLarge | Self::NotARequest => {
                Outcome::Failed
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "batch_cancelled",
            Self::Expired => "batch_expired",
            Self::TimedOut => "request_timeout",
            Self::ConnectionFailed(_) => "connection_error",
            Self::TooLarge => "response_too_large",
            Self::NotARequest => "invalid_json_line",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Cancelled => "This request was not executed because the batch was cancelled.".to_owned(),
            Self::Expired => {
                "This request could not be executed before the completion window expired.".to_owned()
            }
            Self::TimedOut => "The model did not answer in time.".to_owned(),
            Self::ConnectionFailed(message) => {
                format!("The model could not be reached: {}", quote(message))
            }
            Self::TooLarge => format!("The model's answer has more than {MAX_RESPONSE_BYTES} bytes."),
            Self::NotARequest => {
                "This line is no longer the request it was when the file was validated.".to_owned()
            }
        }
    }
}

/// The error line of a request that has no answer.
pub(super) fn without_answer(of: Of<'_>, reason: &NoAnswer) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    open(&mut line, of);
    line.extend_from_slice(b"\"response\":null,\"error\":");
    push_error(&mut line, reason.code(), &reason.message());
    line.extend_from_slice(b"}\n");
    line
}

/// Whether a body can stand in a line: exactly one JSON value. Half an answer cannot.
pub(super) fn is_whole(answer: &Answer) -> bool {
    scan::members(&answer.body, []).is_ok()
}

/// The line of a request that was answered, how it ended, and the tokens it took.
pub(super) fn with_answer(
    of: Of<'_>,
    answer: &Answer,
    dialect: Dialect,
) -> (Vec<u8>, Outcome, Option<Usage>) {
    let top = scan::members(&answer.body, ["usage", "error"]);
    let completed = (200..300).contains(&answer.status) && top.is_ok();
    let mut line = Vec::with_capacity(answer.body.len() + 256);
    open(&mut line, of);
    line.extend_from_slice(b"\"response\":{\"status_code\":");
    line.extend_from_slice(answer.status.to_string().as_bytes());
    line.extend_from_slice(b",\"request_id\":");
    match &answer.request_id {
        Some(request_id) => push_json(&mut line, request_id),
        None => push_json(&mut line, &format!("req_{:032x}", hash(of, b"request"))),
    }
    line.extend_from_slice(b",\"body\":");
    match &top {
        Ok(_) => push_single_line(&mut line, &answer.body),
        // A body is an object, never a string: text becomes an error in the API's own shape.
        Err(_) => {
            let text = String::from_utf8_lossy(&answer.body);
            line.extend_from_slice(b"{\"error\":{\"message\":");
            push_json(&mut line, &quote(&text));
            line.extend_from_slice(b",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
        }
    }
    line.extend_from_slice(b"},\"error\":");
    if completed || dialect == Dialect::Openai {
        line.extend_from_slice(b"null");
    } else {
        let reported = top.as_ref().ok().and_then(|top| top.found[1]).and_then(|error| read_error(error.raw));
        let (code, message) = reported.unwrap_or((None, None));
        push_error(
            &mut line,
            code.as_deref().unwrap_or("request_failed"),
            &message.unwrap_or_else(|| format!("The model answered with status {}.", answer.status)),
        );
    }
    line.extend_from_slice(b"}\n");
    let usage =
        top.ok().filter(|_| completed).and_then(|top| top.found[0]).and_then(|usage| read_usage(usage.raw));
    (line, if completed { Outcome::Completed } else { Outcome::Failed }, usage)
}

fn open(line: &mut Vec<u8>, of: Of<'_>) {
    line.extend_from_slice(b"{\"id\":\"batch_req_");
    line.extend_from_slice(format!("{:032x}", hash(of, b"line")).as_bytes());
    line.extend_from_slice(b"\",\"custom_id\":");
    push_json(line, of.custom_id);
    line.push(b',');
}

fn push_error(line: &mut Vec<u8>, code: &str, message: &str) {
    line.extend_from_slice(b"{\"code\":");
    push_json(line, code);
    line.extend_from_slice(b",\"message\":");
    push_json(line, message);
    line.push(b'}');
}

fn push_json(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).unwrap_or_else(|_| unreachable!("a Vec takes every write"));
}

/// Valid JSON has raw line ends between tokens only, where a space means the same.
fn push_single_line(line: &mut Vec<u8>, json: &[u8]) {
    let start = line.len();
    line.extend_from_slice(json.trim_ascii());
    if memchr::memchr2(b'\n', b'\r', &line[start..]).is_some() {
        for byte in &mut line[start..] {
            if matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

/// Ids are made of batch and line, so that no restart changes a byte of a finished line.
fn hash(of: Of<'_>, what: &[u8]) -> u128 {
    let mut hasher = SipHasher13::new();
    hasher.write(what);
    hasher.write(of.batch_id.as_bytes());
    hasher.write_u64(of.line);
    hasher.finish128().as_u128()
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn read_error(json: &str) -> Option<(Option<String>, Option<String>)> {
    let reported = Value::from_json(json.as_bytes()).ok()?;
    let text = |name| reported.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text("code"), text("message")))
}

/// Tokens in either API's words; what is missing or odd counts as zero.
fn read_usage(json: &str) -> Option<Usage> {
    let usage = Value::from_json(json.as_bytes()).ok()?;
    let tokens = |names: [&str; 2]| names.iter().find_map(|name| usage.get(name)?.as_u64()).unwrap_or(0);
    let detail = |outer: [&str; 2], inner: &str| {
        outer.iter().find_map(|name| usage.get(name)?.get(inner)?.as_u64()).unwrap_or(0)
    };
    let (input_tokens, output_tokens) =
        (tokens(["input_tokens", "prompt_tokens"]), tokens(["output_tokens", "completion_tokens"]));
    let cached_tokens = detail(["input_tokens_details", "prompt_tokens_details"], "cached_tokens");
    let reasoning_tokens = detail(["output_tokens_details", "completion_tokens_details"], "reasoning_tokens");
    Some(Usage {
        input_tokens,
        output_tokens,
        total_tokens: usage
            .get("total_tokens")
            .and_then(Value::as_u64)
            .unwrap_or(input_tokens.saturating_add(output_tokens)),
        input_tokens_details: InputTokensDetails { cached_tokens },
        output_tokens_details: OutputTokensDetails { reasoning_tokens },
    })
}
