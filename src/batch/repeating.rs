//! The batch once its requests have ended, while those that repeat others get their lines: each is the line of the first,
//! whatever that says, under an id and a `custom_id` of its own. It costs no tokens.
//!
//! Repeats are gone through by the chunk of the first, so that each chunk of results is read once; what comes of them is
//! stored like any result, with how far this came.

use crate::batch::checkpoint::{Ending, SavedPhase, SavedRepeats};
use crate::batch::command::{Command, Reply, TurnEnd, Write};
use crate::batch::context::{Context, Stop};
use crate::batch::defect::Defect;
use crate::batch::finalizing::Finalizing;
use crate::batch::phase::{Next, Phase, Suspended, stopped};
use crate::host::{Fault, KvQuery};
use crate::keys;
use crate::limits::{CHUNK_REQUESTS, LISTED, SAVE_BYTES, SAVE_RESULTS};
use crate::result::group::{LineResult, Stored, StoredLine, append_large, read_group, write_group};
use crate::result::order::Written;
use crate::result::outcome::{Outcome, Tally};
use crate::result::output_line::{Of, of_repeat};
use crate::result::repeat::{Repeat, decode};
use crate::sorted::Sorted;
use crate::wire::{BatchStatus, Deduped};
use std::collections::VecDeque;

pub(super) struct Repeating {
    /// As a later turn would take it up.
    saved: SavedRepeats,
    /// The same, as far as this turn came.
    now: SavedRepeats,
    /// Repeats that were read: the chunk of the first and their own, and what is left of them.
    read: VecDeque<(String, (u32, u32), VecDeque<Repeat>)>,
    /// The key of the last that were read.
    after: Option<String>,
    read_all: bool,
    /// Results of the chunk of the first, by their index.
    chunk: Option<u32>,
    bytes: Vec<Vec<u8>>,
    firsts: Vec<Option<(usize, Stored)>>,
    /// A line that is stored by itself: whose it is.
    large: Option<(u32, Vec<u8>)>,
    made: Vec<LineResult>,
    made_bytes: usize,
    step: Step,
    /// Something was saved in this turn.
    advanced: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Repeats,
    Chunk(u32),
    Large(u32, usize),
}

impl Repeating {
    /// After a run that ended with these counts, in a number of chunks.
    pub(super) fn new(context: &mut Context, chunks: u32, ending: Ending, tally: &Tally) -> Self {
        let deduped = Deduped { requests: tally.repeats, ..Deduped::default() };
        // Some were asked all the same, as the store lost that they repeat others.
        if context.batch.deduped().is_some_and(|found| found.requests != deduped.requests) {
            context.order.lose();
        }
        context.batch.dedupe(deduped);
        let counts = [tally.completed, tally.failed];
        Self::resume(SavedRepeats { chunks, ending, counts, deduped, after: None, done: 0 })
    }

    pub(super) fn resume(saved: SavedRepeats) -> Self {
        Self {
            now: saved.clone(),
            after: saved.after.clone(),
            saved,
            read: VecDeque::new(),
            read_all: false,
            chunk: None,
            bytes: Vec::new(),
            firsts: Vec::new(),
            large: None,
            made: Vec::new(),
            made_bytes: 0,
            step: Step::Repeats,
            advanced: false,
        }
    }

    pub(super) fn saved(&self) -> SavedPhase {
        SavedPhase::Repeating(Box::new(self.saved.clone()))
    }

    /// Makes lines as long as that needs nothing more and there is room for them; then gives what it needs, if anything.
    fn make(&mut self, context: &Context) -> Option<(Command, Step)> {
        let id = &context.batch.id;
        while self.made.len() < SAVE_RESULTS && self.made_bytes < SAVE_BYTES {
            let Some((key, (of, chunk), repeats)) = self.read.front_mut() else {
                if self.read_all {
                    return None;
                }
                let (prefix, after) = (keys::repeats(id), self.after.clone());
                let query = KvQuery { prefix, after, limit: LISTED, reverse: false };
                return Some((Command::List(query), Step::Repeats));
            };
            let Some(repeat) = repeats.front() else {
                (self.now.after, self.now.done) = (Some(std::mem::take(key)), 0);
                self.read.pop_front();
                continue;
            };
            if self.chunk != Some(*of) {
                let prefix = keys::chunk_results(id, *of);
                return Some((Command::Load { prefix }, Step::Chunk(*of)));
            }
            // A request that has no result is lost with its repeats: the sum will show it.
            if let Some(Some((group, first))) = self.firsts.get(repeat.first as usize) {
                let line = match &first.line {
                    StoredLine::Inline(range) => &self.bytes[*group][range.clone()],
                    StoredLine::Large(bytes) => match &self.large {
                        Some((index, line)) if *index == repeat.first => &line[..],
                        _ => {
                            let prefix = keys::large_result(id, *of, repeat.first);
                            return Some((Command::Load { prefix }, Step::Large(repeat.first, *bytes)));
                        }
                    },
                };
                let own = Of { batch_id: id, line: repeat.line, custom_id: &repeat.custom_id };
                if let Some(line) = of_repeat(own, line) {
                    let Deduped { usage, .. } = &mut self.now.deduped;
                    first.usage.iter().for_each(|tokens| usage.add(tokens));
                    let [completed, failed] = &mut self.now.counts;
                    *completed += u64::from(first.outcome == Outcome::Completed);
                    *failed += u64::from(first.outcome == Outcome::Failed);
                    self.made_bytes += line.len();
                    let (chunk, index, outcome) = (*chunk, repeat.index, first.outcome);
                    self.made.push(LineResult { chunk, index, outcome, usage: None, line });
                }
            }
            repeats.pop_front();
            self.now.done += 1;
        }
        None
    }

