//! Which members of a text are asked for, and where they were found.

use super::{Kind, ScanError, Value, escape};
use std::borrow::Cow;

/// Names one query may ask for.
const SLOTS: usize = 16;
/// No name that was asked for.
const NONE: usize = usize::MAX;
/// Names are found by their length, counted up to here and then over again.
const LENGTHS: usize = 16;

/// The members to look for, and where they are in the text scanned last. Made once for many texts.
#[derive(Clone, Debug)]
pub struct Query<'n> {
    /// First the members of the top value, then those of the one among them that is `within`.
    names: [Name<'n>; SLOTS],
    top: usize,
    all: usize,
    /// Of the top ones, of the inner ones.
    lengths: [Lengths; 2],
    within: usize,
    found: [Option<Span>; SLOTS],
    /// Which names the values now being read at depths 1 and 2 have.
    slot: usize,
    slot_inner: usize,
}

/// A text that is JSON, as it was scanned.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    /// What its top value is; only an object has members.
    pub kind: Kind,
    /// The text.
    pub(super) text: &'a str,
    /// Where it starts in what the scanner was given.
    pub(super) start: usize,
}

/// A value by its slot.
#[derive(Clone, Copy, Debug)]
struct Span {
    kind: Kind,
    start: usize,
    end: usize,
}

/// The first name of each length among those asked for together; each name knows the next as long.
type Lengths = [u8; LENGTHS];

/// A name, and its first and last eight bytes (or all, if it has no more): so that most names are distinguished without a
/// call.
#[derive(Clone, Copy, Debug, Default)]
struct Name<'n> {
    text: &'n str,
    first: u64,
    last: u64,
    next: u8,
}

impl<'n> Query<'n> {
    /// Asks for the members of the top object that have these names, and for those named `inner` of the object under
    /// `names[within]`.
    pub fn new<const N: usize, const M: usize>(
        names: [&'n str; N],
        within: usize,
        inner: [&'n str; M],
    ) -> Self {
        const { assert!(N + M <= SLOTS, "more names than a query holds") }
        let mut all = [Name::default(); SLOTS];
        let mut lengths = [[u8::MAX; LENGTHS]; 2];
        for slot in 0..N + M {
            let text = if slot < N { names[slot] } else { inner[slot - N] };
            let (first, last) = words(text.as_bytes(), 0, text.len());
            let of_its_length = &mut lengths[usize::from(slot >= N)][text.len() % LENGTHS];
            let next = std::mem::replace(of_its_length, slot as u8);
            all[slot] = Name { text, first, last, next };
        }
        let found = [None; SLOTS];
        Self { names: all, top: N, all: N + M, lengths, within, found, slot: NONE, slot_inner: NONE }
    }

    /// The value of a name, by its slot among those asked for: the inner ones follow the others. `json` must be the
    /// text scanned last. `None` where there is no such member.
    #[inline(always)]
    pub fn value<'a>(&self, json: &Json<'a>, slot: usize) -> Option<Value<'a>> {
        let Span { kind, start, end } = self.found[slot]?;
        Some(Value { kind, raw: within(json, start, end) })
    }

