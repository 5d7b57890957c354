//! Virtual time: a task is polled until nothing is ready, then time jumps to the next sleeper.

use futures::future::FutureExt;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Milliseconds that pass only when everything waits for them.
#[derive(Default)]
pub(crate) struct Clock {
    now: Cell<u64>,
    sleepers: RefCell<BTreeMap<(u64, u64), Waker>>,
    tickets: Cell<u64>,
}

/// A task that was stopped from outside before it ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Stopped;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Clock {
    pub(crate) fn at(now: u64) -> Self {
        Self { now: Cell::new(now), ..Self::default() }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Time passes while no task runs.
    pub(crate) fn advance(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
    }

    pub(crate) async fn sleep(&self, ms: u64) {
        struct Forget<'a>(&'a Clock, (u64, u64));
        impl Drop for Forget<'_> {
            fn drop(&mut self) {
                self.0.sleepers.borrow_mut().remove(&self.1);
            }
        }
        self.tickets.set(self.tickets.get() + 1);
        let key = (self.now.get() + ms, self.tickets.get());
        let _forget = Forget(self, key);
        poll_fn(|cx| {
            if self.now.get() >= key.0 {
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut().insert(key, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs a task to its end, or until `stopped`.
    ///
    /// # Panics
    /// When the task waits for something that will never happen.
    pub(crate) fn run<T>(
        &self,
        stopped: impl Fn() -> bool,
        task: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        let mut task = pin!(task);
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut cx = Context::from_waker(&waker);
        loop {
            while flag.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(done) = task.poll_unpin(&mut cx) {
                    return Ok(done);
                }
                if stopped() {
                    return Err(Stopped);
                }
            }
            let next = self.sleepers.borrow_mut().pop_first();
            let ((at, _), sleeper) = next.expect("the task waits for something that never happens");
            self.now.set(self.now.get().max(at));
            sleeper.wake();
        }
    }
}
