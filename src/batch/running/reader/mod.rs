//! Reads the input file chunk by chunk and hands out the requests that have no result yet, in input order, or as a plan says:
//! that is `walk`.

mod walk;

use self::walk::Walk;

use crate::batch::checkpoint::{ChunkSpan, ChunkStart, SavedRun};
use crate::batch::command::Command;
use crate::batch::plan::Row;
use crate::batch::running::chunks::Chunks;
use crate::batch::running::request::{Request, Slot};
use crate::batch::running::routes::Routes;
use crate::batch::running::whose_fault::Tries;
use crate::input::jsonl::{LineSplitter, Text};
use crate::input::request;
use crate::keys;
use crate::limits::{CHUNK_BYTES, CHUNK_REQUESTS, READ_BYTES};
use std::collections::VecDeque;
use std::sync::Arc;

/// What comes next.
#[derive(Debug)]
pub(in crate::batch) enum Step {
    Request(Box<Request>),
    /// The file changed after validation: this line is no request any more.
    NotARequest(Slot),
    /// Nothing until this is answered: by [`Reader::bytes`] or [`Reader::loaded`].
    Need(Command),
    /// The whole file was handed out.
    End,
}

/// Stands somewhere in the file.
#[derive(Debug)]
pub(in crate::batch) struct Reader {
    batch_id: String,
    file_id: String,
    size: u64,
    max_line_bytes: usize,
    /// Whether an earlier turn may have stored results.
    resumed: bool,
    /// Chunks to read again before going on.
    again: VecDeque<ChunkSpan>,
    /// Where fresh chunks continue.
    next: ChunkStart,
    current: Option<Current>,
    splitter: LineSplitter,
    buffer: Vec<u8>,
    /// How much of the buffer was cut into lines.
    used: usize,
    /// The file offset after the buffer.
    read_to: u64,
    /// Where it stands in the plan, if it follows one.
    walk: Option<Walk>,
    /// Where the last line starts and the next one does.
    line: [u64; 2],
    /// Fresh chunks that it has read to their ends, where somebody asked for them.
    ends: Option<Vec<Row>>,
}

#[derive(Debug)]
struct Current {
    start: ChunkStart,
    /// Known for a chunk that is read again.
    end: Option<u64>,
    loaded: bool,
    /// Requests that this reader met.
    met: u32,
}

impl Reader {
    pub(in crate::batch) fn new(
        batch_id: &str,
        file_id: &str,
        max_line_bytes: usize,
        run: &SavedRun,
        resumed: bool,
    ) -> Self {
        Self {
            batch_id: batch_id.to_owned(),
            file_id: file_id.to_owned(),
            size: run.input_bytes,
            max_line_bytes,
            resumed,
            again: run.open.iter().copied().collect(),
            next: run.next,
            current: None,
            splitter: LineSplitter::at(max_line_bytes, 0, 1),
            buffer: Vec::new(),
            used: 0,
            read_to: 0,
            walk: None,
            line: [0; 2],
            ends: None,
        }
    }

    /// Hands out requests as the batch's plan says, as far as there is one.
    pub(in crate::batch) fn by_plan(self) -> Self {
        Self { walk: Some(Walk::new()), ..self }
    }

    /// Keeps where chunks end.
    pub(in crate::batch) fn noting_ends(self) -> Self {
        Self { ends: Some(Vec::new()), ..self }
    }

    /// Ends of chunks that were not taken yet.
    pub(in crate::batch) fn ends(&mut self) -> &mut Vec<Row> {
        self.ends.get_or_insert_default()
    }

    /// Where the last request starts, and the line after it.
    pub(in crate::batch) fn last_line(&self) -> [u64; 2] {
        self.line
    }

    /// How far it came, to be compared with others of the same file: the chunk it comes to next, and how many of an earlier
    /// turn it has behind it, to be read first.
    pub(in crate::batch) fn progress(&self) -> (u32, usize, bool) {
        let loaded = self.current.as_ref().is_none_or(|current| current.loaded);
        let chunk = self.again.front().map_or(self.next.chunk, |span| span.start.chunk);
        (chunk, usize::MAX - self.again.len(), loaded)
    }

    /// Where the next fresh chunk starts.
    pub(in crate::batch) fn position(&self) -> ChunkStart {
        self.next
    }

    /// The physical line it comes to next at the earliest.
    pub(in crate::batch) fn line(&self) -> u64 {
        if let Some(line) = self.walk.as_ref().and_then(Walk::line) {
            return line;
        }
        match (&self.current, self.again.front()) {
            (Some(current), _) if !current.loaded => current.start.line,
            (Some(_), _) => self.splitter.next_number(),
            (None, Some(span)) => span.start.line,
            (None, None) => self.next.line,
        }
    }

    /// Chunks of an earlier turn that this one has not come to yet.
    pub(in crate::batch) fn untouched(&self) -> impl Iterator<Item = ChunkSpan> {
        let unloaded = self.current.as_ref().filter(|current| !current.loaded);
        let unloaded = unloaded.and_then(|c| Some(ChunkSpan { start: c.start, end: c.end? }));
        unloaded.into_iter().chain(self.again.iter().copied())
    }

