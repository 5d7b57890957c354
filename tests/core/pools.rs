//! A batch over several models is run on each pool of servers at that one's own pace, wherever the process dies.

use crate::support::model::{Answers, Model, good, refusal};
use crate::support::random::Random;
use crate::support::{INPUT, Kill, START_MS, ScriptedHost, ended, finish, new_batch, stored_batch, turn};
use edgebatch::{BatchStatus, Fault, FaultKind, Settings, Turn, TurnEnd, cancel};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A request for a model; without one where `model` is empty.
fn request(line: u64, model: &str) -> String {
    format!(
        "{{\"custom_id\":\"r{line}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
         \"body\":{{\"model\":\"{model}\",\"messages\":[]}}}}\n"
    )
}

/// A host with a batch over lines for these models, and pools named after the first letters of models.
fn with_models(
    lines: u64,
    model_of: impl Fn(u64) -> String,
    model: Model,
    settings: &Settings,
) -> (ScriptedHost, String) {
    let host = ScriptedHost::new(model);
    *host.pools.borrow_mut() = Some(Box::new(|model| model[..1].to_owned()));
    let file: String = (1..=lines).map(|line| request(line, &model_of(line))).collect();
    host.add_file(INPUT, file.into_bytes());
    let id = new_batch(&host, settings);
    (host, id)
}

fn concurrency(max_concurrent_requests_per_batch: u32) -> Settings {
    Settings { max_concurrent_requests_per_batch, ..Settings::default() }
}

/// Counts what is in flight in each pool.
#[derive(Default)]
struct Paces {
    /// The last answer of each pool.
    ended: RefCell<BTreeMap<Option<String>, u64>>,
}

impl Paces {
    fn model(self: &Rc<Self>, ms: impl Fn(&str) -> u64 + 'static) -> Model {
        let paces = Rc::clone(self);
        Box::new(move |call| {
            let ms = ms(call.pool.as_deref().unwrap_or(""));
            let at = call.now + ms - START_MS;
            let mut ended = paces.ended.borrow_mut();
            let last = ended.entry(call.pool.clone()).or_default();
            *last = (*last).max(at);
            Answers { ms, result: Ok(good(call.line)) }
        })
    }

    fn last(&self, pool: &str) -> u64 {
        self.ended.borrow()[&Some(pool.to_owned())]
    }
}

#[test]
fn a_slow_pool_holds_back_no_other_however_the_lines_lie() {
    type ModelOf = fn(u64) -> String;
    let lies: [(&str, ModelOf); 3] = [
        ("in turns", |line| if line.is_multiple_of(2) { "slow" } else { "fast" }.to_owned()),
        ("one after the other", |line| if line <= 1_000 { "slow" } else { "fast" }.to_owned()),
        ("a few fast ones at the end", |line| if line <= 1_900 { "slow" } else { "fast" }.to_owned()),
    ];
    for (name, model_of) in lies {
        let paces = Rc::<Paces>::default();
        let model = paces.model(|pool| if pool == "s" { 2_000 } else { 20 });
        let settings = concurrency(10);
        let (host, id) = with_models(2_000, model_of, model, &settings);
        finish(&host, &id, &settings, 1);
        assert_eq!(ended(&host, &id).batch.request_counts.completed, 2_000);
        let slow = (1..=2_000).filter(|line| model_of(*line) == "slow").count() as u64;
        // Each pool takes as long as its own requests do, ten at once, and some more for reading and writing.
        let alone = [("s", slow * 2_000 / 10), ("f", (2_000 - slow) * 20 / 10)];
        for (pool, alone) in alone {
            let took = paces.last(pool);
            assert!(took < alone + alone / 4 + 3_000, "{name}: {pool} took {took} ms, alone {alone}");
        }
    }
}

