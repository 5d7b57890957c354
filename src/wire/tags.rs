//! What objects call themselves.

use serde::{Deserialize, Serialize};

/// The `object` of a [`Batch`](crate::wire::Batch).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchTag {
    /// `"batch"`
    #[default]
    Batch,
}

/// The `object` of every list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListTag {
    /// `"list"`
    #[default]
    List,
}
