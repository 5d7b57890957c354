//! In which order the requests of a batch are sent that asked for `prefix`: those next to each other that begin alike.
//!
//! The order is made section by section, [`SECTION_CHUNKS`] chunks of the file at a time, so that memory does not depend on
//! the file, and is stored. A run that finds no such record, or a damaged one, reads that part of the file as it stands:
//! the plan says which request comes next, and never which there are.
//!
//! | room | what it holds |
//! |---|---|
//! | `beginning` | what a request begins with, as hashes |
//! | `arrange` | the order of a section |
//! | `record` | a section as it is stored |

mod arrange;
mod beginning;
mod record;

pub(super) use self::arrange::Arrangement;
pub(super) use self::beginning::Beginning;
pub(super) use self::record::{Row, Section, encode};

/// Chunks that are arranged together. Where a chunk belongs follows from its number.
pub(super) const SECTION_CHUNKS: u32 = 256;

/// The section that a chunk belongs to.
pub(super) fn section_of(chunk: u32) -> u32 {
    chunk / SECTION_CHUNKS
}

/// Where a request stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Which chunk of its section.
    pub(super) chunk: u8,
    /// Which request of its chunk.
    pub(super) index: u8,
    /// Which of the run's models; [`NO_MODEL`] for any other.
    pub(super) model: u8,
    /// Physical line, 1-based.
    pub(super) line: u64,
    /// First byte of the line, and how many there are up to the next.
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// A model that is none of those whose pools are known.
pub(super) const NO_MODEL: u8 = u8::MAX;
