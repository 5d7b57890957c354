//! Sixty-four bytes at once, after simdjson: bitmaps of what is quote, string and structure, without a branch
//! for each character. Gives out the places where the walk must look: quotes, `{}[]:,` outside strings, and the
//! first byte of whatever else stands there. Escapes, control characters in strings and UTF-8 are checked on the
//! way, each only in blocks that have such bytes.
#![allow(unsafe_code)]

use super::vector::Vector;

/// Bytes of a block: one bit of a `u64` each.
const BLOCK: usize = 64;
const EVERY_OTHER: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// The places of a text, in order.
///
/// Its methods are `unsafe` because those of [`Vector`] are, and for the same reason only.
pub(super) struct Places<'a, V> {
    json: &'a [u8],
    /// Where the block after the current one starts.
    next_block: usize,
    /// Where the current one starts, and its places not given out yet.
    base: usize,
    places: u64,
    /// Something that no structure shows was wrong: an escape, a control character, UTF-8.
    broken: bool,
    /// All ones if the block before ended inside a string.
    in_string: u64,
    /// 1 if the first byte of the next block is escaped.
    escaped: u64,
    /// 1 if the block before ended in a number or word.
    in_literal: u64,
    /// Which first bytes of the next block must be digits of a `\u`; and 1 if the `u` is the last byte before.
    due_digits: u64,
    due_first_digit: u64,
    /// Where the first digit of a low surrogate must stand, because a high one stands before it.
    due_low: usize,
    /// The block before ended within a character.
    due_continuation: bool,
    of: std::marker::PhantomData<V>,
}

/// 64 bytes in registers.
type Block<V> = [V; 4];

impl<'a, V: Vector> Places<'a, V> {
    pub(super) fn new(json: &'a [u8]) -> Self {
        Self {
            json,
            next_block: 0,
            base: 0,
            places: 0,
            broken: false,
            in_string: 0,
            escaped: 0,
            in_literal: 0,
            due_digits: 0,
            due_first_digit: 0,
            due_low: usize::MAX,
            due_continuation: false,
            of: std::marker::PhantomData,
        }
    }

    /// The next place; the length of the text when there is none, or when the text turned out to be broken.
    #[inline(always)]
    pub(super) unsafe fn next(&mut self) -> usize {
        if self.places == 0 {
            // SAFETY: as our own caller says.
            unsafe { self.read() };
            if self.places == 0 {
                return self.json.len();
            }
        }
        let at = self.base + self.places.trailing_zeros() as usize;
        self.places &= self.places - 1;
        at
    }

    /// Whether there is no further place, and nothing was broken.
    #[inline(always)]
    pub(super) unsafe fn ended_well(&mut self) -> bool {
        // SAFETY: as our own caller says.
        unsafe { self.next() == self.json.len() && !self.broken }
    }

    /// Reads blocks until one has a place.
    #[inline(never)]
    unsafe fn read(&mut self) {
        // SAFETY: what `Vector` asks of callers is asked of ours; `load` is given 64 readable bytes each time, as
        // said there.
        unsafe {
            while self.places == 0 && !self.broken {
                let at = self.next_block;
                let Some(rest) = self.json.get(at..) else { return };
                self.base = at;
                let mut last = [b' '; BLOCK];
                let block = match rest.first_chunk::<BLOCK>() {
                    Some(whole) => {
                        self.next_block = at + BLOCK;
                        whole
                    }
                    // The last block is filled up with spaces, which end numbers and words and break characters.
                    None => {
                        self.next_block = usize::MAX;
                        last[..rest.len()].copy_from_slice(rest);
                        &last
                    }
                };
                self.block(load(block));
            }
            if self.broken {
                self.places = 0;
            }
        }
    }

