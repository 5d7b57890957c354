//! The store, the files and the input fail in the middle of a run: it ends all the same, and says what it lost.

use crate::support::model::{mixed, steady};
use crate::support::{
    INPUT, Injected, Kill, Op, START_MS, ScriptedHost, ended, files, finish, lines_of, requests,
};
use crate::support::{UNKNOWN, stored_batch, stored_results, turn, with_batch};
use edgebatch::FaultKind::{self, Missing, Terminal, Timeout, Transient};
use edgebatch::{Batch, BatchStatus, RequestCounts, Settings, Turn, TurnEnd};
use std::collections::{BTreeMap, BTreeSet};

/// Kills the run at this effect.
fn kill(host: &ScriptedHost, id: &str, effect: usize) {
    host.kill.set(Some(Kill { effect, done: true }));
    assert_eq!(turn(host, id, &Settings::default(), Turn::default()), None);
    host.kill.set(None);
}

fn error_code(batch: &Batch) -> &str {
    &batch.errors.as_ref().expect("errors").data[0].code
}

#[test]
fn a_lost_input_file_fails_the_batch_and_keeps_every_result_that_was_stored() {
    for effect in [80, 300, 800, 1_200] {
        let settings = Settings::default();
        // Line 1 never ends: the checkpoint stays behind, results of several chunks do not.
        let mut model = steady(30);
        let slow = move |call: &crate::support::model::Call| {
            let mut answers = model(call);
            answers.ms = if call.line == 1 { 500_000 } else { 30 };
            answers
        };
        let (host, id) = with_batch(1_500, Box::new(slow), &settings);
        kill(&host, &id, effect);
        let kept = stored_results(&host) as u64;
        assert!(kept > 0);
        host.files.borrow_mut().remove(INPUT);
        let calls = host.calls();
        finish(&host, &id, &settings, 2);
        let ended = ended(&host, &id);
        assert_eq!(ended.batch.status, BatchStatus::Failed);
        assert_eq!(error_code(&ended.batch), "input_file_unreadable");
        let counts = RequestCounts { total: 1_500, completed: kept, failed: 0 };
        assert_eq!(ended.batch.request_counts, counts, "killed at {effect}");
        assert_eq!(lines_of(ended.output.as_ref()).len() as u64, kept);
        assert_eq!(host.calls(), calls);
    }
}

#[test]
fn an_input_file_cut_short_fails_the_batch_and_keeps_what_ran() {
    let settings = Settings::default();
    for keep in [0, 1, 5_000, 50_000, 70_000] {
        let (host, id) = with_batch(700, steady(30), &settings);
        turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 500), ..Turn::default() });
        let whole = requests(700);
        host.add_file(INPUT, whole[..keep].to_vec());
        finish(&host, &id, &settings, 3);
        let batch = ended(&host, &id).batch;
        assert_eq!(
            (batch.status, error_code(&batch)),
            (BatchStatus::Failed, "input_file_unreadable"),
            "{keep}"
        );
        assert!(batch.request_counts.completed >= 100, "{:?}", batch.request_counts);
    }
}

#[test]
fn lines_that_changed_after_validation_are_failed_lines_and_nothing_else_suffers() {
    let settings = Settings::default();
    let (host, id) = with_batch(400, steady(30), &settings);
    turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 300), ..Turn::default() });
    let mut bytes = requests(400);
    let at = memchr::memmem::find(&bytes, b"\"r390\"").unwrap();
    bytes[at - 3] = b'!';
    host.add_file(INPUT, bytes);
    finish(&host, &id, &settings, 2);
    let batch = stored_batch(&host, &id);
    assert_eq!(batch.status, BatchStatus::Completed);
    assert_eq!(batch.request_counts, RequestCounts { total: 400, completed: 399, failed: 1 });
    let [_, error] = files(&host, &batch);
    let line: serde_json::Value = serde_json::from_slice(&error.unwrap()).unwrap();
    assert_eq!(line["error"]["code"], "invalid_json_line");
    assert_eq!(line["response"], serde_json::Value::Null);
}

#[test]
fn a_file_with_other_lines_than_it_had_still_ends() {
    let settings = Settings::default();
    for changed in ["\n", "{}\n", "x"] {
        let (host, id) = with_batch(600, steady(20), &settings);
        turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 300), ..Turn::default() });
        let length = requests(600).len();
        host.add_file(INPUT, changed.repeat(length / changed.len() + 1).as_bytes()[..length].to_vec());
        finish(&host, &id, &settings, 3);
        let batch = stored_batch(&host, &id);
        assert_eq!(batch.status, BatchStatus::Failed, "{changed:?}");
        let counts = batch.request_counts;
        assert!(counts.completed + counts.failed <= counts.total, "{changed:?}: {counts:?}");
    }
}

