//! The error of a batch whose input file exists but cannot be read, which will not change.

use crate::result::output_line::UNREADABLE;
use crate::wire::BatchError;

pub(super) fn unreadable(message: &str) -> BatchError {
    BatchError {
        code: UNREADABLE.to_owned(),
        message: format!("The input file cannot be read: {message}"),
        param: Some("input_file_id".to_owned()),
        line: None,
        column: None,
        reason: None,
    }
}
