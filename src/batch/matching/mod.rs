//! The batch while identical requests are looked for, before it runs: the file is gone through once more, and each request
//! that is the same as an earlier one is stored as a repeat of it. The run passes those by; `repeating` gives them the
//! answers of the first.
//!
//! Nothing is checkpointed but that this is to be done. A turn that begins again finds the same, and stores no chunk twice.

mod firsts;

use self::firsts::Firsts;
use crate::batch::checkpoint::SavedPhase;
use crate::batch::command::{Reply, Write};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::phase::{Next, Phase, stopped};
use crate::batch::planning;
use crate::batch::running::chunks::Chunks;
use crate::batch::running::fresh_run;
use crate::batch::running::reader::{Reader, Step};
use crate::batch::running::request::Request;
use crate::batch::running::routes::Routes;
use crate::host::Fault;
use crate::keys;
use crate::limits::CHUNK_REQUESTS;
use crate::result::group::LineResult;
use crate::result::outcome::{Outcome, Tally};
use crate::result::repeat::{Repeat, seal};
use crate::sorted::Sorted;
use crate::validate::duplicates::hash;
use crate::wire::{Deduped, Usage};

/// The phase of a batch that is in progress and has not begun to run. `resumed` says that some of its requests have results.
pub(super) fn begin(context: &mut Context, input_bytes: u64, models: Vec<String>, resumed: bool) -> Next {
    if context.batch.dedupes() {
        context.commit(SavedPhase::Matching { bytes: input_bytes, models: models.clone() });
        return Next::Become(Box::new(Matching::new(context, input_bytes, models)));
    }
    planning::begin(context, input_bytes, models, resumed)
}

pub(super) struct Matching {
    input_bytes: u64,
    models: Vec<String>,
    reader: Reader,
    chunks: Chunks,
    firsts: Firsts,
    /// The chunk that is gone through, its repeats by the chunk of the first, and the group that is to say so.
    chunk: u32,
    found: Sorted<u32, Vec<u8>>,
    passed: Vec<LineResult>,
    group: u32,
    read_all: bool,
}

impl Matching {
    pub(super) fn new(context: &Context, input_bytes: u64, models: Vec<String>) -> Self {
        let run = fresh_run(input_bytes);
        let (id, input) = (&context.batch.id, &context.batch.input_file_id);
        Self {
            // What has a result is not handed out: what this batch took over of another, and repeats found before.
            reader: Reader::new(id, input, context.settings.limits.max_line_bytes, &run, true),
            input_bytes,
            models,
            chunks: Chunks::resume(Tally::default()),
            firsts: Firsts::new(),
            chunk: 0,
            found: Sorted::default(),
            passed: Vec::new(),
            group: 0,
            read_all: false,
        }
    }

    /// Looks whether an earlier request is the same. Each has the batch's endpoint as its url.
    fn meet(&mut self, key: (u64, u64), request: Request) {
        let Request { slot, body, custom_id, .. } = request;
        let place =
            slot.chunk.checked_mul(CHUNK_REQUESTS).and_then(|place| place.checked_add(slot.index + 1));
        let hash = hash(key, &body);
        // Places beyond what a number holds are never the same as another.
        let first = place.and_then(|place| self.firsts.find_or_add(hash, place - 1));
        let mut outcome = Outcome::Skipped;
        if let Some(first) = first {
            if self.passed.is_empty() {
                self.group = self.chunks.take_group(slot.chunk);
            }
            outcome = Outcome::Repeat;
            let (chunk, first) = (first / CHUNK_REQUESTS, first % CHUNK_REQUESTS);
            let repeat = Repeat { first, index: slot.index, line: slot.line, custom_id };
            repeat.append(self.found.get_or_default(chunk));
            let (chunk, index) = (slot.chunk, slot.index);
            self.passed.push(LineResult { chunk, index, outcome, usage: None, line: Vec::new() });
        }
        // It is known where the chunk ends once all of its requests have.
        self.chunks.finish(slot.chunk, slot.index, outcome, None);
    }

    /// Stores the repeats of a chunk: which they are, and then that they are not to run.
    fn save(&mut self, context: &mut Context) {
        let (id, chunk, group) = (&context.batch.id, self.chunk, self.group);
        let mut passed = Sorted::default();
        passed.insert(chunk, std::mem::take(&mut self.passed));
        let mut writes = Vec::new();
        while let Some((first, mut record)) = self.found.pop_first() {
            seal(&mut record);
            writes.push(Write::Set(keys::repeats_in(id, first, chunk), record));
        }
        writes.extend(context.order.write(id, &passed, &mut |_, _| group));
        context.start_save(writes);
    }

    fn run(&mut self, context: &mut Context) -> Next {
        context.batch.dedupe(Deduped { requests: self.chunks.tally().repeats, usage: Usage::default() });
        planning::begin(context, self.input_bytes, std::mem::take(&mut self.models), true)
    }
}

impl Phase for Matching {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if !context.save.is_idle() || !context.io.is_idle() {
            return Ok(Next::Idle);
        }
        // The run knows what becomes of a batch whose time is over.
        if context.cancel_requested_at.is_some() || context.is_expired() {
            return Ok(self.run(context));
        }
        loop {
            let chunk = self.reader.position().chunk;
            if chunk > self.chunk || self.read_all {
                if !self.passed.is_empty() {
                    self.save(context);
                    return Ok(Next::Again);
                }
                if self.read_all {
                    return Ok(self.run(context));
                }
                self.chunk = chunk;
            }
            match self.reader.step(&mut self.chunks, &Routes::default(), 0) {
                Step::Request(request) => self.meet(context.hash_key, *request),
                Step::NotARequest(slot) => {
                    self.chunks.finish(slot.chunk, slot.index, Outcome::Skipped, None);
                }
                Step::Need(command) => {
                    context.io.start(command);
                    return Ok(Next::Again);
                }
                Step::End => self.read_all = true,
            }
        }
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        match reply {
            Reply::Bytes(bytes) => {
                // The run, which goes through all of it again, says what is wrong with the file.
                if !self.reader.bytes(bytes) {
                    return Ok(self.run(context));
                }
            }
            Reply::Entries(entries) => {
                self.reader.loaded(&mut self.chunks, entries);
            }
            _ => return Err(Defect::misfit()),
        }
        Ok(Next::Again)
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        if fault.may_pass() && !context.is_expired() {
            return Ok(Next::End(context.fault(fault)));
        }
        Ok(self.run(context))
    }
}
