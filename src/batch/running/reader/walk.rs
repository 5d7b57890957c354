//! The reader of a batch whose requests are sent by a plan: section by section, its chunks are opened, and then its requests are
//! read one by one, wherever they stand.
//!
//! What a checkpoint says is the same as in the order of the file. So a reader can leave the plan at any time, and go on as any
//! other: where a section is not found or damaged, and where nothing is sent any more.

use super::{Current, Reader, Step, parse};
use crate::batch::checkpoint::{ChunkSpan, ChunkStart};
use crate::batch::command::Command;
use crate::batch::plan::{Entry, Section, section_of};
use crate::batch::running::chunks::Chunks;
use crate::batch::running::request::Slot;
use crate::batch::running::routes::Routes;
use crate::input::jsonl::LineSplitter;
use crate::keys;
use crate::limits::READ_BYTES;

/// Requests that are looked at for whether one read has them too.
const NEAR: usize = 64;
/// What a line may have beside its text: a BOM, CR and LF.
const SLACK: usize = 5;

/// Where a reader stands in the plan.
#[derive(Debug)]
pub(super) struct Walk {
    /// The section that is gone through, once it is there.
    section: Option<Section>,
    /// Its number.
    number: u32,
    /// The next of its requests.
    at: usize,
    /// All of its chunks are open.
    opened: bool,
    /// Where the buffer starts in the file, and what was asked for.
    from: u64,
    asked: u64,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self { section: None, number: 0, at: 0, opened: false, from: 0, asked: 0 }
    }

    /// Whether it waits for its section.
    pub(super) fn is_loading(&self) -> bool {
        self.section.is_none()
    }

    /// The line that its section begins with: it knows of all before it.
    pub(super) fn line(&self) -> Option<u64> {
        self.section.as_ref().map(Section::line)
    }

    /// Whether bytes that were read are all that were asked for.
    pub(super) fn is_whole(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.asked
    }

    /// The section, as it is stored. Whether it can be followed.
    pub(super) fn load(&mut self, stored: Vec<(String, Vec<u8>)>) -> bool {
        self.section = Section::decode(self.number, stored);
        self.section.is_some()
    }

    /// What to read for a request, with others that are sent soon and stand nearby.
    fn span(&self, section: &Section, own: &Entry) -> (u64, u64) {
        let (mut from, mut to) = (own.offset, own.offset + u64::from(own.length));
        for near in (self.at + 1..self.at + NEAR).map_while(|at| section.entry(at)) {
            let (low, high) = (from.min(near.offset), to.max(near.offset + u64::from(near.length)));
            if high - low <= READ_BYTES {
                (from, to) = (low, high);
            }
        }
        (from, to - from)
    }
}

impl Reader {
    /// Leaves the plan: what was not handed out is read in the order of the file.
    pub(in crate::batch) fn leave_plan(&mut self, chunks: &Chunks) {
        if self.walk.take().is_none() {
            return;
        }
        if let Some(Current { start, end: Some(end), .. }) = self.current.take() {
            self.again.push_front(ChunkSpan { start, end });
        }
        let come_to = self.next_start().chunk;
        for span in chunks.spans().filter(|span| span.start.chunk < come_to).rev() {
            self.again.push_front(span);
        }
        // What is in the buffer was not read in this order.
        self.splitter = LineSplitter::at(self.max_line_bytes, 0, 0);
        self.buffer = Vec::new();
        (self.used, self.read_to) = (0, 0);
    }

    /// Where the next chunk starts, of an earlier turn or fresh.
    fn next_start(&self) -> ChunkStart {
        self.again.front().map_or(self.next, |span| span.start)
    }

    /// Goes on to the next request that goes to the pool `own`. Nothing where there is no plan to follow.
    pub(super) fn follow_plan(&mut self, chunks: &mut Chunks, routes: &Routes, own: usize) -> Option<Step> {
        loop {
            let walk = self.walk.as_mut()?;
            if walk.opened {
                if let Some(step) = self.next_planned(chunks, routes, own) {
                    return Some(step);
                }
                self.walk = Some(Walk::new());
                continue;
            }
            let Some(section) = &walk.section else {
                let next = self.next_start();
                if self.again.is_empty() && next.offset >= self.size {
                    return Some(Step::End);
                }
                let number = section_of(next.chunk);
                self.walk.as_mut()?.number = number;
                return Some(Step::Need(Command::Load {
                    prefix: keys::plan_section(&self.batch_id, number),
                }));
            };
            let Some(Current { start, end, loaded, .. }) = &self.current else {
                let next = self.again.front().map_or(self.next, |span| span.start);
                let is_over = self.again.is_empty() && next.offset >= self.size;
                if is_over || section_of(next.chunk) != walk.number {
                    walk.opened = true;
                } else if section.chunk(next.chunk).is_some_and(|(span, ..)| span.start == next) {
                    self.enter_next_chunk(chunks);
                } else {
                    // The plan is of something else.
                    self.leave_plan(chunks);
                }
                continue;
            };
            if !loaded {
                return Some(Step::Need(Command::Load {
                    prefix: keys::chunk_results(&self.batch_id, start.chunk),
                }));
            }
            let (span, next, requests) = section.chunk(start.chunk)?;
            chunks.settle(start.chunk, span.end, requests);
            if end.is_none() {
                self.next = next;
            }
            self.current = None;
        }
    }

    /// The next request of a section whose chunks are all open. Nothing at its end.
    fn next_planned(&mut self, chunks: &mut Chunks, routes: &Routes, own: usize) -> Option<Step> {
        let walk = self.walk.as_mut()?;
        let section = walk.section.as_ref()?;
        while let Some(entry) = section.entry(walk.at) {
            let Entry { index, line, offset, length, .. } = entry;
            let slot = Slot { chunk: section.number(&entry), index: index.into(), line };
            if routes.at(entry.model) != own || !chunks.is_open(slot.chunk, slot.index) {
                walk.at += 1;
                continue;
            }
            if length as usize > self.max_line_bytes + SLACK {
                walk.at += 1;
                chunks.give(slot.chunk, slot.index);
                return Some(Step::NotARequest(slot));
            }
            let text = offset
                .checked_sub(walk.from)
                .and_then(|from| self.buffer.get(from as usize..(from + u64::from(length)) as usize));
            let Some(mut text) = text else {
                let (from, length) = walk.span(section, &entry);
                (walk.from, walk.asked) = (from, length);
                self.buffer = Vec::new();
                let file_id = self.file_id.clone();
                return Some(Step::Need(Command::Read { file_id, offset: from, length, is_input: true }));
            };
            walk.at += 1;
            chunks.give(slot.chunk, slot.index);
            let mut splitter = LineSplitter::at(self.max_line_bytes, offset, line);
            let step = match splitter.next(&mut text) {
                Some(line) => parse(slot, &line.text, routes, own),
                None => splitter.finish().and_then(|line| parse(slot, &line.text, routes, own)),
            };
            // The file may have changed.
            return Some(step.unwrap_or(Step::NotARequest(slot)));
        }
        None
    }
}
