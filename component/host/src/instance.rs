//! An instance of the component, which many may call at once.

use crate::bindings::exports::edgebatch::component::api::ApiError;
use crate::bindings::{Batches, BatchesPre};
use crate::imports::State;
use crate::memory::Memory;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_local};
use wasmtime::component::{Accessor, HasSelf, Linker, ResourceAny, ResourceTable};
use wasmtime::{Config, Engine, Store};

/// A compiled component.
pub struct Component(BatchesPre<State>);

/// Why the service refused a call: an API error's fields.
pub type Refused = serde_json::Value;

/// What [`Component::validate`] found, and how long that took.
pub struct Validated {
    /// The report.
    pub report: serde_json::Value,
    /// Of the checking alone.
    pub took: Duration,
}

/// One call, carried out where the instance is.
type Call = Box<dyn for<'a> FnOnce(&'a Accessor<State>, &'a Batches, ResourceAny) -> LocalBoxFuture<'a, ()>>;

impl Component {
    /// Compiles a component.
    ///
    /// # Errors
    /// When it is none of the world `batches`.
    pub fn load(file: &Path) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config)?;
        let component = wasmtime::component::Component::from_file(&engine, file)?;
        let mut linker: Linker<State> = Linker::new(&engine);
        Batches::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        Ok(Self(BatchesPre::new(linker.instantiate_pre(&component)?)?))
    }

    async fn instantiate(&self, memory: &Memory) -> wasmtime::Result<(Store<State>, Batches)> {
        let state = State { memory: memory.clone(), drafts: ResourceTable::new() };
        let mut store = Store::new(self.0.engine(), state);
        let batches = self.0.instantiate_async(&mut store).await?;
        Ok((store, batches))
    }

    /// An instance over a memory, with a service of these settings. It ends when it is dropped, wherever it is.
    ///
    /// # Errors
    /// When the settings are refused.
    pub async fn start(&self, memory: &Memory, settings: &str) -> wasmtime::Result<Instance> {
        let (mut store, batches) = self.instantiate(memory).await?;
        let api = batches.edgebatch_component_api();
        let opened = api.service().call_open(&mut store, &settings.to_owned()).await?;
        let service = opened.map_err(|refused| wasmtime::Error::msg(refused.message))?;
        let (calls, mut coming) = mpsc::unbounded_channel::<Call>();
        let task = spawn_local(async move {
            let serving = store.run_concurrent(async |accessor| {
                let mut running = FuturesUnordered::new();
                loop {
                    tokio::select! {
                        call = coming.recv() => match call {
                            Some(call) => running.push(call(accessor, &batches, service)),
                            None => return,
                        },
                        Some(()) = running.next() => {}
                    }
                }
            });
            if let Err(trap) = serving.await {
                eprintln!("the component trapped: {trap:?}");
            }
        });
        Ok(Instance { calls, task })
    }

    /// Checks a file through the exports of the world `validator`, a piece at a time.
    ///
    /// # Errors
    /// When the options are refused.
    pub async fn validate(&self, options: &str, file: &[u8]) -> wasmtime::Result<Validated> {
        let (mut store, batches) = self.instantiate(&Memory::new(None)).await?;
        let exports = batches.edgebatch_component_validation().validator();
        let opened = exports.call_open(&mut store, &options.to_owned(), 1, 2).await?;
        let validator = opened.map_err(|refused| wasmtime::Error::msg(refused.message))?;
        let start = Instant::now();
        for piece in file.chunks(256 * 1024) {
            exports.call_push(&mut store, validator, piece).await?;
        }
        let report = exports.call_finish(&mut store, validator).await?;
        let took = start.elapsed();
        Ok(Validated { report: serde_json::from_str(&report)?, took })
    }
}

/// A running instance. Dropped, it is gone at once, with all that it was doing.
pub struct Instance {
    calls: mpsc::UnboundedSender<Call>,
    task: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn told(outcome: wasmtime::Result<Result<String, ApiError>>) -> Result<serde_json::Value, Refused> {
    match outcome.expect("the component does not trap") {
        Ok(json) => Ok(serde_json::from_str(&json).expect("the component writes JSON")),
        Err(ApiError { status, kind, message, param, code }) => Err(serde_json::json!({
            "status": status, "type": kind, "message": message, "param": param, "code": code,
        })),
    }
}

/// The calls that take one text and give JSON.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident => $call:ident($($more:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// What the service refuses.
        pub async fn $name(&self, text: &str, $($more: $type),*) -> Result<serde_json::Value, Refused> {
            let text = text.to_owned();
            self.call(move |accessor, batches, service| Box::pin(async move {
                let exports = batches.edgebatch_component_api().service();
                told(exports.$call(accessor, service, text, $($more),*).await)
            })).await
        }
    )*};
}

impl Instance {
    calls! {
        /// Creates a batch by parameters in JSON.
        create => call_create();
        /// The batch of an id.
        retrieve => call_retrieve();
        /// Cancels the batch of an id.
        cancel => call_cancel();
        /// A page of batches by parameters in JSON.
        list => call_list();
        /// One turn of the batch of an id.
        run_turn => call_run_turn(deadline: Option<u64>);
    }

    /// Runs batches until the memory says stop.
    pub async fn serve(&self) {
        self.call(|accessor, batches, service| {
            Box::pin(async move {
                let exports = batches.edgebatch_component_api().service();
                exports.call_serve(accessor, service).await.expect("the component does not trap");
            })
        })
        .await;
    }

    /// Checks a stored file: the report, and every good request as `{line, custom_id, method, url, body}`.
    pub async fn check_input(
        &self,
        file_id: &str,
        endpoint: &str,
    ) -> (serde_json::Value, Vec<serde_json::Value>) {
        let (file_id, endpoint) = (file_id.to_owned(), endpoint.to_owned());
        self.call(|accessor, batches, service| {
            Box::pin(async move {
                let api = batches.edgebatch_component_api();
                let opened = api.service().call_open_input(accessor, service, file_id, endpoint).await;
                let reader = opened.expect("the component does not trap");
                let mut found = Vec::new();
                loop {
                    let next = api.input_reader().call_next(accessor, reader).await;
                    let piece = next.expect("the component does not trap").expect("the file can be read");
                    found.extend(piece.requests.into_iter().map(|request| {
                        let body: serde_json::Value =
                            serde_json::from_str(&request.body).expect("it is JSON");
                        serde_json::json!({
                            "line": request.line, "custom_id": request.custom_id, "method": request.method,
                            "url": request.url, "body": body,
                        })
                    }));
                    if let Some(report) = piece.report {
                        return (serde_json::from_str(&report).expect("it is JSON"), found);
                    }
                }
            })
        })
        .await
    }

    async fn call<R: 'static>(
        &self,
        call: impl for<'a> FnOnce(&'a Accessor<State>, &'a Batches, ResourceAny) -> LocalBoxFuture<'a, R>
        + 'static,
    ) -> R {
        let (reply, answer) = oneshot::channel();
        let call: Call = Box::new(move |accessor, batches, service| {
            let running = call(accessor, batches, service);
            Box::pin(async move {
                // Who asked may have gone.
                let _ = reply.send(running.await);
            })
        });
        self.calls.send(call).expect("the instance runs");
        answer.await.expect("the instance runs")
    }
}
