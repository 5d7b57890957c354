//! Texts of errors that several rooms word alike, and the beginnings of texts that may be of any length.

use std::borrow::Cow;

/// The first characters, at most `most` of them.
pub(crate) fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The first characters, and a mark where some are left out.
pub(crate) fn quoted(text: &str, most: usize) -> Cow<'_, str> {
    let first = first(text, most);
    if first.len() < text.len() { format!("{first}…").into() } else { text.into() }
}

/// A parameter of another type than it must have. Types have their article: `a string`.
pub(crate) fn wrong_type(param: &str, expected: &str, got: &str) -> String {
    format!("Invalid type for '{param}': expected {expected}, but got {got} instead.")
}

/// A parameter that is not there.
pub(crate) fn missing(param: &str) -> String {
    format!("Missing required parameter: '{param}'.")
}
