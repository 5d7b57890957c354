//! What ends a run early, and how each run ends.

use super::Running;
use crate::batch::Phase;
use crate::batch::checkpoint::Ending;
use crate::batch::context::{Core, Next};
use crate::batch::defect::Defect;
use crate::batch::finalizing::Finalizing;
use crate::batch::running::chunks::most_chunks;
use crate::batch::running::reader::Request;
use crate::batch::validating::unreadable;
use crate::result::output_line::{NoAnswer, UNREADABLE};
use crate::sorted::Sorted;
use crate::wire::{BatchErrors, BatchStatus, ListTag};

/// Why nothing new starts, for good.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Halt {
    Cancelled,
    Expired,
    InputGone(BatchErrors),
}

impl Halt {
    /// What stands in the line of a request that it kept from its answer.
    pub(super) fn reason(&self, sent: bool) -> NoAnswer {
        match self {
            Self::Cancelled => NoAnswer::Cancelled { sent },
            Self::Expired => NoAnswer::Expired { sent },
            Self::InputGone(_) => NoAnswer::Lost { code: UNREADABLE },
        }
    }
}

impl Running {
    /// Cancel and expiry stop everything at once: calls in flight are aborted, and whatever did not end is
    /// written down as never run.
    pub(super) fn notice_halt(&mut self, core: &mut Core) -> Result<(), Defect> {
        if self.halt.is_some() {
            return Ok(());
        }
        if let Some(cancelling_at) = core.cancel_requested_at {
            core.batch.enter(BatchStatus::Cancelling, cancelling_at)?;
            self.unsaved.publish_soon();
            self.stop_everything(core, Halt::Cancelled);
        } else if core.is_expired() {
            self.stop_everything(core, Halt::Expired);
        }
        Ok(())
    }

    /// The input is gone for good: requests that were read have their line all the same.
    pub(super) fn lose_input(&mut self, core: &mut Core, message: &str) {
        if matches!(self.halt, Some(Halt::InputGone(_))) {
            return;
        }
        let errors = BatchErrors { object: ListTag::List, data: vec![unreadable(message)] };
        self.stop_everything(core, Halt::InputGone(errors));
        self.read_all = true;
    }

    /// Ends all requests that did not, in input order.
    fn stop_everything(&mut self, core: &mut Core, halt: Halt) {
        core.batch.edgebatch = None;
        let flights = std::mem::take(&mut self.in_flight);
        self.aborts.extend(flights.iter().map(|(id, _)| *id));
        let flights = flights.into_values().map(|flight| (flight.request, true));
        let waiting = std::mem::take(&mut self.waiting).into_values().chain(self.ready.drain(..));
        let mut stopped: Sorted<u64, (Box<Request>, bool)> = Sorted::default();
        for (request, in_flight) in flights.chain(waiting.map(|request| (request, false))) {
            stopped.insert(request.line, (request, in_flight));
        }
        self.ready_bytes = 0;
        for (request, in_flight) in stopped.into_values() {
            let reason = halt.reason(in_flight || request.tries.made > 0);
            self.end_without_answer(core, &request, &reason);
        }
        self.halt = Some(halt);
    }

    pub(super) fn finish(&mut self, core: &mut Core) -> Result<Next, Defect> {
        let tally = self.chunks.tally();
        let total = core.batch.request_counts.total;
        let ending = match self.halt.take() {
            Some(Halt::InputGone(errors)) => Ending::Failed(errors),
            _ if tally.lines() != total => {
                let error = unreadable("it does not hold the requests it held when it was validated");
                Ending::Failed(BatchErrors { object: ListTag::List, data: vec![error] })
            }
            Some(Halt::Expired) => Ending::Expired,
            Some(Halt::Cancelled) => Ending::Completed,
            // An earlier turn's clock was ahead of this one's.
            None if tally.not_run > 0 => Ending::Expired,
            None => Ending::Completed,
        };
        if core.batch.status == BatchStatus::InProgress {
            core.batch.enter(BatchStatus::Finalizing, core.now_seconds())?;
        }
        core.raise_counts(&tally);
        let chunks = match &ending {
            Ending::Failed(_) => most_chunks(total, self.input_bytes),
            Ending::Completed | Ending::Expired => self.chunk_count(),
        };
        let finalizing = Finalizing::new(chunks, ending);
        core.commit(finalizing.saved());
        Ok(Next::Become(Phase::Finalizing(Box::new(finalizing))))
    }

    /// Chunks that may have results: one past the reader when it stopped inside one.
    fn chunk_count(&self) -> u32 {
        self.reader.position().chunk + u32::from(!self.chunks.is_empty())
    }
}
