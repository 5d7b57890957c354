//! How a change of phase is made durable before it has effects, and what a batch writes of itself.

use crate::batch::account::Account;
use crate::batch::checkpoint::{Checkpoint, SavedPhase};
use crate::batch::command::{BatchFile, Command, OutputFile, OutputPart, Write};
use crate::batch::context::Context;
use crate::batch::outbox;
use crate::json::value::to_json;
use crate::keys;
use crate::limits::SAVE_ATTEMPTS;
use crate::wire::Manifest;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;
use std::sync::Arc;

impl Context {
    /// The write that lets users see the batch as it is.
    pub(super) fn published(&self) -> Write {
        let json = to_json(&self.batch);
        Write::Set(keys::batch(&self.batch.id), json)
    }

    /// The write that lets a later turn resume from here.
    pub(super) fn checkpoint(&self, phase: SavedPhase) -> Write {
        let checkpoint = Checkpoint::new(self.batch.clone(), phase, self.account.clone());
        Write::Set(keys::checkpoint(&self.batch.id), checkpoint.encode())
    }

    /// The write of the manifest, before the one that ends the batch: with that, the manifest is there.
    fn manifest(&self) -> Write {
        let (batch, Account { input, output, error, calls }) = (&self.batch, &self.account);
        let [made, _, lost] = *calls;
        let manifest = Manifest {
            batch_id: &batch.id,
            status: batch.status,
            request_counts: batch.request_counts,
            files: [
                Some(&batch.input_file_id).zip(input.as_ref()),
                batch.output_file_id.as_ref().zip(output.as_ref()),
                batch.error_file_id.as_ref().zip(error.as_ref()),
            ],
            made,
            lost,
        };
        Write::Set(keys::manifest(&batch.id), manifest.json())
    }

    /// A part of one of the batch's files. The file's id follows from the batch's.
    pub(super) fn output_part(&self, file: BatchFile, bytes: Vec<u8>, first: bool, last: bool) -> OutputPart {
        let (name, tag) = match file {
            BatchFile::Of(OutputFile::Output) => ("output", b'o'),
            BatchFile::Of(OutputFile::Error) => ("error", b'e'),
            BatchFile::Results => ("results", b'r'),
        };
        let id = &self.batch.id;
        let mut hasher = SipHasher13::new();
        hasher.write(id.as_bytes());
        hasher.write_u8(tag);
        OutputPart {
            file,
            file_id: format!("file-{:032x}", hasher.finish128().as_u128()),
            filename: format!("{id}_{name}.jsonl"),
            bytes: Arc::new(bytes),
            first,
            kept: None,
            last,
        }
    }

    pub(super) fn start_save(&mut self, writes: Vec<Write>) {
        self.save.start_with(Command::Save(Arc::new(writes)), SAVE_ATTEMPTS);
    }

    /// Persist before act: saves a change of phase and holds everything else back until that is durable.
    /// The checkpoint comes first: with it, the published batch can be repeated, not the other way round.
    pub(super) fn commit(&mut self, phase: SavedPhase) {
        let mut writes = Vec::with_capacity(4);
        if self.batch.status.is_terminal() {
            writes.push(self.manifest());
        }
        writes.extend([self.checkpoint(phase), self.published()]);
        writes.extend(outbox::ended(self));
        self.start_save(writes);
        self.committing = true;
    }
}