    /// The JSON of the value of a name.
    #[inline(always)]
    pub(crate) fn raw<'a>(&self, json: &Json<'a>, slot: usize) -> Option<&'a [u8]> {
        let Span { start, end, .. } = self.found[slot]?;
        Some(&json.text.as_bytes()[start - json.start..end - json.start])
    }

    /// What the value of a name says, if it is a string, as by [`Value::text`].
    #[inline(always)]
    pub(crate) fn text<'a>(&self, json: &Json<'a>, slot: usize) -> Option<Cow<'a, str>> {
        let Span { kind, start, end } = self.found[slot]?;
        (kind == Kind::String).then(|| escape::text(within(json, start + 1, end - 1)))
    }

    /// What the value of a name is.
    #[inline]
    pub fn kind(&self, slot: usize) -> Option<Kind> {
        self.found[slot].map(|span| span.kind)
    }

    /// Forgets what was found.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.found[..self.all.min(SLOTS)].fill(None);
        self.slot = NONE;
    }

    /// A member begins whose name stands at `start..end`; `depth` is that of its value, the top value having 0.
    #[inline(always)]
    pub(super) fn key(&mut self, depth: usize, text: &[u8], start: usize, end: usize) {
        if depth == 1 {
            self.slot = self.position(false, text, start, end);
            if self.slot == self.within {
                // The last one wins, so nothing of an earlier one may remain.
                self.found[self.top..self.all].fill(None);
                self.slot_inner = NONE;
            }
        } else if depth == 2 && self.slot == self.within {
            self.slot_inner = self.position(true, text, start, end);
        }
    }

    /// The slot of the name at `start..end`, if it is among the inner ones or else among those of the top value.
    #[inline(always)]
    fn position(&self, inner: bool, text: &[u8], start: usize, end: usize) -> usize {
        let len = end - start;
        let (first, last) = words(text, start, end);
        let mut slot = self.lengths[usize::from(inner)][len % LENGTHS];
        while let Some(name) = self.names.get(usize::from(slot)) {
            let alike = name.text.len() == len && name.first == first && name.last == last;
            if alike && (len <= 16 || name.text.as_bytes() == &text[start..end]) {
                return usize::from(slot);
            }
            slot = name.next;
        }
        if len <= 16 && escape::backslashes(first) | escape::backslashes(last) == 0 {
            return NONE;
        }
        let among = if inner { self.top..self.all } else { 0..self.top };
        let first = among.start;
        escaped_position(&self.names[among], &text[start..end]).map_or(NONE, |slot| first + slot)
    }

    /// Whether the value now beginning at this depth is the one whose members are asked for.
    #[inline(always)]
    pub(super) fn is_within(&self, depth: usize) -> bool {
        depth == 1 && self.slot == self.within && self.within != NONE
    }

    /// The slot of the value now ending at this depth, if it was asked for.
    #[inline(always)]
    pub(super) fn wanted(&self, depth: usize) -> Option<usize> {
        let slot = match depth {
            1 => self.slot,
            2 if self.slot == self.within => self.slot_inner,
            _ => NONE,
        };
        (slot < SLOTS).then_some(slot)
    }

    /// A value ended that was asked for.
    #[inline(always)]
    pub(super) fn set(&mut self, slot: usize, kind: Kind, start: usize, end: usize) {
        self.found[slot % SLOTS] = Some(Span { kind, start, end });
    }
}

/// What a scan comes to.
pub(super) type Scanned<'a> = Result<Json<'a>, ScanError>;

/// A part of the text that was scanned. Of another there is none to give: a slice that panics would bring the texts of its
/// panic, and the tables of what can be printed, into the WebAssembly.
#[inline(always)]
fn within<'a>(json: &Json<'a>, start: usize, end: usize) -> &'a str {
    json.text.get(start - json.start..end - json.start).unwrap_or_default()
}

/// The first and the last eight bytes of `text[start..end]`; of less, all of them twice.
#[inline(always)]
fn words(text: &[u8], start: usize, end: usize) -> (u64, u64) {
    let len = end - start;
    let at = |at: usize| text.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u64::from_le_bytes);
    match at(start) {
        Some(first) if len >= 8 => (first, at(end - 8).unwrap_or(0)),
        Some(first) => {
            let own = first & !(u64::MAX << (len * 8));
            (own, own)
        }
        None => {
            let own = text[start..end].iter().take(8).rev().fold(0, |word, &b| word << 8 | u64::from(b));
            (own, own)
        }
    }
}

/// Of a name that may be written with escapes.
#[inline(never)]
fn escaped_position(names: &[Name<'_>], key: &[u8]) -> Option<usize> {
    if !escape::has_escape(key) {
        return None;
    }
    // The text may yet turn out not to be UTF-8, or the key to be broken; then nothing found counts.
    let key = str::from_utf8(key).ok()?;
    names.iter().position(|name| escape::unescape(key).eq(name.text.chars()))
}
