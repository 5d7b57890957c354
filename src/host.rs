//! What the core asks of the platform it runs on. Implemented over JavaScript imports in `wasm/`, and by a
//! scripted host in the tests.
//!
//! A host never retries, orders or decides: it maps what happened to a [`Fault`] and stops there.

use crate::limits::LISTED;
use crate::wire::FileObject;

/// A model server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// The server's id of the request, if it gave one.
    pub request_id: Option<String>,
    /// How long the server asked to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Why a host could not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What trying again would help.
    pub kind: FaultKind,
    /// For people and for a batch's errors.
    pub message: String,
}

/// Sorts faults by what helps against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The thing asked for does not exist; trying again does not help.
    Missing,
    /// No answer in time; trying again may help.
    Timeout,
    /// Refused for good; trying again does not help.
    Terminal,
    /// The answer is larger than is taken.
    TooLarge,
    /// The model server redirects every request elsewhere.
    Refused,
    /// The host has sent nothing, as others had to be served first: no try was made. Of [`Host::infer`] alone.
    NotSent,
    /// Anything else; trying again may help.
    Transient,
}

impl Fault {
    /// A fault that may pass.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Transient, message: message.into() }
    }

    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, FaultKind::Transient | FaultKind::Timeout)
    }
}

/// Entries of the key-value store, in key order or its reverse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvPage {
    /// Keys and values.
    pub entries: Vec<(String, Vec<u8>)>,
    /// Whether entries follow.
    pub more: bool,
}

/// Which entries to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvQuery {
    /// Keys start with this.
    pub prefix: String,
    /// Exclusive; need not exist.
    pub after: Option<String>,
    /// At most this many; a host may give fewer and say that more follow.
    pub limit: u32,
    /// Last key first.
    pub reverse: bool,
}

/// A write that a store carries out all or nothing with others, where it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvWrite<'a> {
    /// Set a key.
    Set(&'a str, &'a [u8]),
    /// Delete a key.
    Delete(&'a str),
}

/// What a key must hold for a write to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvCheck<'a> {
    /// The key.
    pub key: &'a str,
    /// Its value; none when it must be absent.
    pub value: Option<&'a [u8]>,
}

/// One call to the model.
#[derive(Clone, Copy, Debug)]
pub struct Inference<'a> {
    /// The endpoint's path.
    pub url: &'a str,
    /// The JSON body.
    pub body: &'a [u8],
    /// The same for every try of the same line.
    pub idempotency_key: &'a str,
    /// Which pool of model servers is to answer, of those that [`Host::pool`] names; none where the host is to see by the
    /// model in the body.
    pub pool: Option<&'a str>,
}

/// The platform. Futures need not be `Send`: one turn is one task.
#[allow(async_fn_in_trait)]
pub trait Host {
    /// A file being written.
    type Writer;

    /// Unix milliseconds.
    fn now(&self) -> u64;
    /// Fresh randomness.
    fn random(&self) -> u64;
    /// Resolves after `ms` milliseconds.
    async fn sleep(&self, ms: u64);
    /// As `sleep`, but may resolve early because a batch was created or cancelled, and need not keep the
    /// platform awake.
    async fn idle(&self, ms: u64);
    /// The platform wants the driver to stop.
    fn stop_requested(&self) -> bool;
    /// [`serve`](crate::driver::serve) cannot continue with a batch for now, or with any of them (no id). It tries again
    /// by itself; the message is for people.
    fn faulted(&self, id: Option<&str>, message: &str);

    /// A stored value.
    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault>;
    /// Whether [`kv_write`](Self::kv_write) takes checks. A store that cannot is served by one process alone, which is
    /// the host's to see to.
    fn kv_checks(&self) -> bool;
    /// Writes in order, durable once acknowledged; all or nothing where the store can. With checks: all or nothing, and only
    /// if each holds. Whether it was carried out: a check that fails is an answer and no fault.
    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault>;
    /// Some stored entries.
    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault>;
    /// As `kv_list`, where nobody looks at the values: they may be empty. A host that reads them all the same gives few at a
    /// time.
    async fn kv_keys(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        self.kv_list(&KvQuery { limit: query.limit.min(LISTED), ..query.clone() }).await
    }

    /// From now on the input stays for this batch, whoever deletes it; nothing where files cannot be held, or there is
    /// no such file.
    async fn hold_input(&self, batch: &str, file_id: &str) -> Result<(), Fault>;
    /// The batch has ended: its input is held for it no longer. What fails here the host makes up for.
    async fn release_input(&self, batch: &str);
    /// What is known of a file. A batch that reads its input names itself: for it the file stays, whoever deletes it.
    async fn find_file(&self, id: &str, batch: Option<&str>) -> Result<Option<FileObject>, Fault>;
    /// Bytes of a file, fewer only at its end; `batch` as in [`find_file`](Self::find_file).
    async fn read_file(
        &self,
        id: &str,
        offset: u64,
        length: u64,
        batch: Option<&str>,
    ) -> Result<Vec<u8>, Fault>;
    /// Starts a file under this id; nothing is visible before it is completed.
    async fn create_file(&self, id: &str, filename: &str) -> Result<Self::Writer, Fault>;
    /// Appends.
    async fn write_file(&self, writer: &Self::Writer, bytes: &[u8]) -> Result<(), Fault>;
    /// Makes the file visible; its id, should the host have chosen another.
    async fn complete_file(&self, writer: &Self::Writer) -> Result<String, Fault>;
    /// Throws the file away; one that is completed stays, and what was kept of it too.
    async fn abort_file(&self, writer: Self::Writer);
    /// After how many bytes the files of a batch are to be kept while they are written, so that a turn which is cut off has
    /// not written all of them for nothing; none where [`keep_file`](Self::keep_file) cannot.
    fn keep_bytes(&self) -> Option<u64> {
        None
    }
    /// Keeps what was written so far, beyond the end of the process. Nothing is visible yet. What is given is all that
    /// [`resume_file`](Self::resume_file) needs; writing goes on.
    async fn keep_file(&self, _writer: &Self::Writer) -> Result<String, Fault> {
        Err(Fault { kind: FaultKind::Terminal, message: "files cannot be kept".to_owned() })
    }
    /// Starts a file under this id with what was kept of it. A fault that cannot pass, where that is not there any more.
    async fn resume_file(&self, _id: &str, _filename: &str, _kept: &str) -> Result<Self::Writer, Fault> {
        Err(Fault { kind: FaultKind::Terminal, message: "files cannot be kept".to_owned() })
    }

    /// Calls the model. Dropping the future aborts the call.
    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault>;
    /// Whether [`pool`](Self::pool) tells models apart.
    fn has_pools(&self) -> bool {
        false
    }
    /// The pool of model servers that answers a model. Each is run at a pace of its own.
    fn pool(&self, _model: &str) -> String {
        String::new()
    }
    /// How many requests of a pool this batch may have in flight now, where the host bounds them: what is above a lower
    /// number than before is let end.
    fn allowance(&self, _pool: Option<&str>) -> Option<u32> {
        None
    }
    /// Whether a model may be used.
    async fn has_model(&self, model: &str) -> Result<bool, Fault>;
}
