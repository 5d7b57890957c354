//! From one token to the next: whether the grammar is kept, and where the members are.
#![allow(unsafe_code)]

use super::blocks::{BROKEN, Offsets};
use super::vector::Vector;
use crate::json::scan::{Kind, Query, ScanError, literal};
use crate::limits::MAX_DEPTH;
use memchr::memchr;

/// The offset of the next token; if the text is not JSON, the offset that shows it.
type Step = Result<usize, usize>;

/// Where the next line starts, and what is known of it already. `unsafe` as the methods of [`Vector`] are.
pub(in crate::json::scan) struct Walk<'a, V> {
    offsets: Offsets<'a, V>,
    left: u64,
    base: usize,
}

/// A walk on its way through one line: what changes with each step is held in registers.
struct Steps<'w, 'a, V> {
    offsets: &'w mut Offsets<'a, V>,
    text: &'a [u8],
    /// The tokens of the current block that were not visited yet, and where it starts.
    left: u64,
    base: usize,
}

impl<'a, V: Vector> Walk<'a, V> {
    /// Over a text of one value or, with `lines`, of one value a line.
    pub(in crate::json::scan) unsafe fn new(text: &'a [u8], lines: bool) -> Self {
        // SAFETY: upheld by the caller.
        Self { offsets: unsafe { Offsets::new(text, lines) }, left: 0, base: 0 }
    }

    /// Scans the next line or the one text: the kind of its top value, and where it ends.
    #[inline(always)]
    pub(in crate::json::scan) unsafe fn next(
        &mut self,
        query: &mut Query<'_>,
    ) -> (Result<Kind, ScanError>, usize) {
        let mut steps = self.steps();
        // SAFETY: upheld by the caller.
        let walked = unsafe { steps.value(query) };
        (self.left, self.base) = (steps.left, steps.base);
        match walked {
            Ok((kind, end)) => (Ok(kind), end),
            // SAFETY: upheld by the caller.
            Err(at) => (Err(ScanError), unsafe { self.line_end(at) }),
        }
    }

    #[inline(always)]
    fn steps(&mut self) -> Steps<'_, 'a, V> {
        let text = self.offsets.text;
        Steps { left: self.left, base: self.base, offsets: &mut self.offsets, text }
    }

    /// Where a line ends that is broken at `at`.
    #[cold]
    unsafe fn line_end(&mut self, mut at: usize) -> usize {
        let text = self.offsets.text;
        if !self.offsets.in_lines() {
            return text.len();
        }
        let mut steps = self.steps();
        while !steps.ends(at) && at != BROKEN {
            // SAFETY: upheld by the caller.
            at = unsafe { steps.step() };
        }
        (self.left, self.base) = (steps.left, steps.base);
        if at != BROKEN {
            return at;
        }
        // From here to the end of the line the bitmaps may be wrong.
        let from = self.offsets.broken_at().min(text.len());
        let end = from + memchr(b'\n', &text[from..]).unwrap_or(text.len() - from);
        // SAFETY: upheld by the caller.
        unsafe { self.offsets.restart(end + 1) };
        self.left = 0;
        end
    }
}

impl<V: Vector> Steps<'_, '_, V> {
    // SAFETY of the calls in these methods: upheld by the callers of the methods.

    #[inline(always)]
    unsafe fn step(&mut self) -> usize {
        if self.left == 0 {
            (self.left, self.base) = unsafe { self.offsets.next_block() };
        }
        let at = self.base.wrapping_add(self.left.trailing_zeros() as usize);
        self.left &= self.left - 1;
        at
    }

    /// The byte at an offset; 0, which no JSON holds, at the end of the text and where it is broken.
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// Whether the line or text is over at `at`.
    #[inline(always)]
    fn ends(&self, at: usize) -> bool {
        // A line end is a token only where each line is a text.
        at == self.text.len() || self.byte(at) == b'\n'
    }

