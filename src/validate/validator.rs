//! The stream: chunks of a file in, good requests and a report out.

use super::Rules;
use crate::input::jsonl::{Line, LineSplitter, Text};
use crate::json::scan::{Lines, Query};
use crate::settings::Dialect;
use crate::validate::duplicates::Seen;
use crate::validate::fault::Fault;
use crate::validate::judge::{Common, Errors, Judge, Sink, Waiting};
use crate::validate::line::Asked;
use crate::validate::models::Models;
use crate::validate::reason::Unreadable;
use crate::validate::statistics::Statistics;
use crate::wire::BatchError;
use serde::{Deserialize, Serialize};

/// How far a call came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// All bytes are taken.
    Done,
    /// A line names a model that is not known yet: look it up, call [`Validator::answer_model`], then go on
    /// with the rest.
    NeedsModel {
        /// The model's name, as long as the line has it.
        model: String,
        /// Bytes of the chunk that are taken; push the others after the answer. 0 from `finish`.
        taken: usize,
    },
}

/// What was found in a file: final after `finish`, before that the state so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The first errors, at most `max_errors`, in line order; errors of the whole file come last, and are
    /// among those kept however many the lines have.
    pub errors: Vec<BatchError>,
    /// Errors found, kept or not.
    pub error_count: u64,
    /// Lines that are not blank.
    pub request_count: u64,
    /// Lines without errors.
    pub valid_count: u64,
    /// Physical lines.
    pub line_count: u64,
    /// Bytes pushed, also those beyond the maximum.
    pub bytes: u64,
    /// The model, if all valid lines name the same.
    pub model: Option<String>,
}

/// Checks one file, in memory that does not grow with its bytes: one line, the errors kept, and up to 24 bytes
/// for each `custom_id` of the first `max_requests` requests. (Later ones are compared with those, but
/// not kept: the file has failed anyway.)
#[derive(Debug)]
pub struct Validator {
    splitter: LineSplitter,
    bytes: u64,
    /// The line that waits for its model.
    waiting: Option<Waiting>,
    ended: bool,
    /// Where the members of the line now judged are.
    query: Query<'static>,
    judge: Judge,
}

impl Validator {
    /// Starts at the beginning of a file.
    pub fn new(rules: Rules) -> Self {
        let endpoint = Asked::by(&rules.endpoint);
        Self {
            query: endpoint.query(),
            splitter: LineSplitter::new(rules.limits.max_line_bytes),
            bytes: 0,
            waiting: None,
            ended: false,
            judge: Judge {
                endpoint,
                errors: Errors {
                    kept: Vec::new(),
                    count: 0,
                    max: rules.limits.max_errors,
                    dialect: rules.dialect,
                    statistics: None,
                },
                rules,
                not_text: None,
                requests: 0,
                valid: 0,
                seen: Seen::new(),
                models: Models::default(),
                first_model: None,
                common: Common::NoLines,
            },
        }
    }

    /// Keeps statistics, from the beginning of the file on.
    #[must_use]
    pub fn with_statistics(mut self) -> Self {
        self.judge.errors.statistics = Some(Box::default());
        self
    }

    /// Takes the next bytes of the file, cut wherever it suits. Valid requests go to `sink` as their lines end.
    ///
    /// While an answer is due, nothing is taken and the question is repeated.
    pub fn push(&mut self, chunk: &[u8], sink: &mut Sink<'_>) -> Progress {
        if let Some(question) = self.question(0) {
            return question;
        }
        // Bytes beyond the maximum are counted but not scanned, so that a file fails at the same offset however it is
        // cut into chunks.
        let room = self.judge.rules.limits.max_file_bytes.saturating_sub(self.bytes);
        let within = chunk.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let mut taken = 0;
        while taken < within {
            let mut rest = &chunk[taken..within];
            let whole = self.splitter.whole_lines(rest);
            if whole.is_empty() {
                // The first line of the file, one that started in an earlier chunk or one that continues in the next.
                let Some(line) = self.splitter.next(&mut rest) else { break };
                self.waiting = self.judge.line_alone(&line, &mut self.query, sink);
                let now = within - rest.len();
                self.bytes += (now - taken) as u64;
                taken = now;
                if let Some(question) = self.question(taken) {
                    return question;
                }
                continue;
            }
            let mut lines = Lines::new(whole);
            while let Some(scanned) = lines.next(&mut self.query) {
                let line = self.splitter.pass(scanned.line);
                self.bytes += scanned.line.len() as u64;
                taken += scanned.line.len();
                self.waiting = self.judge.line(&line, scanned.json, &self.query, sink);
                if let Some(question) = self.question(taken) {
                    return question;
                }
            }
        }
        self.bytes += (chunk.len() - taken) as u64;
        Progress::Done
    }

