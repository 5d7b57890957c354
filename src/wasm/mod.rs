//! What JavaScript can call, with its TypeScript types. Each feature exports one thing: `check` what reads files, `repair` what mends
//! them, `convert` what makes them, `service` the calls of the Batches API, and `turns` what runs batches. The builds take of them
//! what their users need; what nothing exported needs is left out when the wasm is linked.

// JavaScript sees no `Debug`.
#![allow(missing_debug_implementations)]

#[cfg(any(feature = "service", feature = "turns"))]
mod calls;
#[cfg(feature = "convert")]
mod convert;
#[cfg(any(feature = "service", feature = "turns"))]
mod host;
#[cfg(feature = "service")]
mod moving;
mod panic;
#[cfg(feature = "repair")]
mod repair;
#[cfg(feature = "service")]
mod service;
#[cfg(feature = "turns")]
mod turns;
mod types;
#[cfg(feature = "check")]
mod validator;
mod values;

#[cfg(feature = "convert")]
pub use self::convert::{Convert, Split, sniff};
#[cfg(feature = "service")]
pub use self::moving::{Exporter, Importer};
pub use self::panic::on_panic;
#[cfg(feature = "repair")]
pub use self::repair::Repair;
#[cfg(feature = "service")]
pub use self::service::{InputReader, Service};
#[cfg(feature = "turns")]
pub use self::turns::Turns;
#[cfg(feature = "check")]
pub use self::validator::{Validator, explain_line};
