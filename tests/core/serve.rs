//! `serve` under odd circumstances: a store that gives little at a time, batches that cannot go on, kills.

use crate::support::model::{mixed, steady};
use crate::support::{
    INPUT, Injected, Kill, Op, ScriptedHost, ended, new_batch, params, requests, stored_batch,
};
use edgebatch::{BatchStatus, CreateParams, FaultKind, Settings, admit, cancel, create, serve};
use futures::future::join;
use serde_json::{Value, json};

/// A host with so many batches over one file, and settings that let so many of them run.
fn with_batches(count: usize, lines: u64, allowed: u32) -> (ScriptedHost, Vec<String>, Settings) {
    let settings = Settings { max_concurrent_batches: allowed, ..Settings::default() };
    let host = ScriptedHost::new(steady(100));
    host.add_file(INPUT, requests(lines));
    let make = |_| {
        host.clock.advance(10);
        new_batch(&host, &settings)
    };
    let ids = (0..count).map(make).collect();
    (host, ids, settings)
}

/// Serves until all of these are terminal. Nothing, if the process was killed before.
fn serve_until_ended(host: &ScriptedHost, ids: &[String], settings: &Settings) -> Option<()> {
    host.stop.set(false);
    let watch = async {
        while !ids.iter().all(|id| stored_batch(host, id).status.is_terminal()) {
            host.clock.sleep(50).await;
        }
        host.stop.set(true);
    };
    host.run(join(serve(host, settings), watch)).ok().map(|_| ())
}

#[test]
fn a_store_that_lists_one_entry_at_a_time_fills_every_place_all_the_same() {
    let (host, ids, settings) = with_batches(4, 200, 3);
    host.page.set(1);
    serve_until_ended(&host, &ids, &settings).unwrap();
    assert_eq!(host.most_in_flight.get(), 30);
    ids.iter().for_each(|id| assert_eq!(ended(&host, id).batch.status, BatchStatus::Completed));
}

