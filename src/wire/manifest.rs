//! What a batch is told by once it has ended.

use super::{BatchStatus, RequestCounts};
use crate::json::value::to_json;

/// What a batch read and wrote, and how often the model server was called for it. Made when it ends.
pub(crate) struct Manifest<'a> {
    pub(crate) batch_id: &'a str,
    /// How it ended.
    pub(crate) status: BatchStatus,
    /// How its requests ended.
    pub(crate) request_counts: RequestCounts,
    /// Ids and digests of its input, output and error file: none where it was never read to its end, or there is none.
    pub(crate) files: [Option<(&'a String, &'a String)>; 3],
    /// Calls to the model server that were begun, and those of them that were in flight when a process died. Those that it
    /// began in the quarter of a second before may be missing.
    pub(crate) made: u64,
    pub(crate) lost: u64,
}

impl Manifest<'_> {
    /// As it is stored and sent. By hand, as each type that is written by itself is half a kilobyte of WebAssembly.
    pub(crate) fn json(&self) -> Vec<u8> {
        let text = |json: Vec<u8>| String::from_utf8(json).unwrap_or_default();
        let Self { batch_id, status, request_counts, files, made, lost } = self;
        let [input, output, error] = files.map(|file| match file {
            Some((id, digest)) => format!(r#"{{"file_id":{},{digest}}}"#, text(to_json(id))),
            None => "null".to_owned(),
        });
        let (status, counts) = (status.as_str(), text(to_json(request_counts)));
        let json = format!(
            r#"{{"object":"batch.manifest","batch_id":"{batch_id}","status":"{status}","request_counts":{counts},"input":{input},"output":{output},"error":{error},"calls":{{"made":{made},"lost":{lost}}}}}"#
        );
        json.into_bytes()
    }
}
