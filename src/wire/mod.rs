//! The wire types of the Batches API. One serde type per object: what is stored is what is sent.
//! Every key is always present and null when unset, in the order of live objects (contract §1).

mod batch;
mod budget;
mod dedupe;
mod errors;
mod exported;
mod extension;
mod file;
mod hold;
mod list;
mod manifest;
mod metadata;
mod send_order;
mod status;
mod tags;
mod usage;
pub(crate) mod window;
mod wish;

pub use self::batch::{Batch, RequestCounts};
pub use self::budget::{Budget, Used};
pub use self::dedupe::Deduped;
pub use self::errors::{BatchError, BatchErrors};
pub use self::exported::Exported;
pub use self::extension::{Continued, Extension, Rerun, Reused, Wait};
pub use self::file::FileObject;
pub use self::hold::{Hold, MoveStep, Moving};
pub use self::list::BatchList;
pub use self::metadata::Metadata;
pub use self::send_order::SendOrder;
pub use self::status::BatchStatus;
pub use self::tags::{BatchTag, ListTag};
pub use self::usage::{InputTokensDetails, OutputTokensDetails, Usage};
pub use self::wish::Wish;

pub(crate) use self::exported::{EXPORT_FORMAT, EXPORT_VERSION};
pub(crate) use self::manifest::Manifest;
pub(crate) use self::status::IllegalChange;
