//! A batch that continues another runs what that did not answer, and takes over the rest, wherever the process dies.

use crate::support::follower::{Follower, all, results_file, sorted};
use crate::support::model::{Answers, Model, answer, good, refusal, steady};
use crate::support::random::Random;
use crate::support::{
    INPUT, Kill, START_MS, ScriptedHost, ended, finish, lines_of, new_batch, params, stored_batch, turn,
    with_batch,
};
use edgebatch::{
    ApiError, Batch, BatchStatus, CreateParams, Dialect, Rerun, Reused, Settings, Turn, TurnEnd, cancel,
    create,
};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

fn continuing(edgebatch: Value) -> CreateParams {
    CreateParams { edgebatch: serde_json::from_value(edgebatch).expect("any JSON"), ..params() }
}

fn continued(host: &ScriptedHost, edgebatch: Value) -> Result<Batch, ApiError> {
    host.run(create(host, continuing(edgebatch), &Settings::default())).expect("alive")
}

/// Some lines fail, whatever is tried.
fn failing(every: u64) -> Model {
    Box::new(move |call| Answers {
        ms: 5,
        result: Ok(if call.line.is_multiple_of(every) { refusal(400, call.line) } else { good(call.line) }),
    })
}

/// Answers everything well, and notes which lines it was called for.
fn noting() -> (Model, Rc<RefCell<BTreeSet<u64>>>) {
    let called = Rc::<RefCell<BTreeSet<u64>>>::default();
    let calls = Rc::clone(&called);
    let model: Model = Box::new(move |call| {
        calls.borrow_mut().insert(call.line);
        let body = format!("{{\"id\":\"again-{}\",\"usage\":{{\"prompt_tokens\":1}}}}", call.line);
        Answers { ms: 5, result: Ok(answer(200, call.line, body)) }
    });
    (model, called)
}

/// A host with an ended batch of so many lines, each tenth of which failed.
fn failed_tenth(lines: u64) -> (ScriptedHost, Batch) {
    let settings = Settings::default();
    let (host, id) = with_batch(lines, failing(10), &settings);
    finish(&host, &id, &settings, 1);
    let old = stored_batch(&host, &id);
    (host, old)
}

#[test]
fn what_failed_runs_again_and_merged_files_hold_every_line_in_order() {
    let (host, old) = failed_tenth(700);
    let before = (host.files.borrow().clone(), old.clone());
    let (model, called) = noting();
    *host.model.borrow_mut() = model;
    let batch = continued(&host, json!({"continue_from": old.id, "merge": true})).expect("created");
    finish(&host, &batch.id, &Settings::default(), 1);
    let end = ended(&host, &batch.id);
    assert_eq!(called.borrow().len(), 70);
    assert!(called.borrow().iter().all(|line| line % 10 == 0));
    assert_eq!((end.batch.request_counts.total, end.batch.request_counts.completed), (700, 700));
    let reused = end.batch.edgebatch.as_ref().and_then(|own| own.continued.clone()).expect("it says so");
    assert_eq!(reused.continue_from, old.id);
    let reused = reused.reused.expect("what was taken over");
    assert_eq!((reused.completed, reused.failed), (630, 0));
    assert_eq!(reused.usage, old.usage);
    assert_eq!(end.batch.usage.input_tokens, 70);
    // Old lines are as they were, byte for byte.
    let text = |file: Option<&Rc<Vec<u8>>>| String::from_utf8(file.expect("a file").to_vec()).expect("UTF-8");
    let old_output = host.files.borrow()[old.output_file_id.as_ref().expect("an output")].clone();
    let kept: Vec<String> = text(end.output.as_ref())
        .lines()
        .filter(|line| !line.contains("again-"))
        .map(str::to_owned)
        .collect();
    assert_eq!(kept.join("\n") + "\n", text(Some(&old_output)));
    // The old batch is as it was.
    assert_eq!(stored_batch(&host, &old.id), before.1);
    for (id, bytes) in before.0 {
        assert_eq!(host.files.borrow().get(&id), Some(&bytes), "{id}");
    }
}

