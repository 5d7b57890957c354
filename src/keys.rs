//! The layout of keys in the store. Each key has one writer once its batch exists:
//! the service writes `cancel:`, `pause:` and `watch:`, the batch's owner writes all others. A host that runs each batch in a store of its own
//! may keep there what nobody else reads.

/// Who writes a record once its batch exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The calls of users.
    Service,
    /// The batch's run.
    Run,
}

/// What the keys of all records begin with, who writes them, and whether nobody but the batch's run reads them.
pub const PREFIXES: [(&str, Owner, bool); 19] = [
    (BATCH_PREFIX, Owner::Run, false),
    (RUN_PREFIX, Owner::Run, false),
    (LEASE_PREFIX, Owner::Run, false),
    (CHECKPOINT_PREFIX, Owner::Run, true),
    (RESULT_PREFIX, Owner::Run, true),
    (LARGE_PREFIX, Owner::Run, true),
    (ORDER_PREFIX, Owner::Run, true),
    (REPEAT_PREFIX, Owner::Run, true),
    (PLAN_PREFIX, Owner::Run, true),
    (EVENT_PREFIX, Owner::Run, false),
    (MANIFEST_PREFIX, Owner::Run, false),
    (CANCEL_PREFIX, Owner::Service, false),
    (WATCH_PREFIX, Owner::Service, false),
    (PAUSE_PREFIX, Owner::Service, false),
    (IDEMPOTENCY_PREFIX, Owner::Service, false),
    (NEWEST, Owner::Service, false),
    (PRIORITIES, Owner::Service, false),
    (IMPORTING_PREFIX, Owner::Service, false),
    (IMPORTED_PREFIX, Owner::Service, false),
];

/// The batch, as a user may read it.
pub fn batch(id: &str) -> String {
    format!("{BATCH_PREFIX}{id}")
}

/// Prefix of all batches; ids sort by creation.
pub const BATCH_PREFIX: &str = "batch:";

/// The first checkpoint of a batch that has not ended. Its presence is what makes a batch run.
pub fn run(id: &str) -> String {
    format!("{RUN_PREFIX}{id}")
}

/// Prefix of all batches that have not ended.
pub const RUN_PREFIX: &str = "run:";

/// The latest checkpoint of a batch, once there is one besides the first.
pub fn checkpoint(id: &str) -> String {
    format!("{CHECKPOINT_PREFIX}{id}")
}

const CHECKPOINT_PREFIX: &str = "checkpoint:";

/// Who runs a batch, and until when.
pub fn lease(id: &str) -> String {
    format!("{LEASE_PREFIX}{id}")
}

const LEASE_PREFIX: &str = "lease:";

/// The newest batch's id: the next one's is above it.
pub const NEWEST: &str = "newest";

/// That some batch has had a priority: only then are those of all looked at.
pub const PRIORITIES: &str = "priorities";

/// That a batch is to be cancelled: a [`Wish`](crate::wire::Wish).
pub fn cancel(id: &str) -> String {
    format!("{CANCEL_PREFIX}{id}")
}

/// Prefix of all cancels not yet carried out.
pub const CANCEL_PREFIX: &str = "cancel:";

/// That a batch is paused, or on its way to another host: a [`Hold`](crate::wire::Hold).
pub fn pause(id: &str) -> String {
    format!("{PAUSE_PREFIX}{id}")
}

const PAUSE_PREFIX: &str = "pause:";

/// That a batch comes from another host, whose results are being stored: who does so, and when the last were.
pub fn importing(id: &str) -> String {
    format!("{IMPORTING_PREFIX}{id}")
}

/// Prefix of all batches that come from another host.
pub const IMPORTING_PREFIX: &str = "importing:";

/// What a batch last came by, the size and SHA-256 of a stream, or went by, a fence: by that it does not come again.
pub fn imported(id: &str) -> String {
    format!("{IMPORTED_PREFIX}{id}")
}

const IMPORTED_PREFIX: &str = "imported:";

/// What only the run of a batch reads, but for its checkpoint.
pub(crate) fn of_run(id: &str) -> [String; 4] {
    [results(id), large_results(id), orders(id), repeats(id)]
}

/// That somebody follows the results of a batch in the order in which they come.
pub fn watch(id: &str) -> String {
    format!("{WATCH_PREFIX}{id}")
}

const WATCH_PREFIX: &str = "watch:";

/// The event of a batch's end, until it is told.
pub fn event(id: &str) -> String {
    format!("{EVENT_PREFIX}{id}")
}

const EVENT_PREFIX: &str = "event:";

