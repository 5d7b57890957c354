//! Runs the component of the world `batches` in wasmtime, over a store and files in memory. Put your database, your disk and
//! your model server in the place of `imports.rs`.
//!
//! ```no_run
//! # use edgebatch_component_host::{Component, Memory};
//! # use std::path::Path;
//! # async fn run() -> wasmtime::Result<()> {
//! let component = Component::load(Path::new("edgebatch-batches.wasm"))?;
//! let memory = Memory::new(None);
//! let instance = component.start(&memory, r#"{"maxConcurrentBatches": 4}"#).await?;
//! instance.serve().await;
//! # Ok(())
//! # }
//! ```

mod imports;
mod instance;
mod memory;

pub use instance::{Component, Instance, Refused, Validated};
pub use memory::{Activity, Memory};

/// What the component imports and exports, by its WIT.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "batches",
        exports: { default: async },
        with: { "edgebatch:component/files.file-writer": crate::memory::Draft },
    });
}
