//! How a run uses its lanes: concurrency, slow models, cancel and expiry.

use crate::support::model::{Answers, Model, good, refusal, steady};
use crate::support::random::Random;
use crate::support::{
    INPUT, START_MS, ScriptedHost, ended, finish, lines_of, new_batch, requests, stored_batch,
};
use crate::support::{turn, with_batch};
use edgebatch::{BatchStatus, RequestCounts, Settings, Turn, TurnEnd, cancel, run_turn, serve};
use futures::future::join;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const DAYS_MS: u64 = 3 * 86_400_000;

fn lanes(max_concurrent_requests_per_batch: u32) -> Settings {
    Settings { max_concurrent_requests_per_batch, ..Settings::default() }
}

/// Lines up to `quick` are answered at once, all others after days.
fn quick_then_never(quick: u64) -> Model {
    Box::new(move |call| Answers {
        ms: if call.line <= quick { 5 } else { DAYS_MS },
        result: if call.line % 5 == 3 { Ok(refusal(400, call.line)) } else { Ok(good(call.line)) },
    })
}

/// A host and a batch of `lines` lines, without a limit on how long an answer may take.
fn patient(lines: u64, model: Model) -> (ScriptedHost, String, Settings) {
    let settings = Settings { request_timeout_ms: u64::MAX, ..Settings::default() };
    let (host, id) = with_batch(lines, model, &settings);
    (host, id, settings)
}

#[test]
fn as_many_requests_as_allowed_are_in_flight_and_never_more() {
    for allowed in [1, 2, 10, 37] {
        let settings = lanes(allowed);
        let mut random = Random(u64::from(allowed));
        let model: Model = Box::new(move |call| {
            // Failures narrow the window for a while; it must come back and stay below the maximum.
            let ms = 20 + random.below(50);
            let result =
                if call.attempt == 1 && call.line == 30 { refusal(429, 30) } else { good(call.line) };
            Answers { ms, result: Ok(result) }
        });
        let (host, id) = with_batch(400, model, &settings);
        finish(&host, &id, &settings, 1);
        assert_eq!(host.most_in_flight.get(), allowed as usize);
        assert_eq!(ended(&host, &id).batch.request_counts.completed, 400);
    }
}

#[test]
fn zero_lanes_mean_one() {
    let settings = lanes(0);
    let (host, id) = with_batch(10, steady(5), &settings);
    finish(&host, &id, &settings, 1);
    assert_eq!(host.most_in_flight.get(), 1);
}

#[test]
fn all_lanes_are_used_until_the_file_ends_whatever_the_chunks() {
    // 1,000 lines of 100 ms on 10 lanes take 10 s; a barrier at each of the four chunks would cost more.
    let settings = Settings::default();
    let (host, id) = with_batch(1_000, steady(100), &settings);
    host.no_latency();
    let began = host.clock.now();
    finish(&host, &id, &settings, 1);
    let took = host.clock.now() - began;
    assert!((10_000..10_700).contains(&took), "{took} ms");
}

#[test]
fn a_slow_request_holds_back_nothing_but_its_own_lane() {
    let settings = Settings::default();
    let (latest, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let seen = (Rc::clone(&latest), Rc::clone(&most));
    let model: Model = Box::new(move |call| {
        seen.0.set(call.now);
        seen.1.set(seen.1.get().max(call.line));
        Answers { ms: if call.line == 1 { 300_000 } else { 20 }, result: Ok(good(call.line)) }
    });
    let (host, id) = with_batch(2_000, model, &settings);
    let watch = async {
        host.clock.sleep(200_000).await;
        (stored_batch(&host, &id).request_counts, host.in_flight())
    };
    let (end, (counts, in_flight)) =
        host.run(join(run_turn(&host, &id, &settings, Turn::default()), watch)).unwrap();
    assert_eq!(end.unwrap(), TurnEnd::Terminal);
    assert_eq!(in_flight, 1);
    assert_eq!(counts, RequestCounts { total: 2_000, completed: 1_999, failed: 0 }, "all but one are stored");
    assert_eq!(most.get(), 2_000);
    // 1,999 requests on nine lanes, 20 ms and host latency each.
    assert!(latest.get() < START_MS + 8_000, "{}", latest.get() - START_MS);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 2_000);
}

