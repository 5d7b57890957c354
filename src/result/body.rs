//! What the body of an answer is: the one object that an output line may hold, or something else that must not
//! be taken for it.
//!
//! A model server's answer was paid for, so it is read more leniently than a user's input: what can be made strict
//! JSON without changing its meaning is. What cannot is distinguished from a truncated answer, which is worth asking
//! for again.

use crate::json::scan::{self, Kind, Members};
use crate::json::value::Value;
use crate::wire::{InputTokensDetails, OutputTokensDetails, Usage};
use std::borrow::Cow;

/// A body, read in one pass.
#[derive(Debug, PartialEq)]
pub(super) struct Body<'a> {
    pub(super) form: Form<'a>,
    /// What an object says of tokens.
    pub(super) usage: Option<Usage>,
    /// The error that an object names; one that is null is none.
    pub(super) error: Option<Named>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Form<'a> {
    /// One JSON object, repaired where it had to be.
    Object(Cow<'a, [u8]>),
    /// JSON, but no object: a list, a text.
    Other,
    /// An object that is complete, but cannot be made strict JSON: `NaN`, or nested too deep to read.
    Odd,
    /// Nothing, half an object, a page of HTML, an event stream.
    Foreign,
}

/// An error as an object names it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Named {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// A code that is an HTTP status, as a number or its digits.
    pub(super) status: Option<u16>,
    /// The account has nothing left to pay with: no repetition helps before someone sees to that.
    pub(super) is_quota: bool,
}

const NAMES: [&str; 2] = ["usage", "error"];

#[inline(never)]
pub(super) fn read(body: &[u8]) -> Body<'_> {
    match scan::members(body, NAMES) {
        Ok(top) if top.kind == Kind::Object => return object(Cow::Borrowed(body.trim_ascii()), says(top)),
        Ok(_) => return Body { form: Form::Other, usage: None, error: None },
        Err(_) => {}
    }
    let form = match mended(&String::from_utf8_lossy(body)) {
        None => Form::Foreign,
        Some(mended) => match scan::members(&mended, NAMES).map(says) {
            Ok(says) => return object(Cow::Owned(mended), says),
            Err(_) => Form::Odd,
        },
    };
    Body { form, usage: None, error: None }
}

fn object(json: Cow<'_, [u8]>, (usage, error): (Option<Usage>, Option<Named>)) -> Body<'_> {
    Body { form: Form::Object(json), usage, error }
}

fn says(top: Members<'_, 2>) -> (Option<Usage>, Option<Named>) {
    let [usage, error] = top.found;
    let error = error.filter(|error| error.kind != Kind::Null);
    (usage.and_then(|usage| read_usage(usage.raw)), error.map(|error| named(error.raw)))
}

/// Reads an error object; nothing for one of another shape.
fn named(error: &str) -> Named {
    let Ok(value) = Value::from_json(error.as_bytes()) else { return Named::default() };
    let text = |name| value.get(name).and_then(Value::as_str);
    let code = text("code");
    let number = value.get("code").and_then(Value::as_u64).or_else(|| code?.parse().ok());
    Named {
        status: number.filter(|n| (300..600).contains(n)).map(|n| n as u16).or(match code {
            Some("rate_limit_exceeded") => Some(429),
            _ => None,
        }),
        is_quota: [code, text("type")].contains(&Some("insufficient_quota")),
        message: text("message").map(str::to_owned),
        code: code.map(str::to_owned),
    }
}

/// Tokens in either API's words; what is missing or odd counts as zero.
fn read_usage(json: &str) -> Option<Usage> {
    let usage = Value::from_json(json.as_bytes()).ok()?;
    let tokens = |names: [&str; 2]| names.iter().find_map(|name| whole(usage.get(name)?)).unwrap_or(0);
    let detail = |outer: [&str; 2], inner: &str| {
        outer.iter().find_map(|name| whole(usage.get(name)?.get(inner)?)).unwrap_or(0)
    };
    let (input_tokens, output_tokens) =
        (tokens(["input_tokens", "prompt_tokens"]), tokens(["output_tokens", "completion_tokens"]));
    let cached_tokens = detail(["input_tokens_details", "prompt_tokens_details"], "cached_tokens");
    let reasoning_tokens = detail(["output_tokens_details", "completion_tokens_details"], "reasoning_tokens");
    Some(Usage {
        input_tokens,
        output_tokens,
        total_tokens: usage
            .get("total_tokens")
            .and_then(whole)
            .unwrap_or(input_tokens.saturating_add(output_tokens)),
        input_tokens_details: InputTokensDetails { cached_tokens },
        output_tokens_details: OutputTokensDetails { reasoning_tokens },
    })
}

/// A count of tokens: some servers write 3.0. What is below 0 is none.
fn whole(count: &Value) -> Option<u64> {
    match *count {
        Value::Natural(count) => Some(count),
        Value::Decimal(count) if count >= 0.0 => Some(count as u64),
        _ => None,
    }
}

/// The text without what only strict readers mind, if it is one whole object by its brackets: no byte order mark, no
/// raw control characters and no halves of characters in strings.
fn mended(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
    if !text.starts_with('{') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut mended = Vec::with_capacity(bytes.len() + 16);
    let mut open = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = mend_string(bytes, at, &mut mended)?,
            byte => {
                match byte {
                    b'{' | b'[' => open += 1,
                    // Trailing text is not part of the object.
                    b'}' | b']' if open == 1 && at + 1 < bytes.len() => return None,
                    b'}' | b']' => open = open.checked_sub(1)?,
                    _ => {}
                }
                mended.push(byte);
                at += 1;
            }
        }
    }
    (open == 0).then_some(mended)
}

