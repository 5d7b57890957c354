//! A host made for tests: storage that outlives a killed process, scripted answers, faults and kills where the
//! test wants them, and a log of everything.

use super::clock::{Clock, Stopped};
use super::model::{Call, Flying, Model};
use super::random::Random;
use super::script::{Injected, Kill, Op, missing};
use edgebatch::{Answer, Fault, FileObject, Host, Inference, KvCheck, KvPage, KvQuery, KvWrite};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

type PoolOf = Box<dyn Fn(&str) -> String>;
type Allowance = Box<dyn Fn(u64, Option<&str>) -> Option<u32>>;
type Script = Box<dyn FnMut(u64, &Op) -> Injected>;

/// See the module.
pub(crate) struct ScriptedHost {
    pub(crate) clock: Clock,
    pub(crate) atomic: Cell<bool>,
    /// Whether writes take checks; those that do not are not leased. Only where `atomic`.
    pub(crate) checks: Cell<bool>,
    pub(crate) kv: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(crate) files: RefCell<BTreeMap<String, Rc<Vec<u8>>>>,
    pub(crate) model: RefCell<Model>,
    /// Everything that was called, in order; kept only if `logging`.
    pub(crate) log: RefCell<Vec<(u64, Op)>>,
    pub(crate) logging: Cell<bool>,
    pub(crate) faults: RefCell<Script>,
    /// The pool of each model, where there are pools.
    pub(crate) pools: RefCell<Option<PoolOf>>,
    /// What may be in flight at a time.
    pub(crate) allowances: RefCell<Option<Allowance>>,
    pub(crate) kill: Cell<Option<Kill>>,
    /// Entries of one page at most, whatever the caller asks for.
    pub(crate) page: Cell<usize>,
    /// What the wall clock says differs from the time that passes.
    pub(crate) skew: Cell<i64>,
    pub(crate) stop: Cell<bool>,
    /// What could not go on, and why.
    pub(crate) heard: RefCell<Vec<(Option<String>, String)>>,
    effects: Cell<usize>,
    /// Of each effect of the process, whether it is an answer of the model.
    pub(crate) answers: RefCell<Vec<bool>>,
    dead: Cell<bool>,
    random: RefCell<Random>,
    calls: RefCell<HashMap<String, u32>>,
    in_flight: Rc<Cell<usize>>,
    pub(crate) most_in_flight: Cell<usize>,
    /// Writers not completed or thrown away.
    pub(crate) open_writers: Cell<i64>,
    /// After how many bytes files are kept, where they can be, and those that are.
    pub(crate) keep_bytes: Cell<Option<u64>>,
    pub(crate) kept: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Bytes of files that were written.
    pub(crate) written: Cell<usize>,
    latency: Cell<u64>,
}

/// A file being written.
pub(crate) struct Writer {
    id: String,
    bytes: RefCell<Vec<u8>>,
    closed: Cell<bool>,
}

impl ScriptedHost {
    pub(crate) fn new(model: Model) -> Self {
        Self {
            clock: Clock::at(super::START_MS),
            atomic: Cell::new(true),
            checks: Cell::new(true),
            kv: RefCell::default(),
            files: RefCell::default(),
            model: RefCell::new(model),
            log: RefCell::default(),
            logging: Cell::new(false),
            faults: RefCell::new(Box::new(|_, _| Injected::Nothing)),
            pools: RefCell::default(),
            allowances: RefCell::default(),
            kill: Cell::new(None),
            page: Cell::new(usize::MAX),
            skew: Cell::new(0),
            stop: Cell::new(false),
            heard: RefCell::default(),
            effects: Cell::new(0),
            answers: RefCell::default(),
            dead: Cell::new(false),
            random: RefCell::new(Random(7)),
            calls: RefCell::default(),
            in_flight: Rc::default(),
            most_in_flight: Cell::new(0),
            open_writers: Cell::new(0),
            keep_bytes: Cell::default(),
            kept: RefCell::default(),
            written: Cell::default(),
            latency: Cell::new(2),
        }
    }

    /// Runs a task as a new process, until it ends or is killed.
    pub(crate) fn run<T>(&self, task: impl Future<Output = T>) -> Result<T, Stopped> {
        self.effects.set(0);
        self.answers.borrow_mut().clear();
        self.dead.set(false);
        self.open_writers.set(0);
        self.clock.run(|| self.dead.get(), task)
    }

    /// Effects of the process so far.
    pub(crate) fn effects(&self) -> usize {
        self.effects.get()
    }

    /// Host calls answer at once.
    pub(crate) fn no_latency(&self) {
        self.latency.set(0);
    }

