//! The batch while its files are written: stored results, chunk by chunk, merged into input order.
//!
//! Nothing here is checkpointed. Files get ids made of the batch's, and a file begun again replaces what an
//! interrupted attempt left, so a restart writes the same bytes to the same files.

use crate::batch::call::host_delay_ms;
use crate::batch::checkpoint::{Ending, SavedPhase};
use crate::batch::cleaning;
use crate::batch::command::{BatchFile, Command, LookUp, OutputFile, Reply};
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
    LookForWish,
}

/// One file under way.
#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    begun: bool,
    file_id: Option<String>,
    digest: Digesting,
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
            failures: 0,
            not_before: 0,
        }
    }

    pub(super) fn saved(&self) -> SavedPhase {
        SavedPhase::Finalizing { chunks: self.chunks, ending: self.ending.clone() }
    }
}

impl Phase for Finalizing {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if !context.io.is_idle() || context.now < self.not_before {
            return Ok(Next::Idle);
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
        for file in [OutputFile::Output, OutputFile::Error] {
            let gathered = self.gathered(file);
            if gathered.file_id.is_none() && (gathered.begun || !gathered.bytes.is_empty()) {
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
            (Step::LookForWish, Reply::Wish(wish)) => {
                if let Some(wish) = wish {
                    context.wish(wish);
                }
                Ok(Next::Again)
            }
            _ => Err(Defect::misfit()),
        }
    }

    /// A file that could not be written is begun again, both being one pass over the results.
    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        Ok(match self.step {
            Step::Write(_) if self.failures + 1 < HOST_ATTEMPTS => {
                let failures = self.failures + 1;
                let not_before = context.now + host_delay_ms(failures);
                *self = Self { failures, not_before, ..Self::new(self.chunks, self.ending.clone()) };
                Next::Again
            }
            Step::Write(_) => Next::End(context.fault(fault)),
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
        let part = context.output_part(BatchFile::Of(file), bytes, !gathered.begun, last);
        context.io.start_with(Command::WriteOutput(part), 1);
        self.step = Step::Write(file);
        Next::Again
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
