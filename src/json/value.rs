//! A plain value of any shape, and how a record or an option is read out of one.
//!
//! Whatever comes in, stored JSON or an object of the host's language, becomes a [`Value`] first, and types are read
//! from that. So what fits a type is said once, and there is one copy of the code that serde derives for each type:
//! a copy for every kind of input was a quarter of the WebAssembly build (docs/decisions/0004).

pub use super::misfit::Misfit;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::{fmt, io};

/// A plain value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Null, or not there.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number of 0 or more.
    Natural(u64),
    /// A whole number below 0.
    Negative(i64),
    /// Any other number.
    Decimal(f64),
    /// Text.
    String(String),
    /// Values in order.
    Array(Vec<Self>),
    /// Members in order. Keys are values too: a host's maps may hold keys that JSON's cannot.
    Object(Vec<(Self, Self)>),
}

/// A record as JSON.
///
/// # Panics
/// Never for the records of this crate: they are plain data under names that are text.
pub fn to_json(record: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(128);
    match record.serialize(&mut Serializer::with_formatter(&mut json, Amounts)) {
        Ok(()) => json,
        Err(_) => unreachable!("a record is plain data"),
    }
}

/// Writes decimal numbers, which in records are amounts of money, with up to nine digits after the point: the shortest that
/// reads back as the same double takes ten KiB of tables.
struct Amounts;

impl Formatter for Amounts {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, amount: f64) -> io::Result<()> {
        let nano = (amount * 1e9).round() as u64;
        self.write_u64(writer, nano / 1_000_000_000)?;
        let mut rest = nano % 1_000_000_000;
        if rest > 0 {
            writer.write_all(b".")?;
        }
        while rest > 0 {
            writer.write_all(&[b'0' + (rest / 100_000_000) as u8])?;
            rest = rest % 100_000_000 * 10;
        }
        Ok(())
    }
}

impl Value {
    /// The value that JSON says. (The function of the same name would copy it once more.)
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, Misfit> {
        serde_json::from_slice(json).map_err(de::Error::custom)
    }

    /// The last member of this name, if this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is a whole one of 0 or more.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Natural(number) => Some(*number),
            _ => None,
        }
    }
}

impl Value {
    /// What kind of value this is, as errors name it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Decimal(_) => "a decimal number",
            Self::Natural(_) | Self::Negative(_) => "an integer",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Natural(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Natural))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Decimal(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Value::Object(members))
    }
}

/// Goes through the items of an array.
struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Misfit;

    #[inline(never)]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}

/// Goes through the members of an object, and names the one that does not fit.
struct Members {
    rest: std::vec::IntoIter<(Value, Value)>,
    next: Option<(Value, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = Misfit;

    #[inline(never)]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.next = self.rest.next();
        match &self.next {
            Some((Value::String(key), _)) => seed.deserialize(key.as_str().into_deserializer()).map(Some),
            Some((key, _)) => seed.deserialize(key.clone()).map(Some),
            None => Ok(None),
        }
    }

    #[inline(never)]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (key, value) = self.next.take().unwrap_or_default();
        seed.deserialize(value).map_err(|misfit| misfit.within(&key))
    }
}

impl IntoDeserializer<'_, Misfit> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The one kind of value that fits, so that no type has code for the others.
impl Value {
    #[inline(never)]
    fn into_u64(self, expected: &dyn Expected) -> Result<u64, Misfit> {
        match self {
            Self::Natural(number) => Ok(number),
            _ => Err(Misfit::expected(expected)),
        }
    }

    #[inline(never)]
    fn into_text(self, expected: &dyn Expected) -> Result<String, Misfit> {
        match self {
            Self::String(text) => Ok(text),
            _ => Err(Misfit::expected(expected)),
        }
    }

    #[inline(never)]
    fn into_items(self, length: Option<usize>, expected: &dyn Expected) -> Result<Items, Misfit> {
        match self {
            Self::Array(items) if length.is_none_or(|length| items.len() == length) => {
                Ok(Items(items.into_iter()))
            }
            _ => Err(Misfit::expected(expected)),
        }
    }

    #[inline(never)]
    fn into_members(self, expected: &dyn Expected) -> Result<Members, Misfit> {
        match self {
            Self::Object(members) => Ok(Members { rest: members.into_iter(), next: None }),
            _ => Err(Misfit::expected(expected)),
        }
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Natural(value) => visitor.visit_u64(value),
            Self::Negative(value) => visitor.visit_i64(value),
            Self::Decimal(value) => visitor.visit_f64(value),
            Self::String(value) => visitor.visit_string(value),
            Self::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            Self::Object(members) => visitor.visit_map(Members { rest: members.into_iter(), next: None }),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let value = self.into_u64(&visitor)?;
        visitor.visit_u64(value)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Negative(value) => visitor.visit_i64(value),
            other => {
                let value = other.into_u64(&visitor)?;
                visitor.visit_u64(value)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Bool(value) => visitor.visit_bool(value),
            _ => Err(Misfit::expected(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let value = self.into_text(&visitor)?;
        visitor.visit_string(value)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let items = self.into_items(None, &visitor)?;
        visitor.visit_seq(items)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        let items = self.into_items(Some(length), &visitor)?;
        visitor.visit_seq(items)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let members = self.into_members(&visitor)?;
        visitor.visit_map(members)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    /// A word, or an object of one member: the variant and what it holds.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            Self::String(word) => visitor.visit_enum(word.into_deserializer()),
            other => {
                let members = other.into_members(&visitor)?;
                visitor.visit_enum(MapAccessDeserializer::new(members))
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct
    }
}
