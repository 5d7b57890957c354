//! The elements of an array, or objects that span lines, are written one a line, as their bytes come. Told by how the
//! file begins: `[` before an object, or `{` alone on its line. What begins otherwise passes.

use crate::repair::Cure;
use crate::repair::ledger::{EXCERPT, Ledger};
use std::borrow::Cow;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// White space that a file may begin with and still be known.
const MOST_SPACE: usize = 4096;

/// How the file is laid out, once its beginning is there.
#[derive(Debug)]
pub(super) enum Layout {
    Unknown(Vec<u8>),
    /// Lines as they should be, or nothing that is known.
    Plain,
    Apart(Apart),
}

impl Layout {
    pub(super) fn new() -> Self {
        Self::Unknown(Vec::new())
    }

    /// The next bytes, in lines.
    pub(super) fn push<'a>(&mut self, bytes: Cow<'a, [u8]>, ledger: &mut Ledger) -> Cow<'a, [u8]> {
        match self {
            Self::Plain => bytes,
            Self::Apart(apart) => Cow::Owned(apart.push(&bytes, ledger)),
            Self::Unknown(head) => {
                head.extend_from_slice(&bytes);
                match is_apart(head) {
                    None if head.len() < MOST_SPACE => Cow::default(),
                    found => Cow::Owned(self.known(found == Some(true), ledger)),
                }
            }
        }
    }

    /// The file is at its end. What is left of it.
    pub(super) fn finish(&mut self, ledger: &mut Ledger) -> Vec<u8> {
        let mut rest = self.known(false, ledger);
        if let Self::Apart(apart) = self {
            apart.end(&mut rest, ledger);
        }
        rest
    }

    fn known(&mut self, apart: bool, ledger: &mut Ledger) -> Vec<u8> {
        let Self::Unknown(head) = self else { return Vec::new() };
        let head = std::mem::take(head);
        if !apart {
            *self = Self::Plain;
            return head;
        }
        let mut apart = Apart::default();
        let text = apart.push(head.strip_prefix(BOM).unwrap_or(&head), ledger);
        *self = Self::Apart(apart);
        text
    }
}

/// Whether a file that begins so is not lines; none as long as it cannot be said.
fn is_apart(head: &[u8]) -> Option<bool> {
    // A mark may be there in part.
    if head.len() < BOM.len() && BOM.starts_with(head) {
        return None;
    }
    let mut rest = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start().iter();
    let first = rest.next()?;
    rest.find_map(|byte| match (first, byte) {
        (b'[', b'{') | (b'{', b'\n') => Some(true),
        (b'[', b'\n') | (b'[' | b'{', b' ' | b'\t' | b'\r') => None,
        _ => Some(false),
    })
    .or((!matches!(first, b'[' | b'{')).then_some(false))
}

/// Values with anything between them.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    /// Values written.
    written: u64,
    /// Whether a value has begun.
    begun: bool,
    depth: u64,
    string: bool,
    escaped: bool,
    /// A line has ended here; what begins the next is indentation.
    indentation: bool,
    /// How the value begins in the file, and in the new one.
    excerpts: [Vec<u8>; 2],
}

impl Apart {
    pub(crate) fn push(&mut self, bytes: &[u8], ledger: &mut Ledger) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            let between = byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']');
            if !self.begun && between {
                continue;
            }
            // A number, a word or a string, which no request is, but the check can say so.
            let bare = self.begun && self.depth == 0 && !self.string;
            if bare && matches!(byte, b',' | b']' | b'\n') {
                self.end(&mut out, ledger);
                continue;
            }
            self.begun = true;
            let shown = ledger.wants(Cure::Lines);
            keep(&mut self.excerpts[0], byte, shown);
            if self.is_left_out(byte) {
                continue;
            }
            keep(&mut self.excerpts[1], byte, shown);
            out.push(byte);
            if self.depth == 0 && matches!(byte, b'}' | b']') && !self.string {
                self.end(&mut out, ledger);
            }
        }
        out
    }

    /// Whether a byte is of the layout, not of the value: line ends outside strings, and what indents the next.
    fn is_left_out(&mut self, byte: u8) -> bool {
        if self.string {
            let escaped = self.escaped;
            self.escaped = byte == b'\\' && !escaped;
            // A string ends with its line at the latest: what is broken there must not spread over the rest of the file.
            self.string = byte != b'\n' && (byte != b'"' || escaped);
            return false;
        }
        let indentation = std::mem::take(&mut self.indentation);
        match byte {
            b'\n' | b'\r' => {
                self.indentation = true;
                return true;
            }
            b' ' | b'\t' if indentation => {
                self.indentation = true;
                return true;
            }
            b'"' => (self.string, self.escaped) = (true, false),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }

    pub(crate) fn end(&mut self, out: &mut Vec<u8>, ledger: &mut Ledger) {
        if !self.begun {
            return;
        }
        out.push(b'\n');
        self.written += 1;
        let [before, after] = &self.excerpts;
        ledger.show(Cure::Lines, self.written, before, after);
        *self = Self { written: self.written, ..Self::default() };
    }
}

fn keep(excerpt: &mut Vec<u8>, byte: u8, shown: bool) {
    if shown && excerpt.len() < EXCERPT {
        excerpt.push(byte);
    }
}
