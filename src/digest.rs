//! What a file is told by: its size, its lines, and their SHA-256 (FIPS 180-4), taken as its bytes come.

/// Bytes, lines, and the SHA-256 in hex: members of an object of JSON.
pub(crate) type Digest = String;

/// A file under way.
#[derive(Clone, Debug)]
pub(crate) struct Digesting {
    state: [u32; 8],
    /// What is left of the bytes so far by blocks of this size.
    block: [u8; BLOCK],
    bytes: u64,
    lines: u64,
    /// The last line has no end yet.
    open: bool,
}

const BLOCK: usize = 64;

impl Default for Digesting {
    fn default() -> Self {
        Self { state: START, block: [0; BLOCK], bytes: 0, lines: 0, open: false }
    }
}

impl Digesting {
    #[inline(never)]
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.lines += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.open = bytes.last().map_or(self.open, |&last| last != b'\n');
        self.hash(bytes);
    }

    pub(crate) fn finish(mut self) -> Digest {
        let bytes = self.bytes;
        // A bit, zeros, and the length in bits end the last block.
        let mut end = [0; BLOCK];
        end[0] = 0x80;
        let length = 1 + (2 * BLOCK - 9 - bytes as usize % BLOCK) % BLOCK;
        self.hash(&end[..length]);
        self.hash(&(bytes * 8).to_be_bytes());
        let lines = self.lines + u64::from(self.open);
        let mut hex = String::with_capacity(64);
        for byte in self.state.iter().flat_map(|word| word.to_be_bytes()) {
            for half in [byte >> 4, byte & 15] {
                hex.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
        }
        format!(r#""bytes":{bytes},"lines":{lines},"sha256":"{hex}""#)
    }

    #[inline(never)]
    fn hash(&mut self, mut bytes: &[u8]) {
        let held = (self.bytes % BLOCK as u64) as usize;
        self.bytes += bytes.len() as u64;
        if held > 0 {
            let (first, rest) = bytes.split_at(bytes.len().min(BLOCK - held));
            self.block[held..held + first.len()].copy_from_slice(first);
            if held + first.len() < BLOCK {
                return;
            }
            compress(&mut self.state, &self.block);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            compress(&mut self.state, block);
        }
        self.block[..rest.len()].copy_from_slice(rest);
    }
}

#[inline(never)]
fn compress(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let mut words = [0; ROUNDS.len()];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for at in 16..words.len() {
        let (two, fifteen) = (words[at - 2], words[at - 15]);
        let low = fifteen.rotate_right(7) ^ fifteen.rotate_right(18) ^ (fifteen >> 3);
        let high = two.rotate_right(17) ^ two.rotate_right(19) ^ (two >> 10);
        words[at] = words[at - 16].wrapping_add(low).wrapping_add(words[at - 7]).wrapping_add(high);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (word, round) in words.iter().zip(ROUNDS) {
        let mixed = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let chosen = (e & f) ^ (!e & g);
        let first = h.wrapping_add(mixed).wrapping_add(chosen).wrapping_add(round).wrapping_add(*word);
        let mixed = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let second = mixed.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(add);
    }
}

/// The square roots of the first primes, behind the point.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// And their cube roots.
const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

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
