//! What a host may set. Read from one plain object, so that Rust, TypeScript and JSON name it alike.

use crate::limits::Limits;
use crate::validate::{Dialect, Rules};
use serde::Deserialize;

/// Options of the service and of a run; every one has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Whose error texts: the library's own (`reference`) or OpenAI's.
    pub dialect: Dialect,
    /// Endpoints a batch may name.
    pub endpoints: Vec<String>,
    /// Limits of one input file.
    pub limits: Limits,
    /// Whether a file may name one model only.
    pub single_model: bool,
    /// Batches that run at once; the others wait as `validating`.
    pub max_concurrent_batches: u32,
    /// Requests of one batch in flight at once.
    pub max_concurrent_requests_per_batch: u32,
    /// Tries of one request before its last answer is its result.
    pub max_attempts: u32,
    /// Milliseconds one try may take.
    pub request_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            endpoints: vec!["/v1/chat/completions".to_owned()],
            limits: Limits::default(),
            single_model: false,
            max_concurrent_batches: 1,
            max_concurrent_requests_per_batch: 10,
            max_attempts: 5,
            request_timeout_ms: 600_000,
        }
    }
}

impl Settings {
    /// The rules for one file. `hash_key` is secret randomness: it keeps ids from being made to collide.
    pub fn rules(&self, endpoint: &str, check_models: bool, hash_key: (u64, u64)) -> Rules {
        Rules {
            endpoint: endpoint.to_owned(),
            dialect: self.dialect,
            limits: self.limits,
            single_model: self.single_model,
            check_models,
            hash_key,
        }
    }
}
