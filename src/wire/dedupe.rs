//! What a batch says whose identical requests are asked once.

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use crate::wire::{Batch, Usage};
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

impl Batch {
    /// Whether identical requests are asked once.
    pub(crate) fn dedupes(&self) -> bool {
        self.edgebatch.as_ref().is_some_and(|own| own.dedupe)
    }

    /// How many requests repeat others, once that is known.
    pub(crate) fn deduped(&self) -> Option<&Deduped> {
        self.edgebatch.as_ref()?.deduped.as_ref()
    }

    /// Says how many requests repeat others, and which tokens that saved so far.
    pub(crate) fn dedupe(&mut self, deduped: Deduped) {
        self.edgebatch.get_or_insert_default().deduped = Some(deduped);
    }
}
