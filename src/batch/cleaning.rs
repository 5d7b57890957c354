//! The batch once it is terminal: what only the run needed is deleted, what makes it run last.

use crate::batch::checkpoint::SavedPhase;
use crate::batch::command::{Command, LookUp, Reply, TurnEnd, Write};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::outbox;
use crate::batch::phase::{Next, Phase};
use crate::batch::recording::Recording;
use crate::host::Fault;
use crate::keys;
use crate::wire::{Batch, BatchStatus};

/// Deletes results and markers. Repeats the batch itself first: a crash may have come between the
/// checkpoint and the batch where the store has no atomic writes.
#[derive(Debug, Default)]
pub(super) struct Cleaning {
    /// Somebody who follows the results was looked for. Whoever begins to later finds that the batch has ended.
    looked: bool,
    /// There was somebody.
    recording: Option<Recording>,
    asked: bool,
    /// The end of the batch was made durable in this turn, with the event of it.
    told: bool,
}

/// Makes the terminal batch durable; then what it leaves is cleaned up.
pub(super) fn conclude(context: &mut Context) -> Next {
    context.commit(SavedPhase::Cleaning);
    Next::Become(Box::new(Cleaning { told: true, ..Cleaning::default() }))
}

/// Whether the batch ran, and its files have what came, which those of one that failed have in part. Once is enough.
fn may_be_recorded(batch: &Batch) -> bool {
    let has_file = batch.output_file_id.is_some() || batch.error_file_id.is_some();
    has_file && batch.status != BatchStatus::Failed && batch.results_file_id().is_none()
}

impl Phase for Cleaning {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if !context.save.is_idle() || !context.io.is_idle() {
            return Ok(Next::Idle);
        }
        if let Some(recording) = &mut self.recording
            && !recording.is_over()
        {
            return recording.advance(context);
        }
        if !self.looked && may_be_recorded(&context.batch) {
            context.io.start(Command::LookUp(LookUp::Watched));
            return Ok(Next::Again);
        }
        if self.asked {
            return Ok(Next::End(TurnEnd::Terminal));
        }
        self.asked = true;
        let id = context.batch.id.clone();
        let mut writes = vec![context.published()];
        writes.extend(outbox::ended(context).filter(|_| !self.told));
        if context.batch.dedupes() {
            writes.push(Write::DeletePrefix(keys::repeats(&id)));
        }
        if context.batch.groups_prefixes() {
            writes.push(Write::DeletePrefix(keys::plans(&id)));
        }
        writes.extend([
            Write::DeletePrefix(keys::results(&id)),
            Write::DeletePrefix(keys::large_results(&id)),
            Write::DeletePrefix(keys::orders(&id)),
            Write::Delete(keys::checkpoint(&id)),
            Write::Delete(keys::cancel(&id)),
            Write::Delete(keys::pause(&id)),
            Write::Delete(keys::watch(&id)),
            Write::Delete(keys::run(&id)),
        ]);
        context.start_save(writes);
        Ok(Next::Again)
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        if let Some(recording) = &mut self.recording {
            return recording.on_io(context, reply);
        }
        self.looked = true;
        self.recording = (reply == Reply::Watched(true)).then(Recording::default);
        Ok(Next::Again)
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        if let Some(recording) = &mut self.recording {
            return recording.on_io_fault(context);
        }
        self.looked = !fault.may_pass();
        Ok(if self.looked { Next::Again } else { Next::End(context.fault(fault)) })
    }

    fn due(&self, context: &Context) -> Option<u64> {
        self.recording.as_ref()?.due(context)
    }
}
