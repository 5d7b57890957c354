//! The object of a batch, and the timestamps that go with a change of its status.

use crate::json::record::record;
use crate::wire::{
    BatchErrors, BatchStatus, BatchTag, Budget, Continued, Deduped, Extension, Hold, IllegalChange, Metadata,
    Reused, SendOrder, Usage, Wait,
};
use serde::Serialize;

/// A batch, as a user reads it. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// `24h`, or another window that was open.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edgebatch: Option<Extension>,
}

record!(Batch {
    id,
    object,
    endpoint,
    model,
    errors,
    input_file_id,
    completion_window,
    status,
    output_file_id,
    error_file_id,
    created_at,
    in_progress_at,
    expires_at,
    finalizing_at,
    completed_at,
    failed_at,
    expired_at,
    cancelling_at,
    cancelled_at,
    request_counts,
    usage,
    metadata,
    edgebatch
});

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

    /// Says what the batch waits for, or that it waits no more. Whether that is news.
    pub(crate) fn tell(&mut self, waiting: Option<Wait>) -> bool {
        let mut extension = self.edgebatch.take().unwrap_or_default();
        let is_news = extension.waiting != waiting;
        extension.waiting = waiting;
        self.edgebatch = (!extension.is_empty()).then_some(extension);
        is_news
    }

    /// Says what was taken over of the batch that this one continues.
    pub(crate) fn reuse(&mut self, reused: Reused) {
        if let Some(continued) = self.edgebatch.as_mut().and_then(|own| own.continued.as_mut()) {
            continued.reused = Some(reused);
        }
    }

    /// Says what holds it, if anything does.
    pub(crate) fn hold(&mut self, hold: Option<&Hold>) {
        let Some(hold) = hold else { return };
        let own = self.edgebatch.get_or_insert_default();
        match hold {
            Hold::Paused(since) => own.paused_at = Some(*since),
            Hold::Moving(moving) => (own.paused_at, own.moving_at) = (moving.paused_at, Some(moving.since)),
        }
    }

    /// Whether it is on its way to another host.
    pub(crate) fn is_moving(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.moving_at.is_some())
    }

    /// Whether another host has taken it over.
    pub(crate) fn is_moved(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.moved_at.is_some())
    }

    /// Ends it here at `now` (Unix seconds), as another host has it.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn move_away(&mut self, now: u64) -> Result<(), IllegalChange> {
        self.enter(BatchStatus::Cancelling, now)?;
        self.enter(BatchStatus::Cancelled, now)?;
        self.edgebatch.get_or_insert_default().moved_at = Some(now);
        Ok(())
    }

    /// Since when it is paused, if it is.
    pub(crate) fn paused_at(&self) -> Option<u64> {
        self.edgebatch.as_ref()?.paused_at
    }

    /// Names the file that has all lines in the order in which they came.
    pub(crate) fn record(&mut self, file_id: String) {
        self.edgebatch.get_or_insert_default().results_file_id = Some(file_id);
    }

    /// That file, if there is one.
    pub(crate) fn results_file_id(&self) -> Option<&str> {
        self.edgebatch.as_ref()?.results_file_id.as_deref()
    }

    /// How much sooner it is to run than others.
    pub(crate) fn priority(&self) -> i64 {
        self.edgebatch.as_ref().map_or(0, |own| own.priority)
    }

    /// What it may use, if that is capped.
    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.edgebatch.as_ref()?.budget.as_ref()
    }

    /// The same, to be counted in.
    pub(crate) fn budget_mut(&mut self) -> Option<&mut Budget> {
        self.edgebatch.as_mut()?.budget.as_mut()
    }

    /// Whether it ends as its budget is used up.
    pub(crate) fn is_ended_by_budget(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.ended_by_budget)
    }

    /// Whether requests that begin alike are sent together.
    pub(crate) fn groups_prefixes(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.order == Some(SendOrder::Prefix))
    }

    /// Whether identical requests are asked once.
    pub(crate) fn dedupes(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.dedupe)
    }

    /// How many requests repeat others, once that is known.
    pub(crate) fn deduped(&self) -> Option<&Deduped> {
        self.edgebatch.as_ref()?.deduped.as_ref()
    }

    /// Says how many requests repeat others, and which tokens that saved so far.
    pub(crate) fn dedupe(&mut self, deduped: Deduped) {
        self.edgebatch.get_or_insert_default().deduped = Some(deduped);
    }

    /// Whether its file may have the requests of several.
    pub(crate) fn is_split(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.split)
    }

    /// Which batch this one continues, if any.
    pub(crate) fn continued(&self) -> Option<&Continued> {
        self.edgebatch.as_ref()?.continued.as_ref()
    }
}

/// How many requests there are and how they ended. `completed + failed <= total` at all times:
/// lines that never ran because of cancel or expiry are in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// Requests in the input file; of a batch that continues another without its results, those that are left.
    pub total: u64,
    /// Lines answered with 2xx.
    pub completed: u64,
    /// Lines that ran and failed.
    pub failed: u64,
}

record!(RequestCounts { total, completed, failed });
