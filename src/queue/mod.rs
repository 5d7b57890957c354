//! Which batches run, and who runs them.

pub mod admission;
pub mod lease;
pub(crate) mod priority;
