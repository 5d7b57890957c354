//! A batch as a stream, behind its fence: the same whenever it is asked for.

use super::moving::fence_name;
use super::store::{get, published, some};
use crate::digest::Digesting;
use crate::error::ApiError;
use crate::host::{Fault, Host};
use crate::json::value::to_json;
use crate::keys;
use crate::limits::{LISTED, READ_BYTES};
use crate::service::{FrameKind, check_fence, frame};
use crate::wire::{Exported, Hold, Moving};

/// Stands somewhere in the stream.
#[derive(Debug)]
pub struct Export {
    exported: Exported,
    moving: Moving,
    step: Step,
    digest: Digesting,
}

#[derive(Debug)]
enum Step {
    Head,
    /// Which kind of records, and the last key of a page.
    Records(usize, Option<String>),
    /// Where in the input.
    Input(u64),
    Over,
}

impl Export {
    /// Of a batch that is fenced.
    pub fn new(id: &str, moving: Moving) -> Self {
        let exported = Exported {
            id: id.to_owned(),
            fence: fence_name(&moving),
            paused_at: moving.paused_at,
            is_watched: moving.is_watched,
            ..Exported::default()
        };
        Self { exported, moving, step: Step::Head, digest: Digesting::default() }
    }

    /// The next piece; empty at the end. The input has this name. After an error the stream is begun anew.
    ///
    /// # Errors
    /// 409 when the batch was taken back, 500 when something cannot be read: no stream then has its end.
    pub async fn next<H: Host>(&mut self, host: &H, input_filename: &str) -> Result<Vec<u8>, ApiError> {
        let id = self.exported.id.clone();
        let mut piece = Vec::new();
        if let Step::Records(kind, after) = &mut self.step {
            while let Some(prefix) = keys::of_run(&id).get(*kind)
                && piece.is_empty()
            {
                let entries = some(host, prefix.clone(), after.take(), LISTED).await?;
                for (key, value) in &entries {
                    frame(&mut piece, FrameKind::Record, key, value);
                }
                match entries.into_iter().next_back() {
                    Some((key, _)) => *after = Some(key),
                    None => *kind += 1,
                }
            }
            if piece.is_empty() {
                self.step = Step::Input(0);
            }
        }
        match &mut self.step {
            Step::Head => {
                let checkpoint = match get(host, keys::checkpoint(&id)).await? {
                    Some(latest) => Some(latest),
                    None => get(host, keys::run(&id)).await?,
                };
                let batch = published(host, &id).await?;
                let (Some(batch), Some(checkpoint)) = (batch, checkpoint) else {
                    return Err(check_fence(&id));
                };
                let input = host.find_file(&batch.input_file_id, Some(&id)).await.map_err(unreadable)?;
                let input = input.ok_or_else(|| unreadable(Fault::transient("the input file is gone")))?;
                input_filename.clone_into(&mut self.exported.input_filename);
                (self.exported.input_id, self.exported.input_bytes) =
                    (batch.input_file_id.clone(), input.bytes);
                piece = self.exported.line();
                frame(&mut piece, FrameKind::Batch, "", &to_json(batch.as_ref()));
                frame(&mut piece, FrameKind::Checkpoint, "", &checkpoint);
                self.step = Step::Records(0, None);
            }
            Step::Input(at) if *at < self.exported.input_bytes => {
                let length = READ_BYTES.min(self.exported.input_bytes - *at);
                let bytes = host.read_file(&self.exported.input_id, *at, length, Some(&id)).await;
                let bytes = bytes.map_err(unreadable)?;
                if bytes.is_empty() {
                    return Err(unreadable(Fault::transient("it is shorter than its size says")));
                }
                *at += bytes.len() as u64;
                frame(&mut piece, FrameKind::Input, "", &bytes);
            }
            Step::Input(_) => {
                // Without an end nothing is taken: what was taken back meanwhile is run here.
                let fenced = Hold::Moving(self.moving.clone()).encode();
                if get(host, keys::pause(&id)).await? != Some(fenced) {
                    return Err(check_fence(&id));
                }
                let sum = std::mem::take(&mut self.digest).finish();
                frame(&mut piece, FrameKind::End, "", sum.as_bytes());
                self.step = Step::Over;
                return Ok(piece);
            }
            Step::Records(..) | Step::Over => {}
        }
        self.digest.update(&piece);
        Ok(piece)
    }
}

fn unreadable(fault: Fault) -> ApiError {
    ApiError::internal(format!("The input file cannot be read: {}", fault.message))
}
