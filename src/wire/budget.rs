//! What a batch may use, and what it has used.

use crate::json::record::record;
use serde::Serialize;

/// The caps of a batch, which are above zero, and how much of them is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// Requests that may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Tokens that may be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that may be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens that may be read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// What may be spent, by the prices of the settings and in their unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// What was used.
    pub used: Used,
}

/// What a batch has used of its budget: by every answer that came, and so that of a request which was asked again after a
/// crash as often as it was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Used {
    /// Requests that ran to their end.
    pub requests: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Their sum, as the model reported it.
    pub total_tokens: u64,
    /// What they cost, where that is capped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

record!(Budget { requests, input_tokens, output_tokens, total_tokens, cost, used });
record!(Used { requests, input_tokens, output_tokens, total_tokens, cost });

impl Budget {
    /// Whether `more` requests, each taken for the mean of those that ended, pass no cap. While none has, nothing is known of the
    /// mean, and what runs is bounded by how many may be in flight.
    pub(crate) fn has_room(&self, more: u64) -> bool {
        let Used { requests, input_tokens, output_tokens, total_tokens, cost } = self.used;
        let (ended, sum) = (requests as f64, requests.saturating_add(more));
        let fits = |cap: Option<f64>, used: f64| {
            // Money is a sum of rounded numbers.
            let within = |cap: f64| match requests {
                0 => used < cap,
                _ => used * sum as f64 <= cap * ended * (1.0 + 1e-9),
            };
            cap.is_none_or(within)
        };
        let tokens = [
            (self.input_tokens, input_tokens),
            (self.output_tokens, output_tokens),
            (self.total_tokens, total_tokens),
        ];
        self.requests.is_none_or(|cap| sum <= cap)
            && tokens.into_iter().all(|(cap, used)| fits(cap.map(|cap| cap as f64), used as f64))
            && fits(self.cost, cost.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_fits_by_the_mean_so_far() {
        let used =
            Used { requests: 4, input_tokens: 40, output_tokens: 8, total_tokens: 48, cost: Some(2.0) };
        let none = Budget { used, ..Budget::default() };
        for (budget, most) in [
            (Budget { requests: Some(7), ..none }, 3),
            (Budget { input_tokens: Some(79), ..none }, 3),
            (Budget { output_tokens: Some(16), ..none }, 4),
            (Budget { total_tokens: Some(60), ..none }, 1),
            (Budget { total_tokens: Some(59), ..none }, 0),
            (Budget { cost: Some(2.75), ..none }, 1),
            (Budget { cost: Some(9.0), requests: Some(5), ..none }, 1),
            (Budget { total_tokens: Some(20), ..none }, 0),
            (Budget { cost: Some(2.0 + 1e-12), ..none }, 0),
            (Budget { cost: Some(2.5 - 1e-12), ..none }, 1),
        ] {
            assert_eq!((1..10).take_while(|more| budget.has_room(*more)).count(), most, "{budget:?}");
        }
        assert!(none.has_room(u64::MAX));
    }

    #[test]
    fn before_anything_is_known_only_requests_are_counted_ahead() {
        assert!(Budget { total_tokens: Some(1), ..Budget::default() }.has_room(100));
        let budget = Budget { requests: Some(3), ..Budget::default() };
        assert!(budget.has_room(3) && !budget.has_room(4));
        // A try was answered, and is to be made again.
        let used = Used { total_tokens: 5, ..Used::default() };
        assert!(Budget { total_tokens: Some(6), used, ..Budget::default() }.has_room(9));
        assert!(!Budget { total_tokens: Some(5), used, ..Budget::default() }.has_room(1));
    }
}
