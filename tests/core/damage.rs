//! Whatever becomes of one stored record, the batch goes on or says plainly what it lost, and no damaged byte is taken
//! for a result.

use crate::dedupe::deduping;
use crate::support::model::{mixed, steady};
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

#[test]
fn a_damaged_record_of_a_batch_that_asks_once_what_is_the_same_is_made_good_or_told() {
    let settings = Settings::default();
    let bodies: Vec<u64> = (0..300).map(|line| line % 140).collect();
    let killed = |effect| {
        let (host, id) = deduping(&bodies, steady(5));
        host.kill.set(Some(Kill { effect, done: true }));
        (turn(&host, &id, &settings, Turn::default()).is_none()).then(|| {
            host.kill.set(None);
            (host, id)
        })
    };
    let (whole, id) = deduping(&bodies, steady(5));
    finish(&whole, &id, &settings, 1);
    let effects = whole.effects();
    let mut random = Random(3);
    let (mut went_on, mut lost) = (0, 0);
    for effect in (1..6).chain([effects / 2]).chain(effects - 16..effects) {
        let keys: Vec<String> = match killed(effect) {
            Some((host, _)) => host.kv.borrow().keys().cloned().collect(),
            None => break,
        };
        if !keys.iter().any(|key| key.starts_with("run:")) {
            break;
        }
        for key in &keys {
            let (host, id) = killed(effect).expect("killed as before");
            damage(&host, key, ALL[random.below(5) as usize], &mut random);
            let _ = host.run(retrieve(&host, &id, &settings)).unwrap();
            finish(&host, &id, &settings, 4);
            let ended = ended(&host, &id);
            let what = format!("{key} after {effect}");
            match ended.batch.status {
                BatchStatus::Completed => {
                    went_on += 1;
                    for (line, says) in all_lines(&ended) {
                        // Its own answer, or that of the first.
                        let answered = says["response"]["body"]["id"].as_str().expect("an answer");
                        let of = [line, (line - 1) % 140 + 1].map(|line| format!("chat-{line}"));
                        assert!(of.iter().any(|id| id == answered), "{what}: {says}");
                    }
                }
                BatchStatus::Failed => {
                    lost += 1;
                    let lost_some =
                        |key: &str| ["result:", "repeat:"].iter().any(|kind| key.starts_with(kind));
                    assert!(lost_some(key), "{what}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(went_on > 60 && lost > 5, "{went_on} and {lost}");
}
