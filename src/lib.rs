//! The OpenAI Batches API as a pure core: validation of batch files and a batch machine that no crash can lose.
//!
//! There are three ways in:
//!
//! * [`Validator`] checks a file that comes in chunks;
//! * over a [`Host`], [`create`], [`retrieve`], [`cancel`] and [`list`] are the calls of the API, [`serve`] runs what they
//!   made, and [`run_turn`] one batch for a while (`examples/native.rs` has a host of its own, driven by tokio);
//! * [`Machine`] is one turn of one batch and does nothing by itself: whoever drives it carries its commands out.
//!
//! A whole batch, driven by hand over a store and files in memory:
//!
//! ```
//! use edgebatch::{
//!     Answer, BatchStatus, Command, CreateParams, Fault, FileObject, LookUp, Machine, NewBatch, Output, Reply,
//!     Settings, TurnEnd, Write, first_checkpoint,
//! };
//! use std::collections::{BTreeMap, VecDeque};
//!
//! let line = |id: &str| {
//!     let body = r#"{"model": "m", "messages": []}"#;
//!     format!(r#"{{"custom_id": "{id}", "method": "POST", "url": "/v1/chat/completions", "body": {body}}}"#)
//! };
//! let input = format!("{}\n{}\n", line("a"), line("b")).into_bytes();
//! let mut store: BTreeMap<String, Vec<u8>> = BTreeMap::new();
//! let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
//!
//! let settings = Settings::default();
//! let params = CreateParams {
//!     input_file_id: "file-input".into(),
//!     endpoint: "/v1/chat/completions".into(),
//!     completion_window: "24h".into(),
//!     ..CreateParams::default()
//! };
//! let mut now = 1_790_000_000_000;
//! let new = NewBatch::check(params, &settings).expect("good parameters");
//! let batch = new.batch(new.record(now, [1, 2], None), None, &settings);
//!
//! let mut machine = Machine::resume(&first_checkpoint(&batch), settings, [3, 4, 5], now).expect("readable");
//! let mut replies = VecDeque::new();
//! let end = loop {
//!     // All that is to be done now. Here everything is answered at once.
//!     while let Some(output) = machine.poll_output() {
//!         let Output::Start(id, command) = output else { continue };
//!         let reply = match command {
//!             Command::LookUp(LookUp::Input(id)) => Reply::Input(Some(FileObject { id, bytes: input.len() as u64 })),
//!             Command::LookUp(LookUp::Model(_)) => Reply::Model(true),
//!             Command::LookUp(LookUp::Wish) => Reply::Wish(None),
//!             Command::LookUp(LookUp::Watched) => Reply::Watched(false),
//!             Command::Read { offset, length, .. } => {
//!                 Reply::Bytes(input[offset as usize..][..length as usize].to_vec())
//!             }
//!             Command::Load { prefix } => {
//!                 let entries = store.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
//!                 Reply::Entries(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
//!             }
//!             Command::Save(writes) => {
//!                 for write in writes.iter().cloned() {
//!                     match write {
//!                         Write::Set(key, value) => drop(store.insert(key, value)),
//!                         Write::Delete(key) => drop(store.remove(&key)),
//!                         Write::DeletePrefix(prefix) => store.retain(|key, _| !key.starts_with(&prefix)),
//!                     }
//!                 }
//!                 Reply::Saved
//!             }
//!             Command::Infer { .. } => Reply::Answer(Answer {
//!                 status: 200,
//!                 body: br#"{"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}"#.to_vec(),
//!                 request_id: None,
//!                 retry_after_ms: None,
//!             }),
//!             Command::WriteOutput(part) => {
//!                 let file = files.entry(part.file_id.clone()).or_default();
//!                 if part.first {
//!                     file.clear();
//!                 }
//!                 file.extend_from_slice(&part.bytes);
//!                 Reply::Written(part.last.then_some(part.file_id))
//!             }
//!             _ => Reply::Failed(Fault::transient("a command of a later version")),
//!         };
//!         replies.push_back((id, reply));
//!     }
//!     if let Some(end) = machine.end() {
//!         break end.clone();
//!     }
//!     match replies.pop_front() {
//!         Some((id, reply)) => machine.handle_reply(now, id, reply),
//!         None => {
//!             now = machine.poll_timeout().expect("something is due");
//!             machine.handle_timeout(now);
//!         }
//!     }
//! };
//!
//! assert_eq!(end, TurnEnd::Terminal);
//! let batch = machine.batch();
//! assert_eq!(batch.status, BatchStatus::Completed);
//! assert_eq!((batch.request_counts.completed, batch.usage.total_tokens), (2, 14));
//! let output = &files[batch.output_file_id.as_ref().expect("an output file")];
//! assert_eq!(output.iter().filter(|&&byte| byte == b'\n').count(), 2);
//! let left = ["batch", "manifest"].map(|kind| format!("{kind}:{}", batch.id));
//! assert_eq!(store.into_keys().collect::<Vec<_>>(), left);
//! ```
//!
//! # The rooms
//!
//! | room | what it holds |
//! |---|---|
//! | `wire`, `error` | the wire types, which status may follow which, the error shape |
//! | [`limits`], `settings`, `keys` | every number, what a host may set, where records stand |
//! | `digest` | size, lines and SHA-256 of a file as it comes |
//! | `json` | bytes to JSON members, plain values, and how records and options are read out of them |
//! | `input` | bytes to lines, a line to a request |
//! | `validate` | the rules of lines and files, their codes and texts in both dialects |
//! | `repair` | what is wrong in one way only is put right, as the bytes of a new file |
//! | `convert` | what a file is that is no batch file; tables, JSON and prompts are made one; large files are split |
//! | `result` | an answer to a line of a file, and how lines are stored until the files are written |
//! | `service`, `queue` | what create, retrieve, cancel and list decide; which batches may run, and who runs them |
//! | `batch` | the machine that runs one batch |
//! | `host`, `driver` | what the platform must offer; the only code that awaits it |
//! | `wasm` | the same driver over JavaScript imports |
//!
//! Nothing outside `host`, `driver` and `wasm` knows a clock, randomness, I/O or a platform.
//!
//! # Features
//!
//! They say what a build for JavaScript exports, and so how large it is; natively all of the crate is there, whichever are on.
//!
//! | feature | exports |
//! | --- | --- |
//! | `check` (default) | [`Validator`] |
//! | `service` (default) | the calls of the API |
//! | `turns` (default) | what runs batches |
//! | `repair` | [`Repair`] |
//! | `convert` | [`Convert`] and [`Split`] |
//!
//! Without any of them the wasm has no bindings to JavaScript and imports nothing.

