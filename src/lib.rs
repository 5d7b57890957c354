//! The OpenAI Batches API as a pure core: validation of batch files and a batch machine that no crash can lose.
//!
//! | room | what it holds |
//! |---|---|
//! | [`wire`], [`error`] | the wire types, which status may follow which, the error shape |
//! | [`limits`], [`settings`], [`keys`] | every number, what a host may set, where records stand |
//! | [`json`] | bytes to JSON members, plain values, and how records and options are read out of them |
//! | [`input`] | bytes to lines, a line to a request |
//! | [`validate`] | the rules of lines and files, their codes and texts in both dialects |
//! | [`result`] | an answer to a line of a file, and how lines are stored until the files are written |
//! | [`service`], [`queue`] | what create, retrieve, cancel and list decide; which batches may run |
//! | [`batch`] | the machine that runs one batch |
//! | [`host`], [`driver`] | what the platform must offer; the only code that awaits it |
//! | `wasm` | the same driver over JavaScript imports |
//!
//! Nothing outside `host`, `driver` and `wasm` knows a clock, randomness, I/O or a platform.

pub mod batch;
pub mod driver;
pub mod error;
pub mod host;
pub mod input;
pub mod json;
pub mod keys;
pub mod limits;
pub mod queue;
pub mod result;
mod retry;
pub mod service;
pub mod settings;
mod sorted;
mod steady;
mod text;
#[cfg(test)]
mod typescript;
pub mod validate;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
pub mod wire;
