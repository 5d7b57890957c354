//! What users see of a batch while it runs never goes back, whatever happens to the run.

use crate::support::model::{Model, steady};
use crate::support::{INPUT, Injected, Kill, Op, ScriptedHost, ended, sole_owner, stored_batch, with_batch};
use edgebatch::{
    Batch, BatchStatus, FaultKind, RequestCounts, Settings, Turn, TurnEnd, cancel, retrieve, run_turn,
};
use futures::future::{Either, select};
use std::pin::pin;

/// One turn, watched as users see it: no count falls, no status goes back.
fn watched_turn(host: &ScriptedHost, id: &str, seen: &mut (usize, RequestCounts)) -> Option<TurnEnd> {
    let order = |batch: &Batch| match batch.status {
        BatchStatus::Validating => 0,
        BatchStatus::InProgress => 1,
        BatchStatus::Finalizing | BatchStatus::Cancelling => 2,
        _ => 3,
    };
    let mut look = || {
        let batch = stored_batch(host, id);
        let (at, counts) = (order(&batch), batch.request_counts);
        assert!(at >= seen.0, "{:?} after {}", batch.status, seen.0);
        assert!(
            counts.completed >= seen.1.completed && counts.total >= seen.1.total,
            "{counts:?} after {seen:?}"
        );
        assert!(counts.completed + counts.failed <= counts.total);
        *seen = (at, counts);
    };
    let watch = async {
        loop {
            look();
            host.clock.sleep(1).await;
        }
    };
    let settings = Settings::default();
    let owner = sole_owner(host);
    let run = run_turn(host, id, &settings, Turn { owner: Some(&owner), ..Turn::default() });
    let end = host.run(async {
        match select(pin!(run), pin!(watch)).await {
            Either::Left((end, _)) => end,
            Either::Right(((), _)) => unreachable!("it watches for ever"),
        }
    });
    look();
    end.ok().map(|end| end.expect("a checkpoint that can be read"))
}

/// Some lines take long, so that chunks stay open behind the reader.
fn uneven() -> Model {
    let mut model = steady(20);
    Box::new(move |call| {
        let mut answers = model(call);
        answers.ms = if call.line % 100 == 1 { 3_000 } else { 20 };
        answers
    })
}

#[test]
fn users_never_see_counts_fall_or_a_status_go_back() {
    for step in [40, 150, 333] {
        let (host, id) = with_batch(1_000, uneven(), &Settings::default());
        let mut seen = (0, RequestCounts::default());
        for turns in 0.. {
            assert!(turns < 200);
            let effect = if turns < 30 { step } else { usize::MAX };
            host.kill.set(Some(Kill { effect, done: turns % 2 == 0 }));
            if watched_turn(&host, &id, &mut seen) == Some(TurnEnd::Terminal) {
                break;
            }
        }
        host.kill.set(None);
        assert_eq!(ended(&host, &id).batch.request_counts.completed, 1_000);
    }
}

#[test]
fn users_never_see_counts_fall_when_a_killed_run_is_cancelled_or_loses_its_input() {
    for effect in [150, 333, 700, 900] {
        for is_cancelled in [true, false] {
            let (host, id) = with_batch(1_000, uneven(), &Settings::default());
            let mut seen = (0, RequestCounts::default());
            host.kill.set(Some(Kill { effect, done: true }));
            assert_eq!(watched_turn(&host, &id, &mut seen), None);
            host.kill.set(None);
            if is_cancelled {
                host.run(cancel(&host, &id, &Settings::default())).unwrap().unwrap();
            } else {
                host.files.borrow_mut().remove(INPUT);
            }
            assert_eq!(watched_turn(&host, &id, &mut seen), Some(TurnEnd::Terminal));
            let expected = if is_cancelled { BatchStatus::Cancelled } else { BatchStatus::Failed };
            assert_eq!(ended(&host, &id).batch.status, expected);
        }
    }
}

#[test]
fn counts_rise_for_users_twice_a_second_and_no_more_often() {
    let settings = Settings { max_concurrent_requests_per_batch: 50, ..Settings::default() };
    let (host, id) = with_batch(4_000, steady(25), &settings);
    let mut seen: Vec<(u64, u64)> = Vec::new();
    let mut last = 0;
    let watch = async {
        loop {
            let counts = stored_batch(&host, &id).request_counts;
            if counts.completed != last && counts.completed < counts.total {
                last = counts.completed;
                seen.push((host.clock.now(), last));
            }
            host.clock.sleep(1).await;
        }
    };
    let owner = sole_owner(&host);
    let run = run_turn(&host, &id, &settings, Turn { owner: Some(&owner), ..Turn::default() });
    host.run(async { select(pin!(run), pin!(watch)).await.factor_first().0 }).unwrap().unwrap();
    // Two thousand requests a second are some thirty groups.
    assert!((3..=5).contains(&seen.len()), "{seen:?}");
    for pair in seen.windows(2) {
        assert!((490..=600).contains(&(pair[1].0 - pair[0].0)), "{seen:?}");
    }
}

#[test]
fn what_is_counted_is_seen_soon_though_nothing_else_happens() {
    let mut model = steady(20);
    let slow: Model = Box::new(move |call| {
        let mut answers = model(call);
        answers.ms = if call.line > 120 { 60_000 } else { 20 };
        answers
    });
    let settings = Settings { max_concurrent_requests_per_batch: 200, ..Settings::default() };
    let (host, id) = with_batch(200, slow, &settings);
    let owner = sole_owner(&host);
    let run = run_turn(&host, &id, &settings, Turn { owner: Some(&owner), ..Turn::default() });
    let watch = async {
        let start = host.clock.now();
        while stored_batch(&host, &id).request_counts.completed < 120 {
            host.clock.sleep(1).await;
        }
        assert!(host.clock.now() - start < 1_500);
    };
    let first = host.run(async { matches!(select(pin!(run), pin!(watch)).await, Either::Right(_)) });
    assert!(first.unwrap(), "the batch ended before its counts were seen");
}

#[test]
fn a_store_that_fails_for_a_moment_is_an_error_and_shows_no_older_batch() {
    let settings = Settings::default();
    let (host, id) = with_batch(600, steady(20), &settings);
    let deadline = Some(host.clock.now() + 2_000);
    host.run(run_turn(&host, &id, &settings, Turn { deadline, ..Turn::default() }))
        .expect("alive")
        .expect("run");
    let seen = host.run(retrieve(&host, &id, &settings)).expect("alive").expect("a batch");
    assert!(seen.request_counts.completed > 0, "{seen:?}");
    let key = format!("batch:{id}");
    host.set_faults(move |_, op| match op {
        Op::Get(read) if *read == key => Injected::Before(FaultKind::Transient),
        _ => Injected::Nothing,
    });
    let refused = host.run(retrieve(&host, &id, &settings)).expect("alive").expect_err("the store fails");
    assert_eq!(refused.status, 500);
}
