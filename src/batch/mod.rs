//! The batch as a machine that is driven: facts go in, commands come out, time is told.
//!
//! A [`Machine`] does nothing by itself. Its driver
//! 1. asks [`Machine::poll_output`] until it gives nothing, and carries out each command;
//! 2. ends when [`Machine::end`] says how the turn ended;
//! 3. waits for a reply, or until [`Machine::poll_timeout`];
//! 4. tells it: [`Machine::handle_reply`], [`Machine::handle_timeout`], [`Machine::handle_wish`],
//!    [`Machine::handle_stop`]; and starts over.
//!
//! What it must never lose it has saved: a turn may be cut off between any two calls, and the next turn, made by
//! [`Machine::resume`] from the stored checkpoint, ends with the same files. Repeating a command is harmless.
//! Only inference calls that were in flight, or whose results were not written yet, are made again.

mod call;
mod checkpoint;
mod cleaning;
pub mod command;
mod context;
mod defect;
mod finalizing;
mod running;
mod validating;

use self::call::Settled;
pub use self::checkpoint::{CHECKPOINT_VERSION, Unreadable};
use self::checkpoint::{Checkpoint, SavedPhase};
use self::cleaning::Cleaning;
use self::command::{CommandId, Output, Reply};
use self::context::{Core, Next, Stop};
use self::finalizing::Finalizing;
use self::running::Running;
use self::validating::Validating;
use crate::settings::Settings;
use crate::steady::Steady;
use crate::wire::{Batch, RequestCounts, Wish};

/// One turn of one batch.
pub struct Machine {
    core: Core,
    clock: Steady,
    phase: Phase,
    next_id: CommandId,
    end: Option<TurnEnd>,
}

/// How a turn ended. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// The batch is terminal; nothing is left to do.
    Terminal,
    /// There is more to do, from `wake_at` on.
    Suspended {
        /// When.
        wake_at: u64,
    },
    /// The host failed in a way that may pass; the batch is as the last checkpoint left it.
    Faulted {
        /// What failed.
        message: String,
        /// When to try again.
        wake_at: u64,
    },
    /// Another owner runs the batch. Said by the driver: a machine knows of no other.
    Held {
        /// When to look again.
        wake_at: u64,
    },
}

enum Phase {
    Validating(Box<Validating>),
    Running(Box<Running>),
    Finalizing(Box<Finalizing>),
    Cleaning(Cleaning),
    Suspended { wake_at: u64 },
}

/// The first checkpoint of a batch: with it stored, the batch will run.
pub fn first_checkpoint(batch: &Batch) -> Vec<u8> {
    Checkpoint::new(batch.clone(), SavedPhase::Validating).encode()
}

