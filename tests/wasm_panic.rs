//! Guards what a panic leaves behind: JavaScript hears of it before the instance traps.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

use edgebatch::internal::wasm::on_panic;
use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn a_panic_is_told_to_javascript_before_the_trap() {
    let heard = Array::new();
    let listening = Function::new_with_args("list", "return (message) => list.push(message)");
    on_panic(listening.call1(&JsValue::NULL, &heard).expect("a function").unchecked_into());
    let panics = Closure::<dyn FnMut()>::new(|| panic!("a defect of the test"));
    let catching = Function::new_with_args("call", "try { call() } catch (error) { return error.name }");
    let thrown = catching.call1(&JsValue::NULL, panics.as_ref()).expect("it is caught");
    assert_eq!(thrown.as_string().as_deref(), Some("RuntimeError"));
    assert_eq!(heard.length(), 1);
    assert!(heard.get(0).as_string().expect("a message").contains("a defect of the test"));
    // The closure is lost with the instance that panicked in it.
    panics.forget();
}
