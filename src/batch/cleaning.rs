//! The batch once it is terminal: what only the run needed is deleted, what makes it run last.

use super::Phase;
use crate::batch::checkpoint::SavedPhase;
use crate::batch::command::Write;
use crate::batch::context::{Core, Next};
use crate::keys;

/// Makes the terminal batch durable; after that it is cleaned up behind.
pub(super) fn conclude(core: &mut Core) -> Next {
    core.commit(SavedPhase::Cleaning);
    Next::Become(Phase::Cleaning(Cleaning { asked: false }))
}

/// Deletes results and markers. Repeats the batch itself first: a crash may have come between the
/// checkpoint and the batch where the store has no atomic writes.
pub(super) struct Cleaning {
    asked: bool,
}

impl Cleaning {
    pub(super) fn resume() -> Self {
        Self { asked: false }
    }

    pub(super) fn advance(&mut self, core: &mut Core) -> Next {
        if !core.save.is_idle() {
            return Next::Idle;
        }
        if self.asked {
            return Next::Terminal;
        }
        self.asked = true;
        let id = core.batch.id.clone();
        core.start_save(vec![
            core.published(),
            Write::DeletePrefix(keys::results(&id)),
            Write::DeletePrefix(keys::large_results(&id)),
            Write::Delete(keys::checkpoint(&id)),
            Write::Delete(keys::cancel(&id)),
            Write::Delete(keys::run(&id)),
        ]);
        Next::Again
    }
}
