//! What is kept of a batch for its manifest.

use crate::digest::Digest;
use crate::json::record::record;
use serde::Serialize;

/// What a batch has read and written, and what it asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Account {
    pub(super) input: Option<Digest>,
    pub(super) output: Option<Digest>,
    pub(super) error: Option<Digest>,
    /// Calls that were begun, those in flight, and those that were when a process died.
    pub(super) calls: [u64; 3],
}

record!(Account { ; input, output, error, calls });

impl Account {
    /// More calls were begun, and so many are in flight.
    pub(super) fn count(&mut self, begun: u64, in_flight: usize) {
        self.calls[0] += begun;
        self.calls[1] = in_flight as u64;
    }

    /// For the record that is written more often than the checkpoint.
    pub(super) fn calls(&self) -> [u64; 2] {
        [self.calls[0], self.calls[1]]
    }

    /// A batch goes on that was left, or whose process died: then the calls in flight are lost. The record may be newer.
    pub(super) fn go_on(&mut self, recorded: [u64; 2]) {
        if recorded[0] > self.calls[0] {
            self.calls[..2].copy_from_slice(&recorded);
        }
        self.calls[2] += std::mem::take(&mut self.calls[1]);
    }
}
