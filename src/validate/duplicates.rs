//! The set of seen `custom_id`s, as hashes: up to 24 bytes for each, however long it is.
//!
//! The hash has 128 bits and a key no file knows, so two ids that differ are never taken for one (a million
//! ids: chance 2⁻⁸⁹). The set is 64 tables that grow one at a time, so that growing never needs twice the memory
//! nor a long pause.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

const SHARDS: usize = 64;
const SMALLEST: usize = 16;

/// The hash all sets of the validator use.
pub(super) fn hash((k0, k1): (u64, u64), text: &str) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(k0, k1);
    hasher.write(text.as_bytes());
    hasher.finish128().as_u128()
}

/// A set of hashes.
#[derive(Debug)]
pub(super) struct Seen {
    shards: [Shard; SHARDS],
}

/// Open addressing with linear probing; 0 marks a free slot.
#[derive(Debug, Default)]
struct Shard {
    slots: Vec<u128>,
    used: usize,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// Adds a hash; false if it was in already.
    pub(super) fn insert(&mut self, hash: u128) -> bool {
        let hash = hash.max(1);
        self.shards[shard(hash)].insert(hash)
    }

    /// Whether the hash is in.
    pub(super) fn contains(&self, hash: u128) -> bool {
        let hash = hash.max(1);
        let shard = &self.shards[shard(hash)];
        !shard.slots.is_empty() && shard.find(hash).is_err()
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.shards.iter().map(|shard| shard.slots.capacity() * size_of::<u128>()).sum()
    }
}

/// The top bits choose the shard, the low half the slot in it.
fn shard(hash: u128) -> usize {
    (hash >> 122) as usize % SHARDS
}

impl Shard {
    fn insert(&mut self, hash: u128) -> bool {
        if self.slots.is_empty() {
            self.grow();
        }
        let Ok(mut free) = self.find(hash) else { return false };
        // Full at 85 %, where a miss looks at some 20 neighbours, and by a quarter more: 16 bytes an id become
        // at most 16 / 0.85 * 1.25 = 23.6.
        if (self.used + 1) * 20 > self.slots.len() * 17 {
            self.grow();
            let Ok(moved) = self.find(hash) else { return false };
            free = moved;
        }
        self.slots[free] = hash;
        self.used += 1;
        true
    }

    /// The free slot where the hash belongs, or the slot where it is. Needs at least one free slot.
    fn find(&self, hash: u128) -> Result<usize, usize> {
        // Scales the low 32 bits to the number of slots, which need not be a power of two.
        let mut slot = ((u64::from(hash as u32) * self.slots.len() as u64) >> 32) as usize;
        loop {
            match self.slots[slot] {
                0 => return Ok(slot),
                here if here == hash => return Err(slot),
                _ => slot = if slot + 1 == self.slots.len() { 0 } else { slot + 1 },
            }
        }
    }

    fn grow(&mut self) {
        let larger = SMALLEST.max(self.slots.len() / 4 * 5);
        let old = std::mem::replace(&mut self.slots, vec![0; larger]);
        for hash in old.into_iter().filter(|&hash| hash != 0) {
            if let Ok(free) = self.find(hash) {
                self.slots[free] = hash;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_what_was_added_and_nothing_else_at_any_size() {
        let id = |i: u32| hash((1, 2), &i.to_string());
        let mut seen = Seen::new();
        for i in 0..100_000 {
            assert!(!seen.contains(id(i)));
            assert!(seen.insert(id(i)), "{i} is new");
            assert!(!seen.insert(id(i / 2)), "{} was added before", i / 2);
        }
        assert!((0..100_000).all(|i| seen.contains(id(i))));
        assert!(!(100_000..200_000).any(|i| seen.contains(id(i))));
    }

    #[test]
    fn hashes_of_zero_and_hashes_that_crowd_together_are_kept_apart() {
        let mut seen = Seen::new();
        // All in one shard, all wanting its last slot: probing must go round to the first.
        let crowded = |i: u128| i << 64 | u128::from(u64::MAX);
        assert!(seen.insert(0) && !seen.insert(0));
        assert!((0..2_000).all(|i| seen.insert(crowded(i))));
        assert!(!(0..2_000).any(|i| seen.insert(crowded(i))));
        assert!(seen.contains(0));
    }

    #[test]
    fn a_million_ids_stay_within_24_mib_even_while_a_table_grows() {
        let mut seen = Seen::new();
        for i in 0..1_000_000u32 {
            let hash = hash((1, 2), &i.to_string());
            let old = seen.shards[shard(hash)].slots.capacity();
            seen.insert(hash);
            let grew = seen.shards[shard(hash)].slots.capacity() != old;
            if grew {
                // While its slots moved, the old table was there beside the new one.
                let peak = seen.held() + old * size_of::<u128>();
                assert!(peak <= 24 << 20, "{peak} bytes at {i}");
            }
        }
    }
}
