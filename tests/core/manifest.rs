//! What a batch is told by once it has ended: its files as they are, and the calls that were made, whoever died when.

use crate::support::model::{mixed, steady};
use crate::support::{Ended, INPUT, Kill, ScriptedHost, ended, finish, turn, with_batch};
use edgebatch::{Settings, Turn, cancel, manifest};
use serde_json::{Value, json};

/// Calls in flight at once.
const WINDOW: u64 = 5;

fn settings() -> Settings {
    Settings { max_concurrent_requests_per_batch: WINDOW as u32, ..Settings::default() }
}

fn manifest_of(host: &ScriptedHost, id: &str) -> Value {
    let json = host.run(manifest(host, id, &settings())).expect("alive").expect("a manifest");
    serde_json::from_slice(&json).expect("JSON")
}

fn calls(host: &ScriptedHost) -> u64 {
    host.calls().values().map(|&calls| u64::from(calls)).sum()
}

/// Checks all but the sums, which are compared with those of other runs over the same bytes.
fn check_files(manifest: &Value, input: &[u8], Ended { batch, output, error }: &Ended) {
    assert_eq!(manifest["object"], "batch.manifest");
    assert_eq!(manifest["batch_id"], *batch.id);
    assert_eq!(manifest["status"], batch.status.as_str());
    assert_eq!(manifest["request_counts"], serde_json::to_value(batch.request_counts).expect("JSON"));
    let files = [
        ("input", Some(&batch.input_file_id), Some(input)),
        ("output", batch.output_file_id.as_ref(), output.as_ref().map(|bytes| &bytes[..])),
        ("error", batch.error_file_id.as_ref(), error.as_ref().map(|bytes| &bytes[..])),
    ];
    for (name, id, bytes) in files {
        let told = &manifest[name];
        let (Some(id), Some(bytes)) = (id, bytes) else {
            assert!(told.is_null(), "{name}: {told}");
            continue;
        };
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(
            (&told["file_id"], &told["bytes"], &told["lines"]),
            (&json!(id), &json!(bytes.len()), &json!(lines))
        );
        assert_eq!(told["sha256"].as_str().expect("a sum").len(), 64);
    }
}

#[test]
fn it_tells_of_all_files_and_every_call() {
    let (host, id) = with_batch(700, mixed(), &settings());
    let early = host.run(manifest(&host, &id, &settings())).expect("alive").expect_err("none yet");
    assert_eq!((early.status, early.code.as_deref()), (409, Some("batch_not_ended")));
    finish(&host, &id, &settings(), 1);
    let told = manifest_of(&host, &id);
    let input = host.files.borrow()[INPUT].to_vec();
    check_files(&told, &input, &ended(&host, &id));
    assert_eq!(told["calls"], json!({"made": calls(&host), "lost": 0}));
    let none = host.run(manifest(&host, "batch_none", &settings())).expect("alive").expect_err("no batch");
    assert_eq!(none.status, 404);
    // As an earlier build left it.
    host.kv.borrow_mut().remove(&format!("manifest:{id}"));
    let none = host.run(manifest(&host, &id, &settings())).expect("alive").expect_err("no manifest");
    assert_eq!((none.status, none.code.as_deref()), (404, Some("manifest_missing")));
}

#[test]
fn turns_that_end_by_themselves_lose_no_call() {
    let (host, id) = with_batch(300, steady(40), &settings());
    for _ in 0..200 {
        let deadline = Some(host.clock.now() + 200);
        turn(&host, &id, &settings(), Turn { deadline, ..Turn::default() });
    }
    finish(&host, &id, &settings(), 1);
    assert_eq!(manifest_of(&host, &id)["calls"], json!({"made": calls(&host), "lost": 0}));
    assert_eq!(calls(&host), 300);
}

#[test]
fn killed_anywhere_it_tells_of_the_same_files_and_of_the_calls_that_were_lost() {
    let settings = settings();
    let input = |host: &ScriptedHost| host.files.borrow()[INPUT].to_vec();
    let (host, id) = with_batch(60, mixed(), &settings);
    finish(&host, &id, &settings, 1);
    let undisturbed = manifest_of(&host, &id);
    let mut with_losses = 0;
    for effect in 0..420 {
        for (done, atomic) in [(false, true), (true, false)] {
            let (host, id) = with_batch(60, mixed(), &settings);
            host.atomic.set(atomic);
            host.kill.set(Some(Kill { effect, done }));
            let first = turn(&host, &id, &settings, Turn::default());
            host.kill.set(None);
            finish(&host, &id, &settings, 4);
            let told = manifest_of(&host, &id);
            check_files(&told, &input(&host), &ended(&host, &id));
            assert_eq!(told["input"], undisturbed["input"]);
            let [made, lost] = ["made", "lost"].map(|name| told["calls"][name].as_u64().expect("a number"));
            let really = calls(&host);
            // What is not known of was begun after the last write.
            assert!(made <= really && made + 64 + WINDOW >= really, "{made} of {really} at {effect}");
            assert!(lost <= WINDOW && made >= 60, "{lost} of {made} at {effect}");
            if first.is_some() {
                assert_eq!((made, lost), (really, 0));
            }
            with_losses += u32::from(lost > 0);
        }
    }
    assert!(with_losses > 50, "{with_losses}");
}

#[test]
fn killed_once_the_files_are_written_their_sums_are_the_same() {
    let settings = settings();
    let sums = |host: &ScriptedHost, id: &str| {
        let told = manifest_of(host, id);
        ["input", "output", "error"].map(|name| told[name]["sha256"].clone())
    };
    // Of lines of the same answers, which have the same ids and times.
    let trial = |kill: Option<Kill>| {
        let (host, id) = with_batch(40, steady(10), &settings);
        host.kill.set(kill);
        let alive = turn(&host, &id, &settings, Turn::default()).is_some();
        host.kill.set(None);
        let known = host.kv.borrow().contains_key(&format!("manifest:{id}"));
        let before = (!alive && known).then(|| host.kv.borrow()[&format!("manifest:{id}")].clone());
        finish(&host, &id, &settings, 2);
        let after = host.kv.borrow()[&format!("manifest:{id}")].clone();
        (before.map(|before| before == after), sums(&host, &id), alive)
    };
    let (_, expected, _) = trial(None);
    let mut kept = 0;
    for effect in 0.. {
        let (same, sums, alive) = trial(Some(Kill { effect, done: true }));
        if alive {
            break;
        }
        assert_eq!(sums[0], expected[0]);
        assert_ne!(same, Some(false), "a manifest that was there became another at {effect}");
        kept += u32::from(same == Some(true));
    }
    assert!(kept > 0);
}

#[test]
fn a_batch_of_which_nothing_ran_has_one_too() {
    let settings = settings();
    let (host, id) = with_batch(5, steady(5), &settings);
    host.run(cancel(&host, &id, &settings)).expect("alive").expect("cancelled");
    finish(&host, &id, &settings, 1);
    let told = manifest_of(&host, &id);
    assert_eq!((&told["status"], &told["input"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(told["calls"], json!({"made": 0, "lost": 0}));

    let (host, id) = with_batch(0, steady(5), &settings);
    host.add_file(INPUT, b"{}\nnothing".to_vec());
    finish(&host, &id, &settings, 1);
    let told = manifest_of(&host, &id);
    assert_eq!(
        (&told["status"], &told["output"], &told["error"]),
        (&json!("failed"), &Value::Null, &Value::Null)
    );
    assert_eq!((&told["input"]["bytes"], &told["input"]["lines"]), (&json!(10), &json!(2)));
}
