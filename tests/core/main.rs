//! The core's tests, in one crate: it is compiled and linked once. Crates of their own are only the tests that need one:
//! `tests/memory.rs` counts what the whole process allocates, `tests/*_wasm.rs` and `tests/wasm_panic.rs` run in Node.
#![cfg(not(target_arch = "wasm32"))]

mod budget;
mod continued;
mod convert;
mod convert_sniff;
mod convert_split;
mod damage;
mod dedupe;
mod explain;
mod faults;
mod illegal_changes;
mod keeping;
mod leases;
mod machine;
mod manifest;
mod moving;
mod outages;
mod outbox;
mod pause;
mod pools;
mod prefix;
mod published;
mod regression;
mod repair;
mod result_lines;
mod results;
mod resume;
mod retries;
mod run;
mod scan;
mod seed;
mod serve;
mod service;
mod service_list;
mod split;
mod stored;
mod support;
mod validation;
mod validation_files;
mod validation_memory;
mod validation_properties;
mod validation_statistics;
mod value;
