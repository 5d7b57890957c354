//! Input files: bytes to lines, a line to a request, and the endpoints requests may be for.

pub mod endpoint;
pub mod jsonl;
pub mod request;
