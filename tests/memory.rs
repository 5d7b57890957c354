//! A run holds as much for a long file as for a short one: everything allocated is counted, what the store keeps
//! is not.

#![allow(unsafe_code)]

#[path = "core/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "this crate uses a part")]
mod support;

use edgebatch::{
    Answer, Batch, BatchStatus, CreateParams, Fault, FileObject, Host, Inference, KvCheck, KvPage, KvQuery,
    KvWrite, Limits, Settings, Turn, TurnEnd, create, run_turn,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::clock::Clock;
use support::model::good;
use support::{INPUT, START_MS, params, request};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
/// Held by the test that counts: what others allocate meanwhile would count for it.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Lines are as long as one another, so that any part of the file can be made when it is read.
fn line(number: u64) -> String {
    request(10_000_000 + number)
}

/// The same, of which one of each number of bodies is.
fn line_of(number: u64, bodies: u64) -> String {
    line(number).replace("[]", &format!("[{}]", 10_000_000 + number % bodies))
}

/// What an entry of the store takes beside key and value.
const ENTRY_BYTES: usize = 72;

/// A store in memory that knows its size, a file that is made as it is read, a model that answers at once.
struct Lean {
    clock: Clock,
    lines: u64,
    /// Different bodies, where what is the same is asked once.
    bodies: Option<u64>,
    kv: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Bytes the store holds.
    held: Cell<usize>,
    before: usize,
    /// The most that was held beside the store, while validating and after.
    most: [Cell<usize>; 2],
    running: Cell<bool>,
    /// Answers are this late for every hundredth line.
    slow_ms: u64,
    written: Cell<u64>,
}

impl Lean {
    fn new(lines: u64, slow_ms: u64) -> Self {
        Self {
            clock: Clock::at(START_MS),
            lines,
            bodies: None,
            kv: RefCell::default(),
            held: Cell::new(0),
            before: ALLOCATED.load(Ordering::Relaxed),
            most: Default::default(),
            running: Cell::new(false),
            slow_ms,
            written: Cell::new(0),
        }
    }

    fn line(&self, number: u64) -> String {
        self.bodies.map_or_else(|| line(number), |bodies| line_of(number, bodies))
    }

    fn measure(&self) {
        let beside = ALLOCATED.load(Ordering::Relaxed).saturating_sub(self.before + self.held.get());
        let most = &self.most[usize::from(self.running.get())];
        most.set(most.get().max(beside));
    }

    /// The whole batch, in one turn. The most held while validating, and after.
    fn run(&self) -> [usize; 2] {
        let limits = Limits { max_requests: u64::MAX, max_file_bytes: u64::MAX, ..Limits::default() };
        let settings = Settings { limits, ..Settings::default() };
        let dedupe = format!("{{\"dedupe\":{}}}", self.bodies.is_some());
        let edgebatch = serde_json::from_str(&dedupe).unwrap();
        let params = CreateParams { edgebatch, ..params() };
        let id = self.clock.run(|| false, create(self, params, &settings)).unwrap().unwrap().id;
        let end = self.clock.run(|| false, run_turn(self, &id, &settings, Turn::default()));
        assert_eq!(end, Ok(Ok(TurnEnd::Terminal)));
        let batch: Batch = serde_json::from_slice(&self.kv.borrow()[&format!("batch:{id}")]).unwrap();
        assert_eq!(batch.status, BatchStatus::Completed);
        assert_eq!(batch.request_counts.completed, self.lines);
        assert!(self.written.get() > self.lines * 100);
        [self.most[0].get(), self.most[1].get()]
    }
}

impl Host for Lean {
    type Writer = ();

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn random(&self) -> u64 {
        4
    }

    async fn sleep(&self, ms: u64) {
        self.clock.sleep(ms).await;
    }

    async fn idle(&self, ms: u64) {
        self.clock.sleep(ms).await;
    }

    fn stop_requested(&self) -> bool {
        false
    }

    fn faulted(&self, _id: Option<&str>, _message: &str) {}

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.kv.borrow().get(key).cloned())
    }

    fn kv_checks(&self) -> bool {
        true
    }

    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        self.measure();
        if checks.iter().any(|check| self.kv.borrow().get(check.key).map(Vec::as_slice) != check.value) {
            return Ok(false);
        }
        for write in writes {
            let (key, new) = match *write {
                KvWrite::Set(key, value) => (key, Some(value)),
                KvWrite::Delete(key) => (key, None),
            };
            let entry = |value: &[u8]| value.len() + key.len() + ENTRY_BYTES;
            let mut kv = self.kv.borrow_mut();
            let old = match new {
                Some(value) => kv.insert(key.to_owned(), value.to_vec()),
                None => kv.remove(key),
            };
            self.held.set(self.held.get() + new.map_or(0, entry) - old.as_deref().map_or(0, entry));
        }
        Ok(true)
    }

    async fn hold_input(&self, _batch: &str, _file_id: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn release_input(&self, _batch: &str) {}

    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        let kv = self.kv.borrow();
        let from = kv.range(query.prefix.clone()..).take_while(|(key, _)| key.starts_with(&query.prefix));
        let mut from = from.filter(|(key, _)| query.after.as_ref().is_none_or(|after| *key > after));
        let page = from.by_ref().take(query.limit as usize);
        let entries = page.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(KvPage { entries, more: from.next().is_some() })
    }

    async fn find_file(&self, id: &str, _: Option<&str>) -> Result<Option<FileObject>, Fault> {
        assert_eq!(id, INPUT);
        Ok(Some(FileObject { id: id.to_owned(), bytes: self.lines * self.line(1).len() as u64 }))
    }

    async fn read_file(
        &self,
        _id: &str,
        offset: u64,
        length: u64,
        _: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        self.measure();
        let each = self.line(1).len() as u64;
        let lines: String =
            (offset / each..(offset + length).div_ceil(each)).map(|i| self.line(i + 1)).collect();
        let from = (offset % each) as usize;
        Ok(lines.as_bytes()[from..from + length as usize].to_vec())
    }

    async fn create_file(&self, _id: &str, _filename: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn write_file(&self, _writer: &(), bytes: &[u8]) -> Result<(), Fault> {
        self.measure();
        self.written.set(self.written.get() + bytes.len() as u64);
        Ok(())
    }

    async fn complete_file(&self, _writer: &()) -> Result<String, Fault> {
        Ok("file-output".to_owned())
    }

    async fn abort_file(&self, _writer: ()) {}

    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault> {
        self.running.set(true);
        self.measure();
        let line: u64 = request.idempotency_key.rsplit(':').next().unwrap().parse().unwrap();
        if self.slow_ms > 0 && line % 100 == 1 {
            self.clock.sleep(self.slow_ms).await;
        }
        Ok(good(line))
    }

    async fn has_model(&self, _model: &str) -> Result<bool, Fault> {
        self.measure();
        Ok(true)
    }
}

