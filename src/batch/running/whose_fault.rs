//! Whose fault a failed try is: the line's, which uses its tries up, or the server's, which must cost no line
//! anything. It is decided here only.
//!
//! One failed try says little; what the server did for others meanwhile says nearly everything. While no request is
//! answered, the trouble is the server's and no try counts. Where others are answered, a failure counts for
//! as much as it is unlikely: a line that fails five times beside a thousand that do not is at fault, one that
//! fails five times where every other call fails is not. A line that ends in trouble is one whose failures the
//! server's recent record would explain with a chance below 2^-30; or, where lines that failed once keep failing while
//! fresh ones do not, one that had its tries: there it is not chance.

use crate::result::trouble::Trouble;

/// The evidence against a line at which it is failed, in 1/256 bits: 30 bits.
const LIMIT: u32 = 30 << 8;
/// How long the only line that is left may go unanswered before its tries count...
const LONE_MS: u64 = 90 * 60_000;
/// ...and how long several may.
const DARK_MS: u64 = 12 * 3_600_000;
/// How long an error that is more often the request's than the server's counts against no line.
const SICK_MS: u64 = 15 * 60_000;
/// When no request was answered for this long, older records are dropped.
const OUTAGE_MS: u64 = 10_000;
/// Replies that the server is judged by, before older ones count for half.
const RECENT: u32 = 128;
/// With fewer replies than this an error of the request's kind counts whole.
const FEW: u32 = 16;

/// The tries of a line so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// Tries that failed, whichever side was at fault.
    pub(super) made: u32,
    /// How much they count against the line, in 1/256 bits.
    spent: u32,
    /// How much of that is for refusals while others were served, since anything showed that they were not the line's.
    refused: u32,
    /// It failed more often while others were answered than a few failures of the server explain.
    suspect: bool,
    /// Answers others had had when the last try failed, or the first was sent.
    seen: u64,
}

impl Tries {
    /// What a later turn needs.
    pub(super) fn saved(&self) -> [u64; 3] {
        [self.made.into(), self.spent.into(), self.suspect.into()]
    }

    /// As an earlier turn left them.
    pub(super) fn resume([made, spent, suspect]: [u64; 3]) -> Self {
        Self { made: made as u32, spent: spent as u32, suspect: suspect != 0, ..Self::default() }
    }
}

/// What is known of the server, by what it did to all lines. Times are milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Health {
    /// Replies that were no trouble.
    answered: u64,
    /// Whether there ever was one.
    ever: bool,
    /// When the last was, or else the run began.
    since: u64,
    /// Recent replies to first tries: those that were no trouble, and those that were.
    first: [u32; 2],
    /// The same of later tries.
    again: [u32; 2],
    /// A line that failed since the last answer for the first time...
    fresh: Option<u64>,
    /// ...and whether another did.
    several: bool,
}

impl Health {
    pub(super) fn new(now: u64) -> Self {
        Self {
            answered: 0,
            ever: false,
            since: now,
            first: [0; 2],
            again: [0; 2],
            fresh: None,
            several: false,
        }
    }

    /// As an earlier turn left it.
    pub(super) fn resume([since, flags]: [u64; 2]) -> Self {
        Self { ever: flags & 1 != 0, several: flags & 2 != 0, ..Self::new(since) }
    }

    /// What a later turn needs.
    pub(super) fn saved(&self) -> [u64; 2] {
        [self.since, u64::from(self.ever) | u64::from(self.several) << 1]
    }

    /// Since when no request was answered.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// Several lines are in trouble and none is answered: it is not the lines.
    pub(super) fn is_general(&self) -> bool {
        self.several
    }

    /// A line is sent.
    pub(super) fn on_send(&self, tries: &mut Tries) {
        if tries.made == 0 {
            tries.seen = self.answered;
        }
    }

    /// A line was answered, well or by a refusal of its own: the server works.
    pub(super) fn on_answer(&mut self, now: u64, tries: &Tries) {
        // What an outage did says nothing of the time after it.
        if now.saturating_sub(self.since) > OUTAGE_MS {
            (self.first, self.again) = Default::default();
        }
        self.answered += 1;
        (self.ever, self.since, self.fresh, self.several) = (true, now, None, false);
        self.count(tries, 0);
    }

