//! What does not fit a type that is read out of a plain value.

use super::value::Value;
use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// What does not fit a type, and where: `limits.maxRequests: expected u64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    path: String,
    message: String,
}

impl Misfit {
    /// The member at fault, with those around it (`limits.maxRequests`); empty for the whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    pub(super) fn new(message: String) -> Self {
        Self(Box::new(Details { path: String::new(), message }))
    }

    /// In words for readers who do not know Rust.
    #[inline(never)]
    pub(super) fn expected(what: &dyn Expected) -> Self {
        let what = what.to_string();
        let what = match what.as_str() {
            "u32" => "a whole number from 0 to 4294967295",
            "u64" | "usize" => "a whole number, 0 or more",
            "i64" => "a whole number",
            "a sequence" => "an array",
            other => other,
        };
        Self::new(format!("expected {what}"))
    }

    #[inline(never)]
    pub(super) fn within(mut self, member: &Value) -> Self {
        let member = member.as_str().unwrap_or_default();
        let path = &mut self.0.path;
        *path = if path.is_empty() { member.to_owned() } else { format!("{member}.{path}") };
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "{}: ", self.0.path)?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
    // serde's own texts for these print the value found, and link the formatting of decimal numbers.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }
}
