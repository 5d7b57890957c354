//! The rules of one line that need nothing but the line, in the order they are reported.

use super::Rules;
use crate::input::endpoint::Endpoint;
use crate::input::request::RequestLine;
use crate::json::scan::{Json, Kind, Query, ScanError, Value, same};
use crate::limits::MAX_CUSTOM_ID_CHARS;
use crate::validate::fault::{BODY, CUSTOM_ID, Fault, Field, METHOD, MODEL, STREAM, URL};
use crate::validate::reason::Unreadable;
use std::borrow::Cow;

/// What an endpoint asks of a line, as [`Endpoint`] has it, ready to be compared with many.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its path as a line normally writes it, with quotes and without needless escapes.
    written: String,
    model_optional: bool,
    own: Option<Field>,
    stateful: bool,
}

impl Asked {
    /// By the endpoint's path. Of one that is not known, which a host may have opened all the same, only the model
    /// is asked (contract §6).
    pub(super) fn by(path: &str) -> Self {
        // A path that needs escapes has no normal form: no line compares equal to this.
        let plain = path.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\');
        let written = if plain { format!("\"{path}\"") } else { String::new() };
        let Some(endpoint) = Endpoint::of(path) else {
            return Self { written, model_optional: false, own: None, stateful: false };
        };
        let own = Field { name: endpoint.own.name, in_body: true, want: endpoint.own.want };
        let Endpoint { model_optional, stateful, .. } = *endpoint;
        Self { written, model_optional, own: Some(own), stateful }
    }

    /// The members of a line that rules read.
    pub(super) fn query(&self) -> Query<'static> {
        // With no parameter of its own the name is "", and `judge` does not look at what that finds.
        let own = self.own.map_or("", |own| own.name);
        let [prompt, conversation, earlier] =
            if self.stateful { ["prompt", "conversation", "previous_response_id"] } else { [""; 3] };
        Query::new(
            [CUSTOM_ID.name, METHOD.name, URL.name, BODY.name],
            3,
            [MODEL.name, STREAM.name, own, prompt, conversation, earlier],
        )
    }
}

/// A line that is a JSON object, its members found but not yet judged.
#[derive(Debug)]
pub(super) struct Fields<'a, 'q> {
    json: Json<'a>,
    query: &'q Query<'static>,
    /// `custom_id` where it is a string.
    pub(super) custom_id: Option<Cow<'a, str>>,
    /// `body.model` where it is a string.
    pub(super) model: Option<Cow<'a, str>>,
}