    /// Bytes that were asked for. `false` when the file is shorter than it was.
    #[must_use]
    pub(in crate::batch) fn bytes(&mut self, bytes: Vec<u8>) -> bool {
        if let Some(walk) = &self.walk {
            (self.used, self.buffer) = (bytes.len(), bytes);
            return walk.is_whole(&self.buffer);
        }
        if bytes.is_empty() || self.read_to + bytes.len() as u64 > self.size {
            return false;
        }
        self.read_to += bytes.len() as u64;
        self.buffer = bytes;
        self.used = 0;
        true
    }

    /// It waits for stored results, not for the file.
    pub(in crate::batch) fn is_loading(&self) -> bool {
        let walks = self.walk.as_ref().is_some_and(Walk::is_loading);
        walks || self.current.as_ref().is_some_and(|current| !current.loaded)
    }

    /// What it waits for: the current chunk's earlier results, or a section of the plan.
    pub(in crate::batch) fn loaded(&mut self, chunks: &mut Chunks, entries: Vec<(String, Vec<u8>)>) {
        if let Some(walk) = self.walk.as_mut().filter(|walk| walk.is_loading()) {
            if !walk.load(entries) {
                self.leave_plan(chunks);
            }
        } else if let Some(current) = &mut self.current {
            current.loaded = true;
            chunks.open(current.start, current.end, &entries);
        }
    }

    /// Goes on to the next request that goes to the pool `own`.
    #[inline(never)]
    pub(in crate::batch) fn step(&mut self, chunks: &mut Chunks, routes: &Routes, own: usize) -> Step {
        if let Some(step) = self.follow_plan(chunks, routes, own) {
            return step;
        }
        loop {
            let Some(current) = &mut self.current else {
                if !self.enter_next_chunk(chunks) {
                    return Step::End;
                }
                continue;
            };
            if !current.loaded {
                return Step::Need(Command::Load {
                    prefix: keys::chunk_results(&self.batch_id, current.start.chunk),
                });
            }
            let (start, known_end) = (current.start, current.end);
            let mut rest = &self.buffer[self.used..];
            let at_end = rest.is_empty() && self.read_to >= known_end.unwrap_or(self.size);
            let next_line = self.splitter.next_number();
            let line = if at_end { self.splitter.finish() } else { self.splitter.next(&mut rest) };
            let mut step = None;
            let ended = match line {
                Some(line) => {
                    self.line = [line.offset, line.end];
                    if !line.is_blank() {
                        let slot = Slot { chunk: start.chunk, index: current.met, line: line.number };
                        current.met += 1;
                        if chunks.meet(slot.chunk, slot.index) {
                            step = parse(slot, &line.text, routes, own);
                        }
                    }
                    let full = current.met >= CHUNK_REQUESTS || line.end - start.offset >= CHUNK_BYTES;
                    let ended = known_end.map_or(full, |end| line.end >= end);
                    ended.then_some((line.end, line.number + 1))
                }
                None if at_end => Some((self.read_to, next_line)),
                None => None,
            };
            let met = current.met;
            self.used = self.buffer.len() - rest.len();
            if let Some((end, next_line)) = ended {
                chunks.seal(start.chunk, end);
                self.current = None;
                if known_end.is_none() {
                    self.next = ChunkStart { chunk: start.chunk + 1, offset: end, line: next_line };
                    if let Some(ends) = &mut self.ends {
                        ends.push((self.next, met));
                    }
                }
            }
            if let Some(step) = step {
                return step;
            }
            if self.current.is_some() && self.used == self.buffer.len() && !at_end {
                let limit = known_end.unwrap_or(self.size);
                if self.read_to < limit {
                    return Step::Need(Command::Read {
                        file_id: self.file_id.clone(),
                        offset: self.read_to,
                        length: READ_BYTES.min(limit - self.read_to),
                        is_input: true,
                    });
                }
            }
        }
    }

    /// `false` when there is no next chunk.
    fn enter_next_chunk(&mut self, chunks: &mut Chunks) -> bool {
        let (start, end) = match self.again.pop_front() {
            Some(span) => (span.start, Some(span.end)),
            None if self.next.offset < self.size => (self.next, None),
            None => return false,
        };
        let buffered_from = self.read_to - (self.buffer.len() - self.used) as u64;
        if start.offset != buffered_from || self.splitter.next_number() != start.line {
            self.splitter = LineSplitter::at(self.max_line_bytes, start.offset, start.line);
            self.buffer = Vec::new();
            self.used = 0;
            self.read_to = start.offset;
        }
        let loaded = !self.resumed || chunks.was_opened(start.chunk);
        if loaded && !chunks.was_opened(start.chunk) {
            chunks.open(start, end, &[]);
        }
        self.current = Some(Current { start, end, loaded, met: 0 });
        true
    }
}

/// Nothing where the line goes to another pool.
fn parse(slot: Slot, text: &Text<'_>, routes: &Routes, own: usize) -> Option<Step> {
    let parsed = match text {
        Text::Whole(bytes) => request::parse(bytes),
        Text::TooLong => None,
    };
    let model = parsed.as_ref().and_then(|request| request.model.as_deref());
    let route = routes.of(model);
    if route.pool != own {
        return None;
    }
    let Some(request) = parsed else { return Some(Step::NotARequest(slot)) };
    let (custom_id, body) = (request.custom_id.into_owned(), Arc::from(request.body));
    Some(Step::Request(Box::new(Request { slot, custom_id, body, route, tries: Tries::default() })))
}
