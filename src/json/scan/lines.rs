//! Many texts, one a line, found and scanned in the same pass; and one text alone. By the fastest scanner this
//! machine has.
#![allow(unsafe_code)]

use super::query::{Json, Query, Scanned};
#[cfg(not(any(
    all(target_arch = "wasm32", target_feature = "simd128"),
    all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
)))]
use super::scalar;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128"),
    all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
))]
use super::simd::Walk;

/// The lines of a text, each scanned.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a [u8],
    /// Where the next line starts.
    start: usize,
    scanner: Scanner<'a>,
}

/// A line and what it says.
#[derive(Debug)]
pub struct ScannedLine<'a> {
    /// The line, with its end.
    pub line: &'a [u8],
    /// What it says, if it is one valid JSON text.
    pub json: Scanned<'a>,
}

impl<'a> Lines<'a> {
    /// Lines end with a line feed; the last may have none.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, start: 0, scanner: Scanner::new(text, true) }
    }

    /// Scans the next line.
    #[inline]
    pub fn next(&mut self, query: &mut Query<'_>) -> Option<ScannedLine<'a>> {
        let start = self.start;
        if start >= self.text.len() {
            return None;
        }
        let (json, end) = self.scanner.next(self.text, start, query);
        self.start = end + 1;
        Some(ScannedLine { line: &self.text[start..self.start.min(self.text.len())], json })
    }
}

/// Scans one text.
///
/// # Errors
/// `json` is not one valid JSON text.
pub fn scan<'a>(json: &'a [u8], query: &mut Query<'_>) -> Scanned<'a> {
    Scanner::new(json, false).next(json, 0, query).0
}

/// The scanners there are.
#[cfg_attr(
    target_arch = "x86_64",
    expect(clippy::large_enum_variant, reason = "one is made, and it is not moved")
)]
enum Scanner<'a> {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm(Walk<'a, core::arch::wasm32::v128>),
    #[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
    Neon(Walk<'a, core::arch::aarch64::uint8x16_t>),
    #[cfg(target_arch = "x86_64")]
    X86(Walk<'a, core::arch::x86_64::__m128i>),
    #[cfg(not(any(
        all(target_arch = "wasm32", target_feature = "simd128"),
        all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
    )))]
    Scalar { lines: bool, text: std::marker::PhantomData<&'a [u8]> },
}

impl<'a> Scanner<'a> {
    #[inline]
    fn new(text: &'a [u8], lines: bool) -> Self {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        // SAFETY: this is compiled only into modules that ask for simd128: without it none of them loads.
        return Self::Wasm(unsafe { Walk::new(text, lines) });
        #[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
        // SAFETY: this is compiled only for targets that have NEON.
        return Self::Neon(unsafe { Walk::new(text, lines) });
        #[cfg(target_arch = "x86_64")]
        if x86::has_instructions() {
            // SAFETY: so they exist.
            return Self::X86(unsafe { Walk::new(text, lines) });
        }
        #[cfg(not(any(
            all(target_arch = "wasm32", target_feature = "simd128"),
            all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
        )))]
        Self::Scalar { lines, text: std::marker::PhantomData }
    }

    /// Scans the line that starts at `start`, or the one text; and where it ends. Large, so once in the program.
    #[inline(never)]
    fn next(&mut self, text: &'a [u8], start: usize, query: &mut Query<'_>) -> (Scanned<'a>, usize) {
        query.clear();
        let (kind, end) = match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            // SAFETY: as said in `new`.
            Self::Wasm(walk) => unsafe { walk.next(query) },
            #[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
            // SAFETY: as said in `new`.
            Self::Neon(walk) => unsafe { walk.next(query) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as said in `new`.
            Self::X86(walk) => unsafe { x86::next(walk, query) },
            #[cfg(not(any(
                all(target_arch = "wasm32", target_feature = "simd128"),
                all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
            )))]
            Self::Scalar { lines, .. } => {
                let rest = &text[start..];
                let len = memchr::memchr(b'\n', rest).filter(|_| *lines).unwrap_or(rest.len());
                return (scalar::scan(&rest[..len], start, query), start + len);
            }
        };
        // SAFETY: the scanner found these bytes to be JSON, and every byte above 0x7F in them to be part of UTF-8.
        let text = || unsafe { str::from_utf8_unchecked(&text[start..end]) };
        (kind.map(|kind| Json { kind, text: text(), start }), end)
    }
}

impl std::fmt::Debug for Scanner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scanner")
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Query, Walk};
    use crate::json::scan::{Kind, ScanError};
    use core::arch::x86_64::__m128i;

    /// The registers have 16 bytes, as those of SSE; but AVX2 spares copies between them, with BMI the bits of a word
    /// are found faster, and a product without carries tells inside from outside. Every such processor has all four.
    pub(super) fn has_instructions() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("pclmulqdq")
    }

    #[target_feature(enable = "avx2,bmi1,lzcnt,pclmulqdq")]
    pub(super) fn next(
        walk: &mut Walk<'_, __m128i>,
        query: &mut Query<'_>,
    ) -> (Result<Kind, ScanError>, usize) {
        // SAFETY: the instructions of `Vector for __m128i` are SSE2, SSSE3, which AVX2 includes, and PCLMULQDQ.
        unsafe { walk.next(query) }
    }
}
