//! `create`, `retrieve` and `cancel`: texts and codes in both dialects, idempotency, and calls that are cut off.

use crate::support::model::steady;
use crate::support::{
    INPUT, Injected, Kill, Op, START_MS, ScriptedHost, ended, finish, new_batch, nothing_left, params,
};
use crate::support::{requests, stored_batch, turn, with_batch};
use edgebatch::{
    ApiError, Batch, BatchStatus, CreateParams, Dialect, FaultKind, Settings, Turn, cancel, create, retrieve,
    run_turn,
};
use futures::future::join;
use serde_json::{Value, json};

fn openai() -> Settings {
    Settings { dialect: Dialect::Openai, ..Settings::default() }
}

fn empty() -> ScriptedHost {
    ScriptedHost::new(steady(5))
}

fn created(host: &ScriptedHost, params: CreateParams, settings: &Settings) -> Result<Batch, ApiError> {
    host.run(create(host, params, settings)).expect("alive")
}

/// `create` with the good parameters and these instead.
fn create_with(changes: Value, settings: &Settings) -> Result<Batch, ApiError> {
    let mut all = json!({
        "input_file_id": INPUT, "endpoint": "/v1/chat/completions", "completion_window": "24h"
    });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    created(&empty(), serde_json::from_value(all).expect("any JSON is taken"), settings)
}

fn keyed(key: &str) -> CreateParams {
    CreateParams { idempotency_key: key.into(), ..params() }
}

fn retrieved(host: &ScriptedHost, id: &str) -> Result<Batch, ApiError> {
    host.run(retrieve(host, id, &Settings::default())).expect("alive")
}

fn cancelled(host: &ScriptedHost, id: &str, settings: &Settings) -> Result<Batch, ApiError> {
    host.run(cancel(host, id, settings)).expect("alive")
}

/// Puts a stored batch into a status, as if its run had come there.
fn set_status(host: &ScriptedHost, id: &str, status: BatchStatus) {
    let batch = Batch { status, ..stored_batch(host, id) };
    host.kv.borrow_mut().insert(format!("batch:{id}"), serde_json::to_vec(&batch).unwrap());
}

#[test]
fn a_new_batch_has_every_key_in_the_order_of_live_objects() {
    let host = empty();
    let metadata = serde_json::from_value(json!({"team": "a"})).unwrap();
    let batch = created(&host, CreateParams { metadata, ..params() }, &Settings::default()).unwrap();
    let second = batch.created_at;
    assert_eq!(
        serde_json::to_string(&batch).unwrap(),
        format!(
            "{{\"id\":\"{}\",\"object\":\"batch\",\"endpoint\":\"/v1/chat/completions\",\"model\":null,\
             \"errors\":null,\"input_file_id\":\"{INPUT}\",\"completion_window\":\"24h\",\
             \"status\":\"validating\",\"output_file_id\":null,\"error_file_id\":null,\
             \"created_at\":{second},\"in_progress_at\":null,\"expires_at\":{},\"finalizing_at\":null,\
             \"completed_at\":null,\"failed_at\":null,\"expired_at\":null,\"cancelling_at\":null,\
             \"cancelled_at\":null,\"request_counts\":{{\"total\":0,\"completed\":0,\"failed\":0}},\
             \"usage\":{{\"input_tokens\":0,\"output_tokens\":0,\"total_tokens\":0,\
             \"input_tokens_details\":{{\"cached_tokens\":0}},\
             \"output_tokens_details\":{{\"reasoning_tokens\":0}}}},\"metadata\":{{\"team\":\"a\"}}}}",
            batch.id,
            second + 86_400
        )
    );
    assert_eq!(retrieved(&host, &batch.id).unwrap(), batch);
}