    /// Inference calls so far, by idempotency key.
    pub(crate) fn calls(&self) -> HashMap<String, u32> {
        self.calls.borrow().clone()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    pub(crate) fn add_file(&self, id: &str, bytes: Vec<u8>) {
        self.files.borrow_mut().insert(id.to_owned(), Rc::new(bytes));
    }

    pub(crate) fn set_faults(&self, script: impl FnMut(u64, &Op) -> Injected + 'static) {
        *self.faults.borrow_mut() = Box::new(script);
    }

    pub(crate) fn no_faults(&self) {
        self.set_faults(|_, _| Injected::Nothing);
    }

    /// Does something to the world around a call: latency, faults, the end of the process.
    async fn act<T>(&self, op: Op, effect: bool, act: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        if self.latency.get() > 0 {
            let jitter = self.random.borrow_mut().below(self.latency.get());
            self.clock.sleep(jitter + 1).await;
        }
        let is_answer = matches!(op, Op::Infer(_));
        let injected = (self.faults.borrow_mut())(self.clock.now(), &op);
        if self.logging.get() {
            self.log.borrow_mut().push((self.clock.now(), op));
        }
        match injected {
            Injected::Before(kind) => return Err(Fault { kind, message: "injected".to_owned() }),
            Injected::Late(ms) => self.clock.sleep(ms).await,
            Injected::Nothing | Injected::After(_) => {}
        }
        self.die_if_due(effect, false).await;
        let done = act();
        self.die_if_due(effect, true).await;
        if effect {
            self.effects.set(self.effects.get() + 1);
            self.answers.borrow_mut().push(is_answer);
        }
        if let Injected::After(kind) = injected {
            return Err(Fault { kind, message: "injected".to_owned() });
        }
        done
    }

    fn close(&self, writer: &Writer) {
        if !writer.closed.replace(true) {
            self.open_writers.set(self.open_writers.get() - 1);
        }
    }

    async fn die_if_due(&self, effect: bool, done: bool) {
        if effect && self.kill.get() == Some(Kill { effect: self.effects.get(), done }) {
            self.kill.set(None);
            self.dead.set(true);
        }
        if self.dead.get() {
            std::future::pending::<()>().await;
        }
    }
}

impl Host for ScriptedHost {
    type Writer = Writer;

    fn now(&self) -> u64 {
        self.clock.now().saturating_add_signed(self.skew.get())
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().below(u64::MAX)
    }

    async fn sleep(&self, ms: u64) {
        self.clock.sleep(ms).await;
    }

    async fn idle(&self, ms: u64) {
        self.clock.sleep(ms).await;
    }

    fn stop_requested(&self) -> bool {
        self.stop.get()
    }

    fn faulted(&self, id: Option<&str>, message: &str) {
        self.heard.borrow_mut().push((id.map(str::to_owned), message.to_owned()));
    }

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.act(Op::Get(key.to_owned()), false, || Ok(self.kv.borrow().get(key).cloned())).await
    }

