//! What is tried again, when, how often, and what stands in the files if nothing helps.

use crate::support::model::{Answers, Model, answer, good, refusal};
use crate::support::{START_MS, ScriptedHost, ended, finish, lines_of, with_batch};
use edgebatch::{Answer, BatchStatus, Fault, FaultKind, RequestCounts, Settings, Turn, TurnEnd, run_turn};
use futures::future::{Either, select};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

type Times = Rc<RefCell<Vec<(u64, u64)>>>;

/// A model that takes 10 ms, and the line and time of every call.
fn recorded(mut answers: impl FnMut(u64, u32) -> Result<Answer, Fault> + 'static) -> (Model, Times) {
    let times = Times::default();
    let seen = Rc::clone(&times);
    let model: Model = Box::new(move |call| {
        seen.borrow_mut().push((call.line, call.now));
        Answers { ms: 10, result: answers(call.line, call.attempt) }
    });
    (model, times)
}

fn calls_of(times: &Times, line: u64) -> Vec<u64> {
    times.borrow().iter().filter(|(of, _)| *of == line).map(|(_, at)| *at).collect()
}

/// Runs a batch to its end and gives output and error lines.
fn results(lines: u64, model: Model, settings: &Settings) -> (ScriptedHost, [Vec<(u64, Value)>; 2]) {
    let (host, id) = with_batch(lines, model, settings);
    finish(&host, &id, settings, 1);
    let ended = ended(&host, &id);
    assert_eq!(ended.batch.status, BatchStatus::Completed);
    (host, [lines_of(ended.output.as_ref()), lines_of(ended.error.as_ref())])
}

#[test]
fn nothing_is_tried_again_before_retry_after_has_passed() {
    for status in [408, 409, 429, 500, 503] {
        for wait in [1, 700, 5_000, 90_000] {
            let (model, times) = recorded(move |line, attempt| match (line, attempt) {
                (2, 1..=3) => Ok(Answer { retry_after_ms: Some(wait), ..refusal(status, line) }),
                _ => Ok(good(line)),
            });
            let (_, [output, _]) = results(5, model, &Settings::default());
            assert_eq!(output.len(), 5);
            let calls = calls_of(&times, 2);
            assert_eq!(calls.len(), 4);
            for pair in calls.windows(2) {
                let pause = pair[1] - pair[0] - 10;
                assert!(pause >= wait, "{status}: {pause} ms instead of {wait}");
                // Nor much later: only the growing pauses of a refused window come on top.
                assert!(pause <= wait + 3_000, "{status}: {pause} ms instead of {wait}");
            }
        }
    }
}

#[test]
fn after_max_attempts_the_last_answer_is_the_result() {
    for max_attempts in [1, 2, 5] {
        let statuses = [500, 501, 409, 408, 507, 500];
        let (model, times) = recorded(move |line, attempt| match line {
            3 => Ok(refusal(statuses[attempt as usize - 1], line)),
            _ => Ok(good(line)),
        });
        let settings = Settings { max_attempts, ..Settings::default() };
        let (_, [output, error]) = results(6, model, &settings);
        assert_eq!(calls_of(&times, 3).len(), max_attempts as usize);
        assert_eq!(output.len(), 5);
        assert_eq!(error.len(), 1);
        assert_eq!(error[0].1["response"]["status_code"], statuses[max_attempts as usize - 1]);
    }
}

#[test]
fn no_attempts_mean_one() {
    let (model, times) = recorded(|line, _| Ok(refusal(500, line)));
    let (_, [_, error]) = results(1, model, &Settings { max_attempts: 0, ..Settings::default() });
    assert_eq!((error.len(), times.borrow().len()), (1, 1));
}

