//! The store as the owner of one batch writes it: each write carries the check that the lease is still its own, and renews it.

use crate::host::{Fault, Host, KvCheck, KvWrite};
use crate::keys;
use crate::queue::lease::{Claim, Lease, Owner};
use crate::steady::Steady;
use std::cell::{Cell, RefCell};

/// How long to wait before a renewal that failed is tried again.
const AGAIN_MS: u64 = 1_000;

/// A batch that is this owner's until another takes it. Where the store takes no checks the host sees to it that there is
/// no other, and nothing is leased.
pub(super) struct Owned<'a, H> {
    host: &'a H,
    owner: &'a RefCell<Owner>,
    id: &'a str,
    /// As it was last written.
    lease: RefCell<Option<Lease>>,
    /// When the lease ends by `clock`.
    until: Cell<u64>,
    clock: Cell<Steady>,
    is_lost: Cell<bool>,
    /// The write that ends the batch, and the lease with it, is under way.
    is_ending: Cell<bool>,
}

impl<'a, H: Host> Owned<'a, H> {
    /// Takes a batch, or says when to look again, as another has it.
    pub(super) async fn take(
        host: &'a H,
        owner: &'a RefCell<Owner>,
        id: &'a str,
    ) -> Result<Result<Self, u64>, Fault> {
        let mut taken = None;
        if host.kv_checks() {
            let key = keys::lease(id);
            let stored = host.kv_get(&key).await?;
            let claim = owner.borrow_mut().claim(id, stored.as_deref(), host.now());
            let lease = match claim {
                Claim::Take(lease) => lease,
                Claim::Held(at) => return Ok(Err(at)),
            };
            let check = KvCheck { key: &key, value: stored.as_deref() };
            if !host.kv_write(&[KvWrite::Set(&key, &lease.encode())], &[check]).await? {
                return Ok(Err(host.now() + AGAIN_MS));
            }
            taken = Some(lease);
        }
        let (lease, until, is_lost, is_ending) = Default::default();
        let clock = Cell::new(Steady::new(host.now()));
        let owned = Self { host, owner, id, lease, until, clock, is_lost, is_ending };
        owned.keep(taken);
        Ok(Ok(owned))
    }

    /// Whether another has taken the batch over: nothing may be done for it any more.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.get()
    }

    /// When the lease is to be renewed if no write does it before, as the host's clock will show it; never where nothing is leased.
    pub(super) fn renew_at(&self) -> u64 {
        self.now();
        let until = self.until.get();
        if until == u64::MAX {
            return until;
        }
        self.clock.get().shown(until.saturating_sub(self.owner.borrow().lease_ms() / 3 * 2))
    }

    /// Time that goes on where the host's clock is set back: the lease would end long ago for others, and be renewed too late.
    fn now(&self) -> u64 {
        let mut clock = self.clock.get();
        let now = clock.at(self.host.now());
        self.clock.set(clock);
        now
    }

    /// Writes, if the batch is still this owner's, and renews the lease. With the batch's `run:` its lease goes too.
    pub(super) async fn write(&self, writes: &[KvWrite<'_>]) -> Result<(), Fault> {
        let (key, run) = (keys::lease(self.id), keys::run(self.id));
        let ends = writes.contains(&KvWrite::Delete(&run));
        if ends {
            self.is_ending.set(true);
        }
        loop {
            let Some(held) = self.lease.borrow().clone() else {
                return match self.is_lost() {
                    true => Err(lost()),
                    false => self.host.kv_write(writes, &[]).await.map(drop),
                };
            };
            let (current, next) = (held.encode(), self.owner.borrow().renewed(&held, self.now()));
            let renewed = next.encode();
            let mut all = writes.to_vec();
            all.push(if ends { KvWrite::Delete(&key) } else { KvWrite::Set(&key, &renewed) });
            if self.host.kv_write(&all, &[KvCheck { key: &key, value: Some(&current) }]).await? {
                self.keep((!ends).then_some(next));
                return Ok(());
            }
            // Another write of this turn came between, or one was carried out although its reply was lost.
            let stored = self.host.kv_get(&key).await?;
            match stored.as_deref().and_then(Lease::decode) {
                Some(stored) if stored.is_same(&held) => self.keep(Some(stored)),
                None if ends && self.host.kv_get(&run).await?.is_none() => {
                    self.keep(None);
                    return Ok(());
                }
                // A renewal that was under way when the batch ended: the other write says how that went.
                _ if self.is_ending.get() && !ends => return Ok(()),
                _ => {
                    self.is_lost.set(true);
                    self.keep(None);
                }
            }
        }
    }

    fn keep(&self, lease: Option<Lease>) {
        self.until.set(lease.as_ref().map_or(u64::MAX, |lease| lease.until));
        *self.lease.borrow_mut() = lease;
    }

    /// Renews the lease, if it is still this owner's.
    pub(super) async fn renew(&self) -> Result<(), Fault> {
        if self.until.get() == u64::MAX { Ok(()) } else { self.write(&[]).await }
    }

    /// Before anything is done outside the store. A lease that has run out, as the process stood still or the store was
    /// away, must be renewed first: another may have the batch.
    ///
    /// # Errors
    /// When it is another's.
    pub(super) async fn ensure(&self) -> Result<(), Fault> {
        while self.now() >= self.until.get() && !self.is_lost() {
            if self.renew().await.is_err() && !self.is_lost() {
                self.host.sleep(AGAIN_MS).await;
            }
        }
        if self.is_lost() { Err(lost()) } else { Ok(()) }
    }

    /// Leaves the batch to whoever comes next. What fails here ends by itself.
    pub(super) async fn release(self) {
        if let Some(lease) = self.lease.into_inner() {
            let (key, value) = (keys::lease(self.id), lease.encode());
            let check = KvCheck { key: &key, value: Some(&value) };
            let _ = self.host.kv_write(&[KvWrite::Delete(&key)], &[check]).await;
        }
    }
}

fn lost() -> Fault {
    Fault::transient("another owner has taken the batch over")
}
