//! The machine against a world that does anything in any order: see `support::world::invariants`.

use crate::support::world::invariants::{TurnWatch, Watch};
use crate::support::world::{ID, START_MS, World, inferred, line_of};
use edgebatch::{
    Batch, BatchStatus, Command, CommandId, Fault, FaultKind, Machine, Output, Reply, Settings, TurnEnd,
    Wish, first_checkpoint,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    /// Answer so many commands well, from this place on.
    Well(u16, u8),
    /// Answer one inference so.
    Infer(u16, u8),
    /// Fail one host command, with its effect or without.
    Fail(u16, u8, bool),
    /// Answer again what was answered or aborted before.
    Again(u16),
    Clock(u8),
    Cancel,
    Pause(bool),
    Deadline,
    Stop,
    /// Bits say which outstanding commands had their effect.
    Crash(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        24 => (any::<u16>(), 1..40u8).prop_map(|(at, n)| Op::Well(at, n)),
        24 => (any::<u16>(), 0..10u8).prop_map(|(at, how)| Op::Infer(at, how)),
        6 => (any::<u16>(), 0..12u8, any::<bool>()).prop_map(|(at, kind, done)| Op::Fail(at, kind, done)),
        4 => any::<u16>().prop_map(Op::Again),
        16 => (0..40u8).prop_map(Op::Clock),
        2 => any::<bool>().prop_map(Op::Pause),
        1 => prop_oneof![Just(Op::Cancel), Just(Op::Deadline), Just(Op::Stop)],
        2 => any::<u64>().prop_map(Op::Crash),
    ]
}

struct Trial {
    world: World,
    settings: Settings,
    machine: Machine,
    watch: Watch,
    outstanding: BTreeMap<CommandId, Command>,
    /// Answered or aborted in this turn.
    past: Vec<(CommandId, Command)>,
    seed: u64,
    steps: u64,
    over: bool,
}

