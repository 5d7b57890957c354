//! Byte chunks in, numbered lines out, in bounded memory. Knows nothing of JSON.
//!
//! Lines are physical and 1-based; LF and CRLF end a line, the last may have no end, and a BOM at
//! offset 0 is dropped. A line longer than the limit is reported as [`Text::TooLong`] while its bytes are
//! thrown away, so a 1 GB file of one line costs no more than the limit.

use memchr::{memchr, memrchr};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One physical line.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// 1-based.
    pub number: u64,
    /// Where the line starts in the file, in bytes.
    pub offset: u64,
    /// Where the next line starts.
    pub end: u64,
    /// What it says.
    pub text: Text<'a>,
}

/// The bytes of a line, without BOM and line end.
#[derive(Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// The whole line.
    Whole(&'a [u8]),
    /// Longer than the limit; the bytes are gone.
    TooLong,
}

impl Line<'_> {
    /// Nothing but JSON whitespace: such lines are counted and otherwise skipped.
    #[inline(always)]
    pub fn is_blank(&self) -> bool {
        match self.text {
            Text::Whole(bytes) => bytes.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')),
            Text::TooLong => false,
        }
    }
}

/// Splits chunks into lines. Holds at most one line of at most `max_line_bytes`.
#[derive(Debug)]
pub struct LineSplitter {
    max_line_bytes: usize,
    number: u64,
    /// Start of the line being collected.
    start: u64,
    /// Bytes of that line seen so far, kept or not.
    seen: u64,
    carry: Vec<u8>,
    /// `carry` was handed out with the last line and is stale.
    spent: bool,
}

impl LineSplitter {
    /// Starts at the beginning of a file. `max_line_bytes` does not count the line end.
    pub fn new(max_line_bytes: usize) -> Self {
        Self::at(max_line_bytes, 0, 1)
    }

    /// Starts in the middle of a file: the next byte is at `offset`, the first of line `number`.
    pub fn at(max_line_bytes: usize, offset: u64, number: u64) -> Self {
        Self { max_line_bytes, number, start: offset, seen: 0, carry: Vec::new(), spent: false }
    }

    /// The next line that ends in `chunk`, which is advanced past it. `None` once the chunk is used up.
    pub fn next<'a>(&'a mut self, chunk: &mut &'a [u8]) -> Option<Line<'a>> {
        self.drop_spent();
        let Some(newline) = memchr(b'\n', chunk) else {
            let rest = std::mem::take(chunk);
            self.keep(rest);
            return None;
        };
        let (head, tail) = chunk.split_at(newline);
        *chunk = &tail[1..];
        let (number, offset) = (self.number, self.start);
        let end = offset + self.seen + newline as u64 + 1;
        let whole = if self.seen == 0 {
            Some(head)
        } else {
            self.keep(head);
            self.spent = true;
            (self.seen == self.carry.len() as u64).then_some(self.carry.as_slice())
        };
        self.number += 1;
        self.start = end;
        self.seen = 0;
        Some(Line { number, offset, end, text: self.text(number, offset, whole) })
    }

    /// The lines that start and end in `chunk`, as it goes on from here, if they can be split
    /// elsewhere: no line is being collected, no BOM may come. Each must then be [passed](Self::pass).
    pub fn whole_lines<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        if self.seen > 0 || self.start == 0 {
            return &[];
        }
        memrchr(b'\n', chunk).map_or(&[], |last| &chunk[..=last])
    }

    /// Counts a line that was split elsewhere: `line` with its end.
    pub fn pass<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        let (number, offset) = (self.number, self.start);
        let end = offset + line.len() as u64;
        self.number += 1;
        self.start = end;
        let text = self.text(number, offset, Some(line.strip_suffix(b"\n").unwrap_or(line)));
        Line { number, offset, end, text }
    }

    /// The last line, if the file did not end with a line end. Call once, after the last chunk.
    pub fn finish(&mut self) -> Option<Line<'_>> {
        self.drop_spent();
        if self.seen == 0 {
            return None;
        }
        let (number, offset, end) = (self.number, self.start, self.start + self.seen);
        let whole = (self.seen == self.carry.len() as u64).then_some(self.carry.as_slice());
        self.number += 1;
        self.start = end;
        self.seen = 0;
        self.spent = true;
        Some(Line { number, offset, end, text: self.text(number, offset, whole) })
    }

    /// The number of the line that comes next.
    pub fn next_number(&self) -> u64 {
        self.number
    }

    /// Physical lines handed out so far, when started at the beginning of the file.
    pub fn lines(&self) -> u64 {
        self.number - 1
    }

    /// Bytes held for a line that spans chunks; at most twice `max_line_bytes` and a little.
    pub fn held(&self) -> usize {
        self.carry.capacity()
    }

    fn keep(&mut self, bytes: &[u8]) {
        // A BOM and a CR do not count as part of the line, hence the slack.
        let room = self.max_line_bytes + BOM.len() + 1;
        if self.carry.len() as u64 == self.seen && self.carry.len() + bytes.len() <= room {
            self.carry.extend_from_slice(bytes);
        } else {
            self.carry = Vec::new();
        }
        self.seen += bytes.len() as u64;
    }

    fn drop_spent(&mut self) {
        if self.spent {
            self.carry.clear();
            self.spent = false;
        }
    }

    #[inline(always)]
    fn text<'a>(&self, number: u64, offset: u64, whole: Option<&'a [u8]>) -> Text<'a> {
        let Some(mut bytes) = whole else { return Text::TooLong };
        if number == 1 && offset == 0 {
            bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        }
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.len() > self.max_line_bytes { Text::TooLong } else { Text::Whole(bytes) }
    }
}
