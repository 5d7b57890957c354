//! What the machine asks of its driver and what the driver answers: plain data, nothing else.

pub use crate::result::outcome::OutputFile;

use crate::host::{Answer, Fault, KvQuery};
use crate::wire::{Batch, FileObject, Wish};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Names a command until its reply comes. Never used twice within a turn.
pub type CommandId = u64;

/// What [`Machine::poll_output`](super::Machine::poll_output) gives out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Carry this out and reply with the same id.
    Start(CommandId, Command),
    /// Stop the inference call of this id; a reply that still comes is ignored.
    Abort(CommandId),
}

/// One thing for the host to do. Carrying out any of them twice is harmless.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Ask whether something exists.
    LookUp(LookUp),
    /// Read bytes of a file; fewer only at its end.
    Read {
        /// The file.
        file_id: String,
        /// First byte.
        offset: u64,
        /// How many.
        length: u64,
        /// Whether it is the batch's input, which stays for it whoever deletes it.
        is_input: bool,
    },
    /// Read some stored entries.
    List(KvQuery),
    /// Read all stored entries under a prefix, in key order.
    Load {
        /// The prefix.
        prefix: String,
    },
    /// Send one request to the model.
    Infer {
        /// The endpoint's path.
        url: Arc<str>,
        /// The JSON body, as in the input file.
        body: Arc<[u8]>,
        /// Batch and line: the same for every try.
        idempotency_key: String,
        /// The pool of model servers that is to answer; none where the host has none, or is to look at the model itself.
        pool: Option<Arc<str>>,
    },
    /// Write to the store, in this order; all or nothing where the store can.
    Save(Arc<Vec<Write>>),
    /// Append to one of the result files.
    WriteOutput(OutputPart),
    /// Keep what was written of a result file, so that a later turn can go on from there.
    KeepOutput(BatchFile),
}

/// What [`Command::LookUp`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookUp {
    /// The input file of this id.
    Input(String),
    /// A file of another batch, by its id.
    File(String),
    /// Another batch, by its id.
    Batch(String),
    /// The model of this name.
    Model(String),
    /// The pool of model servers that answers the model of this name.
    Pool(String),
    /// What the user wishes of this machine's batch, as the store says at this moment.
    Wish,
    /// Whether anybody follows the results of this machine's batch.
    Watched,
}

/// The files that a batch writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchFile {
    /// One of the two that every batch has.
    Of(OutputFile),
    /// The lines of both in the order in which they came, for who follows them.
    Results,
}

/// One write of [`Command::Save`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Set a key.
    Set(String, Vec<u8>),
    /// Delete a key.
    Delete(String),
    /// Delete every key that starts so.
    DeletePrefix(String),
}

/// A part of a result file.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputPart {
    /// Which file.
    pub file: BatchFile,
    /// The id the file is to have, so that an interrupted attempt leaves no second file.
    pub file_id: String,
    /// The name the file is to have.
    pub filename: String,
    /// The bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Whether the file starts here, whatever an earlier attempt wrote.
    pub first: bool,
    /// Of a file that starts here: what was kept of it, as [`Reply::Kept`] said, which stands before these bytes.
    pub kept: Option<Arc<str>>,
    /// Whether the file ends here: the reply then carries its id.
    pub last: bool,
}

/// The driver's answer to a command.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// To [`LookUp::Input`] and [`LookUp::File`]: the file, or none.
    Input(Option<FileObject>),
    /// To [`LookUp::Batch`]: the batch, or none.
    Batch(Option<Box<Batch>>),
    /// To [`LookUp::Model`]: whether it exists.
    Model(bool),
    /// To [`LookUp::Pool`]: its name.
    Pool(String),
    /// To [`LookUp::Wish`]: the wish, or none.
    Wish(Option<Wish>),
    /// To [`LookUp::Watched`].
    Watched(bool),
    /// To [`Command::Read`].
    Bytes(Vec<u8>),
    /// To [`Command::List`] and [`Command::Load`]: keys and values.
    Entries(Vec<(String, Vec<u8>)>),
    /// To [`Command::Infer`], whatever the status.
    Answer(Answer),
    /// To [`Command::Save`]: everything is durable.
    Saved,
    /// To [`Command::WriteOutput`]: the file's id if this was its last part.
    Written(Option<String>),
    /// To [`Command::KeepOutput`]: what the file is begun again with.
    Kept(String),
    /// To any command: it could not be done.
    Failed(Fault),
}

/// How a turn ended. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnEnd {
    /// The batch is terminal; nothing is left to do.
    Terminal,
    /// There is more to do, from `wake_at` on.
    Suspended {
        /// When.
        wake_at: u64,
    },
    /// The batch is paused: nothing is to be done before it goes on, is cancelled, or expires at `wake_at`.
    Paused {
        /// When it expires, or is to be looked at again.
        wake_at: u64,
    },
    /// The host failed in a way that may pass; the batch is as the last checkpoint left it.
    Faulted {
        /// What failed.
        message: String,
        /// When to try again.
        wake_at: u64,
    },
    /// Another owner runs the batch. Said by the driver: a machine knows of no other.
    Held {
        /// When to look again.
        wake_at: u64,
    },
}

/// As hosts of other languages see it: `{"state": "held", "wakeAt": 1700000000000, "message": null}`.
impl Serialize for TurnEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, wake_at, message) = match self {
            Self::Terminal => ("terminal", None, None),
            Self::Suspended { wake_at } => ("suspended", Some(*wake_at), None),
            Self::Paused { wake_at } => ("paused", Some(*wake_at), None),
            Self::Held { wake_at } => ("held", Some(*wake_at), None),
            Self::Faulted { message, wake_at } => ("faulted", Some(*wake_at), Some(message.as_str())),
        };
        EndOfTurn { state, wake_at, message }.serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndOfTurn<'a> {
    state: &'static str,
    wake_at: Option<u64>,
    message: Option<&'a str>,
}