impl<'a, 'q> Fields<'a, 'q> {
    /// Of a line scanned with [`Asked::query`]; the error is its only one.
    pub(super) fn of(
        line: &'a [u8],
        scanned: Result<Json<'a>, ScanError>,
        query: &'q Query<'static>,
    ) -> Result<Self, Fault<'a>> {
        let json = scanned.map_err(|_| Fault::Unreadable(Unreadable::NotJson(line)))?;
        if json.kind != Kind::Object {
            return Err(Fault::NotObject);
        }
        let [custom_id, model] = [0, 4].map(|slot| query.text(&json, slot));
        Ok(Self { json, query, custom_id, model })
    }

    /// Checks the line against every rule that needs nothing else. Gives the request if it passes them all.
    #[inline(always)]
    pub(super) fn judge<'f>(
        &'f self,
        rules: &'f Rules,
        endpoint: &Asked,
        found: &mut impl FnMut(Fault<'_>),
    ) -> Option<RequestLine<'f>> {
        match self.faultless(rules, endpoint) {
            Some(request) => Some(request),
            None => self.judge_each(rules, endpoint, found),
        }
    }

    /// As [`Self::judge`], rule by rule.
    #[inline(never)]
    fn judge_each(
        &self,
        rules: &Rules,
        endpoint: &Asked,
        found: &mut impl FnMut(Fault<'_>),
    ) -> Option<RequestLine<'a>> {
        let mut faults = 0;
        let mut fault = |fault: Fault<'_>| {
            faults += 1;
            found(fault);
        };
        let value = |slot| self.query.value(&self.json, slot);
        let [custom_id, method, url, body] = [value(0), value(1), value(2), value(3)];
        for (field, value) in [(CUSTOM_ID, custom_id), (METHOD, method), (URL, url), (BODY, body)] {
            present(field, value, &mut fault);
            if field == CUSTOM_ID
                && let Some(id) = &self.custom_id
                // Bytes first: counting characters costs, and is needed only where there may be too many.
                && id.len() > MAX_CUSTOM_ID_CHARS
                && let chars = id.chars().count()
                && chars > MAX_CUSTOM_ID_CHARS
            {
                fault(Fault::LongCustomId(chars));
            }
        }
        let method = method.and_then(|value| value.text());
        if let Some(method) = &method
            && !same(method.as_bytes(), b"POST")
        {
            fault(Fault::WrongMethod(method));
        }
        let url = url.and_then(|value| value.text());
        let elsewhere = url.as_ref().is_some_and(|url| !same(url.as_bytes(), rules.endpoint.as_bytes()));
        if elsewhere {
            fault(Fault::WrongUrl);
        }
        let body = body.filter(|body| body.kind == Kind::Object);
        if body.is_some() {
            let [model, stream, own] = [value(4), value(5), value(6)];
            // A stored prompt may bring input and model, a conversation and an earlier response bring input.
            let refers = |slot| self.query.kind(slot).is_some_and(|kind| kind != Kind::Null);
            let kept = [7, 8, 9].map(|slot| endpoint.stateful && refers(slot));
            if stream.is_some_and(|stream| stream.kind == Kind::True) {
                fault(Fault::Streaming(&rules.endpoint));
            }
            wanted(MODEL, model, endpoint.model_optional || kept[0], &mut fault);
            // What another endpoint requires is not checked here.
            if let Some(field) = endpoint.own.filter(|_| !elsewhere) {
                wanted(field, own, kept.contains(&true), &mut fault);
            }
        }
        if faults > 0 {
            return None;
        }
        Some(RequestLine {
            custom_id: self.custom_id.clone()?,
            method: method?,
            url: url?,
            body: body?.raw.as_bytes(),
            model: self.model.clone(),
        })
    }
}

impl<'a> Fields<'a, '_> {
    /// The request, if it is written as most are and breaks no rule: the same result as [`Self::judge_each`], faster.
    #[inline(always)]
    fn faultless<'f>(&'f self, rules: &'f Rules, endpoint: &Asked) -> Option<RequestLine<'f>> {
        let kind = |slot| self.query.kind(slot);
        let raw = |slot| self.query.raw(&self.json, slot);
        let own = endpoint.own.is_none_or(|own| kind(6).is_some_and(|kind| own.want.allows(kind)));
        let fine = own && kind(3) == Some(Kind::Object) && kind(5) != Some(Kind::True);
        let (id, model) = (self.custom_id.as_deref()?, self.model.as_deref()?);
        (fine
            && same(raw(1)?, b"\"POST\"")
            && same(raw(2)?, endpoint.written.as_bytes())
            && id.len() <= MAX_CUSTOM_ID_CHARS)
            .then_some(())?;
        Some(RequestLine {
            custom_id: Cow::Borrowed(id),
            method: Cow::Borrowed("POST"),
            url: Cow::Borrowed(&rules.endpoint),
            body: raw(3)?,
            model: Some(Cow::Borrowed(model)),
        })
    }
}

/// A field that is optional, for which null counts as absent, or one that is required.
fn wanted(field: Field, value: Option<Value<'_>>, optional: bool, fault: &mut impl FnMut(Fault<'_>)) {
    let value = value.filter(|value| !optional || value.kind != Kind::Null);
    if value.is_some() || !optional {
        present(field, value, fault);
    }
}

/// A field must be present and of its type; null counts as present.
#[inline(never)]
fn present(field: Field, value: Option<Value<'_>>, fault: &mut impl FnMut(Fault<'_>)) {
    match value {
        None => fault(Fault::Missing(field)),
        Some(value) if !field.want.allows(value.kind) => fault(Fault::WrongType(field, value)),
        Some(_) => {}
    }
}