#[test]
fn what_a_damaged_group_held_is_asked_for_again() {
    let settings = Settings::default();
    let (whole, id) = with_batch(600, mixed(), &settings);
    finish(&whole, &id, &settings, 1);
    let expected = ended(&whole, &id);
    for damage in
        [|_: &[u8]| Vec::new(), |v: &[u8]| v[..v.len() / 2].to_vec(), |v: &[u8]| vec![b'x'; v.len()]]
    {
        let (host, id) = with_batch(600, mixed(), &settings);
        kill(&host, &id, 350);
        let key = host.kv.borrow().keys().find(|key| key.starts_with("result:")).cloned().unwrap();
        let damaged = damage(&host.kv.borrow()[&key]);
        host.kv.borrow_mut().insert(key, damaged);
        finish(&host, &id, &settings, 2);
        let ended = ended(&host, &id);
        assert_eq!(ended.batch.request_counts, expected.batch.request_counts);
        assert_eq!(lines_of(ended.output.as_ref()), lines_of(expected.output.as_ref()));
    }
}

#[test]
fn results_lost_after_the_last_request_fail_the_batch_and_the_rest_is_kept() {
    let settings = Settings::default();
    // How many effects a run has before its files are begun.
    let (whole, id) = with_batch(600, mixed(), &settings);
    whole.logging.set(true);
    finish(&whole, &id, &settings, 1);
    let created = whole.log.borrow().iter().filter(|(_, op)| matches!(op, Op::Create(_))).count();
    assert_eq!(created, 2);
    let answers = whole.answers.borrow().iter().rposition(|is_answer| *is_answer).unwrap();
    for (what, large) in [("result:", false), ("large:", true)] {
        let (host, id) = with_batch(600, mixed(), &settings);
        // The last answer, the last group, the checkpoint of finalizing.
        kill(&host, &id, answers + 2);
        let run = String::from_utf8(host.kv.borrow()[&format!("checkpoint:{id}")].clone()).unwrap();
        assert!(run.contains("\"finalizing\":{"), "{run}");
        let key = host.kv.borrow().keys().find(|key| key.starts_with(what)).cloned().unwrap();
        host.kv.borrow_mut().remove(&key);
        finish(&host, &id, &settings, 2);
        let batch = stored_batch(&host, &id);
        assert_eq!((batch.status, error_code(&batch)), (BatchStatus::Failed, "results_lost"), "{large}");
        let [output, error] = files(&host, &batch);
        let lines: BTreeSet<u64> = lines_of(output.as_ref())
            .into_iter()
            .chain(lines_of(error.as_ref()))
            .map(|(line, _)| line)
            .filter(|line| *line < UNKNOWN)
            .collect();
        assert!(lines.len() >= 600 - 64 && lines.len() < 600, "{what}: {} lines are left", lines.len());
    }
}

#[test]
fn a_result_file_that_cannot_be_written_is_begun_again_and_holds_no_byte_twice() {
    let settings = Settings::default();
    let model = || -> crate::support::model::Model {
        Box::new(|call| crate::support::model::Answers {
            ms: 20,
            result: Ok(crate::support::model::answer(
                if call.line % 3 == 0 { 400 } else { 200 },
                call.line,
                format!("{{\"text\":\"{}\"}}", "t".repeat(10_000)),
            )),
        })
    };
    let (whole, id) = with_batch(500, model(), &settings);
    finish(&whole, &id, &settings, 1);
    let expected = ended(&whole, &id);
    let fails = |op: &Op| matches!(op, Op::Create(_) | Op::Write(..) | Op::Complete(_));
    let mut tried = 0;
    for nth in 0..12 {
        for (times, kind, after) in
            [(1, Transient, false), (1, Timeout, true), (1, Terminal, false), (9, Transient, false)]
        {
            let (host, id) = with_batch(500, model(), &settings);
            let mut seen = 0;
            host.set_faults(move |_, op| {
                if !fails(op) {
                    return Injected::Nothing;
                }
                seen += 1;
                match seen {
                    n if n <= nth || n > nth + times => Injected::Nothing,
                    _ if after && !matches!(op, Op::Create(_)) => Injected::After(kind),
                    _ => Injected::Before(kind),
                }
            });
            finish(&host, &id, &settings, 4);
            let ended = ended(&host, &id);
            assert!(
                ended.output == expected.output && ended.error == expected.error,
                "{nth}: {kind:?} x {times}"
            );
            assert!(host.calls().values().all(|&calls| calls == 1));
            tried += 1;
        }
    }
    assert_eq!(tried, 48);
}

