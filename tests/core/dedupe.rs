//! Requests that are the same are asked once, and each has its line, wherever the process dies.

use crate::support::follower::{Follower, all, results_file, sorted};
use crate::support::model::{Answers, Model, answer, good, mixed, steady};
use crate::support::random::Random;
use crate::support::{
    INPUT, Kill, START_MS, ScriptedHost, ended, finish, lines_of, params, sole_owner, stored_batch, turn,
};
use edgebatch::{
    ApiError, Batch, BatchStatus, CreateParams, Deduped, Settings, Turn, TurnEnd, Usage, cancel, create,
    run_turn,
};
use futures::future::join;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

fn created(host: &ScriptedHost, edgebatch: Value) -> Result<Batch, ApiError> {
    let edgebatch = serde_json::from_value(edgebatch).expect("any JSON");
    host.run(create(host, CreateParams { edgebatch, ..params() }, &Settings::default())).expect("alive")
}

/// A host with a file whose lines have these bodies, and a batch over it that asks each once.
pub(crate) fn deduping(bodies: &[u64], model: Model) -> (ScriptedHost, String) {
    let host = ScriptedHost::new(model);
    let line = |(at, body): (usize, &u64)| {
        format!(
            "{{\"custom_id\":\"r{}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
             \"body\":{{\"model\":\"m\",\"messages\":[],\"seed\":{body}}}}}\n",
            at + 1
        )
    };
    host.add_file(INPUT, bodies.iter().enumerate().map(line).collect::<String>().into_bytes());
    let id = created(&host, json!({"dedupe": true})).expect("created").id;
    (host, id)
}

/// So many lines over several chunks, a third of which repeat others, near and far.
fn some(lines: u64) -> Vec<u64> {
    let mut random = Random(5);
    (0..lines).map(|_| random.below(lines)).collect()
}

/// For each line, counted from 1, the first with the same body.
fn firsts(bodies: &[u64]) -> BTreeMap<u64, u64> {
    let mut first = HashMap::new();
    let lines = (1..).zip(bodies);
    lines.map(|(line, body)| (line, *first.entry(body).or_insert(line))).collect()
}

fn deduped(batch: &Batch) -> Deduped {
    batch.edgebatch.as_ref().and_then(|own| own.deduped).expect("it says what was saved")
}

/// What a line says, but for whose it is.
fn said(line: &Value) -> Value {
    json!([line["response"], line["error"]])
}

/// Checks that each line says what that of the first says, under its own name, and gives all of them.
fn check(host: &ScriptedHost, id: &str, bodies: &[u64]) -> BTreeMap<u64, Value> {
    let end = ended(host, id);
    let files = [&end.output, &end.error].map(|file| lines_of(file.as_ref()));
    let lines: BTreeMap<u64, Value> = files.into_iter().flatten().collect();
    for (line, first) in firsts(bodies) {
        assert_eq!(said(&lines[&line]), said(&lines[&first]), "line {line} repeats {first}");
        assert_eq!(line == first, lines[&line]["id"] == lines[&first]["id"]);
    }
    assert_eq!(lines.len(), bodies.len());
    lines
}

/// Lines that the model was asked for.
fn asked(host: &ScriptedHost) -> Vec<u64> {
    let mut lines: Vec<u64> =
        host.calls().keys().map(|key| key.rsplit(':').next().unwrap().parse().unwrap()).collect();
    lines.sort_unstable();
    lines
}

fn tokens(lines: impl Iterator<Item = u64>) -> Usage {
    let mut usage = Usage::default();
    for line in lines {
        usage.add(&Usage {
            input_tokens: 3,
            output_tokens: line % 7,
            total_tokens: 3 + line % 7,
            ..Usage::default()
        });
    }
    usage
}