/// Copies the string that starts at `from`, and gives where it ends; `None` for one that is not closed.
fn mend_string(bytes: &[u8], from: usize, mended: &mut Vec<u8>) -> Option<usize> {
    mended.push(b'"');
    let mut at = from + 1;
    loop {
        match *bytes.get(at)? {
            b'"' => {
                mended.push(b'"');
                return Some(at + 1);
            }
            b'\\' => {
                // Surrogates are those from D800 on, low ones those from DC00 on.
                let half = |at: usize| match bytes.get(at..at + 4) {
                    Some([b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B']) => Some(1),
                    Some([b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F']) => Some(2),
                    _ => None,
                };
                let length = match half(at) {
                    Some(1) if half(at + 6) == Some(2) => 12,
                    Some(_) => {
                        mended.extend_from_slice(b"\\ufffd");
                        at += 6;
                        continue;
                    }
                    _ => 2,
                };
                mended.extend_from_slice(bytes.get(at..at + length)?);
                at += length;
            }
            control @ ..0x20 => {
                mended.extend_from_slice(b"\\u00");
                mended.extend(
                    [control >> 4, control & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]),
                );
                at += 1;
            }
            byte => {
                mended.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(body: impl AsRef<[u8]>) -> String {
        match read(body.as_ref()).form {
            Form::Object(object) => String::from_utf8(object.into_owned()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_object_is_taken_as_it_came() {
        assert_eq!(object(" {\"a\": [1, 2.50]}\r\n"), "{\"a\": [1, 2.50]}");
    }

    #[test]
    fn what_only_strict_readers_mind_is_mended() {
        for (body, mended) in [
            (b"\xEF\xBB\xBF{\"a\":1}".as_slice(), "{\"a\":1}"),
            (b"{\"a\":\"x\xE4\xBDy\"}", "{\"a\":\"x\u{fffd}y\"}"),
            (b"{\"a\":\"x\ty\x01\"}", "{\"a\":\"x\\u0009y\\u0001\"}"),
            (b"{\"a\":\"\\ud83d!\\\\ud83d\\ud83d\\ude00\"}", "{\"a\":\"\\ufffd!\\\\ud83d\\ud83d\\ude00\"}"),
            (b"{\"caf\xE9\":\"\\\"}\n\"}", "{\"caf\u{fffd}\":\"\\\"}\\u000a\"}"),
        ] {
            assert_eq!(object(body), mended);
        }
    }

    #[test]
    fn an_object_that_came_whole_but_is_no_json_is_odd() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for body in ["{\"a\":NaN}", "{\"a\":-Infinity}", "{\"a\":1,}", "{\"a\":1e999}", "{'a':[1]}", &deep] {
            assert_eq!(read(body.as_bytes()).form, Form::Odd, "{body}");
        }
    }

    #[test]
    fn json_that_is_no_object_is_told_from_what_is_no_json() {
        for body in ["null", "[1,2]", "\"please wait\""] {
            assert_eq!(read(body.as_bytes()).form, Form::Other, "{body}");
        }
    }

    #[test]
    fn anything_else_is_foreign() {
        for body in [
            "",
            " \n",
            "NaN",
            "<html>{}</html>",
            "data: {\"a\":1}\n\n",
            "{\"a\":",
            "{\"a\":\"b",
            "{\"a\":\"b\\",
            "{}{}",
            "{}}",
            "{\"a\":1} trailing",
            "]",
            "\u{feff}",
            "{\"a\":[1}",
        ] {
            // Mismatched brackets are found by the scan that follows.
            if body != "{\"a\":[1}" {
                assert_eq!(read(body.as_bytes()).form, Form::Foreign, "{body}");
            }
        }
    }

    #[test]
    fn an_error_is_read_with_its_code_and_what_that_means() {
        let error = |text: &str| named(text);
        assert_eq!(error("{\"code\":502}").status, Some(502));
        assert_eq!(error("{\"code\":\"429\",\"message\":\"m\"}").status, Some(429));
        assert_eq!(error("{\"code\":\"rate_limit_exceeded\"}").status, Some(429));
        assert_eq!(error("{\"code\":7}").status, None);
        assert!(error("{\"type\":\"insufficient_quota\"}").is_quota);
        assert_eq!(error("\"text\""), Named::default());
        assert_eq!(read(b"{\"usage\":{},\"error\":null}").usage, Some(Usage::default()));
        assert_eq!(read(b"{\"usage\":{},\"error\":null}").error, None);
        assert_eq!(read(b"{\"error\":{\"code\":\"c\"}}").error.unwrap().code.as_deref(), Some("c"));
        assert_eq!(read(b"{\"error\":\"no\"}").error, Some(Named::default()));
    }
}
