//! Moving a batch to another host: which batches may go, the stream that one goes by, and what a host takes.
//!
//! A stream is a line of JSON that says what it is, and frames: the batch and its checkpoint, every record that only its run
//! reads, the bytes of its input in pieces, and an end with the SHA-256 of all that came before it.

use crate::digest::Digesting;
use crate::error::ApiError;
use crate::json::record::from_json;
use crate::limits::MAX_FRAME_BYTES;
use crate::settings::Settings;
use crate::wire::{Batch, BatchStatus, EXPORT_FORMAT, EXPORT_VERSION, Exported};

/// Bytes of the first line: it has a name of a file.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Bytes before a frame's key: its kind, and the lengths of key and value.
const FRAME_HEAD: usize = 7;

/// Whether a batch may be on its way: one that is about to end ends where it is.
pub fn may_move(batch: &Batch) -> bool {
    matches!(batch.status, BatchStatus::Validating | BatchStatus::InProgress)
}

/// Whether a batch may be moved to another host.
///
/// # Errors
/// 409 for one that has ended or is about to, and for one that takes over results of a batch which is here.
pub fn check_move(batch: &Batch, is_cancelled: bool) -> Result<(), ApiError> {
    let takes_over = batch.continued().is_some_and(|continued| continued.reused.is_none());
    if may_move(batch) && !is_cancelled && !takes_over {
        return Ok(());
    }
    let status = if is_cancelled { "cancelling" } else { batch.status.as_str() };
    let message = format!("Cannot move batch '{}' with status '{status}'.", batch.id);
    Err(conflict("batch_not_movable", message))
}

/// The batch is on its way: nothing else is done with it.
pub fn is_moving(batch: &Batch) -> ApiError {
    let message = format!("Batch '{}' is being moved to another host.", batch.id);
    conflict("batch_moving", message)
}

/// The batch is not on its way by this fence.
pub fn check_fence(id: &str) -> ApiError {
    let message = format!("Batch '{id}' is not being moved by this export.");
    conflict("export_superseded", message).param("fence")
}

/// A batch of this id is here, and not by this stream.
pub fn already_moved(id: &str) -> ApiError {
    conflict("batch_exists", format!("There is a batch '{id}' here already."))
}

/// Another import of the batch has begun.
pub fn superseded(id: &str) -> ApiError {
    conflict("import_superseded", format!("Another import of batch '{id}' has begun."))
}

#[inline(never)]
fn conflict(code: &str, message: String) -> ApiError {
    ApiError::conflict(message).code(code)
}

/// What a frame brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The batch, as users see it.
    Batch = b'b' as isize,
    /// Its checkpoint.
    Checkpoint = b'c' as isize,
    /// A record under its key.
    Record = b'r' as isize,
    /// Bytes of the input.
    Input = b'i' as isize,
    /// Size and sum of all that came before.
    End = b'e' as isize,
}

/// What a frame brings, its key, and its value.
pub type Frame<'a> = (FrameKind, &'a str, &'a [u8]);

/// Appends a frame.
pub fn frame(to: &mut Vec<u8>, kind: FrameKind, key: &str, value: &[u8]) {
    to.push(kind as u8);
    to.extend_from_slice(&(key.len() as u16).to_be_bytes());
    to.extend_from_slice(&(value.len() as u32).to_be_bytes());
    to.extend_from_slice(key.as_bytes());
    to.extend_from_slice(value);
}

/// Takes a stream apart as it comes, and checks its sum.
#[derive(Debug, Default)]
pub struct Unframe {
    held: Vec<u8>,
    /// Bytes of `held` that are done with.
    at: usize,
    digest: Digesting,
    exported: Option<Exported>,
    /// The sum of the whole stream, once its end has come.
    sum: Option<String>,
}

