//! Files, as far as the core knows them.

use crate::json::record::record;
use serde::Serialize;

/// A stored file, as a host reports it. Only `id` and `bytes` matter to the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileObject {
    /// The id the file is read by.
    pub id: String,
    /// Exact size.
    pub bytes: u64,
}

record!(FileObject { id, bytes });
