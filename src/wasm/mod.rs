//! What JavaScript can call. `js/core/wasm.ts` declares the same functions with their TypeScript types.
//!
//! Asynchronous calls are functions that own what they need: nothing exported is borrowed across an await.

mod host;
mod panic;
mod values;

pub use self::panic::on_panic;

use self::host::JsHost;
use self::values::{from_js, options_from_js, thrown, to_js};
use crate::batch::TurnEnd;
use crate::driver::{self, InputReader as Reader, Turn};
use crate::error::ApiError;
use crate::input::request::RequestLine;
use crate::json::value::Value;
use crate::queue::admission::Admission;
use crate::service::CreateParams;
use crate::settings::Settings;
use crate::validate::{Report, ValidRequest, Validator as CoreValidator};
use js_sys::{Array, JSON};
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Reads the service's options, so that a bad one is refused where it is given.
#[wasm_bindgen(js_name = checkSettings, skip_typescript)]
pub fn check_settings(settings: JsValue) -> Result<(), JsValue> {
    let settings: Settings = options_from_js(&settings)?;
    settings.check().map_err(thrown)
}

/// Creates a batch.
#[wasm_bindgen(js_name = createBatch, skip_typescript)]
pub async fn create_batch(host: JsHost, params: JsValue, settings: JsValue) -> Result<JsValue, JsValue> {
    let params: CreateParams = from_js(&params)?;
    to_js(&driver::create(&host, params, &options_from_js(&settings)?).await.map_err(thrown)?)
}

/// The batch as it stands.
#[wasm_bindgen(js_name = retrieveBatch, skip_typescript)]
pub async fn retrieve_batch(host: JsHost, id: String, settings: JsValue) -> Result<JsValue, JsValue> {
    to_js(&driver::retrieve(&host, &id, &options_from_js(&settings)?).await.map_err(thrown)?)
}

/// Asks for a batch to be cancelled.
#[wasm_bindgen(js_name = cancelBatch, skip_typescript)]
pub async fn cancel_batch(host: JsHost, id: String, settings: JsValue) -> Result<JsValue, JsValue> {
    to_js(&driver::cancel(&host, &id, &options_from_js(&settings)?).await.map_err(thrown)?)
}

/// A page of batches, newest first.
#[wasm_bindgen(js_name = listBatches, skip_typescript)]
pub async fn list_batches(host: JsHost, params: JsValue) -> Result<JsValue, JsValue> {
    to_js(&driver::list(&host, from_js(&params)?).await.map_err(thrown)?)
}

/// Runs batches until the host asks to stop.
#[wasm_bindgen(skip_typescript)]
pub async fn serve(host: JsHost, settings: JsValue) -> Result<(), JsValue> {
    let settings: Settings = options_from_js(&settings)?;
    driver::serve(&host, &settings).await;
    Ok(())
}

/// One turn of one batch: `{ state: "terminal" | "suspended" | "held" | "faulted", wakeAt, message }`.
#[wasm_bindgen(js_name = runTurn, skip_typescript)]
pub async fn run_turn(
    host: JsHost,
    id: String,
    settings: JsValue,
    deadline: Option<f64>,
) -> Result<JsValue, JsValue> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct End {
        state: &'static str,
        wake_at: Option<u64>,
        message: Option<String>,
    }
    let turn = Turn { deadline: deadline.map(|ms| ms as u64), owner: None };
    let end = driver::run_turn(&host, &id, &options_from_js(&settings)?, turn).await.map_err(thrown)?;
    let (state, wake_at, message) = match end {
        TurnEnd::Terminal => ("terminal", None, None),
        TurnEnd::Suspended { wake_at } => ("suspended", Some(wake_at), None),
        TurnEnd::Held { wake_at } => ("held", Some(wake_at), None),
        TurnEnd::Faulted { message, wake_at } => ("faulted", Some(wake_at), Some(message)),
    };
    to_js(&End { state, wake_at, message })
}

