//! The batch while its input file is checked: nothing runs, nothing is stored, so a restart starts over.

use crate::batch::checkpoint::{FIRST_CHUNK, SavedReuse};
use crate::batch::command::{Command, LookUp, Reply};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::input_error::unreadable;
use crate::batch::matching;
use crate::batch::phase::{Next, Phase, stopped};
use crate::batch::refused::{cancelled, fail};
use crate::batch::reusing::Reusing;
use crate::digest::Digesting;
use crate::host::{Fault, FaultKind};
use crate::limits::{MAX_READ_BYTES, MAX_ROUTED_MODEL_BYTES, MAX_ROUTED_MODELS, READ_BYTES, READS};
use crate::text;
use crate::validate::{Progress, Rules, Validator};
use crate::wire::{BatchError, BatchStatus, RequestCounts};

/// Streams the file through the validator.
pub(super) struct Validating {
    rules: Rules,
    validator: Validator,
    step: Step,
    /// Models of the file, where the host has pools of them.
    models: Vec<String>,
    digest: Digesting,
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
        model: String,
        chunk: Vec<u8>,
        taken: usize,
        at: u64,
        size: u64,
    },
    /// The last line has no end and names a model.
    AskLastModel {
        model: String,
    },
}

impl Validating {
    pub(super) fn new(context: &Context) -> Self {
        let Context { settings, batch, hash_key, .. } = context;
        let rules = Rules::of_batch(settings, &batch.endpoint, batch.is_split(), *hash_key);
        Self {
            validator: Validator::new(rules.clone()),
            rules,
            step: Step::FindInput,
            models: Vec::new(),
            digest: Digesting::default(),
        }
    }
}

impl Phase for Validating {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if let Some(next) = cancelled(context)? {
            return Ok(next);
        }
        if context.io.is_idle() {
            let command = match &self.step {
                Step::FindInput => Command::LookUp(LookUp::Input(context.batch.input_file_id.clone())),
                Step::Read { at, size } if at < size => Command::Read {
                    file_id: context.batch.input_file_id.clone(),
                    offset: *at,
                    length: (size / READS).clamp(READ_BYTES, MAX_READ_BYTES).min(size - at),
                    is_input: true,
                },
                Step::Read { .. } => {
                    context.account.input = Some(std::mem::take(&mut self.digest).finish());
                    return self.finish(context);
                }
                Step::AskModel { .. } | Step::AskLastModel { .. } => return Ok(Next::Idle),
            };
            context.io.start(command);
            return Ok(Next::Again);
        }
        Ok(Next::Idle)
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        match (std::mem::replace(&mut self.step, Step::FindInput), reply) {
            (Step::FindInput, Reply::Input(None)) => self.fail_missing(context),
            (Step::FindInput, Reply::Input(Some(file))) => {
                if file.bytes > self.rules.limits.max_file_bytes {
                    return fail(context, vec![self.rules.file_too_large()]);
                }
                self.step = Step::Read { at: 0, size: file.bytes };
                Ok(Next::Again)
            }
            (Step::Read { .. }, Reply::Bytes(bytes)) if bytes.is_empty() => {
                fail(context, vec![unreadable("the input file is shorter than its size says")])
            }
            (Step::Read { at, size }, Reply::Bytes(bytes)) => {
                let at = at + bytes.len() as u64;
                self.digest.update(&bytes);
                self.push(context, bytes, 0, at, size)
            }
            (Step::AskModel { model, .. } | Step::AskLastModel { model }, Reply::Model(true))
                if has_no_price(context, &model) =>
            {
                fail(context, vec![no_price(&model)])
            }
            (Step::AskModel { model, chunk, taken, at, size }, Reply::Model(exists)) => {
                self.meet(context, model);
                self.validator.answer_model(exists, &mut |_| {});
                self.push(context, chunk, taken, at, size)
            }
            (Step::AskLastModel { model }, Reply::Model(exists)) => {
                self.meet(context, model);
                self.validator.answer_model(exists, &mut |_| {});
                self.finish(context)
            }
            _ => Err(Defect::misfit()),
        }
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        match fault.kind {
            FaultKind::Missing if matches!(self.step, Step::AskModel { .. } | Step::AskLastModel { .. }) => {
                self.on_io(context, Reply::Model(false))
            }
            FaultKind::Missing => self.fail_missing(context),
            _ if fault.may_pass() && !context.is_expired() => Ok(Next::End(context.fault(fault))),
            _ => fail(context, vec![unreadable(&fault.message)]),
        }
    }
}

impl Validating {
    fn push(
        &mut self,
        context: &mut Context,
        chunk: Vec<u8>,
        from: usize,
        at: u64,
        size: u64,
    ) -> Result<Next, Defect> {
        match self.validator.push(&chunk[from..], &mut |_| {}) {
            Progress::Done => self.step = Step::Read { at, size },
            Progress::NeedsModel { model, taken } => {
                context.io.start(Command::LookUp(LookUp::Model(model.clone())));
                self.step = Step::AskModel { model, chunk, taken: from + taken, at, size };
            }
        }
        Ok(Next::Again)
    }

    /// Keeps the name of a model whose pool is to be asked for.
    fn meet(&mut self, context: &Context, model: String) {
        let fits = self.models.len() < MAX_ROUTED_MODELS && model.len() <= MAX_ROUTED_MODEL_BYTES;
        if context.pooled && fits && !self.models.contains(&model) {
            self.models.push(model);
        }
    }

    fn finish(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Progress::NeedsModel { model, .. } = self.validator.finish(&mut |_| {}) {
            context.io.start(Command::LookUp(LookUp::Model(model.clone())));
            self.step = Step::AskLastModel { model };
            return Ok(Next::Again);
        }
        let report = self.validator.report();
        if report.error_count > 0 {
            return fail(context, report.errors);
        }
        if context.batch.is_split() {
            let part = context.settings.limits.max_requests.max(1);
            context.batch.edgebatch.get_or_insert_default().parts = Some(report.request_count.div_ceil(part));
        }
        let models = std::mem::take(&mut self.models);
        if let Some(wanted) = context.batch.continued().cloned() {
            let saved = SavedReuse {
                input_bytes: report.bytes,
                total: report.request_count,
                model: report.model,
                models,
                next: FIRST_CHUNK,
                group: 0,
                past: None,
                reused: Default::default(),
                skipped: 0,
                order: Some(0),
            };
            let reusing = Reusing::resume(context, wanted, saved);
            context.commit(reusing.saved());
            return Ok(Next::Become(Box::new(reusing)));
        }
        context.batch.enter(BatchStatus::InProgress, context.now_seconds())?;
        context.batch.model = report.model;
        context.batch.request_counts = RequestCounts { total: report.request_count, ..Default::default() };
        Ok(matching::begin(context, report.bytes, models, false))
    }

    fn fail_missing(&self, context: &mut Context) -> Result<Next, Defect> {
        fail(context, vec![self.rules.missing_file(&context.batch.input_file_id)])
    }
}

/// A model of a batch whose budget is an amount of money, and which would be free.
fn has_no_price(context: &Context, model: &str) -> bool {
    context.batch.budget().is_some_and(|budget| budget.cost.is_some())
        && context.settings.prices.of(model).is_none()
}

fn no_price(model: &str) -> BatchError {
    let model = text::quoted(model, 100);
    BatchError {
        code: "model_without_price".to_owned(),
        message: format!("The budget of this batch is a cost, and no price is set for the model '{model}'."),
        param: Some("edgebatch.budget.cost".to_owned()),
        line: None,
        column: None,
        reason: None,
    }
}
