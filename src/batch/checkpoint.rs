//! The machine's state between turns, as it is stored. Its size depends on the requests in flight,
//! never on the length of the file.

use crate::error::ApiError;
use crate::json::{self, Json, Unfit, object};
use crate::object::{Batch, BatchErrors};
use crate::scan::Value;

use super::results::Tally;

/// The layout written today. A layout this build does not know is refused, not guessed at.
const VERSION: u32 = 1;

/// Everything a later turn needs.
#[derive(Debug)]
pub(super) struct Checkpoint {
    version: u32,
    pub(super) batch: Batch,
    pub(super) phase: SavedPhase,
}

/// Where the batch stands, with what only that phase needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SavedPhase {
    Validating,
    Running(SavedRun),
    Finalizing { chunks: u32, ending: Ending },
    Cleaning,
}

/// How a batch whose requests are all done with will end.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    Completed,
    Expired,
    /// The input file is gone for good: what was finished is kept.
    Failed(BatchErrors),
}

/// How far a run came. Results of chunks named here or later are found in the store.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SavedRun {
    pub(super) input_bytes: u64,
    /// Where the first chunk starts that is not read to its end.
    pub(super) next: ChunkStart,
    /// Chunks before `next` with requests not done with.
    pub(super) open: Vec<ChunkSpan>,
    /// Results of all other chunks before `next`.
    pub(super) closed: Tally,
    /// Requests that wait to be tried again, as a clean end of a turn left them.
    pub(super) waiting: Vec<Waiting>,
}

/// Where a chunk starts; where it ends follows from that and the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkStart {
    pub(super) chunk: u32,
    pub(super) offset: u64,
    pub(super) line: u64,
}

/// A chunk that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkSpan {
    pub(super) start: ChunkStart,
    pub(super) end: u64,
}

/// A request that was tried and will be again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) line: u64,
    pub(super) attempts: u32,
    /// Unix milliseconds.
    pub(super) due: u64,
}

object! { Checkpoint { version: "version", batch: "batch", phase: "phase" } }
object! { SavedRun {
    input_bytes: "input_bytes", next: "next", open: "open", closed: "closed", waiting: "waiting",
} }
object! { ChunkStart { chunk: "chunk", offset: "offset", line: "line" } }
object! { ChunkSpan { start: "start", end: "end" } }
object! { Waiting { line: "line", attempts: "attempts", due: "due" } }

/// What [`SavedPhase::Finalizing`] holds.
struct SavedEnd {
    chunks: u32,
    ending: Ending,
}
object! { SavedEnd { chunks: "chunks", ending: "ending" } }

/// A phase that holds nothing is a word, one that does an object of one member.
impl Json for SavedPhase {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Validating => json::push_string(out, "validating"),
            Self::Running(run) => write_tagged(out, "running", run),
            Self::Finalizing { chunks, ending } => {
                let end = SavedEnd { chunks: *chunks, ending: ending.clone() };
                write_tagged(out, "finalizing", &end);
            }
            Self::Cleaning => json::push_string(out, "cleaning"),
        }
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        match value.text().as_deref() {
            Some("validating") => return Ok(Self::Validating),
            Some("cleaning") => return Ok(Self::Cleaning),
            _ => {}
        }
        let mut phase = Err(Unfit(""));
        json::each_member(value, &mut |tag, value| {
            phase = Ok(match &*tag {
                "running" => Self::Running(json::member("running", value)?),
                "finalizing" => {
                    let SavedEnd { chunks, ending } = json::member("finalizing", value)?;
                    Self::Finalizing { chunks, ending }
                }
                _ => return Err(Unfit("")),
            });
            Ok(())
        })?;
        phase
    }
}

impl Json for Ending {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Completed => json::push_string(out, "completed"),
            Self::Expired => json::push_string(out, "expired"),
            Self::Failed(errors) => write_tagged(out, "failed", errors),
        }
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        match value.text().as_deref() {
            Some("completed") => return Ok(Self::Completed),
            Some("expired") => return Ok(Self::Expired),
            _ => {}
        }
        let mut ending = Err(Unfit(""));
        json::each_member(value, &mut |tag, value| {
            if tag == "failed" {
                ending = Ok(Self::Failed(json::member("failed", value)?));
            }
            Ok(())
        })?;
        ending
    }
}

fn write_tagged(out: &mut Vec<u8>, tag: &str, value: &impl Json) {
    out.push(b'{');
    json::push_string(out, tag);
    out.push(b':');
    value.write(out);
    out.push(b'}');
}

impl Checkpoint {
    pub(super) fn new(batch: Batch, phase: SavedPhase) -> Self {
        Self { version: VERSION, batch, phase }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        json::to_vec(self)
    }

    /// # Errors
    /// When the stored bytes are no checkpoint, or one of a later version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ApiError> {
        struct Versioned {
            version: u32,
        }
        object! { Versioned { version: "version" } }
        let unreadable = |e| ApiError::internal(format!("the stored checkpoint cannot be read: {e}"));
        let Versioned { version } = json::from_slice(bytes).map_err(unreadable)?;
        if version != VERSION {
            return Err(ApiError::internal(format!(
                "the stored checkpoint has version {version}; this build reads version {VERSION}"
            )));
        }
        json::from_slice(bytes).map_err(unreadable)
    }
}
