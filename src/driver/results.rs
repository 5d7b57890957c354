//! `results`: a batch's finished lines, a page at a time, while it runs and after.
//!
//! While a batch runs its lines are read from the groups in the store, as they came. Whoever reads them leaves a mark, by which
//! the batch, once it has ended, writes them in that order to a file. Without a mark before its end, the lines are given as
//! they stand in its two files.

use super::service::{find, store_failed, write};
use super::{all_entries, some_entries};
use crate::error::ApiError;
use crate::host::{Fault, FaultKind, Host, KvQuery, KvWrite};
use crate::keys;
use crate::limits::{ORDER_RECORDS, READ_BYTES};
use crate::result::group::{StoredLine, append_large, read_group};
use crate::result::order::decode;
use crate::service::{
    Cursor, ResultsOrder, ResultsPage, ResultsParams, check_results, file_gone, no_such_place, not_found,
    order_lost, unreadable,
};
use crate::settings::Settings;
use crate::wire::Batch;

/// Some finished lines of a batch, after those that were read before.
///
/// # Errors
/// 404 when there is no such batch, or its files are gone; 400 for bad parameters; 409 when the order of `after` is lost; 500
/// for a fault of the store.
pub async fn results<H: Host>(
    host: &H,
    id: &str,
    params: &ResultsParams,
    settings: &Settings,
) -> Result<ResultsPage, ApiError> {
    let (after, limit) = check_results(params)?;
    let found = async || find(host, id).await?.ok_or_else(|| not_found(id, settings.dialect));
    let mark = keys::watch(id);
    let is_there =
        async |key: &str| host.kv_get(key).await.map_err(store_failed).map(|value| value.is_some());
    // In this order: the mark goes after the batch names the file.
    let is_marked = is_there(&mark).await?;
    let mut batch = found().await?;
    if !batch.status.is_terminal() && !is_marked {
        write(host, &[KvWrite::Set(&mark, b"1")], &[]).await?;
        // The batch looks for the mark after its end is seen: if it has not ended even now, it will find this one.
        batch = found().await?;
        if batch.status.is_terminal() && !is_there(&keys::run(id)).await? {
            write(host, &[KvWrite::Delete(&mark)], &[]).await?;
        }
    }
    // Whoever has read nothing yet has no order to keep to.
    let order = after.filter(|cursor| cursor.offset > 0).map(|cursor| cursor.order);
    let in_completion =
        Cursor { order: ResultsOrder::Completion, offset: after.map_or(0, |cursor| cursor.offset) };
    if !batch.status.is_terminal() {
        return match order {
            Some(ResultsOrder::Files) => Err(no_such_place(params.after.as_deref().unwrap_or_default())),
            _ => as_they_came(host, id, in_completion, limit).await,
        };
    }
    if is_marked && order != Some(ResultsOrder::Files) && batch.results_file_id().is_none() {
        // Their file is being written.
        return Ok(ResultsPage::new(in_completion, limit));
    }
    match (order, batch.results_file_id()) {
        (None | Some(ResultsOrder::Completion), Some(file)) => {
            as_in_files(host, id, &[file], in_completion, limit).await
        }
        (Some(ResultsOrder::Completion), None) => Err(order_lost(id)),
        (None | Some(ResultsOrder::Files), _) => {
            let from = Cursor { order: ResultsOrder::Files, ..in_completion };
            as_in_files(host, id, &both_files(&batch), from, limit).await
        }
    }
}

fn both_files(batch: &Batch) -> Vec<&str> {
    [&batch.output_file_id, &batch.error_file_id].into_iter().flatten().map(String::as_str).collect()
}

