//! The error a caller of the service sees: one shape for Rust, TypeScript and the wire.

use crate::text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why the service refused a call, in the shape of OpenAI's error envelope plus its HTTP status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// HTTP status: 400, 404 or 409 for a caller's mistake, 500 or 503 for a fault of the host.
    pub status: u16,
    /// `invalid_request_error` for every 4xx, `server_error` for the rest.
    #[serde(rename = "type")]
    pub kind: String,
    /// A sentence for people; pinned by tests.
    pub message: String,
    /// The parameter at fault, as a path (`metadata.tags`), or null.
    pub param: Option<String>,
    /// A stable word for programs (`invalid_value`), or null.
    pub code: Option<String>,
}

impl ApiError {
    fn new(status: u16, kind: &str, message: String) -> Self {
        Self { status, kind: kind.to_owned(), message, param: None, code: None }
    }

    /// 400: the request itself is wrong.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message.into())
    }

    /// 404: no such object.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "invalid_request_error", message.into())
    }

    /// 409: the object is in a state that does not allow this.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "invalid_request_error", message.into())
    }

    /// 500: a fault of the host or of stored data; the caller did nothing wrong.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "server_error", message.into())
    }

    /// 400: a parameter that must be there is not.
    pub(crate) fn missing_parameter(param: &str) -> Self {
        Self::invalid_request(text::missing(param)).param(param).code("missing_required_parameter")
    }

    /// 400: a parameter of another type than it must have. Types have their article: `a string`.
    pub(crate) fn wrong_type(param: &str, expected: &str, got: &str) -> Self {
        Self::invalid_request(text::wrong_type(param, expected, got)).param(param).code("invalid_type")
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Names the stable code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