#[test]
fn what_will_not_help_is_not_tried_again() {
    for status in [400, 406, 413, 415, 422, 451] {
        let (model, times) = recorded(move |line, _| Ok(refusal(status, line)));
        let (_, [_, error]) = results(3, model, &Settings::default());
        assert_eq!((error.len(), times.borrow().len()), (3, 3), "{status}");
    }
    let refused = || Fault { kind: FaultKind::Terminal, message: "no such host".to_owned() };
    let (model, times) = recorded(move |_, _| Err(refused()));
    let (_, [_, error]) = results(1, model, &Settings::default());
    assert_eq!(times.borrow().len(), 1);
    let expected =
        json!({"code": "connection_error", "message": "The model could not be reached: no such host"});
    assert_eq!((&error[0].1["response"], &error[0].1["error"]), (&json!(null), &expected));
}

#[test]
fn a_refusal_that_others_do_not_get_is_the_lines_own_and_one_that_all_get_is_not() {
    for status in [302, 401, 402, 403, 404, 405] {
        let (model, times) =
            recorded(move |line, _| Ok(if line == 9 { refusal(status, line) } else { good(line) }));
        let (_, [output, error]) = results(200, model, &Settings::default());
        assert_eq!((output.len(), error.len(), calls_of(&times, 9).len()), (199, 1, 2), "{status}");
        assert_eq!(error[0].1["response"]["status_code"], status);
        // All of them, for ten minutes, from the start and in the middle.
        for from in [0, 150] {
            let model: Model = Box::new(move |call| {
                let refused = (START_MS + from..START_MS + 600_000).contains(&call.now);
                Answers {
                    ms: 10,
                    result: Ok(if refused { refusal(status, call.line) } else { good(call.line) }),
                }
            });
            let (_, [output, _]) = results(500, model, &Settings::default());
            assert_eq!(output.len(), 500, "{status} from {from} on");
        }
    }
}

#[test]
fn a_connection_that_breaks_for_one_line_alone_is_tried_again_and_in_the_end_named() {
    let broken = || Fault { kind: FaultKind::Transient, message: "reset by peer".to_owned() };
    let (mut model, times) = recorded(move |line, _| if line == 1 { Err(broken()) } else { Ok(good(line)) });
    let slow: Model = Box::new(move |call| Answers { ms: 300, ..model(call) });
    let (_, [output, error]) = results(3_000, slow, &Settings::default());
    assert_eq!((output.len(), error.len()), (2_999, 1));
    assert!((5..=9).contains(&calls_of(&times, 1).len()), "{}", calls_of(&times, 1).len());
    let expected =
        json!({"code": "connection_error", "message": "The model could not be reached: reset by peer"});
    assert_eq!(error[0].1["error"], expected);
}

/// Refuses everything for a minute.
fn storm(lines: u64, retry_after_ms: Option<u64>, settings: &Settings) {
    let model: Model = Box::new(move |call| {
        let storms = call.now < START_MS + 60_000;
        let refused = Answer { retry_after_ms, ..refusal(429, call.line) };
        Answers { ms: 30, result: Ok(if storms { refused } else { good(call.line) }) }
    });
    let (host, id) = with_batch(lines, model, settings);
    finish(&host, &id, settings, 1);
    let batch = ended(&host, &id).batch;
    let what =
        format!("Retry-After {retry_after_ms:?}, {} lanes", settings.max_concurrent_requests_per_batch);
    assert_eq!(batch.request_counts, RequestCounts { total: lines, completed: lines, failed: 0 }, "{what}");
    let after = host.clock.now() - START_MS - 60_000;
    // A pause of at most the cap, then the window opens again.
    assert!(after < 120_000, "{after} ms after the storm: {what}");
}

#[test]
fn a_one_minute_storm_of_429_with_retry_after_fails_no_line() {
    for wait in [0, 100, 1_000, 5_000, 20_000, 61_000] {
        for max_concurrent_requests_per_batch in [1, 10, 50] {
            let settings = Settings { max_concurrent_requests_per_batch, ..Settings::default() };
            storm(500, Some(wait), &settings);
        }
    }
}

