//! The batch while its requests run: a sliding window over the whole file, no barrier anywhere.
//!
//! Requests leave the reader in input order and wait in `ready`; up to a window's worth is in flight; those to
//! be tried again wait in `waiting`, outside the window; finished lines gather in `unsaved` until one write
//! takes them. A slow request holds back its own lane and nothing else.

use super::Phase;
use super::checkpoint::{ChunkStart, Ending, SavedPhase, SavedRun, Waiting};
use super::chunks::{Chunks, most_chunks};
use super::command::{Answer, Command, CommandId, Fault, FaultKind, Output, Reply};
use super::core::{Core, Next, Stop};
use super::finalizing::Finalizing;
use super::line::{self, NoAnswer, Of};
use super::reader::{Reader, Request, Step};
use super::results::{Outcome, Tally};
use super::retry::{delay_ms, is_retryable, is_throttle};
use super::unsaved::Unsaved;
use super::validating::unreadable;
use super::window::Window;
use crate::limits::MAX_RESPONSE_BYTES;
use crate::object::{BatchErrors, BatchStatus, ListTag, Usage};
use crate::sorted::Sorted;
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
    tried: Vec<Waiting>,
    window: Window,
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

/// Why nothing new starts, for good.
#[derive(Clone, Debug, PartialEq)]
enum Halt {
    Cancelled,
    Expired,
    InputGone(BatchErrors),
}

impl Running {
    /// A run that no turn has worked on yet.
    pub(super) fn fresh(core: &Core, input_bytes: u64) -> Self {
        let run = SavedRun {
            input_bytes,
            next: ChunkStart { chunk: 0, offset: 0, line: 1 },
            open: Vec::new(),
            closed: Tally::default(),
            waiting: Vec::new(),
        };
        Self::start(core, run, false)
    }

    pub(super) fn resume(core: &Core, run: SavedRun) -> Self {
        Self::start(core, run, true)
    }

    fn start(core: &Core, run: SavedRun, resumed: bool) -> Self {
        let max_line_bytes = core.settings.limits.max_line_bytes;
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
            window: Window::new(core.settings.max_concurrent_requests_per_batch),
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
        let mut waiting: Vec<Waiting> = self
            .waiting
            .iter()
            .map(|((due, line), request)| Waiting { line: *line, attempts: request.attempts, due: *due })
            .collect();
        // Lines the reader is past without having waited are done with.
        waiting.extend(self.tried.iter().filter(|tried| tried.line >= self.reader.line()));
        SavedPhase::Running(SavedRun {
            input_bytes: self.input_bytes,
            next: unsealed.unwrap_or_else(|| self.reader.position()),
            open,
            closed,
            waiting,
        })
    }

