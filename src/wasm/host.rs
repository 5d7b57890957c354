//! The [`Host`] over JavaScript imports. `js/core/binding.ts` makes the object from a user's adapters.

use crate::host::{Answer, Fault, FaultKind};
use crate::host::{Host, Inference, KvCheck, KvPage, KvQuery, KvWrite};
use crate::wire::FileObject;
use js_sys::{Array, JsString, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The `CoreHost` of `types.rs`; `js/core/binding.ts` makes it.
    #[wasm_bindgen(typescript_type = "CoreHost")]
    pub type JsHost;

    #[wasm_bindgen(method)]
    fn now(this: &JsHost) -> f64;
    #[wasm_bindgen(method)]
    fn random(this: &JsHost) -> u64;
    #[wasm_bindgen(method, catch)]
    async fn sleep(this: &JsHost, ms: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn idle(this: &JsHost, ms: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = stopRequested)]
    fn stop_requested(this: &JsHost) -> bool;
    #[wasm_bindgen(method)]
    fn faulted(this: &JsHost, id: Option<&str>, message: &str);
    #[wasm_bindgen(method, catch, js_name = kvGet)]
    async fn kv_get(this: &JsHost, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = kvWrite)]
    async fn kv_write(
        this: &JsHost,
        keys: Array,
        values: Array,
        check_keys: Array,
        check_values: Array,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = kvChecks)]
    fn kv_checks(this: &JsHost) -> bool;
    #[wasm_bindgen(method, catch, js_name = holdInput)]
    async fn hold_input(this: &JsHost, batch: &str, file_id: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseInput)]
    async fn release_input(this: &JsHost, batch: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = kvList)]
    async fn kv_list(
        this: &JsHost,
        prefix: &str,
        after: Option<String>,
        limit: u32,
        reverse: bool,
        keys: bool,
    ) -> Result<JsPage, JsValue>;
    #[wasm_bindgen(method, js_name = kvRead)]
    fn kv_read(this: &JsHost, page: &JsPage);
    #[wasm_bindgen(method, catch, js_name = findFile)]
    async fn find_file(this: &JsHost, id: &str, batch: Option<&str>) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = readFile)]
    async fn read_file(
        this: &JsHost,
        id: &str,
        offset: f64,
        length: f64,
        batch: Option<&str>,
    ) -> Result<Uint8Array, JsValue>;
    #[wasm_bindgen(method, catch, js_name = createFile)]
    async fn create_file(this: &JsHost, id: &str, filename: &str) -> Result<JsWriter, JsValue>;
    #[wasm_bindgen(method, js_name = keepBytes)]
    fn keep_bytes(this: &JsHost) -> Option<f64>;
    #[wasm_bindgen(method, catch, js_name = resumeFile)]
    async fn resume_file(this: &JsHost, id: &str, filename: &str, kept: &str) -> Result<JsWriter, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn infer(
        this: &JsHost,
        url: &str,
        body: Uint8Array,
        idempotency_key: &str,
        pool: Option<&str>,
        signal: &JsValue,
    ) -> Result<JsAnswer, JsValue>;
    #[wasm_bindgen(method, js_name = hasPools)]
    fn has_pools(this: &JsHost) -> bool;
    #[wasm_bindgen(method)]
    fn pool(this: &JsHost, model: &str) -> String;
    #[wasm_bindgen(method)]
    fn allowance(this: &JsHost, pool: Option<&str>) -> Option<u32>;
    #[wasm_bindgen(method, catch, js_name = hasModel)]
    async fn has_model(this: &JsHost, model: &str) -> Result<JsValue, JsValue>;

    type JsPage;
    #[wasm_bindgen(method, getter)]
    fn entries(this: &JsPage) -> Array;
    #[wasm_bindgen(method, getter)]
    fn more(this: &JsPage) -> bool;

    /// What the hosts' contract calls `FileWriter`.
    pub type JsWriter;
    #[wasm_bindgen(method, catch)]
    async fn write(this: &JsWriter, part: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn complete(this: &JsWriter) -> Result<JsFile, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn abort(this: &JsWriter) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn keep(this: &JsWriter) -> Result<JsString, JsValue>;

    type JsFile;
    #[wasm_bindgen(method, getter)]
    fn id(this: &JsFile) -> String;
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &JsFile) -> f64;

    type JsAnswer;
    #[wasm_bindgen(method, getter)]
    fn status(this: &JsAnswer) -> u16;
    #[wasm_bindgen(method, getter)]
    fn body(this: &JsAnswer) -> Uint8Array;
    #[wasm_bindgen(method, getter, js_name = requestId)]
    fn request_id(this: &JsAnswer) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = retryAfterMs)]
    fn retry_after_ms(this: &JsAnswer) -> Option<f64>;

    type JsFault;
    #[wasm_bindgen(method, getter)]
    fn name(this: &JsFault) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn message(this: &JsFault) -> Option<String>;

    type AbortController;
    #[wasm_bindgen(constructor)]
    fn new() -> AbortController;
    #[wasm_bindgen(method, getter)]
    fn signal(this: &AbortController) -> JsValue;
    #[wasm_bindgen(method, js_name = abort)]
    fn abort_now(this: &AbortController);
}

