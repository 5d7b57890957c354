//! What can be wrong with a line or a file, and how it is reported: all error texts are here.

use crate::input::endpoint::Want;
use crate::json::explain::explain;
use crate::json::scan::{Kind, Value};
use crate::limits::MAX_CUSTOM_ID_CHARS;
use crate::settings::Dialect;
use crate::text;
use crate::validate::reason::Unreadable;
use crate::wire::BatchError;
use std::borrow::Cow;

/// Characters of a caller's own text repeated in a message, so that no error is as large as its line.
const MAX_QUOTED_CHARS: usize = 200;

/// A member a request must have, or may have but only of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// A member of `body`, not of the line.
    pub(super) in_body: bool,
    pub(super) want: Want,
}

pub(super) const CUSTOM_ID: Field = Field { name: "custom_id", in_body: false, want: Want::String };
pub(super) const METHOD: Field = Field { name: "method", in_body: false, want: Want::String };
pub(super) const URL: Field = Field { name: "url", in_body: false, want: Want::String };
pub(super) const BODY: Field = Field { name: "body", in_body: false, want: Want::Object };
pub(super) const MODEL: Field = Field { name: "model", in_body: true, want: Want::String };
pub(super) const STREAM: Field = Field { name: "stream", in_body: true, want: Want::String };

impl Field {
    fn param(self) -> String {
        if self.in_body { format!("body.{}", self.name) } else { self.name.to_owned() }
    }

    /// The name as the reference dialect starts a sentence with it.
    fn title(self) -> String {
        match self.name {
            "url" => "URL".to_owned(),
            name => {
                let mut title = name.to_owned();
                title.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
                title
            }
        }
    }
}

