//! Sixty-four bytes at once, after simdjson: bitmaps of what is quote, string and structure, without a branch
//! for each character. Gives out the offsets where the walk must look: `{}[]:,` and line ends outside strings,
//! quotes that open a string, and the first byte of whatever else is there: the starts of tokens. (The end of a
//! string is not among them: what comes next shows it.) Escapes, control characters in strings and UTF-8 are checked on the way,
//! each only in blocks that have such bytes.
//!
//! Which blocks have them is unpredictable, and a mispredicted branch costs as much as a block. So there is no branch
//! for each block either: one loop goes over a row of blocks and notes which need what, then each of the others goes
//! over those noted for it, while the row is still in the L1 cache.
#![allow(unsafe_code)]

use super::checks::{Units, controls, utf8};
use super::constants::Constants;
use super::vector::{Vector, Work, bits};

/// Bytes of a block: one bit of a `u64` each.
const BLOCK: usize = 64;
/// Blocks of a row: one bit of a `u32` each.
const ROW: usize = 32;
const EVERY_OTHER: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// The offset given out where the text turned out to be broken, after everything that could be read.
pub(super) const BROKEN: usize = usize::MAX;

/// The offsets of a text's tokens, in order.
///
/// Its methods are `unsafe` because those of [`Vector`] are, and for the same reason only.
pub(in crate::json::scan) struct Offsets<'a, V> {
    pub(super) text: &'a [u8],
    /// What is a token outside strings besides the operators: the line end, or one of them again.
    line_end: u8,
    state: State<V>,
    /// Where the next row starts; beyond the text when none is left.
    next_row: usize,
    /// The first byte of which no structure shows that it is wrong: in an escape, a control character, in UTF-8.
    broken_at: usize,
    row: Row,
    /// Blocks of the current row, where it starts, and those with tokens that were not given out yet.
    blocks: usize,
    base: usize,
    ready: u32,
}

/// What carries over from one row to the next.
#[derive(Clone, Copy)]
struct State<V> {
    /// 1 if its first byte is escaped.
    escaped: u64,
    /// 1 if what is before it ends in a number or word.
    in_literal: u64,
    units: Units,
    /// The last 16 bytes before it.
    before: V,
}

/// Bitmaps of the blocks of a row, from index 1; at 0 those of the block before it.
struct Row {
    /// Which blocks have control characters or bytes above 0x7F, one bit each.
    odd: u32,
    /// Whether the block before the row is one.
    odd_before: bool,
    /// From an opening quote to before the closing one.
    in_string: [u64; ROW + 1],
    /// What is escaped in strings, but for quotes and the [usual](Constants::usual).
    unusual: [u64; ROW + 1],
    /// From index 0.
    offsets: [u64; ROW],
}

/// Which blocks of a row need more than [`Row::strings`], one bit each.
struct Todo {
    odd: u32,
    unusual: u32,
    structure: u32,
}

impl<'a, V: Vector> Offsets<'a, V> {
    /// With `lines`, the line ends outside strings are tokens, and inside them they break the text.
    pub(super) unsafe fn new(text: &'a [u8], lines: bool) -> Self {
        const NONE: [u64; ROW + 1] = [0; ROW + 1];
        Self {
            text,
            line_end: if lines { b'\n' } else { b',' },
            // SAFETY: upheld by the caller.
            state: unsafe { State::new() },
            next_row: 0,
            broken_at: BROKEN,
            row: Row { odd: 0, odd_before: false, in_string: NONE, unusual: NONE, offsets: [0; ROW] },
            blocks: 0,
            base: 0,
            ready: 0,
        }
    }

    /// Resets the state and goes on at `at`, which no string or line extends into.
    #[cold]
    pub(super) unsafe fn restart(&mut self, at: usize) {
        // SAFETY: upheld by the caller.
        self.state = unsafe { State::new() };
        (self.next_row, self.broken_at, self.ready) = (at, BROKEN, 0);
        self.blocks = 0;
        (self.row.in_string[0], self.row.unusual[0], self.row.odd) = (0, 0, 0);
    }

