//! `pause` and `resume`: which batches they take, and how a paused one shows.

use crate::error::ApiError;
use crate::wire::{Batch, BatchStatus, Hold};

/// The batch as a user is to see it: with what holds it, if it has anything left to start.
pub fn overlay_hold(mut batch: Batch, hold: Option<&Hold>) -> Batch {
    if may_be_paused(batch.status) {
        batch.hold(hold);
    }
    batch
}

/// Whether a batch may be paused now: `Ok(false)` when it is already.
///
/// # Errors
/// 409 for a batch that has nothing left to start.
pub(super) fn may_pause(batch: &Batch) -> Result<bool, ApiError> {
    if may_be_paused(batch.status) { Ok(batch.paused_at().is_none()) } else { Err(refused(batch, "pause")) }
}

/// Whether a batch is to go on: `Ok(false)` when it does already.
///
/// # Errors
/// 409 for a batch that has ended.
pub(super) fn may_resume(batch: &Batch) -> Result<bool, ApiError> {
    if batch.status.is_terminal() { Err(refused(batch, "resume")) } else { Ok(batch.paused_at().is_some()) }
}

fn may_be_paused(status: BatchStatus) -> bool {
    matches!(status, BatchStatus::Validating | BatchStatus::InProgress)
}

fn refused(batch: &Batch, what: &str) -> ApiError {
    ApiError::conflict(format!("Cannot {what} batch '{}' with status '{}'.", batch.id, batch.status.as_str()))
}
