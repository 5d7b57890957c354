//! The lines of the result files, byte for byte, in both dialects; and the tokens they add up to.

use crate::support::model::{Answers, Call, Model, answer, good};
use crate::support::{START_MS, ended, files, finish, turn, with_batch};
use edgebatch::{Answer, Dialect, Fault, FaultKind, Settings, Turn, Usage, cancel, run_turn};
use serde_json::json;

/// A batch of one line with this answer to every try: both files as text, without the line's own id.
fn one(dialect: Dialect, result: &Result<Answer, Fault>) -> [Option<String>; 2] {
    let result = result.clone();
    let model: Model = Box::new(move |_| Answers { ms: 1, result: result.clone() });
    let settings = Settings { dialect, max_attempts: 2, ..Settings::default() };
    let (host, id) = with_batch(1, model, &settings);
    finish(&host, &id, &settings, 1);
    let batch = ended(&host, &id).batch;
    files(&host, &batch).map(|file| file.map(|file| without_id(&file)))
}

/// Each line has an id of its own, of a fixed shape.
fn without_id(file: &[u8]) -> String {
    let line = std::str::from_utf8(file).unwrap();
    let rest = line.strip_prefix("{\"id\":\"batch_req_").unwrap();
    let (id, rest) = rest.split_at(32);
    assert!(id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    rest.strip_prefix("\",").unwrap().to_owned()
}

fn both(result: &Result<Answer, Fault>) -> [[Option<String>; 2]; 2] {
    [one(Dialect::Reference, result), one(Dialect::Openai, result)]
}

#[test]
fn an_answer_stands_in_the_output_as_it_came_on_one_line() {
    let body = " {\"text\": \"a\\nb \u{e4}\",\r\n \"n\": 1.0}\n";
    let expected = "\"custom_id\":\"r1\",\"response\":{\"status_code\":201,\"request_id\":\"req-1\",\"body\":\
                    {\"text\": \"a\\nb \u{e4}\",   \"n\": 1.0}},\"error\":null}\n";
    let line = [Some(expected.to_owned()), None];
    assert_eq!(both(&Ok(answer(201, 1, body))), [line.clone(), line]);
}

#[test]
fn a_refusal_stands_in_the_error_file_and_names_its_error_in_the_reference_dialect() {
    let body = "{\"error\":{\"message\":\"too \\\"long\\\"\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}";
    let open = format!(
        "\"custom_id\":\"r1\",\"response\":{{\"status_code\":400,\"request_id\":\"req-1\",\"body\":{body}}},"
    );
    let reference = format!("{open}\"error\":{{\"code\":\"c\",\"message\":\"too \\\"long\\\"\"}}}}\n");
    let openai = format!("{open}\"error\":null}}\n");
    assert_eq!(both(&Ok(answer(400, 1, body))), [[None, Some(reference)], [None, Some(openai)]]);
}

#[test]
fn an_error_of_no_known_shape_is_named_by_its_status() {
    let named =
        "\"error\":{\"code\":\"request_failed\",\"message\":\"The model answered with status 422.\"}}\n";
    for body in ["{}", "{\"error\":\"no\"}", "{\"error\":{\"code\":4,\"message\":[]}}", "[]"] {
        let [[_, reference], [_, openai]] = both(&Ok(answer(422, 1, body)));
        let reference = reference.unwrap();
        assert!(reference.ends_with(&format!("\"body\":{body}}},{named}")), "{reference}");
        assert!(openai.unwrap().ends_with(&format!("\"body\":{body}}},\"error\":null}}\n")));
    }
}

#[test]
fn text_that_is_no_json_becomes_an_error_object() {
    let expected = "\"body\":{\"error\":{\"message\":\"<html>\\u0000bad \u{fffd}\",\
                    \"type\":\"server_error\",\"param\":null,\"code\":null}}},\"error\":";
    for line in both(&Ok(answer(500, 1, b"<html>\0bad \xff".to_vec()))).map(|[_, error]| error.unwrap()) {
        assert!(line.contains(expected), "{line}");
    }
    let [[_, long], _] = both(&Ok(answer(500, 1, "\u{e4}".repeat(5_000))));
    assert_eq!(long.unwrap().matches('\u{e4}').count(), 1_000, "what is quoted is bounded");
}

#[test]
fn a_model_that_gives_no_request_id_gets_one() {
    let Ok([[Some(line), None], _]) = Ok::<_, ()>(both(&Ok(Answer { request_id: None, ..good(1) }))) else {
        panic!("one line of output")
    };
    let (_, rest) = line.split_once("\"request_id\":\"req_").unwrap();
    assert!(rest[..32].bytes().all(|b| b.is_ascii_hexdigit()) && rest[32..].starts_with("\",\"body\""));
}

#[test]
fn a_request_without_answer_says_why() {
    let fault = |kind| Err(Fault { kind, message: "refused".to_owned() });
    let cases = [
        (fault(FaultKind::Timeout), "request_timeout", "The model did not answer in time."),
        (fault(FaultKind::TooLarge), "response_too_large", "The model's answer has more than 8388608 bytes."),
        (fault(FaultKind::Terminal), "connection_error", "The model could not be reached: refused"),
        (
            Ok(answer(200, 1, format!("{{\"a\":\"{}\"}}", "x".repeat(8 << 20)))),
            "response_too_large",
            "The model's answer has more than 8388608 bytes.",
        ),
    ];
    for (result, code, message) in cases {
        let line = format!(
            "\"custom_id\":\"r1\",\"response\":null,\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}\n"
        );
        assert_eq!(both(&result), [[None, Some(line.clone())], [None, Some(line)]]);
    }
}

#[test]
fn requests_that_never_ran_say_so_in_the_words_of_the_api() {
    let never: fn() -> Model = || Box::new(|_| Answers { ms: u64::from(u32::MAX), result: Ok(good(1)) });
    let settings = Settings { request_timeout_ms: u64::MAX, ..Settings::default() };
    let cases = [
        (
            "batch_cancelled",
            "This request was sent to the model, but the batch was cancelled before its answer came.",
        ),
        (
            "batch_expired",
            "This request was sent to the model, but the completion window expired before its answer came.",
        ),
    ];
    for (code, message) in cases {
        let (host, id) = with_batch(1, never(), &settings);
        if code == "batch_cancelled" {
            let ask = async {
                host.clock.sleep(2_000).await;
                cancel(&host, &id, &settings).await
            };
            let run = run_turn(&host, &id, &settings, Turn::default());
            host.run(futures::future::join(ask, run)).unwrap().0.unwrap();
        } else {
            turn(&host, &id, &settings, Turn::default());
            assert!(host.clock.now() >= START_MS + 86_400_000);
        }
        let batch = ended(&host, &id).batch;
        let [None, Some(error)] = files(&host, &batch) else { panic!("an error file alone") };
        let line = format!(
            "\"custom_id\":\"r1\",\"response\":null,\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}\n"
        );
        assert_eq!(without_id(&error), line);
    }
}

#[test]
fn tokens_add_up_in_the_words_of_both_apis() {
    let reports = [
        json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
               "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 5}}),
        json!({"input_tokens": 10, "output_tokens": 20, "total_tokens": 31,
               "input_tokens_details": {"cached_tokens": 40}, "output_tokens_details": {"reasoning_tokens": 50}}),
        // Embeddings have no output; some servers leave the sum out, or send what is no number.
        json!({"prompt_tokens": 100, "total_tokens": 100}),
        json!({"input_tokens": 1_000, "output_tokens": 2_000}),
        json!({"input_tokens": -1, "output_tokens": "x", "total_tokens": null}),
        json!(null),
        json!("none"),
    ];
    let lines = reports.len() as u64;
    let model: Model = Box::new(move |call: &Call| {
        let body = match reports.get(call.line as usize - 1) {
            Some(usage) => json!({"usage": usage}),
            // Answers that failed, whatever they report, and one without a report.
            None => json!({"usage": {"input_tokens": 7_000_000}, "error": {}}),
        };
        let status = if call.line <= lines { 200 } else { 400 };
        Answers { ms: 1, result: Ok(answer(status, call.line, body.to_string())) }
    });
    let (host, id) = with_batch(lines + 2, model, &Settings::default());
    finish(&host, &id, &Settings::default(), 1);
    let usage: Usage = serde_json::from_value(json!({
        "input_tokens": 1_111, "output_tokens": 2_022, "total_tokens": 3_134,
        "input_tokens_details": {"cached_tokens": 44}, "output_tokens_details": {"reasoning_tokens": 55}
    }))
    .unwrap();
    assert_eq!(ended(&host, &id).batch.usage, usage);
}

#[test]
fn absurd_reports_of_tokens_do_no_harm() {
    let model: Model = Box::new(|call| {
        let body = format!("{{\"usage\":{{\"input_tokens\":{},\"output_tokens\":1e300}}}}", u64::MAX);
        Answers { ms: 1, result: Ok(answer(200, call.line, body)) }
    });
    let (host, id) = with_batch(3, model, &Settings::default());
    finish(&host, &id, &Settings::default(), 1);
    assert_eq!(ended(&host, &id).batch.usage.input_tokens, u64::MAX);
}
