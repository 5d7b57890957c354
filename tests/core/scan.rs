//! The scanner against serde_json: what one accepts the other does, and both see the same members.

use crate::support::json::{json, mutate};
use crate::support::random::Random;
use edgebatch::internal::scan::{Kind, Lines, Query, ScanError, members, members_within, scalar};
use proptest::prelude::*;
use serde_json::Value;
use std::cell::Cell;

const NAMES: [&str; 4] = ["custom_id", "usage", "", "é\n"];
const INNER: [&str; 2] = ["model", "usage"];

fn kind(value: &Value) -> Kind {
    match value {
        Value::Object(_) => Kind::Object,
        Value::Array(_) => Kind::Array,
        Value::String(_) => Kind::String,
        Value::Number(_) => Kind::Number,
        Value::Bool(true) => Kind::True,
        Value::Bool(false) => Kind::False,
        Value::Null => Kind::Null,
    }
}

fn same(found: Option<edgebatch::internal::scan::Value<'_>>, expected: Option<&Value>) {
    let Some(value) = found else { return assert_eq!(None, expected) };
    let expected = expected.expect("a member that is not there");
    assert_eq!(value.kind, kind(expected));
    assert_eq!(&serde_json::from_str::<Value>(value.raw).unwrap(), expected);
    assert_eq!(value.raw.trim(), value.raw);
    assert_eq!(value.text().as_deref(), expected.as_str());
}

/// Holds the scanner against serde_json on one text; says whether it was valid.
fn agree(text: &[u8]) -> bool {
    let Ok(expected) = serde_json::from_slice::<Value>(text) else {
        assert_eq!(members(text, NAMES), Err(ScanError), "{}", String::from_utf8_lossy(text));
        assert_eq!(scalar::members_within(text, NAMES, 0, []), Err(ScanError));
        return false;
    };
    let found = members(text, NAMES);
    let found = found.unwrap_or_else(|_| panic!("refused: {}", String::from_utf8_lossy(text)));
    assert_eq!(found.kind, kind(&expected));
    for (name, value) in NAMES.iter().zip(found.found) {
        same(value, expected.as_object().and_then(|object| object.get(*name)));
    }
    for (within, outer) in NAMES.iter().enumerate() {
        let (again, inner) = members_within(text, NAMES, within, INNER).unwrap();
        assert_eq!(again, found);
        assert_eq!(scalar::members_within(text, NAMES, within, INNER), Ok((again, inner)));
        for (name, value) in INNER.iter().zip(inner) {
            let nested = expected.as_object().and_then(|object| object.get(*outer)?.as_object()?.get(*name));
            same(value, nested);
        }
    }
    true
}

thread_local! {
    // Whether the texts are a fair mix: a test in which all were refused would say little.
    static VALID: Cell<[u32; 2]> = const { Cell::new([0; 2]) };
}

fn count(valid: bool) {
    let mut counts = VALID.get();
    counts[usize::from(valid)] += 1;
    VALID.set(counts);
}

fn assert_fair(least: u32) {
    let [refused, accepted] = VALID.get();
    assert!(refused >= least && accepted >= least, "{refused} refused, {accepted} accepted");
}

