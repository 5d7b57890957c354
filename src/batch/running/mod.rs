//! The batch while its requests run: a sliding window over the whole file, no barrier anywhere.
//!
//! Requests leave the reader in input order and wait in `ready`; up to a window's worth is in flight; those to
//! be tried again wait in `waiting`, outside the window; finished lines gather in `unsaved` until one write
//! takes them. A slow request holds back its own lane and nothing else.

mod chunks;
mod halt;
mod health;
mod reader;
mod replies;
mod unsaved;
mod window;

use self::halt::Halt;
use super::Phase;
use crate::batch::checkpoint::{ChunkStart, SavedPhase, SavedRun, SavedWait};
use crate::batch::command::{Command, CommandId, Output, Reply};
use crate::batch::context::{Core, Next, Stop};
use crate::batch::defect::Defect;
use crate::batch::running::chunks::Chunks;
use crate::batch::running::health::{Health, Tries};
use crate::batch::running::reader::{Reader, Request, Step};
use crate::batch::running::unsaved::Unsaved;
use crate::batch::running::window::Window;
use crate::host::{Fault, FaultKind};
use crate::result::group::Tally;
use crate::result::output_line::NoAnswer;
use crate::sorted::Sorted;
use crate::wire::{BatchStatus, Wait};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of requests read ahead; one more line may come on top.
const READY_BYTES: usize = 1 << 20;

pub(super) struct Running {
    input_bytes: u64,
    endpoint: Arc<str>,
    reader: Reader,
    /// The reader gave everything out.
    read_all: bool,
    chunks: Chunks,
    ready: VecDeque<Box<Request>>,
    ready_bytes: usize,
    in_flight: Sorted<CommandId, Flight>,
    /// By the time they are due, then by line.
    waiting: Sorted<(u64, u64), Box<Request>>,
    /// Tries of an earlier turn, by line.
    tried: Vec<SavedWait>,
    window: Window,
    health: Health,
    /// Requests that have asked whether the server is well again.
    probes: u32,
    /// What the last trouble was, should there be a wait to tell.
    wait: Option<Wait>,
    unsaved: Unsaved,
    halt: Option<Halt>,
    /// The input or the store cannot be read now: what is in flight ends and is saved, then the turn does.
    broken: Option<Fault>,
    aborts: Vec<CommandId>,
    /// A call was started in this turn.
    started: bool,
}

struct Flight {
    request: Box<Request>,
    sent_at: u64,
}

impl Running {
    /// A run that no turn has worked on yet.
    pub(super) fn fresh(core: &Core, input_bytes: u64) -> Self {
        Self::start(core, Self::beginning(input_bytes), false)
    }

    fn beginning(input_bytes: u64) -> SavedRun {
        SavedRun {
            input_bytes,
            next: ChunkStart { chunk: 0, offset: 0, line: 1 },
            open: Vec::new(),
            closed: Tally::default(),
            waiting: Vec::new(),
            server: None,
        }
    }

    pub(super) fn resume(core: &Core, run: SavedRun) -> Self {
        Self::start(core, run, true)
    }

    /// A run of which nothing is known but what it stored.
    pub(super) fn recover(core: &Core, input_bytes: u64) -> Self {
        Self::start(core, Self::beginning(input_bytes), true)
    }

    fn start(core: &Core, run: SavedRun, resumed: bool) -> Self {
        let max_line_bytes = core.settings.limits.max_line_bytes;
        let max = core.settings.max_concurrent_requests_per_batch;
        let (window, health) = match run.server {
            Some([size, streak, paused_until, since, flags]) => {
                (Window::resume(max, [size, streak, paused_until]), Health::resume([since, flags]))
            }
            None => (Window::new(max), Health::new(core.now)),
        };
        Self {
            input_bytes: run.input_bytes,
            endpoint: Arc::from(core.batch.endpoint.as_str()),
            reader: Reader::new(&core.batch.id, &core.batch.input_file_id, max_line_bytes, &run, resumed),
            read_all: false,
            chunks: Chunks::resume(run.closed),
            ready: VecDeque::new(),
            ready_bytes: 0,
            in_flight: Sorted::default(),
            waiting: Sorted::default(),
            tried: run.waiting,
            window,
            health,
            probes: 0,
            wait: None,
            unsaved: Unsaved::default(),
            // An earlier turn saw the cancel: nothing starts any more.
            halt: (core.batch.status == BatchStatus::Cancelling).then_some(Halt::Cancelled),
            broken: None,
            aborts: Vec::new(),
            started: false,
        }
    }

