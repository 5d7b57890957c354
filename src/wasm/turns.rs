//! What runs batches, over imports of the host's. Who only creates and shows them does not load it.

use crate::driver::{self, Turn};
use crate::host::Host;
use crate::queue::lease::Owner;
use crate::settings::Settings;
use crate::wasm::calls::{promise, read_settings};
use crate::wasm::host::JsHost;
use crate::wasm::values::{thrown, to_js};
use js_sys::Promise;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// The turns of batches over a host. The settings are read once, where it is made.
#[wasm_bindgen]
pub struct Turns {
    settings: Rc<Settings>,
    /// Who runs them, from the first on.
    owner: Rc<OnceCell<RefCell<Owner>>>,
}

#[wasm_bindgen]
impl Turns {
    /// Reads the settings, which are those of the `Service` beside it.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ServiceSettings")] settings: JsValue,
    ) -> Result<Self, JsValue> {
        Ok(Self { settings: Rc::new(read_settings(&settings)?), owner: Rc::default() })
    }

    /// Runs batches until the host asks to stop.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn serve(&self, host: JsHost) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            driver::serve(&host, &settings).await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// One turn of one batch, until it ends or `deadline` (Unix milliseconds) passes.
    #[wasm_bindgen(js_name = runTurn, unchecked_return_type = "Promise<TurnEnd>")]
    pub fn run_turn(&self, host: JsHost, id: String, deadline: Option<f64>) -> Promise {
        let (settings, owner) = (Rc::clone(&self.settings), Rc::clone(&self.owner));
        promise(async move {
            let random = || RefCell::new(Owner::new([host.random(), host.random()], &settings));
            let turn =
                Turn { deadline: deadline.map(|ms| ms as u64), owner: Some(owner.get_or_init(random)) };
            to_js(&driver::run_turn(&host, &id, &settings, turn).await.map_err(thrown)?)
        })
    }
}
