//! Where a batch may stand, and which status may follow which (contract §5).

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use serde::{Serialize, Serializer};
use std::fmt;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BatchStatus {
    /// Created; the input file is being checked, or waits for its turn.
    Validating,
    /// The input was refused; `errors` says why.
    Failed,
    /// Requests are running.
    InProgress,
    /// Every request has ended; the files are being written.
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

/// A change of status that must never be. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IllegalChange {
    from: BatchStatus,
    to: BatchStatus,
}

impl fmt::Display for IllegalChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a batch that is {} cannot become {}", self.from.as_str(), self.to.as_str())
    }
}

/// Each status, as it is declared, and the words for them in the same order.
const ALL: [BatchStatus; 8] = [
    BatchStatus::Validating,
    BatchStatus::Failed,
    BatchStatus::InProgress,
    BatchStatus::Finalizing,
    BatchStatus::Completed,
    BatchStatus::Expired,
    BatchStatus::Cancelling,
    BatchStatus::Cancelled,
];
const WORDS: [&str; 8] =
    ["validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"];

impl FromValue for BatchStatus {
    fn from_value(value: &Value) -> Option<Self> {
        let word = value.as_str()?;
        ALL.into_iter().find(|status| status.as_str() == word)
    }
}

by_value!(BatchStatus);

impl Serialize for BatchStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl BatchStatus {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        WORDS[self as usize]
    }

    /// A status that is never left.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Expired | Self::Cancelled)
    }

    /// The change to `next`.
    ///
    /// # Errors
    /// When that status may not follow.
    pub(super) fn change(self, next: Self) -> Result<Self, IllegalChange> {
        if self.may_become(next) { Ok(next) } else { Err(IllegalChange { from: self, to: next }) }
    }

    /// Whether `next` may follow. Failing from a later status than validating happens only when the input
    /// file is gone for good.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Validating => matches!(next, Self::InProgress | Self::Failed | Self::Cancelling),
            Self::InProgress => matches!(next, Self::Finalizing | Self::Cancelling),
            Self::Finalizing => {
                matches!(next, Self::Completed | Self::Expired | Self::Failed | Self::Cancelling)
            }
            Self::Cancelling => matches!(next, Self::Cancelled | Self::Failed),
            Self::Completed | Self::Failed | Self::Expired | Self::Cancelled => false,
        }
    }
}
