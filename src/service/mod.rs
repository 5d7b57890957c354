//! What the four calls decide, without doing it: checks, ids, conflicts, pages. The driver does the reading and
//! writing around it.

use crate::error::ApiError;
use crate::json::value::{Value, to_json};
use crate::limits::{
    COMPLETION_WINDOW, DEFAULT_PAGE, MAX_METADATA_KEY_CHARS, MAX_METADATA_PAIRS, MAX_METADATA_VALUE_CHARS,
    MAX_PAGE,
};
use crate::settings::Dialect;
use crate::settings::Settings;
use crate::wire::{Batch, BatchList, BatchStatus, BatchTag, ListTag, Metadata, RequestCounts, Usage, Wish};
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
    /// `24h`.
    pub completion_window: Value,
    /// Up to 16 pairs of strings, or null.
    pub metadata: Value,
    /// The same key with the same parameters gives the same batch.
    pub idempotency_key: Value,
}

/// Checked parameters of `create`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    metadata: Option<Metadata>,
    idempotency_key: Option<String>,
}

/// What is stored for an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// The batch it made, or is making.
    pub batch_id: String,
    /// Of the parameters: 32 hex digits.
    pub fingerprint: String,
    /// Unix seconds.
    pub created_at: u64,
}

/// Parameters of `list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct ListParams {
    /// The last id of the page before; exclusive. What is no id of a batch is ignored.
    pub after: Option<String>,
    /// 1 to 100; 20 when absent.
    pub limit: Option<i64>,
}

