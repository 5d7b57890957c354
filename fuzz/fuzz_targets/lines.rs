//! Many lines in one pass against each line alone, whatever stands in the others: `cargo +nightly fuzz run lines`.
#![no_main]

use edgebatch::internal::scan::{Lines, Query, scalar};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["custom_id", "a", "", "body"];
const INNER: [&str; 3] = ["model", "a", "\n"];

fuzz_target!(|text: &[u8]| {
    let mut query = Query::new(NAMES, 3, INNER);
    let mut lines = Lines::new(text);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let scanned = lines.next(&mut query).expect("a line for each line");
        assert_eq!(scanned.line, line);
        let alone = line.strip_suffix(b"\n").unwrap_or(line);
        let expected = scalar::members_within(alone, NAMES, 3, INNER);
        assert_eq!(scanned.json.is_ok(), expected.is_ok());
        if let (Ok(json), Ok((top, inner))) = (scanned.json, expected) {
            assert_eq!(json.kind, top.kind);
            let all = top.found.into_iter().chain(inner);
            all.enumerate().for_each(|(slot, value)| assert_eq!(query.value(&json, slot), value));
        }
    }
    assert!(lines.next(&mut query).is_none());
});
