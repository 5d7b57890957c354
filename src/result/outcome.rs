//! How requests ended, one and all.

use crate::json::record::{FromValue, record};
use crate::json::value::Value;
use crate::wire::{RequestCounts, Usage};
use serde::Serialize;

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Outcome {
    /// Answered with 2xx.
    #[serde(rename = "c")]
    Completed,
    /// Ran and failed.
    #[serde(rename = "f")]
    Failed,
    /// Never ran, because of cancel, expiry or budget.
    #[serde(rename = "n")]
    NotRun,
    /// Is no request of this batch: another that it continues has its result.
    #[serde(rename = "s")]
    Skipped,
    /// Is not asked, as an earlier request is the same: its line is made of that one's.
    #[serde(rename = "r")]
    Repeat,
}

/// The two result files of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputFile {
    /// Lines answered with 2xx.
    Output,
    /// Everything else.
    Error,
}

impl FromValue for Outcome {
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "c" => Some(Self::Completed),
            "f" => Some(Self::Failed),
            "n" => Some(Self::NotRun),
            "s" => Some(Self::Skipped),
            "r" => Some(Self::Repeat),
            _ => None,
        }
    }
}

impl Outcome {
    /// The file that has the line.
    pub(crate) fn file(self) -> Option<OutputFile> {
        match self {
            Self::Completed => Some(OutputFile::Output),
            Self::Failed | Self::NotRun => Some(OutputFile::Error),
            Self::Skipped | Self::Repeat => None,
        }
    }
}

/// Counts and tokens of some results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) not_run: u64,
    pub(crate) usage: Usage,
    pub(crate) skipped: u64,
    pub(crate) repeats: u64,
}

record!(Tally { completed, failed, not_run, usage; skipped, repeats });

impl Tally {
    pub(crate) fn count(&mut self, outcome: Outcome, usage: Option<&Usage>) {
        match outcome {
            Outcome::Completed => self.completed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::NotRun => self.not_run += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Repeat => self.repeats += 1,
        }
        if let Some(usage) = usage {
            self.usage.add(usage);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.not_run += other.not_run;
        self.skipped += other.skipped;
        self.repeats += other.repeats;
        self.usage.add(&other.usage);
    }

    /// Lines that the files have, or will have.
    pub(crate) fn lines(&self) -> u64 {
        self.completed + self.failed + self.not_run + self.repeats
    }

    /// Requests that are done with.
    pub(crate) fn ended(&self) -> u64 {
        self.lines() + self.skipped
    }

    pub(crate) fn request_counts(&self, total: u64) -> RequestCounts {
        RequestCounts { total, completed: self.completed, failed: self.failed }
    }
}
