//! The source of a move: it fences a batch, so that no turn of it is or will be under way, and lets it go or takes it back.

use super::service::store_failed;
use super::store::{Later, get, published, put, release, take};
use crate::error::ApiError;
use crate::host::Host;
use crate::keys;
use crate::limits::{CANCEL_POLL_MS, FENCE_WAIT_MS};
use crate::queue::lease::Owner;
use crate::service::{check_fence, check_move, not_found};
use crate::settings::Settings;
use crate::wire::{Batch, Hold, MoveStep, Moving};
use std::cell::RefCell;

/// Fences a batch: what is in flight ends, and no turn starts anything of it any more, in no process and after no restart, until
/// it is settled or taken back. Where the store takes no checks, no turn may be under way; the host sees to that.
///
/// # Errors
/// 404 when there is none, 409 when it cannot be moved, or when its calls in flight take long: it is fenced later then, and
/// asking again waits for it. 500 for a fault of the store.
pub async fn fence<H: Host>(
    host: &H,
    id: &str,
    settings: &Settings,
) -> Result<(Box<Batch>, Moving), ApiError> {
    let batch = found(host, id, settings).await?;
    let moving = loop {
        let before = get(host, keys::pause(id)).await?;
        let now = host.now() / 1_000;
        let paused_at = match before.as_deref().map(|value| Hold::decode(value, now)) {
            Some(Hold::Moving(moving)) => match moving.step {
                MoveStep::Asked => break moving,
                MoveStep::Fenced => return Ok((batch, moving)),
                MoveStep::Settled => return Err(check_fence(id)),
            },
            Some(Hold::Paused(since)) => Some(since),
            None => None,
        };
        check_move(&batch, false)?;
        let moving =
            Moving { step: MoveStep::Asked, since: now, paused_at, is_watched: false, fence: host.random() };
        if set(host, id, before.as_deref(), Some(Hold::Moving(moving.clone()))).await? {
            break moving;
        }
    };
    let owner = RefCell::new(Owner::patient([host.random(), host.random()], settings));
    let until = host.now() + FENCE_WAIT_MS;
    let owned = loop {
        match take(host, &owner, id).await.map_err(store_failed)? {
            Ok(owned) => break owned,
            Err(at) if host.now() < until => {
                host.sleep(at.saturating_sub(host.now()).clamp(1, CANCEL_POLL_MS)).await;
            }
            Err(_) => {
                let message = format!("Calls of batch '{id}' are in flight: ask again.");
                return Err(ApiError::conflict(message).code("batch_in_flight"));
            }
        }
    };
    let fenced = fenced(host, settings, moving, id).await;
    release(owned).await;
    fenced
}

/// Nobody else has the batch now.
async fn fenced<H: Host>(
    host: &H,
    settings: &Settings,
    moving: Moving,
    id: &str,
) -> Result<(Box<Batch>, Moving), ApiError> {
    let asked = Hold::Moving(moving.clone()).encode();
    // It may have come to its end meanwhile.
    let batch = found(host, id, settings).await?;
    let is_cancelled = get(host, keys::cancel(id)).await?.is_some();
    if let Err(refused) = check_move(&batch, is_cancelled) {
        set(host, id, Some(&asked), moving.paused_at.map(Hold::Paused)).await?;
        return Err(refused);
    }
    let is_watched = get(host, keys::watch(id)).await?.is_some();
    let fenced = Moving { step: MoveStep::Fenced, is_watched, ..moving };
    match set(host, id, Some(&asked), Some(Hold::Moving(fenced.clone()))).await? {
        true => Ok((batch, fenced)),
        // Taken back, or fenced by another call.
        false => Err(check_fence(id)),
    }
}

/// Lets a batch go that another host has taken over behind this fence: what is left of it here is deleted by its next turn, and
/// it ends as cancelled, with `moved_at`. Saying it again changes nothing.
///
/// # Errors
/// 404 when there is none, 409 when it is not fenced so, 500 for a fault of the store.
pub async fn settle<H: Host>(host: &H, id: &str, fence: &str, settings: &Settings) -> Result<(), ApiError> {
    part(host, id, Some(fence), settings).await
}

/// Takes a batch back that was not settled: it goes on here. If another host has taken it over, both run it.
///
/// # Errors
/// 404 when there is none, 409 when it is not on its way, or settled; 500 for a fault of the store.
pub async fn take_back<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<(), ApiError> {
    part(host, id, None, settings).await
}

/// Settles a move behind a fence, or takes the batch back where none is named.
pub(crate) async fn part<H: Host>(
    host: &H,
    id: &str,
    fence: Option<&str>,
    settings: &Settings,
) -> Result<(), ApiError> {
    if found(host, id, settings).await?.is_moved() && fence.is_some() {
        return Ok(());
    }
    let before = get(host, keys::pause(id)).await?;
    let after = before.as_deref().and_then(|value| parted(value, fence, host.now() / 1_000));
    let Some(after) = after else { return Err(check_fence(id)) };
    let mut writes = vec![(keys::pause(id), after.map(|hold| hold.encode()))];
    if let Some(fence) = fence {
        // What went by this fence does not come back by it.
        writes.push((keys::imported(id), Some(fence.as_bytes().to_vec())));
    }
    if put(host, writes, vec![(keys::pause(id), before)]).await? { Ok(()) } else { Err(check_fence(id)) }
}

fn found<'a, H: Host>(host: &'a H, id: &'a str, settings: &'a Settings) -> Later<'a, Box<Batch>> {
    Box::pin(async move { published(host, id).await?.ok_or_else(|| not_found(id, settings.dialect)) })
}

/// What holds the batch then; nothing where that cannot be.
fn parted(before: &[u8], fence: Option<&str>, now: u64) -> Option<Option<Hold>> {
    let Hold::Moving(moving) = Hold::decode(before, now) else { return None };
    match (fence, moving.step) {
        (None, MoveStep::Asked | MoveStep::Fenced) => Some(moving.paused_at.map(Hold::Paused)),
        (Some(fence), MoveStep::Fenced) if fence_name(&moving) == fence => {
            Some(Some(Hold::Moving(Moving { step: MoveStep::Settled, since: now, ..moving })))
        }
        (Some(fence), MoveStep::Settled) if fence_name(&moving) == fence => Some(Some(Hold::Moving(moving))),
        _ => None,
    }
}

/// As streams and callers name it.
pub(super) fn fence_name(moving: &Moving) -> String {
    format!("{:016x}", moving.fence)
}

/// Changes what holds it, if that is still what it was.
fn set<'a, H: Host>(host: &'a H, id: &str, before: Option<&[u8]>, hold: Option<Hold>) -> Later<'a, bool> {
    let key = keys::pause(id);
    let write = (key.clone(), hold.map(|hold| hold.encode()));
    put(host, vec![write], vec![(key, before.map(<[u8]>::to_vec))])
}
