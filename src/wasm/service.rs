//! The calls of the Batches API, over imports of the host's. What runs batches is in `turns.rs`.
//!
//! Asynchronous calls are functions that own what they need: nothing exported is borrowed across an await.

use crate::driver::{self, InputReader as Reader};
use crate::error::ApiError;
use crate::input::request::RequestLine;
use crate::service::{Asked, CreateParams, Cursor};
use crate::settings::Settings;
use crate::validate::Report;
use crate::wasm::calls::{from_js, promise, read_settings};
use crate::wasm::host::JsHost;
use crate::wasm::values::{thrown, to_js};
use js_sys::{Array, JSON, Promise, Uint8Array};
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// The calls of the Batches API over a host. The settings are read once, where the service is made.
#[wasm_bindgen]
pub struct Service {
    pub(super) settings: Rc<Settings>,
}

#[wasm_bindgen]
impl Service {
    /// Reads the settings, so that a bad one is refused where it is given.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ServiceSettings")] settings: JsValue,
    ) -> Result<Self, JsValue> {
        Ok(Self { settings: Rc::new(read_settings(&settings)?) })
    }

    /// Creates a batch.
    #[wasm_bindgen(unchecked_return_type = "Promise<Batch>")]
    pub fn create(
        &self,
        host: JsHost,
        #[wasm_bindgen(unchecked_param_type = "BatchCreateParams")] params: JsValue,
    ) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            let params: CreateParams = from_js(&params)?;
            to_js(&driver::create(&host, params, &settings).await.map_err(thrown)?)
        })
    }

    /// The batch as it stands, and its manifest if that is wanted, or null. One call, as each is a kilobyte of WebAssembly.
    #[wasm_bindgen(unchecked_return_type = "Promise<[batch: Batch, manifest: BatchManifest | null]>")]
    pub fn retrieve(&self, host: JsHost, id: String, manifest: bool) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            let batch = driver::retrieve(&host, &id, &settings).await.map_err(thrown)?;
            let told = if manifest {
                let json = driver::manifest_of(&host, &batch).await.map_err(thrown)?;
                JSON::parse(&String::from_utf8_lossy(&json))?
            } else {
                JsValue::NULL
            };
            Ok(Array::of2(&to_js(&batch)?, &told).into())
        })
    }

    /// Asks for a batch to be cancelled or paused, or to go on.
    #[wasm_bindgen(unchecked_return_type = "Promise<Batch>")]
    pub fn ask(
        &self,
        host: JsHost,
        id: String,
        #[wasm_bindgen(unchecked_param_type = "\"cancel\" | \"pause\" | \"resume\"")] asked: &str,
    ) -> Promise {
        let settings = Rc::clone(&self.settings);
        let asked = match asked {
            "cancel" => Asked::Cancel,
            "pause" => Asked::Pause,
            _ => Asked::Resume,
        };
        promise(async move { to_js(&driver::ask(&host, &id, asked, &settings).await.map_err(thrown)?) })
    }

    /// A page of batches, newest first.
    #[wasm_bindgen(unchecked_return_type = "Promise<BatchList>")]
    pub fn list(
        &self,
        host: JsHost,
        #[wasm_bindgen(unchecked_param_type = "BatchListParams")] params: JsValue,
    ) -> Promise {
        promise(async move { to_js(&driver::list(&host, from_js(&params)?).await.map_err(thrown)?) })
    }

    /// Some finished lines of a batch: the lines, the letter and the number of the cursor that they begin at, and whether more
    /// are there or may come.
    #[wasm_bindgen(
        unchecked_return_type = "Promise<[lines: Uint8Array, order: string, offset: number, incomplete: boolean]>"
    )]
    pub fn results(
        &self,
        host: JsHost,
        id: String,
        #[wasm_bindgen(unchecked_param_type = "BatchResultsParams")] params: JsValue,
    ) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            let page = driver::results(&host, &id, &from_js(&params)?, &settings).await.map_err(thrown)?;
            let Cursor { order, offset } = page.from;
            let lines = Uint8Array::from(&page.lines[..]);
            let (order, offset) = (String::from(order.letter()), JsValue::from_f64(offset as f64));
            Ok(Array::of4(&lines, &order.into(), &offset, &page.incomplete.into()).into())
        })
    }

    /// Which of the store's unfinished batches are to start now, by who runs, and who rests until when (Unix milliseconds).
    #[wasm_bindgen(unchecked_return_type = "Promise<string[]>")]
    pub fn admit(
        &self,
        host: JsHost,
        running: Vec<String>,
        resting: Vec<String>,
        wake_at: Vec<f64>,
    ) -> Promise {
        let settings = Rc::clone(&self.settings);
        promise(async move {
            let resting = resting.into_iter().zip(wake_at.into_iter().map(|at| at as u64)).collect();
            let admitted = driver::admit(&host, &settings, running, resting).await;
            to_js(&admitted.map_err(|fault| thrown(ApiError::internal(fault.message)))?)
        })
    }

    /// Reads a stored file that is to run on `endpoint`, as a batch over it would that splits it, or does not.
    #[wasm_bindgen(js_name = openInput)]
    pub fn open_input(&self, host: JsHost, file_id: &str, endpoint: &str, split: bool) -> InputReader {
        let reader = Reader::new(&host, file_id, endpoint, split, &self.settings);
        InputReader { host: Rc::new(host), reader: Rc::new(RefCell::new(Some(reader))) }
    }
}

/// Validates a stored file piece by piece and hands out its good requests.
#[wasm_bindgen]
pub struct InputReader {
    host: Rc<JsHost>,
    /// Empty while a piece is being read.
    reader: Rc<RefCell<Option<Reader>>>,
}

#[wasm_bindgen]
impl InputReader {
    /// Reads one piece: `[requests, report]`. `report` is null until the file is at its end; `requests` stays
    /// empty unless `collect`.
    #[wasm_bindgen(unchecked_return_type = "Promise<[requests: GoodLine[], report: Report | null]>")]
    pub fn next(&self, collect: bool) -> Promise {
        let (host, slot) = (Rc::clone(&self.host), Rc::clone(&self.reader));
        promise(async move {
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
