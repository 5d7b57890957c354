//! `manifest`: what is said where there is none.

use crate::error::ApiError;
use crate::wire::Batch;

/// The batch has not ended, or did so without one.
pub fn no_manifest(Batch { id, status, .. }: &Batch) -> ApiError {
    if status.is_terminal() {
        let message = format!("Batch '{id}' has no manifest: it ended under a build that made none.");
        return ApiError::not_found(message).code("manifest_missing");
    }
    let message = format!("Batch '{id}' has no manifest yet: its status is '{}'.", status.as_str());
    ApiError::conflict(message).code("batch_not_ended")
}
