//! The behaviours the project was asked for, through the exports of the component. `tests/SEED.md` is the list of them.
#![allow(non_snake_case, reason = "two underscores stand between a test and its row")]

#[path = "../../../../tests/core/seed/behaviours.rs"]
mod behaviours;

use crate::{component, run};
use behaviours::{Activity, Place};
use edgebatch_component_host::{Instance, Memory};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The service in wasmtime.
struct InWasmtime {
    memory: Memory,
    /// With every setting at its default.
    instance: OnceCell<Instance>,
}

impl InWasmtime {
    async fn service(&self) -> &Instance {
        let start = || async { component().start(&self.memory, "{}").await.expect("the component starts") };
        self.instance.get_or_init(start).await
    }
}

impl Place for InWasmtime {
    const HAS_ODD_KEYS: bool = false;

    fn new(models: &[&str]) -> Self {
        let memory = Memory::new(Some(models));
        memory.change(|memory| memory.answer(false));
        Self { memory, instance: OnceCell::new() }
    }

    fn add_file(&self, id: &str, content: &str) {
        self.memory.change(|memory| memory.add_file(id, content.as_bytes()));
    }

    async fn create(&self, params: &Value, metadata: &[(Value, Value)]) -> Result<Value, Value> {
        self.tick().await; // ids sort by the millisecond
        let mut params = params.clone();
        for (key, value) in metadata {
            params["metadata"][key.as_str().expect("a key of JSON")] = value.clone();
        }
        self.service().await.create(&params.to_string()).await
    }

    async fn retrieve(&self, id: &str) -> Result<Value, Value> {
        self.service().await.retrieve(id).await
    }

    async fn cancel(&self, id: &str) -> Result<Value, Value> {
        self.service().await.cancel(id).await
    }

    async fn list(&self, params: &Value) -> Result<Value, Value> {
        self.service().await.list(&params.to_string()).await
    }

    async fn validate(&self, file_id: &str, endpoint: &str) -> (Value, Vec<Value>) {
        self.service().await.check_input(file_id, endpoint).await
    }

    async fn stored(&self, key: &str) -> Option<String> {
        self.memory.record(key).map(|value| String::from_utf8(value).expect("text"))
    }

    async fn store(&self, key: &str, value: &str) {
        self.memory.change(|memory| memory.store(key, value.as_bytes()));
    }

    async fn serve(&self, settings: &Value) {
        let instance = component().start(&self.memory, &settings.to_string()).await;
        instance.expect("the settings are good").serve().await;
    }

    fn stop(&self) {
        self.memory.change(|memory| memory.stop(true));
    }

    async fn tick(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn activity(&self) -> Activity {
        let seen = self.memory.activity();
        Activity { in_flight: seen.in_flight, most: seen.most, looks: seen.looks }
    }

    fn let_model_answer(&self) {
        self.memory.change(|memory| memory.answer(true));
    }
}

/// Tests that stand for themselves.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            run(behaviours::$name::<InWasmtime>());
        })*
    };
}

/// Tests whose rows are in `tests/data/seed_cases.json` under their names.
macro_rules! rows {
    ($show:ident: $($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            run(behaviours::$show::<InWasmtime>(stringify!($name)));
        })*
    };
}

tests! {
    test_create_and_retrieve_batch_success,
    test_create_batch_without_metadata,
    test_create_batch_invalid_metadata,
    test_retrieve_batch_not_found,
    test_cancel_batch_success,
    test_cancel_batch_not_found,
    test_list_batches_empty,
    test_list_batches_single_batch,
    test_list_batches_multiple_batches,
    test_list_batches_with_limit,
    test_list_batches_with_pagination,
    test_list_batches_invalid_after,
    test_kvstore_persistence,
    test_max_concurrent_batches,
}

rows! { create_is_refused:
    test_create_batch_completion_window,
    test_create_batch_invalid_endpoints__embeddings,
    test_create_batch_invalid_endpoints__completions,
    test_create_batch_invalid_endpoints__invalid_endpoint,
    test_create_batch_invalid_endpoints__empty,
}

rows! { cancel_is_refused:
    test_cancel_batch_invalid_statuses__failed,
    test_cancel_batch_invalid_statuses__expired,
    test_cancel_batch_invalid_statuses__completed,
}

rows! { input_is_judged:
    test_validate_input_file_not_found,
    test_validate_input_file_exists_empty_content,
    test_validate_input_file_mixed_valid_invalid_json,
    test_validate_input_invalid_model,
    test_validate_input_url_mismatch,
    test_validate_input_multiple_errors_per_request,
    test_validate_input_invalid_request_format,
    test_validate_input_missing_parameters__custom_id,
    test_validate_input_missing_parameters__method,
    test_validate_input_missing_parameters__url,
    test_validate_input_missing_parameters__body,
    test_validate_input_missing_parameters__model,
    test_validate_input_missing_parameters__messages,
    test_validate_input_invalid_parameter_types__custom_id,
    test_validate_input_invalid_parameter_types__url,
    test_validate_input_invalid_parameter_types__method,
    test_validate_input_invalid_parameter_types__body,
    test_validate_input_invalid_parameter_types__model,
    test_validate_input_invalid_parameter_types__messages,
}
