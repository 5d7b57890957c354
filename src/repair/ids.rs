//! Names for requests that have none, or the name of another. A file is read once, so a name made up here may come again
//! further down; then that one is numbered in its turn.

use crate::limits::{MAX_CUSTOM_ID_CHARS, MAX_REPAIRED_IDS};
use crate::text;
use crate::validate::duplicates::{Seen, hash};

#[derive(Debug)]
pub(super) struct Ids {
    key: (u64, u64),
    seen: Seen,
    kept: u64,
}

impl Ids {
    pub(super) fn new(key: (u64, u64)) -> Self {
        Self { key, seen: Seen::new(), kept: 0 }
    }

    /// A name for the request on a line.
    pub(super) fn for_line(&self, line: u64) -> String {
        let name = ["line-", &line.to_string()].concat();
        if self.is_new(&name) { name } else { self.numbered(&name) }
    }

    /// Remembers a name; another one if it was used before and `renames` allows it.
    pub(super) fn note(&mut self, name: &str, renames: bool) -> Option<String> {
        let hashed = hash(self.key, name.as_bytes());
        if !self.seen.contains(hashed) {
            self.keep(hashed);
            return None;
        }
        if !renames || name.chars().nth(MAX_CUSTOM_ID_CHARS).is_some() {
            return None;
        }
        let name = self.numbered(name);
        self.keep(hash(self.key, name.as_bytes()));
        Some(name)
    }

    /// One of `name#2`, `name#3` … that is new: as a rule the first, found in few steps however often a name is used.
    fn numbered(&self, name: &str) -> String {
        let with = |number: u64| {
            let ending = ["#", &number.to_string()].concat();
            [text::first(name, MAX_CUSTOM_ID_CHARS - ending.len()), &ending].concat()
        };
        let mut used = 1;
        let mut step = 1;
        while !self.is_new(&with(used + step)) {
            used += step;
            step *= 2;
        }
        let mut new = used + step;
        while new - used > 1 {
            let middle = used + (new - used) / 2;
            if self.is_new(&with(middle)) {
                new = middle;
            } else {
                used = middle;
            }
        }
        with(new)
    }

    fn is_new(&self, name: &str) -> bool {
        !self.seen.contains(hash(self.key, name.as_bytes()))
    }

    fn keep(&mut self, hashed: u128) {
        if self.kept < MAX_REPAIRED_IDS && self.seen.insert(hashed) {
            self.kept += 1;
        }
    }

    pub(super) fn held(&self) -> usize {
        self.seen.held()
    }
}