    /// Where a later turn would go on.
    pub(super) fn checkpoint(&self) -> SavedPhase {
        let (closed, mut open, unsealed) = self.chunks.snapshot();
        open.extend(self.reader.untouched());
        let mut waiting: Vec<SavedWait> = self
            .waiting
            .iter()
            .map(|((due, line), request)| {
                let [made, spent, suspect] = request.tries.saved();
                [*line, *due, made, spent, suspect]
            })
            .collect();
        // Lines the reader is past without having waited are done with.
        waiting.extend(self.tried.iter().filter(|[line, ..]| *line >= self.reader.line()));
        let ([size, streak, paused_until], [since, flags]) = (self.window.saved(), self.health.saved());
        SavedPhase::Running(SavedRun {
            input_bytes: self.input_bytes,
            next: unsealed.unwrap_or_else(|| self.reader.position()),
            open,
            closed,
            waiting,
            server: Some([size, streak, paused_until, since, flags]),
        })
    }

    pub(super) fn advance(&mut self, core: &mut Core) -> Result<Next, Defect> {
        self.notice_halt(core)?;
        self.time_out(core)?;
        let stopping = self.broken.is_some() || (self.is_over(core) && self.halt.is_none());
        if !stopping && let Some(next) = self.read(core) {
            return Ok(next);
        }
        let settled = self.in_flight.is_empty()
            && (stopping || (self.read_all && self.ready.is_empty() && self.waiting.is_empty()));
        if core.save.is_idle() && self.unsaved.is_due(core.now, settled) {
            self.save(core);
            return Ok(Next::Again);
        }
        if !settled || !self.unsaved.is_empty() || !core.save.is_idle() || !self.aborts.is_empty() {
            return Ok(Next::Idle);
        }
        match self.broken.take() {
            Some(fault) => Ok(core.fault(fault)),
            None if stopping => Ok(self.suspend(core)),
            None => self.finish(core),
        }
    }

    /// Whether nothing new is to start in this turn. A turn whose time was up before it came to a request that
    /// may run now starts that one all the same: without it, short turns would get nowhere.
    fn is_over(&self, core: &Core) -> bool {
        let waits = !self.waiting.is_empty() || self.window.size(core.now) == 0;
        match core.stop {
            None => false,
            Some(Stop::Requested) => true,
            Some(Stop::Deadline) => self.started || waits || (self.read_all && self.ready.is_empty()),
        }
    }

    /// The next inference call to start or stop.
    pub(super) fn poll(&mut self, core: &Core, id: CommandId) -> Option<Output> {
        if let Some(id) = self.aborts.pop() {
            return Some(Output::Abort(id));
        }
        let stopping = self.halt.is_some() || self.broken.is_some() || self.is_over(core);
        if stopping || !self.unsaved.has_room() || self.in_flight.len() >= self.window.size(core.now) {
            return None;
        }
        let mut request = self.take_request(core)?;
        self.health.on_send(&mut request.tries);
        let command = Command::Infer {
            url: Arc::clone(&self.endpoint),
            body: request.body.clone()?,
            idempotency_key: format!("{}:{}", core.batch.id, request.line),
        };
        self.started = true;
        self.in_flight.insert(id, Flight { request, sent_at: core.now });
        Some(Output::Start(id, command))
    }

    /// When something is due that no reply brings.
    pub(super) fn due(&self, core: &Core) -> Option<u64> {
        let save = if core.save.is_idle() { self.unsaved.due() } else { None };
        let flight =
            self.in_flight.first().map(|(_, f)| f.sent_at.saturating_add(core.settings.request_timeout_ms));
        let (mut waiting, mut resumed, mut expiry) = (None, None, None);
        if self.halt.is_none() {
            expiry = core.batch.expires_at.map(|at| at * 1_000);
            if !self.is_over(core) && self.broken.is_none() {
                waiting = self.waiting.first().map(|&((due, _), _)| due).filter(|&due| due > core.now);
                resumed = self.window.resumes_at(core.now);
            }
        }
        [save, flight, waiting, resumed, expiry].into_iter().flatten().min()
    }

    pub(super) fn on_io(&mut self, core: &mut Core, reply: Reply) -> Result<Next, Defect> {
        match reply {
            Reply::Bytes(bytes) => {
                if !self.reader.bytes(bytes) {
                    self.lose_input(core, "it is not as long as it was");
                }
            }
            Reply::Entries(entries) => {
                if let Some((start, end)) = self.reader.loaded() {
                    self.chunks.open(start, end, &entries);
                }
            }
            _ => return Err(Defect::misfit()),
        }
        Ok(Next::Again)
    }

