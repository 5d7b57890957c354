//! The scanners against each other and against serde_json: `cargo +nightly fuzz run scan`.
#![no_main]

use edgebatch::internal::scan::{Value, members_within, scalar};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["custom_id", "a", "", "body"];
const INNER: [&str; 3] = ["model", "a", "\n"];

fuzz_target!(|text: &[u8]| {
    let found = members_within(text, NAMES, 3, INNER);
    assert_eq!(found, scalar::members_within(text, NAMES, 3, INNER));
    let expected = serde_json::from_slice::<serde_json::Value>(text);
    let Ok((top, inner)) = found else {
        // serde_json refuses to nest as deep as the scanner goes, never the other way round.
        return assert!(expected.is_err());
    };
    let Ok(expected) = expected else {
        let deep = text.iter().filter(|b| matches!(b, b'[' | b'{')).count() >= 127;
        return assert!(deep, "accepted what serde_json refuses");
    };
    let same = |found: Option<Value<'_>>, expected: Option<&serde_json::Value>| {
        assert_eq!(found.is_some(), expected.is_some());
        if let (Some(found), Some(expected)) = (found, expected) {
            assert_eq!(&serde_json::from_str::<serde_json::Value>(found.raw).unwrap(), expected);
            assert_eq!(found.text().as_deref(), expected.as_str());
        }
    };
    for (name, found) in NAMES.iter().zip(top.found) {
        same(found, expected.get(name));
    }
    for (name, found) in INNER.iter().zip(inner) {
        same(found, expected.get("body").and_then(|body| body.as_object()?.get(*name)));
    }
});