#[test]
fn output_stands_in_input_order_however_answers_come() {
    let settings = Settings::default();
    let mut random = Random(3);
    let order = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&order);
    let model: Model = Box::new(move |call| {
        let ms = random.below(2_000);
        seen.borrow_mut().push((call.now + ms, call.line));
        Answers { ms, result: Ok(good(call.line)) }
    });
    let (host, id) = with_batch(900, model, &settings);
    finish(&host, &id, &settings, 1);
    let lines: Vec<u64> =
        lines_of(ended(&host, &id).output.as_ref()).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, (1..=900).collect::<Vec<_>>());
    order.borrow_mut().sort_unstable();
    assert!(!order.borrow().is_sorted_by_key(|(_, line)| *line), "answers came in another order");
}

#[test]
fn as_many_batches_as_allowed_run_and_never_more_the_oldest_first() {
    for allowed in [1, 2, 4] {
        let settings = Settings { max_concurrent_batches: allowed, ..lanes(2) };
        let host = ScriptedHost::new(steady(100));
        host.add_file(INPUT, requests(60));
        let ids: Vec<String> = (0..6)
            .map(|_| {
                host.clock.advance(10);
                new_batch(&host, &settings)
            })
            .collect();
        let most = Cell::new(0);
        let watch = async {
            loop {
                let statuses: Vec<_> = ids.iter().map(|id| stored_batch(&host, id).status).collect();
                let running = statuses
                    .iter()
                    .filter(|status| matches!(status, BatchStatus::InProgress | BatchStatus::Finalizing))
                    .count();
                most.set(most.get().max(running));
                let waits = statuses.iter().position(|status| *status == BatchStatus::Validating);
                let started = statuses.iter().rposition(|status| *status != BatchStatus::Validating);
                if let (Some(waits), Some(started)) = (waits, started) {
                    assert!(waits + allowed as usize > started, "the oldest come first: {statuses:?}");
                }
                if statuses.iter().all(|status| status.is_terminal()) {
                    host.stop.set(true);
                    return;
                }
                host.clock.sleep(10).await;
            }
        };
        host.run(join(serve(&host, &settings), watch)).unwrap();
        assert_eq!(most.get(), allowed as usize);
        assert!(host.most_in_flight.get() <= 2 * allowed as usize);
        assert!(host.most_in_flight.get() > allowed as usize);
        for id in &ids {
            let batch = stored_batch(&host, id);
            assert_eq!((batch.status, batch.request_counts.completed), (BatchStatus::Completed, 60));
        }
        assert_eq!(host.files.borrow().len(), 1 + ids.len(), "one output each, and nothing else");
    }
}

#[test]
fn serve_starts_a_batch_made_while_it_idles_and_stops_when_asked() {
    let settings = Settings::default();
    let host = ScriptedHost::new(steady(10));
    host.add_file(INPUT, requests(20));
    let user = async {
        host.clock.sleep(5_300).await;
        let params = crate::support::params();
        let id = edgebatch::create(&host, params, &settings).await.unwrap().id;
        host.clock.sleep(2_000).await;
        let status = stored_batch(&host, &id).status;
        host.stop.set(true);
        status
    };
    let ((), status) = host.run(join(serve(&host, &settings), user)).unwrap();
    assert_eq!(status, BatchStatus::Completed);
}

#[test]
fn cancel_is_seen_within_a_second_while_every_lane_waits_on_a_slow_model() {
    let (host, id, settings) = patient(500, quick_then_never(20));
    let user = async {
        host.clock.sleep(5_000).await;
        assert_eq!(host.in_flight(), 10, "every lane waits");
        let batch = cancel(&host, &id, &settings).await.unwrap();
        let cancelled = host.clock.now();
        host.clock.sleep(1_000).await;
        assert_ne!(stored_batch(&host, &id).status, BatchStatus::InProgress);
        assert_eq!(host.in_flight(), 0, "calls in flight were given up");
        (batch, cancelled)
    };
    let (end, (seen, at)) = host.run(join(run_turn(&host, &id, &settings, Turn::default()), user)).unwrap();
    assert_eq!(end.unwrap(), TurnEnd::Terminal);
    assert!(host.clock.now() < at + 2_500);
    assert_eq!((seen.status, seen.cancelling_at), (BatchStatus::Cancelling, Some(at / 1_000)));
    let ended = ended(&host, &id);
    assert_eq!(ended.batch.status, BatchStatus::Cancelled);
    assert_eq!(ended.batch.cancelling_at, Some(at / 1_000));
    assert_eq!(ended.batch.request_counts, RequestCounts { total: 500, completed: 16, failed: 4 });
    let errors = lines_of(ended.error.as_ref());
    assert_eq!(errors.len(), 484);
    assert_eq!(errors[0].1["response"]["status_code"], 400, "what had failed is kept as it was");
    for (line, error) in &errors[4..] {
        assert!(*line > 20);
        assert_eq!(error["response"], json!(null));
        let message = match line {
            21..=30 => {
                "This request was sent to the model, but the batch was cancelled before its answer came."
            }
            _ => "This request was not executed because the batch was cancelled.",
        };
        let expected = json!({"code": "batch_cancelled", "message": message});
        assert_eq!(error["error"], expected);
    }
}

