//! Completion windows: `24h`, or another that the settings have.

use crate::limits::MAX_COMPLETION_WINDOW_SECONDS;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// Seconds of a window such as `1h` or `7d`: whole hours or days, from an hour to thirty days. Nothing for any other text.
pub(crate) fn seconds(window: &str) -> Option<u64> {
    let (amount, unit) = match window.strip_suffix('h') {
        Some(hours) => (hours, HOUR),
        None => (window.strip_suffix('d')?, DAY),
    };
    if amount.starts_with('0') || !amount.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let seconds = amount.parse::<u64>().ok()?.checked_mul(unit)?;
    (seconds <= MAX_COMPLETION_WINDOW_SECONDS).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_whole_hours_or_days_up_to_thirty_days() {
        for (window, expected) in
            [("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("720h", 30 * DAY), ("30d", 30 * DAY)]
        {
            assert_eq!(seconds(window), Some(expected), "{window}");
        }
        for window in [
            "",
            "h",
            "0h",
            "01h",
            "24",
            "24 h",
            "24H",
            "-1h",
            "+1h",
            "1.5h",
            "31d",
            "721h",
            "1m",
            "99999999999999999999d",
        ] {
            assert_eq!(seconds(window), None, "{window}");
        }
    }
}
