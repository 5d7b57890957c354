//! The batch while its files are written: stored results, chunk by chunk, merged into input order.
//!
//! Files get ids made of the batch's, and a file begun again replaces what an interrupted attempt left, so a restart writes
//! the same bytes to the same files. A host that can keeps what is written of them, every so many bytes and between two
//! chunks; that is checkpointed, and a later turn goes on from there.

use crate::batch::call::host_delay_ms;
use crate::batch::checkpoint::{Ending, SavedFile, SavedFiles, SavedPhase};
use crate::batch::cleaning;
use crate::batch::command::{BatchFile, Command, LookUp, OutputFile, OutputPart, Reply, TurnEnd};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::phase::{Next, Phase, stopped};
use crate::batch::refused::cancelled_late;
use crate::digest::Digesting;
use crate::host::Fault;
use crate::keys;
use crate::limits::{HOST_ATTEMPTS, WRITE_BYTES};
use crate::result::group::{Stored, StoredLine, append_large, merge};
use crate::result::outcome::{Outcome, Tally};
use crate::result::output_line::{self, RESULTS_LOST, UNREADABLE};
use crate::wire::{BatchError, BatchErrors, BatchStatus, Usage};
use std::sync::Arc;

pub(super) struct Finalizing {
    chunks: u32,
    ending: Ending,
    next_chunk: u32,
    /// Results of the current chunk not yet in a file, in input order.
    merged: std::vec::IntoIter<Option<(usize, Stored)>>,
    groups: Vec<(String, Vec<u8>)>,
    output: Gathered,
    error: Gathered,
    tally: Tally,
    /// Lines written for requests of which nothing is known any more.
    unknown: u64,
    step: Step,
    /// Whether the user's wish was looked for once more, now that nothing else is left to do.
    looked: bool,
    /// Bytes written since the files were kept last, and whether they are being kept now.
    unkept: u64,
    keeping: bool,
    /// As they were kept last.
    kept: Option<Box<SavedFiles>>,
    /// They were kept just now: a good place for the end of a turn.
    rests: bool,
    /// How often a write failed in this turn, and when to start over after the last.
    failures: u32,
    not_before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Merge,
    LoadChunk,
    LoadLarge { file: OutputFile, outcome: Outcome, usage: Option<Usage>, bytes: usize },
    Write(OutputFile),
    Keep(OutputFile),
    LookForWish,
}

/// One file under way.
#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    begun: bool,
    /// Whether it is kept with all that is written of it, while files are being kept.
    is_kept: bool,
    /// As the host has kept it last.
    kept: Option<String>,
    file_id: Option<String>,
    digest: Digesting,
}

const FILES: [OutputFile; 2] = [OutputFile::Output, OutputFile::Error];

impl Gathered {
    /// None where what was known of its bytes cannot be read.
    fn resume(saved: &Option<SavedFile>) -> Option<Self> {
        let Some((kept, digest)) = saved else { return Some(Self::default()) };
        Some(Self { kept: Some(kept.clone()), digest: Digesting::resume(digest)?, ..Self::default() })
    }

    fn saved(&self) -> Option<SavedFile> {
        self.kept.clone().map(|kept| (kept, self.digest.saved()))
    }

    /// Whether it has bytes already.
    fn is_there(&self) -> bool {
        self.begun || self.kept.is_some()
    }
}

impl Finalizing {
    pub(super) fn new(chunks: u32, ending: Ending) -> Self {
        Self {
            chunks,
            ending,
            next_chunk: 0,
            merged: Vec::new().into_iter(),
            groups: Vec::new(),
            output: Gathered::default(),
            error: Gathered::default(),
            tally: Tally::default(),
            unknown: 0,
            step: Step::Merge,
            looked: false,
            unkept: 0,
            keeping: false,
            kept: None,
            rests: false,
            failures: 0,
            not_before: 0,
        }
    }

    /// Goes on with the files as they were kept.
    pub(super) fn resume(chunks: u32, ending: Ending, kept: Option<Box<SavedFiles>>) -> Self {
        let new = Self::new(chunks, ending);
        let Some(files) = kept else { return new };
        let (output, error) = (Gathered::resume(&files.output), Gathered::resume(&files.error));
        let (Some(output), Some(error)) = (output, error) else { return new };
        Self { next_chunk: files.next, tally: files.tally, output, error, kept: Some(files), ..new }
    }

    pub(super) fn saved(&self) -> SavedPhase {
        SavedPhase::Finalizing { chunks: self.chunks, ending: self.ending.clone(), kept: self.kept.clone() }
    }
}

