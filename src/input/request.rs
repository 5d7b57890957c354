//! One line of an input file, read in place.

use crate::json::scan::{self, Kind};
use std::borrow::Cow;

/// A request as its line says it. Borrows from the line except where a string is written with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The caller's name for the request; unique in its file.
    pub custom_id: Cow<'a, str>,
    /// `POST` in a validated line.
    pub method: Cow<'a, str>,
    /// The batch's endpoint in a validated line.
    pub url: Cow<'a, str>,
    /// The body object's JSON, byte for byte as in the file.
    pub body: &'a [u8],
    /// `body.model` where it is a string.
    pub model: Option<Cow<'a, str>>,
}

/// Reads a line that was validated before. `None` when it is no JSON object with a string `custom_id`,
/// `method` and `url` and an object `body`; other rules are not looked at again.
///
/// Takes the text of a line as [`crate::input::jsonl`] cuts it, without BOM.
pub fn parse(line: &[u8]) -> Option<RequestLine<'_>> {
    let (top, [model]) =
        scan::members_within(line, ["custom_id", "method", "url", "body"], 3, ["model"]).ok()?;
    let [custom_id, method, url, body] = top.found;
    Some(RequestLine {
        custom_id: custom_id?.text()?,
        method: method?.text()?,
        url: url?.text()?,
        body: body.filter(|body| body.kind == Kind::Object)?.raw.as_bytes(),
        model: model.and_then(|model| model.text()),
    })
}