#[test]
fn a_one_minute_storm_of_429_without_retry_after_fails_no_line() {
    for max_concurrent_requests_per_batch in [1, 10, 50] {
        storm(500, None, &Settings { max_concurrent_requests_per_batch, ..Settings::default() });
    }
}

#[test]
fn a_wait_of_ten_years_costs_ten_minutes_and_no_line() {
    let absurd = 315_360_000_000;
    let told = Rc::new(RefCell::new(Vec::new()));
    let model: Model = Box::new(move |call| {
        let result = match (call.line, call.attempt) {
            (11, 1) => Answer { retry_after_ms: Some(absurd), ..refusal(429, call.line) },
            _ => good(call.line),
        };
        Answers { ms: 10, result: Ok(result) }
    });
    let settings = Settings::default();
    let (host, id) = with_batch(100, model, &settings);
    let watch = async {
        loop {
            told.borrow_mut().extend(crate::support::stored_batch(&host, &id).edgebatch);
            host.clock.sleep(500).await;
        }
    };
    let run = run_turn(&host, &id, &settings, Turn::default());
    let both =
        async { matches!(select(pin!(run), pin!(watch)).await, Either::Left((Ok(TurnEnd::Terminal), _))) };
    assert_eq!(host.run(both), Ok(true));
    let batch = ended(&host, &id).batch;
    assert_eq!((batch.request_counts.completed, batch.edgebatch), (100, None));
    let took = host.clock.now() - START_MS;
    assert!((600_000..640_000).contains(&took), "{took}");
    let last = told.borrow().last().cloned().and_then(|told| told.waiting).expect("a wait");
    assert!(last.until.abs_diff(START_MS / 1_000 + 600) <= 1, "the line that waits alone: {last:?}");
    let told = told.borrow()[0].waiting.clone().expect("a wait");
    assert_eq!(
        (told.reason.as_str(), told.status, told.message.as_str()),
        ("overloaded", Some(429), "no 429")
    );
    // The others look again after a minute, and are answered; the line itself has its ten.
    assert!(told.until.abs_diff(START_MS / 1_000 + 60) <= 1, "{told:?}");
}

#[test]
fn an_upstream_that_hangs_is_given_up_and_tried_again() {
    let times = Times::default();
    let seen = Rc::clone(&times);
    let model: Model = Box::new(move |call| {
        seen.borrow_mut().push((call.line, call.now));
        let hangs = call.line == 3 || (call.line == 5 && call.attempt == 1);
        Answers { ms: if hangs { 86_000_000 } else { 10 }, result: Ok(good(call.line)) }
    });
    let settings = Settings { request_timeout_ms: 2_000, max_attempts: 3, ..Settings::default() };
    let (host, [output, error]) = results(30, model, &settings);
    assert_eq!((output.len(), error.len()), (29, 1));
    assert_eq!((calls_of(&times, 3).len(), calls_of(&times, 5).len()), (3, 2));
    let expected = json!({"code": "request_timeout", "message": "The model did not answer in time."});
    assert_eq!((&error[0].1["response"], &error[0].1["error"]), (&json!(null), &expected));
    assert_eq!(host.in_flight(), 0, "no call was left hanging");
    for pair in calls_of(&times, 3).windows(2) {
        assert!(pair[1] - pair[0] >= 2_000, "given up before its time");
    }
    assert!(host.clock.now() < START_MS + 15_000);
}

#[test]
fn half_an_answer_is_tried_again() {
    let halves = ["{\"half\":", "", "{}{}", "{\"a\":1", "\u{1f}", "not JSON"];
    let (model, times) = recorded(move |line, attempt| match attempt {
        1 => Ok(answer(200, line, halves[line as usize - 1])),
        _ => Ok(good(line)),
    });
    let (_, [output, error]) = results(6, model, &Settings::default());
    assert_eq!((output.len(), error.len(), times.borrow().len()), (6, 0, 12));
}

