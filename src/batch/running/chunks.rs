//! Which requests of which chunk have a result.
//!
//! A chunk is a run of lines whose end follows from its start ([`CHUNK_REQUESTS`], [`CHUNK_BYTES`]), so that
//! every turn cuts the file alike. Only chunks with unfinished requests are kept: as many as there are lanes.

use crate::batch::checkpoint::{ChunkSpan, ChunkStart};
use crate::keys;
use crate::limits::{CHUNK_BYTES, CHUNK_REQUESTS};
use crate::result::group::{Stored, read_group};
use crate::result::outcome::{Outcome, Tally};
use crate::sorted::Sorted;
use crate::wire::Usage;

/// All chunks that are open, and the sum of those that are not.
#[derive(Debug, Default)]
pub(in crate::batch) struct Chunks {
    open: Sorted<u32, Chunk>,
    closed: Tally,
    /// Requests with a result, or handed out to get one.
    pub(in crate::batch) seen: u64,
    /// A chunk was closed since the last checkpoint.
    pub(in crate::batch) dirty: bool,
    /// Chunks below this were opened in this turn.
    opened: u32,
}

#[derive(Debug)]
struct Chunk {
    start: ChunkStart,
    /// Known once the chunk was read to its end, in this turn or an earlier one.
    end: Option<u64>,
    /// Read to its end in this turn.
    sealed: bool,
    /// Seen so far.
    requests: u32,
    done: [u64; (CHUNK_REQUESTS / 64) as usize],
    /// Handed out by a plan in this turn.
    given: [u64; (CHUNK_REQUESTS / 64) as usize],
    tally: Tally,
    next_group: u32,
}

impl Chunks {
    pub(in crate::batch) fn resume(closed: Tally) -> Self {
        Self { closed, seen: closed.lines(), ..Self::default() }
    }

    /// Opens a chunk, with what an earlier turn knew and stored of it.
    pub(in crate::batch) fn open(
        &mut self,
        start: ChunkStart,
        end: Option<u64>,
        stored: &[(String, Vec<u8>)],
    ) {
        let mut chunk = Chunk {
            start,
            end,
            sealed: false,
            requests: 0,
            done: [0; (CHUNK_REQUESTS / 64) as usize],
            given: [0; (CHUNK_REQUESTS / 64) as usize],
            tally: Tally::default(),
            next_group: 0,
        };
        for (key, value) in stored {
            let group = keys::group_of(key).filter(|&group| group < keys::REPEATS_GROUP);
            chunk.next_group = chunk.next_group.max(group.map_or(0, |group| group + 1));
            // What a damaged group held is asked for again.
            for Stored { index, outcome, usage, .. } in read_group(value).unwrap_or_default() {
                chunk.finish(index, outcome, usage.as_ref());
            }
        }
        self.seen += chunk.tally.lines();
        self.opened = self.opened.max(start.chunk + 1);
        self.open.insert(start.chunk, chunk);
    }

    /// Whether a chunk was opened in this turn, by whichever reader came to it first. They all take the same way.
    pub(in crate::batch) fn was_opened(&self, chunk: u32) -> bool {
        chunk < self.opened
    }

    /// A reader comes to a request of a chunk. Whether it has no result yet.
    #[must_use]
    pub(in crate::batch) fn meet(&mut self, chunk: u32, index: u32) -> bool {
        let Some(chunk) = self.open.get_mut(&chunk) else { return false };
        let is_open = chunk.is_open(index);
        if index == chunk.requests {
            chunk.requests += 1;
            self.seen += u64::from(is_open);
        }
        is_open
    }

    /// Whether a request of a chunk has no result yet, and was not handed out by a plan.
    pub(in crate::batch) fn is_open(&self, chunk: u32, index: u32) -> bool {
        self.open.get(&chunk).is_some_and(|chunk| chunk.is_open(index))
    }

