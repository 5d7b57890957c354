//! How a change of phase is made durable before it has effects.

use crate::batch::checkpoint::{Checkpoint, SavedPhase};
use crate::batch::command::{Command, Write};
use crate::batch::context::Context;
use crate::batch::outbox;
use crate::json::value::to_json;
use crate::keys;
use crate::limits::SAVE_ATTEMPTS;
use std::sync::Arc;

impl Context {
    /// The write that lets users see the batch as it is.
    pub(super) fn published(&self) -> Write {
        let json = to_json(&self.batch);
        Write::Set(keys::batch(&self.batch.id), json)
    }

    /// The write that lets a later turn resume from here.
    pub(super) fn checkpoint(&self, phase: SavedPhase) -> Write {
        let checkpoint = Checkpoint::new(self.batch.clone(), phase);
        Write::Set(keys::checkpoint(&self.batch.id), checkpoint.encode())
    }

    pub(super) fn start_save(&mut self, writes: Vec<Write>) {
        self.save.start_with(Command::Save(Arc::new(writes)), SAVE_ATTEMPTS);
    }

    /// Persist before act: saves a change of phase and holds everything else back until that is durable.
    /// The checkpoint comes first: with it, the published batch can be repeated, not the other way round.
    pub(super) fn commit(&mut self, phase: SavedPhase) {
        let mut writes = vec![self.checkpoint(phase), self.published()];
        writes.extend(outbox::ended(self));
        self.start_save(writes);
        self.committing = true;
    }
}