#[test]
fn what_is_the_same_is_asked_once_and_answered_for_each_line() {
    let bodies = some(1_500);
    let (host, id) = deduping(&bodies, steady(3));
    finish(&host, &id, &Settings::default(), 1);
    check(&host, &id, &bodies);
    let firsts = firsts(&bodies);
    let (own, repeats): (Vec<_>, Vec<_>) = firsts.iter().partition(|(line, first)| line == first);
    assert!(repeats.len() > 300 && own.len() > 300);
    assert_eq!(asked(&host), own.iter().map(|(line, _)| **line).collect::<Vec<_>>());
    assert!(host.calls().values().all(|&calls| calls == 1));
    let batch = stored_batch(&host, &id);
    assert_eq!((batch.status, batch.request_counts.completed), (BatchStatus::Completed, 1_500));
    assert_eq!(batch.usage, tokens(own.iter().map(|(line, _)| **line)));
    let usage = tokens(repeats.iter().map(|(_, first)| **first));
    assert_eq!(deduped(&batch), Deduped { requests: repeats.len() as u64, usage });
    let json = serde_json::to_value(&batch).expect("JSON");
    assert_eq!(json["edgebatch"]["dedupe"], true);
    assert_eq!(serde_json::from_value::<Batch>(json).expect("a batch"), batch);
}

#[test]
fn a_byte_of_difference_is_another_request_and_nothing_is_shared_unless_that_is_asked_for() {
    let host = ScriptedHost::new(steady(3));
    let line = |id: &str, body: &str| {
        format!(
            "{{\"custom_id\":\"{id}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{body}}}\n"
        )
    };
    let body = r#"{"model":"m","messages":[]}"#;
    let lines = [
        line("r1", body),
        line("r2", r#"{"messages":[],"model":"m"}"#),
        line("r3", r#"{"model":"m", "messages":[]}"#),
        line("r4", body),
        format!(
            "{{\"body\":{{}},\"body\" : {body} ,\"url\":\"/v1/chat/completions\",\"method\":\"POST\",\"custom_id\":\"r5\"}}\n"
        ),
    ];
    host.add_file(INPUT, lines.concat().into_bytes());
    let id = created(&host, json!({"dedupe": true})).expect("created").id;
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(asked(&host), [1, 2, 3]);
    assert_eq!(deduped(&ended(&host, &id).batch).requests, 2);
    for edgebatch in [json!({"dedupe": false}), json!({"dedupe": null})] {
        let plain = created(&host, edgebatch).expect("created");
        assert_eq!(plain.edgebatch, None);
        finish(&host, &plain.id, &Settings::default(), 1);
    }
    assert_eq!(host.calls().len(), 3 + 5 + 5);
}

#[test]
fn a_failed_first_is_tried_as_any_and_fails_for_each_line() {
    // Numbers of lines say how they end: 3 and 14 fail, 7 to 15 do at first, 17 and 118 are long.
    let bodies: Vec<u64> = (0..600).map(|line| line % 118).collect();
    let (host, id) = deduping(&bodies, mixed());
    finish(&host, &id, &Settings::default(), 1);
    let lines = check(&host, &id, &bodies);
    assert_eq!(lines[&(118 * 3 + 3)]["response"]["status_code"], 400);
    assert!(lines[&(118 * 2)].to_string().len() > 1_200_000);
    assert_eq!(asked(&host), (1..=118).collect::<Vec<_>>());
    let batch = stored_batch(&host, &id);
    let failed = lines.values().filter(|line| line["response"]["status_code"] != 200).count();
    assert!(failed > 40, "{failed}");
    assert_eq!(batch.request_counts.failed, failed as u64);
    assert_eq!(batch.request_counts.completed, 600 - failed as u64);
}

#[test]
fn killed_anywhere_each_line_comes_once_and_whoever_follows_sees_it_once() {
    let settings = Settings::default();
    // Repeats in the same chunk, in later ones, and of failed and long answers.
    let bodies: Vec<u64> = (0..330).map(|line| if line < 250 { line / 2 } else { line % 61 }).collect();
    let run = |kill: Option<Kill>, atomic: bool| {
        let (host, id) = deduping(&bodies, mixed());
        host.atomic.set(atomic);
        let mut follower = Follower::default();
        host.kill.set(kill);
        let owner = sole_owner(&host);
        let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
        let _ = host.run(join(run_turn(&host, &id, &settings, turn_of), follower.follow(&host, &id, 7)));
        let effects = host.effects();
        host.kill.set(None);
        host.run(follower.read(&host, &id)).expect("alive");
        finish(&host, &id, &settings, 3);
        host.run(follower.follow(&host, &id, 7)).expect("alive");
        let what = format!("{kill:?} atomic {atomic}");
        assert_eq!(results_file(&host, &id).expect("a file"), follower.seen, "{what}");
        assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)), "{what}");
        check(&host, &id, &bodies);
        (host, id, effects)
    };
    for atomic in [true, false] {
        let (whole, id, effects) = run(None, atomic);
        let expected = stored_batch(&whole, &id);
        let asks = asked(&whole);
        // Repeats are found at the beginning and answered at the end.
        let within = (12..effects - 25).step_by(if atomic { 17 } else { 41 });
        for effect in (0..12).chain(within).chain(effects - 25..effects) {
            for done in [false, true] {
                let (host, id, _) = run(Some(Kill { effect, done }), atomic);
                let batch = stored_batch(&host, &id);
                let what = format!("{effect} {done} {atomic}");
                assert_eq!(batch.request_counts, expected.request_counts, "{what}");
                assert_eq!(batch.usage, expected.usage, "{what}");
                assert_eq!(deduped(&batch), deduped(&expected), "{what}");
                assert_eq!(asked(&host), asks, "{what}");
            }
        }
    }
}

