//! Where a batch may stand, and which status may follow which (contract §5).

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use serde::Serialize;
use std::fmt;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
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

impl FromValue for BatchStatus {
    fn from_value(value: &Value) -> Option<Self> {
        let word = value.as_str()?;
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

by_value!(BatchStatus);

impl BatchStatus {
    const ALL: [Self; 8] = [
        Self::Validating,
        Self::Failed,
        Self::InProgress,
        Self::Finalizing,
        Self::Completed,
        Self::Expired,
        Self::Cancelling,
        Self::Cancelled,
    ];

    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Failed => "failed",
            Self::InProgress => "in_progress",
            Self::Finalizing => "finalizing",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
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
