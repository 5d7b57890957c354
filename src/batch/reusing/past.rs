//! The batches whose results are taken over: the one that is continued, and where that holds its own requests alone, the
//! one that it continued, and so on.

use super::tape::Tape;
use crate::batch::checkpoint::{SavedPast, SavedTape};
use crate::batch::command::{Command, LookUp, Reply};
use crate::batch::defect::Defect;
use crate::limits::{Limits, MAX_CONTINUED};
use crate::result::outcome::Outcome;
use crate::result::past_line::PastLine;

/// What a line of a result file has besides the answer of the model, or what a text of it may grow by.
const SLACK_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Past {
    batches: Vec<PastBatch>,
    finding: Option<Finding>,
    /// Which result file waits for bytes: of which batch, and whether it is the output.
    reading: (usize, bool),
    max_line_bytes: usize,
    fault: Option<String>,
}

#[derive(Debug)]
struct PastBatch {
    id: String,
    output: Option<Tape>,
    error: Option<Tape>,
}

/// What is looked for, before anything is read.
#[derive(Debug)]
enum Finding {
    Batch(String),
    /// Sizes of the files of the batch found last; those that are left, and the batch that comes next.
    Files {
        left: Vec<(bool, String)>,
        next: Option<String>,
    },
}

impl Past {
    /// As an earlier turn left it; else it is all to be found.
    pub(super) fn resume(from: &str, saved: Option<&[SavedPast]>, limits: &Limits) -> Self {
        // A byte of an answer may take six in a text of the file.
        let max_line_bytes = 6 * limits.max_response_bytes + SLACK_BYTES;
        let tape = |tape: SavedTape| Tape::resume(tape, max_line_bytes);
        let batches = saved.unwrap_or_default().iter().cloned().map(|(id, output, error)| PastBatch {
            id,
            output: output.map(tape),
            error: error.map(tape),
        });
        Self {
            batches: batches.collect(),
            finding: saved.is_none().then(|| Finding::Batch(from.to_owned())),
            reading: (0, false),
            max_line_bytes,
            fault: None,
        }
    }

    /// What a later turn needs, once all is found.
    pub(super) fn saved(&self) -> Option<Vec<SavedPast>> {
        let saved = |PastBatch { id, output, error }: &PastBatch| {
            (id.clone(), output.as_ref().map(Tape::saved), error.as_ref().map(Tape::saved))
        };
        self.finding.is_none().then(|| self.batches.iter().map(saved).collect())
    }

    /// What must be asked of the host before a request can be looked for.
    pub(super) fn needs(&mut self) -> Option<Command> {
        if self.fault.is_some() {
            return None;
        }
        loop {
            match &mut self.finding {
                Some(Finding::Batch(id)) => return Some(Command::LookUp(LookUp::Batch(id.clone()))),
                Some(Finding::Files { left, next }) => match (left.last(), next.take()) {
                    (Some((_, id)), kept) => {
                        *next = kept;
                        return Some(Command::LookUp(LookUp::File(id.clone())));
                    }
                    (None, Some(id)) if self.batches.len() < MAX_CONTINUED => {
                        self.finding = Some(Finding::Batch(id));
                    }
                    (None, Some(_)) => {
                        let most = MAX_CONTINUED;
                        self.fault = Some(format!(
                            "more than {most} batches have continued one another without 'merge'; continue one with it first"
                        ));
                        return None;
                    }
                    (None, None) => self.finding = None,
                },
                None => break,
            }
        }
        for (at, batch) in self.batches.iter_mut().enumerate() {
            for (is_output, tape) in [(true, &mut batch.output), (false, &mut batch.error)] {
                if let Some(command) = tape.as_mut().and_then(Tape::needs) {
                    self.reading = (at, is_output);
                    return Some(command);
                }
            }
        }
        None
    }

    /// What was asked for is there.
    pub(super) fn answered(&mut self, reply: Reply) -> Result<(), Defect> {
        match (&mut self.finding, reply) {
            (Some(Finding::Batch(id)), Reply::Batch(None)) => {
                self.fault = Some(format!("there is no batch '{id}' any more"));
            }
            (Some(Finding::Batch(_)), Reply::Batch(Some(batch))) => {
                let files = [(true, &batch.output_file_id), (false, &batch.error_file_id)];
                let files = files.into_iter().filter_map(|(output, id)| Some((output, id.clone()?)));
                let next = batch.continued().filter(|continued| !continued.merge);
                let next = next.map(|continued| continued.continue_from.clone());
                self.finding = Some(Finding::Files { left: files.collect(), next });
                self.batches.push(PastBatch { id: batch.id, output: None, error: None });
            }
            (Some(Finding::Files { left, .. }), Reply::Input(found)) => {
                let (is_output, file_id) = left.pop().ok_or_else(Defect::misfit)?;
                let Some(file) = found else {
                    let which = if is_output { "output" } else { "error" };
                    self.fault = Some(format!("its {which} file '{file_id}' is gone"));
                    return Ok(());
                };
                let tape = Some(Tape::resume((file_id, [file.bytes, 0, 1]), self.max_line_bytes));
                let batch = self.batches.last_mut().ok_or_else(Defect::misfit)?;
                if is_output { batch.output = tape } else { batch.error = tape }
            }
            (None, Reply::Bytes(bytes)) => {
                let (at, is_output) = self.reading;
                let batch = self.batches.get_mut(at).ok_or_else(Defect::misfit)?;
                let tape = if is_output { &mut batch.output } else { &mut batch.error };
                let tape = tape.as_mut().ok_or_else(Defect::misfit)?;
                if !tape.bytes(bytes) {
                    self.fault = Some(format!("the file '{}' is shorter than its size says", tape.file_id()));
                }
            }
            _ => return Err(Defect::misfit()),
        }
        Ok(())
    }

    /// Why the results cannot be taken over.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    /// The batch that is looked at, for people.
    pub(super) fn batch(&self) -> &str {
        match &self.finding {
            Some(Finding::Batch(id)) => id,
            Some(Finding::Files { .. }) => self.batches.last().map_or("", |batch| &batch.id),
            None => self.batches.get(self.reading.0).map_or("", |batch| &batch.id),
        }
    }

    /// How a request ended last, and its line. Those of earlier batches are passed by.
    pub(super) fn take(&mut self, custom_id: &str) -> Option<(Outcome, PastLine, Vec<u8>)> {
        let mut newest = None;
        for batch in &mut self.batches {
            let files = [(Outcome::Completed, &mut batch.output), (Outcome::Failed, &mut batch.error)];
            for (outcome, tape) in files {
                let found = tape.as_mut().and_then(|tape| tape.take(custom_id));
                newest = newest.or(found.map(|(says, line)| (outcome, says, line)));
            }
        }
        newest
    }
}