    pub(super) fn on_io_fault(&mut self, core: &mut Core, fault: Fault) -> Next {
        if self.reader.is_loading() || (fault.may_pass() && !core.is_expired()) {
            self.broken = Some(fault);
        } else {
            self.lose_input(core, &fault.message);
        }
        Next::Again
    }

    /// Results are durable.
    pub(super) fn on_saved(&mut self) {
        for result in self.unsaved.take_saved() {
            self.chunks.finish(result.chunk, result.index, result.outcome, result.usage.as_ref());
        }
    }

    /// Fills `ready` from the reader; gives what to do when the reader needs the host.
    fn read(&mut self, core: &mut Core) -> Option<Next> {
        let halted = match &self.halt {
            None => None,
            Some(Halt::InputGone(_)) => return None,
            Some(halt) => Some(halt.reason(false)),
        };
        let lanes = core.settings.max_concurrent_requests_per_batch as usize;
        while !self.read_all
            && core.io.is_idle()
            && self.unsaved.has_room()
            && self.ready.len() < (2 * lanes).max(64)
            && self.ready_bytes < READY_BYTES
        {
            match self.reader.step(&mut self.chunks) {
                Step::End => self.read_all = true,
                Step::Need(command) => {
                    core.io.start(command);
                    return Some(Next::Again);
                }
                Step::Request(_) if self.chunks.seen > core.batch.request_counts.total => {
                    self.lose_input(core, "it holds more requests than when it was validated");
                    return None;
                }
                Step::Request(request) => match (&halted, &request.body) {
                    (Some(reason), _) => self.end_without_answer(core, &request, reason),
                    (None, None) => self.end_without_answer(core, &request, &NoAnswer::NotARequest),
                    (None, Some(body)) => {
                        self.ready_bytes += body.len();
                        self.make_ready(request);
                    }
                },
            }
        }
        None
    }

    fn make_ready(&mut self, mut request: Box<Request>) {
        match self.tried.iter().position(|[line, ..]| *line == request.line) {
            None => self.ready.push_back(request),
            Some(at) => {
                let [line, due, tries @ ..] = self.tried.swap_remove(at);
                self.ready_bytes -= request.body.as_ref().map_or(0, |body| body.len());
                request.tries = Tries::resume(tries);
                self.waiting.insert((due, line), request);
            }
        }
    }

    /// Due retries go first, so that the early lines of a file are not the last to end; but while the server
    /// refuses everything, mostly untried requests probe it, and a bounded number of requests waits.
    fn take_request(&mut self, core: &Core) -> Option<Box<Request>> {
        let lanes = core.settings.max_concurrent_requests_per_batch as usize;
        let may_start = self.waiting.len() < (4 * lanes).max(64);
        let retry_due = self.waiting.first().is_some_and(|&((due, _), _)| due <= core.now);
        // Now and then one that was tried: it may be the first tries that fail.
        self.probes = if self.window.is_probing() { self.probes + 1 } else { 0 };
        let probe = !self.probes.is_multiple_of(4) && may_start && !self.ready.is_empty();
        if retry_due && !probe {
            return self.waiting.pop_first().map(|(_, request)| request);
        }
        if !may_start {
            return None;
        }
        let request = self.ready.pop_front()?;
        self.ready_bytes -= request.body.as_ref().map_or(0, |body| body.len());
        Some(request)
    }

    /// Gives up calls that take too long. Flights are kept in the order they were sent.
    fn time_out(&mut self, core: &mut Core) -> Result<(), Defect> {
        while let Some(&(id, ref flight)) = self.in_flight.first()
            && flight.sent_at.saturating_add(core.settings.request_timeout_ms) <= core.now
        {
            self.aborts.push(id);
            let fault = Fault { kind: FaultKind::Timeout, message: String::new() };
            self.on_reply(core, id, Reply::Failed(fault))?;
        }
        Ok(())
    }

    fn save(&mut self, core: &mut Core) {
        let mut writes = self.unsaved.take_writes(&core.batch.id, &mut self.chunks);
        let mut tally = self.chunks.tally();
        tally.add(&self.unsaved.saving_tally());
        core.raise_counts(&tally);
        if std::mem::take(&mut self.chunks.dirty) {
            writes.push(core.checkpoint(self.checkpoint()));
        }
        writes.push(core.published());
        core.start_save(writes);
    }

    fn suspend(&mut self, core: &mut Core) -> Next {
        let wake_at = self.waiting.first().map_or(core.now, |&((due, _), _)| due);
        let wake_at = wake_at.max(self.window.resumes_at(core.now).unwrap_or(0));
        core.commit(self.checkpoint());
        Next::Become(Phase::Suspended { wake_at })
    }
}
