//! Requests that wait to be sent: those never tried, in input order, and those to be tried again, by when they are due.

use crate::batch::checkpoint::SavedWait;
use crate::batch::running::request::Request;
use crate::batch::running::whose_fault::Tries;
use crate::sorted::Sorted;
use std::collections::VecDeque;

/// Bytes of requests read ahead; one more line may come on top.
const READY_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Pending {
    lanes: usize,
    ready: VecDeque<Box<Request>>,
    ready_bytes: usize,
    /// By the time they are due, then by line.
    retries: Sorted<(u64, u64), Box<Request>>,
    /// Tries of an earlier turn, by line, whose requests were not read yet.
    tried: Vec<SavedWait>,
    /// Requests that have asked whether the server is well again.
    probes: u32,
}

impl Pending {
    /// `lanes` is the most that may ever be in flight, `tried` what an earlier turn [`saved`](Self::saved).
    pub(super) fn new(lanes: u32, tried: Vec<SavedWait>) -> Self {
        Self {
            lanes: lanes as usize,
            ready: VecDeque::new(),
            ready_bytes: 0,
            retries: Sorted::default(),
            tried,
            probes: 0,
        }
    }

    /// Whether more is to be read ahead.
    pub(super) fn has_room(&self) -> bool {
        self.ready.len() < (2 * self.lanes).max(64) && self.ready_bytes < READY_BYTES
    }

    /// Whether there are requests not tried yet.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether there are requests to be tried again.
    pub(super) fn has_retries(&self) -> bool {
        !self.retries.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.retries.is_empty()
    }

    /// When the first retry is due.
    pub(super) fn retry_due(&self) -> Option<u64> {
        self.retries.first().map(|&((due, _), _)| due)
    }

    /// A request was read. One that an earlier turn tried waits as that left it.
    pub(super) fn add(&mut self, mut request: Box<Request>) {
        match self.tried.iter().position(|[line, ..]| *line == request.slot.line) {
            None => {
                self.ready_bytes += request.body.len();
                self.ready.push_back(request);
            }
            Some(at) => {
                let [_, due, tries @ ..] = self.tried.swap_remove(at);
                request.tries = Tries::resume(tries);
                self.retry(due, request);
            }
        }
    }

    /// A request is to be tried again.
    pub(super) fn retry(&mut self, due: u64, request: Box<Request>) {
        self.retries.insert((due, request.slot.line), request);
    }

    /// Requests to be tried again.
    pub(super) fn retries(&self) -> usize {
        self.retries.len()
    }

    /// Whether [`take`](Self::take) would give something; an untried one only if `fresh`.
    pub(super) fn can_send(&self, now: u64, fresh: bool) -> bool {
        self.retry_due().is_some_and(|due| due <= now) || (fresh && self.may_start() && self.has_ready())
    }

    /// A bounded number of requests waits to be tried again.
    fn may_start(&self) -> bool {
        self.retries.len() < (4 * self.lanes).max(64)
    }

    /// The next request to send, if one may be sent now. Due retries go first, so that the early lines of a file are not
    /// the last to end; but while the server refuses everything (`probing`), mostly untried requests probe it, and a
    /// bounded number of requests waits. None that is untried unless `fresh`.
    pub(super) fn take(&mut self, now: u64, probing: bool, fresh: bool) -> Option<Box<Request>> {
        let may_start = fresh && self.may_start();
        let retry_due = self.retry_due().is_some_and(|due| due <= now);
        // Now and then one that was tried: it may be the first tries that fail.
        self.probes = if probing { self.probes + 1 } else { 0 };
        let probe = !self.probes.is_multiple_of(4) && may_start && !self.ready.is_empty();
        if retry_due && !probe {
            return self.retries.pop_first().map(|(_, request)| request);
        }
        if !may_start {
            return None;
        }
        let request = self.ready.pop_front()?;
        self.ready_bytes -= request.body.len();
        Some(request)
    }

    /// Takes all, as nothing will be sent any more.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Box<Request>> {
        self.ready_bytes = 0;
        std::mem::take(&mut self.retries).into_values().chain(std::mem::take(&mut self.ready))
    }

    /// Retries, as a later turn needs them.
    pub(super) fn saved_retries(&self) -> impl Iterator<Item = SavedWait> {
        self.retries.iter().map(|((due, line), request)| {
            let [made, spent, suspect] = request.tries.saved();
            [*line, *due, made, spent, suspect]
        })
    }

    /// Tries of an earlier turn whose requests were not read yet: lines before `line` have been, and have ended or wait again.
    pub(super) fn unread(&self, line: u64) -> impl Iterator<Item = SavedWait> {
        self.tried.iter().copied().filter(move |[tried, ..]| *tried >= line)
    }
}
