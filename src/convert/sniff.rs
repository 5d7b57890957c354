//! What a file is that is no batch file, by its first bytes.

use crate::convert::members::Members;
use crate::convert::separator;
use crate::limits::SNIFF_BYTES;
use crate::repair::encoding::Encoding;
use crate::validate::reason;
use serde::{Serialize, Serializer};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What begins files of other kinds. UTF-16, zip and gzip are the validator's to tell.
const MAGIC: [(&[u8], FileKind); 9] = [
    (b"\x89PNG", FileKind::Png),
    (b"\xFF\xD8\xFF", FileKind::Jpeg),
    (b"GIF8", FileKind::Gif),
    (b"%PDF", FileKind::Pdf),
    (b"PAR1", FileKind::Parquet),
    (b"\x28\xB5\x2F\xFD", FileKind::Zstd),
    (b"BZh", FileKind::Bzip2),
    (b"\xFD7zXZ", FileKind::Xz),
    (b"SQLite format 3\0", FileKind::Binary),
];

/// What a file may be that is no batch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "`is` says in words what each is")]
pub enum FileKind {
    Png,
    Jpeg,
    Gif,
    Pdf,
    Parquet,
    Zip,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Utf16,
    Utf32,
    Binary,
    Html,
    Xml,
    Results,
    Failures,
    RequestArray,
    LaidOut,
    /// Fields are separated by this byte.
    Table(u8),
    Array,
    Records,
    Text,
}

/// What can be done with a file that is no batch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// What is in it may be a batch file, or several.
    Unpack,
    /// A [`Repair`](crate::Repair) makes a batch file of it.
    Fix,
    /// [`Convert`](crate::Convert) does.
    Convert,
    /// It is what became of a batch file, to be read.
    Read,
}

/// A file that is no batch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sniffed {
    /// What it is.
    pub kind: FileKind,
    /// The same for people, as what follows "This file is".
    pub is: &'static str,
    /// What can be done with it, if anything.
    pub remedy: Option<Remedy>,
}

impl FileKind {
    /// What it is in a word, in words, and what can be done with it.
    fn about(self) -> (&'static str, &'static str, Option<Remedy>) {
        use Remedy::{Convert, Fix, Read, Unpack};
        match self {
            Self::Png => ("png", "a PNG image", None),
            Self::Jpeg => ("jpeg", "a JPEG image", None),
            Self::Gif => ("gif", "a GIF image", None),
            Self::Pdf => ("pdf", "a PDF document", None),
            Self::Parquet => ("parquet", "a Parquet file", None),
            Self::Zip => ("zip", "a ZIP archive, or a document made of one", Some(Unpack)),
            Self::Gzip => ("gzip", "packed with gzip", Some(Unpack)),
            Self::Zstd => ("zstd", "packed with zstd", Some(Unpack)),
            Self::Bzip2 => ("bzip2", "packed with bzip2", Some(Unpack)),
            Self::Xz => ("xz", "packed with xz", Some(Unpack)),
            Self::Utf16 => ("utf-16", "text in UTF-16", Some(Fix)),
            Self::Utf32 => ("utf-32", "text in UTF-32", Some(Fix)),
            Self::Binary => ("binary", "a program's own data, not text", None),
            Self::Html => ("html", "an HTML page, such as a server's message", None),
            Self::Xml => ("xml", "an XML document", None),
            Self::Results => ("results", "a file of results, such as the output of a batch", Some(Read)),
            Self::Failures => ("failures", "a file of failed results, the error file of a batch", Some(Read)),
            Self::RequestArray => ("request-array", "a JSON array of requests", Some(Fix)),
            Self::LaidOut => ("laid-out", "JSON over several lines", Some(Fix)),
            Self::Table(b'\t') => ("table", "a table (TSV)", Some(Convert)),
            Self::Table(_) => ("table", "a table (CSV)", Some(Convert)),
            Self::Array => ("array", "a JSON array, but not of requests", Some(Convert)),
            Self::Records => ("records", "a file of JSON objects that are no requests", Some(Convert)),
            Self::Text => ("text", "plain text", Some(Convert)),
        }
    }
}

impl Serialize for FileKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.about().0)
    }
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Unpack => "unpack",
            Self::Fix => "fix",
            Self::Convert => "convert",
            Self::Read => "read",
        })
    }
}

/// What a file is, if it is no batch file, by its first [`SNIFF_BYTES`]; fewer are taken for all of it.
///
/// ```
/// use edgebatch::{Remedy, sniff};
///
/// let table = sniff(b"id,question\n1,Why?\n").unwrap();
/// assert_eq!((table.is, table.remedy), ("a table (CSV)", Some(Remedy::Convert)));
/// assert_eq!(sniff(b"{\"custom_id\": \"a\", \"method\": \"POST\"}\n"), None);
/// ```
pub fn sniff(head: &[u8]) -> Option<Sniffed> {
    let is_whole = head.len() < SNIFF_BYTES;
    let kind = of_bytes(head, is_whole)?;
    let (_, is, remedy) = kind.about();
    Some(Sniffed { kind, is, remedy })
}

