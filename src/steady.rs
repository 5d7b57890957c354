//! Monotonic time over a clock that may be set.

/// Milliseconds between two looks at the clock from which on it may have been put right. A turn looks at least twice a second,
/// and whoever waits for work seldom waits for as long as a clock was wrong.
const SET_MS: u64 = 60_000;

/// A clock that never goes back. Times are milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    /// The latest time given out.
    now: u64,
    /// How far it is ahead of the clock, since that was set back.
    ahead: u64,
}

impl Steady {
    pub(crate) fn new(now: u64) -> Self {
        Self { now, ahead: 0 }
    }

    /// The clock shows `shown`. Set back, this goes on from the latest time given out; set forward, time has passed. Set
    /// back first and then forward, it was put right: that much of the step is none.
    pub(crate) fn at(&mut self, shown: u64) -> u64 {
        let now = shown.saturating_add(self.ahead);
        let step = now.saturating_sub(self.now);
        if now < self.now {
            self.ahead += self.now - now;
        } else if step >= SET_MS.max(self.ahead / 2) {
            self.ahead -= step.min(self.ahead);
        }
        self.now = self.now.max(shown.saturating_add(self.ahead));
        self.now
    }

    /// What the clock will show at `time`.
    pub(crate) fn shown(&self, time: u64) -> u64 {
        time.saturating_sub(self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_goes_on_from_where_it_was() {
        let mut steady = Steady::new(1_000_000);
        assert_eq!(steady.at(1_000_500), 1_000_500);
        assert_eq!(steady.at(400_000), 1_000_500);
        assert_eq!(steady.at(400_250), 1_000_750);
        assert_eq!(steady.shown(1_001_000), 400_500);
        // Put right again, no more time has passed than did.
        assert_eq!(steady.at(1_000_900), 1_000_900);
        assert_eq!(steady.at(1_001_000), 1_001_000);
    }

    #[test]
    fn a_clock_set_back_and_then_too_far_forward_has_gone_forward_by_the_difference() {
        let (hour, mut steady) = (3_600_000, Steady::new(100 * 3_600_000));
        assert_eq!(steady.at(80 * hour), 100 * hour);
        assert_eq!(steady.at(80 * hour + 500), 100 * hour + 500);
        assert_eq!(steady.at(110 * hour), 110 * hour);
        // Time that passes between looks is not taken for that while the clock is behind.
        assert_eq!(steady.at(90 * hour), 110 * hour);
        assert_eq!(steady.at(90 * hour + 50_000), 110 * hour + 50_000);
        // Much less than it was wrong by is time that has passed.
        assert_eq!(steady.at(95 * hour), 115 * hour);
    }
}
