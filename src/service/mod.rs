//! What the calls decide, without doing it: checks, ids, conflicts, pages. The driver does the reading and
//! writing around it.

mod asked;
mod budget;
mod cancel;
mod continued;
mod create;
mod ids;
mod list;
mod manifest;
mod moving;
mod pause;
mod results;
mod texts;

pub use asked::Asked;
pub use cancel::{may_cancel, overlay_wish};
pub use create::{CreateParams, IdempotencyRecord, NewBatch};
pub use ids::is_id;
pub use list::{ListParams, page, page_limit};
pub use manifest::no_manifest;
pub use moving::{
    Frame, FrameKind, Unframe, already_moved, check_fence, check_input, check_move, damaged, frame,
    is_moving, may_move, superseded,
};
pub use pause::overlay_hold;
pub use results::{
    Cursor, ResultsOrder, ResultsPage, ResultsParams, check_results, file_gone, no_such_place, order_lost,
    unreadable,
};
pub use texts::not_found;