#[test]
fn a_batch_that_cannot_go_on_leaves_its_place_to_the_next() {
    let (host, ids, settings) = with_batches(3, 50, 1);
    // The oldest has a checkpoint of a later build; the second one's results cannot be written for a while.
    host.kv.borrow_mut().insert(format!("run:{}", ids[0]), br#"{"version":2}"#.to_vec());
    let (second, start) = (format!("order:{}", ids[1]), host.clock.now());
    host.set_faults(move |now, op| match op {
        Op::Set(key) if key.starts_with(&second) && now < start + 120_000 => {
            Injected::Before(FaultKind::Transient)
        }
        _ => Injected::Nothing,
    });
    serve_until_ended(&host, &ids[1..], &settings).unwrap();
    assert_eq!(stored_batch(&host, &ids[0]).status, BatchStatus::Validating);
    let [second, third] = [1, 2].map(|i| ended(&host, &ids[i]).batch);
    assert_eq!((second.status, third.status), (BatchStatus::Completed, BatchStatus::Completed));
    assert!(third.completed_at < second.completed_at, "{second:?} {third:?}");
}

#[test]
fn killed_again_and_again_serve_ends_every_batch() {
    for step in [7, 60, 311] {
        let (host, ids, settings) = with_batches(3, 300, 2);
        *host.model.borrow_mut() = mixed();
        for turns in 0.. {
            let effect = if turns < 20 { step } else { usize::MAX };
            host.kill.set(Some(Kill { effect, done: turns % 2 == 0 }));
            if serve_until_ended(&host, &ids, &settings).is_some() {
                break;
            }
        }
        host.kill.set(None);
        for id in &ids {
            let counts = ended(&host, id).batch.request_counts;
            assert_eq!((counts.total, counts.completed + counts.failed), (300, 300));
        }
    }
}

#[test]
fn a_host_that_keeps_the_queue_elsewhere_is_told_which_batches_start_now() {
    let (host, ids, settings) = with_batches(4, 5, 2);
    let admitted = |running: &[&String], resting: &[(&String, u64)]| {
        let running = running.iter().map(|&id| id.clone()).collect();
        let resting = resting.iter().map(|&(id, at)| (id.clone(), at)).collect();
        host.run(admit(&host, &settings, running, resting)).unwrap().unwrap()
    };
    assert_eq!(admitted(&[], &[]), ids[..2]);
    assert_eq!(admitted(&[&ids[0]], &[]), ids[1..2]);
    let later = host.clock.now() + 1_000;
    assert_eq!(admitted(&[&ids[0]], &[(&ids[1], later)]), ids[2..3]);
    assert_eq!(admitted(&[&ids[0], &ids[1]], &[]), [] as [String; 0]);
    host.run(cancel(&host, &ids[3], &settings)).unwrap().unwrap();
    assert_eq!(admitted(&[&ids[0], &ids[1]], &[]), ids[3..]);
}

/// A batch of a priority, a second after the last.
fn prioritized(host: &ScriptedHost, priority: i64) -> String {
    host.clock.advance(1_000);
    let edgebatch = serde_json::from_value(json!({"priority": priority})).expect("JSON");
    let batch = host.run(create(host, CreateParams { edgebatch, ..params() }, &Settings::default()));
    let batch = batch.expect("alive").expect("created");
    assert_eq!(batch.edgebatch.map_or(0, |own| own.priority), priority);
    batch.id
}

#[test]
fn batches_run_by_priority_and_those_of_one_in_the_order_in_which_they_were_made() {
    for killed in [None, Some(40)] {
        let (host, _, settings) = with_batches(0, 30, 1);
        let settings = Settings { sole_owner: true, ..settings };
        let ids: Vec<String> = [0, -2, 3, 0, 3, 10].map(|priority| prioritized(&host, priority)).into();
        host.kill.set(killed.map(|effect| Kill { effect, done: true }));
        while serve_until_ended(&host, &ids, &settings).is_none() {
            host.kill.set(None);
        }
        let ends = |id: &String| ended(&host, id).batch.completed_at.expect("completed");
        let order = [5, 2, 4, 0, 3, 1].map(|at: usize| ends(&ids[at]));
        assert!(order.is_sorted(), "{order:?}, killed: {killed:?}");
    }
}

#[test]
fn a_priority_is_compared_with_all_that_wait_however_many_come_before() {
    let (host, old, settings) = with_batches(250, 1, 2);
    let first_of = |places: u32| {
        let settings = Settings { max_concurrent_batches: places, ..settings.clone() };
        host.run(admit(&host, &settings, Vec::new(), Vec::new())).unwrap().unwrap()
    };
    assert_eq!(first_of(2), old[..2]);
    let first = prioritized(&host, 1);
    assert_eq!(first_of(2), [&first, &old[0]].map(String::clone));
    // Almost an hour later another of the level still goes before the oldest, and one of the next before both.
    host.clock.advance(3_590_000);
    let (same, above) = (prioritized(&host, 1), prioritized(&host, 2));
    assert_eq!(first_of(4), [&above, &first, &same, &old[0]].map(String::clone));
    // Then they have waited for an hour, which is worth as much.
    host.clock.advance(20_000);
    prioritized(&host, 1);
    assert_eq!(first_of(5), [&above, &first, &same, &old[0], &old[1]].map(String::clone));
}

#[test]
fn what_is_no_priority_is_refused_by_name() {
    let (host, _, settings) = with_batches(0, 1, 1);
    for (priority, code) in [
        (json!("high"), "invalid_type"),
        (json!(1.5), "invalid_type"),
        (json!(11), "integer_above_max_value"),
        (json!(-11), "integer_below_min_value"),
        (json!(u64::MAX), "integer_above_max_value"),
    ] {
        let edgebatch = serde_json::from_value(json!({"priority": priority})).expect("JSON");
        let error = host.run(create(&host, CreateParams { edgebatch, ..params() }, &settings));
        let error = error.expect("alive").expect_err("refused");
        assert_eq!((error.code.as_deref(), error.param.as_deref()), (Some(code), Some("edgebatch.priority")));
    }
    let edgebatch = serde_json::from_value(json!({"priority": Value::Null})).expect("JSON");
    let none = host.run(create(&host, CreateParams { edgebatch, ..params() }, &settings));
    assert_eq!(none.expect("alive").expect("created").edgebatch, None);
}
