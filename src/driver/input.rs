//! Validates a stored input file without a batch, and hands out its good requests, in constant memory.

use crate::error::ApiError;
use crate::host::Host;
use crate::host::{Fault, FaultKind};
use crate::input::request::RequestLine;
use crate::limits::READ_BYTES;
use crate::settings::Settings;
use crate::validate::{Progress, Report, Rules, ValidRequest, Validator};
use crate::wire::BatchError;

/// Takes the good requests of a file as they are found.
pub trait ValidRequests {
    /// One request; `line` is physical and 1-based.
    fn take(&mut self, line: u64, request: &RequestLine<'_>);
}

impl<F: FnMut(u64, &RequestLine<'_>)> ValidRequests for F {
    fn take(&mut self, line: u64, request: &RequestLine<'_>) {
        self(line, request);
    }
}

/// Stands somewhere in an input file.
#[derive(Debug)]
pub struct InputReader {
    file_id: String,
    rules: Rules,
    validator: Validator,
    at: u64,
    size: Option<u64>,
    done: Option<Report>,
}

impl InputReader {
    /// Starts at the beginning of a file that is to run on `endpoint`, by a batch that splits it or by one that does not.
    pub fn new<H: Host>(host: &H, file_id: &str, endpoint: &str, split: bool, settings: &Settings) -> Self {
        let rules = Rules::of_batch(settings, endpoint, split, (host.random(), host.random()));
        Self {
            file_id: file_id.to_owned(),
            validator: Validator::new(rules.clone()),
            rules,
            at: 0,
            size: None,
            done: None,
        }
    }

    /// Reads one piece of the file. The report once the file is at its end; it stays.
    ///
    /// # Errors
    /// 503 when the host fails; calling again continues. A missing file is not an error but a report that says so.
    pub async fn next<H: Host>(
        &mut self,
        host: &H,
        requests: &mut impl ValidRequests,
    ) -> Result<Option<&Report>, ApiError> {
        if self.done.is_none() {
            self.step(host, requests).await?;
        }
        Ok(self.done.as_ref())
    }

    async fn step<H: Host>(&mut self, host: &H, requests: &mut impl ValidRequests) -> Result<(), ApiError> {
        let size = match self.size {
            Some(size) => size,
            None => match host.find_file(&self.file_id, None).await.map_err(failed)? {
                Some(file) if file.bytes > self.rules.limits.max_file_bytes => {
                    self.done = Some(of_file_error(self.rules.file_too_large()));
                    return Ok(());
                }
                Some(file) => *self.size.insert(file.bytes),
                None => return self.missing(),
            },
        };
        let mut sink = |valid: ValidRequest<'_>| requests.take(valid.line, &valid.request);
        if self.at < size {
            let length = READ_BYTES.min(size - self.at);
            let chunk = match host.read_file(&self.file_id, self.at, length, None).await {
                Ok(chunk) if chunk.is_empty() => {
                    return Err(failed(Fault::transient("it is shorter than its size says")));
                }
                Ok(chunk) => chunk,
                Err(fault) if fault.kind == FaultKind::Missing => return self.missing(),
                Err(fault) => return Err(failed(fault)),
            };
            let mut from = 0;
            while let Progress::NeedsModel { model, taken } = self.validator.push(&chunk[from..], &mut sink) {
                from += taken;
                let exists = host.has_model(&model).await.map_err(failed)?;
                self.validator.answer_model(exists, &mut sink);
            }
            self.at += chunk.len() as u64;
        }
        if self.at >= size {
            while let Progress::NeedsModel { model, .. } = self.validator.finish(&mut sink) {
                let exists = host.has_model(&model).await.map_err(failed)?;
                self.validator.answer_model(exists, &mut sink);
            }
            self.done = Some(self.validator.report());
        }
        Ok(())
    }

    fn missing(&mut self) -> Result<(), ApiError> {
        self.done = Some(of_file_error(self.rules.missing_file(&self.file_id)));
        Ok(())
    }
}

/// The report of a file that was not read: one error, about all of it.
fn of_file_error(error: BatchError) -> Report {
    Report { errors: vec![error], error_count: 1, ..Report::default() }
}

fn failed(fault: Fault) -> ApiError {
    ApiError {
        status: 503,
        ..ApiError::internal(format!("The input file cannot be read: {}", fault.message))
    }
}
