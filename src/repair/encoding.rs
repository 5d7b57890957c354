//! Text in UTF-16 or UTF-32 is made UTF-8, as its bytes come. What is neither passes.

use crate::validate::reason::of_file;
use std::borrow::Cow;

/// Bytes that tell the encoding.
const HEAD: usize = 4;

/// What the file is written in, once its first bytes are there.
#[derive(Debug)]
pub(crate) enum Encoding {
    Unknown(Vec<u8>),
    /// UTF-8, or nothing that can be read.
    Plain,
    Wide(Wide),
}

impl Encoding {
    pub(crate) fn new() -> Self {
        Self::Unknown(Vec::new())
    }

    /// The next bytes of the file as UTF-8. An encoding that is found to be another is told.
    pub(crate) fn push<'a>(&mut self, bytes: &'a [u8], found: &mut dyn FnMut(&'static str)) -> Cow<'a, [u8]> {
        match self {
            Self::Plain => Cow::Borrowed(bytes),
            Self::Wide(wide) => Cow::Owned(wide.push(bytes)),
            Self::Unknown(head) => {
                head.extend_from_slice(bytes);
                if head.len() < HEAD { Cow::default() } else { Cow::Owned(self.known(found)) }
            }
        }
    }

    /// The file is at its end. What is left of it.
    pub(crate) fn finish(&mut self, found: &mut dyn FnMut(&'static str)) -> Vec<u8> {
        let mut rest = self.known(found);
        if let Self::Wide(wide) = self {
            rest.extend(wide.finish());
        }
        rest
    }

    fn known(&mut self, found: &mut dyn FnMut(&'static str)) -> Vec<u8> {
        let Self::Unknown(head) = self else { return Vec::new() };
        let head = std::mem::take(head);
        let Some(name @ ("UTF-16" | "UTF-32")) = of_file(&head) else {
            *self = Self::Plain;
            return head;
        };
        found(name);
        // A mark, or the zero that begins the first character of what is not far from ASCII.
        let big = matches!(head.first(), Some(0 | 0xFE));
        let mut wide = Wide { size: if name == "UTF-16" { 2 } else { 4 }, big, ..Wide::default() };
        let text = wide.push(&head);
        *self = Self::Wide(wide);
        text
    }
}

/// Text in units of two or four bytes.
#[derive(Debug, Default)]
pub(crate) struct Wide {
    size: usize,
    big: bool,
    /// The beginning of a unit.
    part: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// Whether there was a character.
    begun: bool,
}

impl Wide {
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = String::with_capacity(bytes.len() / self.size * 3 / 2 + 8);
        for &byte in bytes {
            self.part.push(byte);
            if self.part.len() == self.size {
                let add = |unit: u32, &byte: &u8| unit << 8 | u32::from(byte);
                let unit = if self.big {
                    self.part.iter().fold(0, add)
                } else {
                    self.part.iter().rev().fold(0, add)
                };
                self.part.clear();
                self.unit(unit, &mut text);
            }
        }
        text.into_bytes()
    }

    fn finish(&mut self) -> Vec<u8> {
        let cut = self.high.take().is_some() || !self.part.is_empty();
        if cut { char::REPLACEMENT_CHARACTER.to_string().into_bytes() } else { Vec::new() }
    }

    fn unit(&mut self, unit: u32, text: &mut String) {
        let paired = self.size == 2;
        let high = self.high.take();
        let code = match (high, unit) {
            (Some(high), 0xDC00..0xE000) if paired => 0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00),
            (high, _) => {
                if high.is_some() {
                    text.push(char::REPLACEMENT_CHARACTER);
                }
                if paired && (0xD800..0xDC00).contains(&unit) {
                    self.high = Some(unit);
                    return;
                }
                unit
            }
        };
        let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        // The mark has said what it had to say.
        if self.begun || char != '\u{FEFF}' {
            text.push(char);
        }
        self.begun = true;
    }
}
