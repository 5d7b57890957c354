//! How many requests may be in flight: additive increase, multiplicative decrease, up to the maximum. A large window grows by a
//! share of itself.

use crate::limits::{LOSSES_IN_A_ROW, WINDOW_GROWTH};
use crate::retry::{Jitter, delay_ms};

/// The congestion window of one batch. Times are milliseconds.
#[derive(Debug)]
pub(super) struct Window {
    max: f64,
    size: f64,
    shrunk_at: Option<u64>,
    /// Times the window shrank without a success since.
    streak: u32,
    /// Connections that were lost since the last success.
    lost: u32,
    paused_until: u64,
}

impl Window {
    /// As an earlier turn left it, within today's maximum.
    pub(super) fn resume(max: u32, [size, streak, paused_until]: [u64; 3]) -> Self {
        let window = Self::new(max);
        Self { size: (size as f64).clamp(1.0, window.max), streak: streak as u32, paused_until, ..window }
    }

    /// What a later turn needs.
    pub(super) fn saved(&self) -> [u64; 3] {
        [self.size as u64, self.streak.into(), self.paused_until]
    }

    pub(super) fn new(max: u32) -> Self {
        let max = f64::from(max.max(1));
        Self { max, size: max, shrunk_at: None, streak: 0, lost: 0, paused_until: 0 }
    }

    /// Requests that may be in flight at `now`.
    pub(super) fn size(&self, now: u64) -> usize {
        if now < self.paused_until { 0 } else { self.size as usize }
    }

    /// When a pause ends, if one is on.
    pub(super) fn resumes_at(&self, now: u64) -> Option<u64> {
        (now < self.paused_until).then_some(self.paused_until)
    }

    /// Whether the server has been refusing without a success since: probe with untried requests then,
    /// so that no single line uses up its tries on a storm.
    pub(super) fn is_probing(&self) -> bool {
        self.streak > 0
    }

    pub(super) fn on_success(&mut self) {
        self.streak = 0;
        self.lost = 0;
        self.size = (self.size + (1.0 / self.size).max(WINDOW_GROWTH)).min(self.max);
    }

    /// The server had too much to do, or could not be reached. Answers to requests sent before the last
    /// decrease say nothing new and do not count again.
    pub(super) fn on_trouble(&mut self, now: u64, sent_at: u64, jitter: &mut Jitter) {
        if self.shrunk_at.is_some_and(|shrunk_at| sent_at <= shrunk_at) {
            return;
        }
        self.shrunk_at = Some(now);
        self.streak += 1;
        self.size = (self.size / 2.0).max(1.0);
        if self.streak > 1 {
            self.pause(now + delay_ms(self.streak - 1, None, jitter));
        }
    }

    /// A connection was lost. Among answers it is one of many, and takes one off: were each to halve the window, one in a thousand
    /// would keep some forty in flight, whatever the maximum. Many in a row are trouble.
    pub(super) fn on_loss(&mut self, now: u64, sent_at: u64, jitter: &mut Jitter) {
        self.lost += 1;
        if f64::from(self.lost * LOSSES_IN_A_ROW) < self.size {
            self.size -= 1.0;
        } else {
            self.on_trouble(now, sent_at, jitter);
        }
    }

    /// Nothing starts before `until`: the server asked for it.
    pub(super) fn pause(&mut self, until: u64) {
        self.paused_until = self.paused_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_halves_the_window_once_for_all_requests_sent_before_it() {
        let (mut window, mut jitter) = (Window::new(16), Jitter::new(1));
        for _ in 0..16 {
            window.on_trouble(100, 50, &mut jitter);
        }
        assert_eq!(window.size(100), 8);
        window.on_trouble(200, 150, &mut jitter);
        assert_eq!(window.size(u64::MAX), 4);
    }

    #[test]
    fn the_window_never_falls_below_one_and_successes_bring_it_back() {
        let (mut window, mut jitter) = (Window::new(10), Jitter::new(1));
        for round in 1..50 {
            window.on_trouble(round * 1_000, round * 1_000 - 1, &mut jitter);
        }
        assert_eq!(window.size(u64::MAX), 1);
        for _ in 0..100 {
            window.on_success();
        }
        assert_eq!(window.size(u64::MAX), 10);
    }

    #[test]
    fn a_window_goes_on_as_it_was_left_within_the_maximum_of_today() {
        let (mut window, mut jitter) = (Window::new(32), Jitter::new(1));
        window.on_trouble(100, 50, &mut jitter);
        window.pause(900);
        let later = Window::resume(32, window.saved());
        assert_eq!((later.size(899), later.size(900), later.is_probing()), (0, 16, true));
        assert_eq!(Window::resume(4, window.saved()).size(900), 4);
    }

    #[test]
    fn a_lost_connection_among_answers_takes_one_off_and_many_in_a_row_halve_the_window() {
        let (mut window, mut jitter) = (Window::new(160), Jitter::new(1));
        for round in 0..100 {
            window.on_loss(round, round, &mut jitter);
            window.on_success();
        }
        assert!((60..80).contains(&window.size(u64::MAX)), "{}", window.size(u64::MAX));
        let mut window = Window::new(160);
        for round in 1..=10 {
            window.on_loss(round, round, &mut jitter);
        }
        assert_eq!(window.size(10), 75);
        // A small one is halved by the first.
        let mut window = Window::new(16);
        window.on_loss(1, 1, &mut jitter);
        assert_eq!(window.size(1), 8);
    }

    #[test]
    fn a_large_window_comes_back_within_a_dozen_rounds_of_answers() {
        let (mut window, mut jitter) = (Window::new(600), Jitter::new(1));
        window.on_trouble(100, 50, &mut jitter);
        for _ in 0..12 {
            for _ in 0..window.size(u64::MAX) {
                window.on_success();
            }
        }
        assert_eq!(window.size(u64::MAX), 600);
    }

    #[test]
    fn a_pause_holds_everything_back_until_it_ends() {
        let mut window = Window::new(4);
        window.pause(500);
        window.pause(300);
        assert_eq!((window.size(499), window.size(500)), (0, 4));
        assert_eq!((window.resumes_at(499), window.resumes_at(500)), (Some(500), None));
    }
}
