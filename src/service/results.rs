//! `results`: where a page of them begins, what it holds, and what is said where there is none.

use super::list::check_limit;
use crate::error::ApiError;
use crate::limits::{MAX_RESULTS_PAGE, RESULTS_PAGE_BYTES};
use serde::Deserialize;

/// Parameters of `results`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct ResultsParams {
    /// What the page before ended with; exclusive.
    pub after: Option<String>,
    /// Lines at most: 1 to 10,000, which is the default.
    pub limit: Option<i64>,
}

/// How the results of a batch follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultsOrder {
    /// As they came: of a batch that somebody followed before it ended.
    Completion,
    /// As they stand in the output file, and then in the error file.
    Files,
}

impl ResultsOrder {
    /// What a cursor begins with.
    pub fn letter(self) -> char {
        match self {
            Self::Completion => 'c',
            Self::Files => 'f',
        }
    }
}

/// A place in the results of a batch: bytes of lines that come before it, by this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which order.
    pub order: ResultsOrder,
    /// Bytes of the lines before.
    pub offset: u64,
}

/// Some lines of a batch's results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsPage {
    /// Where the first line begins. The next page is after this and the bytes of `lines`.
    pub from: Cursor,
    /// Whole lines of the output or error file, byte for byte.
    pub lines: Vec<u8>,
    /// Whether more are there, or may come.
    pub incomplete: bool,
    /// How many more lines it may take.
    room: u32,
}

impl ResultsPage {
    /// An empty page.
    pub fn new(from: Cursor, limit: u32) -> Self {
        Self { from, lines: Vec::new(), incomplete: true, room: limit }
    }

    /// Where the next line begins.
    pub fn end(&self) -> u64 {
        self.from.offset + self.lines.len() as u64
    }

    /// Adds a line if there is room.
    #[must_use]
    pub fn take(&mut self, line: &[u8]) -> bool {
        let fits = self.lines.is_empty() || self.lines.len() + line.len() <= RESULTS_PAGE_BYTES;
        let taken = self.room > 0 && fits;
        if taken {
            self.room -= 1;
            self.lines.extend_from_slice(line);
        }
        taken
    }
}

/// Where a page begins, if that is said, and how many lines it holds.
///
/// # Errors
/// 400 for what no page ended with, and for a limit out of range.
pub fn check_results(params: &ResultsParams) -> Result<(Option<Cursor>, u32), ApiError> {
    let limit = check_limit(params.limit, MAX_RESULTS_PAGE, MAX_RESULTS_PAGE)?;
    let Some(after) = params.after.as_deref().filter(|after| !after.is_empty()) else {
        return Ok((None, limit));
    };
    let read = |order: ResultsOrder| {
        let digits = after.strip_prefix(order.letter())?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(Cursor { order, offset: digits.parse().ok().filter(|_| is_plain)? })
    };
    match read(ResultsOrder::Completion).or_else(|| read(ResultsOrder::Files)) {
        Some(cursor) => Ok((Some(cursor), limit)),
        None => Err(no_such_place(after)),
    }
}

/// A cursor that no page ended with.
pub fn no_such_place(after: &str) -> ApiError {
    let after: String = after.chars().take(40).collect();
    let message = format!(
        "Invalid 'after': '{after}'. Expected the 'X-Last-Line' of an earlier page of this batch's results."
    );
    ApiError::invalid_request(message).param("after").code("invalid_value")
}

/// The order of a cursor is not known any more.
pub fn order_lost(id: &str) -> ApiError {
    let message = format!(
        "The order in which the results of batch '{id}' came is not known any more. Read them from their beginning, \
         without 'after', or fetch its files."
    );
    ApiError::conflict(message).param("after").code("results_order_lost")
}

/// A file that had the results is gone.
pub fn file_gone(id: &str, file: &str) -> ApiError {
    let message =
        format!("The results of batch '{id}' are gone: its file '{file}' was deleted or has expired.");
    ApiError::not_found(message).code("results_gone")
}

/// What is stored of the results cannot be read.
pub fn unreadable(id: &str) -> ApiError {
    ApiError::internal(format!(
        "What is stored of the results of batch '{id}' is damaged. Wait for its files, which are written when it ends."
    ))
}
