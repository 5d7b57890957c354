//! The OpenAI Batches API as a pure core.
//!
//! | room | what is decided there |
//! |---|---|
//! | [`jsonl`] | where a line starts and ends |
//! | [`scan`] | whether a text is JSON, and where its members are |
//! | [`request`] | what a request line says |
//! | [`validate`] | which lines and files are good, and the error texts for those that are not |
//! | [`object`], [`error`] | what goes over the wire |
//! | [`limits`] | every number |

pub mod error;
pub mod jsonl;
pub mod limits;
pub mod object;
pub mod request;
pub mod scan;
pub mod validate;
