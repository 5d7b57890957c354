//! Tokens.

use serde::{Deserialize, Serialize};

/// Tokens, in the Responses API's words; chat's prompt and completion tokens map to input and output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputTokensDetails {
    /// Tokens served from a prompt cache.
    pub cached_tokens: u64,
}

/// Details of [`Usage::output_tokens`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTokensDetails {
    /// Tokens spent thinking.
    pub reasoning_tokens: u64,
}

impl Usage {
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
