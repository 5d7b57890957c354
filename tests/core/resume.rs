//! Killed at any point, a batch goes on and ends with the same files.

use crate::support::model::{Model, mixed, steady};
use crate::support::random::Random;
use crate::support::{
    Ended, Kill, Op, START_MS, ScriptedHost, check_times, ended, files, finish, nothing_left,
};
use crate::support::{stored_batch, turn, unsummed, with_batch};
use edgebatch::{BatchStatus, Settings, Turn, TurnEnd, cancel};
use std::collections::HashSet;

/// A run that is disturbed in every way, and how it goes when it is not.
struct Trial {
    lines: u64,
    model: fn() -> Model,
    atomic: bool,
    settings: Settings,
    /// Done to the host before the first turn.
    prepare: fn(&ScriptedHost, &str),
}

impl Trial {
    fn new(lines: u64, model: fn() -> Model, atomic: bool) -> Self {
        Self { lines, model, atomic, settings: Settings::default(), prepare: |_, _| {} }
    }

    fn begin(&self) -> (ScriptedHost, String) {
        let (host, id) = with_batch(self.lines, (self.model)(), &self.settings);
        host.atomic.set(self.atomic);
        (self.prepare)(&host, &id);
        (host, id)
    }

    /// How it ends, and of each effect whether it is an answer of the model.
    fn undisturbed(&self) -> (Ended, Vec<bool>) {
        let (host, id) = self.begin();
        finish(&host, &id, &self.settings, 1);
        let answers = host.answers.borrow().clone();
        (ended(&host, &id), answers)
    }

    /// Kills the run at these effects, one process after the other, then lets it end as it should.
    fn killed(&self, kills: &[Kill], expected: &Ended) {
        let (host, id) = self.begin();
        for kill in kills {
            host.kill.set(Some(*kill));
            if turn(&host, &id, &self.settings, Turn::default()).is_some() {
                break;
            }
            self.call_again_only_what_is_not_stored(&host);
        }
        host.kill.set(None);
        finish(&host, &id, &self.settings, 3);
        self.same(&host, &id, expected, &format!("{kills:?}, atomic: {}", self.atomic));
    }

    fn call_again_only_what_is_not_stored(&self, host: &ScriptedHost) {
        let (stored, mut model) = (stored_lines(host), (self.model)());
        *host.model.borrow_mut() = Box::new(move |call| {
            assert!(!stored.contains(&call.line), "line {} was stored and is called again", call.line);
            model(call)
        });
    }

    fn same(&self, host: &ScriptedHost, id: &str, expected: &Ended, what: &str) {
        nothing_left(host, id);
        let (batch, wanted) = (stored_batch(host, id), &expected.batch);
        assert_eq!(batch.status, wanted.status, "{what}");
        assert_eq!((batch.request_counts, batch.usage), (wanted.request_counts, wanted.usage), "{what}");
        let [output, error] = files(host, &batch);
        assert!(output == expected.output, "the output differs: {what}");
        assert!(error == expected.error, "the errors differ: {what}");
        check_times(&batch);
    }

    /// Kills at every effect, with it done and without; of the model's answers, at every `nth`.
    fn kill_everywhere(&self, nth: usize) -> usize {
        let (expected, answers) = self.undisturbed();
        let mut tried = 0;
        for (effect, is_answer) in answers.into_iter().enumerate() {
            for done in [false, true] {
                if !is_answer || effect % nth == 0 {
                    self.killed(&[Kill { effect, done }], &expected);
                    tried += 1;
                }
            }
        }
        tried
    }
}

/// Physical lines whose results are in the store. Chunks of these tests hold 256 lines each.
fn stored_lines(host: &ScriptedHost) -> HashSet<u64> {
    let kv = host.kv.borrow();
    let groups = kv.iter().filter(|(key, _)| key.starts_with("result:"));
    let mut lines = HashSet::new();
    for (key, value) in groups {
        let chunk = u64::from_str_radix(key.split(':').nth(2).unwrap(), 16).unwrap();
        let head = value.split(|byte| *byte == b'\n').next().unwrap();
        let heads: Vec<serde_json::Value> = serde_json::from_slice(unsummed(head)).unwrap();
        lines.extend(heads.iter().map(|head| chunk * 256 + head[0].as_u64().unwrap() + 1));
    }
    lines
}

