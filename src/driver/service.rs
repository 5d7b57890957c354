//! `create`, `retrieve`, `cancel` and `list` over the key-value store: reads, asks [`crate::service`] what
//! follows, writes.

use super::{hold, some_entries, wish};
use crate::batch::{checkpointed, first_checkpoint};
use crate::error::ApiError;
use crate::host::Fault;
use crate::host::{Host, KvCheck, KvQuery, KvWrite};
use crate::json::record::{FromValue, from_json};
use crate::json::value::to_json;
use crate::keys;
use crate::service::{
    Asked, CreateParams, IdempotencyRecord, ListParams, NewBatch, is_id, not_found, overlay_hold,
    overlay_wish, page, page_limit,
};
use crate::settings::Settings;
use crate::wire::{Batch, BatchList};
use futures::future::{try_join, try_join_all};

/// How often `create` begins again because another batch was created meanwhile. One of all that race wins each time.
const RACES: u32 = 1_000;

/// Creates a batch. Where the store takes no checks, two calls must not run at once; the host sees to that.
///
/// # Errors
/// 400 for bad parameters, 409 for an idempotency key used otherwise, 500 for a fault of the store.
pub async fn create<H: Host>(host: &H, params: CreateParams, settings: &Settings) -> Result<Batch, ApiError> {
    let new = NewBatch::check(params, settings)?;
    let key = new.idempotency_hash().map(keys::idempotency);
    for _ in 0..RACES {
        let stored = match &key {
            None => None,
            Some(key) => read::<H, IdempotencyRecord>(host, key).await?,
        };
        if let Some(record) = &stored {
            new.matches(record)?;
            // Without its batch, the call that made the record was cut off: this one completes it.
            if let Some(batch) = find(host, &record.batch_id).await? {
                return with_wish(host, batch).await;
            }
        }
        let source = match new.continues() {
            None => None,
            Some(id) => find(host, id).await?,
        };
        new.check_source(source.as_ref(), settings)?;
        let newest = host.kv_get(keys::NEWEST).await.map_err(store_failed)?;
        let is_new = stored.is_none();
        let record = stored
            .unwrap_or_else(|| new.record(host.now(), [host.random(), host.random()], newest.as_deref()));
        let record_json = to_json(&record);
        let batch = new.batch(record, source.as_ref(), settings);
        host.hold_input(&batch.id, &batch.input_file_id).await.map_err(store_failed)?;
        let (json, run, published) = (to_json(&batch), keys::run(&batch.id), keys::batch(&batch.id));
        let checkpoint = first_checkpoint(&batch);
        // In an order that a crash cannot spoil where the store has no atomic writes: the record of the key names the id
        // that is to be, and a batch that users can see is one that runs.
        let mut writes = Vec::with_capacity(4);
        let mut checks = vec![KvCheck { key: &run, value: None }, KvCheck { key: &published, value: None }];
        if is_new {
            checks.push(KvCheck { key: keys::NEWEST, value: newest.as_deref() });
            if let Some(key) = &key {
                checks.push(KvCheck { key, value: None });
                writes.push(KvWrite::Set(key, &record_json));
            }
            writes.push(KvWrite::Set(keys::NEWEST, batch.id.as_bytes()));
            if batch.priority() != 0 {
                writes.push(KvWrite::Set(keys::PRIORITIES, b"1"));
            }
        }
        writes.extend([KvWrite::Set(&run, &checkpoint), KvWrite::Set(&published, &json)]);
        if write(host, &writes, &checks).await? {
            return Ok(batch);
        }
        // Under an id that was there before, another call has made the batch, which needs its input.
        if is_new {
            host.release_input(&batch.id).await;
        }
    }
    Err(store_failed(Fault::transient("too many batches are created at once")))
}