#[test]
fn without_merge_its_files_hold_what_it_ran_and_a_chain_loses_nothing() {
    let (host, old) = failed_tenth(700);
    *host.model.borrow_mut() = failing(20);
    let second = continued(&host, json!({"continue_from": old.id})).expect("created");
    finish(&host, &second.id, &Settings::default(), 1);
    let end = ended(&host, &second.id);
    let counts = end.batch.request_counts;
    assert_eq!((counts.total, counts.completed, counts.failed), (70, 35, 35));
    assert!(lines_of(end.output.as_ref()).iter().all(|(line, _)| line % 20 == 10));
    // Of the third, what the second did not answer is left; merged, it holds what the first had.
    let (model, called) = noting();
    *host.model.borrow_mut() = model;
    let third = continued(&host, json!({"continue_from": second.id, "merge": true})).expect("created");
    finish(&host, &third.id, &Settings::default(), 1);
    let end = ended(&host, &third.id);
    assert_eq!(
        called.borrow().iter().copied().collect::<Vec<_>>(),
        (1..=35).map(|n| n * 20).collect::<Vec<_>>()
    );
    assert_eq!(end.batch.request_counts.completed, 700);
    let own = end.batch.edgebatch.expect("it says so").continued.expect("it says so");
    let reused = own.reused.expect("what was taken over");
    assert_eq!((reused.completed, reused.failed), (665, 0));
    // A fourth has nothing left to do.
    called.borrow_mut().clear();
    for merge in [false, true] {
        let fourth = continued(&host, json!({"continue_from": third.id, "merge": merge})).expect("created");
        finish(&host, &fourth.id, &Settings::default(), 1);
        let end = ended(&host, &fourth.id).batch;
        assert_eq!(end.status, BatchStatus::Completed);
        assert_eq!(end.request_counts.total, if merge { 700 } else { 0 });
        assert_eq!(end.output_file_id.is_some(), merge);
    }
    assert!(called.borrow().is_empty());
}

#[test]
fn only_says_which_ends_run_again_and_what_never_ran_always_does() {
    let settings = Settings { max_concurrent_requests_per_batch: 4, ..Settings::default() };
    let (host, id) = with_batch(400, failing(10), &settings);
    turn(&host, &id, &settings, Turn { deadline: Some(START_MS + 200), ..Turn::default() });
    host.run(cancel(&host, &id, &settings)).expect("alive").expect("cancelled");
    finish(&host, &id, &settings, 3);
    let old = ended(&host, &id);
    assert_eq!(old.batch.status, BatchStatus::Cancelled);
    let lines = lines_of(old.error.as_ref());
    let of = |cancelled: bool| -> BTreeSet<u64> {
        let is = |line: &Value| line["error"]["code"] == "batch_cancelled";
        lines.iter().filter(|(_, line)| is(line) == cancelled).map(|(number, _)| *number).collect()
    };
    let (failed, cancelled) = (of(false), of(true));
    assert!(failed.len() > 2 && cancelled.len() > 100, "{} and {}", failed.len(), cancelled.len());
    for (only, wanted) in [
        (json!(["failed"]), failed.clone()),
        (json!(["cancelled"]), cancelled.clone()),
        (json!(["expired"]), BTreeSet::new()),
        (json!(["expired", "cancelled", "failed"]), failed.union(&cancelled).copied().collect()),
    ] {
        let (model, called) = noting();
        *host.model.borrow_mut() = model;
        let batch =
            continued(&host, json!({"continue_from": id, "only": only, "merge": true})).expect("created");
        finish(&host, &batch.id, &settings, 1);
        let end = ended(&host, &batch.id).batch;
        let counts = end.request_counts;
        assert_eq!(*called.borrow(), wanted, "{only}");
        let own = end.edgebatch.expect("it says so").continued.expect("it says so");
        let not_run = own.reused.expect("what was taken over").not_run;
        assert_eq!((end.status, counts.total), (BatchStatus::Completed, 400), "{only}");
        assert_eq!(counts.completed + counts.failed + not_run, 400, "{only}");
        assert_eq!(not_run, cancelled.difference(&wanted).count() as u64, "{only}");
    }
}

