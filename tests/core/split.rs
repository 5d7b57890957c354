//! A file with the requests of several runs as one batch, where that is asked for.

use crate::support::model::{mixed, steady};
use crate::support::{
    INPUT, Kill, ScriptedHost, ended, finish, lines_of, nothing_left, params, requests, stored_batch, turn,
};
use edgebatch::{
    ApiError, Batch, BatchStatus, CreateParams, InputReader, Limits, RequestLine, Settings, Turn, create,
};
use serde_json::{Value, json};

/// Files of a hundred requests, and three of them where one is split.
fn settings() -> Settings {
    let limits = Limits { max_requests: 100, ..Limits::default() };
    Settings { limits, max_parts: 3, ..Settings::default() }
}

fn created(host: &ScriptedHost, edgebatch: Value, settings: &Settings) -> Result<Batch, ApiError> {
    let edgebatch = serde_json::from_value(edgebatch).expect("any JSON");
    host.run(create(host, CreateParams { edgebatch, ..params() }, settings)).expect("alive")
}

fn splitting(lines: u64) -> (ScriptedHost, String) {
    let host = ScriptedHost::new(mixed());
    host.add_file(INPUT, requests(lines));
    let id = created(&host, json!({"split": true}), &settings()).expect("created").id;
    (host, id)
}

/// Numbers of the lines of both files together, each once.
fn lines(host: &ScriptedHost, id: &str) -> Vec<u64> {
    let end = ended(host, id);
    let files = [&end.output, &end.error].map(|file| lines_of(file.as_ref()));
    for file in &files {
        assert!(file.is_sorted_by_key(|(line, _)| *line), "not in the order of the input");
    }
    let mut lines: Vec<u64> = files.into_iter().flatten().map(|(line, _)| line).collect();
    lines.sort_unstable();
    lines
}

fn parts(batch: &Batch) -> Option<u64> {
    batch.edgebatch.as_ref().and_then(|own| own.parts)
}

#[test]
fn parts_run_as_one_batch_with_one_output_and_one_error_file() {
    for (count, expected) in [(1, 1), (100, 1), (101, 2), (250, 3), (300, 3)] {
        let (host, id) = splitting(count);
        finish(&host, &id, &settings(), 1);
        assert_eq!(lines(&host, &id), (1..=count).collect::<Vec<_>>());
        let batch = stored_batch(&host, &id);
        assert_eq!(batch.status, BatchStatus::Completed);
        assert_eq!((batch.request_counts.total, parts(&batch)), (count, Some(expected)));
        assert_eq!(serde_json::from_value::<Batch>(serde_json::to_value(&batch).unwrap()).unwrap(), batch);
        nothing_left(&host, &id);
    }
}

#[test]
fn a_file_of_more_parts_than_may_be_fails_with_the_limit_of_all_and_one_that_is_not_split_with_its_own() {
    let limit = |split: Value, lines: u64| {
        let host = ScriptedHost::new(steady(3));
        host.add_file(INPUT, requests(lines));
        let id = created(&host, split, &settings()).expect("created").id;
        finish(&host, &id, &settings(), 1);
        let batch = stored_batch(&host, &id);
        assert_eq!((batch.status, parts(&batch)), (BatchStatus::Failed, None));
        assert!(host.calls().is_empty());
        let error = batch.errors.expect("it says why").data.remove(0);
        (error.code, error.message)
    };
    for (split, lines, most) in [(true, 301, "300"), (false, 101, "100")] {
        let (code, message) = limit(json!({"split": split}), lines);
        assert_eq!(code, "too_many_tasks");
        assert!(message.contains(most), "{message}");
    }
    assert_eq!(limit(json!(null), 101), limit(json!({"split": null}), 101));
}

#[test]
fn an_id_of_one_part_may_not_be_used_in_another() {
    let host = ScriptedHost::new(steady(3));
    let mut file = requests(220);
    file.extend(requests(1));
    host.add_file(INPUT, file);
    let id = created(&host, json!({"split": true}), &settings()).expect("created").id;
    finish(&host, &id, &settings(), 1);
    let errors = stored_batch(&host, &id).errors.expect("it failed").data;
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!((error.code.as_str(), error.line), ("duplicate_custom_id", Some(221)));
}

#[test]
fn killed_anywhere_each_line_comes_once() {
    let run = |kill: Option<Kill>| {
        let (host, id) = splitting(230);
        host.kill.set(kill);
        turn(&host, &id, &settings(), Turn::default());
        let effects = host.effects();
        host.kill.set(None);
        finish(&host, &id, &settings(), 3);
        assert_eq!(lines(&host, &id), (1..=230).collect::<Vec<_>>(), "{kill:?}");
        assert_eq!(parts(&stored_batch(&host, &id)), Some(3), "{kill:?}");
        effects
    };
    let effects = run(None);
    for effect in (0..12).chain((12..effects).step_by(9)) {
        for done in [false, true] {
            run(Some(Kill { effect, done }));
        }
    }
}

#[test]
fn a_batch_that_continues_a_split_one_is_split_too() {
    let (host, id) = splitting(250);
    finish(&host, &id, &settings(), 1);
    let failed = stored_batch(&host, &id).request_counts.failed;
    assert!(failed > 0);
    *host.model.borrow_mut() = steady(3);
    let next = created(&host, json!({"continue_from": id, "merge": true}), &settings()).expect("created");
    assert!(next.edgebatch.expect("it continues another").split);
    finish(&host, &next.id, &settings(), 1);
    let batch = stored_batch(&host, &next.id);
    assert_eq!((batch.request_counts.completed, parts(&batch)), (250, Some(3)));
    assert_eq!(lines(&host, &next.id), (1..=250).collect::<Vec<_>>());
}

#[test]
fn a_stored_file_is_checked_as_the_batch_would_that_splits_it() {
    let host = ScriptedHost::new(steady(3));
    host.add_file(INPUT, requests(250));
    let report = |split: bool| {
        let mut reader = InputReader::new(&host, INPUT, "/v1/chat/completions", split, &settings());
        let mut count = 0;
        let errors = host.run(async {
            loop {
                if let Some(report) =
                    reader.next(&host, &mut |_: u64, _: &RequestLine<'_>| count += 1).await.expect("readable")
                {
                    return report.error_count;
                }
            }
        });
        (errors.expect("alive"), count)
    };
    assert_eq!((report(true), report(false)), ((0, 250), (1, 250)));
}

#[test]
fn what_is_no_boolean_is_refused_by_name_and_so_is_a_server_that_splits_nothing() {
    let host = ScriptedHost::new(steady(3));
    host.add_file(INPUT, requests(3));
    for wrong in [json!("yes"), json!(1), json!([]), json!({})] {
        let error = created(&host, json!({"split": wrong}), &settings()).expect_err("refused");
        let told = (error.status, error.param.as_deref(), error.code.as_deref());
        assert_eq!(told, (400, Some("edgebatch.split"), Some("invalid_type")), "{wrong}");
    }
    let never = Settings { max_parts: 1, ..settings() };
    let error = created(&host, json!({"split": true}), &never).expect_err("refused");
    assert_eq!((error.status, error.param.as_deref()), (400, Some("edgebatch.split")));
    let plain = created(&host, json!({"split": false}), &never).expect("created");
    assert_eq!(plain.edgebatch, None);
    assert_eq!(
        Settings { max_parts: 0, ..settings() }.check().expect_err("none").param.as_deref(),
        Some("maxParts")
    );
}
