//! The members of an object, one after the other. Of a text that is cut off, those that are there.

use crate::json::scan::{Kind, Value};
use memchr::memchr2;
use std::borrow::Cow;

/// What a name spells, and its value as it is written: none of it where the text ends before.
pub(super) type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// Goes through the members of the object that a text begins with. What is no object has none.
#[derive(Debug)]
pub(super) struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let rest = text.trim_ascii_start();
        let at = if rest.first() == Some(&b'{') { text.len() - rest.len() + 1 } else { text.len() };
        Self { text, at }
    }

    /// Skips white space, and then this byte, which must be there.
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.space();
        if self.text.get(self.at) == Some(&b',') {
            self.at += 1;
            self.space();
        }
        let start = self.at;
        self.at = string_end(self.text, start)?;
        let name = spelled(&self.text[start..self.at])?;
        self.skip(b':')?;
        self.space();
        let value = &self.text[self.at..value_end(self.text, self.at)];
        self.at += value.len();
        Some((name, value))
    }
}

/// What a string says, by its JSON.
pub(super) fn spelled(raw: &[u8]) -> Option<Cow<'_, str>> {
    Value { kind: Kind::String, raw: str::from_utf8(raw).ok()? }.text()
}

/// Behind the string that begins here; none where none does, or it has no end.
pub(super) fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    if text.get(start) != Some(&b'"') {
        return None;
    }
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Behind the value that begins here, or where the text ends.
fn value_end(text: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at).unwrap_or(text.len());
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 1 => depth -= 1,
            b'}' | b']' => return at + depth,
            b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::Members;

    fn members(text: &str) -> Vec<(String, String)> {
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Members::of(text.as_bytes()).map(|(name, value)| (name.into_owned(), text_of(value))).collect()
    }

    #[test]
    fn members_come_one_by_one_with_their_values_as_they_are_written() {
        let found = members(r#" { "a" : 1.50 ,"b":"x\"}", "\u0063": {"d": ["}", {}]},"e":null}  "#);
        let expected = [("a", "1.50"), ("b", r#""x\"}""#), ("c", r#"{"d": ["}", {}]}"#), ("e", "null")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(members("[1]").is_empty() && members("").is_empty() && members("{}").is_empty());
    }

    #[test]
    fn of_a_text_that_is_cut_off_come_those_that_are_there() {
        let whole = r#"{"a": "x", "b": {"c": [1, "\\"]}, "d": 2}"#;
        for end in 0..whole.len() {
            let (found, all) = (members(&whole[..end]), members(whole));
            assert!(found.iter().zip(&all).all(|(part, whole)| whole.0 == part.0), "{end}");
            let cut = found.iter().zip(&all).filter(|(part, whole)| part.1 != whole.1).count();
            assert!(cut <= 1, "{end}");
        }
    }
}
