//! The batch while it takes over results of the one that it continues: input and old result files are gone through side by
//! side, as all are in the same order, and what need not run again is stored like a result of this batch. Its run then has
//! the rest to do, and knows of no other batch.
//!
//! | room | what it holds |
//! |---|---|
//! | `past` | the batches that have the results, and their files |
//! | `tape` | one result file, line by line |

mod past;
mod tape;

use self::past::Past;
use crate::batch::checkpoint::{ChunkStart, SavedPhase, SavedReuse};
use crate::batch::command::{Reply, TurnEnd};
use crate::batch::context::{Context, Stop};
use crate::batch::defect::Defect;
use crate::batch::matching;
use crate::batch::phase::{Next, Phase, Suspended, stopped};
use crate::batch::refused::{cancelled, fail};
use crate::batch::running::chunks::Chunks;
use crate::batch::running::fresh_run;
use crate::batch::running::reader::{Reader, Step};
use crate::batch::running::request::Request;
use crate::batch::running::routes::Routes;
use crate::host::{Fault, FaultKind};
use crate::limits::{SAVE_BYTES, SAVE_RESULTS};
use crate::result::group::LineResult;
use crate::result::outcome::{Outcome, Tally};
use crate::sorted::Sorted;
use crate::wire::{BatchError, BatchStatus, Continued, RequestCounts, Rerun, Reused};

pub(super) struct Reusing {
    /// As a later turn would take it up: all chunks before `next` are done with.
    saved: SavedReuse,
    /// The same, as far as this turn came.
    now: SavedReuse,
    wanted: Continued,
    past: Past,
    reader: Reader,
    chunks: Chunks,
    /// A request that is looked for.
    request: Option<Box<Request>>,
    /// What was found of the chunk, and is not stored yet.
    found: Vec<LineResult>,
    bytes: usize,
    read_all: bool,
    /// Who waits for the host: the reader, or a result file.
    asking: Asking,
    /// A chunk was finished in this turn.
    advanced: bool,
    /// Where the order stood before the chunk that an earlier turn may have stored a part of.
    order: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Asking {
    Reader,
    Past,
}

impl Reusing {
    /// Of a batch that was just validated.
    pub(super) fn resume(context: &Context, wanted: Continued, saved: SavedReuse) -> Self {
        let mut run = fresh_run(saved.input_bytes);
        run.next = saved.next;
        let limits = &context.settings.limits;
        let (id, input) = (&context.batch.id, &context.batch.input_file_id);
        Self {
            past: Past::resume(&wanted.continue_from, saved.past.as_deref(), limits),
            now: saved.clone(),
            order: saved.order,
            saved,
            wanted,
            reader: Reader::new(id, input, limits.max_line_bytes, &run, false),
            chunks: Chunks::resume(Tally::default()),
            request: None,
            found: Vec::new(),
            bytes: 0,
            read_all: false,
            asking: Asking::Past,
            advanced: false,
        }
    }

    pub(super) fn saved(&self) -> SavedPhase {
        SavedPhase::Reusing(Box::new(self.saved.clone()))
    }

    /// Looks for a request among the results, and keeps what need not run again.
    fn reuse(&mut self, request: &Request) {
        let slot = request.slot;
        // It is known where the chunk ends once all of its requests have.
        self.chunks.finish(slot.chunk, slot.index, Outcome::Skipped, None);
        let Some((mut outcome, says, line)) = self.past.take(&request.custom_id) else { return };
        let ([completed, failed, not_run], usage) = &mut self.now.reused;
        if outcome == Outcome::Completed {
            *completed += 1;
            usage.add(&says.usage);
        } else if says.ending.is_none_or(|ending| self.wanted.only.contains(&ending)) {
            return;
        } else if says.ending == Some(Rerun::Failed) {
            *failed += 1;
        } else {
            outcome = Outcome::NotRun;
            *not_run += 1;
        }
        let (outcome, line) = match self.wanted.merge {
            true => (outcome, line),
            false => (Outcome::Skipped, Vec::new()),
        };
        self.now.skipped += u64::from(outcome == Outcome::Skipped);
        self.bytes += line.len();
        self.found.push(LineResult { chunk: slot.chunk, index: slot.index, outcome, usage: None, line });
    }

