//! serde_json as a rival of the validator: each line is checked to be JSON and read into the fields the rules need.

use serde_json::{Map, Value};

/// Lines of `bytes` that serde_json takes without building a value. It checks less than the validator: neither UTF-8
/// nor surrogates inside strings.
pub fn ignored(bytes: &[u8]) -> usize {
    lines(bytes).filter(|line| serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()).count()
}

/// Lines of `bytes` that are objects with a `custom_id`.
pub fn values(bytes: &[u8]) -> usize {
    lines(bytes)
        .filter(|line| {
            serde_json::from_slice::<Map<String, Value>>(line).is_ok_and(|line| line.contains_key("custom_id"))
        })
        .count()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// Room for `len` bytes, never given back.
#[unsafe(no_mangle)]
pub extern "C" fn room(len: usize) -> *mut u8 {
    Vec::leak(vec![0; len]).as_mut_ptr()
}

/// [`ignored`], or [`values`] if `build`, of the bytes at a place that [`room`] gave.
#[unsafe(no_mangle)]
pub extern "C" fn count(at: *const u8, len: usize, build: bool) -> usize {
    // SAFETY: the host passes what `room` gave, and not more of it.
    let bytes = unsafe { std::slice::from_raw_parts(at, len) };
    if build { values(bytes) } else { ignored(bytes) }
}
