//! Input files: bytes to lines, a line to a request.

pub mod jsonl;
pub mod request;
