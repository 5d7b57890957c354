//! What the component does, in wasmtime: the behaviours the project was asked for, and a batch that is killed. Time is tokio's,
//! and goes on when nothing else does. `node scripts/test.mjs component` builds the component first.

mod killed;
mod seed;

use edgebatch_component_host::Component;
use std::path::Path;
use std::sync::OnceLock;

/// Compiled once for all tests.
fn component() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components/edgebatch-batches.wasm");
    COMPONENT.get_or_init(|| Component::load(&file).expect("node scripts/build.mjs component"))
}

/// Runs a test to its end, which must come: a day of its time is more than any needs.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let day = std::time::Duration::from_secs(86_400);
    let guarded = async {
        tokio::time::timeout(day, test).await.expect("the test waits for something that does not come")
    };
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), guarded);
}
