//! What callers hand in is read with the member at fault named, all of it at once or member by member.

use super::value::{Misfit, Value};
use crate::error::ApiError;
use serde::de::DeserializeOwned;

/// Reads parameters, settings or options from JSON.
///
/// # Errors
/// An [`ApiError`] with the member at fault.
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    read(Value::from_json(json).map_err(|misfit| misfitting(&misfit))?)
}

/// Reads them from a plain value.
///
/// # Errors
/// An [`ApiError`] with the member at fault.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    T::deserialize(value).map_err(|misfit| misfitting(&misfit))
}

fn misfitting(misfit: &Misfit) -> ApiError {
    let error = ApiError::invalid_request(format!("Invalid options: {misfit}"));
    if misfit.path().is_empty() { error } else { error.param(misfit.path()) }
}

/// A text that must be given.
///
/// # Errors
/// An [`ApiError`] that says what is there instead.
pub(crate) fn required_text(param: &str, value: Option<&Value>) -> Result<String, ApiError> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        None => Err(ApiError::missing_parameter(param)),
        Some(other) => Err(ApiError::wrong_type(param, "a string", other.kind())),
    }
}

/// True or false; false unless given.
///
/// # Errors
/// An [`ApiError`] that says what is there instead.
pub(crate) fn flag(param: &str, value: Option<&Value>) -> Result<bool, ApiError> {
    match value {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(ApiError::wrong_type(param, "a boolean", other.kind())),
    }
}
