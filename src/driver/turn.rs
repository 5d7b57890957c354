//! One turn of one batch: carries out the machine's commands and feeds the replies back.

use super::each_page;
use crate::batch::command::{Command, CommandId, LookUp, Output, OutputFile, OutputPart, Reply, Write};
use crate::batch::{Machine, TurnEnd, Unreadable};
use crate::error::ApiError;
use crate::host::Fault;
use crate::host::{Host, Inference, KvWrite};
use crate::json::value::{from_json, to_json};
use crate::keys;
use crate::limits::CANCEL_POLL_MS;
use crate::settings::Settings;
use crate::sorted::Sorted;
use crate::wire::Batch;
use futures::future::{AbortHandle, Abortable, Either, FutureExt, select};
use futures::stream::{FuturesUnordered, StreamExt};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

/// How long a turn goes on without letting timers, and whoever shares its thread, have a go: where every answer is
/// there at once, nothing else would.
const YIELD_MS: u64 = 50;

/// How long a turn may go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// Unix milliseconds after which nothing new starts; none for as long as the batch takes.
    pub deadline: Option<u64>,
}

type Writers<H> = RefCell<Sorted<OutputFile, Rc<<H as Host>::Writer>>>;

/// Runs one batch from its stored checkpoint until it is terminal, the deadline passed, the host asked to stop
/// or failed. A batch without a checkpoint is done with.
///
/// # Errors
/// When the stored checkpoint cannot be read by this build. Faults of the host are no error but
/// [`TurnEnd::Faulted`].
pub async fn run_turn<H: Host>(
    host: &H,
    id: &str,
    settings: &Settings,
    turn: Turn,
) -> Result<TurnEnd, ApiError> {
    // What was cancelled before the turn starts no call in it.
    let requested_at = cancel_requested(host, id, 0).await;
    let checkpoint = match host.kv_get(&keys::run(id)).await {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => {
            // A cancel that came too late has nothing left to cancel.
            let late = keys::cancel(id);
            return Ok(match host.kv_write(&[KvWrite::Delete(&late)]).await {
                Ok(()) => TurnEnd::Terminal,
                Err(fault) => faulted(host, fault),
            });
        }
        Err(fault) => return Ok(faulted(host, fault)),
    };
    let seed = [host.random(), host.random(), host.random()];
    let mut machine = match Machine::resume(&checkpoint, settings.clone(), seed, host.now()) {
        Ok(machine) => machine,
        Err(Unreadable::Damaged) => match recovered(host, id, settings, seed).await {
            Ok(machine) => machine,
            Err(Some(fault)) => return Ok(faulted(host, fault)),
            Err(None) => return Err(Unreadable::Damaged.into()),
        },
        Err(unreadable) => return Err(unreadable.into()),
    };
    match host.kv_get(&keys::batch(id)).await {
        Ok(Some(json)) => {
            if let Ok(published) = from_json::<Batch>(&json) {
                machine.handle_published(published.request_counts);
            }
        }
        // Its `create` was cut off.
        Ok(None) => {
            let json = to_json(machine.batch());
            if let Err(fault) = host.kv_write(&[KvWrite::Set(&keys::batch(id), &json)]).await {
                return Ok(faulted(host, fault));
            }
        }
        Err(fault) => return Ok(faulted(host, fault)),
    }
    if let Some(requested_at) = requested_at {
        machine.handle_cancel(requested_at);
    }
    let batch = id;
    let writers: Writers<H> = RefCell::default();
    let mut commands = FuturesUnordered::new();
    let mut aborts: Sorted<CommandId, AbortHandle> = Sorted::default();
    let mut cancel = pin!(cancel_requested(host, id, CANCEL_POLL_MS).fuse());
    let mut tick = pin!(host.sleep(0).fuse());
    let mut tick_at = host.now();
    let mut yielded_at = host.now();
    loop {
        let now = host.now();
        // A clock that is set back makes it yield once more, not never.
        if now.abs_diff(yielded_at) >= YIELD_MS {
            host.sleep(0).await;
            yielded_at = now;
        }
        machine.handle_timeout(now);
        if host.stop_requested() {
            machine.handle_stop();
        } else if turn.deadline.is_some_and(|deadline| now >= deadline) {
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
                    let reply = perform(host, batch, &writers, command);
                    commands.push(Abortable::new(reply, registration).map(move |reply| (id, reply)));
                }
            }
        }
        if let Some(end) = machine.end() {
            let end = end.clone();
            // A write may still be under way: it is given up with the writer it uses.
            drop(commands);
            for writer in writers.into_inner().into_values() {
                abort(host, writer).await;
            }
            return Ok(end);
        }
        let wake_at = machine.poll_timeout().unwrap_or(u64::MAX).min(now + CANCEL_POLL_MS);
        if wake_at < tick_at || tick_at <= now {
            tick_at = wake_at.max(now + 1);
            tick.set(host.sleep(tick_at - now).fuse());
        }
        let reply = async {
            match commands.next().await {
                Some(reply) => reply,
                None => futures::future::pending().await,
            }
        };
        let waits = select(cancel.as_mut(), tick.as_mut());
        // Replies come last: however fast they are, a cancel is seen.
        match select(waits, pin!(reply)).await {
            Either::Right(((id, reply), _)) => {
                aborts.remove(&id);
                if let Ok(reply) = reply {
                    machine.handle_reply(host.now(), id, reply);
                }
            }
            Either::Left((Either::Left((requested_at, _)), _)) => match requested_at {
                Some(requested_at) => machine.handle_cancel(requested_at),
                None => cancel.set(cancel_requested(host, id, CANCEL_POLL_MS).fuse()),
            },
            Either::Left((Either::Right(_), _)) => {
                tick_at = 0;
                yielded_at = host.now();
            }
        }
    }
}

