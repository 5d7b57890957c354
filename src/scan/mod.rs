//! A strict JSON scanner over one text: is it valid, and where are the members someone asked for?
//!
//! It accepts what `serde_json` parses into a `Value` and nothing else, apart from the nesting, which may go
//! to [`MAX_DEPTH`]: RFC 8259, valid UTF-8, paired surrogates, no number beyond a double. It neither recurses
//! nor allocates, and it builds nothing: a line of 8 MiB costs no more memory than one of 80 bytes.
//! A name that occurs twice means its last value, as for `JSON.parse`, Python and serde_json; a name written
//! with escapes (`"mod\u0065l"`) is the name it spells.
//!
//! | room | what it holds |
//! |---|---|
//! | `lines` | many texts, one a line: which scanner this machine has |
//! | `vector` | 16 bytes at once: the few instructions needed, in WebAssembly and on x86-64 |
//! | `blocks` | 64 bytes at once: what is string and what is structure, are escapes and UTF-8 right |
//! | `walk` | from one piece of structure to the next: is the grammar kept, where are the members |
//! | [`scalar`] | all of it byte by byte, for machines without these instructions |
//! | `literal`, `escape` | numbers and words; what a string with escapes says |

mod escape;
mod lines;
mod literal;
pub mod scalar;

#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod blocks;
#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod vector;
#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod walk;

pub use lines::{Lines, ScannedLine};

use crate::limits::MAX_DEPTH;
use std::borrow::Cow;

/// The text is not JSON by the rules above. Where it breaks is not told: no error text of the API says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanError;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// Any number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A value where it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its JSON as written, without surrounding whitespace.
    pub raw: &'a str,
}

/// The top value of a text and the members of it that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members<'a, const N: usize> {
    /// What the top value is; only an object has members.
    pub kind: Kind,
    /// The value of each name, in the order asked; `None` where there is no such member.
    pub found: [Option<Value<'a>>; N],
}

/// Checks `json` and finds the members of its top object that have these names.
///
/// # Errors
/// `json` is not one valid JSON text.
pub fn members<'a, const N: usize>(json: &'a [u8], names: [&str; N]) -> Result<Members<'a, N>, ScanError> {
    let (top, []) = members_within(json, names, usize::MAX, [])?;
    Ok(top)
}

/// As [`members`], and in the same pass the members named `inner` of the object under `names[within]`.
///
/// # Errors
/// `json` is not one valid JSON text.
pub fn members_within<'a, const N: usize, const M: usize>(
    json: &'a [u8],
    names: [&str; N],
    within: usize,
    inner: [&str; M],
) -> Result<(Members<'a, N>, [Option<Value<'a>>; M]), ScanError> {
    find(names, within, inner, |asked| lines::scan(json, asked))
}

/// What a scanner found: the kind of the top value, and the text, now known to be UTF-8.
struct Scanned<'a> {
    kind: Kind,
    text: &'a str,
    /// Where the text starts in what the scanner was given.
    start: usize,
}

/// Has a scanner fill in what is asked.
#[inline]
fn find<'a, const N: usize, const M: usize>(
    names: [&str; N],
    within: usize,
    inner: [&str; M],
    scan: impl FnOnce(&mut Asked<'_>) -> Result<Scanned<'a>, ScanError>,
) -> Result<(Members<'a, N>, [Option<Value<'a>>; M]), ScanError> {
    let (mut found, mut found_inner) = ([None; N], [None; M]);
    let mut asked = Asked {
        names: &names,
        found: &mut found,
        within,
        inner: &inner,
        found_inner: &mut found_inner,
        slot: None,
        slot_inner: None,
    };
    let Scanned { kind, text, start } = scan(&mut asked)?;
    let value = |span: Option<Span>| {
        span.map(|span| Value { kind: span.kind, raw: &text[span.start - start..span.end - start] })
    };
    Ok((Members { kind, found: found.map(value) }, found_inner.map(value)))
}

impl<'a> Value<'a> {
    /// What a string says, escapes resolved; `None` for other kinds. Allocates only where there are escapes.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        if self.kind != Kind::String {
            return None;
        }
        let inside = self.raw.strip_prefix('"')?.strip_suffix('"')?;
        Some(if escape::has_escape(inside.as_bytes()) {
            Cow::Owned(escape::unescape(inside).collect())
        } else {
            Cow::Borrowed(inside)
        })
    }
}

// The open containers are the bits of one u128: 1 an object, 0 an array, the innermost lowest.
const _: () = assert!(MAX_DEPTH <= u128::BITS as usize);

/// A value by its place.
#[derive(Clone, Copy)]
struct Span {
    kind: Kind,
    start: usize,
    end: usize,
}

/// The members to look for and those found: not generic, so that each scanner is in the program once.
struct Asked<'n> {
    names: &'n [&'n str],
    found: &'n mut [Option<Span>],
    within: usize,
    inner: &'n [&'n str],
    found_inner: &'n mut [Option<Span>],
    /// Which names the values now being read at depths 1 and 2 have.
    slot: Option<usize>,
    slot_inner: Option<usize>,
}

impl Asked<'_> {
    /// A member begins; `depth` is that of its value, the top value having 0.
    fn key(&mut self, depth: usize, key: &[u8]) {
        if depth == 1 {
            self.slot = position(self.names, key);
            if self.slot == Some(self.within) {
                // The last one wins, so nothing of an earlier one may remain.
                self.found_inner.fill(None);
                self.slot_inner = None;
            }
        } else if depth == 2 && self.slot == Some(self.within) {
            self.slot_inner = position(self.inner, key);
        }
    }

    /// Whether the value now beginning at this depth is the one whose members are asked for.
    fn is_within(&self, depth: usize) -> bool {
        depth == 1 && self.slot == Some(self.within)
    }

    /// Whether the value now ending at this depth was asked for.
    fn wants(&self, depth: usize) -> bool {
        match depth {
            1 => self.slot.is_some(),
            2 => self.is_within(1) && self.slot_inner.is_some(),
            _ => false,
        }
    }

    /// A value ended that was asked for.
    fn value(&mut self, depth: usize, kind: Kind, start: usize, end: usize) {
        let span = Some(Span { kind, start, end });
        match (depth, self.slot, self.slot_inner) {
            (1, Some(slot), _) => self.found[slot] = span,
            (2, _, Some(inner)) => self.found_inner[inner] = span,
            _ => {}
        }
    }
}

#[inline]
fn position(names: &[&str], key: &[u8]) -> Option<usize> {
    let same = names.iter().position(|name| same(name.as_bytes(), key));
    if same.is_some() || !key.contains(&b'\\') {
        return same;
    }
    // The text may yet turn out not to be UTF-8, or the key to be broken; then nothing found counts.
    let key = str::from_utf8(key).ok()?;
    names.iter().position(|name| escape::unescape(key).eq(name.chars()))
}

/// Whether short texts are the same: without a call, where that is most of the work.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let words = |bytes: &[u8]| {
        let first = u64::from_le_bytes(*bytes.first_chunk()?);
        Some((first, u64::from_le_bytes(*bytes.last_chunk()?)))
    };
    match (words(a), words(b)) {
        (Some(a8), Some(b8)) => a8 == b8 && (a.len() <= 16 || a == b),
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}
