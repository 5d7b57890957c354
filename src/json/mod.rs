//! JSON: read where it stands, or as plain values.

pub mod scan;
pub mod value;
