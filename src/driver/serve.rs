//! Runs every unfinished batch, as many at once as allowed, until the host asks to stop.

use crate::batch::{TurnEnd, checkpointed};
use crate::driver::some_entries;
use crate::driver::turn::{Turn, run_turn};
use crate::host::Fault;
use crate::host::{Host, KvQuery};
use crate::keys;
use crate::limits::{HOST_RETRY_CAP_MS, MAX_RANKED, PAUSED_POLL_MS};
use crate::queue::admission::Admission;
use crate::queue::lease::Owner;
use crate::queue::priority::ranked;
use crate::settings::Settings;
use crate::steady::Steady;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use std::cell::RefCell;
use std::pin::pin;

/// How long to idle when nothing says earlier that there is work.
const IDLE_MS: u64 = 1_000;
/// Records read in one go; of cancelled batches the rest follow when these have ended.
const PAGE: u32 = 100;

/// Runs batches until [`Host::stop_requested`]. What a crash left unfinished is picked up first, being oldest.
pub async fn serve<H: Host>(host: &H, settings: &Settings) {
    let owner = RefCell::new(Owner::new([host.random(), host.random()], settings));
    let owner = &owner;
    let mut admission = Admission::new(settings.max_concurrent_batches);
    let mut turns = FuturesUnordered::new();
    // Who rests until an hour that the clock was set back from would rest an hour longer.
    let mut clock = Steady::new(host.now());
    loop {
        if !host.stop_requested() {
            match unfinished(host, admission.wanted() as u32).await {
                Ok((oldest, cancelled)) => {
                    for id in admission.admit(clock.at(host.now()), &oldest, &cancelled) {
                        turns.push(async move {
                            let end =
                                run_turn(host, &id, settings, Turn { owner: Some(owner), ..Turn::default() })
                                    .await;
                            (id, end)
                        });
                    }
                }
                Err(fault) => host.faulted(None, &fault.message),
            }
        }
        if turns.is_empty() {
            if host.stop_requested() {
                return;
            }
            let until_wake = {
                let now = clock.at(host.now());
                admission.wakes_at().map_or(IDLE_MS, |at| at.saturating_sub(now).max(1))
            };
            host.idle(until_wake.min(IDLE_MS)).await;
            continue;
        }
        let ended = if host.stop_requested() {
            // Nothing new starts, so there is nothing to look for meanwhile.
            turns.next().await
        } else {
            match select(turns.next(), pin!(host.idle(IDLE_MS))).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => None,
            }
        };
        if let Some((id, end)) = ended {
            let wake_at = match end {
                Ok(TurnEnd::Terminal) => None,
                Ok(TurnEnd::Suspended { wake_at } | TurnEnd::Held { wake_at }) => Some(wake_at),
                // Whoever lets it go on may be another process.
                Ok(TurnEnd::Paused { wake_at }) => Some(wake_at.min(host.now() + PAUSED_POLL_MS)),
                Ok(TurnEnd::Faulted { wake_at, message }) => {
                    host.faulted(Some(&id), &message);
                    Some(wake_at)
                }
                // A checkpoint of a later build: another host may read it. This one looks again rarely.
                Err(error) => {
                    host.faulted(Some(&id), &error.message);
                    Some(host.now() + 60 * HOST_RETRY_CAP_MS)
                }
            };
            let rests = wake_at.map(|wake_at| wake_at.saturating_sub(host.now()));
            admission.ended(&id, rests.map(|ms| clock.at(host.now()) + ms));
        }
    }
}

/// Which batches are to start now, for a host that runs each in an object of its own and keeps in another who runs and who
/// rests until when (Unix milliseconds).
///
/// # Errors
/// When the store cannot be read.
pub async fn admit<H: Host>(
    host: &H,
    settings: &Settings,
    running: Vec<String>,
    resting: Vec<(String, u64)>,
) -> Result<Vec<String>, Fault> {
    let mut admission = Admission::resume(settings.max_concurrent_batches, running, resting);
    let (oldest, cancelled) = unfinished(host, admission.wanted() as u32).await?;
    Ok(admission.admit(host.now(), &oldest, &cancelled))
}

/// The ids of the unfinished batches that are to run first, and of those among all that are to be cancelled.
async fn unfinished<H: Host>(host: &H, limit: u32) -> Result<(Vec<String>, Vec<String>), Fault> {
    let has_priorities = host.kv_get(keys::PRIORITIES).await?.is_some();
    let limit = if has_priorities { limit.max(MAX_RANKED) } else { limit };
    let (mut oldest, mut after) = (Vec::new(), None);
    // What is read of each is let go of page by page.
    while (oldest.len() as u32) < limit {
        let left = limit - oldest.len() as u32;
        let page = entries(host, keys::RUN_PREFIX, after, left.min(PAGE)).await?;
        let is_last = page.len() < left.min(PAGE) as usize;
        after = page.last().map(|(key, _)| key.clone());
        let priority = |checkpoint: &[u8]| match has_priorities {
            true => checkpointed(checkpoint).map_or(0, |batch| batch.priority()),
            false => 0,
        };
        oldest.extend(page.iter().map(|(key, first)| (id_in(key, keys::RUN_PREFIX), priority(first))));
        if is_last {
            break;
        }
    }
    let cancelled = entries(host, keys::CANCEL_PREFIX, None, PAGE).await?;
    Ok((ranked(oldest), cancelled.iter().map(|(key, _)| id_in(key, keys::CANCEL_PREFIX)).collect()))
}

async fn entries<H: Host>(
    host: &H,
    prefix: &str,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    some_entries(host, KvQuery { prefix: prefix.to_owned(), after, limit, reverse: false }).await
}

fn id_in(key: &str, prefix: &str) -> String {
    key.strip_prefix(prefix).unwrap_or_default().to_owned()
}
