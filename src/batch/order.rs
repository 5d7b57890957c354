//! In which order results come: each write of results says so, for whoever follows them.

use crate::batch::command::Write;
use crate::keys;
use crate::result::order::{Written, encode};

/// Where the next record goes.
#[derive(Debug)]
pub(super) struct Order {
    /// Bytes of lines before it; none where no order is kept: an earlier build began the batch, or a record is damaged.
    at: Option<u64>,
    /// The last record, put right: its write was cut off.
    mended: Option<Write>,
}

impl Default for Order {
    fn default() -> Self {
        Self { at: Some(0), mended: None }
    }
}

impl Order {
    /// As it was found in the store.
    pub(super) fn resume(at: Option<u64>, mended: Option<Write>) -> Self {
        Self { at, mended }
    }

    /// The records of groups that are to be written together. They go before the groups: should a crash come between, what is
    /// missing is found.
    pub(super) fn take_writes(&mut self, id: &str, groups: &[Written]) -> Vec<Write> {
        let mut writes: Vec<Write> = self.mended.take().into_iter().collect();
        let bytes: u64 = groups.iter().map(|group| group.bytes).sum();
        if bytes > 0
            && let Some(at) = &mut self.at
        {
            writes.push(Write::Set(keys::order(id, *at), encode(groups)));
            *at += bytes;
        }
        writes
    }
}