    /// Whether the text is one of lines.
    pub(super) fn in_lines(&self) -> bool {
        self.line_end == b'\n'
    }

    /// The first byte found broken, if the last offset given out was [`BROKEN`].
    pub(super) fn broken_at(&self) -> usize {
        self.broken_at
    }

    /// The next block that has a token: the bitmap of its tokens, and where it starts. At the end of the text one
    /// offset: its length, or [`BROKEN`].
    #[inline(always)]
    pub(super) unsafe fn next_block(&mut self) -> (u64, usize) {
        if self.ready == 0 {
            // SAFETY: upheld by the caller.
            unsafe { V::compiled(self) };
        }
        let block = self.ready.trailing_zeros() as usize % ROW;
        self.ready &= self.ready.wrapping_sub(1);
        (self.row.offsets[block], self.base.wrapping_add(block * BLOCK))
    }
}

impl<V: Vector> Work for Offsets<'_, V> {
    /// Reads on until a block has a token, or the text is at its end: then that is one.
    #[inline(always)]
    unsafe fn work(&mut self) {
        let text = self.text;
        while self.ready == 0 {
            let at = self.next_row;
            let Some(rest) = text.get(at..) else {
                self.row.offsets[0] = 1;
                self.base = if self.broken_at == BROKEN { text.len() } else { BROKEN };
                self.ready = 1;
                return;
            };
            self.base = at;
            let whole = ROW.min(rest.len() / BLOCK) & !1;
            // The last blocks are filled up with spaces, which end numbers and words and break characters. There are
            // always two, if only of spaces.
            let mut last = [b' '; 2 * BLOCK];
            let from = if whole > 0 {
                rest.as_ptr()
            } else {
                last[..rest.len()].copy_from_slice(rest);
                last.as_ptr()
            };
            self.next_row = if whole > 0 { at + whole * BLOCK } else { BROKEN };
            // SAFETY: that many blocks are there; the rest is upheld by the caller.
            unsafe { self.read(from, whole.max(2)) };
            if whole == 0 && self.row.in_string[2] >> 63 != 0 {
                self.broken_at = self.broken_at.min(text.len());
            }
            if self.broken_at != BROKEN {
                // What follows no longer counts.
                self.next_row = BROKEN;
                let (block, byte) = ((self.broken_at - at) / BLOCK, (self.broken_at - at) % BLOCK);
                self.ready &= ((2u64 << block) - 1) as u32;
                if self.ready >> block & 1 == 1 {
                    self.row.offsets[block] &= (1 << byte) - 1;
                    self.ready &= !(u32::from(self.row.offsets[block] == 0) << block);
                }
            }
        }
    }
}

