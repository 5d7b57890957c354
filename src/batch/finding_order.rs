//! The batch that goes on, before it does: where the order of its results stands.

use crate::batch::command::{Command, Reply, Write};
use crate::batch::context::Context;
use crate::batch::defect::Defect;
use crate::batch::order::Order;
use crate::batch::phase::{Next, Phase, stopped};
use crate::host::{Fault, KvQuery};
use crate::keys;
use crate::result::order::{Written, decode, encode};
use std::collections::VecDeque;

/// Looks where an earlier turn left off, before the phase that goes on.
pub(super) struct FindOrder {
    /// Given back when it is found.
    phase: Option<Box<dyn Phase>>,
    step: Step,
    /// Of the last record: calls that were begun, and those in flight.
    calls: [u64; 2],
}

enum Step {
    LastRecord,
    AnyResult,
    /// Whether the groups of the last record are there: first one, then the rest.
    Groups {
        at: u64,
        unseen: VecDeque<Written>,
        seen: Vec<Written>,
        missing: bool,
    },
}

impl FindOrder {
    pub(super) fn before(phase: Box<dyn Phase>) -> Box<dyn Phase> {
        Box::new(Self { phase: Some(phase), step: Step::LastRecord, calls: [0; 2] })
    }

    fn found(
        &mut self,
        context: &mut Context,
        at: Option<u64>,
        mended: Option<Write>,
        last: Vec<Written>,
    ) -> Result<Next, Defect> {
        context.order = Order::resume(at, mended, last);
        context.account.go_on(self.calls);
        context.order.calls = context.account.calls();
        self.phase.take().map(Next::Become).ok_or_else(Defect::misfit)
    }
}

impl Phase for FindOrder {
    fn advance(&mut self, context: &mut Context) -> Result<Next, Defect> {
        if let Some(next) = stopped(context) {
            return Ok(next);
        }
        if !context.io.is_idle() {
            return Ok(Next::Idle);
        }
        let id = &context.batch.id;
        let one = |prefix, reverse| Command::List(KvQuery { prefix, after: None, limit: 1, reverse });
        let command = match &mut self.step {
            Step::LastRecord => one(keys::orders(id), true),
            Step::AnyResult => one(keys::results(id), false),
            Step::Groups { unseen, .. } if let Some(group) = unseen.front() => {
                one(keys::result_group(id, group.chunk, group.group), false)
            }
            Step::Groups { at, seen, missing, .. } => {
                let seen = std::mem::take(seen);
                let mended = missing.then(|| {
                    let key = keys::order(id, *at);
                    if seen.is_empty() {
                        Write::Delete(key)
                    } else {
                        Write::Set(key, encode(&seen, self.calls))
                    }
                });
                let at = *at + seen.iter().map(|group| group.bytes).sum::<u64>();
                return self.found(context, Some(at), mended, seen);
            }
        };
        context.io.start(command);
        Ok(Next::Again)
    }

    fn on_io(&mut self, context: &mut Context, reply: Reply) -> Result<Next, Defect> {
        let Reply::Entries(entries) = reply else { return Err(Defect::misfit()) };
        match &mut self.step {
            Step::LastRecord => match entries.first() {
                None => self.step = Step::AnyResult,
                Some((key, record)) => match (keys::order_at(key), decode(record)) {
                    (Some(at), Some((groups, calls))) => {
                        self.calls = calls;
                        let unseen = groups.into();
                        self.step = Step::Groups { at, unseen, seen: Vec::new(), missing: false };
                    }
                    _ => return self.found(context, None, None, Vec::new()),
                },
            },
            // Without a record of the results there are, an order would be one of some of them.
            Step::AnyResult => return self.found(context, entries.is_empty().then_some(0), None, Vec::new()),
            Step::Groups { unseen, seen, missing, .. } => match (unseen.pop_front(), entries.is_empty()) {
                (Some(group), false) => seen.push(group),
                _ => *missing = true,
            },
        }
        Ok(Next::Again)
    }

    fn on_io_fault(&mut self, context: &mut Context, fault: Fault) -> Result<Next, Defect> {
        if fault.may_pass() {
            Ok(Next::End(context.fault(fault)))
        } else {
            self.found(context, None, None, Vec::new())
        }
    }
}
