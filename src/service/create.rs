//! `create`: its parameters, what an idempotency key stands for, and the batch it makes.

use super::continued;
use super::ids::new_id;
use super::texts::Texts;
use crate::error::ApiError;
use crate::json::record::record;
use crate::json::value::{Value, to_json};
use crate::limits::{
    COMPLETION_WINDOW, MAX_METADATA_KEY_CHARS, MAX_METADATA_PAIRS, MAX_METADATA_VALUE_CHARS,
};
use crate::settings::Settings;
use crate::wire::{
    Batch, BatchStatus, BatchTag, Extension, Metadata, RequestCounts, SendOrder, Usage, window,
};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Parameters of `create` as a caller sent them, types not checked yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct CreateParams {
    /// The file of requests; not looked at here.
    pub input_file_id: Value,
    /// One of [`Settings::endpoints`].
    pub endpoint: Value,
    /// One of [`Settings::completion_windows`].
    pub completion_window: Value,
    /// Up to 16 pairs of strings, or null.
    pub metadata: Value,
    /// The same key with the same parameters gives the same batch.
    pub idempotency_key: Value,
    /// What OpenAI has no parameter for, or null.
    pub edgebatch: Value,
}

/// Checked parameters of `create`.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBatch {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    metadata: Option<Metadata>,
    idempotency_key: Option<String>,
    /// Nothing but what was asked for.
    own: Extension,
}

/// What is stored for an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdempotencyRecord {
    /// The batch it made, or is making.
    pub batch_id: String,
    /// Of the parameters: 32 hex digits.
    pub fingerprint: String,
    /// Unix seconds.
    pub created_at: u64,
}

record!(IdempotencyRecord { batch_id, fingerprint, created_at });

impl NewBatch {
    /// Checks the shape of a request to create a batch, never the file.
    ///
    /// # Errors
    /// 400 with the parameter at fault; texts in the dialect of `settings` (contract §2.1).
    pub fn check(params: CreateParams, settings: &Settings) -> Result<Self, ApiError> {
        let text = Texts(settings.dialect);
        let endpoint = text.required("endpoint", params.endpoint)?;
        if !settings.endpoints.contains(&endpoint) {
            return Err(text.invalid_value("endpoint", &endpoint, &settings.endpoints));
        }
        let completion_window = text.required("completion_window", params.completion_window)?;
        if !settings.completion_windows.contains(&completion_window) {
            return Err(text.invalid_completion_window(&completion_window, &settings.completion_windows));
        }
        let input_file_id = text.required("input_file_id", params.input_file_id)?;
        let metadata = match params.metadata {
            Value::Null => None,
            Value::Object(pairs) => Some(check_metadata(pairs, text)?),
            other => return Err(ApiError::wrong_type("metadata", "an object", other.kind())),
        };
        let idempotency_key = match params.idempotency_key {
            Value::Null => None,
            Value::String(key) if !key.is_empty() => Some(key),
            Value::String(_) => {
                return Err(ApiError::invalid_request("Invalid 'idempotency_key': it must not be empty.")
                    .param("idempotency_key")
                    .code("invalid_value"));
            }
            other => return Err(ApiError::wrong_type("idempotency_key", "a string", other.kind())),
        };
        let own = continued::check(params.edgebatch, settings)?;
        Ok(Self { input_file_id, endpoint, completion_window, metadata, idempotency_key, own })
    }

    /// The batch that is to be continued, if any.
    pub fn continues(&self) -> Option<&str> {
        self.own.continued.as_ref().map(|continued| continued.continue_from.as_str())
    }

    /// Whether the batch that is to be continued, as it stands, can be.
    ///
    /// # Errors
    /// 404 when there is none, 409 while it has not ended, 400 when it is of another file or endpoint.
    pub fn check_source(&self, source: Option<&Batch>, settings: &Settings) -> Result<(), ApiError> {
        let Some(id) = self.continues() else { return Ok(()) };
        continued::check_source(id, source, &self.input_file_id, &self.endpoint, settings.dialect)
    }

    /// The hash that names the record of the idempotency key, if there is one.
    pub fn idempotency_hash(&self) -> Option<u128> {
        self.idempotency_key.as_ref().map(|key| {
            let mut hasher = SipHasher13::new();
            hasher.write(key.as_bytes());
            hasher.finish128().as_u128()
        })
    }

    /// The record that binds the idempotency key to a new batch, whose id is above `newest`.
    pub fn record(&self, now_ms: u64, random: [u64; 2], newest: Option<&[u8]>) -> IdempotencyRecord {
        let batch_id = new_id(now_ms, random, newest);
        IdempotencyRecord { batch_id, fingerprint: self.fingerprint(), created_at: now_ms / 1_000 }
    }

