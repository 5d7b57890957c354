//! The object of a batch, and the timestamps that go with a change of its status.

use crate::json::value::Value;
use crate::wire::{BatchErrors, BatchStatus, BatchTag, IllegalChange, Metadata, Usage};
use serde::{Deserialize, Deserializer, Serialize};

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
    /// When the last request had ended; null for cancelled batches.
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
    /// What OpenAI's object has no key for; absent when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edgebatch: Option<Extension>,
}

impl Batch {
    /// Moves to `next` at `now` (Unix seconds) and stamps it.
    ///
    /// # Errors
    /// When that status may not follow.
    pub(crate) fn enter(&mut self, next: BatchStatus, now: u64) -> Result<(), IllegalChange> {
        self.status = self.status.change(next)?;
        let stamp = match next {
            BatchStatus::Validating => return Ok(()),
            BatchStatus::InProgress => &mut self.in_progress_at,
            BatchStatus::Finalizing => &mut self.finalizing_at,
            BatchStatus::Completed => &mut self.completed_at,
            BatchStatus::Failed => &mut self.failed_at,
            BatchStatus::Expired => &mut self.expired_at,
            BatchStatus::Cancelling => &mut self.cancelling_at,
            BatchStatus::Cancelled => &mut self.cancelled_at,
        };
        *stamp = Some(now);
        if next == BatchStatus::Cancelling {
            // Live objects never carry finalizing_at on cancel (contract §1).
            self.finalizing_at = None;
        }
        Ok(())
    }
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
