//! Where a text stops being JSON, and why. The [scanner](super::scan) only says that it does: this walks the text once
//! more, byte by byte, for the few texts of which it is asked, by the same rules.

use crate::json::scan::literal_end;
use crate::limits::MAX_DEPTH;

const _: () = assert!(MAX_DEPTH == 128, "the text below says so");

/// Where a text breaks, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes before it.
    pub offset: usize,
    /// The character, 1-based, as editors count: a tab is one, and so is a character of several bytes.
    pub column: usize,
    /// What is wrong there.
    pub reason: Reason,
    /// The text ends there: it may be cut off.
    pub at_end: bool,
}

/// Why a text breaks: by what should be there, or what is often written instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[non_exhaustive]
pub enum Reason {
    /// A value is due.
    Value,
    /// The first value of an array is due, or its end.
    ValueOrBracket,
    /// The value of a member is due.
    ValueOfName,
    /// The name of another member is due.
    Name,
    /// The first name of an object is due, or its end.
    NameOrBrace,
    /// The colon after a name is due.
    Colon,
    /// An object continues or ends.
    CommaOrBrace,
    /// An array continues or ends.
    CommaOrBracket,
    /// A number has no digit there.
    Digit,
    /// A string has no end.
    Unclosed,
    /// Text follows the value: two on one line, or lines that end with a carriage return alone.
    GoesOn,
    /// `,]` or `,}`
    TrailingComma,
    /// `'`
    SingleQuote,
    /// `“` or `”`
    TypographicQuote,
    /// `//`, `/*` or `#`
    Comment,
    /// `NaN`, `Infinity` or `undefined`
    NoValue,
    /// `True`, `False` or `None`
    Python,
    /// U+FEFF outside strings.
    ByteOrderMark,
    /// A number such as `007`.
    LeadingZero,
    /// A backslash and what no escape has.
    Escape,
    /// `\u` without four hexadecimal digits.
    HexDigits,
    /// A zero byte outside strings.
    Nul,
    /// Any other character below U+0020.
    Control,
    /// A `\u` escape of half a pair.
    Surrogate,
    /// A byte that is none of UTF-8.
    NotUtf8,
    /// A number beyond a double.
    TooLarge,
    /// More than [`MAX_DEPTH`] containers are open.
    TooDeep,
}

use Reason::*;

/// One for each reason, in their order, each on a line: a table of them would weigh more than the search.
const SENTENCES: &str = "There should be a value.
There should be a value or “]”.
There should be a value after the colon.
There should be a name in double quotes.
There should be a name in double quotes or “}”.
There should be a colon after the name.
There should be a comma or “}”: an object is open.
There should be a comma or “]”: an array is open.
There should be a digit.
This string has no closing double quote.
The JSON is complete here: each line holds exactly one and ends with a line feed.
There is a comma too many.
JSON has no single quotes, only double quotes.
JSON has no typographic quotes, only straight ones.
JSON has no comments.
JSON has no NaN, Infinity or undefined: write null.
This is Python: write true, false or null.
A byte order mark may only begin the file.
A number must not start with a zero: put an id in quotes.
There is no such escape: a backslash is written \\\\.
After \\u there should be four hexadecimal digits.
A zero byte, a control character, stands here: the file is not UTF-8, or was cut off.
It holds a control character, such as a tab, that is not escaped.
It holds half of a surrogate pair.
It is not valid UTF-8.
It holds a number that is too large for a double.
It is nested more than 128 levels deep.";

/// What people write instead of JSON, and which reason that is.
const MISTAKES: &str = "'\n“\n”\n//\n/*\n#\nNaN\nInfinity\nundefined\nTrue\nFalse\nNone\n\u{FEFF}\n\0";
const OF_MISTAKES: [Reason; 14] = [
    SingleQuote,
    TypographicQuote,
    TypographicQuote,
    Comment,
    Comment,
    Comment,
    NoValue,
    NoValue,
    NoValue,
    Python,
    Python,
    Python,
    ByteOrderMark,
    Nul,
];

#[inline(never)]
fn nth_line(text: &'static str, n: usize) -> &'static [u8] {
    text.as_bytes().split(|&b| b == b'\n').nth(n).unwrap_or_default()
}

impl Reason {
    /// Whether it is of the encoding or of a limit rather than of the grammar: JSON libraries write such texts as well.
    pub(crate) fn is_beyond_grammar(self) -> bool {
        self >= Nul
    }
}

impl Fault {
    /// A sentence for people, or two.
    pub fn message(&self) -> String {
        let sentence = str::from_utf8(nth_line(SENTENCES, self.reason as usize)).unwrap_or_default();
        [if self.at_end { "The line ends here. " } else { "" }, sentence].concat()
    }
}

/// Finds where a line breaks; `None` if it is JSON.
#[cold]
#[inline(never)]
pub fn explain(line: &[u8]) -> Option<Fault> {
    let decoded = str::from_utf8(line).map_or_else(|e| e.valid_up_to(), str::len);
    let mut walk = Walk { line, decoded, at: 0 };
    let reason = walk.text().err()?;
    let (mut column, mut offset) = (1, 0);
    while let Some(byte) = line.get(offset)
        && offset < walk.at
    {
        column += usize::from(byte & 0xC0 != 0x80);
        offset += 1;
    }
    Some(Fault { offset, column, reason, at_end: offset == line.len() })
}

struct Walk<'a> {
    line: &'a [u8],
    /// Up to here it is UTF-8.
    decoded: usize,
    /// Where an error is found, this is its offset.
    at: usize,
}