impl<V: Vector> Offsets<'_, V> {
    /// Reads `blocks` blocks at `from`, all of whose bytes must be readable.
    #[inline(always)]
    unsafe fn read(&mut self, from: *const u8, blocks: usize) {
        // SAFETY of all that follows: the blocks are readable, and so are the 16 bytes before each but the first; the
        // rest is upheld by the caller.
        let row = &mut self.row;
        let load = |block: usize| unsafe {
            let from = from.add(block * BLOCK);
            [V::load(from), V::load(from.add(16)), V::load(from.add(32)), V::load(from.add(48))]
        };
        let c = unsafe { Constants::<V>::new() };
        let mut state = self.state;
        row.follow(self.blocks);
        self.blocks = blocks;
        row.odd = unsafe { row.quotes(&c, from, blocks, &mut state.escaped) };
        let mut todo = unsafe { row.strings::<V>(blocks) };
        let mut broken_at = BROKEN;
        let mut broken = |block: usize, bytes: u64| {
            if bytes != 0 {
                broken_at = broken_at.min(self.base + block * BLOCK + bytes.trailing_zeros() as usize);
            }
        };

        while todo.odd != 0 {
            let block = todo.odd.trailing_zeros() as usize % ROW;
            todo.odd &= todo.odd - 1;
            let bytes = load(block);
            let before =
                if block == 0 { state.before } else { unsafe { V::load(from.add(block * BLOCK - 16)) } };
            unsafe {
                broken(block, controls(&c, bytes) & row.in_string[block + 1] | utf8(&c, bytes, before));
            }
        }

        let mut last = BROKEN;
        while todo.unusual != 0 {
            let block = todo.unusual.trailing_zeros() as usize % ROW;
            todo.unusual &= todo.unusual - 1;
            if block != last.wrapping_add(1) {
                // No block between has an escape that reaches into this one.
                state.units = Units::default();
            }
            last = block;
            broken(block, unsafe { state.units.escapes(&c, load(block), row.unusual[block + 1]) });
        }
        if last.wrapping_add(1) != blocks {
            state.units = Units::default();
        }

        let mut last = BROKEN;
        let mut ready = 0;
        let line_end = unsafe { V::splat(self.line_end) };
        while todo.structure != 0 {
            let block = todo.structure.trailing_zeros() as usize % ROW;
            todo.structure &= todo.structure - 1;
            let in_string = row.in_string[block + 1];
            let outside = !in_string;
            let quotes = in_string ^ (in_string << 1 | row.in_string[block] >> 63);
            let bytes = load(block);
            let (operators, spaces) = unsafe {
                let halves = bytes.map(|v| v.and(c.half));
                let operators = std::array::from_fn(|i| {
                    // Braces differ from brackets in one bit, which is set in `:` and `,` too. Two control characters, 0x1A
                    // and 0x0C, become these when it is set; as a token or after a number the walk refuses them.
                    let operator = c.operators.look_up(halves[i]).eq(bytes[i].or(c.space));
                    operator.or(bytes[i].eq(line_end))
                });
                let spaces = std::array::from_fn(|i| c.spaces.look_up(halves[i]).eq(bytes[i]));
                (bits(operators), bits(spaces))
            };
            // Whatever else stands outside strings is taken for a number or word: where it is none, the walk refuses it.
            let literal = outside & !(operators | spaces | quotes);
            let in_literal = if block == last.wrapping_add(1) { state.in_literal } else { 0 };
            let starts = literal & !(literal << 1 | in_literal);
            state.in_literal = literal >> 63;
            last = block;
            let offsets = operators & outside | quotes & in_string | starts;
            row.offsets[block] = offsets;
            ready |= u32::from(offsets != 0) << block;
        }
        if last.wrapping_add(1) != blocks {
            state.in_literal = 0;
        }

        state.before = unsafe { V::load(from.add(blocks * BLOCK - 16)) };
        self.ready = ready;
        self.broken_at = broken_at;
        self.state = state;
    }
}

impl<V: Vector> State<V> {
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: upheld by the caller.
        Self { escaped: 0, in_literal: 0, units: Units::default(), before: unsafe { V::splat(0) } }
    }
}

impl Row {
    /// A new row begins, after one of `blocks` blocks.
    #[inline(always)]
    fn follow(&mut self, blocks: usize) {
        for bitmaps in [&mut self.in_string, &mut self.unusual] {
            bitmaps[0] = bitmaps[blocks];
        }
        self.odd_before = blocks > 0 && self.odd >> (blocks - 1) & 1 == 1;
        self.odd = 0;
    }

    /// `in_string` and `unusual` of the first `blocks` blocks, two by two.
    #[inline(always)]
    fn pairs(&mut self, blocks: usize) -> impl Iterator<Item = (&mut [u64; 2], &mut [u64; 2])> {
        let (in_string, _) = self.in_string[1..].as_chunks_mut::<2>();
        let (unusual, _) = self.unusual[1..].as_chunks_mut::<2>();
        in_string.iter_mut().zip(unusual).take(blocks / 2)
    }

