//! The store for calls that are made now and then. Each of these is compiled once: an await of the host itself is hundreds of
//! bytes wherever it stands.

use super::owned::Owned;
use super::service::{self, store_failed};
use crate::error::ApiError;
use crate::host::{Fault, Host, KvCheck, KvQuery, KvWrite};
use crate::json::record::from_json;
use crate::keys;
use crate::queue::lease::Owner;
use crate::wire::Batch;
use std::cell::RefCell;
use std::pin::Pin;

pub(super) type Later<'a, T, E = ApiError> = Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>;

/// A key with its value, or without one where it is deleted, or must be absent.
pub(super) type Entry = (String, Option<Vec<u8>>);

#[inline(never)]
pub(super) fn get<H: Host>(host: &H, key: String) -> Later<'_, Option<Vec<u8>>> {
    Box::pin(async move { host.kv_get(&key).await.map_err(store_failed) })
}

/// Writes if the checks hold, where the store takes checks.
#[inline(never)]
pub(super) fn put<H: Host>(host: &H, writes: Vec<Entry>, checks: Vec<Entry>) -> Later<'_, bool> {
    Box::pin(async move {
        let mut all = Vec::with_capacity(writes.len());
        for (key, value) in &writes {
            all.push(value.as_ref().map_or(KvWrite::Delete(key), |value| KvWrite::Set(key, value)));
        }
        let checks: Vec<KvCheck<'_>> =
            checks.iter().map(|(key, value)| KvCheck { key, value: value.as_deref() }).collect();
        service::write(host, &all, &checks).await
    })
}

/// Some entries below a prefix; fewer only where there are no more.
#[inline(never)]
pub(super) fn some<H: Host>(
    host: &H,
    prefix: String,
    after: Option<String>,
    limit: u32,
) -> Later<'_, Vec<(String, Vec<u8>)>> {
    let query = KvQuery { prefix, after, limit, reverse: false };
    Box::pin(async move { super::some_entries(host, query).await.map_err(store_failed) })
}

/// A batch as its run has published it. One that cannot be read is none.
#[inline(never)]
pub(super) fn published<'a, H: Host>(host: &'a H, id: &'a str) -> Later<'a, Option<Box<Batch>>> {
    Box::pin(async move {
        let json = get(host, keys::batch(id)).await?;
        Ok(json.and_then(|json| from_json(&json).ok()).map(Box::new))
    })
}

/// See [`Owned::take`].
#[inline(never)]
pub(super) fn take<'a, H: Host>(
    host: &'a H,
    owner: &'a RefCell<Owner>,
    id: &'a str,
) -> Later<'a, Result<Owned<'a, H>, u64>, Fault> {
    Box::pin(Owned::take(host, owner, id))
}

/// See [`Owned::release`].
#[inline(never)]
pub(super) fn release<'a, H: Host>(owned: Owned<'a, H>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(owned.release())
}
