//! `tests/js/wire.ts`: a record of each type with everything set that can be, and one with nothing.

use super::hold;
use super::print::File;
use super::rules::object;
use crate::digest::Digesting;
use crate::error::ApiError;
use crate::json::value::Value;
use crate::service::{CreateParams, ListParams, ResultsParams, page, page_limit};
use crate::settings::Dialect;
use crate::validate::{LineSize, Report, Statistics, Tally, size_class};
use crate::wire::{
    Batch, BatchError, BatchErrors, BatchStatus, Budget, Continued, Deduped, Extension, FileObject,
    InputTokensDetails, Manifest, Metadata, OutputTokensDetails, RequestCounts, Rerun, Reused, SendOrder,
    Usage, Used, Wait,
};
use serde::de::{self, Visitor};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};
use std::fmt;

fn error() -> BatchError {
    BatchError {
        code: "c".into(),
        message: "m".into(),
        param: Some("p".into()),
        line: Some(1),
        column: None,
        reason: None,
    }
}

fn usage() -> Usage {
    Usage {
        input_tokens: 1,
        output_tokens: 2,
        total_tokens: 3,
        input_tokens_details: InputTokensDetails { cached_tokens: 4 },
        output_tokens_details: OutputTokensDetails { reasoning_tokens: 5 },
    }
}

// Every member is written out: a new one does not compile until it has a value here.
fn full() -> Batch {
    let mut metadata = Metadata::default();
    metadata.set("name".into(), "text".into());
    Batch {
        id: "batch_1".into(),
        object: Default::default(),
        endpoint: "/v1/e".into(),
        model: Some("m".into()),
        errors: Some(BatchErrors { object: Default::default(), data: vec![error()] }),
        input_file_id: "file-1".into(),
        completion_window: "24h".into(),
        status: BatchStatus::Completed,
        output_file_id: Some("file-2".into()),
        error_file_id: Some("file-3".into()),
        created_at: 1,
        in_progress_at: Some(2),
        expires_at: Some(3),
        finalizing_at: Some(4),
        completed_at: Some(5),
        failed_at: Some(6),
        expired_at: Some(7),
        cancelling_at: Some(8),
        cancelled_at: Some(9),
        request_counts: RequestCounts { total: 1, completed: 2, failed: 3 },
        usage: usage(),
        metadata: Some(metadata),
        edgebatch: Some(Extension {
            continued: Some(Continued {
                continue_from: "batch_0".into(),
                only: vec![Rerun::Failed],
                merge: true,
                reused: Some(Reused { completed: 1, failed: 2, not_run: 3, usage: usage() }),
            }),
            priority: -1,
            budget: Some(Budget {
                requests: Some(1),
                input_tokens: Some(2),
                output_tokens: Some(3),
                total_tokens: Some(4),
                cost: Some(5.5),
                used: Used {
                    requests: 1,
                    input_tokens: 2,
                    output_tokens: 3,
                    total_tokens: 4,
                    cost: Some(0.25),
                },
            }),
            ended_by_budget: true,
            dedupe: true,
            deduped: Some(Deduped { requests: 4, usage: usage() }),
            split: true,
            parts: Some(2),
            order: Some(SendOrder::Prefix),
            waiting: Some(Wait {
                reason: "failing".into(),
                status: Some(500),
                message: "m".into(),
                since: 1,
                until: 2,
            }),
            paused_at: Some(3),
            moving_at: Some(4),
            moved_at: Some(5),
            results_file_id: Some("file-4".into()),
        }),
    }
}

fn bare() -> Batch {
    Batch {
        model: None,
        errors: None,
        output_file_id: None,
        error_file_id: None,
        in_progress_at: None,
        expires_at: None,
        finalizing_at: None,
        completed_at: None,
        failed_at: None,
        expired_at: None,
        cancelling_at: None,
        cancelled_at: None,
        metadata: None,
        edgebatch: None,
        ..full()
    }
}

fn manifest(digest: Option<&String>) -> serde_json::Value {
    let id = "file-1".to_owned();
    let manifest = Manifest {
        batch_id: "batch_1",
        status: BatchStatus::Completed,
        request_counts: RequestCounts { total: 1, completed: 2, failed: 3 },
        files: [Some(&id).zip(digest); 3],
        made: 1,
        lost: 2,
    };
    serde_json::from_slice(&manifest.json()).unwrap()
}

fn report(model: Option<String>) -> Report {
    Report {
        errors: vec![BatchError { column: Some(2), reason: Some("r".into()), ..error() }],
        error_count: 1,
        request_count: 2,
        valid_count: 3,
        line_count: 4,
        bytes: 5,
        model,
    }
}

fn statistics() -> Statistics {
    let tally = || vec![Tally { name: "n".into(), count: 1 }];
    Statistics {
        codes: tally(),
        sizes: vec![1],
        longest: vec![LineSize { line: 1, bytes: 2 }],
        models: tally(),
        other_models: 1,
    }
}