#[test]
fn killed_at_any_effect_the_run_ends_with_the_same_files() {
    let trial = Trial::new(700, mixed, true);
    let (expected, _) = trial.undisturbed();
    let counts = expected.batch.request_counts;
    assert!(counts.failed > 30 && counts.completed > 600, "{counts:?}");
    println!("{} kills", trial.kill_everywhere(3));
}

#[test]
fn killed_between_any_two_writes_of_a_store_without_transactions_the_run_ends_with_the_same_files() {
    println!("{} kills", Trial::new(700, mixed, false).kill_everywhere(20));
}

#[test]
fn killed_twice_the_run_ends_with_the_same_files() {
    for atomic in [true, false] {
        let trial = Trial::new(300, mixed, atomic);
        let (expected, answers) = trial.undisturbed();
        let mut random = Random(11);
        for _ in 0..300 {
            let mut kill =
                || Kill { effect: random.below(answers.len() as u64) as usize, done: random.below(2) == 0 };
            trial.killed(&[kill(), kill()], &expected);
        }
    }
}

#[test]
fn killed_near_its_end_again_and_again_the_run_ends_with_the_same_files() {
    for atomic in [true, false] {
        let trial = Trial::new(300, mixed, atomic);
        let (expected, answers) = trial.undisturbed();
        // What follows the last answer: the last groups, finalizing, both files, cleaning.
        let last = answers.iter().rposition(|is_answer| *is_answer).unwrap();
        for first in last..answers.len() {
            for second in (first % 7..answers.len() - last).step_by(7) {
                for done in [false, true] {
                    let kills = [
                        Kill { effect: first, done },
                        Kill { effect: second, done },
                        Kill { effect: second, done },
                    ];
                    trial.killed(&kills, &expected);
                }
            }
        }
    }
}

#[test]
fn killed_while_validating_the_batch_is_validated_again() {
    for atomic in [true, false] {
        let mut trial = Trial::new(40, || steady(5), atomic);
        trial.kill_everywhere(1);
        // A file that is refused.
        trial.prepare = |host, _| host.add_file(crate::support::INPUT, b"{\"custom_id\":\n".to_vec());
        let (expected, _) = trial.undisturbed();
        assert_eq!(expected.batch.status, BatchStatus::Failed);
        trial.kill_everywhere(1);
    }
}

#[test]
fn killed_while_expiring_the_batch_still_expires() {
    let day_later = |host: &ScriptedHost, id: &str| {
        // A first turn does some lines, then nothing happens until just before the end.
        let deadline = Some(START_MS + 1_000);
        assert!(matches!(
            turn(host, id, &Settings::default(), Turn { deadline, ..Turn::default() }),
            Some(TurnEnd::Suspended { .. })
        ));
        host.clock.advance(START_MS + 86_399_500 - host.clock.now());
    };
    for atomic in [true, false] {
        let trial = Trial { prepare: day_later, ..Trial::new(600, || steady(100), atomic) };
        let (host, id) = trial.begin();
        finish(&host, &id, &trial.settings, 1);
        let expired = ended(&host, &id);
        assert_eq!(expired.batch.status, BatchStatus::Expired);
        let counts = expired.batch.request_counts;
        assert!(counts.completed > 100 && counts.completed < 200 && counts.failed == 0, "{counts:?}");
        let effects = host.effects();
        for effect in (0..effects).step_by(3) {
            for done in [false, true] {
                let (host, id) = trial.begin();
                host.kill.set(Some(Kill { effect, done }));
                turn(&host, &id, &trial.settings, Turn::default());
                host.kill.set(None);
                trial.call_again_only_what_is_not_stored(&host);
                finish(&host, &id, &trial.settings, 3);
                let batch = ended(&host, &id).batch;
                assert_eq!(batch.status, BatchStatus::Expired, "{effect}");
            }
        }
    }
}

