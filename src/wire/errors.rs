//! Why a batch failed.

use crate::json::record::{FromValue, by_value, member, record};
use crate::json::value::Value;
use crate::wire::ListTag;
use serde::Serialize;

/// `errors` of a failed batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchErrors {
    /// Always `list`.
    pub object: ListTag,
    /// In line order; errors of the whole file carry no line.
    pub data: Vec<BatchError>,
}

impl From<Vec<BatchError>> for BatchErrors {
    fn from(data: Vec<BatchError>) -> Self {
        Self { object: ListTag::List, data }
    }
}

/// One reason why a batch failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchError {
    /// A stable word for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The parameter at fault (`body.model`), if one is.
    pub param: Option<String>,
    /// Physical line, 1-based; null for errors of the whole file.
    pub line: Option<u64>,
    /// Of a line that is not JSON, the character where it breaks, 1-based. Only reports have it: a batch keeps OpenAI's
    /// members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Why it breaks there, as a sentence; as with `column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

record!(BatchErrors { object, data });

impl FromValue for BatchError {
    fn from_value(value: &Value) -> Option<Self> {
        let [code, message] = [member(value, "code")?, member(value, "message")?];
        let (param, line) = (member(value, "param")?, member(value, "line")?);
        Some(Self { code, message, param, line, column: None, reason: None })
    }
}

by_value!(BatchError);
