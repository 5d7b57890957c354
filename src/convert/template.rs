//! Text and JSON with places for the columns of a row, and how these are filled.

use crate::convert::members::{spelled, string_end};
use crate::json::explain::explain;
use std::borrow::Cow;

/// The column that every row has: its number.
pub(super) const NUMBER: &str = "#";
/// Behind a column's name: its value as JSON, not as text.
const AS_JSON: &str = ":json";
/// Bytes of the longest name in braces.
const NAME_BYTES: usize = 400;

/// What a row has in a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    /// JSON that was scanned before.
    Json(&'a [u8]),
}

/// What a string says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says<'a> {
    /// What a row has in a column.
    Column(&'a str),
    /// A text, with columns in braces.
    Text(&'a str),
    /// A text in which braces are braces.
    Verbatim(&'a str),
}

#[derive(Debug)]
enum Piece {
    Literal(Vec<u8>),
    /// Within a string, the text of a column.
    Text(usize),
    /// The value of a column.
    Json(usize),
}

/// A column that is needed, and by which option.
#[derive(Debug)]
pub(super) struct Needed {
    pub(super) name: String,
    pub(super) param: &'static str,
}

/// JSON with places for columns.
#[derive(Debug, Default)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// Those that are filled in, each once.
    pub(super) needed: Vec<Needed>,
}

impl Template {
    /// Adds what is JSON as it stands.
    pub(super) fn literal(&mut self, json: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.extend_from_slice(json),
            _ => self.pieces.push(Piece::Literal(json.to_vec())),
        }
    }

    /// Adds a comma, unless an object has just begun.
    pub(super) fn comma(&mut self) {
        if !matches!(self.pieces.last(), Some(Piece::Literal(json)) if json.ends_with(b"{")) {
            self.literal(b",");
        }
    }

    /// Adds a string that says this.
    pub(super) fn string(&mut self, says: &Says<'_>, param: &'static str) {
        self.literal(b"\"");
        match says {
            Says::Column(name) => self.text_of_column(name, param),
            Says::Text(text) => {
                for part in (Parts { text, at: 0 }) {
                    match part {
                        Part::Text(text) => self.escaped(text),
                        Part::Column(name) => self.text_of_column(name, param),
                    }
                }
            }
            Says::Verbatim(text) => self.escaped(text),
        }
        self.literal(b"\"");
    }

    fn escaped(&mut self, text: &str) {
        let mut escaped = Vec::with_capacity(text.len());
        escape(text, &mut escaped);
        self.literal(&escaped);
    }

    fn text_of_column(&mut self, name: &str, param: &'static str) {
        let at = self.column(name, param);
        self.pieces.push(Piece::Text(at));
    }

    /// Adds JSON that was scanned before, or members of an object. Columns may stand in the strings of its values, and
    /// `"{name:json}"` in place of a value.
    pub(super) fn json(&mut self, json: &[u8], param: &'static str) {
        let mut at = 0;
        while let Some(&byte) = json.get(at) {
            let Some(end) = string_end(json, at) else {
                if !byte.is_ascii_whitespace() {
                    self.literal(&[byte]);
                }
                at += 1;
                continue;
            };
            let raw = &json[at..end];
            let text = spelled(raw).unwrap_or_default();
            at = end;
            if json[at..].trim_ascii_start().first() == Some(&b':') {
                self.literal(raw);
            } else if let Some(name) = whole_value(&text) {
                let at = self.column(name, param);
                self.pieces.push(Piece::Json(at));
            } else {
                self.string(&Says::Text(&text), param);
            }
        }
    }

    fn column(&mut self, name: &str, param: &'static str) -> usize {
        self.needed.iter().position(|needed| needed.name == name).unwrap_or_else(|| {
            self.needed.push(Needed { name: name.to_owned(), param });
            self.needed.len() - 1
        })
    }

    /// Adds the JSON of a row, whose cells are those of [`Self::needed`].
    ///
    /// # Errors
    /// Why that cannot be; then what was added is of no use.
    pub(super) fn fill(&self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<(), String> {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(json) => out.extend_from_slice(json),
                Piece::Text(at) => escape(&cells[*at].text(), out),
                Piece::Json(at) => {
                    let json = match cells[*at] {
                        Cell::Json(json) => json,
                        Cell::Text(text) => text.trim_ascii().as_bytes(),
                    };
                    if explain(json).is_some() {
                        return Err(["Its '", &self.needed[*at].name, "' is no JSON."].concat());
                    }
                    // Outside strings line ends are white space, and within there are none.
                    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
                        out.extend_from_slice(line);
                    }
                }
            }
        }
        Ok(())
    }
}

impl<'a> Cell<'a> {
    /// What it says: a string itself, null nothing, and any other JSON how it is written.
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Cell::Text(text) => text.into(),
            Cell::Json(b"null") => Cow::default(),
            Cell::Json(json @ [b'"', ..]) => spelled(json).unwrap_or_default(),
            Cell::Json(json) => str::from_utf8(json).unwrap_or_default().into(),
        }
    }
}