#[test]
fn killed_while_cancelling_the_batch_is_still_cancelled_and_calls_nothing_any_more() {
    for atomic in [true, false] {
        let settings = Settings::default();
        let mut effect = 0;
        loop {
            for done in [false, true] {
                let (host, id) = with_batch(600, steady(50), &settings);
                host.atomic.set(atomic);
                let deadline = Some(START_MS + 1_000);
                turn(&host, &id, &settings, Turn { deadline, ..Turn::default() });
                host.run(cancel(&host, &id, &settings)).unwrap().unwrap();
                let calls = host.calls();
                host.kill.set(Some(Kill { effect, done }));
                let end = turn(&host, &id, &settings, Turn::default());
                host.kill.set(None);
                finish(&host, &id, &settings, 3);
                let ended = ended(&host, &id);
                assert_eq!(ended.batch.status, BatchStatus::Cancelled);
                assert!(ended.batch.request_counts.completed > 100);
                assert_eq!(host.calls(), calls, "a cancelled batch calls nothing");
                if end == Some(TurnEnd::Terminal) && done {
                    println!("{effect} effects");
                    assert!(effect >= 5);
                    effect = usize::MAX;
                    break;
                }
            }
            if effect == usize::MAX {
                break;
            }
            effect += 1;
        }
    }
}

#[test]
fn many_short_turns_end_with_the_same_files_and_call_no_line_twice() {
    let trial = Trial::new(700, || steady(30), true);
    let (expected, _) = trial.undisturbed();
    for length in [1, 40, 90, 300, 1_000] {
        let (host, id) = trial.begin();
        let mut turns = 0;
        loop {
            turns += 1;
            let deadline = Some(host.clock.now() + length);
            match turn(&host, &id, &trial.settings, Turn { deadline, ..Turn::default() }) {
                Some(TurnEnd::Terminal) => break,
                Some(TurnEnd::Suspended { .. }) => {}
                other => panic!("{other:?}"),
            }
            assert!(turns < 3_000, "no turn of {length} ms gets anything done");
            host.clock.advance(1);
        }
        assert!(host.calls().values().all(|&calls| calls == 1));
        trial.same(&host, &id, &expected, &format!("turns of {length} ms"));
    }
}

#[test]
fn tries_and_waits_of_a_line_go_on_in_the_next_turn() {
    let trial = Trial::new(30, mixed, true);
    let (expected, _) = trial.undisturbed();
    let (host, id) = trial.begin();
    for _ in 0..2_000 {
        let deadline = Some(host.clock.now() + 60);
        match turn(&host, &id, &trial.settings, Turn { deadline, ..Turn::default() }).unwrap() {
            TurnEnd::Terminal => break,
            TurnEnd::Suspended { wake_at } => {
                host.clock.advance(wake_at.saturating_sub(host.clock.now()));
            }
            other => panic!("{other:?}"),
        }
    }
    trial.same(&host, &id, &expected, "short turns");
    let most = host.calls().into_values().max();
    assert_eq!(most, Some(5), "a line has maxAttempts tries, however many turns they take");
}

#[test]
fn replies_lost_and_late_change_nothing() {
    use crate::support::Injected::{After, Before, Late, Nothing};
    use edgebatch::FaultKind::{Timeout, Transient};
    for seed in 0..60 {
        let trial = Trial::new(300, mixed, seed % 2 == 0);
        let (expected, _) = trial.undisturbed();
        let (host, id) = trial.begin();
        let mut random = Random(seed);
        host.set_faults(move |_, op| match (random.below(12), op) {
            (_, Op::Infer(_) | Op::Abort(_)) => Nothing,
            (0, _) => Before(Transient),
            // A writer nobody was given is its adapter's to sweep.
            (1, Op::Create(_)) => Nothing,
            (1, _) => After(Timeout),
            (2, _) => Late(700),
            _ => Nothing,
        });
        finish(&host, &id, &trial.settings, 40);
        trial.same(&host, &id, &expected, &format!("seed {seed}"));
    }
}
