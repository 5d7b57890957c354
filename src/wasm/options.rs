//! Members of options, for the calls that read them one by one.

use crate::error::ApiError;
use crate::json::value::Value;

/// A text that must be given.
///
/// # Errors
/// An [`ApiError`] that says what is there instead.
pub(super) fn required_text(param: &str, value: Option<&Value>) -> Result<String, ApiError> {
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
pub(super) fn flag(param: &str, value: Option<&Value>) -> Result<bool, ApiError> {
    match value {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(ApiError::wrong_type(param, "a boolean", other.kind())),
    }
}
