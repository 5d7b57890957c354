//! What ends a run early, and how each run ends.

use super::Running;
use crate::batch::checkpoint::Ending;
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::finalizing::Finalizing;
use crate::batch::input_error::unreadable;
use crate::batch::phase::Next;
use crate::batch::repeating::Repeating;
use crate::batch::running::chunks::most_chunks;
use crate::batch::running::pools::Pool;
use crate::batch::running::request::Request;
use crate::result::output_line::{NoAnswer, UNREADABLE};
use crate::sorted::Sorted;
use crate::wire::{Batch, BatchErrors, BatchStatus};

/// Why nothing new starts, for good.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Halt {
    Cancelled,
    Expired,
    /// The budget has no room for another request.
    OverBudget,
    InputGone(BatchErrors),
}

impl Halt {
    /// What the line says of a request that it kept from being answered.
    pub(super) fn reason(&self, sent: bool) -> NoAnswer {
        match self {
            Self::Cancelled => NoAnswer::Cancelled { sent },
            Self::Expired => NoAnswer::Expired { sent },
            Self::OverBudget => NoAnswer::OverBudget { sent },
            Self::InputGone(_) => NoAnswer::Lost { code: UNREADABLE },
        }
    }
}

impl Running {
    /// Why an earlier turn had nothing start any more.
    pub(super) fn of_earlier(batch: &Batch) -> Option<Halt> {
        let halt = if batch.is_ended_by_budget() { Halt::OverBudget } else { Halt::Cancelled };
        (batch.status == BatchStatus::Cancelling).then_some(halt)
    }

    /// Cancel and expiry stop everything at once: calls in flight are aborted, and whatever did not end is
    /// written down as never run.
    pub(super) fn notice_halt(&mut self, context: &mut Context) -> Result<(), Defect> {
        if self.halt.is_some() {
            return Ok(());
        }
        if let Some(cancelling_at) = context.cancel_requested_at {
            context.batch.enter(BatchStatus::Cancelling, cancelling_at)?;
            self.unsaved.publish_soon();
            self.stop_everything(context, Halt::Cancelled);
        } else if context.is_expired() {
            self.stop_everything(context, Halt::Expired);
        }
        Ok(())
    }

    /// The input is gone for good: requests that were read have their line all the same.
    pub(super) fn lose_input(&mut self, context: &mut Context, message: &str) {
        if matches!(self.halt, Some(Halt::InputGone(_))) {
            return;
        }
        self.stop_everything(context, Halt::InputGone(vec![unreadable(message)].into()));
        self.pools.iter_mut().for_each(|pool| pool.read_all = true);
    }

    /// Ends all requests that did not, in input order.
    pub(super) fn stop_everything(&mut self, context: &mut Context, halt: Halt) {
        context.batch.tell(None);
        let flights = self.lanes.abort_all().map(|request| (request, true));
        let pending = self.pools.iter_mut().flat_map(Pool::stop).map(|request| (request, false));
        let mut stopped: Sorted<u64, (Box<Request>, bool)> = Sorted::default();
        for (request, in_flight) in flights.chain(pending) {
            stopped.insert(request.slot.line, (request, in_flight));
        }
        for (request, in_flight) in stopped.into_values() {
            let reason = halt.reason(in_flight || request.tries.made > 0);
            self.end_without_answer(context, request.slot, &request.custom_id, &reason);
        }
        self.halt = Some(halt);
    }

    pub(super) fn finish(&mut self, context: &mut Context) -> Result<Next, Defect> {
        let tally = self.chunks.tally();
        let total = context.batch.request_counts.total;
        // Lines of requests that another batch did not come to, and this one was not to run.
        let reused = context.batch.continued().filter(|continued| continued.merge);
        let kept = reused.and_then(|continued| continued.reused).map_or(0, |reused| reused.not_run);
        let ending = match self.halt.take() {
            Some(Halt::InputGone(errors)) => Ending::Failed(errors),
            _ if tally.lines() != total => {
                let error = unreadable("it does not hold the requests it held when it was validated");
                Ending::Failed(vec![error].into())
            }
            Some(Halt::Expired) => Ending::Expired,
            Some(Halt::Cancelled | Halt::OverBudget) => Ending::Completed,
            // An earlier turn's clock was ahead of this one's.
            None if tally.not_run > kept => Ending::Expired,
            None => Ending::Completed,
        };
        if context.batch.status == BatchStatus::InProgress {
            context.batch.enter(BatchStatus::Finalizing, context.now_seconds())?;
        }
        context.raise_counts(&tally);
        self.count_calls(context);
        let chunks = match &ending {
            Ending::Failed(_) => most_chunks(total, self.input_bytes),
            Ending::Completed | Ending::Expired => self.chunk_count(),
        };
        if context.batch.dedupes() {
            let repeating = Repeating::new(context, chunks, ending, &tally);
            context.commit(repeating.saved());
            return Ok(Next::Become(Box::new(repeating)));
        }
        let finalizing = Finalizing::new(chunks, ending);
        context.commit(finalizing.saved());
        Ok(Next::Become(Box::new(finalizing)))
    }

    /// Chunks that may have results: one past the reader when it stopped inside one.
    fn chunk_count(&self) -> u32 {
        let read = self.pools.leader().map_or(0, |reader| reader.position().chunk);
        read + u32::from(!self.chunks.is_empty())
    }
}
