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
//! | `query` | which members are asked for, and where they were found |
//! | `simd` | the scanner proper, with the instructions of WebAssembly, x86-64 or ARM |
//! | [`scalar`] | the same byte by byte, for machines without these instructions |
//! | `literal`, `escape` | numbers and words; what a string with escapes says |

mod escape;
mod lines;
mod literal;
mod query;
pub mod scalar;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128"),
    all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"),
))]
mod simd;

pub use lines::{Lines, ScannedLine, scan};
pub(crate) use literal::end as literal_end;
pub use query::{Json, Query};

use crate::limits::MAX_DEPTH;
use std::borrow::Cow;

/// The text is not JSON by the rules above. Where it breaks is asked of few texts: see [`explain`](super::explain).
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

/// A value, as a slice of the text.
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
    members_by(lines::scan, json, names, within, inner)
}

/// What a scanner finds.
fn members_by<'a, const N: usize, const M: usize>(
    scan: impl FnOnce(&'a [u8], &mut Query<'_>) -> Result<Json<'a>, ScanError>,
    json: &'a [u8],
    names: [&str; N],
    within: usize,
    inner: [&str; M],
) -> Result<(Members<'a, N>, [Option<Value<'a>>; M]), ScanError> {
    let mut query = Query::new(names, within, inner);
    let json = scan(json, &mut query)?;
    let found = std::array::from_fn(|slot| query.value(&json, slot));
    Ok((Members { kind: json.kind, found }, std::array::from_fn(|slot| query.value(&json, N + slot))))
}

impl<'a> Value<'a> {
    /// What a string says, escapes resolved; `None` for other kinds. Allocates only where there are escapes.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        if self.kind != Kind::String {
            return None;
        }
        let inside = self.raw.strip_prefix('"')?.strip_suffix('"')?;
        Some(escape::text(inside))
    }
}

// The open containers are the bits of one u128: 1 an object, 0 an array, the innermost lowest.
const _: () = assert!(MAX_DEPTH <= u128::BITS as usize);

/// Whether short texts are the same: without a call, where that is most of the work.
#[inline(always)]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The first and the last `N` bytes, which may overlap.
    fn ends<const N: usize>(bytes: &[u8]) -> Option<[[u8; N]; 2]> {
        Some([*bytes.first_chunk()?, *bytes.last_chunk()?])
    }
    match a.len() {
        0..8 => a.iter().zip(b).all(|(a, b)| a == b),
        8..=16 => ends::<8>(a) == ends::<8>(b),
        17..=32 => ends::<16>(a) == ends::<16>(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn texts_are_the_same_only_if_every_byte_is() {
        let text: Vec<u8> = (b'0'..b'z').collect();
        for len in 0..=40 {
            let text = &text[..len];
            assert!(same(text, &text.to_owned()[..]) && !same(text, &[text, b"0"].concat()));
            for at in 0..len {
                let mut other = text.to_vec();
                other[at] = b'~';
                assert!(!same(text, &other), "{at} of {len}");
            }
        }
    }
}
