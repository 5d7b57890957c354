//! Names for requests that have none, or the name of another. A file is read once, so a name made up here may come again
//! further down; then that one is numbered in its turn.

use crate::limits::{MAX_CUSTOM_ID_CHARS, MAX_REPAIRED_IDS};
use crate::text;
use crate::validate::duplicates::{Seen, hash};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Ids {
    key: (u64, u64),
    seen: Seen,
    kept: u64,
    /// The number that comes next, of each name that was used twice.
    next: BTreeMap<u128, u64>,
}

impl Ids {
    pub(super) fn new(key: (u64, u64)) -> Self {
        Self { key, seen: Seen::new(), kept: 0, next: BTreeMap::new() }
    }

    /// A name for the request on a line.
    pub(super) fn for_line(&self, line: u64) -> String {
        let name = format!("line-{line}");
        if self.is_new(&name) { name } else { self.numbered(&name, 2).0 }
    }

    /// Remembers a name; another one if it was used before and `renames` allows it.
    pub(super) fn note(&mut self, name: &str, renames: bool) -> Option<String> {
        let hashed = hash(self.key, name);
        if !self.seen.contains(hashed) {
            self.keep(hashed);
            return None;
        }
        if !renames || name.chars().nth(MAX_CUSTOM_ID_CHARS).is_some() {
            return None;
        }
        let from = self.next.get(&hashed).copied().unwrap_or(2);
        let (name, number) = self.numbered(name, from);
        if self.kept < MAX_REPAIRED_IDS || self.next.contains_key(&hashed) {
            self.next.insert(hashed, number + 1);
        }
        self.keep(hash(self.key, &name));
        Some(name)
    }

    /// The first of `name#2`, `name#3` … that is new.
    fn numbered(&self, name: &str, from: u64) -> (String, u64) {
        let mut number = from;
        loop {
            let ending = format!("#{number}");
            let candidate = [text::first(name, MAX_CUSTOM_ID_CHARS - ending.len()), &ending].concat();
            if self.is_new(&candidate) {
                return (candidate, number);
            }
            number += 1;
        }
    }

    fn is_new(&self, name: &str) -> bool {
        !self.seen.contains(hash(self.key, name))
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
