//! The batch while its requests run: a sliding window over the whole file, no barrier anywhere.
//!
//! Requests leave the `reader` in input order and wait in `pending`; up to a `window`'s worth is in flight in its `lanes`;
//! those to be tried again wait in `pending` too, outside the window; finished lines gather in `unsaved` until one write
//! takes them. A slow request holds back its own lane and nothing else.
//!
//! | room | what it holds |
//! |---|---|
//! | `reader`, `request` | the file, chunk by chunk, as requests |
//! | `chunks` | which requests have a result |
//! | `routes` | which pool a request goes to |
//! | `pools` | what is kept apart for each pool of model servers: reader, window, health |
//! | `pending`, `lanes` | requests that wait to be sent, and those that were |
//! | `window`, `whose_fault` | how many may be in flight, and whose fault a failed try is |
//! | `replies` | what becomes of a request when its call ends |
//! | `unsaved` | finished lines on their way to the store |
//! | `spending` | what the batch's budget has room for, and what is used of it |
//! | `halt` | what ends a run early, and how each run ends |

pub(super) mod chunks;
mod halt;
mod lanes;
mod pending;
mod pools;
pub(super) mod reader;
mod replies;
pub(super) mod request;
pub(super) mod routes;
mod spending;
mod unsaved;
mod whose_fault;
mod window;

use self::chunks::Chunks;
use self::halt::Halt;
use self::lanes::Lanes;
use self::pools::{Pool, Pools};
use self::reader::Step;
use self::unsaved::Unsaved;
use crate::batch::checkpoint::{FIRST_CHUNK, SavedPhase, SavedRun};
use crate::batch::command::{Command, CommandId, Output, Reply, TurnEnd};
use crate::batch::context::{Context, Stop};
use crate::batch::defect::Defect;
use crate::batch::phase::{Next, Phase, Suspended};
use crate::host::{Fault, FaultKind};
use crate::result::outcome::Tally;
use crate::result::output_line::NoAnswer;
use std::sync::Arc;

pub(super) struct Running {
    input_bytes: u64,
    endpoint: Arc<str>,
    /// Models of the file, where the host has pools.
    models: Vec<String>,
    chunks: Chunks,
    pools: Pools,
    lanes: Lanes,
    /// Calls that were begun, and are not in the account yet.
    begun: u64,
    unsaved: Unsaved,
    halt: Option<Halt>,
    /// The input or the store cannot be read now: what is in flight ends and is saved, then the turn does.
    broken: Option<Fault>,
}

impl Running {
    pub(super) fn resume(context: &Context, run: SavedRun) -> Self {
        Self::start(context, run, true)
    }

    /// A run of which nothing is known but what it stored.
    pub(super) fn recover(context: &Context, input_bytes: u64) -> Self {
        Self::start(context, fresh_run(input_bytes), true)
    }

    /// A run from here on; `resumed` says that some requests may have results.
    pub(super) fn start(context: &Context, run: SavedRun, resumed: bool) -> Self {
        Self {
            input_bytes: run.input_bytes,
            endpoint: Arc::from(context.batch.endpoint.as_str()),
            models: run.models.clone(),
            chunks: Chunks::resume(run.closed),
            pools: Pools::new(run, resumed),
            lanes: Lanes::default(),
            begun: 0,
            unsaved: Unsaved::default(),
            // An earlier turn saw the cancel: nothing starts any more.
            halt: Self::of_earlier(&context.batch),
            broken: None,
        }
    }

    /// Where a later turn would resume.
    pub(super) fn checkpoint(&self) -> SavedPhase {
        let Some(leader) = self.pools.leader() else {
            // Nothing was done yet.
            let run = self.pools.unmade().cloned();
            return SavedPhase::Running(Box::new(run.unwrap_or_else(|| fresh_run(self.input_bytes))));
        };
        let (closed, mut open, unsealed) = self.chunks.snapshot();
        open.extend(leader.untouched());
        let next = unsealed.unwrap_or_else(|| leader.position());
        let models = self.models.clone();
        let mut run = SavedRun { next, open, closed, models, ..fresh_run(self.input_bytes) };
        self.pools.save_in(&mut run);
        SavedPhase::Running(Box::new(run))
    }
}

/// A run at its beginning.
pub(super) fn fresh_run(input_bytes: u64) -> SavedRun {
    SavedRun {
        input_bytes,
        next: FIRST_CHUNK,
        open: Vec::new(),
        closed: Tally::default(),
        waiting: Vec::new(),
        server: None,
        models: Vec::new(),
        pools: Vec::new(),
    }
}

