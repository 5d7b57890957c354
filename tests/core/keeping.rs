//! Files that the host keeps while they are written: a turn that is cut off has not written them for nothing.

use crate::support::model::{Answers, Model, answer, mixed};
use crate::support::{
    Ended, Injected, Kill, Op, ScriptedHost, ended, finish, stored_batch, turn, with_batch,
};
use edgebatch::{BatchStatus, FaultKind, Settings, Turn, TurnEnd, manifest};

/// Six chunks of 256 requests.
const LINES: u64 = 1_300;

fn settings() -> Settings {
    Settings::default()
}

/// A batch all of whose requests have ended: what is left is to write its files.
struct Written {
    host: ScriptedHost,
    id: String,
}

impl Written {
    fn of(lines: u64, model: Model) -> Self {
        let (host, id) = with_batch(lines, model, &settings());
        host.set_faults(|_, op| match op {
            Op::Create(_) => Injected::Before(FaultKind::Transient),
            _ => Injected::Nothing,
        });
        let end = turn(&host, &id, &settings(), Turn::default());
        assert!(matches!(end, Some(TurnEnd::Faulted { .. })), "{end:?}");
        assert_eq!(stored_batch(&host, &id).status, BatchStatus::Finalizing);
        Self { host, id }
    }

    fn mixed() -> Self {
        Self::of(LINES, mixed())
    }

    /// A copy in a world of its own, whose files are kept after so many bytes and a chunk.
    fn begin(&self, keep: Option<u64>) -> (ScriptedHost, String) {
        let host = ScriptedHost::new(mixed());
        host.clock.advance(self.host.clock.now() - host.clock.now());
        *host.kv.borrow_mut() = self.host.kv.borrow().clone();
        *host.files.borrow_mut() = self.host.files.borrow().clone();
        host.keep_bytes.set(keep);
        (host, self.id.clone())
    }

    /// How it ends when nothing disturbs it and nothing is kept, and the bytes of its files.
    fn undisturbed(&self) -> ((Ended, Vec<u8>), usize) {
        let (host, id) = self.begin(None);
        finish(&host, &id, &settings(), 1);
        (end_of(&host, &id), host.written.get())
    }

    /// Effects of a turn that keeps the files.
    fn effects(&self) -> usize {
        let (host, id) = self.begin(Some(1));
        assert_eq!(turn(&host, &id, &settings(), Turn::default()), Some(TurnEnd::Terminal));
        host.effects()
    }
}

fn end_of(host: &ScriptedHost, id: &str) -> (Ended, Vec<u8>) {
    let told = host.run(manifest(host, id, &settings())).expect("alive").expect("a manifest");
    (ended(host, id), told)
}

/// The files, and what the manifest says of them.
fn same(host: &ScriptedHost, id: &str, expected: &(Ended, Vec<u8>), what: &str) {
    let (found, told) = end_of(host, id);
    assert!(found.output == expected.0.output && found.error == expected.0.error, "{what}: a file differs");
    assert_eq!(found.batch.request_counts, expected.0.batch.request_counts, "{what}");
    assert_eq!(found.batch.usage, expected.0.batch.usage, "{what}");
    assert_eq!(String::from_utf8(told), String::from_utf8(expected.1.clone()), "{what}");
}

#[test]
fn killed_at_any_effect_the_files_and_their_sums_are_the_same() {
    let written = Written::mixed();
    let (expected, _) = written.undisturbed();
    for effect in 0..written.effects() {
        for done in [false, true] {
            let (host, id) = written.begin(Some(1));
            host.kill.set(Some(Kill { effect, done }));
            turn(&host, &id, &settings(), Turn::default());
            host.kill.set(None);
            finish(&host, &id, &settings(), 2);
            same(&host, &id, &expected, &format!("killed at {effect}, {done}"));
        }
    }
}

#[test]
fn files_that_no_turn_has_time_to_write_whole_are_written_by_many() {
    let long = |line| answer(200, line, format!("{{\"text\":\"{}\"}}", "x".repeat(8_000)));
    let written = Written::of(1_024, Box::new(move |call| Answers { ms: 5, result: Ok(long(call.line)) }));
    let (expected, size) = written.undisturbed();
    let cut_off = |keep: Option<u64>| {
        let (host, id) = written.begin(keep);
        let mut turns = 0;
        while !stored_batch(&host, &id).status.is_terminal() && turns < 20 {
            host.kill.set(Some(Kill { effect: 9, done: true }));
            turn(&host, &id, &settings(), Turn::default());
            turns += 1;
        }
        host.kill.set(None);
        (host, id, turns)
    };
    let (host, id, turns) = cut_off(Some(1));
    assert!((3..=8).contains(&turns), "{turns} turns");
    finish(&host, &id, &settings(), 2);
    same(&host, &id, &expected, "cut off");
    assert!(host.written.get() < 2 * size, "{} bytes written of {size}", host.written.get());
    let (_, _, turns) = cut_off(None);
    assert_eq!(turns, 20, "without it, none comes to the end");
}

#[test]
fn what_is_kept_and_gone_is_written_again() {
    let written = Written::mixed();
    let (expected, _) = written.undisturbed();
    let (host, id) = written.begin(Some(1));
    host.kill.set(Some(Kill { effect: written.effects() / 2, done: true }));
    turn(&host, &id, &settings(), Turn::default());
    host.kill.set(None);
    host.kept.borrow_mut().clear();
    host.logging.set(true);
    finish(&host, &id, &settings(), 1);
    same(&host, &id, &expected, "gone");
    let begun = host.log.borrow().iter().filter(|(_, op)| matches!(op, Op::Resume(_))).count();
    assert!((1..=2).contains(&begun), "asked for {begun} times");
}

#[test]
fn a_fault_that_passes_costs_no_more_than_what_came_since_they_were_kept() {
    let written = Written::mixed();
    let (expected, size) = written.undisturbed();
    for after in [false, true] {
        let (host, id) = written.begin(Some(1));
        let mut writes = 0;
        host.set_faults(move |_, op| {
            writes += usize::from(matches!(op, Op::Write(..) | Op::Keep(_) | Op::Resume(_)));
            let fails = writes % 8 == 7;
            writes += usize::from(fails);
            match fails {
                true if after => Injected::After(FaultKind::Transient),
                true => Injected::Before(FaultKind::Transient),
                false => Injected::Nothing,
            }
        });
        finish(&host, &id, &settings(), 20);
        host.no_faults();
        same(&host, &id, &expected, "faults");
        assert!(host.written.get() < 2 * size, "{} bytes written of {size}", host.written.get());
    }
}

#[test]
fn a_turn_whose_time_is_up_ends_where_they_are_kept() {
    let written = Written::mixed();
    let (expected, size) = written.undisturbed();
    let (host, id) = written.begin(Some(1));
    let mut turns = 1;
    loop {
        let deadline = Some(host.clock.now());
        match turn(&host, &id, &settings(), Turn { deadline, ..Turn::default() }) {
            Some(TurnEnd::Suspended { .. }) => turns += 1,
            Some(TurnEnd::Terminal) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(turns >= 5, "{turns} turns");
    same(&host, &id, &expected, "turns");
    assert_eq!(host.written.get(), size, "nothing is written twice");
}
