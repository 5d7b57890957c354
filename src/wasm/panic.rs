//! What becomes of a panic: a defect that no caller can answer. The instance traps, and promises that it gave out never
//! settle by themselves, so JavaScript is notified first.

use std::cell::RefCell;
use wasm_bindgen::prelude::*;

thread_local! {
    static CALLBACK: RefCell<Option<js_sys::Function>> = const { RefCell::new(None) };
}

/// Has `callback` called with the message of a panic, while the panic is under way: it must not call the core.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(
    #[wasm_bindgen(unchecked_param_type = "(message: string) => void")] callback: js_sys::Function,
) {
    CALLBACK.set(Some(callback));
    std::panic::set_hook(Box::new(|info| {
        if let Some(callback) = CALLBACK.take() {
            // An exception of the callback's own must not replace the panic.
            let _ = callback.call1(&JsValue::NULL, &JsValue::from_str(&info.to_string()));
        }
    }));
}
