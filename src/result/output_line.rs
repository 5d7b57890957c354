//! The lines of the output and error files (contract §4), byte for byte.

use crate::json::scan;
use crate::result::answer::{Answered, Shown};
use crate::result::outcome::Outcome;
use crate::result::quote;
use crate::settings::Dialect;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Which request a line answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of<'a> {
    pub(crate) batch_id: &'a str,
    /// Physical line of the request: with the batch's id, its identity across restarts.
    pub(crate) line: u64,
    /// Empty where it is not known any more.
    pub(crate) custom_id: &'a str,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// `sent` says that the model may have seen it.
    Cancelled {
        sent: bool,
    },
    Expired {
        sent: bool,
    },
    /// The batch's budget was used up; `sent` says that the model has seen it, and gave no answer that counts.
    OverBudget {
        sent: bool,
    },
    TimedOut,
    ConnectionFailed(String),
    /// The answer has more bytes than this.
    TooLarge(usize),
    /// The file changed after validation.
    NotARequest,
    /// The file is gone, or the store lost the result.
    Lost {
        code: &'static str,
    },
}

/// The code of lines of requests that were cancelled.
pub(crate) const CANCELLED: &str = "batch_cancelled";
/// The code of lines of requests that the window was too short for.
pub(crate) const EXPIRED: &str = "batch_expired";
/// The code of lines of requests that the budget was too small for.
pub(crate) const OVER_BUDGET: &str = "budget_exceeded";
/// Input that cannot be read any more: the code of its batch and of its lines.
pub(crate) const UNREADABLE: &str = "input_file_unreadable";
/// Results that the store lost.
pub(crate) const RESULTS_LOST: &str = "results_lost";

impl NoAnswer {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Cancelled { .. } | Self::Expired { .. } | Self::OverBudget { .. } | Self::Lost { .. } => {
                Outcome::NotRun
            }
            Self::TimedOut | Self::ConnectionFailed(_) | Self::TooLarge(_) | Self::NotARequest => {
                Outcome::Failed
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Cancelled { .. } => CANCELLED,
            Self::Expired { .. } => EXPIRED,
            Self::OverBudget { .. } => OVER_BUDGET,
            Self::TimedOut => "request_timeout",
            Self::ConnectionFailed(_) => "connection_error",
            Self::TooLarge(_) => "response_too_large",
            Self::NotARequest => "invalid_json_line",
            Self::Lost { code } => code,
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::ConnectionFailed(message) => {
                return format!("The model could not be reached: {}", quote(message));
            }
            Self::TooLarge(most) => return format!("The model's answer has more than {most} bytes."),
            Self::Cancelled { sent: false } => {
                "This request was not executed because the batch was cancelled."
            }
            Self::Cancelled { sent: true } => {
                "This request was sent to the model, but the batch was cancelled before its answer came."
            }
            Self::Expired { sent: false } => {
                "This request could not be executed before the completion window expired."
            }
            Self::Expired { sent: true } => {
                "This request was sent to the model, but the completion window expired before its answer came."
            }
            Self::OverBudget { sent: false } => {
                "This request was not executed because the budget of the batch was used up."
            }
            Self::OverBudget { sent: true } => {
                "This request was sent to the model, but the budget of the batch was used up before it succeeded."
            }
            Self::TimedOut => "The model did not answer in time.",
            Self::NotARequest => {
                "This line is no longer the request it was when the file was validated."
            }
            Self::Lost { code: RESULTS_LOST } => "The store lost the result of this request.",
            Self::Lost { .. } => "This request was not executed because the input file cannot be read any more.",
        }
        .to_owned()
    }
}

/// The error line of a request that has no answer.
pub(crate) fn without_answer(of: Of<'_>, reason: &NoAnswer) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    open(&mut line, of);
    line.extend_from_slice(b"\"response\":null,\"error\":");
    push_error(&mut line, reason.code(), &reason.message());
    line.push(b'}');
    end(line)
}

/// The error line of a request of which nothing is known, not even its id: the `number`th of those.
pub(crate) fn of_unknown(batch_id: &str, number: u64, code: &'static str) -> Vec<u8> {
    // Strict clients read a line only with a text for an id.
    without_answer(Of { batch_id, line: u64::MAX - number, custom_id: "" }, &NoAnswer::Lost { code })
}