impl Unframe {
    /// More of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.at);
        self.at = 0;
        self.held.extend_from_slice(bytes);
    }

    /// What the stream says it brings, once that is known.
    ///
    /// # Errors
    /// 400 when it is no such stream, or of another version.
    pub fn exported(&mut self) -> Result<Option<&Exported>, ApiError> {
        if self.exported.is_none() {
            let Some(end) = self.held.iter().take(MAX_HEADER_BYTES).position(|&byte| byte == b'\n') else {
                return if self.held.len() < MAX_HEADER_BYTES { Ok(None) } else { Err(no_export()) };
            };
            self.exported = Some(read_header(&self.held[..end])?);
            self.digest.update(&self.held[..=end]);
            self.at = end + 1;
        }
        Ok(self.exported.as_ref())
    }

    /// The next frame, if all of it has come.
    ///
    /// # Errors
    /// 400 when the stream is damaged.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, ApiError> {
        let rest = &self.held[self.at..];
        if self.exported.is_none() || rest.is_empty() {
            return Ok(None);
        }
        if self.sum.is_some() {
            return Err(damaged());
        }
        let Some((head, content)) = rest.split_first_chunk::<FRAME_HEAD>() else { return Ok(None) };
        let kind = match head[0] {
            b'b' => FrameKind::Batch,
            b'c' => FrameKind::Checkpoint,
            b'r' => FrameKind::Record,
            b'i' => FrameKind::Input,
            b'e' => FrameKind::End,
            _ => return Err(damaged()),
        };
        let key = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let value = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
        if value > MAX_FRAME_BYTES {
            return Err(damaged());
        }
        if content.len() < key + value {
            return Ok(None);
        }
        let size = FRAME_HEAD + key + value;
        if kind == FrameKind::End {
            let sum = std::mem::take(&mut self.digest).finish();
            if content[..value] != *sum.as_bytes() {
                return Err(damaged());
            }
            self.sum = Some(sum);
        } else {
            self.digest.update(&rest[..size]);
        }
        let (key, value) = content[..key + value].split_at(key);
        self.at += size;
        Ok(Some((kind, std::str::from_utf8(key).map_err(|_| damaged())?, value)))
    }

    /// What all of the stream sums up to.
    ///
    /// # Errors
    /// 400 when its end has not come.
    pub fn whole(&self) -> Result<&str, ApiError> {
        self.sum
            .as_deref()
            .ok_or_else(|| ApiError::invalid_request("The export is cut off.").code("export_cut_off"))
    }
}

fn read_header(line: &[u8]) -> Result<Exported, ApiError> {
    let exported: Exported = from_json(line).map_err(|_| no_export())?;
    if exported.format != EXPORT_FORMAT {
        return Err(no_export());
    }
    if exported.version != EXPORT_VERSION {
        let message = format!("The export has a layout of edgebatch {}.", exported.edgebatch);
        return Err(ApiError::invalid_request(message).code("unsupported_export_version"));
    }
    if super::is_id(&exported.id) { Ok(exported) } else { Err(damaged()) }
}

fn no_export() -> ApiError {
    ApiError::invalid_request("This is no export of a batch.").code("invalid_export")
}

/// The stream is not as it was written.
pub fn damaged() -> ApiError {
    ApiError::invalid_request("The export is damaged.").code("export_damaged")
}

/// Whether a host with these settings takes a batch, and its input.
///
/// # Errors
/// 400 that names what it does not take.
pub fn check_input(batch: &Batch, bytes: u64, settings: &Settings) -> Result<(), ApiError> {
    let parts = if batch.is_split() { settings.max_parts.into() } else { 1 };
    let limits = &settings.limits;
    let (param, what) = if !may_move(batch) {
        ("status", "it has ended")
    } else if !settings.endpoints.contains(&batch.endpoint) {
        ("endpoint", "its endpoint is not among those that are set")
    } else if bytes > limits.max_file_bytes {
        ("input_file_id", "its input is too large")
    } else if batch.request_counts.total > limits.max_requests.saturating_mul(parts) {
        ("input_file_id", "it has too many requests")
    } else {
        return Ok(());
    };
    let message = format!("This host does not take the batch: {what}.");
    Err(ApiError::invalid_request(message).param(param).code("batch_not_importable"))
}
