//! What is wrong with a file in one way only is put right: bytes in, the bytes of a mended file out, and no decision that a
//! person would have to make. A file without errors comes out byte for byte, and so does all that is not mended.
//!
//! | room | what is decided there |
//! |---|---|
//! | `stream` | chunks in and out, and what of it is a line |
//! | `encoding` | UTF-16 and UTF-32 are made UTF-8 |
//! | `layout` | an array, or objects over several lines, are made one object a line |
//! | `line` | what is mended in a line, and in which order |
//! | `syntax` | a line that is not JSON for want of a brace, or by a comma too many |
//! | `target` | which endpoint the file is for |
//! | `ids` | names for requests that have none, or the name of another |
//! | `ledger` | which cures are chosen, how often each was needed, and examples |
//!
//! ```
//! use edgebatch::{Cure, Repair, RepairOptions};
//!
//! let mut repair = Repair::new(RepairOptions::default());
//! let mut mended = Vec::new();
//! repair.push(b"{\"custom_id\": \"a\", \"method\": \"GET\", \"url\": \"/v1/embeddings\", ", &mut mended);
//! repair.push(b"\"body\": {\"model\": \"m\", \"input\": \"x\"}", &mut mended);
//! repair.finish(&mut mended);
//!
//! let expected = r#"{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}"#;
//! assert_eq!(String::from_utf8(mended).unwrap(), expected);
//! let repaired = repair.report();
//! assert_eq!(repaired.cures.iter().map(|cured| cured.cure).collect::<Vec<_>>(), [Cure::Json, Cure::Method]);
//! ```

pub(crate) mod encoding;
mod ids;
pub(crate) mod layout;
pub(crate) mod ledger;
mod line;
mod stream;
mod syntax;
mod target;

pub use ledger::{Cured, Example, Repaired};
pub use stream::Repair;

use crate::limits::MAX_LINE_BYTES;
use serde::{Serialize, Serializer};

/// What can be mended, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// UTF-16 or UTF-32 is written as UTF-8; byte order marks are removed.
    Encoding,
    /// The elements of an array, or objects that span lines, are written one a line.
    Lines,
    /// A brace that is missing at the end of a line is added, a comma too many is removed.
    Json,
    /// `stream` is removed where it is true, and with it `stream_options`.
    Stream,
    /// The method is `POST`.
    Method,
    /// The url is the endpoint, if the body has what that endpoint asks for.
    Url,
    /// A `custom_id` that is missing, null or blank is made up; one that is a number is quoted.
    Ids,
    /// A `custom_id` that was used before gets a number.
    Duplicates,
}

impl Cure {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Encoding,
        Self::Lines,
        Self::Json,
        Self::Stream,
        Self::Method,
        Self::Url,
        Self::Ids,
        Self::Duplicates,
    ];

    /// As options and reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::Lines => "lines",
            Self::Json => "json",
            Self::Stream => "stream",
            Self::Method => "method",
            Self::Url => "url",
            Self::Ids => "ids",
            Self::Duplicates => "duplicates",
        }
    }
}

impl Serialize for Cure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What is to be mended, and how.
#[derive(Clone, Debug)]
pub struct RepairOptions {
    /// The endpoint that the file is for; none for the one that its first request means.
    pub endpoint: Option<String>,
    /// The cures to use; none for all. What is no text in UTF-8 with a request a line is made so in any case: before
    /// that there is no line to mend.
    pub only: Option<Vec<Cure>>,
    /// Bytes of the longest line that is looked at; longer ones stay as they are.
    pub max_line_bytes: usize,
    /// Key of the hashes that seen ids are kept as; see [`Rules`](crate::Rules).
    pub hash_key: (u64, u64),
}

impl Default for RepairOptions {
    fn default() -> Self {
        Self { endpoint: None, only: None, max_line_bytes: MAX_LINE_BYTES, hash_key: (0, 0) }
    }
}