/// Lines of a batch that runs, from its groups.
async fn as_they_came<H: Host>(
    host: &H,
    id: &str,
    from: Cursor,
    limit: u32,
) -> Result<ResultsPage, ApiError> {
    let mut page = ResultsPage::new(from, limit);
    let refused = || no_such_place(&format!("{}{}", from.order.letter(), from.offset));
    // The last record that begins there or before.
    let prefix = keys::orders(id);
    let before = Some(keys::order(id, from.offset.saturating_add(1)));
    let query = KvQuery { prefix: prefix.clone(), after: before, limit: 1, reverse: true };
    let mut records = some_entries(host, query).await.map_err(store_failed)?;
    if records.is_empty() && from.offset > 0 {
        return Err(refused());
    }
    let mut at = records.first().and_then(|(key, _)| keys::order_at(key)).unwrap_or_default();
    while let Some(last) = records.last().map(|(key, _)| key.clone()) {
        for (key, record) in records {
            let read = decode(&record).filter(|_| keys::order_at(&key) == Some(at));
            let groups = read.map(|(groups, _)| groups);
            for group in groups.ok_or_else(|| unreadable(id))? {
                if at + group.bytes <= from.offset {
                    at += group.bytes;
                    continue;
                }
                let key = keys::result_group(id, group.chunk, group.group);
                let Some(value) = host.kv_get(&key).await.map_err(store_failed)? else {
                    // Its write is under way, or was cut off; the batch goes on from here.
                    return Ok(page);
                };
                let stored = read_group(&value).ok().filter(|stored| group.is(stored));
                for line in stored.ok_or_else(|| unreadable(id))? {
                    let bytes = if line.outcome.file().is_some() { line.line.len() } else { continue };
                    let start = at;
                    at += bytes as u64;
                    if at <= from.offset {
                        continue;
                    }
                    if start < from.offset {
                        return Err(refused());
                    }
                    let taken = match line.line {
                        StoredLine::Inline(range) => page.take(&value[range]),
                        StoredLine::Large(bytes) => {
                            let parts = keys::large_result(id, group.chunk, line.index);
                            let parts = all_entries(host, &parts).await.map_err(store_failed)?;
                            let mut whole = Vec::with_capacity(bytes);
                            if !append_large(&mut whole, &parts, bytes) {
                                return Err(unreadable(id));
                            }
                            page.take(&whole)
                        }
                    };
                    if !taken {
                        return Ok(page);
                    }
                }
            }
        }
        let query =
            KvQuery { prefix: prefix.clone(), after: Some(last), limit: ORDER_RECORDS, reverse: false };
        records = some_entries(host, query).await.map_err(store_failed)?;
    }
    if at < from.offset { Err(refused()) } else { Ok(page) }
}

/// Lines of files that are read one after another as if they were one.
async fn as_in_files<H: Host>(
    host: &H,
    id: &str,
    files: &[&str],
    from: Cursor,
    limit: u32,
) -> Result<ResultsPage, ApiError> {
    let mut page = ResultsPage::new(from, limit);
    let refused = || no_such_place(&format!("{}{}", from.order.letter(), from.offset));
    let mut start = 0;
    for file in files {
        let gone = |fault: Fault| match fault.kind {
            FaultKind::Missing => file_gone(id, file),
            _ => store_failed(fault),
        };
        let found = host.find_file(file, None).await.map_err(gone)?;
        let size = found.ok_or_else(|| file_gone(id, file))?.bytes;
        let next = start + size;
        // From the byte before, which must end a line.
        let mut at = page.end().saturating_sub(start);
        let mut line = Vec::new();
        let mut checked = at == 0;
        at -= u64::from(!checked);
        while at < size && page.end() < next {
            let read = host.read_file(file, at, READ_BYTES.min(size - at), None).await.map_err(gone)?;
            if read.is_empty() {
                return Err(file_gone(id, file));
            }
            at += read.len() as u64;
            let mut rest = &read[..];
            if !std::mem::replace(&mut checked, true) {
                if rest[0] != b'\n' {
                    return Err(refused());
                }
                rest = &rest[1..];
            }
            while let Some(end) = memchr::memchr(b'\n', rest) {
                line.extend_from_slice(&rest[..=end]);
                rest = &rest[end + 1..];
                if !page.take(&line) {
                    return Ok(page);
                }
                line.clear();
            }
            line.extend_from_slice(rest);
        }
        start = next;
    }
    page.incomplete = false;
    if from.offset > start { Err(refused()) } else { Ok(page) }
}
