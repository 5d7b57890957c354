//! One owner for each batch: a lease that it takes, renews with every write, and loses to another that has not seen it renewed
//! for too long.
//!
//! A lease protects by the check that every write of its owner carries, never by time: an owner that was stopped, and continues
//! after another took over, is refused. Time only decides when another may take over, and at worst makes it too early:
//! then calls in flight are made again, and nothing else is lost.

use crate::limits::LEASE_SKEW_MS;
use crate::settings::Settings;

/// Who runs a batch. Stored as 16 hex digits of the epoch, 16 of `until`, and the owner's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Rises with every taking, so that no two leases of a batch are the same.
    pub epoch: u64,
    /// When it ends unless it is renewed, in Unix milliseconds of its owner's clock.
    pub until: u64,
    /// Who has it.
    pub owner: String,
}

impl Lease {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        format!("{:016x}{:016x}{}", self.epoch, self.until, self.owner).into_bytes()
    }

    /// A stored lease; none when it cannot be read.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let number = |at| u64::from_str_radix(text.get(at..at + 16)?, 16).ok();
        Some(Self { epoch: number(0)?, until: number(16)?, owner: text.get(32..)?.to_owned() })
    }

    /// Whether another is this same lease, renewed or not.
    pub fn is_same(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.owner == other.owner
    }
}

/// What [`Owner::claim`] decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The batch is free: this lease is to be written, under the check that what is stored is still what was read.
    Take(Lease),
    /// Another owner has it: look again then (Unix milliseconds).
    Held(u64),
}

/// One that runs batches, with what it has seen of others' leases.
#[derive(Debug)]
pub struct Owner {
    name: String,
    lease_ms: u64,
    is_sole: bool,
    /// Leases of others: of which batch, as last read, and since when just so.
    seen: Vec<(String, Vec<u8>, u64)>,
}

impl Owner {
    /// A new owner, named by fresh randomness.
    pub fn new(random: [u64; 2], settings: &Settings) -> Self {
        Self {
            name: format!("{:016x}{:016x}", random[0], random[1]),
            lease_ms: settings.lease_ms,
            is_sole: settings.sole_owner,
            seen: Vec::new(),
        }
    }

    /// The same, that waits for others' leases even where it is the only one by its settings: one of them may be its own host's.
    pub fn patient(random: [u64; 2], settings: &Settings) -> Self {
        Self { is_sole: false, ..Self::new(random, settings) }
    }

    /// Whether the batch may be taken, by its stored lease.
    ///
    /// Clocks of several machines differ: what counts is how long this owner has seen the same lease unrenewed. One that ended
    /// long ago by its own clock is not watched first.
    pub fn claim(&mut self, id: &str, stored: Option<&[u8]>, now: u64) -> Claim {
        let lease = stored.and_then(Lease::decode);
        if let (Some(stored), Some(lease), false) = (stored, &lease, self.is_sole)
            && lease.owner != self.name
            && now < lease.until.saturating_add(LEASE_SKEW_MS)
        {
            let known = self.seen.iter().find(|(of, bytes, _)| of == id && bytes == stored);
            let since = known.map_or(now, |(_, _, since)| (*since).min(now));
            if now - since < self.lease_ms {
                self.forget(id);
                self.seen.push((id.to_owned(), stored.to_vec(), since));
                // Often enough that a renewal just after a look does not hide an end for another whole lease.
                return Claim::Held((since + self.lease_ms).min(now + self.lease_ms.div_ceil(4)));
            }
        }
        self.forget(id);
        let epoch = lease.map_or(0, |lease| lease.epoch + 1).max(now);
        Claim::Take(Lease { epoch, until: now + self.lease_ms, owner: self.name.clone() })
    }

    /// The lease for another while.
    pub fn renewed(&self, lease: &Lease, now: u64) -> Lease {
        Lease { until: now + self.lease_ms, ..lease.clone() }
    }

    /// How long a lease holds without being renewed, in milliseconds.
    pub fn lease_ms(&self) -> u64 {
        self.lease_ms
    }

    /// The batch is another's no longer, or there is none.
    pub fn forget(&mut self, id: &str) {
        self.seen.retain(|(of, _, _)| of != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: u64) -> Owner {
        Owner::new([0, name], &Settings::default())
    }

    fn taken(claim: Claim) -> Lease {
        match claim {
            Claim::Take(lease) => lease,
            Claim::Held(at) => panic!("held until {at}"),
        }
    }

    #[test]
    fn a_lease_is_stored_as_it_is_read() {
        let lease = taken(owner(1).claim("b", None, 5));
        assert_eq!(lease.encode().len(), 64);
        assert_eq!(Lease::decode(&lease.encode()), Some(lease));
        for odd in ["", "1", "1 2", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdeü"] {
            assert_eq!(Lease::decode(odd.as_bytes()), None, "{odd:?}");
        }
    }

    #[test]
    fn another_waits_until_it_has_seen_the_same_lease_for_its_length() {
        let (mut one, mut two) = (owner(1), owner(2));
        let mut lease = taken(one.claim("b", None, 1_000));
        assert_eq!(two.claim("b", Some(&lease.encode()), 9_000), Claim::Held(11_500));
        lease = one.renewed(&lease, 10_000);
        assert_eq!(two.claim("b", Some(&lease.encode()), 19_000), Claim::Held(21_500));
        assert_eq!(two.claim("b", Some(&lease.encode()), 28_999), Claim::Held(29_000));
        let next = taken(two.claim("b", Some(&lease.encode()), 29_000));
        assert!(next.epoch > lease.epoch && next.owner != lease.owner);
    }

    #[test]
    fn a_lease_that_ended_long_ago_is_taken_at_once() {
        let lease = taken(owner(1).claim("b", None, 1_000)).encode();
        assert!(matches!(owner(2).claim("b", Some(&lease), 70_999), Claim::Held(_)));
        taken(owner(2).claim("b", Some(&lease), 71_000));
    }

    #[test]
    fn a_sole_owner_waits_for_nobody() {
        let lease = taken(owner(1).claim("b", None, 1_000)).encode();
        let settings = Settings { sole_owner: true, ..Settings::default() };
        let next = taken(Owner::new([0, 2], &settings).claim("b", Some(&lease), 1_000));
        assert_eq!(next.epoch, 1_001);
    }

    #[test]
    fn what_is_no_lease_keeps_nobody_out() {
        taken(owner(1).claim("b", Some(b"?"), 0));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer_than_a_lease() {
        let (mut one, mut two) = (owner(1), owner(2));
        let lease = taken(one.claim("b", None, 100_000)).encode();
        assert_eq!(two.claim("b", Some(&lease), 100_000), Claim::Held(102_500));
        assert_eq!(two.claim("b", Some(&lease), 50_000), Claim::Held(52_500));
        taken(two.claim("b", Some(&lease), 60_000));
    }

    #[test]
    fn no_two_leases_of_a_batch_are_the_same() {
        let mut one = owner(1);
        let first = taken(one.claim("b", None, 7));
        // Released, and taken again.
        let second = taken(one.claim("b", None, 8));
        assert!(!first.is_same(&second));
        let third = taken(one.claim("b", Some(&second.encode()), 8));
        assert!(!second.is_same(&third));
    }
}