/// The line of an answer.
pub(crate) fn of_answer(of: Of<'_>, answered: &Answered<'_>, dialect: Dialect) -> Vec<u8> {
    let length = match &answered.body {
        Shown::Json(json) => json.len(),
        Shown::Error { text, .. } => text.as_ref().map_or(0, |text| text.len()),
    };
    let mut line = Vec::with_capacity(length + 512);
    open(&mut line, of);
    line.extend_from_slice(b"\"response\":{\"status_code\":");
    line.extend_from_slice(answered.status.to_string().as_bytes());
    line.extend_from_slice(b",\"request_id\":");
    match answered.request_id {
        Some(request_id) => push_json(&mut line, request_id),
        None => push_json(&mut line, &format!("req_{:032x}", hash(of, b"request"))),
    }
    line.extend_from_slice(b",\"body\":");
    match &answered.body {
        Shown::Json(json) => line.extend_from_slice(json),
        Shown::Error { message, code, text } => {
            line.extend_from_slice(b"{\"error\":{\"message\":");
            push_json(&mut line, message);
            line.extend_from_slice(b",\"type\":\"server_error\",\"param\":null,\"code\":");
            push_json_or_null(&mut line, *code);
            line.push(b'}');
            if let Some(text) = text {
                line.extend_from_slice(b",\"text\":");
                push_json(&mut line, text);
            }
            line.push(b'}');
        }
    }
    line.extend_from_slice(b"},\"error\":");
    if answered.outcome == Outcome::Completed || dialect == Dialect::Openai {
        line.extend_from_slice(b"null");
    } else {
        push_error(&mut line, answered.code.as_deref().unwrap_or("request_failed"), &answered.message);
    }
    line.push(b'}');
    end(line)
}

/// The members of a line.
pub(super) const PAST_NAMES: [&str; 4] = ["custom_id", "response", "error", "id"];

/// The line of a request that is answered as another was, whose line this is. Nothing where it is no such line.
pub(crate) fn of_repeat(of: Of<'_>, line: &[u8]) -> Option<Vec<u8>> {
    // The names that lines of earlier batches are read by: another query would be code of its own.
    let (top, _) = scan::members_within(line, PAST_NAMES, 1, ["body"]).ok()?;
    let [_, response, error, _] = top.found;
    let mut head = Vec::with_capacity(line.len() + 512);
    open(&mut head, of);
    let mut repeat = end(head);
    // What stands in a line is without line ends already.
    repeat.pop();
    for part in ["\"response\":", response?.raw, ",\"error\":", error?.raw, "}\n"] {
        repeat.extend_from_slice(part.as_bytes());
    }
    Some(repeat)
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

fn push_json_or_null(line: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => push_json(line, text),
        None => line.extend_from_slice(b"null"),
    }
}

/// Ends a line, so that every reader takes it for one. Valid JSON has raw line ends between tokens only, where a space
/// means the same; and in strings alone U+0085, U+2028 and U+2029, which JSON takes as they are, and Python and Node for
/// line ends: they are escaped.
fn end(line: Vec<u8>) -> Vec<u8> {
    let mut ended = Vec::with_capacity(line.len() + 1);
    let mut rest = &line[..];
    // Most lines have none of these bytes, and are copied as they are.
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0xC2 | 0xE2)) {
        let (before, from) = rest.split_at(at);
        ended.extend_from_slice(before);
        let (length, text): (usize, &[u8]) = match from {
            [b'\n' | b'\r', ..] => (1, b" "),
            [0xC2, 0x85, ..] => (2, b"\\u0085"),
            [0xE2, 0x80, 0xA8, ..] => (3, b"\\u2028"),
            [0xE2, 0x80, 0xA9, ..] => (3, b"\\u2029"),
            _ => (1, &from[..1]),
        };
        ended.extend_from_slice(text);
        rest = &from[length..];
    }
    ended.extend_from_slice(rest);
    ended.push(b'\n');
    ended
}

/// Ids are made of batch and line, so that no restart changes a byte of a finished line.
fn hash(of: Of<'_>, what: &[u8]) -> u128 {
    let mut hasher = SipHasher13::new();
    hasher.write(what);
    hasher.write(of.batch_id.as_bytes());
    hasher.write_u64(of.line);
    hasher.finish128().as_u128()
}
