//! What is mended in a line, and in which order.

use crate::json::scan::{self, Json, Kind, Query, Value};
use crate::json::value::to_json;
use crate::repair::ids::Ids;
use crate::repair::ledger::Ledger;
use crate::repair::target::Target;
use crate::repair::{Cure, syntax};
use std::ops::Range;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Places mended in one line.
const MOST: usize = 32;

/// A range of a line that something else takes the place of.
struct Edit {
    cure: Cure,
    range: Range<usize>,
    with: String,
}

/// Mends lines one by one.
#[derive(Debug)]
pub(super) struct Mender {
    pub(super) target: Option<Target>,
    query: Query<'static>,
    pub(super) ids: Ids,
}

impl Mender {
    pub(super) fn new(endpoint: Option<String>, ids: Ids) -> Self {
        let target = endpoint.map(Target::of);
        let query = target.as_ref().map_or_else(|| Target::meant_by(None).query(), Target::query);
        Self { target, query, ids }
    }

    /// The line as it should be; none if it stays.
    pub(super) fn mend(&mut self, line: &[u8], number: u64, ledger: &mut Ledger) -> Option<Vec<u8>> {
        let mut mended: Option<Vec<u8>> = None;
        for _ in 0..MOST {
            let text = mended.as_deref().unwrap_or(line);
            let Some(Edit { cure, range, with }) = self.next(text, number, ledger) else { break };
            ledger.replaced(cure, number, text, range.clone(), &with);
            mended = Some([&text[..range.start], with.as_bytes(), &text[range.end..]].concat());
            // Its name is remembered, and must not be met again.
            if cure == Cure::Duplicates {
                break;
            }
        }
        mended
    }

    fn next(&mut self, text: &[u8], number: u64, ledger: &Ledger) -> Option<Edit> {
        if ledger.uses(Cure::Encoding) && text.starts_with(BOM) {
            return Some(Edit { cure: Cure::Encoding, range: 0..BOM.len(), with: String::new() });
        }
        let Ok(mut json) = scan::scan(text, &mut self.query) else {
            return if ledger.uses(Cure::Json) { syntax_edit(text) } else { None };
        };
        if json.kind != Kind::Object {
            return None;
        }
        let is_request = self.query.kind(3) == Some(Kind::Object);
        if is_request && self.target.is_none() {
            let target = Target::meant_by(self.query.text(&json, 2).as_deref());
            self.query = target.query();
            self.target = Some(target);
            json = scan::scan(text, &mut self.query).ok()?;
        }
        let edit = is_request.then(|| self.member(text, &json, number, ledger)).flatten();
        if edit.is_some() {
            return edit;
        }
        let value = self.query.value(&json, 0)?;
        let renames = is_request && ledger.uses(Cure::Duplicates);
        let name = self.ids.note(&value.text()?, renames)?;
        Some(Edit { cure: Cure::Duplicates, range: range_of(text, value), with: quoted(&name) })
    }

    /// The first member that is not as it should be, apart from names that were used before.
    fn member(&self, text: &[u8], json: &Json<'_>, number: u64, ledger: &Ledger) -> Option<Edit> {
        let value = |slot| self.query.value(json, slot);
        let target = self.target.as_ref()?;
        if ledger.uses(Cure::Stream)
            && let Some(stream) = value(4).filter(|stream| stream.kind == Kind::True)
        {
            // The options first: without streaming they are an error.
            let range = member_range(text, range_of(text, value(5).unwrap_or(stream)));
            return Some(Edit { cure: Cure::Stream, range, with: String::new() });
        }
        let says = |slot, wanted: &str| {
            value(slot).and_then(|value| value.text()).is_some_and(|text| text == wanted)
        };
        let set = |cure, slot, name, with| self.set(text, json, slot, (cure, name, with));
        if ledger.uses(Cure::Method) && !says(1, "POST") {
            return Some(set(Cure::Method, 1, "method", quoted("POST")));
        }
        if ledger.uses(Cure::Url) && !says(2, &target.path) && target.fits(self.query.kind(6)) {
            return Some(set(Cure::Url, 2, "url", quoted(&target.path)));
        }
        if !ledger.uses(Cure::Ids) {
            return None;
        }
        let name = match value(0) {
            Some(id) if id.kind == Kind::Number => id.raw.to_owned(),
            Some(id)
                if id.kind == Kind::String && id.text().is_some_and(|id| !id.trim_ascii().is_empty()) =>
            {
                return None;
            }
            Some(id) if !matches!(id.kind, Kind::String | Kind::Null) => return None,
            _ => self.ids.for_line(number),
        };
        Some(set(Cure::Ids, 0, "custom_id", quoted(&name)))
    }

    /// A member of the line gets a value, or is added as the first.
    fn set(
        &self,
        text: &[u8],
        json: &Json<'_>,
        slot: usize,
        (cure, name, with): (Cure, &str, String),
    ) -> Edit {
        if let Some(value) = self.query.value(json, slot) {
            return Edit { cure, range: range_of(text, value), with };
        }
        // A request has a body, so that a member follows.
        let at = text.iter().position(|&byte| byte == b'{').map_or(0, |at| at + 1);
        Edit { cure, range: at..at, with: ["\"", name, "\": ", &with, ", "].concat() }
    }
}

fn syntax_edit(text: &[u8]) -> Option<Edit> {
    let (at, mended) = syntax::mended(text)?;
    let with = str::from_utf8(&mended[at..]).ok()?.to_owned();
    Some(Edit { cure: Cure::Json, range: at..text.len(), with })
}

/// Where a value stands in the text that it was found in.
fn range_of(text: &[u8], value: Value<'_>) -> Range<usize> {
    let start = value.raw.as_ptr().addr() - text.as_ptr().addr();
    start..start + value.raw.len()
}

/// Where the member with this value stands, with the comma that is no longer needed.
fn member_range(text: &[u8], value: Range<usize>) -> Range<usize> {
    // Before a value come its colon and its name, which spells one that holds no quote.
    let name = text[..value.start].trim_ascii_end();
    let closing = name.len().saturating_sub(1);
    let closing = text[..closing].trim_ascii_end().len().saturating_sub(1);
    let start = text[..closing].iter().rposition(|&byte| byte == b'"').unwrap_or(value.start);
    let space = |rest: &[u8]| rest.len() - rest.trim_ascii_start().len();
    let after = value.end + space(&text[value.end..]);
    if text.get(after) == Some(&b',') {
        return start..after + 1 + space(&text[after + 1..]);
    }
    let before = text[..start].trim_ascii_end();
    match before.strip_suffix(b",") {
        Some(rest) => rest.len()..value.end,
        None => start..value.end,
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    String::from_utf8(to_json(&text)).unwrap_or_default()
}
