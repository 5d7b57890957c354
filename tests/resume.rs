//! Killed at any point, a batch goes on and ends with the same files.

mod common;

use common::model::mixed;
use common::{Ended, Kill, ScriptedHost, ended, finish, turn, with_batch};
use edgebatch::driver::Turn;
use edgebatch::settings::Settings;
use std::collections::HashSet;

const LINES: u64 = 700;

/// The run nothing happens to: how it ends, and how many effects it has.
fn undisturbed(atomic: bool, settings: &Settings) -> (Ended, usize) {
    let (host, id) = with_batch(LINES, mixed(), settings);
    host.atomic.set(atomic);
    finish(&host, &id, settings, 1);
    let effects = host.effects();
    (ended(&host, &id), effects)
}

/// Physical lines whose results are in the store. Chunks of these tests hold 256 lines each.
fn stored_lines(host: &ScriptedHost) -> HashSet<u64> {
    let kv = host.kv.borrow();
    let groups = kv.iter().filter(|(key, _)| key.starts_with("result:"));
    let mut lines = HashSet::new();
    for (key, value) in groups {
        let chunk = u64::from_str_radix(key.split(':').nth(2).unwrap(), 16).unwrap();
        let head = value.split(|byte| *byte == b'\n').next().unwrap();
        let heads: Vec<serde_json::Value> = serde_json::from_slice(head).unwrap();
        lines.extend(heads.iter().map(|head| chunk * 256 + head[0].as_u64().unwrap() + 1));
    }
    lines
}

/// Kills the run at these effects, one process after the other, then lets it end. Checks what was called again.
fn killed(atomic: bool, kills: &[Kill], settings: &Settings) -> Ended {
    let (host, id) = with_batch(LINES, mixed(), settings);
    host.atomic.set(atomic);
    for kill in kills {
        host.kill.set(Some(*kill));
        if turn(&host, &id, settings, Turn::default()).is_some() {
            break;
        }
        let (stored, calls) = (stored_lines(&host), host.calls());
        host.kill.set(None);
        // What is stored is not called again, whatever comes next.
        *host.model.borrow_mut() = Box::new(move |call| {
            assert!(!stored.contains(&call.line), "line {} was stored and is called again", call.line);
            mixed()(call)
        });
        assert!(calls.values().all(|&calls| calls <= 5 * (1 + kills.len() as u32)));
    }
    host.kill.set(None);
    finish(&host, &id, settings, 3);
    ended(&host, &id)
}

fn same(mut one: Ended, other: &Ended, what: &str) {
    let times = |ended: &Ended| (ended.batch.output_file_id.clone(), ended.batch.error_file_id.clone());
    assert_eq!(times(&one), times(other), "{what}");
    assert!(one.output == other.output, "the output differs: {what}");
    assert!(one.error == other.error, "the errors differ: {what}");
    let b = &other.batch;
    one.batch.id.clone_from(&b.id);
    assert_eq!((one.batch.request_counts, one.batch.usage, one.batch.status), (b.request_counts, b.usage, b.status));
}

#[test]
fn killed_at_any_effect_the_run_ends_with_the_same_files() {
    let settings = Settings::default();
    for atomic in [true, false] {
        let (expected, effects) = undisturbed(atomic, &settings);
        println!("{effects} effects");
        assert!(expected.batch.request_counts.failed > 30 && expected.output.is_some());
        for effect in 0..effects {
            for done in [false, true] {
                let kill = Kill { effect, done };
                same(killed(atomic, &[kill], &settings), &expected, &format!("{kill:?}, atomic: {atomic}"));
            }
        }
    }
}
