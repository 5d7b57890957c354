//! What cannot be read as lines of JSON, and why: the same words in both dialects.

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
            Self::NotJson(_) => "This line is not parseable as valid JSON.".to_owned(),
            Self::LongLine(bytes, max) => {
                format!("This line has {bytes} bytes, more than the maximum of {max}.")
            }
            Self::NotText(what) => {
                ["The input file must be utf-8 encoded lines of JSON, but it is ", what, "."].concat()
            }
            Self::NoRequests => {
                "The input file is empty. Please ensure that the batch contains at least one request."
                    .to_owned()
            }
        }
    }
}

/// What a file is whose first line is not JSON and starts so, if it is no text in UTF-8.
pub(crate) fn of_file(line: &[u8]) -> Option<&'static str> {
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
    use super::of_file;

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
