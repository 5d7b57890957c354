//! Plain values as TypeScript, formatted as Biome formats.

use crate::json::value::{Value, to_json};
use serde::Serialize;
use std::fmt::Write;

const WIDTH: usize = 110;

/// A file of declarations.
pub(super) struct File(String);

impl File {
    pub(super) fn new(what: &str, imports: &str) -> Self {
        let written = "Written by `UPDATE_TYPESCRIPT=1 cargo test --lib typescript`, from src/typescript";
        Self(format!("/** {what} {written}. */\n{imports}"))
    }

    /// `type_of` is what the value is declared as; empty for what it is by itself.
    pub(super) fn constant(&mut self, doc: &str, name: &str, type_of: &str, value: &impl Serialize) {
        let value = Value::from_json(&to_json(value)).unwrap();
        let type_of = if type_of.is_empty() { String::new() } else { format!(": {type_of}") };
        let before = format!("export const {name}{type_of} = ");
        let text = written(&value, 0, before.len() + 1);
        let doc = if doc.is_empty() { String::new() } else { format!("/** {doc} */\n") };
        write!(self.0, "\n{doc}{before}{text};\n").unwrap();
    }

    /// A constant whose name says enough.
    pub(super) fn record(&mut self, name: &str, type_of: &str, value: &impl Serialize) {
        self.constant("", name, type_of, value);
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// `used` is how much of the line is taken, before and after.
fn written(value: &Value, depth: usize, used: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Natural(value) => value.to_string(),
        Value::Negative(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::String(value) => quoted(value),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let mut text = "{\n".to_owned();
            for (name, value) in members {
                let name = written_name(name.as_str().unwrap());
                let value = written(value, depth + 1, inner.len() + name.len() + 3);
                writeln!(text, "{inner}{name}: {value},").unwrap();
            }
            text + &outer + "}"
        }
        Value::Array(items) => {
            let is_flat = !items.iter().any(|item| matches!(item, Value::Object(_) | Value::Array(_)));
            let items: Vec<_> = items.iter().map(|item| written(item, depth + 1, inner.len() + 1)).collect();
            let line = format!("[{}]", items.join(", "));
            if is_flat && line.len() + used <= WIDTH {
                return line;
            }
            let mut text = "[\n".to_owned();
            let mut rest = items.as_slice();
            while let Some((first, others)) = rest.split_first() {
                let (mut line, mut others) = (format!("{inner}{first},"), others);
                // Numbers share lines.
                while let (true, Some((next, more))) = (first.parse::<f64>().is_ok(), others.split_first())
                    && line.len() + next.len() + 2 <= WIDTH
                {
                    write!(line, " {next},").unwrap();
                    others = more;
                }
                text += &(line + "\n");
                rest = others;
            }
            text + &outer + "]"
        }
    }
}

fn quoted(text: &str) -> String {
    // In whichever quotes need no escapes.
    if text.contains('"') && !text.contains(['\'', '\\', '\n']) {
        return format!("'{text}'");
    }
    String::from_utf8(to_json(&text)).unwrap()
}

fn written_name(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { name.to_owned() } else { quoted(name) }
}
