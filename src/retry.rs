//! When a request is tried again and after how long: exponential backoff with full jitter, `Retry-After` first.

use crate::limits::{RETRY_AFTER_CAP_MS, RETRY_BASE_MS, RETRY_CAP_MS};

/// A small deterministic generator (SplitMix64): jitter needs spread, not secrecy, and a replay needs sameness.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `0..=bound`.
    pub(crate) fn up_to(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((u128::from(z) * (u128::from(bound) + 1)) >> 64) as u64
    }
}

/// Milliseconds to wait after `attempts` tries. What the server asked for is a floor, up to [`RETRY_AFTER_CAP_MS`]:
/// a mistake in one header must not stall a batch.
pub(crate) fn delay_ms(attempts: u32, retry_after_ms: Option<u64>, jitter: &mut Jitter) -> u64 {
    match retry_after_ms {
        Some(asked) => asked.min(RETRY_AFTER_CAP_MS),
        None => {
            let ceiling = (RETRY_BASE_MS << attempts.saturating_sub(1).min(16)).min(RETRY_CAP_MS);
            // Never zero: a request that fails at once must not spin.
            1 + jitter.up_to(ceiling)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_spreads_over_the_whole_range() {
        let mut jitter = Jitter::new(7);
        let drawn: Vec<u64> = (0..1_000).map(|_| jitter.up_to(9)).collect();
        for value in 0..=9 {
            assert!(drawn.contains(&value), "{value} was never drawn");
        }
        assert!(drawn.iter().all(|&v| v <= 9));
    }

    #[test]
    fn delays_double_up_to_the_cap_and_what_the_server_asks_for_comes_first() {
        let mut jitter = Jitter::new(1);
        for attempts in 1..=12 {
            let ceiling = (RETRY_BASE_MS << (attempts - 1)).min(RETRY_CAP_MS);
            let longest = (0..2_000).map(|_| delay_ms(attempts, None, &mut jitter)).max().unwrap();
            assert!(longest <= ceiling + 1 && longest > ceiling * 9 / 10, "{attempts}: {longest}");
        }
        assert_eq!(delay_ms(9, Some(3), &mut jitter), 3);
        assert_eq!(delay_ms(1, Some(600_000), &mut jitter), 600_000);
        for absurd in [86_400_000, 315_360_000_000, u64::MAX] {
            assert_eq!(delay_ms(1, Some(absurd), &mut jitter), RETRY_AFTER_CAP_MS);
        }
    }
}