    /// Answers [`Progress::NeedsModel`] and judges the line that asked. Without a question it does nothing.
    pub fn answer_model(&mut self, exists: bool, sink: &mut Sink<'_>) {
        let Some(Waiting { number, offset, end, text, model }) = self.waiting.take() else { return };
        self.judge.models.remember(self.judge.hash(&model), exists);
        let line = Line { number, offset, end, text: Text::Whole(&text) };
        self.waiting = self.judge.line_alone(&line, &mut self.query, sink);
    }

    /// Ends the file: its last line may have no line end. If that line names an unknown model, this must be
    /// called once more after the answer. Further calls change nothing; nothing may be pushed after.
    pub fn finish(&mut self, sink: &mut Sink<'_>) -> Progress {
        if let Some(question) = self.question(0) {
            return question;
        }
        // In a file cut off at the maximum, what remains is half a line, which cannot be judged.
        if self.bytes <= self.judge.rules.limits.max_file_bytes
            && let Some(line) = self.splitter.finish()
        {
            self.waiting = self.judge.line_alone(&line, &mut self.query, sink);
        }
        self.ended = self.waiting.is_none();
        self.question(0).unwrap_or(Progress::Done)
    }

    /// What was found so far.
    pub fn report(&self) -> Report {
        let judge = &self.judge;
        let limits = &judge.rules.limits;
        let of_file = self.errors_of_file();
        let error_count = judge.errors.count + of_file.len() as u64;
        let of_lines = limits.max_errors.saturating_sub(of_file.len());
        let mut errors: Vec<_> = judge.errors.kept.iter().take(of_lines).cloned().collect();
        errors.extend(of_file.into_iter().take(limits.max_errors));
        Report {
            errors,
            error_count,
            request_count: judge.requests,
            valid_count: judge.valid,
            line_count: self.splitter.lines(),
            bytes: self.bytes,
            model: match &judge.common {
                Common::One(model) => Some(model.clone()),
                Common::NoLines | Common::Several => None,
            },
        }
    }

    /// Drains up to `at_most` of the errors kept: for a host that keeps them itself. They count as
    /// before, and [`Validator::report`] repeats only those that were not taken.
    pub fn take_errors(&mut self, at_most: usize) -> Vec<BatchError> {
        let Errors { kept, max, .. } = &mut self.judge.errors;
        let taken: Vec<_> = kept.drain(..at_most.min(kept.len())).collect();
        *max -= taken.len();
        taken
    }

    /// What the file is like so far; `None` unless made by [`Validator::with_statistics`].
    pub fn statistics(&self) -> Option<Statistics> {
        let mut statistics = self.judge.errors.statistics.as_deref()?.clone();
        for error in self.errors_of_file() {
            statistics.error(&error.code);
        }
        Some(statistics)
    }

    #[inline(never)]
    fn errors_of_file(&self) -> Vec<BatchError> {
        let Judge { rules, requests, not_text, .. } = &self.judge;
        let too_large = self.bytes > rules.limits.max_file_bytes;
        let too_many = *requests > rules.limits.max_requests;
        // In the reference dialect an empty file is an empty batch.
        let openai = rules.dialect == Dialect::Openai;
        let nothing = self.ended && openai && *requests == 0 && not_text.is_none() && !too_large;
        let unreadable = not_text.map(Unreadable::NotText).or(nothing.then_some(Unreadable::NoRequests));
        let of_file = [
            unreadable.map(|unreadable| Fault::Unreadable(unreadable).error(rules.dialect, None)),
            too_large.then(|| rules.file_too_large()),
            too_many.then(|| rules.too_many_requests()),
        ];
        of_file.into_iter().flatten().collect()
    }

    /// Bytes held for the line being collected and the ids seen: what grows with a file. For tests and gauges.
    pub fn held(&self) -> usize {
        let waiting = self.waiting.as_ref().map_or(0, |waiting| waiting.text.capacity());
        self.splitter.held() + self.judge.seen.held() + waiting
    }

    fn question(&self, taken: usize) -> Option<Progress> {
        self.waiting.as_ref().map(|waiting| Progress::NeedsModel { model: waiting.model.clone(), taken })
    }
}
