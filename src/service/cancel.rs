//! `cancel`: which batches it takes, and how one shows before its run has seen it.

use crate::error::ApiError;
use crate::settings::Dialect;
use crate::wire::{Batch, BatchStatus, Wish};

/// The batch as a user is to see it: a cancel that its run has not seen yet shows at once.
pub fn overlay_wish(mut batch: Batch, wish: Option<Wish>) -> Batch {
    if let Some(Wish::Cancel { since }) = wish {
        // One that has ended, or is being cancelled, stays as it is.
        let _ = batch.enter(BatchStatus::Cancelling, since);
    }
    batch
}

/// Whether a batch may be cancelled now: `Ok(false)` when it is already, or about to be.
///
/// # Errors
/// 409 for a batch that ended otherwise.
pub fn may_cancel(batch: &Batch, dialect: Dialect) -> Result<bool, ApiError> {
    match batch.status {
        BatchStatus::Validating | BatchStatus::InProgress | BatchStatus::Finalizing => Ok(true),
        BatchStatus::Cancelling | BatchStatus::Cancelled => Ok(false),
        BatchStatus::Completed => Err(cannot_cancel(batch, "completed", dialect)),
        BatchStatus::Failed => Err(cannot_cancel(batch, "failed", dialect)),
        BatchStatus::Expired => Err(cannot_cancel(batch, "expired", dialect)),
    }
}

fn cannot_cancel(batch: &Batch, status: &str, dialect: Dialect) -> ApiError {
    ApiError::conflict(match dialect {
        Dialect::Reference => format!("Cannot cancel batch '{}' with status '{status}'", batch.id),
        Dialect::Openai => format!("Cannot cancel a batch with status '{status}'."),
    })
}
