//! The batch while the order is made in which its requests are sent, before it runs: the file is gone through once more, and of
//! each request that has no result yet it is noted what it begins with and where it stands. See `plan`.
//!
//! Nothing is checkpointed but that this is to be done. A turn that begins again stores all of it anew.

use crate::batch::checkpoint::{ChunkStart, FIRST_CHUNK, SavedPhase, SavedRun};
use crate::batch::command::{Reply, Write};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::phase::{Next, Phase, stopped};
use crate::batch::plan::{Arrangement, Beginning, Entry, NO_MODEL, SECTION_CHUNKS, encode, section_of};
use crate::batch::running::chunks::Chunks;
use crate::batch::running::reader::{Reader, Step};
use crate::batch::running::request::Slot;
use crate::batch::running::routes::Routes;
use crate::batch::running::{Running, fresh_run};
use crate::host::Fault;
use crate::keys;
use crate::result::outcome::{Outcome, Tally};
use std::sync::Arc;

/// The phase of a batch whose requests are all known. `resumed` says that some of them have results.
pub(super) fn begin(context: &mut Context, input_bytes: u64, models: Vec<String>, resumed: bool) -> Next {
    if context.batch.groups_prefixes() {
        context.commit(SavedPhase::Planning { bytes: input_bytes, models: models.clone() });
        return Next::Become(Box::new(Planning::new(context, input_bytes, models, resumed)));
    }
    run(context, input_bytes, models, resumed)
}

fn run(context: &mut Context, input_bytes: u64, models: Vec<String>, resumed: bool) -> Next {
    let run = Running::start(context, SavedRun { models, ..fresh_run(input_bytes) }, resumed);
    context.commit(run.checkpoint());
    Next::Become(Box::new(run))
}

pub(super) struct Planning {
    input_bytes: u64,
    models: Vec<String>,
    /// Some requests may have results.
    resumed: bool,
    reader: Reader,
    chunks: Chunks,
    /// The section that is made, and where it starts.
    section: u32,
    start: ChunkStart,
    requests: Arrangement,
    /// A request that was read: which it is, its body, and where it starts and the next line does.
    read: Option<(Slot, Arc<[u8]>, [u64; 2])>,
    read_all: bool,
}

impl Planning {
    pub(super) fn new(context: &Context, input_bytes: u64, models: Vec<String>, resumed: bool) -> Self {
        let (id, input) = (&context.batch.id, &context.batch.input_file_id);
        let max_line_bytes = context.settings.limits.max_line_bytes;
        let reader = Reader::new(id, input, max_line_bytes, &fresh_run(input_bytes), resumed);
        Self {
            reader: reader.noting_ends(),
            input_bytes,
            models,
            resumed,
            chunks: Chunks::resume(Tally::default()),
            section: 0,
            start: FIRST_CHUNK,
            requests: Arrangement::default(),
            read: None,
            read_all: false,
        }
    }

    /// Takes a request into its section.
    fn add(&mut self, key: (u64, u64), slot: Slot, body: &[u8], [offset, end]: [u64; 2]) {
        let Slot { chunk, index, line } = slot;
        let beginning = Beginning::of(body);
        let model = self.models.iter().position(|model| beginning.model.as_deref() == Some(model));
        let entry = Entry {
            chunk: (chunk % SECTION_CHUNKS) as u8,
            index: index as u8,
            model: model.and_then(|at| u8::try_from(at).ok()).unwrap_or(NO_MODEL),
            line,
            offset,
            length: u32::try_from(end - offset).unwrap_or(u32::MAX),
        };
        self.requests.add(entry, |hashes| beginning.hashes(key, hashes));
    }

    /// Stores the section.
    fn save(&mut self, context: &mut Context) {
        let id = &context.batch.id;
        let ends = self.reader.ends();
        let rows: Vec<_> = ends.drain(..ends.len().min(SECTION_CHUNKS as usize)).collect();
        let in_flight = context.settings.max_concurrent_requests_per_batch as usize;
        let entries = std::mem::take(&mut self.requests).finish(in_flight);
        let mut writes = Vec::new();
        if self.section == 0 {
            // A turn that was cut off may have left others.
            writes.push(Write::DeletePrefix(keys::plans(id)));
        }
        writes.extend(encode(id, self.section, self.start, &rows, &entries));
        self.start = rows.last().map_or(self.start, |(next, _)| *next);
        self.section += 1;
        context.start_save(writes);
    }

    fn run(&mut self, context: &mut Context) -> Next {
        run(context, self.input_bytes, std::mem::take(&mut self.models), self.resumed)
    }
}

impl Phase for Planning {
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
            let read = self.read.take_if(|(slot, ..)| section_of(slot.chunk) == self.section);
            if let Some((slot, body, line)) = read {
                self.add(context.hash_key, slot, &body, line);
            }
            let ends = self.reader.ends().len();
            if ends >= SECTION_CHUNKS as usize || (self.read_all && ends > 0) {
                self.save(context);
                return Ok(Next::Again);
            }
            if self.read_all {
                return Ok(self.run(context));
            }
            let (slot, body) = match self.reader.step(&mut self.chunks, &Routes::default(), 0) {
                Step::Request(request) => (request.slot, request.body),
                Step::NotARequest(slot) => (slot, [].into()),
                Step::Need(command) => {
                    context.io.start(command);
                    return Ok(Next::Again);
                }
                Step::End => {
                    self.read_all = true;
                    continue;
                }
            };
            // It is known where the chunk ends once all of its requests have.
            self.chunks.finish(slot.chunk, slot.index, Outcome::Skipped, None);
            self.read = Some((slot, body, self.reader.last_line()));
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
            Reply::Entries(entries) => self.reader.loaded(&mut self.chunks, entries),
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
