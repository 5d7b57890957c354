//! Numbers and the words `true`, `false`, `null`.

use super::{Kind, ScanError};

/// The number or word at `at`: what it is and where it ends. What may follow it is not looked at.
pub(super) fn literal(json: &[u8], at: usize) -> Result<(Kind, usize), ScanError> {
    let word = |word: &[u8], kind| {
        if json[at..].starts_with(word) { Ok((kind, at + word.len())) } else { Err(ScanError) }
    };
    match json.get(at) {
        Some(b't') => word(b"true", Kind::True),
        Some(b'f') => word(b"false", Kind::False),
        Some(b'n') => word(b"null", Kind::Null),
        _ => Ok((Kind::Number, number(json, at)?)),
    }
}

fn number(json: &[u8], start: usize) -> Result<usize, ScanError> {
    let byte = |at: usize| json.get(at).copied().unwrap_or(0);
    let mut at = start + usize::from(byte(start) == b'-');
    match byte(at) {
        b'0' => at += 1,
        b'1'..=b'9' => at = digits(json, at)?,
        _ => return Err(ScanError),
    }
    if byte(at) == b'.' {
        at = digits(json, at + 1)?;
    }
    let mut grows = false;
    if matches!(byte(at), b'e' | b'E') {
        at += 1;
        grows = byte(at) != b'-';
        at += usize::from(matches!(byte(at), b'+' | b'-'));
        at = digits(json, at)?;
    }
    // The largest double has 309 digits: a shorter number that no exponent makes larger cannot be beyond it.
    if grows || at - start > 300 {
        let text = str::from_utf8(&json[start..at]).map_err(|_| ScanError)?;
        let value: f64 = text.parse().map_err(|_| ScanError)?;
        if value.is_infinite() {
            return Err(ScanError);
        }
    }
    Ok(at)
}

/// Behind the digits at `at`, of which there must be at least one.
fn digits(json: &[u8], at: usize) -> Result<usize, ScanError> {
    let count = json[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    if count > 0 { Ok(at + count) } else { Err(ScanError) }
}
