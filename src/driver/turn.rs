//! One turn of one batch: carries out the machine's commands and feeds the replies back.

use super::owned::Owned;
use super::perform::{Writers, abort, perform};
use super::{hold, store, wish};
use crate::batch::command::{Command, CommandId, Output, Reply};
use crate::batch::{Machine, TurnEnd, Unreadable, moved_away};
use crate::error::ApiError;
use crate::host::{Fault, Host, KvWrite};
use crate::json::record::from_json;
use crate::json::value::to_json;
use crate::keys;
use crate::limits::{CANCEL_POLL_MS, HOST_RETRY_CAP_MS, PAUSE_LOOK_MS};
use crate::queue::lease::Owner;
use crate::service::may_move;
use crate::settings::Settings;
use crate::sorted::Sorted;
use crate::wire::{Batch, BatchStatus, Hold, MoveStep, Moving, Wish};
use futures::future::{AbortHandle, AbortRegistration, Abortable, join};
use futures::stream::{FuturesUnordered, StreamExt};
use std::cell::RefCell;

/// How long a turn runs without yielding to timers and to others on its thread: where every answer is
/// there at once, nothing else would. A call of theirs may take several turns of an event loop.
const YIELD_MS: u64 = 10;

/// How a turn is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn<'a> {
    /// Unix milliseconds after which nothing new starts; none for as long as the batch takes.
    pub deadline: Option<u64>,
    /// Who runs it; one that is made for this turn alone if there is none.
    pub owner: Option<&'a RefCell<Owner>>,
}

/// Runs one batch from its stored checkpoint until it is terminal, the deadline passed, the host asked to stop
/// or failed, or another owner took it over. A batch that has ended, or never was, is terminal at once.
///
/// # Errors
/// When the stored checkpoint cannot be read by this build. Faults of the host are no error but
/// [`TurnEnd::Faulted`].
pub async fn run_turn<H: Host>(
    host: &H,
    id: &str,
    settings: &Settings,
    turn: Turn<'_>,
) -> Result<TurnEnd, ApiError> {
    let own;
    let owner = match turn.owner {
        Some(owner) => owner,
        None => {
            own = RefCell::new(Owner::new([host.random(), host.random()], settings));
            &own
        }
    };
    let owned = match store::take(host, owner, id).await {
        Ok(Ok(owned)) => owned,
        Ok(Err(wake_at)) => return Ok(TurnEnd::Held { wake_at }),
        Err(fault) => return Ok(faulted(host, fault)),
    };
    let end = match begin(host, &owned, id, settings).await {
        Ok(machine) => Ok(drive(host, &owned, id, machine, turn.deadline).await),
        Err(Beginning::Ended) => Ok(TurnEnd::Terminal),
        Err(Beginning::Paused(wake_at)) => Ok(TurnEnd::Paused { wake_at }),
        Err(Beginning::Fault(_)) if owned.is_lost() => Ok(TurnEnd::Held { wake_at: host.now() }),
        Err(Beginning::Fault(fault)) => Ok(faulted(host, fault)),
        Err(Beginning::Unreadable(unreadable)) => Err(unreadable.into()),
    };
    store::release(owned).await;
    if matches!(end, Ok(TurnEnd::Terminal)) {
        host.release_input(id).await;
    }
    end
}

/// Why a turn has no machine to run.
enum Beginning {
    /// The batch has ended.
    Ended,
    /// It is paused until then, with nothing to be done before.
    Paused(u64),
    Fault(Fault),
    Unreadable(Unreadable),
}

