//! Which cures are chosen, how often each was needed, and examples.

use super::Cure;
use serde::Serialize;
use std::ops::Range;

/// Examples kept of each cure.
const EXAMPLES: usize = 3;
/// Bytes of an example before what is mended, from there on, and in all.
const BEFORE: usize = 40;
const FROM_THERE: usize = 120;
pub(super) const EXCERPT: usize = BEFORE + FROM_THERE;

/// What was mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// The endpoint that the file is for.
    pub endpoint: String,
    /// The cures that were needed, in their order.
    pub cures: Vec<Cured>,
}

/// How often a cure was needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cured {
    /// Which it is.
    pub cure: Cure,
    /// Lines that needed it; of an encoding, once for the file besides.
    pub count: u64,
    /// The first of these.
    pub examples: Vec<Example>,
}

/// A place that was mended, with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its line in the new file, 1-based.
    pub line: u64,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    chosen: Option<Vec<Cure>>,
    cured: [Cured; Cure::ALL.len()],
    /// The line that each was counted for last.
    last: [u64; Cure::ALL.len()],
}

impl Ledger {
    pub(crate) fn new(chosen: Option<Vec<Cure>>) -> Self {
        let cured = Cure::ALL.map(|cure| Cured { cure, count: 0, examples: Vec::new() });
        Self { chosen, cured, last: [0; Cure::ALL.len()] }
    }

    pub(super) fn uses(&self, cure: Cure) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&cure))
    }

    /// Whether examples of a cure are still wanted.
    pub(super) fn wants(&self, cure: Cure) -> bool {
        self.cured[cure as usize].examples.len() < EXAMPLES
    }

    /// Counts a cure, once for each line.
    pub(super) fn count(&mut self, cure: Cure, line: u64) {
        let last = std::mem::replace(&mut self.last[cure as usize], line);
        self.cured[cure as usize].count += u64::from(last != line);
    }

    /// Counts a cure with texts that show it.
    pub(super) fn show(&mut self, cure: Cure, line: u64, before: &[u8], after: &[u8]) {
        if self.wants(cure) && self.last[cure as usize] != line {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let example = Example { line, before: text(before), after: text(after) };
            self.cured[cure as usize].examples.push(example);
        }
        self.count(cure, line);
    }

    /// Counts a file that is in another encoding.
    pub(super) fn encoded(&mut self, name: &str) {
        self.show(Cure::Encoding, 1, name.as_bytes(), b"UTF-8");
    }

    /// Counts a cure by which `with` takes the place of a range of a line.
    pub(super) fn replaced(&mut self, cure: Cure, line: u64, text: &[u8], range: Range<usize>, with: &str) {
        if !self.wants(cure) {
            self.count(cure, line);
            return;
        }
        let from = floor(text, range.start.saturating_sub(BEFORE));
        let marks = |at: usize| if at > 0 { "…" } else { "" };
        let [before, after] = [&text[range.start..range.end], with.as_bytes()].map(|middle| {
            let rest = &text[range.end..];
            let shown = middle.len().min(FROM_THERE);
            let end = rest.len().min(FROM_THERE - shown);
            let [shown, end] = [floor(middle, shown), floor(rest, end)];
            let left_out = (middle.len() - shown) + (rest.len() - end);
            let parts: [&[u8]; 5] = [
                marks(from).as_bytes(),
                &text[from..range.start],
                &middle[..shown],
                if shown < middle.len() { &[] } else { &rest[..end] },
                marks(left_out).as_bytes(),
            ];
            parts.concat()
        });
        self.show(cure, line, &before, &after);
    }

    pub(super) fn cures(&self) -> Vec<Cured> {
        self.cured.iter().filter(|cured| cured.count > 0).cloned().collect()
    }
}

/// The nearest start of a character at or before a place in UTF-8.
fn floor(text: &[u8], mut at: usize) -> usize {
    while at > 0 && text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80) {
        at -= 1;
    }
    at
}
