//! The batch once it is terminal: what only the run needed is deleted, what makes it run last.

use crate::batch::checkpoint::SavedPhase;
use crate::batch::command::{TurnEnd, Write};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::outbox;
use crate::batch::phase::{Next, Phase};
use crate::keys;

/// Deletes results and markers. Repeats the batch itself first: a crash may have come between the
/// checkpoint and the batch where the store has no atomic writes.
#[derive(Debug, Default)]
pub(super) struct Cleaning {
    asked: bool,
    /// The end of the batch was made durable in this turn, with the event of it.
    told: bool,
}

/// Makes the terminal batch durable; then what it leaves is cleaned up.
pub(super) fn conclude(context: &mut Context) -> Next {
    context.commit(SavedPhase::Cleaning);
    Next::Become(Box::new(Cleaning { told: true, ..Cleaning::default() }))
}

impl Phase for Cleaning {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if !context.save.is_idle() {
            return Ok(Next::Idle);
        }
        if self.asked {
            return Ok(Next::End(TurnEnd::Terminal));
        }
        self.asked = true;
        let id = context.batch.id.clone();
        let mut writes = vec![context.published()];
        writes.extend(outbox::ended(context).filter(|_| !self.told));
        writes.extend([
            Write::DeletePrefix(keys::results(&id)),
            Write::DeletePrefix(keys::large_results(&id)),
            Write::Delete(keys::checkpoint(&id)),
            Write::Delete(keys::cancel(&id)),
            Write::Delete(keys::run(&id)),
        ]);
        context.start_save(writes);
        Ok(Next::Again)
    }
}
