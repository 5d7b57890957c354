//! Text and JSON with places for the columns of a row, and how these are filled.

use crate::convert::members::{spelled, string_end};
use crate::json::scan::{self, Query};
use std::borrow::Cow;

/// The column that every row has: its number.
pub(super) const NUMBER: &str = "#";
/// Behind a column's name: its value as JSON, not as text.
const AS_JSON: &str = ":json";
/// Characters of the longest name in braces.
const NAME_CHARS: usize = 200;

/// What a row has in a column.
#[derive(Clone, Debug)]
pub(super) enum Cell<'a> {
    Text(Cow<'a, str>),
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

    /// Adds a string that says this.
    pub(super) fn string(&mut self, says: &Says<'_>, param: &'static str) {
        self.literal(b"\"");
        match says {
            Says::Column(name) => self.text_of_column(name, param),
            Says::Text(text) => {
                for part in parts(text) {
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
                Piece::Text(at) => match &cells[*at] {
                    Cell::Text(text) => escape(text, out),
                    Cell::Json(json) => escape(&text_of(json), out),
                },
                Piece::Json(at) => {
                    let json = match &cells[*at] {
                        Cell::Json(json) => json,
                        Cell::Text(text) => text.trim_ascii().as_bytes(),
                    };
                    if scan::scan(json, &mut Query::new([], usize::MAX, [])).is_err() {
                        return Err(["'", &self.needed[*at].name, "' is no JSON."].concat());
                    }
                    // Outside strings line ends are white space, and within there are none.
                    out.extend(json.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
                }
            }
        }
        Ok(())
    }
}

/// What a value says as text: a string itself, null nothing, and anything else its JSON.
pub(super) fn text_of(json: &[u8]) -> Cow<'_, str> {
    match json {
        b"null" => Cow::default(),
        [b'"', ..] => spelled(json).unwrap_or_default(),
        _ => String::from_utf8_lossy(json),
    }
}

/// The column in `{name:json}`, if that is all there is.
fn whole_value(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?.strip_suffix(AS_JSON)?;
    is_name(name).then_some(name)
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Column(&'a str),
}

/// Whether there is a column in it.
pub(super) fn has_columns(text: &str) -> bool {
    parts(text).any(|part| matches!(part, Part::Column(_)))
}

/// What can stand in braces; what cannot is text, such as JSON in a prompt.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '}', '"', '\n']) && name.chars().nth(NAME_CHARS).is_none()
}

/// A text cut at the columns in it: `{name}`. `{{name}}` is text, `{name}`.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    let mut next = None;
    std::iter::from_fn(move || {
        if let Some(part) = next.take() {
            return Some(part);
        }
        let mut from = 0;
        while let Some(at) = rest[from..].find('{').map(|at| from + at) {
            let inside = &rest[at + 1..];
            let doubled = inside.strip_prefix('{').and_then(|name| name.split_once("}}"));
            let single = inside.split_once('}');
            if let Some((name, after)) = doubled.filter(|(name, _)| is_name(name)) {
                // One brace of the two at both ends.
                let part = Part::Text(&rest[at + 1..at + 3 + name.len()]);
                return found(&mut rest, at, after, part, &mut next);
            }
            if let Some((name, after)) = single.filter(|(name, _)| is_name(name)) {
                return found(&mut rest, at, after, Part::Column(name), &mut next);
            }
            from = at + 1;
        }
        let last = std::mem::take(&mut rest);
        (!last.is_empty()).then_some(Part::Text(last))
    })
}

/// Gives what is before a part, and the part next.
fn found<'a>(
    rest: &mut &'a str,
    at: usize,
    after: &'a str,
    part: Part<'a>,
    next: &mut Option<Part<'a>>,
) -> Option<Part<'a>> {
    let before = &rest[..at];
    *rest = after;
    if before.is_empty() {
        return Some(part);
    }
    *next = Some(part);
    Some(Part::Text(before))
}

/// Adds a text as it stands within a string of JSON. What some readers take for line ends is escaped as well.
fn escape(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut copied = 0;
    for (at, char) in text.char_indices() {
        let short = match char {
            '"' => b'"',
            '\\' => b'\\',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\0'..' ' | '\u{7F}' | '\u{85}' | '\u{2028}' | '\u{2029}' => b'u',
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[copied..at]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            let code = u32::from(char);
            out.extend([12, 8, 4, 0].map(|shift| HEX[(code >> shift & 15) as usize]));
        }
        copied = at + char.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
}

#[cfg(test)]
mod tests {
    use super::{Cell, Part, Template, escape, parts};
    use crate::json::value::Value;

    #[test]
    fn columns_are_what_stands_in_braces_and_could_be_a_name() {
        use Part::{Column, Text};
        let cut = |text| parts(text).collect::<Vec<_>>();
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
        template.fill(&[Cell::Text("\"q\"".into()), Cell::Json(b"{\"b\":\n 2}")], &mut out).unwrap();
        let expected = r#"{"a":"x\"q\"","{t}":[{"b": 2},"\"q\"",1.50,"{t}"]}"#;
        assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);

        out.clear();
        template.fill(&[Cell::Json(b"null"), Cell::Text(" 7 ".into())], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":"x","{t}":[7,"",1.50,"{t}"]}"#);
        let error = template.fill(&[Cell::Json(b"1"), Cell::Text("seven".into())], &mut Vec::new());
        assert_eq!(error, Err("'n' is no JSON.".to_owned()));
    }
}
