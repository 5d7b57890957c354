//! `create`, `retrieve`, `cancel` and `list` over the key-value store: reads, asks [`crate::service`] what
//! follows, writes.

use crate::batch::{checkpointed, first_checkpoint};
use crate::error::ApiError;
use crate::host::Fault;
use crate::host::{Host, KvQuery, KvWrite};
use crate::json::value::{from_json, to_json};
use crate::keys;
use crate::service::{
    CreateParams, IdempotencyRecord, ListParams, NewBatch, is_id, may_cancel, not_found, overlay_cancel,
    page, page_limit,
};
use crate::settings::Settings;
use crate::wire::{Batch, BatchList};
use futures::future::try_join_all;
use serde::de::DeserializeOwned;

/// Creates a batch. Two calls with the same idempotency key must not run at once; the host sees to that.
///
/// # Errors
/// 400 for bad parameters, 409 for an idempotency key used otherwise, 500 for a fault of the store.
pub async fn create<H: Host>(host: &H, params: CreateParams, settings: &Settings) -> Result<Batch, ApiError> {
    let new = NewBatch::check(params, settings)?;
    let record = match new.idempotency_hash() {
        None => new.record(host.now(), [host.random(), host.random()]),
        Some(hash) => {
            let key = keys::idempotency(hash);
            match read::<H, IdempotencyRecord>(host, &key).await? {
                Some(record) => {
                    new.matches(&record)?;
                    // Without its batch, the call that made the record was cut off: this one completes it.
                    if let Some(batch) = find(host, &record.batch_id).await? {
                        return with_cancel(host, batch).await;
                    }
                    record
                }
                None => {
                    let record = new.record(host.now(), [host.random(), host.random()]);
                    let json = to_json(&record);
                    host.kv_write(&[KvWrite::Set(&key, &json)]).await.map_err(store_failed)?;
                    record
                }
            }
        }
    };
    let batch = new.into_batch(record, settings);
    let json = to_json(&batch);
    // The checkpoint comes first: a batch that users can see is one that runs, even if a crash comes between.
    let (run, published) = (keys::run(&batch.id), keys::batch(&batch.id));
    let writes = [KvWrite::Set(&run, &first_checkpoint(&batch)), KvWrite::Set(&published, &json)];
    host.kv_write(&writes).await.map_err(store_failed)?;
    Ok(batch)
}

/// The batch as it stands.
///
/// # Errors
/// 404 when there is none, 500 for a fault of the store.
pub async fn retrieve<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<Batch, ApiError> {
    let batch = find(host, id).await?;
    with_cancel(host, batch.ok_or_else(|| not_found(id, settings.dialect))?).await
}

/// The batch as its run published it, or else as its `create` was cut off: only its run may publish it then.
async fn find<H: Host>(host: &H, id: &str) -> Result<Option<Batch>, ApiError> {
    let (key, run) = (keys::batch(id), keys::run(id));
    let published = read::<H, Batch>(host, &key).await;
    if let Ok(Some(batch)) = &published
        && batch.status.is_terminal()
    {
        return published;
    }
    let checkpoint = host.kv_get(&run).await.map_err(store_failed)?;
    match (published, checkpoint) {
        (Ok(None), None) => read(host, &key).await,
        // A record that cannot be read is published again by the run.
        (Ok(None) | Err(_), Some(checkpoint)) => Ok(checkpointed(&checkpoint).map(Some)?),
        (Ok(Some(_)), None) => {
            // It may have ended between the two reads. One that has not would never end: what cannot be read as a
            // checkpoint has its run begin again over what is stored.
            let batch = read::<H, Batch>(host, &key).await?;
            if batch.as_ref().is_some_and(|batch| !batch.status.is_terminal()) {
                host.kv_write(&[KvWrite::Set(&run, b"lost")]).await.map_err(store_failed)?;
            }
            Ok(batch)
        }
        (published, _) => published,
    }
}

/// Asks for a batch to be cancelled. Its run will see it within a second.
///
/// # Errors
/// 404 when there is none, 409 when it has ended otherwise, 500 for a fault of the store.
pub async fn cancel<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<Batch, ApiError> {
    let batch = retrieve(host, id, settings).await?;
    if !may_cancel(&batch, settings.dialect)? {
        return Ok(batch);
    }
    let requested_at = (host.now() / 1_000).to_string();
    host.kv_write(&[KvWrite::Set(&keys::cancel(id), requested_at.as_bytes())]).await.map_err(store_failed)?;
    // The run may have ended meanwhile; then the truth is told, and the request is not left behind.
    let batch = retrieve(host, id, settings).await?;
    if batch.status.is_terminal() {
        host.kv_write(&[KvWrite::Delete(&keys::cancel(id))]).await.map_err(store_failed)?;
        may_cancel(&batch, settings.dialect)?;
    }
    Ok(batch)
}

/// A page of batches, newest first.
///
/// # Errors
/// 400 for a limit out of range, 500 for a fault of the store.
pub async fn list<H: Host>(host: &H, params: ListParams) -> Result<BatchList, ApiError> {
    let limit = page_limit(params.limit)?;
    // It goes on by order, whether there is such a batch or not; what cannot be an id is ignored (reference behaviour).
    let mut after = params.after.filter(|id| is_id(id)).map(|id| keys::batch(&id));
    let (mut entries, mut more) = (Vec::new(), true);
    while more && entries.len() < limit as usize {
        let query = KvQuery {
            prefix: keys::BATCH_PREFIX.to_owned(),
            after: after.take(),
            limit: limit - entries.len() as u32,
            reverse: true,
        };
        let page = host.kv_list(&query).await.map_err(store_failed)?;
        let Some((last, _)) = page.entries.last() else {
            more = false;
            break;
        };
        after = Some(last.clone());
        more = page.more;
        entries.extend(page.entries);
    }
    // One that cannot be read must not hide the others.
    let batches: Vec<Batch> = entries.iter().filter_map(|(_, json)| parse(json).ok()).collect();
    Ok(page(try_join_all(batches.into_iter().map(|batch| with_cancel(host, batch))).await?, more))
}

async fn with_cancel<H: Host>(host: &H, batch: Batch) -> Result<Batch, ApiError> {
    if batch.status.is_terminal() {
        return Ok(batch);
    }
    let requested_at = host.kv_get(&keys::cancel(&batch.id)).await.map_err(store_failed)?;
    Ok(overlay_cancel(batch, requested_at.and_then(|value| keys::cancelled_at(&value))))
}

async fn read<H: Host, T: DeserializeOwned>(host: &H, key: &str) -> Result<Option<T>, ApiError> {
    let json = host.kv_get(key).await.map_err(store_failed)?;
    json.map(|json| parse(&json)).transpose()
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    from_json(json).map_err(|e| ApiError::internal(format!("a stored record cannot be read: {e}")))
}

fn store_failed(fault: Fault) -> ApiError {
    ApiError::internal(format!("The key-value store failed: {}", fault.message))
}
