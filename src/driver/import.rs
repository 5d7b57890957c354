//! A batch that comes as a stream. Its records are stored as they come, where nobody sees them, and it is a batch of this host in
//! one write, once all has come and its sum is right.

use super::service::store_failed;
use super::store::{Entry, Later, get, published, put, some};
use crate::batch::{Unreadable, checkpointed, with_input};
use crate::error::ApiError;
use crate::host::Host;
use crate::json::record::from_json;
use crate::json::value::to_json;
use crate::keys;
use crate::limits::{IMPORT_STALE_MS, LISTED, MAX_PAGE, SAVE_BYTES, SAVE_RESULTS};
use crate::service::{FrameKind, Unframe, already_moved, check_input, damaged, superseded};
use crate::settings::Settings;
use crate::wire::{Batch, Exported, Hold};
use std::pin::Pin;

/// The input that comes with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedInput {
    /// As it is called where it comes from.
    pub id: String,
    /// Its name.
    pub filename: String,
    /// Its size.
    pub bytes: u64,
}

/// Stands somewhere in a stream.
#[derive(Debug, Default)]
pub struct Import {
    frames: Unframe,
    exported: Option<Exported>,
    batch: Option<Box<Batch>>,
    checkpoint: Option<Vec<u8>>,
    staged: Vec<Entry>,
    staged_bytes: usize,
    input_bytes: u64,
    nonce: u64,
    /// What marks this import in the store, as it was last written.
    mark: Option<Vec<u8>>,
    /// What this batch last came by, or went by: the sum of a stream, or a fence. That stream makes no batch again.
    came_by: Option<Vec<u8>>,
    /// It is here: no other stream is taken.
    is_here: bool,
}

impl Import {
    /// More of the stream: what there is to know of the input, once that is known, and bytes of it, which are in order.
    ///
    /// # Errors
    /// 400 when the stream is damaged, or brings what this host does not take; 409 when the batch is here; 500 for a fault of the
    /// store. Then [`abort`](Self::abort) clears away what was stored.
    pub async fn push<H: Host>(
        &mut self,
        host: &H,
        bytes: &[u8],
        settings: &Settings,
    ) -> Result<(Option<ImportedInput>, Vec<u8>), ApiError> {
        self.frames.push(bytes);
        let (mut input, mut input_bytes) = (None, Vec::new());
        if self.exported.is_none()
            && let Some(exported) = self.frames.exported()?.cloned()
        {
            self.begin(host, &exported.id).await?;
            if !self.is_here {
                input = Some(ImportedInput {
                    id: exported.input_id.clone(),
                    filename: exported.input_filename.clone(),
                    bytes: exported.input_bytes,
                });
            }
            self.exported = Some(exported);
        }
        while self.take(settings, &mut input_bytes)? {
            self.store(host).await?;
        }
        Ok((input, input_bytes))
    }

