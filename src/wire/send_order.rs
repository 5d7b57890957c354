//! In which order the requests of a batch are sent. Its files are in the order of its input, whichever that is.

use serde::{Deserialize, Serialize};

/// Which request is sent next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendOrder {
    /// The next one of the file.
    #[default]
    File,
    /// One that begins like the last, for model servers that keep what they have worked out of a beginning.
    Prefix,
}

impl SendOrder {
    /// All of them, in the order of the wire.
    pub const ALL: [Self; 2] = [Self::File, Self::Prefix];

    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Prefix => "prefix",
        }
    }

    /// What a word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == word)
    }
}