    #[inline(always)]
    unsafe fn block(&mut self, block: Block<V>) {
        // SAFETY: as our own caller says.
        unsafe {
            let quote = V::splat(b'"');
            let backslash = V::splat(b'\\');
            let quotes = block.map(|v| v.eq(quote));
            let backslashes = block.map(|v| v.eq(backslash));
            let odd = block.map(|v| v.is_control_or_high());
            // Most blocks of long texts are neither: plain ASCII, or nothing that needs more than the UTF-8 check.
            let within_string = self.in_string != 0 && self.escaped | self.due_digits == 0;
            let special = any([
                quotes[0].or(backslashes[0]).or(odd[0]),
                quotes[1].or(backslashes[1]).or(odd[1]),
                quotes[2].or(backslashes[2]).or(odd[2]),
                quotes[3].or(backslashes[3]).or(odd[3]),
            ]);
            if within_string && !special && !self.due_continuation {
                return;
            }

            let mut broken = 0;
            let mut controls = 0;
            if any(odd) || self.due_continuation {
                broken |= self.utf8(block);
                controls = bits(block.map(|v| v.is_control()));
            }
            let backslashes = bits(backslashes);
            let mut quotes = bits(quotes);
            if backslashes | self.escaped | self.due_digits != 0 {
                let escaped = self.find_escaped(backslashes);
                // Most are line ends, quotes and backslashes, and need no closer look. What is broken here outside
                // a string is a place there, and the walk refuses it.
                let (n, t) = (V::splat(b'n'), V::splat(b't'));
                let usual = quotes | backslashes | bits(block.map(|v| v.eq(n).or(v.eq(t))));
                if escaped & !usual | self.due_digits != 0 {
                    broken |= self.escapes(block, escaped);
                }
                quotes &= !escaped;
            }
            if quotes == 0 && self.in_string != 0 {
                broken |= controls;
                self.in_literal = 0;
                self.places = 0;
            } else {
                let in_string = prefix_xor(quotes) ^ self.in_string;
                self.in_string = 0u64.wrapping_sub(in_string >> 63);
                broken |= controls & in_string;
                let (operators, spaces) = structure(block);
                let literal = !(in_string | operators | spaces | quotes);
                let starts = literal & !(literal << 1 | self.in_literal);
                self.in_literal = literal >> 63;
                self.places = (operators & !in_string) | quotes | starts;
            }
            self.broken |= broken != 0;
        }
    }

    /// The bytes behind a backslash that is not itself escaped.
    #[inline(always)]
    fn find_escaped(&mut self, backslashes: u64) -> u64 {
        // A subtraction runs through each row of backslashes and leaves every second of them; simdjson explains
        // it at length.
        let may_escape = backslashes & !self.escaped;
        let may_be_escaped = may_escape << 1;
        let codes = (may_be_escaped | EVERY_OTHER).wrapping_sub(may_escape) ^ EVERY_OTHER;
        let escaped = codes ^ (backslashes | self.escaped);
        self.escaped = (codes & backslashes) >> 63;
        escaped
    }

    /// Not 0 if an escape that starts before this block or in it is none of JSON's.
    #[inline(always)]
    unsafe fn escapes(&mut self, block: Block<V>, escaped: u64) -> u64 {
        // SAFETY: as our own caller says.
        unsafe {
            let classes = classes::<V>(block, &ESCAPE_LOWER, &ESCAPE_UPPER);
            let zero = V::splat(0);
            let simple = V::splat(0x0F);
            let no_escape = bits(classes.map(|v| v.and(simple).eq(zero)));
            let mut broken = escaped & no_escape;

            let u = V::splat(b'u');
            let us = bits(block.map(|v| v.eq(u))) & escaped;
            if us | self.due_digits != 0 {
                let hex = V::splat(0x30);
                let no_digit = bits(classes.map(|v| v.and(hex).eq(zero)));
                let digits = us << 1 | us << 2 | us << 3 | us << 4 | self.due_digits;
                broken |= digits & no_digit;
                let first = us << 1 | self.due_first_digit;
                self.due_digits = us >> 63 | us >> 62 | us >> 61 | us >> 60;
                self.due_first_digit = us >> 63;
                let (lower_case, d) = (V::splat(0x20), V::splat(b'd'));
                let mut surrogates = first & bits(block.map(|v| v.or(lower_case).eq(d)));
                while surrogates != 0 {
                    let at = self.base + surrogates.trailing_zeros() as usize;
                    surrogates &= surrogates - 1;
                    broken |= u64::from(!self.surrogate(at));
                }
            }
            broken
        }
    }

