//! The outside world of one machine: a store, an input file, writers of result files.

pub(crate) mod invariants;

use edgebatch::{Answer, Command, Fault, FaultKind, FileObject, LookUp, Reply, Wish, Write};
use std::collections::BTreeMap;

pub(crate) const ID: &str = "batch_6ab13b80000000000000000000000000";
pub(crate) const START_MS: u64 = 1_790_000_000_000;

pub(crate) struct World {
    pub(crate) kv: BTreeMap<String, Vec<u8>>,
    pub(crate) input: Vec<u8>,
    /// Physical line of each request.
    pub(crate) lines: Vec<u64>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    writers: BTreeMap<String, Vec<u8>>,
    pub(crate) now: u64,
}

impl World {
    /// So many requests, with blank lines and CRLF strewn in.
    pub(crate) fn new(requests: u64, layout: u64) -> Self {
        let (mut input, mut lines, mut line) = (Vec::new(), Vec::new(), 1);
        for r in 1..=requests {
            let end: &[u8] = if layout & 1 == 1 && r % 3 == 0 { b"\r\n" } else { b"\n" };
            if layout & 2 == 2 && r % 7 == layout % 7 {
                input.extend_from_slice(end);
                line += 1;
            }
            let text = format!(
                "{{\"custom_id\":\"r{r}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
                 \"body\":{{\"model\":\"m\",\"messages\":[]}}}}"
            );
            input.extend_from_slice(text.as_bytes());
            input.extend_from_slice(end);
            lines.push(line);
            line += 1;
        }
        let (kv, files, writers) = Default::default();
        Self { kv, input, lines, files, writers, now: START_MS }
    }

    /// Carries out everything but inference.
    pub(crate) fn apply(&mut self, command: &Command) -> Reply {
        match command {
            Command::LookUp(LookUp::Input(id)) => {
                Reply::Input(Some(FileObject { id: id.clone(), bytes: self.input.len() as u64 }))
            }
            Command::LookUp(LookUp::Model(_)) => Reply::Model(true),
            Command::LookUp(LookUp::Wish) => {
                let since =
                    |value: &Vec<u8>| std::str::from_utf8(value).expect("digits").parse().expect("digits");
                let wish = self.kv.get(&format!("cancel:{ID}"));
                Reply::Wish(wish.map(|value| Wish::Cancel { since: since(value) }))
            }
            Command::Read { offset, length, .. } => {
                let from = (*offset as usize).min(self.input.len());
                Reply::Bytes(self.input[from..(from + *length as usize).min(self.input.len())].to_vec())
            }
            Command::LookUp(LookUp::Watched) => Reply::Watched(self.kv.contains_key(&format!("watch:{ID}"))),
            Command::List(query) => {
                let beyond = |key: &&String| match (&query.after, query.reverse) {
                    (None, _) => true,
                    (Some(after), false) => *key > after,
                    (Some(after), true) => *key < after,
                };
                let mut keys: Vec<&String> =
                    self.kv.keys().filter(|key| key.starts_with(&query.prefix)).filter(beyond).collect();
                if query.reverse {
                    keys.reverse();
                }
                let first = keys.into_iter().take(query.limit as usize);
                Reply::Entries(first.map(|key| (key.clone(), self.kv[key].clone())).collect())
            }
            Command::Load { prefix } => {
                let under = self.kv.iter().filter(|(key, _)| key.starts_with(prefix));
                Reply::Entries(under.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
            Command::Infer { idempotency_key, .. } => Reply::Answer(good(line_of(idempotency_key))),
            Command::Save(writes) => {
                for write in writes.iter() {
                    match write {
                        Write::Set(key, value) => drop(self.kv.insert(key.clone(), value.clone())),
                        Write::Delete(key) => drop(self.kv.remove(key)),
                        Write::DeletePrefix(prefix) => self.kv.retain(|key, _| !key.starts_with(prefix)),
                    }
                }
                Reply::Saved
            }
            Command::WriteOutput(part) => {
                if part.first {
                    self.writers.insert(part.file_id.clone(), Vec::new());
                }
                let writer = self.writers.get_mut(&part.file_id).expect("a file begins with its first part");
                writer.extend_from_slice(&part.bytes);
                if !part.last {
                    return Reply::Written(None);
                }
                let bytes = self.writers.remove(&part.file_id).expect("there");
                self.files.insert(part.file_id.clone(), bytes);
                Reply::Written(Some(part.file_id.clone()))
            }
            other => panic!("what is this: {other:?}"),
        }
    }

    /// A crash takes unfinished files with it.
    pub(crate) fn lose_writers(&mut self) {
        self.writers.clear();
    }
}

/// What is stored, without the checksum behind it.
pub(crate) fn unsummed(stored: &[u8]) -> &[u8] {
    stored.len().checked_sub(17).map_or(stored, |at| &stored[..at])
}

pub(crate) fn line_of(key: &str) -> u64 {
    key.rsplit(':').next().and_then(|line| line.parse().ok()).expect("batch:line")
}

pub(crate) fn good(line: u64) -> Answer {
    answer(200, format!("{{\"id\":\"chat-{line}\"}}"))
}

pub(crate) fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, body: body.into(), request_id: None, retry_after_ms: None }
}

/// One of the ways in which an inference call ends.
pub(crate) fn inferred(line: u64, how: u8) -> Reply {
    let fault = |kind| Reply::Failed(Fault { kind, message: "injected".to_owned() });
    Reply::Answer(match how {
        0 => answer(400, "{\"error\":{\"message\":\"no\"}}"),
        1 => answer(500, "oops"),
        2 => answer(429, "{}"),
        3 => Answer { retry_after_ms: Some(1_500), ..answer(429, "{}") },
        4 => answer(200, "{\"half\":"),
        5 => return fault(FaultKind::Transient),
        6 => return fault(FaultKind::Timeout),
        7 => answer(200, format!("{{\"text\":\"{}\"}}", "x".repeat(70_000))),
        _ => good(line),
    })
}
