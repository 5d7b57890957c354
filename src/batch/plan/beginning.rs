//! What a request begins with, as hashes: of its model, and of ever longer pieces of its prompt.

use crate::json::scan::{self, Kind};
use crate::validate::duplicates::hash;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::borrow::Cow;
use std::hash::Hasher;

/// Hashes of one request at most: the last one is of 132 KB.
const MOST: usize = 33;
/// The shortest piece that is hashed, and the step between the first ones.
const BLOCK: usize = 64;

/// The beginning of a request.
pub(in crate::batch) struct Beginning<'a> {
    pub(in crate::batch) model: Option<Cow<'a, str>>,
    /// What a model server is given first comes first, as it is written.
    parts: [Option<&'a [u8]>; 5],
}

impl<'a> Beginning<'a> {
    /// Of the body of a request.
    pub(in crate::batch) fn of(body: &'a [u8]) -> Self {
        // Templates put tools and instructions before the messages.
        let names = ["model", "tools", "instructions", "messages", "prompt", "input"];
        let Ok(top) = scan::members(body, names) else { return Self { model: None, parts: [None; 5] } };
        let [model, tools, instructions, messages, prompt, input] = top.found;
        let written = |value: Option<scan::Value<'a>>| {
            value.filter(|value| value.kind != Kind::Null).map(|value| value.raw.as_bytes())
        };
        Self {
            model: model.and_then(|model| model.text()),
            parts: [tools, instructions, messages, prompt, input].map(written),
        }
    }

    /// Appends the hashes: that of the model, then those of the first 64, 128, 192 and 256 bytes, and from there on of pieces
    /// each a quarter longer than the one before. Two requests have as many in common as their beginnings have.
    pub(in crate::batch) fn hashes(&self, key: (u64, u64), hashes: &mut Vec<u32>) {
        let model = self.model.as_deref().unwrap_or_default();
        let own = hash(key, model.as_bytes()) as u64;
        hashes.push(own as u32);
        let mut hasher = SipHasher13::new_with_keys(key.0 ^ own, key.1);
        let (mut length, mut next, mut left) = (0, BLOCK, MOST - 1);
        for mut part in self.parts.iter().flatten().copied() {
            while let Some((piece, rest)) = part.split_at_checked(next - length) {
                hasher.write(piece);
                hashes.push(hasher.finish128().h1 as u32);
                (part, length, left) = (rest, next, left - 1);
                if left == 0 {
                    return;
                }
                next += (next / 4).max(BLOCK);
            }
            hasher.write(part);
            length += part.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(body: &str) -> Vec<u32> {
        let mut hashes = Vec::new();
        Beginning::of(body.as_bytes()).hashes((1, 2), &mut hashes);
        hashes
    }

    fn shared(a: &str, b: &str) -> usize {
        hashes(a).iter().zip(hashes(b)).take_while(|(a, b)| **a == *b).count()
    }

    #[test]
    fn requests_share_as_many_hashes_as_their_model_and_beginning_are_the_same() {
        let chat = |model: &str, text: &str| {
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}]}}"#)
        };
        let text = "a".repeat(1_000);
        let [one, two] = ["one", "two"].map(|end| chat("m", &format!("{text}{end}")));
        // 64, 128, 192, 256, 320, 400, 500, 625, 781 and 976 bytes.
        assert_eq!(shared(&one, &two), 11);
        assert_eq!(shared(&one, &one), hashes(&one).len());
        assert_eq!(shared(&one, &chat("n", &text)), 0);
        assert_eq!(shared(&one, &chat("m", "b")), 1);
        // Wherever the model stands, and whatever stands beside.
        let messages = format!(r#"[{{"role":"user","content":"{text}one"}}]"#);
        let late = format!(r#"{{"seed":7,"messages":{messages},"temperature":0,"model":"m"}}"#);
        assert_eq!(hashes(&late), hashes(&one));
        // What is said before the messages counts before them.
        let told = format!(r#"{{"messages":{messages},"model":"m","tools":[{{}}]}}"#);
        assert_eq!(shared(&told, &one), 1);
    }

    #[test]
    fn a_long_beginning_has_a_bounded_number_of_hashes_and_no_body_is_too_odd() {
        let long = format!(r#"{{"model":"m","input":"{}"}}"#, "x".repeat(1 << 20));
        assert_eq!(hashes(&long).len(), MOST);
        for odd in ["", "{}", "[]", "nonsense", r#"{"model":7,"prompt":null}"#] {
            assert_eq!(hashes(odd).len(), 1, "{odd}");
        }
    }
}
