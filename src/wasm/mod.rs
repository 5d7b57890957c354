//! What JavaScript can call, with its TypeScript types.
//!
//! Asynchronous calls are functions that own what they need: nothing exported is borrowed across an await.

// JavaScript sees no `Debug`.
#![allow(missing_debug_implementations)]

mod host;
mod panic;
mod types;
mod values;

pub use self::panic::on_panic;

use self::host::JsHost;
use self::values::{flag, from_js, plain, read, required_text, thrown, to_js};
use crate::batch::TurnEnd;
use crate::driver::{self, InputReader as Reader, Turn};
use crate::error::ApiError;
use crate::host::Host;
use crate::input::request::RequestLine;
use crate::json::explain::explain;
use crate::queue::lease::Owner;
use crate::service::CreateParams;
use crate::settings::Settings;
use crate::validate::{Report, Rules, ValidRequest, Validator as CoreValidator};
use js_sys::{Array, JSON, Promise};
use serde::Serialize;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// The calls of the Batches API over a host. The settings are read once, where the service is made.
#[wasm_bindgen]
pub struct Service {
    settings: Rc<Settings>,
    /// Who runs its turns, from the first on.
    owner: Rc<OnceCell<RefCell<Owner>>>,
}

#[wasm_bindgen]
impl Service {
    /// Reads the settings, so that a bad one is refused where it is given.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ServiceSettings")] settings: JsValue,
    ) -> Result<Self, JsValue> {
        let settings: Settings = from_js(&settings)?;
        settings.check().map_err(thrown)?;
        Ok(Self { settings: Rc::new(settings), owner: Rc::default() })
    }

    /// Creates a batch.
    #[wasm_bindgen(unchecked_return_type = "Promise<Batch>")]
    pub fn create(
        &self,
        host: JsHost,
        #[wasm_bindgen(unchecked_param_type = "BatchCreateParams")] params: JsValue,
    ) -> Promise {
        let settings = Rc::clone(&self.settings);
        future_to_promise(async move {
            let params: CreateParams = from_js(&params)?;
            to_js(&driver::create(&host, params, &settings).await.map_err(thrown)?)
        })
    }

    /// The batch as it stands.
    #[wasm_bindgen(unchecked_return_type = "Promise<Batch>")]
    pub fn retrieve(&self, host: JsHost, id: String) -> Promise {
        let settings = Rc::clone(&self.settings);
        future_to_promise(
            async move { to_js(&driver::retrieve(&host, &id, &settings).await.map_err(thrown)?) },
        )
    }

    /// Asks for a batch to be cancelled.
    #[wasm_bindgen(unchecked_return_type = "Promise<Batch>")]
    pub fn cancel(&self, host: JsHost, id: String) -> Promise {
        let settings = Rc::clone(&self.settings);
        future_to_promise(async move { to_js(&driver::cancel(&host, &id, &settings).await.map_err(thrown)?) })
    }

    /// A page of batches, newest first.
    #[wasm_bindgen(unchecked_return_type = "Promise<BatchList>")]
    pub fn list(
        &self,
        host: JsHost,
        #[wasm_bindgen(unchecked_param_type = "BatchListParams")] params: JsValue,
    ) -> Promise {
        future_to_promise(
            async move { to_js(&driver::list(&host, from_js(&params)?).await.map_err(thrown)?) },
        )
    }

    /// Runs batches until the host asks to stop.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn serve(&self, host: JsHost) -> Promise {
        let settings = Rc::clone(&self.settings);
        future_to_promise(async move {
            driver::serve(&host, &settings).await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// One turn of one batch, until it ends or `deadline` (Unix milliseconds) passes.
    #[wasm_bindgen(js_name = runTurn, unchecked_return_type = "Promise<TurnEnd>")]
    pub fn run_turn(&self, host: JsHost, id: String, deadline: Option<f64>) -> Promise {
        let (settings, owner) = (Rc::clone(&self.settings), Rc::clone(&self.owner));
        future_to_promise(async move {
            let random = || RefCell::new(Owner::new([host.random(), host.random()], &settings));
            let turn =
                Turn { deadline: deadline.map(|ms| ms as u64), owner: Some(owner.get_or_init(random)) };
            to_js(&EndOfTurn::from(driver::run_turn(&host, &id, &settings, turn).await.map_err(thrown)?))
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
        future_to_promise(async move {
            let resting = resting.into_iter().zip(wake_at.into_iter().map(|at| at as u64)).collect();
            let admitted = driver::admit(&host, &settings, running, resting).await;
            to_js(&admitted.map_err(|fault| thrown(ApiError::internal(fault.message)))?)
        })
    }

    /// Reads a stored file that is to run on `endpoint`, as a batch over it would.
    #[wasm_bindgen(js_name = openInput)]
    pub fn open_input(&self, host: JsHost, file_id: &str, endpoint: &str) -> InputReader {
        let reader = Reader::new(&host, file_id, endpoint, &self.settings);
        InputReader { host: Rc::new(host), reader: Rc::new(RefCell::new(Some(reader))) }
    }
}

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
        // Read by hand, and the settings from the same members: what is derived is larger.
        let endpoint = required_text("endpoint", options.get("endpoint")).map_err(thrown)?;
        let asked = |name| flag(name, options.get(name)).map_err(thrown);
        let (statistics, good_lines) = (asked("statistics")?, asked("goodLines")?);
        let settings: Settings = read(options)?;
        let inner = CoreValidator::new(Rules::by(&settings, &endpoint, false, (key0, key1)));
        let inner = if statistics { inner.with_statistics() } else { inner };
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

/// How a turn ended, and when to run the next.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndOfTurn {
    state: &'static str,
    wake_at: Option<u64>,
    message: Option<String>,
}

impl From<TurnEnd> for EndOfTurn {
    fn from(end: TurnEnd) -> Self {
        let (state, wake_at, message) = match end {
            TurnEnd::Terminal => ("terminal", None, None),
            TurnEnd::Suspended { wake_at } => ("suspended", Some(wake_at), None),
            TurnEnd::Held { wake_at } => ("held", Some(wake_at), None),
            TurnEnd::Faulted { message, wake_at } => ("faulted", Some(wake_at), Some(message)),
        };
        Self { state, wake_at, message }
    }
}

fn places(good: &mut Option<Vec<f64>>, request: &ValidRequest<'_>) {
    if let Some(good) = good {
        good.extend([request.offset as f64, request.end as f64]);
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
        future_to_promise(async move {
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