#[test]
fn a_batch_that_was_refused_or_ended_without_files_is_run_whole() {
    let settings = Settings::default();
    let host = ScriptedHost::new(steady(2));
    host.add_file(INPUT, b"{\"half\":\n".to_vec());
    let refused = new_batch(&host, &settings);
    finish(&host, &refused, &settings, 1);
    assert_eq!(stored_batch(&host, &refused).status, BatchStatus::Failed);
    host.add_file(INPUT, crate::support::requests(30));
    let batch = continued(&host, json!({"continue_from": refused})).expect("created");
    finish(&host, &batch.id, &settings, 1);
    let end = ended(&host, &batch.id).batch;
    assert_eq!(end.request_counts.completed, 30);
    let own = end.edgebatch.expect("it says so").continued.expect("it says so");
    assert_eq!(own.reused, Some(Reused::default()));
}

#[test]
fn killed_anywhere_it_takes_over_and_runs_each_request_once() {
    let (whole, old) = failed_tenth(600);
    let batch = continued(&whole, json!({"continue_from": old.id, "merge": true})).expect("created");
    *whole.model.borrow_mut() = failing(40);
    finish(&whole, &batch.id, &Settings::default(), 1);
    let expected = ended(&whole, &batch.id);
    let effects = whole.effects();
    let mut kills: Vec<usize> = (0..40.min(effects)).collect();
    let mut random = Random(3);
    kills.extend((0..40).map(|_| random.below(effects as u64) as usize));
    for effect in kills {
        for done in [false, true] {
            for atomic in [true, false] {
                let (host, old) = failed_tenth(600);
                let batch =
                    continued(&host, json!({"continue_from": old.id, "merge": true})).expect("created");
                host.atomic.set(atomic);
                *host.model.borrow_mut() = failing(40);
                host.kill.set(Some(Kill { effect, done }));
                turn(&host, &batch.id, &Settings::default(), Turn::default());
                host.kill.set(None);
                finish(&host, &batch.id, &Settings::default(), 3);
                let got = ended(&host, &batch.id);
                let what = format!("killed at {effect}, {done}, atomic {atomic}");
                assert_eq!(got.batch.request_counts, expected.batch.request_counts, "{what}");
                assert_eq!(got.batch.usage, expected.batch.usage, "{what}");
                assert_eq!(got.batch.edgebatch, expected.batch.edgebatch, "{what}");
                assert!(
                    got.output.as_deref().map(|file| without_ids(file))
                        == expected.output.as_deref().map(|file| without_ids(file)),
                    "{what}"
                );
            }
        }
    }
}

/// Lines without their ids, which are made of the batch's.
fn without_ids(file: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(file).expect("UTF-8");
    let without = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        line["id"].take();
        line
    };
    text.lines().map(without).collect()
}

