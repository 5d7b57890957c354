//! The wire types of the Batches API. One serde type per object: what is stored is what is sent.
//! Every key is always present and null when unset, in the order of live objects (contract §1).

pub mod status;
mod wish;

pub use self::wish::Wish;

use crate::json::value::Value;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A batch, as a user reads it. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// `batch_` and 32 hex digits; the first eight are the second of creation, so ids sort by it.
    pub id: String,
    /// Always `batch`.
    pub object: BatchTag,
    /// The endpoint every line must name as its `url`.
    pub endpoint: String,
    /// The model of the file, once validation has seen it; null when the lines name several.
    pub model: Option<String>,
    /// Why validation failed; null in every status but `failed`.
    pub errors: Option<BatchErrors>,
    /// The file of requests. Not looked at before validation.
    pub input_file_id: String,
    /// Always `24h`.
    pub completion_window: String,
    /// Where the batch stands.
    pub status: BatchStatus,
    /// The file of answers; set on terminal batches with at least one 2xx line.
    pub output_file_id: Option<String>,
    /// The file of everything else; set on terminal batches with at least one such line.
    pub error_file_id: Option<String>,
    /// When `create` was called.
    pub created_at: u64,
    /// When validation passed.
    pub in_progress_at: Option<u64>,
    /// When requests that did not run yet will no longer run; set at creation.
    pub expires_at: Option<u64>,
    /// When the last request was done with; null for cancelled batches.
    pub finalizing_at: Option<u64>,
    /// When both files stood.
    pub completed_at: Option<u64>,
    /// When validation (or the input file) failed.
    pub failed_at: Option<u64>,
    /// When the files of an expired batch stood.
    pub expired_at: Option<u64>,
    /// When cancel was called.
    pub cancelling_at: Option<u64>,
    /// When the files of a cancelled batch stood.
    pub cancelled_at: Option<u64>,
    /// How many requests there are and how they ended; zeros while validating.
    pub request_counts: RequestCounts,
    /// Tokens of all 2xx answers; zeros until the batch is terminal.
    pub usage: Usage,
    /// What the creator attached; null when nothing.
    pub metadata: Option<Metadata>,
    /// What OpenAI's object has no place for; absent when there is nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edgebatch: Option<Extension>,
}

/// What this implementation says of a batch besides OpenAI's own members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extension {
    /// Why nothing starts right now; absent when all goes well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Wait>,
}

/// Why the requests of a batch wait, and until when. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// `overloaded`, `unavailable`, `failing` or `refused`.
    pub reason: String,
    /// What the model server answered last; null when there was no answer.
    pub status: Option<u16>,
    /// What it said, or why it could not be reached.
    pub message: String,
    /// When it last answered a request, or else the run began.
    pub since: u64,
    /// When it is asked again.
    pub until: u64,
}

/// By hand, over the plain value: what is derived is five times the WebAssembly.
impl<'de> Deserialize<'de> for Extension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let waiting = value.get("waiting").map(|wait| {
            let text = |name| wait.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let number = |name| wait.get(name).and_then(Value::as_u64);
            Wait {
                reason: text("reason"),
                status: number("status").map(|status| status as u16),
                message: text("message"),
                since: number("since").unwrap_or_default(),
                until: number("until").unwrap_or_default(),
            }
        });
        Ok(Self { waiting })
    }
}

/// What the creator of a batch attached: names and texts in the order given, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// Attaches a text under a name; one that was there under that name is replaced.
    pub fn set(&mut self, name: String, text: String) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = text,
            None => self.0.push((name, text)),
        }
    }

    /// The same pairs in the order of their names.
    #[must_use]
    pub fn sorted(self) -> Self {
        let mut sorted: Vec<_> = Vec::with_capacity(self.0.len());
        // For these few, `sort` would be 8 KB of WebAssembly.
        for pair in self.0 {
            sorted.insert(sorted.partition_point(|other| *other < pair), pair);
        }
        Self(sorted)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, text)| (name, text)))
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut metadata = Metadata::default();
                while let Some((name, text)) = map.next_entry()? {
                    metadata.set(name, text);
                }
                Ok(metadata)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The `object` of a [`Batch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchTag {
    /// `"batch"`
    #[default]
    Batch,
}

/// The `object` of every list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListTag {
    /// `"list"`
    #[default]
    List,
}

/// Where a batch stands; the arrows are in `batch/status.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// Created; the input file is being checked, or waits for its turn.
    Validating,
    /// The input was refused; `errors` says why.
    Failed,
    /// Requests are running.
    InProgress,
    /// Every request is done with; the files are being written.
    Finalizing,
    /// The files stand.
    Completed,
    /// The window closed before every request ran; the files hold what did.
    Expired,
    /// Cancel was asked for; nothing new starts.
    Cancelling,
    /// Cancelled; the files hold what had run.
    Cancelled,
}

/// `errors` of a failed batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchErrors {
    /// Always `list`.
    pub object: ListTag,
    /// In line order; errors of the whole file carry no line.
    pub data: Vec<BatchError>,
}

impl From<Vec<BatchError>> for BatchErrors {
    fn from(data: Vec<BatchError>) -> Self {
        Self { object: ListTag::List, data }
    }
}

/// One reason why a batch failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchError {
    /// A stable word for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The parameter at fault (`body.model`), if one is.
    pub param: Option<String>,
    /// Physical line, 1-based; null for errors of the whole file.
    pub line: Option<u64>,
}

/// How many requests there are and how they ended. `completed + failed <= total` at all times:
/// lines that never ran because of cancel or expiry are in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests in the input file.
    pub total: u64,
    /// Lines answered with 2xx.
    pub completed: u64,
    /// Lines that ran and failed.
    pub failed: u64,
}

/// Tokens, in the Responses API's words; chat's prompt and completion tokens map to input and output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Their sum, as the model reported it.
    pub total_tokens: u64,
    /// Of the input.
    pub input_tokens_details: InputTokensDetails,
    /// Of the output.
    pub output_tokens_details: OutputTokensDetails,
}

/// Details of [`Usage::input_tokens`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputTokensDetails {
    /// Tokens served from a prompt cache.
    pub cached_tokens: u64,
}

/// Details of [`Usage::output_tokens`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTokensDetails {
    /// Tokens spent thinking.
    pub reasoning_tokens: u64,
}

/// One page of batches, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchList {
    /// Always `list`.
    pub object: ListTag,
    /// The batches of this page.
    pub data: Vec<Batch>,
    /// Id of the first batch here; null on an empty page.
    pub first_id: Option<String>,
    /// Id of the last batch here: the next page's `after`; null on an empty page.
    pub last_id: Option<String>,
    /// Whether older batches follow.
    pub has_more: bool,
}

/// A stored file, as a host reports it. Only `id` and `bytes` matter to the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileObject {
    /// The id the file is read by.
    pub id: String,
    /// Exact size.
    pub bytes: u64,
}

impl Usage {
    /// Adds another answer's tokens. Saturates: a model's report is not to be trusted with a panic.
    pub fn add(&mut self, other: &Self) {
        let sum = |a: &mut u64, b: u64| *a = a.saturating_add(b);
        sum(&mut self.input_tokens, other.input_tokens);
        sum(&mut self.output_tokens, other.output_tokens);
        sum(&mut self.total_tokens, other.total_tokens);
        sum(&mut self.input_tokens_details.cached_tokens, other.input_tokens_details.cached_tokens);
        sum(&mut self.output_tokens_details.reasoning_tokens, other.output_tokens_details.reasoning_tokens);
    }
}
