//! Requests that begin alike are sent together, and each has its line at its place, wherever the process dies.

use crate::support::follower::{Follower, all, results_file, sorted};
use crate::support::model::{Answers, Model, good, mixed, steady};
use crate::support::{
    INPUT, Kill, START_MS, ScriptedHost, ended, finish, lines_of, params, sole_owner, stored_batch, turn,
};
use edgebatch::{
    ApiError, Batch, BatchStatus, CreateParams, SendOrder, Settings, Turn, TurnEnd, cancel, create, run_turn,
};
use futures::future::join;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

fn created(host: &ScriptedHost, edgebatch: Value, settings: &Settings) -> Result<Batch, ApiError> {
    let edgebatch = serde_json::from_value(edgebatch).expect("any JSON");
    host.run(create(host, CreateParams { edgebatch, ..params() }, settings)).expect("alive")
}

/// A question about a document of a kilobyte or so.
fn question(line: u64, document: u64) -> String {
    let text = format!("Document {document}. ").repeat(80);
    let model = if document.is_multiple_of(3) { "b" } else { "a" };
    format!(
        "{{\"custom_id\":\"r{line}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{{\"model\":\"{model}\",\
         \"messages\":[{{\"role\":\"user\",\"content\":\"Read this. {text} What of {line}?\"}}]}}}}\n"
    )
}

/// A host whose file asks about so many documents in turn.
fn asking(lines: u64, documents: u64, model: Model) -> ScriptedHost {
    let host = ScriptedHost::new(model);
    let file: String = (1..=lines).map(|line| question(line, line % documents)).collect();
    host.add_file(INPUT, file.into_bytes());
    host
}

fn prefix_batch(host: &ScriptedHost, edgebatch: Value) -> String {
    let mut own = json!({"order": "prefix"});
    own.as_object_mut().unwrap().extend(edgebatch.as_object().unwrap().clone());
    created(host, own, &Settings::default()).expect("created").id
}

/// A model that notes which lines it is asked for.
fn noting(ms: u64) -> (Model, Rc<RefCell<Vec<u64>>>) {
    let asked = Rc::<RefCell<Vec<u64>>>::default();
    let own = Rc::clone(&asked);
    let model: Model = Box::new(move |call| {
        own.borrow_mut().push(call.line);
        Answers { ms, result: Ok(good(call.line)) }
    });
    (model, asked)
}

/// How often the next request is about another document than the one before.
fn changes(asked: &[u64], documents: u64) -> usize {
    asked.windows(2).filter(|pair| pair[0] % documents != pair[1] % documents).count()
}

fn each_once(host: &ScriptedHost, lines: u64) {
    let calls = host.calls();
    assert_eq!(calls.len() as u64, lines);
    assert!(calls.values().all(|&calls| calls == 1));
}

#[test]
fn requests_that_begin_alike_are_sent_together_the_first_ahead_and_answered_in_the_order_of_the_file() {
    let (model, asked) = noting(3);
    let host = asking(1_200, 40, model);
    let id = prefix_batch(&host, json!({}));
    finish(&host, &id, &Settings::default(), 1);
    let asked = asked.borrow().clone();
    // In turn it would be all of them; here a document's questions follow one another, but for firsts that go ahead.
    let changed = changes(&asked, 40);
    assert!(changed < 3 * 40, "{changed}");
    for document in 0..40 {
        let places: Vec<usize> = (0..1_200).filter(|&at| asked[at] % 40 == document).collect();
        assert!(places[29] - places[1] < 30 + 2, "the rest of {document} stands together: {places:?}");
    }
    // A model's questions stand together too.
    let models: Vec<bool> = asked.iter().map(|line| (line % 40).is_multiple_of(3)).collect();
    assert!(models.windows(2).filter(|pair| pair[0] != pair[1]).count() < 20);
    let end = ended(&host, &id);
    let lines: Vec<u64> = lines_of(end.output.as_ref()).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, (1..=1_200).collect::<Vec<_>>());
    let json = serde_json::to_value(&end.batch).expect("JSON");
    assert_eq!(json["edgebatch"], json!({"order": "prefix"}));
    assert_eq!(serde_json::from_value::<Batch>(json).expect("a batch"), end.batch);
}

