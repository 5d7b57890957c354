//! What a user may ask of a batch that is under way: which batches take it, and what is stored.

use super::cancel::may_cancel;
use super::moving::is_moving;
use super::pause::{may_pause, may_resume};
use crate::error::ApiError;
use crate::keys;
use crate::settings::Dialect;
use crate::wire::{Batch, Hold, Wish};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end it early.
    Cancel,
    /// To start nothing for now.
    Pause,
    /// To go on.
    Resume,
}

impl Asked {
    /// Whether the batch is not so already, nor about to be.
    ///
    /// # Errors
    /// 409 for a batch that cannot be any more.
    pub fn is_news(self, batch: &Batch, dialect: Dialect) -> Result<bool, ApiError> {
        if batch.is_moving() {
            return Err(is_moving(batch));
        }
        match self {
            Self::Cancel => may_cancel(batch, dialect),
            Self::Pause => may_pause(batch),
            Self::Resume => may_resume(batch),
        }
    }

    /// The key that says it, and its value from `now` (Unix seconds) on; no value where it is said by there being none.
    pub fn record(self, id: &str, now: u64) -> (String, Option<Vec<u8>>) {
        match self {
            Self::Cancel => (keys::cancel(id), Some(Wish::Cancel { since: now }.encode())),
            Self::Pause => (keys::pause(id), Some(Hold::Paused(now).encode())),
            Self::Resume => (keys::pause(id), None),
        }
    }
}
