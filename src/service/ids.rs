//! Ids of batches.

/// `batch_` and 32 hex digits: 8 of the second, 3 of the millisecond, 21 random. Ids sort by creation: where the clock does
/// not tell two batches apart, or was set back, an id follows the newest one.
pub(super) fn new_id(now_ms: u64, random: [u64; 2], newest: Option<&[u8]>) -> String {
    let time = u128::from(now_ms / 1_000) << 12 | u128::from(now_ms % 1_000);
    let id = time << 84 | u128::from(random[0] & 0xf_ffff) << 64 | u128::from(random[1]);
    let newest = newest.and_then(|id| std::str::from_utf8(id).ok()?.strip_prefix("batch_"));
    let newest = newest.and_then(|hex| u128::from_str_radix(hex, 16).ok());
    let least = newest.map_or(0, |newest| newest.saturating_add(1 + u128::from(random[1])));
    format!("batch_{:032x}", id.max(least))
}

/// Whether a text has the form of an id. Any such text can be compared with the ids of batches.
pub fn is_id(text: &str) -> bool {
    text.strip_prefix("batch_")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}
