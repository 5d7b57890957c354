//! A paused batch starts nothing, keeps what it has, and goes on where it stopped; its window goes on closing.

use crate::support::model::{mixed, steady};
use crate::support::{
    Kill, Op, ScriptedHost, ended, finish, new_batch, sole_owner, stored_batch, turn, with_batch,
};
use edgebatch::{
    Batch, BatchStatus, Settings, Turn, TurnEnd, cancel, pause, resume, retrieve, run_turn, serve,
};
use futures::future::join;

fn settings() -> Settings {
    Settings { max_concurrent_requests_per_batch: 5, ..Settings::default() }
}

fn paused_at(batch: &Batch) -> Option<u64> {
    batch.edgebatch.as_ref()?.paused_at
}

fn calls(host: &ScriptedHost) -> u32 {
    host.calls().values().sum()
}

/// A batch that was paused in the middle of its run, and how the turn ended.
fn paused_in_the_middle() -> (ScriptedHost, String, TurnEnd) {
    let (host, id) = with_batch(400, steady(40), &settings());
    let owner = sole_owner(&host);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let pausing = async {
        host.clock.sleep(600).await;
        let batch = pause(&host, &id, &settings()).await.expect("paused");
        assert_eq!(paused_at(&batch), Some(host.clock.now() / 1_000));
        assert_eq!(batch.status, BatchStatus::InProgress);
        host.clock.sleep(1_000).await;
        assert_eq!(host.in_flight(), 0, "nothing is in flight a second later");
    };
    let (end, ()) = host.run(join(run_turn(&host, &id, &settings(), turn_of), pausing)).expect("alive");
    (host, id, end.expect("readable"))
}

#[test]
fn nothing_starts_while_it_is_paused_and_then_it_goes_on_without_asking_again() {
    let (host, id, end) = paused_in_the_middle();
    let made = calls(&host);
    assert!(made > 50 && made < 400, "{made}");
    let batch = stored_batch(&host, &id);
    assert_eq!(end, TurnEnd::Paused { wake_at: batch.expires_at.expect("a window") * 1_000 });
    assert_eq!(batch.request_counts.completed, u64::from(made), "what was in flight has ended");
    host.logging.set(true);
    // Turns in other processes, and a pause that is said again.
    for _ in 0..3 {
        assert!(matches!(turn(&host, &id, &settings(), Turn::default()), Some(TurnEnd::Paused { .. })));
        let again = host.run(pause(&host, &id, &settings())).expect("alive").expect("paused");
        assert_eq!(again.request_counts, batch.request_counts);
    }
    let log = host.log.borrow();
    let written = log.iter().filter(|(_, op)| matches!(op, Op::Set(key) if !key.starts_with("lease:")));
    assert_eq!(written.count(), 0, "nothing of the batch is written");
    drop(log);
    assert_eq!(calls(&host), made);
    let resumed = host.run(resume(&host, &id, &settings())).expect("alive").expect("resumed");
    assert_eq!(paused_at(&resumed), None);
    finish(&host, &id, &settings(), 1);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 400);
    assert!(host.calls().values().all(|&calls| calls == 1), "every line was asked once");
}

#[test]
fn a_turn_that_is_still_draining_goes_on_when_the_batch_does() {
    let (host, id) = with_batch(100, steady(2_000), &settings());
    let owner = sole_owner(&host);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let wavering = async {
        host.clock.sleep(500).await;
        pause(&host, &id, &settings()).await.expect("paused");
        host.clock.sleep(700).await;
        resume(&host, &id, &settings()).await.expect("resumed");
    };
    let (end, ()) = host.run(join(run_turn(&host, &id, &settings(), turn_of), wavering)).expect("alive");
    assert_eq!(end.expect("readable"), TurnEnd::Terminal);
    assert!(host.calls().values().all(|&calls| calls == 1));
}

