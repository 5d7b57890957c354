//! How a batch ends of which nothing has run, and a cancel that comes when all has.

use crate::batch::cleaning;
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::phase::Next;
use crate::wire::{BatchError, BatchStatus};

/// The end of a batch that was cancelled before anything of it ran.
pub(super) fn cancelled(context: &mut Context) -> Result<Option<Next>, Defect> {
    let Some(cancelling_at) = context.cancel_requested_at else { return Ok(None) };
    context.io.forget();
    context.batch.enter(BatchStatus::Cancelling, cancelling_at)?;
    context.batch.enter(BatchStatus::Cancelled, context.now_seconds())?;
    Ok(Some(cleaning::conclude(context)))
}

/// Notes a cancel that came when all had run and its files were being written, which goes on. Whether it is new.
pub(super) fn cancelled_late(context: &mut Context) -> Result<bool, Defect> {
    let asked = context.cancel_requested_at.filter(|_| context.batch.status == BatchStatus::Finalizing);
    if let Some(cancelling_at) = asked {
        context.batch.enter(BatchStatus::Cancelling, cancelling_at)?;
    }
    Ok(asked.is_some())
}

/// The end of a batch that was refused before anything of it ran.
pub(super) fn fail(context: &mut Context, mut data: Vec<BatchError>) -> Result<Next, Defect> {
    context.io.forget();
    for error in &mut data {
        // OpenAI's errors have no such members.
        (error.column, error.reason) = (None, None);
    }
    context.batch.errors = Some(data.into());
    context.batch.enter(BatchStatus::Failed, context.now_seconds())?;
    Ok(cleaning::conclude(context))
}
