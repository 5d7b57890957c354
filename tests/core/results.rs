//! The results of a batch, followed while it runs and read after: each line once, in one order, whoever dies when.

use crate::support::follower::{Follower, all, cursor, page, results_file, sorted};
use crate::support::model::{Answers, answer, mixed, steady};
use crate::support::random::Random;
use crate::support::{
    Kill, ScriptedHost, ended, finish, sole_owner, stored_batch, turn, unsummed, with_batch,
};
use edgebatch::{ApiError, BatchStatus, ResultsOrder, Settings, Turn, cancel, run_turn};
use futures::future::join;
use std::cell::RefCell;

#[test]
fn killed_anywhere_whoever_follows_sees_each_line_once_and_the_file_has_them_in_that_order() {
    let settings = Settings::default();
    let (whole, id) = with_batch(60, mixed(), &settings);
    let owner = sole_owner(&whole);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let mut follower = Follower::default();
    let (end, ()) = whole
        .run(join(run_turn(&whole, &id, &settings, turn_of), follower.follow(&whole, &id, 7)))
        .expect("alive");
    end.expect("readable");
    assert_eq!(results_file(&whole, &id).expect("a file"), follower.seen);
    let effects = whole.effects();
    for effect in (0..effects).step_by(3) {
        for (done, atomic) in [(false, true), (true, true), (false, false), (true, false)] {
            let (host, id) = with_batch(60, mixed(), &settings);
            host.atomic.set(atomic);
            let follower = RefCell::new(Follower::default());
            let owner = sole_owner(&host);
            let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
            host.kill.set(Some(Kill { effect, done }));
            let mut first = follower.borrow_mut();
            let _ = host.run(join(run_turn(&host, &id, &settings, turn_of), first.follow(&host, &id, 7)));
            drop(first);
            host.kill.set(None);
            let mut follower = follower.into_inner();
            host.run(follower.read(&host, &id)).expect("alive");
            finish(&host, &id, &settings, 3);
            host.run(follower.follow(&host, &id, 7)).expect("alive");
            assert_eq!(results_file(&host, &id).expect("a file"), follower.seen, "{effect} {done} {atomic}");
            assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)), "{effect} {done} {atomic}");
            ended(&host, &id);
        }
    }
}

/// Whether a record names a group that is there and one that is not.
fn has_half_a_write(host: &ScriptedHost) -> bool {
    let kv = host.kv.borrow();
    kv.iter().filter(|(key, _)| key.starts_with("order:")).any(|(key, record)| {
        let groups: Vec<(u32, u32, u64)> = serde_json::from_slice(unsummed(record)).expect("groups");
        let id = key.split(':').nth(1).expect("an id");
        let there = groups
            .iter()
            .map(|(chunk, group, _)| kv.contains_key(&format!("result:{id}:{chunk:08x}:{group:06x}")));
        let there: Vec<bool> = there.collect();
        there.contains(&true) && there.contains(&false)
    })
}

#[test]
fn killed_between_the_groups_of_one_write_the_order_has_each_line_once() {
    let settings = Settings::default();
    // Two chunks, and requests that are tried again: lines of both come in one write.
    let (whole, id) = with_batch(300, mixed(), &settings);
    finish(&whole, &id, &settings, 1);
    let mut halves = 0;
    for effect in 0..whole.effects() {
        let (host, id) = with_batch(300, mixed(), &settings);
        host.atomic.set(false);
        host.run(page(&host, &id, None, None)).expect("alive").expect("a page");
        host.kill.set(Some(Kill { effect, done: true }));
        if turn(&host, &id, &settings, Turn::default()).is_some() {
            break;
        }
        host.kill.set(None);
        if !has_half_a_write(&host) {
            continue;
        }
        halves += 1;
        let mut follower = Follower::default();
        host.run(follower.read(&host, &id)).expect("alive");
        finish(&host, &id, &settings, 3);
        host.run(follower.follow(&host, &id, 7)).expect("alive");
        assert_eq!(results_file(&host, &id).expect("a file"), follower.seen, "{effect}");
        assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)), "{effect}");
    }
    assert!(halves > 0, "no write was cut in half");
}

