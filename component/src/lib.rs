//! The core as WebAssembly components. Nothing is decided here: values of `wit/edgebatch.wit` become those of the core, and
//! back.

#[cfg(feature = "batches")]
mod host;
#[cfg(feature = "batches")]
mod service;
mod validation;

#[cfg(all(feature = "validator", not(feature = "batches")))]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "validator", pub_export_macro: true });
}
#[cfg(feature = "batches")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "batches", pub_export_macro: true });
}

use bindings::exports::edgebatch::component::validation::ApiError;
use edgebatch::to_json;

struct Component;

bindings::export!(Component with_types_in bindings);

/// As JSON text.
fn text(record: &impl serde::Serialize) -> String {
    String::from_utf8_lossy(&to_json(record)).into_owned()
}

fn refused(error: edgebatch::ApiError) -> ApiError {
    let edgebatch::ApiError { status, kind, message, param, code } = error;
    ApiError { status, kind, message, param, code }
}
