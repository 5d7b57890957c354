//! What is to be told of a batch that has ended: a record that is written with that end, so that no crash comes between, and
//! that whoever tells it deletes.

use crate::batch::command::Write;
use crate::batch::context::Context;
use crate::keys;
use crate::wire::BatchStatus;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// The event of the batch's end, in OpenAI's shape (contract §5). None where the host wants none.
pub(super) fn ended(context: &Context) -> Option<Write> {
    let batch = &context.batch;
    // Of one that another host took over, that host tells.
    if !context.settings.events || batch.is_moved() {
        return None;
    }
    let (kind, at) = match batch.status {
        BatchStatus::Completed => ("batch.completed", batch.completed_at),
        BatchStatus::Failed => ("batch.failed", batch.failed_at),
        BatchStatus::Expired => ("batch.expired", batch.expired_at),
        BatchStatus::Cancelled => ("batch.cancelled", batch.cancelled_at),
        _ => return None,
    };
    // Written again, it is the same event.
    let mut hasher = SipHasher13::new();
    hasher.write(kind.as_bytes());
    hasher.write(batch.id.as_bytes());
    let event_id = hasher.finish128().as_u128();
    let (id, at) = (&batch.id, at.unwrap_or_default());
    let json = format!(
        r#"{{"id":"evt_{event_id:032x}","object":"event","type":"{kind}","created_at":{at},"data":{{"id":"{id}"}}}}"#
    );
    Some(Write::Set(keys::event(id), json.into_bytes()))
}
