//! What JavaScript can call, with its TypeScript types. Without the feature `service` that is the validator alone: the
//! core as a page loads it. What nothing exported needs is left out when the wasm is linked.

// JavaScript sees no `Debug`.
#![allow(missing_debug_implementations)]

#[cfg(feature = "service")]
mod host;
mod panic;
#[cfg(feature = "service")]
mod service;
mod types;
mod validator;
mod values;

pub use self::panic::on_panic;
#[cfg(feature = "service")]
pub use self::service::{InputReader, Service};
pub use self::validator::{Validator, explain_line};
