//! The behaviours the project was asked for, through the exports of the wasm build. `tests/SEED.md` is the list of
//! them.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![allow(non_snake_case, reason = "two underscores stand between a test and its row")]

#[path = "core/seed/behaviours.rs"]
mod seed_behaviours;
mod seed_wasm_host;

use seed_wasm_host::Wasm;
use wasm_bindgen_test::wasm_bindgen_test;

/// Tests that stand for themselves.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(#[wasm_bindgen_test]
        async fn $name() {
            seed_behaviours::$name::<Wasm>().await;
        })*
    };
}

/// Tests whose rows are in `tests/data/seed_cases.json` under their names.
macro_rules! rows {
    ($show:ident: $($name:ident),* $(,)?) => {
        $(#[wasm_bindgen_test]
        async fn $name() {
            seed_behaviours::$show::<Wasm>(stringify!($name)).await;
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
