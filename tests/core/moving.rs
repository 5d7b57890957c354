//! A batch that is moved runs on exactly one host, whoever is killed when: no line is asked twice, none is lost.

use crate::support::model::{mixed, steady};
use crate::support::moves::{
    calls, exported, fence_while_it_runs, fenced_in_the_middle, imported, settings, target,
};
use crate::support::random::Random;
use crate::support::{
    INPUT, Kill, ScriptedHost, ended, finish, lines_of, nothing_left, params, requests, sole_owner,
    stored_batch, stored_results, turn, with_batch,
};
use edgebatch::{
    Asked, BatchStatus, CreateParams, Import, Owner, Settings, Turn, TurnEnd, ask, create, fence, pause,
    results, retrieve, run_turn, settle, sweep_imports, take_back,
};
use futures::future::join;
use std::cell::RefCell;

/// The batch has gone from one host to the other, and ends there with every line, each asked once.
fn moved(source: &ScriptedHost, target: &ScriptedHost, id: &str, lines: usize) {
    finish(source, id, &settings(), 2);
    let left = stored_batch(source, id);
    assert_eq!(
        (left.status, &left.output_file_id, &left.error_file_id),
        (BatchStatus::Cancelled, &None, &None)
    );
    assert!(left.edgebatch.is_some_and(|own| own.moved_at.is_some() && own.moving_at.is_none()));
    assert!(!source.kv.borrow().contains_key(&format!("event:{id}")), "the other host tells of its end");
    source.kv.borrow_mut().retain(|key, _| !key.starts_with("imported:"));
    nothing_left(source, id);
    finish(target, id, &settings(), 3);
    target.kv.borrow_mut().retain(|key, _| !key.starts_with("imported:") && !key.starts_with("event:"));
    let end = ended(target, id);
    assert_eq!(
        (end.batch.status, end.batch.request_counts.completed),
        (BatchStatus::Completed, lines as u64)
    );
    assert_eq!(lines_of(end.output.as_ref()).len(), lines);
    let calls = calls([source, target]);
    assert_eq!(calls.len(), lines);
    assert!(calls.values().all(|&made| made == 1), "every line was asked once");
}

#[test]
fn a_running_batch_goes_on_where_it_stopped_on_the_other_host() {
    for (atomic, checks) in [(true, true), (true, false), (false, false)] {
        for (page, piece) in [(usize::MAX, usize::MAX), (1, 7_000)] {
            let (source, id) = with_batch(400, steady(40), &settings());
            let target = target();
            for host in [&source, &target] {
                host.atomic.set(atomic);
                host.checks.set(checks);
                host.page.set(page);
            }
            if checks {
                fence_while_it_runs(&source, &id);
            } else {
                // Its host has seen to it that no turn is under way.
                let deadline = Some(source.clock.now() + 600);
                turn(&source, &id, &settings(), Turn { deadline, ..Turn::default() });
            }
            let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
            assert_eq!(source.run(exported(&source, &id)).unwrap().expect("again"), stream);
            let made: u32 = source.calls().values().sum();
            assert!(made > 50 && made < 400, "{made}");
            let (batch, by) = target.run(imported(&target, &stream, piece)).unwrap().expect("imported");
            assert_eq!((batch.status, batch.request_counts.total), (BatchStatus::InProgress, 400));
            // The source does nothing, whatever its turns are told to do.
            let end = turn(&source, &id, &settings(), Turn::default());
            assert!(matches!(end, Some(TurnEnd::Paused { .. })), "{end:?}");
            for _ in 0..2 {
                source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled");
            }
            moved(&source, &target, &id, 400);
            source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled before");
        }
    }
}

