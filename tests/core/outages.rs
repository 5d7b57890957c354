//! Model servers in trouble of every kind, for up to an hour, at any time: no line is used up for it, and a line that is
//! itself at fault still ends.

use crate::support::model::{Answers, Model, answer, good, refusal};
use crate::support::random::Random;
use crate::support::{Kill, START_MS, ScriptedHost, ended, finish, turn, with_batch};
use edgebatch::{Answer, Fault, FaultKind, RequestCounts, Settings, Turn, TurnEnd, run_turn};
use futures::future::{Either, select};
use std::rc::Rc;

/// What a server does to everybody while it is in trouble.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Status(u16, Option<u64>),
    Quota,
    Unreachable,
}

impl Trouble {
    fn reply(self, line: u64) -> Result<Answer, Fault> {
        match self {
            Self::Status(status, retry_after_ms) => Ok(Answer { retry_after_ms, ..refusal(status, line) }),
            Self::Quota => Ok(answer(429, line, "{\"error\":{\"code\":\"insufficient_quota\"}}")),
            Self::Unreachable => Err(Fault::transient("connection refused")),
        }
    }

    fn any(random: &mut Random) -> Self {
        let wait = one_of(random, &[None, None, Some(0), Some(1_000), Some(30_000), Some(315_360_000_000)]);
        match random.below(4) {
            0 => Self::Unreachable,
            1 => Self::Quota,
            2 => Self::Status(one_of(random, &[429, 503, 529]), wait),
            _ => Self::Status(one_of(random, &[502, 504, 520, 524, 307, 401, 402, 403, 404]), None),
        }
    }
}

/// A server with outages, which answers one in so many with 429 besides, and with lines that it fails for good.
#[derive(Clone, Debug)]
struct Server {
    ms: u64,
    outages: Vec<(u64, u64, Trouble)>,
    flaky: u64,
    poisoned: Vec<(u64, u16)>,
}

impl Server {
    fn any(random: &mut Random, lines: u64) -> Self {
        let mut from = START_MS;
        let outages = (0..random.below(4)).map(|_| {
            from += random.below(120_000);
            let length = one_of(random, &[500, 20_000, 150_000, 900_000, 3_600_000]);
            let outage = (from, from + length, Trouble::any(random));
            from += length;
            outage
        });
        let outages = outages.collect();
        // Far from the end, where others are answered beside them.
        let poisoned =
            (0..random.below(3)).map(|_| (1 + random.below(lines / 4), one_of(random, &[400, 500, 422])));
        let poisoned = poisoned.collect();
        Self { ms: 5 + random.below(400), outages, flaky: one_of(random, &[0, 0, 2, 3, 10]), poisoned }
    }

    fn model(self: Rc<Self>, mut random: Random) -> Model {
        Box::new(move |call| {
            let outage = self.outages.iter().find(|(from, to, _)| (*from..*to).contains(&call.now));
            let own = self.poisoned.iter().find(|(line, _)| *line == call.line);
            let result = match (outage, own) {
                (Some((_, _, trouble)), _) => trouble.reply(call.line),
                _ if self.flaky > 0 && random.below(self.flaky) == 0 => Ok(refusal(429, call.line)),
                (None, Some((_, status))) => Ok(refusal(*status, call.line)),
                (None, None) => Ok(good(call.line)),
            };
            Answers { ms: self.ms, result }
        })
    }
}

fn one_of<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize]
}

fn failed(host: &ScriptedHost, id: &str) -> Vec<u64> {
    let error = ended(host, id).error;
    crate::support::lines_of(error.as_ref()).into_iter().map(|(line, _)| line).collect()
}

