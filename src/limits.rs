//! Every number of the core, with its reason.

use serde::{Deserialize, Serialize};

/// Requests in one file. OpenAI's documented limit.
pub const MAX_REQUESTS: u64 = 50_000;
/// Parts of [`MAX_REQUESTS`] that a file may have where it is to be split: a million requests, whose ids take 24 MiB to check.
pub const MAX_PARTS: u32 = 20;
/// Bytes of one input file. OpenAI's 200 MB is 200 MiB exactly (contract §3).
pub const MAX_FILE_BYTES: u64 = 209_715_200;
/// Bytes of one line: long contexts with images inlined fit, and a few lines in flight fit an isolate.
pub const MAX_LINE_BYTES: usize = 8 << 20;
/// Nested arrays and objects of one line: far above real requests, and it fits two machine words.
pub const MAX_DEPTH: usize = 128;
/// Characters of a `custom_id`. OpenAI names none; this is room for a URL.
pub const MAX_CUSTOM_ID_CHARS: usize = 512;
/// Ids that a repair remembers, so that it knows one that is used again: 96 MiB of them. Later ones are compared with these.
pub const MAX_REPAIRED_IDS: u64 = 4 << 20;
/// First bytes of a file by which it is told what it is: the header of a table, and some of its records.
pub const SNIFF_BYTES: usize = 16 << 10;
/// Errors kept of a file; the rest are counted. More help no one and must fit one stored value.
pub const MAX_ERRORS_KEPT: usize = 1_000;

/// Pairs of metadata (contract §1).
pub const MAX_METADATA_PAIRS: usize = 16;
/// Characters of a metadata key.
pub const MAX_METADATA_KEY_CHARS: usize = 64;
/// Characters of a metadata value.
pub const MAX_METADATA_VALUE_CHARS: usize = 512;
/// `limit` of a list when none is given.
pub const DEFAULT_PAGE: u32 = 20;
/// Largest `limit` of a list.
pub const MAX_PAGE: u32 = 100;
/// The `completion_window` there is unless the settings name others.
pub const COMPLETION_WINDOW: &str = "24h";
/// Seconds a batch may take, unless the settings say otherwise.
pub const COMPLETION_WINDOW_SECONDS: u64 = 86_400;
/// The longest window that may be set, 30 days: as long as files of batches are kept.
pub const MAX_COMPLETION_WINDOW_SECONDS: u64 = 2_592_000;

/// The shortest lifetime of a file that `expires_after` may ask for.
pub const MIN_FILE_LIFETIME_SECONDS: u64 = 3_600;
/// The longest one, 30 days; files of batches have it where nothing is asked for.
pub const MAX_FILE_LIFETIME_SECONDS: u64 = 2_592_000;

/// Bytes read from the input at once: large enough that a read's overhead vanishes, small beside an isolate.
pub const READ_BYTES: u64 = 256 << 10;
/// Reads by which a whole file is gone through, if the pieces need not be larger than [`MAX_READ_BYTES`] for it. Each takes some 30 ms where
/// files are far away, and a check that is cut off begins again.
pub const READS: u64 = 4_096;
/// The largest piece that is read at once.
pub const MAX_READ_BYTES: u64 = 2 << 20;
/// Pools of model servers that one run paces apart; the models of any more are paced with the first. Each reads the file by
/// itself, through a buffer of its own.
pub const MAX_POOLS: usize = 16;
/// Models whose pools are remembered; requests of any more are paced with the first.
pub const MAX_ROUTED_MODELS: usize = 64;
/// Bytes of the name of a model whose pool is remembered.
pub const MAX_ROUTED_MODEL_BYTES: usize = 512;
/// How many chunks one pool may be read ahead of another: what is known of a chunk takes a few hundred bytes.
pub const MAX_CHUNKS_AHEAD: u32 = 1_024;
/// Batches that may have continued one another without merging: each has two files, which are read side by side.
pub const MAX_CONTINUED: usize = 16;
/// Seconds of waiting that a level of priority is worth. With 20 levels between the extremes the lowest is passed by what is made
/// within 20 hours after it, and runs within the window of 24 hours where the others leave it time.
pub const PRIORITY_SECONDS: u64 = 3_600;
/// The highest priority of a batch; the lowest is as far below 0.
pub const MAX_PRIORITY: i64 = 10;
/// Batches whose priorities are compared, the oldest ones: each is read, and where nobody asks for a priority none is.
pub const MAX_RANKED: u32 = 1_000;
/// How long a request waits that the host has not sent, as others went first.
pub const NOT_SENT_MS: u64 = 250;
/// Requests of one chunk, the unit of bookkeeping: its results are merged in memory when the files are written.
pub const CHUNK_REQUESTS: u32 = 256;
/// Input bytes of one chunk, so that re-reading one after a restart stays cheap.
pub const CHUNK_BYTES: u64 = 1 << 20;
/// Results written at once, at most this many...
pub const SAVE_RESULTS: usize = 64;
/// ...or this many bytes: a stored value may be limited to 2 MB (Durable Objects).
pub const SAVE_BYTES: usize = 1 << 20;
/// A result waits at most this long for others before it is written.
pub const SAVE_AFTER_MS: u64 = 250;
/// While requests run, users see their counts rise so often: each time is a write where others read it.
pub const PUBLISH_MS: u64 = 500;
/// A result line above this is stored under a key of its own, so that merging a chunk stays bounded.
pub const LARGE_RESULT_BYTES: usize = 64 << 10;
/// Bytes of one stored part of a large result.
pub const LARGE_PART_BYTES: usize = 1 << 20;
/// Bytes gathered before a part of an output file is written.
pub const WRITE_BYTES: usize = 1 << 20;
/// Stored entries that are read at once: results come in groups of up to a mebibyte.
pub const LISTED: u32 = 16;
/// Records of the order of results that are read at once.
pub const ORDER_RECORDS: u32 = 64;
/// Bytes of lines in one page of results; a longer line comes alone.
pub const RESULTS_PAGE_BYTES: usize = 1 << 20;
/// Lines in one page of results, at most and where no `limit` is given.
pub const MAX_RESULTS_PAGE: u32 = 10_000;
/// Bytes of one answer body. Above it the line fails: what comes back must fit an isolate with its neighbours.
pub const MAX_RESPONSE_BYTES: usize = 8 << 20;

