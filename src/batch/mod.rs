//! The batch as a machine that is driven: facts go in, commands come out, time is an argument. See [`Machine`].
//!
//! | room | what it holds |
//! |---|---|
//! | `validating`, `reusing`, `matching`, `planning`, `running`, `repeating`, `finalizing`, `cleaning` | the phases of a batch, each a `Phase` |
//! | `plan` | in which order requests are sent, where that is not the order of the file |
//! | `recording` | what `cleaning` does first where somebody follows the results |
//! | `order`, `finding_order` | in which order results come, and where that stands when a batch goes on |
//! | `refused` | how a batch ends of which nothing has run |
//! | `account` | what is kept of it for its manifest |
//! | `outbox` | what is to be told of its end |
//! | `context` | what they share |
//! | `commit` | how a change of phase is made durable before it has effects |
//! | `command` | what the machine asks for, and how it is answered |
//! | `call` | a host call that must succeed: repeated while its fault may pass |
//! | `checkpoint` | the state between turns, as it is stored |
//! | `defect`, `input_error` | what ends a turn for good; what ends a batch |

mod account;
mod call;
mod checkpoint;
mod cleaning;
pub(crate) mod command;
mod commit;
mod context;
mod defect;
mod finalizing;
mod finding_order;
mod input_error;
mod matching;
mod order;
mod outbox;
mod phase;
mod plan;
mod planning;
mod recording;
mod refused;
mod repeating;
mod reusing;
mod running;
mod validating;

pub use self::checkpoint::{CHECKPOINT_VERSION, Unreadable};
pub use self::command::TurnEnd;

use self::account::Account;
use self::call::Settled;
use self::checkpoint::{Checkpoint, SavedPhase};
use self::cleaning::Cleaning;
use self::command::{CommandId, Output, Reply};
use self::context::{Context, Stop};
use self::defect::Defect;
use self::finalizing::Finalizing;
use self::finding_order::FindOrder;
use self::matching::Matching;
use self::phase::{Next, Phase};
use self::planning::Planning;
use self::repeating::Repeating;
use self::reusing::Reusing;
use self::running::Running;
use self::validating::Validating;
use crate::settings::Settings;
use crate::steady::Steady;
use crate::wire::{Batch, BatchStatus, RequestCounts, Wish};
use std::fmt;

/// One turn of one batch. It does nothing by itself and knows no clock: its driver does both.
///
/// Apart from its constructors, it has roughly four types of methods:
///
/// A. simple getters: [`batch`](Self::batch);
/// B. handlers of what happened, each a `handle_`: [`handle_timeout`](Self::handle_timeout),
///    [`handle_reply`](Self::handle_reply), [`handle_published`](Self::handle_published),
///    [`handle_wish`](Self::handle_wish), [`handle_pause`](Self::handle_pause), [`handle_pools`](Self::handle_pools),
///    [`handle_keeping`](Self::handle_keeping), [`handle_allowances`](Self::handle_allowances),
///    [`handle_deadline`](Self::handle_deadline) and [`handle_stop`](Self::handle_stop);
/// C. one that changes the machine and gives out what is to be done: [`poll_output`](Self::poll_output);
/// D. those that say how long to wait, and whether to go on at all: [`end`](Self::end) and
///    [`poll_timeout`](Self::poll_timeout).
///
/// **Every call of type B must be followed by calls of `poll_output` until it gives nothing**; only then do the methods of
/// type D tell the truth. So a driver calls them in this order:
///
/// 1. [`poll_output`](Self::poll_output) until it gives nothing, and each command is begun;
/// 2. [`end`](Self::end), which ends the loop once it says how the turn ended;
/// 3. [`poll_timeout`](Self::poll_timeout), and it waits until then, or for a reply or another fact;
/// 4. what happened, by methods of type B, and starts over.
///
/// What it must never lose it has saved: a turn may be cut off between any two calls, and the next turn, made by
/// [`Machine::resume`] from the stored checkpoint, ends with the same files. Repeating a command is harmless.
/// Only inference calls that were in flight, or whose results were not written yet, are made again.
pub struct Machine {
    context: Context,
    clock: Steady,
    phase: Box<dyn Phase>,
    next_id: CommandId,
    end: Option<TurnEnd>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("batch", &self.context.batch)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// The first checkpoint of a batch: with it stored, the batch will run.
pub fn first_checkpoint(batch: &Batch) -> Vec<u8> {
    Checkpoint::new(batch.clone(), SavedPhase::Validating, Account::default()).encode()
}

/// The batch in a stored checkpoint.
///
/// # Errors
/// When the checkpoint cannot be read, or is of another version.
pub fn checkpointed(checkpoint: &[u8]) -> Result<Batch, Unreadable> {
    Checkpoint::decode(checkpoint).map(|checkpoint| checkpoint.batch)
}

/// The checkpoint of a batch that another host has taken over at `now` (Unix seconds), and the batch: what is left to do is to
/// delete what it leaves.
///
/// # Errors
/// When the checkpoint cannot be read.
pub(crate) fn moved_away(checkpoint: &[u8], now: u64) -> Result<(Vec<u8>, Batch), Unreadable> {
    let Checkpoint { mut batch, account, .. } = Checkpoint::decode(checkpoint)?;
    // One that has ended stays as it ended.
    let _ = batch.move_away(now);
    Ok((Checkpoint::new(batch.clone(), SavedPhase::Cleaning, account).encode(), batch))
}

/// The checkpoint of a batch that came from another host, with its input as it is called here.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn with_input(checkpoint: &[u8], file_id: &str) -> Result<Vec<u8>, Unreadable> {
    let mut checkpoint = Checkpoint::decode(checkpoint)?;
    file_id.clone_into(&mut checkpoint.batch.input_file_id);
    Ok(checkpoint.encode())
}

