//! The memory accesses of the scanner's unsafe code, for Miri or AddressSanitizer to watch: `node scripts/check.mjs miri`.
//!
//! Few texts, each at many offsets: Miri interprets, a thousand times slower than the machine. What the scanner finds in
//! them is the fuzz targets' and the property tests' business; here it only has to agree with the scalar one.

use edgebatch::internal::scan::{Lines, Query, members_within, scalar};

const NAMES: [&str; 3] = ["custom_id", "", "body"];
const INNER: [&str; 2] = ["model", "\n"];

/// How the texts start and end decides what is read beyond a block; what stands between, what is read within one.
const TEXTS: [&str; 24] = [
    "",
    "0",
    "-1.5e+300",
    "1e999",
    "true",
    "nul",
    "\"",
    "\"\\",
    "\"\\u",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\\u",
    "\"\u{e9}\u{65e5}\u{1f600}\"",
    "[1,2,[],{}]",
    "[[[[[[[[1]]]]]]]]",
    "{",
    "{}",
    "{\"a\"",
    "{\"a\":",
    "{\"\":1}",
    "{\"custom\\u005fid\":\"x\",\"body\":{\"mod\\u0065l\":\"m\",\"\\n\":null}}",
    "{\"custom_id\":\"a\\nb\",\"body\":{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\"}]}}",
    "{\"body\":\"not an object\",\"body\":{\"model\":1}}",
    "{\"body\":{\"model\":[1,{\"model\":2}]},\"custom_id\":\"twice\",\"custom_id\":\"\\\\\"}",
    "{} x",
];

/// Bytes that are no UTF-8, or only its beginning.
const BROKEN: [&[u8]; 5] = [b"\"\xF0\x9F", b"\"\xC3\"", b"\xE2\x82", b"\"\xED\xA0\x80\"", b"\"\x80\""];

fn texts() -> impl Iterator<Item = &'static [u8]> {
    TEXTS.iter().map(|text| text.as_bytes()).chain(BROKEN)
}

/// On the heap and of exactly this length: a byte read before or after it is an error.
fn exact(parts: &[&[u8]]) -> Box<[u8]> {
    parts.concat().into_boxed_slice()
}

/// One text alone, by both scanners.
fn alone(text: &[u8]) {
    let found = members_within(text, NAMES, 2, INNER);
    assert_eq!(found, scalar::members_within(text, NAMES, 2, INNER));
    for value in found.iter().flat_map(|(top, inner)| top.found.iter().chain(inner).flatten()) {
        // Reads what escapes say, and whether all of it is UTF-8, as a `str` promises.
        let _ = value.text();
        assert!(str::from_utf8(value.raw.as_bytes()).is_ok());
    }
}

/// Many lines in one pass.
fn together(text: &[u8]) {
    let mut query = Query::new(NAMES, 2, INNER);
    let mut lines = Lines::new(text);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let scanned = lines.next(&mut query).expect("a line for each line");
        assert_eq!(scanned.line, line);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let expected = scalar::members_within(line, NAMES, 2, INNER);
        assert_eq!(scanned.json.is_ok(), expected.is_ok());
        if let (Ok(json), Ok((top, inner))) = (scanned.json, expected) {
            assert_eq!(json.kind, top.kind);
            let all = top.found.into_iter().chain(inner);
            all.enumerate().for_each(|(slot, value)| assert_eq!(query.value(&json, slot), value));
        }
    }
    assert!(lines.next(&mut query).is_none());
}

/// How far a text stands from the start of a block of 64: each offset, or under Miri some of those at the edges.
fn offsets(few: &[usize]) -> impl Iterator<Item = usize> {
    (0..130).filter(move |offset| !cfg!(miri) || few.contains(offset))
}

#[test]
#[cfg(all(miri, target_arch = "x86_64"))]
fn the_vector_scanner_is_what_runs() {
    for has in [is_x86_feature_detected!("avx2"), is_x86_feature_detected!("pclmulqdq")] {
        assert!(has, "Miri goes by the target's features: without these, only the scalar scanner is watched");
    }
}

#[test]
fn a_text_alone_is_read_within_its_bounds_wherever_it_starts_and_ends() {
    for offset in offsets(&[0, 15, 62]) {
        let space = vec![b' '; offset];
        for text in texts() {
            alone(&exact(&[&space, text]));
        }
    }
}

#[test]
fn a_string_is_read_within_its_bounds_however_long_it_is() {
    for length in offsets(&[0, 14, 31, 61, 63, 126]) {
        let letters = vec![b'a'; length];
        for (open, end) in
            [("\"", "\""), ("\"", ""), ("\"", "\\n\""), ("\"\\\"", "\u{1f600}\""), ("{\"", "\":0}")]
        {
            alone(&exact(&[open.as_bytes(), &letters, end.as_bytes()]));
        }
        alone(&exact(&[&vec![b'['; length], &vec![b']'; length]]));
    }
}

#[test]
fn lines_in_one_pass_are_read_within_the_bounds_of_their_text() {
    for offset in offsets(&[63]) {
        let space = vec![b' '; offset];
        let lines: Vec<u8> = texts().flat_map(|text| [text, b"\n"].concat()).collect();
        together(&exact(&[&space, &lines]));
        together(&exact(&[&lines, &space]));
        together(&exact(&[&lines[..lines.len().min(offset * 5)]]));
    }
}

#[test]
fn a_byte_lost_anywhere_breaks_no_bounds() {
    let whole = TEXTS[20].as_bytes();
    let step = if cfg!(miri) { 9 } else { 1 };
    for at in (0..whole.len()).step_by(step) {
        alone(&exact(&[&whole[..at]]));
        alone(&exact(&[&whole[at..]]));
        alone(&exact(&[&whole[..at], &whole[at + 1..]]));
    }
}
