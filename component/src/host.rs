//! The core's host over what a component imports.

use crate::bindings::edgebatch::component::files::{self, FileWriter};
use crate::bindings::edgebatch::component::{clock, control, inference, kv, random, types};
use edgebatch::{Answer, Fault, FaultKind, FileObject, Host, Inference, KvCheck, KvPage, KvQuery, KvWrite};

/// Whoever the component runs in.
pub(crate) struct Imports;

fn fault(fault: types::Fault) -> Fault {
    let kind = match fault.kind {
        types::FaultKind::Missing => FaultKind::Missing,
        types::FaultKind::Timeout => FaultKind::Timeout,
        types::FaultKind::Terminal => FaultKind::Terminal,
        types::FaultKind::TooLarge => FaultKind::TooLarge,
        types::FaultKind::Refused => FaultKind::Refused,
        types::FaultKind::NotSent => FaultKind::NotSent,
        types::FaultKind::Transient => FaultKind::Transient,
    };
    Fault { kind, message: fault.message }
}

async fn page(query: &KvQuery, keys: bool) -> Result<KvPage, Fault> {
    let KvQuery { prefix, after, limit, reverse } = query.clone();
    let page = kv::list(kv::Query { prefix, after, limit, reverse, keys }).await.map_err(fault)?;
    let entries = page.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
    Ok(KvPage { entries, more: page.more })
}

impl Host for Imports {
    type Writer = FileWriter;

    fn now(&self) -> u64 {
        clock::now()
    }
    fn random(&self) -> u64 {
        random::fresh()
    }
    async fn sleep(&self, ms: u64) {
        clock::sleep(ms).await;
    }
    async fn idle(&self, ms: u64) {
        clock::idle(ms).await;
    }
    fn stop_requested(&self) -> bool {
        control::stop_requested()
    }
    fn faulted(&self, id: Option<&str>, message: &str) {
        control::faulted(id, message);
    }

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        kv::get(key.to_owned()).await.map_err(fault)
    }
    fn kv_checks(&self) -> bool {
        kv::checks()
    }
    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        let write = |write: &KvWrite<'_>| match *write {
            KvWrite::Set(key, value) => {
                kv::Write::Set(kv::Entry { key: key.to_owned(), value: value.to_vec() })
            }
            KvWrite::Delete(key) => kv::Write::Delete(key.to_owned()),
        };
        let check = |check: &KvCheck<'_>| kv::Check {
            key: check.key.to_owned(),
            value: check.value.map(<[u8]>::to_vec),
        };
        let (writes, checks) = (writes.iter().map(write).collect(), checks.iter().map(check).collect());
        kv::batch(writes, checks).await.map_err(fault)
    }
    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        page(query, false).await
    }
    async fn kv_keys(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        page(query, true).await
    }

    async fn hold_input(&self, batch: &str, file_id: &str) -> Result<(), Fault> {
        files::hold(file_id.to_owned(), batch.to_owned()).await.map_err(fault)
    }
    async fn release_input(&self, batch: &str) {
        files::release(batch.to_owned()).await;
    }
    async fn find_file(&self, id: &str, batch: Option<&str>) -> Result<Option<FileObject>, Fault> {
        let found = files::retrieve(id.to_owned(), batch.map(str::to_owned)).await.map_err(fault)?;
        Ok(found.map(|file| FileObject { id: file.id, bytes: file.bytes }))
    }
    async fn read_file(
        &self,
        id: &str,
        offset: u64,
        length: u64,
        batch: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        files::read(id.to_owned(), offset, length, batch.map(str::to_owned)).await.map_err(fault)
    }
    async fn create_file(&self, id: &str, filename: &str) -> Result<FileWriter, Fault> {
        files::create(id.to_owned(), filename.to_owned()).await.map_err(fault)
    }
    async fn write_file(&self, writer: &FileWriter, bytes: &[u8]) -> Result<(), Fault> {
        writer.write(bytes.to_vec()).await.map_err(fault)
    }
    async fn complete_file(&self, writer: &FileWriter) -> Result<String, Fault> {
        writer.complete().await.map_err(fault)
    }
    async fn abort_file(&self, writer: FileWriter) {
        writer.abort().await;
    }

    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault> {
        let request = inference::Request {
            url: request.url.to_owned(),
            body: request.body.to_vec(),
            idempotency_key: request.idempotency_key.to_owned(),
        };
        let answer = inference::infer(request).await.map_err(fault)?;
        let inference::Answer { status, body, request_id, retry_after_ms } = answer;
        Ok(Answer { status, body, request_id, retry_after_ms })
    }
    async fn has_model(&self, model: &str) -> Result<bool, Fault> {
        inference::has_model(model.to_owned()).await.map_err(fault)
    }
}