fn run(cases: u32, mut case: impl FnMut(&mut Random)) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let case = std::cell::RefCell::new(&mut case);
    let result = runner.run(&any::<u64>(), |seed| {
        let mut random = Random(seed);
        (0..100).for_each(|_| case.borrow_mut()(&mut random));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn random_json_is_read_as_serde_json_reads_it() {
    run(150, |random| {
        let mut text = String::new();
        let depth = random.below(6);
        json(random, depth, &mut text);
        count(agree(text.as_bytes()));
    });
    assert_fair(1_000);
}

#[test]
fn mutated_json_is_accepted_exactly_when_serde_json_accepts_it() {
    run(300, |random| {
        let mut text = String::new();
        let depth = random.below(5);
        json(random, depth, &mut text);
        let mut text = text.into_bytes();
        mutate(random, &mut text);
        count(agree(&text));
    });
    assert_fair(3_000);
}

/// Many lines in one pass must come out as each of them alone, whatever stands in the others.
fn lines_agree(text: &[u8]) -> [u32; 2] {
    let mut query = Query::new(NAMES, 0, INNER);
    let mut lines = Lines::new(text);
    let mut counts = [0; 2];
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let scanned = lines.next(&mut query).expect("a line for each line");
        assert_eq!(scanned.line, line);
        let alone = line.strip_suffix(b"\n").unwrap_or(line);
        let Ok((top, inner)) = scalar::members_within(alone, NAMES, 0, INNER) else {
            assert!(scanned.json.is_err(), "accepted: {}", String::from_utf8_lossy(text));
            counts[0] += 1;
            continue;
        };
        let json = scanned.json.unwrap_or_else(|_| panic!("refused: {}", String::from_utf8_lossy(alone)));
        assert_eq!(json.kind, top.kind);
        for (slot, value) in top.found.into_iter().chain(inner).enumerate() {
            assert_eq!(query.value(&json, slot), value);
            assert_eq!(query.kind(slot), value.map(|value| value.kind));
        }
        counts[1] += 1;
    }
    assert!(lines.next(&mut query).is_none());
    counts
}

#[test]
fn lines_in_one_pass_are_read_as_each_alone() {
    let mut counts = [0; 2];
    run(100, |random| {
        let mut text = Vec::new();
        for _ in 0..random.below(12) {
            let mut line = String::new();
            let depth = random.below(4);
            json(random, depth, &mut line);
            let mut line: Vec<_> = line.bytes().filter(|&byte| byte != b'\n').collect();
            if random.below(3) == 0 {
                mutate(random, &mut line);
            }
            text.extend_from_slice(&line);
            text.extend_from_slice(random.pick(&[b"\n".as_slice(), b"\n", b"\n", b"\r\n", b"\n\n", b" \n"]));
        }
        if random.below(2) == 0 {
            text.pop();
        }
        let found = lines_agree(&text);
        (counts[0], counts[1]) = (counts[0] + found[0], counts[1] + found[1]);
    });
    assert!(counts.iter().all(|&count| count > 5_000), "{counts:?}");
}

#[test]
fn what_breaks_a_line_breaks_no_other_at_any_place_of_a_row() {
    // Each of these ends in the middle of something that could reach into the next line.
    let broken: [&[u8]; 16] = [
        b"\"",
        b"\"a",
        b"\"\\",
        b"\"\\u",
        b"\"\\u0",
        b"\"\\ud83d",
        b"\"\\ud83d\"",
        b"\"\\ud83d\\",
        b"\"\\ud83d\\u",
        b"\"\\ud83d\\ud",
        b"\"\xF0\x9F",
        b"\"\xC3\"",
        b"\xE2\x82",
        b"\\u",
        b"[1",
        b"tru",
    ];
    for broken in broken {
        for place in (0..140).chain(1_900..2_200) {
            let mut text = vec![b' '; place];
            text.extend_from_slice(b"0\n");
            text.extend_from_slice(broken);
            text.extend_from_slice(b"\n\"de\"\n{\"custom_id\":{\"model\":\"\\u00e9\"}}\n");
            assert_eq!(lines_agree(&text), [1, 3]);
        }
    }
}

#[test]
fn soup_of_tokens_and_bytes_is_accepted_exactly_when_serde_json_accepts_it() {
    let tokens: [&[u8]; 24] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\"a\"",
        b"\"usage\"",
        b"1",
        b"-",
        b"0",
        b".",
        b"e",
        b"E+",
        b"true",
        b"fals",
        b"null",
        b" ",
        b"\n",
        b"\\",
        b"\\u00",
        b"\xC3\xA9",
        b"\xFF",
    ];
    run(400, |random| {
        let mut text = Vec::new();
        for _ in 0..random.below(8) {
            text.extend_from_slice(random.pick(&tokens));
        }
        count(agree(&text));
        let bytes: Vec<_> = (0..random.below(6)).map(|_| random.below(256) as u8).collect();
        agree(&bytes);
        agree(&[b"\"", bytes.as_slice(), b"\""].concat());
    });
    assert_fair(1_000);
}

#[test]
fn every_short_number_is_accepted_exactly_when_serde_json_accepts_it() {
    let alphabet = *b"019-+.eE";
    let mut numbers = vec![Vec::new()];
    for _ in 0..5 {
        let longer = numbers.iter().flat_map(|n| alphabet.map(|b| [n.as_slice(), &[b]].concat())).collect();
        for number in &numbers {
            agree(number);
        }
        numbers = longer;
    }
}

#[test]
fn every_byte_is_treated_alike_at_every_place_of_a_string() {
    for byte in 0..=255u8 {
        for place in 0..20 {
            let mut text = vec![b'x'; 20];
            text[place] = byte;
            agree(&[b"\"", text.as_slice(), b"\""].concat());
            agree(&[b"{\"", text.as_slice(), b"\":1}"].concat());
        }
        agree(&[b"\"\\", [byte].as_slice(), b"\""].concat());
        agree(&[b"\"\\u00", [byte].as_slice(), b"0\""].concat());
        agree(&[b"1", [byte].as_slice()].concat());
        agree(&[byte, b'1']);
        agree(&[byte]);
    }
}

#[test]
fn a_row_of_backslashes_of_any_length_ends_a_string_or_escapes_its_quote() {
    // Also those that fill whole blocks, from an odd place and from an even one.
    for place in 0..130 {
        for length in (0..4).chain(60..70).chain(120..200) {
            let text = format!("{}\"{}\"", " ".repeat(place), "\\".repeat(length));
            assert_eq!(agree(text.as_bytes()), length % 2 == 0, "{length} at {place}");
        }
    }
}

#[test]
fn every_surrogate_needs_its_other_half() {
    for high in [0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000] {
        agree(format!("\"\\u{high:04x}\"").as_bytes());
        agree(format!("\"\\u{high:04x}x\"").as_bytes());
        agree(format!("\"\\u{high:04x}\\n\"").as_bytes());
        for low in [0x0041, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000] {
            agree(format!("{{\"a\":\"\\u{high:04X}\\u{low:04x}\"}}").as_bytes());
            agree(format!("{{\"\\u{high:04X}\\u{low:04x}\":1}}").as_bytes());
        }
    }
}

#[test]
fn a_number_beyond_a_double_is_refused() {
    for (number, valid) in [
        ("1e308", true),
        ("1e309", false),
        ("-1e309", false),
        ("0e99999999999", true),
        ("1e-99999999999", true),
        (&"9".repeat(308), true),
        (&"9".repeat(310), false),
        (&format!("0.{}1e400", "0".repeat(399)), true),
        (&format!("{}e-400", "9".repeat(500)), true),
    ] {
        assert_eq!(members(number.as_bytes(), []).is_ok(), valid, "{number}");
        assert_eq!(agree(number.as_bytes()), valid, "{number}");
    }
}