#[test]
fn a_file_in_which_nothing_begins_alike_is_sent_as_it_stands() {
    let (model, asked) = noting(3);
    let host = ScriptedHost::new(model);
    let line = |line: u64| {
        let text = format!("{:x}", line.wrapping_mul(0x9E37_79B9_7F4A_7C15)).repeat(40);
        format!(
            "{{\"custom_id\":\"r{line}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
             \"body\":{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}}}\n\n"
        )
    };
    host.add_file(INPUT, (0..900).map(|at| line(2 * at + 1)).collect::<String>().into_bytes());
    let id = prefix_batch(&host, json!({}));
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(*asked.borrow(), (0..900).map(|at| 2 * at + 1).collect::<Vec<_>>());
    ended(&host, &id);
}

#[test]
fn killed_anywhere_each_line_comes_once_and_whoever_follows_sees_it_once() {
    let settings = Settings::default();
    let run = |kill: Option<Kill>, atomic: bool, pools: bool| {
        let host = asking(150, 10, mixed());
        if pools {
            *host.pools.borrow_mut() = Some(Box::new(str::to_owned));
        }
        let id = prefix_batch(&host, json!({}));
        host.atomic.set(atomic);
        let mut follower = Follower::default();
        host.kill.set(kill);
        let owner = sole_owner(&host);
        let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
        let _ = host.run(join(run_turn(&host, &id, &settings, turn_of), follower.follow(&host, &id, 97)));
        let effects = host.effects();
        host.kill.set(None);
        host.run(follower.read(&host, &id)).expect("alive");
        finish(&host, &id, &settings, 3);
        host.run(follower.follow(&host, &id, 97)).expect("alive");
        let what = format!("{kill:?} atomic {atomic} pools {pools}");
        assert_eq!(results_file(&host, &id).expect("a file"), follower.seen, "{what}");
        assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)), "{what}");
        (ended(&host, &id), effects)
    };
    for (atomic, pools) in [(true, false), (false, false), (true, true)] {
        let (expected, effects) = run(None, atomic, pools);
        assert_eq!(expected.batch.request_counts.total, 150);
        let within = (25..effects).step_by(if atomic && !pools { 17 } else { 41 });
        for effect in (0..25).chain(within) {
            for done in [false, true] {
                let (end, _) = run(Some(Kill { effect, done }), atomic, pools);
                let what = format!("{effect} {done} {atomic} {pools}");
                assert_eq!(end.batch.request_counts, expected.batch.request_counts, "{what}");
                assert_eq!(end.batch.usage, expected.batch.usage, "{what}");
                assert_eq!(lines_of(end.output.as_ref()).len(), lines_of(expected.output.as_ref()).len());
            }
        }
    }
}

