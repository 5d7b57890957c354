//! Plain values in and out of JavaScript: as JSON text, which costs one crossing whatever a value holds.

use crate::error::ApiError;
use crate::json::{self, Json};
use crate::service::{CreateParams, Param};
use js_sys::{Array, Function, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

/// Options: a plain object, as `JSON.stringify` sees it.
pub(super) fn from_js<T: Json>(value: &JsValue) -> Result<T, JsValue> {
    let text = JSON::stringify(value).ok().and_then(|text| text.as_string()).unwrap_or_default();
    json::from_slice(text.as_bytes()).map_err(|unfit| invalid_options(&unfit.to_string()))
}

/// Missing values become null, integers numbers: as `JSON.parse` gives them.
pub(super) fn to_js(value: &impl Json) -> Result<JsValue, JsValue> {
    JSON::parse(&String::from_utf8_lossy(&json::to_vec(value)))
}

/// An error as a plain object; `js/errors.ts` makes the class of it.
pub(super) fn thrown(error: ApiError) -> JsValue {
    to_js(&error).unwrap_or_else(|e| e)
}

/// Parameters of `create`: whatever their types are, the service is to say so.
pub(super) fn create_params(value: &JsValue) -> Result<CreateParams, JsValue> {
    if !value.is_object() {
        return Err(invalid_options("they are no object"));
    }
    let param = |name: &str| Ok::<_, JsValue>(param(&Reflect::get(value, &name.into())?, true));
    Ok(CreateParams {
        input_file_id: param("input_file_id")?,
        endpoint: param("endpoint")?,
        completion_window: param("completion_window")?,
        metadata: param("metadata")?,
        idempotency_key: param("idempotency_key")?,
    })
}

/// Of an object within an object only the kind is told.
fn param(value: &JsValue, whole: bool) -> Param {
    let written = || String::from(Object::from(value.clone()).to_string());
    if value.is_null() || value.is_undefined() {
        Param::Absent
    } else if let Some(flag) = value.as_bool() {
        Param::Bool(flag)
    } else if let Some(number) = value.as_f64() {
        if number.fract() == 0.0 { Param::Integer(written()) } else { Param::Decimal(written()) }
    } else if value.is_bigint() {
        Param::Integer(written())
    } else if let Some(text) = value.as_string() {
        Param::Text(text)
    } else if Array::is_array(value) {
        Param::Array
    } else {
        Param::Pairs(if whole { pairs(value) } else { Vec::new() })
    }
}

/// The entries of an object, or of a `Map`, whose keys need not be strings.
fn pairs(value: &JsValue) -> Vec<(Param, Param)> {
    let entries = match Reflect::get(value, &"entries".into()) {
        Ok(entries) if entries.is_function() => {
            let entries: Function = entries.unchecked_into();
            entries.call0(value).map(|entries| Array::from(&entries)).unwrap_or_default()
        }
        _ => Object::entries(value.unchecked_ref()),
    };
    let pair = |entry: JsValue| {
        let entry = Array::from(&entry);
        (param(&entry.get(0), false), param(&entry.get(1), false))
    };
    entries.iter().map(pair).collect()
}

fn invalid_options(why: &str) -> JsValue {
    thrown(ApiError::invalid_request(format!("Invalid options: {why}")))
}
