//! The set of seen `custom_id`s, as hashes: up to 24 bytes for each, however long it is.
//!
//! The hash has 128 bits and a key no file knows, so two ids that differ are never mistaken for one
//! another (in a million ids: chance 2⁻⁸⁹), and no one can construct ids that cluster. The set is 64 tables that grow one at a time,
//! so that growing never needs twice the memory nor a long pause.

use siphasher::sip128::SipHasher13;

const SHARDS: usize = 64;
const SMALLEST: u32 = 20;

/// The hash all sets of the validator use.
pub(crate) fn hash((k0, k1): (u64, u64), text: &[u8]) -> u128 {
    SipHasher13::new_with_keys(k0, k1).hash(text).as_u128()
}

/// A set of hashes.
#[derive(Debug)]
pub(crate) struct Seen {
    shards: [Shard; SHARDS],
}

/// Open addressing with linear probing, the hashes in ascending order: at a larger one the search is over
/// (lookups of absent hashes in a full table would otherwise be long), and growing is one pass from end to end.
#[derive(Debug, Default)]
struct Shard {
    /// As many as hashes are scaled to, and some more at the end for those whose slot is taken.
    slots: Vec<u128>,
    scale: u32,
    used: usize,
}

/// Marks a free slot; the two largest hashes count as one.
const FREE: u128 = u128::MAX;

impl Seen {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// Adds a hash; false if it was in already.
    pub(crate) fn insert(&mut self, hash: u128) -> bool {
        let hash = hash.min(FREE - 1);
        self.shards[shard(hash)].insert(hash)
    }

    /// Whether the hash is in.
    pub(crate) fn contains(&self, hash: u128) -> bool {
        let hash = hash.min(FREE - 1);
        let shard = &self.shards[shard(hash)];
        shard.slots.get(shard.find(hash)) == Some(&hash)
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.shards.iter().map(|shard| shard.slots.capacity() * size_of::<u128>()).sum()
    }
}

/// The top bits choose the shard, the next the slot in it.
fn shard(hash: u128) -> usize {
    (hash >> 122) as usize % SHARDS
}

impl Shard {
    fn insert(&mut self, hash: u128) -> bool {
        // Full at 90 %, and larger by 30 % and 1/32 more at the end: 16 bytes an id become at most
        // 16 / 0.9 * 1.3 * 33/32 = 23.9.
        if (self.used + 1) * 10 > self.scale as usize * 9 {
            self.grow();
        }
        let mut at = self.find(hash);
        if self.slots.get(at) == Some(&hash) {
            return false;
        }
        // Shifts the following entries by one, up to a free slot.
        let mut moved = hash;
        loop {
            for slot in self.slots.get_mut(at..).unwrap_or_default() {
                let next = std::mem::replace(slot, moved);
                if next == FREE {
                    self.used += 1;
                    return true;
                }
                moved = next;
            }
            // There was none up to the end.
            self.grow();
            at = self.find(moved);
        }
    }

    /// Where the hash is, or should be.
    #[inline(always)]
    fn find(&self, hash: u128) -> usize {
        let mut at = self.slot(hash);
        // Four at once: how many are smaller is hard to predict, that there are fewer than four is not.
        while let Some(four) = self.slots.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            let smaller: usize = four.iter().map(|&slot| usize::from(slot < hash)).sum();
            at += smaller;
            if smaller < 4 {
                return at;
            }
        }
        let smaller = self.slots.get(at..).unwrap_or_default().iter().take_while(|&&slot| slot < hash);
        at + smaller.count()
    }

    /// The first slot where the hash may be: larger hashes have no earlier one.
    fn slot(&self, hash: u128) -> usize {
        let bits = (hash >> 90) as u32;
        ((u64::from(bits) * u64::from(self.scale)) >> 32) as usize
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        loop {
            self.scale = SMALLEST.max(self.scale + self.scale / 10 * 3);
            self.slots = vec![FREE; self.scale as usize * 33 / 32 + SMALLEST as usize];
            let mut next = 0;
            let all_fit = old.iter().filter(|&&hash| hash != FREE).all(|&hash| {
                next = self.slot(hash).max(next) + 1;
                self.slots.get_mut(next - 1).map(|slot| *slot = hash).is_some()
            });
            if all_fit {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_what_was_added_and_nothing_else_at_any_size() {
        let id = |i: u32| hash((1, 2), i.to_string().as_bytes());
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
    fn hashes_at_either_end_and_hashes_that_crowd_together_are_kept_apart() {
        let mut seen = Seen::new();
        // All in one shard, all wanting its last slot, in no order: the room after it must grow, and they move.
        let low = |i: u128| i.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) & ((1 << 90) - 1);
        let crowded = |i| ((u128::MAX << 90) - (1 << 122)) | low(i);
        assert!((0..2_000).all(|i| seen.insert(crowded(i))));
        assert!(!(0..2_000).any(|i| seen.insert(crowded(i))));
        for end in [0, u128::MAX] {
            assert!(!seen.contains(end));
            assert!(seen.insert(end) && !seen.insert(end));
            assert!(seen.contains(end));
        }
    }

    #[test]
    fn a_million_ids_stay_within_24_mib_even_while_a_table_grows() {
        let mut seen = Seen::new();
        for i in 0..1_000_000u32 {
            let hash = hash((1, 2), i.to_string().as_bytes());
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