impl Machine {
    /// Goes on from a stored checkpoint. `seed` is fresh randomness for jitter and hashing; `now` is in Unix
    /// milliseconds, as everywhere.
    ///
    /// # Errors
    /// When the checkpoint cannot be read, or is of another version.
    pub fn resume(
        checkpoint: &[u8],
        settings: Settings,
        seed: [u64; 3],
        now: u64,
    ) -> Result<Self, Unreadable> {
        let Checkpoint { batch, phase, account, .. } = Checkpoint::decode(checkpoint)?;
        let mut context = Context::new(batch, settings, seed, now);
        context.account = account;
        let phase: Box<dyn Phase> = match phase {
            SavedPhase::Validating => Box::new(Validating::new(&context)),
            SavedPhase::Reusing(saved) => match context.batch.continued().cloned() {
                Some(wanted) => FindOrder::before(Box::new(Reusing::resume(&context, wanted, *saved))),
                None => Box::new(Validating::new(&context)),
            },
            SavedPhase::Matching { bytes, models } => {
                FindOrder::before(Box::new(Matching::new(&context, bytes, models)))
            }
            SavedPhase::Planning { bytes, models } => {
                FindOrder::before(Box::new(Planning::new(&context, bytes, models, true)))
            }
            SavedPhase::Running(run) => FindOrder::before(Box::new(Running::resume(&context, *run))),
            SavedPhase::Repeating(saved) => FindOrder::before(Box::new(Repeating::resume(&context, *saved))),
            SavedPhase::Finalizing { chunks, ending, kept } => {
                Box::new(Finalizing::resume(chunks, ending, kept))
            }
            SavedPhase::Cleaning => Box::new(Cleaning::default()),
        };
        Ok(Self::start(context, phase, now))
    }

    /// Goes on without a checkpoint that can be read, from the batch as users see it: the input of `input_bytes` is gone
    /// through once more, and whatever has a stored result is not run again.
    pub fn recover(batch: Batch, input_bytes: u64, settings: Settings, seed: [u64; 3], now: u64) -> Self {
        let mut context = Context::new(batch, settings, seed, now);
        let phase: Box<dyn Phase> = if context.batch.status.is_terminal() {
            Box::new(Cleaning::default())
        } else if context.batch.in_progress_at.is_none() {
            Box::new(Validating::new(&context))
        } else if context.batch.dedupes() && context.batch.status != BatchStatus::InProgress {
            // Lines of repeats may have come.
            context.order.lose();
            Box::new(Running::recover(&context, input_bytes))
        } else {
            FindOrder::before(Box::new(Running::recover(&context, input_bytes)))
        };
        Self::start(context, phase, now)
    }

    fn start(context: Context, phase: Box<dyn Phase>, now: u64) -> Self {
        Self { context, clock: Steady::new(now), phase, next_id: 1, end: None }
    }

    // A. Getters.

    /// The batch as the next write will publish it.
    pub fn batch(&self) -> &Batch {
        &self.context.batch
    }

    // B. What happened.

    /// Time went on. A clock that is set back brings nothing back and holds nothing up.
    pub fn handle_timeout(&mut self, now: u64) {
        self.context.now = self.clock.at(now);
    }

    /// A command was carried out, or failed. Replies that nothing waits for are ignored.
    pub fn handle_reply(&mut self, now: u64, id: CommandId, reply: Reply) {
        self.handle_timeout(now);
        if self.end.is_none() {
            let next = self.settle(id, reply);
            self.take(next);
        }
    }

