//! What cannot be read as lines of JSON, and why: the same words in both dialects.

use crate::json::scan::is_beyond_double;
use crate::limits::MAX_DEPTH;

const _: () = assert!(MAX_DEPTH == 128, "the text below says so");

/// What cannot be read as lines of JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unreadable<'a> {
    /// The line.
    NotJson(&'a [u8]),
    /// Its bytes with the line end, and the maximum without.
    LongLine(u64, usize),
    /// What the file is instead of text in UTF-8.
    NotText(&'static str),
    /// No line of the file asks for anything.
    NoRequests,
}

impl Unreadable<'_> {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotJson(_) => "invalid_json_line",
            Self::LongLine(..) => "line_too_long",
            Self::NotText(what) if what.starts_with("UTF") => "invalid_encoding",
            Self::NotText(_) => "invalid_file_format",
            Self::NoRequests => "empty_file",
        }
    }

    pub(super) fn message(self) -> String {
        match self {
            Self::NotJson(line) => format!("This line is not parseable as valid JSON.{}", of_line(line)),
            Self::LongLine(bytes, max) => {
                format!("This line has {bytes} bytes, more than the maximum of {max}.")
            }
            Self::NotText(what) => {
                format!("The input file must be utf-8 encoded lines of JSON, but it is {what}.")
            }
            Self::NoRequests => {
                "The input file is empty. Please ensure that the batch contains at least one request."
                    .to_owned()
            }
        }
    }
}

/// A sentence to follow another, for a line that is not JSON; empty where nothing but the grammar is broken. What it
/// says is true of the line, though something else may be wrong with it before.
fn of_line(line: &[u8]) -> &'static str {
    if str::from_utf8(line).is_err() {
        return " It is not valid UTF-8.";
    }
    let (mut at, mut depth, mut inside) = (0, 0_usize, false);
    while let Some(&byte) = line.get(at) {
        match byte {
            b'"' => inside = !inside,
            b'\t' | b'\r' if !inside => {}
            0..0x20 => return " It holds a control character that is not escaped.",
            b'\\' if inside => match (unit(line, at), unit(line, at + 6)) {
                (0xD800..0xDC00, 0xDC00..0xE000) => at += 11,
                (0xD800..0xE000, _) => return " It holds half of a surrogate pair.",
                _ => at += 1,
            },
            _ if inside => {}
            b'{' | b'[' if depth == MAX_DEPTH => return " It is nested more than 128 levels deep.",
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let of_number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let rest = line.get(at..).unwrap_or_default();
                let end = rest.iter().position(|b| !of_number(b)).unwrap_or(rest.len());
                let number = rest.get(..end).unwrap_or_default();
                if is_beyond_double(number) {
                    return " It holds a number that is too large for a double.";
                }
                at += number.len() - 1;
            }
            _ if b" ,:truefalsn".contains(&byte) => {}
            // From here on it is not known what is inside a string.
            _ => break,
        }
        at += 1;
    }
    ""
}

/// The UTF-16 unit of the `\uXXXX` at a place; 0 if there is none.
fn unit(line: &[u8], at: usize) -> u32 {
    let Some([b'\\', b'u', hex @ ..]) = line.get(at..at + 6) else { return 0 };
    let digit = |&b: &u8| char::from(b).to_digit(16);
    hex.iter().try_fold(0, |unit, b| Some(unit << 4 | digit(b)?)).unwrap_or(0)
}

/// What a file is whose first line is not JSON and starts so, if it is no text in UTF-8.
pub(super) fn of_file(line: &[u8]) -> Option<&'static str> {
    let byte = |at: usize| line.get(at).copied().unwrap_or(1);
    Some(match [byte(0), byte(1), byte(2), byte(3)] {
        [0, 0, _, 1..=255] | [1..=255, 0, 0, 0] | [0xFF, 0xFE, 0, 0] => "UTF-32",
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 1..=255, 0, 1..=255] | [1..=255, 0, 1..=255, 0] => "UTF-16",
        [b'P', b'K', 3, 4] => "a zip archive",
        [0x1F, 0x8B, ..] => "gzip",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{of_file, of_line};

    #[test]
    fn only_what_is_true_of_a_line_is_said() {
        let deep = "[".repeat(129);
        let within = format!("{{\"a\":\"{deep}\"");
        for (line, word) in [
            (&deep[..], "128"),
            (&deep[1..], ""),
            (&within, ""),
            (r#"{"a":[1,-1e400]"#, "double"),
            (r#"{"a":"1e400""#, ""),
            (r#"["\ud83d"]"#, "surrogate"),
            (r#"["\ude00"]"#, "surrogate"),
            (r#"["\ud83d\u0041"]"#, "surrogate"),
            (r#"["\ud83d\ude00",]"#, ""),
            (r#"["\\ud83d",]"#, ""),
            (r#"["\ud8zz"]"#, ""),
            ("[\"\t\"]", "control"),
            ("\t[1]]\r", ""),
            ("[1]\0\0", "control"),
            ("{'a': \"\t\"}", ""),
            ("", ""),
        ] {
            let reason = of_line(line.as_bytes());
            assert!(reason.contains(word) && reason.is_empty() == word.is_empty(), "{line}: {reason}");
        }
        assert!(of_line(b"{\"a\":\"caf\xE9\"}").contains("UTF-8"));
    }

    #[test]
    fn a_file_is_told_by_its_first_bytes_with_a_byte_order_mark_and_without() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        let utf32 =
            |text: &str, bytes: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| bytes(c.into())).collect();
        for text in ["\u{FEFF}{\"a\"", "{\"a\"", "\u{FEFF}[1", "\u{FEFF}"] {
            let files: [(Vec<u8>, &str); 4] = [
                (utf16(text, u16::to_le_bytes), "UTF-16"),
                (utf16(text, u16::to_be_bytes), "UTF-16"),
                (utf32(text, u32::to_le_bytes), "UTF-32"),
                (utf32(text, u32::to_be_bytes), "UTF-32"),
            ];
            for (file, name) in files {
                assert_eq!(of_file(&file), Some(name), "{text:?} {file:?}");
            }
        }
        assert_eq!(of_file(b"PK\x03\x04\x14"), Some("a zip archive"));
        assert_eq!(of_file(b"\x1F\x8B\x08"), Some("gzip"));
        for file in [&b"{\"a\""[..], b"\0\0\0\0\0", b"\0", b"", b"\xFF", b"\xEF\xBB\xBF{"] {
            assert_eq!(of_file(file), None, "{file:?}");
        }
    }
}
