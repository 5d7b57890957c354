//! Results as they are stored while a batch runs: groups of finished lines, one key each.
//!
//! A group is one line of JSON that says what follows, then the finished lines themselves, byte for byte
//! as they will be in the files, with a checksum between. Lines above [`LARGE_RESULT_BYTES`] are stored under keys of their own, so that
//! merging a chunk stays bounded whatever the model answers.

use crate::host::{Fault, FaultKind};
use crate::json::record::from_json;
use crate::json::value::to_json;
use crate::keys;
use crate::limits::{CHUNK_REQUESTS, LARGE_PART_BYTES, LARGE_RESULT_BYTES};
use crate::result::checksum;
use crate::result::outcome::Outcome;
use crate::wire::{InputTokensDetails, OutputTokensDetails, Usage};
use std::ops::Range;

/// One finished request that is not written yet.
#[derive(Debug)]
pub(crate) struct LineResult {
    pub(crate) chunk: u32,
    /// Which request of its chunk.
    pub(crate) index: u32,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
    /// The whole line for the result file, with its line end.
    pub(crate) line: Vec<u8>,
}

/// What a group's head says of one result: index, outcome, bytes of the line, whether it stands elsewhere, tokens.
type Head = (u32, Outcome, usize, bool, Option<[u64; 5]>);

/// One result of a stored group.
#[derive(Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) index: u32,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
    pub(crate) line: StoredLine,
}

/// Where a stored line is.
#[derive(Debug, PartialEq)]
pub(crate) enum StoredLine {
    /// In the group, here.
    Inline(Range<usize>),
    /// Under keys of its own, this long.
    Large(usize),
}

impl StoredLine {
    /// Bytes of the line.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Inline(range) => range.len(),
            Self::Large(bytes) => *bytes,
        }
    }
}

/// A key and the value to be stored.
pub(crate) type Entry = (String, Vec<u8>);

/// The entries that store one group. `results` are all of the same chunk.
#[inline(never)]
pub(crate) fn write_group(id: &str, chunk: u32, group: u32, results: &[LineResult]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(1);
    let mut heads: Vec<Head> = Vec::with_capacity(results.len());
    let mut bytes = 0;
    for result in results {
        debug_assert_eq!(result.chunk, chunk);
        let large = result.line.len() > LARGE_RESULT_BYTES;
        let usage = result.usage.as_ref().map(pack);
        heads.push((result.index, result.outcome, result.line.len(), large, usage));
        if large {
            for (part, bytes) in result.line.chunks(LARGE_PART_BYTES).enumerate() {
                let value = [bytes, &checksum::of(bytes, &[])].concat();
                entries.push((keys::large_part(id, chunk, result.index, part), value));
            }
        } else {
            bytes += result.line.len();
        }
    }
    let head = to_json(&heads);
    let mut lines = Vec::with_capacity(bytes);
    for result in results.iter().filter(|r| r.line.len() <= LARGE_RESULT_BYTES) {
        lines.extend_from_slice(&result.line);
    }
    let value = [&head[..], &checksum::of(&head, &lines), b"\n", &lines].concat();
    entries.push((keys::result_group(id, chunk, group), value));
    entries
}

/// Appends a large line of `bytes`, of its stored parts. Whether it is whole; of one that is not, nothing is appended.
pub(crate) fn append_large(to: &mut Vec<u8>, parts: &[(String, Vec<u8>)], bytes: usize) -> bool {
    let start = to.len();
    for (_, part) in parts {
        let Some(part) = read_part(part, start + bytes - to.len()) else { break };
        to.extend_from_slice(part);
    }
    let is_whole = to.len() - start == bytes;
    if !is_whole {
        to.truncate(start);
    }
    is_whole
}

/// The bytes of a large line's part as it is stored; `bytes` is how long the rest of the line is. Nothing for a part that is
/// damaged.
fn read_part(value: &[u8], bytes: usize) -> Option<&[u8]> {
    let length = bytes.min(LARGE_PART_BYTES);
    // An earlier build wrote parts without a checksum.
    if value.len() == length {
        Some(value)
    } else {
        checksum::checked(value, &[]).filter(|part| part.len() == length)
    }
}