impl NewBatch {
    /// Checks the shape of a request to create a batch, never the file.
    ///
    /// # Errors
    /// 400 with the parameter at fault; texts in the dialect of `settings` (contract §2.1).
    pub fn check(params: CreateParams, settings: &Settings) -> Result<Self, ApiError> {
        let text = Texts(settings.dialect);
        let endpoint = text.required("endpoint", params.endpoint)?;
        if !settings.endpoints.contains(&endpoint) {
            return Err(text.invalid_endpoint(&endpoint, &settings.endpoints));
        }
        let completion_window = text.required("completion_window", params.completion_window)?;
        if completion_window != COMPLETION_WINDOW {
            return Err(text.invalid_completion_window(&completion_window));
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
        Ok(Self { input_file_id, endpoint, completion_window, metadata, idempotency_key })
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

    /// The batch, as it is created.
    pub fn batch(&self, record: IdempotencyRecord, settings: &Settings) -> Batch {
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
            expires_at: settings
                .completion_window_seconds
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
            edgebatch: None,
        }
    }

    fn fingerprint(&self) -> String {
        // The order of metadata is no difference.
        let metadata = self.metadata.clone().map(Metadata::sorted);
        let parameters = (&self.input_file_id, &self.endpoint, &self.completion_window, &metadata);
        let mut hasher = SipHasher13::new();
        hasher.write(&to_json(&parameters));
        format!("{:032x}", hasher.finish128().as_u128())
    }
}

/// `batch_` and 32 hex digits: 8 of the second, 3 of the millisecond, 21 random. Ids sort by creation: where the clock does
/// not tell two batches apart, or was set back, an id follows the newest one.
fn new_id(now_ms: u64, random: [u64; 2], newest: Option<&[u8]>) -> String {
    let time = u128::from(now_ms / 1_000) << 12 | u128::from(now_ms % 1_000);
    let id = time << 84 | u128::from(random[0] & 0xf_ffff) << 64 | u128::from(random[1]);
    let newest = newest.and_then(|id| std::str::from_utf8(id).ok()?.strip_prefix("batch_"));
    let newest = newest.and_then(|hex| u128::from_str_radix(hex, 16).ok());
    let least = newest.map_or(0, |newest| newest.saturating_add(1 + u128::from(random[1])));
    format!("batch_{:032x}", id.max(least))
}

/// Whether a text has the form of an id. Any such text can be compared with the ids of batches.
pub fn is_id(text: &str) -> bool {
    text.strip_prefix("batch_")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
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

/// How many batches a page holds.
///
/// # Errors
/// 400 for a limit below 1 or above 100: an empty page would tell a pager that there is no more.
pub fn page_limit(limit: Option<i64>) -> Result<u32, ApiError> {
    let Some(limit) = limit else { return Ok(DEFAULT_PAGE) };
    let refuse = |what: &str, bound: String, code: &str| {
        ApiError::invalid_request(format!(
            "Invalid 'limit': integer {what} value. Expected a value {bound}, but got {limit} instead."
        ))
        .param("limit")
        .code(code)
    };
    if limit < 1 {
        return Err(refuse("below minimum", ">= 1".to_owned(), "integer_below_min_value"));
    }
    if limit > i64::from(MAX_PAGE) {
        return Err(refuse("above maximum", format!("<= {MAX_PAGE}"), "integer_above_max_value"));
    }
    Ok(limit as u32)
}

/// A page of batches.
pub fn page(data: Vec<Batch>, has_more: bool) -> BatchList {
    let first_id = data.first().map(|batch| batch.id.clone());
    let last_id = data.last().map(|batch| batch.id.clone());
    BatchList { object: ListTag::List, data, first_id, last_id, has_more }
}

/// The batch as a user is to see it: a cancel that its run has not seen yet shows at once.
pub fn overlay_wish(mut batch: Batch, wish: Option<Wish>) -> Batch {
    if let Some(Wish::Cancel { since }) = wish {
        // One that has ended, or is being cancelled, stays as it is.
        let _ = batch.enter(BatchStatus::Cancelling, since);
    }
    batch
}

/// Whether a batch may be cancelled now: `Ok(false)` when it is already, or about to be.
///
/// # Errors
/// 409 for a batch that ended otherwise.
pub fn may_cancel(batch: &Batch, dialect: Dialect) -> Result<bool, ApiError> {
    match batch.status {
        BatchStatus::Validating | BatchStatus::InProgress | BatchStatus::Finalizing => Ok(true),
        BatchStatus::Cancelling | BatchStatus::Cancelled => Ok(false),
        BatchStatus::Completed => Err(cannot_cancel(batch, "completed", dialect)),
        BatchStatus::Failed => Err(cannot_cancel(batch, "failed", dialect)),
        BatchStatus::Expired => Err(cannot_cancel(batch, "expired", dialect)),
    }
}

fn cannot_cancel(batch: &Batch, status: &str, dialect: Dialect) -> ApiError {
    ApiError::conflict(match dialect {
        Dialect::Reference => format!("Cannot cancel batch '{}' with status '{status}'", batch.id),
        Dialect::Openai => format!("Cannot cancel a batch with status '{status}'."),
    })
}

/// No such batch.
pub fn not_found(id: &str, dialect: Dialect) -> ApiError {
    match dialect {
        Dialect::Reference => ApiError::not_found(format!("Batch '{id}' not found")),
        Dialect::Openai if !id.starts_with("batch") => ApiError::invalid_request(format!(
            "Invalid 'batch_id': '{id}'. Expected an ID that begins with 'batch'."
        ))
        .param("batch_id")
        .code("invalid_value"),
        Dialect::Openai => ApiError::not_found(format!("No batch found with id '{id}'.")),
    }
}

/// Texts of `create` in either dialect.
#[derive(Clone, Copy)]
struct Texts(Dialect);

impl Texts {
    fn required(self, param: &str, value: Value) -> Result<String, ApiError> {
        match value {
            Value::String(value) => Ok(value),
            Value::Null => Err(ApiError::missing_parameter(param)),
            other => Err(ApiError::wrong_type(param, "a string", other.kind())),
        }
    }

    fn metadata_not_a_string(self, param: &str, value: &Value) -> ApiError {
        match self.0 {
            Dialect::Reference => {
                ApiError::invalid_request(format!("Invalid metadata: {param} should be a valid string"))
                    .param(param)
                    .code("invalid_type")
            }
            Dialect::Openai => ApiError::wrong_type(param, "a string", value.kind()),
        }
    }

    fn invalid_endpoint(self, endpoint: &str, supported: &[String]) -> ApiError {
        let quoted: Vec<String> = supported.iter().map(|endpoint| format!("'{endpoint}'")).collect();
        ApiError::invalid_request(match self.0 {
            Dialect::Reference => {
                format!("Invalid endpoint: {endpoint}. Supported values: {}", supported.join(", "))
            }
            Dialect::Openai => {
                format!("Invalid value: '{endpoint}'. Supported values are: {}.", sentence_list(&quoted))
            }
        })
        .param("endpoint")
        .code("invalid_value")
    }

    fn invalid_completion_window(self, window: &str) -> ApiError {
        ApiError::invalid_request(match self.0 {
            Dialect::Reference => {
                format!("Invalid completion_window: {window}. Supported values: {COMPLETION_WINDOW}")
            }
            Dialect::Openai => format!("Invalid value: '{window}'. Value must be '{COMPLETION_WINDOW}'."),
        })
        .param("completion_window")
        .code("invalid_value")
    }
}

/// `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`: as OpenAI lists values.
fn sentence_list(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [init @ .., last] => format!("{}, and {last}", init.join(", ")),
    }
}