#[test]
fn one_that_waits_or_is_paused_goes_with_its_pause_its_priority_and_its_followers() {
    let source = ScriptedHost::new(steady(5));
    source.add_file(INPUT, requests(20));
    let extension = serde_json::json!({ "priority": 3, "budget": { "requests": 19 } });
    let edgebatch = serde_json::from_value(extension).unwrap();
    let params = CreateParams { edgebatch, ..params() };
    let id = source.run(create(&source, params, &settings())).unwrap().expect("created").id;
    source.run(pause(&source, &id, &settings())).unwrap().expect("paused");
    source.run(results(&source, &id, &Default::default(), &settings())).unwrap().expect("followed");
    let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
    let target = target();
    // Another file has its name there.
    target.add_file(INPUT, b"another".to_vec());
    let (batch, by) = target.run(imported(&target, &stream, 999)).unwrap().expect("imported");
    assert_eq!(batch.input_file_id, "file-input-2");
    source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled");
    let shown = target.run(retrieve(&target, &id, &settings())).unwrap().expect("there");
    let own = shown.edgebatch.expect("an extension");
    assert!(own.paused_at.is_some() && own.moving_at.is_none() && own.priority == 3);
    assert!(
        target.kv.borrow().contains_key("priorities")
            && target.kv.borrow().contains_key(&format!("watch:{id}"))
    );
    turn(&target, &id, &settings(), Turn::default());
    assert_eq!(calls([&source, &target]).len(), 0, "it is paused there");
    target.run(ask(&target, &id, Asked::Resume, &settings())).unwrap().expect("resumed");
    finish(&target, &id, &settings(), 2);
    assert_eq!(stored_batch(&target, &id).request_counts.completed, 19, "its budget holds");
    finish(&source, &id, &settings(), 1);
}

/// Kills a task at every effect, with it done and without, until it has fewer.
fn killed_everywhere(trial: impl Fn(Kill) -> bool) {
    for done in [false, true] {
        let mut effect = 0;
        while trial(Kill { effect, done }) {
            effect += 1;
        }
        assert!(effect > 0, "it has effects");
    }
}

#[test]
fn killed_at_any_point_of_export_import_and_settlement_exactly_one_host_runs_it() {
    // Whether the process was killed by that time.
    let attempt = |host: &ScriptedHost, kill: Kill| host.kill.set(Some(kill));
    for stage in 0..3 {
        killed_everywhere(|kill| {
            let (source, id) = fenced_in_the_middle(160);
            let target = target();
            let mut was_killed = false;
            if stage == 0 {
                // Asked for anew: taken back first.
                source.run(take_back(&source, &id, &settings())).unwrap().expect("taken back");
                attempt(&source, kill);
                was_killed |= source.run(exported(&source, &id)).is_err();
                source.kill.set(None);
                // It belongs to the source until the other host has it: after the lease of the killed one.
                source.clock.advance(100_000);
            }
            let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
            if stage == 1 {
                attempt(&target, kill);
                was_killed |= target.run(imported(&target, &stream, 5_000)).is_err();
                target.kill.set(None);
                let end = turn(&source, &id, &settings(), Turn::default());
                assert!(matches!(end, Some(TurnEnd::Paused { .. })));
            }
            let (_, by) = target.run(imported(&target, &stream, usize::MAX)).unwrap().expect("imported");
            if stage == 2 {
                attempt(&source, kill);
                was_killed |= source.run(settle(&source, &id, &by, &settings())).is_err();
                was_killed |= !was_killed && turn(&source, &id, &settings(), Turn::default()).is_none();
                source.kill.set(None);
            }
            source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled");
            moved(&source, &target, &id, 160);
            was_killed
        });
    }
}

#[test]
fn a_fence_that_is_killed_repeats_calls_without_a_stored_result_alone() {
    killed_everywhere(|kill| {
        let (source, id) = with_batch(60, steady(40), &settings());
        let owner = sole_owner(&source);
        let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
        let moving = async {
            source.clock.sleep(200).await;
            exported(&source, &id).await
        };
        source.kill.set(Some(Kill { effect: kill.effect * 7, ..kill }));
        let was_killed = source.run(join(run_turn(&source, &id, &settings(), turn_of), moving)).is_err();
        source.kill.set(None);
        source.clock.advance(100_000);
        let lost = source.calls().len() - stored_results(&source);
        let target = target();
        let stream = match source.run(exported(&source, &id)).unwrap() {
            Ok(stream) => stream,
            // It was about to end, and does so here.
            Err(error) => {
                assert_eq!(error.code.as_deref(), Some("batch_not_movable"));
                finish(&source, &id, &settings(), 2);
                return was_killed;
            }
        };
        let (_, by) = target.run(imported(&target, &stream, usize::MAX)).unwrap().expect("imported");
        source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled");
        finish(&source, &id, &settings(), 2);
        finish(&target, &id, &settings(), 2);
        let again: u32 = calls([&source, &target]).values().map(|made| made - 1).sum();
        assert!(again as usize <= lost, "{again} calls were made again, and {lost} were lost");
        assert_eq!(stored_batch(&target, &id).request_counts.completed, 60);
        was_killed
    });
}