    /// Stores what was found; once the chunk is done with, also how far it came.
    fn save(&mut self, context: &mut Context, chunk_done: bool) {
        let found = std::mem::take(&mut self.found);
        self.bytes = 0;
        if let Some(at) = self.order.take() {
            context.order.go_back(at);
        }
        let mut groups = Sorted::default();
        if let Some(first) = found.first() {
            groups.insert(first.chunk, found);
        }
        let mut writes = context.order.write(&context.batch.id, &groups, &mut |_, _| {
            self.now.group += 1;
            self.now.group - 1
        });
        if chunk_done {
            self.now.next = self.reader.position();
            self.now.group = 0;
            self.now.past = self.past.saved();
            self.now.order = context.order.position();
            self.saved = self.now.clone();
            self.advanced = true;
            writes.push(context.checkpoint(self.saved()));
        }
        context.start_save(writes);
    }

    /// Everything is taken over: the rest runs.
    fn run(&mut self, context: &mut Context) -> Result<Next, Defect> {
        let SavedReuse { input_bytes, model, models, total, skipped, reused, .. } = self.now.clone();
        context.batch.enter(BatchStatus::InProgress, context.now_seconds())?;
        context.batch.model = model;
        context.batch.request_counts = RequestCounts { total: total - skipped, ..RequestCounts::default() };
        let ([completed, failed, not_run], usage) = reused;
        context.batch.reuse(Reused { completed, failed, not_run, usage });
        Ok(matching::begin(context, input_bytes, models, true))
    }

    fn lost(&self, context: &mut Context, message: &str) -> Result<Next, Defect> {
        let error = BatchError {
            code: "results_unreadable".to_owned(),
            message: format!("The results of '{}' cannot be read: {message}", self.past.batch()),
            param: Some("edgebatch.continue_from".to_owned()),
            line: None,
            column: None,
            reason: None,
        };
        fail(context, vec![error])
    }
}

impl Phase for Reusing {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if !context.save.is_idle() || !context.io.is_idle() {
            return Ok(Next::Idle);
        }
        if let Some(next) = cancelled(context)? {
            return Ok(next);
        }
        if self.advanced && context.stop == Some(Stop::Deadline) {
            return Ok(Next::Become(Box::new(Suspended(TurnEnd::Suspended { wake_at: context.now }))));
        }
        loop {
            if self.found.len() >= SAVE_RESULTS || self.bytes >= SAVE_BYTES {
                self.save(context, false);
                return Ok(Next::Again);
            }
            if let Some(command) = self.past.needs() {
                self.asking = Asking::Past;
                context.io.start(command);
                return Ok(Next::Again);
            }
            if let Some(message) = self.past.fault() {
                return self.lost(context, &message);
            }
            if let Some(request) = self.request.take() {
                self.reuse(&request);
            }
            let ChunkStart { chunk, .. } = self.reader.position();
            if chunk > self.now.next.chunk || self.read_all {
                if self.read_all && chunk == self.saved.next.chunk {
                    return self.run(context);
                }
                self.save(context, true);
                return Ok(Next::Again);
            }
            match self.reader.step(&mut self.chunks, &Routes::default(), 0) {
                Step::Request(request) => self.request = Some(request),
                Step::NotARequest(slot) => {
                    self.chunks.finish(slot.chunk, slot.index, Outcome::Skipped, None);
                }
                Step::Need(command) => {
                    self.asking = Asking::Reader;
                    context.io.start(command);
                    return Ok(Next::Again);
                }
                Step::End => self.read_all = true,
            }
        }
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        match (self.asking, reply) {
            (Asking::Reader, Reply::Bytes(bytes)) => {
                // The run, which goes through all of it again, says what is wrong with the file.
                if !self.reader.bytes(bytes) {
                    return self.run(context);
                }
            }
            (Asking::Past, reply) => self.past.answered(reply)?,
            _ => return Err(Defect::misfit()),
        }
        Ok(Next::Again)
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        match self.asking {
            _ if fault.may_pass() && !context.is_expired() => Ok(Next::End(context.fault(fault))),
            Asking::Reader => self.run(context),
            Asking::Past if fault.kind == FaultKind::Missing => self.lost(context, "a file of it is gone"),
            Asking::Past => self.lost(context, &fault.message),
        }
    }
}
