//! The records of a table, as RFC 4180 has them: fields by a separator, in quotes where they hold one, a quote or a line
//! end. Memory: one record.

use memchr::{memchr, memchr_iter, memchr3};

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    TooLong,
    /// Text follows a closing quote.
    Stray,
    /// A quote has no end: the record has the rest of the file.
    Unclosed,
}

/// A record.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// The line that it begins on, 1-based.
    pub(super) line: u64,
    /// Its fields, one after the other, without quotes.
    text: &'a [u8],
    /// Where each ends.
    pub(super) ends: &'a [usize],
    pub(super) flaw: Option<Flaw>,
}

impl<'a> Record<'a> {
    pub(super) fn field(&self, at: usize) -> &'a [u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.ends.len()).map(|at| self.field(at))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A field begins.
    Start,
    Plain,
    Quoted,
    /// After a quote within quotes.
    Closed,
}

/// Cuts bytes into records.
#[derive(Debug)]
pub(super) struct Records {
    separator: u8,
    /// Bytes of the longest record.
    most: usize,
    state: State,
    line: u64,
    /// Where the record began.
    began: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
    flaw: Option<Flaw>,
    /// Whether a field of the record was in quotes: with them even an empty line is one.
    quotes: bool,
    /// A carriage return has ended the record before; the line feed after it ends none.
    returned: bool,
}

impl Records {
    pub(super) fn new(separator: u8, most: usize) -> Self {
        Self {
            separator,
            most,
            state: State::Start,
            line: 1,
            began: 1,
            text: Vec::new(),
            ends: Vec::new(),
            flaw: None,
            quotes: false,
            returned: false,
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(&Record<'_>)) {
        while let Some(&byte) = bytes.first() {
            let returned = std::mem::take(&mut self.returned);
            if returned && byte == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let taken = match self.state {
                State::Start if byte == b'"' => {
                    (self.state, self.quotes) = (State::Quoted, true);
                    1
                }
                State::Start | State::Plain => {
                    let end = memchr3(self.separator, b'\n', b'\r', bytes).unwrap_or(bytes.len());
                    self.keep(&bytes[..end]);
                    self.state = State::Plain;
                    end + self.end_of_field(bytes.get(end), each)
                }
                State::Quoted => {
                    let end = memchr(b'"', bytes).unwrap_or(bytes.len());
                    self.line += memchr_iter(b'\n', &bytes[..end]).count() as u64;
                    self.keep(&bytes[..end]);
                    if end == bytes.len() {
                        return;
                    }
                    self.state = State::Closed;
                    end + 1
                }
                State::Closed if byte == b'"' => {
                    self.keep(b"\"");
                    self.state = State::Quoted;
                    1
                }
                State::Closed => {
                    let taken = self.end_of_field(Some(&byte), each);
                    if taken == 0 {
                        self.flaw = self.flaw.or(Some(Flaw::Stray));
                        self.state = State::Plain;
                    }
                    taken
                }
            };
            bytes = &bytes[taken..];
        }
    }

    /// The file is at its end.
    pub(super) fn finish(&mut self, each: &mut dyn FnMut(&Record<'_>)) {
        if self.state == State::Quoted {
            self.flaw = Some(Flaw::Unclosed);
        }
        if self.state != State::Start || !self.ends.is_empty() {
            self.end_of_record(each);
        }
    }

    /// Ends a field, and maybe the record, if this byte does so. How many bytes that took.
    fn end_of_field(&mut self, byte: Option<&u8>, each: &mut dyn FnMut(&Record<'_>)) -> usize {
        match byte {
            Some(&byte) if byte == self.separator => {
                self.keep(&[]);
                self.ends.push(self.text.len());
                self.state = State::Start;
                1
            }
            Some(&byte @ (b'\n' | b'\r')) => {
                self.end_of_record(each);
                self.line += 1;
                self.began = self.line;
                self.returned = byte == b'\r';
                1
            }
            _ => 0,
        }
    }

    fn end_of_record(&mut self, each: &mut dyn FnMut(&Record<'_>)) {
        self.ends.push(self.text.len());
        let blank = self.ends.len() == 1 && self.text.trim_ascii().is_empty() && !self.quotes;
        if !blank || self.flaw.is_some() {
            each(&Record { line: self.began, text: &self.text, ends: &self.ends, flaw: self.flaw });
        }
        self.text.clear();
        self.ends.clear();
        (self.state, self.flaw, self.quotes) = (State::Start, None, false);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.flaw == Some(Flaw::TooLong) {
            return;
        }
        if self.text.len() + self.ends.len() + bytes.len() > self.most {
            self.flaw = Some(Flaw::TooLong);
            (self.text, self.ends) = (Vec::new(), Vec::new());
            return;
        }
        self.text.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{Flaw, Records};

    type Seen = (u64, Vec<String>, Option<Flaw>);

    fn records_by(text: &str, cut: usize, most: usize) -> Vec<Seen> {
        let mut records = Records::new(b',', most);
        let mut seen = Vec::new();
        let mut see = |record: &super::Record<'_>| {
            let fields = record.fields().map(|field| String::from_utf8_lossy(field).into_owned());
            seen.push((record.line, fields.collect(), record.flaw));
        };
        for chunk in text.as_bytes().chunks(cut) {
            records.push(chunk, &mut see);
        }
        records.finish(&mut see);
        seen
    }

    fn records(text: &str) -> Vec<Seen> {
        let whole = records_by(text, text.len().max(1), 1 << 20);
        for cut in 1..8 {
            assert_eq!(records_by(text, cut, 1 << 20), whole, "{text:?} in pieces of {cut}");
        }
        whole
    }

    fn seen(line: u64, fields: &[&str]) -> Seen {
        (line, fields.iter().map(|&field| field.to_owned()).collect(), None)
    }

    #[test]
    fn fields_are_separated_and_records_end_with_their_lines_however_these_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("a,b{end}1,{end}{end},2{end}3,4");
            let expected =
                [seen(1, &["a", "b"]), seen(2, &["1", ""]), seen(4, &["", "2"]), seen(5, &["3", "4"])];
            assert_eq!(records(&text), expected, "{end:?}");
            assert_eq!(records(&(text + end)), expected, "{end:?}");
        }
        assert!(records("").is_empty() && records("\n\r\n  \n").is_empty());
    }

    #[test]
    fn quotes_hold_separators_line_ends_and_doubled_quotes() {
        let text = "\"a,\"\"b\"\"\",\"x\r\ny\",\"\"\n2\"3,4,5\n\"\"\n";
        let expected = [seen(1, &["a,\"b\"", "x\r\ny", ""]), seen(3, &["2\"3", "4", "5"]), seen(4, &[""])];
        assert_eq!(records(text), expected);
    }

    #[test]
    fn what_is_wrong_with_a_record_is_said_and_the_next_one_is_good() {
        let stray = records("\"a\"b,c\nd,e\n");
        assert_eq!(stray[0].2, Some(Flaw::Stray));
        assert_eq!(stray[1], seen(2, &["d", "e"]));
        let unclosed = records("a,b\nc,\"d\ne,f\n");
        assert_eq!((unclosed.len(), unclosed[1].0, unclosed[1].2), (2, 2, Some(Flaw::Unclosed)));
        for text in ["aaaaaaaaa,b\nc,d\n", "\"aaaaaaaaa\",b\nc,d\n", ",,,,,,,,,\nc,d"] {
            let long = records_by(text, 3, 8);
            assert_eq!((long[0].2, &long[1]), (Some(Flaw::TooLong), &seen(2, &["c", "d"])), "{text}");
        }
    }
}