#[test]
fn whenever_somebody_begins_to_follow_each_line_is_seen_once() {
    let settings = Settings::default();
    let (host, id) = with_batch(30, steady(5), &settings);
    let start = host.clock.now();
    finish(&host, &id, &settings, 1);
    let took = host.clock.now() - start;
    let mut orders = [0, 0];
    for begins in 0..took + 8 {
        let (host, id) = with_batch(30, steady(5), &settings);
        let mut follower = Follower::default();
        let follow = async {
            host.clock.sleep(begins).await;
            follower.follow(&host, &id, 3).await;
        };
        let owner = sole_owner(&host);
        let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
        host.run(join(run_turn(&host, &id, &settings, turn_of), follow)).expect("alive").0.expect("readable");
        assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)), "{begins}");
        orders[usize::from(follower.after.expect("a cursor").starts_with('f'))] += 1;
        ended(&host, &id);
    }
    assert!(orders.iter().all(|&seen| seen > 3), "both ways were taken: {orders:?}");
}

#[test]
fn nobody_who_follows_costs_no_file_and_the_results_are_read_as_the_files_have_them() {
    let (host, id) = with_batch(60, mixed(), &Settings::default());
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(results_file(&host, &id), None);
    let mut follower = Follower::default();
    host.run(follower.follow(&host, &id, 1)).expect("alive");
    assert_eq!(follower.seen, all(&host, &id));
    ended(&host, &id);
}

#[test]
fn a_cancelled_batch_shows_what_ran_and_what_did_not() {
    let settings = Settings::default();
    let (host, id) = with_batch(300, steady(40), &settings);
    let mut follower = Follower::default();
    let cancelled = async {
        host.clock.sleep(400).await;
        cancel(&host, &id, &settings).await.expect("cancelled");
    };
    let owner = sole_owner(&host);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let both = join(follower.follow(&host, &id, 20), cancelled);
    host.run(join(run_turn(&host, &id, &settings, turn_of), both)).expect("alive").0.expect("readable");
    assert_eq!(stored_batch(&host, &id).status, BatchStatus::Cancelled);
    assert_eq!(results_file(&host, &id).expect("a file"), follower.seen);
    assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)));
    ended(&host, &id);
}

#[test]
fn a_page_has_whole_lines_however_long_and_ends_after_a_mebibyte() {
    let settings = Settings::default();
    let long =
        |line: u64| format!("{{\"text\":\"{}\"}}", "x".repeat(if line == 3 { 3 << 20 } else { 300_000 }));
    let model = Box::new(move |call: &crate::support::model::Call| Answers {
        ms: 5,
        result: Ok(answer(200, call.line, long(call.line))),
    });
    let (host, id) = with_batch(12, model, &settings);
    let mut follower = Follower::default();
    let owner = sole_owner(&host);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    host.run(join(run_turn(&host, &id, &settings, turn_of), follower.follow(&host, &id, 20)))
        .expect("alive")
        .0
        .expect("readable");
    assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)));
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = host.run(page(&host, &id, after.as_deref(), None)).expect("alive").expect("a page");
        pages.push(page.lines.len());
        after = Some(cursor(&page));
        if !page.incomplete {
            break;
        }
    }
    assert_eq!(pages.iter().sum::<usize>(), follower.seen.len());
    assert!(pages.iter().all(|&bytes| bytes <= 1 << 20 || bytes > 3 << 20), "{pages:?}");
}

