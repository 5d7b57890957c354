//! A line that is not JSON for want of a brace at its end, or by a comma too many.

use crate::json::explain::{Reason, explain};

/// Places mended in one line; what breaks more often has more wrong with it.
const MOST: usize = 16;
/// Braces missing at the end of a request: the line's and its body's.
const MOST_BRACES: usize = 2;

/// The line as JSON, and where it begins to differ; none where these cures do not make it so.
pub(super) fn mended(line: &[u8]) -> Option<(usize, Vec<u8>)> {
    let mut text = line.to_vec();
    let (mut first, mut braces) = (None, 0);
    for _ in 0..MOST {
        let Some(fault) = explain(&text) else { return Some((first?, text)) };
        let at = match fault.reason {
            Reason::TrailingComma => remove(&mut text, fault.offset),
            Reason::GoesOn if text[fault.offset..].trim_ascii() == b"," => remove(&mut text, fault.offset),
            Reason::CommaOrBrace if fault.at_end && braces < MOST_BRACES => {
                let end = text.trim_ascii_end().len();
                // A number may be cut off itself.
                if text[..end].last().is_some_and(u8::is_ascii_digit) {
                    return None;
                }
                braces += 1;
                text.insert(end, b'}');
                end
            }
            _ => return None,
        };
        first = Some(first.map_or(at, |first: usize| first.min(at)));
    }
    None
}

fn remove(text: &mut Vec<u8>, at: usize) -> usize {
    text.remove(at);
    at
}