    /// What users saw last, should that be ahead of the checkpoint: they never see fewer results than before.
    pub fn handle_published(&mut self, counts: RequestCounts) {
        let own = &mut self.context.batch.request_counts;
        if own.total == counts.total {
            own.completed = own.completed.max(counts.completed);
            own.failed = own.failed.max(counts.failed);
        }
    }

    /// The user wishes something. Saying it again changes nothing.
    pub fn handle_wish(&mut self, wish: Wish) {
        self.context.wish(wish);
    }

    /// The batch is paused, or goes on: what is in flight ends, and nothing new starts until it does.
    pub fn handle_pause(&mut self, paused: bool) {
        self.context.paused = paused;
    }

    /// The host has pools of model servers: it is asked for those of the batch's models, and each is run at its own pace.
    pub fn handle_pools(&mut self) {
        self.context.pooled = true;
    }

    /// The host can keep files while they are written: it is asked to after so many bytes of them.
    pub fn handle_keeping(&mut self, bytes: u64) {
        self.context.keep_bytes = Some(bytes);
    }

    /// How many requests of each pool may be in flight now, as far as the host bounds them. What is above that is let end.
    pub fn handle_allowances(&mut self, of: &dyn Fn(Option<&str>) -> Option<u32>) {
        self.phase.allow(of);
    }

    /// The turn's time is up: nothing new starts, what is in flight ends and is saved.
    pub fn handle_deadline(&mut self) {
        self.context.stop = self.context.stop.max(Some(Stop::Deadline));
    }

    /// The host wants to stop: as at the deadline, and steps that can be done again are left at once.
    pub fn handle_stop(&mut self) {
        self.context.stop = Some(Stop::Requested);
    }

    // C. What is to be done.

    /// The next thing to do, if there is one now.
    pub fn poll_output(&mut self) -> Option<Output> {
        while self.end.is_none() {
            let id = self.next_id;
            let Self { context, phase, .. } = self;
            let call = context.save.poll(context.now, id);
            if let Some(command) = call.or_else(|| context.io.poll(context.now, id)) {
                self.next_id += 1;
                return Some(Output::Start(id, command));
            }
            if context.committing {
                return None;
            }
            match phase.advance(context) {
                Ok(Next::Idle) => {
                    let output = phase.poll(context, id);
                    self.next_id += u64::from(matches!(output, Some(Output::Start(..))));
                    return output;
                }
                next => self.take(next),
            }
        }
        None
    }

    // D. Whether to go on, and when.

    /// How the turn ended, once it did; nothing comes out any more then.
    pub fn end(&self) -> Option<&TurnEnd> {
        self.end.as_ref()
    }

    /// When to call [`Machine::handle_timeout`] if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<u64> {
        let context = &self.context;
        let phase = if context.committing { None } else { self.phase.due(context) };
        let due = [phase, context.save.due(), context.io.due()].into_iter().flatten().min();
        due.map(|due| self.clock.shown(due))
    }

    /// Hands a reply to whoever waits for it: the write to the store, the phase's host call, or what it polled.
    fn settle(&mut self, id: CommandId, reply: Reply) -> Result<Next, Defect> {
        let Self { context, phase, .. } = self;
        let reply = match context.save.settle(context.now, id, reply) {
            Settled::NotMine(reply) => reply,
            Settled::Again => return Ok(Next::Idle),
            Settled::GaveUp(fault) => return Ok(Next::End(context.fault(fault))),
            Settled::Done(_) => {
                if !std::mem::take(&mut context.committing) {
                    phase.on_saved();
                }
                return Ok(Next::Again);
            }
        };
        match context.io.settle(context.now, id, reply) {
            Settled::NotMine(reply) => phase.on_reply(context, id, reply),
            Settled::Again => Ok(Next::Idle),
            Settled::GaveUp(fault) => phase.on_io_fault(context, fault),
            Settled::Done(reply) => phase.on_io(context, reply),
        }
    }

    fn take(&mut self, next: Result<Next, Defect>) {
        match next {
            Ok(Next::Again | Next::Idle) => {}
            Ok(Next::Become(phase)) => self.phase = phase,
            Ok(Next::End(end)) => self.finish(end),
            Err(defect) => self.finish(self.context.defect(defect)),
        }
    }

    /// Times are given by the clock as it is set.
    fn finish(&mut self, mut end: TurnEnd) {
        if let TurnEnd::Suspended { wake_at }
        | TurnEnd::Paused { wake_at }
        | TurnEnd::Faulted { wake_at, .. } = &mut end
        {
            *wake_at = self.clock.shown(*wake_at);
        }
        self.end = Some(end);
    }
}