    /// A request is handed out by a plan.
    pub(in crate::batch) fn give(&mut self, chunk: u32, index: u32) {
        if let Some(word) = self.open.get_mut(&chunk).and_then(|open| open.given.get_mut(index as usize / 64))
        {
            *word |= 1 << (index % 64);
        }
    }

    /// A plan says where a chunk ends, and how many requests it has.
    pub(in crate::batch) fn settle(&mut self, chunk: u32, end: u64, requests: u32) {
        if let Some(open) = self.open.get_mut(&chunk).filter(|open| !open.sealed) {
            open.requests = requests;
            self.seen += u64::from(requests).saturating_sub(open.tally.ended());
            self.seal(chunk, end);
        }
    }

    /// The chunk is read to its end.
    pub(in crate::batch) fn seal(&mut self, chunk: u32, end: u64) {
        if let Some(open) = self.open.get_mut(&chunk) {
            open.end = Some(end);
            open.sealed = true;
            self.close_if_done(chunk);
        }
    }

    /// A result is durable.
    pub(in crate::batch) fn finish(
        &mut self,
        chunk: u32,
        index: u32,
        outcome: Outcome,
        usage: Option<&Usage>,
    ) {
        if let Some(open) = self.open.get_mut(&chunk) {
            open.finish(index, outcome, usage);
            self.close_if_done(chunk);
        }
    }

    /// The number of the next group of results of this chunk.
    pub(in crate::batch) fn take_group(&mut self, chunk: u32) -> u32 {
        let Some(open) = self.open.get_mut(&chunk) else { return 0 };
        open.next_group += 1;
        open.next_group - 1
    }

    pub(in crate::batch) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Everything durable so far.
    pub(in crate::batch) fn tally(&self) -> Tally {
        let mut sum = self.closed;
        self.open.iter().for_each(|(_, chunk)| sum.add(&chunk.tally));
        sum
    }

    /// What a checkpoint keeps: the closed sum, the chunks whose end is known, and where to resume if the reader
    /// is in the middle of a fresh chunk.
    pub(in crate::batch) fn snapshot(&self) -> (Tally, Vec<ChunkSpan>, Option<ChunkStart>) {
        let sealed = self.spans().collect();
        let unsealed = self.open.iter().find(|(_, chunk)| chunk.end.is_none()).map(|(_, chunk)| chunk.start);
        (self.closed, sealed, unsealed)
    }

    /// Open chunks whose end is known.
    pub(in crate::batch) fn spans(&self) -> impl DoubleEndedIterator<Item = ChunkSpan> {
        let known = |chunk: &Chunk| Some(ChunkSpan { start: chunk.start, end: chunk.end? });
        self.open.iter().filter_map(move |(_, chunk)| known(chunk))
    }

    fn close_if_done(&mut self, index: u32) {
        let done = self
            .open
            .get(&index)
            .is_some_and(|chunk| chunk.sealed && chunk.tally.ended() == u64::from(chunk.requests));
        if done && let Some(chunk) = self.open.remove(&index) {
            self.closed.add(&chunk.tally);
            self.dirty = true;
        }
    }
}

/// Chunks there may be: each is full, but for the last. A lost input keeps the reader from all chunks with
/// results that an earlier turn stored.
pub(in crate::batch) fn most_chunks(requests: u64, bytes: u64) -> u32 {
    let full = requests / u64::from(CHUNK_REQUESTS) + bytes / CHUNK_BYTES;
    u32::try_from(full + 1).unwrap_or(u32::MAX)
}

impl Chunk {
    fn is_done(&self, index: u32) -> bool {
        self.done.get(index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn is_open(&self, index: u32) -> bool {
        !self.is_done(index)
            && self.given.get(index as usize / 64).is_none_or(|word| word >> (index % 64) & 1 == 0)
    }

    /// The first result of a request counts; any other is a repetition.
    fn finish(&mut self, index: u32, outcome: Outcome, usage: Option<&Usage>) {
        if index < CHUNK_REQUESTS && !self.is_done(index) {
            self.done[index as usize / 64] |= 1 << (index % 64);
            self.tally.count(outcome, usage);
        }
    }
}
