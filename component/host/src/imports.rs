//! What the component imports.

use crate::bindings::edgebatch::component::files::{self, FileObject};
use crate::bindings::edgebatch::component::types::{self, Fault, FaultKind};
use crate::bindings::edgebatch::component::{clock, control, inference, kv, random};
use crate::memory::{Draft, Memory};
use std::ops::Bound;
use std::time::Duration;
use wasmtime::component::{Accessor, HasSelf, Resource, ResourceTable};

/// What an instance has beside its memory.
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) drafts: ResourceTable,
}

type Own = HasSelf<State>;

fn memory<T: 'static>(accessor: &Accessor<T, Own>) -> Memory {
    accessor.with(|mut access| access.get().memory.clone())
}

fn missing(what: &str) -> Fault {
    Fault { kind: FaultKind::Missing, message: format!("there is no {what}") }
}

/// A handle that the component does not have.
fn no_draft(_: wasmtime::component::ResourceTableError) -> Fault {
    Fault { kind: FaultKind::Terminal, message: "this file is not being written".to_owned() }
}

impl types::Host for State {}

impl clock::Host for State {
    fn now(&mut self) -> u64 {
        self.memory.now()
    }
}

impl<T: Send + 'static> clock::HostWithStore<T> for Own {
    async fn sleep(_: &Accessor<T, Self>, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    async fn idle(accessor: &Accessor<T, Self>, ms: u64) {
        let memory = memory(accessor);
        let stopping = memory.until(|memory| memory.data().is_stopping);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => {}
            () = stopping => {}
        }
    }
}

impl random::Host for State {
    fn fresh(&mut self) -> u64 {
        self.memory.random()
    }
}

impl control::Host for State {
    fn stop_requested(&mut self) -> bool {
        self.memory.data().is_stopping
    }
    fn faulted(&mut self, id: Option<String>, message: String) {
        eprintln!("{}: {message}", id.as_deref().unwrap_or("all batches"));
    }
}

impl kv::Host for State {
    fn checks(&mut self) -> bool {
        true
    }
}

impl<T: Send + 'static> kv::HostWithStore<T> for Own {
    async fn get(accessor: &Accessor<T, Self>, key: String) -> Result<Option<Vec<u8>>, Fault> {
        Ok(memory(accessor).call(|data| data.records.get(&key).cloned()).await)
    }

    async fn batch(
        accessor: &Accessor<T, Self>,
        writes: Vec<kv::Write>,
        checks: Vec<kv::Check>,
    ) -> Result<bool, Fault> {
        let write_all = |data: &mut crate::memory::Data| {
            if checks.iter().any(|check| data.records.get(&check.key) != check.value.as_ref()) {
                return false;
            }
            for write in writes {
                match write {
                    kv::Write::Set(entry) => data.records.insert(entry.key, entry.value),
                    kv::Write::Delete(key) => data.records.remove(&key),
                };
            }
            true
        };
        Ok(memory(accessor).call(write_all).await)
    }

    async fn list(accessor: &Accessor<T, Self>, query: kv::Query) -> Result<kv::Page, Fault> {
        let kv::Query { prefix, after, limit, reverse, keys } = query;
        let list = |data: &mut crate::memory::Data| {
            if prefix == "run:" {
                data.activity.looks += 1;
            }
            let from = match &after {
                Some(after) if !reverse && *after >= prefix => Bound::Excluded(after.as_str()),
                _ => Bound::Included(prefix.as_str()),
            };
            let is_before = |key: &str| !reverse || after.as_ref().is_none_or(|after| key < after.as_str());
            let value = |value: &Vec<u8>| if keys { Vec::new() } else { value.clone() };
            let entry = |(key, of): (&String, &Vec<u8>)| kv::Entry { key: key.clone(), value: value(of) };
            let of_prefix = data
                .records
                .range::<str, _>((from, Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(&prefix) && is_before(key));
            let limit = limit as usize;
            let mut entries: Vec<kv::Entry> = if reverse {
                let all: Vec<_> = of_prefix.collect();
                all.into_iter().rev().take(limit + 1).map(entry).collect()
            } else {
                of_prefix.take(limit + 1).map(entry).collect()
            };
            let more = entries.len() > limit;
            entries.truncate(limit);
            kv::Page { entries, more }
        };
        Ok(memory(accessor).call(list).await)
    }
}

