//! Which batch goes before which. Priority is time: a batch goes before those of the level below that were made up to
//! [`PRIORITY_SECONDS`] before it. So their order is settled when they are made, and nothing starves: whatever else is asked for,
//! a batch is overtaken only by those made within twenty levels after it.

use crate::limits::{MAX_PRIORITY, PRIORITY_SECONDS};
use crate::sorted::Sorted;

/// Its place in the order: the second of its creation, which its id begins with, as its priority moves it.
fn rank(id: &str, priority: i64) -> u64 {
    let created = id.get(6..14).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let least = MAX_PRIORITY.unsigned_abs() * PRIORITY_SECONDS;
    (created.unwrap_or(0) + least).saturating_add_signed(-priority * PRIORITY_SECONDS as i64)
}

/// Ids of batches in the order in which they are to run, given with their priorities, the oldest first.
pub(crate) fn ranked(batches: Vec<(String, i64)>) -> Vec<String> {
    let mut order: Sorted<(u64, u64), String> = Sorted::default();
    for (at, (id, priority)) in batches.into_iter().enumerate() {
        order.insert((rank(&id, priority), at as u64), id);
    }
    order.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    fn made(second: u64, priority: i64) -> (String, i64) {
        (format!("batch_{:08x}{second:024x}", 1_790_000_000 + second), priority)
    }

    #[test]
    fn a_level_is_worth_an_hour_of_waiting() {
        let [old, later, late] = [made(0, 0), made(HOUR - 1, 1), made(HOUR + 1, 1)];
        let order = ranked(vec![old.clone(), later.clone(), late.clone()]);
        assert_eq!(order, [later.0, old.0, late.0]);
        let [low, high] = [made(0, -10), made(20 * HOUR - 1, 10)];
        assert_eq!(ranked(vec![low.clone(), high.clone()]), [high.0, low.0]);
    }

    #[test]
    fn equals_run_in_the_order_in_which_they_were_made() {
        let all: Vec<_> = (0..5).map(|second| made(second, 3)).collect();
        let ids: Vec<_> = all.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(ranked(all), ids);
        // What has no such id is as old as can be.
        assert_eq!(ranked(vec![made(0, 10), ("odd".to_owned(), 0)])[0], "odd");
    }

    /// Fifteen urgent batches are made in each ten minutes, three times as many as can run, as one begins in each two minutes.
    #[test]
    fn nothing_starves_while_more_urgent_batches_keep_coming() {
        let (mut waiting, mut overtaken) = (vec![made(0, -10)], 0);
        let lowest = waiting[0].0.clone();
        for minute in (0..5 * 24 * 60).step_by(2) {
            if minute % 10 == 0 {
                waiting.extend((1..=15).map(|n| made(minute * 60 + n, 10)));
            }
            let first = ranked(waiting.clone()).swap_remove(0);
            if first == lowest {
                // All that were made within twenty hours after it, which took sixty to begin, and none that was made later.
                assert_eq!((overtaken, minute), (20 * 6 * 15, 60 * 60));
                return;
            }
            overtaken += 1;
            waiting.retain(|(id, _)| *id != first);
        }
        panic!("{overtaken} went before it");
    }
}
