//! The batch while its files are written: stored results, chunk by chunk, merged into input order.
//!
//! Nothing here is checkpointed. Files get ids made of the batch's, and a file begun again replaces what an
//! interrupted attempt left, so a restart writes the same bytes to the same files.

use super::call::host_delay_ms;
use super::checkpoint::{Ending, SavedPhase};
use super::command::{Command, Fault, FaultKind, OutputFile, OutputPart, Reply};
use super::core::{Core, Next, Stop};
use super::results::{StoredLine, Tally, read_group};
use super::{TurnEnd, cleaning};
use crate::keys;
use crate::limits::{HOST_ATTEMPTS, WRITE_BYTES};
use crate::object::{BatchErrors, BatchStatus, ListTag};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{BTreeMap, VecDeque};
use std::hash::Hasher;
use std::sync::Arc;

pub(super) struct Finalizing {
    chunks: u32,
    ending: Ending,
    next_chunk: u32,
    /// Results of the current chunk not yet in a file, in input order.
    merged: VecDeque<Merged>,
    chunk_bytes: Vec<Vec<u8>>,
    output: Gathered,
    error: Gathered,
    tally: Tally,
    step: Step,
    /// Times a write failed in this turn, and when to begin again after the last.
    failures: u32,
    not_before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Merge,
    LoadChunk,
    LoadLarge { file: OutputFile, bytes: usize },
    Write(OutputFile),
}

#[derive(Debug)]
struct Merged {
    index: u32,
    file: OutputFile,
    line: Place,
}

#[derive(Debug)]
enum Place {
    Group { group: usize, range: std::ops::Range<usize> },
    Large(usize),
}

/// One file under way.
#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    begun: bool,
    file_id: Option<String>,
}

impl Finalizing {
    pub(super) fn new(chunks: u32, ending: Ending) -> Self {
        Self {
            chunks,
            ending,
            next_chunk: 0,
            merged: VecDeque::new(),
            chunk_bytes: Vec::new(),
            output: Gathered::default(),
            error: Gathered::default(),
            tally: Tally::default(),
            step: Step::Merge,
            failures: 0,
            not_before: 0,
        }
    }

    pub(super) fn saved(&self) -> SavedPhase {
        SavedPhase::Finalizing { chunks: self.chunks, ending: self.ending.clone() }
    }

    pub(super) fn advance(&mut self, core: &mut Core) -> Next {
        if core.stop == Some(Stop::Requested) {
            return Next::End(TurnEnd::Suspended { wake_at: core.now });
        }
        if !core.io.is_idle() || core.now < self.not_before {
            return Next::Idle;
        }
        if let Some(cancelling_at) = core.cancel_requested_at
            && core.batch.status == BatchStatus::Finalizing
        {
            core.batch.enter(BatchStatus::Cancelling, cancelling_at);
            core.commit(self.saved());
            return Next::Again;
        }
        let id = core.batch.id.clone();
        while let Some(merged) = self.merged.pop_front() {
            match merged.line {
                Place::Group { group, range } => {
                    let bytes = &self.chunk_bytes[group][range];
                    let gathered =
                        if merged.file == OutputFile::Output { &mut self.output } else { &mut self.error };
                    gathered.bytes.extend_from_slice(bytes);
                }
                Place::Large(bytes) => {
                    let prefix = keys::large_result(&id, self.next_chunk - 1, merged.index);
                    core.io.start(Command::Load { prefix });
                    self.step = Step::LoadLarge { file: merged.file, bytes };
                    return Next::Again;
                }
            }
            if self.gathered(merged.file).bytes.len() >= WRITE_BYTES {
                return self.write(core, merged.file, false);
            }
        }
        if self.next_chunk < self.chunks {
            let prefix = keys::chunk_results(&id, self.next_chunk);
            self.next_chunk += 1;
            core.io.start(Command::Load { prefix });
            self.step = Step::LoadChunk;
            return Next::Again;
        }
        for file in [OutputFile::Output, OutputFile::Error] {
            let gathered = self.gathered(file);
            if gathered.file_id.is_none() && (gathered.begun || !gathered.bytes.is_empty()) {
                return self.write(core, file, true);
            }
        }
        self.conclude(core)
    }

    pub(super) fn on_io(&mut self, core: &mut Core, reply: Reply) -> Next {
        match (std::mem::replace(&mut self.step, Step::Merge), reply) {
            (Step::LoadChunk, Reply::Entries(entries)) => {
                self.merge(entries);
                Next::Again
            }
            (Step::LoadLarge { file, bytes }, Reply::Entries(parts)) => {
                let gathered = self.gathered(file);
                let start = gathered.bytes.len();
                for (_, part) in parts {
                    let wanted = bytes - (gathered.bytes.len() - start);
                    gathered.bytes.extend_from_slice(&part[..part.len().min(wanted)]);
                }
                if gathered.bytes.len() - start != bytes {
                    return self.give_up(core, lost("a part of a large result"));
                }
                if gathered.bytes.len() >= WRITE_BYTES { self.write(core, file, false) } else { Next::Again }
            }
            (Step::Write(file), Reply::Written(file_id)) => {
                let gathered = self.gathered(file);
                gathered.begun = true;
                gathered.file_id = file_id;
                Next::Again
            }
            (step, _) => {
                self.step = step;
                core.fault(Fault::transient("a reply did not fit its command"))
            }
        }
    }

