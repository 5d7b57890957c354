//! `js/core/rules.ts`.

use super::hold;
use super::print::File;
use crate::input::endpoint::{ENDPOINTS, Endpoint};
use crate::json::value::Value;
use crate::repair::Cure;
use crate::settings::Settings;
use crate::wire::{BatchStatus, SendOrder};
use crate::{batch, keys, limits};
use serde::Serialize;

/// Every status. The match has this list grow with the statuses.
pub(super) fn statuses() -> Vec<BatchStatus> {
    use BatchStatus::{
        Cancelled, Cancelling, Completed, Expired, Failed, Finalizing, InProgress, Validating,
    };
    let next = |status| match status {
        Validating => Some(Failed),
        Failed => Some(InProgress),
        InProgress => Some(Finalizing),
        Finalizing => Some(Completed),
        Completed => Some(Expired),
        Expired => Some(Cancelling),
        Cancelling => Some(Cancelled),
        Cancelled => None,
    };
    std::iter::successors(Some(Validating), |status| next(*status)).collect()
}

/// Members in the order given.
pub(super) fn object<T: Serialize>(members: impl IntoIterator<Item = (String, T)>) -> impl Serialize {
    struct Object<T>(Vec<(String, T)>);
    impl<T: Serialize> Serialize for Object<T> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
        }
    }
    Object(members.into_iter().collect())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    completion_window: &'static str,
    max_metadata_pairs: usize,
    max_metadata_key_chars: usize,
    max_metadata_value_chars: usize,
    max_custom_id_chars: usize,
    default_page: u32,
    max_page: u32,
    min_file_lifetime_seconds: u64,
    max_file_lifetime_seconds: u64,
    sniff_bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prefix {
    prefix: &'static str,
    owner: &'static str,
    is_private: bool,
}

fn written_by(owner: keys::Owner) -> &'static str {
    match owner {
        keys::Owner::Service => "service",
        keys::Owner::Run => "run",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndpointRow {
    parameter: &'static str,
    model_optional: bool,
    json_only: bool,
}

#[test]
fn rules_are_in_typescript_as_they_are_here() {
    let mut file = File::new(
        "The rules of the core, as data.",
        "import type { Cure } from \"./repair.ts\";\nimport type { EndpointRules, SettingsWithDefaults } from \"./settings.ts\";\nimport type { BatchOrder, BatchStatus } from \"./types.ts\";\n",
    );
    file.constant(
        "The defaults of a service's settings.",
        "defaults",
        "SettingsWithDefaults",
        &Settings::default(),
    );
    let terminal = statuses().into_iter().map(|status| {
        let name = Value::from_json(&crate::json::value::to_json(&status)).unwrap();
        (name.as_str().unwrap().to_owned(), status.is_terminal())
    });
    file.constant(
        "Every status of a batch, and whether it is the end.",
        "isTerminal",
        "Readonly<Record<BatchStatus, boolean>>",
        &object(terminal),
    );
    file.constant(
        "The endpoints that are known, by what a body must hold besides the model.",
        "endpoints",
        "Readonly<Record<string, EndpointRules>>",
        &object(ENDPOINTS.iter().map(|Endpoint { path, own, model_optional, json_only, .. }| {
            let row =
                EndpointRow { parameter: own.name, model_optional: *model_optional, json_only: *json_only };
            ((*path).to_owned(), row)
        })),
    );
    file.constant(
        "In which orders requests may be sent.",
        "orders",
        "readonly BatchOrder[]",
        &SendOrder::ALL,
    );
    file.constant(
        "What no setting changes.",
        "fixedLimits",
        "",
        &Limits {
            completion_window: limits::COMPLETION_WINDOW,
            max_metadata_pairs: limits::MAX_METADATA_PAIRS,
            max_metadata_key_chars: limits::MAX_METADATA_KEY_CHARS,
            max_metadata_value_chars: limits::MAX_METADATA_VALUE_CHARS,
            max_custom_id_chars: limits::MAX_CUSTOM_ID_CHARS,
            default_page: limits::DEFAULT_PAGE,
            max_page: limits::MAX_PAGE,
            min_file_lifetime_seconds: limits::MIN_FILE_LIFETIME_SECONDS,
            max_file_lifetime_seconds: limits::MAX_FILE_LIFETIME_SECONDS,
            sniff_bytes: limits::SNIFF_BYTES,
        },
    );
    file.constant(
        "What the keys of records in the store begin with, who writes them once their batch exists, and whether nobody but the \
         batch's run reads them.",
        "keys",
        "",
        &object(keys::PREFIXES.map(|(prefix, owner, is_private)| {
            let name = prefix.trim_end_matches(':').to_owned();
            (name, Prefix { prefix, owner: written_by(owner), is_private })
        })),
    );
    file.constant(
        "The version of checkpoints that this build writes, and the only one that it reads.",
        "checkpointVersion",
        "",
        &batch::CHECKPOINT_VERSION,
    );
    file.constant(
        "What can be mended in a file, in the order in which it is.",
        "cures",
        "readonly Cure[]",
        &Cure::ALL,
    );
    hold("js/core/rules.ts", file.text());
}
