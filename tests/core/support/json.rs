//! JSON at random, and what breaks it.

use crate::support::random::Random;

/// Some JSON, mostly valid, at most `depth` deep.
pub(crate) fn json(random: &mut Random, depth: u64, out: &mut String) {
    fn space(random: &mut Random, out: &mut String) {
        out.push_str(random.pick(&["", "", "", "", " ", "\t", "\r", "\n", " \n "]));
    }
    space(random, out);
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => out.push_str(random.pick(&["true", "false", "null"])),
        1 | 2 => number(random, out),
        3..=5 => string(random, out),
        6 => {
            out.push('[');
            for i in 0..random.below(5) {
                out.push_str(if i == 0 { "" } else { "," });
                json(random, depth - 1, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for i in 0..random.below(6) {
                out.push_str(if i == 0 { "" } else { "," });
                space(random, out);
                match random.below(4) {
                    0 => string(random, out),
                    _ => out.push_str(random.pick(&[
                        r#""custom_id""#,
                        r#""custom\u005fid""#,
                        r#""usage""#,
                        r#""\u0075sage""#,
                        r#""us\u0061ge""#,
                        r#""model""#,
                        r#""mod\u0065l""#,
                        r#""""#,
                        r#""\u00e9\n""#,
                        r#""é\u000A""#,
                        r#""usag""#,
                        r#""usage ""#,
                        r#""model\\""#,
                    ])),
                }
                space(random, out);
                out.push(':');
                json(random, depth - 1, out);
            }
            out.push('}');
        }
    }
    space(random, out);
}

fn string(random: &mut Random, out: &mut String) {
    out.push('"');
    for _ in 0..random.below(12) {
        out.push_str(random.pick(&[
            "a",
            "plain text of some length",
            "é",
            "日本",
            "😀",
            "\u{7f}",
            "\u{2028}",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\b",
            "\\f",
            "\\t",
            "\\r",
            "\\u0000",
            "\\uFFFF",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\uD800\\uDFFF",
        ]));
    }
    if random.below(40) == 0 {
        out.push_str(random.pick(&[
            "\\ud800",
            "\\udc00",
            "\\ud800\\u0041",
            "\\udc00\\ud800",
            "\\u12",
            "\\x",
            "\u{1f}",
            "\0",
        ]));
    }
    out.push('"');
}

fn number(random: &mut Random, out: &mut String) {
    let digits = |random: &mut Random, out: &mut String| {
        let many = random.below(20) == 0;
        for _ in 0..1 + random.below(if many { 330 } else { 6 }) {
            out.push_str(random.pick(&["0", "1", "5", "9"]));
        }
    };
    out.push_str(random.pick(&["", "-"]));
    match random.below(3) {
        0 => out.push('0'),
        _ => {
            out.push_str(random.pick(&["1", "7", "1", "7", "1", "7", "1", "7", "1", "7", "0", "+", "."]));
            digits(random, out);
        }
    }
    if random.below(3) == 0 {
        out.push('.');
        digits(random, out);
    }
    if random.below(3) == 0 {
        out.push_str(random.pick(&["e", "E", "e+", "E-"]));
        match random.below(4) {
            0 => out.push_str(random.pick(&["308", "309", "400", "99999999999999999999", ""])),
            _ => out.push_str(&random.below(340).to_string()),
        }
    }
}

/// Breaks a text a little, or not so little.
pub(crate) fn mutate(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..random.below(4) {
        let at = random.below(text.len() as u64 + 1) as usize;
        let end = text.len().min(at + random.below(4) as usize);
        let odd = *b"\"\\{}[],:0-+.eEu \t\n\r\0\x1f\x7f\x80\xbf\xc3\xe2\xf0\xff\xed\xa0dt"
            .get(random.below(36) as usize)
            .unwrap_or(&b'd');
        match random.below(6) {
            0 if at < text.len() => text[at] ^= 1 << random.below(8),
            1 if at < text.len() => text[at] = odd,
            2 => drop(text.drain(at..end)),
            3 => text.insert(at, odd),
            4 => text.truncate(at),
            _ => {
                let piece = text[at..end].to_vec();
                let to = random.below(text.len() as u64 + 1) as usize;
                text.splice(to..to, piece);
            }
        }
    }
}
