//! Chunks in and out, and what of it is a line.

use super::RepairOptions;
use crate::repair::encoding::Encoding;
use crate::repair::ids::Ids;
use crate::repair::layout::Layout;
use crate::repair::ledger::{Ledger, Repaired};
use crate::repair::line::Mender;
use crate::repair::target::Target;
use memchr::memchr;

/// A line end, and a mark that may begin a line: they do not count as part of it.
const SLACK: usize = 2 + 3;

/// Mends one file, in memory that does not grow with its bytes: one line, and up to 24 bytes for each `custom_id` of the
/// first [`MAX_REPAIRED_IDS`](crate::limits::MAX_REPAIRED_IDS), twice that for each that was used again.
#[derive(Debug)]
pub struct Repair {
    encoding: Encoding,
    layout: Layout,
    lines: Lines,
    ledger: Ledger,
}

impl Repair {
    /// Starts at the beginning of a file.
    pub fn new(options: RepairOptions) -> Self {
        let RepairOptions { endpoint, only, max_line_bytes, hash_key } = options;
        Self {
            encoding: Encoding::new(),
            layout: Layout::new(),
            lines: Lines {
                max: max_line_bytes,
                number: 1,
                open: Vec::new(),
                too_long: false,
                mender: Mender::new(endpoint, Ids::new(hash_key)),
            },
            ledger: Ledger::new(only),
        }
    }

    /// Takes the next bytes of the file, cut wherever it suits, and adds to `out` what the new file goes on with.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let text = self.encoding.push(chunk, &mut |name| self.ledger.encoded(name));
        let text = self.layout.push(text, &mut self.ledger);
        self.lines.push(&text, &mut self.ledger, out);
    }

    /// Ends the file: its last line may have no line end. Nothing may be pushed after.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = self.encoding.finish(&mut |name| self.ledger.encoded(name));
        let mut text = self.layout.push(rest.into(), &mut self.ledger).into_owned();
        text.extend(self.layout.finish(&mut self.ledger));
        self.lines.push(&text, &mut self.ledger, out);
        let last = std::mem::take(&mut self.lines.open);
        self.lines.line(&last, &mut self.ledger, out);
    }

    /// What was mended so far.
    pub fn report(&self) -> Repaired {
        let path = self.lines.mender.target.as_ref().map(|target| target.path.clone());
        let endpoint = path.unwrap_or_else(|| Target::meant_by(None).path);
        Repaired { endpoint, cures: self.ledger.cures() }
    }

    /// Bytes held for the line being collected and the ids seen: what grows with a file. For tests and gauges.
    pub fn held(&self) -> usize {
        self.lines.open.capacity() + self.lines.mender.ids.held()
    }
}

/// Lines out of chunks. One that is too long passes as it comes.
#[derive(Debug)]
struct Lines {
    max: usize,
    number: u64,
    open: Vec<u8>,
    too_long: bool,
    mender: Mender,
}

impl Lines {
    fn push(&mut self, mut bytes: &[u8], ledger: &mut Ledger, out: &mut Vec<u8>) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.open.is_empty() && !self.too_long {
                self.line(line, ledger, out);
                continue;
            }
            self.keep(line, out);
            let mut open = std::mem::take(&mut self.open);
            if std::mem::take(&mut self.too_long) {
                self.number += 1;
            } else {
                self.line(&open, ledger, out);
                open.clear();
                self.open = open;
            }
        }
        self.keep(bytes, out);
    }

    fn keep(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !self.too_long && self.open.len().saturating_add(bytes.len()) > self.max.saturating_add(SLACK) {
            out.append(&mut self.open);
            self.open = Vec::new();
            self.too_long = true;
        }
        let to = if self.too_long { out } else { &mut self.open };
        to.extend_from_slice(bytes);
    }

    /// A line with its end, if it has one.
    fn line(&mut self, line: &[u8], ledger: &mut Ledger, out: &mut Vec<u8>) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let looked_at = !text.trim_ascii().is_empty() && text.len() <= self.max.saturating_add(3);
        let mended = if looked_at { self.mender.mend(text, self.number, ledger) } else { None };
        out.extend_from_slice(mended.as_deref().unwrap_or(text));
        out.extend_from_slice(&line[text.len()..]);
        self.number += 1;
    }
}
