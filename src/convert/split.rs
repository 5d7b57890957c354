//! Where a file is cut into parts that servers take: between lines, and no part larger than it may be.

use crate::limits::{MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_REQUESTS};
use memchr::memchr;
use serde::Serialize;

/// A part of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FilePart {
    /// Its requests: lines that are not blank.
    pub requests: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// Cuts a file into parts. A line above the limit of bytes is a part by itself. Memory: one line of up to
/// [`MAX_LINE_BYTES`]; before a longer one the file is cut, and it passes as it comes.
///
/// ```
/// use edgebatch::Split;
///
/// let mut split = Split::new(Some(2), None);
/// let mut file = Vec::new();
/// let mut parts = Vec::new();
/// split.push(b"{}\n{}\n{", &mut file, &mut parts);
/// split.push(b"}", &mut file, &mut parts);
/// split.finish(&mut file, &mut parts);
/// assert_eq!((file, parts), (b"{}\n{}\n{}".to_vec(), vec![0, 6]));
/// ```
#[derive(Debug)]
pub struct Split {
    most: FilePart,
    /// The part that is being written.
    part: FilePart,
    /// The beginning of a line, of which it is not yet known which part it is in.
    open: Vec<u8>,
    /// A line that is too long to be held is under way.
    passing: bool,
    done: Vec<FilePart>,
}

impl Split {
    /// Starts at the beginning of a file; what is not given is what OpenAI takes.
    pub fn new(requests: Option<u64>, bytes: Option<u64>) -> Self {
        Self {
            most: FilePart {
                requests: requests.unwrap_or(MAX_REQUESTS),
                bytes: bytes.unwrap_or(MAX_FILE_BYTES),
            },
            part: FilePart::default(),
            open: Vec::new(),
            passing: false,
            done: Vec::new(),
        }
    }

    /// Takes the next bytes of the file, and adds to `out` what of it can be written, and to `cuts` where in `out` parts
    /// begin.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>, cuts: &mut Vec<usize>) {
        while !bytes.is_empty() {
            let end = memchr(b'\n', bytes).map(|end| end + 1);
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            bytes = rest;
            if self.passing {
                self.write(piece, 0, out, cuts);
                self.passing = end.is_none();
            } else if end.is_some() && self.open.is_empty() {
                self.line(piece, out, cuts);
            } else {
                self.keep(piece, end.is_some(), out, cuts);
            }
        }
    }

    /// Ends the file.
    pub fn finish(&mut self, out: &mut Vec<u8>, cuts: &mut Vec<usize>) {
        let last = std::mem::take(&mut self.open);
        if !last.is_empty() {
            self.line(&last, out, cuts);
        }
        if self.part.bytes > 0 {
            self.done.push(std::mem::take(&mut self.part));
        }
    }

    /// The parts that are whole.
    pub fn parts(&self) -> &[FilePart] {
        &self.done
    }

    fn keep(&mut self, piece: &[u8], is_end: bool, out: &mut Vec<u8>, cuts: &mut Vec<usize>) {
        let mut open = std::mem::take(&mut self.open);
        open.extend_from_slice(piece);
        if is_end {
            self.line(&open, out, cuts);
            open.clear();
        } else if open.len() > MAX_LINE_BYTES {
            self.cut();
            self.write(&open, 1, out, cuts);
            self.passing = true;
            return;
        }
        self.open = open;
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>, cuts: &mut Vec<usize>) {
        let requests = u64::from(!line.trim_ascii().is_empty());
        let FilePart { requests: most, bytes } = self.most;
        if self.part.requests + requests > most || self.part.bytes + line.len() as u64 > bytes {
            self.cut();
        }
        self.write(line, requests, out, cuts);
    }

    /// What comes next begins a part, unless it does so already.
    fn cut(&mut self) {
        if self.part.bytes > 0 {
            self.done.push(std::mem::take(&mut self.part));
        }
    }

    fn write(&mut self, bytes: &[u8], requests: u64, out: &mut Vec<u8>, cuts: &mut Vec<usize>) {
        if self.part.bytes == 0 {
            cuts.push(out.len());
        }
        self.part.bytes += bytes.len() as u64;
        self.part.requests += requests;
        out.extend_from_slice(bytes);
    }
}
