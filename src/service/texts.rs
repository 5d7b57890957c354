//! What `create` and `retrieve` say of what is wrong, in either dialect.

use crate::error::ApiError;
use crate::json::value::Value;
use crate::settings::Dialect;

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
pub(super) struct Texts(pub(super) Dialect);

impl Texts {
    pub(super) fn required(self, param: &str, value: Value) -> Result<String, ApiError> {
        match value {
            Value::String(value) => Ok(value),
            Value::Null => Err(ApiError::missing_parameter(param)),
            other => Err(ApiError::wrong_type(param, "a string", other.kind())),
        }
    }

    pub(super) fn metadata_not_a_string(self, param: &str, value: &Value) -> ApiError {
        match self.0 {
            Dialect::Reference => {
                ApiError::invalid_request(format!("Invalid metadata: {param} should be a valid string"))
                    .param(param)
                    .code("invalid_type")
            }
            Dialect::Openai => ApiError::wrong_type(param, "a string", value.kind()),
        }
    }

    /// A value that is none of those a parameter may have.
    pub(super) fn invalid_value(self, param: &str, value: &str, supported: &[String]) -> ApiError {
        let quoted: Vec<String> = supported.iter().map(|value| format!("'{value}'")).collect();
        ApiError::invalid_request(match self.0 {
            Dialect::Reference => {
                format!("Invalid {param}: {value}. Supported values: {}", supported.join(", "))
            }
            Dialect::Openai => {
                format!("Invalid value: '{value}'. Supported values are: {}.", sentence_list(&quoted))
            }
        })
        .param(param)
        .code("invalid_value")
    }

    pub(super) fn invalid_completion_window(self, window: &str, supported: &[String]) -> ApiError {
        match (self.0, supported) {
            (Dialect::Openai, [only]) => {
                ApiError::invalid_request(format!("Invalid value: '{window}'. Value must be '{only}'."))
                    .param("completion_window")
                    .code("invalid_value")
            }
            _ => self.invalid_value("completion_window", window, supported),
        }
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

/// A number that a parameter may not be.
pub(super) fn out_of_range(param: &str, what: &str, range: &str, code: &str) -> ApiError {
    ApiError::invalid_request(format!("Invalid '{param}': {what} value. Expected a value {range}."))
        .param(param)
        .code(code)
}

/// A member of `edgebatch` that nobody knows, `within` another.
pub(super) fn unknown(within: &str, name: &str) -> ApiError {
    let name: String = name.chars().take(100).collect();
    let param = format!("edgebatch.{within}{name}");
    ApiError::invalid_request(format!("Unknown parameter: '{param}'.")).param(param).code("unknown_parameter")
}
