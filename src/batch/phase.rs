//! What the phases of a batch have in common. Each knows only how to go on from where it is, and which phase follows.

use crate::batch::command::{CommandId, Output, Reply, TurnEnd};
use crate::batch::context::{Context, Stop};
use crate::batch::defect::Defect;
use crate::host::Fault;

/// What a phase wants after an event, or after it was advanced.
pub(super) enum Next {
    /// Something changed: ask again.
    Again,
    /// Nothing to do until a reply or a time.
    Idle,
    /// The turn ends.
    End(TurnEnd),
    /// Another phase begins.
    Become(Box<dyn Phase>),
}

/// Where a batch is. Writes to the store are the machine's to follow; the host call in [`Context::io`] is the phase's.
pub(super) trait Phase {
    /// Goes on as far as that takes no reply.
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect>;

    /// The host call was answered. One that a phase before made is of no use any more.
    fn on_io(&mut self, _: &mut Context, _: Reply) -> Result<Next, Defect> {
        Ok(Next::Idle)
    }

    /// The host call failed for good, or too often.
    fn on_io_fault(&mut self, _: &mut Context, _: Fault) -> Result<Next, Defect> {
        Ok(Next::Idle)
    }

    /// A write to the store that is no change of phase is durable.
    fn on_saved(&mut self) {}

    /// More to start or to stop, should [`advance`](Self::advance) have nothing left to do.
    fn poll(&mut self, _: &Context, _: CommandId) -> Option<Output> {
        None
    }

    /// What [`poll`](Self::poll) started was answered, or had been aborted before.
    fn on_reply(&mut self, _: &mut Context, _: CommandId, _: Reply) -> Result<Next, Defect> {
        Ok(Next::Idle)
    }

    /// How many requests of a pool may be in flight, as the host says now.
    fn allow(&mut self, _: &dyn Fn(Option<&str>) -> Option<u32>) {}

    /// When something is due that no reply brings.
    fn due(&self, _: &Context) -> Option<u64> {
        None
    }
}

/// Nothing is to be done for now: the turn ends so once that is durable.
pub(super) struct Suspended(pub(super) TurnEnd);

impl Phase for Suspended {
    fn advance(&mut self, _: &mut Context) -> Result<Next, Defect> {
        Ok(Next::End(self.0.clone()))
    }
}

/// The end of a turn that can be picked up as it is, if the host wants to stop.
pub(super) fn stopped(context: &Context) -> Option<Next> {
    let stop = context.stop == Some(Stop::Requested);
    stop.then_some(Next::End(TurnEnd::Suspended { wake_at: context.now }))
}
