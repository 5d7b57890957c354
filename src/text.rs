//! The beginnings of texts that may be of any length.

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
