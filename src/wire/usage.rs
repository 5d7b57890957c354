//! Tokens.

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use serde::Serialize;

/// Tokens, in the Responses API's words; chat's prompt and completion tokens map to input and output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Their sum, as the model reported it.
    pub total_tokens: u64,
    /// Of the input.
    pub input_tokens_details: InputTokensDetails,
    /// Of the output.
    pub output_tokens_details: OutputTokensDetails,
}

/// Details of [`Usage::input_tokens`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InputTokensDetails {
    /// Tokens served from a prompt cache.
    pub cached_tokens: u64,
}

/// Details of [`Usage::output_tokens`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutputTokensDetails {
    /// Tokens spent thinking.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// What a record says; zeros where it says nothing.
    pub(super) fn read(record: &Value) -> Self {
        let number = |of: Option<&Value>, name| of.and_then(|of| of.get(name)?.as_u64()).unwrap_or_default();
        let [input_tokens, output_tokens, total_tokens] =
            ["input_tokens", "output_tokens", "total_tokens"].map(|name| number(Some(record), name));
        Self {
            input_tokens,
            output_tokens,
            total_tokens,
            input_tokens_details: InputTokensDetails {
                cached_tokens: number(record.get("input_tokens_details"), "cached_tokens"),
            },
            output_tokens_details: OutputTokensDetails {
                reasoning_tokens: number(record.get("output_tokens_details"), "reasoning_tokens"),
            },
        }
    }

    /// Adds another answer's tokens. Saturates: a model's report is not to be trusted with a panic.
    pub fn add(&mut self, other: &Self) {
        let sum = |a: &mut u64, b: u64| *a = a.saturating_add(b);
        sum(&mut self.input_tokens, other.input_tokens);
        sum(&mut self.output_tokens, other.output_tokens);
        sum(&mut self.total_tokens, other.total_tokens);
        sum(&mut self.input_tokens_details.cached_tokens, other.input_tokens_details.cached_tokens);
        sum(&mut self.output_tokens_details.reasoning_tokens, other.output_tokens_details.reasoning_tokens);
    }
}

impl FromValue for Usage {
    fn from_value(value: &Value) -> Option<Self> {
        Some(Self::read(value))
    }
}

by_value!(Usage);
