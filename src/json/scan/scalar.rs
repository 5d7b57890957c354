//! The scanner without SIMD: eight bytes at a time inside strings, one outside.

use super::query::Scanned;
use super::{Json, Kind, Members, Query, ScanError, Value, literal};
use crate::limits::MAX_DEPTH;

/// As [`super::members_within`], whatever the machine can do: the other scanners are held against it.
///
/// # Errors
/// `json` is not one valid JSON text.
pub fn members_within<'a, const N: usize, const M: usize>(
    json: &'a [u8],
    names: [&str; N],
    within: usize,
    inner: [&str; M],
) -> Result<(Members<'a, N>, [Option<Value<'a>>; M]), ScanError> {
    let scan = |json, query: &mut Query<'_>| {
        query.clear();
        scan(json, 0, query)
    };
    super::members_by(scan, json, names, within, inner)
}

/// Scans a text that starts at offset `from` of the caller's; the offsets it finds are the caller's.
pub(super) fn scan<'a>(json: &'a [u8], from: usize, query: &mut Query<'_>) -> Scanned<'a> {
    // UTF-8 is checked once for the whole text, so the rest may step over any byte above 0x7F.
    let text = str::from_utf8(json).map_err(|_| ScanError)?;
    let mut cursor = Cursor { bytes: json, at: 0 };
    let mut open: u128 = 0;
    let mut depth = 0;
    // Where the values now being read at depths 0, 1 and 2 start.
    let mut starts = [0; 3];

    'value: loop {
        cursor.space();
        if let Some(start) = starts.get_mut(depth) {
            *start = cursor.at;
        }
        let mut expect_key = false;
        let mut kind = match cursor.peek()? {
            b'"' => {
                cursor.string()?;
                Kind::String
            }
            bracket @ (b'{' | b'[') => {
                if depth == MAX_DEPTH {
                    return Err(ScanError);
                }
                let object = bracket == b'{';
                cursor.at += 1;
                cursor.space();
                // '}' and ']' are both two above their opening bracket.
                if cursor.peek()? == bracket + 2 {
                    cursor.at += 1;
                    if object { Kind::Object } else { Kind::Array }
                } else {
                    open = open << 1 | u128::from(object);
                    depth += 1;
                    if !object {
                        continue 'value;
                    }
                    expect_key = true;
                    Kind::Object
                }
            }
            first => {
                cursor.at = literal::end(json, cursor.at).ok_or(ScanError)?.get();
                literal::kind(first)
            }
        };

        // Here a value has just ended, unless a key is due; go on until the next value starts.
        loop {
            if expect_key {
                let (start, end) = cursor.key()?;
                query.key(depth, json, start, end);
                continue 'value;
            }
            if depth == 0 {
                cursor.space();
                let scanned = Json { kind, text, start: from };
                return if cursor.at == json.len() { Ok(scanned) } else { Err(ScanError) };
            }
            if let Some(slot) = query.wanted(depth) {
                query.set(slot, kind, from + starts[depth], from + cursor.at);
            }
            cursor.space();
            let object = open & 1 == 1;
            match cursor.peek()? {
                b',' => {
                    cursor.at += 1;
                    if !object {
                        continue 'value;
                    }
                    expect_key = true;
                }
                b'}' if object => kind = Kind::Object,
                b']' if !object => kind = Kind::Array,
                _ => return Err(ScanError),
            }
            if !expect_key {
                cursor.at += 1;
                open >>= 1;
                depth -= 1;
            }
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Result<u8, ScanError> {
        self.bytes.get(self.at).copied().ok_or(ScanError)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// A key, up to and including its colon: the range between the quotes.
    fn key(&mut self) -> Result<(usize, usize), ScanError> {
        self.space();
        if self.peek()? != b'"' {
            return Err(ScanError);
        }
        let start = self.at + 1;
        self.string()?;
        let key = (start, self.at - 1);
        self.space();
        if self.peek()? != b':' {
            return Err(ScanError);
        }
        self.at += 1;
        Ok(key)
    }

    /// From the opening quote to after the closing one.
    fn string(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        loop {
            while let Some(word) = self.bytes[self.at..].first_chunk::<8>() {
                let stops = stops(u64::from_le_bytes(*word));
                if stops != 0 {
                    self.at += stops.trailing_zeros() as usize / 8;
                    break;
                }
                self.at += 8;
            }
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                0..0x20 => return Err(ScanError),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                // A high surrogate needs a low one right after it, and a low one may be nowhere else.
                0xD800..=0xDBFF => match self.unit()? {
                    0xDC00..=0xDFFF => Ok(()),
                    _ => Err(ScanError),
                },
                0xDC00..=0xDFFF => Err(ScanError),
                _ => Ok(()),
            },
            _ => Err(ScanError),
        }
    }

    /// The UTF-16 unit of `\uXXXX`.
    fn unit(&mut self) -> Result<u32, ScanError> {
        let Some([b'\\', b'u', digits @ ..]) = self.bytes[self.at..].first_chunk::<6>() else {
            return Err(ScanError);
        };
        self.at += 6;
        digits.iter().try_fold(0, |n, &b| Ok(n << 4 | char::from(b).to_digit(16).ok_or(ScanError)?))
    }
}

/// Marks with 0x80 the bytes of a word at which a string stops being plain: quotes, backslashes and control
/// characters. Only the lowest mark is to be trusted: a borrow may set others above it.
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (equal(b'"') | equal(b'\\') | below(word, 0x20)) & (ONES * 0x80)
}