#[test]
fn a_damaged_stream_is_refused_and_leaves_nothing_behind() {
    let (source, id) = fenced_in_the_middle(400);
    let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
    let mut random = Random(5);
    for at in 0..400 {
        let mut bad = stream.clone();
        let place = random.below(stream.len() as u64) as usize;
        if at % 2 == 0 {
            bad[place] ^= 1 << random.below(8);
        } else {
            bad.truncate(place);
        }
        let target = target();
        let error = target.run(imported(&target, &bad, 10_000)).unwrap().expect_err("refused");
        assert_eq!(error.status, 400, "{error:?}");
        let code = error.code.expect("a code");
        assert!(at % 2 == 0 || ["export_cut_off", "export_damaged"].contains(&&*code), "{code}");
        assert!(target.kv.borrow().is_empty(), "{:?}", target.kv.borrow().keys().next());
        assert!(target.files.borrow().is_empty());
    }
    let target = target();
    for more in [&b"x"[..], &stream] {
        let longer = [&stream, more].concat();
        target.run(imported(&target, &longer, 10_000)).unwrap().expect_err("there is more behind its end");
        assert!(target.kv.borrow().is_empty());
    }
}

#[test]
fn what_an_import_that_was_killed_has_left_is_swept_once_it_is_old() {
    let (source, id) = fenced_in_the_middle(400);
    let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
    let target = target();
    target.kill.set(Some(Kill { effect: 2, done: false }));
    assert!(target.run(imported(&target, &stream, 1_000)).is_err());
    assert!(target.kv.borrow().len() > 1);
    target.run(sweep_imports(&target)).unwrap().expect("swept");
    assert!(target.kv.borrow().len() > 1, "it may still come");
    target.clock.advance(700_000);
    target.run(sweep_imports(&target)).unwrap().expect("swept");
    assert!(target.kv.borrow().is_empty());
}

#[test]
fn a_stream_makes_one_batch_however_often_it_comes_and_never_again_where_it_went() {
    let (source, id) = fenced_in_the_middle(200);
    let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
    let target = target();
    let (first, by) = target.run(imported(&target, &stream, 10_000)).unwrap().expect("imported");
    let again = target.run(imported(&target, &stream, 10_000)).unwrap().expect("imported");
    assert_eq!(again, (first, by.clone()));
    // At its source it is still what it was.
    let refused = source.run(imported(&source, &stream, 10_000)).unwrap().expect_err("refused");
    assert_eq!((refused.status, refused.code.as_deref()), (409, Some("batch_exists")));
    source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled");
    finish(&source, &id, &settings(), 1);
    let (back, _) = source.run(imported(&source, &stream, 10_000)).unwrap().expect("known");
    assert_eq!(back.status, BatchStatus::Cancelled, "what went by it does not come back by it");
    // By a stream of its own it comes back.
    let stream = target.run(exported(&target, &id)).unwrap().expect("exported");
    let (back, by) = source.run(imported(&source, &stream, 10_000)).unwrap().expect("imported");
    assert_eq!((back.status, &*back.input_file_id), (BatchStatus::InProgress, "file-input-2"));
    target.run(settle(&target, &id, &by, &settings())).unwrap().expect("settled");
    moved(&target, &source, &id, 200);
}

