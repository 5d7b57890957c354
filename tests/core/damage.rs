//! Whatever becomes of one stored record, the batch goes on or says plainly what it lost, and no damaged byte is taken
//! for a result.

use crate::support::model::mixed;
use crate::support::random::Random;
use crate::support::{Ended, Kill, ScriptedHost, UNKNOWN, ended, finish, lines_of, turn, with_batch};
use edgebatch::{BatchStatus, Settings, Turn, retrieve};
use std::collections::BTreeMap;

/// What may become of a record.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut,
    Emptied,
    Flipped,
    Garbled,
    Deleted,
}

const ALL: [Damage; 5] = [Damage::Cut, Damage::Emptied, Damage::Flipped, Damage::Garbled, Damage::Deleted];

fn damage(host: &ScriptedHost, key: &str, how: Damage, random: &mut Random) {
    let mut kv = host.kv.borrow_mut();
    let Some(value) = kv.get_mut(key) else { return };
    match how {
        Damage::Cut => value.truncate(value.len() / 2),
        Damage::Emptied => value.clear(),
        Damage::Flipped => {
            let at = random.below(value.len() as u64) as usize;
            value[at] ^= 1 << random.below(8);
        }
        Damage::Garbled => value.fill(b'x'),
        Damage::Deleted => drop(kv.remove(key)),
    }
}

/// The lines of a batch's files: number, and everything it says.
fn all_lines(ended: &Ended) -> BTreeMap<u64, serde_json::Value> {
    [&ended.output, &ended.error].into_iter().flat_map(|file| lines_of(file.as_ref())).collect()
}

#[test]
fn a_damaged_record_of_a_running_batch_costs_calls_and_no_result() {
    let settings = Settings::default();
    let (whole, id) = with_batch(600, mixed(), &settings);
    finish(&whole, &id, &settings, 1);
    let expected = all_lines(&ended(&whole, &id));
    let mut random = Random(3);
    let (mut went_on, mut tried) = (0, 0);
    for effect in [0, 3, 60, 250, 600] {
        let killed = || {
            let (host, id) = with_batch(600, mixed(), &settings);
            host.kill.set(Some(Kill { effect, done: true }));
            assert_eq!(turn(&host, &id, &settings, Turn::default()), None);
            (host, id)
        };
        let keys: Vec<String> = killed().0.kv.borrow().keys().cloned().collect();
        for key in &keys {
            for how in ALL {
                let (host, id) = killed();
                damage(&host, key, how, &mut random);
                // Users look, and that is all it takes for a batch to go on whose checkpoint is gone.
                let _ = host.run(retrieve(&host, &id, &settings)).unwrap();
                finish(&host, &id, &settings, 4);
                let ended = ended(&host, &id);
                let lines = all_lines(&ended);
                tried += 1;
                if ended.batch.status == BatchStatus::Completed {
                    went_on += 1;
                    assert!(lines == expected, "{how:?} {key} after {effect}");
                } else {
                    let code = &ended.batch.errors.as_ref().expect("errors").data[0].code;
                    assert_eq!(code, "results_lost", "{how:?} {key} after {effect}");
                    let known = lines.iter().filter(|(line, _)| **line < UNKNOWN);
                    assert!(known.clone().all(|(line, said)| expected[line] == *said), "{how:?} {key}");
                    assert!(known.count() >= 600 - 64);
                }
            }
        }
    }
    assert!(tried > 100 && went_on * 10 > tried * 8, "{went_on} of {tried} went on");
}

#[test]
fn a_result_whose_bytes_were_turned_is_never_handed_out() {
    let settings = Settings::default();
    let mut random = Random(5);
    let (whole, id) = with_batch(200, mixed(), &settings);
    finish(&whole, &id, &settings, 1);
    let expected = all_lines(&ended(&whole, &id));
    let last = whole.answers.borrow().iter().rposition(|is_answer| *is_answer).unwrap();
    for _ in 0..200 {
        let (host, id) = with_batch(200, mixed(), &settings);
        // All answers are stored, the files not begun.
        host.kill.set(Some(Kill { effect: last + 2, done: true }));
        assert_eq!(turn(&host, &id, &settings, Turn::default()), None);
        let stored = |key: &&String| key.starts_with("result:") || key.starts_with("large:");
        let keys: Vec<String> = host.kv.borrow().keys().filter(stored).cloned().collect();
        damage(&host, &keys[random.below(keys.len() as u64) as usize], Damage::Flipped, &mut random);
        finish(&host, &id, &settings, 2);
        let ended = ended(&host, &id);
        for (line, said) in all_lines(&ended).iter().filter(|(line, _)| **line < UNKNOWN) {
            assert_eq!(*said, expected[line]);
        }
        assert_eq!(ended.batch.status, BatchStatus::Failed);
    }
}
