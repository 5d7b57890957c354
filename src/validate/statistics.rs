//! What is in a file, apart from its errors. Counted only where it is asked for, in bounded memory.

use crate::text;
use serde::Serialize;

/// Models counted by name; requests for others are counted together.
const MODELS: usize = 50;
/// Characters of a model's name that distinguish it from others.
const MODEL_CHARS: usize = 200;
/// Longest lines remembered.
const LONGEST: usize = 10;

/// How often something was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What was seen.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// A line and its bytes, with its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LineSize {
    /// Physical line, 1-based.
    pub line: u64,
    /// With the line end.
    pub bytes: u64,
}

/// Statistics of a file's requests, valid or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Errors by code, kept or not, in order of first appearance.
    pub codes: Vec<Tally>,
    /// Requests by the bytes of their lines: `sizes[c]` counts those of [`size_class`] `c`.
    pub sizes: Vec<u64>,
    /// The longest lines, longest first.
    pub longest: Vec<LineSize>,
    /// Requests by model, in order of first appearance.
    pub models: Vec<Tally>,
    /// Requests for models beyond those counted by name.
    pub other_models: u64,
}

/// The class of a size: four classes from each power of two to the next, one for each of 0 to 3.
pub fn size_class(bytes: u64) -> usize {
    if bytes < 4 {
        return bytes as usize;
    }
    let power = bytes.ilog2();
    (4 * power) as usize + (bytes >> (power - 2) & 3) as usize
}

impl Statistics {
    pub(super) fn request(&mut self, line: u64, bytes: u64, model: Option<&str>) {
        let class = size_class(bytes);
        if self.sizes.len() <= class {
            self.sizes.resize(class + 1, 0);
        }
        self.sizes[class] += 1;
        if self.longest.len() < LONGEST || self.longest.last().is_some_and(|least| least.bytes < bytes) {
            let place = self.longest.partition_point(|other| other.bytes >= bytes);
            self.longest.insert(place, LineSize { line, bytes });
            self.longest.truncate(LONGEST);
        }
        if let Some(model) = model
            && !count(&mut self.models, text::first(model, MODEL_CHARS), MODELS)
        {
            self.other_models += 1;
        }
    }

    pub(super) fn error(&mut self, code: &str) {
        count(&mut self.codes, code, usize::MAX);
    }
}

/// Counts a name; false when it is new and there is no room for it.
fn count(tallies: &mut Vec<Tally>, name: &str, most: usize) -> bool {
    if let Some(tally) = tallies.iter_mut().find(|tally| tally.name == name) {
        tally.count += 1;
    } else if tallies.len() < most {
        tallies.push(Tally { name: name.to_owned(), count: 1 });
    } else {
        return false;
    }
    true
}