/// One thing wrong. Holds what its text repeats; the text is made only for errors that are kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault<'a> {
    /// Told alike in both dialects.
    Unreadable(Unreadable<'a>),
    NotObject,
    Missing(Field),
    WrongType(Field, Value<'a>),
    /// How many characters there are.
    LongCustomId(usize),
    WrongMethod(&'a str),
    WrongUrl,
    /// The batch's endpoint.
    Streaming(&'a str),
    UnknownModel(&'a str),
    OtherModel(&'a str),
    Duplicate(&'a str),
    NoFile(&'a str),
    /// The maximum, in bytes.
    FileTooLarge(u64),
    /// The maximum.
    TooManyRequests(u64),
}

impl Fault<'_> {
    /// The error as the batch reports it.
    pub(super) fn error(self, dialect: Dialect, line: Option<u64>) -> BatchError {
        let mut message = match dialect {
            Dialect::Reference => self.reference(),
            Dialect::Openai => self.openai(),
        };
        let broken = match self {
            Self::Unreadable(Unreadable::NotJson(line)) => explain(line),
            _ => None,
        };
        let reason = broken.map(|broken| {
            let reason = broken.message();
            if broken.reason.is_beyond_grammar() {
                message.push(' ');
                message.push_str(&reason);
            }
            reason
        });
        BatchError {
            code: self.code(dialect).to_owned(),
            message,
            param: self.param(dialect),
            line,
            column: broken.map(|broken| broken.column as u64),
            reason,
        }
    }

    pub(super) fn code(self, dialect: Dialect) -> &'static str {
        match self {
            Self::Unreadable(unreadable) => unreadable.code(),
            Self::Missing(field) if field.in_body && dialect == Dialect::Reference => "invalid_request",
            Self::Missing(_) => "missing_required_parameter",
            Self::NotObject | Self::WrongType(..) | Self::NoFile(_) => "invalid_request",
            Self::LongCustomId(_) => "string_above_max_length",
            Self::WrongMethod(_) => "invalid_value",
            Self::WrongUrl => "invalid_url",
            Self::Streaming(_) => "streaming_unsupported",
            Self::UnknownModel(_) => "model_not_found",
            Self::OtherModel(_) => "mismatched_model",
            Self::Duplicate(_) => "duplicate_custom_id",
            Self::FileTooLarge(_) => "request_too_large",
            Self::TooManyRequests(_) => "too_many_tasks",
        }
    }

    fn param(self, dialect: Dialect) -> Option<String> {
        Some(match self {
            Self::Unreadable(_) | Self::NotObject | Self::FileTooLarge(_) | Self::TooManyRequests(_) => {
                return None;
            }
            Self::NoFile(_) if dialect == Dialect::Openai => "file_id".to_owned(),
            Self::NoFile(_) => "input_file_id".to_owned(),
            Self::Missing(field) | Self::WrongType(field, _) => field.param(),
            Self::LongCustomId(_) | Self::Duplicate(_) => CUSTOM_ID.param(),
            Self::WrongMethod(_) => METHOD.param(),
            Self::WrongUrl => URL.param(),
            Self::Streaming(_) => STREAM.param(),
            Self::UnknownModel(_) | Self::OtherModel(_) => MODEL.param(),
        })
    }

    fn reference(self) -> String {
        match self {
            Self::Unreadable(unreadable) => unreadable.message(),
            Self::NotObject => "Each line must be a JSON dictionary object".to_owned(),
            Self::Missing(field) if field.in_body => format!("{} parameter is required", field.title()),
            Self::Missing(field) => format!("Missing required parameter: {}", field.name),
            Self::WrongType(field, _) => {
                let want = match field.want {
                    Want::String => "a string",
                    Want::Object => "a JSON dictionary object",
                    Want::Array => "an array",
                    Want::StringOrArray | Want::StringArrayOrNull => "a string or an array",
                };
                format!("{} must be {want}", field.title())
            }
            Self::LongCustomId(chars) => {
                format!("Custom_id must have at most {MAX_CUSTOM_ID_CHARS} characters, not {chars}")
            }
            Self::WrongMethod(_) => "Method must be POST".to_owned(),
            Self::WrongUrl => "URL provided for this request does not match the batch endpoint".to_owned(),
            Self::Streaming(_) => "Streaming is not supported in batch processing".to_owned(),
            Self::UnknownModel(model) => {
                format!("Model '{}' does not exist or is not supported", quoted(model))
            }
            Self::OtherModel(model) => {
                format!("Model '{}' does not match the first model of the file", quoted(model))
            }
            Self::Duplicate(id) => format!("Custom_id '{}' is used more than once", quoted(id)),
            Self::NoFile(id) => format!("Cannot find file {}.", quoted(id)),
            Self::FileTooLarge(max) => format!("The input file is larger than the maximum of {max} bytes"),
            Self::TooManyRequests(max) => {
                format!("The input file has more requests than the maximum of {max}")
            }
        }
    }

    /// The texts of contract §3; where OpenAI's is not known, one in the manner of its other errors.
    fn openai(self) -> String {
        match self {
            Self::Unreadable(unreadable) => unreadable.message(),
            Self::NotObject => "Each line must be a JSON object.".to_owned(),
            Self::Missing(field) => text::missing(field.name),
            Self::WrongType(field, value) => {
                let want = match field.want {
                    Want::String => "a string",
                    Want::Object => "an object",
                    Want::Array => "an array",
                    Want::StringOrArray | Want::StringArrayOrNull => "one of a string or array",
                };
                text::wrong_type(field.name, want, described(value))
            }
            Self::LongCustomId(chars) => format!(
                "Invalid 'custom_id': string too long. Expected a string with maximum length \
                 {MAX_CUSTOM_ID_CHARS}, but got a string with length {chars} instead."
            ),
            Self::WrongMethod(method) => {
                format!("Invalid value: '{}'. Value must be 'POST'.", quoted(method))
            }
            Self::WrongUrl => {
                "The URL provided for this request does not match the batch endpoint.".to_owned()
            }
            Self::Streaming("/v1/chat/completions") => {
                "Chat Completions: Streaming is not supported in the Batch API.".to_owned()
            }
            Self::Streaming(_) => "Streaming is not supported in the Batch API.".to_owned(),
            Self::UnknownModel(model) => {
                format!("The provided model '{}' is not supported by the Batch API.", quoted(model))
            }
            Self::OtherModel(model) => format!(
                "The model '{}' for this request does not match the rest of the batch. Each batch must contain \
                 requests for a single model.",
                quoted(model)
            ),
            Self::Duplicate(id) => format!(
                "The custom_id '{}' for this request is a duplicate of another request. The custom_id parameter \
                 must be unique for each request in a batch.",
                quoted(id)
            ),
            Self::NoFile(id) => {
                format!("Cannot find file {}, or organization does not have access to it.", quoted(id))
            }
            Self::FileTooLarge(max) => format!("The batch input file is larger than the {max} maximum."),
            Self::TooManyRequests(max) => {
                format!(
                    "The number of requests in the input file exceeds the maximum allowed value of {max}."
                )
            }
        }
    }
}

/// How OpenAI names the type of a value.
fn described(value: Value<'_>) -> &'static str {
    match value.kind {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::String => "a string",
        Kind::Number if value.raw.contains(['.', 'e', 'E']) => "a decimal number",
        Kind::Number => "an integer",
        Kind::True | Kind::False => "a boolean",
        Kind::Null => "null",
    }
}

fn quoted(text: &str) -> Cow<'_, str> {
    text::quoted(text, MAX_QUOTED_CHARS)
}
