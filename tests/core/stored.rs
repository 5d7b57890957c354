//! Stores as each version left them in every phase of a batch, which this version carries on to the right end.
//!
//! They are in `tests/data/stored/v{N}/{phase}.json`, N being the checkpoint's version, each made by the last build before
//! anything stored changed. Once released they stay as they are: a build that cannot read one has lost somebody's batch.
//! Those of a new version, or of a new phase, are made by
//!
//! ```sh
//! cargo test --test core stored::make -- --ignored
//! ```
//!
//! which writes what is not there yet, and never over what is.

#![allow(clippy::disallowed_methods)]

use crate::support::model::{Answers, Model, answer, good, refusal};
use crate::support::{
    INPUT, Kill, START_MS, ScriptedHost, ended, finish, requests, stored_results, turn, unsummed, with_batch,
};
use edgebatch::{
    Answer, BatchStatus, CHECKPOINT_VERSION, RequestCounts, Settings, Turn, TurnEnd, cancel, serve,
};
use futures::future::join;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::hash::Hasher;
use std::path::PathBuf;
use std::rc::Rc;

/// The version this build writes.
const VERSION: u64 = CHECKPOINT_VERSION as u64;

/// What a process left, and how the batch ended when it was carried on.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// When the process ended, in Unix milliseconds.
    now: u64,
    input: String,
    /// Result files that were there already.
    files: BTreeMap<String, String>,
    /// The whole store. All that is stored is UTF-8.
    store: BTreeMap<String, String>,
    end: End,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct End {
    status: BatchStatus,
    counts: RequestCounts,
    output: Option<String>,
    error: Option<String>,
    /// Calls made for each line, besides those before: what was stored costs none, and tries made before count.
    calls: BTreeMap<u64, u32>,
}

fn settings() -> Settings {
    Settings { max_attempts: 5, max_concurrent_requests_per_batch: 10, ..Settings::default() }
}

fn folder(version: u64) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/stored/v{version}"))
}

/// What every line is answered in the end. Stored files hold these answers: they cannot change.
fn answers(line: u64, is_first: bool) -> Answer {
    match line % 20 {
        3 => refusal(400, line),
        7 if is_first => refusal(500, line),
        14 => refusal(500, line),
        // Too large for a group of results.
        9 if line == 109 => answer(200, line, format!("{{\"text\":\"{}\"}}", "x".repeat(66_000))),
        _ => good(line),
    }
}

fn well() -> Model {
    Box::new(|call| Answers {
        ms: 5 + call.line * 37 % 90,
        result: Ok(answers(call.line, call.attempt == 1)),
    })
}

/// Has too much to do after the first lines, of which some failed.
fn throttling() -> Model {
    Box::new(|call| {
        let late = call.now > START_MS + 700;
        let result = if late { refusal(429, call.line) } else { answers(call.line, call.attempt == 1) };
        Answers { ms: 200, result: Ok(result) }
    })
}

/// Some lines are to come back after five minutes.
fn delaying() -> Model {
    Box::new(|call| {
        let result = match call.line {
            line @ (21 | 22) => Answer { retry_after_ms: Some(300_000), ..refusal(500, line) },
            line => answers(line, call.attempt == 1),
        };
        Answers { ms: 20, result: Ok(result) }
    })
}

/// The batch whose store this is.
fn id_of(host: &ScriptedHost) -> String {
    let kv = host.kv.borrow();
    kv.keys().find_map(|key| key.strip_prefix("run:")).expect("a batch that has not ended").to_owned()
}

/// The newest checkpoint in a store.
fn checkpoint(host: &ScriptedHost) -> serde_json::Value {
    let id = id_of(host);
    let kv = host.kv.borrow();
    let stored = kv.get(&format!("checkpoint:{id}")).unwrap_or_else(|| &kv[&format!("run:{id}")]);
    serde_json::from_slice(unsummed(stored)).expect("a checkpoint is JSON")
}

