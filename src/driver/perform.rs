//! Carries out the commands of a machine.

use super::owned::Owned;
use super::{all_entries, some_entries, wish};
use crate::batch::command::{BatchFile, Command, LookUp, OutputPart, Reply, Write};
use crate::host::{Fault, Host, Inference, KvQuery, KvWrite};
use crate::json::record::from_json;
use crate::keys;
use crate::sorted::Sorted;
use std::cell::RefCell;
use std::rc::Rc;

/// Keys deleted in one write.
const DELETED: u32 = 256;

/// The files that a turn is writing.
pub(super) type Writers<H> = RefCell<Sorted<BatchFile, Rc<<H as Host>::Writer>>>;

/// Carries out one command.
pub(super) async fn perform<H: Host>(
    host: &H,
    owned: &Owned<'_, H>,
    batch: &str,
    writers: &Writers<H>,
    command: Command,
) -> Reply {
    let done = match command {
        Command::LookUp(LookUp::Input(id)) => host.find_file(&id, Some(batch)).await.map(Reply::Input),
        Command::LookUp(LookUp::File(id)) => host.find_file(&id, None).await.map(Reply::Input),
        Command::LookUp(LookUp::Batch(id)) => {
            // One that cannot be read is none.
            let found = host.kv_get(&keys::batch(&id)).await;
            found.map(|json| Reply::Batch(json.and_then(|json| from_json(&json).ok()).map(Box::new)))
        }
        Command::LookUp(LookUp::Model(model)) => host.has_model(&model).await.map(Reply::Model),
        Command::LookUp(LookUp::Pool(model)) => Ok(Reply::Pool(host.pool(&model))),
        Command::LookUp(LookUp::Wish) => wish(host, batch).await.map(Reply::Wish),
        Command::Read { file_id, offset, length, is_input } => {
            let holder = is_input.then_some(batch);
            host.read_file(&file_id, offset, length, holder).await.map(Reply::Bytes)
        }
        Command::LookUp(LookUp::Watched) => {
            host.kv_get(&keys::watch(batch)).await.map(|mark| Reply::Watched(mark.is_some()))
        }
        Command::List(query) => some_entries(host, query).await.map(Reply::Entries),
        Command::Load { prefix } => all_entries(host, &prefix).await.map(Reply::Entries),
        Command::Infer { url, body, idempotency_key, pool } => {
            if let Err(fault) = owned.ensure().await {
                return Reply::Failed(fault);
            }
            let pool = pool.as_deref();
            let request = Inference { url: &url, body: &body, idempotency_key: &idempotency_key, pool };
            host.infer(request).await.map(Reply::Answer)
        }
        Command::Save(writes) => save(host, owned, &writes).await.map(|()| Reply::Saved),
        Command::WriteOutput(part) => write_output(host, owned, writers, part).await.map(Reply::Written),
        Command::KeepOutput(file) => keep_output(host, owned, writers, file).await.map(Reply::Kept),
    };
    done.unwrap_or_else(Reply::Failed)
}

/// Sets and deletes go out together; a prefix is deleted in order between them.
async fn save<H: Host>(host: &H, owned: &Owned<'_, H>, writes: &[Write]) -> Result<(), Fault> {
    let mut together = Vec::with_capacity(writes.len());
    for write in writes {
        match write {
            Write::Set(key, value) => together.push(KvWrite::Set(key, value)),
            Write::Delete(key) => together.push(KvWrite::Delete(key)),
            Write::DeletePrefix(prefix) => {
                owned.write(&std::mem::take(&mut together)).await?;
                delete_all(host, owned, prefix).await?;
            }
        }
    }
    owned.write(&together).await
}

/// A write for each page: one for all would have a store keep what it was until the last.
async fn delete_all<H: Host>(host: &H, owned: &Owned<'_, H>, prefix: &str) -> Result<(), Fault> {
    let mut query = KvQuery { prefix: prefix.to_owned(), after: None, limit: DELETED, reverse: false };
    loop {
        let page = host.kv_keys(&query).await?;
        let deletes: Vec<_> = page.entries.iter().map(|(key, _)| KvWrite::Delete(key)).collect();
        owned.write(&deletes).await?;
        query.after = page.entries.last().map(|(key, _)| key.clone());
        if !page.more || query.after.is_none() {
            return Ok(());
        }
    }
}

async fn write_output<H: Host>(
    host: &H,
    owned: &Owned<'_, H>,
    writers: &Writers<H>,
    part: OutputPart,
) -> Result<Option<String>, Fault> {
    owned.ensure().await?;
    if part.first {
        let abandoned = writers.borrow_mut().remove(&part.file);
        if let Some(abandoned) = abandoned {
            abort(host, abandoned).await;
        }
        let writer = match &part.kept {
            None => host.create_file(&part.file_id, &part.filename).await?,
            Some(kept) => host.resume_file(&part.file_id, &part.filename, kept).await?,
        };
        writers.borrow_mut().insert(part.file, Rc::new(writer));
    }
    let writer = begun::<H>(writers, part.file)?;
    if !part.bytes.is_empty() {
        host.write_file(&writer, &part.bytes).await?;
    }
    if !part.last {
        return Ok(None);
    }
    // What the file is made of was read before: if the batch is still this owner's, it was all there, and another owner
    // would write the same. One that was stopped meanwhile completes nothing.
    owned.renew().await?;
    // A writer that could not complete is thrown away when the file is begun again, or the turn ends.
    let file_id = host.complete_file(&writer).await?;
    writers.borrow_mut().remove(&part.file);
    Ok(Some(file_id))
}

async fn keep_output<H: Host>(
    host: &H,
    owned: &Owned<'_, H>,
    writers: &Writers<H>,
    file: BatchFile,
) -> Result<String, Fault> {
    owned.ensure().await?;
    let writer = begun::<H>(writers, file)?;
    host.keep_file(&writer).await
}

fn begun<H: Host>(writers: &Writers<H>, file: BatchFile) -> Result<Rc<H::Writer>, Fault> {
    let writer = writers.borrow().get(&file).map(Rc::clone);
    writer.ok_or_else(|| Fault::transient("the file was not begun"))
}

pub(super) async fn abort<H: Host>(host: &H, writer: Rc<H::Writer>) {
    if let Some(writer) = Rc::into_inner(writer) {
        host.abort_file(writer).await;
    }
}
