//! The rules of one line that need nothing but the line, in the order they are reported.

use super::Rules;
use super::fault::{BODY, CUSTOM_ID, Fault, Field, METHOD, MODEL, STREAM, URL, Want};
use crate::limits::MAX_CUSTOM_ID_CHARS;
use crate::request::RequestLine;
use crate::scan::{Kind, Members, ScanError, Value};
use std::borrow::Cow;

/// What an endpoint asks of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    /// The model may be left out: the endpoint has one of its own.
    model_optional: bool,
    /// The endpoint's own parameter.
    own: Option<Field>,
}

impl Endpoint {
    /// By its path. Of one that is not known here, which a host may have opened all the same, only the model
    /// is asked (contract §6).
    pub(super) fn of(path: &str) -> Self {
        let own = |name, want| Some(Field { name, in_body: true, want });
        match path {
            "/v1/chat/completions" => Self { model_optional: false, own: own("messages", Want::Array) },
            "/v1/completions" => Self { model_optional: false, own: own("prompt", Want::StringOrArray) },
            "/v1/embeddings" | "/v1/responses" => {
                Self { model_optional: false, own: own("input", Want::StringOrArray) }
            }
            "/v1/moderations" => Self { model_optional: true, own: own("input", Want::StringOrArray) },
            "/v1/images/generations" => Self { model_optional: true, own: own("prompt", Want::String) },
            _ => Self { model_optional: false, own: None },
        }
    }

    /// The members of a body that rules read.
    pub(super) fn inner(&self) -> [&'static str; 3] {
        // With no parameter of its own the name is "", and `judge` does not look at what that finds.
        [MODEL.name, STREAM.name, self.own.map_or("", |own| own.name)]
    }
}

/// The members of a line that rules read.
pub(super) const TOP: [&str; 4] = [CUSTOM_ID.name, METHOD.name, URL.name, BODY.name];
/// Which of them is the body.
pub(super) const BODY_SLOT: usize = 3;

/// What the scanner says of a line asked for [`TOP`] and [`Endpoint::inner`].
pub(super) type Scanned<'a> = Result<(Members<'a, 4>, [Option<Value<'a>>; 3]), ScanError>;

/// A line that is a JSON object, its members found but not yet judged.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    top: [Option<Value<'a>>; 4],
    inner: [Option<Value<'a>>; 3],
    /// `custom_id` where it is a string.
    pub(super) custom_id: Option<Cow<'a, str>>,
    /// `body.model` where it is a string.
    pub(super) model: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    /// Of a scanned line; the error is its only one.
    pub(super) fn of(scanned: Scanned<'a>) -> Result<Self, Fault<'a>> {
        let (top, inner) = scanned.map_err(|_| Fault::NotJson)?;
        if top.kind != Kind::Object {
            return Err(Fault::NotObject);
        }
        let [custom_id, ..] = top.found;
        let [model, ..] = inner;
        Ok(Self {
            top: top.found,
            inner,
            custom_id: custom_id.and_then(|value| value.text()),
            model: model.and_then(|value| value.text()),
        })
    }

    /// Holds the line against every rule that needs nothing else. Gives the request if it passed them all.
    pub(super) fn judge(
        &self,
        rules: &Rules,
        endpoint: &Endpoint,
        found: &mut impl FnMut(Fault<'_>),
    ) -> Option<RequestLine<'a>> {
        let mut faults = 0;
        let mut fault = |fault: Fault<'_>| {
            faults += 1;
            found(fault);
        };
        let [custom_id, method, url, body] = self.top;
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
            && method != "POST"
        {
            fault(Fault::WrongMethod(method));
        }
        let url = url.and_then(|value| value.text());
        if url.as_ref().is_some_and(|url| *url != rules.endpoint) {
            fault(Fault::WrongUrl);
        }
        let body = body.filter(|body| body.kind == Kind::Object);
        if body.is_some() {
            let [model, stream, own] = self.inner;
            if stream.is_some_and(|stream| stream.kind == Kind::True) {
                fault(Fault::Streaming(&rules.endpoint));
            }
            if model.is_some() || !endpoint.model_optional {
                present(MODEL, model, &mut fault);
            }
            if let Some(field) = endpoint.own {
                present(field, own, &mut fault);
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

/// A field must be there and of its type; null is there.
fn present(field: Field, value: Option<Value<'_>>, fault: &mut impl FnMut(Fault<'_>)) {
    match value {
        None => fault(Fault::Missing(field)),
        Some(value) if !field.want.allows(value.kind) => fault(Fault::WrongType(field, value)),
        Some(_) => {}
    }
}