fn of_bytes(head: &[u8], is_whole: bool) -> Option<FileKind> {
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(*kind);
    }
    let wide = match reason::of_file(head) {
        Some("UTF-16") => FileKind::Utf16,
        Some("UTF-32") => FileKind::Utf32,
        Some("gzip") => return Some(FileKind::Gzip),
        Some(_) => return Some(FileKind::Zip),
        None => {
            let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
            // A zero byte in lines of JSON is the fault of its line.
            let is_binary = text.first() != Some(&b'{') && text.contains(&0);
            return if is_binary { Some(FileKind::Binary) } else { of_text(text, is_whole) };
        }
    };
    let mut encoding = Encoding::new();
    let mut text = encoding.push(head, &mut |_| {}).into_owned();
    text.extend(encoding.finish(&mut |_| {}));
    // Converting reads any encoding.
    let within = of_text(&text, is_whole);
    Some(within.filter(|kind| kind.about().2 == Some(Remedy::Convert)).unwrap_or(wide))
}

fn of_text(text: &[u8], is_whole: bool) -> Option<FileKind> {
    let text = text.trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    match text.first()? {
        b'<' if begins(b"<!doctype html") || begins(b"<html") => return Some(FileKind::Html),
        b'<' if begins(b"<?xml") => return Some(FileKind::Xml),
        b'{' => return of_object(text),
        b'[' => match text[1..].trim_ascii_start().first() {
            Some(b'{') => {
                let is_request = Asked::of(&text[1..]).is_request();
                return Some(if is_request { FileKind::RequestArray } else { FileKind::Array });
            }
            Some(b'"') => return Some(FileKind::Array),
            _ => {}
        },
        _ => {}
    }
    if let Some(separator) = separator::of(text, is_whole) {
        return Some(FileKind::Table(separator));
    }
    is_prose(text, is_whole).then_some(FileKind::Text)
}

/// A file that begins with an object.
fn of_object(text: &[u8]) -> Option<FileKind> {
    let asked = Asked::of(text);
    if asked.is_none {
        return None;
    }
    let is_laid_out = text[1..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(&b'\n');
    if is_laid_out {
        let is_known = asked.is_request() || asked.is_result();
        return Some(if is_known { FileKind::LaidOut } else { FileKind::Records });
    }
    // One request is enough to judge the others by.
    if text.split(|&byte| byte == b'\n').any(|line| Asked::of(line).is_request()) {
        return None;
    }
    // With an id alone it may be a request of which much is missing.
    asked.results().or((!asked.has_id).then_some(FileKind::Records))
}

/// What the first object of a file has.
#[derive(Debug, Default)]
struct Asked {
    /// It has no members, or none that can be read.
    is_none: bool,
    has_id: bool,
    /// One of `method`, `url` and `body`.
    request: bool,
    /// One of `response` and `error`.
    result: bool,
    /// It has no response, or one with another status than 2xx.
    failed: bool,
}

impl Asked {
    fn of(text: &[u8]) -> Self {
        let mut asked = Self { is_none: true, ..Self::default() };
        for (name, value) in Members::of(text) {
            asked.is_none = false;
            match &*name {
                "custom_id" => asked.has_id = true,
                "method" | "url" | "body" => asked.request = true,
                "error" => asked.result = true,
                "response" => {
                    let status = Members::of(value).find(|(name, _)| name == "status_code");
                    asked.failed = status.map_or(value == b"null", |(_, status)| !status.starts_with(b"2"));
                    asked.result = true;
                }
                _ => {}
            }
        }
        asked
    }

    fn is_request(&self) -> bool {
        self.request
    }

    fn is_result(&self) -> bool {
        self.has_id && self.result && !self.request
    }

    fn results(&self) -> Option<FileKind> {
        self.is_result().then_some(if self.failed { FileKind::Failures } else { FileKind::Results })
    }
}

/// Whether it is text in words, and no line of it begins as JSON that says something.
fn is_prose(text: &[u8], is_whole: bool) -> bool {
    let valid = match str::from_utf8(text) {
        Ok(_) => true,
        // The last character is cut off.
        Err(error) => !is_whole && error.error_len().is_none(),
    };
    valid
        && text.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
        && text.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
        && text
            .split(|&byte| byte == b'\n')
            .all(|line| !matches!(line.trim_ascii_start().first(), Some(b'{' | b'"')))
}
