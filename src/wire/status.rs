//! Where a batch may stand, which status may follow which (contract §5), and the timestamps that go with a change.

use crate::wire::Batch;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl BatchStatus {
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

impl Batch {
    /// Moves to `next` at `now` (Unix seconds) and stamps it.
    ///
    /// # Errors
    /// When that status may not follow.
    pub(crate) fn enter(&mut self, next: BatchStatus, now: u64) -> Result<(), IllegalChange> {
        if !self.status.may_become(next) {
            return Err(IllegalChange { from: self.status, to: next });
        }
        self.status = next;
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
