//! A change of status that must never be ends the turn, in release builds as in others.

use crate::support::{INPUT, ScriptedHost, model, stored_batch, turn, with_batch};
use edgebatch::{Batch, BatchStatus, Settings, Turn, TurnEnd};

/// A host whose batch has `status`, and a checkpoint that says so and stands in `phase`.
fn forged(status: BatchStatus, phase: &str) -> (ScriptedHost, String) {
    let (host, id) = with_batch(3, model::steady(5), &Settings::default());
    let batch = Batch { status, ..stored_batch(&host, &id) };
    let json = serde_json::to_string(&batch).unwrap();
    // A checkpoint of an early build: it has no checksum.
    let checkpoint = format!("{{\"version\":1,\"batch\":{json},\"phase\":{phase}}}");
    host.kv.borrow_mut().insert(format!("run:{id}"), checkpoint.into_bytes());
    host.kv.borrow_mut().insert(format!("batch:{id}"), json.into_bytes());
    (host, id)
}

#[test]
fn a_status_that_may_not_follow_ends_the_turn_with_a_reason_and_writes_nothing() {
    use BatchStatus::{Completed, Expired, Validating};
    for (status, phase, reason) in [
        (
            Completed,
            "{\"finalizing\":{\"chunks\":0,\"ending\":\"completed\"}}",
            "a batch that is completed cannot become completed",
        ),
        (
            Validating,
            "{\"finalizing\":{\"chunks\":0,\"ending\":\"expired\"}}",
            "a batch that is validating cannot become expired",
        ),
        (Expired, "\"validating\"", "a batch that is expired cannot become in_progress"),
    ] {
        let (host, id) = forged(status, phase);
        let before = host.kv.borrow().clone();
        let now = host.clock.now();
        let Some(TurnEnd::Faulted { message, wake_at }) =
            turn(&host, &id, &Settings::default(), Turn::default())
        else {
            panic!("{status:?} went on");
        };
        assert_eq!(message, format!("edgebatch has a defect: {reason}"));
        assert!(wake_at >= now + 600_000, "no repetition mends it");
        assert_eq!(*host.kv.borrow(), before);
        assert_eq!(host.files.borrow().keys().collect::<Vec<_>>(), [INPUT]);
    }
}
