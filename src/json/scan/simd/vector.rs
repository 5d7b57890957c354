//! Sixteen bytes at once: the few instructions the scanner needs, on each machine that has them.
#![allow(unsafe_code)]

/// A register of 16 bytes.
///
/// Every method is `unsafe` for one reason, apart from what `load` says: it may be called only where the
/// instructions of the implementing type exist. `lines` checks that once, at its two entries.
pub(in crate::json::scan) trait Vector: Copy {
    /// The 16 bytes at `from`, at any alignment. All of them must be readable.
    unsafe fn load(from: *const u8) -> Self;
    /// 16 times the same byte.
    unsafe fn splat(byte: u8) -> Self;
    /// 0xFF where the bytes are equal, else 0.
    unsafe fn eq(self, other: Self) -> Self;
    /// 0xFF where the byte, as a signed number, is less than the other, else 0.
    unsafe fn less(self, other: Self) -> Self;
    /// The lesser of the bytes, as signed numbers.
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn or(self, other: Self) -> Self;
    unsafe fn and(self, other: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    /// Byte by byte, not below 0.
    unsafe fn minus(self, other: Self) -> Self;
    /// The upper half of each byte, as a number; `half` is 16 times 0x0F.
    unsafe fn upper(self, half: Self) -> Self;
    /// This table's entry for each byte of `index`, all of which are below 16.
    unsafe fn look_up(self, index: Self) -> Self;
    /// The bytes `N` positions earlier in the text: the last `N` of `before`, then our first.
    unsafe fn earlier<const N: usize>(self, before: Self) -> Self;
    /// The top bit of each byte, the first byte's lowest.
    unsafe fn top_bits(self) -> u64;
    /// In each of the two words: ones from each set bit to before the next.
    unsafe fn prefix_xor(self) -> [u64; 2];
    /// The work as a function of its own, compiled for these instructions.
    unsafe fn compiled(work: &mut impl Work);
}

/// What is done many times over with vectors, see [`Vector::compiled`].
pub(in crate::json::scan) trait Work {
    /// Does it, inlined into whoever calls.
    unsafe fn work(&mut self);
}

/// 64 bytes in registers.
pub(super) type Block<V> = [V; 4];

/// The top bit of each byte, the first byte's lowest.
#[inline(always)]
pub(super) unsafe fn bits<V: Vector>([a, b, c, d]: Block<V>) -> u64 {
    // SAFETY: upheld by the caller.
    unsafe { a.top_bits() | b.top_bits() << 16 | c.top_bits() << 32 | d.top_bits() << 48 }
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::{Vector, Work};
    use core::arch::wasm32::*;

    impl Vector for v128 {
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            // SAFETY: the caller says that 16 bytes are readable; the instruction asks no alignment.
            unsafe { v128_load(from.cast()) }
        }
        #[inline(always)]
        unsafe fn splat(byte: u8) -> Self {
            u8x16_splat(byte)
        }
        #[inline(always)]
        unsafe fn eq(self, other: Self) -> Self {
            u8x16_eq(self, other)
        }
        #[inline(always)]
        unsafe fn less(self, other: Self) -> Self {
            i8x16_lt(self, other)
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            i8x16_min(self, other)
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            v128_or(self, other)
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            v128_and(self, other)
        }
        #[inline(always)]
        unsafe fn xor(self, other: Self) -> Self {
            v128_xor(self, other)
        }
        #[inline(always)]
        unsafe fn minus(self, other: Self) -> Self {
            u8x16_sub_sat(self, other)
        }
        #[inline(always)]
        unsafe fn upper(self, half: Self) -> Self {
            // Engines have no shift of bytes, and would use a constant of their own instead.
            v128_and(u16x8_shr(self, 4), half)
        }
        #[inline(always)]
        unsafe fn look_up(self, index: Self) -> Self {
            i8x16_swizzle(self, index)
        }
        #[inline(always)]
        unsafe fn earlier<const N: usize>(self, before: Self) -> Self {
            match N {
                1 => i8x16_shuffle::<15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30>(
                    before, self,
                ),
                2 => i8x16_shuffle::<14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29>(
                    before, self,
                ),
                _ => i8x16_shuffle::<13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28>(
                    before, self,
                ),
            }
        }
        #[inline(always)]
        unsafe fn top_bits(self) -> u64 {
            u64::from(i8x16_bitmask(self))
        }
        #[inline(always)]
        unsafe fn prefix_xor(self) -> [u64; 2] {
            let mut bits = self;
            for shift in [1, 2, 4, 8, 16, 32] {
                bits = v128_xor(bits, i64x2_shl(bits, shift));
            }
            [u64x2_extract_lane::<0>(bits), u64x2_extract_lane::<1>(bits)]
        }
        #[inline(never)]
        unsafe fn compiled(work: &mut impl Work) {
            // SAFETY: upheld by the caller.
            unsafe { work.work() }
        }
    }
}

#[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
mod neon {
    // SAFETY of every block here: for `load` the caller says that 16 bytes are readable; the instruction asks no
    // alignment. The others are part of the target.
    use super::{Vector, Work};
    use core::arch::aarch64::*;

