//! One of several processes over the same world: it can be stopped as by SIGSTOP, and be watched apart from the others.

use super::host::{ScriptedHost, Writer};
use edgebatch::{Answer, Fault, FileObject, Host, Inference, KvCheck, KvPage, KvQuery, KvWrite};
use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;

/// See the module.
pub(crate) struct Process<'a> {
    pub(crate) host: &'a ScriptedHost,
    is_stopped: Cell<bool>,
    /// Writes to the store that were carried out, files that were completed, calls that were begun.
    pub(crate) writes: Cell<usize>,
    pub(crate) completed: Cell<usize>,
    pub(crate) calls: Cell<usize>,
    /// Milliseconds from when a write is carried out until the process hears of it.
    pub(crate) reply_ms: Cell<u64>,
    /// How far its clock is behind the others', in milliseconds.
    pub(crate) behind_ms: Cell<u64>,
}

impl<'a> Process<'a> {
    pub(crate) fn new(host: &'a ScriptedHost) -> Self {
        let (is_stopped, writes, completed, calls, reply_ms, behind_ms) = Default::default();
        Self { host, is_stopped, writes, completed, calls, reply_ms, behind_ms }
    }

    /// What the process does, which stands still while it is stopped, and is over for good with `until`.
    pub(crate) async fn run<T>(
        &self,
        task: impl Future<Output = T>,
        until: impl Future<Output = ()>,
    ) -> Option<T> {
        let (mut task, mut until) = (pin!(task), pin!(until));
        std::future::poll_fn(|context| {
            if until.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            // Time wakes everything: nothing is missed by not looking now.
            if self.is_stopped.get() { Poll::Pending } else { task.as_mut().poll(context).map(Some) }
        })
        .await
    }

    pub(crate) fn stop(&self) {
        self.is_stopped.set(true);
    }

    pub(crate) fn go_on(&self) {
        self.is_stopped.set(false);
        self.writes.take();
        self.completed.take();
        self.calls.take();
    }
}

fn count(cell: &Cell<usize>, is_one: bool) {
    cell.set(cell.get() + usize::from(is_one));
}

impl Host for Process<'_> {
    type Writer = Writer;

    fn now(&self) -> u64 {
        self.host.now() - self.behind_ms.get()
    }

    fn random(&self) -> u64 {
        self.host.random()
    }

    async fn sleep(&self, ms: u64) {
        self.host.sleep(ms).await;
    }

    async fn idle(&self, ms: u64) {
        self.host.idle(ms).await;
    }

    fn stop_requested(&self) -> bool {
        self.host.stop_requested()
    }

    fn faulted(&self, id: Option<&str>, message: &str) {
        self.host.faulted(id, message);
    }

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.host.kv_get(key).await
    }

    fn kv_checks(&self) -> bool {
        self.host.kv_checks()
    }

    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        let written = self.host.kv_write(writes, checks).await?;
        count(&self.writes, written && !writes.is_empty());
        if self.reply_ms.get() > 0 {
            self.host.clock.sleep(self.reply_ms.get()).await;
        }
        Ok(written)
    }

    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        self.host.kv_list(query).await
    }

    async fn hold_input(&self, batch: &str, file_id: &str) -> Result<(), Fault> {
        self.host.hold_input(batch, file_id).await
    }

    async fn release_input(&self, batch: &str) {
        self.host.release_input(batch).await;
    }

    async fn find_file(&self, id: &str, batch: Option<&str>) -> Result<Option<FileObject>, Fault> {
        self.host.find_file(id, batch).await
    }

    async fn read_file(
        &self,
        id: &str,
        offset: u64,
        length: u64,
        batch: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        self.host.read_file(id, offset, length, batch).await
    }

    async fn create_file(&self, id: &str, filename: &str) -> Result<Writer, Fault> {
        self.host.create_file(id, filename).await
    }

    async fn write_file(&self, writer: &Writer, bytes: &[u8]) -> Result<(), Fault> {
        self.host.write_file(writer, bytes).await
    }

    async fn complete_file(&self, writer: &Writer) -> Result<String, Fault> {
        let id = self.host.complete_file(writer).await?;
        count(&self.completed, true);
        Ok(id)
    }

    async fn abort_file(&self, writer: Writer) {
        self.host.abort_file(writer).await;
    }

    fn keep_bytes(&self) -> Option<u64> {
        self.host.keep_bytes()
    }

    async fn keep_file(&self, writer: &Writer) -> Result<String, Fault> {
        self.host.keep_file(writer).await
    }

    async fn resume_file(&self, id: &str, filename: &str, kept: &str) -> Result<Writer, Fault> {
        self.host.resume_file(id, filename, kept).await
    }

    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault> {
        count(&self.calls, true);
        self.host.infer(request).await
    }

    fn has_pools(&self) -> bool {
        self.host.has_pools()
    }

    fn pool(&self, model: &str) -> String {
        self.host.pool(model)
    }

    fn allowance(&self, pool: Option<&str>) -> Option<u32> {
        self.host.allowance(pool)
    }

    async fn has_model(&self, model: &str) -> Result<bool, Fault> {
        self.host.has_model(model).await
    }
}
