//! What becomes of a request when its call ends.

use super::Running;
use crate::batch::command::Reply;
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::running::lanes::Flight;
use crate::batch::running::request::{Request, Slot};
use crate::host::{Fault, FaultKind};
use crate::limits::{NOT_SENT_MS, RETRY_AFTER_CAP_MS, RETRY_CAP_MS, TOLD_WAIT_MS};
use crate::result::answer::Answered;
use crate::result::outcome::Outcome;
use crate::result::output_line::{self, NoAnswer, Of};
use crate::result::quote;
use crate::result::trouble::Trouble;
use crate::retry::delay_ms;
use crate::wire::{Usage, Wait};
use std::sync::Arc;

/// A try that ended in trouble.
struct Failed {
    trouble: Trouble,
    /// Fewer calls at once may help, even while others are answered.
    narrows: bool,
    /// The connection was.
    lost: bool,
    status: Option<u16>,
    message: String,
    retry_after_ms: Option<u64>,
}

impl Running {
    /// An inference call ended.
    pub(super) fn on_landed(
        &mut self,
        context: &mut Context,
        Flight { request, sent_at }: Flight,
        reply: Reply,
    ) -> Result<(), Defect> {
        let most = context.settings.limits.max_response_bytes;
        let body = Arc::clone(&request.body);
        let mut paid = None;
        let too_large = match &reply {
            Reply::Answer(answer) => answer.body.len() > most,
            Reply::Failed(fault) => fault.kind == FaultKind::TooLarge,
            _ => false,
        };
        let ended = match reply {
            _ if too_large => {
                paid = Some((None, most));
                self.works(context, &request);
                self.end_without_answer(context, request.slot, &request.custom_id, &NoAnswer::TooLarge(most));
                true
            }
            Reply::Answer(answer) => {
                let answered = Answered::read(&answer);
                let of = of(context, request.slot, &request.custom_id);
                let line = output_line::of_answer(of, &answered, context.settings.dialect);
                let outcome = answered.outcome;
                let usage = answered.usage.filter(|_| outcome == Outcome::Completed);
                paid = (200..300).contains(&answer.status).then_some((answered.usage, answer.body.len()));
                match answered.trouble {
                    None => {
                        self.works(context, &request);
                        self.unsaved.push(context.now, request.slot, outcome, usage, line);
                        true
                    }
                    Some(trouble) => {
                        let failed = Failed {
                            trouble,
                            narrows: trouble == Trouble::Overloaded,
                            lost: false,
                            status: Some(answered.status),
                            message: quote(&answered.message),
                            retry_after_ms: answer.retry_after_ms,
                        };
                        self.in_trouble(context, request, sent_at, &failed, (outcome, usage, line))
                    }
                }
            }
            Reply::Failed(fault) => {
                let reason = no_answer(&fault);
                if fault.kind == FaultKind::NotSent {
                    let due = context.now.saturating_add(NOT_SENT_MS);
                    self.pools.get(request.route.pool).pending.retry(due, request);
                    false
                } else if fault.kind == FaultKind::Terminal {
                    self.end_without_answer(context, request.slot, &request.custom_id, &reason);
                    true
                } else {
                    let failed = Failed {
                        trouble: match fault.kind {
                            FaultKind::Timeout => Trouble::Failing,
                            FaultKind::Refused => Trouble::Refused,
                            _ => Trouble::Overloaded,
                        },
                        narrows: fault.kind != FaultKind::Refused,
                        lost: fault.kind == FaultKind::Transient,
                        status: None,
                        message: reason.message(),
                        retry_after_ms: None,
                    };
                    let end = (
                        reason.outcome(),
                        None,
                        output_line::without_answer(of(context, request.slot, &request.custom_id), &reason),
                    );
                    self.in_trouble(context, request, sent_at, &failed, end)
                }
            }
            _ => return Err(Defect::misfit()),
        };
        context.spend(&body, paid, ended);
        Ok(())
    }

    /// The server answered a request in a way that settles it.
    fn works(&mut self, context: &mut Context, request: &Request) {
        let pool = self.pools.get(request.route.pool);
        pool.window.on_success();
        pool.health.on_answer(context.now, &request.tries);
        if pool.wait.is_some() && !self.tell_wait(context) && context.batch.tell(None) {
            self.unsaved.publish_soon();
        }
    }

    /// A try ended in trouble: whose it is decides whether the request waits, or ends with what its file will hold. Whether it
    /// ends.
    fn in_trouble(
        &mut self,
        context: &mut Context,
        mut request: Box<Request>,
        sent_at: u64,
        failed: &Failed,
        (outcome, usage, line): (Outcome, Option<Usage>, Vec<u8>),
    ) -> bool {
        let Failed { trouble, retry_after_ms, .. } = *failed;
        let max = context.settings.max_attempts;
        let pool = self.pools.get(request.route.pool);
        let ended = pool.health.on_trouble(context.now, trouble, request.slot.line, &mut request.tries, max);
        if failed.narrows || pool.health.is_general() {
            if failed.lost {
                pool.window.on_loss(context.now, sent_at, &mut context.jitter);
            } else {
                pool.window.on_trouble(context.now, sent_at, &mut context.jitter);
            }
            if let Some(asked) = retry_after_ms {
                // A long wait that one request is asked for, while others are answered, applies to it alone: the others look again.
                let most = if pool.health.is_general() { RETRY_AFTER_CAP_MS } else { RETRY_CAP_MS };
                pool.window.pause(context.now.saturating_add(asked.min(most)));
            }
        }
        if ended {
            self.unsaved.push(context.now, request.slot, outcome, usage, line);
            return true;
        }
        let delay = delay_ms(request.tries.made, retry_after_ms, &mut context.jitter);
        pool.pending.retry(context.now.saturating_add(delay), request);
        pool.wait = Some(Wait {
            reason: trouble.reason().to_owned(),
            status: failed.status,
            message: failed.message.clone(),
            since: pool.health.since() / 1_000,
            until: 0,
        });
        self.tell_wait(context);
        false
    }

    /// Says in the batch that nothing of a pool starts for a while, and why, by the last trouble there was. Whether there is that to
    /// say: what was in flight when a pause began may be answered in the middle of it.
    fn tell_wait(&mut self, context: &mut Context) -> bool {
        let least = context.now + TOLD_WAIT_MS;
        let told = self.pools.iter().find_map(|pool| {
            let until = pool.waits_until(context.now).filter(|&until| until >= least)?;
            Some(Wait { until: until.div_ceil(1_000), ..pool.wait.clone()? })
        });
        let Some(wait) = told else { return false };
        if context.batch.tell(Some(wait)) {
            self.unsaved.publish_soon();
            // What the wait is for is to be known after a crash too.
            self.chunks.dirty = true;
        }
        true
    }

    pub(super) fn end_without_answer(
        &mut self,
        context: &Context,
        slot: Slot,
        custom_id: &str,
        reason: &NoAnswer,
    ) {
        let line = output_line::without_answer(of(context, slot, custom_id), reason);
        self.unsaved.push(context.now, slot, reason.outcome(), None, line);
    }
}

fn of<'a>(context: &'a Context, slot: Slot, custom_id: &'a str) -> Of<'a> {
    Of { batch_id: &context.batch.id, line: slot.line, custom_id }
}

fn no_answer(fault: &Fault) -> NoAnswer {
    match fault.kind {
        FaultKind::Timeout => NoAnswer::TimedOut,
        _ => NoAnswer::ConnectionFailed(fault.message.clone()),
    }
}
