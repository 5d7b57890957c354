//! Chunks in and out, and what of them is a row.

use crate::convert::rows::{Converted, Row, Rows};
use crate::convert::sniff::{FileKind, Remedy, sniff};
use crate::convert::table::Records;
use crate::convert::{ConvertFrom, ConvertOptions, line, separator};
use crate::error::ApiError;
use crate::input::jsonl::{Line, LineSplitter, Text};
use crate::limits::SNIFF_BYTES;
use crate::repair::encoding::Encoding;
use crate::repair::layout::Apart;
use crate::repair::ledger::Ledger;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Makes a batch file of a table, of JSON or of plain prompts. Memory: one row.
#[derive(Debug)]
pub struct Convert {
    encoding: Encoding,
    reader: Reader,
    rows: Rows,
}

/// What finds rows in bytes.
#[derive(Debug)]
enum Reader {
    /// What the file is needs more of it.
    Unknown(Vec<u8>),
    Table(Records),
    Lines(Box<Lines>),
}

/// A row a line, at least once the values of an array are apart.
#[derive(Debug)]
struct Lines {
    apart: Option<(Apart, Ledger)>,
    splitter: LineSplitter,
    is_json: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&Row<'_>)) {
        let values = self.apart.as_mut().map(|(apart, unseen)| apart.push(bytes, unseen));
        self.split(values.as_deref().unwrap_or(bytes), each);
    }

    fn split(&mut self, bytes: &[u8], each: &mut dyn FnMut(&Row<'_>)) {
        let mut taken = 0;
        loop {
            let mut rest = &bytes[taken..];
            let Some(line) = self.splitter.next(&mut rest) else { return };
            row(&line, self.is_json, self.apart.is_none(), each);
            taken = bytes.len() - rest.len();
        }
    }

    fn finish(&mut self, each: &mut dyn FnMut(&Row<'_>)) {
        let mut last = Vec::new();
        if let Some((apart, unseen)) = &mut self.apart {
            apart.end(&mut last, unseen);
        }
        self.split(&last, each);
        if let Some(line) = self.splitter.finish() {
            row(&line, self.is_json, self.apart.is_none(), each);
        }
    }
}

/// The row on a line, which is numbered if it is one of the file's own.
fn row(line: &Line<'_>, is_json: bool, is_own: bool, each: &mut dyn FnMut(&Row<'_>)) {
    let number = is_own.then_some(line.number);
    match line.text {
        _ if line.is_blank() => {}
        Text::TooLong => each(&Row::TooLong(number)),
        Text::Whole(text) if is_json => each(&Row::Json(text, number)),
        Text::Whole(text) => each(&Row::Text(text, line.number)),
    }
}

impl Convert {
    /// Starts at the beginning of a file.
    ///
    /// # Errors
    /// An [`ApiError`] that names the option at fault.
    pub fn new(options: ConvertOptions) -> Result<Self, ApiError> {
        line::check(&options)?;
        Ok(Self { encoding: Encoding::new(), reader: Reader::Unknown(Vec::new()), rows: Rows::new(options) })
    }

    /// Takes the next bytes of the file, cut wherever it suits, and adds the lines that they bring.
    ///
    /// # Errors
    /// What the file is instead of one with rows, or which option names a column that it has not. Nothing comes after that.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), ApiError> {
        let mut bytes = self.encoding.push(chunk, &mut |_| {});
        if let Reader::Unknown(head) = &mut self.reader {
            head.extend_from_slice(&bytes);
            if head.len() < SNIFF_BYTES {
                return Ok(());
            }
            bytes = self.known()?.into();
        }
        self.read(&bytes, out);
        self.so_far()
    }

    /// Ends the file: its last row may have no line end. Nothing may be pushed after.
    ///
    /// # Errors
    /// As with [`Self::push`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let mut rest = self.encoding.finish(&mut |_| {});
        if let Reader::Unknown(head) = &mut self.reader {
            head.append(&mut rest);
            rest = self.known()?;
        }
        self.read(&rest, out);
        let rows = &mut self.rows;
        match &mut self.reader {
            Reader::Unknown(_) => {}
            Reader::Table(records) => records.finish(&mut |record| rows.row(&Row::Record(record), out)),
            Reader::Lines(lines) => lines.finish(&mut |row| rows.row(row, out)),
        }
        self.so_far()
    }

    /// What became of the file so far.
    pub fn report(&self) -> &Converted {
        &self.rows.done
    }

    /// What the file is is known: what there is of it.
    fn known(&mut self) -> Result<Vec<u8>, ApiError> {
        let Reader::Unknown(head) = &mut self.reader else { return Ok(Vec::new()) };
        let head = std::mem::take(head);
        let text = head.strip_prefix(BOM).unwrap_or(&head);
        let ConvertOptions { from, separator, max_line_bytes, .. } = *self.rows.options();
        let found = sniff(&head);
        let kind = found.map(|found| found.kind);
        let source = from.or(match kind {
            Some(FileKind::Table(_)) => Some(ConvertFrom::Table),
            Some(FileKind::Array | FileKind::Records) => Some(ConvertFrom::Json),
            Some(FileKind::Text) => Some(ConvertFrom::Text),
            _ => None,
        });
        let Some(source) = source else {
            let is = found.map_or("a batch file already, or nothing that can be read", |found| found.is);
            let hint =
                if found.and_then(|found| found.remedy) == Some(Remedy::Fix) { ": repair it" } else { "" };
            let error = line::invalid("file", &["it is ", is, hint, "."]);
            self.rows.failed = Some(error.clone());
            return Err(error);
        };
        self.rows.done.from = Some(source);
        self.reader = if source == ConvertFrom::Table {
            let seems = match kind {
                Some(FileKind::Table(separator)) => separator,
                _ => separator::likely(text),
            };
            Reader::Table(Records::new(separator.unwrap_or(seems), max_line_bytes))
        } else {
            let is_json = source == ConvertFrom::Json;
            let apart =
                (is_json && is_apart(text)).then(|| (Apart::default(), Ledger::new(Some(Vec::new()))));
            Reader::Lines(Box::new(Lines { apart, splitter: LineSplitter::new(max_line_bytes), is_json }))
        };
        Ok(text.to_vec())
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let rows = &mut self.rows;
        match &mut self.reader {
            Reader::Unknown(_) => {}
            Reader::Table(records) => records.push(bytes, &mut |record| rows.row(&Row::Record(record), out)),
            Reader::Lines(lines) => lines.push(bytes, &mut |row| rows.row(row, out)),
        }
    }

    fn so_far(&self) -> Result<(), ApiError> {
        self.rows.failed.clone().map_or(Ok(()), Err)
    }
}

/// Whether JSON that begins so is an array, or values over several lines.
fn is_apart(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let second = text.iter().skip(1).find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    text.starts_with(b"[") || (text.starts_with(b"{") && second == Some(&b'\n'))
}
