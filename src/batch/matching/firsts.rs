//! Where each different request of a file stands first, by a keyed hash: at most 31 bytes for each, whatever its length.
//!
//! The hash has 128 bits and a key no file knows: that two requests which differ are taken for one another has a chance of
//! 2⁻⁸⁹ in a million, and nobody can make any that are, or that crowd together.

/// Open addressing with linear probing, in many tables that grow one at a time, so that growing takes neither twice the
/// memory nor a long pause.
#[derive(Debug)]
pub(super) struct Firsts {
    shards: [Shard; SHARDS],
}

const SHARDS: usize = 64;
const SMALLEST: usize = 16;
/// Marks a free slot. No place has this number.
const FREE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Shard {
    hashes: Vec<u128>,
    /// Of each hash, the place of the request.
    places: Vec<u32>,
    used: usize,
}

impl Firsts {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// The place where a request of this hash stands first, if it is not this one.
    pub(super) fn find_or_add(&mut self, hash: u128, place: u32) -> Option<u32> {
        let shard = &mut self.shards[hash as usize % SHARDS];
        // Full at 85 %, and larger by 30 %: 20 bytes become at most 20 / 0.85 * 1.3 = 30.6.
        if (shard.used + 1) * 20 > shard.places.len() * 17 {
            shard.grow();
        }
        let at = shard.slot(hash);
        if shard.places[at] != FREE {
            return Some(shard.places[at]);
        }
        (shard.hashes[at], shard.places[at]) = (hash, place);
        shard.used += 1;
        None
    }
}

impl Shard {
    /// Where the hash is, or should be.
    fn slot(&self, hash: u128) -> usize {
        let size = self.places.len();
        let mut at = (((hash >> 64) * size as u128) >> 64) as usize;
        while self.places[at] != FREE && self.hashes[at] != hash {
            at = (at + 1) % size;
        }
        at
    }

    fn grow(&mut self) {
        let size = SMALLEST + self.places.len() * 13 / 10;
        let old = std::mem::take(self);
        (self.hashes, self.places, self.used) = (vec![0; size], vec![FREE; size], old.used);
        for (hash, place) in old.hashes.into_iter().zip(old.places).filter(|(_, place)| *place != FREE) {
            let at = self.slot(hash);
            (self.hashes[at], self.places[at]) = (hash, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siphasher::sip128::SipHasher13;

    fn hash(number: u32) -> u128 {
        SipHasher13::new_with_keys(1, 2).hash(&number.to_le_bytes()).as_u128()
    }

    #[test]
    fn the_first_place_of_each_hash_is_known_at_any_size() {
        let mut firsts = Firsts::new();
        for number in 0..100_000 {
            assert_eq!(firsts.find_or_add(hash(number), number), None);
            assert_eq!(firsts.find_or_add(hash(number / 3), 7_000_000), Some(number / 3));
        }
        assert!((0..100_000).all(|number| firsts.find_or_add(hash(number), 0) == Some(number)));
    }

    #[test]
    fn hashes_that_want_the_same_slot_are_kept_apart() {
        let mut firsts = Firsts::new();
        let crowded = |number: u128| (u128::MAX << 80) | (number << 6);
        assert!((0..2_000).all(|number| firsts.find_or_add(crowded(number), number as u32).is_none()));
        assert!((0..2_000).all(|number| firsts.find_or_add(crowded(number), 9_999) == Some(number as u32)));
    }

    #[test]
    fn a_million_requests_stay_within_31_mb() {
        let mut firsts = Firsts::new();
        for number in 0..1_000_000 {
            firsts.find_or_add(hash(number), number);
        }
        let held: usize =
            firsts.shards.iter().map(|s| s.hashes.capacity() * 16 + s.places.capacity() * 4).sum();
        assert!(held < 31_000_000, "{held}");
    }
}