#[test]
fn a_long_file_takes_no_more_memory_than_a_short_one() {
    let _alone = ALONE.lock();
    let [_, short] = Lean::new(10_000, 0).run();
    let [validating, long] = Lean::new(200_000, 0).run();
    println!("running: {short} bytes for 10,000 lines, {long} for 200,000; validating {validating}");
    // Validation holds the ids it has seen, at most 24 bytes each.
    assert!(validating < 200_000 * 24 + (2 << 20), "{validating}");
    assert!(long < 6 << 20, "{long}");
    assert!(long < short + (256 << 10), "{short} for 10,000 lines, {long} for 200,000");
    // Slow lines keep chunks open behind the reader, a bounded number of them.
    let [_, uneven] = Lean::new(50_000, 60_000).run();
    assert!(uneven < long + (1 << 20), "{uneven}");
}

#[test]
fn asking_once_what_is_the_same_takes_31_bytes_a_request_before_it_runs_and_none_after() {
    let _alone = ALONE.lock();
    let run = |lines| Lean { bodies: Some(lines / 2), ..Lean::new(lines, 0) }.run();
    let [_, short] = run(10_000);
    let [before, long] = run(200_000);
    println!("running: {short} bytes for 10,000 lines, {long} for 200,000; before {before}");
    // Ids of all lines while they are validated, and then hashes of the bodies.
    assert!(before < 200_000 * 24 + (2 << 20), "{before}");
    assert!(long < 6 << 20, "{long}");
    assert!(long < short + (256 << 10), "{short} for 10,000 lines, {long} for 200,000");
}
