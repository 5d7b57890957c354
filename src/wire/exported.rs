//! The line of JSON that an exported batch begins with.

use crate::json::record::record;
use crate::json::value::to_json;
use serde::Serialize;

/// What it is.
pub(crate) const EXPORT_FORMAT: &str = "edgebatch.batch";
/// The layout written today. A host takes no other.
pub(crate) const EXPORT_VERSION: u64 = 1;

/// What a stream says of what it brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// What this is.
    pub format: String,
    /// Its layout.
    pub version: u64,
    /// The version of the build that made it.
    pub edgebatch: String,
    /// The batch.
    pub id: String,
    /// The fence that its source has set.
    pub fence: String,
    /// Since when its user has paused it, in Unix seconds.
    pub paused_at: Option<u64>,
    /// Whether somebody followed its results.
    pub is_watched: bool,
    /// The input file.
    pub input_id: String,
    /// Its name.
    pub input_filename: String,
    /// Its size.
    pub input_bytes: u64,
}

record!(Exported {
    format,
    version,
    edgebatch
    ;
    id,
    fence,
    paused_at,
    is_watched,
    input_id,
    input_filename,
    input_bytes
});

impl Default for Exported {
    fn default() -> Self {
        let (id, fence, input_id, input_filename) = Default::default();
        let (paused_at, is_watched, input_bytes) = Default::default();
        let (format, edgebatch) = (EXPORT_FORMAT.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let version = EXPORT_VERSION;
        Self {
            format,
            version,
            edgebatch,
            id,
            fence,
            paused_at,
            is_watched,
            input_id,
            input_filename,
            input_bytes,
        }
    }
}

impl Exported {
    /// The line.
    pub fn line(&self) -> Vec<u8> {
        let mut line = to_json(self);
        line.push(b'\n');
        line
    }
}
