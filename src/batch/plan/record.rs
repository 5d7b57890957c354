//! A section of a plan, as it is stored: which chunks it is made of, then its requests in the order in which they are sent.

use super::{Entry, SECTION_CHUNKS};
use crate::batch::checkpoint::{ChunkSpan, ChunkStart};
use crate::batch::command::Write;
use crate::keys;
use crate::result::repeat::{seal, unseal};

/// Bytes of an entry.
const ENTRY: usize = 23;
/// Bytes of a row.
const ROW: usize = 20;
/// Entries of one stored value, which may be limited to 2 MB: 377 KB.
const PART: usize = 16 << 10;

/// The end of a chunk: where the next one starts, and how many requests stand before it.
pub(in crate::batch) type Row = (ChunkStart, u32);

/// The writes of a section that begins with the chunk at `start`.
pub(in crate::batch) fn encode(
    id: &str,
    section: u32,
    start: ChunkStart,
    rows: &[Row],
    entries: &[Entry],
) -> Vec<Write> {
    let mut head = Vec::with_capacity((rows.len() + 1) * ROW + 17);
    for (start, requests) in std::iter::once(&(start, entries.len() as u32)).chain(rows) {
        head.extend_from_slice(&start.offset.to_le_bytes());
        head.extend_from_slice(&start.line.to_le_bytes());
        head.extend_from_slice(&requests.to_le_bytes());
    }
    let parts = entries.chunks(PART).map(|part| {
        let mut bytes = Vec::with_capacity(part.len() * ENTRY + 17);
        for entry in part {
            bytes.extend_from_slice(&[entry.chunk, entry.index, entry.model]);
            bytes.extend_from_slice(&entry.line.to_le_bytes());
            bytes.extend_from_slice(&entry.offset.to_le_bytes());
            bytes.extend_from_slice(&entry.length.to_le_bytes());
        }
        bytes
    });
    let parts = std::iter::once(head).chain(parts).enumerate();
    let sealed = parts.map(|(part, mut bytes)| {
        seal(&mut bytes);
        Write::Set(keys::plan_part(id, section, part), bytes)
    });
    sealed.collect()
}

/// A section that was stored.
#[derive(Debug)]
pub(in crate::batch) struct Section {
    first: u32,
    rows: Vec<[u64; 3]>,
    /// As they are stored, without their checksums.
    parts: Vec<Vec<u8>>,
}

impl Section {
    /// Nothing where the section is not there as a whole, or is damaged.
    pub(in crate::batch) fn decode(section: u32, stored: Vec<(String, Vec<u8>)>) -> Option<Self> {
        let mut parts = Vec::with_capacity(stored.len());
        for (key, mut part) in stored {
            if keys::last_number(&key) != Some(parts.len() as u64) {
                return None;
            }
            let length = unseal(&part).len();
            part.truncate(length);
            parts.push(part);
        }
        if parts.is_empty() {
            return None;
        }
        let rows: Vec<[u64; 3]> = parts.remove(0).chunks_exact(ROW).map_while(row).collect();
        let entries = rows.first()?[2];
        let found: usize = parts.iter().map(|part| part.len() / ENTRY).sum();
        let first = section.checked_mul(SECTION_CHUNKS)?;
        (found as u64 == entries && rows.len() > 1).then_some(Self { first, rows, parts })
    }

    /// Where a chunk starts and ends, where the next one starts, and how many requests it has.
    pub(in crate::batch) fn chunk(&self, chunk: u32) -> Option<(ChunkSpan, ChunkStart, u32)> {
        let at = chunk.checked_sub(self.first)? as usize;
        let (&[offset, line, _], &[end, next_line, requests]) = (self.rows.get(at)?, self.rows.get(at + 1)?);
        let start = ChunkStart { chunk, offset, line };
        let next = ChunkStart { chunk: chunk + 1, offset: end, line: next_line };
        Some((ChunkSpan { start, end }, next, requests as u32))
    }

    /// The line that it begins with.
    pub(in crate::batch) fn line(&self) -> u64 {
        self.rows.first().map_or(0, |[_, line, _]| *line)
    }

    /// The number of a chunk in the file.
    pub(in crate::batch) fn number(&self, entry: &Entry) -> u32 {
        self.first + u32::from(entry.chunk)
    }

    pub(in crate::batch) fn entry(&self, at: usize) -> Option<Entry> {
        let bytes = self.parts.get(at / PART)?.chunks_exact(ENTRY).nth(at % PART)?;
        let ([chunk, index, model], rest) = bytes.split_first_chunk()?;
        let (line, rest) = rest.split_first_chunk()?;
        let (offset, length) = rest.split_first_chunk()?;
        Some(Entry {
            chunk: *chunk,
            index: *index,
            model: *model,
            line: u64::from_le_bytes(*line),
            offset: u64::from_le_bytes(*offset),
            length: u32::from_le_bytes(*length.first_chunk()?),
        })
    }
}

fn row(bytes: &[u8]) -> Option<[u64; 3]> {
    let (offset, rest) = bytes.split_first_chunk()?;
    let (line, requests) = rest.split_first_chunk()?;
    let requests = u32::from_le_bytes(*requests.first_chunk()?);
    Some([u64::from_le_bytes(*offset), u64::from_le_bytes(*line), requests.into()])
}

#[cfg(test)]
mod tests {
    use super::super::NO_MODEL;
    use super::*;

    fn stored(entries: &[Entry]) -> Vec<(String, Vec<u8>)> {
        let start = ChunkStart { chunk: 512, offset: 700, line: 8 };
        let rows = [
            (ChunkStart { chunk: 513, offset: 900, line: 10 }, 2),
            (ChunkStart { chunk: 514, offset: 1 << 40, line: 11 }, 1),
        ];
        let writes = encode("batch_1", 2, start, &rows, entries);
        writes
            .into_iter()
            .map(|write| match write {
                Write::Set(key, value) => (key, value),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn entries(count: usize) -> Vec<Entry> {
        let entry = |at: usize| Entry {
            chunk: (at % 2) as u8,
            index: (at % 256) as u8,
            model: NO_MODEL,
            line: at as u64,
            offset: 1 << 39,
            length: 7 << 20,
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn a_section_reads_back_as_it_was_written() {
        let entries = entries(PART + 3);
        let stored = stored(&entries);
        assert_eq!(stored.len(), 3);
        assert!(stored.iter().all(|(key, value)| key.starts_with("plan:batch_1:") && value.len() < 400_000));
        let section = Section::decode(2, stored).expect("whole");
        assert!((0..entries.len()).all(|at| section.entry(at) == Some(entries[at])));
        assert_eq!(section.entry(entries.len()), None);
        let (span, next, requests) = section.chunk(513).expect("it is there");
        assert_eq!((span.start.offset, span.end, next.line, requests), (900, 1 << 40, 11, 1));
        assert_eq!((section.chunk(511), section.chunk(514)), (None, None));
        assert_eq!((section.line(), section.number(&entries[1])), (8, 513));
    }

    #[test]
    fn one_that_is_damaged_or_not_whole_is_none() {
        let whole = stored(&entries(3));
        for part in 0..2 {
            let mut lost = whole.clone();
            lost.remove(part);
            assert!(Section::decode(2, lost).is_none(), "part {part}");
            for at in 0..whole[part].1.len() {
                let mut damaged = whole.clone();
                damaged[part].1[at] ^= 1;
                assert!(Section::decode(2, damaged).is_none(), "byte {at} of part {part}");
            }
        }
        assert!(Section::decode(2, Vec::new()).is_none());
    }
}
