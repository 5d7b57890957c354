//! What an answer is taken for: by what it says, and not by its status alone.

use crate::host::Answer;
use crate::result::body::{self, Form, Named};
use crate::result::outcome::Outcome;
use crate::result::quote;
use crate::result::trouble::{self, Trouble};
use crate::wire::Usage;
use std::borrow::Cow;

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    /// The status it counts as.
    pub(crate) status: u16,
    /// The trouble it tells of; none for one that settles the request.
    pub(crate) trouble: Option<Trouble>,
    pub(crate) outcome: Outcome,
    /// Tokens that it counts, whether it settles the request or not.
    pub(crate) usage: Option<Usage>,
    /// The code of its error, if it names one.
    pub(crate) code: Option<String>,
    /// What it says of an error, for people.
    pub(crate) message: String,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) body: Shown<'a>,
}

/// What a line has for the body of an answer.
#[derive(Debug)]
pub(crate) enum Shown<'a> {
    /// The body itself.
    Json(Cow<'a, [u8]>),
    /// An error that says what came instead; and all of that, where it was paid for.
    Error { message: String, code: Option<&'static str>, text: Option<Cow<'a, str>> },
}

impl<'a> Answered<'a> {
    /// Reads an answer, its body once.
    ///
    /// A 2xx status is a success only with a JSON object that names no error. An error inside counts by its own code; a
    /// body that is no object counts as what a gateway gives whose server is not there.
    pub(crate) fn read(answer: &'a Answer) -> Self {
        let read = body::read(&answer.body);
        let is_success = (200..300).contains(&answer.status);
        let completed = is_success && read.error.is_none() && matches!(read.form, Form::Object(_));
        let invalid = is_success && !completed && read.error.is_none();
        let status = match &read.error {
            _ if completed || !is_success => answer.status,
            Some(Named { is_quota: true, .. }) => 429,
            Some(named) => named.status.unwrap_or(502),
            None => 502,
        };
        let named = read.error.unwrap_or_default();
        let trouble = match read.form {
            _ if completed => None,
            // It came whole: another would be as odd.
            Form::Odd if is_success => None,
            // A gateway would not say so to a server that works: this one answers, if strangely.
            _ if is_success && status == 502 => Some(Trouble::Failing),
            _ => trouble::of_error(status, &named),
        };
        let (mut code, mut message) = (named.code, named.message);
        let body = match read.form {
            Form::Object(json) => Shown::Json(json),
            // It is JSON, but the body of a success is an object.
            Form::Other if !is_success => Shown::Json(Cow::Borrowed(&answer.body)),
            form => {
                let text = String::from_utf8_lossy(&answer.body);
                let mut told = quote(&text);
                if invalid {
                    let what =
                        if form == Form::Odd { "JSON that not every reader takes" } else { "no JSON object" };
                    told = format!("The model answered with status {} and {what}: {told}", answer.status);
                    code = Some(INVALID.to_owned());
                    message = Some(told.clone());
                }
                let text = (invalid && form == Form::Odd).then_some(text);
                Shown::Error { message: told, code: invalid.then_some(INVALID), text }
            }
        };
        Self {
            status,
            trouble,
            outcome: if completed { Outcome::Completed } else { Outcome::Failed },
            usage: read.usage,
            code,
            message: message.unwrap_or_else(|| format!("The model answered with status {status}.")),
            request_id: answer.request_id.as_deref(),
            body,
        }
    }
}

/// The code of a success that is none.
const INVALID: &str = "invalid_response";