#[test]
fn what_no_page_ended_with_is_refused_by_name() {
    let settings = Settings::default();
    let (host, id) = with_batch(300, steady(5), &settings);
    let refused = |after: Option<&str>, limit: Option<i64>| -> ApiError {
        host.run(page(&host, &id, after, limit)).expect("alive").expect_err("refused")
    };
    let places = |until: u64| {
        for after in
            ["x", "c", "c-1", "c+1", "c1 ", "c1.5", "12", "c99999999999999999999999", "c1", "c999999"]
        {
            let error = refused(Some(after), None);
            assert_eq!((error.status, error.param.as_deref()), (400, Some("after")), "{after}");
            assert!(error.message.contains(after), "{}", error.message);
        }
        let mut good = 0;
        let mut random = Random(3);
        for _ in 0..40 {
            let after = format!("c{}", random.below(until));
            good += u64::from(host.run(page(&host, &id, Some(&after), None)).expect("alive").is_ok());
        }
        assert!(good < 8, "places in the middle of lines");
    };
    for limit in [0, -1, 10_001] {
        let error = refused(None, Some(limit));
        assert_eq!((error.status, error.param.as_deref()), (400, Some("limit")), "{limit}");
    }
    host.run(page(&host, &id, None, None)).expect("alive").expect("a page");
    host.kill.set(Some(Kill { effect: 150, done: true }));
    assert_eq!(turn(&host, &id, &settings, Turn::default()), None);
    host.kill.set(None);
    let whole = host.run(page(&host, &id, None, None)).expect("alive").expect("a page");
    assert!(whole.lines.len() > 100 && whole.incomplete);
    assert_eq!(refused(Some("f1"), None).status, 400, "it has no files yet");
    places(whole.lines.len() as u64);
    finish(&host, &id, &settings, 2);
    places(whole.lines.len() as u64);
    // Either order is there for good, as each has its files.
    for order in [ResultsOrder::Completion, ResultsOrder::Files] {
        let mut seen = match order {
            ResultsOrder::Completion => results_file(&host, &id).expect("a file"),
            ResultsOrder::Files => all(&host, &id),
        };
        let end = seen.iter().position(|&byte| byte == b'\n').expect("a line") + 1;
        seen.truncate(end);
        let after = Some(format!("{}{end}", order.letter()));
        let mut follower = Follower { after, seen, ..Follower::default() };
        host.run(follower.follow(&host, &id, 1)).expect("alive");
        assert_eq!(sorted(&follower.seen), sorted(&all(&host, &id)));
    }
    let missing = host.run(page(&host, "batch_none", None, None)).expect("alive").expect_err("refused");
    assert_eq!(missing.status, 404);
    let file = stored_batch(&host, &id).edgebatch.expect("own").results_file_id.expect("a file");
    host.files.borrow_mut().remove(&file);
    let gone = refused(None, None);
    assert_eq!((gone.status, gone.code.as_deref()), (404, Some("results_gone")));
}

#[test]
fn where_no_order_was_kept_nothing_is_shown_before_the_end_and_an_old_place_is_refused() {
    let settings = Settings::default();
    let (host, id) = with_batch(300, steady(5), &settings);
    let shown = host.run(page(&host, &id, None, None)).expect("alive").expect("a page");
    assert!(shown.lines.is_empty() && shown.incomplete);
    host.kill.set(Some(Kill { effect: 150, done: true }));
    assert_eq!(turn(&host, &id, &settings, Turn::default()), None);
    host.kill.set(None);
    let shown = host.run(page(&host, &id, None, Some(3))).expect("alive").expect("a page");
    // As an earlier build would have left it.
    host.kv.borrow_mut().retain(|key, _| !key.starts_with("order:"));
    finish(&host, &id, &settings, 2);
    let refused =
        host.run(page(&host, &id, Some(&cursor(&shown)), None)).expect("alive").expect_err("refused");
    assert_eq!((refused.status, refused.code.as_deref()), (409, Some("results_order_lost")));
    let mut follower = Follower::default();
    host.run(follower.follow(&host, &id, 1)).expect("alive");
    assert_eq!(follower.seen, all(&host, &id));
    ended(&host, &id);
}
