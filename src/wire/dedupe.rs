//! What a batch says whose identical requests are asked once.

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use crate::wire::Usage;
use serde::Serialize;

/// Requests of a batch that were not asked, as an earlier one is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deduped {
    /// How many there are.
    pub requests: u64,
    /// Tokens of the answers that were given once more. They are not among the batch's own.
    pub usage: Usage,
}

impl FromValue for Deduped {
    fn from_value(value: &Value) -> Option<Self> {
        Some(Self {
            requests: value.get("requests").and_then(Value::as_u64).unwrap_or_default(),
            usage: value.get("usage").map(Usage::read).unwrap_or_default(),
        })
    }
}

by_value!(Deduped);