    /// The value that starts at the next token, which must be all there is; and the offset of the token after it.
    #[inline(always)]
    unsafe fn value(&mut self, query: &mut Query<'_>) -> Result<(Kind, usize), usize> {
        // Whose members are being read: 0 no one's, 1 those of the top value, 2 those of the one the query goes within.
        let mut level = 0;
        let mut opened = [0; 2];
        let mut at = unsafe { self.step() };
        'value: loop {
            let mut start = at;
            let mut kind = match self.byte(at) {
                b'"' => {
                    at = unsafe { self.step() };
                    Kind::String
                }
                b'{' if level == 0 || query.is_within(level) => {
                    opened[level] = at;
                    level += 1;
                    at = unsafe { self.step() };
                    if self.byte(at) != b'}' {
                        at = unsafe { self.key(at, level, query)? };
                        continue 'value;
                    }
                    level -= 1;
                    at = unsafe { self.step() };
                    Kind::Object
                }
                bracket @ (b'{' | b'[') => {
                    at = unsafe { self.container(at, level)? };
                    if bracket == b'{' { Kind::Object } else { Kind::Array }
                }
                _ => {
                    let (kind, next) = unsafe { self.literal(at)? };
                    at = next;
                    kind
                }
            };
            // Here a value is over, and `at` is the offset of the next token.
            loop {
                if level == 0 {
                    return if self.ends(at) { Ok((kind, at)) } else { Err(at) };
                }
                if let Some(slot) = query.wanted(level) {
                    query.set(slot, kind, start, self.trimmed(start, at));
                }
                match self.byte(at) {
                    b',' => {
                        at = unsafe { self.step() };
                        at = unsafe { self.key(at, level, query)? };
                        continue 'value;
                    }
                    b'}' => {
                        level -= 1;
                        start = opened[level];
                        kind = Kind::Object;
                        at = unsafe { self.step() };
                    }
                    _ => return Err(at),
                }
            }
        }
    }

    /// The key at `at`, of a member that may be asked for; gives the offset of its value.
    #[inline(always)]
    unsafe fn key(&mut self, at: usize, level: usize, query: &mut Query<'_>) -> Step {
        let colon = unsafe { self.colon(at)? };
        // Between a string and a colon that is the next token there is only whitespace.
        let end = self.trimmed(at, colon);
        query.key(level, self.text, at + 1, end - 1);
        Ok(unsafe { self.step() })
    }

    /// Behind the key at `at`.
    #[inline(always)]
    unsafe fn colon(&mut self, at: usize) -> Step {
        if self.byte(at) != b'"' {
            return Err(at);
        }
        let colon = unsafe { self.step() };
        if self.byte(colon) == b':' { Ok(colon) } else { Err(colon) }
    }

    /// The number or word at `at`: its kind, and the offset of the next token.
    #[inline(always)]
    unsafe fn literal(&mut self, at: usize) -> Result<(Kind, usize), usize> {
        let kind = literal::kind(self.byte(at));
        let end = literal::end(self.text, at).ok_or(at)?.get();
        // What follows is a token of its own, except what runs on without a break.
        let over = matches!(self.byte(end), b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        if over || end == self.text.len() { Ok((kind, unsafe { self.step() })) } else { Err(at) }
    }

    /// The token after the array or object at `at`, in which nothing is asked for; it is itself nested `level` deep.
    #[inline(always)]
    unsafe fn container(&mut self, mut at: usize, level: usize) -> Step {
        let mut depth = level;
        // 1 an object, 0 an array, the innermost lowest.
        let mut open: u128 = 0;
        'open: loop {
            if depth == MAX_DEPTH {
                return Err(at);
            }
            depth += 1;
            let bracket = self.byte(at);
            let mut object = bracket == b'{';
            open = open << 1 | u128::from(object);
            at = unsafe { self.step() };
            // '}' and ']' are both two above their opening bracket.
            let mut empty = self.byte(at) == bracket + 2;
            loop {
                if !empty {
                    if object {
                        unsafe { self.colon(at)? };
                        at = unsafe { self.step() };
                    }
                    match self.byte(at) {
                        b'"' => at = unsafe { self.step() },
                        b'{' | b'[' => continue 'open,
                        _ => (_, at) = unsafe { self.literal(at)? },
                    }
                }
                empty = false;
                // Here a value is over, or one without elements is about to be.
                loop {
                    match self.byte(at) {
                        b',' => break,
                        b'}' if object => {}
                        b']' if !object => {}
                        _ => return Err(at),
                    }
                    at = unsafe { self.step() };
                    depth -= 1;
                    if depth == level {
                        return Ok(at);
                    }
                    open >>= 1;
                    object = open & 1 == 1;
                }
                at = unsafe { self.step() };
            }
        }
    }

    /// `end`, or before the whitespace that precedes it.
    #[inline(always)]
    fn trimmed(&self, start: usize, end: usize) -> usize {
        let text = self.text;
        let mut end = end.min(text.len());
        // Nothing else that is not above a space can come between a value and the next token.
        while end > start && text[end - 1] <= b' ' {
            end -= 1;
        }
        end
    }
}
