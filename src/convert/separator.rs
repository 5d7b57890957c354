//! Whether a text is a table, and what its fields are separated by.

use crate::convert::table::{Record, Records};

/// What stands between fields, as tables are known by it.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Of tables with one column, in which even a comma is text: the separator of units, which no text has.
const NO_SEPARATOR: u8 = 0x1F;
/// Bytes of a name in a header that was not announced as one.
const NAME_BYTES: usize = 120;
/// What no name in a header holds that was not announced as one, but sentences and JSON do.
const NOT_IN_NAMES: &[u8] = b"?!{}[]<>:";
/// Headers of tables with one column: no separator tells them from sentences.
const SINGLE: &[&str] = &["prompt", "prompts", "text", "texts", "question", "questions", "input", "inputs"];

/// What the fields of a text are separated by, if it is the beginning of a table, or all of it.
pub(super) fn of(text: &[u8], is_whole: bool) -> Option<u8> {
    let mut best = None;
    let mut most = 1;
    for separator in SEPARATORS {
        let columns = columns_of(text, is_whole, separator);
        if columns > most {
            (best, most) = (Some(separator), columns);
        }
    }
    best.or_else(|| {
        let first = text.split(|&byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let name = first.trim_ascii();
        let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
        let is_name = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
        (first.len() < text.len() && SINGLE.iter().any(is_name)).then_some(NO_SEPARATOR)
    })
}

/// The separator that is most frequent in the first line of what is known to be a table.
pub(super) fn likely(text: &[u8]) -> u8 {
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let (mut best, mut most) = (SEPARATORS[0], 0);
    for separator in SEPARATORS {
        let often = first.iter().filter(|&&byte| byte == separator).count();
        if often > most {
            (best, most) = (separator, often);
        }
    }
    best
}

/// How many columns it has if this is its separator: 0 unless it begins with names and most records have as many fields.
fn columns_of(text: &[u8], is_whole: bool, separator: u8) -> usize {
    let mut columns = 0;
    let (mut alike, mut others, mut is_first) = (0, 0, true);
    let mut see = |record: &Record<'_>| {
        if std::mem::take(&mut is_first) {
            columns = if are_names(record) { record.ends.len() } else { 0 };
        } else if record.ends.len() == columns && record.flaw.is_none() {
            alike += 1;
        } else {
            others += 1;
        }
    };
    let mut records = Records::new(separator, text.len());
    records.push(text, &mut see);
    if is_whole {
        records.finish(&mut see);
    }
    if alike >= others { columns } else { 0 }
}

fn are_names(record: &Record<'_>) -> bool {
    let is_name = |(at, name): (usize, &[u8])| {
        // The first column of what pandas writes has no name.
        (at == 0 || !name.trim_ascii().is_empty())
            && name.first() != Some(&b' ')
            && name.last() != Some(&b'.')
            && name.len() <= NAME_BYTES
            && !name.iter().any(|byte| NOT_IN_NAMES.contains(byte))
            && !record.fields().take(at).any(|before| before == name)
    };
    record.flaw.is_none() && record.fields().enumerate().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::{likely, of};

    #[test]
    fn the_separator_is_found_where_there_is_a_table() {
        for (separator, text) in [
            (b',', "id,text\n1,\"Hello, you\"\n2,x\n"),
            (b';', "id;text;wert\n1;a,b;1,5\n2;c;2,5\n"),
            (b'\t', "id\ttext\n1\tHello, you\n"),
            (b'|', "id|text\n1|x\n"),
            (b',', ",text,label\n0,a,b\n"),
            (b',', "id,text\n"),
            (0x1F, "Prompt\nHello, you\nAnd you?\n"),
            (0x1F, "\"prompt\"\n\"Hello\"\n"),
            (b',', "id,text\n1,a\n2,b,too many\n3,c\n"),
        ] {
            assert_eq!(of(text.as_bytes(), true), Some(separator), "{text}");
        }
        for text in [
            "Translate hello, please\nTranslate good morning\n",
            "Write a poem: short, sad\nAnother: long, merry\n",
            "What is this, and why?\nIs it, really?\n",
            "prompt",
            "a b c\nd e f\n",
            "",
            "{\"a\":1,\"b\":2}\n",
        ] {
            assert_eq!(of(text.as_bytes(), true), None, "{text}");
        }
        assert_eq!(likely(b"What is it?;and\n1;2"), b';');
        assert_eq!(likely(b"one\ntwo"), b',');
    }
}
