//! The lines of the output and error files (contract §4), byte for byte.

use crate::host::Answer;
use crate::json::scan;
use crate::json::value::Value;
use crate::result::answer::{self, Body, Named, Says};
use crate::result::group::Outcome;
use crate::result::trouble::{self, Trouble};
use crate::text;
use crate::validate::Dialect;
use crate::wire::{InputTokensDetails, OutputTokensDetails, Usage};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Characters of an upstream's text quoted in a line.
const QUOTED_CHARS: usize = 1_000;

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

/// Input that cannot be read any more: the code of its batch and of its lines.
pub(crate) const UNREADABLE: &str = "input_file_unreadable";
/// Results that the store lost.
pub(crate) const RESULTS_LOST: &str = "results_lost";

impl NoAnswer {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Cancelled { .. } | Self::Expired { .. } | Self::Lost { .. } => Outcome::NotRun,
            Self::TimedOut | Self::ConnectionFailed(_) | Self::TooLarge(_) | Self::NotARequest => {
                Outcome::Failed
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Cancelled { .. } => "batch_cancelled",
            Self::Expired { .. } => "batch_expired",
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

/// The error line of a request of which nothing is known any more, not even its id: the `number`th of those.
pub(crate) fn of_unknown(batch_id: &str, number: u64, code: &'static str) -> Vec<u8> {
    // Strict clients read a line only with a text for an id.
    without_answer(Of { batch_id, line: u64::MAX - number, custom_id: "" }, &NoAnswer::Lost { code })
}

/// An answer as it is taken: by what it says, and not by its status alone.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What it counts as.
    pub(crate) status: u16,
    /// The trouble it tells of; none for one that settles the request.
    pub(crate) trouble: Option<Trouble>,
    /// How long the server asked to wait.
    pub(crate) retry_after_ms: Option<u64>,
    /// What it says of an error, for people.
    pub(crate) message: String,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
    line: Vec<u8>,
}

impl Taken {
    /// The whole line, with its line end.
    pub(crate) fn into_line(self) -> Vec<u8> {
        self.line
    }
}

/// Reads an answer, once, and writes its line.
///
/// A 2xx status is a success only with a JSON object that names no error. An error inside counts by its own code; a
/// body that is no object counts as what a gateway gives whose server is not there.
pub(crate) fn take(of: Of<'_>, answer: &Answer, dialect: Dialect) -> Taken {
    let body = answer::read(&answer.body);
    let is_success = (200..300).contains(&answer.status);
    let says = match &body {
        Body::Object(object) => answer::says(object),
        Body::Odd | Body::Foreign => Says::default(),
    };
    let named = says.error.map(answer::named);
    let completed = is_success && named.is_none() && matches!(body, Body::Object(_));
    let status = match &named {
        _ if completed || !is_success => answer.status,
        Some(Named { is_quota: true, .. }) => 429,
        Some(named) => named.status.unwrap_or(502),
        None => 502,
    };
    let invalid = is_success && !completed && named.is_none();
    let named = named.unwrap_or_default();
    let trouble = match body {
        _ if completed => None,
        // It came whole: another would be as odd.
        Body::Odd if is_success => None,
        // A gateway would not say so to a server that works: this one answers, if strangely.
        _ if is_success && status == 502 => Some(Trouble::Failing),
        _ => trouble::of_error(status, &named),
    };
    let usage = says.usage.filter(|_| completed).and_then(read_usage);
    let text = String::from_utf8_lossy(&answer.body);

    let mut line = Vec::with_capacity(answer.body.len() + 256);
    open(&mut line, of);
    line.extend_from_slice(b"\"response\":{\"status_code\":");
    line.extend_from_slice(status.to_string().as_bytes());
    line.extend_from_slice(b",\"request_id\":");
    match &answer.request_id {
        Some(request_id) => push_json(&mut line, request_id),
        None => push_json(&mut line, &format!("req_{:032x}", hash(of, b"request"))),
    }
    line.extend_from_slice(b",\"body\":");
    let mut message = named.message;
    let code = match &body {
        Body::Object(object) => {
            line.extend_from_slice(object);
            named.code
        }
        // A list or a text is JSON, but a body is an object.
        Body::Foreign if !is_success && scan::members(&answer.body, []).is_ok() => {
            line.extend_from_slice(&answer.body);
            None
        }
        Body::Odd | Body::Foreign => {
            let quoted = quote(&text);
            let (code, told) = if invalid {
                let what = if matches!(body, Body::Odd) {
                    "JSON that not every reader takes"
                } else {
                    "no JSON object"
                };
                (
                    Some("invalid_response"),
                    format!("The model answered with status {} and {what}: {quoted}", answer.status),
                )
            } else {
                (None, quoted)
            };
            line.extend_from_slice(b"{\"error\":{\"message\":");
            push_json(&mut line, &told);
            line.extend_from_slice(b",\"type\":\"server_error\",\"param\":null,\"code\":");
            push_json_or_null(&mut line, code);
            line.push(b'}');
            if invalid && matches!(body, Body::Odd) {
                // It was paid for: all of it is kept.
                line.extend_from_slice(b",\"text\":");
                push_json(&mut line, &text);
            }
            line.push(b'}');
            message = invalid.then_some(told);
            code.map(str::to_owned)
        }
    };
    let message = message.unwrap_or_else(|| format!("The model answered with status {status}."));
    line.extend_from_slice(b"},\"error\":");
    if completed || dialect == Dialect::Openai {
        line.extend_from_slice(b"null");
    } else {
        push_error(&mut line, code.as_deref().unwrap_or("request_failed"), &message);
    }
    line.push(b'}');
    Taken {
        status,
        trouble,
        retry_after_ms: answer.retry_after_ms,
        message: quote(&message),
        outcome: if completed { Outcome::Completed } else { Outcome::Failed },
        usage,
        line: end(line),
    }
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
    while let Some((&byte, after)) = rest.split_first() {
        let (length, text): (usize, &[u8]) = match rest {
            [b'\n' | b'\r', ..] => (1, b" "),
            [0xC2, 0x85, ..] => (2, b"\\u0085"),
            [0xE2, 0x80, 0xA8, ..] => (3, b"\\u2028"),
            [0xE2, 0x80, 0xA9, ..] => (3, b"\\u2029"),
            _ => {
                ended.push(byte);
                rest = after;
                continue;
            }
        };
        ended.extend_from_slice(text);
        rest = &rest[length..];
    }
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

fn quote(text: &str) -> String {
    text::quoted(text, QUOTED_CHARS).into_owned()
}

/// Tokens in either API's words; what is missing or odd counts as zero.
fn read_usage(json: &str) -> Option<Usage> {
    let usage = Value::from_json(json.as_bytes()).ok()?;
    let tokens = |names: [&str; 2]| names.iter().find_map(|name| whole(usage.get(name)?)).unwrap_or(0);
    let detail = |outer: [&str; 2], inner: &str| {
        outer.iter().find_map(|name| whole(usage.get(name)?.get(inner)?)).unwrap_or(0)
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
            .and_then(whole)
            .unwrap_or(input_tokens.saturating_add(output_tokens)),
        input_tokens_details: InputTokensDetails { cached_tokens },
        output_tokens_details: OutputTokensDetails { reasoning_tokens },
    })
}

/// A count of tokens: some servers write 3.0. What is below 0 is none.
fn whole(count: &Value) -> Option<u64> {
    match *count {
        Value::Natural(count) => Some(count),
        Value::Decimal(count) if count >= 0.0 => Some(count as u64),
        _ => None,
    }
}