impl files::Host for State {}

impl files::HostFileWriter for State {
    fn drop(&mut self, writer: Resource<Draft>) -> wasmtime::Result<()> {
        self.drafts.delete(writer)?;
        Ok(())
    }
}

impl<T: Send + 'static> files::HostFileWriterWithStore<T> for Own {
    async fn write(
        accessor: &Accessor<T, Self>,
        writer: Resource<Draft>,
        part: Vec<u8>,
    ) -> Result<(), Fault> {
        let memory = memory(accessor);
        memory.call(|_| ()).await;
        accessor.with(|mut access| {
            let draft = access.get().drafts.get_mut(&writer).map_err(no_draft)?;
            draft.bytes.extend_from_slice(&part);
            Ok(())
        })
    }

    async fn complete(accessor: &Accessor<T, Self>, writer: Resource<Draft>) -> Result<String, Fault> {
        let memory = memory(accessor);
        let (id, bytes) = accessor.with(|mut access| {
            let draft = access.get().drafts.get_mut(&writer).map_err(no_draft)?;
            Ok::<_, Fault>((draft.id.clone(), std::mem::take(&mut draft.bytes)))
        })?;
        memory.call(|data| drop(data.files.insert(id.clone(), bytes))).await;
        Ok(id)
    }

    async fn abort(_: &Accessor<T, Self>, _: Resource<Draft>) {}
}

impl<T: Send + 'static> files::HostWithStore<T> for Own {
    async fn retrieve(
        accessor: &Accessor<T, Self>,
        id: String,
        _holder: Option<String>,
    ) -> Result<Option<FileObject>, Fault> {
        let bytes = memory(accessor).call(|data| data.files.get(&id).map(|bytes| bytes.len() as u64)).await;
        Ok(bytes.map(|bytes| FileObject { id, bytes }))
    }

    async fn read(
        accessor: &Accessor<T, Self>,
        id: String,
        offset: u64,
        length: u64,
        _holder: Option<String>,
    ) -> Result<Vec<u8>, Fault> {
        let read = |data: &mut crate::memory::Data| {
            let file = data.files.get(&id).ok_or_else(|| missing("such file"))?;
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
            let to = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(file.len());
            Ok(file[from..to].to_vec())
        };
        memory(accessor).call(read).await
    }

    async fn create(
        accessor: &Accessor<T, Self>,
        id: String,
        _filename: String,
    ) -> Result<Resource<Draft>, Fault> {
        memory(accessor).call(|_| ()).await;
        let draft = Draft { id, bytes: Vec::new() };
        accessor.with(|mut access| access.get().drafts.push(draft)).map_err(no_draft)
    }

    async fn hold(_: &Accessor<T, Self>, _id: String, _holder: String) -> Result<(), Fault> {
        Ok(())
    }
    async fn release(_: &Accessor<T, Self>, _holder: String) {}
}

impl inference::Host for State {}

impl<T: Send + 'static> inference::HostWithStore<T> for Own {
    /// Here a client of HTTP would call a model server.
    async fn infer(
        accessor: &Accessor<T, Self>,
        request: inference::Request,
    ) -> Result<inference::Answer, Fault> {
        let memory = memory(accessor);
        let asked = |data: &mut crate::memory::Data| {
            data.activity.asked += 1;
            data.activity.in_flight += 1;
            data.activity.most = data.activity.most.max(data.activity.in_flight);
        };
        memory.call(asked).await;
        memory.until(|memory| memory.data().is_answering).await;
        memory.data().activity.in_flight -= 1;
        memory.notify();
        // The request itself, so that whoever reads the results sees which answer is to which.
        let mut body = b"{\"echo\":".to_vec();
        body.extend(request.body);
        body.push(b'}');
        Ok(inference::Answer { status: 200, body, request_id: None, retry_after_ms: None })
    }

    async fn has_model(accessor: &Accessor<T, Self>, model: String) -> Result<bool, Fault> {
        Ok(memory(accessor)
            .call(|data| data.models.as_ref().is_none_or(|models| models.contains(&model)))
            .await)
    }
}
