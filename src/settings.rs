//! What a host may set. Read from one plain object, so that Rust, TypeScript and JSON name it alike.

use crate::error::ApiError;
use crate::input::endpoint::Endpoint;
use crate::json::record::FromValue;
use crate::json::value::Value;
use crate::limits::{
    COMPLETION_WINDOW, COMPLETION_WINDOW_SECONDS, LEASE_MS, Limits, MAX_PARTS, MIN_LEASE_MS,
};
use crate::wire::{SendOrder, window};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// Whose words the errors use. Codes and lines are the same in both, apart from a missing field of the body,
/// which is `invalid_request` in one and `missing_required_parameter` in the other, and the parameter of a
/// missing file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// The library's own.
    #[default]
    Reference,
    /// OpenAI's, in the newest form seen (contract §3).
    Openai,
}

/// Options of the service and of a run; every one has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct Settings {
    /// Whose error texts: the library's own (`reference`) or OpenAI's.
    pub dialect: Dialect,
    /// Endpoints a batch may name.
    pub endpoints: Vec<String>,
    /// Limits of one input file.
    pub limits: Limits,
    /// Parts of `limits.max_requests` that a file may have where its batch is to split it; with 1 none is split.
    pub max_parts: u32,
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
    /// Seconds a batch of the window `24h` may take from its creation; none for as long as it takes.
    pub completion_window_seconds: Option<u64>,
    /// Values of `completion_window` that a batch may name: whole hours or days such as `1h` or `7d`, up to `30d`.
    pub completion_windows: Vec<String>,
    /// Milliseconds after which another owner takes over a batch whose lease is not renewed.
    pub lease_ms: u64,
    /// The host has made sure that nobody else runs the store's batches: what is leased to others was left by them.
    pub sole_owner: bool,
    /// In which order the requests of a batch are sent that says nothing of it.
    pub order: SendOrder,
    /// What tokens cost, for budgets that are an amount of money.
    pub prices: Prices,
    /// Whether the end of a batch leaves a record `event:`, for whoever tells users of it.
    pub events: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            endpoints: Endpoint::paths(|endpoint| endpoint.default).map(str::to_owned).collect(),
            limits: Limits::default(),
            max_parts: MAX_PARTS,
            single_model: false,
            max_concurrent_batches: 1,
            max_concurrent_requests_per_batch: 10,
            max_attempts: 5,
            request_timeout_ms: 600_000,
            completion_window_seconds: Some(COMPLETION_WINDOW_SECONDS),
            completion_windows: vec![COMPLETION_WINDOW.to_owned()],
            lease_ms: LEASE_MS,
            sole_owner: false,
            order: SendOrder::default(),
            prices: Prices::default(),
            events: false,
        }
    }
}

impl Settings {
    /// Whether a service can run with these: of what runs at once, and of tries and time, there must be some.
    ///
    /// # Errors
    /// An [`ApiError`] that names the first option with which no batch would ever end.
    pub fn check(&self) -> Result<(), ApiError> {
        let least = [
            ("maxParts", self.max_parts.into(), 1),
            ("maxConcurrentBatches", self.max_concurrent_batches.into(), 1),
            ("maxConcurrentRequestsPerBatch", self.max_concurrent_requests_per_batch.into(), 1),
            ("maxAttempts", self.max_attempts.into(), 1),
            ("requestTimeoutMs", self.request_timeout_ms, 1),
            // Shorter than what a write to the store may take, it would end before it can be renewed.
            ("leaseMs", self.lease_ms, MIN_LEASE_MS),
        ];
        let windows = &self.completion_windows;
        if windows.is_empty() || !windows.iter().all(|name| window::seconds(name).is_some()) {
            let message = "Invalid options: completionWindows: expected some of 1h to 720h or 1d to 30d";
            return Err(ApiError::invalid_request(message).param("completionWindows"));
        }
        match least.into_iter().find(|(_, value, least)| value < least) {
            Some((name, _, least)) => {
                let message = format!("Invalid options: {name}: expected at least {least}");
                Err(ApiError::invalid_request(message).param(name))
            }
            None => Ok(()),
        }
    }
}

/// What tokens cost, by model; `*` stands for every other. All are in one unit, which is up to whoever sets them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices(Arc<[(String, Price)]>);

/// What a million tokens of a model cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Price {
    /// Of its input.
    pub input: f64,
    /// Of its output.
    pub output: f64,
}

impl Prices {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a model costs, if that is known.
    pub fn of(&self, model: &str) -> Option<Price> {
        let named = |name| self.0.iter().find(|(of, _)| of == name).map(|(_, price)| *price);
        named(model).or_else(|| named("*"))
    }

    fn read(value: &Value) -> Option<Self> {
        let Value::Object(models) = value else { return None };
        let mut prices = Vec::with_capacity(models.len());
        for (model, price) in models {
            let of =
                |name| price.get(name).and_then(f64::from_value).filter(|price| (0.0..=1e9).contains(price));
            let price = match price {
                Value::Object(members) if members.len() == 2 => {
                    Price { input: of("input")?, output: of("output")? }
                }
                _ => return None,
            };
            prices.push((model.as_str()?.to_owned(), price));
        }
        Some(Self(prices.into()))
    }
}

impl Serialize for Prices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(model, price)| (model, price)))
    }
}

impl<'de> Deserialize<'de> for Prices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "expected {\"model\": {\"input\": price, \"output\": price}}, prices of a million tokens from 0 to 1e9";
        Self::read(&Value::deserialize(deserializer)?).ok_or_else(|| D::Error::custom(expected))
    }
}
