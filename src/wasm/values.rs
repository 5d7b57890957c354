//! Values across the boundary: plain objects in, plain objects out.

use crate::error::ApiError;
use crate::json::value::{Value, to_json};
use crate::limits::MAX_DEPTH;
use js_sys::{Array, JSON, Map, Object};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A value of the host's language as a plain one.
///
/// # Errors
/// An [`ApiError`] for what is not a plain value.
pub(super) fn plain(value: &JsValue) -> Result<Value, JsValue> {
    plain_within(value, MAX_DEPTH).ok_or_else(|| {
        thrown(ApiError::invalid_request("Invalid options: expected plain values, not nested too deep"))
    })
}

/// `None` for functions, symbols, integers beyond 64 bits, and values nested too deep, such as cyclic objects.
fn plain_within(value: &JsValue, depth: usize) -> Option<Value> {
    if value.is_null() || value.is_undefined() {
        return Some(Value::Null);
    }
    if let Some(value) = value.as_bool() {
        return Some(Value::Bool(value));
    }
    if let Some(number) = value.as_f64() {
        // Beyond this a double no longer identifies one integer.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        return Some(if number.trunc() != number || number.abs() >= EXACT {
            Value::Decimal(number)
        } else if number < 0.0 {
            Value::Negative(number as i64)
        } else {
            Value::Natural(number as u64)
        });
    }
    if let Some(text) = value.as_string() {
        return Some(Value::String(text));
    }
    if value.is_bigint() {
        let natural = u64::try_from(value.clone()).ok().map(Value::Natural);
        return natural.or_else(|| i64::try_from(value.clone()).ok().map(Value::Negative));
    }
    let deeper = depth.checked_sub(1)?;
    if let Some(items) = value.dyn_ref::<Array>() {
        return items.iter().map(|item| plain_within(&item, deeper)).collect::<Option<_>>().map(Value::Array);
    }
    let members = match value.dyn_ref::<Map>() {
        Some(map) => Array::from(map),
        None if value.is_function() => return None,
        None => Object::entries(value.dyn_ref()?),
    };
    let mut object = Vec::with_capacity(members.length() as usize);
    for member in members.iter() {
        let member: Array = member.unchecked_into();
        let value = member.get(1);
        // As in JSON: a member that is undefined is not there, and its default applies.
        if !value.is_undefined() {
            object.push((plain_within(&member.get(0), deeper)?, plain_within(&value, deeper)?));
        }
    }
    Some(Value::Object(object))
}

/// As JSON text, which the engine parses: one crossing whatever a value holds, and a member is one of the object's own
/// whatever it is called (`__proto__` in someone's metadata).
pub(super) fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    JSON::parse(&String::from_utf8_lossy(&to_json(value)))
}

/// An error as a plain object; `js/core/errors.ts` makes the class of it.
pub(super) fn thrown(error: ApiError) -> JsValue {
    to_js(&error).unwrap_or_else(|e| e)
}
