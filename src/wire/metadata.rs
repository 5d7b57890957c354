//! What the creator of a batch attached.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

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

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut metadata = Metadata::default();
                while let Some((name, text)) = map.next_entry()? {
                    metadata.set(name, text);
                }
                Ok(metadata)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