mod batch;
mod convert;
mod digest;
mod driver;
mod error;
mod host;
mod input;
mod json;
mod keys;
pub mod limits;
mod queue;
mod repair;
mod result;
mod retry;
mod service;
mod settings;
mod sorted;
mod steady;
mod text;
#[cfg(test)]
mod typescript;
mod validate;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "javascript"))]
mod wasm;
mod wire;

pub use crate::batch::command::{
    BatchFile, Command, CommandId, LookUp, Output, OutputFile, OutputPart, Reply, Write,
};
pub use crate::batch::{CHECKPOINT_VERSION, Machine, TurnEnd, Unreadable, checkpointed, first_checkpoint};
pub use crate::convert::{
    Convert, ConvertFrom, ConvertOptions, Converted, FileKind, FilePart, Remedy, Sniffed, Split, sniff,
};
pub use crate::driver::{
    Export, Import, ImportedInput, InputReader, Turn, ValidRequests, admit, ask, cancel, create, fence, list,
    manifest, pause, results, resume, retrieve, run_turn, serve, settle, sweep_imports, take_back,
};
pub use crate::error::ApiError;
pub use crate::host::{Answer, Fault, FaultKind, Host, Inference, KvCheck, KvPage, KvQuery, KvWrite};
pub use crate::input::request::RequestLine;
pub use crate::json::options::from_json;
pub use crate::json::value::{Value, to_json};
pub use crate::limits::Limits;
pub use crate::queue::lease::Owner;
pub use crate::repair::{Cure, Cured, Example, Repair, RepairOptions, Repaired};
pub use crate::service::{
    Asked, CreateParams, Cursor, IdempotencyRecord, ListParams, NewBatch, ResultsOrder, ResultsPage,
    ResultsParams,
};
pub use crate::settings::{Dialect, Price, Prices, Settings};
pub use crate::validate::{
    LineSize, Progress, Report, Rules, Sink, Statistics, Tally, ValidRequest, Validator, size_class,
};
pub use crate::wire::{
    Batch, BatchError, BatchErrors, BatchList, BatchStatus, BatchTag, Budget, Continued, Deduped, Exported,
    Extension, FileObject, Hold, InputTokensDetails, ListTag, Metadata, MoveStep, Moving,
    OutputTokensDetails, RequestCounts, Rerun, Reused, SendOrder, Usage, Used, Wait, Wish,
};

/// What only this crate's own tests, fuzz targets and benchmarks need. No part of the interface: it changes without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::input::{endpoint, jsonl, request};
    pub use crate::json::{explain, scan, value};
    pub use crate::queue::{admission, lease};

    /// See `src/keys.rs`.
    pub mod keys {
        pub use crate::keys::*;
    }

    /// See `src/service/`.
    pub mod service {
        pub use crate::service::*;
    }

    /// See `src/wasm/`.
    #[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "javascript"))]
    pub mod wasm {
        pub use crate::wasm::*;
    }
}
