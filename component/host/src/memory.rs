//! What outlives an instance: the store, the files, and what the model saw.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A store, files and a model in memory. Clones share them.
#[derive(Clone)]
pub struct Memory {
    data: Arc<Mutex<Data>>,
    /// Something changed that somebody may wait for.
    changed: Arc<Notify>,
    began: Instant,
}

pub(crate) struct Data {
    pub(crate) records: BTreeMap<String, Vec<u8>>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// None is any.
    pub(crate) models: Option<BTreeSet<String>>,
    pub(crate) activity: Activity,
    pub(crate) is_answering: bool,
    pub(crate) is_stopping: bool,
    randoms: u64,
    /// How many calls of the host are still carried out before the instance is as good as dead.
    left: Option<u64>,
}

/// What a run did to its host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    /// Calls of the model that wait for an answer.
    pub in_flight: u64,
    /// The most that ever waited at once.
    pub most: u64,
    /// All calls of the model.
    pub asked: u64,
    /// How often unfinished batches were looked for.
    pub looks: u64,
}

/// A file while it is written.
pub struct Draft {
    pub(crate) id: String,
    pub(crate) bytes: Vec<u8>,
}

/// Unix milliseconds at which a memory begins. Time goes on as tokio's does, which tests move.
const BEGIN: u64 = 1_700_000_000_000;

impl Memory {
    /// Empty, with a model that answers at once. Without a list of models there are all.
    pub fn new(models: Option<&[&str]>) -> Self {
        let models = models.map(|models| models.iter().map(|&model| model.to_owned()).collect());
        let data = Data {
            records: BTreeMap::new(),
            files: BTreeMap::new(),
            models,
            activity: Activity::default(),
            is_answering: true,
            is_stopping: false,
            randoms: 0,
            left: None,
        };
        Self { data: Arc::new(Mutex::new(data)), changed: Arc::default(), began: Instant::now() }
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes what there is, and wakes who waits for it.
    pub fn change(&self, change: impl FnOnce(&mut MemoryView<'_>)) {
        change(&mut MemoryView(&mut self.data()));
        self.changed.notify_waiters();
    }

    /// Waits until something holds.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Unix milliseconds.
    pub fn now(&self) -> u64 {
        BEGIN + u64::try_from(self.began.elapsed().as_millis()).unwrap_or(0)
    }

    /// A host of yours would ask its system for randomness. Here a run can be made again.
    pub(crate) fn random(&self) -> u64 {
        let mut data = self.data();
        data.randoms += 1;
        data.randoms.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Carries out one call of the host, unless the instance is to be dead by then: then nothing is answered any more, and
    /// the last call that was carried out is not told of either.
    pub(crate) async fn call<R>(&self, act: impl FnOnce(&mut Data) -> R) -> R {
        let done = {
            let mut data = self.data();
            match &mut data.left {
                None => Some(act(&mut data)),
                Some(0) => None,
                Some(left) => {
                    *left -= 1;
                    let is_last = *left == 0;
                    let done = act(&mut data);
                    (!is_last).then_some(done)
                }
            }
        };
        self.changed.notify_waiters();
        match done {
            Some(done) => done,
            None => pending().await,
        }
    }

    /// From now on so many calls are carried out; none for all. Of the last one the answer does not arrive.
    pub fn die_after(&self, calls: Option<u64>) {
        self.data().left = calls;
    }

    /// Whether [`die_after`](Self::die_after) has come true.
    pub fn is_dead(&self) -> bool {
        self.data().left == Some(0)
    }

    /// What the model saw.
    pub fn activity(&self) -> Activity {
        self.data().activity
    }

    /// A stored record.
    pub fn record(&self, key: &str) -> Option<Vec<u8>> {
        self.data().records.get(key).cloned()
    }

    /// A file.
    pub fn file(&self, id: &str) -> Option<Vec<u8>> {
        self.data().files.get(id).cloned()
    }
}

/// What may be changed from outside.
pub struct MemoryView<'a>(&'a mut Data);

impl MemoryView<'_> {
    /// Stores a record.
    pub fn store(&mut self, key: &str, value: &[u8]) {
        self.0.records.insert(key.to_owned(), value.to_vec());
    }

    /// Stores a file.
    pub fn add_file(&mut self, id: &str, content: &[u8]) {
        self.0.files.insert(id.to_owned(), content.to_vec());
    }

    /// Whether the model answers.
    pub fn answer(&mut self, whether: bool) {
        self.0.is_answering = whether;
    }

    /// Whether what runs is to stop.
    pub fn stop(&mut self, whether: bool) {
        self.0.is_stopping = whether;
    }
}
