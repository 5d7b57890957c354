//! From one place of structure to the next: whether the grammar is kept, and where the members are.
#![allow(unsafe_code)]

use super::blocks::Places;
use super::literal::literal;
use super::vector::Vector;
use super::{Asked, Kind, ScanError};
use crate::limits::MAX_DEPTH;

type Scanned<'a> = Result<(Kind, &'a str), ScanError>;

/// With the SIMD instructions of WebAssembly.
#[cfg(target_arch = "wasm32")]
pub(super) fn scan_wasm<'a>(json: &'a [u8], asked: &mut Asked<'_>) -> Scanned<'a> {
    // SAFETY: this function is compiled only into modules that ask for simd128: without it none of them loads.
    unsafe { walk::<core::arch::wasm32::v128>(json, asked) }
}

/// With AVX and its shuffles; `None` where the processor has none.
#[cfg(target_arch = "x86_64")]
pub(super) fn scan_x86<'a>(json: &'a [u8], asked: &mut Asked<'_>) -> Option<Scanned<'a>> {
    // The registers have 16 bytes, as those of SSE; but AVX2 spares copies between them, and with BMI the bits
    // of a word are found faster. Every such processor has all three.
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    fn on_avx2<'a>(json: &'a [u8], asked: &mut Asked<'_>) -> Scanned<'a> {
        // SAFETY: the instructions of `Vector for __m128i` are SSE2 and SSSE3, which AVX2 includes.
        unsafe { walk::<core::arch::x86_64::__m128i>(json, asked) }
    }
    let has = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("lzcnt");
    // SAFETY: the processor has what the function asks for.
    has.then(|| unsafe { on_avx2(json, asked) })
}

/// The scanner itself. `unsafe` as the methods of [`Vector`] are.
#[inline(always)]
unsafe fn walk<'a, V: Vector>(json: &'a [u8], asked: &mut Asked<'_>) -> Scanned<'a> {
    // SAFETY of the calls of `next` and `ended_well`: as our own caller says.
    let mut places = Places::<V>::new(json);
    let byte = |at: usize| json.get(at).copied().unwrap_or(0);
    let mut open: u128 = 0;
    let mut depth = 0;
    // Where the values now being read at depths 0, 1 and 2 start.
    let mut starts = [0; 3];
    let mut at = unsafe { places.next() };

    'value: loop {
        if let Some(start) = starts.get_mut(depth) {
            *start = at;
        }
        let mut expect_key = false;
        let (mut kind, mut end) = match byte(at) {
            b'"' => {
                // Inside a string the next place is its end.
                let end = unsafe { places.next() };
                if end == json.len() {
                    return Err(ScanError);
                }
                (Kind::String, end + 1)
            }
            bracket @ (b'{' | b'[') => {
                if depth == MAX_DEPTH {
                    return Err(ScanError);
                }
                let object = bracket == b'{';
                at = unsafe { places.next() };
                // '}' and ']' are both two above their opening bracket.
                if byte(at) == bracket + 2 {
                    (if object { Kind::Object } else { Kind::Array }, at + 1)
                } else {
                    open = open << 1 | u128::from(object);
                    depth += 1;
                    if !object {
                        continue 'value;
                    }
                    expect_key = true;
                    (Kind::Object, 0)
                }
            }
            _ => {
                let (kind, end) = literal(json, at)?;
                // What follows is its own place, except what runs on without a break.
                if !matches!(byte(end), b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') && end < json.len()
                {
                    return Err(ScanError);
                }
                (kind, end)
            }
        };

        // Here a value has just ended, unless a key is due; go on until the next value starts.
        loop {
            if expect_key {
                if byte(at) != b'"' {
                    return Err(ScanError);
                }
                let close = unsafe { places.next() };
                let colon = unsafe { places.next() };
                if byte(colon) != b':' {
                    return Err(ScanError);
                }
                if depth <= 2 {
                    asked.key(depth, &json[at + 1..close]);
                }
                at = unsafe { places.next() };
                continue 'value;
            }
            if depth == 0 {
                if !unsafe { places.ended_well() } {
                    return Err(ScanError);
                }
                // SAFETY: all blocks were read, and every one with a byte above 0x7F was found to be UTF-8.
                return Ok((kind, unsafe { str::from_utf8_unchecked(json) }));
            }
            if depth <= 2 {
                asked.value(depth, kind, &starts, end);
            }
            at = unsafe { places.next() };
            let object = open & 1 == 1;
            match byte(at) {
                b',' => {
                    at = unsafe { places.next() };
                    if !object {
                        continue 'value;
                    }
                    expect_key = true;
                }
                b'}' if object => kind = Kind::Object,
                b']' if !object => kind = Kind::Array,
                _ => return Err(ScanError),
            }
            if !expect_key {
                end = at + 1;
                open >>= 1;
                depth -= 1;
            }
        }
    }
}