/// Carries a stored batch on to its end. Also the times of the calls.
fn carried_on(stored: &Stored) -> (End, Vec<u64>) {
    let times: Rc<RefCell<Vec<u64>>> = Rc::default();
    let (seen, mut model) = (Rc::clone(&times), well());
    let host = ScriptedHost::new(Box::new(move |call| {
        seen.borrow_mut().push(call.now);
        model(call)
    }));
    host.no_latency();
    host.clock.advance(stored.now - START_MS);
    host.add_file(INPUT, stored.input.clone().into_bytes());
    for (id, content) in &stored.files {
        host.add_file(id, content.clone().into_bytes());
    }
    for (key, value) in &stored.store {
        host.kv.borrow_mut().insert(key.clone(), value.clone().into_bytes());
    }
    let id = id_of(&host);
    finish(&host, &id, &settings(), 20);
    let ended = ended(&host, &id);
    let text = |file: Option<Rc<Vec<u8>>>| file.map(|file| String::from_utf8(file.to_vec()).unwrap());
    let line = |key: &str| key.rsplit(':').next().unwrap().parse().unwrap();
    let end = End {
        status: ended.batch.status,
        counts: ended.batch.request_counts,
        output: text(ended.output),
        error: text(ended.error),
        calls: host.calls().iter().map(|(key, calls)| (line(key), *calls)).collect(),
    };
    let times = times.borrow().clone();
    (end, times)
}

fn read(version: u64, phase: &str) -> Stored {
    let json = fs::read(folder(version).join(format!("{phase}.json"))).expect("a stored batch");
    serde_json::from_slice(&json).expect("a stored batch in JSON")
}

#[test]
fn what_any_version_left_in_any_phase_ends_with_the_same_files_counts_and_calls() {
    for version in 1..=VERSION {
        let mut phases = 0;
        for file in fs::read_dir(folder(version)).expect("stored batches of every version") {
            let path = file.unwrap().path();
            let phase = path.file_stem().unwrap().to_str().unwrap();
            let stored = read(version, phase);
            let (end, times) = carried_on(&stored);
            assert!(end == stored.end, "v{version} {phase}: {end:?}\ninstead of {:?}", stored.end);
            match phase {
                "throttled" => {
                    let at_once = times.iter().filter(|time| **time == times[0]).count();
                    assert!(at_once < 10, "the server's trouble is forgotten: {at_once} calls at once");
                }
                "waiting" => assert!(times[0] > stored.now + 60_000, "a wait is forgotten"),
                _ => {}
            }
            phases += 1;
        }
        assert!(phases >= 7, "v{version} has {phases} phases");
    }
}

#[test]
fn a_checkpoint_of_a_later_version_is_refused_and_left_as_it_is() {
    let stored = read(VERSION, "running");
    let host = ScriptedHost::new(well());
    host.clock.advance(stored.now - START_MS);
    host.add_file(INPUT, stored.input.into_bytes());
    host.kv.borrow_mut().extend(stored.store.into_iter().map(|(key, value)| (key, value.into_bytes())));
    let id = id_of(&host);
    host.kv.borrow_mut().remove(&format!("lease:{id}"));
    let mut later = checkpoint(&host);
    later["version"] = (VERSION + 1).into();
    later["phase"] = serde_json::json!({"resting": {}});
    host.kv.borrow_mut().insert(format!("checkpoint:{id}"), summed(&later));
    let before = host.kv.borrow().clone();

    let stop = async {
        host.clock.sleep(60_000).await;
        host.stop.set(true);
    };
    let settings = settings();
    host.run(join(serve(&host, &settings), stop)).expect("alive");
    let heard = host.heard.borrow();
    let expected =
        format!("the stored checkpoint has version {}; this build reads version {VERSION}", VERSION + 1);
    assert!(heard.iter().any(|(of, why)| of.as_ref() == Some(&id) && why.contains(&expected)), "{heard:?}");
    assert!(host.calls().is_empty(), "nothing is called for it");
    let after: BTreeMap<_, _> =
        host.kv.borrow().clone().into_iter().filter(|(key, _)| !key.starts_with("lease:")).collect();
    assert!(after == before, "what the later build stored is changed");
}

/// JSON as a checkpoint stands in the store: with its checksum.
fn summed(json: &serde_json::Value) -> Vec<u8> {
    let json = json.to_string();
    let mut hasher = SipHasher13::new();
    hasher.write(json.as_bytes());
    format!("{json} {:016x}", hasher.finish128().h1).into_bytes()
}

