//! What every line is judged by, apart from the stream it comes from.

use super::Rules;
use crate::input::jsonl::{Line, Text};
use crate::input::request::RequestLine;
use crate::json::scan::{self, Json, Query, ScanError, same};
use crate::settings::Dialect;
use crate::validate::duplicates::{self, Seen};
use crate::validate::fault::Fault;
use crate::validate::line::{Asked, Fields};
use crate::validate::models::Models;
use crate::validate::reason::{self, Unreadable};
use crate::validate::statistics::Statistics;
use crate::wire::BatchError;

/// A line without errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidRequest<'a> {
    /// Physical line, 1-based.
    pub line: u64,
    /// Where the line starts in the file, in bytes.
    pub offset: u64,
    /// Where the next line starts.
    pub end: u64,
    /// What the line asks for.
    pub request: RequestLine<'a>,
}

/// Where valid requests go.
pub type Sink<'s> = dyn FnMut(ValidRequest<'_>) + 's;

/// A copy of a line: its chunk is gone when the answer comes.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) offset: u64,
    pub(super) end: u64,
    pub(super) text: Vec<u8>,
    pub(super) model: String,
}

/// Everything that is needed to judge a line, apart from the stream it comes from.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) rules: Rules,
    pub(super) endpoint: Asked,
    pub(super) errors: Errors,
    /// What the file is instead of lines of JSON; then its lines mean nothing.
    pub(super) not_text: Option<&'static str>,
    pub(super) requests: u64,
    pub(super) valid: u64,
    pub(super) seen: Seen,
    pub(super) models: Models,
    /// Hash of the first model any line names, for `single_model`.
    pub(super) first_model: Option<u128>,
    pub(super) common: Common,
}

/// The errors of the lines.
#[derive(Debug)]
pub(super) struct Errors {
    pub(super) kept: Vec<BatchError>,
    pub(super) count: u64,
    /// How many may be kept or have been taken.
    pub(super) max: usize,
    pub(super) dialect: Dialect,
    /// Only where they are asked for.
    pub(super) statistics: Option<Box<Statistics>>,
}

/// The model of the valid lines so far.
#[derive(Debug)]
pub(super) enum Common {
    NoLines,
    One(String),
    Several,
}

impl Judge {
    /// Scans a line and judges it.
    pub(super) fn line_alone(
        &mut self,
        line: &Line<'_>,
        query: &mut Query<'static>,
        sink: &mut Sink<'_>,
    ) -> Option<Waiting> {
        let scanned = match line.text {
            Text::TooLong => Err(ScanError),
            Text::Whole(text) => scan::scan(text, query),
        };
        self.line(line, scanned, query, sink)
    }

    /// Judges a line, or gives it back if its model must be asked first: then nothing was counted.
    pub(super) fn line(
        &mut self,
        line: &Line<'_>,
        scanned: Result<Json<'_>, ScanError>,
        query: &Query<'static>,
        sink: &mut Sink<'_>,
    ) -> Option<Waiting> {
        if line.is_blank() || self.not_text.is_some() {
            return None;
        }
        let fields = match line.text {
            Text::TooLong => Err(Fault::Unreadable(Unreadable::LongLine(
                line.end - line.offset,
                self.rules.limits.max_line_bytes,
            ))),
            Text::Whole(text) => Fields::of(text, scanned, query),
        };
        let fields = match fields {
            Ok(fields) => fields,
            Err(fault) => {
                self.unreadable(line, fault);
                return None;
            }
        };
        let compared = self.rules.check_models || self.rules.single_model;
        let model = fields.model.as_deref().filter(|_| compared).map(|name| (name, self.hash(name)));
        let exists = match (model, &line.text) {
            (Some((name, hash)), Text::Whole(text)) if self.rules.check_models => {
                let Some(exists) = self.models.exists(hash) else {
                    let &Line { number, offset, end, .. } = line;
                    return Some(Waiting {
                        number,
                        offset,
                        end,
                        text: text.to_vec(),
                        model: name.to_owned(),
                    });
                };
                exists
            }
            _ => true,
        };

        self.count(line, fields.model.as_deref());
        let errors_before = self.errors.count;
        let request =
            fields.judge(&self.rules, &self.endpoint, &mut |fault| self.errors.add(line.number, fault));
        if let Some((name, hash)) = model {
            if !exists {
                self.errors.add(line.number, Fault::UnknownModel(name));
            }
            if self.rules.single_model && *self.first_model.get_or_insert(hash) != hash {
                self.errors.add(line.number, Fault::OtherModel(name));
            }
        }
        if let Some(id) = fields.custom_id.as_deref() {
            let hash = self.hash(id);
            let kept = self.requests <= self.rules.limits.max_requests;
            let is_new = if kept { self.seen.insert(hash) } else { !self.seen.contains(hash) };
            if !is_new {
                self.errors.add(line.number, Fault::Duplicate(id));
            }
        }
        if let Some(request) = request
            && self.errors.count == errors_before
        {
            self.valid += 1;
            self.common.add(request.model.as_deref());
            sink(ValidRequest { line: line.number, offset: line.offset, end: line.end, request });
        }
        None
    }

    /// A line that is not an object. The first may show that the file is not JSON Lines at all.
    #[inline(never)]
    fn unreadable(&mut self, line: &Line<'_>, fault: Fault<'_>) {
        if let (0, Fault::Unreadable(Unreadable::NotJson(text))) = (self.requests, fault) {
            self.not_text = reason::of_file(text);
            if self.not_text.is_some() {
                return;
            }
        }
        self.count(line, None);
        self.errors.add(line.number, fault);
    }

    #[inline(always)]
    fn count(&mut self, line: &Line<'_>, model: Option<&str>) {
        self.requests += 1;
        if let Some(statistics) = &mut self.errors.statistics {
            statistics.request(line.number, line.end - line.offset, model);
        }
    }

    pub(super) fn hash(&self, text: &str) -> u128 {
        duplicates::hash(self.rules.hash_key, text.as_bytes())
    }
}

impl Errors {
    fn add(&mut self, line: u64, fault: Fault<'_>) {
        self.count += 1;
        if let Some(statistics) = &mut self.statistics {
            statistics.error(fault.code(self.dialect));
        }
        if self.kept.len() < self.max {
            self.kept.push(fault.error(self.dialect, Some(line)));
        }
    }
}

impl Common {
    fn add(&mut self, model: Option<&str>) {
        match (&*self, model) {
            (Self::One(common), Some(model)) if same(common.as_bytes(), model.as_bytes()) => {}
            (Self::NoLines, Some(model)) => *self = Self::One(model.to_owned()),
            _ => *self = Self::Several,
        }
    }
}
