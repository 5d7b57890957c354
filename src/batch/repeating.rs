//! The batch once its requests have ended, while those that repeat others get their lines: each is the line of the first,
//! whatever that says, under an id and a `custom_id` of its own. It costs no tokens.
//!
//! Repeats are gone through by the chunk of the first, so that each chunk of results is read once; what comes of them is
//! stored like any result, with how far this came.

use crate::batch::checkpoint::{Ending, SavedPhase, SavedRepeats};
use crate::batch::command::{Command, Reply, TurnEnd};
use crate::batch::context::{Context, Stop};
use crate::batch::defect::Defect;
use crate::batch::finalizing::Finalizing;
use crate::batch::phase::{Next, Phase, Suspended, stopped};
use crate::batch::refused::cancelled_late;
use crate::host::{Fault, KvQuery};
use crate::keys;
use crate::limits::{LISTED, SAVE_BYTES, SAVE_RESULTS};
use crate::result::group::{LineResult, Stored, StoredLine, append_large, merge};
use crate::result::outcome::{Outcome, Tally};
use crate::result::output_line::{Of, of_repeat};
use crate::result::repeat::{next, unseal};
use crate::sorted::Sorted;
use crate::wire::Deduped;

pub(super) struct Repeating {
    /// As a later turn would take it up.
    saved: SavedRepeats,
    /// The same, as far as this turn came.
    now: SavedRepeats,
    /// What was not asked again, as far as this turn came.
    deduped: Deduped,
    /// Records of repeats that were read.
    records: std::vec::IntoIter<(String, Vec<u8>)>,
    /// The one that is gone through.
    record: Option<(String, Vec<u8>)>,
    read_all: bool,
    /// Results of the chunk of the first, by their index.
    chunk: Option<u32>,
    groups: Vec<(String, Vec<u8>)>,
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
        Self::resume(context, SavedRepeats { chunks, ending, counts, after: None, done: 0 })
    }

    pub(super) fn resume(context: &Context, saved: SavedRepeats) -> Self {
        Self {
            deduped: context.batch.deduped().copied().unwrap_or_default(),
            now: saved.clone(),
            saved,
            records: Vec::new().into_iter(),
            record: None,
            read_all: false,
            chunk: None,
            groups: Vec::new(),
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
            let Some((key, record)) = &self.record else {
                if let Some((key, mut record)) = self.records.next() {
                    // Repeats of a damaged record are lost: the sum will show it.
                    record.truncate(unseal(&record).len());
                    self.record = Some((key, record));
                    continue;
                }
                if self.read_all {
                    return None;
                }
                let (prefix, after) = (keys::repeats(id), self.now.after.clone());
                let query = KvQuery { prefix, after, limit: LISTED, reverse: false };
                return Some((Command::List(query), Step::Repeats));
            };
            let mut rest = record.get(self.now.done as usize..).unwrap_or_default();
            let next = keys::repeated_chunks(key).zip(next(&mut rest));
            let Some(((of, chunk), repeat)) = next else {
                self.now.after = self.record.take().map(|(key, _)| key);
                self.now.done = 0;
                continue;
            };
            if self.chunk != Some(of) {
                let prefix = keys::chunk_results(id, of);
                return Some((Command::Load { prefix }, Step::Chunk(of)));
            }
            let done = (record.len() - rest.len()) as u64;
            // A request that has no result is lost with its repeats: the sum will show it.
            if let Some(Some((group, first))) = self.firsts.get(repeat.first as usize) {
                let line = match &first.line {
                    StoredLine::Inline(range) => &self.groups[*group].1[range.clone()],
                    StoredLine::Large(bytes) => match &self.large {
                        Some((index, line)) if *index == repeat.first => &line[..],
                        _ => {
                            let prefix = keys::large_result(id, of, repeat.first);
                            return Some((Command::Load { prefix }, Step::Large(repeat.first, *bytes)));
                        }
                    },
                };
                let own = Of { batch_id: id, line: repeat.line, custom_id: &repeat.custom_id };
                if let Some(line) = of_repeat(own, line) {
                    first.usage.iter().for_each(|tokens| self.deduped.usage.add(tokens));
                    let [completed, failed] = &mut self.now.counts;
                    *completed += u64::from(first.outcome == Outcome::Completed);
                    *failed += u64::from(first.outcome == Outcome::Failed);
                    self.made_bytes += line.len();
                    let (index, outcome) = (repeat.index, first.outcome);
                    self.made.push(LineResult { chunk, index, outcome, usage: None, line });
                }
            }
            self.now.done = done;
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
        let mut writes = order.write(&batch.id, &groups, &mut |_, results| {
            keys::repeats_group(results.first().map_or(0, |first| first.index))
        });
        self.saved = self.now.clone();
        let [completed, failed] = self.saved.counts;
        let completed = completed.min(batch.request_counts.total.saturating_sub(failed));
        batch.dedupe(self.deduped);
        context.raise_counts(&Tally { completed, failed, ..Tally::default() });
        writes.extend([context.checkpoint(self.saved()), context.published()]);
        context.start_save(writes);
        self.advanced = true;
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
        if cancelled_late(context)? {
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
                self.records = entries.into_iter();
            }
            Step::Chunk(chunk) => {
                (self.chunk, self.large) = (Some(chunk), None);
                self.firsts = merge(&entries);
                self.groups = entries;
            }
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
