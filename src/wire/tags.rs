//! What objects call themselves.

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use serde::Serialize;

/// The `object` of a [`Batch`](crate::wire::Batch).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchTag {
    /// `"batch"`
    #[default]
    Batch,
}

/// The `object` of every list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListTag {
    /// `"list"`
    #[default]
    List,
}

impl FromValue for BatchTag {
    fn from_value(value: &Value) -> Option<Self> {
        (value.as_str() == Some("batch")).then_some(Self::Batch)
    }
}

impl FromValue for ListTag {
    fn from_value(value: &Value) -> Option<Self> {
        (value.as_str() == Some("list")).then_some(Self::List)
    }
}

by_value!(BatchTag);
by_value!(ListTag);
