//! A strict JSON scanner over one text: is it valid, and where are the members someone asked for?
//!
//! It accepts what `serde_json` parses into a `Value` and nothing else, apart from the nesting, which may go
//! to [`MAX_DEPTH`]: RFC 8259, valid UTF-8, paired surrogates, no number beyond a double. It neither recurses
//! nor allocates, and it builds nothing: a line of 8 MiB costs no more memory than one of 80 bytes.
//! A name that occurs twice means its last value, as for `JSON.parse`, Python and serde_json; a name written
//! with escapes (`"mod\u0065l"`) is the name it spells.

use crate::limits::MAX_DEPTH;
use std::borrow::Cow;

/// The text is not JSON by the rules above. Where it breaks is not told: no error text of the API says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanError;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// Any number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A value where it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its JSON as written, without surrounding whitespace.
    pub raw: &'a str,
}

/// The top value of a text and the members of it that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members<'a, const N: usize> {
    /// What the top value is; only an object has members.
    pub kind: Kind,
    /// The value of each name, in the order asked; `None` where there is no such member.
    pub found: [Option<Value<'a>>; N],
}

/// Checks `json` and finds the members of its top object that have these names.
///
/// # Errors
/// `json` is not one valid JSON text.
pub fn members<'a, const N: usize>(json: &'a [u8], names: [&str; N]) -> Result<Members<'a, N>, ScanError> {
    let mut found = [None; N];
    let kind = scan(json, &names, &mut found, usize::MAX, &[], &mut [])?;
    Ok(Members { kind, found })
}

/// As [`members`], and in the same pass the members named `inner` of the object under `names[within]`.
///
/// # Errors
/// `json` is not one valid JSON text.
pub fn members_within<'a, const N: usize, const M: usize>(
    json: &'a [u8],
    names: [&str; N],
    within: usize,
    inner: [&str; M],
) -> Result<(Members<'a, N>, [Option<Value<'a>>; M]), ScanError> {
    let (mut found, mut found_inner) = ([None; N], [None; M]);
    let kind = scan(json, &names, &mut found, within, &inner, &mut found_inner)?;
    Ok((Members { kind, found }, found_inner))
}

impl<'a> Value<'a> {
    /// What a string says, escapes resolved; `None` for other kinds. Allocates only where there are escapes.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        if self.kind != Kind::String {
            return None;
        }
        let inside = self.raw.strip_prefix('"')?.strip_suffix('"')?;
        Some(match memchr::memchr(b'\\', inside.as_bytes()) {
            None => Cow::Borrowed(inside),
            Some(_) => Cow::Owned(unescape(inside).collect()),
        })
    }
}

/// The characters of a string that was scanned before, hence holds no broken escape.
fn unescape(inside: &str) -> impl Iterator<Item = char> {
    let mut chars = inside.chars();
    std::iter::from_fn(move || {
        let hex = |chars: &mut std::str::Chars<'_>| {
            (0..4).fold(0, |n, _| n << 4 | chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
        };
        let c = chars.next()?;
        if c != '\\' {
            return Some(c);
        }
        Some(match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = hex(&mut chars);
                let code = if unit & 0xFC00 == 0xD800 {
                    chars.nth(1);
                    0x10000 + ((unit & 0x3FF) << 10 | (hex(&mut chars) & 0x3FF))
                } else {
                    unit
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            itself => itself,
        })
    })
}

// The open containers are the bits of one u128: 1 an object, 0 an array, the innermost lowest.
const _: () = assert!(MAX_DEPTH <= u128::BITS as usize);

/// The one scanner behind both functions: not generic, so that it is in the program once.
fn scan<'a>(
    json: &'a [u8],
    names: &[&str],
    found: &mut [Option<Value<'a>>],
    within: usize,
    inner: &[&str],
    found_inner: &mut [Option<Value<'a>>],
) -> Result<Kind, ScanError> {
    // UTF-8 is checked once for the whole text, so the rest may step over any byte above 0x7F.
    let text = str::from_utf8(json).map_err(|_| ScanError)?;
    let mut cursor = Cursor { text, bytes: json, at: 0 };
    let mut open: u128 = 0;
    let mut depth = 0;
    // Where the values now being read at depths 0, 1 and 2 start, and which name each is the value of.
    let mut starts = [0; 3];
    let (mut slot, mut slot_inner) = (None, None);

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
            b't' => cursor.word(b"true", Kind::True)?,
            b'f' => cursor.word(b"false", Kind::False)?,
            b'n' => cursor.word(b"null", Kind::Null)?,
            _ => cursor.number()?,
        };

        // Here a value has just ended, unless a key is due; go on until the next value starts.
        loop {
            if expect_key {
                let (key, escaped) = cursor.key()?;
                if depth == 1 {
                    slot = position(names, key, escaped);
                    if slot == Some(within) {
                        // The last one wins, so nothing of an earlier one may remain.
                        found_inner.fill(None);
                        slot_inner = None;
                    }
                } else if depth == 2 && slot == Some(within) {
                    slot_inner = position(inner, key, escaped);
                }
                continue 'value;
            }
            let value = |start: usize| Some(Value { kind, raw: &text[start..cursor.at] });
            match (depth, slot, slot_inner) {
                (0, ..) => {
                    cursor.space();
                    return if cursor.at == json.len() { Ok(kind) } else { Err(ScanError) };
                }
                (1, Some(slot), _) => found[slot] = value(starts[1]),
                (2, Some(slot), Some(slot_inner)) if slot == within => {
                    found_inner[slot_inner] = value(starts[2])
                }
                _ => {}
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

fn position(names: &[&str], key: &str, escaped: bool) -> Option<usize> {
    names.iter().position(|name| if escaped { unescape(key).eq(name.chars()) } else { key == *name })
}

struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Result<u8, ScanError> {
        self.bytes.get(self.at).copied().ok_or(ScanError)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Kind, ScanError> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(ScanError);
        }
        self.at += word.len();
        Ok(kind)
    }

    /// A key up to behind its colon: what stands between the quotes, and whether there are escapes in it.
    fn key(&mut self) -> Result<(&'a str, bool), ScanError> {
        self.space();
        if self.peek()? != b'"' {
            return Err(ScanError);
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        let key = &self.text[start..self.at - 1];
        self.space();
        if self.peek()? != b':' {
            return Err(ScanError);
        }
        self.at += 1;
        Ok((key, escaped))
    }

    /// From the opening quote to behind the closing one; says whether there are escapes.
    fn string(&mut self) -> Result<bool, ScanError> {
        self.at += 1;
        let mut escaped = false;
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
                    return Ok(escaped);
                }
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
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
                // A high surrogate needs a low one right behind it, and a low one may stand nowhere else.
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

    fn number(&mut self) -> Result<Kind, ScanError> {
        let start = self.at;
        self.at += usize::from(self.peek()? == b'-');
        match self.peek()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return Err(ScanError),
        }
        if self.peek() == Ok(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let exponent = matches!(self.peek(), Ok(b'e' | b'E'));
        if exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Ok(b'+' | b'-')));
            self.digits()?;
        }
        // The largest double has 309 digits: a shorter number without exponent cannot be beyond it.
        if exponent || self.at - start > 300 {
            let value: f64 = self.text[start..self.at].parse().map_err(|_| ScanError)?;
            if value.is_infinite() {
                return Err(ScanError);
            }
        }
        Ok(Kind::Number)
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(ScanError) }
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