#[test]
fn its_window_goes_on_closing_and_it_can_be_cancelled() {
    let (host, id, end) = paused_in_the_middle();
    let TurnEnd::Paused { wake_at } = end else { panic!("{end:?}") };
    let made = calls(&host);
    host.clock.advance(wake_at - host.clock.now());
    finish(&host, &id, &settings(), 1);
    let expired = ended(&host, &id).batch;
    assert_eq!((expired.status, expired.request_counts.completed), (BatchStatus::Expired, u64::from(made)));
    let (host, id, _) = paused_in_the_middle();
    host.run(cancel(&host, &id, &settings())).expect("alive").expect("cancelled");
    finish(&host, &id, &settings(), 1);
    assert_eq!(ended(&host, &id).batch.status, BatchStatus::Cancelled);
}

#[test]
fn one_that_has_not_begun_is_checked_and_then_waits() {
    let (host, id) = with_batch(20, steady(5), &settings());
    host.run(pause(&host, &id, &settings())).expect("alive").expect("paused");
    assert!(matches!(turn(&host, &id, &settings(), Turn::default()), Some(TurnEnd::Paused { .. })));
    let batch = host.run(retrieve(&host, &id, &settings())).expect("alive").expect("there");
    assert_eq!((batch.status, batch.request_counts.total), (BatchStatus::InProgress, 20));
    assert!(paused_at(&batch).is_some());
    assert_eq!(calls(&host), 0);
}

#[test]
fn what_has_nothing_left_to_start_is_a_conflict_and_what_goes_on_stays_as_it_is() {
    let (host, id) = with_batch(20, steady(5), &settings());
    let running = host.run(resume(&host, &id, &settings())).expect("alive").expect("no change");
    assert_eq!(running.edgebatch, None);
    finish(&host, &id, &settings(), 1);
    for refused in [
        host.run(pause(&host, &id, &settings())).expect("alive").expect_err("refused"),
        host.run(resume(&host, &id, &settings())).expect("alive").expect_err("refused"),
    ] {
        assert_eq!(refused.status, 409);
        assert!(refused.message.ends_with("with status 'completed'."), "{}", refused.message);
    }
    let none = host.run(pause(&host, "batch_none", &settings())).expect("alive").expect_err("refused");
    assert_eq!(none.status, 404);
    ended(&host, &id);
}

#[test]
fn killed_anywhere_around_a_pause_every_line_ends_once() {
    let settings = settings();
    for effect in (0..400).step_by(7) {
        for (done, atomic) in [(false, true), (true, true), (false, false), (true, false)] {
            let (host, id) = with_batch(60, mixed(), &settings);
            host.atomic.set(atomic);
            host.kill.set(Some(Kill { effect, done }));
            let owner = sole_owner(&host);
            let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
            let wavering = async {
                host.clock.sleep(30).await;
                let _ = pause(&host, &id, &settings).await;
                host.clock.sleep(900).await;
                let _ = resume(&host, &id, &settings).await;
            };
            let _ = host.run(join(run_turn(&host, &id, &settings, turn_of), wavering));
            host.kill.set(None);
            if !stored_batch(&host, &id).status.is_terminal() {
                let _ = host.run(resume(&host, &id, &settings)).expect("alive");
            }
            finish(&host, &id, &settings, 4);
            ended(&host, &id);
        }
    }
}

#[test]
fn a_paused_batch_leaves_its_place_to_others() {
    let settings = Settings { max_concurrent_batches: 1, ..settings() };
    let (host, first) = with_batch(400, steady(40), &settings);
    host.clock.advance(1_000);
    let second = new_batch(&host, &settings);
    let wavering = async {
        host.clock.sleep(600).await;
        pause(&host, &first, &settings).await.expect("paused");
        while !stored_batch(&host, &second).status.is_terminal() {
            host.clock.sleep(10).await;
        }
        assert_eq!(stored_batch(&host, &first).status, BatchStatus::InProgress);
        resume(&host, &first, &settings).await.expect("resumed");
        while host.kv.borrow().contains_key(&format!("run:{first}")) {
            host.clock.sleep(10).await;
        }
        host.stop.set(true);
    };
    host.run(join(serve(&host, &settings), wavering)).expect("alive");
    for id in [&first, &second] {
        assert_eq!(ended(&host, id).batch.request_counts.completed, 400);
    }
}
