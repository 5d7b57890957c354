//! The constants of the bitmaps, and the tables by which halves of bytes are looked up.
#![allow(unsafe_code)]

use super::vector::Vector;

/// The constants of the bitmaps that most blocks need.
pub(super) struct Constants<V> {
    pub(super) space: V,
    pub(super) quote: V,
    pub(super) backslash: V,
    /// By lower half, what nearly all escapes have after the backslash: there is nothing to check about them. (`b` has the
    /// lower half of `r`, so it is not among them, nor is the quote, which needs no more than its bitmap.)
    pub(super) usual: V,
    /// By lower half, the whitespace.
    pub(super) spaces: V,
    /// By lower half, `{}[]:,` with the bit of the space set.
    pub(super) operators: V,
    pub(super) u: V,
    pub(super) d: V,
    pub(super) half: V,
    pub(super) hex: V,
    pub(super) escape_lower: V,
    pub(super) escape_upper: V,
    pub(super) first_upper: V,
    pub(super) first_lower: V,
    pub(super) second_upper: V,
    pub(super) third: V,
    pub(super) fourth: V,
    pub(super) top: V,
}

impl<V: Vector> Constants<V> {
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // V8 rebuilds a constant each time it is used, by three or four instructions. What it does not know to be
        // one it keeps; and for the compiler not to know it, it must seem to come from anywhere.
        let tables = std::hint::black_box(&TABLES);
        // SAFETY: each table is 16 bytes; the rest is upheld by the caller.
        let table = |at: usize| unsafe { V::load(tables[at].as_ptr()) };
        Self {
            space: table(0),
            quote: table(1),
            backslash: table(2),
            usual: table(3),
            u: table(4),
            d: table(5),
            half: table(6),
            hex: table(7),
            escape_lower: table(8),
            escape_upper: table(9),
            first_upper: table(10),
            first_lower: table(11),
            second_upper: table(12),
            third: table(13),
            fourth: table(14),
            top: table(15),
            spaces: table(16),
            operators: table(17),
        }
    }
}

static TABLES: [[u8; 16]; 18] = [
    [b' '; 16],
    [b'"'; 16],
    [b'\\'; 16],
    USUAL,
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
    SPACES,
    OPERATORS,
];

#[rustfmt::skip]
const USUAL: [u8; 16] = [
    // No byte has the lower half of the slot it is in, so none is equal to it.
    1, 0, b'r', 0, b't', 0, b'f', 0, 0, 0, 0, 0, b'\\', 0, b'n', b'/',
];

const OPERATORS: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b':', b'{', b',', b'}', 0, 0];

const SPACES: [u8; 16] = [b' ', 0, 0, 0, 0, 0, 0, 0, 0, b'\t', b'\n', 0, 0, b'\r', 0, 0];

/// What may follow a backslash, by upper half: 2 `"/` 1, 5 `\` 2, 6 `bfn` 4, 7 `rtu` 8; hexadecimal digits: 3 16,
/// 4 and 6 32.
#[rustfmt::skip]
const ESCAPE_LOWER: [u8; 16] = [
    16, 16 | 32, 1 | 4 | 8 | 16 | 32, 16 | 32, 8 | 16 | 32, 8 | 16 | 32, 4 | 16 | 32, 16,
    16, 16, 0, 0, 2, 0, 4, 1,
];
#[rustfmt::skip]
const ESCAPE_UPPER: [u8; 16] = [0, 0, 1, 16, 32, 2, 4 | 32, 8, 0, 0, 0, 0, 0, 0, 0, 0];

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
