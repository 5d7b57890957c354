//! The OpenAI Batches API as a pure core: validation of batch files and a batch machine that no crash can lose.
//!
//! | room | what it holds |
//! |---|---|
//! | [`object`], [`error`], [`limits`], [`settings`] | the wire types, the error shape, every number, what a host may set |
//! | [`value`] | plain values, and how records and options are read out of them |
//! | [`jsonl`], [`scan`], [`request`] | bytes to lines, lines to JSON members, a line to a request |
//! | [`validate`] | the rules of lines and files, their codes and texts in both dialects |
//! | [`service`], [`keys`] | what create, retrieve, cancel and list decide; where records stand |
//! | [`batch`] | the machine that runs one batch, and which batches may run |
//! | [`host`], [`driver`] | what the platform must offer; the only code that awaits it |
//! | `wasm` | the same driver over JavaScript imports |
//!
//! Nothing outside `host`, `driver` and `wasm` knows a clock, randomness, I/O or a platform.

pub mod batch;
pub mod driver;
pub mod error;
pub mod host;
pub mod jsonl;
pub mod keys;
pub mod limits;
pub mod object;
pub mod request;
pub mod scan;
pub mod service;
pub mod settings;
mod sorted;
mod steady;
mod text;
pub mod validate;
pub mod value;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
