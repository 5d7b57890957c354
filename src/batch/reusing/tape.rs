//! A result file of an earlier batch, gone through once from its beginning to its end. Its lines are in input order, as
//! those of the input are: each request has its line at the head of the file, or none.

use crate::batch::checkpoint::SavedTape;
use crate::batch::command::Command;
use crate::input::jsonl::{LineSplitter, Text};
use crate::limits::READ_BYTES;
use crate::result::past_line::PastLine;

/// Stands at a line of a result file.
#[derive(Debug)]
pub(super) struct Tape {
    file_id: String,
    size: u64,
    splitter: LineSplitter,
    buffer: Vec<u8>,
    /// How much of the buffer was cut into lines.
    used: usize,
    /// The offset after the buffer.
    read_to: u64,
    head: Option<Head>,
    ended: bool,
    /// Where the head starts, or else the next line.
    offset: u64,
    line: u64,
}

/// The line that comes next.
#[derive(Debug)]
struct Head {
    says: PastLine,
    /// With its end.
    bytes: Vec<u8>,
    /// Where the next line starts.
    end: u64,
}

impl Tape {
    pub(super) fn resume(saved: SavedTape, max_line_bytes: usize) -> Self {
        let (file_id, [size, offset, line]) = saved;
        Self {
            file_id,
            size,
            splitter: LineSplitter::at(max_line_bytes, offset, line),
            buffer: Vec::new(),
            used: 0,
            read_to: offset,
            head: None,
            ended: false,
            offset,
            line,
        }
    }

    pub(super) fn saved(&self) -> SavedTape {
        (self.file_id.clone(), [self.size, self.offset, self.line])
    }

    pub(super) fn file_id(&self) -> &str {
        &self.file_id
    }

    /// What it needs before it can say which line comes next.
    pub(super) fn needs(&mut self) -> Option<Command> {
        while self.head.is_none() && !self.ended {
            let mut rest = &self.buffer[self.used..];
            let at_end = rest.is_empty() && self.read_to >= self.size;
            let line = if at_end { self.splitter.finish() } else { self.splitter.next(&mut rest) };
            match line {
                // What is no result of a request is passed over.
                Some(line) => {
                    if let Text::Whole(text) = line.text
                        && let Some(says) = PastLine::read(text)
                    {
                        (self.offset, self.line) = (line.offset, line.number);
                        self.head = Some(Head { says, bytes: [text, b"\n"].concat(), end: line.end });
                    }
                }
                None => self.ended = at_end,
            }
            self.used = self.buffer.len() - rest.len();
            if self.head.is_none()
                && !self.ended
                && self.used == self.buffer.len()
                && self.read_to < self.size
            {
                return Some(Command::Read {
                    file_id: self.file_id.clone(),
                    offset: self.read_to,
                    length: READ_BYTES.min(self.size - self.read_to),
                    is_input: false,
                });
            }
        }
        None
    }

    /// Bytes that were asked for. `false` when the file is shorter than it was.
    #[must_use]
    pub(super) fn bytes(&mut self, bytes: Vec<u8>) -> bool {
        if bytes.is_empty() || self.read_to + bytes.len() as u64 > self.size {
            return false;
        }
        self.read_to += bytes.len() as u64;
        self.buffer = bytes;
        self.used = 0;
        true
    }

    /// Takes the line of this request, if it is the one that comes next.
    pub(super) fn take(&mut self, custom_id: &str) -> Option<(PastLine, Vec<u8>)> {
        let Head { says, bytes, end } = self.head.take_if(|head| head.says.custom_id == custom_id)?;
        self.offset = end;
        self.line += 1;
        Some((says, bytes))
    }
}
