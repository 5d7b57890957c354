//! What can never be, unless the machine is wrong or what it resumed from was not its own.

use crate::wire::IllegalChange;

/// Why a turn cannot go on. It ends with nothing of this written: what follows from it could not be trusted.
#[derive(Debug)]
pub(super) struct Defect(pub(super) String);

impl Defect {
    /// A driver answered a command with what only another is answered with.
    pub(super) fn misfit() -> Self {
        Self("a reply did not fit its command".to_owned())
    }
}

impl From<IllegalChange> for Defect {
    fn from(change: IllegalChange) -> Self {
        Self(change.to_string())
    }
}