    /// A file that could not be written is begun again, both being one pass over the results.
    pub(super) fn on_io_fault(&mut self, core: &mut Core, fault: Fault) -> Next {
        match self.step {
            Step::Write(_) if self.failures + 1 < HOST_ATTEMPTS => {
                let failures = self.failures + 1;
                let not_before = core.now + host_delay_ms(failures);
                *self = Self { failures, not_before, ..Self::new(self.chunks, self.ending.clone()) };
                Next::Again
            }
            Step::Write(_) => core.fault(fault),
            _ if fault.may_pass() => core.fault(fault),
            _ => self.give_up(core, fault),
        }
    }

    /// When to go on after a failed write.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        (now < self.not_before).then_some(self.not_before)
    }

    /// Sorts a chunk's results into input order; the earliest group that has a request is the one that counts.
    fn merge(&mut self, entries: Vec<(String, Vec<u8>)>) {
        let mut by_index = BTreeMap::new();
        self.chunk_bytes.clear();
        for (group, (_, value)) in entries.into_iter().enumerate() {
            // A damaged group counts as lost: the sum shows it, should no other group hold its results.
            for stored in read_group(&value).unwrap_or_default() {
                let line = match stored.line {
                    StoredLine::Inline(range) => Place::Group { group, range },
                    StoredLine::Large(bytes) => Place::Large(bytes),
                };
                by_index.entry(stored.index).or_insert_with(|| {
                    self.tally.count(stored.outcome, stored.usage.as_ref());
                    Merged { index: stored.index, file: stored.outcome.file(), line }
                });
            }
            self.chunk_bytes.push(value);
        }
        self.merged = by_index.into_values().collect();
    }

    fn write(&mut self, core: &mut Core, file: OutputFile, last: bool) -> Next {
        let (name, tag) = match file {
            OutputFile::Output => ("output", b'o'),
            OutputFile::Error => ("error", b'e'),
        };
        let mut hasher = SipHasher13::new();
        hasher.write(core.batch.id.as_bytes());
        hasher.write_u8(tag);
        let gathered = self.gathered(file);
        core.io.start_once(Command::WriteOutput(OutputPart {
            file,
            file_id: format!("file-{:032x}", hasher.finish128().as_u128()),
            filename: format!("{}_{name}.jsonl", core.batch.id),
            bytes: Arc::new(std::mem::take(&mut gathered.bytes)),
            first: !gathered.begun,
            last,
        }));
        self.step = Step::Write(file);
        Next::Again
    }

    fn gathered(&mut self, file: OutputFile) -> &mut Gathered {
        match file {
            OutputFile::Output => &mut self.output,
            OutputFile::Error => &mut self.error,
        }
    }

    fn conclude(&mut self, core: &mut Core) -> Next {
        let total = core.batch.request_counts.total;
        let failed = matches!(self.ending, Ending::Failed(_));
        if self.tally.lines() != total && !failed {
            return self.give_up(core, lost("a result"));
        }
        let now = core.now_seconds();
        core.batch.request_counts = self.tally.request_counts(total);
        core.batch.usage = self.tally.usage;
        core.batch.output_file_id = self.output.file_id.take();
        core.batch.error_file_id = self.error.file_id.take();
        let status = match std::mem::replace(&mut self.ending, Ending::Completed) {
            Ending::Failed(errors) => {
                core.batch.errors = Some(errors);
                BatchStatus::Failed
            }
            _ if core.batch.status == BatchStatus::Cancelling => BatchStatus::Cancelled,
            Ending::Expired => BatchStatus::Expired,
            Ending::Completed => BatchStatus::Completed,
        };
        core.batch.enter(status, now);
        cleaning::conclude(core)
    }

    /// The store no longer has what it acknowledged: the files get what is left and the batch says so.
    fn give_up(&mut self, core: &mut Core, fault: Fault) -> Next {
        if matches!(self.ending, Ending::Failed(_)) {
            // Even the rest cannot be read: end without files rather than never.
            self.merged.clear();
            self.next_chunk = self.chunks;
            return Next::Again;
        }
        let data = vec![crate::object::BatchError {
            code: "results_lost".to_owned(),
            message: format!("Results of this batch were lost: {}", fault.message),
            param: None,
            line: None,
        }];
        let ending = Ending::Failed(BatchErrors { object: ListTag::List, data });
        *self = Self::new(self.chunks, ending);
        core.commit(self.saved());
        Next::Again
    }
}

fn lost(what: &str) -> Fault {
    Fault { kind: FaultKind::Terminal, message: format!("{what} is no longer in the store") }
}