#[test]
fn a_batch_on_its_way_is_left_alone_and_goes_on_when_it_is_taken_back() {
    let (host, id) = fenced_in_the_middle(200);
    let shown = host.run(retrieve(&host, &id, &settings())).unwrap().expect("there");
    assert!(shown.edgebatch.is_some_and(|own| own.moving_at.is_some()));
    for asked in [Asked::Pause, Asked::Resume, Asked::Cancel] {
        let refused = host.run(ask(&host, &id, asked, &settings())).unwrap().expect_err("refused");
        assert_eq!((refused.status, refused.code.as_deref()), (409, Some("batch_moving")));
    }
    let stream = host.run(exported(&host, &id)).unwrap().expect("exported");
    let target = target();
    let (_, by) = target.run(imported(&target, &stream, 10_000)).unwrap().expect("imported");
    host.run(take_back(&host, &id, &settings())).unwrap().expect("taken back");
    for _ in 0..2 {
        // An earlier export settles nothing, not even where there is another.
        let refused = host.run(settle(&host, &id, &by, &settings())).unwrap().expect_err("refused");
        assert_eq!((refused.status, refused.code.as_deref()), (409, Some("export_superseded")));
        host.run(exported(&host, &id)).unwrap().expect("exported");
    }
    host.run(take_back(&host, &id, &settings())).unwrap().expect("taken back");
    host.run(take_back(&host, &id, &settings())).unwrap().expect_err("it is not on its way");
    finish(&host, &id, &settings(), 1);
    host.kv.borrow_mut().retain(|key, _| !key.starts_with("event:"));
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 200);
    let refused = host.run(fence(&host, &id, &settings())).unwrap().expect_err("it has ended");
    assert_eq!((refused.status, refused.code.as_deref()), (409, Some("batch_not_movable")));
}

#[test]
fn calls_that_take_long_are_waited_for_by_asking_again() {
    let (host, id) = with_batch(20, steady(30_000), &settings());
    let owner = RefCell::new(Owner::new([1, 2], &settings()));
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let moving = async {
        host.clock.sleep(600).await;
        let refused = fence(&host, &id, &settings()).await.expect_err("in flight");
        assert_eq!((refused.status, refused.code.as_deref()), (409, Some("batch_in_flight")));
        fence(&host, &id, &settings()).await.expect("fenced");
    };
    host.run(join(run_turn(&host, &id, &settings(), turn_of), moving)).expect("alive").0.expect("readable");
    assert_eq!(host.calls().len(), 5, "nothing new started");
    assert_eq!(stored_batch(&host, &id).request_counts.completed, 5);
}

#[test]
fn a_host_refuses_by_name_what_it_cannot_run() {
    let (source, id) = fenced_in_the_middle(200);
    let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
    let few = |limit: fn(&mut Settings)| {
        let mut few = settings();
        limit(&mut few);
        few
    };
    for (settings, param) in [
        (few(|settings| settings.endpoints = vec!["/v1/embeddings".into()]), "endpoint"),
        (few(|settings| settings.limits.max_requests = 199), "input_file_id"),
        (few(|settings| settings.limits.max_file_bytes = 99), "input_file_id"),
    ] {
        let target = target();
        let mut import = Import::default();
        let error = target.run(import.push(&target, &stream, &settings)).unwrap().expect_err("refused");
        assert_eq!(
            (error.code.as_deref(), error.param.as_deref()),
            (Some("batch_not_importable"), Some(param))
        );
        target.run(import.abort(&target)).unwrap().expect("cleared");
        assert!(target.kv.borrow().is_empty());
    }
    let text = String::from_utf8_lossy(&stream).replacen("\"version\":1", "\"version\":2", 1);
    let target = target();
    let error = target.run(imported(&target, text.as_bytes(), 9_000)).unwrap().expect_err("refused");
    assert_eq!(error.code.as_deref(), Some("unsupported_export_version"));
    let error = target.run(imported(&target, b"{}\n", 9_000)).unwrap().expect_err("refused");
    assert_eq!(error.code.as_deref(), Some("invalid_export"));
}

#[test]
fn results_of_every_kind_go_along() {
    let (source, id) = with_batch(300, mixed(), &settings());
    fence_while_it_runs(&source, &id);
    let stream = source.run(exported(&source, &id)).unwrap().expect("exported");
    let target = ScriptedHost::new(mixed());
    let (_, by) = target.run(imported(&target, &stream, 10_000)).unwrap().expect("imported");
    source.run(settle(&source, &id, &by, &settings())).unwrap().expect("settled");
    finish(&source, &id, &settings(), 1);
    finish(&target, &id, &settings(), 3);
    let alone = {
        let (host, id) = with_batch(300, mixed(), &settings());
        finish(&host, &id, &settings(), 3);
        stored_batch(&host, &id).request_counts
    };
    assert_eq!(stored_batch(&target, &id).request_counts, alone);
}
