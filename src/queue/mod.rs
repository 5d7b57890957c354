//! Which batches run, and who runs them.

pub mod admission;