#[test]
fn turns_of_any_length_come_to_the_end() {
    let bodies = some(2_000);
    let (host, id) = deduping(&bodies, steady(3));
    let mut turns = 0;
    loop {
        turns += 1;
        assert!(turns < 2_000, "{:?}", stored_batch(&host, &id));
        let deadline = Some(host.clock.now());
        match turn(&host, &id, &Settings::default(), Turn { deadline, ..Turn::default() }) {
            Some(TurnEnd::Terminal) => break,
            Some(TurnEnd::Suspended { wake_at }) => {
                host.clock.advance(wake_at.saturating_sub(host.clock.now()))
            }
            other => panic!("{other:?}"),
        }
        let batch = stored_batch(&host, &id);
        let counts = batch.request_counts;
        assert!(counts.completed <= counts.total, "{counts:?}");
    }
    assert!(turns > 20, "{turns}");
    check(&host, &id, &bodies);
    assert!(host.calls().values().all(|&calls| calls == 1));
}

#[test]
fn what_did_not_run_did_not_for_its_repeats_either() {
    let bodies: Vec<u64> = (0..900).map(|line| line % 500).collect();
    for expires in [false, true] {
        let (host, id) = deduping(&bodies, steady(40));
        turn(&host, &id, &Settings::default(), Turn { deadline: Some(START_MS + 700), ..Turn::default() });
        if expires {
            host.clock.advance(86_400_000);
        } else {
            host.run(cancel(&host, &id, &Settings::default())).expect("alive").expect("cancelled");
        }
        finish(&host, &id, &Settings::default(), 2);
        let lines = check(&host, &id, &bodies);
        let batch = stored_batch(&host, &id);
        let (status, code) = match expires {
            true => (BatchStatus::Expired, "batch_expired"),
            false => (BatchStatus::Cancelled, "batch_cancelled"),
        };
        assert_eq!(batch.status, status);
        assert_eq!(lines[&900]["error"]["code"], code);
        let completed = batch.request_counts.completed;
        assert!(completed > 60 && completed < 700 && batch.request_counts.failed == 0, "{completed}");
        assert!(deduped(&batch).usage.input_tokens > 0);
    }
}

