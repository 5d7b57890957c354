//! What JavaScript can call, with its TypeScript types. Without the feature `service` that is what reads files, with `repair`
//! what mends them, and with `convert` what makes them: the core as a page and the command line load it. What nothing exported
//! needs is left out when the wasm is linked.

// JavaScript sees no `Debug`.
#![allow(missing_debug_implementations)]

#[cfg(feature = "convert")]
mod convert;
#[cfg(feature = "service")]
mod host;
mod panic;
#[cfg(feature = "repair")]
mod repair;
#[cfg(feature = "service")]
mod service;
mod types;
mod validator;
mod values;

#[cfg(feature = "convert")]
pub use self::convert::{Convert, Split, sniff};
pub use self::panic::on_panic;
#[cfg(feature = "repair")]
pub use self::repair::Repair;
#[cfg(feature = "service")]
pub use self::service::{InputReader, Service};
pub use self::validator::{Validator, explain_line};