#[test]
#[ignore = "writes the stored batches that are missing"]
fn make() {
    fs::create_dir_all(folder(VERSION)).unwrap();
    let undisturbed = |lines| carried_on(&kept(&killed(lines, |_| true))).0;
    let phase = |host: &ScriptedHost, name: &str| !checkpoint(host)["phase"][name].is_null();
    let results = |host: &ScriptedHost| host.kv.borrow().keys().any(|key| key.starts_with("result:"));

    let validating = killed(60, |host| host.kv.borrow().keys().any(|key| key.starts_with("lease:")));
    assert_eq!(checkpoint(&validating)["phase"], "validating");
    write("validating", &validating, Some(&undisturbed(60)));

    let half = |host: &ScriptedHost| stored_results(host) >= 300;
    write("running", &killed(600, half), Some(&undisturbed(600)));
    let closed = |host: &ScriptedHost| {
        let run = &checkpoint(host)["phase"]["running"];
        run["next"]["line"].as_u64() > Some(300)
            && run["open"].as_array().is_some_and(|open| !open.is_empty())
    };
    write("last_lines", &killed(600, closed), Some(&undisturbed(600)));

    let throttled = suspended(throttling(), 4_000);
    let run = checkpoint(&throttled)["phase"]["running"].clone();
    let waits = run["waiting"].as_array().unwrap();
    assert!(waits.iter().any(|wait| wait[0] == 14 && wait[2] != 0), "no tries: {run}");
    assert!(run["server"][0].as_u64() < Some(3), "a wide window: {run}");
    write("throttled", &throttled, None);

    let waiting = suspended(delaying(), 120_000);
    let run = checkpoint(&waiting)["phase"]["running"].clone();
    assert_eq!(run["waiting"].as_array().unwrap().len(), 2, "{run}");
    write("waiting", &waiting, None);

    let cancelling = |host: &ScriptedHost| checkpoint(host)["batch"]["status"] == "cancelling";
    let cancelled = |effect| {
        let host = suspended(delaying(), 4_000);
        let id = id_of(&host);
        host.run(cancel(&host, &id, &settings())).unwrap().unwrap();
        kill(&host, &id, effect);
        host
    };
    write("cancelling", &(0..).map(cancelled).find(cancelling).unwrap(), None);

    write("finalizing", &killed(60, |host| phase(host, "finalizing")), Some(&undisturbed(60)));
    let cleaning = |host: &ScriptedHost| checkpoint(host)["phase"] == "cleaning" && results(host);
    write("cleaning", &killed(60, cleaning), None);
}

fn kill(host: &ScriptedHost, id: &str, effect: usize) {
    host.kill.set(Some(Kill { effect, done: true }));
    assert_eq!(turn(host, id, &settings(), Turn::default()), None, "it ended before");
}

/// A run that was killed as soon as its store was so.
fn killed(lines: u64, reached: impl Fn(&ScriptedHost) -> bool) -> ScriptedHost {
    let run = |effect| {
        let (host, id) = with_batch(lines, well(), &settings());
        kill(&host, &id, effect);
        host
    };
    (0..).map(run).find(reached).unwrap()
}

/// A run of 60 lines that ended its turn with lines to come back.
fn suspended(model: Model, after_ms: u64) -> ScriptedHost {
    let (host, id) = with_batch(60, model, &settings());
    let deadline = Some(START_MS + after_ms);
    let end = turn(&host, &id, &settings(), Turn { deadline, ..Turn::default() });
    assert!(matches!(end, Some(TurnEnd::Suspended { .. })), "{end:?}");
    host
}

/// What a process left, its end not known yet.
fn kept(host: &ScriptedHost) -> Stored {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let files = host.files.borrow();
    let lines = files[INPUT].iter().filter(|byte| **byte == b'\n').count() as u64;
    let (status, counts, output, error, calls) =
        (BatchStatus::Validating, RequestCounts::default(), None, None, BTreeMap::new());
    Stored {
        now: host.clock.now(),
        input: text(&requests(lines)),
        files: files
            .iter()
            .filter(|(id, _)| *id != INPUT)
            .map(|(id, file)| (id.clone(), text(file)))
            .collect(),
        store: host.kv.borrow().iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        end: End { status, counts, output, error, calls },
    }
}

/// Writes what a process left and how it ends: as a run that nothing disturbed, where there is one to compare with.
fn write(phase: &str, host: &ScriptedHost, undisturbed: Option<&End>) {
    let mut stored = kept(host);
    stored.end = carried_on(&stored).0;
    if let Some(End { status, counts, output, error, .. }) = undisturbed {
        assert_eq!((&stored.end.status, &stored.end.counts), (status, counts), "{phase}");
        assert!((&stored.end.output, &stored.end.error) == (output, error), "{phase}: other files");
    }
    let path = folder(VERSION).join(format!("{phase}.json"));
    if !path.exists() {
        fs::write(path, serde_json::to_string_pretty(&stored).unwrap() + "\n").unwrap();
    }
}
