//! Requests that repeat another of their batch, as they are stored: what is needed to give them its answer.

use crate::json::record::from_json;
use crate::json::value::to_json;
use crate::result::checksum;

/// A request that is the same as an earlier one.
#[derive(Debug, PartialEq)]
pub(crate) struct Repeat {
    /// Which request of its chunk the earlier one is.
    pub(crate) first: u32,
    /// Which request of its own chunk this is.
    pub(crate) index: u32,
    /// Physical line, 1-based.
    pub(crate) line: u64,
    pub(crate) custom_id: String,
}

/// Repeats of requests of one chunk, in one chunk.
pub(crate) fn encode(repeats: &[Repeat]) -> Vec<u8> {
    let rows: Vec<_> = repeats
        .iter()
        .map(|Repeat { first, index, line, custom_id }| (first, index, (line, custom_id)))
        .collect();
    let mut record = to_json(&rows);
    let sum = checksum::of(&record, &[]);
    record.extend_from_slice(&sum);
    record
}

/// What a record says; nothing if it is damaged.
pub(crate) fn decode(record: &[u8]) -> Option<Vec<Repeat>> {
    let rows: Vec<(u32, u32, (u64, String))> = from_json(checksum::checked(record, &[])?).ok()?;
    let repeat = |(first, index, (line, custom_id))| Repeat { first, index, line, custom_id };
    Some(rows.into_iter().map(repeat).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written_and_a_damaged_one_does_not() {
        let repeat = |index, custom_id: &str| Repeat {
            first: 255,
            index,
            line: u64::from(index) + 1,
            custom_id: custom_id.to_owned(),
        };
        let record = encode(&[repeat(0, "a"), repeat(7, "\"\u{2028}\n")]);
        assert_eq!(decode(&record), Some(vec![repeat(0, "a"), repeat(7, "\"\u{2028}\n")]));
        for at in 0..record.len() {
            let mut damaged = record.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {at}");
        }
    }
}
