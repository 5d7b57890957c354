//! The core in a program of its own: a host over a map and a vector, driven by tokio. `cargo run --example native`.
//!
//! The futures of the core are not `Send`, so that one thread runs them: [`tokio::task::LocalSet`]. Put your database, your disk and your
//! model server in the place of the map, the vector and [`Host::infer`]; what each must promise stands at [`Host`].

// A host is where the clock and randomness come from.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use edgebatch::{
    Answer, Batch, CreateParams, Fault, FaultKind, FileObject, Host, Inference, KvCheck, KvPage, KvQuery,
    KvWrite, Settings, create, retrieve, serve,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use tokio::task::LocalSet;

#[derive(Default)]
struct Memory {
    records: RefCell<BTreeMap<String, Vec<u8>>>,
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Wakes a run that waits for work.
    created: Notify,
    stopping: Cell<bool>,
}

/// A file while it is written.
struct Draft {
    id: String,
    bytes: RefCell<Vec<u8>>,
}

impl Memory {
    fn file(&self, id: &str) -> Result<Vec<u8>, Fault> {
        let missing = || Fault { kind: FaultKind::Missing, message: format!("there is no file {id}") };
        self.files.borrow().get(id).cloned().ok_or_else(missing)
    }
}

impl Host for Memory {
    type Writer = Draft;

    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
    fn random(&self) -> u64 {
        RandomState::new().build_hasher().finish()
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    async fn idle(&self, ms: u64) {
        tokio::select! {
            () = self.sleep(ms) => {}
            () = self.created.notified() => {}
        }
    }
    fn stop_requested(&self) -> bool {
        self.stopping.get()
    }
    fn faulted(&self, id: Option<&str>, message: &str) {
        eprintln!("{}: {message}", id.unwrap_or("all batches"));
    }

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.records.borrow().get(key).cloned())
    }
    fn kv_checks(&self) -> bool {
        true
    }
    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        let mut records = self.records.borrow_mut();
        if checks.iter().any(|check| records.get(check.key).map(Vec::as_slice) != check.value) {
            return Ok(false);
        }
        for write in writes {
            match *write {
                KvWrite::Set(key, value) => records.insert(key.to_owned(), value.to_vec()),
                KvWrite::Delete(key) => records.remove(key),
            };
        }
        Ok(true)
    }
    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        let records = self.records.borrow();
        let after = |key: &str| match &query.after {
            None => true,
            Some(after) if query.reverse => key < after.as_str(),
            Some(after) => key > after.as_str(),
        };
        let mut found: Vec<_> = records
            .iter()
            .filter(|(key, _)| key.starts_with(&query.prefix) && after(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if query.reverse {
            found.reverse();
        }
        let more = found.len() > query.limit as usize;
        found.truncate(query.limit as usize);
        Ok(KvPage { entries: found, more })
    }

    async fn hold_input(&self, _batch: &str, _file_id: &str) -> Result<(), Fault> {
        Ok(())
    }
    async fn release_input(&self, _batch: &str) {}
    async fn find_file(&self, id: &str, _batch: Option<&str>) -> Result<Option<FileObject>, Fault> {
        let file = self.file(id).ok();
        Ok(file.map(|bytes| FileObject { id: id.to_owned(), bytes: bytes.len() as u64 }))
    }
    async fn read_file(&self, id: &str, offset: u64, length: u64, _: Option<&str>) -> Result<Vec<u8>, Fault> {
        let file = self.file(id)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
        let to = from.saturating_add(length as usize).min(file.len());
        Ok(file[from..to].to_vec())
    }
    async fn create_file(&self, id: &str, _filename: &str) -> Result<Draft, Fault> {
        Ok(Draft { id: id.to_owned(), bytes: RefCell::default() })
    }
    async fn write_file(&self, writer: &Draft, bytes: &[u8]) -> Result<(), Fault> {
        writer.bytes.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }
    async fn complete_file(&self, writer: &Draft) -> Result<String, Fault> {
        self.files.borrow_mut().insert(writer.id.clone(), writer.bytes.take());
        Ok(writer.id.clone())
    }
    async fn abort_file(&self, _writer: Draft) {}

    /// Here a client of HTTP would call a model server.
    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault> {
        self.sleep(20).await;
        let text = format!("{} bytes for {}", request.body.len(), request.url);
        let body = format!(r#"{{"choices":[{{"message":{{"role":"assistant","content":"{text}"}}}}]}}"#);
        Ok(Answer { status: 200, body: body.into_bytes(), request_id: None, retry_after_ms: None })
    }
    async fn has_model(&self, _model: &str) -> Result<bool, Fault> {
        Ok(true)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (batch, output) = LocalSet::new().run_until(run()).await?;
    println!("{}: {:?}", batch.status.as_str(), batch.request_counts);
    println!("{}", output.lines().next().unwrap_or_default());
    Ok(())
}

/// Runs a batch of a hundred requests to its end; gives it and its output file.
async fn run() -> Result<(Batch, String), Box<dyn std::error::Error>> {
    let host = Rc::new(Memory::default());
    let line = |n: u32| {
        format!(
            r#"{{"custom_id":"request-{n}","method":"POST","url":"/v1/chat/completions","body":{{"model":"m","messages":[]}}}}"#
        )
    };
    let lines: Vec<String> = (1..=100).map(line).collect();
    host.files.borrow_mut().insert("file-1".to_owned(), lines.join("\n").into_bytes());

    let settings = Settings::default();
    let serving = tokio::task::spawn_local({
        let (host, settings) = (Rc::clone(&host), settings.clone());
        async move { serve(host.as_ref(), &settings).await }
    });
    let params = CreateParams {
        input_file_id: "file-1".into(),
        endpoint: "/v1/chat/completions".into(),
        completion_window: "24h".into(),
        ..CreateParams::default()
    };
    let told = |error: edgebatch::ApiError| error.message;
    let created = create(host.as_ref(), params, &settings).await.map_err(told)?;
    host.created.notify_one();
    let batch = loop {
        let batch = retrieve(host.as_ref(), &created.id, &settings).await.map_err(told)?;
        if batch.status.is_terminal() {
            break batch;
        }
        host.sleep(50).await;
    };
    let output =
        host.file(batch.output_file_id.as_deref().unwrap_or_default()).map_err(|fault| fault.message)?;

    host.stopping.set(true);
    host.created.notify_one();
    serving.await?;
    Ok((batch, String::from_utf8(output)?))
}

#[test]
fn a_host_of_ones_own_runs_a_batch_to_its_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (batch, output) = LocalSet::new().block_on(&runtime, run()).expect("it runs");
    assert_eq!((batch.status.as_str(), batch.request_counts.completed), ("completed", 100));
    assert_eq!(output.lines().count(), 100);
}
