//! Closer looks at blocks that hold something unusual: are their escapes and their UTF-8 right?
#![allow(unsafe_code)]

use super::constants::Constants;
use super::vector::{Block, Vector, bits};

/// What `\u` escapes of the block before ask of this one, each as a bitmap of that block.
#[derive(Clone, Copy, Default)]
pub(super) struct Units {
    /// The `u`s.
    escapes: u64,
    /// First digits that are `d`: of surrogates, perhaps.
    d: u64,
    /// Second digits of high surrogates.
    high: u64,
}

impl Units {
    /// Which bytes break an escape that starts before this block or in it. `unusual` are those after a backslash
    /// inside a string, but for quotes and the [usual](Constants::usual).
    #[inline(always)]
    pub(super) unsafe fn escapes<V: Vector>(
        &mut self,
        c: &Constants<V>,
        block: Block<V>,
        unusual: u64,
    ) -> u64 {
        // SAFETY: upheld by the caller.
        unsafe {
            let before = *self;
            let zero = V::splat(0);
            let classes = block
                .map(|v| c.escape_lower.look_up(v.and(c.half)).and(c.escape_upper.look_up(v.upper(c.half))));
            let mut broken = unusual & bits(classes.map(|v| v.and(c.half).eq(zero)));
            let escapes = unusual & bits(block.map(|v| v.eq(c.u)));
            *self = Self { escapes, ..Self::default() };
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
            self.d = first & bits(lower.map(|v| v.eq(c.d)));
            if self.d | before.d | before.high != 0 {
                // A unit is a surrogate by its first two digits: high from d8 to db, low from dc to df.
                let second = behind(1, self.d, before.d);
                let (a, b) = (V::splat(b'a'), V::splat(b'b'));
                let (eight, nine) = (V::splat(b'8'), V::splat(b'9'));
                let ab = bits(lower.map(|v| v.eq(a).or(v.eq(b))));
                let letters = !bits(classes.map(|v| v.and(c.space).eq(zero)));
                let high = second & (ab | bits(block.map(|v| v.eq(eight).or(v.eq(nine)))));
                let low = second & letters & !ab;
                // Behind the digits of a high one there must be a `\u`, then a low one, which may be nowhere
                // else. The `u` is asked for by itself so that what is found broken first is never after the
                // line: the string may end after the digits.
                broken |= behind(4, high, before.high) & !escapes;
                broken |= behind(6, high, before.high) ^ low;
                self.high = high;
            }
            broken
        }
    }

    /// Whether anything is asked of the next block.
    #[inline(always)]
    fn due(self) -> bool {
        self.escapes >> 60 | self.d >> 63 | self.high >> 58 != 0
    }
}

/// Which bytes show that this block, after those `before`, is not UTF-8: the method of Keiser and Lemire ("Validating
/// UTF-8 in less than one instruction per byte"). Whether the last character is complete shows in the next block.
#[inline(always)]
pub(super) unsafe fn utf8<V: Vector>(c: &Constants<V>, [v0, v1, v2, v3]: Block<V>, before: V) -> u64 {
    // SAFETY: upheld by the caller.
    unsafe {
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
        let broken = [wrong(v0, before), wrong(v1, v0), wrong(v2, v1), wrong(v3, v2)];
        let [b0, b1, b2, b3] = broken;
        let zero = V::splat(0);
        if !all_zero(b0.or(b1).or(b2.or(b3))) { !bits(broken.map(|v| v.eq(zero))) } else { 0 }
    }
}

/// Which bytes are control characters.
#[inline(always)]
pub(super) unsafe fn controls<V: Vector>(c: &Constants<V>, block: Block<V>) -> u64 {
    // SAFETY: upheld by the caller.
    unsafe {
        let zero = V::splat(0);
        // What is less than a space, as a signed number, and not below 0.
        let found = block.map(|v| v.less(c.space).xor(v.less(zero)));
        let [a, b, third, d] = found;
        if any(a.or(b).or(third.or(d))) { bits(found) } else { 0 }
    }
}

/// Whether the top bit of any byte is set.
#[inline(always)]
unsafe fn any<V: Vector>(v: V) -> bool {
    // SAFETY: upheld by the caller.
    unsafe { v.top_bits() != 0 }
}

#[inline(always)]
unsafe fn all_zero<V: Vector>(v: V) -> bool {
    // SAFETY: upheld by the caller.
    unsafe { v.eq(V::splat(0)).top_bits() == 0xFFFF }
}
