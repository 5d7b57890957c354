//! A host call that must succeed: one at a time, repeated with growing delays while the fault may pass.

use crate::batch::command::{Command, CommandId, Reply};
use crate::host::Fault;
use crate::limits::{HOST_ATTEMPTS, HOST_RETRY_BASE_MS, HOST_RETRY_CAP_MS};

/// Holds the command until it succeeded, so that it can be given out again.
#[derive(Debug, Default)]
pub(super) struct Call {
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    command: Command,
    attempts: u32,
    max_attempts: u32,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    Due(u64),
    Flying(CommandId),
}

/// Milliseconds before a host call that failed `attempts` times is repeated.
pub(super) fn host_delay_ms(attempts: u32) -> u64 {
    (HOST_RETRY_BASE_MS << attempts.saturating_sub(1).min(16)).min(HOST_RETRY_CAP_MS)
}

/// What a reply meant for a [`Call`].
#[derive(Debug)]
pub(super) enum Settled {
    /// The reply belongs to another call.
    NotMine(Reply),
    /// Done.
    Done(Reply),
    /// It failed and will be repeated.
    Again,
    /// It failed for good, or too often.
    GaveUp(Fault),
}

impl Call {
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_none()
    }

    /// Starts a call; the one before must be settled.
    pub(super) fn start(&mut self, command: Command) {
        self.start_with(command, HOST_ATTEMPTS);
    }

    /// As [`Call::start`], with a maximum of attempts. A call that must not be repeated as it is, because a failed one
    /// may have left half its effect, is made once.
    pub(super) fn start_with(&mut self, command: Command, max_attempts: u32) {
        debug_assert!(self.is_idle(), "a call is already pending");
        self.pending = Some(Pending { command, attempts: 0, max_attempts, state: State::Due(0) });
    }

    /// Forgets the call: should its reply still come, it is [`Settled::NotMine`], and of use to nobody.
    pub(super) fn forget(&mut self) {
        self.pending = None;
    }

    /// The command, if it is to be given out now under `id`.
    pub(super) fn poll(&mut self, now: u64, id: CommandId) -> Option<Command> {
        let pending = self.pending.as_mut()?;
        match pending.state {
            State::Due(at) if at <= now => {
                pending.state = State::Flying(id);
                pending.attempts += 1;
                Some(pending.command.clone())
            }
            _ => None,
        }
    }

    /// When [`Call::poll`] will give something.
    pub(super) fn due(&self) -> Option<u64> {
        match self.pending.as_ref()?.state {
            State::Due(at) => Some(at),
            State::Flying(_) => None,
        }
    }

    pub(super) fn settle(&mut self, now: u64, id: CommandId, reply: Reply) -> Settled {
        let Some(pending) = self.pending.as_mut().filter(|p| p.state == State::Flying(id)) else {
            return Settled::NotMine(reply);
        };
        let Reply::Failed(fault) = reply else {
            self.pending = None;
            return Settled::Done(reply);
        };
        if !fault.may_pass() || pending.attempts >= pending.max_attempts {
            self.pending = None;
            return Settled::GaveUp(fault);
        }
        pending.state = State::Due(now + host_delay_ms(pending.attempts));
        Settled::Again
    }
}
