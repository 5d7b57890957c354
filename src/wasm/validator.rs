//! What checks files and lines: the whole of what the page needs.

use crate::json::explain::explain;
use crate::json::options::flag;
use crate::validate::{ValidRequest, Validator as CoreValidator};
use crate::wasm::values::{plain, thrown, to_js};
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// Where a line that is not JSON breaks: `[offset, column, reason]`, empty if it is JSON.
#[wasm_bindgen(js_name = explainLine, unchecked_return_type = "[offset: number, column: number, reason: string] | []")]
pub fn explain_line(line: &[u8]) -> Array {
    let found = Array::new();
    if let Some(fault) = explain(line) {
        found.push(&JsValue::from_f64(fault.offset as f64));
        found.push(&JsValue::from_f64(fault.column as f64));
        found.push(&JsValue::from_str(&fault.message()));
    }
    found
}

/// Checks a file that comes in chunks, without looking anything up.
#[wasm_bindgen]
pub struct Validator {
    inner: CoreValidator,
    /// Start and end of every good line since they were last taken, where they are asked for.
    good: Option<Vec<f64>>,
}

#[wasm_bindgen]
impl Validator {
    /// `key0` and `key1` are fresh randomness.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ValidatorOptions")] options: JsValue,
        key0: u64,
        key1: u64,
    ) -> Result<Self, JsValue> {
        let options = plain(&options)?;
        let good_lines = flag("goodLines", options.get("goodLines")).map_err(thrown)?;
        let inner = CoreValidator::by_options(options, (key0, key1)).map_err(thrown)?;
        Ok(Self { inner, good: good_lines.then(Vec::new) })
    }

    /// The next bytes of the file.
    pub fn push(&mut self, chunk: &[u8]) {
        // No model is looked up here, so nothing is ever asked for.
        let _ = self.inner.push(chunk, &mut |request| places(&mut self.good, &request));
    }

    /// The file is at its end. What was found in it.
    #[wasm_bindgen(unchecked_return_type = "Report")]
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let _ = self.inner.finish(&mut |request| places(&mut self.good, &request));
        self.report()
    }

    /// What was found so far.
    #[wasm_bindgen(unchecked_return_type = "Report")]
    pub fn report(&self) -> Result<JsValue, JsValue> {
        to_js(&self.inner.report())
    }

    /// Takes the first errors out of those kept.
    #[wasm_bindgen(js_name = takeErrors, unchecked_return_type = "BatchError[]")]
    pub fn take_errors(&mut self, at_most: usize) -> Result<JsValue, JsValue> {
        to_js(&self.inner.take_errors(at_most))
    }

    /// What the file is like so far; null unless asked for.
    #[wasm_bindgen(unchecked_return_type = "Statistics | null")]
    pub fn statistics(&self) -> Result<JsValue, JsValue> {
        to_js(&self.inner.statistics())
    }

    /// Start and end, in bytes, of every good line since the last call.
    #[wasm_bindgen(js_name = takeGoodLines)]
    pub fn take_good_lines(&mut self) -> Vec<f64> {
        self.good.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

fn places(good: &mut Option<Vec<f64>>, request: &ValidRequest<'_>) {
    if let Some(good) = good {
        good.extend([request.offset as f64, request.end as f64]);
    }
}
