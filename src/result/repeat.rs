//! Requests that repeat another of their batch, as they are stored: what is needed to give them its answer.

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

impl Repeat {
    /// Adds it to a record: three numbers, and the text with its length.
    pub(crate) fn append(&self, record: &mut Vec<u8>) {
        for number in [u64::from(self.first), u64::from(self.index), self.line, self.custom_id.len() as u64] {
            record.extend_from_slice(&number.to_le_bytes());
        }
        record.extend_from_slice(self.custom_id.as_bytes());
    }
}

/// Ends a record.
pub(crate) fn seal(record: &mut Vec<u8>) {
    let sum = checksum::of(record, &[]);
    record.extend_from_slice(&sum);
}

/// What a record holds; nothing if it is damaged.
pub(crate) fn unseal(record: &[u8]) -> &[u8] {
    checksum::checked(record, &[]).unwrap_or_default()
}

/// The next repeat of a record; `rest` is what follows.
pub(crate) fn next(rest: &mut &[u8]) -> Option<Repeat> {
    let mut numbers = [0; 4];
    for number in &mut numbers {
        let (bytes, after) = rest.split_first_chunk()?;
        (*number, *rest) = (u64::from_le_bytes(*bytes), after);
    }
    let [first, index, line, length] = numbers;
    let (custom_id, after) = rest.split_at_checked(length as usize)?;
    *rest = after;
    let custom_id = String::from_utf8(custom_id.to_vec()).ok()?;
    Some(Repeat { first: first as u32, index: index as u32, line, custom_id })
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
        let repeats = [repeat(0, "a"), repeat(7, "\"\u{2028}\n"), repeat(8, "")];
        let mut record = Vec::new();
        repeats.iter().for_each(|repeat| repeat.append(&mut record));
        seal(&mut record);
        let read = |record: &[u8]| {
            let mut rest = unseal(record);
            std::iter::from_fn(|| next(&mut rest)).collect::<Vec<_>>()
        };
        assert_eq!(read(&record), repeats);
        for at in 0..record.len() {
            let mut damaged = record.clone();
            damaged[at] ^= 1;
            assert_eq!(read(&damaged), [], "byte {at}");
            assert_eq!(read(&record[..at]), [], "cut at {at}");
        }
    }
}