impl Phase for Finalizing {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        // Files that are being kept are, before the turn ends.
        if !self.keeping
            && context.save.is_idle()
            && let Some(next) = stopped(context)
        {
            return Ok(next);
        }
        if !context.io.is_idle() || !context.save.is_idle() || context.now < self.not_before {
            return Ok(Next::Idle);
        }
        if std::mem::take(&mut self.rests) && context.stop.is_some() {
            return Ok(Next::End(TurnEnd::Suspended { wake_at: context.now }));
        }
        if cancelled_late(context)? {
            context.commit(self.saved());
            return Ok(Next::Again);
        }
        let id = context.batch.id.clone();
        while let Some(merged) = self.merged.next() {
            let Some((group, Stored { index, outcome, usage, line })) = merged else { continue };
            let Some(file) = outcome.file() else { continue };
            match line {
                StoredLine::Inline(range) => {
                    let gathered = match file {
                        OutputFile::Output => &mut self.output,
                        OutputFile::Error => &mut self.error,
                    };
                    gathered.bytes.extend_from_slice(&self.groups[group].1[range]);
                    self.tally.count(outcome, usage.as_ref());
                }
                StoredLine::Large(bytes) => {
                    let prefix = keys::large_result(&id, self.next_chunk - 1, index);
                    context.io.start(Command::Load { prefix });
                    self.step = Step::LoadLarge { file, outcome, usage, bytes };
                    return Ok(Next::Again);
                }
            }
            if self.gathered(file).bytes.len() >= WRITE_BYTES {
                return Ok(self.write(context, file, false));
            }
        }
        if self.next_chunk < self.chunks {
            if let Some(next) = self.keep(context) {
                return Ok(next);
            }
            let prefix = keys::chunk_results(&id, self.next_chunk);
            self.next_chunk += 1;
            context.io.start(Command::Load { prefix });
            self.step = Step::LoadChunk;
            return Ok(Next::Again);
        }
        // Every request has its line in one of the files, whatever was lost.
        let lost = context.batch.request_counts.total.saturating_sub(self.tally.lines());
        while self.unknown < lost {
            let code = if matches!(self.ending, Ending::Failed(_)) { UNREADABLE } else { RESULTS_LOST };
            self.error.bytes.extend_from_slice(&output_line::of_unknown(&id, self.unknown, code));
            self.unknown += 1;
            if self.error.bytes.len() >= WRITE_BYTES {
                return Ok(self.write(context, OutputFile::Error, false));
            }
        }
        for file in FILES {
            let gathered = self.gathered(file);
            if gathered.file_id.is_none() && (gathered.is_there() || !gathered.bytes.is_empty()) {
                return Ok(self.write(context, file, true));
            }
        }
        if !self.looked && context.batch.status == BatchStatus::Finalizing {
            // A batch that was reported as `cancelling` must not be completed. Only a cancel asked
            // for while the last write is under way still comes too late.
            self.looked = true;
            context.io.start(Command::LookUp(LookUp::Wish));
            self.step = Step::LookForWish;
            return Ok(Next::Again);
        }
        self.conclude(context)
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        match (std::mem::replace(&mut self.step, Step::Merge), reply) {
            (Step::LoadChunk, Reply::Entries(entries)) => {
                self.merged = merge(&entries).into_iter();
                self.groups = entries;
                Ok(Next::Again)
            }
            (Step::LoadLarge { file, outcome, usage, bytes }, Reply::Entries(parts)) => {
                let gathered = self.gathered(file);
                if !append_large(&mut gathered.bytes, &parts, bytes) {
                    // A part is gone or damaged, and the line with it: the sum will show it.
                    return Ok(Next::Again);
                }
                self.tally.count(outcome, usage.as_ref());
                let gathered = self.gathered(file);
                if gathered.bytes.len() < WRITE_BYTES {
                    return Ok(Next::Again);
                }
                Ok(self.write(context, file, false))
            }
            (Step::Write(file), Reply::Written(file_id)) => {
                let gathered = self.gathered(file);
                gathered.begun = true;
                gathered.file_id = file_id;
                Ok(Next::Again)
            }
            (Step::Keep(file), Reply::Kept(kept)) => {
                self.gathered(file).kept = Some(kept);
                Ok(Next::Again)
            }
            (Step::LookForWish, Reply::Wish(wish)) => {
                if let Some(wish) = wish {
                    context.wish(wish);
                }
                Ok(Next::Again)
            }
            _ => Err(Defect::misfit()),
        }
    }

    /// A file that could not be written is begun again, both being one pass over the results: where they were kept last, or from
    /// nothing, should that be gone.
    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        Ok(match self.step {
            Step::Write(_) | Step::Keep(_) if self.failures + 1 < HOST_ATTEMPTS => {
                let failures = self.failures + 1;
                let not_before = context.now + host_delay_ms(failures);
                let kept = self.kept.take().filter(|_| fault.may_pass() && failures < HOST_ATTEMPTS / 2);
                *self = Self { failures, not_before, ..Self::resume(self.chunks, self.ending.clone(), kept) };
                Next::Again
            }
            Step::Write(_) | Step::Keep(_) => Next::End(context.fault(fault)),
            Step::LookForWish => Next::Again,
            _ if fault.may_pass() => Next::End(context.fault(fault)),
            // What the store refuses for good is lost: the sum will show it.
            _ => {
                self.step = Step::Merge;
                Next::Again
            }
        })
    }

    /// When to continue after a failed write.
    fn due(&self, context: &Context) -> Option<u64> {
        (context.now < self.not_before).then_some(self.not_before)
    }
}