#[test]
fn no_trouble_of_the_server_uses_a_line_up_and_a_line_at_fault_still_ends() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let lines = 80 + random.below(600);
        let server = Rc::new(Server::any(&mut random, lines));
        let max_concurrent_requests_per_batch = 1 + random.below(24) as u32;
        let settings = Settings { max_concurrent_requests_per_batch, ..Settings::default() };
        let (host, id) = with_batch(lines, Rc::clone(&server).model(Random(seed + 1)), &settings);
        finish(&host, &id, &settings, 1);
        let mut poisoned: Vec<u64> = server.poisoned.iter().map(|(line, _)| *line).collect();
        poisoned.sort_unstable();
        poisoned.dedup();
        let mut failed = failed(&host, &id);
        // Where all are refused for minutes, one that is asked for alone may be refused for what it asks.
        let refuses = |(from, to, trouble): &(u64, u64, Trouble)| {
            matches!(trouble, Trouble::Status(401..=405, _)) && to - from > 10_000
        };
        if server.outages.iter().any(refuses) && failed.len() == poisoned.len() + 1 {
            failed.retain(|line| poisoned.contains(line));
        }
        assert_eq!(failed, poisoned, "{seed}: {server:?}, {lines} lines, {settings:?}");
        // Nor is the server called more than it takes: a try for each answer, what it threw away, and a probe a minute.
        let down: u64 = server.outages.iter().map(|(from, to, _)| (to - from) / 1_000).sum();
        let calls: u32 = host.calls().values().sum();
        let thrown_away = if server.flaky == 2 { 2 } else { 1 };
        let most = lines * (1 + thrown_away) + down / 4 + 600;
        assert!(u64::from(calls) < most, "{seed}: {calls} calls of {most} for {lines} lines: {server:?}");
    }
}

#[test]
fn lines_that_failed_by_chance_before_are_not_taken_for_the_trouble_when_the_account_runs_out() {
    for seed in 0..40 {
        let outages = vec![(START_MS + 20_000, START_MS + 60_000, Trouble::Quota)];
        let server = Rc::new(Server { ms: 200, outages, flaky: 2, poisoned: Vec::new() });
        let settings = Settings { max_concurrent_requests_per_batch: 8, ..Settings::default() };
        let (host, id) = with_batch(200, server.model(Random(seed)), &settings);
        finish(&host, &id, &settings, 1);
        assert_eq!(failed(&host, &id), Vec::<u64>::new(), "{seed}");
    }
}

#[test]
fn a_server_that_fails_at_everything_for_some_minutes_fails_no_line() {
    for (from, length) in [(0, 150_000), (1_000, 150_000), (0, 600_000)] {
        let model: Model = Box::new(move |call| {
            let down = (START_MS + from..START_MS + from + length).contains(&call.now);
            Answers { ms: 30, result: Ok(if down { refusal(500, call.line) } else { good(call.line) }) }
        });
        let settings = Settings { max_concurrent_requests_per_batch: 6, ..Settings::default() };
        let (host, id) = with_batch(1_000, model, &settings);
        finish(&host, &id, &settings, 1);
        let counts = RequestCounts { total: 1_000, completed: 1_000, failed: 0 };
        assert_eq!(ended(&host, &id).batch.request_counts, counts, "{from}, {length}");
    }
}

#[test]
fn a_line_that_brings_its_connection_down_is_given_up_though_it_is_the_last() {
    for fault in [Trouble::Unreachable, Trouble::Status(502, None), Trouble::Status(429, None)] {
        let model: Model = Box::new(move |call| Answers {
            ms: 10,
            result: if call.line == 7 { fault.reply(7) } else { Ok(good(call.line)) },
        });
        let (host, id) = with_batch(20, model, &Settings::default());
        finish(&host, &id, &Settings::default(), 1);
        assert_eq!(failed(&host, &id), [7]);
        let took = host.clock.now() - START_MS;
        assert!((90 * 60_000..110 * 60_000).contains(&took), "{took}");
    }
}

#[test]
fn a_pause_and_a_narrow_window_outlive_turns_and_crashes() {
    let settings = Settings { max_concurrent_requests_per_batch: 16, ..Settings::default() };
    // One refusal alone is heard for a minute, those of everybody for as long as they say.
    let wait = 490_000;
    let storm: fn() -> Model = || {
        Box::new(|call| {
            let storms = (START_MS + 2_000..START_MS + 500_000).contains(&call.now);
            let refused = Answer { retry_after_ms: Some(500_000), ..refusal(429, call.line) };
            let result = if storms { refused } else { good(call.line) };
            Answers { ms: 100, result: Ok(result) }
        })
    };
    // A turn that ends by its deadline, and one that is killed.
    for killed in [false, true] {
        let (host, id) = with_batch(2_000, storm(), &settings);
        if killed {
            let (other, other_id) = with_batch(2_000, storm(), &settings);
            turn(
                &other,
                &other_id,
                &settings,
                Turn { deadline: Some(START_MS + 120_000), ..Turn::default() },
            );
            let effects = other.effects();
            host.kill.set(Some(Kill { effect: effects - 2, done: true }));
            assert_eq!(
                turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 120_000), ..Turn::default() }),
                None
            );
            host.kill.set(None);
        } else {
            let end =
                turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 120_000), ..Turn::default() });
            let Some(TurnEnd::Suspended { wake_at }) = end else { panic!("{end:?}") };
            assert!(wake_at >= START_MS + wait, "it is to go on when the pause is over: {wake_at}");
        }
        let before: u32 = host.calls().values().sum();
        turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 300_000), ..Turn::default() });
        assert_eq!(
            host.calls().values().sum::<u32>(),
            before,
            "killed {killed}: nothing is sent in the pause"
        );
        finish(&host, &id, &settings, 10);
        assert_eq!(ended(&host, &id).batch.request_counts.completed, 2_000);
    }
}

