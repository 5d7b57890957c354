//! The machine's state between turns, as it is stored. Its size depends on the requests in flight,
//! never on the length of the file.

use crate::batch::account::Account;
use crate::digest::SavedDigest;
use crate::error::ApiError;
use crate::json::record::{FromValue, member, record};
use crate::json::value::{Value, to_json};
use crate::wire::{Batch, BatchErrors, Usage};
use serde::Serialize;

use crate::result::checksum;
use crate::result::outcome::Tally;

/// The layout written today. A layout this build does not know is refused, not guessed at.
pub const CHECKPOINT_VERSION: u32 = 1;

/// Everything a later turn needs.
#[derive(Debug, Serialize)]
pub(super) struct Checkpoint {
    version: u32,
    pub(super) batch: Batch,
    pub(super) phase: SavedPhase,
    pub(super) account: Account,
}

/// Where the batch stands, with what only that phase needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SavedPhase {
    Validating,
    Reusing(Box<SavedReuse>),
    Matching {
        bytes: u64,
        models: Vec<String>,
    },
    Planning {
        bytes: u64,
        models: Vec<String>,
    },
    Running(Box<SavedRun>),
    Repeating(Box<SavedRepeats>),
    Finalizing {
        chunks: u32,
        ending: Ending,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<Box<SavedFiles>>,
    },
    Cleaning,
}

/// How a batch all of whose requests have ended will end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    Completed,
    Expired,
    /// The input file is gone for good: what was finished is kept.
    Failed(BatchErrors),
}

/// How far a run came. Results of chunks named here or later are found in the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SavedRun {
    pub(super) input_bytes: u64,
    /// Where the first chunk starts that is not read to its end.
    pub(super) next: ChunkStart,
    /// Chunks before `next` with requests that have no result yet.
    pub(super) open: Vec<ChunkSpan>,
    /// Results of all other chunks before `next`.
    pub(super) closed: Tally,
    /// Requests that wait to be tried again, as a clean end of a turn left them.
    pub(super) waiting: Vec<SavedWait>,
    /// How the server was doing: [`Window::saved`](super::running::window::Window::saved) and
    /// [`Health::saved`](super::running::whose_fault::Health::saved).
    pub(super) server: Option<SavedServer>,
    /// The models of the file, where the host has pools of model servers, in the order in which they are met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) models: Vec<String>,
    /// As `server`, of each pool.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pools: Vec<SavedPool>,
}

/// How the servers of one pool were doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SavedPool {
    pub(super) name: String,
    pub(super) server: SavedServer,
}

/// Three numbers of a window and two of a health.
pub(super) type SavedServer = [u64; 5];

/// How far a batch came that takes over results of another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SavedReuse {
    pub(super) input_bytes: u64,
    /// What validation found.
    pub(super) total: u64,
    pub(super) model: Option<String>,
    pub(super) models: Vec<String>,
    /// The first chunk that is not done with.
    pub(super) next: ChunkStart,
    /// Groups of results that are stored of it.
    pub(super) group: u32,
    /// The batches that have results; absent until all are found.
    pub(super) past: Option<Vec<SavedPast>>,
    /// Completed, failed and not run, and tokens: [`Reused`](crate::wire::Reused).
    pub(super) reused: ([u64; 3], Usage),
    /// Requests that are none of this batch.
    pub(super) skipped: u64,
    /// Bytes of lines in order before `next`; none where no order is kept.
    pub(super) order: Option<u64>,
}

/// A batch that has results, and where its output and error files stand.
pub(super) type SavedPast = (String, Option<SavedTape>, Option<SavedTape>);

/// A result file: its id and size, and the offset and number of the next line.
pub(super) type SavedTape = (String, [u64; 3]);

/// How far a batch came that gives requests the answers of those that they repeat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SavedRepeats {
    /// Of the files that come next.
    pub(super) chunks: u32,
    pub(super) ending: Ending,
    /// Completed and failed, all requests of the batch so far.
    pub(super) counts: [u64; 2],
    /// The key of the last record of repeats that is done with, and how many bytes of the next are.
    pub(super) after: Option<String>,
    pub(super) done: u64,
}

