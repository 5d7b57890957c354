//! One request on its way to the model.

use crate::batch::running::routes::Route;
use crate::batch::running::whose_fault::Tries;
use std::sync::Arc;

/// Which request of the file: what its result is filed under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) chunk: u32,
    /// Which request of its chunk.
    pub(super) index: u32,
    /// Physical line, 1-based.
    pub(super) line: u64,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) slot: Slot,
    pub(super) custom_id: String,
    /// As in the file.
    pub(super) body: Arc<[u8]>,
    /// Where it goes.
    pub(super) route: Route,
    /// Its tries so far.
    pub(super) tries: Tries,
}