impl Walk<'_> {
    fn text(&mut self) -> Result<(), Reason> {
        let mut open: u128 = 0;
        let mut depth = 0;
        let mut wanted = Value;
        loop {
            self.space();
            let first = self.peek();
            if first == b'"' {
                self.string()?;
            } else if first == b'{' || first == b'[' {
                if depth == MAX_DEPTH {
                    return Err(TooDeep);
                }
                self.at += 1;
                self.space();
                // '}' and ']' are both two above their opening bracket.
                if !self.skip(&[first + 2]) {
                    let object = first == b'{';
                    open = open << 1 | u128::from(object);
                    depth += 1;
                    wanted = ValueOrBracket;
                    if object {
                        wanted = self.name(NameOrBrace)?;
                    }
                    continue;
                }
            } else {
                self.literal(wanted)?;
            }
            // A value has just ended.
            loop {
                self.space();
                if depth == 0 {
                    return match self.peek() {
                        _ if self.at >= self.line.len() => Ok(()),
                        0..0x20 => Err(self.unexpected(GoesOn)),
                        _ => Err(GoesOn),
                    };
                }
                let (close, or_close) =
                    if open & 1 == 1 { (b'}', CommaOrBrace) } else { (b']', CommaOrBracket) };
                if self.skip(&[close]) {
                    open >>= 1;
                    depth -= 1;
                    continue;
                }
                let comma = self.at;
                if !self.skip(b",") {
                    return Err(self.unexpected(or_close));
                }
                self.space();
                if self.peek() == close {
                    self.at = comma;
                    return Err(TrailingComma);
                }
                wanted = Value;
                if close == b'}' {
                    wanted = self.name(Name)?;
                }
                break;
            }
        }
    }

    /// A name and its colon. What comes next.
    fn name(&mut self, wanted: Reason) -> Result<Reason, Reason> {
        if self.peek() != b'"' {
            return Err(self.unexpected(wanted));
        }
        self.string()?;
        self.space();
        if self.skip(b":") { Ok(ValueOfName) } else { Err(self.unexpected(Colon)) }
    }

    /// A number or a word.
    fn literal(&mut self, wanted: Reason) -> Result<(), Reason> {
        let start = self.at;
        let number = matches!(self.peek(), b'-' | b'0'..=b'9');
        let Some(end) = literal_end(self.line, start) else {
            if !number {
                return Err(self.unexpected(wanted));
            }
            self.skip(b"-");
            let whole = self.digits()
                && (!self.skip(b".") || self.digits())
                && (!self.skip(b"eE") || {
                    self.skip(b"+-");
                    self.digits()
                });
            if !whole {
                return Err(self.unexpected(Digit));
            }
            self.at = start;
            return Err(TooLarge);
        };
        self.at = end.get();
        let next = self.peek();
        if number && next.is_ascii_digit() {
            self.at = start;
            return Err(LeadingZero);
        }
        if !number && (next.is_ascii_alphanumeric() || next == b'_') {
            self.at = start;
            return Err(self.unexpected(wanted));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Reason> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                _ if self.at >= self.line.len() => {
                    self.at = start;
                    return Err(Unclosed);
                }
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                0..0x20 => return Err(Control),
                _ if self.at >= self.decoded => return Err(NotUtf8),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Reason> {
        match self.line.get(self.at + 1) {
            // The string itself says where it ends.
            None => self.at += 1,
            Some(b'u') => match (self.unit(0), self.unit(6)) {
                (None, _) => return Err(HexDigits),
                (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => self.at += 12,
                (Some(0xD800..0xE000), _) => return Err(Surrogate),
                _ => self.at += 6,
            },
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            _ => return Err(Escape),
        }
        Ok(())
    }

    /// The UTF-16 unit of the `\uXXXX` so far ahead.
    fn unit(&self, ahead: usize) -> Option<u32> {
        let from = self.at + ahead;
        let Some([b'\\', b'u', hex @ ..]) = self.line.get(from..from + 6) else { return None };
        hex.iter().try_fold(0, |unit, &b| Some(unit << 4 | char::from(b).to_digit(16)?))
    }

    /// Something else is here: what is expected, or what people often write instead.
    fn unexpected(&self, wanted: Reason) -> Reason {
        let rest = self.line.get(self.at..).unwrap_or_default();
        match rest.first() {
            None => wanted,
            _ if self.at >= self.decoded => NotUtf8,
            Some(1..0x20) => Control,
            _ => {
                let mut reasons = OF_MISTAKES.iter().enumerate();
                let found = reasons.find(|&(i, _)| rest.starts_with(nth_line(MISTAKES, i)));
                found.map_or(wanted, |(_, &reason)| reason)
            }
        }
    }

    /// The byte here, 0 at the end.
    fn peek(&self) -> u8 {
        self.line.get(self.at).copied().unwrap_or(0)
    }

    /// Steps over one of these, if one is here.
    #[inline(never)]
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.line.get(self.at).is_some_and(|byte| bytes.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.skip(b"0123456789") {}
        self.at > start
    }

    #[inline(never)]
    fn space(&mut self) {
        while self.skip(b" \t\r\n") {}
    }
}
