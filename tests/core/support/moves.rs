//! What tests of moves share: a batch behind its fence, its stream, and what a stream makes.

use super::model::steady;
use super::{INPUT, ScriptedHost, sole_owner, with_batch};
use edgebatch::{
    ApiError, Batch, BatchStatus, Export, Host, Import, Settings, Turn, TurnEnd, fence, retrieve, run_turn,
};
use futures::future::join;
use std::collections::BTreeMap;

pub(crate) fn settings() -> Settings {
    Settings { max_concurrent_requests_per_batch: 5, events: true, ..Settings::default() }
}

/// A batch in the middle of its run, whose turn ended over the fence.
pub(crate) fn fenced_in_the_middle(lines: u64) -> (ScriptedHost, String) {
    let (host, id) = with_batch(lines, steady(40), &settings());
    fence_while_it_runs(&host, &id);
    (host, id)
}

pub(crate) fn fence_while_it_runs(host: &ScriptedHost, id: &str) {
    let owner = sole_owner(host);
    let turn_of = Turn { owner: Some(&owner), ..Turn::default() };
    let moving = async {
        host.clock.sleep(600).await;
        let (batch, _) = fence(host, id, &settings()).await.expect("fenced");
        assert_eq!(batch.status, BatchStatus::InProgress);
        assert_eq!(host.in_flight(), 0);
    };
    let (end, ()) = host.run(join(run_turn(host, id, &settings(), turn_of), moving)).expect("alive");
    assert!(matches!(end.expect("readable"), TurnEnd::Suspended { .. }));
}

/// All of the stream of a batch, which is fenced for it.
pub(crate) async fn exported(host: &ScriptedHost, id: &str) -> Result<Vec<u8>, ApiError> {
    let (_, moving) = fence(host, id, &settings()).await?;
    let mut export = Export::new(id, moving);
    let mut stream = Vec::new();
    loop {
        let piece = export.next(host, "requests.jsonl").await?;
        if piece.is_empty() {
            return Ok(stream);
        }
        stream.extend_from_slice(&piece);
    }
}

/// A stream that comes in pieces, and what it made.
pub(crate) async fn imported(
    host: &ScriptedHost,
    stream: &[u8],
    piece: usize,
) -> Result<(Batch, String), ApiError> {
    let mut import = Import::default();
    let made = import_by(host, &mut import, stream, piece).await;
    if made.is_err() {
        import.abort(host).await.expect("cleared away");
    }
    made
}

pub(crate) async fn import_by(
    host: &ScriptedHost,
    import: &mut Import,
    stream: &[u8],
    piece: usize,
) -> Result<(Batch, String), ApiError> {
    let (mut file_id, mut bytes) = (INPUT.to_owned(), Vec::new());
    for part in stream.chunks(piece) {
        let (input, part) = import.push(host, part, &settings()).await?;
        if let Some(input) = input {
            assert_eq!((&*input.filename, &*input.id), ("requests.jsonl", INPUT));
            if host.find_file(&input.id, None).await.expect("looked").is_some() {
                file_id = "file-input-2".to_owned();
            }
        }
        bytes.extend_from_slice(&part);
    }
    import.check()?;
    if !bytes.is_empty() {
        host.add_file(&file_id, bytes);
    }
    let (id, fence) = import.commit(host, &file_id).await?;
    Ok((retrieve(host, &id, &settings()).await.expect("there"), fence))
}

pub(crate) fn target() -> ScriptedHost {
    ScriptedHost::new(steady(40))
}

/// How often each line was asked, on both hosts.
pub(crate) fn calls(hosts: [&ScriptedHost; 2]) -> BTreeMap<String, u32> {
    let mut all = BTreeMap::new();
    for (key, made) in hosts.iter().flat_map(|host| host.calls()) {
        *all.entry(key).or_default() += made;
    }
    all
}
