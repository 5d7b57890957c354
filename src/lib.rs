//! The OpenAI Batches API as a pure core.

pub mod error;
pub mod jsonl;
pub mod limits;
pub mod object;
