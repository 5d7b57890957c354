//! Rows to lines, and what is said of those that cannot be.

use crate::convert::line;
use crate::convert::members::{Member, Members};
use crate::convert::table::{Flaw, Record};
use crate::convert::template::{Cell, NUMBER, Template};
use crate::convert::{ConvertFrom, ConvertOptions};
use crate::error::ApiError;
use crate::json::explain::explain;
use crate::limits::MAX_ERRORS_KEPT;
use crate::wire::BatchError;
use serde::Serialize;

/// The column of a file without columns.
const TEXT: &str = "prompt";

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Converted {
    /// What it was read as; none before that is known.
    pub from: Option<ConvertFrom>,
    /// Its columns: of a table, those of its header, of JSON, the members of the first object.
    pub columns: Vec<String>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were made lines.
    pub written: u64,
    /// Why the others were not, the first 1,000 of them.
    pub errors: Vec<BatchError>,
    /// How many these are.
    pub error_count: u64,
}

/// A row as it is read.
#[derive(Debug)]
pub(super) enum Row<'a> {
    Record(&'a Record<'a>),
    /// JSON, not yet scanned, and its line.
    Json(&'a [u8], Option<u64>),
    Text(&'a [u8], u64),
    TooLong(Option<u64>),
}

impl Row<'_> {
    fn line(&self) -> Option<u64> {
        match *self {
            Row::Record(record) => Some(record.line),
            Row::Text(_, line) => Some(line),
            Row::Json(_, line) | Row::TooLong(line) => line,
        }
    }
}

/// Makes lines of rows.
#[derive(Debug)]
pub(super) struct Rows {
    options: ConvertOptions,
    template: Option<Template>,
    /// Of a table: where the columns that the template needs stand.
    places: Vec<Option<usize>>,
    pub(super) failed: Option<ApiError>,
    pub(super) done: Converted,
}

impl Rows {
    pub(super) fn new(options: ConvertOptions) -> Self {
        let done = Converted {
            from: None,
            columns: Vec::new(),
            rows: 0,
            written: 0,
            errors: Vec::new(),
            error_count: 0,
        };
        Self { options, template: None, places: Vec::new(), failed: None, done }
    }

    pub(super) fn options(&self) -> &ConvertOptions {
        &self.options
    }

    /// Adds the line of a row. After a failure nothing is added.
    pub(super) fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        if self.failed.is_some() {
            return;
        }
        if let (Row::Record(header), None) = (row, &self.template) {
            self.header(header);
            return;
        }
        self.done.rows += 1;
        let start = out.len();
        match self.line(row, out) {
            Ok(()) => self.done.written += 1,
            Err(why) => {
                out.truncate(start);
                self.refuse(row.line(), &why);
            }
        }
    }

    fn header(&mut self, header: &Record<'_>) {
        if let Some(flaw) = header.flaw {
            return self.fail("its header cannot be read. ", about(flaw));
        }
        let mut columns = Vec::with_capacity(header.ends.len());
        for name in header.fields() {
            let Ok(name) = utf8(name) else { return self.fail("its header is not UTF-8", ".") };
            columns.push(name.to_owned());
        }
        self.begin(columns);
        let columns = &self.done.columns;
        for needed in self.template.iter().flat_map(|template| &template.needed) {
            let place = columns.iter().position(|column| *column == needed.name);
            if place.is_some_and(|at| columns[at + 1..].contains(&needed.name)) {
                let reason = [&needed.name, "'."].concat();
                return self.fail("it has several columns '", &reason);
            }
            self.places.push(place);
        }
    }

    /// The columns are known: so is the line.
    fn begin(&mut self, columns: Vec<String>) {
        match line::line(&self.options, &columns) {
            Ok(template) => self.template = Some(template),
            Err(error) => self.failed = Some(error),
        }
        self.done.columns = columns;
    }

    fn fail(&mut self, reason: &str, more: &str) {
        self.failed = Some(line::invalid("file", &[reason, more]));
    }

    fn line(&mut self, row: &Row<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        let members = match *row {
            Row::TooLong(_) => return Err(about(Flaw::TooLong).to_owned()),
            Row::Record(record) => {
                check_fields(record, self.done.columns.len())?;
                Vec::new()
            }
            Row::Text(..) => Vec::new(),
            Row::Json(json, _) => members_of(json)?,
        };
        if self.template.is_none() {
            let names = members.iter().map(|(name, _)| name.to_string());
            self.begin(if matches!(row, Row::Text(..)) { vec![TEXT.to_owned()] } else { names.collect() });
        }
        let Some(template) = &self.template else { return Ok(()) };
        let number = self.done.rows.to_string();
        let mut cells = Vec::with_capacity(template.needed.len());
        for (at, needed) in template.needed.iter().enumerate() {
            cells.push(match *row {
                _ if needed.name == NUMBER => Cell::Text(&number),
                Row::Record(record) => Cell::Text(utf8(record.field(self.places[at].unwrap_or_default()))?),
                Row::Text(text, _) => Cell::Text(utf8(text)?),
                _ => {
                    // Of several members with one name the last counts.
                    let member = members.iter().rev().find(|(name, _)| *name == needed.name);
                    let Some((_, value)) = member else {
                        return Err(["It has no '", &needed.name, "'."].concat());
                    };
                    Cell::Json(value)
                }
            });
        }
        for (needed, cell) in template.needed.iter().zip(&cells) {
            if needed.param == "custom_id" && cell.text().trim_ascii().is_empty() {
                return Err(["Its '", &needed.name, "' is empty."].concat());
            }
        }
        template.fill(&cells, out)
    }

    fn refuse(&mut self, line: Option<u64>, why: &str) {
        self.done.error_count += 1;
        if self.done.errors.len() < MAX_ERRORS_KEPT {
            // Of an array it is not known which line a row is on.
            let row = if line.is_none() {
                ["Row ", &self.done.rows.to_string(), ": "].concat()
            } else {
                String::new()
            };
            self.done.errors.push(BatchError {
                code: "invalid_row".to_owned(),
                message: [&row, why].concat(),
                param: None,
                line,
                column: None,
                reason: None,
            });
        }
    }
}

fn check_fields(record: &Record<'_>, columns: usize) -> Result<(), String> {
    if let Some(flaw) = record.flaw {
        return Err(about(flaw).to_owned());
    }
    let found = record.ends.len();
    if found == columns {
        return Ok(());
    }
    let fields = if found == 1 { " field, the header " } else { " fields, the header " };
    Err(["It has ", &found.to_string(), fields, &columns.to_string(), "."].concat())
}

/// The members of an object; a text is one.
fn members_of(json: &[u8]) -> Result<Vec<Member<'_>>, String> {
    if let Some(fault) = explain(json) {
        return Err(["It is no JSON: ", &fault.message()].concat());
    }
    match json.trim_ascii() {
        json @ [b'"', ..] => Ok(vec![(TEXT.into(), json)]),
        json @ [b'{', ..] => Ok(Members::of(json).collect()),
        _ => Err("It is neither an object nor a text.".to_owned()),
    }
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    str::from_utf8(text).map_err(|_| "It is not UTF-8: save the file as UTF-8.".to_owned())
}

fn about(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::TooLong => "It is longer than a line may be.",
        Flaw::Stray => "Text follows a closing quote: a quote within quotes is doubled.",
        Flaw::Unclosed => {
            "A quote that is opened here has no end: the rest of the file was read as its text."
        }
    }
}
