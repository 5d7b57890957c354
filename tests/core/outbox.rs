//! The end of a batch leaves an event, with that end or not at all, wherever the process dies.

use crate::support::model::{mixed, steady};
use crate::support::{Kill, Op, ScriptedHost, finish, stored_batch, turn, with_batch};
use edgebatch::{BatchStatus, Settings, Turn, cancel};
use serde_json::{Value, json};

fn settings() -> Settings {
    Settings { events: true, ..Settings::default() }
}

fn event(host: &ScriptedHost, id: &str) -> Option<Value> {
    let kv = host.kv.borrow();
    kv.get(&format!("event:{id}")).map(|json| serde_json::from_slice(json).expect("JSON"))
}

#[test]
fn every_end_has_its_event_and_nobody_who_wants_none_gets_one() {
    for (kind, status) in [("completed", BatchStatus::Completed), ("cancelled", BatchStatus::Cancelled)] {
        let (host, id) = with_batch(20, steady(5), &settings());
        if status == BatchStatus::Cancelled {
            host.run(cancel(&host, &id, &settings())).expect("alive").expect("cancelled");
        }
        finish(&host, &id, &settings(), 2);
        let batch = stored_batch(&host, &id);
        assert_eq!(batch.status, status);
        let told = event(&host, &id).expect("an event");
        let at = batch.completed_at.or(batch.cancelled_at);
        assert!(told["id"].as_str().is_some_and(|id| id.starts_with("evt_") && id.len() == 36), "{told}");
        let expected = json!({
            "id": told["id"], "object": "event", "type": format!("batch.{kind}"), "created_at": at, "data": {"id": id},
        });
        assert_eq!(told, expected);
    }
    let (host, id) = with_batch(20, steady(5), &Settings::default());
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(event(&host, &id), None);
}

#[test]
fn killed_anywhere_the_event_is_there_once_the_end_is_and_a_told_one_comes_again_only_after_a_crash() {
    let (host, id) = with_batch(60, mixed(), &settings());
    finish(&host, &id, &settings(), 1);
    let (effects, whole) = (host.effects(), event(&host, &id).expect("an event"));
    for effect in effects.saturating_sub(14)..effects {
        for (done, atomic) in [(false, true), (true, true), (false, false), (true, false)] {
            let (host, id) = with_batch(60, mixed(), &settings());
            host.atomic.set(atomic);
            host.kill.set(Some(Kill { effect, done }));
            turn(&host, &id, &settings(), Turn::default());
            host.kill.set(None);
            let has_ended = stored_batch(&host, &id).status.is_terminal();
            if atomic {
                assert_eq!(event(&host, &id).is_some(), has_ended, "{effect} {done}");
            }
            finish(&host, &id, &settings(), 3);
            let told = event(&host, &id).expect("an event");
            assert_eq!(told["type"], whole["type"]);
        }
    }
    // Whoever tells it deletes it, and the end of the turn does not bring it back.
    let (host, id) = with_batch(20, steady(5), &settings());
    host.atomic.set(false);
    host.logging.set(true);
    finish(&host, &id, &settings(), 1);
    let written = Op::Set(format!("event:{id}"));
    assert_eq!(host.log.borrow().iter().filter(|(_, op)| *op == written).count(), 1);
}
