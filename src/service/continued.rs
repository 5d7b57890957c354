//! `edgebatch` of `create`: which batch a new one continues, and what else it says.

use super::budget;
use super::texts::{Texts, not_found, out_of_range, unknown};
use crate::error::ApiError;
use crate::json::value::Value;
use crate::limits::MAX_PRIORITY;
use crate::settings::{Dialect, Settings};
use crate::wire::{Batch, Continued, Extension, Rerun, SendOrder};

const FROM: &str = "edgebatch.continue_from";

/// What the parameter says, as the batch will show it; nothing where it is absent, null or empty.
///
/// # Errors
/// 400 with the member at fault.
pub(super) fn check(edgebatch: Value, settings: &Settings) -> Result<Extension, ApiError> {
    let text = Texts(settings.dialect);
    let mut own = Extension::default();
    let members = match edgebatch {
        Value::Null => return Ok(own),
        Value::Object(members) => members,
        other => return Err(ApiError::wrong_type("edgebatch", "an object", other.kind())),
    };
    let (mut from, mut only, mut merge) = (None, None, None);
    for (name, value) in members {
        match (name.as_str(), value) {
            (
                Some(
                    "continue_from" | "only" | "merge" | "budget" | "priority" | "dedupe" | "split" | "order",
                ),
                Value::Null,
            ) => {}
            (Some("priority"), level) => own.priority = check_priority(&level)?,
            (Some("budget"), caps) => own.budget = budget::check(caps, settings)?,
            (Some("continue_from"), Value::String(id)) => from = Some(id),
            (Some("continue_from"), other) => {
                return Err(ApiError::wrong_type(FROM, "a string", other.kind()));
            }
            (Some("only"), Value::Array(words)) => only = Some(check_only(words, text)?),
            (Some("only"), other) => {
                return Err(ApiError::wrong_type("edgebatch.only", "an array", other.kind()));
            }
            (Some("merge"), Value::Bool(wanted)) => merge = Some(wanted),
            (Some("dedupe"), Value::Bool(wanted)) => own.dedupe = wanted,
            (Some("split"), Value::Bool(wanted)) => own.split = check_split(wanted, settings)?,
            (Some(name @ ("merge" | "dedupe" | "split")), other) => {
                return Err(ApiError::wrong_type(&format!("edgebatch.{name}"), "a boolean", other.kind()));
            }
            (Some("order"), Value::String(word)) => own.order = Some(check_order(&word, text)?),
            (Some("order"), other) => {
                return Err(ApiError::wrong_type("edgebatch.order", "a string", other.kind()));
            }
            (name, _) => return Err(unknown("", name.unwrap_or("[key]"))),
        }
    }
    match from {
        Some(continue_from) => {
            let only = only.unwrap_or_else(|| Rerun::ALL.to_vec());
            let merge = merge.unwrap_or(false);
            own.continued = Some(Continued { continue_from, only, merge, reused: None });
        }
        None if only.is_some() || merge.is_some() => return Err(ApiError::missing_parameter(FROM)),
        None => {}
    }
    Ok(own)
}

fn check_split(wanted: bool, settings: &Settings) -> Result<bool, ApiError> {
    if wanted && settings.max_parts < 2 {
        let message = "Invalid 'edgebatch.split': this server splits no files.";
        return Err(ApiError::invalid_request(message).param("edgebatch.split").code("invalid_value"));
    }
    Ok(wanted)
}

fn check_priority(level: &Value) -> Result<i64, ApiError> {
    const PARAM: &str = "edgebatch.priority";
    let level = match level {
        Value::Natural(level) => i64::try_from(*level).unwrap_or(i64::MAX),
        Value::Negative(level) => *level,
        other => return Err(ApiError::wrong_type(PARAM, "an integer", other.kind())),
    };
    if level > MAX_PRIORITY {
        return Err(out_of_range(PARAM, "integer above maximum", "<= 10", "integer_above_max_value"));
    }
    if level < -MAX_PRIORITY {
        return Err(out_of_range(PARAM, "integer below minimum", ">= -10", "integer_below_min_value"));
    }
    Ok(level)
}

fn check_order(word: &str, text: Texts) -> Result<SendOrder, ApiError> {
    let supported = || SendOrder::ALL.map(|order| order.as_str().to_owned());
    SendOrder::named(word).ok_or_else(|| text.invalid_value("edgebatch.order", word, &supported()))
}

fn check_only(words: Vec<Value>, text: Texts) -> Result<Vec<Rerun>, ApiError> {
    let mut named = Vec::new();
    for (at, word) in words.into_iter().enumerate() {
        let param = format!("edgebatch.only[{at}]");
        let Value::String(word) = word else {
            return Err(ApiError::wrong_type(&param, "a string", word.kind()));
        };
        let supported = || Rerun::ALL.map(|rerun| rerun.as_str().to_owned());
        named.push(Rerun::named(&word).ok_or_else(|| text.invalid_value(&param, &word, &supported()))?);
    }
    if named.is_empty() {
        let message = "Invalid 'edgebatch.only': empty array. Expected an array with minimum length 1, but got an \
                       empty array instead.";
        return Err(ApiError::invalid_request(message).param("edgebatch.only").code("empty_array"));
    }
    Ok(Rerun::ALL.into_iter().filter(|rerun| named.contains(rerun)).collect())
}

/// Whether a new batch over `input_file_id`, to run on `endpoint`, may continue another, which may not be there.
///
/// # Errors
/// 404 when there is no such batch, 409 while it has not ended, 400 when it is of another file or endpoint.
pub(super) fn check_source(
    id: &str,
    source: Option<&Batch>,
    input_file_id: &str,
    endpoint: &str,
    dialect: Dialect,
) -> Result<(), ApiError> {
    let Some(source) = source else { return Err(not_found(id, dialect).param(FROM)) };
    if !source.status.is_terminal() {
        let status = source.status.as_str();
        let message = format!(
            "Cannot continue batch '{id}', which is '{status}': wait until it has ended, or cancel it."
        );
        return Err(ApiError::conflict(message).param(FROM).code("batch_not_ended"));
    }
    for (param, what, own, wanted) in [
        ("input_file_id", "file", input_file_id, &source.input_file_id),
        ("endpoint", "endpoint", endpoint, &source.endpoint),
    ] {
        if own != wanted {
            let message = format!(
                "Invalid '{param}': '{own}'. The {what} of batch '{id}' is '{wanted}', and a batch that continues it \
                 must have the same."
            );
            return Err(ApiError::invalid_request(message).param(param).code("invalid_value"));
        }
    }
    Ok(())
}