    /// Takes frames that have come; stops where enough is gathered to be stored.
    fn take(&mut self, settings: &Settings, input_bytes: &mut Vec<u8>) -> Result<bool, ApiError> {
        let Some(exported) = &self.exported else { return Ok(false) };
        let id = &exported.id;
        while let Some((kind, key, value)) = self.frames.next_frame()? {
            let fits = match kind {
                FrameKind::Batch => {
                    let batch: Batch = from_json(value).map_err(|_| damaged())?;
                    check_input(&batch, exported.input_bytes, settings)?;
                    let fits = batch.id == *id;
                    self.batch = Some(Box::new(batch));
                    fits
                }
                FrameKind::Checkpoint => {
                    let of = checkpointed(value).map_err(unsupported)?;
                    self.checkpoint = Some(value.to_vec());
                    of.id == *id
                }
                FrameKind::Record => {
                    self.staged_bytes += value.len();
                    self.staged.push((key.to_owned(), Some(value.to_vec())));
                    keys::of_run(id).iter().any(|of| key.starts_with(of))
                }
                FrameKind::Input => {
                    self.input_bytes += value.len() as u64;
                    if !self.is_here {
                        input_bytes.extend_from_slice(value);
                    }
                    true
                }
                FrameKind::End => true,
            };
            if !fits {
                return Err(damaged());
            }
            if self.staged_bytes >= SAVE_BYTES || self.staged.len() >= SAVE_RESULTS {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether all of it has come as it was sent.
    ///
    /// # Errors
    /// 400 when it has not.
    pub fn check(&self) -> Result<(), ApiError> {
        self.frames.whole()?;
        let is_whole = self.batch.is_some()
            && self.checkpoint.is_some()
            && self.exported.as_ref().is_some_and(|exported| exported.input_bytes == self.input_bytes);
        match is_whole {
            true if self.is_here && !self.is_known() => Err(already_moved(self.id())),
            true => Ok(()),
            false => Err(damaged()),
        }
    }

    /// Whether the batch came by this stream before, or went by it.
    fn is_known(&self) -> bool {
        let (Some(came_by), Some(exported)) = (&self.came_by, &self.exported) else { return false };
        *came_by == *exported.fence.as_bytes()
            || self.frames.whole().is_ok_and(|whole| *came_by == *whole.as_bytes())
    }

    /// Makes it a batch of this host, whose input is `file_id` here; gives it with the fence by which its source is settled. Where it
    /// came by the same stream before, nothing is done.
    ///
    /// # Errors
    /// As of [`check`](Self::check); 409 when another import has taken this one's place, 500 for a fault of the store.
    pub async fn commit<H: Host>(&mut self, host: &H, file_id: &str) -> Result<(String, String), ApiError> {
        self.check()?;
        let known = self.is_known();
        let (Some(exported), Some(mut batch), Some(checkpoint)) =
            (self.exported.clone(), self.batch.take(), self.checkpoint.take())
        else {
            return Err(damaged());
        };
        let paused = exported.paused_at.map(|since| Hold::Paused(since).encode());
        let is_watched = exported.is_watched;
        let id = &exported.id;
        if known {
            self.abort(host).await?;
            return Ok((exported.id, exported.fence));
        }
        self.store(host).await?;
        file_id.clone_into(&mut batch.input_file_id);
        let run = with_input(&checkpoint, file_id)?;
        host.hold_input(id, file_id).await.map_err(store_failed)?;
        let name = self.frames.whole()?.as_bytes();
        let json = to_json(batch.as_ref());
        // In an order that a crash cannot spoil where writes are not atomic: what users can see is one that runs, and what runs
        // is cleared away by nobody.
        let mut writes: Vec<Entry> = vec![(keys::imported(id), Some(name.to_vec()))];
        let mut set = |key: String, value: Option<Vec<u8>>| writes.push((key, value));
        if paused.is_some() {
            set(keys::pause(id), paused);
        }
        if is_watched {
            set(keys::watch(id), Some(b"1".to_vec()));
        }
        if batch.priority() != 0 {
            set(keys::PRIORITIES.to_owned(), Some(b"1".to_vec()));
        }
        set(keys::run(id), Some(run));
        set(keys::batch(id), Some(json));
        set(keys::importing(id), None);
        let checks = vec![(keys::importing(id), self.mark.clone()), (keys::run(id), None)];
        if !put(host, writes, checks).await? {
            return Err(superseded(id));
        }
        self.mark = None;
        Ok((exported.id, exported.fence))
    }

    /// Clears away what was stored of it.
    ///
    /// # Errors
    /// 500 for a fault of the store: [`sweep_imports`] does it then.
    pub async fn abort<H: Host>(&mut self, host: &H) -> Result<(), ApiError> {
        match self.mark.take() {
            Some(mark) => clear(host, self.id(), &mark).await,
            None => Ok(()),
        }
    }

    fn id(&self) -> &str {
        self.exported.as_ref().map_or("", |exported| &exported.id)
    }

    /// Looks whether a batch of this id may come, and marks that it does.
    async fn begin<H: Host>(&mut self, host: &H, id: &str) -> Result<(), ApiError> {
        let found = published(host, id).await?;
        self.came_by = get(host, keys::imported(id)).await?;
        self.is_here = found.is_some_and(|batch| !batch.is_moved());
        if self.is_here {
            return if self.came_by.is_some() { Ok(()) } else { Err(already_moved(id)) };
        }
        // What is left of it here, as it moved on, is deleted first.
        if get(host, keys::run(id)).await?.is_some() {
            return Err(already_moved(id));
        }
        sweep_imports(host).await?;
        self.nonce = host.random();
        let key = keys::importing(id);
        let before = get(host, key.clone()).await?;
        let mark = self.next_mark(host);
        let writes = vec![(key.clone(), Some(mark.clone()))];
        if !put(host, writes, vec![(key, before.clone())]).await? {
            return Err(superseded(id));
        }
        if before.is_some() {
            // Of one that was cut off, or still comes: that one stores nothing any more.
            delete_records(host, id).await?;
        }
        self.mark = Some(mark);
        Ok(())
    }

    fn next_mark<H: Host>(&self, host: &H) -> Vec<u8> {
        [host.now().to_be_bytes(), self.nonce.to_be_bytes()].concat()
    }

    /// Writes what has come, as long as no other import of the batch has begun.
    async fn store<H: Host>(&mut self, host: &H) -> Result<(), ApiError> {
        let staged = std::mem::take(&mut self.staged);
        self.staged_bytes = 0;
        if self.is_here || staged.is_empty() {
            return Ok(());
        }
        let (key, mark) = (keys::importing(self.id()), self.next_mark(host));
        let mut writes = vec![(key.clone(), Some(mark.clone()))];
        writes.extend(staged);
        if !put(host, writes, vec![(key, self.mark.clone())]).await? {
            self.mark = None;
            return Err(superseded(self.id()));
        }
        self.mark = Some(mark);
        Ok(())
    }
}

/// Clears away what imports have left that were cut off some minutes ago.
///
/// # Errors
/// 500 for a fault of the store.
pub fn sweep_imports<H: Host>(host: &H) -> Pin<Box<dyn Future<Output = Result<(), ApiError>> + '_>> {
    Box::pin(swept(host))
}

async fn swept<H: Host>(host: &H) -> Result<(), ApiError> {
    for (key, mark) in some(host, keys::IMPORTING_PREFIX.to_owned(), None, MAX_PAGE).await? {
        let at = mark.first_chunk().map_or(0, |at| u64::from_be_bytes(*at));
        if let Some(id) = key.strip_prefix(keys::IMPORTING_PREFIX)
            && host.now().abs_diff(at) >= IMPORT_STALE_MS
        {
            clear(host, id, &mark).await?;
        }
    }
    Ok(())
}

/// Deletes the records of an import, and its mark last; nothing where another has taken its place.
fn clear<'a, H: Host>(host: &'a H, id: &'a str, mark: &'a [u8]) -> Later<'a, ()> {
    Box::pin(cleared(host, id, mark))
}

async fn cleared<H: Host>(host: &H, id: &str, mark: &[u8]) -> Result<(), ApiError> {
    let key = keys::importing(id);
    // Where writes are not atomic it may have become a batch all the same.
    let is_batch = get(host, keys::run(id)).await?.is_some();
    if !is_batch && get(host, key.clone()).await?.as_deref() == Some(mark) {
        delete_records(host, id).await?;
    }
    put(host, vec![(key.clone(), None)], vec![(key, Some(mark.to_vec()))]).await.map(drop)
}

fn delete_records<'a, H: Host>(host: &'a H, id: &str) -> Later<'a, ()> {
    let prefixes = keys::of_run(id);
    Box::pin(async move {
        for prefix in prefixes {
            loop {
                let entries = some(host, prefix.clone(), None, LISTED).await?;
                if entries.is_empty() {
                    break;
                }
                put(host, entries.into_iter().map(|(key, _)| (key, None)).collect(), Vec::new()).await?;
            }
        }
        Ok(())
    })
}

/// Another build reads the checkpoint, or none does.
fn unsupported(unreadable: Unreadable) -> ApiError {
    let ApiError { message, .. } = unreadable.into();
    ApiError::invalid_request(message).code("unsupported_checkpoint")
}
