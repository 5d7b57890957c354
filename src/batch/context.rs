//! What every phase of a batch shares: the batch itself, the host calls under way, the time.

use crate::batch::account::Account;
use crate::batch::call::Call;
use crate::batch::command::TurnEnd;
use crate::batch::defect::Defect;
use crate::batch::order::Order;
use crate::host::Fault;
use crate::limits::{HOST_RETRY_CAP_MS, PAUSE_LOOK_MS};
use crate::result::outcome::Tally;
use crate::retry::Jitter;
use crate::settings::Settings;
use crate::wire::{Batch, Wish};

/// Why a turn is to end before its batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// Its time is up: finish what cannot be picked up half done.
    Deadline,
    /// The host is going away: stop at the next point from which a turn can resume.
    Requested,
}

pub(super) struct Context {
    pub(super) batch: Batch,
    pub(super) settings: Settings,
    /// Unix milliseconds.
    pub(super) now: u64,
    pub(super) jitter: Jitter,
    pub(super) hash_key: (u64, u64),
    /// Unix seconds.
    pub(super) cancel_requested_at: Option<u64>,
    pub(super) stop: Option<Stop>,
    /// Nothing new is to start until the user lets it go on.
    pub(super) paused: bool,
    /// Whether the host has pools of model servers.
    pub(super) pooled: bool,
    /// After how many bytes the host is to keep the files that are written, where it can.
    pub(super) keep_bytes: Option<u64>,
    /// Writes to the store, one at a time and in order.
    pub(super) save: Call,
    /// The phase's other host call.
    pub(super) io: Call,
    /// In which order results come.
    pub(super) order: Order,
    pub(super) account: Account,
    /// A change of phase is being saved: nothing that depends on it is given out before.
    pub(super) committing: bool,
}

impl Context {
    pub(super) fn new(batch: Batch, settings: Settings, seed: [u64; 3], now: u64) -> Self {
        Self {
            batch,
            settings,
            now,
            jitter: Jitter::new(seed[0]),
            hash_key: (seed[1], seed[2]),
            cancel_requested_at: None,
            stop: None,
            paused: false,
            pooled: false,
            keep_bytes: None,
            save: Call::default(),
            io: Call::default(),
            order: Order::default(),
            account: Account::default(),
            committing: false,
        }
    }

    /// What the user wishes; the first time it was seen counts.
    pub(super) fn wish(&mut self, wish: Wish) {
        let Wish::Cancel { since } = wish;
        self.cancel_requested_at.get_or_insert(since);
    }

    pub(super) fn now_seconds(&self) -> u64 {
        self.now / 1_000
    }

    pub(super) fn is_expired(&self) -> bool {
        self.batch.expires_at.is_some_and(|at| self.now >= at * 1_000)
    }

    /// Counts what is durable. A turn that has not looked at all chunks again yet knows less than was published
    /// before: users never see fewer.
    pub(super) fn raise_counts(&mut self, tally: &Tally) {
        let counts = &mut self.batch.request_counts;
        counts.completed = counts.completed.max(tally.completed);
        counts.failed = counts.failed.max(tally.failed);
    }

    /// The end of a turn of a paused batch, whose window goes on closing.
    pub(super) fn pause(&self) -> TurnEnd {
        TurnEnd::Paused { wake_at: self.batch.expires_at.map_or(self.now + PAUSE_LOOK_MS, |at| at * 1_000) }
    }

    /// The end of a turn over a fault that may pass.
    pub(super) fn fault(&self, fault: Fault) -> TurnEnd {
        TurnEnd::Faulted { message: fault.message, wake_at: self.now + HOST_RETRY_CAP_MS }
    }

    /// The end of a turn over what no repetition mends. A later build may.
    pub(super) fn defect(&self, Defect(message): Defect) -> TurnEnd {
        let message = format!("edgebatch has a defect: {message}");
        TurnEnd::Faulted { message, wake_at: self.now + 60 * HOST_RETRY_CAP_MS }
    }
}
