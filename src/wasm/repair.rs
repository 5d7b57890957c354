//! What mends files.

use crate::error::ApiError;
use crate::json::options::required_text;
use crate::json::value::Value;
use crate::repair::{Cure, Repair as CoreRepair, RepairOptions};
use crate::wasm::values::{plain, thrown, to_js};
use wasm_bindgen::prelude::*;

/// What users see of these types is in `js/core`.
#[wasm_bindgen(typescript_custom_section)]
const IMPORTED: &str = r#"
import type { RepairOptions, Repaired } from "../core/repair.js";
"#;

/// Mends a file that comes in chunks.
#[wasm_bindgen]
pub struct Repair {
    inner: CoreRepair,
}

#[wasm_bindgen]
impl Repair {
    /// `key0` and `key1` are fresh randomness.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "RepairOptions")] options: JsValue,
        key0: u64,
        key1: u64,
    ) -> Result<Self, JsValue> {
        let options = options_of(&plain(&options)?).map_err(thrown)?;
        Ok(Self { inner: CoreRepair::new(RepairOptions { hash_key: (key0, key1), ..options }) })
    }

    /// The next bytes of the file. What the new file goes on with.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len());
        self.inner.push(chunk, &mut out);
        out
    }

    /// The file is at its end. What the new file ends with.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.inner.finish(&mut out);
        out
    }

    /// What was mended so far.
    #[wasm_bindgen(unchecked_return_type = "Repaired")]
    pub fn report(&self) -> Result<JsValue, JsValue> {
        to_js(&self.inner.report())
    }
}

/// Read by hand: what is derived is larger.
fn options_of(given: &Value) -> Result<RepairOptions, ApiError> {
    let mut options = RepairOptions::default();
    if let endpoint @ Some(_) = given.get("endpoint") {
        options.endpoint = Some(required_text("endpoint", endpoint)?);
    }
    match given.get("only") {
        None => {}
        Some(Value::Array(names)) => options.only = Some(names.iter().map(cure).collect::<Result<_, _>>()?),
        Some(other) => return Err(ApiError::wrong_type("only", "an array", other.kind())),
    }
    match given.get("maxLineBytes") {
        None => {}
        Some(Value::Natural(most)) => options.max_line_bytes = usize::try_from(*most).unwrap_or(usize::MAX),
        Some(other) => return Err(ApiError::wrong_type("maxLineBytes", "a number", other.kind())),
    }
    Ok(options)
}

fn cure(name: &Value) -> Result<Cure, ApiError> {
    let found = Cure::ALL.into_iter().find(|cure| name.as_str() == Some(cure.name()));
    found.ok_or_else(|| ApiError::invalid_request("Invalid 'only': there is no such cure.").param("only"))
}
