//! Several owners over one store: each batch has one at a time, whichever of them dies, stands still or goes on.

use crate::support::model::{Model, good, mixed};
use crate::support::process::Process;
use crate::support::random::Random;
use crate::support::{
    Ended, INPUT, Kill, START_MS, ScriptedHost, ended, finish, new_batch, params, requests, stored_batch,
    with_batch,
};
use edgebatch::limits::{LEASE_MS, SAVE_RESULTS};
use edgebatch::{BatchStatus, CreateParams, Settings, Turn, TurnEnd, create, run_turn, serve};
use futures::future::{join, join_all, join3, pending};
use std::cell::Cell;

/// Calls that may be in flight at once, of one batch.
const LANES: usize = 10;

/// A steady answer, or one that differs between lines; never between tries.
fn model() -> Model {
    Box::new(|call| crate::support::model::Answers {
        ms: 20 + call.line % 9 * 30,
        result: Ok(good(call.line)),
    })
}

/// Answers that take much longer than a lease.
fn slow() -> Model {
    Box::new(|call| crate::support::model::Answers { ms: 90_000, result: Ok(good(call.line)) })
}

fn with_batches(count: usize, lines: u64, allowed: u32) -> (ScriptedHost, Vec<String>, Settings) {
    let settings = Settings { max_concurrent_batches: allowed, ..Settings::default() };
    let host = ScriptedHost::new(model());
    host.add_file(INPUT, requests(lines));
    let ids = (0..count).map(|_| new_batch(&host, &settings)).collect();
    (host, ids, settings)
}

/// Ends the serving once all are terminal.
async fn until_ended(host: &ScriptedHost, ids: &[String]) {
    while ids.iter().any(|id| host.kv.borrow().contains_key(&format!("run:{id}"))) {
        host.clock.sleep(10).await;
    }
    host.stop.set(true);
}

/// Calls made more than once, over all lines.
fn repeated(host: &ScriptedHost) -> usize {
    host.calls().values().map(|&calls| calls as usize - 1).sum()
}

#[test]
fn two_owners_share_the_batches_of_a_store_and_call_every_line_once() {
    let (host, ids, settings) = with_batches(4, 200, 2);
    let (one, two) = (Process::new(&host), Process::new(&host));
    host.run(join3(serve(&one, &settings), serve(&two, &settings), until_ended(&host, &ids))).unwrap();
    for id in &ids {
        assert_eq!(ended(&host, id).batch.request_counts.completed, 200);
    }
    assert_eq!(repeated(&host), 0);
    assert!(one.calls.get() > 0 && two.calls.get() > 0, "both have had some");
}

#[test]
fn a_batch_whose_owner_is_killed_goes_on_elsewhere_within_its_lease() {
    let mut random = Random(11);
    for _ in 0..40 {
        let (host, ids, settings) = with_batches(1, 300, 1);
        let (one, two) = (Process::new(&host), Process::new(&host));
        let killed_at = Cell::new(0);
        let after = random.below(1_500);
        let kill = async {
            host.clock.sleep(after).await;
            killed_at.set(host.clock.now());
        };
        let mut before = 0;
        let watch = async {
            while killed_at.get() == 0 {
                host.clock.sleep(1).await;
            }
            before = host.calls().len();
            // The other is at it within the lease, and a look or two.
            let due = killed_at.get() + LEASE_MS + LEASE_MS / 4 + 2_000;
            while host.clock.now() < due {
                host.clock.sleep(1).await;
            }
            assert!(stored_batch(&host, &ids[0]).status.is_terminal() || two.calls.get() > 0);
            until_ended(&host, &ids).await;
        };
        host.run(join3(one.run(serve(&one, &settings), kill), serve(&two, &settings), watch)).unwrap();
        assert_eq!(ended(&host, &ids[0]).batch.request_counts.completed, 300);
        // In flight, or answered and not stored yet.
        assert!(repeated(&host) <= LANES + SAVE_RESULTS, "{} of {before}", repeated(&host));
    }
}

#[test]
fn killed_at_any_effect_an_owner_is_followed_by_another_with_the_same_files() {
    let settings = Settings::default();
    let files = |ended: &Ended| (ended.output.clone(), ended.error.clone(), ended.batch.request_counts);
    let (whole, id) = with_batch(60, mixed(), &settings);
    finish(&whole, &id, &settings, 1);
    let expected = files(&ended(&whole, &id));
    let effects = whole.effects();
    for effect in 0..effects {
        for done in [false, true] {
            let (host, id) = with_batch(60, mixed(), &settings);
            host.kill.set(Some(Kill { effect, done }));
            let ids = [id];
            if host.run(join(serve(&host, &settings), until_ended(&host, &ids))).is_ok() {
                continue;
            }
            host.kill.set(None);
            host.run(join(serve(&host, &settings), until_ended(&host, &ids))).unwrap();
            let ended = ended(&host, &ids[0]);
            assert_eq!(lines(&files(&ended)), lines(&expected), "{effect} {done}");
        }
    }
}

