//! Which models were looked up, and the answers.

use crate::sorted::Sorted;

/// Models remembered. A real file names a handful; one that names a new model on every line must not fill
/// the memory, so above this the cache is cleared and models are asked again.
const MAX_KNOWN: usize = 1_024;

/// Answers by the hash of the model's name: a name may be as long as a line, its hash is not.
#[derive(Debug, Default)]
pub(super) struct Models {
    known: Sorted<u128, bool>,
}

impl Models {
    /// Whether the model exists; `None` if it must be asked.
    pub(super) fn exists(&self, name: u128) -> Option<bool> {
        self.known.get(&name).copied()
    }

    /// Keeps an answer.
    pub(super) fn remember(&mut self, name: u128, exists: bool) {
        if self.known.len() == MAX_KNOWN {
            self.known = Sorted::default();
        }
        self.known.insert(name, exists);
    }
}
