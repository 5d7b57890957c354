//! Lists.

use crate::wire::Batch;
use serde::{Deserialize, Serialize};

/// The `object` of every list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListTag {
    /// `"list"`
    #[default]
    List,
}

/// One page of batches, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