impl Finalizing {
    fn write(&mut self, context: &mut Context, file: OutputFile, last: bool) -> Next {
        let gathered = self.gathered(file);
        let bytes = std::mem::take(&mut gathered.bytes);
        gathered.digest.update(&bytes);
        let (first, kept) = (!gathered.begun, gathered.kept.as_deref());
        let kept = kept.filter(|_| first).map(Arc::from);
        self.unkept += bytes.len() as u64;
        let part = context.output_part(BatchFile::Of(file), bytes, first, last);
        let part = OutputPart { kept, ..part };
        context.io.start_with(Command::WriteOutput(part), 1);
        self.step = Step::Write(file);
        Next::Again
    }

    /// Has the host keep both files after so many bytes. Called between two chunks.
    fn keep(&mut self, context: &mut Context) -> Option<Next> {
        let unkept = self.unkept + (self.output.bytes.len() + self.error.bytes.len()) as u64;
        if unkept < context.keep_bytes? && !self.keeping {
            return None;
        }
        if !std::mem::replace(&mut self.keeping, true) {
            for file in FILES {
                self.gathered(file).is_kept = false;
            }
        }
        for file in FILES {
            if !self.gathered(file).bytes.is_empty() {
                return Some(self.write(context, file, false));
            }
            let gathered = self.gathered(file);
            if gathered.begun && !std::mem::replace(&mut gathered.is_kept, true) {
                context.io.start_with(Command::KeepOutput(BatchFile::Of(file)), 1);
                self.step = Step::Keep(file);
                return Some(Next::Again);
            }
        }
        let (output, error) = (self.output.saved(), self.error.saved());
        self.kept = Some(Box::new(SavedFiles { next: self.next_chunk, tally: self.tally, output, error }));
        (self.unkept, self.keeping, self.rests) = (0, false, true);
        self.failures = 0;
        context.start_save(vec![context.checkpoint(self.saved())]);
        Some(Next::Again)
    }

    fn gathered(&mut self, file: OutputFile) -> &mut Gathered {
        match file {
            OutputFile::Output => &mut self.output,
            OutputFile::Error => &mut self.error,
        }
    }

    fn conclude(&mut self, context: &mut Context) -> Result<Next, Defect> {
        let now = context.now_seconds();
        let total = context.batch.request_counts.total;
        let lost = total.saturating_sub(self.tally.lines());
        if lost > 0 && !matches!(self.ending, Ending::Failed(_)) {
            self.ending = Ending::Failed(results_lost(lost));
        }
        context.batch.request_counts = self.tally.request_counts(total);
        context.batch.usage = self.tally.usage;
        context.account.output = Some(std::mem::take(&mut self.output.digest).finish());
        context.account.error = Some(std::mem::take(&mut self.error.digest).finish());
        context.batch.output_file_id = self.output.file_id.take();
        context.batch.error_file_id = self.error.file_id.take();
        let status = match std::mem::replace(&mut self.ending, Ending::Completed) {
            Ending::Failed(errors) => {
                context.batch.errors = Some(errors);
                BatchStatus::Failed
            }
            _ if context.batch.status == BatchStatus::Cancelling => BatchStatus::Cancelled,
            Ending::Expired => BatchStatus::Expired,
            Ending::Completed => BatchStatus::Completed,
        };
        context.batch.enter(status, now)?;
        Ok(cleaning::conclude(context))
    }
}

/// The store no longer has what it acknowledged: the files hold what is left, and the batch says so.
fn results_lost(lost: u64) -> BatchErrors {
    let error = BatchError {
        code: RESULTS_LOST.to_owned(),
        message: format!("The store lost the results of {lost} of this batch's requests."),
        param: None,
        line: None,
        column: None,
        reason: None,
    };
    vec![error].into()
}