fn refusal(bare: bool) -> ApiError {
    let error = ApiError::invalid_request("m");
    if bare { error } else { error.param("p").code("c") }
}

/// The least bytes of each class of sizes, beginning with 0.
fn class_starts() -> Vec<u64> {
    let mut starts: Vec<u64> = Vec::new();
    for class in 0..120 {
        let mut least = starts.last().copied().unwrap_or(0);
        // Some classes are empty: they begin where the next does.
        let step = (least >> 3).max(1);
        while size_class(least) < class {
            least += step;
        }
        while least > 0 && size_class(least - 1) >= class {
            least -= 1;
        }
        starts.push(least);
    }
    starts
}

#[test]
fn types_are_in_typescript_as_they_are_here() {
    let mut file = File::new(
        "Records of the core: where its types and ours differ, this does not compile.",
        concat!(
            "import type { ApiErrorFields } from \"../../js/core/errors.ts\";\n",
            "import type { Report, Statistics } from \"../../js/core/reports.ts\";\n",
            "import type {\n  Batch,\n  BatchCreateParams,\n  BatchError,\n  BatchList,\n  BatchListParams,\n",
            "  BatchResultsParams,\n  Dialect,\n  FileObject,\n} from \"../../js/core/types.ts\";\n",
            "import type { Bare, Full, Named } from \"./wire-types.ts\";\n",
        ),
    );
    file.record("fullBatch", "Full<Batch>", &full());
    file.record("bareBatch", "Bare<Batch>", &bare());
    file.record("fullError", "Full<BatchError>", &error());
    file.record("bareError", "Bare<BatchError>", &BatchError { param: None, line: None, ..error() });
    let list = "Omit<Full<BatchList>, \"data\"> & { data: Bare<Batch>[] }";
    file.record("fullList", list, &page(vec![bare()], true));
    file.record("bareList", "Bare<BatchList>", &page(Vec::new(), false));
    file.record("fullRefusal", "Full<ApiErrorFields>", &refusal(false));
    file.record("bareRefusal", "Bare<ApiErrorFields>", &refusal(true));
    file.record("fullReport", "Full<Report>", &report(Some("m".into())));
    file.record("bareReport", "Bare<Report>", &report(None));
    file.record("statistics", "Full<Statistics>", &statistics());
    let file_object = FileObject { id: "file-1".into(), bytes: 1 };
    file.record("file", "Pick<Full<FileObject>, \"id\" | \"bytes\">", &file_object);
    file.record("createParams", "Named<BatchCreateParams>", &named(members::<CreateParams>()));
    file.record("listParams", "Named<BatchListParams>", &named(members::<ListParams>()));
    file.record("resultsParams", "Named<BatchResultsParams>", &named(members::<ResultsParams>()));
    let dialects = [Dialect::Reference, Dialect::Openai].map(|dialect| match dialect {
        Dialect::Reference => "reference",
        Dialect::Openai => "openai",
    });
    file.record("dialects", "Record<Dialect, true>", &named(&dialects));
    file.record("classStarts", "number[]", &class_starts());

    let kinds = ["null", "true", "1.5", "7", "-7", "\"a\"", "[]", "{}"];
    let kinds = kinds.map(|json| {
        let got = Value::from_json(json.as_bytes()).unwrap();
        (json.to_owned(), ApiError::wrong_type("p", "a list", got.kind()).message)
    });
    file.record("wrongTypes", "Record<string, string>", &object(kinds));
    file.record("missing", "ApiErrorFields", &ApiError::missing_parameter("p"));
    file.record("belowMinimum", "ApiErrorFields", &page_limit(Some(0)).unwrap_err());
    file.record("aboveMaximum", "ApiErrorFields", &page_limit(Some(101)).unwrap_err());
    hold("tests/js/wire.ts", file.text());
}

#[test]
fn manifests_are_in_typescript_as_they_are_here() {
    let mut file = File::new(
        "Manifests of the core: where its types and ours differ, this does not compile.",
        concat!(
            "import type { BatchManifest } from \"../../js/core/types.ts\";\n",
            "import type { Bare, Full } from \"./wire-types.ts\";\n",
        ),
    );
    let digest = Digesting::default().finish();
    file.record("fullManifest", "Full<BatchManifest>", &manifest(Some(&digest)));
    file.record("bareManifest", "Bare<BatchManifest>", &manifest(None));
    hold("tests/js/wire-manifest.ts", file.text());
}

fn named(names: &[&str]) -> impl Serialize {
    object(names.iter().map(|name| ((*name).to_owned(), true)))
}

/// The names that a type reads.
fn members<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    match T::deserialize(Names) {
        Err(Found(names)) => names,
        Ok(_) => panic!("it reads no members"),
    }
}

struct Names;

#[derive(Debug)]
struct Found(&'static [&'static str]);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Found {}

impl de::Error for Found {
    fn custom<T: fmt::Display>(message: T) -> Self {
        panic!("{message}")
    }
}

impl<'de> serde::Deserializer<'de> for Names {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        panic!("it reads no members")
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(names))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
