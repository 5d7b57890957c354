//! Lists of batches.

use crate::json::record::record;
use crate::wire::{Batch, ListTag};
use serde::Serialize;

/// One page of batches, newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchList {
    /// Always `list`.
    pub object: ListTag,
    /// The batches of this page.
    pub data: Vec<Batch>,
    /// Id of the first batch here; null on an empty page.
    pub first_id: Option<String>,
    /// Id of the last batch here: the next page's `after`; null on an empty page.
    pub last_id: Option<String>,
    /// Whether older batches follow.
    pub has_more: bool,
}

record!(BatchList { object, data, first_id, last_id, has_more });