#[test]
fn ids_begin_with_the_second_in_hex_and_sort_by_creation() {
    let host = empty();
    let mut ids = Vec::new();
    for _ in 0..50 {
        let batch = created(&host, params(), &Settings::default()).unwrap();
        let hex = batch.id.strip_prefix("batch_").unwrap();
        assert!(hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{hex}");
        assert_eq!(u64::from_str_radix(&hex[..8], 16).unwrap(), batch.created_at);
        ids.push(batch.id);
        host.clock.advance(37);
    }
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[test]
fn a_batch_may_take_as_long_as_the_window_it_names_of_those_that_are_set() {
    let settings = Settings {
        completion_windows: ["24h", "1h", "7d"].map(str::to_owned).into(),
        completion_window_seconds: None,
        dialect: Dialect::Openai,
        ..Settings::default()
    };
    for (window, seconds) in [("24h", None), ("1h", Some(3_600)), ("7d", Some(604_800))] {
        let batch = create_with(json!({"completion_window": window}), &settings).expect("created");
        assert_eq!(batch.completion_window, window);
        assert_eq!(batch.expires_at.map(|at| at - batch.created_at), seconds, "{window}");
    }
    let refused = create_with(json!({"completion_window": "2h"}), &settings).expect_err("2h is not set");
    assert_eq!(refused.message, "Invalid value: '2h'. Supported values are: '24h', '1h', and '7d'.");
    for windows in [&[][..], &["24h", "1m"], &["31d"]] {
        let windows = windows.iter().map(|window| (*window).to_owned()).collect();
        let wrong = Settings { completion_windows: windows, ..Settings::default() };
        assert_eq!(wrong.check().expect_err("no such window").param.as_deref(), Some("completionWindows"));
    }
}

#[test]
fn bad_parameters_are_refused_with_the_texts_of_either_dialect() {
    let all = |count: usize| -> Value { (0..count).map(|i| (format!("k{i}"), json!("v"))).collect() };
    let long = |n: usize| "ä".repeat(n);
    let long_key = |n| Value::Object([(long(n), json!("v"))].into_iter().collect());
    // What is sent, the parameter and code, the text of the reference, and OpenAI's where it differs.
    let cases = [
        (json!({"endpoint": "/v1/nope"}), "endpoint", "invalid_value",
            "Invalid endpoint: /v1/nope. Supported values: /v1/chat/completions".to_owned(),
            Some("Invalid value: '/v1/nope'. Supported values are: '/v1/chat/completions'.")),
        (json!({"completion_window": "48h"}), "completion_window", "invalid_value",
            "Invalid completion_window: 48h. Supported values: 24h".to_owned(),
            Some("Invalid value: '48h'. Value must be '24h'.")),
        (json!({"completion_window": ""}), "completion_window", "invalid_value",
            "Invalid completion_window: . Supported values: 24h".to_owned(),
            Some("Invalid value: ''. Value must be '24h'.")),
        (json!({"input_file_id": null}), "input_file_id", "missing_required_parameter",
            "Missing required parameter: 'input_file_id'.".to_owned(), None),
        (json!({"endpoint": null}), "endpoint", "missing_required_parameter",
            "Missing required parameter: 'endpoint'.".to_owned(), None),
        (json!({"completion_window": null}), "completion_window", "missing_required_parameter",
            "Missing required parameter: 'completion_window'.".to_owned(), None),
        (json!({"input_file_id": 7}), "input_file_id", "invalid_type",
            "Invalid type for 'input_file_id': expected a string, but got an integer instead.".to_owned(), None),
        (json!({"metadata": []}), "metadata", "invalid_type",
            "Invalid type for 'metadata': expected an object, but got an array instead.".to_owned(), None),
        (json!({"metadata": {"tags": ["a"]}}), "metadata.tags", "invalid_type",
            "Invalid metadata: metadata.tags should be a valid string".to_owned(),
            Some("Invalid type for 'metadata.tags': expected a string, but got an array instead.")),
        (json!({"metadata": {"n": 1.5}}), "metadata.n", "invalid_type",
            "Invalid metadata: metadata.n should be a valid string".to_owned(),
            Some("Invalid type for 'metadata.n': expected a string, but got a decimal number instead.")),
        (json!({"metadata": {"n": null}}), "metadata.n", "invalid_type",
            "Invalid metadata: metadata.n should be a valid string".to_owned(),
            Some("Invalid type for 'metadata.n': expected a string, but got null instead.")),
        (json!({"metadata": all(17)}), "metadata", "object_above_max_properties",
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got \
             an object with 17 properties instead.".to_owned(), None),
        (json!({"metadata": {"k": long(513)}}), "metadata.k", "string_above_max_length",
            "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a \
             string with length 513 instead.".to_owned(), None),
        (json!({"metadata": long_key(65)}), "metadata", "property_name_above_max_length",
            format!("Invalid property name in 'metadata': '{}' is too long. Expected a string with maximum \
                     length 64, but got a string with length 65 instead.", long(65)), None),
        (json!({"idempotency_key": 1}), "idempotency_key", "invalid_type",
            "Invalid type for 'idempotency_key': expected a string, but got an integer instead.".to_owned(), None),
    ];
    for (changes, param, code, reference, other) in cases {
        let expected = |message: &str| ApiError::invalid_request(message).param(param).code(code);
        assert_eq!(create_with(changes.clone(), &Settings::default()), Err(expected(&reference)));
        assert_eq!(create_with(changes, &openai()), Err(expected(other.unwrap_or(&reference))));
    }
    // Exactly at the limits, in characters and not bytes.
    for good in [all(16), json!({"k": long(512)}), long_key(64), Value::Null, json!({})] {
        create_with(json!({"metadata": good}), &openai()).unwrap();
    }
}

#[test]
fn several_endpoints_are_listed_as_a_sentence_or_a_list() {
    let endpoints = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"].map(str::to_owned).to_vec();
    let both = |settings: Settings| create_with(json!({"endpoint": "/x"}), &settings).unwrap_err().message;
    assert_eq!(
        both(Settings { endpoints: endpoints.clone(), ..openai() }),
        "Invalid value: '/x'. Supported values are: '/v1/chat/completions', '/v1/completions', and \
         '/v1/embeddings'."
    );
    assert_eq!(
        both(Settings { endpoints, ..Settings::default() }),
        "Invalid endpoint: /x. Supported values: /v1/chat/completions, /v1/completions, /v1/embeddings"
    );
}

#[test]
fn ids_nobody_has_are_not_found_in_the_words_of_either_dialect() {
    let host = empty();
    let ask = |id: &str, settings: &Settings| {
        let one = host.run(retrieve(&host, id, settings)).unwrap().unwrap_err();
        assert_eq!(one, cancelled(&host, id, settings).unwrap_err(), "cancel says the same");
        one
    };
    assert_eq!(ask("batch_x", &Settings::default()), ApiError::not_found("Batch 'batch_x' not found"));
    assert_eq!(ask("x", &Settings::default()), ApiError::not_found("Batch 'x' not found"));
    assert_eq!(ask("batch-x", &openai()), ApiError::not_found("No batch found with id 'batch-x'."));
    let message = "Invalid 'batch_id': 'x'. Expected an ID that begins with 'batch'.";
    let refused = ApiError::invalid_request(message).param("batch_id").code("invalid_value");
    assert_eq!(ask("x", &openai()), refused);
    assert!(host.kv.borrow().is_empty(), "asking leaves nothing behind");
}

#[test]
fn metadata_comes_back_in_the_order_given_and_no_order_is_another_batch() {
    let (host, settings) = (empty(), Settings::default());
    let with = |json: &str| {
        let metadata = edgebatch::internal::value::Value::from_json(json.as_bytes()).unwrap();
        created(&host, CreateParams { metadata, ..keyed("k") }, &settings).unwrap()
    };
    let first = with("{\"b\": \"1\", \"a\": \"2\", \"b\": \"3\"}");
    let stored = host.run(retrieve(&host, &first.id, &settings)).expect("alive").unwrap();
    assert!(serde_json::to_string(&stored).unwrap().ends_with("\"metadata\":{\"b\":\"3\",\"a\":\"2\"}}"));
    assert_eq!(with("{\"a\": \"2\", \"b\": \"3\"}"), first);
}

#[test]
fn the_same_idempotency_key_gives_the_same_batch_and_other_parameters_a_conflict() {
    let (host, settings) = (empty(), Settings::default());
    let first = created(&host, keyed("k"), &settings).unwrap();
    host.clock.advance(5_000);
    assert_eq!(created(&host, keyed("k"), &settings).unwrap(), first);
    let conflict = ApiError::conflict(
        "Idempotency key 'k' was previously used with different parameters. Use another key, or send the parameters \
         of the first call.",
    )
    .param("idempotency_key")
    .code("idempotency_key_reused");
    let metadata: edgebatch::Value = serde_json::from_value(json!({"a": "b"})).unwrap();
    let others = [
        CreateParams { input_file_id: "file-other".into(), ..keyed("k") },
        CreateParams { metadata, ..keyed("k") },
    ];
    for other in others {
        assert_eq!(created(&host, other, &settings), Err(conflict.clone()));
    }
    assert_ne!(created(&host, keyed("k2"), &settings).unwrap().id, first.id);
    assert_ne!(created(&host, params(), &settings).unwrap().id, first.id);
    let kept = |prefix: &str| host.kv.borrow().keys().filter(|key| key.starts_with(prefix)).count();
    assert_eq!((kept("batch:"), kept("idempotency:")), (3, 2));
    // However the batch goes on, the key stands for it.
    set_status(&host, &first.id, BatchStatus::Completed);
    let again = created(&host, keyed("k"), &settings).unwrap();
    assert_eq!((again.id, again.status), (first.id, BatchStatus::Completed));
}

#[test]
fn a_create_cut_off_at_any_point_is_completed_by_the_next_call_with_its_key() {
    let settings = Settings::default();
    for atomic in [true, false] {
        for effect in 0..4 {
            for done in [false, true] {
                let host = empty();
                host.atomic.set(atomic);
                host.add_file(INPUT, requests(5));
                host.kill.set(Some(Kill { effect, done }));
                let cut_off = host.run(create(&host, keyed("k"), &settings)).is_err();
                assert_eq!(cut_off, effect < 1 || !atomic);
                host.kill.set(None);
                let batch = created(&host, keyed("k"), &settings).unwrap();
                assert_eq!(retrieved(&host, &batch.id).unwrap(), batch);
                assert_eq!(created(&host, keyed("k"), &settings).unwrap(), batch);
                let runs = host.kv.borrow().keys().filter(|key| key.starts_with("run:")).count();
                assert_eq!(runs, 1, "one call, one batch");
                finish(&host, &batch.id, &settings, 1);
                assert_eq!(ended(&host, &batch.id).batch.request_counts.completed, 5);
            }
        }
    }
}

#[test]
fn a_store_that_fails_never_makes_a_known_key_start_its_batch_over() {
    let (host, settings) = (empty(), Settings::default());
    host.add_file(INPUT, requests(20));
    let batch = created(&host, keyed("k"), &settings).unwrap();
    turn(&host, &batch.id, &settings, Turn { deadline: Some(START_MS + 30), ..Turn::default() });
    let before = host.kv.borrow().clone();
    for fails in ["batch:", "run:", "cancel:", "idempotency:"] {
        host.set_faults(move |_, op| match op {
            Op::Get(key) if key.starts_with(fails) => Injected::Before(FaultKind::Transient),
            _ => Injected::Nothing,
        });
        match created(&host, keyed("k"), &settings) {
            Ok(same) => assert_eq!(same.id, batch.id),
            Err(error) => {
                assert_eq!((error.status, error.kind.as_str()), (500, "server_error"));
                assert_eq!(error.message, "The key-value store failed: injected");
            }
        }
        assert!(*host.kv.borrow() == before, "{fails}: nothing was written");
    }
}

#[test]
fn cancel_answers_by_status() {
    let host = empty();
    for status in [BatchStatus::Validating, BatchStatus::InProgress, BatchStatus::Finalizing] {
        let id = new_batch(&host, &Settings::default());
        set_status(&host, &id, status);
        host.clock.advance(3_000);
        let batch = cancelled(&host, &id, &Settings::default()).unwrap();
        assert_eq!(batch.status, BatchStatus::Cancelling);
        assert!(batch.cancelling_at > Some(batch.created_at) && batch.finalizing_at.is_none());
        assert_eq!(stored_batch(&host, &id).status, status, "only its run writes the batch");
        host.clock.advance(3_000);
        assert_eq!(cancelled(&host, &id, &Settings::default()).unwrap(), batch, "again changes nothing");
        assert_eq!(retrieved(&host, &id).unwrap(), batch, "it shows at once");
    }
    for status in [BatchStatus::Cancelling, BatchStatus::Cancelled] {
        let id = new_batch(&host, &Settings::default());
        set_status(&host, &id, status);
        assert_eq!(cancelled(&host, &id, &Settings::default()).unwrap(), stored_batch(&host, &id));
        assert!(!host.kv.borrow().contains_key(&format!("cancel:{id}")));
    }
    let ends = [
        (BatchStatus::Completed, "completed"),
        (BatchStatus::Failed, "failed"),
        (BatchStatus::Expired, "expired"),
    ];
    for (status, word) in ends {
        let id = new_batch(&host, &Settings::default());
        set_status(&host, &id, status);
        let reference = ApiError::conflict(format!("Cannot cancel batch '{id}' with status '{word}'"));
        let other = ApiError::conflict(format!("Cannot cancel a batch with status '{word}'."));
        assert_eq!(cancelled(&host, &id, &Settings::default()), Err(reference));
        assert_eq!(cancelled(&host, &id, &openai()), Err(other));
        assert!(!host.kv.borrow().contains_key(&format!("cancel:{id}")));
    }
}

#[test]
fn whenever_cancel_comes_the_batch_ends_in_one_way_and_nothing_is_left_behind() {
    let settings = Settings::default();
    let (mut won, mut lost, mut too_late) = (0, 0, 0);
    for after in (0..700).step_by(11) {
        for late in [0, 5, 60] {
            let (host, id) = with_batch(30, steady(60), &settings);
            host.set_faults(move |_, op| match op {
                Op::Set(key) if key.starts_with("cancel:") => Injected::Late(late),
                _ => Injected::Nothing,
            });
            let ask = async {
                host.clock.sleep(after).await;
                cancel(&host, &id, &settings).await
            };
            let (answer, _) = host.run(join(ask, run_turn(&host, &id, &settings, Turn::default()))).unwrap();
            finish(&host, &id, &settings, 2);
            let batch = ended(&host, &id).batch;
            match answer {
                Ok(_) if batch.status == BatchStatus::Cancelled => won += 1,
                // Asked for while the run wrote down its end.
                Ok(answer) => {
                    assert_eq!(answer.status, BatchStatus::Cancelling);
                    assert_eq!(batch.status, BatchStatus::Completed);
                    too_late += 1;
                }
                Err(error) => {
                    assert_eq!((error.status, batch.status), (409, BatchStatus::Completed));
                    lost += 1;
                }
            }
            nothing_left(&host, &id);
        }
    }
    assert!(won > 30 && lost > 30 && too_late < 5, "{won} won, {lost} lost, {too_late} too late");
}