/// Aborts the call when the future that holds it is dropped before its answer came.
struct AbortOnDrop(Option<AbortController>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort_now();
        }
    }
}

impl Host for JsHost {
    type Writer = JsWriter;

    fn now(&self) -> u64 {
        Self::now(self) as u64
    }

    fn random(&self) -> u64 {
        Self::random(self)
    }

    async fn sleep(&self, ms: u64) {
        // A timer that fails is a timer that is over.
        let _ = Self::sleep(self, ms as f64).await;
    }

    async fn idle(&self, ms: u64) {
        let _ = Self::idle(self, ms as f64).await;
    }

    fn stop_requested(&self) -> bool {
        Self::stop_requested(self)
    }

    fn faulted(&self, id: Option<&str>, message: &str) {
        Self::faulted(self, id, message);
    }

    async fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        let value = Self::kv_get(self, key).await.map_err(fault)?;
        Ok((!value.is_null() && !value.is_undefined()).then(|| Uint8Array::new(&value).to_vec()))
    }

    fn kv_checks(&self) -> bool {
        Self::kv_checks(self)
    }

    async fn kv_write(&self, writes: &[KvWrite<'_>], checks: &[KvCheck<'_>]) -> Result<bool, Fault> {
        if writes.is_empty() && checks.is_empty() {
            return Ok(true);
        }
        let push = |(keys, values): &(Array, Array), key: &str, value: Option<&[u8]>| {
            keys.push(&JsValue::from_str(key));
            values.push(&value.map_or(JsValue::NULL, |value| Uint8Array::from(value).into()));
        };
        let (sets, looks) = ((Array::new(), Array::new()), (Array::new(), Array::new()));
        for write in writes {
            match *write {
                KvWrite::Set(key, value) => push(&sets, key, Some(value)),
                KvWrite::Delete(key) => push(&sets, key, None),
            }
        }
        for check in checks {
            push(&looks, check.key, check.value);
        }
        let (keys, values) = sets;
        let (check_keys, check_values) = looks;
        let written = Self::kv_write(self, keys, values, check_keys, check_values).await.map_err(fault)?;
        Ok(written.is_truthy())
    }

    async fn hold_input(&self, batch: &str, file_id: &str) -> Result<(), Fault> {
        Self::hold_input(self, batch, file_id).await.map(drop).map_err(fault)
    }

    async fn release_input(&self, batch: &str) {
        let _ = Self::release_input(self, batch).await;
    }

    async fn kv_list(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        self.page(query, false).await
    }

    async fn kv_keys(&self, query: &KvQuery) -> Result<KvPage, Fault> {
        self.page(query, true).await
    }

    async fn find_file(&self, id: &str, batch: Option<&str>) -> Result<Option<FileObject>, Fault> {
        match Self::find_file(self, id, batch).await.map_err(fault) {
            Ok(file) if file.is_null() || file.is_undefined() => Ok(None),
            Ok(file) => {
                let file: JsFile = file.unchecked_into();
                Ok(Some(FileObject { id: file.id(), bytes: file.bytes() as u64 }))
            }
            Err(Fault { kind: FaultKind::Missing, .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn read_file(
        &self,
        id: &str,
        offset: u64,
        length: u64,
        batch: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        let bytes = Self::read_file(self, id, offset as f64, length as f64, batch).await.map_err(fault)?;
        Ok(bytes.to_vec())
    }

    async fn create_file(&self, id: &str, filename: &str) -> Result<JsWriter, Fault> {
        Self::create_file(self, id, filename).await.map_err(fault)
    }

    async fn write_file(&self, writer: &JsWriter, bytes: &[u8]) -> Result<(), Fault> {
        writer.write(Uint8Array::from(bytes)).await.map(drop).map_err(fault)
    }

    async fn complete_file(&self, writer: &JsWriter) -> Result<String, Fault> {
        writer.complete().await.map(|file| file.id()).map_err(fault)
    }

    async fn abort_file(&self, writer: JsWriter) {
        // What cannot be thrown away now, the adapter clears when the file is begun again.
        let _ = writer.abort().await;
    }

    fn keep_bytes(&self) -> Option<u64> {
        Self::keep_bytes(self).map(|bytes| bytes as u64)
    }

    async fn keep_file(&self, writer: &JsWriter) -> Result<String, Fault> {
        writer.keep().await.map(String::from).map_err(fault)
    }

    async fn resume_file(&self, id: &str, filename: &str, kept: &str) -> Result<JsWriter, Fault> {
        Self::resume_file(self, id, filename, kept).await.map_err(fault)
    }

    async fn infer(&self, request: Inference<'_>) -> Result<Answer, Fault> {
        let controller = AbortController::new();
        let signal = controller.signal();
        let mut guard = AbortOnDrop(Some(controller));
        let body = Uint8Array::from(request.body);
        let answer =
            Self::infer(self, request.url, body, request.idempotency_key, request.pool, &signal).await;
        guard.0 = None;
        let answer = answer.map_err(fault)?;
        Ok(Answer {
            status: answer.status(),
            body: answer.body().to_vec(),
            request_id: answer.request_id(),
            retry_after_ms: answer.retry_after_ms().filter(|ms| *ms >= 0.0).map(|ms| ms as u64),
        })
    }

    fn has_pools(&self) -> bool {
        Self::has_pools(self)
    }

    fn pool(&self, model: &str) -> String {
        Self::pool(self, model)
    }

    fn allowance(&self, pool: Option<&str>) -> Option<u32> {
        Self::allowance(self, pool)
    }

    async fn has_model(&self, model: &str) -> Result<bool, Fault> {
        match Self::has_model(self, model).await.map_err(fault) {
            Err(Fault { kind: FaultKind::Missing, .. }) => Ok(false),
            answer => answer.map(|exists| exists.is_truthy()),
        }
    }
}

impl JsHost {
    /// Some stored entries, or their keys alone.
    async fn page(&self, query: &KvQuery, keys: bool) -> Result<KvPage, Fault> {
        let KvQuery { prefix, after, limit, reverse } = query;
        let page = Self::kv_list(self, prefix, after.clone(), *limit, *reverse, keys).await.map_err(fault)?;
        let read = |entry: JsValue| {
            let entry = Array::from(&entry);
            (entry.get(0).as_string().unwrap_or_default(), Uint8Array::new(&entry.get(1)).to_vec())
        };
        let entries = page.entries().iter().map(read).collect();
        self.kv_read(&page);
        Ok(KvPage { entries, more: page.more() })
    }
}

/// Sorts a rejection by its name; every other property of it is only for people.
fn fault(thrown: JsValue) -> Fault {
    if !thrown.is_object() {
        return Fault::transient(thrown.as_string().unwrap_or_else(|| "unknown".to_owned()));
    }
    let error: JsFault = thrown.unchecked_into();
    let kind = match error.name().as_deref() {
        Some("ResourceNotFoundError") => FaultKind::Missing,
        Some("TimeoutError") => FaultKind::Timeout,
        Some("ResponseTooLargeError") => FaultKind::TooLarge,
        Some("RedirectError") => FaultKind::Refused,
        Some("NotSentError") => FaultKind::NotSent,
        Some("InvalidAnswerError") => FaultKind::Terminal,
        _ => FaultKind::Transient,
    };
    Fault { kind, message: error.message().unwrap_or_default() }
}