impl Trial {
    fn new(mut world: World, settings: Settings) -> Self {
        let created_at = START_MS / 1_000;
        let zero = serde_json::json!({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}});
        let batch: Batch = serde_json::from_value(serde_json::json!({
            "id": ID, "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "file-input",
            "completion_window": "24h", "status": "validating", "created_at": created_at,
            "expires_at": created_at + 86_400, "usage": zero, "metadata": null,
            "request_counts": {"total": 0, "completed": 0, "failed": 0}}))
        .expect("a batch");
        let checkpoint = first_checkpoint(&batch);
        world.kv.insert(format!("batch:{ID}"), serde_json::to_vec(&batch).expect("JSON"));
        world.kv.insert(format!("run:{ID}"), checkpoint.clone());
        let machine = Machine::resume(&checkpoint, settings.clone(), [1, 2, 3], world.now).expect("readable");
        let mut watch = Watch { published: batch, came: Vec::new(), turn: TurnWatch::default() };
        watch.resumed(&world, &checkpoint);
        let (outstanding, past) = Default::default();
        let mut trial =
            Self { world, settings, machine, watch, outstanding, past, seed: 1, steps: 0, over: false };
        trial.settle();
        trial
    }

    fn resume(&mut self) {
        self.outstanding.clear();
        self.past.clear();
        self.world.lose_writers();
        let stored = |key: &str| self.world.kv.get(&format!("{key}:{ID}")).cloned();
        let Some(checkpoint) = stored("run").map(|first| stored("checkpoint").unwrap_or(first)) else {
            self.over = true;
            return;
        };
        self.seed += 1;
        let seed = [self.seed, 2, 3];
        self.machine =
            Machine::resume(&checkpoint, self.settings.clone(), seed, self.world.now).expect("readable");
        self.watch.resumed(&self.world, &checkpoint);
        let published: Batch =
            serde_json::from_slice(&self.world.kv[&format!("batch:{ID}")]).expect("a batch");
        self.machine.handle_published(published.request_counts);
        if let Some(at) = self.world.kv.get(&format!("cancel:{ID}")) {
            let since = std::str::from_utf8(at).expect("digits").parse().expect("digits");
            self.machine.handle_wish(Wish::Cancel { since });
            self.watch.turn.stopped = true;
        }
    }

    /// Takes all output, checks everything, and begins the next turn when one ends.
    fn settle(&mut self) {
        self.steps += 1;
        for _ in 0..100 {
            let mut taken = 0;
            while let Some(output) = self.machine.poll_output() {
                taken += 1;
                assert!(taken < 10_000, "9: output without end");
                match output {
                    Output::Start(id, command) => {
                        self.watch.on_start(&command, &self.outstanding, &self.settings);
                        assert!(self.outstanding.insert(id, command).is_none(), "an id twice");
                    }
                    Output::Abort(id) => {
                        // Given up at the very moment it was answered is no defect.
                        self.past.extend(self.outstanding.remove(&id).map(|command| (id, command)));
                    }
                    other => panic!("what is this: {other:?}"),
                }
            }
            self.watch.check(&self.world, &self.machine, self.outstanding.is_empty());
            match self.machine.end().cloned() {
                None => return,
                Some(TurnEnd::Terminal) => {
                    self.over = true;
                    return;
                }
                // Whoever paused it lets it go on.
                Some(TurnEnd::Paused { .. }) => self.resume(),
                Some(TurnEnd::Suspended { wake_at } | TurnEnd::Faulted { wake_at, .. }) => {
                    self.world.now = self.world.now.max(wake_at);
                    self.resume();
                    if self.over {
                        return;
                    }
                }
                Some(other) => panic!("no end of a machine: {other:?}"),
            }
        }
        panic!("9: turns that get nowhere");
    }

    fn pick(&self, at: u16, want: impl Fn(&Command) -> bool) -> Option<CommandId> {
        let ids: Vec<CommandId> =
            self.outstanding.iter().filter(|(_, c)| want(c)).map(|(id, _)| *id).collect();
        (!ids.is_empty()).then(|| ids[at as usize % ids.len()])
    }

    fn reply(&mut self, id: CommandId, reply: Reply) {
        let command = self.outstanding.remove(&id).expect("outstanding");
        if matches!(reply, Reply::Saved) {
            self.watch.acknowledged(&self.world, &command);
        }
        self.past.push((id, command));
        self.watch.told(self.world.now);
        self.machine.handle_reply(self.world.now, id, reply);
        self.settle();
    }

    fn well(&mut self, at: u16) -> bool {
        let Some(id) = self.pick(at, |_| true) else { return false };
        let reply = self.world.apply(&self.outstanding[&id]);
        self.reply(id, reply);
        true
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Well(at, n) => {
                for _ in 0..n {
                    if self.over || !self.well(at) {
                        break;
                    }
                }
            }
            Op::Infer(at, how) => {
                let Some(id) = self.pick(at, is_infer) else { return };
                let Command::Infer { idempotency_key, .. } = &self.outstanding[&id] else { return };
                let reply = inferred(line_of(idempotency_key), how);
                self.reply(id, reply);
            }
            Op::Fail(at, kind, done) => {
                let Some(id) = self.pick(at, |command| !is_infer(command)) else { return };
                if done {
                    self.world.apply(&self.outstanding[&id]);
                }
                let kind = match kind {
                    0 => FaultKind::Missing,
                    1 => FaultKind::Terminal,
                    2..=5 => FaultKind::Timeout,
                    _ => FaultKind::Transient,
                };
                self.reply(id, Reply::Failed(Fault { kind, message: "injected".to_owned() }));
            }
            Op::Again(at) => {
                if self.past.is_empty() {
                    return;
                }
                let (id, command) = self.past[at as usize % self.past.len()].clone();
                // An effect is not repeated here: only the answer comes once more.
                let reply = match command {
                    Command::Save(_) => Reply::Saved,
                    Command::WriteOutput(part) => Reply::Written(part.last.then_some(part.file_id)),
                    other => self.world.apply(&other),
                };
                self.watch.told(self.world.now);
                self.machine.handle_reply(self.world.now, id, reply);
                self.settle();
            }
            Op::Clock(how) => {
                let expiry = (START_MS / 1_000 + 86_400) * 1_000;
                self.world.now = match how {
                    0 => self.world.now.max(expiry) + 1,
                    1..=3 => self.world.now - 30_000,
                    4..=6 => self.world.now + 700_000,
                    7..=15 => self.machine.poll_timeout().unwrap_or(0).max(self.world.now),
                    16..=25 => self.world.now + 5_000,
                    _ => self.world.now + 130,
                };
                self.tell_time();
            }
            Op::Cancel => {
                if self.watch.published.status.is_terminal() {
                    return;
                }
                let at = self.world.now / 1_000;
                self.world.kv.entry(format!("cancel:{ID}")).or_insert(at.to_string().into_bytes());
                self.machine.handle_wish(Wish::Cancel { since: at });
                self.watch.turn.stopped = true;
                self.settle();
            }
            Op::Pause(paused) => {
                self.machine.handle_pause(paused);
                self.watch.turn.paused = paused;
                self.settle();
            }
            Op::Deadline => {
                self.machine.handle_deadline();
                self.watch.turn.deadline = true;
                self.settle();
            }
            Op::Stop => {
                self.machine.handle_stop();
                self.watch.turn.stopped = true;
                self.settle();
            }
            Op::Crash(done) => {
                for (n, command) in std::mem::take(&mut self.outstanding).values().enumerate() {
                    if done >> (n % 64) & 1 == 1 && !is_infer(command) {
                        self.world.apply(command);
                    }
                }
                self.resume();
                if !self.over {
                    self.settle();
                }
            }
        }
    }

    fn tell_time(&mut self) {
        self.watch.told(self.world.now);
        self.machine.handle_timeout(self.world.now);
        self.settle();
    }

    /// A well-behaved world to the end.
    fn finish(&mut self) {
        if !self.over {
            self.step(&Op::Pause(false));
        }
        for _ in 0..20_000 {
            if self.over {
                return;
            }
            if !self.well(0) {
                let at = self.machine.poll_timeout().expect("9: a hang");
                self.world.now = self.world.now.max(at);
                self.tell_time();
            }
        }
        panic!("9: no end: {:?}", self.machine.batch());
    }

    /// What every ended batch looks like.
    fn check_end(&self) {
        let keys: Vec<&String> = self.world.kv.keys().collect();
        assert_eq!(
            keys,
            [&format!("batch:{ID}"), &format!("manifest:{ID}")],
            "only the batch and its manifest are left"
        );
        let batch: Batch = serde_json::from_slice(&self.world.kv[keys[0]]).expect("a batch");
        let (counts, ran) = (batch.request_counts, batch.in_progress_at.is_some());
        let [output, error] = [&batch.output_file_id, &batch.error_file_id].map(|id| {
            let Some(id) = id else { return Vec::new() };
            let text = std::str::from_utf8(&self.world.files[id]).expect("UTF-8");
            assert!(text.ends_with('\n'), "an empty file");
            let json = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
            text.lines().map(json).collect::<Vec<_>>()
        });
        let number = |line: &serde_json::Value| -> u64 {
            // A line of a request that nothing is known of any more has no id, and comes last.
            match line["custom_id"].as_str().expect("an id") {
                "" => u64::MAX,
                id => id[1..].parse().expect("r1"),
            }
        };
        for file in [&output, &error] {
            let in_order = |pair: &[serde_json::Value]| {
                let [first, second] = [number(&pair[0]), number(&pair[1])];
                first < second || [first, second] == [u64::MAX; 2]
            };
            assert!(file.windows(2).all(in_order), "not in input order");
        }
        let never = |line: &&serde_json::Value| {
            let code = line["error"]["code"].as_str();
            let never =
                ["batch_cancelled", "batch_expired", "input_file_unreadable", "results_lost"].map(Some);
            line["response"].is_null() && never.contains(&code)
        };
        let failed = error.len() - error.iter().filter(never).count();
        assert_eq!((counts.completed, counts.failed), (output.len() as u64, failed as u64));
        if ran {
            assert_eq!((output.len() + error.len()) as u64, counts.total, "one line for each request");
        }
        if ran && batch.status != BatchStatus::Failed {
            let mut all: Vec<u64> = output.iter().chain(&error).map(number).collect();
            all.sort_unstable();
            assert_eq!(all, (1..=counts.total).collect::<Vec<_>>(), "one line for each request");
            assert_eq!(counts.total, self.world.lines.len() as u64);
        }
        self.watch.check_results(&self.world, &batch);
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
        let expected = match batch.status {
            BatchStatus::Completed => [true, true, true, false, false, false, false],
            BatchStatus::Expired => [true, true, false, false, true, false, false],
            BatchStatus::Cancelled => [ran, false, false, false, false, true, true],
            BatchStatus::Failed if ran => [true, set[1], false, true, false, set[5], false],
            BatchStatus::Failed => [false, false, false, true, false, false, false],
            other => panic!("{other:?} is not terminal"),
        };
        assert_eq!(set, expected, "{batch:?}");
    }
}

fn is_infer(command: &Command) -> bool {
    matches!(command, Command::Infer { .. })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_world_does_the_invariants_hold(
        requests in prop_oneof![0..4u64, 4..80u64, 80..=600u64],
        layout in any::<u64>(),
        window in 1..=20u32,
        max_attempts in 1..=5u32,
        watched in any::<bool>(),
        ops in prop::collection::vec(op(), 0..250),
    ) {
        let settings = Settings {
            max_concurrent_requests_per_batch: window,
            max_attempts,
            ..Settings::default()
        };
        let mut world = World::new(requests, layout);
        if watched {
            world.kv.insert(format!("watch:{ID}"), b"1".to_vec());
        }
        let mut trial = Trial::new(world, settings);
        for op in &ops {
            if trial.over {
                break;
            }
            trial.step(op);
        }
        trial.finish();
        trial.check_end();
    }
}
