//! What the tests of the run share: a scripted host on virtual time, and what every ended batch must look like.

pub(crate) mod clock;
pub(crate) mod follower;
pub(crate) mod host;
pub(crate) mod json;
pub(crate) mod model;
pub(crate) mod moves;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod requests;
pub(crate) mod script;
pub(crate) mod world;

pub(crate) use host::ScriptedHost;
pub(crate) use script::{Injected, Kill, Op};

use edgebatch::{Batch, BatchStatus, CreateParams, Host, Owner, Settings, Turn, TurnEnd, create, run_turn};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// When every virtual day begins, in Unix milliseconds.
pub(crate) const START_MS: u64 = 1_790_000_000_000;
/// The input file of most tests.
pub(crate) const INPUT: &str = "file-input";

/// A file of so many good requests, `r1` and on, one a line.
pub(crate) fn requests(lines: u64) -> Vec<u8> {
    (1..=lines).map(request).collect::<String>().into_bytes()
}

/// Numbers from here on are of lines of requests that nothing is known of any more.
pub(crate) const UNKNOWN: u64 = 1 << 32;

/// One good request, with its line end.
pub(crate) fn request(line: u64) -> String {
    format!(
        "{{\"custom_id\":\"r{line}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
         \"body\":{{\"model\":\"m\",\"messages\":[]}}}}\n"
    )
}

pub(crate) fn params() -> CreateParams {
    CreateParams {
        input_file_id: INPUT.into(),
        endpoint: "/v1/chat/completions".into(),
        completion_window: "24h".into(),
        ..CreateParams::default()
    }
}

/// A host with a file of so many lines, and a batch over it.
pub(crate) fn with_batch(lines: u64, model: model::Model, settings: &Settings) -> (ScriptedHost, String) {
    let host = ScriptedHost::new(model);
    host.add_file(INPUT, requests(lines));
    let id = new_batch(&host, settings);
    (host, id)
}

pub(crate) fn new_batch(host: &ScriptedHost, settings: &Settings) -> String {
    host.run(create(host, params(), settings)).expect("alive").expect("created").id
}

/// One turn in a process of its own, as the only one that runs batches; nothing if it was killed.
pub(crate) fn turn(host: &ScriptedHost, id: &str, settings: &Settings, turn: Turn<'_>) -> Option<TurnEnd> {
    let owner = sole_owner(host);
    let turn = Turn { owner: Some(&owner), ..turn };
    host.run(run_turn(host, id, settings, turn)).ok().map(|end| end.expect("a checkpoint that can be read"))
}

/// An owner that takes over what killed ones left without waiting for their leases.
pub(crate) fn sole_owner(host: &ScriptedHost) -> RefCell<Owner> {
    let settings = Settings { sole_owner: true, ..Settings::default() };
    RefCell::new(Owner::new([host.random(), host.random()], &settings))
}