#[test]
fn a_store_that_is_away_for_a_while_costs_time_and_no_result() {
    let settings = Settings::default();
    let (whole, id) = with_batch(500, mixed(), &settings);
    finish(&whole, &id, &settings, 1);
    let expected = ended(&whole, &id);
    for (from, length) in [(0, 4_000), (400, 30_000), (400, 90_000), (1_500, 60_000), (2_500, 600_000)] {
        let (host, id) = with_batch(500, mixed(), &settings);
        host.set_faults(move |now, op| match op {
            Op::Infer(_) | Op::Find | Op::Read(_) | Op::HasModel | Op::Abort(_) => Injected::Nothing,
            _ if (START_MS + from..START_MS + from + length).contains(&now) => Injected::Before(Transient),
            _ => Injected::Nothing,
        });
        finish(&host, &id, &settings, 70);
        let ended = ended(&host, &id);
        let same = ended.output == expected.output && ended.error == expected.error;
        assert!(same, "away from {from} for {length} ms");
        if length <= 30_000 {
            // How often a line is tried that never succeeds depends on what others get meanwhile.
            let lasting = |key: &String| {
                !key.rsplit(':').next().unwrap().parse().is_ok_and(|line: u64| line % 40 == 14)
            };
            let calls = |host: &ScriptedHost| -> BTreeMap<String, u32> {
                host.calls().into_iter().filter(|(key, _)| lasting(key)).collect()
            };
            assert_eq!(calls(&host), calls(&whole), "what the turn could hold is not asked for again");
        }
    }
}

#[test]
fn an_input_that_cannot_be_read_for_a_while_throws_no_answer_away() {
    let settings = Settings::default();
    // Longer than one read, so that the run comes back for more.
    let (host, id) = with_batch(5_000, steady(2_000), &settings);
    let (mut reads, mut away_until) = (0, 0);
    host.set_faults(move |now, op| {
        reads += usize::from(matches!(op, Op::Read(_)));
        // Two of validation, one of the run; then the run comes back for more.
        if reads == 4 && away_until == 0 {
            away_until = now + 30_000;
        }
        match op {
            Op::Read(_) if now < away_until => Injected::Before(Transient),
            _ => Injected::Nothing,
        }
    });
    let mut faulted = 0;
    loop {
        match turn(&host, &id, &settings, Turn::default()).unwrap() {
            TurnEnd::Terminal => break,
            TurnEnd::Faulted { wake_at, .. } => {
                faulted += 1;
                host.clock.advance(wake_at.saturating_sub(host.clock.now()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(faulted > 0, "the fault outlasted a turn");
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 5_000);
    assert!(host.calls().values().all(|&calls| calls == 1), "no call was made twice");
}

#[test]
fn an_input_that_is_refused_for_good_fails_the_batch() {
    for (kind, code) in [(Missing, "invalid_request"), (Terminal, "input_file_unreadable")] {
        let (host, id) = with_batch(10, steady(5), &Settings::default());
        host.set_faults(move |_, op| match op {
            Op::Read(_) => Injected::Before(kind),
            _ => Injected::Nothing,
        });
        finish(&host, &id, &Settings::default(), 1);
        let batch = ended(&host, &id).batch;
        assert_eq!((batch.status, error_code(&batch)), (BatchStatus::Failed, code));
    }
}

#[test]
fn every_kind_of_fault_of_every_host_call_lets_the_run_end() {
    // A fault for good of the store is no end for a batch: the next turn tries again.
    let kinds: [FaultKind; 4] = [Missing, Timeout, Terminal, Transient];
    let settings = Settings::default();
    for kind in kinds {
        for nth in 0..40 {
            let (host, id) = with_batch(150, mixed(), &settings);
            let mut seen = 0;
            host.set_faults(move |_, op| {
                let counts =
                    !matches!(op, Op::Infer(_) | Op::Read(_) | Op::Find | Op::HasModel | Op::Abort(_));
                seen += usize::from(counts);
                if counts && seen == nth + 1 { Injected::Before(kind) } else { Injected::Nothing }
            });
            finish(&host, &id, &settings, 4);
            let batch = stored_batch(&host, &id);
            // What the store refuses for good is lost, and nothing hides it.
            let lost = batch.status == BatchStatus::Failed
                && error_code(&batch) == "results_lost"
                && matches!(kind, Missing | Terminal);
            assert!(lost || batch.status == BatchStatus::Completed, "{kind:?} at {nth}: {:?}", batch.errors);
        }
    }
}
