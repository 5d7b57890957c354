//! In which order results come: each write of results says so, for whoever follows them.

use crate::batch::command::Write;
use crate::keys;
use crate::result::group::{LineResult, write_group};
use crate::result::order::{Written, encode};
use crate::sorted::Sorted;

/// Where the next record goes.
#[derive(Debug)]
pub(super) struct Order {
    /// Bytes of lines before it; none where no order is kept: an earlier build began the batch, or a record is damaged.
    at: Option<u64>,
    /// The last record, put right: its write was cut off.
    mended: Option<Write>,
    /// Groups of the last record: what is written once more is not named again.
    last: Vec<Written>,
    /// Bytes of lines at the end that are written once more, in the same groups.
    again: u64,
    /// Calls that were begun, and those in flight: each record says so.
    pub(super) calls: [u64; 2],
}

impl Default for Order {
    fn default() -> Self {
        Self { at: Some(0), mended: None, last: Vec::new(), again: 0, calls: [0; 2] }
    }
}

impl Order {
    /// As it was found in the store.
    pub(super) fn resume(at: Option<u64>, mended: Option<Write>, last: Vec<Written>) -> Self {
        Self { at, mended, last, again: 0, calls: [0; 2] }
    }

    /// Bytes of lines in order so far; none where no order is kept.
    pub(super) fn position(&self) -> Option<u64> {
        self.at
    }

    /// What comes next are the groups from there on, once more.
    pub(super) fn go_back(&mut self, to: u64) {
        self.again = self.at.map_or(0, |at| at.saturating_sub(to));
    }

    /// From here on none is kept: lines may come once more, and of what is named twice, no order is made.
    pub(super) fn lose(&mut self) {
        self.at = None;
    }

    /// The writes for results of some chunks: for each chunk a group, which gets the number that it is given, and before them
    /// which these are.
    #[inline(never)]
    pub(super) fn write(
        &mut self,
        id: &str,
        chunks: &Sorted<u32, Vec<LineResult>>,
        number: &mut dyn FnMut(u32, &[LineResult]) -> u32,
    ) -> Vec<Write> {
        let mut written = Vec::with_capacity(chunks.len());
        let mut entries = Vec::with_capacity(chunks.len());
        for (chunk, results) in chunks.iter() {
            let group = number(*chunk, results);
            written.push(Written::new(*chunk, group, results));
            entries.extend(write_group(id, *chunk, group, results));
        }
        let mut writes = self.take_writes(id, &written);
        writes.extend(entries.into_iter().map(|(key, value)| Write::Set(key, value)));
        writes
    }

    /// The records of groups that are to be written together. They go before the groups: should a crash come between, what is
    /// missing is found. One of groups without lines says that nothing came before, until the next takes its place.
    fn take_writes(&mut self, id: &str, groups: &[Written]) -> Vec<Write> {
        let mut writes: Vec<Write> = self.mended.take().into_iter().collect();
        let mut groups = groups.to_vec();
        groups.retain(|group| {
            let again = self.again > 0;
            self.again = self.again.saturating_sub(group.bytes);
            !again && !self.last.contains(group)
        });
        let bytes: u64 = groups.iter().map(|group| group.bytes).sum();
        if !groups.is_empty()
            && let Some(at) = &mut self.at
        {
            writes.push(Write::Set(keys::order(id, *at), encode(&groups, self.calls)));
            *at += bytes;
        }
        writes
    }
}
