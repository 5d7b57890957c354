//! The only awaiting part of the core: carries out what the pure parts decide, over a [`Host`].

mod export;
mod import;
mod input;
mod manifest;
mod moving;
mod owned;
mod perform;
mod results;
mod serve;
mod service;
mod store;
mod turn;

pub use export::Export;
pub use import::{Import, ImportedInput, sweep_imports};
pub use input::{InputReader, ValidRequests};
pub use manifest::manifest;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "service"))]
pub(crate) use manifest::manifest_of;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "service"))]
pub(crate) use moving::part;
pub use moving::{fence, settle, take_back};
pub use results::results;
pub use serve::{admit, serve};
pub use service::{ask, cancel, create, list, pause, resume, retrieve};
pub use turn::{Turn, run_turn};

use crate::host::Fault;
use crate::host::{Host, KvQuery};
use crate::keys;
use crate::limits::LISTED;
use crate::wire::{Hold, Wish};

/// Every entry under a prefix.
async fn all_entries<H: Host>(host: &H, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = KvQuery { prefix: prefix.to_owned(), after, limit: LISTED, reverse: false };
        let page = host.kv_list(&query).await?;
        after = page.entries.last().map(|(key, _)| key.clone());
        all.extend(page.entries);
        if !page.more || after.is_none() {
            return Ok(all);
        }
    }
}

/// The entries asked for: fewer only where there are no more.
async fn some_entries<H: Host>(host: &H, mut query: KvQuery) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut all = Vec::new();
    loop {
        let page = host.kv_list(&query).await?;
        let taken = page.entries.len() as u32;
        query.limit = query.limit.saturating_sub(taken);
        query.after = page.entries.last().map(|(key, _)| key.clone());
        all.extend(page.entries);
        if !page.more || taken == 0 || query.limit == 0 {
            return Ok(all);
        }
    }
}

/// What holds a batch; none where nothing does. Read here alone: for its run, and for whoever shows it.
async fn hold<H: Host>(host: &H, id: &str) -> Result<Option<Hold>, Fault> {
    let value = host.kv_get(&keys::pause(id)).await?;
    Ok(value.map(|value| Hold::decode(&value, host.now() / 1_000)))
}

/// What the user wishes of a batch. Read here alone: for its run, and for whoever shows it.
async fn wish<H: Host>(host: &H, id: &str) -> Result<Option<Wish>, Fault> {
    let value = host.kv_get(&keys::cancel(id)).await?;
    Ok(value.map(|value| Wish::decode(&value, host.now() / 1_000)))
}
