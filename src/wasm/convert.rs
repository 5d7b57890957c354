//! What makes batch files of others, cuts them into parts, and tells files by their beginning.

use crate::convert::{self, Convert as CoreConvert, ConvertFrom, ConvertOptions, Split as CoreSplit};
use crate::error::ApiError;
use crate::json::options::required_text;
use crate::json::value::Value;
use crate::wasm::values::{plain, thrown, to_js};
use wasm_bindgen::prelude::*;

/// What users see of these types is in `js/core`.
#[wasm_bindgen(typescript_custom_section)]
const IMPORTED: &str = r#"
import type { Converted, ConvertOptions, FilePart, Sniffed } from "../core/convert.js";
"#;

/// What a file is, if it is no batch file, by its first bytes.
#[wasm_bindgen(unchecked_return_type = "Sniffed | null")]
pub fn sniff(head: &[u8]) -> Result<JsValue, JsValue> {
    to_js(&convert::sniff(head))
}

/// Makes a batch file of one that comes in chunks.
#[wasm_bindgen]
pub struct Convert {
    inner: CoreConvert,
}

#[wasm_bindgen]
impl Convert {
    /// Starts at the beginning of a file.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ConvertOptions")] options: JsValue,
    ) -> Result<Self, JsValue> {
        let options = options_of(&plain(&options)?).map_err(thrown)?;
        Ok(Self { inner: CoreConvert::new(options).map_err(thrown)? })
    }

    /// The next bytes of the file. The lines that they bring.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<u8>, JsValue> {
        let mut out = Vec::with_capacity(chunk.len());
        self.inner.push(chunk, &mut out).map_err(thrown)?;
        Ok(out)
    }

    /// The file is at its end. The last lines.
    pub fn finish(&mut self) -> Result<Vec<u8>, JsValue> {
        let mut out = Vec::new();
        self.inner.finish(&mut out).map_err(thrown)?;
        Ok(out)
    }

    /// What became of the file so far.
    #[wasm_bindgen(unchecked_return_type = "Converted")]
    pub fn report(&self) -> Result<JsValue, JsValue> {
        to_js(self.inner.report())
    }
}

/// Cuts a file that comes in chunks into parts.
#[wasm_bindgen]
pub struct Split {
    inner: CoreSplit,
    cuts: Vec<usize>,
}

#[wasm_bindgen]
impl Split {
    /// Starts at the beginning of a file.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(requests: Option<f64>, bytes: Option<f64>) -> Self {
        let [requests, bytes] = [requests, bytes].map(|most| most.map(|most| most as u64));
        Self { inner: CoreSplit::new(requests, bytes), cuts: Vec::new() }
    }

    /// The next bytes of the file. What of it can be written.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len());
        self.cuts.clear();
        self.inner.push(chunk, &mut out, &mut self.cuts);
        out
    }

    /// The file is at its end. What is left to write.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.cuts.clear();
        self.inner.finish(&mut out, &mut self.cuts);
        out
    }

    /// Where parts begin in the bytes given last.
    pub fn cuts(&self) -> Vec<u32> {
        self.cuts.iter().map(|&cut| cut as u32).collect()
    }

    /// The parts that are whole.
    #[wasm_bindgen(unchecked_return_type = "FilePart[]")]
    pub fn parts(&self) -> Result<JsValue, JsValue> {
        to_js(&self.inner.parts())
    }
}

/// Read by hand: what is derived is larger.
fn options_of(given: &Value) -> Result<ConvertOptions, ApiError> {
    let mut options = ConvertOptions::default();
    let ConvertOptions { model, prompt, system, custom_id, template, extra, .. } = &mut options;
    let texts = [model, prompt, system, custom_id, template, extra];
    for (name, option) in
        ["model", "prompt", "system", "customId", "template", "extra"].into_iter().zip(texts)
    {
        *option = text(given, name)?;
    }
    if let Some(endpoint) = text(given, "endpoint")? {
        options.endpoint = endpoint;
    }
    if let Some(name) = text(given, "from")? {
        let found = ConvertFrom::ALL.into_iter().find(|from| from.name() == name);
        let none =
            || ApiError::invalid_request("Invalid 'from': there is no such kind of file.").param("from");
        options.from = Some(found.ok_or_else(none)?);
    }
    if let Some(separator) = text(given, "separator")? {
        // Of any other text a byte that is refused.
        options.separator = Some(if let [byte] = separator.as_bytes() { *byte } else { b'\n' });
    }
    match given.get("maxLineBytes") {
        None => {}
        Some(Value::Natural(most)) => options.max_line_bytes = usize::try_from(*most).unwrap_or(usize::MAX),
        Some(other) => return Err(ApiError::wrong_type("maxLineBytes", "a number", other.kind())),
    }
    Ok(options)
}

#[inline(never)]
fn text(given: &Value, name: &str) -> Result<Option<String>, ApiError> {
    given.get(name).map(|value| required_text(name, Some(value))).transpose()
}