type Files = (Option<std::rc::Rc<Vec<u8>>>, Option<std::rc::Rc<Vec<u8>>>, edgebatch::RequestCounts);

/// The files apart from ids, which are made of the batch's.
fn lines(files: &Files) -> Vec<(u64, serde_json::Value)> {
    let all = [&files.0, &files.1].into_iter().flat_map(|file| crate::support::lines_of(file.as_ref()));
    all.map(|(line, mut said)| {
        said["id"] = serde_json::Value::Null;
        (line, said)
    })
    .collect()
}

#[test]
fn an_owner_that_stood_still_for_longer_than_its_lease_writes_nothing_when_it_goes_on() {
    let mut random = Random(5);
    let (mut taken_over, mut ended_meanwhile) = (0, 0);
    for round in 0..60 {
        let (host, ids, settings) = with_batches(1, 300, 1);
        let (one, two) = (Process::new(&host), Process::new(&host));
        let at = random.below(1_400);
        let still = LEASE_MS + 4_000 + random.below(20_000);
        let watch = async {
            host.clock.sleep(at).await;
            let is_owner = host.kv.borrow().contains_key(&format!("lease:{}", ids[0])) && one.calls.get() > 0;
            one.stop();
            host.clock.sleep(still).await;
            let had_ended = stored_batch(&host, &ids[0]).status.is_terminal();
            one.go_on();
            if is_owner && two.calls.get() > 0 {
                taken_over += 1;
                ended_meanwhile += usize::from(had_ended);
                host.clock.sleep(5_000).await;
                assert_eq!(one.calls.get(), 0, "round {round}: the model is called by the owner alone");
                if !stored_batch(&host, &ids[0]).status.is_terminal() || had_ended {
                    assert_eq!(one.writes.get(), 0, "round {round}: nothing is written");
                }
            }
            until_ended(&host, &ids).await;
        };
        host.run(join3(one.run(serve(&one, &settings), pending()), serve(&two, &settings), watch)).unwrap();
        assert_eq!(ended(&host, &ids[0]).batch.request_counts.completed, 300);
        assert!(repeated(&host) <= LANES + SAVE_RESULTS, "round {round}: {}", repeated(&host));
    }
    assert!(taken_over > 10 && ended_meanwhile > 5, "{taken_over} {ended_meanwhile}");
}

#[test]
fn an_owner_that_stands_still_while_it_writes_files_never_leaves_a_wrong_one() {
    // The whole end of a batch in steps of a millisecond: files are begun, written and completed, results deleted.
    let (host, ids, settings) = with_batches(1, 120, 1);
    host.run(join(serve(&host, &settings), until_ended(&host, &ids))).unwrap();
    let expected = ended(&host, &ids[0]);
    let ended_at = host.clock.now() - START_MS;
    let mut completed_late = 0;
    // With a clock that was set back meanwhile, and so does not show that the lease has run out, too.
    let moments = (ended_at - 60..ended_at).flat_map(|at| [(at, 0), (at, -3_600_000)]);
    for (at, skew) in moments {
        let (host, ids, settings) = with_batches(1, 120, 1);
        let (one, two) = (Process::new(&host), Process::new(&host));
        let watch = async {
            host.clock.sleep(at).await;
            one.stop();
            host.clock.sleep(60_000).await;
            assert!(stored_batch(&host, &ids[0]).status.is_terminal());
            let before = host.kv.borrow().clone();
            host.skew.set(skew);
            one.go_on();
            host.clock.sleep(2_000).await;
            completed_late += one.completed.get();
            assert_eq!(one.writes.get(), 0);
            assert!(*host.kv.borrow() == before);
            host.stop.set(true);
        };
        host.run(join3(one.run(serve(&one, &settings), pending()), serve(&two, &settings), watch)).unwrap();
        let found = ended(&host, &ids[0]);
        assert_eq!(
            lines(&(found.output, found.error, found.batch.request_counts)),
            lines(&(expected.output.clone(), expected.error.clone(), expected.batch.request_counts)),
            "{at} {skew}"
        );
    }
    // Between the last look at the lease and the file's completion: the same bytes once more.
    assert!(completed_late <= 20, "{completed_late}");
}

