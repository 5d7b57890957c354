//! The exports of the wasm build over `host.js`, called as JavaScript calls them.

use crate::seed_behaviours::{Activity, Place};
use edgebatch::internal::wasm;
use js_sys::{Array, Function, JSON, Map, Object, Promise, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// What `host.js` makes, as its tests see it.
    #[derive(Clone)]
    type TestHost;
    #[wasm_bindgen(method, js_name = addFile)]
    fn add_file(this: &TestHost, id: &str, content: &str);
    #[wasm_bindgen(method)]
    fn stored(this: &TestHost, key: &str) -> Option<String>;
    #[wasm_bindgen(method)]
    fn store(this: &TestHost, key: &str, value: &str);
    #[wasm_bindgen(method)]
    fn stop(this: &TestHost);
    #[wasm_bindgen(method)]
    fn tick(this: &TestHost) -> Promise;
    #[wasm_bindgen(method)]
    fn activity(this: &TestHost) -> String;
    #[wasm_bindgen(method, js_name = letModelAnswer)]
    fn let_model_answer(this: &TestHost);
}

/// The service in WebAssembly.
pub(crate) struct Wasm {
    host: TestHost,
}

impl Wasm {
    /// The host as the exports take it.
    fn host<T: JsCast>(&self) -> T {
        JsValue::from(self.host.clone()).unchecked_into()
    }
}

fn from_js(value: &JsValue) -> Value {
    let text = JSON::stringify(value).expect("it is plain data").as_string().expect("it is not undefined");
    serde_json::from_str(&text).expect("JSON.stringify gives JSON")
}

fn to_js(value: &Value) -> JsValue {
    JSON::parse(&value.to_string()).expect("it is JSON")
}

fn told(outcome: Result<JsValue, JsValue>) -> Result<Value, Value> {
    outcome.map(|done| from_js(&done)).map_err(|error| from_js(&error))
}

/// With every setting at its default.
fn service() -> wasm::Service {
    wasm::Service::new(Object::new().into()).expect("there are no settings")
}

impl Place for Wasm {
    fn new(models: &[&str]) -> Self {
        let make: Function =
            js_sys::eval(include_str!("host.js")).expect("host.js is right").unchecked_into();
        let models = Value::from(models.to_vec()).to_string();
        let host = make.call1(&JsValue::NULL, &models.into()).expect("host.js makes a host");
        Self { host: host.unchecked_into() }
    }

    fn add_file(&self, id: &str, content: &str) {
        self.host.add_file(id, content);
    }

    async fn create(&self, params: &Value, metadata: &[(Value, Value)]) -> Result<Value, Value> {
        let params = to_js(params);
        if !metadata.is_empty() {
            let map = Map::new();
            for (key, value) in metadata {
                map.set(&to_js(key), &to_js(value));
            }
            Reflect::set(&params, &"metadata".into(), &map).expect("it is an object");
        }
        told(JsFuture::from(service().create(self.host(), params)).await)
    }

    async fn retrieve(&self, id: &str) -> Result<Value, Value> {
        // The batch, and no manifest.
        let both = JsFuture::from(service().retrieve(self.host(), id.to_owned(), false)).await;
        told(both.map(|both| Array::from(&both).get(0)))
    }

    async fn cancel(&self, id: &str) -> Result<Value, Value> {
        told(JsFuture::from(service().ask(self.host(), id.to_owned(), "cancel")).await)
    }

    async fn list(&self, params: &Value) -> Result<Value, Value> {
        told(JsFuture::from(service().list(self.host(), to_js(params))).await)
    }

    async fn validate(&self, file_id: &str, endpoint: &str) -> (Value, Vec<Value>) {
        let reader = service().open_input(self.host(), file_id, endpoint, false);
        let mut found = Vec::new();
        loop {
            let piece = JsFuture::from(reader.next(true)).await.expect("the file can be read");
            let piece: Array = piece.unchecked_into();
            let requests: Array = piece.get(0).unchecked_into();
            found.extend(requests.iter().map(|request| {
                let parts = from_js(&request);
                let names = ["line", "custom_id", "method", "url", "body"];
                names.into_iter().enumerate().map(|(at, name)| (name.to_owned(), parts[at].clone())).collect()
            }));
            let report = piece.get(1);
            if !report.is_null() {
                return (from_js(&report), found);
            }
        }
    }

    async fn stored(&self, key: &str) -> Option<String> {
        self.host.stored(key)
    }

    async fn store(&self, key: &str, value: &str) {
        self.host.store(key, value);
    }

    async fn serve(&self, settings: &Value) {
        let turns = wasm::Turns::new(to_js(settings)).expect("the settings are good");
        JsFuture::from(turns.serve(self.host())).await.expect("it ends where it is told to");
    }

    fn stop(&self) {
        self.host.stop();
    }

    async fn tick(&self) {
        JsFuture::from(self.host.tick()).await.expect("a timer does not fail");
    }

    fn activity(&self) -> Activity {
        let seen: Value = serde_json::from_str(&self.host.activity()).unwrap();
        let count = |name: &str| seen[name].as_u64().unwrap();
        Activity { in_flight: count("in_flight"), most: count("most"), looks: count("looks") }
    }

    fn let_model_answer(&self) {
        self.host.let_model_answer();
    }
}