#[test]
fn a_connection_lost_now_and_then_leaves_hundreds_in_flight() {
    let settings = Settings { max_concurrent_requests_per_batch: 256, ..Settings::default() };
    let model: Model = Box::new(|call| Answers {
        ms: 1_000,
        result: if call.line % 500 == 7 && call.attempt == 1 {
            Trouble::Unreachable.reply(call.line)
        } else {
            Ok(good(call.line))
        },
    });
    let (host, id) = with_batch(10_000, model, &settings);
    finish(&host, &id, &settings, 1);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 10_000);
    // 40 s at best. Were each of the twenty to halve the window, it would be minutes.
    let took = host.clock.now() - START_MS;
    assert!(took < 55_000, "{took}");
}

#[test]
fn a_timeout_that_all_have_is_no_lines_fault() {
    let model: Model = Box::new(|call| {
        let hangs = call.now < START_MS + 500_000;
        let fault = Fault { kind: FaultKind::Timeout, message: String::new() };
        Answers {
            ms: if hangs { 60_000 } else { 20 },
            result: if hangs { Err(fault) } else { Ok(good(call.line)) },
        }
    });
    let (host, id) = with_batch(300, model, &Settings::default());
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 300);
}

#[test]
fn lines_at_fault_do_not_slow_the_others_down() {
    for status in [500, 502] {
        let model: Model = Box::new(move |call| {
            let result = if call.line % 10 < 3 { refusal(status, call.line) } else { good(call.line) };
            Answers { ms: 1_000, result: Ok(result) }
        });
        let (host, id) = with_batch(2_000, model, &Settings::default());
        let settings = Settings::default();
        let run = run_turn(&host, &id, &settings, Turn::default());
        let watch = async {
            loop {
                let counts = crate::support::stored_batch(&host, &id).request_counts;
                if counts.completed >= 1_390 {
                    return host.clock.now();
                }
                host.clock.sleep(1_000).await;
            }
        };
        let both = select(Box::pin(run), Box::pin(watch));
        let Ok(Either::Right((at, _))) = host.run(both) else { panic!("it ended before") };
        let seconds = (at - START_MS) / 1_000;
        let calls: u32 = host.calls().values().sum();
        // Five tries of each of 600 lines, one of the others, ten at once: 440 seconds, and the pauses between tries.
        assert!(seconds < 1_200 && calls < 6_000, "{status}: {seconds} s, {calls} calls");
    }
}

#[test]
fn a_server_that_fails_each_lines_first_try_holds_nothing_up() {
    for fails in [Trouble::Unreachable, Trouble::Status(429, None), Trouble::Status(502, None)] {
        let model: Model = Box::new(move |call| Answers {
            ms: 20,
            result: if call.attempt == 1 { fails.reply(call.line) } else { Ok(good(call.line)) },
        });
        let (host, id) = with_batch(200, model, &Settings::default());
        finish(&host, &id, &Settings::default(), 1);
        assert_eq!(ended(&host, &id).batch.request_counts.completed, 200);
        let took = host.clock.now() - START_MS;
        assert!(took < 600_000, "{fails:?}: {took} ms");
    }
}

#[test]
fn lines_at_the_end_that_are_all_refused_end_within_hours_and_not_with_the_window() {
    let model: Model = Box::new(|call| {
        let result = if call.line > 60 { refusal(404, call.line) } else { good(call.line) };
        Answers { ms: 20, result: Ok(result) }
    });
    let (host, id) = with_batch(100, model, &Settings::default());
    finish(&host, &id, &Settings::default(), 1);
    let counts = RequestCounts { total: 100, completed: 60, failed: 40 };
    assert_eq!(ended(&host, &id).batch.request_counts, counts);
    let took = host.clock.now() - START_MS;
    assert!(took < 4 * 3_600_000, "{took} ms");
}
