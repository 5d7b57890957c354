//! The JSON of records and options: written into bytes, read through the scanner.
//!
//! Every type states its members once, by `object!` or `words!`. serde
//! would do the same, but its code for each type, and what it carries along to print and parse floating-point numbers,
//! was half of the WebAssembly build; the wire types implement its traits for those who embed the core natively,
//! and a test holds the two against each other.

use crate::scan::{self, Kind, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is wrong with a value: the member at fault, the innermost one, or nothing when it is the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit(pub &'static str);

impl Unfit {
    /// Names the member, unless one within it is named already.
    fn within(self, member: &'static str) -> Self {
        if self.0.is_empty() { Self(member) } else { self }
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            "" => f.write_str("it is not the JSON it should be"),
            member => write!(f, "{member} is missing, or not what it should be"),
        }
    }
}

/// A type with one form as JSON.
pub trait Json: Sized {
    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads it back.
    ///
    /// # Errors
    /// When the value is something else.
    fn read(value: Value<'_>) -> Result<Self, Unfit>;

    /// What a member of this type is when it is not there.
    fn absent() -> Option<Self> {
        None
    }
}

/// The whole text of a value.
pub fn to_vec(value: &impl Json) -> Vec<u8> {
    let mut out = Vec::new();
    value.write(&mut out);
    out
}

/// Reads a whole text.
///
/// # Errors
/// When it is not JSON, or something else.
pub fn from_slice<T: Json>(json: &[u8]) -> Result<T, Unfit> {
    T::read(parse(json)?)
}

/// A whole text as a value.
///
/// # Errors
/// When it is not JSON.
pub fn parse(json: &[u8]) -> Result<Value<'_>, Unfit> {
    let kind = scan::members(json, []).map_err(|_| Unfit(""))?.kind;
    let raw = str::from_utf8(json).map_err(|_| Unfit(""))?;
    Ok(Value { kind, raw: raw.trim_matches(SPACE) })
}

/// Appends a string with its quotes.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| matches!(b, 0..=0x1F | b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => {
                let digit = |n: u8| b"0123456789abcdef"[usize::from(n & 15)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends a number.
pub fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A whole number in a value, if it is one that is not negative.
pub fn number(value: Value<'_>) -> Option<u64> {
    value.raw.bytes().all(|b| b.is_ascii_digit()).then(|| value.raw.parse().ok()).flatten()
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Walks through an object or an array that was scanned before.
struct Walk<'a> {
    rest: &'a str,
}

impl<'a> Walk<'a> {
    /// The next key or value, without what stands between.
    fn next(&mut self) -> Option<Value<'a>> {
        let rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
        let (kind, end) = extent(rest.as_bytes())?;
        let (raw, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        Some(Value { kind, raw })
    }
}

/// What stands at the front of `json`, and where it ends. Nothing at the end of a container.
fn extent(json: &[u8]) -> Option<(Kind, usize)> {
    let (mut depth, mut at) = (0_usize, 0);
    let kind = match json.first()? {
        b'"' => Kind::String,
        b'{' => Kind::Object,
        b'[' => Kind::Array,
        b't' => Kind::True,
        b'f' => Kind::False,
        b'n' => Kind::Null,
        b'}' | b']' => return None,
        _ => Kind::Number,
    };
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while *json.get(at)? != b'"' {
                    at += 1 + usize::from(json[at] == b'\\');
                }
                if depth == 0 {
                    return Some((kind, at + 1));
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some((kind, at + 1));
                }
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    Some((kind, at))
}

/// Calls `take` with every member of an object.
///
/// # Errors
/// When it is no object, or `take` says so.
pub fn each_member<'a>(
    object: Value<'a>,
    take: &mut dyn FnMut(Cow<'a, str>, Value<'a>) -> Result<(), Unfit>,
) -> Result<(), Unfit> {
    let mut walk = open(object, Kind::Object)?;
    while let Some(key) = walk.next() {
        let (Some(key), Some(value)) = (key.text(), walk.next()) else { return Err(Unfit("")) };
        take(key, value)?;
    }
    Ok(())
}

/// Calls `take` with every element of an array.
///
/// # Errors
/// When it is no array, or `take` says so.
pub fn each_element<'a>(
    array: Value<'a>,
    take: &mut dyn FnMut(Value<'a>) -> Result<(), Unfit>,
) -> Result<(), Unfit> {
    let mut walk = open(array, Kind::Array)?;
    while let Some(value) = walk.next() {
        take(value)?;
    }
    Ok(())
}

/// The elements of an array of so many.
///
/// # Errors
/// When it is no array, or one of another length.
pub fn elements<const N: usize>(array: Value<'_>) -> Result<[Value<'_>; N], Unfit> {
    let mut found = [Value { kind: Kind::Null, raw: "null" }; N];
    let mut count = 0;
    each_element(array, &mut |element| {
        *found.get_mut(count).ok_or(Unfit(""))? = element;
        count += 1;
        Ok(())
    })?;
    if count == N { Ok(found) } else { Err(Unfit("")) }
}

fn open(value: Value<'_>, kind: Kind) -> Result<Walk<'_>, Unfit> {
    match value.raw.get(1..) {
        Some(rest) if value.kind == kind => Ok(Walk { rest }),
        _ => Err(Unfit("")),
    }
}

/// Appends elements with what belongs around and between.
pub fn push_array<T: Json>(out: &mut Vec<u8>, elements: &[T]) {
    out.push(b'[');
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        element.write(out);
    }
    out.push(b']');
}

/// Reads the member of a known name.
///
/// # Errors
/// When it is something else.
pub fn member<T: Json>(name: &'static str, value: Value<'_>) -> Result<T, Unfit> {
    T::read(value).map_err(|unfit| unfit.within(name))
}

impl Json for String {
    fn write(&self, out: &mut Vec<u8>) {
        push_string(out, self);
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        value.text().map(Cow::into_owned).ok_or(Unfit(""))
    }
}

impl Json for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        match value.kind {
            Kind::True => Ok(true),
            Kind::False => Ok(false),
            _ => Err(Unfit("")),
        }
    }
}

