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
    let first = start + usize::from(byte(start) == b'-');
    let mut at = match byte(first) {
        b'0' => first + 1,
        b'1'..=b'9' => digits(json, first)?,
        _ => return Err(ScanError),
    };
    let whole = at - first;
    if byte(at) == b'.' {
        at = digits(json, at + 1)?;
    }
    let mut exponent = 0;
    if matches!(byte(at), b'e' | b'E') {
        let negative = byte(at + 1) == b'-';
        let first = at + 1 + usize::from(matches!(byte(at + 1), b'+' | b'-'));
        at = digits(json, first)?;
        if !negative {
            let digits = json[first..at].iter();
            exponent = digits.fold(0usize, |n, b| n.saturating_mul(10).saturating_add(usize::from(b - b'0')));
        }
    }
    // The largest double has 309 digits before the point; what has fewer need not be worked out.
    if whole.saturating_add(exponent) > 308 {
        let text = str::from_utf8(&json[start..at]).map_err(|_| ScanError)?;
        let value: f64 = text.parse().map_err(|_| ScanError)?;
        if value.is_infinite() {
            return Err(ScanError);
        }
    }
    Ok(at)
}

/// Behind the digits at `at`, of which there must be at least one.
#[inline]
fn digits(json: &[u8], mut at: usize) -> Result<usize, ScanError> {
    let start = at;
    // Eight at a time: of a digit and of nothing else the upper half is 3, also with 6 added.
    const UPPER: u64 = u64::from_le_bytes([0xF0; 8]);
    const THREE: u64 = u64::from_le_bytes([0x30; 8]);
    const SIX: u64 = u64::from_le_bytes([6; 8]);
    while let Some(bytes) = json.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*bytes);
        // No byte with an upper half other than 3 counts, so that a carry out of one spoils none before it.
        let others = ((word & UPPER) ^ THREE) | (((word & !UPPER) + SIX) & UPPER);
        if others != 0 {
            at += others.trailing_zeros() as usize / 8;
            return if at > start { Ok(at) } else { Err(ScanError) };
        }
        at += 8;
    }
    at += json[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    if at > start { Ok(at) } else { Err(ScanError) }
}
