//! `list`: how many a page holds, and what it says.

use crate::error::ApiError;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE};
use crate::wire::{Batch, BatchList, ListTag};
use serde::Deserialize;

/// Parameters of `list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct ListParams {
    /// The last id of the page before; exclusive. What is no id of a batch is ignored.
    pub after: Option<String>,
    /// 1 to 100; 20 when absent.
    pub limit: Option<i64>,
}

/// How many batches a page holds.
///
/// # Errors
/// 400 for a limit below 1 or above 100: an empty page would tell a pager that there is no more.
pub fn page_limit(limit: Option<i64>) -> Result<u32, ApiError> {
    check_limit(limit, DEFAULT_PAGE, MAX_PAGE)
}

/// `limit`, from 1 to `max`.
pub(super) fn check_limit(limit: Option<i64>, default: u32, max: u32) -> Result<u32, ApiError> {
    let Some(limit) = limit else { return Ok(default) };
    let refuse = |what: &str, bound: String, code: &str| {
        ApiError::invalid_request(format!(
            "Invalid 'limit': integer {what} value. Expected a value {bound}, but got {limit} instead."
        ))
        .param("limit")
        .code(code)
    };
    if limit < 1 {
        return Err(refuse("below minimum", ">= 1".to_owned(), "integer_below_min_value"));
    }
    if limit > i64::from(max) {
        return Err(refuse("above maximum", format!("<= {max}"), "integer_above_max_value"));
    }
    Ok(limit as u32)
}

/// A page of batches.
pub fn page(data: Vec<Batch>, has_more: bool) -> BatchList {
    let first_id = data.first().map(|batch| batch.id.clone());
    let last_id = data.last().map(|batch| batch.id.clone());
    BatchList { object: ListTag::List, data, first_id, last_id, has_more }
}