    /// Whether the unit whose first digit, a `d`, is at `at` is no surrogate or one in its place.
    #[inline(always)]
    fn surrogate(&mut self, at: usize) -> bool {
        let byte = |at: usize| self.json.get(at).copied().unwrap_or(0) | 0x20;
        match byte(at + 1) {
            b'8' | b'9' | b'a' | b'b' => {
                self.due_low = at + 6;
                self.json.get(at + 4..at + 6) == Some(b"\\u")
                    && byte(at + 6) == b'd'
                    && matches!(byte(at + 7), b'c'..=b'f')
            }
            b'c'..=b'f' => at == self.due_low,
            _ => true,
        }
    }

    /// Not 0 if this block, or the end of the one before, is not UTF-8.
    #[inline(always)]
    unsafe fn utf8(&mut self, block: Block<V>) -> u64 {
        // SAFETY: as our own caller says; the 16 bytes before `base` are there.
        unsafe {
            let before =
                if self.base == 0 { V::splat(0) } else { V::load(self.json.as_ptr().add(self.base - 16)) };
            let [a, b, c, d] = block;
            let broken = utf8(a, before).or(utf8(b, a)).or(utf8(c, b)).or(utf8(d, c));
            // A character of four bytes may lack three, one of three two, one of two one.
            let end = V::load(LAST.as_ptr());
            self.due_continuation = d.minus(end).eq(V::splat(0)).top_bits() != 0xFFFF;
            u64::from(broken.eq(V::splat(0)).top_bits() != 0xFFFF)
        }
    }
}

/// The 64 bytes. Their borrow shows that they are readable.
#[inline(always)]
unsafe fn load<V: Vector>(from: &[u8; BLOCK]) -> Block<V> {
    let from = from.as_ptr();
    // SAFETY: 4 × 16 bytes from `from` are readable; the rest is as our own caller says.
    unsafe { [V::load(from), V::load(from.add(16)), V::load(from.add(32)), V::load(from.add(48))] }
}

#[inline(always)]
unsafe fn bits<V: Vector>([a, b, c, d]: Block<V>) -> u64 {
    // SAFETY: as our own caller says.
    unsafe { a.top_bits() | b.top_bits() << 16 | c.top_bits() << 32 | d.top_bits() << 48 }
}

#[inline(always)]
unsafe fn any<V: Vector>([a, b, c, d]: Block<V>) -> bool {
    // SAFETY: as our own caller says.
    unsafe { a.or(b).or(c.or(d)).top_bits() != 0 }
}

/// Ones from each set bit to before the next.
#[inline(always)]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Looks each byte up by its lower and by its upper half: the classes both halves have in common.
#[inline(always)]
unsafe fn classes<V: Vector>(block: Block<V>, lower: &[u8; 16], upper: &[u8; 16]) -> Block<V> {
    // SAFETY: the tables are 16 bytes; the rest is as our own caller says.
    unsafe {
        let (lower, upper, half) = (V::load(lower.as_ptr()), V::load(upper.as_ptr()), V::splat(0x0F));
        block.map(|v| lower.look_up(v.and(half)).and(upper.look_up(v.upper())))
    }
}

/// Operators `{}[]:,` and whitespace.
#[inline(always)]
unsafe fn structure<V: Vector>(block: Block<V>) -> (u64, u64) {
    // SAFETY: as our own caller says.
    unsafe {
        let classes = classes(block, &STRUCTURE_LOWER, &STRUCTURE_UPPER);
        let (operators, spaces, zero) = (V::splat(0x07), V::splat(0x18), V::splat(0));
        (!bits(classes.map(|v| v.and(operators).eq(zero))), !bits(classes.map(|v| v.and(spaces).eq(zero))))
    }
}

