//! `manifest`: what a batch is told by once it has ended.

use super::service::{retrieve, store_failed};
use crate::error::ApiError;
use crate::host::Host;
use crate::keys;
use crate::service::no_manifest;
use crate::settings::Settings;
use crate::wire::Batch;

/// What a batch read and wrote, and how often the model server was called, as JSON (contract §23).
///
/// # Errors
/// 404 when there is no such batch, or it ended without a manifest; 409 when it has not ended; 500 for a fault of the store.
pub async fn manifest<H: Host>(host: &H, id: &str, settings: &Settings) -> Result<Vec<u8>, ApiError> {
    manifest_of(host, &retrieve(host, id, settings).await?).await
}

/// The same of a batch as it stands.
///
/// # Errors
/// As [`manifest`], but that there is no such batch.
pub(crate) async fn manifest_of<H: Host>(host: &H, batch: &Batch) -> Result<Vec<u8>, ApiError> {
    if batch.status.is_terminal()
        && let Some(manifest) = host.kv_get(&keys::manifest(&batch.id)).await.map_err(store_failed)?
    {
        return Ok(manifest);
    }
    Err(no_manifest(batch))
}
