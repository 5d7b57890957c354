//! What the creator of a batch attached.

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use serde::{Serialize, Serializer};

/// What the creator of a batch attached: names and texts in the order given, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// Attaches a text under a name; one that was there under that name is replaced.
    pub fn set(&mut self, name: String, text: String) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = text,
            None => self.0.push((name, text)),
        }
    }

    /// The same pairs in the order of their names.
    #[must_use]
    pub fn sorted(self) -> Self {
        let mut sorted: Vec<_> = Vec::with_capacity(self.0.len());
        // For these few, `sort` would be 8 KB of WebAssembly.
        for pair in self.0 {
            sorted.insert(sorted.partition_point(|other| *other < pair), pair);
        }
        Self(sorted)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, text)| (name, text)))
    }
}

impl FromValue for Metadata {
    fn from_value(value: &Value) -> Option<Self> {
        let Value::Object(pairs) = value else { return None };
        let mut metadata = Self::default();
        for (name, text) in pairs {
            metadata.set(name.as_str()?.to_owned(), text.as_str()?.to_owned());
        }
        Some(metadata)
    }
}

by_value!(Metadata);