#[test]
fn a_batch_cancelled_before_its_first_turn_has_no_files_and_calls_nothing() {
    let settings = Settings::default();
    let (host, id) = with_batch(50, steady(1), &settings);
    host.run(cancel(&host, &id, &settings)).unwrap().unwrap();
    finish(&host, &id, &settings, 1);
    let ended = ended(&host, &id);
    assert_eq!(ended.batch.status, BatchStatus::Cancelled);
    assert!(host.calls().is_empty());
}

#[test]
fn a_cancelled_batch_does_not_wait_for_a_place_among_those_that_run() {
    let settings = Settings { request_timeout_ms: u64::MAX, ..Settings::default() };
    let host = ScriptedHost::new(quick_then_never(5));
    host.add_file(INPUT, requests(20));
    let first = new_batch(&host, &settings);
    host.clock.advance(10);
    let second = new_batch(&host, &settings);
    let user = async {
        host.clock.sleep(3_000).await;
        cancel(&host, &second, &settings).await.unwrap();
        host.clock.sleep(2_500).await;
        let statuses = [&first, &second].map(|id| stored_batch(&host, id).status);
        host.stop.set(true);
        cancel(&host, &first, &settings).await.unwrap();
        statuses
    };
    let ((), statuses) = host.run(join(serve(&host, &settings), user)).unwrap();
    assert_eq!(statuses, [BatchStatus::InProgress, BatchStatus::Cancelled]);
}

#[test]
fn what_did_not_run_before_the_window_closes_is_written_as_expired_and_the_rest_is_kept() {
    let (host, id, settings) = patient(300, quick_then_never(40));
    finish(&host, &id, &settings, 1);
    let ended = ended(&host, &id);
    assert_eq!(ended.batch.status, BatchStatus::Expired);
    assert_eq!(ended.batch.request_counts, RequestCounts { total: 300, completed: 32, failed: 8 });
    let expires_at = ended.batch.expires_at.unwrap();
    let (finalizing, expired) = (ended.batch.finalizing_at.unwrap(), ended.batch.expired_at.unwrap());
    assert!(finalizing >= expires_at && expired <= expires_at + 2, "{:?}", ended.batch);
    assert_eq!(host.in_flight(), 0);
    assert_eq!(lines_of(ended.output.as_ref()).len(), 32);
    let errors = lines_of(ended.error.as_ref());
    for (line, error) in errors.iter().skip(8) {
        assert!(*line > 40);
        let message = match line {
            41..=50 => {
                "This request was sent to the model, but the completion window expired before its answer came."
            }
            _ => "This request could not be executed before the completion window expired.",
        };
        let expected = json!({"code": "batch_expired", "message": message});
        assert_eq!((&error["response"], &error["error"]), (&json!(null), &expected));
    }
}

#[test]
fn a_batch_nobody_ran_in_time_still_ends() {
    let settings = Settings::default();
    let (host, id) = with_batch(30, steady(10), &settings);
    host.clock.advance(2 * 86_400_000);
    finish(&host, &id, &settings, 1);
    let ended = ended(&host, &id);
    assert_eq!(ended.batch.status, BatchStatus::Expired);
    assert_eq!(ended.batch.request_counts, RequestCounts { total: 30, completed: 0, failed: 0 });
    assert_eq!(ended.batch.output_file_id, None);
    assert!(host.calls().is_empty());
}

#[test]
fn a_host_that_wants_to_stop_gets_its_turn_back_and_no_call_is_lost() {
    let settings = Settings::default();
    let (host, id) = with_batch(300, steady(200), &settings);
    let stopper = async {
        host.clock.sleep(1_100).await;
        host.stop.set(true);
        host.clock.now()
    };
    let (end, stopped) = host.run(join(run_turn(&host, &id, &settings, Turn::default()), stopper)).unwrap();
    assert!(matches!(end.unwrap(), TurnEnd::Suspended { .. }));
    assert!(host.clock.now() < stopped + 500, "{} ms", host.clock.now() - stopped);
    host.stop.set(false);
    assert_eq!(turn(&host, &id, &settings, Turn::default()), Some(TurnEnd::Terminal));
    assert!(host.calls().values().all(|calls| *calls == 1));
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 300);
}