/// How far the files of a batch came, as the host keeps them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SavedFiles {
    /// The first chunk whose results are not in them.
    pub(super) next: u32,
    /// The results that are.
    pub(super) tally: Tally,
    /// None of one that has no bytes yet.
    pub(super) output: Option<SavedFile>,
    pub(super) error: Option<SavedFile>,
}

/// A file as the host keeps it, and what is known of its bytes.
pub(super) type SavedFile = (String, SavedDigest);

/// Where a chunk starts; where it ends follows from that and the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ChunkStart {
    pub(super) chunk: u32,
    pub(super) offset: u64,
    pub(super) line: u64,
}

/// Where every file begins.
pub(super) const FIRST_CHUNK: ChunkStart = ChunkStart { chunk: 0, offset: 0, line: 1 };

/// A chunk that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ChunkSpan {
    pub(super) start: ChunkStart,
    pub(super) end: u64,
}

/// A request that was tried and will be again: its line, when it is due (Unix milliseconds), and its
/// [`Tries`](super::running::whose_fault::Tries::saved).
pub(super) type SavedWait = [u64; 5];

record!(Checkpoint { version, batch, phase; account });
record!(SavedRun { input_bytes, next, open, closed, waiting; server, models, pools });
record!(SavedPool { name, server });
record!(SavedReuse { input_bytes, total, model, models, next, group, past, reused, skipped, order });
record!(SavedRepeats { chunks, ending, counts, after, done });
record!(SavedFiles { next, tally; output, error });
record!(ChunkStart { chunk, offset, line });
record!(ChunkSpan { start, end });

/// A name, or an object whose one member has it: as enums are written.
fn variant(value: &Value) -> Option<(&str, &Value)> {
    match value {
        Value::String(name) => Some((name, &Value::Null)),
        Value::Object(members) => match &members[..] {
            [(Value::String(name), content)] => Some((name, content)),
            _ => None,
        },
        _ => None,
    }
}

impl FromValue for SavedPhase {
    fn from_value(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        Some(match name {
            "validating" => Self::Validating,
            "reusing" => Self::Reusing(FromValue::from_value(content)?),
            "running" => Self::Running(FromValue::from_value(content)?),
            "matching" => {
                Self::Matching { bytes: member(content, "bytes")?, models: member(content, "models")? }
            }
            "planning" => {
                Self::Planning { bytes: member(content, "bytes")?, models: member(content, "models")? }
            }
            "repeating" => Self::Repeating(FromValue::from_value(content)?),
            "finalizing" => {
                let (chunks, ending) = (member(content, "chunks")?, member(content, "ending")?);
                Self::Finalizing { chunks, ending, kept: member(content, "kept")? }
            }
            "cleaning" => Self::Cleaning,
            _ => return None,
        })
    }
}

impl FromValue for Ending {
    fn from_value(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        Some(match name {
            "completed" => Self::Completed,
            "expired" => Self::Expired,
            "failed" => Self::Failed(FromValue::from_value(content)?),
            _ => return None,
        })
    }
}

impl Checkpoint {
    pub(super) fn new(batch: Batch, phase: SavedPhase, account: Account) -> Self {
        Self { version: CHECKPOINT_VERSION, batch, phase, account }
    }

    /// JSON, followed by a checksum.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = to_json(self);
        let sum = checksum::of(&bytes, &[]);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// # Errors
    /// When the stored bytes are no checkpoint, or one of a later version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let json = checksum::checked(bytes, &[]).ok_or(Unreadable::Damaged)?;
        let value = Value::from_json(json).map_err(|_| Unreadable::Damaged)?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version != u64::from(CHECKPOINT_VERSION) => Err(Unreadable::Version(version)),
            _ => Self::from_value(&value).ok_or(Unreadable::Damaged),
        }
    }
}

/// Why a stored checkpoint cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// Its bytes are not those that were written. What it said can be worked out again from the batch and its
    /// results.
    Damaged,
    /// It has the layout of another build, which may read it.
    Version(u64),
}

impl From<Unreadable> for ApiError {
    fn from(unreadable: Unreadable) -> Self {
        Self::internal(match unreadable {
            Unreadable::Damaged => "the stored checkpoint is damaged".to_owned(),
            Unreadable::Version(version) => {
                format!(
                    "the stored checkpoint has version {version}; this build reads version {CHECKPOINT_VERSION}"
                )
            }
        })
    }
}