    /// A try of line `line` ended in trouble. Whether the line is to be failed.
    pub(super) fn on_trouble(
        &mut self,
        now: u64,
        trouble: Trouble,
        line: u64,
        tries: &mut Tries,
        max_attempts: u32,
    ) -> bool {
        self.count(tries, 1);
        tries.made = tries.made.saturating_add(1);
        let meanwhile = self.answered > std::mem::replace(&mut tries.seen, self.answered);
        if meanwhile {
            // Where many fail, or that is not known, to have failed beside others is nothing of its own.
            let is_rare = self.first[0] + self.first[1] >= FEW && self.is_well();
            tries.suspect |= is_rare || tries.spent >= LIMIT / 4;
        } else if !tries.suspect {
            self.several |= self.fresh.is_some_and(|fresh| fresh != line);
            self.fresh = Some(line);
        }
        let quiet = now.saturating_sub(self.since);
        let lone = !self.several;
        let whole = LIMIT.div_ceil(max_attempts.max(1));
        // What is refused for what it asks is refused each time, and while others are served.
        if !trouble.is_refusal() || (!meanwhile && !lone) {
            tries.spent -= std::mem::take(&mut tries.refused);
        }
        let counts = match trouble {
            // Others are served: it is this request that is not. Twice, as a key may have been taken away between.
            Trouble::Refused | Trouble::Empty if meanwhile => LIMIT / 2,
            Trouble::Failing if meanwhile && self.is_well() => whole,
            _ if meanwhile && !self.repeating_helps() => whole,
            _ if meanwhile => whole.min(self.surprise()),
            Trouble::Failing if lone || quiet > SICK_MS => whole,
            Trouble::Refused if lone && self.ever => whole,
            _ if self.ever && quiet > self.dark_ms(trouble) => whole,
            _ => 0,
        };
        tries.spent = tries.spent.saturating_add(counts);
        if trouble.is_refusal() && meanwhile {
            tries.refused = tries.refused.saturating_add(counts);
        }
        tries.spent >= LIMIT
    }

    /// How long no request may have been answered before tries count all the same. The last lines of a file may all be refused
    /// for what they ask.
    fn dark_ms(&self, trouble: Trouble) -> u64 {
        if self.several && !trouble.is_refusal() { DARK_MS } else { LONE_MS }
    }

    fn count(&mut self, tries: &Tries, of: usize) {
        let recent = if tries.made == 0 { &mut self.first } else { &mut self.again };
        recent[of] += 1;
        if recent[0] + recent[1] > RECENT {
            *recent = recent.map(|count| count / 2);
        }
    }

    /// At most one in eight fails, or there is too little to go by.
    fn is_well(&self) -> bool {
        let [well, ill] = self.first;
        well + ill < FEW || ill * 7 <= well
    }

    /// Whether later tries fare at least an eighth as well as first ones, or there is too little to go by.
    fn repeating_helps(&self) -> bool {
        let ([well, ill], [later_well, later_ill]) = (self.first, self.again);
        let later = later_well + later_ill;
        later < FEW || 8 * later_well * (well + ill) >= well * later
    }

