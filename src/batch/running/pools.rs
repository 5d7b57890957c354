//! The pools of model servers that a run sends to. Each has its own place in the file, its own window and its own health:
//! a slow one, or one that is down, holds back the requests of its models and no others.
//!
//! Where the host has no pools there is one, without a name.

use crate::batch::checkpoint::{SavedPool, SavedRun, SavedServer};
use crate::batch::command::{Command, LookUp};
use crate::batch::context::Context;
use crate::batch::phase::{Next, stopped};
use crate::batch::running::chunks::Chunks;
use crate::batch::running::pending::Pending;
use crate::batch::running::reader::{Reader, Step};
use crate::batch::running::request::Request;
use crate::batch::running::routes::Routes;
use crate::batch::running::whose_fault::Health;
use crate::batch::running::window::Window;
use crate::limits::{MAX_CHUNKS_AHEAD, MAX_POOLS};
use crate::wire::Wait;
use std::sync::Arc;

/// The requests of a run that one pool of servers answers.
pub(super) struct Pool {
    pub(super) name: Option<Arc<str>>,
    pub(super) reader: Reader,
    /// The reader gave everything out.
    pub(super) read_all: bool,
    pub(super) pending: Pending,
    pub(super) window: Window,
    pub(super) health: Health,
    /// What the last trouble was, should there be a wait to tell.
    pub(super) wait: Option<Wait>,
    pub(super) in_flight: usize,
    /// How many may be in flight, as the host says now.
    allowance: usize,
}

impl Pool {
    fn new(context: &Context, run: &SavedRun, resumed: bool, name: Option<Arc<str>>) -> Self {
        let max = context.settings.max_concurrent_requests_per_batch;
        let saved = match &name {
            None => run.server,
            Some(name) => run.pools.iter().find(|pool| *pool.name == **name).map(|pool| pool.server),
        };
        let (window, health) = match saved {
            Some([size, streak, paused_until, since, flags]) => {
                (Window::resume(max, [size, streak, paused_until]), Health::resume([since, flags]))
            }
            None => (Window::new(max), Health::new(context.now)),
        };
        let max_line_bytes = context.settings.limits.max_line_bytes;
        let (id, input) = (&context.batch.id, &context.batch.input_file_id);
        let mut reader = Reader::new(id, input, max_line_bytes, run, resumed);
        if context.batch.groups_prefixes() {
            reader = reader.by_plan();
        }
        Self {
            reader,
            name,
            read_all: false,
            pending: Pending::new(max, run.waiting.clone()),
            window,
            health,
            wait: None,
            in_flight: 0,
            allowance: usize::MAX,
        }
    }

    /// Calls that may be in flight at `now`.
    pub(super) fn size(&self, now: u64) -> usize {
        self.window.size(now).min(self.allowance)
    }

    /// Nothing can start before a time, or before the host allows it.
    pub(super) fn waits(&self, now: u64) -> bool {
        self.pending.has_retries() || self.size(now) == 0
    }

    /// Everything was handed out and has ended, or is in flight.
    pub(super) fn is_drained(&self) -> bool {
        self.read_all && self.pending.is_empty()
    }

    /// When the next request may start, if none can before.
    pub(super) fn waits_until(&self, now: u64) -> Option<u64> {
        let idle = self.in_flight == 0 && !self.pending.has_ready() && self.read_all;
        let next = self.pending.retry_due().filter(|&due| idle && due > now);
        self.window.resumes_at(now).or(next)
    }

    /// Gives up all that wait; those in flight are given up too.
    pub(super) fn stop(&mut self) -> impl Iterator<Item = Box<Request>> {
        self.in_flight = 0;
        self.pending.drain()
    }

    fn saved(&self) -> SavedServer {
        let ([size, streak, paused_until], [since, flags]) = (self.window.saved(), self.health.saved());
        [size, streak, paused_until, since, flags]
    }
}

/// All pools of a run. There are none until the host has said which there are.
pub(super) struct Pools {
    all: Vec<Pool>,
    routes: Routes,
    /// What the pools are made of, until they are.
    unmade: Option<Unmade>,
    /// Whose reader has asked the host for something.
    asking: usize,
    /// Which may send next: each in its turn.
    turn: usize,
}

struct Unmade {
    run: SavedRun,
    resumed: bool,
    /// The pools of the first models of the run.
    named: Vec<String>,
}

impl Pools {
    pub(super) fn new(run: SavedRun, resumed: bool) -> Self {
        let unmade = Some(Unmade { run, resumed, named: Vec::new() });
        Self { all: Vec::new(), routes: Routes::default(), unmade, asking: 0, turn: 0 }
    }

