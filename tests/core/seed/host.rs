//! A small host in memory with a clock that moves only when told to, and the service over it.

use super::behaviours::{Activity, Place};
use edgebatch::internal::keys;
use edgebatch::{
    Answer, CreateParams, Fault, FileObject, Host, Inference, InputReader, KvCheck, KvPage, KvQuery, KvWrite,
    RequestLine, Settings, Value as Plain,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The service natively.
pub(crate) struct Native {
    models: Vec<String>,
    clock: Cell<u64>,
    randoms: Cell<u64>,
    kv: RefCell<BTreeMap<String, Vec<u8>>>,
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    activity: Cell<Activity>,
    answering: Cell<bool>,
    stopping: Cell<bool>,
}

/// Runs a test to its end. It must get there: what waits, waits for a clock that the test itself moves.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let mut test = pin!(test);
    for _ in 0..100_000 {
        if test.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
    }
    panic!("the test waits for something that does not come");
}

/// Waits; is asked again in every round of [`run`].
async fn until(condition: impl Fn() -> bool) {
    poll_fn(|context| {
        if condition() {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Host for Native {
    type Writer = (String, RefCell<Vec<u8>>);

    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn random(&self) -> u64 {
        self.randoms.set(self.randoms.get() + 1);
        self.randoms.get().wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    async fn sleep(&self, ms: u64) {
        let over = self.now() + ms;
        until(|| self.now() >= over).await;
    }

    async fn idle(&self, ms: u64) {
        let over = self.now() + ms;
        until(|| self.now() >= over || self.stopping.get()).await;
    }

    fn stop_requested(&self) -> bool {
        self.stopping.get()
    }

    fn faulted(&self, _id: Option<&str>, _message: &str) {}

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.kv.borrow().get(key).cloned())
    }

    fn kv_checks(&self) -> bool {
        true
    }

    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        let mut kv = self.kv.borrow_mut();
        if checks.iter().any(|check| kv.get(check.key).map(Vec::as_slice) != check.value) {
            return Ok(false);
        }
        for write in writes {
            match *write {
                KvWrite::Set(key, value) => kv.insert(key.to_owned(), value.to_vec()),
                KvWrite::Delete(key) => kv.remove(key),
            };
        }
        Ok(true)
    }

    async fn hold_input(&self, _batch: &str, _file_id: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn release_input(&self, _batch: &str) {}

    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        if query.prefix == keys::RUN_PREFIX {
            self.saw(|activity| activity.looks += 1);
        }
        let kv = self.kv.borrow();
        let mut found: Vec<_> = kv.iter().filter(|(key, _)| key.starts_with(&query.prefix)).collect();
        if query.reverse {
            found.reverse();
        }
        found.retain(|(key, _)| {
            let follows = |after: &String| if query.reverse { *key < after } else { *key > after };
            query.after.as_ref().is_none_or(follows)
        });
        let more = found.len() > query.limit as usize;
        let entries = found.into_iter().take(query.limit as usize).map(|(k, v)| (k.clone(), v.clone()));
        Ok(KvPage { entries: entries.collect(), more })
    }

    async fn find_file(&self, id: &str, _: Option<&str>) -> Result<Option<FileObject>, Fault> {
        let files = self.files.borrow();
        Ok(files.get(id).map(|bytes| FileObject { id: id.to_owned(), bytes: bytes.len() as u64 }))
    }

    async fn read_file(&self, id: &str, offset: u64, length: u64, _: Option<&str>) -> Result<Vec<u8>, Fault> {
        let bytes = self.files.borrow()[id].clone();
        Ok(bytes.into_iter().skip(offset as usize).take(length as usize).collect())
    }

    async fn create_file(&self, id: &str, _filename: &str) -> Result<Self::Writer, Fault> {
        Ok((id.to_owned(), RefCell::default()))
    }

    async fn write_file(&self, writer: &Self::Writer, bytes: &[u8]) -> Result<(), Fault> {
        writer.1.borrow_mut().extend(bytes);
        Ok(())
    }

    async fn complete_file(&self, (id, bytes): &Self::Writer) -> Result<String, Fault> {
        self.files.borrow_mut().insert(id.clone(), bytes.take());
        Ok(id.clone())
    }

    async fn abort_file(&self, _writer: Self::Writer) {}

    async fn infer(&self, _request: Inference<'_>) -> Result<Answer, Fault> {
        self.saw(|activity| {
            activity.in_flight += 1;
            activity.most = activity.most.max(activity.in_flight);
        });
        until(|| self.answering.get()).await;
        self.saw(|activity| activity.in_flight -= 1);
        Ok(Answer { status: 200, body: b"{}".to_vec(), request_id: None, retry_after_ms: None })
    }

    async fn has_model(&self, model: &str) -> Result<bool, Fault> {
        Ok(self.models.iter().any(|known| known == model))
    }
}

impl Native {
    fn saw(&self, change: impl FnOnce(&mut Activity)) {
        let mut activity = self.activity.get();
        change(&mut activity);
        self.activity.set(activity);
    }
}

fn told<T: Serialize, E: Serialize>(outcome: Result<T, E>) -> Result<Value, Value> {
    outcome.map(|done| json!(done)).map_err(|error| json!(error))
}

impl Place for Native {
    fn new(models: &[&str]) -> Self {
        Self {
            models: models.iter().map(|&model| model.to_owned()).collect(),
            clock: Cell::new(1_700_000_000_000),
            randoms: Cell::default(),
            kv: RefCell::default(),
            files: RefCell::default(),
            activity: Cell::default(),
            answering: Cell::default(),
            stopping: Cell::default(),
        }
    }

    fn add_file(&self, id: &str, content: &str) {
        self.files.borrow_mut().insert(id.to_owned(), content.into());
    }

    async fn create(&self, params: &Value, metadata: &[(Value, Value)]) -> Result<Value, Value> {
        self.clock.update(|now| now + 1); // ids sort by the millisecond
        let mut params: CreateParams = serde_json::from_value(params.clone()).unwrap();
        if !metadata.is_empty() {
            let own = |value: &Value| serde_json::from_value(value.clone()).unwrap();
            params.metadata = Plain::Object(metadata.iter().map(|(k, v)| (own(k), own(v))).collect());
        }
        told(edgebatch::create(self, params, &Settings::default()).await)
    }

    async fn retrieve(&self, id: &str) -> Result<Value, Value> {
        told(edgebatch::retrieve(self, id, &Settings::default()).await)
    }

    async fn cancel(&self, id: &str) -> Result<Value, Value> {
        told(edgebatch::cancel(self, id, &Settings::default()).await)
    }

    async fn list(&self, params: &Value) -> Result<Value, Value> {
        let params = serde_json::from_value(params.clone()).unwrap();
        told(edgebatch::list(self, params).await)
    }

    async fn validate(&self, file_id: &str, endpoint: &str) -> (Value, Vec<Value>) {
        let mut requests = Vec::new();
        let mut take = |line: u64, request: &RequestLine<'_>| {
            let body: Value = serde_json::from_slice(request.body).unwrap();
            let RequestLine { custom_id, method, url, .. } = request;
            requests.push(json!({
                "line": line, "custom_id": custom_id, "method": method, "url": url, "body": body,
            }));
        };
        let mut reader = InputReader::new(self, file_id, endpoint, false, &Settings::default());
        let report = loop {
            if let Some(report) = reader.next(self, &mut take).await.unwrap() {
                break json!(report);
            }
        };
        (report, requests)
    }

    async fn stored(&self, key: &str) -> Option<String> {
        self.kv.borrow().get(key).map(|value| String::from_utf8(value.clone()).unwrap())
    }

    async fn store(&self, key: &str, value: &str) {
        self.kv.borrow_mut().insert(key.to_owned(), value.into());
    }

    async fn serve(&self, settings: &Value) {
        edgebatch::serve(self, &serde_json::from_value(settings.clone()).unwrap()).await;
    }

    fn stop(&self) {
        self.stopping.set(true);
    }

    async fn tick(&self) {
        self.clock.update(|now| now + 1);
        let mut waited = false;
        poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn activity(&self) -> Activity {
        self.activity.get()
    }

    fn let_model_answer(&self) {
        self.answering.set(true);
    }
}