#[test]
fn a_batch_that_continues_another_asks_once_what_is_left_of_it() {
    let bodies: Vec<u64> = (0..700).map(|line| line % 350).collect();
    // Every tenth line fails, and with it the one that repeats it.
    let failing: Model = Box::new(|call| Answers {
        ms: 5,
        result: Ok(if call.line % 10 == 0 { answer(400, call.line, "{}") } else { good(call.line) }),
    });
    let (host, id) = deduping(&bodies, failing);
    finish(&host, &id, &Settings::default(), 1);
    check(&host, &id, &bodies);
    assert_eq!(stored_batch(&host, &id).request_counts.failed, 70);
    for (edgebatch, merge, calls) in [
        (json!({"continue_from": id, "merge": true, "dedupe": true}), true, 35),
        (json!({"continue_from": id, "dedupe": true}), false, 35),
        (json!({"continue_from": id, "merge": true}), true, 70),
    ] {
        *host.model.borrow_mut() = steady(3);
        let before = host.calls().len();
        let next = created(&host, edgebatch.clone()).expect("created").id;
        // The process dies in the middle of it.
        host.kill.set(Some(Kill { effect: 12, done: true }));
        turn(&host, &next, &Settings::default(), Turn::default());
        host.kill.set(None);
        finish(&host, &next, &Settings::default(), 2);
        assert_eq!(host.calls().len() - before, calls, "{edgebatch}");
        let counts = stored_batch(&host, &next).request_counts;
        assert_eq!(counts.completed, if merge { 700 } else { 70 });
        if calls == 35 {
            assert_eq!(deduped(&stored_batch(&host, &next)).requests, 35);
            if merge {
                check(&host, &next, &bodies);
            }
        }
    }
}

#[test]
fn what_is_no_boolean_is_refused_by_name_and_another_wish_is_another_batch() {
    let host = ScriptedHost::new(steady(3));
    host.add_file(INPUT, crate::support::requests(3));
    for wrong in [json!("yes"), json!(1), json!([]), json!({})] {
        let error = created(&host, json!({"dedupe": wrong})).expect_err("refused");
        let told = (error.status, error.param.as_deref(), error.code.as_deref());
        assert_eq!(told, (400, Some("edgebatch.dedupe"), Some("invalid_type")), "{wrong}");
    }
    let keyed = |edgebatch: Value| {
        let edgebatch = serde_json::from_value(edgebatch).expect("any JSON");
        let params = CreateParams { idempotency_key: "k".into(), edgebatch, ..params() };
        host.run(create(&host, params, &Settings::default())).expect("alive")
    };
    let first = keyed(json!({"dedupe": true})).expect("created");
    assert_eq!(keyed(json!({"dedupe": true})).expect("the same").id, first.id);
    assert_eq!(keyed(json!({})).expect_err("another").status, 409);
}

#[test]
fn a_repeat_takes_nothing_of_a_budget_and_did_not_run_where_the_first_did_not() {
    let settings = Settings { max_concurrent_requests_per_batch: 4, ..Settings::default() };
    let bodies: Vec<u64> = (0..600).map(|line| line % 200).collect();
    let (host, _) = deduping(&bodies, steady(3));
    let own = json!({"dedupe": true, "budget": {"requests": 50}});
    let id = created(&host, own).expect("created").id;
    finish(&host, &id, &settings, 1);
    let lines = check(&host, &id, &bodies);
    assert_eq!(host.calls().len(), 50);
    let batch = stored_batch(&host, &id);
    assert_eq!((batch.status, batch.request_counts.completed), (BatchStatus::Cancelled, 150));
    assert_eq!(lines[&600]["error"]["code"], "budget_exceeded");
    assert_eq!(deduped(&batch).usage.input_tokens, 3 * 100);
}