impl Phase for Running {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = self.pools.make(context) {
            return Ok(next);
        }
        self.notice_halt(context)?;
        self.time_out(context)?;
        let stopping = self.broken.is_some() || (self.is_over(context) && self.halt.is_none());
        if !stopping && let Some(next) = self.read(context) {
            return Ok(next);
        }
        if !stopping && self.notice_budget(context)? {
            return Ok(Next::Again);
        }
        let settled = self.lanes.is_empty() && (stopping || self.pools.iter().all(Pool::is_drained));
        if context.save.is_idle() && self.unsaved.is_due(context.now, Self::most_unsaved(context), settled) {
            self.save(context);
            return Ok(Next::Again);
        }
        if !settled || !self.unsaved.is_empty() || !context.save.is_idle() || self.lanes.has_aborts() {
            return Ok(Next::Idle);
        }
        match self.broken.take() {
            Some(fault) => Ok(Next::End(context.fault(fault))),
            None if stopping => Ok(self.suspend(context)),
            None => self.finish(context),
        }
    }

    /// The next inference call to start or stop.
    fn poll(&mut self, context: &Context, id: CommandId) -> Option<Output> {
        if let Some(id) = self.lanes.next_abort() {
            return Some(Output::Abort(id));
        }
        let stopping = self.halt.is_some() || self.broken.is_some() || self.is_over(context);
        if stopping || !self.unsaved.has_room() {
            return None;
        }
        let fresh = self.may_start(context)?;
        let at = self.pools.next_to_send(context.now, fresh)?;
        let pool = self.pools.get(at);
        let mut request = pool.pending.take(context.now, pool.window.is_probing(), fresh)?;
        pool.health.on_send(&mut request.tries);
        let command = Command::Infer {
            url: Arc::clone(&self.endpoint),
            body: Arc::clone(&request.body),
            idempotency_key: format!("{}:{}", context.batch.id, request.slot.line),
            pool: pool.name.clone().filter(|_| request.route.is_known),
        };
        self.pools.sent(at);
        if !self.lanes.has_started() {
            // Should the turn die before anything is answered, these calls were made all the same.
            self.chunks.dirty = true;
            self.unsaved.save_soon(context.now);
        }
        self.begun += 1;
        self.lanes.start(id, request, context.now);
        Some(Output::Start(id, command))
    }

    /// When something is due that no reply brings.
    fn due(&self, context: &Context) -> Option<u64> {
        let save = if context.save.is_idle() { self.unsaved.due() } else { None };
        let flight = self.lanes.due(context.settings.request_timeout_ms);
        let (mut waiting, mut resumed, mut expiry) = (None, None, None);
        if self.halt.is_none() {
            expiry = context.batch.expires_at.map(|at| at * 1_000);
            if !self.is_over(context) && self.broken.is_none() {
                let due = self.pools.iter().filter_map(|pool| pool.pending.retry_due());
                waiting = due.filter(|&due| due > context.now).min();
                resumed = self.pools.iter().filter_map(|pool| pool.window.resumes_at(context.now)).min();
            }
        }
        [save, flight, waiting, resumed, expiry].into_iter().flatten().min()
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        match reply {
            Reply::Pool(name) => self.pools.name(name),
            Reply::Bytes(bytes) => {
                if !self.pools.asking().ok_or_else(Defect::misfit)?.bytes(bytes) {
                    self.lose_input(context, "it is not as long as it was");
                }
            }
            Reply::Entries(entries) => {
                if let Some(reader) = self.pools.asking() {
                    reader.loaded(&mut self.chunks, entries);
                }
            }
            _ => return Err(Defect::misfit()),
        }
        Ok(Next::Again)
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        if !self.pools.are_made() {
            return Ok(Next::End(context.fault(fault)));
        }
        let loading = self.pools.asking().is_some_and(|reader| reader.is_loading());
        if loading || (fault.may_pass() && !context.is_expired()) {
            self.broken = Some(fault);
        } else {
            self.lose_input(context, &fault.message);
        }
        Ok(Next::Again)
    }

    /// An inference call ended. Replies to aborted calls match no flight and are ignored.
    fn on_reply(&mut self, context: &mut Context, id: CommandId, reply: Reply) -> Result<Next, Defect> {
        let Some(flight) = self.lanes.land(id) else { return Ok(Next::Idle) };
        self.pools.get(flight.request.route.pool).in_flight -= 1;
        self.on_landed(context, flight, reply)?;
        Ok(Next::Again)
    }

    fn allow(&mut self, of: &dyn Fn(Option<&str>) -> Option<u32>) {
        self.pools.allow(of);
    }

    /// Results are durable.
    fn on_saved(&mut self) {
        for result in self.unsaved.take_saved() {
            self.chunks.finish(result.chunk, result.index, result.outcome, result.usage.as_ref());
        }
    }
}

