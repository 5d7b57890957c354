//! A parameter as a caller sent it: its kind is what matters, should it be of the wrong one.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A value whose type is not checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Param {
    /// Not sent, or null.
    #[default]
    Absent,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, as written.
    Integer(String),
    /// Any other number, as written.
    Decimal(String),
    /// A string.
    Text(String),
    /// An array, whatever it holds.
    Array,
    /// An object. Keys are values too: a host's maps may hold keys that JSON's cannot.
    Pairs(Vec<(Self, Self)>),
}

impl Param {
    /// How OpenAI names the type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Decimal(_) => "a decimal number",
            Self::Text(_) => "a string",
            Self::Array => "an array",
            Self::Pairs(_) => "an object",
        }
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "null",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Integer(text) | Self::Decimal(text) | Self::Text(text) => text,
            Self::Array => "[…]",
            Self::Pairs(_) => "{…}",
        })
    }
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Param;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_unit<E>(self) -> Result<Param, E> {
                Ok(Param::Absent)
            }
            fn visit_none<E>(self) -> Result<Param, E> {
                Ok(Param::Absent)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Param, D::Error> {
                Param::deserialize(deserializer)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Param, E> {
                Ok(Param::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Param, E> {
                Ok(Param::Integer(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Param, E> {
                Ok(Param::Integer(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Param, E> {
                Ok(Param::Decimal(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Param, E> {
                Ok(value.into())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Param, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Param::Array)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Param, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Param::Pairs(pairs))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
