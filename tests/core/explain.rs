//! Where a line breaks, and why.

use edgebatch::internal::explain::{Reason, explain};
use edgebatch::internal::scan::members;

#[test]
fn the_place_and_the_reason_are_those_a_person_would_give() {
    for (line, offset, column, reason) in [
        (&b"{\"a\": 1,}"[..], 7, 8, Reason::TrailingComma),
        (b"{'a': 1}", 1, 2, Reason::SingleQuote),
        ("{\"é\": NaN}".as_bytes(), 7, 7, Reason::NoValue),
        ("{\"😀\",}".as_bytes(), 7, 5, Reason::Colon),
        (b"\t{\"a\": True}", 7, 8, Reason::Python),
        (b"{\"a\": 1", 7, 8, Reason::CommaOrBrace),
        (b"[1", 2, 3, Reason::CommaOrBracket),
        (b"{\"a\": \"b", 6, 7, Reason::Unclosed),
        (b"{\"a\": \"b\\", 6, 7, Reason::Unclosed),
        (b"{} {}", 3, 4, Reason::GoesOn),
        (b"{}\r{}\r", 3, 4, Reason::GoesOn),
        (b"{}\0\0", 2, 3, Reason::Nul),
        (b"{\0\"\0a\0\"\0", 1, 2, Reason::Nul),
        (b"\xFF\xFE{\0", 0, 1, Reason::NotUtf8),
        (b"{\"a\": \"\xE9\"}", 7, 8, Reason::NotUtf8),
        ("{},\u{FEFF}".as_bytes(), 2, 3, Reason::GoesOn),
        ("\u{FEFF}{}".as_bytes(), 0, 1, Reason::ByteOrderMark),
        (b"[\"\t\"]", 2, 3, Reason::Control),
        (b"[\x1A]", 1, 2, Reason::Control),
        (b"[\"\\ud800\\u0041\"]", 2, 3, Reason::Surrogate),
        (b"[\"\\u12\"]", 2, 3, Reason::HexDigits),
        (b"[\"\\x\"]", 2, 3, Reason::Escape),
        (b"[-007]", 1, 2, Reason::LeadingZero),
        (b"[1e]", 3, 4, Reason::Digit),
        (b"[-Infinity]", 2, 3, Reason::NoValue),
        (b"[1e999]", 1, 2, Reason::TooLarge),
        (b"[1, // two", 4, 5, Reason::Comment),
        ("[“a”]".as_bytes(), 1, 2, Reason::TypographicQuote),
        (&[b'['; 129], 128, 129, Reason::TooDeep),
    ] {
        let fault = explain(line).unwrap();
        let found = (fault.offset, fault.column, fault.reason);
        assert_eq!(found, (offset, column, reason), "{}", String::from_utf8_lossy(line));
        assert!(members(line, []).is_err());
        assert!(fault.message().ends_with('.') && fault.message().len() > 15);
    }
    let last = explain(&[b'['; 129]).unwrap();
    assert_eq!(last.message(), "It is nested more than 128 levels deep.");
    let cut = explain(b"{").unwrap();
    assert!(cut.at_end && cut.message().starts_with("The line ends here. "));
}

#[test]
fn a_line_is_explained_exactly_if_the_scanner_refuses_it() {
    const LINE: &[u8] = br#" {"a":[1,-2.5e+3,"\ud83d\ude00x",{}],"b":{"c":[true,null]}} "#;
    for at in 0..=LINE.len() {
        for byte in 0..=255 {
            for keep in [at, at + 1] {
                let line = [&LINE[..at], &[byte], LINE.get(keep..).unwrap_or_default()].concat();
                assert_eq!(explain(&line).is_some(), members(&line, []).is_err(), "{line:?}");
            }
        }
        assert_eq!(explain(&LINE[..at]).is_some(), members(&LINE[..at], []).is_err());
    }
}