    /// Whether an earlier call with the same key asked for the same.
    ///
    /// # Errors
    /// 409 when it asked for something else.
    pub fn matches(&self, record: &IdempotencyRecord) -> Result<(), ApiError> {
        if record.fingerprint == self.fingerprint() {
            return Ok(());
        }
        let key = self.idempotency_key.as_deref().unwrap_or_default();
        Err(ApiError::conflict(format!(
            "Idempotency key '{key}' was previously used with different parameters. Use another key, or send the \
             parameters of the first call."
        ))
        .param("idempotency_key")
        .code("idempotency_key_reused"))
    }

    /// The batch, as it is created. One that continues another over a file which that one split does so too.
    pub fn batch(&self, record: IdempotencyRecord, source: Option<&Batch>, settings: &Settings) -> Batch {
        let mut own = self.own.clone();
        own.split |= source.is_some_and(Batch::is_split);
        if own.order.is_none() && settings.order != SendOrder::File {
            own.order = Some(settings.order);
        }
        Batch {
            id: record.batch_id,
            object: BatchTag::Batch,
            endpoint: self.endpoint.clone(),
            model: None,
            errors: None,
            input_file_id: self.input_file_id.clone(),
            completion_window: self.completion_window.clone(),
            status: BatchStatus::Validating,
            output_file_id: None,
            error_file_id: None,
            created_at: record.created_at,
            in_progress_at: None,
            expires_at: match self.completion_window.as_str() {
                COMPLETION_WINDOW => settings.completion_window_seconds,
                other => window::seconds(other),
            }
            .map(|seconds| record.created_at.saturating_add(seconds)),
            finalizing_at: None,
            completed_at: None,
            failed_at: None,
            expired_at: None,
            cancelling_at: None,
            cancelled_at: None,
            request_counts: RequestCounts::default(),
            usage: Usage::default(),
            metadata: self.metadata.clone(),
            edgebatch: (!own.is_empty()).then_some(own),
        }
    }

    fn fingerprint(&self) -> String {
        // The order of metadata is no difference.
        let metadata = self.metadata.clone().map(Metadata::sorted);
        let parameters = (&self.input_file_id, &self.endpoint, &self.completion_window, &metadata);
        let mut hasher = SipHasher13::new();
        hasher.write(&to_json(&parameters));
        if !self.own.is_empty() {
            hasher.write(&to_json(&self.own));
        }
        format!("{:032x}", hasher.finish128().as_u128())
    }
}

fn check_metadata(pairs: Vec<(Value, Value)>, text: Texts) -> Result<Metadata, ApiError> {
    let over = |what: String, code: &str, param: String| {
        Err(ApiError::invalid_request(what).param(param).code(code))
    };
    if pairs.len() > MAX_METADATA_PAIRS {
        let message = format!(
            "Invalid 'metadata': too many properties. Expected an object with at most {MAX_METADATA_PAIRS} \
             properties, but got an object with {} properties instead.",
            pairs.len()
        );
        return over(message, "object_above_max_properties", "metadata".to_owned());
    }
    let mut metadata = Metadata::default();
    for (key, value) in pairs {
        let Value::String(key) = key else {
            return Err(text.metadata_not_a_string(&format!("metadata.{}", written(&key)), &key));
        };
        let param = format!("metadata.{key}");
        let length = key.chars().count();
        if length > MAX_METADATA_KEY_CHARS {
            let message = format!(
                "Invalid property name in 'metadata': '{key}' is too long. Expected a string with maximum length \
                 {MAX_METADATA_KEY_CHARS}, but got a string with length {length} instead."
            );
            return over(message, "property_name_above_max_length", "metadata".to_owned());
        }
        let Value::String(value) = value else {
            return Err(text.metadata_not_a_string(&param, &value));
        };
        let length = value.chars().count();
        if length > MAX_METADATA_VALUE_CHARS {
            let message = format!(
                "Invalid '{param}': string too long. Expected a string with maximum length \
                 {MAX_METADATA_VALUE_CHARS}, but got a string with length {length} instead."
            );
            return over(message, "string_above_max_length", param);
        }
        metadata.set(key, value);
    }
    Ok(metadata)
}

/// A key that is no text, as a parameter's name has it.
fn written(key: &Value) -> String {
    match key {
        Value::Null => "null".to_owned(),
        Value::Bool(key) => key.to_string(),
        Value::Natural(key) => key.to_string(),
        Value::Negative(key) => key.to_string(),
        _ => "[key]".to_owned(),
    }
}
