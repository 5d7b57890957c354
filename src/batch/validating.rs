//! The batch while its input file is checked: nothing runs, nothing is stored, so a restart begins anew.

use super::{Phase, cleaning};
use crate::batch::command::{Command, LookUp, Reply};
use crate::batch::context::{Core, Next};
use crate::batch::defect::Defect;
use crate::batch::running::Running;
use crate::host::{Fault, FaultKind};
use crate::limits::READ_BYTES;
use crate::result::output_line::UNREADABLE;
use crate::validate::{Progress, Rules, Validator};
use crate::wire::{BatchError, BatchErrors, BatchStatus, ListTag, RequestCounts};

/// Streams the file through the validator.
pub(super) struct Validating {
    rules: Rules,
    validator: Validator,
    step: Step,
}

#[derive(Debug)]
enum Step {
    FindInput,
    /// `at` is the offset of the next byte, `size` the file's.
    Read {
        at: u64,
        size: u64,
    },
    /// The validator stopped inside `chunk` to ask for a model.
    AskModel {
        chunk: Vec<u8>,
        taken: usize,
        at: u64,
        size: u64,
    },
    /// The last line has no end and names a model.
    AskLastModel,
}

impl Validating {
    pub(super) fn new(core: &Core) -> Self {
        let rules = core.settings.rules(&core.batch.endpoint, true, core.hash_key);
        Self { validator: Validator::new(rules.clone()), rules, step: Step::FindInput }
    }

    pub(super) fn advance(&mut self, core: &mut Core) -> Result<Next, Defect> {
        if let Some(cancelling_at) = core.cancel_requested_at {
            core.io.forget();
            core.batch.enter(BatchStatus::Cancelling, cancelling_at)?;
            core.batch.enter(BatchStatus::Cancelled, core.now_seconds())?;
            return Ok(cleaning::conclude(core));
        }
        if core.io.is_idle() {
            let command = match &self.step {
                Step::FindInput => Command::LookUp(LookUp::Input(core.batch.input_file_id.clone())),
                Step::Read { at, size } if at < size => Command::ReadInput {
                    file_id: core.batch.input_file_id.clone(),
                    offset: *at,
                    length: READ_BYTES.min(size - at),
                },
                Step::Read { .. } => return self.finish(core),
                Step::AskModel { .. } | Step::AskLastModel => return Ok(Next::Idle),
            };
            core.io.start(command);
            return Ok(Next::Again);
        }
        Ok(Next::Idle)
    }

    pub(super) fn on_io(&mut self, core: &mut Core, reply: Reply) -> Result<Next, Defect> {
        match (std::mem::replace(&mut self.step, Step::FindInput), reply) {
            (Step::FindInput, Reply::Input(None)) => self.fail_missing(core),
            (Step::FindInput, Reply::Input(Some(file))) => {
                if file.bytes > self.rules.limits.max_file_bytes {
                    return fail(core, vec![self.rules.file_too_large()]);
                }
                self.step = Step::Read { at: 0, size: file.bytes };
                Ok(Next::Again)
            }
            (Step::Read { .. }, Reply::Bytes(bytes)) if bytes.is_empty() => {
                fail(core, vec![unreadable("the input file is shorter than its size says")])
            }
            (Step::Read { at, size }, Reply::Bytes(bytes)) => {
                let at = at + bytes.len() as u64;
                self.push(core, bytes, 0, at, size)
            }
            (Step::AskModel { chunk, taken, at, size }, Reply::Model(exists)) => {
                self.validator.answer_model(exists, &mut |_| {});
                self.push(core, chunk, taken, at, size)
            }
            (Step::AskLastModel, Reply::Model(exists)) => {
                self.validator.answer_model(exists, &mut |_| {});
                self.finish(core)
            }
            _ => Err(Defect::misfit()),
        }
    }

    pub(super) fn on_io_fault(&mut self, core: &mut Core, fault: Fault) -> Result<Next, Defect> {
        match fault.kind {
            FaultKind::Missing if matches!(self.step, Step::AskModel { .. } | Step::AskLastModel) => {
                self.on_io(core, Reply::Model(false))
            }
            FaultKind::Missing => self.fail_missing(core),
            _ if fault.may_pass() && !core.is_expired() => Ok(core.fault(fault)),
            _ => fail(core, vec![unreadable(&fault.message)]),
        }
    }

    fn push(
        &mut self,
        core: &mut Core,
        chunk: Vec<u8>,
        from: usize,
        at: u64,
        size: u64,
    ) -> Result<Next, Defect> {
        match self.validator.push(&chunk[from..], &mut |_| {}) {
            Progress::Done => self.step = Step::Read { at, size },
            Progress::NeedsModel { model, taken } => {
                core.io.start(Command::LookUp(LookUp::Model(model)));
                self.step = Step::AskModel { chunk, taken: from + taken, at, size };
            }
        }
        Ok(Next::Again)
    }

    fn finish(&mut self, core: &mut Core) -> Result<Next, Defect> {
        if let Progress::NeedsModel { model, .. } = self.validator.finish(&mut |_| {}) {
            core.io.start(Command::LookUp(LookUp::Model(model)));
            self.step = Step::AskLastModel;
            return Ok(Next::Again);
        }
        let report = self.validator.report();
        if report.error_count > 0 {
            return fail(core, report.errors);
        }
        let now = core.now_seconds();
        core.batch.enter(BatchStatus::InProgress, now)?;
        core.batch.model = report.model;
        core.batch.request_counts = RequestCounts { total: report.request_count, ..Default::default() };
        let run = Running::fresh(core, report.bytes);
        core.commit(run.checkpoint());
        Ok(Next::Become(Phase::Running(Box::new(run))))
    }

    fn fail_missing(&self, core: &mut Core) -> Result<Next, Defect> {
        fail(core, vec![self.rules.missing_file(&core.batch.input_file_id)])
    }
}

fn fail(core: &mut Core, data: Vec<BatchError>) -> Result<Next, Defect> {
    core.io.forget();
    core.batch.errors = Some(BatchErrors { object: ListTag::List, data });
    core.batch.enter(BatchStatus::Failed, core.now_seconds())?;
    Ok(cleaning::conclude(core))
}

/// The input file exists but cannot be read, and that will not change.
pub(super) fn unreadable(message: &str) -> BatchError {
    BatchError {
        code: UNREADABLE.to_owned(),
        message: format!("The input file cannot be read: {message}"),
        param: Some("input_file_id".to_owned()),
        line: None,
    }
}
