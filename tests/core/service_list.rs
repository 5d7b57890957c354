//! `list`: newest first, whole, stable, and in pages of any size the store likes.

use crate::support::model::steady;
use crate::support::{Injected, Op, ScriptedHost, new_batch};
use edgebatch::{ApiError, BatchList, BatchStatus, FaultKind, ListParams, Settings, cancel, list};

/// A host with so many batches, several of each second, and their ids, newest first.
fn with_batches(count: usize) -> (ScriptedHost, Vec<String>) {
    let host = ScriptedHost::new(steady(5));
    let mut ids: Vec<String> = (0..count).map(|_| new_batch(&host, &Settings::default())).collect();
    ids.sort_unstable();
    ids.reverse();
    (host, ids)
}

fn page(host: &ScriptedHost, after: Option<&str>, limit: Option<i64>) -> Result<BatchList, ApiError> {
    host.run(list(host, ListParams { after: after.map(str::to_owned), limit })).expect("alive")
}

fn ids(page: &BatchList) -> Vec<String> {
    page.data.iter().map(|batch| batch.id.clone()).collect()
}

#[test]
fn a_page_holds_the_newest_and_says_where_it_ends() {
    let (host, all) = with_batches(25);
    let first = page(&host, None, None).unwrap();
    assert_eq!(ids(&first), all[..20], "20 by default");
    assert_eq!((first.first_id.as_ref(), first.last_id.as_ref()), (Some(&all[0]), Some(&all[19])));
    assert!(first.has_more);
    let last = page(&host, Some(&all[19]), None).unwrap();
    assert_eq!((ids(&last), last.has_more), (all[20..].to_vec(), false), "after is exclusive");
    let whole = page(&host, None, Some(25)).unwrap();
    assert_eq!((ids(&whole), whole.has_more), (all, false), "nothing follows a page that is exactly full");
}

#[test]
fn an_empty_page_has_nulls() {
    let (host, all) = with_batches(2);
    let empty = serde_json::json!(
        {"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}
    );
    assert_eq!(serde_json::to_value(page(&host, Some(&all[1]), None).unwrap()).unwrap(), empty);
    let nobody = ScriptedHost::new(steady(5));
    assert_eq!(serde_json::to_value(page(&nobody, None, None).unwrap()).unwrap(), empty);
}

#[test]
fn paging_visits_every_batch_once_whatever_the_sizes_of_pages_and_batches_made_meanwhile() {
    for (limit, store_page) in [(1, 1), (2, 1), (3, 2), (7, 100), (100, 3)] {
        let (host, all) = with_batches(23);
        host.page.set(store_page);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = page(&host, after.as_deref(), Some(limit)).unwrap();
            assert!(page.data.len() <= limit as usize);
            assert!(!page.has_more || page.data.len() == limit as usize, "only the last page is short");
            seen.extend(ids(&page));
            new_batch(&host, &Settings::default());
            if !page.has_more {
                break;
            }
            after = page.last_id;
        }
        assert_eq!(seen, all, "limit {limit}, {store_page} entries at a time");
    }
}

#[test]
fn an_after_that_cannot_be_an_id_is_ignored() {
    let (host, all) = with_batches(3);
    for unknown in ["batch_nobody", "", "x", "batch_", "batch_0", "nonexistent_batch"] {
        assert_eq!(ids(&page(&host, Some(unknown), None).unwrap()), all, "{unknown}");
    }
}

#[test]
fn an_after_that_there_is_no_batch_of_goes_on_where_it_would_stand() {
    let (host, all) = with_batches(5);
    let older = format!("batch_{}", "0".repeat(32));
    let newer = format!("batch_{}", "f".repeat(32));
    let behind_the_second = format!("{}{}", &all[1][..all[1].len() - 16], "0".repeat(16));
    assert!(!all.contains(&behind_the_second) && all[1] > behind_the_second && behind_the_second > all[2]);
    for (after, rest) in [(&older, &all[5..]), (&newer, &all[..]), (&behind_the_second, &all[2..])] {
        assert_eq!(ids(&page(&host, Some(after), None).unwrap()), rest, "{after}");
    }
}

#[test]
fn a_limit_out_of_range_is_refused() {
    let (host, _) = with_batches(1);
    let refused = |limit| page(&host, None, Some(limit)).unwrap_err();
    let error = |message: &str, code: &str| ApiError::invalid_request(message).param("limit").code(code);
    let below = "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.";
    let above = "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.";
    assert_eq!(refused(0), error(below, "integer_below_min_value"));
    assert_eq!(refused(-1), error(&below.replace("got 0", "got -1"), "integer_below_min_value"));
    assert_eq!(refused(101), error(above, "integer_above_max_value"));
    assert_eq!(page(&host, None, Some(100)).unwrap().data.len(), 1);
    assert_eq!(page(&host, None, Some(1)).unwrap().data.len(), 1);
}

#[test]
fn a_cancel_shows_in_the_list_at_once() {
    let (host, all) = with_batches(3);
    host.run(cancel(&host, &all[1], &Settings::default())).unwrap().unwrap();
    let statuses: Vec<_> = page(&host, None, None).unwrap().data.iter().map(|batch| batch.status).collect();
    assert_eq!(statuses, [BatchStatus::Validating, BatchStatus::Cancelling, BatchStatus::Validating]);
}

#[test]
fn a_store_that_fails_is_an_error_and_never_the_first_page_again() {
    let (host, all) = with_batches(3);
    for fails in ["batch:", "cancel:"] {
        host.set_faults(move |_, op| match op {
            Op::Get(key) | Op::List(key) if key.starts_with(fails) => Injected::Before(FaultKind::Transient),
            _ => Injected::Nothing,
        });
        assert_eq!(page(&host, Some(&all[0]), None).unwrap_err().status, 500);
    }
}