#[test]
fn each_pool_has_its_own_window_and_models_of_one_pool_share_it() {
    let most = Rc::<RefCell<BTreeMap<String, (u64, u64)>>>::default();
    let seen = Rc::clone(&most);
    let model: Model = Box::new(move |call| {
        // All answers of 100 ms of a round come at once: those sent at one moment were in flight together.
        let mut seen = seen.borrow_mut();
        let (count, at) = seen.entry(call.pool.clone().expect("a pool")).or_default();
        *count = if call.now > *at + 90 { 1 } else { *count + 1 };
        *at = call.now;
        assert!(*count <= 4, "{count} in flight of {:?}", call.pool);
        Answers { ms: 100, result: Ok(good(call.line)) }
    });
    let settings = concurrency(4);
    let names = ["a1", "a2", "b"];
    let (host, id) = with_models(300, |line| names[line as usize % 3].to_owned(), model, &settings);
    host.no_latency();
    finish(&host, &id, &settings, 1);
    assert_eq!(host.most_in_flight.get(), 8);
    assert_eq!(most.borrow().keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_pool_that_is_down_is_waited_for_while_the_other_runs_to_its_end() {
    let model: Model = Box::new(|call| {
        let down = call.pool.as_deref() == Some("d") && call.now < START_MS + 600_000;
        let result = if down { Err(Fault::transient("connection refused")) } else { Ok(good(call.line)) };
        Answers { ms: 10, result }
    });
    let settings = concurrency(8);
    let model_of = |line: u64| if line.is_multiple_of(2) { "down" } else { "up" }.to_owned();
    let (host, id) = with_models(400, model_of, model, &settings);
    // Long before the other is back, all lines of the one that works have their results.
    let deadline = Some(START_MS + 300_000);
    turn(&host, &id, &settings, Turn { deadline, ..Turn::default() });
    let batch = stored_batch(&host, &id);
    assert_eq!(batch.request_counts.completed, 200);
    let waiting = batch.edgebatch.and_then(|own| own.waiting).expect("the wait is told");
    assert_eq!(waiting.reason, "overloaded");
    finish(&host, &id, &settings, 50);
    let batch = ended(&host, &id).batch;
    assert_eq!((batch.request_counts.completed, batch.request_counts.failed), (400, 0));
    assert_eq!(batch.edgebatch, None);
}

#[test]
fn a_line_at_fault_is_told_by_those_of_its_own_pool() {
    // Beside many of another pool that are answered, the outage of one is still no line's fault.
    let model: Model = Box::new(|call| {
        let ill = call.pool.as_deref() == Some("x") && call.now < START_MS + 120_000;
        let result = if ill { Ok(refusal(503, call.line)) } else { Ok(good(call.line)) };
        Answers { ms: 50, result }
    });
    let settings = concurrency(4);
    let model_of = |line: u64| if line.is_multiple_of(10) { "x" } else { "y" }.to_owned();
    let (host, id) = with_models(2_000, model_of, model, &settings);
    finish(&host, &id, &settings, 1);
    assert_eq!(ended(&host, &id).batch.request_counts.failed, 0);
}

#[test]
fn killed_anywhere_a_batch_of_several_pools_ends_with_every_line_once() {
    let settings = concurrency(6);
    let names = ["a", "b", "c"];
    let model_of = |line: u64| names[(line * 7 % 11 % 3) as usize].to_owned();
    let model = || -> Model {
        Box::new(|call| {
            let ms = match call.pool.as_deref() {
                Some("a") => 5,
                Some("b") => 60,
                _ => 400,
            };
            let result = if call.attempt == 1 && call.line % 9 == 4 {
                Ok(refusal(500, call.line))
            } else {
                Ok(good(call.line))
            };
            Answers { ms, result }
        })
    };
    let (host, id) = with_models(700, model_of, model(), &settings);
    finish(&host, &id, &settings, 1);
    let expected = ended(&host, &id);
    assert_eq!(expected.batch.request_counts.completed, 700);
    let effects = host.effects();
    for trial in 0..60 {
        let mut random = Random(trial);
        let (host, id) = with_models(700, model_of, model(), &settings);
        for _ in 0..3 {
            let effect = random.below(effects as u64) as usize / 2;
            host.kill.set(Some(Kill { effect, done: random.below(2) == 0 }));
            if turn(&host, &id, &settings, Turn::default()).is_some() {
                break;
            }
        }
        host.kill.set(None);
        finish(&host, &id, &settings, 3);
        let got = ended(&host, &id);
        assert_eq!(got.batch.request_counts, expected.batch.request_counts, "{trial}");
        assert!(got.output == expected.output && got.error == expected.error, "{trial}");
    }
}

#[test]
fn short_turns_come_to_the_end_with_what_each_pool_knew() {
    let settings = concurrency(3);
    let model: Model = Box::new(|call| {
        let slow = call.pool.as_deref() == Some("s");
        let first = call.attempt == 1 && call.line % 5 == 0;
        let result = if first { Ok(refusal(429, call.line)) } else { Ok(good(call.line)) };
        Answers { ms: if slow { 900 } else { 30 }, result }
    });
    let model_of = |line: u64| if line > 500 { "slow" } else { "quick" }.to_owned();
    let (host, id) = with_models(600, model_of, model, &settings);
    for _ in 0..2_000 {
        let deadline = Some(host.clock.now() + 700);
        match turn(&host, &id, &settings, Turn { deadline, ..Turn::default() }) {
            Some(TurnEnd::Terminal) => break,
            Some(TurnEnd::Suspended { wake_at }) => {
                host.clock.advance(wake_at.saturating_sub(host.clock.now()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 600);
    assert!(host.calls().values().all(|calls| *calls <= 2));
}

#[test]
fn cancel_and_a_lost_input_end_the_requests_of_every_pool() {
    for lost in [false, true] {
        let settings = concurrency(4);
        let model: Model = Box::new(|call| Answers { ms: 300, result: Ok(good(call.line)) });
        let names = ["a", "b"];
        let (host, id) = with_models(3_000, |line| names[line as usize / 1_501].to_owned(), model, &settings);
        let deadline = Some(START_MS + 2_000);
        turn(&host, &id, &settings, Turn { deadline, ..Turn::default() });
        if lost {
            host.files.borrow_mut().remove(INPUT);
        } else {
            host.run(cancel(&host, &id, &settings)).expect("alive").expect("cancelled");
        }
        finish(&host, &id, &settings, 3);
        let batch = ended(&host, &id).batch;
        assert_eq!(batch.status, if lost { BatchStatus::Failed } else { BatchStatus::Cancelled });
    }
}

#[test]
fn requests_of_models_beyond_those_that_are_remembered_run_without_a_pool() {
    let settings = concurrency(50);
    let unnamed = Rc::<Cell<u64>>::default();
    let count = Rc::clone(&unnamed);
    let model: Model = Box::new(move |call| {
        count.set(count.get() + u64::from(call.pool.is_none()));
        Answers { ms: 10, result: Ok(good(call.line)) }
    });
    // Twenty letters are more pools than there may be, a hundred names more models than are remembered.
    let model_of = |line: u64| {
        let letter = char::from(b'a' + (line % 20) as u8);
        format!("{letter}{}", line % 100)
    };
    let (host, id) = with_models(1_000, model_of, model, &settings);
    finish(&host, &id, &settings, 1);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 1_000);
    // 64 models are remembered; those of the last four letters of each twenty have no pool of their own: 16 + 3 of 4.
    assert_eq!(unnamed.get(), 10 * (100 - 64 + 12));
}

#[test]
fn an_allowance_bounds_what_is_in_flight_and_a_higher_one_is_used_soon() {
    let settings = concurrency(100);
    let model: Model = Box::new(|call| Answers { ms: 500, result: Ok(good(call.line)) });
    let (host, id) = with_models(2_000, |_| "m".to_owned(), model, &settings);
    let allowed = |now: u64| match now - START_MS {
        0..10_000 => 3,
        10_000..20_000 => 0,
        _ => 40,
    };
    *host.allowances.borrow_mut() = Some(Box::new(move |now, pool| {
        assert_eq!(pool, Some("m"));
        Some(allowed(now))
    }));
    let deadline = Some(START_MS + 9_000);
    turn(&host, &id, &settings, Turn { deadline, ..Turn::default() });
    assert_eq!(host.most_in_flight.get(), 3);
    finish(&host, &id, &settings, 5);
    assert_eq!(host.most_in_flight.get(), 40);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 2_000);
    // 20 s at three and at none, then forty at a time.
    let took = host.clock.now() - START_MS;
    assert!((40_000..60_000).contains(&took), "{took}");
}

#[test]
fn a_request_that_was_not_sent_is_no_try() {
    let settings = Settings { max_attempts: 1, ..concurrency(8) };
    let tries = Rc::<RefCell<BTreeMap<u64, u32>>>::default();
    let counted = Rc::clone(&tries);
    let model: Model = Box::new(move |call| {
        let mut tries = counted.borrow_mut();
        let count = tries.entry(call.line).or_default();
        *count += 1;
        let busy = *count < 30 && call.line.is_multiple_of(3);
        let not_sent = Fault { kind: FaultKind::NotSent, message: "others went first".to_owned() };
        Answers { ms: 20, result: if busy { Err(not_sent) } else { Ok(good(call.line)) } }
    });
    let (host, id) = with_models(300, |_| "m".to_owned(), model, &settings);
    finish(&host, &id, &settings, 1);
    let batch = ended(&host, &id).batch;
    assert_eq!((batch.request_counts.completed, batch.request_counts.failed), (300, 0));
    assert_eq!(batch.edgebatch, None);
    // The window was not narrowed for it, and nothing was asked for in a tight loop.
    assert_eq!(host.most_in_flight.get(), 8);
    assert!(tries.borrow().values().all(|count| *count <= 30));
}
