//! How fast the component is in wasmtime, in one JSON object: `cargo run --release --example measure -- FILE REQUESTS ROUNDS`,
//! by `node benches/component.mjs`, which has the other builds run the same.

use edgebatch_component_host::{Component, Memory};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

const LIMITS: &str = r#"{"limits": {"maxRequests": 1000000000, "maxFileBytes": 1000000000000}}"#;
const OPTIONS: &str = r#"{"endpoint": "/v1/chat/completions", "limits": {"maxRequests": 1000000000, "maxFileBytes": 1000000000000}}"#;
const PARAMS: &str =
    r#"{"input_file_id": "file-input", "endpoint": "/v1/chat/completions", "completion_window": "24h"}"#;
const COMPONENT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/components/edgebatch-batches.wasm");

#[tokio::main(flavor = "current_thread")]
async fn main() -> wasmtime::Result<()> {
    tokio::task::LocalSet::new().run_until(measure()).await
}

async fn measure() -> wasmtime::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, requests, rounds] = &arguments[..] else {
        return Err(wasmtime::Error::msg("measure FILE REQUESTS ROUNDS"));
    };
    let (file, requests, rounds) = (std::fs::read(file)?, requests.parse::<u32>()?, rounds.parse::<u32>()?);
    let start = Instant::now();
    let component = Component::load(Path::new(COMPONENT))?;
    let compile = start.elapsed().as_secs_f64() * 1e3;
    let (mut instantiate, mut validate, mut run) = (Vec::new(), Vec::new(), Vec::new());
    // One round more than is counted, as for the others.
    for round in 0..=rounds {
        let found = component.validate(OPTIONS, &file).await?;
        if found.report["requestCount"] != requests {
            return Err(wasmtime::Error::msg(found.report.to_string()));
        }
        let memory = Memory::new(None);
        memory.change(|memory| memory.add_file("file-input", &file));
        let start = Instant::now();
        let instance = component.start(&memory, LIMITS).await?;
        let started = start.elapsed().as_secs_f64() * 1e3;
        let told = |refused: serde_json::Value| wasmtime::Error::msg(refused.to_string());
        let start = Instant::now();
        let batch = instance.create(PARAMS).await.map_err(told)?;
        let id = batch["id"].as_str().unwrap_or_default().to_owned();
        instance.run_turn(&id, None).await.map_err(told)?;
        let took = start.elapsed().as_secs_f64();
        let batch = instance.retrieve(&id).await.map_err(told)?;
        if batch["request_counts"]["completed"] != requests {
            return Err(wasmtime::Error::msg(batch.to_string()));
        }
        if round > 0 {
            instantiate.push(started);
            validate.push(file.len() as f64 / 1e6 / found.took.as_secs_f64());
            run.push(f64::from(requests) / took);
        }
    }
    println!(
        "{}",
        json!({ "compile": compile, "instantiate": instantiate, "validate": validate, "run": run })
    );
    Ok(())
}