    /// How much a failure says, in 1/256 bits: less the more there are.
    fn surprise(&self) -> u32 {
        let [well, ill] = self.first;
        let ratio = ((well + ill) << 8) / ill.max(1);
        // Between powers of two the logarithm is taken for a straight line.
        let whole = ratio.max(256).ilog2();
        ((whole - 8) << 8) + ((ratio.max(256) << 8 >> whole) & 0xff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Trouble::{Failing, Overloaded, Refused, Unavailable};

    /// Tries that a line gets before it is failed; what happens between them is up to `between`.
    fn tries_of(
        trouble: Trouble,
        health: &mut Health,
        mut between: impl FnMut(&mut Health, u64),
    ) -> Option<u32> {
        let mut tries = Tries::default();
        health.on_send(&mut tries);
        for made in 1..=2_000 {
            let now = u64::from(made) * 1_000;
            between(health, now);
            if health.on_trouble(now, trouble, 1, &mut tries, 5) {
                return Some(made);
            }
        }
        None
    }

    #[test]
    fn a_table_of_cases() {
        let well = |others: u32| {
            move |health: &mut Health, now| (0..others).for_each(|_| health.on_answer(now, &Tries::default()))
        };
        // Two of three fail, first tries and later ones alike.
        let flaky = |health: &mut Health, now| {
            let later = Tries { made: 1, ..Tries::default() };
            for tries in [Tries::default(), later] {
                health.on_answer(now, &tries);
                for line in 2..4 {
                    health.on_trouble(now, Overloaded, line, &mut tries.clone(), 5);
                }
            }
        };
        // First tries fare well, later ones never: whatever fails is at fault itself.
        let stubborn = |health: &mut Health, now| {
            (0..2).for_each(|_| health.on_answer(now, &Tries::default()));
            let later = Tries { made: 1, ..Tries::default() };
            for mut tries in [Tries::default(), later] {
                for line in 2..4 {
                    health.on_trouble(now, Overloaded, line, &mut tries, 5);
                }
            }
        };
        let dark = |health: &mut Health, now| {
            let mut tries = Tries::default();
            health.on_send(&mut tries);
            health.on_trouble(now, Unavailable, 7, &mut tries, 5);
        };
        let nothing = |_: &mut Health, _| {};
        let tries = |trouble, between: &mut dyn FnMut(&mut Health, u64)| {
            tries_of(trouble, &mut Health::new(0), between)
        };
        // Beside many that are answered a line at fault has its tries and no more.
        for trouble in [Overloaded, Unavailable, Failing] {
            assert_eq!(tries(trouble, &mut well(100)), Some(5), "{trouble:?}");
        }
        // What others may do and this one may not is its own.
        assert_eq!(tries(Refused, &mut well(1)), Some(2));
        // Where two of three fail, it takes that many more to be sure.
        assert!(matches!(tries(Overloaded, &mut flaky.clone()), Some(40..70)));
        assert!(matches!(tries(Unavailable, &mut stubborn.clone()), Some(5..15)));
        // While no request is answered, none is at fault: half an hour and more.
        for trouble in [Overloaded, Unavailable, Refused] {
            assert_eq!(tries(trouble, &mut dark.clone()), None, "{trouble:?}");
            assert_eq!(tries(trouble, &mut nothing.clone()), None, "{trouble:?}: and nobody ever was");
        }
        // An error of the request's kind is the server's for a quarter of an hour, where others have it too.
        assert_eq!(tries(Failing, &mut dark.clone()), Some(15 * 60 + 5));
        assert_eq!(tries(Failing, &mut nothing.clone()), Some(5));
    }

    #[test]
    fn the_last_line_left_is_given_up_after_an_hour_and_a_half_in_the_dark() {
        let mut health = Health::new(0);
        health.on_answer(0, &Tries::default());
        let mut tries = Tries::default();
        health.on_send(&mut tries);
        let given_up = (1..).find(|minute| health.on_trouble(minute * 60_000, Unavailable, 9, &mut tries, 5));
        assert_eq!(given_up, Some(95));
    }

    #[test]
    fn surprise_is_the_logarithm_of_how_rare_a_failure_is() {
        for (first, bits) in [([0, 1], 0.0), ([1, 1], 1.0), ([3, 1], 2.0), ([127, 1], 7.0), ([20, 80], 0.25)]
        {
            let health = Health { first, ..Health::new(0) };
            let got = f64::from(health.surprise()) / 256.0;
            assert!((got - bits).abs() < 0.1, "{first:?}: {got}");
        }
    }

    #[test]
    fn what_is_known_of_the_server_outlives_a_turn() {
        let mut health = Health::new(5);
        health.on_answer(70, &Tries::default());
        for line in [1, 2] {
            let mut tries = Tries::default();
            health.on_send(&mut tries);
            health.on_trouble(80, Overloaded, line, &mut tries, 5);
        }
        let later = Health::resume(health.saved());
        assert!(later.is_general() && later.ever && later.since() == 70);
    }
}