impl Json for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        push_number(out, *self);
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        number(value).ok_or(Unfit(""))
    }
}

macro_rules! smaller_number {
    ($($number:ty)*) => { $(
        impl Json for $number {
            fn write(&self, out: &mut Vec<u8>) {
                push_number(out, *self as u64);
            }

            fn read(value: Value<'_>) -> Result<Self, Unfit> {
                u64::read(value)?.try_into().map_err(|_| Unfit(""))
            }
        }
    )* };
}
smaller_number! { u16 u32 usize }

impl Json for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        if *self < 0 {
            out.push(b'-');
        }
        push_number(out, self.unsigned_abs());
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        value.raw.parse().map_err(|_| Unfit(""))
    }
}

impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        if value.kind == Kind::Null { Ok(None) } else { T::read(value).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        push_array(out, self);
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        let mut elements = Self::new();
        each_element(value, &mut |element| {
            elements.push(T::read(element)?);
            Ok(())
        })?;
        Ok(elements)
    }
}

/// A pair as an array of two.
impl<A: Json, B: Json> Json for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        self.0.write(out);
        out.push(b',');
        self.1.write(out);
        out.push(b']');
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        let [first, second] = elements(value)?;
        Ok((A::read(first)?, B::read(second)?))
    }
}

impl Json for BTreeMap<String, String> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (i, (key, value)) in self.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_string(out, key);
            out.push(b':');
            push_string(out, value);
        }
        out.push(b'}');
    }

    fn read(value: Value<'_>) -> Result<Self, Unfit> {
        let mut map = Self::new();
        each_member(value, &mut |key, value| {
            map.insert(key.into_owned(), String::read(value)?);
            Ok(())
        })?;
        Ok(map)
    }
}

/// A struct as an object with these members, in this order. With `or default`, members that are not there have their
/// default; without, only those that may be null may be left out. Members of other names are passed over.
macro_rules! object {
    ($type:ident { $first:ident : $first_key:literal $(, $field:ident : $key:literal)* $(,)? }) => {
        impl $crate::json::Json for $type {
            fn write(&self, out: &mut Vec<u8>) {
                $crate::json::object!(@write self out $first $first_key $($field $key)*);
            }

            fn read(value: $crate::scan::Value<'_>) -> Result<Self, $crate::json::Unfit> {
                let mut $first = None;
                $(let mut $field = None;)*
                $crate::json::each_member(value, &mut |key, value| {
                    match &*key {
                        $first_key => $first = Some($crate::json::member($first_key, value)?),
                        $($key => $field = Some($crate::json::member($key, value)?),)*
                        _ => {}
                    }
                    Ok(())
                })?;
                Ok(Self {
                    $first: $first.or_else($crate::json::Json::absent).ok_or($crate::json::Unfit($first_key))?,
                    $($field: $field.or_else($crate::json::Json::absent).ok_or($crate::json::Unfit($key))?,)*
                })
            }
        }
    };
    ($type:ident or default { $first:ident : $first_key:literal $(, $field:ident : $key:literal)* $(,)? }) => {
        impl $crate::json::Json for $type {
            fn write(&self, out: &mut Vec<u8>) {
                $crate::json::object!(@write self out $first $first_key $($field $key)*);
            }

            fn read(value: $crate::scan::Value<'_>) -> Result<Self, $crate::json::Unfit> {
                let mut read = Self::default();
                $crate::json::each_member(value, &mut |key, value| {
                    match &*key {
                        $first_key => read.$first = $crate::json::member($first_key, value)?,
                        $($key => read.$field = $crate::json::member($key, value)?,)*
                        _ => {}
                    }
                    Ok(())
                })?;
                Ok(read)
            }
        }
    };
    (@write $self:ident $out:ident $first:ident $first_key:literal $($field:ident $key:literal)*) => {
        $out.extend_from_slice(concat!("{\"", $first_key, "\":").as_bytes());
        $self.$first.write($out);
        $(
            $out.extend_from_slice(concat!(",\"", $key, "\":").as_bytes());
            $self.$field.write($out);
        )*
        $out.push(b'}');
    };
}

/// An enum without fields as strings.
macro_rules! words {
    ($type:ident { $($variant:ident : $word:literal),* $(,)? }) => {
        impl $crate::json::Json for $type {
            fn write(&self, out: &mut Vec<u8>) {
                let word = match self { $(Self::$variant => $word,)* };
                $crate::json::push_string(out, word);
            }

            fn read(value: $crate::scan::Value<'_>) -> Result<Self, $crate::json::Unfit> {
                match value.text().as_deref() {
                    $(Some($word) => Ok(Self::$variant),)*
                    _ => Err($crate::json::Unfit("")),
                }
            }
        }
    };
}

pub(crate) use {object, words};
