//! How records that this crate wrote are read back: member by member, out of a plain value.
//!
//! What serde derives for them does the same, at five times the WebAssembly; it is kept for what a host's language hands in,
//! where an error must name the member. A member that is not known is left out, as a later build may have written it.

use super::value::{Misfit, Value};
use serde::de;

/// What is read out of a plain value.
pub(crate) trait FromValue: Sized {
    /// Nothing where the value is something else.
    fn from_value(value: &Value) -> Option<Self>;

    /// What a member is that is not there; nothing where it must be.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads a record from JSON.
///
/// # Errors
/// When it is not JSON, or something else.
pub(crate) fn from_json<T: FromValue>(json: &[u8]) -> Result<T, Misfit> {
    let value = Value::from_json(json)?;
    T::from_value(&value).ok_or_else(|| de::Error::custom("it is no such record"))
}

/// A member of a record.
pub(crate) fn member<T: FromValue>(record: &Value, name: &str) -> Option<T> {
    match record.get(name) {
        Some(value) => T::from_value(value),
        None => T::absent(),
    }
}

/// Reads a record by its members: those before the semicolon must be there, for the others there is a default.
macro_rules! record {
    ($record:ident { $($member:ident),* $(; $($later:ident),*)? }) => {
        impl $crate::json::record::FromValue for $record {
            fn from_value(value: &$crate::json::value::Value) -> Option<Self> {
                Some(Self {
                    $($member: $crate::json::record::member(value, stringify!($member))?,)*
                    $($($later: match value.get(stringify!($later)) {
                        Some(value) => $crate::json::record::FromValue::from_value(value)?,
                        None => Default::default(),
                    },)*)?
                })
            }
        }
        $crate::json::record::by_value!($record);
    };
}

/// Reads a type from any format by way of a plain value.
macro_rules! by_value {
    ($type:ident) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <$crate::json::value::Value as serde::Deserialize>::deserialize(deserializer)?;
                <Self as $crate::json::record::FromValue>::from_value(&value)
                    .ok_or_else(|| serde::de::Error::custom(concat!("it is no ", stringify!($type))))
            }
        }
    };
}

pub(crate) use {by_value, record};

impl FromValue for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_u64()
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl FromValue for usize {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match *value {
            Value::Natural(number) => Some(number as Self),
            Value::Decimal(number) => Some(number),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromValue> FromValue for Box<T> {
    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Self::new)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Option<Self> {
        items(value)?.iter().map(T::from_value).collect()
    }
}

impl<T: FromValue, const N: usize> FromValue for [T; N] {
    fn from_value(value: &Value) -> Option<Self> {
        Vec::from_value(value)?.try_into().ok()
    }
}

macro_rules! tuples {
    ($(($($name:ident),*);)*) => {$(
        impl<$($name: FromValue),*> FromValue for ($($name,)*) {
            fn from_value(value: &Value) -> Option<Self> {
                let mut items = items(value)?.iter();
                let tuple = ($($name::from_value(items.next()?)?,)*);
                items.next().is_none().then_some(tuple)
            }
        }
    )*};
}

tuples! {
    (A, B);
    (A, B, C);
    (A, B, C, D, E);
}

fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{FromValue, from_json};

    #[derive(Debug, PartialEq)]
    struct Sample {
        name: String,
        size: Option<u32>,
        pair: (u64, bool),
        rows: Vec<[u64; 2]>,
    }

    record!(Sample { name, size, pair; rows });

    #[test]
    fn a_record_is_read_by_its_members_whatever_else_there_is() {
        let read = |json: &str| from_json::<Sample>(json.as_bytes()).ok();
        let sample = |size, rows| Sample { name: "a".to_owned(), size, pair: (7, true), rows };
        assert_eq!(read(r#"{"name":"a","pair":[7,true]}"#), Some(sample(None, Vec::new())));
        let whole = r#"{"later":{},"pair":[7,true],"rows":[[1,2],[3,4]],"size":5,"name":"a"}"#;
        assert_eq!(read(whole), Some(sample(Some(5), vec![[1, 2], [3, 4]])));
        assert_eq!(read(&whole.replace('5', "null")), Some(sample(None, vec![[1, 2], [3, 4]])));
        assert_eq!(serde_json::from_str::<Sample>(whole).ok(), read(whole));
    }

    #[test]
    fn a_member_that_is_missing_or_something_else_makes_it_no_record() {
        for json in [
            "",
            "7",
            "{}",
            r#"{"name":"a"}"#,
            r#"{"name":7,"pair":[7,true]}"#,
            r#"{"name":"a","pair":[7]}"#,
            r#"{"name":"a","pair":[7,true,1]}"#,
            r#"{"name":"a","pair":[7,true],"size":-1}"#,
            r#"{"name":"a","pair":[7,true],"size":4294967296}"#,
            r#"{"name":"a","pair":[7,true],"rows":null}"#,
            r#"{"name":"a","pair":[7,true],"rows":[[1]]}"#,
        ] {
            assert!(from_json::<Sample>(json.as_bytes()).is_err(), "{json}");
        }
        assert_eq!(<Option<u64>>::absent(), Some(None));
    }
}