    impl Vector for uint8x16_t {
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            unsafe { vld1q_u8(from) }
        }
        #[inline(always)]
        unsafe fn splat(byte: u8) -> Self {
            unsafe { vdupq_n_u8(byte) }
        }
        #[inline(always)]
        unsafe fn eq(self, other: Self) -> Self {
            unsafe { vceqq_u8(self, other) }
        }
        #[inline(always)]
        unsafe fn less(self, other: Self) -> Self {
            unsafe { vcltq_s8(vreinterpretq_s8_u8(self), vreinterpretq_s8_u8(other)) }
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            unsafe { vreinterpretq_u8_s8(vminq_s8(vreinterpretq_s8_u8(self), vreinterpretq_s8_u8(other))) }
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            unsafe { vorrq_u8(self, other) }
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            unsafe { vandq_u8(self, other) }
        }
        #[inline(always)]
        unsafe fn xor(self, other: Self) -> Self {
            unsafe { veorq_u8(self, other) }
        }
        #[inline(always)]
        unsafe fn minus(self, other: Self) -> Self {
            unsafe { vqsubq_u8(self, other) }
        }
        #[inline(always)]
        unsafe fn upper(self, _: Self) -> Self {
            unsafe { vshrq_n_u8::<4>(self) }
        }
        #[inline(always)]
        unsafe fn look_up(self, index: Self) -> Self {
            unsafe { vqtbl1q_u8(self, index) }
        }
        #[inline(always)]
        unsafe fn earlier<const N: usize>(self, before: Self) -> Self {
            unsafe {
                match N {
                    1 => vextq_u8::<15>(before, self),
                    2 => vextq_u8::<14>(before, self),
                    _ => vextq_u8::<13>(before, self),
                }
            }
        }
        #[inline(always)]
        unsafe fn top_bits(self) -> u64 {
            const WEIGHTS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
            // There is no instruction for it: each set bit becomes a power of two, and each half is added up.
            unsafe {
                let set = vcltzq_s8(vreinterpretq_s8_u8(self));
                let weighed = vandq_u8(set, vld1q_u8(WEIGHTS.as_ptr()));
                u64::from(vaddv_u8(vget_low_u8(weighed))) | u64::from(vaddv_u8(vget_high_u8(weighed))) << 8
            }
        }
        #[inline(always)]
        unsafe fn prefix_xor(self) -> [u64; 2] {
            unsafe {
                let mut bits = vreinterpretq_u64_u8(self);
                bits = veorq_u64(bits, vshlq_n_u64::<1>(bits));
                bits = veorq_u64(bits, vshlq_n_u64::<2>(bits));
                bits = veorq_u64(bits, vshlq_n_u64::<4>(bits));
                bits = veorq_u64(bits, vshlq_n_u64::<8>(bits));
                bits = veorq_u64(bits, vshlq_n_u64::<16>(bits));
                bits = veorq_u64(bits, vshlq_n_u64::<32>(bits));
                [vgetq_lane_u64::<0>(bits), vgetq_lane_u64::<1>(bits)]
            }
        }
        #[inline(never)]
        unsafe fn compiled(work: &mut impl Work) {
            // SAFETY: upheld by the caller.
            unsafe { work.work() }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    // SAFETY of every block here: the caller of the method says that the instruction exists, and for `load`
    // that 16 bytes are readable; none of these asks an alignment or touches memory otherwise.
    use super::{Vector, Work};
    use core::arch::x86_64::*;

    impl Vector for __m128i {
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            unsafe { _mm_loadu_si128(from.cast()) }
        }
        #[inline(always)]
        unsafe fn splat(byte: u8) -> Self {
            unsafe { _mm_set1_epi8(byte.cast_signed()) }
        }
        #[inline(always)]
        unsafe fn eq(self, other: Self) -> Self {
            unsafe { _mm_cmpeq_epi8(self, other) }
        }
        #[inline(always)]
        unsafe fn less(self, other: Self) -> Self {
            unsafe { _mm_cmplt_epi8(self, other) }
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            unsafe { _mm_min_epi8(self, other) }
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            unsafe { _mm_or_si128(self, other) }
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            unsafe { _mm_and_si128(self, other) }
        }
        #[inline(always)]
        unsafe fn xor(self, other: Self) -> Self {
            unsafe { _mm_xor_si128(self, other) }
        }
        #[inline(always)]
        unsafe fn minus(self, other: Self) -> Self {
            unsafe { _mm_subs_epu8(self, other) }
        }
        #[inline(always)]
        unsafe fn upper(self, half: Self) -> Self {
            unsafe { _mm_and_si128(_mm_srli_epi16(self, 4), half) }
        }
        #[inline(always)]
        unsafe fn look_up(self, index: Self) -> Self {
            unsafe { _mm_shuffle_epi8(self, index) }
        }
        #[inline(always)]
        unsafe fn earlier<const N: usize>(self, before: Self) -> Self {
            unsafe {
                match N {
                    1 => _mm_alignr_epi8(self, before, 15),
                    2 => _mm_alignr_epi8(self, before, 14),
                    _ => _mm_alignr_epi8(self, before, 13),
                }
            }
        }
        #[inline(always)]
        unsafe fn top_bits(self) -> u64 {
            unsafe { u64::from(_mm_movemask_epi8(self).cast_unsigned()) }
        }
        #[inline(always)]
        unsafe fn prefix_xor(self) -> [u64; 2] {
            unsafe {
                let mut bits = self;
                bits = _mm_xor_si128(bits, _mm_slli_epi64(bits, 1));
                bits = _mm_xor_si128(bits, _mm_slli_epi64(bits, 2));
                bits = _mm_xor_si128(bits, _mm_slli_epi64(bits, 4));
                bits = _mm_xor_si128(bits, _mm_slli_epi64(bits, 8));
                bits = _mm_xor_si128(bits, _mm_slli_epi64(bits, 16));
                bits = _mm_xor_si128(bits, _mm_slli_epi64(bits, 32));
                [_mm_cvtsi128_si64(bits).cast_unsigned(), _mm_extract_epi64(bits, 1).cast_unsigned()]
            }
        }
        // The same as `x86::next` in `lines`, which says why.
        #[target_feature(enable = "avx2,bmi1,lzcnt,pclmulqdq")]
        unsafe fn compiled(work: &mut impl Work) {
            unsafe { work.work() }
        }
    }
}