impl From<Fault> for Beginning {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The machine as the last turn left it.
async fn begin<H: Host>(
    host: &H,
    owned: &Owned<'_, H>,
    id: &str,
    settings: &Settings,
) -> Result<Machine, Beginning> {
    // What was cancelled before the turn starts no call in it.
    let wished = wish(host, id).await.ok().flatten();
    let mut checkpoint = match host.kv_get(&keys::checkpoint(id)).await? {
        Some(latest) => latest,
        None => match host.kv_get(&keys::run(id)).await? {
            Some(first) => first,
            None => {
                // A cancel that came too late has nothing left to cancel.
                owned.write(&[KvWrite::Delete(&keys::cancel(id)), KvWrite::Delete(&keys::run(id))]).await?;
                return Err(Beginning::Ended);
            }
        },
    };
    let published = host.kv_get(&keys::batch(id)).await?;
    let seen = published.as_deref().and_then(|json| from_json::<Batch>(json).ok());
    let hold = hold(host, id).await?;
    let is_paused = match &hold {
        None => false,
        Some(Hold::Paused(_)) => true,
        Some(Hold::Moving(Moving { step: MoveStep::Settled, since, .. })) => {
            let ended = moved_away(&checkpoint, *since).map_err(Beginning::Unreadable)?;
            let (key, published, pause) = (keys::checkpoint(id), keys::batch(id), keys::pause(id));
            let json = to_json(&ended.1);
            owned
                .write(&[
                    KvWrite::Set(&key, &ended.0),
                    KvWrite::Set(&published, &json),
                    KvWrite::Delete(&pause),
                ])
                .await?;
            checkpoint = ended.0;
            false
        }
        // One that has its end before it comes to that end here.
        Some(Hold::Moving(moving)) => match &seen {
            Some(seen) if moving.step == MoveStep::Asked && !may_move(seen) => false,
            _ => return Err(Beginning::Paused(host.now() + PAUSE_LOOK_MS)),
        },
    };
    if is_paused
        && wished.is_none()
        && let Some(Batch { status: BatchStatus::InProgress, expires_at, .. }) = &seen
    {
        let wake_at = expires_at.map_or(host.now() + PAUSE_LOOK_MS, |at| at * 1_000);
        if wake_at > host.now() {
            return Err(Beginning::Paused(wake_at));
        }
    }
    let seed = [host.random(), host.random(), host.random()];
    let resumed = Machine::resume(&checkpoint, settings.clone(), seed, host.now());
    let mut machine = match (resumed, seen) {
        // The first checkpoint of a batch that users have seen going on: later ones are lost.
        (Ok(first), Some(seen)) if first.batch().status == BatchStatus::Validating && has_begun(&seen) => {
            recovered(host, seen, settings, seed).await?
        }
        (Ok(mut machine), seen) => {
            if let Some(seen) = seen {
                machine.handle_published(seen.request_counts);
            }
            machine
        }
        (Err(Unreadable::Damaged), Some(seen)) => recovered(host, seen, settings, seed).await?,
        (Err(unreadable), _) => return Err(Beginning::Unreadable(unreadable)),
    };
    if published.is_none() {
        // Its `create` was cut off.
        owned.write(&[KvWrite::Set(&keys::batch(id), &to_json(machine.batch()))]).await?;
    }
    if host.has_pools() {
        machine.handle_pools();
    }
    if let Some(bytes) = host.keep_bytes() {
        machine.handle_keeping(bytes);
    }
    if let Some(wish) = wished {
        machine.handle_wish(wish);
    }
    machine.handle_pause(is_paused);
    Ok(machine)
}

/// Whether a batch as users see it is beyond what its first checkpoint says.
fn has_begun(seen: &Batch) -> bool {
    seen.in_progress_at.is_some() || seen.status == BatchStatus::Failed
}

/// A machine made of what users see, where the checkpoint is lost.
async fn recovered<H: Host>(
    host: &H,
    seen: Batch,
    settings: &Settings,
    seed: [u64; 3],
) -> Result<Machine, Fault> {
    // Without the input, the run ends with what is stored.
    let input = host.find_file(&seen.input_file_id, Some(&seen.id)).await?;
    let bytes = input.map_or(0, |file| file.bytes);
    Ok(Machine::recover(seen, bytes, settings.clone(), seed, host.now()))
}

/// One thing under way in a turn.
enum Work {
    Command(CommandId, Command, AbortRegistration),
    Wait(u64),
    LookForWish,
    Renew,
}

/// What came of it.
enum Event {
    Reply(CommandId, Reply),
    Aborted,
    Woken,
    Wish(Option<Wish>, Option<Option<Hold>>),
    Renewed,
}

async fn drive<H: Host>(
    host: &H,
    owned: &Owned<'_, H>,
    id: &str,
    mut machine: Machine,
    deadline: Option<u64>,
) -> TurnEnd {
    let writers: Writers<H> = RefCell::default();
    // Events come in the order in which they happened: however fast replies are, a cancel is seen.
    let mut events = FuturesUnordered::new();
    let work = |work| carry_out(host, owned, id, &writers, work);
    let mut aborts: Sorted<CommandId, AbortHandle> = Sorted::default();
    let (mut wakes_at, mut yielded_at) = (u64::MAX, host.now());
    let mut renewing = false;
    events.push(work(Work::LookForWish));
    let end = loop {
        if owned.is_lost() {
            break TurnEnd::Held { wake_at: host.now() };
        }
        let now = host.now();
        // A clock that is set back makes it yield once more, not never.
        if now.abs_diff(yielded_at) >= YIELD_MS {
            host.sleep(0).await;
            yielded_at = now;
        }
        machine.handle_timeout(now);
        machine.handle_allowances(&|pool| host.allowance(pool));
        if host.stop_requested() {
            machine.handle_stop();
        } else if deadline.is_some_and(|deadline| now >= deadline) {
            machine.handle_deadline();
        }
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Abort(id) => {
                    if let Some(abort) = aborts.remove(&id) {
                        abort.abort();
                    }
                }
                Output::Start(id, command) => {
                    let (abort, registration) = AbortHandle::new_pair();
                    if matches!(command, Command::Infer { .. }) {
                        aborts.insert(id, abort);
                    }
                    events.push(work(Work::Command(id, command, registration)));
                }
            }
        }
        if let Some(end) = machine.end() {
            break end.clone();
        }
        if !renewing && now >= owned.renew_at() {
            renewing = true;
            events.push(work(Work::Renew));
        }
        let renew_at = if renewing { u64::MAX } else { owned.renew_at() };
        let wake_at = machine.poll_timeout().unwrap_or(u64::MAX).min(now + CANCEL_POLL_MS).min(renew_at);
        if wake_at < wakes_at || wakes_at <= now {
            wakes_at = wake_at.max(now + 1);
            events.push(work(Work::Wait(wakes_at - now)));
        }
        match events.next().await {
            Some(Event::Reply(id, reply)) => {
                aborts.remove(&id);
                if !owned.is_lost() {
                    machine.handle_reply(host.now(), id, reply);
                }
            }
            Some(Event::Wish(wish, hold)) => {
                match hold {
                    // It ends where another turn can go on: one on another host.
                    Some(Some(Hold::Moving(_))) => machine.handle_stop(),
                    Some(hold) => machine.handle_pause(hold.is_some()),
                    None => {}
                }
                match wish {
                    Some(wish) => machine.handle_wish(wish),
                    None => events.push(work(Work::LookForWish)),
                }
            }
            Some(Event::Woken) => {
                if host.now() >= wakes_at {
                    wakes_at = u64::MAX;
                }
                yielded_at = host.now();
            }
            Some(Event::Renewed) => renewing = false,
            Some(Event::Aborted) | None => {}
        }
    };
    // A write to a file may still be under way: it is dropped, and its file thrown away.
    drop(events);
    for writer in writers.into_inner().into_values() {
        abort(host, writer).await;
    }
    end
}

async fn carry_out<H: Host>(
    host: &H,
    owned: &Owned<'_, H>,
    batch: &str,
    writers: &Writers<H>,
    work: Work,
) -> Event {
    match work {
        Work::Command(id, command, registration) => {
            match Abortable::new(perform(host, owned, batch, writers, command), registration).await {
                Ok(reply) => Event::Reply(id, reply),
                Err(_) => Event::Aborted,
            }
        }
        Work::Wait(ms) => {
            host.sleep(ms).await;
            Event::Woken
        }
        Work::LookForWish => {
            host.sleep(CANCEL_POLL_MS).await;
            // A fault counts as nothing yet: the next look will tell.
            let (wish, hold) = join(wish(host, batch), hold(host, batch)).await;
            Event::Wish(wish.ok().flatten(), hold.ok())
        }
        Work::Renew => {
            // What fails is tried again, by the next write or in a while.
            if owned.renew().await.is_err() {
                host.sleep(CANCEL_POLL_MS).await;
            }
            Event::Renewed
        }
    }
}

fn faulted<H: Host>(host: &H, fault: Fault) -> TurnEnd {
    TurnEnd::Faulted { message: fault.message, wake_at: host.now() + HOST_RETRY_CAP_MS }
}