#[test]
fn turns_of_any_length_come_to_the_end_in_the_same_order() {
    let (model, asked) = noting(3);
    let host = asking(1_500, 30, model);
    let id = prefix_batch(&host, json!({}));
    let mut turns = 0;
    loop {
        turns += 1;
        assert!(turns < 2_000, "{:?}", stored_batch(&host, &id));
        let deadline = Some(host.clock.now());
        match turn(&host, &id, &Settings::default(), Turn { deadline, ..Turn::default() }) {
            Some(TurnEnd::Terminal) => break,
            Some(TurnEnd::Suspended { wake_at }) => {
                host.clock.advance(wake_at.saturating_sub(host.clock.now()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(turns > 20, "{turns}");
    each_once(&host, 1_500);
    ended(&host, &id);
    assert!(changes(&asked.borrow(), 30) < 3 * 30);
}

#[test]
fn a_plan_that_is_lost_or_damaged_costs_the_order_and_nothing_else() {
    for damage in [false, true] {
        for when in [0, 40, 250] {
            let host = asking(900, 30, steady(40));
            let id = prefix_batch(&host, json!({}));
            turn(
                &host,
                &id,
                &Settings::default(),
                Turn { deadline: Some(START_MS + when), ..Turn::default() },
            );
            host.kv.borrow_mut().retain(|key, value| {
                let is_plan = key.starts_with("plan:");
                if is_plan && damage {
                    value[3] ^= 1;
                }
                damage || !is_plan
            });
            finish(&host, &id, &Settings::default(), 2);
            ended(&host, &id);
            each_once(&host, 900);
        }
    }
}

#[test]
fn a_lost_checkpoint_asks_nothing_again_that_has_a_result() {
    let host = asking(900, 30, steady(40));
    let id = prefix_batch(&host, json!({}));
    turn(&host, &id, &Settings::default(), Turn { deadline: Some(START_MS + 900), ..Turn::default() });
    assert!(host.calls().len() > 100);
    host.kv.borrow_mut().insert(format!("checkpoint:{id}"), b"{}".to_vec());
    finish(&host, &id, &Settings::default(), 2);
    ended(&host, &id);
    each_once(&host, 900);
}

#[test]
fn what_did_not_run_has_its_line_and_its_reason() {
    for expires in [false, true] {
        let (model, asked) = noting(40);
        let host = asking(900, 30, model);
        let id = prefix_batch(&host, json!({}));
        turn(&host, &id, &Settings::default(), Turn { deadline: Some(START_MS + 700), ..Turn::default() });
        if expires {
            host.clock.advance(86_400_000);
        } else {
            host.run(cancel(&host, &id, &Settings::default())).expect("alive").expect("cancelled");
        }
        host.logging.set(true);
        finish(&host, &id, &Settings::default(), 2);
        let end = ended(&host, &id);
        let (status, code) = match expires {
            true => (BatchStatus::Expired, "batch_expired"),
            false => (BatchStatus::Cancelled, "batch_cancelled"),
        };
        assert_eq!(end.batch.status, status);
        let completed = end.batch.request_counts.completed;
        assert_eq!(completed, asked.borrow().len() as u64);
        assert!(completed > 60 && completed < 700, "{completed}");
        let errors = lines_of(end.error.as_ref());
        assert!(errors.iter().all(|(_, line)| line["error"]["code"] == code));
    }
}

#[test]
fn cancelled_in_the_middle_of_a_turn_each_line_comes_once() {
    let host = asking(900, 30, steady(40));
    let id = prefix_batch(&host, json!({}));
    let settings = Settings::default();
    let owner = sole_owner(&host);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let mut follower = Follower::default();
    let cancels = async {
        edgebatch::Host::sleep(&host, 600).await;
        cancel(&host, &id, &settings).await.expect("cancelled");
    };
    host.run(join(join(run_turn(&host, &id, &settings, turn_of), follower.follow(&host, &id, 97)), cancels))
        .expect("alive")
        .0
        .0
        .expect("ended");
    let end = ended(&host, &id);
    assert_eq!(end.batch.status, BatchStatus::Cancelled);
    assert!(end.batch.request_counts.completed > 60 && end.batch.request_counts.completed < 800);
    assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)));
}

#[test]
fn it_goes_with_identical_requests_budgets_and_batches_that_go_on() {
    let (model, asked) = noting(3);
    let host = ScriptedHost::new(model);
    // Each line twice: the second is the same request.
    let line = |line: u64| {
        question(line.div_ceil(2), line / 2 % 20)
            .replace(&format!("\"r{}\"", line.div_ceil(2)), &format!("\"r{line}\""))
    };
    host.add_file(INPUT, (1..=800).map(line).collect::<String>().into_bytes());
    let id = prefix_batch(&host, json!({"dedupe": true, "budget": {"requests": 150}}));
    finish(&host, &id, &Settings { max_concurrent_requests_per_batch: 4, ..Settings::default() }, 1);
    let first = ended(&host, &id).batch;
    assert_eq!((first.status, asked.borrow().len()), (BatchStatus::Cancelled, 150));
    let next = prefix_batch(&host, json!({"dedupe": true, "continue_from": id, "merge": true}));
    host.kill.set(Some(Kill { effect: 40, done: true }));
    turn(&host, &next, &Settings::default(), Turn::default());
    host.kill.set(None);
    finish(&host, &next, &Settings::default(), 2);
    let end = ended(&host, &next);
    assert_eq!((end.batch.status, end.batch.request_counts.completed), (BatchStatus::Completed, 800));
}

#[test]
fn a_file_of_several_sections_is_sent_section_by_section() {
    let (model, asked) = noting(0);
    let host = ScriptedHost::new(model);
    host.no_latency();
    let text = |line: u64| format!("{:<70}", format!("Beginning {}", line % 10));
    let request = |line: u64| {
        format!(
            "{{\"custom_id\":\"r{line}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
             \"body\":{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}{line}\"}}]}}}}\n",
            text(line)
        )
    };
    let settings = Settings {
        max_concurrent_requests_per_batch: 200,
        limits: edgebatch::Limits { max_requests: 100_000, ..Default::default() },
        ..Settings::default()
    };
    host.add_file(INPUT, (1..=70_000).map(request).collect::<String>().into_bytes());
    let id = created(&host, json!({"order": "prefix"}), &settings).expect("created").id;
    // Killed once in each of them.
    for effect in [40_000, 68_000] {
        host.kill.set(Some(Kill { effect, done: true }));
        turn(&host, &id, &settings, Turn::default());
    }
    host.kill.set(None);
    finish(&host, &id, &settings, 1);
    ended(&host, &id);
    let asked = asked.borrow();
    let changed = changes(&asked, 10);
    assert!(changed < 6 * 10, "{changed}");
    assert!(asked.len() < 70_000 + 1_200, "{}", asked.len());
    assert!(asked[..65_000].iter().all(|&line| line <= 65_536));
}

#[test]
fn a_file_that_changed_gives_lines_that_are_no_requests() {
    let host = asking(300, 10, steady(3));
    let id = prefix_batch(&host, json!({}));
    turn(&host, &id, &Settings::default(), Turn { deadline: Some(START_MS + 20), ..Turn::default() });
    let mut bytes = host.files.borrow()[INPUT].to_vec();
    let at = bytes.iter().rposition(|&byte| byte == b'{').unwrap();
    bytes[at] = b'!';
    host.add_file(INPUT, bytes.clone());
    finish(&host, &id, &Settings::default(), 1);
    let end = ended(&host, &id);
    assert_eq!((end.batch.status, end.batch.request_counts.failed), (BatchStatus::Completed, 1));
    // Shorter than it was, it is lost.
    let host = asking(300, 10, steady(3));
    let id = prefix_batch(&host, json!({}));
    turn(&host, &id, &Settings::default(), Turn { deadline: Some(START_MS + 20), ..Turn::default() });
    bytes.truncate(bytes.len() / 2);
    host.add_file(INPUT, bytes);
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(stored_batch(&host, &id).status, BatchStatus::Failed);
}

#[test]
fn the_setting_holds_where_a_batch_says_nothing_and_what_is_no_order_is_refused_by_name() {
    let host = asking(3, 1, steady(3));
    let prefix = Settings { order: SendOrder::Prefix, ..Settings::default() };
    let shown = |edgebatch: Value, settings: &Settings| {
        serde_json::to_value(created(&host, edgebatch, settings).expect("created")).unwrap()["edgebatch"]
            .clone()
    };
    assert_eq!(shown(json!({}), &prefix), json!({"order": "prefix"}));
    assert_eq!(shown(json!({"order": null}), &Settings::default()), Value::Null);
    assert_eq!(shown(json!({"order": "file"}), &prefix), json!({"order": "file"}));
    for (wrong, code) in [
        (json!("random"), "invalid_value"),
        (json!(""), "invalid_value"),
        (json!(1), "invalid_type"),
        (json!(["prefix"]), "invalid_type"),
    ] {
        let error = created(&host, json!({"order": wrong}), &Settings::default()).expect_err("refused");
        let told = (error.status, error.param.as_deref(), error.code.as_deref());
        assert_eq!(told, (400, Some("edgebatch.order"), Some(code)), "{wrong}");
    }
    let error = created(&host, json!({"order": "random"}), &Settings::default()).expect_err("refused");
    assert!(error.message.contains("file, prefix"), "{}", error.message);
    let wrong = serde_json::from_str::<Settings>(r#"{"order":"random"}"#).expect_err("refused");
    assert!(wrong.to_string().contains("random"), "{wrong}");
}
