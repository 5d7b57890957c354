//! What the calls over a host have in common: how they read what they are given, and how they run.

use crate::json::options::read;
use crate::settings::Settings;
use crate::wasm::values::{plain, thrown};
use js_sys::Promise;
use serde::de::DeserializeOwned;
use std::pin::Pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// Reads a type from a value of the host's language.
///
/// # Errors
/// An [`ApiError`] with the member at fault.
pub(super) fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, JsValue> {
    read(plain(value)?).map_err(thrown)
}

/// The settings of a service.
///
/// # Errors
/// An [`ApiError`] with the setting at fault.
pub(super) fn read_settings(value: &JsValue) -> Result<Settings, JsValue> {
    let settings: Settings = from_js(value)?;
    settings.check().map_err(thrown)?;
    Ok(settings)
}

/// Runs a future to its end. One copy of what that takes serves all calls.
pub(super) fn promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let future: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(future);
    future_to_promise(future)
}
