//! Monotonic time over a clock that may be set.

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

    /// The clock shows `shown`. Set back, this goes on from the latest time given out; set forward, time has passed.
    pub(crate) fn at(&mut self, shown: u64) -> u64 {
        let now = shown.saturating_add(self.ahead);
        if now < self.now {
            self.ahead += self.now - now;
        }
        self.now = self.now.max(now);
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
        // Set right again, it is ahead for good: what is past stays past.
        assert_eq!(steady.at(1_000_900), 1_601_400);
    }
}