/// What a batch is told by, once it has ended.
pub fn manifest(id: &str) -> String {
    format!("{MANIFEST_PREFIX}{id}")
}

const MANIFEST_PREFIX: &str = "manifest:";

/// Which batch an idempotency key belongs to. The key is hashed: a user's text must not end up in a key of the store.
pub fn idempotency(key_hash: u128) -> String {
    format!("{IDEMPOTENCY_PREFIX}{key_hash:032x}")
}

/// All results of a batch.
pub(crate) fn results(id: &str) -> String {
    format!("{RESULT_PREFIX}{id}:")
}

/// All results of one chunk.
pub(crate) fn chunk_results(id: &str, chunk: u32) -> String {
    format!("{RESULT_PREFIX}{id}:{chunk:08x}:")
}

/// One group of results; the earliest group that holds a request's result is the one that counts.
pub(crate) fn result_group(id: &str, chunk: u32, group: u32) -> String {
    format!("{RESULT_PREFIX}{id}:{chunk:08x}:{group:06x}")
}

/// The group number in a key of [`result_group`].
pub(crate) fn group_of(key: &str) -> Option<u32> {
    last_number(key).map(|group| group as u32)
}

/// The number that a key ends with.
pub(crate) fn last_number(key: &str) -> Option<u64> {
    number(key, 0)
}

/// A number in a key, counted from its end.
fn number(key: &str, at: usize) -> Option<u64> {
    u64::from_str_radix(key.rsplit(':').nth(at)?, 16).ok()
}

/// All parts of results too large for a group.
pub(crate) fn large_results(id: &str) -> String {
    format!("{LARGE_PREFIX}{id}:")
}

/// All parts of one large result.
pub(crate) fn large_result(id: &str, chunk: u32, index: u32) -> String {
    format!("{LARGE_PREFIX}{id}:{chunk:08x}:{index:04x}:")
}

/// One part of a large result.
pub(crate) fn large_part(id: &str, chunk: u32, index: u32, part: usize) -> String {
    format!("{LARGE_PREFIX}{id}:{chunk:08x}:{index:04x}:{part:06x}")
}

/// In which order all groups of a batch were written.
pub(crate) fn orders(id: &str) -> String {
    format!("{ORDER_PREFIX}{id}:")
}

/// Which groups were written at once; `at` is how many bytes of lines came before them.
pub(crate) fn order(id: &str, at: u64) -> String {
    format!("{ORDER_PREFIX}{id}:{at:016x}")
}

/// The number of bytes in a key of [`order`].
pub(crate) fn order_at(key: &str) -> Option<u64> {
    last_number(key)
}

/// The number of the group that has the lines of some repeats of one chunk, `index` being the first of them: each repeat is
/// in one such group. They come after all others.
pub(crate) const fn repeats_group(index: u32) -> u32 {
    REPEATS_GROUP + index
}

/// Groups from here on have lines of repeats.
pub(crate) const REPEATS_GROUP: u32 = 0xFF_FF00;

/// All repeats of a batch, by the chunk of the request that they repeat.
pub(crate) fn repeats(id: &str) -> String {
    format!("{REPEAT_PREFIX}{id}:")
}

/// Those in `chunk` that repeat a request of the chunk `first`.
pub(crate) fn repeats_in(id: &str, first: u32, chunk: u32) -> String {
    format!("{REPEAT_PREFIX}{id}:{first:08x}:{chunk:08x}")
}

/// The two chunks in a key of [`repeats_in`].
pub(crate) fn repeated_chunks(key: &str) -> Option<(u32, u32)> {
    Some((number(key, 1)? as u32, number(key, 0)? as u32))
}

/// In which order the requests of a batch are sent, where that is not the order of its file.
pub(crate) fn plans(id: &str) -> String {
    format!("{PLAN_PREFIX}{id}:")
}

/// All parts of one section of it.
pub(crate) fn plan_section(id: &str, section: u32) -> String {
    format!("{PLAN_PREFIX}{id}:{section:06x}:")
}

/// One part of a section.
pub(crate) fn plan_part(id: &str, section: u32, part: usize) -> String {
    format!("{PLAN_PREFIX}{id}:{section:06x}:{part:02x}")
}

const IDEMPOTENCY_PREFIX: &str = "idempotency:";
const RESULT_PREFIX: &str = "result:";
const LARGE_PREFIX: &str = "large:";
const ORDER_PREFIX: &str = "order:";
const REPEAT_PREFIX: &str = "repeat:";
const PLAN_PREFIX: &str = "plan:";
