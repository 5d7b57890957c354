//! Tables, JSON and plain prompts are made batch files, a line for each row: bytes in, the bytes of a batch file out. And
//! files that are too large are split, and files of any kind are told by their first bytes.
//!
//! | room | what is decided there |
//! |---|---|
//! | `sniff` | what a file is that is no batch file, and what can be done with it |
//! | `stream` | chunks in and out, and what of them is a row |
//! | `rows` | rows to lines, and those that cannot be |
//! | `table` | the records of CSV |
//! | `separator` | whether a text is a table, and what its fields are separated by |
//! | `members` | the members of an object |
//! | `line` | what a line holds, by the options |
//! | `template` | texts and JSON with places for columns, how they are filled and escaped |
//! | `split` | where a file is cut into parts |
//!
//! ```
//! use edgebatch::{Convert, ConvertOptions};
//!
//! let model = Some("gpt-4o-mini".to_owned());
//! let prompt = Some("Summarise: {text}".to_owned());
//! let mut convert = Convert::new(ConvertOptions { model, prompt, ..ConvertOptions::default() }).unwrap();
//! let mut lines = Vec::new();
//! convert.push(b"id,text\n1,\"A \"\"b\"\"", &mut lines).unwrap();
//! convert.push(b"\"\n", &mut lines).unwrap();
//! convert.finish(&mut lines).unwrap();
//! assert_eq!(
//!     String::from_utf8(lines).unwrap(),
//!     concat!(
//!         r#"{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini","#,
//!         r#""messages":[{"role":"user","content":"Summarise: A \"b\""}]}}"#,
//!         "\n"
//!     )
//! );
//! ```

mod line;
mod members;
mod rows;
mod separator;
mod sniff;
mod split;
mod stream;
mod table;
mod template;

pub use rows::Converted;
pub use sniff::{FileKind, Remedy, Sniffed, sniff};
pub use split::{FilePart, Split};
pub use stream::Convert;

use crate::input::endpoint::Endpoint;
use crate::limits::MAX_LINE_BYTES;
use serde::{Serialize, Serializer};

/// What a file with rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvertFrom {
    /// A header, and a record for each row.
    Table,
    /// Objects or texts, in an array or one a line.
    Json,
    /// A prompt a line.
    Text,
}

impl ConvertFrom {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Table, Self::Json, Self::Text];

    /// As options and reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

impl Serialize for ConvertFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How rows are made lines. In texts, `{name}` is what a row has in the column of this name, `{#}` its number, and `{{name}}`
/// the text `{name}`.
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// What the file is; none for what its first bytes say.
    pub from: Option<ConvertFrom>,
    /// What separates the fields of a table; none for what seems to.
    pub separator: Option<u8>,
    /// The endpoint that the requests are for.
    pub endpoint: String,
    /// The model that they name, a text.
    pub model: Option<String>,
    /// The prompt: a column, or a text with columns. None for the column that seems to be it.
    pub prompt: Option<String>,
    /// What the model is told before the prompt, a text.
    pub system: Option<String>,
    /// The `custom_id`: a column, or a text with columns; "" for `request-` and the row's number. None for the column
    /// `custom_id` or `id`, and for the number if there is neither.
    pub custom_id: Option<String>,
    /// A body instead of the one that is made of prompt and system: a JSON object. Its strings are texts, and one that is
    /// `{name:json}` stands for a value.
    pub template: Option<String>,
    /// Members that bodies have besides, as with `template`.
    pub extra: Option<String>,
    /// Bytes of the longest row.
    pub max_line_bytes: usize,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        let endpoint = Endpoint::paths(|endpoint| endpoint.default).next().unwrap_or_default().to_owned();
        Self {
            from: None,
            separator: None,
            endpoint,
            model: None,
            prompt: None,
            system: None,
            custom_id: None,
            template: None,
            extra: None,
            max_line_bytes: MAX_LINE_BYTES,
        }
    }
}
