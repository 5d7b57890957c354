//! What a file is, told by its first bytes.

use edgebatch::limits::SNIFF_BYTES;
use edgebatch::{Remedy, sniff};
use proptest::prelude::*;

const REQUEST: &str =
    r#"{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}"#;
const ANSWER: &str =
    r#"{"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "body": {}}, "error": null}"#;

#[test]
fn a_wrong_file_is_told_in_words_with_what_can_be_done() {
    use Remedy::{Convert, Fix, Read, Unpack};
    let refused = ANSWER.replace("200", "400");
    let expired = r#"{"id": "b", "custom_id": "a", "response": null, "error": {"code": "batch_expired"}}"#;
    let array = format!("[\n{REQUEST}\n]");
    let laid_out = REQUEST.replacen('{', "{\n  ", 1);
    let texts: [(&str, &str, Option<Remedy>); 20] = [
        ("\u{7F}id,text\n1,a\n", "a table (CSV)", Some(Convert)),
        ("id\ttext\n1\ta\n", "a table (TSV)", Some(Convert)),
        ("id,text\n1,a\n", "a table (CSV)", Some(Convert)),
        (&array, "a JSON array of requests", Some(Fix)),
        ("[{\"a\": 1}]", "a JSON array, but not of requests", Some(Convert)),
        ("[\n \"a\", \"b\"]", "a JSON array, but not of requests", Some(Convert)),
        (&laid_out, "JSON over several lines", Some(Fix)),
        ("{\"prompt\": \"a\"}\n", "a file of JSON objects that are no requests", Some(Convert)),
        ("{\n  \"prompt\": \"a\"\n}\n", "a file of JSON objects that are no requests", Some(Convert)),
        (ANSWER, "a file of results, such as the output of a batch", Some(Read)),
        (&refused, "a file of failed results, the error file of a batch", Some(Read)),
        (expired, "a file of failed results, the error file of a batch", Some(Read)),
        (" <!DOCTYPE html><p>", "an HTML page, such as a server's message", None),
        ("<HTML>", "an HTML page, such as a server's message", None),
        ("<?xml version=\"1.0\"?>", "an XML document", None),
        ("Why is the sky blue?\nAnd the sea?", "plain text", Some(Convert)),
        ("[Tom] says hello", "plain text", Some(Convert)),
        ("PK\u{3}\u{4}\u{14}", "a ZIP archive, or a document made of one", Some(Unpack)),
        ("a\0b", "a program's own data, not text", None),
        ("%PDF-1.7", "a PDF document", None),
    ];
    for (text, is, remedy) in texts {
        let found = sniff(text.as_bytes()).map(|found| (found.is, found.remedy));
        assert_eq!(found, Some((is, remedy)), "{text}");
        if !text.contains(['\0', '\u{3}', '%']) {
            let marked = ["\u{FEFF}", text].concat();
            assert_eq!(sniff(marked.as_bytes()).map(|found| found.is), Some(is), "{marked}");
        }
    }
    for (bytes, is) in [
        (&b"\x89PNG\r\n\x1A\n"[..], "a PNG image"),
        (b"\xFF\xD8\xFF\xE0", "a JPEG image"),
        (b"GIF89a", "a GIF image"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x1F\x8B\x08\0", "packed with gzip"),
        (b"\x28\xB5\x2F\xFD\x24", "packed with zstd"),
        (b"BZh91AY", "packed with bzip2"),
        (b"\xFD7zXZ\0", "packed with xz"),
        (b"SQLite format 3\0", "a program's own data, not text"),
    ] {
        assert_eq!(sniff(bytes).map(|found| found.is), Some(is));
    }
}

#[test]
fn a_batch_file_is_none_of_these_however_wrong_its_lines_are() {
    let cut = &REQUEST[..40];
    let marked = ["\u{FEFF}\n ", REQUEST].concat();
    for text in [
        REQUEST,
        cut,
        &marked,
        "{\"custom_id\": \"a\"}",
        "{\"body\": {}}",
        "{",
        "{}",
        "{'custom_id': 'a'}",
        "{“custom_id”: 1}",
        "",
        "\n\n",
        "[1, 2]",
        "1\n2\n",
        "{\"a\": 1}\n{\"body\": {}}\n",
        "{\"body\": {}}\0\n",
        "\"{\\\"custom_id\\\": 1}\"\n",
        "not JSON\n{\"custom_id\": \"a\", \"body\": {}}\n",
    ] {
        assert_eq!(sniff(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn wide_text_is_told_by_its_encoding_unless_it_is_to_be_converted() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let utf32 = |text: &str| text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect::<Vec<_>>();
    for (file, is) in [
        (utf16(&["\u{FEFF}", REQUEST].concat()), "text in UTF-16"),
        (utf16(REQUEST), "text in UTF-16"),
        (utf32(REQUEST), "text in UTF-32"),
        (utf16("\u{FEFF}id\ttext\n1\ta\n"), "a table (TSV)"),
    ] {
        assert_eq!(sniff(&file).map(|found| found.is), Some(is));
    }
}

#[test]
fn a_beginning_says_what_the_whole_file_would() {
    let long = |row: &str| row.repeat(SNIFF_BYTES / row.len() + 2);
    let answer = ANSWER.replace("\"body\": {}", &format!("\"body\": \"{}\"", "x".repeat(SNIFF_BYTES)));
    for (file, is) in [
        (["id,text\n", &long("1,\"ü\"\n")].concat(), "a table (CSV)"),
        (long("Grüße\n"), "plain text"),
        (answer, "a file of results, such as the output of a batch"),
    ] {
        for cut in 0..8 {
            let head = &file.as_bytes()[..SNIFF_BYTES + cut];
            assert_eq!(sniff(head).map(|found| found.is), Some(is), "{cut}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_looked_at(bytes: Vec<u8>, text: String) {
        sniff(&bytes);
        sniff(text.as_bytes());
        sniff(format!("{{{text}").as_bytes());
        sniff(format!("[{{\"{text}\": {text}").as_bytes());
    }
}