/// By lower half: `,` 1, `:` 2, brackets and braces 4, space 8, tab and line ends 16.
#[rustfmt::skip]
const STRUCTURE_LOWER: [u8; 16] = [8, 0, 0, 0, 0, 0, 0, 0, 0, 16, 2 | 16, 4, 1, 4 | 16, 0, 0];
#[rustfmt::skip]
const STRUCTURE_UPPER: [u8; 16] = [16, 0, 1 | 8, 2, 0, 4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0];

/// What may follow a backslash, by upper half: 2 `"/` 1, 5 `\` 2, 6 `bfn` 4, 7 `rtu` 8; hexadecimal digits: 3 16,
/// 4 and 6 32.
#[rustfmt::skip]
const ESCAPE_LOWER: [u8; 16] = [
    16, 16 | 32, 1 | 4 | 8 | 16 | 32, 16 | 32, 8 | 16 | 32, 8 | 16 | 32, 4 | 16 | 32, 16,
    16, 16, 0, 0, 2, 0, 4, 1,
];
#[rustfmt::skip]
const ESCAPE_UPPER: [u8; 16] = [0, 0, 1, 16, 32, 2, 4 | 32, 8, 0, 0, 0, 0, 0, 0, 0, 0];

/// The largest last three bytes of a block that ends with a character.
#[rustfmt::skip]
const LAST: [u8; 16] =
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xF0 - 1, 0xE0 - 1, 0xC0 - 1];

/// Not 0 where the bytes, after those `before`, are not UTF-8: the method of Keiser and Lemire ("Validating UTF-8
/// in less than one instruction per byte"). Whether the last character is complete is not seen.
#[inline(always)]
unsafe fn utf8<V: Vector>(bytes: V, before: V) -> V {
    // SAFETY: the tables are 16 bytes; the rest is as our own caller says.
    unsafe {
        let half = V::splat(0x0F);
        let one = bytes.earlier::<1>(before);
        let wrong = V::load(FIRST_UPPER.as_ptr())
            .look_up(one.upper())
            .and(V::load(FIRST_LOWER.as_ptr()).look_up(one.and(half)))
            .and(V::load(SECOND_UPPER.as_ptr()).look_up(bytes.upper()));
        let third = bytes.earlier::<2>(before).minus(V::splat(0xE0 - 0x80));
        let fourth = bytes.earlier::<3>(before).minus(V::splat(0xF0 - 0x80));
        // Two continuation bytes in a row are wrong, except as a third or fourth byte, where one must be.
        third.or(fourth).and(V::splat(0x80)).xor(wrong)
    }
}

// What two bytes in a row may be, as seen from half of one of them.
const SHORT: u8 = 1; // a lead byte, then no continuation
const LONG: u8 = 2; // ASCII, then a continuation
const OVERLONG_3: u8 = 4;
const LARGE: u8 = 8; // above U+10FFFF
const SURROGATE: u8 = 16;
const OVERLONG_2: u8 = 32;
const LARGE_1000: u8 = 64; // above U+13FFFF
const OVERLONG_4: u8 = 64;
const TWO: u8 = 128; // two continuations
const ANY: u8 = SHORT | LONG | TWO;

#[rustfmt::skip]
const FIRST_UPPER: [u8; 16] = [
    LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, TWO, TWO, TWO, TWO,
    SHORT | OVERLONG_2, SHORT, SHORT | OVERLONG_3 | SURROGATE, SHORT | LARGE | LARGE_1000 | OVERLONG_4,
];
#[rustfmt::skip]
const FIRST_LOWER: [u8; 16] = [
    ANY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, ANY | OVERLONG_2, ANY, ANY, ANY | LARGE,
    ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000,
    ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000,
    ANY | LARGE | LARGE_1000 | SURROGATE, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000,
];
#[rustfmt::skip]
const SECOND_UPPER: [u8; 16] = [
    SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,
    LONG | OVERLONG_2 | TWO | OVERLONG_3 | LARGE_1000 | OVERLONG_4, LONG | OVERLONG_2 | TWO | OVERLONG_3 | LARGE,
    LONG | OVERLONG_2 | TWO | SURROGATE | LARGE, LONG | OVERLONG_2 | TWO | SURROGATE | LARGE,
    SHORT, SHORT, SHORT, SHORT,
];