    pub(super) fn advance(&mut self, core: &mut Core) -> Next {
        self.notice_halt(core);
        self.time_out(core);
        let stopping = self.broken.is_some() || (self.is_over(core) && self.halt.is_none());
        if !stopping && let Some(next) = self.read(core) {
            return next;
        }
        let settled = self.in_flight.is_empty()
            && (stopping || (self.read_all && self.ready.is_empty() && self.waiting.is_empty()));
        if core.save.is_idle() && self.unsaved.is_due(core.now, settled) {
            self.save(core);
            return Next::Again;
        }
        if !settled || !self.unsaved.is_empty() || !core.save.is_idle() || !self.aborts.is_empty() {
            return Next::Idle;
        }
        match self.broken.take() {
            Some(fault) => core.fault(fault),
            None if stopping => self.suspend(core),
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
        let request = self.take_request(core)?;
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

    pub(super) fn on_io(&mut self, core: &mut Core, reply: Reply) -> Next {
        match reply {
            Reply::Bytes(bytes) => {
                if !self.reader.bytes(bytes) {
                    self.lose_input("it is not as long as it was");
                }
                Next::Again
            }
            Reply::Entries(entries) => {
                let Some((start, end)) = self.reader.loaded() else { return Next::Again };
                self.chunks.open(start, end, &entries);
                Next::Again
            }
            _ => core.fault(Fault::transient("a reply did not fit its command")),
        }
    }

    pub(super) fn on_io_fault(&mut self, core: &mut Core, fault: Fault) -> Next {
        if self.reader.is_loading() || (fault.may_pass() && !core.is_expired()) {
            self.broken = Some(fault);
        } else {
            self.lose_input(&fault.message);
        }
        Next::Again
    }

    /// Results are durable.
    pub(super) fn on_saved(&mut self) {
        for result in self.unsaved.take_saved() {
            self.chunks.finish(result.chunk, result.index, result.outcome, result.usage.as_ref());
        }
    }

    /// An inference call ended. Replies to calls given up are for no flight and say nothing.
    pub(super) fn on_reply(&mut self, core: &mut Core, id: CommandId, reply: Reply) -> Next {
        let Some(Flight { request, sent_at }) = self.in_flight.remove(&id) else { return Next::Idle };
        match reply {
            Reply::Answer(answer) if is_retryable(answer.status) => {
                if is_throttle(&answer) {
                    self.window.on_trouble(core.now, sent_at, &mut core.jitter);
                }
                let pause = answer.retry_after_ms.filter(|_| is_throttle(&answer));
                self.try_again(core, request, answer.retry_after_ms, pause, |core, of| {
                    with_answer(core, of, &answer)
                });
            }
            Reply::Answer(answer) if answer.body.len() > MAX_RESPONSE_BYTES => {
                self.window.on_success();
                self.end_without_answer(core, &request, &NoAnswer::TooLarge);
            }
            Reply::Answer(answer) if (200..300).contains(&answer.status) && !line::is_whole(&answer) => {
                self.try_again(core, request, None, None, |core, of| with_answer(core, of, &answer));
            }
            Reply::Answer(answer) => {
                self.window.on_success();
                let (line, outcome, usage) = with_answer(core, of(core, &request), &answer);
                self.unsaved.push(core.now, &request, outcome, usage, line);
            }
            Reply::Failed(fault) => {
                self.window.on_trouble(core.now, sent_at, &mut core.jitter);
                let reason = no_answer(&fault);
                if fault.kind == FaultKind::Terminal {
                    self.end_without_answer(core, &request, &reason);
                } else {
                    self.try_again(core, request, None, None, |_, of| without_answer(of, &reason));
                }
            }
            _ => return core.fault(Fault::transient("a reply did not fit its command")),
        }
        Next::Again
    }

    /// Fills `ready` from the reader; gives what to do when the reader needs the host.
    fn read(&mut self, core: &mut Core) -> Option<Next> {
        let halted = match &self.halt {
            None => None,
            Some(Halt::Cancelled) => Some(NoAnswer::Cancelled),
            Some(Halt::Expired) => Some(NoAnswer::Expired),
            Some(Halt::InputGone(_)) => return None,
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
                    self.lose_input("it holds more requests than when it was validated");
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
        match self.tried.iter().position(|tried| tried.line == request.line) {
            None => self.ready.push_back(request),
            Some(at) => {
                let Waiting { line, attempts, due } = self.tried.swap_remove(at);
                self.ready_bytes -= request.body.as_ref().map_or(0, |body| body.len());
                request.attempts = attempts;
                self.waiting.insert((due, line), request);
            }
        }
    }

    /// Due retries go first, so that the early lines of a file are not the last to end; but while the server
    /// refuses everything, untried requests probe it, and a bounded number of requests waits.
    fn take_request(&mut self, core: &Core) -> Option<Box<Request>> {
        let lanes = core.settings.max_concurrent_requests_per_batch as usize;
        let may_start = self.waiting.len() < (4 * lanes).max(64);
        let retry_due = self.waiting.first().is_some_and(|&((due, _), _)| due <= core.now);
        let probe = self.window.is_probing() && may_start && !self.ready.is_empty();
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

    fn try_again(
        &mut self,
        core: &mut Core,
        mut request: Box<Request>,
        retry_after_ms: Option<u64>,
        pause_ms: Option<u64>,
        give_up: impl FnOnce(&Core, Of<'_>) -> (Vec<u8>, Outcome, Option<Usage>),
    ) {
        request.attempts += 1;
        if let Some(pause_ms) = pause_ms {
            self.window.pause(core.now.saturating_add(pause_ms));
        }
        let due = core.now.saturating_add(delay_ms(request.attempts, retry_after_ms, &mut core.jitter));
        let too_late = core.batch.expires_at.is_some_and(|at| due >= at * 1_000);
        if request.attempts < core.settings.max_attempts && !too_late {
            self.waiting.insert((due, request.line), request);
        } else {
            let (line, outcome, usage) = give_up(core, of(core, &request));
            self.unsaved.push(core.now, &request, outcome, usage, line);
        }
    }

    fn end_without_answer(&mut self, core: &Core, request: &Request, reason: &NoAnswer) {
        let (line, outcome, usage) = without_answer(of(core, request), reason);
        self.unsaved.push(core.now, request, outcome, usage, line);
    }

    /// Cancel and expiry stop everything at once: calls in flight are aborted, and whatever did not end is
    /// written down as never run.
    fn notice_halt(&mut self, core: &mut Core) {
        if self.halt.is_some() {
            return;
        }
        let reason = if let Some(cancelling_at) = core.cancel_requested_at {
            core.batch.enter(BatchStatus::Cancelling, cancelling_at);
            self.unsaved.publish_soon();
            self.halt = Some(Halt::Cancelled);
            NoAnswer::Cancelled
        } else if core.is_expired() {
            self.halt = Some(Halt::Expired);
            NoAnswer::Expired
        } else {
            return;
        };
        for request in self.stop_everything() {
            self.end_without_answer(core, &request, &reason);
        }
    }

    /// Takes all requests that did not end, in input order.
    fn stop_everything(&mut self) -> impl Iterator<Item = Box<Request>> + use<> {
        let flights = std::mem::take(&mut self.in_flight);
        self.aborts.extend(flights.iter().map(|(id, _)| *id));
        let flights = flights.into_values().map(|flight| flight.request);
        let waiting = std::mem::take(&mut self.waiting).into_values();
        let mut stopped = Sorted::default();
        for request in flights.chain(waiting).chain(self.ready.drain(..)) {
            stopped.insert(request.line, request);
        }
        self.ready_bytes = 0;
        stopped.into_values()
    }

    fn lose_input(&mut self, message: &str) {
        drop(self.stop_everything());
        let data = vec![unreadable(message)];
        self.halt = Some(Halt::InputGone(BatchErrors { object: ListTag::List, data }));
        self.read_all = true;
    }

    /// Gives up calls that take too long. Flights are kept in the order they were sent.
    fn time_out(&mut self, core: &mut Core) {
        while let Some(&(id, ref flight)) = self.in_flight.first()
            && flight.sent_at.saturating_add(core.settings.request_timeout_ms) <= core.now
        {
            self.aborts.push(id);
            let fault = Fault { kind: FaultKind::Timeout, message: String::new() };
            self.on_reply(core, id, Reply::Failed(fault));
        }
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

    fn finish(&mut self, core: &mut Core) -> Next {
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
            core.batch.enter(BatchStatus::Finalizing, core.now_seconds());
        }
        core.raise_counts(&tally);
        let chunks = match &ending {
            Ending::Failed(_) => most_chunks(total, self.input_bytes),
            Ending::Completed | Ending::Expired => self.chunk_count(),
        };
        let finalizing = Finalizing::new(chunks, ending);
        core.commit(finalizing.saved());
        Next::Become(Phase::Finalizing(Box::new(finalizing)))
    }

    /// Chunks that may have results: one past the reader when it stopped inside one.
    fn chunk_count(&self) -> u32 {
        self.reader.position().chunk + u32::from(!self.chunks.is_empty())
    }
}

fn of<'a>(core: &'a Core, request: &'a Request) -> Of<'a> {
    Of { batch_id: &core.batch.id, line: request.line, custom_id: &request.custom_id }
}

fn with_answer(core: &Core, of: Of<'_>, answer: &Answer) -> (Vec<u8>, Outcome, Option<Usage>) {
    line::with_answer(of, answer, core.settings.dialect)
}

fn without_answer(of: Of<'_>, reason: &NoAnswer) -> (Vec<u8>, Outcome, Option<Usage>) {
    (line::without_answer(of, reason), reason.outcome(), None)
}

fn no_answer(fault: &Fault) -> NoAnswer {
    match fault.kind {
        FaultKind::Timeout => NoAnswer::TimedOut,
        FaultKind::Missing | FaultKind::Terminal | FaultKind::Transient => {
            NoAnswer::ConnectionFailed(fault.message.clone())
        }
    }
}
