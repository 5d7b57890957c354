//! Rows to lines, and what is said of those that cannot be.

use crate::convert::line;
use crate::convert::members::Members;
use crate::convert::table::{Flaw, Record};
use crate::convert::template::{Cell, NUMBER, Template, text_of};
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
        let names = header.fields().map(|name| str::from_utf8(name).map(str::to_owned));
        let Ok(names) = names.collect::<Result<Vec<_>, _>>() else {
            return self.fail("the header is not UTF-8: save the table as UTF-8.");
        };
        match header.flaw {
            None => self.begin(names),
            Some(flaw) => self.fail(&["its header cannot be read. ", about(flaw)].concat()),
        }
        let Some(template) = &self.template else { return };
        let columns = &self.done.columns;
        let place = |name: &String| columns.iter().position(|column| column == name);
        self.places = template.needed.iter().map(|needed| place(&needed.name)).collect();
        let twice = self.places.iter().flatten().find(|&&at| columns[at + 1..].contains(&columns[at]));
        if let Some(&at) = twice {
            let reason = ["it has several columns '", &columns[at], "'."].concat();
            self.fail(&reason);
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

    fn fail(&mut self, reason: &str) {
        self.failed = Some(line::invalid("file", reason));
    }

    fn line(&mut self, row: &Row<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        let number = self.done.rows.to_string();
        let number = || Cell::Text(number.as_str().into());
        let cells = match *row {
            Row::TooLong(_) => return Err(about(Flaw::TooLong).to_owned()),
            Row::Record(record) => {
                let fields = fields_of(record, self.done.columns.len())?;
                self.places
                    .iter()
                    .map(|place| place.map_or_else(number, |at| Cell::Text(fields[at].into())))
                    .collect()
            }
            Row::Text(text, _) => {
                let text = utf8(text)?;
                if self.template.is_none() {
                    self.begin(vec![TEXT.to_owned()]);
                }
                let names = self.template.iter().flat_map(|template| &template.needed);
                names
                    .map(|needed| if needed.name == NUMBER { number() } else { Cell::Text(text.into()) })
                    .collect()
            }
            Row::Json(json, _) => {
                if let Some(fault) = explain(json) {
                    return Err(["It is no JSON: ", &fault.message()].concat());
                }
                let members: Vec<_> = match json.trim_ascii() {
                    json @ [b'"', ..] => vec![(TEXT.into(), json)],
                    json @ [b'{', ..] => Members::of(json).collect(),
                    _ => return Err("It is neither an object nor a text.".to_owned()),
                };
                if self.template.is_none() {
                    self.begin(members.iter().map(|(name, _)| name.clone().into_owned()).collect());
                }
                let names = self.template.iter().flat_map(|template| &template.needed);
                let cell = |name: &str| {
                    let member = members.iter().rev().find(|(member, _)| member == name);
                    let none = || ["It has no '", name, "'."].concat();
                    member.map(|&(_, value)| Cell::Json(value)).ok_or_else(none)
                };
                names
                    .map(|needed| if needed.name == NUMBER { Ok(number()) } else { cell(&needed.name) })
                    .collect::<Result<Vec<_>, _>>()?
            }
        };
        let Some(template) = &self.template else { return Ok(()) };
        let id = template.needed.iter().zip(&cells).find(|(needed, _)| needed.param == "custom_id");
        if let Some((needed, cell)) = id {
            let is_blank = match cell {
                Cell::Text(text) => text.trim_ascii().is_empty(),
                Cell::Json(json) => text_of(json).trim_ascii().is_empty(),
            };
            if is_blank {
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

fn fields_of<'a>(record: &Record<'a>, columns: usize) -> Result<Vec<&'a str>, String> {
    if let Some(flaw) = record.flaw {
        return Err(about(flaw).to_owned());
    }
    let found = record.ends.len();
    if found != columns {
        let fields = if found == 1 { " field, the header " } else { " fields, the header " };
        return Err(["It has ", &found.to_string(), fields, &columns.to_string(), "."].concat());
    }
    record.fields().map(utf8).collect()
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