/// The column in `{name:json}`, if that is all there is.
fn whole_value(text: &str) -> Option<&str> {
    let (Part::Column(name), end) = part_at(text, 0)? else { return None };
    if end < text.len() { None } else { name.strip_suffix(AS_JSON) }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Column(&'a str),
}

/// Whether there is a column in it.
pub(super) fn has_columns(text: &str) -> bool {
    Parts { text, at: 0 }.any(|part| matches!(part, Part::Column(_)))
}

/// A text cut at the columns in it: `{name}`. `{{name}}` is text, `{name}`.
struct Parts<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let start = self.at;
        while self.at < self.text.len() {
            match part_at(self.text, self.at) {
                None => self.at += 1,
                Some((part, end)) if self.at == start => {
                    self.at = end;
                    return Some(part);
                }
                Some(_) => break,
            }
        }
        self.text.get(start..self.at).filter(|text| !text.is_empty()).map(Part::Text)
    }
}

/// What begins here with a brace, if it could be the name of a column, and where it ends. What cannot be is text, such as
/// JSON in a prompt.
fn part_at(text: &str, at: usize) -> Option<(Part<'_>, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let is_doubled = bytes.get(at + 1) == Some(&b'{');
    let start = at + 1 + usize::from(is_doubled);
    let length = bytes
        .iter()
        .skip(start)
        .take(NAME_BYTES)
        .position(|byte| matches!(byte, b'{' | b'}' | b'"' | b'\n'))?;
    let end = start + length;
    if length == 0 || bytes[end] != b'}' {
        return None;
    }
    if !is_doubled {
        return Some((Part::Column(text.get(start..end)?), end + 1));
    }
    // One brace of the two at both ends.
    (bytes.get(end + 1) == Some(&b'}')).then_some((Part::Text(text.get(at + 1..=end)?), end + 2))
}

/// Adds a text as it stands within a string of JSON. What some readers take for line ends is escaped as well.
fn escape(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let text = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(&byte) = text.get(at) {
        let next = |behind: usize| text.get(at + behind).copied();
        let (code, length): (u16, _) = match byte {
            b'"' | b'\\' | ..b' ' | 0x7F => (byte.into(), 1),
            0xC2 if next(1) == Some(0x85) => (0x85, 2),
            0xE2 if next(1) == Some(0x80) && matches!(next(2), Some(0xA8 | 0xA9)) => {
                (if next(2) == Some(0xA8) { 0x2028 } else { 0x2029 }, 3)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&text[copied..at]);
        out.push(b'\\');
        match byte {
            b'"' | b'\\' => out.push(byte),
            b'\n' => out.push(b'n'),
            b'\r' => out.push(b'r'),
            b'\t' => out.push(b't'),
            _ => {
                out.push(b'u');
                for shift in [12, 8, 4, 0] {
                    out.push(HEX[usize::from(code >> shift & 15)]);
                }
            }
        }
        at += length;
        copied = at;
    }
    out.extend_from_slice(&text[copied..]);
}

#[cfg(test)]
mod tests {
    use super::{Cell, Part, Parts, Template, escape};
    use crate::json::value::Value;

    #[test]
    fn columns_are_what_stands_in_braces_and_could_be_a_name() {
        use Part::{Column, Text};
        let cut = |text| Parts { text, at: 0 }.collect::<Vec<_>>();
        assert_eq!(cut("{a} and {b c}!"), [Column("a"), Text(" and "), Column("b c"), Text("!")]);
        assert_eq!(cut("as {{a}}, {a}"), [Text("as "), Text("{a}"), Text(", "), Column("a")]);
        for text in ["as {\"a\": {\"b\": 1}} or {}", "{", "}{", "a {b", "{\n}"] {
            assert_eq!(cut(text), [Text(text)], "{text}");
        }
        assert_eq!(cut("{{a}"), [Text("{"), Column("a")]);
        assert!(cut("").is_empty());
    }

    #[test]
    fn every_character_is_escaped_so_that_it_comes_back() {
        let text: String =
            (0..0x3000).chain(0xFFF0..0x1_0010).filter_map(char::from_u32).chain("\"\\\"".chars()).collect();
        let mut json = b"\"".to_vec();
        escape(&text, &mut json);
        json.push(b'"');
        assert_eq!(Value::from_json(&json).unwrap(), Value::String(text));
        let lines = str::from_utf8(&json).unwrap();
        assert!(!lines.contains(['\n', '\r', '\u{7F}', '\u{85}', '\u{2028}', '\u{2029}']));
    }

    #[test]
    fn values_stand_where_their_columns_do() {
        let mut template = Template::default();
        template.json(br#"{ "a" : "x{t}", "{t}": ["{n:json}", "{t}", 1.50, "{{t}}"] }"#, "template");
        let names: Vec<_> = template.needed.iter().map(|needed| &needed.name[..]).collect();
        assert_eq!(names, ["t", "n"]);
        let mut out = Vec::new();
        template.fill(&[Cell::Text("\"q\""), Cell::Json(b"{\"b\":\n 2}")], &mut out).unwrap();
        let expected = r#"{"a":"x\"q\"","{t}":[{"b": 2},"\"q\"",1.50,"{t}"]}"#;
        assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);

        out.clear();
        template.fill(&[Cell::Json(b"null"), Cell::Text(" 7 ")], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":"x","{t}":[7,"",1.50,"{t}"]}"#);
        let error = template.fill(&[Cell::Json(b"1"), Cell::Text("seven")], &mut Vec::new());
        assert_eq!(error, Err("Its 'n' is no JSON.".to_owned()));
    }
}
