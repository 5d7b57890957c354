//! Is this file a batch? Every line is judged by itself, in one pass, as its bytes arrive.
//!
//! | room | what is decided there |
//! |---|---|
//! | `validator` | the stream: chunks in, good requests and a report out; where it stops to ask for a model |
//! | `judge` | a line after the others: what is counted, which errors are kept, which model all have |
//! | `line` | which rules a line must pass, and in which order |
//! | `fault` | codes, parameters and texts of the errors, in both dialects |
//! | `reason` | why a line is not JSON, or a file not text, where it is not the grammar |
//! | `duplicates` | whether a `custom_id` was seen before, in 16 to 24 bytes each |
//! | `models` | which models were asked for, and the answers |
//! | `options` | what is checked, and by which rules, as a caller of any language says it |
//! | `statistics` | what the file is like: models, sizes, errors by code |
//!
//! ```
//! use edgebatch::{Progress, Rules, ValidRequest, Validator};
//!
//! let mut validator = Validator::new(Rules::new("/v1/chat/completions"));
//! let mut sink = |request: ValidRequest<'_>| println!("{}", request.request.custom_id);
//! assert_eq!(validator.push(b"{\"custom_id\": \"a\"", &mut sink), Progress::Done);
//! assert_eq!(validator.push(b"}\n\n[1]", &mut sink), Progress::Done);
//! assert_eq!(validator.finish(&mut sink), Progress::Done);
//!
//! let report = validator.report();
//! assert_eq!(report.request_count, 2);
//! assert_eq!(report.errors[0].message, "Missing required parameter: method");
//! assert_eq!(report.errors[3].line, Some(3));
//! ```

pub(crate) mod duplicates;
mod fault;
mod judge;
mod line;
mod models;
mod options;
pub(crate) mod reason;
mod statistics;
mod validator;

pub use judge::{Sink, ValidRequest};
pub use statistics::{LineSize, Statistics, Tally, size_class};
pub use validator::{Progress, Report, Validator};

use crate::limits::Limits;
use crate::settings::{Dialect, Settings};
use crate::wire::BatchError;
use fault::Fault;

/// What a file is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The batch's endpoint: every line must name it as its `url`, and it decides what a body must hold.
    pub endpoint: String,
    /// Whose words the errors use.
    pub dialect: Dialect,
    /// How many requests and bytes, and how many errors are kept.
    pub limits: Limits,
    /// All lines must name the same model, as OpenAI demands.
    pub single_model: bool,
    /// Models are looked up: the validator stops at each it does not know yet.
    pub check_models: bool,
    /// Key of the hashes the seen `custom_id`s are kept as. Take it from a source of randomness: with a known
    /// key, a file could be made whose ids collide or cluster.
    pub hash_key: (u64, u64),
}

impl Rules {
    /// The rules for one file by what is set. `hash_key` is secret randomness: it keeps ids from being made to collide.
    pub fn by(settings: &Settings, endpoint: &str, check_models: bool, hash_key: (u64, u64)) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            dialect: settings.dialect,
            limits: settings.limits,
            single_model: settings.single_model,
            check_models,
            hash_key,
        }
    }

    /// The rules for the file of a batch. That of one that splits it may have as many requests as all of its parts.
    pub(crate) fn of_batch(settings: &Settings, endpoint: &str, split: bool, hash_key: (u64, u64)) -> Self {
        let mut rules = Self::by(settings, endpoint, true, hash_key);
        if split {
            rules.limits.max_requests = rules.limits.max_requests.saturating_mul(settings.max_parts.into());
        }
        rules
    }

    /// The rules for an endpoint, everything else at its default: reference dialect, default limits, several
    /// models allowed and none looked up, a fixed hash key.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            dialect: Dialect::Reference,
            limits: Limits::default(),
            single_model: false,
            check_models: false,
            hash_key: (0, 0),
        }
    }

    /// The error of a batch whose input file does not exist.
    pub fn missing_file(&self, id: &str) -> BatchError {
        Fault::NoFile(id).error(self.dialect, None)
    }

    /// The error of a file over `max_file_bytes`, for a host that knows the size before it reads.
    pub fn file_too_large(&self) -> BatchError {
        Fault::FileTooLarge(self.limits.max_file_bytes).error(self.dialect, None)
    }

    /// The error of a file with more than `max_requests` requests.
    pub fn too_many_requests(&self) -> BatchError {
        Fault::TooManyRequests(self.limits.max_requests).error(self.dialect, None)
    }
}
