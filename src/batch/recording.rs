//! The batch that has ended, and whose results somebody follows: its lines are written to one more file, in the order in
//! which they came, so that a place in them stays one. Users see the end of the batch already.
//!
//! As when the other files are written, nothing is checkpointed. What cannot be written is given up: who follows is told to
//! take the other files.

use crate::batch::call::host_delay_ms;
use crate::batch::checkpoint::SavedPhase;
use crate::batch::command::{BatchFile, Command, Reply};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::phase::{Next, stopped};
use crate::host::KvQuery;
use crate::keys;
use crate::limits::{HOST_ATTEMPTS, ORDER_RECORDS, WRITE_BYTES};
use crate::result::group::{Stored, StoredLine, append_large, read_group};
use crate::result::order::{Written, decode};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Recording {
    /// The file is there, or given up.
    is_over: bool,
    /// The key of the last record that was read.
    after: Option<String>,
    read_all: bool,
    /// Bytes of lines in all records read so far.
    recorded: u64,
    groups: VecDeque<Written>,
    /// The group that is gone through: its chunk, its bytes, and what is left of it.
    group: (u32, Vec<u8>),
    stored: VecDeque<Stored>,
    bytes: Vec<u8>,
    begun: bool,
    lines: u64,
    step: Step,
    /// How often it began again in this turn, and when it may.
    failures: u32,
    not_before: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Step {
    #[default]
    Records,
    Group(Written),
    Large(usize),
    Write,
    WriteLast,
}

impl Recording {
    fn start(&mut self, context: &mut Context, command: Command, step: Step) -> Result<Next, Defect> {
        let attempts = if matches!(step, Step::Write | Step::WriteLast) { 1 } else { HOST_ATTEMPTS };
        context.io.start_with(command, attempts);
        self.step = step;
        Ok(Next::Again)
    }

    fn write(&mut self, context: &mut Context, step: Step) -> Result<Next, Defect> {
        let last = matches!(step, Step::WriteLast);
        let bytes = std::mem::take(&mut self.bytes);
        let part = context.output_part(BatchFile::Results, bytes, !self.begun, last);
        self.begun = true;
        self.start(context, Command::WriteOutput(part), step)
    }

    fn end(&mut self) -> Result<Next, Defect> {
        self.is_over = true;
        Ok(Next::Again)
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// As of a phase; and so the others.
    pub(super) fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if !context.io.is_idle() || context.now < self.not_before {
            return Ok(Next::Idle);
        }
        if self.bytes.len() >= WRITE_BYTES {
            return self.write(context, Step::Write);
        }
        let id = context.batch.id.clone();
        while let Some(stored) = self.stored.pop_front() {
            if stored.outcome.file().is_none() {
                continue;
            }
            self.lines += 1;
            match stored.line {
                StoredLine::Inline(range) => self.bytes.extend_from_slice(&self.group.1[range]),
                StoredLine::Large(bytes) => {
                    let prefix = keys::large_result(&id, self.group.0, stored.index);
                    return self.start(context, Command::Load { prefix }, Step::Large(bytes));
                }
            }
        }
        if let Some(written) = self.groups.pop_front() {
            let prefix = keys::result_group(&id, written.chunk, written.group);
            return self.start(context, Command::Load { prefix }, Step::Group(written));
        }
        if !self.read_all {
            let after = self.after.clone();
            let query = KvQuery { prefix: keys::orders(&id), after, limit: ORDER_RECORDS, reverse: false };
            return self.start(context, Command::List(query), Step::Records);
        }
        // Lines that no record names make of the rest no order.
        if self.lines != context.batch.request_counts.total {
            return self.end();
        }
        self.write(context, Step::WriteLast)
    }

    pub(super) fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        match (self.step, reply) {
            (Step::Records, Reply::Entries(entries)) => {
                self.read_all = entries.is_empty();
                for (key, record) in entries {
                    let groups = decode(&record).filter(|_| keys::order_at(&key) == Some(self.recorded));
                    let Some((groups, _)) = groups else { return self.end() };
                    self.recorded += groups.iter().map(|group| group.bytes).sum::<u64>();
                    self.groups.extend(groups);
                    self.after = Some(key);
                }
            }
            (Step::Group(written), Reply::Entries(mut entries)) => {
                let Some((_, value)) = entries.pop() else { return self.end() };
                match read_group(&value) {
                    Ok(stored) if written.is(&stored) => self.stored = stored.into(),
                    _ => return self.end(),
                }
                self.group = (written.chunk, value);
            }
            (Step::Large(bytes), Reply::Entries(parts)) => {
                if !append_large(&mut self.bytes, &parts, bytes) {
                    return self.end();
                }
            }
            (Step::Write, Reply::Written(_)) => {}
            (Step::WriteLast, Reply::Written(file_id)) => {
                context.batch.record(file_id.ok_or_else(Defect::misfit)?);
                // Before what it was made of is deleted.
                let writes = vec![context.checkpoint(SavedPhase::Cleaning), context.published()];
                context.start_save(writes);
                return self.end();
            }
            _ => return Err(Defect::misfit()),
        }
        Ok(Next::Again)
    }

    /// It is begun again: a file that could not be written is so as a whole.
    pub(super) fn on_io_fault(&mut self, context: &mut Context) -> Result<Next, Defect> {
        let failures = self.failures + 1;
        if failures >= HOST_ATTEMPTS {
            return self.end();
        }
        let not_before = context.now + host_delay_ms(failures);
        *self = Self { failures, not_before, ..Self::default() };
        Ok(Next::Again)
    }

    /// When to continue after a failure.
    pub(super) fn due(&self, context: &Context) -> Option<u64> {
        (context.now < self.not_before).then_some(self.not_before)
    }
}