#[test]
fn a_turn_of_another_owner_says_when_to_look_again() {
    let (host, id) = with_batch(300, model(), &Settings::default());
    let settings = Settings::default();
    let (one, two) = (Process::new(&host), Process::new(&host));
    let second = async {
        host.clock.sleep(50).await;
        run_turn(&two, &id, &settings, Turn::default()).await
    };
    let (first, second) = host.run(join(run_turn(&one, &id, &settings, Turn::default()), second)).unwrap();
    assert_eq!(first, Ok(edgebatch::TurnEnd::Terminal));
    assert!(matches!(second, Ok(edgebatch::TurnEnd::Held { .. })), "{second:?}");
    assert_eq!(two.calls.get(), 0);
}

#[test]
fn a_lease_is_renewed_while_nothing_is_stored() {
    let settings = Settings::default();
    let (host, id) = with_batch(1, slow(), &settings);
    let (one, two) = (Process::new(&host), Process::new(&host));
    let ids = [id];
    host.run(join3(serve(&one, &settings), serve(&two, &settings), until_ended(&host, &ids))).unwrap();
    assert_eq!(host.calls().into_values().collect::<Vec<_>>(), [1]);
    ended(&host, &ids[0]);
}

#[test]
fn a_lease_is_renewed_though_its_owners_clock_was_set_back() {
    let settings = Settings::default();
    let (host, id) = with_batch(1, slow(), &settings);
    let (one, two) = (Process::new(&host), Process::new(&host));
    let ids = [id];
    let set_back = async {
        while host.calls().is_empty() {
            host.clock.sleep(10).await;
        }
        let owner = if one.calls.get() > 0 { &one } else { &two };
        owner.behind_ms.set(3_600_000);
        until_ended(&host, &ids).await;
    };
    host.run(join3(serve(&one, &settings), serve(&two, &settings), set_back)).unwrap();
    assert_eq!(host.calls().into_values().collect::<Vec<_>>(), [1]);
    ended(&host, &ids[0]);
}

#[test]
fn a_renewal_under_way_when_the_batch_ends_is_no_lost_lease() {
    // With a lease so short that a renewal is nearly always under way.
    for lease_ms in 18..50 {
        let settings = Settings { lease_ms, ..Settings::default() };
        for lines in 1..6 {
            let (host, id) = with_batch(lines, model(), &settings);
            let process = Process::new(&host);
            process.reply_ms.set(5);
            let end = host.run(run_turn(&process, &id, &settings, Turn::default())).unwrap();
            assert_eq!(end, Ok(TurnEnd::Terminal), "{lease_ms} {lines}");
            ended(&host, &id);
        }
    }
}

#[test]
fn a_lost_reply_to_a_write_is_no_lost_lease() {
    use crate::support::{Injected, Op};
    use edgebatch::FaultKind::Transient;
    let settings = Settings::default();
    let (host, id) = with_batch(300, model(), &settings);
    let mut random = Random(3);
    host.set_faults(move |_, op| match op {
        Op::Set(_) | Op::Delete(_) if random.below(3) == 0 => Injected::After(Transient),
        _ => Injected::Nothing,
    });
    let ids = [id];
    host.run(join(serve(&host, &settings), until_ended(&host, &ids))).unwrap();
    host.no_faults();
    assert_eq!(stored_batch(&host, &ids[0]).status, BatchStatus::Completed);
    assert_eq!(repeated(&host), 0, "no turn ended over it");
}

#[test]
fn two_creates_at_once_with_one_idempotency_key_make_one_batch() {
    let settings = Settings::default();
    let (host, _) = with_batch(5, model(), &settings);
    let keyed = || CreateParams { idempotency_key: "k".into(), ..params() };
    let all = (0..20).map(|_| create(&host, keyed(), &settings));
    let made = host.run(join_all(all)).unwrap();
    let first = made[0].as_ref().unwrap();
    for batch in &made {
        assert_eq!(&batch.as_ref().unwrap().id, &first.id);
    }
    let batches = host.kv.borrow().keys().filter(|key| key.starts_with("batch:")).count();
    assert_eq!(batches, 2);
}

#[test]
fn ids_sort_by_creation_whichever_process_made_them_and_whatever_its_clock_says() {
    let settings = Settings::default();
    let (host, first) = with_batch(5, model(), &settings);
    let mut ids = vec![first];
    for skew in [0, 0, 0, -3_600_000, 0, 5_000, -5_000, 0] {
        host.skew.set(skew);
        let made = host.run(join_all((0..8).map(|_| create(&host, params(), &settings)))).unwrap();
        let mut made: Vec<_> = made.into_iter().map(|batch| batch.unwrap().id).collect();
        made.sort();
        assert!(made[0] > *ids.last().unwrap(), "{skew}");
        ids.extend(made);
    }
    ids.dedup();
    assert_eq!(ids.len(), 65);
}