/// The batch in a stored checkpoint.
///
/// # Errors
/// When the checkpoint cannot be read, or is of another version.
pub fn checkpointed(checkpoint: &[u8]) -> Result<Batch, Unreadable> {
    Checkpoint::decode(checkpoint).map(|checkpoint| checkpoint.batch)
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
        let Checkpoint { batch, phase, .. } = Checkpoint::decode(checkpoint)?;
        let core = Core::new(batch, settings, seed, now);
        let phase = match phase {
            SavedPhase::Validating => Phase::Validating(Box::new(Validating::new(&core))),
            SavedPhase::Running(run) => Phase::Running(Box::new(Running::resume(&core, run))),
            SavedPhase::Finalizing { chunks, ending } => {
                Phase::Finalizing(Box::new(Finalizing::new(chunks, ending)))
            }
            SavedPhase::Cleaning => Phase::Cleaning(Cleaning::resume()),
        };
        Ok(Self::start(core, phase, now))
    }

    /// Goes on without a checkpoint that can be read, from the batch as users see it: the input of `input_bytes` is gone
    /// through once more, and whatever has a stored result is not run again.
    pub fn recover(batch: Batch, input_bytes: u64, settings: Settings, seed: [u64; 3], now: u64) -> Self {
        let core = Core::new(batch, settings, seed, now);
        let phase = if core.batch.status.is_terminal() {
            Phase::Cleaning(Cleaning::resume())
        } else if core.batch.in_progress_at.is_none() {
            Phase::Validating(Box::new(Validating::new(&core)))
        } else {
            Phase::Running(Box::new(Running::recover(&core, input_bytes)))
        };
        Self::start(core, phase, now)
    }

    fn start(core: Core, phase: Phase, now: u64) -> Self {
        Self { core, clock: Steady::new(now), phase, next_id: 1, end: None }
    }

    /// The batch as the next write will publish it.
    pub fn batch(&self) -> &Batch {
        &self.core.batch
    }

    /// What users saw last, should that be ahead of the checkpoint: they never see fewer results than before.
    pub fn handle_published(&mut self, counts: RequestCounts) {
        let own = &mut self.core.batch.request_counts;
        if own.total == counts.total {
            own.completed = own.completed.max(counts.completed);
            own.failed = own.failed.max(counts.failed);
        }
    }

    /// How the turn ended, once it did; nothing comes out any more then.
    pub fn end(&self) -> Option<&TurnEnd> {
        self.end.as_ref()
    }

    /// Time went on. A clock that is set back brings nothing back and holds nothing up.
    pub fn handle_timeout(&mut self, now: u64) {
        self.core.now = self.clock.at(now);
    }

    /// The user wishes something. Saying it again changes nothing.
    pub fn handle_wish(&mut self, wish: Wish) {
        self.core.wish(wish);
    }

    /// The turn's time is up: nothing new starts, what is in flight ends and is saved.
    pub fn handle_deadline(&mut self) {
        self.core.stop = self.core.stop.max(Some(Stop::Deadline));
    }

    /// The host wants to stop: as at the deadline, and steps that can be done again are left at once.
    pub fn handle_stop(&mut self) {
        self.core.stop = Some(Stop::Requested);
    }

    /// A command was carried out, or failed. Replies nobody waits for any more are ignored.
    pub fn handle_reply(&mut self, now: u64, id: CommandId, reply: Reply) {
        self.handle_timeout(now);
        if self.end.is_some() {
            return;
        }
        let core = &mut self.core;
        let settled = match core.save.settle(core.now, id, reply) {
            Settled::Again => Ok(Next::Idle),
            Settled::Done(_) => {
                if !std::mem::take(&mut core.committing)
                    && let Phase::Running(running) = &mut self.phase
                {
                    running.on_saved();
                }
                Ok(Next::Again)
            }
            Settled::GaveUp(fault) => Ok(core.fault(fault)),
            Settled::NotMine(reply) => match core.io.settle(core.now, id, reply) {
                Settled::Again => Ok(Next::Idle),
                Settled::Done(reply) => match &mut self.phase {
                    Phase::Validating(validating) => validating.on_io(core, reply),
                    Phase::Running(running) => running.on_io(core, reply),
                    Phase::Finalizing(finalizing) => finalizing.on_io(core, reply),
                    Phase::Cleaning(_) | Phase::Suspended { .. } => Ok(Next::Idle),
                },
                Settled::GaveUp(fault) => match &mut self.phase {
                    Phase::Validating(validating) => validating.on_io_fault(core, fault),
                    Phase::Running(running) => Ok(running.on_io_fault(core, fault)),
                    Phase::Finalizing(finalizing) => Ok(finalizing.on_io_fault(core, fault)),
                    Phase::Cleaning(_) | Phase::Suspended { .. } => Ok(Next::Idle),
                },
                Settled::NotMine(reply) => match &mut self.phase {
                    Phase::Running(running) => running.on_reply(core, id, reply),
                    _ => Ok(Next::Idle),
                },
            },
        };
        let next = settled.unwrap_or_else(|defect| self.core.defect(defect));
        self.take(next);
    }

    /// The next thing to do, if there is one now.
    pub fn poll_output(&mut self) -> Option<Output> {
        while self.end.is_none() {
            let id = self.next_id;
            let call = self.core.save.poll(self.core.now, id);
            let call = call.or_else(|| self.core.io.poll(self.core.now, id));
            if let Some(command) = call {
                self.next_id += 1;
                return Some(Output::Start(id, command));
            }
            if self.core.committing {
                return None;
            }
            let core = &mut self.core;
            let advanced = match &mut self.phase {
                Phase::Validating(_) if core.stop == Some(Stop::Requested) => {
                    Ok(Next::End(TurnEnd::Suspended { wake_at: core.now }))
                }
                Phase::Validating(validating) => validating.advance(core),
                Phase::Running(running) => match running.advance(core) {
                    Ok(Next::Idle) => {
                        let output = running.poll(core, id);
                        if matches!(output, Some(Output::Start(..))) {
                            self.next_id += 1;
                        }
                        return output;
                    }
                    advanced => advanced,
                },
                Phase::Finalizing(finalizing) => finalizing.advance(core),
                Phase::Cleaning(cleaning) => Ok(cleaning.advance(core)),
                Phase::Suspended { wake_at } => Ok(Next::End(TurnEnd::Suspended { wake_at: *wake_at })),
            };
            let next = advanced.unwrap_or_else(|defect| core.defect(defect));
            if matches!(next, Next::Idle) {
                return None;
            }
            self.take(next);
        }
        None
    }

    /// When to call [`Machine::handle_timeout`] if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<u64> {
        let core = &self.core;
        let phase = match &self.phase {
            _ if core.committing => None,
            Phase::Running(running) => running.due(core),
            Phase::Finalizing(finalizing) => finalizing.due(core.now),
            Phase::Validating(_) | Phase::Cleaning(_) | Phase::Suspended { .. } => None,
        };
        let due = [phase, core.save.due(), core.io.due()].into_iter().flatten().min();
        due.map(|due| self.clock.shown(due))
    }

    fn take(&mut self, next: Next) {
        match next {
            Next::Again | Next::Idle => {}
            Next::End(mut end) => {
                if let TurnEnd::Suspended { wake_at } | TurnEnd::Faulted { wake_at, .. } = &mut end {
                    *wake_at = self.clock.shown(*wake_at);
                }
                self.end = Some(end);
            }
            Next::Terminal => self.end = Some(TurnEnd::Terminal),
            Next::Become(phase) => self.phase = phase,
        }
    }
}
