//! One request on its way to the model.

use crate::batch::running::routes::Route;
use crate::batch::running::whose_fault::Tries;
use std::sync::Arc;

/// Which request of the file: what its result is filed under.
#[derive(Clone, Copy, Debug)]
pub(in crate::batch) struct Slot {
    pub(in crate::batch) chunk: u32,
    /// Which request of its chunk.
    pub(in crate::batch) index: u32,
    /// Physical line, 1-based.
    pub(in crate::batch) line: u64,
}

#[derive(Debug)]
pub(in crate::batch) struct Request {
    pub(in crate::batch) slot: Slot,
    pub(in crate::batch) custom_id: String,
    /// As in the file.
    pub(in crate::batch) body: Arc<[u8]>,
    /// Where it goes.
    pub(super) route: Route,
    /// Its tries so far.
    pub(super) tries: Tries,
}
