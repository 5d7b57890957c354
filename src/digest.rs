//! What a file is told by: its size, its lines, and their SHA-256 (FIPS 180-4), taken as its bytes come.

use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256};

/// Bytes, lines, and the SHA-256 in hex: members of an object of JSON.
pub(crate) type Digest = String;

/// A file under way, as it is stored: bytes, lines, 1 where the last has no end yet, and the state of the sum.
pub(crate) type SavedDigest = ([u64; 3], Vec<u32>);

/// A file under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digesting {
    sum: Sha256,
    bytes: u64,
    lines: u64,
    /// The last line has no end yet.
    open: bool,
}

impl Digesting {
    #[inline(never)]
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.open = bytes.last().map_or(self.open, |&last| last != b'\n');
        self.sum.update(bytes);
    }

    pub(crate) fn saved(&self) -> SavedDigest {
        let state = self.sum.serialize();
        ([self.bytes, self.lines, u64::from(self.open)], state.iter().map(|&byte| byte.into()).collect())
    }

    /// None where the state is none of this build's.
    pub(crate) fn resume((numbers, state): &SavedDigest) -> Option<Self> {
        let state: Vec<u8> = state.iter().map(|&byte| byte.try_into()).collect::<Result<_, _>>().ok()?;
        let sum = Sha256::deserialize(state.as_slice().try_into().ok()?).ok()?;
        let [bytes, lines, open] = *numbers;
        Some(Self { sum, bytes, lines, open: open == 1 })
    }

    pub(crate) fn finish(self) -> Digest {
        let (bytes, lines) = (self.bytes, self.lines + u64::from(self.open));
        let mut hex = String::with_capacity(64);
        for byte in self.sum.finalize() {
            for half in [byte >> 4, byte & 15] {
                hex.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
        }
        format!(r#""bytes":{bytes},"lines":{lines},"sha256":"{hex}""#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Bytes, lines and sum.
    fn digest(pieces: &[&[u8]]) -> (u64, u64, String) {
        let mut digesting = Digesting::default();
        pieces.iter().for_each(|piece| digesting.update(piece));
        let told: Value = serde_json::from_str(&format!("{{{}}}", digesting.finish())).unwrap();
        let number = |name: &str| told[name].as_u64().unwrap();
        (number("bytes"), number("lines"), told["sha256"].as_str().unwrap().to_owned())
    }

    #[test]
    fn the_sum_is_that_of_the_standard() {
        let vectors: [(&[u8], &str); 4] = [
            (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (
                b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
            ),
        ];
        for (text, sum) in vectors {
            assert_eq!(digest(&[text]).2, sum);
        }
        let million = digest(&[&[b'a'; 1_000][..]; 1_000]);
        assert_eq!(million.2, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }

    #[test]
    fn it_is_the_same_however_the_bytes_come() {
        let text: Vec<u8> = (0..300u32).map(|at| (at * 7 % 251) as u8).collect();
        for size in [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 300] {
            let whole = digest(&[&text[..size]]);
            for cut in 0..=size {
                assert_eq!(digest(&[&text[..cut], &text[cut..size]]), whole, "{size} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn a_last_line_without_an_end_is_a_line() {
        for (text, lines) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(digest(&[text.as_bytes(), b""]).1, lines, "{text:?}");
        }
    }
}