    /// Asks the host for the pool of each model. What to do while there is more to ask.
    pub(super) fn make(&mut self, context: &mut Context) -> Option<Next> {
        let unmade = self.unmade.as_ref()?;
        if let Some(model) = unmade.run.models.get(unmade.named.len()).filter(|_| context.pooled) {
            if let Some(stopped) = stopped(context) {
                return Some(stopped);
            }
            if !context.io.is_idle() {
                return Some(Next::Idle);
            }
            context.io.start(Command::LookUp(LookUp::Pool(model.clone())));
            return Some(Next::Again);
        }
        let Unmade { run, resumed, named } = self.unmade.take()?;
        let mut names: Vec<Arc<str>> = Vec::new();
        for (model, name) in run.models.iter().zip(named) {
            let at = names.iter().position(|known| **known == *name).or_else(|| {
                (names.len() < MAX_POOLS).then(|| {
                    names.push(name.into());
                    names.len() - 1
                })
            });
            self.routes.add(model.clone(), at);
        }
        let pool = |name| Pool::new(context, &run, resumed, name);
        self.all = if names.is_empty() {
            vec![pool(None)]
        } else {
            names.into_iter().map(|name| pool(Some(name))).collect()
        };
        None
    }

    /// The host named the pool it was asked for.
    pub(super) fn name(&mut self, name: String) {
        if let Some(unmade) = &mut self.unmade {
            unmade.named.push(name);
        }
    }

    pub(super) fn are_made(&self) -> bool {
        self.unmade.is_none()
    }

    /// What the pools will be made of, should they not be.
    pub(super) fn unmade(&self) -> Option<&SavedRun> {
        self.unmade.as_ref().map(|unmade| &unmade.run)
    }

    pub(super) fn get(&mut self, pool: usize) -> &mut Pool {
        &mut self.all[pool]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pool> {
        self.all.iter_mut()
    }

    /// The pool that is read on next. One that is far ahead of another waits: chunks that are read are remembered until
    /// all of their requests have ended.
    pub(super) fn next_to_read(&self) -> Option<usize> {
        let unread = || self.all.iter().enumerate().filter(|(_, pool)| !pool.read_all);
        let last = unread().map(|(_, pool)| pool.reader.progress()).min()?;
        let most = last.0.saturating_add(MAX_CHUNKS_AHEAD);
        let mut able =
            unread().filter(|(_, pool)| pool.pending.has_room() && pool.reader.progress().0 <= most);
        able.next().map(|(at, _)| at)
    }

    /// The pool that may send a request now, each in its turn; an untried one only if `fresh`.
    pub(super) fn next_to_send(&mut self, now: u64, fresh: bool) -> Option<usize> {
        let count = self.all.len();
        let turns = (0..count).map(|step| (self.turn + step) % count);
        let mut able = turns.filter(|&at| self.all[at].in_flight < self.all[at].size(now));
        able.find(|&at| self.all[at].pending.can_send(now, fresh))
    }

    /// A pool has sent one.
    pub(super) fn sent(&mut self, pool: usize) {
        self.all[pool].in_flight += 1;
        self.turn = (pool + 1) % self.all.len();
    }

    /// The next request of this pool, or what its reader needs.
    pub(super) fn step(&mut self, pool: usize, chunks: &mut Chunks) -> Step {
        self.all[pool].reader.step(chunks, &self.routes, pool)
    }

    /// This pool's reader waits for the host.
    pub(super) fn ask(&mut self, pool: usize) {
        self.asking = pool;
    }

    /// The reader that waits for the host.
    pub(super) fn asking(&mut self) -> Option<&mut Reader> {
        self.all.get_mut(self.asking).map(|pool| &mut pool.reader)
    }

    /// The reader that came furthest.
    pub(super) fn leader(&self) -> Option<&Reader> {
        self.all.iter().map(|pool| &pool.reader).max_by_key(|reader| reader.progress())
    }

    /// The host says how many of a pool may be in flight.
    pub(super) fn allow(&mut self, of: &dyn Fn(Option<&str>) -> Option<u32>) {
        for pool in &mut self.all {
            pool.allowance = of(pool.name.as_deref()).map_or(usize::MAX, |allowed| allowed as usize);
        }
    }

    /// What a later turn needs of them.
    pub(super) fn save_in(&self, run: &mut SavedRun) {
        for pool in &self.all {
            // Those that wait by themselves know more than the others, which may not have come to them.
            run.waiting.extend(pool.pending.saved_retries());
            match &pool.name {
                None => run.server = Some(pool.saved()),
                Some(name) => run.pools.push(SavedPool { name: name.to_string(), server: pool.saved() }),
            }
        }
        for pool in &self.all {
            for tried in pool.pending.unread(pool.reader.line()) {
                if run.waiting.iter().all(|[line, ..]| *line != tried[0]) {
                    run.waiting.push(tried);
                }
            }
        }
    }
}