/// First delay between tries of one request; doubles, with full jitter.
pub const RETRY_BASE_MS: u64 = 500;
/// Longest delay between tries that the upstream did not ask for.
pub const RETRY_CAP_MS: u64 = 60_000;
/// Longest wait that an upstream may ask for; after it a single request asks again. Nobody's rate limit is longer, and
/// ten years in a header are a mistake.
pub const RETRY_AFTER_CAP_MS: u64 = 600_000;
/// Connections lost in a row, without an answer between them, that are the server's trouble and not the network's: one of so many
/// that may be in flight. A window of no more has each of them count.
pub const LOSSES_IN_A_ROW: u32 = 16;
/// What an answer adds to a large window: a sixteenth of it in a round of answers. By one in a round, a window of hundreds
/// that was halved once took an hour to come back.
pub const WINDOW_GROWTH: f64 = 1.0 / 16.0;
/// A wait from this on is shown in the batch.
pub const TOLD_WAIT_MS: u64 = 2_000;
/// First delay before a failed host call is repeated; doubles.
pub const HOST_RETRY_BASE_MS: u64 = 100;
/// Longest such delay.
pub const HOST_RETRY_CAP_MS: u64 = 10_000;
/// A host call that failed this often ends the turn; the next turn resumes from the checkpoint.
pub const HOST_ATTEMPTS: u32 = 6;
/// As [`HOST_ATTEMPTS`], for writes to the store: about a minute. A turn that ends without them makes the
/// calls of all results it holds again.
pub const SAVE_ATTEMPTS: u32 = 12;
/// How often a running turn looks whether its batch was cancelled. Cancel must be seen within a second.
pub const CANCEL_POLL_MS: u64 = 500;
/// How often a paused batch is looked at that nobody says goes on.
pub const PAUSED_POLL_MS: u64 = 1_000;
/// The same where its host is told when it goes on, and it has no window.
pub const PAUSE_LOOK_MS: u64 = 3_600_000;
/// How long an export waits for calls in flight before it says that it is to be asked for again.
pub const FENCE_WAIT_MS: u64 = 20_000;
/// Bytes of one frame of an exported batch: above any record, and the largest checkpoint.
pub const MAX_FRAME_BYTES: usize = 16 << 20;
/// After how long an import that stores nothing more was cut off, and what it stored is cleared away.
pub const IMPORT_STALE_MS: u64 = 600_000;
/// How long a batch stays with an owner that does not renew its lease. Another takes over after it, so it bounds what a crash costs.
pub const LEASE_MS: u64 = 10_000;
/// The shortest lease that may be set, in milliseconds.
pub const MIN_LEASE_MS: u64 = 1_000;
/// How far clocks of several machines may differ before a lease is taken for one that was left long ago.
pub const LEASE_SKEW_MS: u64 = 60_000;

/// Limits a host may raise or lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct Limits {
    /// See [`MAX_REQUESTS`].
    pub max_requests: u64,
    /// See [`MAX_FILE_BYTES`].
    pub max_file_bytes: u64,
    /// See [`MAX_LINE_BYTES`].
    pub max_line_bytes: usize,
    /// See [`MAX_ERRORS_KEPT`].
    pub max_errors: usize,
    /// See [`MAX_RESPONSE_BYTES`].
    pub max_response_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_requests: MAX_REQUESTS,
            max_file_bytes: MAX_FILE_BYTES,
            max_line_bytes: MAX_LINE_BYTES,
            max_errors: MAX_ERRORS_KEPT,
            max_response_bytes: MAX_RESPONSE_BYTES,
        }
    }
}
