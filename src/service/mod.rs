//! What the four calls decide, without doing it: checks, ids, conflicts, pages. The driver does the reading and
//! writing around it.

mod cancel;
mod continued;
mod create;
mod ids;
mod list;
mod texts;

pub use cancel::{may_cancel, overlay_wish};
pub use create::{CreateParams, IdempotencyRecord, NewBatch};
pub use ids::is_id;
pub use list::{ListParams, page, page_limit};
pub use texts::not_found;
