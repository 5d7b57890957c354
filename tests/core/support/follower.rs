//! Somebody who follows the results of a batch, and what there is to see.

use super::{ScriptedHost, files, stored_batch};
use edgebatch::{ApiError, ResultsPage, ResultsParams, Settings, results};

/// Somebody who reads the results of a batch, from wherever it was before.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) after: Option<String>,
    pub(crate) seen: Vec<u8>,
    /// How many lines it asks for next.
    pub(crate) limit: i64,
    pub(crate) ended: bool,
}

pub(crate) fn cursor(page: &ResultsPage) -> String {
    format!("{}{}", page.from.order.letter(), page.end())
}

pub(crate) async fn page(
    host: &ScriptedHost,
    id: &str,
    after: Option<&str>,
    limit: Option<i64>,
) -> Result<ResultsPage, ApiError> {
    let params = ResultsParams { after: after.map(str::to_owned), limit };
    results(host, id, &params, &Settings::default()).await
}

impl Follower {
    /// Reads all that there is now.
    pub(crate) async fn read(&mut self, host: &ScriptedHost, id: &str) {
        loop {
            self.limit = self.limit % 17 + 1;
            let page = page(host, id, self.after.as_deref(), Some(self.limit)).await.expect("a page");
            self.after = Some(cursor(&page));
            self.seen.extend(&page.lines);
            self.ended = !page.incomplete;
            let lines = page.lines.iter().filter(|&&byte| byte == b'\n').count();
            assert!(lines <= self.limit as usize);
            if lines == 0 || self.ended {
                return;
            }
        }
    }

    /// Reads until the batch has ended, as somebody who looks again and again does.
    pub(crate) async fn follow(&mut self, host: &ScriptedHost, id: &str, every_ms: u64) {
        while !self.ended {
            self.read(host, id).await;
            host.clock.sleep(every_ms).await;
        }
    }
}

pub(crate) fn results_file(host: &ScriptedHost, id: &str) -> Option<Vec<u8>> {
    let file = stored_batch(host, id).edgebatch?.results_file_id?;
    Some(host.files.borrow()[&file].to_vec())
}

pub(crate) fn sorted(bytes: &[u8]) -> Vec<Vec<u8>> {
    assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "half a line");
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.sort();
    lines
}

/// The lines of both files.
pub(crate) fn all(host: &ScriptedHost, id: &str) -> Vec<u8> {
    files(host, &stored_batch(host, id)).into_iter().flatten().flat_map(|file| file.to_vec()).collect()
}
