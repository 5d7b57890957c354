//! The endpoints a batch may be for, and what each asks of a body: the one list of them.

use crate::json::scan::Kind;

/// An endpoint whose bodies are checked by rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What a line names as its `url`.
    pub path: &'static str,
    /// The parameter its bodies must hold besides the model.
    pub own: Parameter,
    /// The model may be left out: the endpoint has one of its own.
    pub model_optional: bool,
    /// What it asks for may be kept by the server: a stored prompt, a conversation, an earlier response.
    pub stateful: bool,
    /// It takes and gives JSON alone, neither images nor videos: what a server opens unless it is configured otherwise.
    pub json_only: bool,
    /// Open in a service whose settings name no endpoints.
    pub default: bool,
}

/// A member of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the body.
    pub name: &'static str,
    /// The types it may have.
    pub want: Want,
}

/// The types a field may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// A string.
    String,
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string or an array.
    StringOrArray,
    /// A string, an array or null.
    StringArrayOrNull,
}

impl Want {
    pub(crate) fn allows(self, kind: Kind) -> bool {
        match self {
            Self::String => kind == Kind::String,
            Self::Object => kind == Kind::Object,
            Self::Array => kind == Kind::Array,
            Self::StringOrArray => matches!(kind, Kind::String | Kind::Array),
            Self::StringArrayOrNull => matches!(kind, Kind::String | Kind::Array | Kind::Null),
        }
    }
}

/// What most rows have: an endpoint for JSON that needs a model, keeps nothing and is opened by name.
const fn row(path: &'static str, name: &'static str, want: Want) -> Endpoint {
    let own = Parameter { name, want };
    Endpoint { path, own, model_optional: false, stateful: false, json_only: true, default: false }
}

/// Every endpoint known here. A host may open others all the same; of those only the model is asked (contract §6).
pub static ENDPOINTS: [Endpoint; 8] = [
    Endpoint { default: true, ..row("/v1/chat/completions", "messages", Want::Array) },
    row("/v1/completions", "prompt", Want::StringArrayOrNull),
    row("/v1/embeddings", "input", Want::StringOrArray),
    Endpoint { stateful: true, ..row("/v1/responses", "input", Want::StringOrArray) },
    Endpoint { model_optional: true, ..row("/v1/moderations", "input", Want::StringOrArray) },
    Endpoint {
        model_optional: true,
        json_only: false,
        ..row("/v1/images/generations", "prompt", Want::String)
    },
    Endpoint { model_optional: true, json_only: false, ..row("/v1/images/edits", "prompt", Want::String) },
    Endpoint { model_optional: true, json_only: false, ..row("/v1/videos", "prompt", Want::String) },
];

impl Endpoint {
    /// The endpoint of this path, if it is known here.
    pub fn of(path: &str) -> Option<&'static Self> {
        ENDPOINTS.iter().find(|endpoint| endpoint.path == path)
    }

    /// The paths of those chosen, in the table's order.
    ///
    /// ```
    /// use edgebatch::internal::endpoint::Endpoint;
    ///
    /// assert_eq!(Endpoint::paths(|endpoint| endpoint.default).collect::<Vec<_>>(), ["/v1/chat/completions"]);
    /// assert_eq!(Endpoint::paths(|endpoint| endpoint.json_only).count(), 5);
    /// ```
    pub fn paths(mut chosen: impl FnMut(&Self) -> bool) -> impl Iterator<Item = &'static str> {
        ENDPOINTS.iter().filter(move |endpoint| chosen(endpoint)).map(|endpoint| endpoint.path)
    }
}