impl Running {
    /// Whether nothing new is to start in this turn. A turn whose time was up before it came to a request that
    /// may run now starts that one all the same: without it, short turns would get nowhere.
    fn is_over(&self, context: &Context) -> bool {
        let is_done = |pool: &Pool| pool.read_all && !pool.pending.has_ready();
        match context.stop {
            _ if context.paused => true,
            None => false,
            Some(Stop::Requested) => true,
            Some(Stop::Deadline) => {
                let rests = |pool: &Pool| pool.waits(context.now) || is_done(pool);
                self.lanes.has_started() || self.pools.iter().all(rests)
            }
        }
    }

    /// Reads requests ahead; gives what to do when the reader needs the host.
    fn read(&mut self, context: &mut Context) -> Option<Next> {
        let halted = match &self.halt {
            None => None,
            Some(Halt::InputGone(_)) => return None,
            Some(halt) => Some(halt.reason(false)),
        };
        if halted.is_some() && context.io.is_idle() {
            // What is not sent need not be read from all over the file.
            self.pools.iter_mut().for_each(|pool| pool.reader.leave_plan(&self.chunks));
        }
        while context.io.is_idle()
            && self.unsaved.has_room()
            && let Some(at) = self.pools.next_to_read()
        {
            let step = self.pools.step(at, &mut self.chunks);
            let is_request = matches!(step, Step::Request(_) | Step::NotARequest(_));
            if is_request && self.chunks.seen > context.batch.request_counts.total {
                self.lose_input(context, "it holds more requests than when it was validated");
                return None;
            }
            match step {
                Step::End => self.pools.get(at).read_all = true,
                Step::Need(command) => {
                    self.pools.ask(at);
                    context.io.start(command);
                    return Some(Next::Again);
                }
                Step::Request(request) => match &halted {
                    Some(reason) => {
                        self.end_without_answer(context, request.slot, &request.custom_id, reason);
                    }
                    None => self.pools.get(at).pending.add(request),
                },
                Step::NotARequest(slot) => {
                    let reason = halted.as_ref().unwrap_or(&NoAnswer::NotARequest);
                    self.end_without_answer(context, slot, "", reason);
                }
            }
        }
        None
    }

    /// Gives up calls that take too long.
    fn time_out(&mut self, context: &mut Context) -> Result<(), Defect> {
        let timeout = context.settings.request_timeout_ms;
        while let Some(flight) = self.lanes.time_out(context.now, timeout) {
            self.pools.get(flight.request.route.pool).in_flight -= 1;
            let fault = Fault { kind: FaultKind::Timeout, message: String::new() };
            self.on_landed(context, flight, Reply::Failed(fault))?;
        }
        Ok(())
    }

    fn save(&mut self, context: &mut Context) {
        self.count_calls(context);
        let Context { batch, order, .. } = context;
        let mut writes = self.unsaved.take_writes(&batch.id, &mut self.chunks, order);
        let mut tally = self.chunks.tally();
        tally.add(&self.unsaved.saving_tally());
        if context.batch.budget().is_some() {
            // What is used is known before the results are, wherever a crash comes between: counted low, a cap would be passed.
            writes.insert(0, context.checkpoint(self.checkpoint()));
            self.chunks.dirty = false;
        }
        context.raise_counts(&tally);
        if std::mem::take(&mut self.chunks.dirty) {
            writes.push(context.checkpoint(self.checkpoint()));
        }
        if self.unsaved.publishes(context.now) {
            writes.push(context.published());
        }
        context.start_save(writes);
    }

    /// Says in the account what was begun since.
    fn count_calls(&mut self, context: &mut Context) {
        context.account.count(std::mem::take(&mut self.begun), self.lanes.len());
        context.order.calls = context.account.calls();
    }

    fn suspend(&mut self, context: &mut Context) -> Next {
        let wake_at = self.pools.iter().filter(|pool| !pool.is_drained()).map(|pool| {
            let due = pool.pending.retry_due().unwrap_or(context.now);
            due.max(pool.window.resumes_at(context.now).unwrap_or(0))
        });
        let wake_at = wake_at.min().unwrap_or(context.now);
        self.count_calls(context);
        context.commit(self.checkpoint());
        let end = if context.paused { context.pause() } else { TurnEnd::Suspended { wake_at } };
        Next::Become(Box::new(Suspended(end)))
    }
}
