//! Which endpoint the file is for, and whether a body is one of its.

use crate::input::endpoint::{ENDPOINTS, Endpoint};
use crate::json::scan::{Kind, Query};

/// Bytes of an endpoint that a file may name by itself.
const MOST: usize = 104;

#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: String,
    /// What is known of it.
    endpoint: Option<&'static Endpoint>,
}

impl Target {
    pub(super) fn of(path: String) -> Self {
        Self { endpoint: Endpoint::of(&path), path }
    }

    /// By the url of the first request: itself if it is a path, or the endpoint that it ends with.
    pub(super) fn meant_by(url: Option<&str>) -> Self {
        let url = url.unwrap_or_default().trim_ascii().trim_end_matches('/');
        let rooted = ["/", url].concat();
        let mut known = ENDPOINTS.iter().map(|endpoint| endpoint.path);
        let ending = |path: &&str| path.strip_prefix("/v1").is_some_and(|ending| rooted.ends_with(ending));
        let usual = Endpoint::paths(|endpoint| endpoint.default).next().unwrap_or_default();
        let own = (url.starts_with("/v1/") && url.len() <= MOST).then_some(url);
        Self::of(own.or_else(|| known.find(ending)).unwrap_or(usual).to_owned())
    }

    /// The members of a line that are looked at. Without a parameter of its own the name is "", and [`Self::fits`] does
    /// not look at what that finds.
    pub(super) fn query(&self) -> Query<'static> {
        let own = self.endpoint.map_or("", |endpoint| endpoint.own.name);
        Query::new(["custom_id", "method", "url", "body"], 3, ["stream", "stream_options", own])
    }

    /// Whether a body whose own parameter is of this kind may go there.
    pub(super) fn fits(&self, own: Option<Kind>) -> bool {
        self.endpoint.is_none_or(|endpoint| {
            endpoint.stateful || own.is_some_and(|kind| endpoint.own.want.allows(kind))
        })
    }
}
