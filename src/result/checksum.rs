//! Checksums of what is stored: a byte that a disk turned must not become a result.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// A blank and sixteen hex digits.
const LENGTH: usize = 17;

/// The checksum of `head` and what comes after it, to be put between the two.
pub(crate) fn of(head: &[u8], rest: &[u8]) -> [u8; LENGTH] {
    let mut hasher = SipHasher13::new();
    hasher.write(head);
    hasher.write(rest);
    let hash = hasher.finish128().h1;
    std::array::from_fn(|at| match at {
        0 => b' ',
        at => b"0123456789abcdef"[(hash >> (64 - 4 * at) & 15) as usize],
    })
}

/// `head` without the checksum at its end; nothing when that is not the checksum of `head` and `rest`. JSON without one is
/// taken as it is: an earlier build wrote it.
pub(crate) fn checked<'a>(head: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    if matches!(head.last(), Some(b'}' | b']')) {
        return Some(head);
    }
    let (covered, found) = head.split_at_checked(head.len().checked_sub(LENGTH)?)?;
    (of(covered, rest) == found).then_some(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_was_turned_is_found_wherever_it_is() {
        let (head, rest) = (b"{\"a\":[1,2]}".as_slice(), b"and more".as_slice());
        let whole = [head, &of(head, rest)].concat();
        assert_eq!(checked(&whole, rest), Some(head));
        assert_eq!(checked(head, rest), Some(head), "written before there were checksums");
        for at in 0..whole.len() {
            let mut turned = whole.clone();
            turned[at] ^= 0x20;
            assert_eq!(checked(&turned, rest), None, "byte {at}");
        }
        assert_eq!(checked(&whole, b"and mort"), None);
        assert_eq!(checked(&whole[..whole.len() - 1], rest), None);
        assert_eq!(checked(b"", b""), None);
    }
}