    fn kv_checks(&self) -> bool {
        self.atomic.get() && self.checks.get()
    }

    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        let apply = |write: &KvWrite<'_>| match *write {
            KvWrite::Set(key, value) => drop(self.kv.borrow_mut().insert(key.to_owned(), value.to_vec())),
            KvWrite::Delete(key) => drop(self.kv.borrow_mut().remove(key)),
        };
        let op = |write: &KvWrite<'_>| match *write {
            KvWrite::Set(key, _) => Op::Set(key.to_owned()),
            KvWrite::Delete(key) => Op::Delete(key.to_owned()),
        };
        assert!(checks.is_empty() || self.kv_checks(), "checks of a store that takes none");
        let Some(first) = writes.first() else { return Ok(true) };
        if self.atomic.get() {
            let all = || {
                let holds =
                    |check: &KvCheck<'_>| self.kv.borrow().get(check.key).map(Vec::as_slice) == check.value;
                let holds = checks.iter().all(holds);
                if holds {
                    writes.iter().for_each(apply);
                }
                Ok(holds)
            };
            return self.act(op(first), true, all).await;
        }
        for write in writes {
            let one = || {
                apply(write);
                Ok(())
            };
            self.act(op(write), true, one).await?;
        }
        Ok(true)
    }

    async fn hold_input(&self, _batch: &str, _file_id: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn release_input(&self, _batch: &str) {}

    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        let list = || {
            let kv = self.kv.borrow();
            let follows = |key: &str| match &query.after {
                Some(after) if query.reverse => key < after.as_str(),
                Some(after) => key > after.as_str(),
                None => true,
            };
            let from = kv.range(query.prefix.clone()..);
            let mut all: Vec<_> = from
                .take_while(|(key, _)| key.starts_with(&query.prefix))
                .filter(|(key, _)| follows(key))
                .collect();
            if query.reverse {
                all.reverse();
            }
            let limit = (query.limit as usize).min(self.page.get());
            let more = all.len() > limit;
            all.truncate(limit);
            let all = all.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            Ok(KvPage { entries: all, more })
        };
        self.act(Op::List(query.prefix.clone()), false, list).await
    }

    async fn find_file(&self, id: &str, _: Option<&str>) -> Result<Option<FileObject>, Fault> {
        let find = || {
            let files = self.files.borrow();
            Ok(files.get(id).map(|bytes| FileObject { id: id.to_owned(), bytes: bytes.len() as u64 }))
        };
        self.act(Op::Find, false, find).await
    }

    async fn read_file(&self, id: &str, offset: u64, length: u64, _: Option<&str>) -> Result<Vec<u8>, Fault> {
        let read = || {
            let file = self.files.borrow().get(id).cloned().ok_or_else(missing)?;
            let from = (offset as usize).min(file.len());
            Ok(file[from..(from + length as usize).min(file.len())].to_vec())
        };
        self.act(Op::Read(offset), false, read).await
    }

    async fn create_file(&self, id: &str, _filename: &str) -> Result<Writer, Fault> {
        let create = || {
            self.open_writers.set(self.open_writers.get() + 1);
            Ok(Writer { id: id.to_owned(), bytes: RefCell::default(), closed: Cell::default() })
        };
        self.act(Op::Create(id.to_owned()), true, create).await
    }

    async fn write_file(&self, writer: &Writer, bytes: &[u8]) -> Result<(), Fault> {
        let write = || {
            writer.bytes.borrow_mut().extend_from_slice(bytes);
            self.written.set(self.written.get() + bytes.len());
            Ok(())
        };
        self.act(Op::Write(writer.id.clone(), bytes.len()), true, write).await
    }

    async fn complete_file(&self, writer: &Writer) -> Result<String, Fault> {
        let complete = || {
            self.close(writer);
            self.add_file(&writer.id, writer.bytes.take());
            Ok(writer.id.clone())
        };
        self.act(Op::Complete(writer.id.clone()), true, complete).await
    }

    async fn abort_file(&self, writer: Writer) {
        let abort = || {
            self.close(&writer);
            Ok(())
        };
        let _ = self.act(Op::Abort(writer.id.clone()), true, abort).await;
    }

    fn keep_bytes(&self) -> Option<u64> {
        self.keep_bytes.get()
    }

    async fn keep_file(&self, writer: &Writer) -> Result<String, Fault> {
        let keep = || {
            let bytes = writer.bytes.borrow().clone();
            let name = format!("{}:{}", writer.id, bytes.len());
            self.kept.borrow_mut().insert(name.clone(), bytes);
            Ok(name)
        };
        self.act(Op::Keep(writer.id.clone()), true, keep).await
    }

    async fn resume_file(&self, id: &str, _filename: &str, kept: &str) -> Result<Writer, Fault> {
        let resume = || {
            let bytes = self.kept.borrow().get(kept).cloned().ok_or_else(missing)?;
            self.open_writers.set(self.open_writers.get() + 1);
            Ok(Writer { id: id.to_owned(), bytes: RefCell::new(bytes), closed: Cell::default() })
        };
        self.act(Op::Resume(id.to_owned()), true, resume).await
    }

    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault> {
        let _flying = Flying::new(&self.in_flight);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        let key = request.idempotency_key;
        let attempt = {
            let mut calls = self.calls.borrow_mut();
            let count = calls.entry(key.to_owned()).or_insert(0);
            *count += 1;
            *count
        };
        let line = key.rsplit(':').next().and_then(|line| line.parse().ok()).expect("batch:line");
        let pool = request.pool.map(str::to_owned);
        let call = Call { line, attempt, now: self.clock.now(), pool };
        let answer = (self.model.borrow_mut())(&call);
        // The kill may come while the call is under way, or between the answer and what is done with it.
        if answer.ms > 0 {
            self.clock.sleep(answer.ms).await;
        }
        self.act(Op::Infer(key.to_owned()), true, || answer.result).await
    }

    fn has_pools(&self) -> bool {
        self.pools.borrow().is_some()
    }

    fn pool(&self, model: &str) -> String {
        self.pools.borrow().as_ref().map(|of| of(model)).unwrap_or_default()
    }

    fn allowance(&self, pool: Option<&str>) -> Option<u32> {
        self.allowances.borrow().as_ref().and_then(|of| of(self.clock.now(), pool))
    }

    async fn has_model(&self, model: &str) -> Result<bool, Fault> {
        self.act(Op::HasModel, false, || Ok(model != "no-such-model")).await
    }
}