    /// The quotes of each block that open or close a string, for now in `in_string`, and what may need a closer look.
    /// Gives out which blocks are odd.
    #[inline(always)]
    unsafe fn quotes<V: Vector>(
        &mut self,
        c: &Constants<V>,
        from: *const u8,
        blocks: usize,
        escaped: &mut u64,
    ) -> u32 {
        let mut odd_blocks = 0;
        let mut first = *escaped;
        let mut at = from;
        for (in_string, unusual) in self.pairs(blocks) {
            // SAFETY: the blocks are readable; the rest is upheld by the caller.
            let odd = [0, 1].map(|i| unsafe {
                let bytes = [V::load(at), V::load(at.add(16)), V::load(at.add(32)), V::load(at.add(48))];
                at = at.add(BLOCK);
                let quotes = bits(bytes.map(|v| v.eq(c.quote)));
                let backslashes = bits(bytes.map(|v| v.eq(c.backslash)));
                let usual = bits(bytes.map(|v| c.usual.look_up(v.and(c.half)).eq(v)));
                let escaped = find_escaped(backslashes, &mut first);
                in_string[i] = quotes & !escaped;
                unusual[i] = escaped & !(quotes | usual);
                // Bytes are compared as signed numbers, so those above 0x7F are less too. If any is, the sign is set.
                let [a, b, third, d] = bytes;
                (a.min(b).min(third.min(d)).less(c.space).top_bits() as u32).wrapping_neg()
            });
            odd_blocks = odd_blocks >> 2 | odd[0] >> 31 << 30 | odd[1] & 1 << 31;
        }
        *escaped = first;
        odd_blocks >> (ROW - blocks)
    }

    /// From the quotes of all blocks, what is inside strings and what is not; and which blocks need what else.
    #[inline(always)]
    unsafe fn strings<V: Vector>(&mut self, blocks: usize) -> Todo {
        // The last bytes of the block before may be a character whose other bytes begin this one.
        let odd = self.odd | self.odd << 1 | u32::from(self.odd_before);
        // All ones if the block before ends inside a string; and what is unusual in it.
        let mut before = 0u64.wrapping_sub(self.in_string[0] >> 63);
        let mut unusual_before = self.unusual[0];
        let (mut unusual_blocks, mut within) = (0, 0);
        for (in_string, unusual) in self.pairs(blocks) {
            // SAFETY: two bitmaps are 16 bytes; the rest is upheld by the caller.
            let prefixes = unsafe { V::load(in_string.as_ptr().cast()).prefix_xor() };
            for (i, prefix) in prefixes.into_iter().enumerate() {
                // A block without quotes is all in a string or not at all; in one, it has no structure.
                within = within >> 1 | u32::from(prefix == 0) << 31 & before as u32;
                let inside = prefix ^ before;
                before = 0u64.wrapping_sub(inside >> 63);
                in_string[i] = inside;
                // Outside strings a backslash is a token, and the walk refuses it.
                unusual[i] &= inside;
                // An escape at the end of the block before may have its digits, or the other half of its pair, in this one.
                let some = unusual[i] | unusual_before >> 56 != 0;
                unusual_blocks = unusual_blocks >> 1 | u32::from(some) << 31;
                unusual_before = unusual[i];
            }
        }
        let row = u32::MAX >> (ROW - blocks);
        Todo {
            odd: odd & row,
            unusual: unusual_blocks >> (ROW - blocks),
            structure: !(within >> (ROW - blocks)) & row,
        }
    }
}

/// The bytes after a backslash that is not itself escaped; `first` is 1 if the first byte is one, and is set for the
/// next block.
#[inline(always)]
fn find_escaped(backslashes: u64, first: &mut u64) -> u64 {
    // A row of backslashes at the end of a block ends with one that escapes if their number is odd; what is before them
    // says nothing, unless they are all of it. So blocks need not wait for each other.
    let at_end = u64::from(backslashes.leading_ones());
    let before = std::mem::replace(first, at_end & 1 | *first & at_end >> 6);
    // A subtraction runs through each row of backslashes and leaves every second of them; simdjson explains it at length.
    let may_escape = backslashes & !before;
    let may_be_escaped = may_escape << 1;
    let codes = (may_be_escaped | EVERY_OTHER).wrapping_sub(may_escape) ^ EVERY_OTHER;
    codes ^ (backslashes | before)
}