#[test]
fn turns_of_any_length_come_to_the_end() {
    let (host, old) = failed_tenth(2_000);
    let batch = continued(&host, json!({"continue_from": old.id, "merge": true})).expect("created");
    *host.model.borrow_mut() = steady(3);
    let mut turns = 0;
    loop {
        turns += 1;
        assert!(turns < 500, "{:?}", stored_batch(&host, &batch.id));
        let deadline = Some(host.clock.now());
        match turn(&host, &batch.id, &Settings::default(), Turn { deadline, ..Turn::default() }) {
            Some(TurnEnd::Terminal) => break,
            Some(TurnEnd::Suspended { wake_at }) => {
                host.clock.advance(wake_at.saturating_sub(host.clock.now()))
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(turns > 8, "{turns}");
    assert_eq!(ended(&host, &batch.id).batch.request_counts.completed, 2_000);
}

#[test]
fn cancel_while_results_are_taken_over_leaves_nothing_behind() {
    let (host, old) = failed_tenth(2_000);
    let batch = continued(&host, json!({"continue_from": old.id, "merge": true})).expect("created");
    let deadline = Some(host.clock.now());
    turn(&host, &batch.id, &Settings::default(), Turn { deadline, ..Turn::default() });
    assert_eq!(stored_batch(&host, &batch.id).status, BatchStatus::Validating);
    host.run(cancel(&host, &batch.id, &Settings::default())).expect("alive").expect("cancelled");
    finish(&host, &batch.id, &Settings::default(), 2);
    assert_eq!(ended(&host, &batch.id).batch.status, BatchStatus::Cancelled);
}

#[test]
fn results_that_are_gone_fail_the_batch_with_their_reason() {
    for file in ["output", "error"] {
        let (host, old) = failed_tenth(50);
        let id = if file == "output" { &old.output_file_id } else { &old.error_file_id };
        let id = id.clone().expect("a file");
        let batch = continued(&host, json!({"continue_from": old.id})).expect("created");
        host.files.borrow_mut().remove(&id);
        finish(&host, &batch.id, &Settings::default(), 1);
        let end = stored_batch(&host, &batch.id);
        assert_eq!(end.status, BatchStatus::Failed);
        let error = &end.errors.expect("errors").data[0];
        assert_eq!(
            (error.code.as_str(), error.param.as_deref()),
            ("results_unreadable", Some("edgebatch.continue_from"))
        );
        let wanted = format!("The results of '{}' cannot be read: its {file} file '{id}' is gone", old.id);
        assert_eq!(error.message, wanted);
    }
}

#[test]
fn what_cannot_be_continued_is_refused_by_name() {
    let (host, old) = failed_tenth(20);
    let refused = |edgebatch: Value| {
        let error = continued(&host, edgebatch).expect_err("refused");
        (error.status, error.param.unwrap_or_default(), error.code.unwrap_or_default())
    };
    let from = "edgebatch.continue_from";
    for (edgebatch, status, param, code) in [
        (json!(7), 400, "edgebatch", "invalid_type"),
        (json!([]), 400, "edgebatch", "invalid_type"),
        (json!({"resume": true}), 400, "edgebatch.resume", "unknown_parameter"),
        (json!({"continue_from": 7}), 400, from, "invalid_type"),
        (json!({"merge": true}), 400, from, "missing_required_parameter"),
        (json!({"only": ["failed"]}), 400, from, "missing_required_parameter"),
        (json!({"continue_from": old.id, "merge": "yes"}), 400, "edgebatch.merge", "invalid_type"),
        (json!({"continue_from": old.id, "only": "failed"}), 400, "edgebatch.only", "invalid_type"),
        (json!({"continue_from": old.id, "only": []}), 400, "edgebatch.only", "empty_array"),
        (json!({"continue_from": old.id, "only": ["failed", 1]}), 400, "edgebatch.only[1]", "invalid_type"),
        (json!({"continue_from": old.id, "only": ["late"]}), 400, "edgebatch.only[0]", "invalid_value"),
        (json!({"continue_from": "batch_0"}), 404, from, ""),
    ] {
        assert_eq!(refused(edgebatch.clone()), (status, param.to_owned(), code.to_owned()), "{edgebatch}");
    }
    // What says nothing is as if it were not there.
    for edgebatch in [json!(null), json!({}), json!({"only": null})] {
        assert_eq!(continued(&host, edgebatch.clone()).expect("created").edgebatch, None, "{edgebatch}");
    }
    let running = new_batch(&host, &Settings::default());
    assert_eq!(
        refused(json!({"continue_from": running})),
        (409, from.to_owned(), "batch_not_ended".to_owned())
    );
    let other =
        CreateParams { input_file_id: "file-other".into(), ..continuing(json!({"continue_from": old.id})) };
    let openai = Settings { dialect: Dialect::Openai, ..Settings::default() };
    let error = host.run(create(&host, other, &openai)).expect("alive").expect_err("another file");
    assert_eq!((error.status, error.param.as_deref()), (400, Some("input_file_id")));
    let endpoint = "/v1/embeddings";
    let settings = Settings { endpoints: vec![endpoint.to_owned()], ..Settings::default() };
    let other = CreateParams { endpoint: endpoint.into(), ..continuing(json!({"continue_from": old.id})) };
    let error = host.run(create(&host, other, &settings)).expect("alive").expect_err("another endpoint");
    assert_eq!((error.status, error.param.as_deref()), (400, Some("endpoint")));
}

#[test]
fn the_wire_says_what_is_continued_and_reads_it_back() {
    let (host, old) = failed_tenth(20);
    let batch =
        continued(&host, json!({"continue_from": old.id, "only": ["expired", "failed"]})).expect("created");
    let json: Value = serde_json::to_value(&batch).expect("JSON");
    let own = json!({"continue_from": old.id, "only": ["failed", "expired"], "merge": false});
    assert_eq!(json["edgebatch"], own);
    let read: Batch = serde_json::from_value(json).expect("a batch");
    assert_eq!(read, batch);
    let only = read.edgebatch.expect("it says so").continued.expect("it says so").only;
    assert_eq!(only, [Rerun::Failed, Rerun::Expired]);
    // The same key with another wish is a conflict.
    let keyed = |only: Value| CreateParams {
        idempotency_key: "k".into(),
        ..continuing(json!({"continue_from": old.id, "only": only}))
    };
    let create = |params| host.run(create(&host, params, &Settings::default())).expect("alive");
    let first = create(keyed(json!(["failed"]))).expect("created");
    assert_eq!(create(keyed(json!(["failed", "failed"]))).expect("the same").id, first.id);
    assert_eq!(create(keyed(json!(["expired"]))).expect_err("another").status, 409);
}

#[test]
fn killed_while_results_are_taken_over_whoever_follows_sees_each_line_once() {
    let settings = Settings::default();
    let mut middles = 0;
    for effect in 0.. {
        let mut ended_early = false;
        for (done, atomic) in [(false, true), (true, true), (true, false)] {
            let (host, old) = failed_tenth(300);
            host.atomic.set(atomic);
            let (model, _) = noting();
            *host.model.borrow_mut() = model;
            let batch = continued(&host, json!({"continue_from": old.id, "merge": true})).expect("created");
            let mut follower = Follower::default();
            host.run(follower.read(&host, &batch.id)).expect("alive");
            host.kill.set(Some(Kill { effect, done }));
            ended_early |= turn(&host, &batch.id, &settings, Turn::default()).is_none();
            host.kill.set(None);
            let stored = stored_batch(&host, &batch.id);
            middles += u32::from(stored.status == BatchStatus::Validating);
            host.run(follower.read(&host, &batch.id)).expect("alive");
            finish(&host, &batch.id, &settings, 3);
            host.run(follower.follow(&host, &batch.id, 7)).expect("alive");
            let what = format!("{effect} {done} {atomic}");
            assert_eq!(results_file(&host, &batch.id).expect("a file"), follower.seen, "{what}");
            assert_eq!(sorted(&follower.seen), sorted(&all(&host, &batch.id)), "{what}");
            if stored.status == BatchStatus::InProgress {
                ended_early = false;
            }
        }
        if !ended_early {
            break;
        }
    }
    assert!(middles > 10, "nothing was killed while results were taken over: {middles}");
}
