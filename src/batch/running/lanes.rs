//! The inference calls under way.

use crate::batch::command::CommandId;
use crate::batch::running::request::Request;
use crate::sorted::Sorted;

/// A request in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) request: Box<Request>,
    pub(super) sent_at: u64,
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// In the order they were sent, as ids only grow.
    flights: Sorted<CommandId, Flight>,
    /// Calls to be stopped.
    aborts: Vec<CommandId>,
    started: bool,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    /// A call was started in this turn.
    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// A call begins.
    pub(super) fn start(&mut self, id: CommandId, request: Box<Request>, now: u64) {
        self.started = true;
        self.flights.insert(id, Flight { request, sent_at: now });
    }

    /// A call ended. Nothing for one that was aborted before.
    pub(super) fn land(&mut self, id: CommandId) -> Option<Flight> {
        self.flights.remove(&id)
    }

    /// Gives up the oldest call if it takes too long.
    pub(super) fn time_out(&mut self, now: u64, timeout: u64) -> Option<Flight> {
        let &(id, ref flight) = self.flights.first()?;
        if flight.sent_at.saturating_add(timeout) > now {
            return None;
        }
        self.aborts.push(id);
        self.land(id)
    }

    /// Gives up all calls.
    pub(super) fn abort_all(&mut self) -> impl Iterator<Item = Box<Request>> {
        let flights = std::mem::take(&mut self.flights);
        self.aborts.extend(flights.iter().map(|(id, _)| *id));
        flights.into_values().map(|flight| flight.request)
    }

    /// Takes an abandoned call that is to be aborted.
    pub(super) fn next_abort(&mut self) -> Option<CommandId> {
        self.aborts.pop()
    }

    pub(super) fn has_aborts(&self) -> bool {
        !self.aborts.is_empty()
    }

    /// When the first call takes too long.
    pub(super) fn due(&self, timeout: u64) -> Option<u64> {
        self.flights.first().map(|(_, flight)| flight.sent_at.saturating_add(timeout))
    }
}
