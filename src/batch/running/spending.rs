//! What the budget of a batch has room for, and what is used of it.
//!
//! A request starts where what was used, and what is in flight by the mean so far, leave room for one more. So what goes beyond
//! a cap is never more than what was in flight when the last one started, and nothing is held back that would fit.

use super::Running;
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::running::halt::Halt;
use crate::json::scan;
use crate::limits::SAVE_RESULTS;
use crate::wire::{BatchStatus, Usage};

/// Bytes of text that are taken for a token where the model server counts none.
const TOKEN_BYTES: usize = 4;

impl Running {
    /// How many results may wait to be written. Of a batch with a budget fewer: what a crash makes of them is paid for twice.
    pub(super) fn most_unsaved(context: &Context) -> usize {
        let lanes = context.settings.max_concurrent_requests_per_batch as usize;
        if context.batch.budget().is_some() { SAVE_RESULTS.min(lanes) } else { SAVE_RESULTS }
    }

    /// Whether a request that was not tried before may start too; nothing where none may. Those that wait to be tried again have
    /// their room kept.
    pub(super) fn may_start(&self, context: &Context) -> Option<bool> {
        if context.batch.budget().is_some() && self.unsaved.count() >= Self::most_unsaved(context) {
            return None;
        }
        self.room(context)
    }

    fn room(&self, context: &Context) -> Option<bool> {
        let Some(budget) = context.batch.budget() else { return Some(true) };
        let more = self.lanes.len() + 1;
        let waiting: usize = self.pools.iter().map(|pool| pool.pending.retries()).sum();
        budget.has_room(more as u64).then(|| budget.has_room((more + waiting) as u64))
    }

    /// Ends the run where nothing is in flight and what is left has no room. Whether it does.
    pub(super) fn notice_budget(&mut self, context: &mut Context) -> Result<bool, Defect> {
        let is_over = self.halt.is_none()
            && self.lanes.is_empty()
            && !self.pools.iter().all(|pool| pool.pending.is_empty())
            && self.room(context).is_none();
        if is_over {
            context.batch.edgebatch.get_or_insert_default().ended_by_budget = true;
            context.batch.enter(BatchStatus::Cancelling, context.now_seconds())?;
            self.unsaved.publish_soon();
            self.stop_everything(context, Halt::OverBudget);
        }
        Ok(is_over)
    }
}

impl Context {
    /// Counts what a call has used: tokens of an answer of so many bytes, if one came that is paid for, and a request, should it
    /// have ended.
    pub(super) fn spend(&mut self, body: &[u8], answer: Option<(Option<Usage>, usize)>, ended: bool) {
        let Self { batch, settings, .. } = self;
        let Some(budget) = batch.budget_mut() else { return };
        let used = &mut budget.used;
        used.requests += u64::from(ended);
        let Some((counted, bytes)) = answer else { return };
        let [input, output, total] = match counted {
            Some(tokens) if tokens.total_tokens > 0 => {
                [tokens.input_tokens, tokens.output_tokens, tokens.total_tokens]
            }
            _ => {
                let [input, output] = [body.len(), bytes].map(|bytes| bytes.div_ceil(TOKEN_BYTES) as u64);
                [input, output, input + output]
            }
        };
        used.input_tokens = used.input_tokens.saturating_add(input);
        used.output_tokens = used.output_tokens.saturating_add(output);
        used.total_tokens = used.total_tokens.saturating_add(total);
        if let Some(cost) = &mut used.cost {
            let model = scan::members(body, ["model"]).ok().and_then(|top| top.found[0]?.text());
            let price = settings.prices.of(&model.unwrap_or_default()).unwrap_or_default();
            *cost += (price.input * input as f64 + price.output * output as f64) / 1e6;
        }
    }
}