/// A machine made of what users see, where the checkpoint is damaged. Nothing and no fault when that is too.
async fn recovered<H: Host>(
    host: &H,
    id: &str,
    settings: &Settings,
    seed: [u64; 3],
) -> Result<Machine, Option<Fault>> {
    let json = host.kv_get(&keys::batch(id)).await?.ok_or(None)?;
    let batch: Batch = from_json(&json).map_err(|_| None)?;
    // Without the input, the run ends with what is stored.
    let input = host.find_file(&batch.input_file_id, Some(id)).await?;
    let bytes = input.map_or(0, |file| file.bytes);
    Ok(Machine::recover(batch, bytes, settings.clone(), seed, host.now()))
}

/// When the user asked to cancel, looking once after `ms`. A fault counts as not yet: the next look will tell.
async fn cancel_requested<H: Host>(host: &H, id: &str, ms: u64) -> Option<u64> {
    if ms > 0 {
        host.sleep(ms).await;
    }
    let value = host.kv_get(&keys::cancel(id)).await.ok().flatten()?;
    Some(keys::cancelled_at(&value).unwrap_or(host.now() / 1_000))
}

async fn perform<H: Host>(host: &H, batch: &str, writers: &Writers<H>, command: Command) -> Reply {
    let done = match command {
        Command::LookUp(LookUp::Input(id)) => host.find_file(&id, Some(batch)).await.map(Reply::Input),
        Command::LookUp(LookUp::Model(model)) => host.has_model(&model).await.map(Reply::Model),
        Command::ReadInput { file_id, offset, length } => {
            host.read_file(&file_id, offset, length, Some(batch)).await.map(Reply::Bytes)
        }
        Command::Load { prefix } => load(host, &prefix).await.map(Reply::Entries),
        Command::Infer { url, body, idempotency_key } => {
            let request = Inference { url: &url, body: &body, idempotency_key: &idempotency_key };
            host.infer(request).await.map(Reply::Answer)
        }
        Command::Save(writes) => save(host, &writes).await.map(|()| Reply::Saved),
        Command::WriteOutput(part) => write_output(host, writers, part).await.map(Reply::Written),
    };
    done.unwrap_or_else(Reply::Failed)
}

async fn load<H: Host>(host: &H, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut all = Vec::new();
    each_page(host, prefix, async |page| {
        all.extend(page.entries);
        Ok(())
    })
    .await?;
    Ok(all)
}

/// Sets and deletes go out together; a prefix is deleted in its place between them.
async fn save<H: Host>(host: &H, writes: &[Write]) -> Result<(), Fault> {
    let mut together = Vec::with_capacity(writes.len());
    for write in writes {
        match write {
            Write::Set(key, value) => together.push(KvWrite::Set(key, value)),
            Write::Delete(key) => together.push(KvWrite::Delete(key)),
            Write::DeletePrefix(prefix) => {
                host.kv_write(&std::mem::take(&mut together)).await?;
                each_page(host, prefix, async |page| {
                    let deletes: Vec<_> = page.entries.iter().map(|(key, _)| KvWrite::Delete(key)).collect();
                    host.kv_write(&deletes).await
                })
                .await?;
            }
        }
    }
    host.kv_write(&together).await
}

async fn write_output<H: Host>(
    host: &H,
    writers: &Writers<H>,
    part: OutputPart,
) -> Result<Option<String>, Fault> {
    if part.first {
        let abandoned = writers.borrow_mut().remove(&part.file);
        if let Some(abandoned) = abandoned {
            abort(host, abandoned).await;
        }
        let writer = host.create_file(&part.file_id, &part.filename).await?;
        writers.borrow_mut().insert(part.file, Rc::new(writer));
    }
    let writer = writers.borrow().get(&part.file).map(Rc::clone);
    let writer = writer.ok_or_else(|| Fault::transient("the file was not begun"))?;
    host.write_file(&writer, &part.bytes).await?;
    if !part.last {
        return Ok(None);
    }
    // A writer that could not complete is thrown away when the file is begun again, or the turn ends.
    let file_id = host.complete_file(&writer).await?;
    writers.borrow_mut().remove(&part.file);
    Ok(Some(file_id))
}

async fn abort<H: Host>(host: &H, writer: Rc<H::Writer>) {
    if let Some(writer) = Rc::into_inner(writer) {
        host.abort_file(writer).await;
    }
}

fn faulted<H: Host>(host: &H, fault: Fault) -> TurnEnd {
    TurnEnd::Faulted { message: fault.message, wake_at: host.now() + crate::limits::HOST_RETRY_CAP_MS }
}