/// Results of a chunk, each with the group that has it, by their index: the earliest group that has a line of a request is
/// the one that counts. A damaged group counts as lost, and a request that repeats another has its line in a later one.
#[inline(never)]
pub(crate) fn merge(groups: &[(String, Vec<u8>)]) -> Vec<Option<(usize, Stored)>> {
    let mut by_index = Vec::new();
    by_index.resize_with(CHUNK_REQUESTS as usize, || None);
    for (group, (_, value)) in groups.iter().enumerate() {
        for stored in read_group(value).unwrap_or_default() {
            if stored.outcome != Outcome::Repeat
                && let Some(free @ None) = by_index.get_mut(stored.index as usize)
            {
                *free = Some((group, stored));
            }
        }
    }
    by_index
}

/// What a stored group holds.
///
/// # Errors
/// A terminal fault when the store gave back something else than was written.
pub(crate) fn read_group(value: &[u8]) -> Result<Vec<Stored>, Fault> {
    let damaged =
        || Fault { kind: FaultKind::Terminal, message: "a stored group of results is damaged".to_owned() };
    let head_end = memchr::memchr(b'\n', value).ok_or_else(damaged)?;
    let head = checksum::checked(&value[..head_end], &value[head_end + 1..]).ok_or_else(damaged)?;
    let heads: Vec<Head> = from_json(head).map_err(|_| damaged())?;
    let mut at = head_end + 1;
    let mut results = Vec::with_capacity(heads.len());
    for (index, outcome, bytes, large, usage) in heads {
        let line = if large {
            StoredLine::Large(bytes)
        } else {
            let range = at..at.checked_add(bytes).ok_or_else(damaged)?;
            at = range.end;
            StoredLine::Inline(range)
        };
        results.push(Stored { index, outcome, usage: usage.map(unpack), line });
    }
    if at == value.len() { Ok(results) } else { Err(damaged()) }
}

fn pack(usage: &Usage) -> [u64; 5] {
    [
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens_details.reasoning_tokens,
    ]
}

fn unpack(n: [u64; 5]) -> Usage {
    Usage {
        input_tokens: n[0],
        output_tokens: n[1],
        total_tokens: n[2],
        input_tokens_details: InputTokensDetails { cached_tokens: n[3] },
        output_tokens_details: OutputTokensDetails { reasoning_tokens: n[4] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(index: u32, outcome: Outcome, line: &[u8]) -> LineResult {
        let usage = (outcome == Outcome::Completed).then(|| unpack([1, 2, 3, 4, 5]));
        LineResult { chunk: 9, index, outcome, usage, line: line.to_vec() }
    }

    #[test]
    fn a_group_reads_back_as_it_was_written() {
        let results = [
            result(4, Outcome::Completed, b"{\"a\":1}\n"),
            result(2, Outcome::Failed, b"{}\n"),
            result(3, Outcome::NotRun, &[b'x'; LARGE_RESULT_BYTES + 1]),
        ];
        let entries = write_group("batch_1", 9, 1, &results);
        assert_eq!(entries.len(), 2, "the large line has one part, then comes the group");
        let (key, value) = &entries[1];
        assert_eq!((key.as_str(), keys::group_of(key)), ("result:batch_1:00000009:000001", Some(1)));
        let stored = read_group(value).unwrap();
        assert_eq!(stored.len(), 3);
        let StoredLine::Inline(range) = &stored[1].line else { panic!() };
        assert_eq!(&value[range.clone()], b"{}\n");
        assert_eq!(stored[0].usage, Some(unpack([1, 2, 3, 4, 5])));
        assert_eq!(stored[2].line, StoredLine::Large(LARGE_RESULT_BYTES + 1));
    }

    #[test]
    fn a_damaged_group_is_a_fault_and_no_panic() {
        let entries = write_group("b", 9, 0, &[result(0, Outcome::Failed, b"{}\n")]);
        let (_, value) = &entries[0];
        for end in 0..value.len() {
            assert!(read_group(&value[..end]).is_err(), "cut at {end}");
        }
        assert!(read_group(b"[[0,\"f\",18446744073709551615,false,null]]\n").is_err());
    }
}