#[test]
fn an_answer_that_stays_half_is_a_bad_gateways_and_quoted() {
    let (model, times) = recorded(|line, _| Ok(answer(200, line, "{\"half\":")));
    let (_, [output, error]) = results(1, model, &Settings::default());
    assert_eq!((output.len(), error.len(), times.borrow().len()), (0, 1, 5));
    let line = &error[0].1;
    assert_eq!(line["response"]["status_code"], 502);
    let told = "The model answered with status 200 and no JSON object: {\"half\":";
    assert_eq!(line["response"]["body"]["error"]["message"], told);
    assert_eq!(line["error"], json!({"code": "invalid_response", "message": told}));
}

#[test]
fn an_answer_that_came_whole_is_bought_once() {
    let bodies = [
        "\u{feff}{\"a\":\"mended\"}".to_owned(),
        "{\"a\":\"tab\t\"}".to_owned(),
        "{\"a\":\"half \\ud83d\"}".to_owned(),
        "{\"logprob\":-Infinity,\"b\":\"all of it\"}".to_owned(),
        format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)),
    ];
    let sent = bodies.clone();
    let (model, times) = recorded(move |line, _| Ok(answer(200, line, sent[line as usize - 1].clone())));
    let (_, [output, error]) = results(5, model, &Settings::default());
    assert_eq!((output.len(), error.len(), times.borrow().len()), (3, 2, 5));
    for ((_, line), body) in error.iter().zip(&bodies[3..]) {
        assert_eq!(line["response"]["body"]["text"], *body, "kept whole");
        assert_eq!(line["response"]["body"]["error"]["code"], "invalid_response");
    }
}

#[test]
fn a_success_that_names_an_error_is_none() {
    for (body, status, calls) in [
        ("{\"error\":{\"message\":\"m\",\"code\":400}}", 400, 1),
        ("{\"error\":{\"message\":\"m\",\"code\":500}}", 500, 5),
        ("{\"error\":{\"message\":\"m\"}}", 502, 5),
        ("{\"error\":\"overloaded\"}", 502, 5),
        ("[]", 502, 5),
        ("null", 502, 5),
        ("<html>sign in</html>", 502, 5),
        ("", 502, 5),
        ("data: {}\n\n", 502, 5),
    ] {
        let (model, times) = recorded(move |line, _| Ok(answer(200, line, body)));
        let (_, [output, error]) = results(1, model, &Settings::default());
        assert_eq!((output.len(), error.len(), times.borrow().len()), (0, 1, calls), "{body}");
        assert_eq!(error[0].1["response"]["status_code"], status, "{body}");
        assert!(error[0].1["response"]["body"].is_object(), "{body}");
    }
    let (model, _) = recorded(|line, _| Ok(answer(200, line, "{\"error\":null,\"output\":[]}")));
    assert_eq!(results(1, model, &Settings::default()).1[0].len(), 1, "an error that is null is none");
}

#[test]
fn an_answer_too_large_to_keep_is_a_failed_line_and_narrows_nothing() {
    let (model, times) = recorded(|line, _| match line {
        2 => Ok(answer(200, line, vec![b' '; 1_001])),
        3 => Ok(answer(200, line, format!("{{\"a\":\"{}\"}}", "x".repeat(992)))),
        4..=60 => Err(Fault { kind: FaultKind::TooLarge, message: "more than 1000 bytes".to_owned() }),
        _ => Ok(good(line)),
    });
    let mut settings = Settings::default();
    settings.limits.max_response_bytes = 1_000;
    let (host, [output, error]) = results(62, model, &settings);
    assert_eq!((output.len(), error.len()), (4, 58));
    for (_, line) in &error {
        let told =
            json!({"code": "response_too_large", "message": "The model's answer has more than 1000 bytes."});
        assert_eq!(line["error"], told);
    }
    assert_eq!(times.borrow().len(), 62, "it would be as large again");
    assert!(host.clock.now() < START_MS + 1_000);
}
