//! What holds after every step of a machine, whatever the world does.
//!
//! 1. counts: completed + failed ≤ total; published ones never decrease, but for a failed batch whose stored
//!    results the store refuses for good: its counts are those of its files
//! 2. published statuses follow legal arrows; a terminal one is never left
//! 3. id, created_at and expires_at never change
//! 4. at most the maximum of requests is in flight, aborted ones not counted
//! 5. persist before act: no inference before an acknowledged in_progress checkpoint, no result file before an
//!    acknowledged finalizing one, nothing but cleaning after an acknowledged terminal one
//! 6. at most one command of each kind but inference is outstanding, saves above all
//! 7. a machine never tries a line whose result is acknowledged
//! 8. no inference after cancel, expiry or stop, nor while paused; after the deadline only a turn's first
//! 9. no spin and no hang: with nothing outstanding and no end, the next time is told and lies ahead
//! 10. lines that were seen in the order in which they came are seen in that order for ever

use super::{World, line_of, unsummed};
use edgebatch::{Batch, BatchFile, BatchStatus, Command, CommandId, LookUp, Machine, Settings, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

/// What of the world outlives a machine.
pub(crate) struct Watch {
    pub(crate) published: Batch,
    /// Lines of the requests whose results were seen, in the order in which they came.
    pub(crate) came: Vec<u64>,
    pub(crate) turn: TurnWatch,
}

/// What is watched of one machine.
#[derive(Default)]
pub(crate) struct TurnWatch {
    /// Status and phase of the last acknowledged checkpoint.
    acknowledged: (String, String),
    stored: BTreeSet<u64>,
    /// It made a call.
    called: bool,
    pub(crate) now: u64,
    pub(crate) stopped: bool,
    pub(crate) paused: bool,
    pub(crate) deadline: bool,
}

impl Watch {
    /// A machine goes on from what is stored.
    pub(crate) fn resumed(&mut self, world: &World, checkpoint: &[u8]) {
        self.turn = TurnWatch { now: world.now, ..TurnWatch::default() };
        self.turn.acknowledged = phase(checkpoint);
        for (key, value) in &world.kv {
            self.turn.stored.extend(results(world, key, value));
        }
    }

    pub(crate) fn told(&mut self, now: u64) {
        self.turn.now = now;
    }

    /// The machine learns that this is durable.
    pub(crate) fn acknowledged(&mut self, world: &World, command: &Command) {
        let Command::Save(writes) = command else { return };
        for write in writes.iter() {
            if let Write::Set(key, value) = write {
                if key.starts_with("checkpoint:") {
                    self.turn.acknowledged = phase(value);
                }
                self.turn.stored.extend(results(world, key, value));
            }
        }
    }

    pub(crate) fn on_start(
        &mut self,
        command: &Command,
        outstanding: &BTreeMap<CommandId, Command>,
        settings: &Settings,
    ) {
        let turn = &mut self.turn;
        let (status, phase) = (turn.acknowledged.0.as_str(), turn.acknowledged.1.as_str());
        if phase == "cleaning" {
            // That there is one more file is written like the end itself.
            let may_set = |key: &str| key.starts_with("batch:") || key.starts_with("checkpoint:");
            let cleans = |write: &Write| !matches!(write, Write::Set(key, _) if !may_set(key));
            let may = match command {
                Command::Save(writes) => writes.iter().all(cleans),
                Command::WriteOutput(part) => part.file == BatchFile::Results,
                Command::LookUp(LookUp::Watched) | Command::List(_) | Command::Load { .. } => true,
                _ => false,
            };
            assert!(may, "5: {command:?} after the end");
        }
        let Command::Infer { idempotency_key, .. } = command else {
            let same = |other: &Command| discriminant(other) == discriminant(command);
            assert!(!outstanding.values().any(same), "6: two at once: {command:?}");
            if let Command::WriteOutput(part) = command {
                let expected = if part.file == BatchFile::Results { "cleaning" } else { "finalizing" };
                assert_eq!(phase, expected, "5: files before the checkpoint says so");
            }
            return;
        };
        assert_eq!((status, phase), ("in_progress", "running"), "5: inference before the checkpoint says so");
        let line = line_of(idempotency_key);
        assert!(!turn.stored.contains(&line), "7: the result of line {line} is stored");
        assert!(!turn.stopped && !turn.paused, "8: inference after cancel, pause or stop");
        assert!(turn.now < self.published.expires_at.expect("set") * 1_000, "8: inference after expiry");
        assert!(!turn.deadline || !turn.called, "8: inference after the deadline");
        turn.called = true;
        let flying = outstanding.values().filter(|c| matches!(c, Command::Infer { .. })).count();
        let max = settings.max_concurrent_requests_per_batch as usize;
        assert!(flying < max, "4: more than {max} in flight");
    }

    /// After every step, with all output taken.
    pub(crate) fn check(&mut self, world: &World, machine: &Machine, nothing_outstanding: bool) {
        let next: Batch =
            serde_json::from_slice(&world.kv[&format!("batch:{}", super::ID)]).expect("a batch");
        let before = &self.published;
        for batch in [&next, machine.batch()] {
            let counts = batch.request_counts;
            assert!(counts.completed + counts.failed <= counts.total, "1: {counts:?}");
            assert_eq!(
                (&batch.id, batch.created_at, batch.expires_at),
                (&before.id, before.created_at, before.expires_at),
                "3"
            );
        }
        let (old, new) = (before.request_counts, next.request_counts);
        let lost = next.status == BatchStatus::Failed;
        assert!(
            lost || (new.completed >= old.completed && new.failed >= old.failed),
            "1: {old:?} -> {new:?}"
        );
        let (from, to) = (before.status, next.status);
        assert!(from == to || legal(from, to), "2: {from:?} -> {to:?}");
        if machine.end().is_none() && nothing_outstanding {
            let at = machine.poll_timeout().expect("9: nothing is awaited and no time is told");
            assert!(at > self.turn.now, "9: {at} is not ahead of {}", self.turn.now);
        }
        self.published = next;
        if world.kv.contains_key(&format!("run:{}", super::ID))
            && self.published.status != BatchStatus::Failed
        {
            let came = came(world);
            // Once the batch has ended, its order goes with its results.
            if came.len() >= self.came.len() || !self.published.status.is_terminal() {
                assert!(came.starts_with(&self.came), "10: {:?} -> {came:?}", self.came);
                self.came = came;
            }
        }
    }
}

impl Watch {
    /// The file with the lines of both others in the order in which they came, if there is one.
    pub(crate) fn check_results(&self, world: &World, batch: &Batch) {
        let Some(id) = batch.edgebatch.as_ref().and_then(|own| own.results_file_id.as_ref()) else { return };
        let lines = |id: &String| {
            let text = std::str::from_utf8(&world.files[id]).expect("UTF-8");
            text.lines().map(str::to_owned).collect::<Vec<String>>()
        };
        let mut all = lines(id);
        let request = |line: &String| {
            let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
            json["custom_id"].as_str().expect("an id")[1..].parse::<usize>().expect("a number")
        };
        let came: Vec<u64> = all.iter().map(|line| world.lines[request(line) - 1]).collect();
        assert!(came.starts_with(&self.came), "10: {:?} is not how {came:?} begins", self.came);
        let mut both: Vec<String> =
            [&batch.output_file_id, &batch.error_file_id].into_iter().flatten().flat_map(lines).collect();
        both.sort();
        all.sort();
        assert_eq!(all, both, "10: the same lines as in the other files");
    }
}

/// Lines of all results that are there, in the order in which they came.
fn came(world: &World) -> Vec<u64> {
    let (mut all, mut at) = (Vec::new(), 0);
    for (key, record) in world.kv.iter().filter(|(key, _)| key.starts_with("order:")) {
        let start = key.rsplit(':').next().expect("a place");
        assert_eq!(u64::from_str_radix(start, 16).expect("hex"), at, "10: a gap before {key}");
        let groups: Vec<(u32, u32, u64)> = serde_json::from_slice(unsummed(record)).expect("groups");
        for (chunk, group, bytes) in groups {
            let key = format!("result:{}:{chunk:08x}:{group:06x}", super::ID);
            let Some(value) = world.kv.get(&key) else { return all };
            all.extend(results(world, &key, value));
            at += bytes;
        }
    }
    all
}

/// Contract §5 as users see it: a cancel while validating is seen when it is done.
fn legal(from: BatchStatus, to: BatchStatus) -> bool {
    use BatchStatus::{
        Cancelled, Cancelling, Completed, Expired, Failed, Finalizing, InProgress, Validating,
    };
    match from {
        Validating => matches!(to, InProgress | Failed | Cancelling | Cancelled),
        InProgress => matches!(to, Finalizing | Cancelling),
        Finalizing => matches!(to, Completed | Expired | Failed | Cancelling),
        Cancelling => matches!(to, Cancelled | Failed),
        _ => false,
    }
}

fn phase(checkpoint: &[u8]) -> (String, String) {
    let json: serde_json::Value = serde_json::from_slice(unsummed(checkpoint)).expect("JSON");
    let name = |v: &serde_json::Value| v.as_str().map(str::to_owned);
    let phase = &json["phase"];
    let phase = name(phase).or_else(|| phase.as_object()?.keys().next().cloned()).expect("a phase");
    (name(&json["batch"]["status"]).expect("a status"), phase)
}

/// Lines of the results in one stored entry. Requests here are small: every chunk but the last holds 256.
fn results(world: &World, key: &str, value: &[u8]) -> Vec<u64> {
    if !key.starts_with("result:") {
        return Vec::new();
    }
    let chunk = usize::from_str_radix(key.split(':').nth(2).expect("a chunk"), 16).expect("hex");
    let head = value.split(|byte| *byte == b'\n').next().expect("a head");
    let heads: Vec<serde_json::Value> = serde_json::from_slice(unsummed(head)).expect("heads");
    heads.iter().map(|head| world.lines[chunk * 256 + head[0].as_u64().expect("an index") as usize]).collect()
}