    /// Stores the lines that were made, by the chunk that they belong to.
    fn save(&mut self, context: &mut Context) {
        self.made_bytes = 0;
        let mut groups: Sorted<u32, Vec<LineResult>> = Sorted::default();
        for result in self.made.drain(..) {
            groups.get_or_default(result.chunk).push(result);
        }
        let Context { batch, order, .. } = context;
        let (mut written, mut entries) = (Vec::new(), Vec::new());
        for (chunk, results) in groups.iter() {
            let group = keys::repeats_group(results.first().map_or(0, |first| first.index));
            written.push(Written::new(*chunk, group, results));
            entries.extend(write_group(&batch.id, *chunk, group, results));
        }
        let mut writes = order.take_writes(&batch.id, &written);
        writes.extend(entries.into_iter().map(|(key, value)| Write::Set(key, value)));
        self.saved = self.now.clone();
        let [completed, failed] = self.saved.counts;
        let completed = completed.min(batch.request_counts.total.saturating_sub(failed));
        batch.dedupe(self.saved.deduped);
        context.raise_counts(&Tally { completed, failed, ..Tally::default() });
        writes.extend([context.checkpoint(self.saved()), context.published()]);
        context.start_save(writes);
        self.advanced = true;
    }

    /// Results of the chunk of the first, of which the earliest of each counts.
    fn load(&mut self, chunk: u32, entries: Vec<(String, Vec<u8>)>) {
        (self.chunk, self.large) = (Some(chunk), None);
        self.firsts.clear();
        self.firsts.resize_with(CHUNK_REQUESTS as usize, || None);
        self.bytes.clear();
        for (group, (_, value)) in entries.into_iter().enumerate() {
            for stored in read_group(&value).unwrap_or_default() {
                if stored.outcome.file().is_some()
                    && let Some(free @ None) = self.firsts.get_mut(stored.index as usize)
                {
                    *free = Some((group, stored));
                }
            }
            self.bytes.push(value);
        }
    }
}

impl Phase for Repeating {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if !context.save.is_idle() || !context.io.is_idle() {
            return Ok(Next::Idle);
        }
        if let Some(cancelling_at) = context.cancel_requested_at
            && context.batch.status == BatchStatus::Finalizing
        {
            context.batch.enter(BatchStatus::Cancelling, cancelling_at)?;
            context.commit(self.saved());
            return Ok(Next::Again);
        }
        if self.advanced && context.stop == Some(Stop::Deadline) {
            return Ok(Next::Become(Box::new(Suspended(TurnEnd::Suspended { wake_at: context.now }))));
        }
        if let Some((command, step)) = self.make(context) {
            context.io.start(command);
            self.step = step;
        } else if !self.made.is_empty() {
            self.save(context);
        } else {
            let finalizing = Finalizing::new(self.now.chunks, self.now.ending.clone());
            context.commit(finalizing.saved());
            return Ok(Next::Become(Box::new(finalizing)));
        }
        Ok(Next::Again)
    }

    fn on_io(&mut self, _: &mut Context, reply: Reply) -> Result<Next, Defect> {
        let Reply::Entries(entries) = reply else { return Err(Defect::misfit()) };
        match self.step {
            Step::Repeats => {
                self.read_all = entries.is_empty();
                for (key, record) in entries {
                    self.after = Some(key.clone());
                    // Repeats of a damaged record are lost: the sum will show it.
                    let repeats = decode(&record).unwrap_or_default();
                    if let Some(chunks) = keys::repeated_chunks(&key) {
                        self.read.push_back((key, chunks, repeats.into()));
                    }
                }
                // An earlier turn has done some of the first.
                if let Some((.., repeats)) = self.read.front_mut() {
                    repeats.drain(..repeats.len().min(self.now.done as usize));
                }
            }
            Step::Chunk(chunk) => self.load(chunk, entries),
            Step::Large(index, bytes) => {
                let mut line = Vec::with_capacity(bytes);
                // Of a line that is not whole nothing is made.
                append_large(&mut line, &entries, bytes);
                self.large = Some((index, line));
            }
        }
        Ok(Next::Again)
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        if fault.may_pass() {
            return Ok(Next::End(context.fault(fault)));
        }
        // What the store refuses for good is lost: the sum will show it.
        self.on_io(context, Reply::Entries(Vec::new()))
    }
}
