//! Sixty-four bytes at once, after simdjson: bitmaps of what is quote, string and structure, without a branch
//! for each character. Gives out the places where the walk must look: `{}[]:,` and line ends outside strings,
//! quotes that open a string, and the first byte of whatever else stands there. (Where a string ends is no
//! place: what comes next shows it.) Escapes, control characters in strings and UTF-8 are checked on the way,
//! each only in blocks that have such bytes.
#![allow(unsafe_code)]

use super::vector::Vector;

/// Bytes of a block: one bit of a `u64` each.
const BLOCK: usize = 64;
/// Blocks with places that are read before the walk goes on with them.
const AHEAD: usize = 32;
const EVERY_OTHER: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// The place behind everything that could be read, where the text turned out to be broken.
pub(super) const BROKEN: usize = usize::MAX;

/// The places of a text, in order.
///
/// Its methods are `unsafe` because those of [`Vector`] are, and for the same reason only.
pub(super) struct Places<'a, V> {
    pub(super) text: &'a [u8],
    /// All ones if line ends outside strings are places.
    line_ends: u64,
    /// Where the next block to read starts; beyond the text when none is left.
    next_block: usize,
    state: State<V>,
    /// The first byte of which no structure shows that it is wrong: in an escape, a control character, in UTF-8.
    broken_at: usize,
    /// Blocks read and not given out yet: their places, and where they start.
    ahead: [(u64, usize); AHEAD],
    given: usize,
    count: usize,
}

/// What a block must know of those before it.
#[derive(Clone, Copy)]
struct State<V> {
    /// All ones if it starts inside a string.
    in_string: u64,
    /// 1 if its first byte is escaped.
    escaped: u64,
    /// 1 if the block before ended in a number or word.
    in_literal: u64,
    units: Units,
    /// The last bytes of the block before.
    before: V,
    /// The block before ended within a character.
    due_continuation: bool,
}

/// What `\u` escapes of the block before ask of this one, each as a bitmap of that block.
#[derive(Clone, Copy, Default)]
struct Units {
    /// The `u`s.
    escapes: u64,
    /// First digits that are `d`: of surrogates, perhaps.
    d: u64,
    /// Second digits of high surrogates.
    high: u64,
}

/// 64 bytes in registers.
type Block<V> = [V; 4];

impl<'a, V: Vector> Places<'a, V> {
    /// With `lines`, the ends of lines outside strings are places, and inside them they break the text.
    pub(super) unsafe fn new(text: &'a [u8], lines: bool) -> Self {
        Self {
            text,
            line_ends: if lines { u64::MAX } else { 0 },
            next_block: 0,
            // SAFETY: as our own caller says.
            state: unsafe { State::new() },
            broken_at: BROKEN,
            ahead: [(0, 0); AHEAD],
            given: 0,
            count: 0,
        }
    }

    /// Forgets everything and goes on at `at`, which no string or line reaches into.
    #[cold]
    pub(super) unsafe fn restart(&mut self, at: usize) {
        // SAFETY: as our own caller says.
        self.state = unsafe { State::new() };
        (self.next_block, self.broken_at, self.given, self.count) = (at, BROKEN, 0, 0);
    }

    /// The first byte found broken, if the last place given out was [`BROKEN`].
    pub(super) fn broken_at(&self) -> usize {
        self.broken_at
    }

    /// The next block that has a place: its places, and where it starts. At the end of the text one place: its
    /// length, or [`BROKEN`].
    #[inline(always)]
    pub(super) unsafe fn next_block(&mut self) -> (u64, usize) {
        if self.given == self.count {
            // SAFETY: as our own caller says.
            unsafe { V::read_ahead(self) };
        }
        let next = self.ahead[self.given % AHEAD];
        self.given += 1;
        next
    }

    /// Reads blocks until enough have a place, or the text is at its end: then that is one. Only for
    /// [`Vector::read_ahead`].
    #[inline(always)]
    pub(super) unsafe fn read_ahead(&mut self) {
        let (text, line_ends) = (self.text, self.line_ends);
        let mut at = self.next_block;
        let mut state = self.state;
        let mut count = 0;
        // SAFETY: as our own caller says.
        unsafe {
            let c = Constants::<V>::new();
            while count < AHEAD {
                let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { break };
                let (mut places, broken) = match rest.first_chunk::<BLOCK>() {
                    Some(block) => state.block(&c, load(block), line_ends),
                    // The last block is filled up with spaces, which end numbers and words and break characters.
                    None => {
                        let mut last = [b' '; BLOCK];
                        last[..rest.len()].copy_from_slice(rest);
                        state.block(&c, load(&last), line_ends)
                    }
                };
                if broken != 0 {
                    let first = broken.trailing_zeros();
                    self.broken_at = at + first as usize;
                    places &= (1 << first) - 1;
                }
                self.ahead[count] = (places, at);
                count += usize::from(places != 0);
                at = if broken != 0 { BROKEN } else { at + BLOCK };
            }
        }
        if count == 0 {
            if self.broken_at == BROKEN && (state.in_string != 0 || state.due_continuation) {
                self.broken_at = text.len();
            }
            self.ahead[0] = (1, if self.broken_at == BROKEN { text.len() } else { BROKEN });
            count = 1;
        }
        self.next_block = at;
        self.state = state;
        self.given = 0;
        self.count = count;
    }
}