/// Turns until the batch is terminal, waiting between them as they ask for. How many it took.
///
/// # Panics
/// When that takes more than `most`.
pub(crate) fn finish(host: &ScriptedHost, id: &str, settings: &Settings, most: usize) -> usize {
    for turns in 1..=most {
        match turn(host, id, settings, Turn::default()) {
            Some(TurnEnd::Terminal) => return turns,
            Some(
                TurnEnd::Suspended { wake_at } | TurnEnd::Held { wake_at } | TurnEnd::Faulted { wake_at, .. },
            ) => {
                host.clock.advance(wake_at.saturating_sub(host.clock.now()));
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    panic!("not terminal after {most} turns: {:?}", stored_batch(host, id));
}

/// The batch as it stands in the store.
pub(crate) fn stored_batch(host: &ScriptedHost, id: &str) -> Batch {
    let kv = host.kv.borrow();
    serde_json::from_slice(kv.get(&format!("batch:{id}")).expect("a batch in the store")).expect("a batch")
}

/// How a batch ended, apart from times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) batch: Batch,
    pub(crate) output: Option<Rc<Vec<u8>>>,
    pub(crate) error: Option<Rc<Vec<u8>>>,
}

/// The ended batch and its files, after checking everything that holds for every ended batch.
pub(crate) fn ended(host: &ScriptedHost, id: &str) -> Ended {
    let batch = stored_batch(host, id);
    assert!(batch.status.is_terminal(), "{batch:?}");
    let [output, error] = files(host, &batch);
    let known = files_of_batches(host);
    for id in host.files.borrow().keys() {
        assert!(id.starts_with("file-input") || known.contains(id), "{id} belongs to no one");
    }
    nothing_left(host, id);
    let counts = batch.request_counts;
    assert!(counts.completed + counts.failed <= counts.total, "{counts:?}");
    let lines = [lines_of(output.as_ref()), lines_of(error.as_ref())];
    for lines in &lines {
        assert!(lines.windows(2).all(|pair| pair[0].0 < pair[1].0), "out of order, or twice");
    }
    let completed = lines[0].len() as u64;
    assert_eq!(completed, counts.completed);
    let ran = lines[1].iter().filter(|(_, line)| !never_ran(line)).count() as u64;
    assert_eq!(ran, counts.failed);
    if batch.in_progress_at.is_some() {
        assert_eq!(completed + lines[1].len() as u64, counts.total, "one line for each request");
        let all: BTreeMap<u64, ()> = lines.iter().flatten().map(|(line, _)| (*line, ())).collect();
        assert_eq!(all.len() as u64, counts.total, "no request in both files");
    }
    check_times(&batch);
    Ended { batch, output, error }
}

/// The result files of all batches in the store.
fn files_of_batches(host: &ScriptedHost) -> BTreeSet<String> {
    let kv = host.kv.borrow();
    let batches = kv.iter().filter(|(key, _)| key.starts_with("batch:"));
    let batches = batches.map(|(_, json)| serde_json::from_slice::<Batch>(json).expect("a batch"));
    let own = |batch: Batch| {
        let results = batch.edgebatch.and_then(|own| own.results_file_id);
        [batch.output_file_id, batch.error_file_id, results]
    };
    batches.flat_map(own).flatten().collect()
}

/// What stays of an ended batch is the batch.
pub(crate) fn nothing_left(host: &ScriptedHost, id: &str) {
    for key in host.kv.borrow().keys().filter(|key| key.contains(id)) {
        let stays = ["batch:", "idempotency:", "manifest:"];
        assert!(stays.iter().any(|kind| key.starts_with(kind)), "{key} was left behind");
    }
    assert_eq!(host.open_writers.get(), 0, "every writer is completed or thrown away");
}

/// The bytes of both files of an ended batch.
pub(crate) fn files(host: &ScriptedHost, batch: &Batch) -> [Option<Rc<Vec<u8>>>; 2] {
    [&batch.output_file_id, &batch.error_file_id]
        .map(|id| id.as_ref().map(|id| Rc::clone(&host.files.borrow()[id])))
}

fn never_ran(line: &serde_json::Value) -> bool {
    let code = line["error"]["code"].as_str().unwrap_or_default();
    line["response"].is_null()
        && matches!(
            code,
            "batch_cancelled"
                | "batch_expired"
                | "budget_exceeded"
                | "input_file_unreadable"
                | "results_lost"
        )
}

/// What is stored, without the checksum behind it.
pub(crate) fn unsummed(stored: &[u8]) -> &[u8] {
    let at = stored.iter().rposition(|byte| *byte == b' ').expect("a checksum");
    assert_eq!(stored.len() - at, 17);
    &stored[..at]
}

/// Results in the store, as groups say.
pub(crate) fn stored_results(host: &ScriptedHost) -> usize {
    let heads = |value: &Vec<u8>| {
        let head = value.split(|byte| *byte == b'\n').next().unwrap();
        serde_json::from_slice::<Vec<serde_json::Value>>(unsummed(head)).unwrap().len()
    };
    let kv = host.kv.borrow();
    kv.iter().filter(|(key, _)| key.starts_with("result:")).map(|(_, value)| heads(value)).sum()
}

/// The lines of a result file, by the number in `r17`.
pub(crate) fn lines_of(file: Option<&Rc<Vec<u8>>>) -> Vec<(u64, serde_json::Value)> {
    let Some(file) = file else { return Vec::new() };
    assert!(!file.is_empty(), "an empty file was made");
    assert_eq!(file.last(), Some(&b'\n'));
    let text = std::str::from_utf8(file).expect("UTF-8");
    text.lines()
        .enumerate()
        .map(|(at, line)| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON on every line");
            // Requests that nothing is known of come last, and have no id.
            let number = match line["custom_id"].as_str().expect("a custom_id") {
                "" => UNKNOWN + at as u64,
                id => id[1..].parse().unwrap_or(0),
            };
            (number, line)
        })
        .collect()
}

/// Contract §5: which times a terminal batch carries.
pub(crate) fn check_times(batch: &Batch) {
    let set = [
        batch.in_progress_at,
        batch.finalizing_at,
        batch.completed_at,
        batch.failed_at,
        batch.expired_at,
        batch.cancelling_at,
        batch.cancelled_at,
    ]
    .map(|at| at.is_some());
    let ran = set[0];
    let expected = match batch.status {
        BatchStatus::Completed => [true, true, true, false, false, false, false],
        BatchStatus::Expired => [true, true, false, false, true, false, false],
        BatchStatus::Cancelled => [ran, false, false, false, false, true, true],
        BatchStatus::Failed if ran => [true, set[1], false, true, false, set[5], false],
        BatchStatus::Failed => [false, false, false, true, false, false, false],
        other => panic!("{other:?} is not terminal"),
    };
    assert_eq!(set, expected, "{batch:?}");
    assert_eq!(batch.errors.is_some(), batch.status == BatchStatus::Failed);
    assert_eq!(batch.expires_at, Some(batch.created_at + 86_400));
    if !ran {
        assert_eq!(batch.request_counts, Default::default());
        assert_eq!((&batch.output_file_id, &batch.error_file_id), (&None, &None));
    }
}