/// Which of a store's unfinished batches are to start now. For hosts that run each batch in a place of its own and
/// keep the queue in another: `{ max, now, oldest, cancelled, running, resting }`, times in Unix milliseconds.
#[wasm_bindgen(js_name = admitBatches, skip_typescript)]
pub fn admit_batches(queue: JsValue) -> Result<JsValue, JsValue> {
    // Read by hand: what is derived is twice the WebAssembly.
    let queue: Value = from_js(&queue)?;
    let number = |name| queue.get(name).and_then(Value::as_u64).unwrap_or_default();
    let list = |name| match queue.get(name) {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    let text = |item: &Value| item.as_str().unwrap_or_default().to_owned();
    let ids = |name| list(name).iter().map(text).collect::<Vec<_>>();
    let resting = list("resting").iter().filter_map(|entry| match entry {
        Value::Array(entry) => Some((text(entry.first()?), entry.get(1)?.as_u64()?)),
        _ => None,
    });
    let mut admission = Admission::resume(number("max") as u32, ids("running"), resting.collect());
    to_js(&admission.admit(number("now"), &ids("oldest"), &ids("cancelled")))
}

/// Checks a file that comes in chunks, without looking anything up.
#[wasm_bindgen(skip_typescript)]
pub struct Validator {
    inner: CoreValidator,
    /// Start and end of every good line since they were last taken, where they are asked for.
    good: Option<Vec<f64>>,
}

#[wasm_bindgen]
impl Validator {
    /// For a file that is to run on `endpoint`. `key0` and `key1` are fresh randomness. What is kept besides errors is asked for
    /// here: statistics, and where the good lines are.
    #[wasm_bindgen(constructor)]
    pub fn new(
        endpoint: &str,
        settings: JsValue,
        key0: u64,
        key1: u64,
        statistics: bool,
        good_lines: bool,
    ) -> Result<Self, JsValue> {
        let settings: Settings = options_from_js(&settings)?;
        let rules = settings.rules(endpoint, false, (key0, key1));
        let inner = CoreValidator::new(rules);
        let inner = if statistics { inner.with_statistics() } else { inner };
        Ok(Self { inner, good: good_lines.then(Vec::new) })
    }

    /// The next bytes of the file.
    pub fn push(&mut self, chunk: &[u8]) {
        // No model is looked up here, so nothing is ever asked for.
        let _ = self.inner.push(chunk, &mut |request| places(&mut self.good, &request));
    }

    /// The file is at its end. What was found in it.
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let _ = self.inner.finish(&mut |request| places(&mut self.good, &request));
        self.report()
    }

    /// What was found so far.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        to_js(&self.inner.report())
    }

    /// Takes the first errors out of those kept.
    #[wasm_bindgen(js_name = takeErrors)]
    pub fn take_errors(&mut self, at_most: usize) -> Result<JsValue, JsValue> {
        to_js(&self.inner.take_errors(at_most))
    }

    /// What the file is like so far; null unless asked for.
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

/// Validates a stored file piece by piece and hands out its good requests.
#[wasm_bindgen(skip_typescript)]
pub struct InputReader {
    host: Rc<JsHost>,
    /// Empty while a piece is being read.
    reader: Rc<RefCell<Option<Reader>>>,
}

#[wasm_bindgen]
impl InputReader {
    /// For a stored file that is to run on `endpoint`.
    #[wasm_bindgen(constructor)]
    pub fn new(host: JsHost, file_id: &str, endpoint: &str, settings: JsValue) -> Result<Self, JsValue> {
        let reader = Reader::new(&host, file_id, endpoint, &options_from_js(&settings)?);
        Ok(Self { host: Rc::new(host), reader: Rc::new(RefCell::new(Some(reader))) })
    }

    /// Reads one piece: `[requests, report]`. `report` is null until the file is at its end; `requests` stays
    /// empty unless `collect`.
    pub fn next(&self, collect: bool) -> js_sys::Promise {
        let (host, slot) = (Rc::clone(&self.host), Rc::clone(&self.reader));
        wasm_bindgen_futures::future_to_promise(async move {
            let taken = slot.borrow_mut().take();
            let mut reader = taken.ok_or_else(|| {
                thrown(ApiError::internal("the reader is busy: await the piece before asking for the next"))
            })?;
            let requests = Array::new();
            let mut take = |line: u64, request: &RequestLine<'_>| {
                if collect && let Ok(request) = request_to_js(line, request) {
                    requests.push(&request);
                }
            };
            let piece = reader.next(host.as_ref(), &mut take).await.map(|report| report.cloned());
            *slot.borrow_mut() = Some(reader);
            let report: Option<Report> = piece.map_err(thrown)?;
            let report = to_js(&report)?;
            Ok(serde_wasm_bindgen::to_value(&Piece(requests, report))?)
        })
    }
}

/// What [`InputReader::next`] gives out. Tuples, as names of members would be kept in a hash map: 2 KiB of WebAssembly.
#[derive(Serialize)]
struct Piece(
    #[serde(with = "serde_wasm_bindgen::preserve")] Array,
    #[serde(with = "serde_wasm_bindgen::preserve")] JsValue,
);

/// A good line: its number, `custom_id`, method, url and body, which is what the engine makes of it.
#[derive(Serialize)]
struct BatchRequest<'a>(
    f64,
    &'a str,
    &'a str,
    &'a str,
    #[serde(with = "serde_wasm_bindgen::preserve")] JsValue,
);

fn request_to_js(line: u64, request: &RequestLine<'_>) -> Result<JsValue, JsValue> {
    let RequestLine { custom_id, method, url, body, .. } = request;
    let body = std::str::from_utf8(body).map_err(|_| JsValue::NULL)?;
    let body = JSON::parse(body)?;
    Ok(serde_wasm_bindgen::to_value(&BatchRequest(line as f64, custom_id, method, url, body))?)
}
