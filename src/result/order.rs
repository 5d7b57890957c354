//! In which order results came, as it is stored: a record for each write says which groups it wrote.
//!
//! The key of a record says how many bytes of lines came before ([`keys::order`](crate::keys::order)), so that a number of
//! bytes is a place in the results of a batch. The lines themselves stand in the groups alone.

use crate::json::record::from_json;
use crate::json::value::to_json;
use crate::result::checksum;
use crate::result::group::{LineResult, Stored};

/// A group that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) chunk: u32,
    pub(crate) group: u32,
    /// Of the lines that a result file has.
    pub(crate) bytes: u64,
}

impl Written {
    pub(crate) fn new(chunk: u32, group: u32, results: &[LineResult]) -> Self {
        let lines = results.iter().filter(|result| result.outcome.file().is_some());
        Self { chunk, group, bytes: lines.map(|result| result.line.len() as u64).sum() }
    }

    /// Whether a stored group is the one that was written.
    pub(crate) fn is(&self, stored: &[Stored]) -> bool {
        let lines = stored.iter().filter(|stored| stored.outcome.file().is_some());
        lines.map(|stored| stored.line.len() as u64).sum::<u64>() == self.bytes
    }
}

/// What stands for a chunk in the row that has calls.
const CALLS: u32 = u32::MAX;

/// The record of one write: its groups, and how many calls were begun before it and are in flight.
pub(crate) fn encode(groups: &[Written], [begun, in_flight]: [u64; 2]) -> Vec<u8> {
    let mut rows: Vec<(u32, u32, u64)> =
        groups.iter().map(|&Written { chunk, group, bytes }| (chunk, group, bytes)).collect();
    rows.push((CALLS, in_flight as u32, begun));
    let mut record = to_json(&rows);
    let sum = checksum::of(&record, &[]);
    record.extend_from_slice(&sum);
    record
}

/// What a record says; nothing if it is damaged.
pub(crate) fn decode(record: &[u8]) -> Option<(Vec<Written>, [u64; 2])> {
    let mut rows: Vec<(u32, u32, u64)> = from_json(checksum::checked(record, &[])?).ok()?;
    // Earlier builds wrote no calls.
    let last = rows.pop_if(|(chunk, ..)| *chunk == CALLS);
    let calls = last.map_or([0; 2], |(_, in_flight, begun)| [begun, u64::from(in_flight)]);
    Some((rows.into_iter().map(|(chunk, group, bytes)| Written { chunk, group, bytes }).collect(), calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written_and_a_damaged_one_does_not() {
        let groups =
            [Written { chunk: 3, group: 0, bytes: 70_000 }, Written { chunk: 4, group: 9, bytes: 0 }];
        let record = encode(&groups, [70, 6]);
        assert_eq!(decode(&record).unwrap(), (groups.to_vec(), [70, 6]));
        for at in 0..record.len() {
            let mut damaged = record.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {at}");
            assert!(decode(&record[..at]).is_none_or(|(read, _)| read == groups[..]), "cut at {at}");
        }
    }
}
