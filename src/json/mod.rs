//! JSON: read where it stands, or as plain values; and why a text is none.

pub mod explain;
mod misfit;
pub(crate) mod options;
pub(crate) mod record;
pub mod scan;
pub mod value;
