//! What a string with escapes says.

use std::borrow::Cow;

/// The characters of a string that was scanned before, hence holds no broken escape: in a broken one, any.
pub(super) fn unescape(inside: &str) -> impl Iterator<Item = char> {
    let mut chars = inside.chars();
    std::iter::from_fn(move || {
        let hex = |chars: &mut std::str::Chars<'_>| {
            (0..4).fold(0, |n, _| n << 4 | chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
        };
        let c = chars.next()?;
        if c != '\\' {
            return Some(c);
        }
        Some(match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = hex(&mut chars);
                let code = if unit & 0xFC00 == 0xD800 {
                    chars.nth(1);
                    0x10000 + ((unit & 0x3FF) << 10 | (hex(&mut chars) & 0x3FF))
                } else {
                    unit
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            itself => itself,
        })
    })
}

/// Whether there is a backslash. Most strings that are asked for are short.
#[inline(always)]
pub(super) fn has_escape(inside: &[u8]) -> bool {
    if inside.len() > 64 {
        return memchr::memchr(b'\\', inside).is_some();
    }
    // The last eight may have been looked at before; that costs less than a loop over those left.
    let Some(last) = inside.last_chunk::<8>() else { return inside.contains(&b'\\') };
    let (words, _) = inside.as_chunks::<8>();
    let found = |word: &[u8; 8]| backslashes(u64::from_le_bytes(*word));
    words.iter().fold(found(last), |before, word| before | found(word)) != 0
}

/// What a string says, by what is between its quotes. Allocates only where there are escapes.
#[inline(always)]
pub(super) fn text(inside: &str) -> Cow<'_, str> {
    if has_escape(inside.as_bytes()) { Cow::Owned(owned(inside)) } else { Cow::Borrowed(inside) }
}

#[inline(never)]
fn owned(inside: &str) -> String {
    unescape(inside).collect()
}

/// Not 0 if one of eight bytes is a backslash.
#[inline(always)]
pub(super) fn backslashes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let zero_where_one_is = word ^ (ONES * b'\\' as u64);
    zero_where_one_is.wrapping_sub(ONES) & !zero_where_one_is & ONES << 7
}