impl<V: Vector> State<V> {
    #[inline(always)]
    unsafe fn new() -> Self {
        Self {
            in_string: 0,
            escaped: 0,
            in_literal: 0,
            units: Units::default(),
            // SAFETY: as our own caller says.
            before: unsafe { V::splat(0) },
            due_continuation: false,
        }
    }

    /// The places of the next block, and its bytes that are broken: at least the first one.
    #[inline(always)]
    unsafe fn block(&mut self, c: &Constants<V>, block: Block<V>, line_ends: u64) -> (u64, u64) {
        // SAFETY: as our own caller says.
        unsafe {
            let mut broken = 0;
            // Bytes are compared as signed numbers, so those above 0x7F are less too.
            let odd = bits(block.map(|v| v.less(c.space)));
            let mut high = 0;
            if odd != 0 || self.due_continuation {
                high = bits(block);
                if high != 0 || self.due_continuation {
                    broken = self.utf8(c, block);
                }
            }
            self.before = block[3];

            let all_quotes = bits(block.map(|v| v.eq(c.quote)));
            let backslashes = bits(block.map(|v| v.eq(c.backslash)));
            let escaped = self.find_escaped(backslashes);
            let quotes = all_quotes & !escaped;
            // From the opening quote to before the closing one.
            let in_string = V::prefix_xor(quotes) ^ self.in_string;
            self.in_string = 0u64.wrapping_sub(in_string >> 63);
            // Outside strings a backslash is a place, and the walk refuses it. Quotes and backslashes are most of
            // what is escaped, and need no closer look.
            let unusual = escaped & in_string & !(all_quotes | backslashes);
            if unusual != 0 || self.units.due() {
                broken |= self.escapes(c, block, unusual);
            }

            let mut places = 0;
            let outside = !in_string;
            if outside | quotes == 0 {
                self.in_literal = 0;
            } else {
                // Braces differ from brackets in one bit, which is set in `:` and `,` too.
                let operators = bits(block.map(|v| {
                    let brace = v.or(c.space);
                    let braces = brace.eq(c.open).or(brace.eq(c.close));
                    braces.or(v.eq(c.colon).or(v.eq(c.comma)))
                }));
                let spaces = bits(block.map(|v| v.eq(c.space)));
                let literal = outside & !(operators | spaces | odd | quotes);
                let starts = literal & !(literal << 1 | self.in_literal);
                self.in_literal = literal >> 63;
                places = operators & outside | quotes & in_string | starts;
            }
            if odd & (outside | !high) != 0 {
                let (tab, cr, lf) = (V::splat(b'\t'), V::splat(b'\r'), V::splat(b'\n'));
                let line_feeds = bits(block.map(|v| v.eq(lf)));
                let spaces = line_feeds | bits(block.map(|v| v.eq(tab).or(v.eq(cr))));
                broken |= odd & (in_string & !high | outside & !spaces);
                places |= line_ends & outside & line_feeds;
            }
            (places, broken)
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

    /// Which bytes break an escape that starts before this block or in it. `escaped` are those behind a backslash
    /// inside a string, but for quotes and backslashes.
    #[inline(always)]
    unsafe fn escapes(&mut self, c: &Constants<V>, block: Block<V>, escaped: u64) -> u64 {
        // SAFETY: as our own caller says.
        unsafe {
            let before = self.units;
            let unusual = escaped & !bits(block.map(|v| v.eq(c.n)));
            if unusual == 0 && !before.due() {
                self.units = Units::default();
                return 0;
            }
            let zero = V::splat(0);
            let classes = block.map(|v| {
                c.escape_lower.look_up(v.and(c.half)).and(c.escape_upper.look_up(v.upper(c.half)))
            });
            let mut broken = unusual & bits(classes.map(|v| v.and(c.half).eq(zero)));
            let escapes = unusual & bits(block.map(|v| v.eq(c.u)));
            self.units = Units { escapes, ..Units::default() };
            if escapes == 0 && !before.due() {
                return broken;
            }
            let behind = |by: u32, bits: u64, before: u64| bits << by | before >> (64 - by);
            let first = behind(1, escapes, before.escapes);
            let digits = first
                | behind(2, escapes, before.escapes)
                | behind(3, escapes, before.escapes)
                | behind(4, escapes, before.escapes);
            broken |= digits & bits(classes.map(|v| v.and(c.hex).eq(zero)));

            let lower = block.map(|v| v.or(c.space));
            self.units.d = first & bits(lower.map(|v| v.eq(c.d)));
            if self.units.d | before.d | before.high != 0 {
                // A unit is a surrogate by its first two digits: high from d8 to db, low from dc to df.
                let second = behind(1, self.units.d, before.d);
                let (a, b) = (V::splat(b'a'), V::splat(b'b'));
                let (eight, nine) = (V::splat(b'8'), V::splat(b'9'));
                let ab = bits(lower.map(|v| v.eq(a).or(v.eq(b))));
                let letters = !bits(classes.map(|v| v.and(c.space).eq(zero)));
                let high = second & (ab | bits(block.map(|v| v.eq(eight).or(v.eq(nine)))));
                let low = second & letters & !ab;
                // Behind the digits of a high one there must be a `\u`, then a low one, which may stand nowhere
                // else. The `u` is asked for by itself so that what is found broken first is never behind the
                // line: the string may end after the digits.
                broken |= behind(4, high, before.high) & !escapes;
                broken |= behind(6, high, before.high) ^ low;
                self.units.high = high;
            }
            broken
        }
    }

    /// Which bytes show that this block, or the end of the one before, is not UTF-8: the method of Keiser and Lemire
    /// ("Validating UTF-8 in less than one instruction per byte").
    #[inline(always)]
    unsafe fn utf8(&mut self, c: &Constants<V>, block: Block<V>) -> u64 {
        // SAFETY: as our own caller says.
        unsafe {
            let [v0, v1, v2, v3] = block;
            let zero = V::splat(0);
            // Not 0 where the bytes, after those before, are wrong.
            let wrong = |bytes: V, before: V| {
                let one = bytes.earlier::<1>(before);
                let pair = (c.first_upper.look_up(one.upper(c.half)))
                    .and(c.first_lower.look_up(one.and(c.half)))
                    .and(c.second_upper.look_up(bytes.upper(c.half)));
                let third = bytes.earlier::<2>(before).minus(c.third);
                let fourth = bytes.earlier::<3>(before).minus(c.fourth);
                // Two continuation bytes in a row are wrong, except as a third or fourth byte, where one must be.
                third.or(fourth).and(c.top).xor(pair)
            };
            let broken = [wrong(v0, self.before), wrong(v1, v0), wrong(v2, v1), wrong(v3, v2)];
            // A character of four bytes may lack three, one of three two, one of two one.
            self.due_continuation = any(v3.minus(c.last));
            let [b0, b1, b2, b3] = broken;
            if any(b0.or(b1).or(b2.or(b3))) { !bits(broken.map(|v| v.eq(zero))) } else { 0 }
        }
    }
}

impl Units {
    /// Whether anything is asked of the next block.
    #[inline(always)]
    fn due(self) -> bool {
        self.escapes >> 60 | self.d >> 63 | self.high >> 58 != 0
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

/// Whether any bit is set.
#[inline(always)]
unsafe fn any<V: Vector>(v: V) -> bool {
    // SAFETY: as our own caller says.
    unsafe { v.eq(V::splat(0)).top_bits() != 0xFFFF }
}

/// The constants of the bitmaps that most blocks need.
struct Constants<V> {
    space: V,
    quote: V,
    backslash: V,
    open: V,
    close: V,
    colon: V,
    comma: V,
    n: V,
    u: V,
    d: V,
    half: V,
    hex: V,
    escape_lower: V,
    escape_upper: V,
    first_upper: V,
    first_lower: V,
    second_upper: V,
    third: V,
    fourth: V,
    top: V,
    last: V,
}

impl<V: Vector> Constants<V> {
    #[inline(always)]
    unsafe fn new() -> Self {
        // V8 makes a constant anew each time it is used, by three or four instructions. What it does not know to be
        // one it keeps; and for the compiler not to know it, it must seem to come from anywhere.
        let tables = std::hint::black_box(&TABLES);
        // SAFETY: each table is 16 bytes; the rest is as our own caller says.
        let table = |at: usize| unsafe { V::load(tables[at].as_ptr()) };
        Self {
            space: table(0),
            quote: table(1),
            backslash: table(2),
            open: table(3),
            close: table(4),
            colon: table(5),
            comma: table(6),
            n: table(7),
            u: table(8),
            d: table(9),
            half: table(10),
            hex: table(11),
            escape_lower: table(12),
            escape_upper: table(13),
            first_upper: table(14),
            first_lower: table(15),
            second_upper: table(16),
            third: table(17),
            fourth: table(18),
            top: table(19),
            last: table(20),
        }
    }
}

static TABLES: [[u8; 16]; 21] = [
    [b' '; 16],
    [b'"'; 16],
    [b'\\'; 16],
    [b'{'; 16],
    [b'}'; 16],
    [b':'; 16],
    [b','; 16],
    [b'n'; 16],
    [b'u'; 16],
    [b'd'; 16],
    [0x0F; 16],
    [0x30; 16],
    ESCAPE_LOWER,
    ESCAPE_UPPER,
    FIRST_UPPER,
    FIRST_LOWER,
    SECOND_UPPER,
    [0xE0 - 0x80; 16],
    [0xF0 - 0x80; 16],
    [0x80; 16],
    LAST,
];

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