/// Writes, under checks where the store takes them.
pub(super) async fn write<H: Host>(
    host: &H,
    writes: &[KvWrite<'_>],
    checks: &[KvCheck<'_>],
) -> Result<bool, ApiError> {
    let checks = if host.kv_checks() { checks } else { &[] };
    host.kv_write(writes, checks).await.map_err(store_failed)
}

/// The batch as it stands.
///
/// # Errors
/// 404 when there is none, 500 for a fault of the store.
pub async fn retrieve<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<Batch, ApiError> {
    let batch = find(host, id).await?;
    with_wish(host, batch.ok_or_else(|| not_found(id, settings.dialect))?).await
}

/// The batch as its run published it, or else as its `create` was cut off: only its run may publish it then.
pub(super) async fn find<H: Host>(host: &H, id: &str) -> Result<Option<Batch>, ApiError> {
    let (key, run) = (keys::batch(id), keys::run(id));
    // A store that fails is no record that cannot be read: the checkpoint is older, and users would see fewer results.
    let json = host.kv_get(&key).await.map_err(store_failed)?;
    let published = json.map(|json| parse::<Batch>(&json)).transpose();
    if let Ok(Some(batch)) = &published
        && batch.status.is_terminal()
    {
        return published;
    }
    let checkpoint = host.kv_get(&run).await.map_err(store_failed)?;
    match (published, checkpoint) {
        (Ok(None), None) => read(host, &key).await,
        (Ok(None), Some(first)) => Ok(checkpointed(&first).map(Some)?),
        (Err(_), Some(first)) => {
            // A record that cannot be read is published again by the run.
            let latest = host.kv_get(&keys::checkpoint(id)).await.map_err(store_failed)?;
            Ok(checkpointed(&latest.unwrap_or(first)).map(Some)?)
        }
        (Ok(Some(_)), None) => {
            // It may have ended between the two reads. One that has not would never end: what cannot be read as a
            // checkpoint has its run begin again over what is stored.
            let batch = read::<H, Batch>(host, &key).await?;
            if batch.as_ref().is_some_and(|batch| !batch.status.is_terminal()) {
                let gone = KvCheck { key: &run, value: None };
                write(host, &[KvWrite::Set(&run, b"lost")], &[gone]).await?;
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
    ask(host, id, Asked::Cancel, settings).await
}

/// Pauses a batch: what is in flight ends, and nothing new starts before [`resume`]. Its run will see it within a second; its
/// window goes on closing.
///
/// # Errors
/// 404 when there is none, 409 when it has nothing left to start, 500 for a fault of the store.
pub async fn pause<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<Batch, ApiError> {
    ask(host, id, Asked::Pause, settings).await
}

/// Lets a paused batch go on. One that is not paused stays as it is.
///
/// # Errors
/// 404 when there is none, 409 when it has ended, 500 for a fault of the store.
pub async fn resume<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<Batch, ApiError> {
    ask(host, id, Asked::Resume, settings).await
}

/// Stores what a user wishes of a batch that is under way, if it is not so already.
///
/// # Errors
/// 404 when there is no such batch, 409 when it cannot be so any more, 500 for a fault of the store.
pub async fn ask<H: Host>(host: &H, id: &str, asked: Asked, settings: &Settings) -> Result<Batch, ApiError> {
    let (key, value) = asked.record(id, host.now() / 1_000);
    let held = keys::pause(id);
    loop {
        let before = host.kv_get(&held).await.map_err(store_failed)?;
        let batch = retrieve(host, id, settings).await?;
        if !asked.is_news(&batch, settings.dialect)? {
            return Ok(batch);
        }
        let set = value.as_deref().map_or(KvWrite::Delete(&key), |value| KvWrite::Set(&key, value));
        // It may be on its way to another host since.
        if write(host, &[set], &[KvCheck { key: &held, value: before.as_deref() }]).await? {
            break;
        }
    }
    // The run may have gone further meanwhile; then its real status is given, and the wish is removed.
    let batch = retrieve(host, id, settings).await?;
    let heard = asked.is_news(&batch, settings.dialect);
    if heard.is_err() || batch.status.is_terminal() {
        write(host, &[KvWrite::Delete(&key)], &[]).await?;
    }
    heard.map(|_| batch)
}

/// A page of batches, newest first.
///
/// # Errors
/// 400 for a limit out of range, 500 for a fault of the store.
pub async fn list<H: Host>(host: &H, params: ListParams) -> Result<BatchList, ApiError> {
    let limit = page_limit(params.limit)?;
    // It continues by order, whether there is such a batch or not; what cannot be an id is ignored.
    let after = params.after.filter(|id| is_id(id)).map(|id| keys::batch(&id));
    let query = KvQuery {
        prefix: keys::BATCH_PREFIX.to_owned(),
        after,
        // One more tells whether there are more.
        limit: limit + 1,
        reverse: true,
    };
    let mut entries = some_entries(host, query).await.map_err(store_failed)?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    // One that cannot be read must not hide the others.
    let batches: Vec<Batch> = entries.iter().filter_map(|(_, json)| parse(json).ok()).collect();
    Ok(page(try_join_all(batches.into_iter().map(|batch| with_wish(host, batch))).await?, more))
}

async fn with_wish<H: Host>(host: &H, batch: Batch) -> Result<Batch, ApiError> {
    if batch.status.is_terminal() {
        return Ok(batch);
    }
    let (wish, hold) = try_join(wish(host, &batch.id), hold(host, &batch.id)).await.map_err(store_failed)?;
    Ok(overlay_hold(overlay_wish(batch, wish), hold.as_ref()))
}

async fn read<H: Host, T: FromValue>(host: &H, key: &str) -> Result<Option<T>, ApiError> {
    let json = host.kv_get(key).await.map_err(store_failed)?;
    json.map(|json| parse(&json)).transpose()
}

fn parse<T: FromValue>(json: &[u8]) -> Result<T, ApiError> {
    from_json(json).map_err(|e| ApiError::internal(format!("a stored record cannot be read: {e}")))
}

pub(super) fn store_failed(fault: Fault) -> ApiError {
    ApiError::internal(format!("The key-value store failed: {}", fault.message))
}
