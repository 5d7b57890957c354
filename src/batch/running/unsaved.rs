//! Finished lines on their way to the store: many results, one write.

use crate::batch::command::Write;
use crate::batch::order::Order;
use crate::batch::running::chunks::Chunks;
use crate::batch::running::request::Slot;
use crate::limits::{PUBLISH_MS, SAVE_AFTER_MS, SAVE_BYTES, SAVE_RESULTS};
use crate::result::group::LineResult;
use crate::result::outcome::{Outcome, Tally};
use crate::sorted::Sorted;
use crate::wire::Usage;
use std::collections::VecDeque;

/// What may wait to be written before nothing new starts: a store that hangs must not fill the memory.
const MAX_UNSAVED_RESULTS: usize = 4 * SAVE_RESULTS;
const MAX_UNSAVED_BYTES: usize = 4 * SAVE_BYTES;

#[derive(Debug, Default)]
pub(super) struct Unsaved {
    results: VecDeque<LineResult>,
    bytes: usize,
    /// When the oldest came.
    since: Option<u64>,
    saving: Vec<Saving>,
    /// The batch itself changed in a way users wait for.
    publish: bool,
    /// When users last saw the counts.
    published_at: u64,
    /// Whether they have risen since.
    unpublished: bool,
}

/// A result that is being written: what is counted once it is durable.
#[derive(Debug)]
pub(super) struct Saving {
    pub(super) chunk: u32,
    pub(super) index: u32,
    pub(super) outcome: Outcome,
    pub(super) usage: Option<Usage>,
}

impl Unsaved {
    pub(super) fn push(
        &mut self,
        now: u64,
        slot: Slot,
        outcome: Outcome,
        usage: Option<Usage>,
        line: Vec<u8>,
    ) {
        self.bytes += line.len();
        self.since.get_or_insert(now);
        let Slot { chunk, index, .. } = slot;
        self.results.push_back(LineResult { chunk, index, outcome, usage, line });
    }

    /// Everything is written or on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.results.is_empty() && self.saving.is_empty() && !self.publish
    }

    /// Results that are not durable yet.
    pub(super) fn count(&self) -> usize {
        self.results.len() + self.saving.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.results.len() < MAX_UNSAVED_RESULTS && self.bytes < MAX_UNSAVED_BYTES
    }

    /// There is something to be written, with whatever comes meanwhile.
    pub(super) fn save_soon(&mut self, now: u64) {
        self.since.get_or_insert(now);
    }

    /// Users are to see the batch as it is without waiting for results.
    pub(super) fn publish_soon(&mut self) {
        self.publish = true;
    }

    /// Whether a write is due: for time, for size, or for `most` results; `settled` says that no more will come to share it.
    pub(super) fn is_due(&self, now: u64, most: usize, settled: bool) -> bool {
        let full = self.results.len() >= most || self.bytes >= SAVE_BYTES;
        let waited = self.due().is_some_and(|due| due <= now);
        self.publish || full || waited || (settled && !self.results.is_empty())
    }

    pub(super) fn due(&self) -> Option<u64> {
        let save = self.since.map(|since| since + SAVE_AFTER_MS);
        let publish = self.unpublished.then_some(self.published_at + PUBLISH_MS);
        [save, publish].into_iter().flatten().min()
    }

    /// Whether users are to see the batch with this write; otherwise they will, soon.
    pub(super) fn publishes(&mut self, now: u64) -> bool {
        let publish = self.publish || self.published_at + PUBLISH_MS <= now;
        self.unpublished = !publish;
        if publish {
            self.publish = false;
            self.published_at = now;
        }
        publish
    }

    /// The writes for the oldest results: one group for each of their chunks, and before them which these are.
    pub(super) fn take_writes(&mut self, id: &str, chunks: &mut Chunks, order: &mut Order) -> Vec<Write> {
        debug_assert!(self.saving.is_empty());
        let mut groups: Sorted<u32, Vec<LineResult>> = Sorted::default();
        let mut bytes = 0;
        for _ in 0..SAVE_RESULTS {
            let Some(result) = self.results.pop_front() else { break };
            bytes += result.line.len();
            self.saving.push(Saving {
                chunk: result.chunk,
                index: result.index,
                outcome: result.outcome,
                usage: result.usage,
            });
            groups.get_or_default(result.chunk).push(result);
            if bytes >= SAVE_BYTES {
                break;
            }
        }
        self.bytes -= bytes;
        if self.results.is_empty() {
            self.since = None;
        }
        order.write(id, &groups, &mut |chunk, _| chunks.take_group(chunk))
    }

    /// Counts and tokens of what is being written.
    pub(super) fn saving_tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.saving.iter().for_each(|saving| tally.count(saving.outcome, saving.usage.as_ref()));
        tally
    }

    /// The write succeeded.
    pub(super) fn take_saved(&mut self) -> Vec<Saving> {
        std::mem::take(&mut self.saving)
    }
}
