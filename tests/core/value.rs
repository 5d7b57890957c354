//! Plain values, and what of them fits a type.

use edgebatch::internal::value::{Misfit, Value};
use edgebatch::{Batch, BatchStatus, Dialect, ListParams, Settings};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// As the options that a host's language hands in are read.
fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Misfit> {
    T::deserialize(Value::from_json(json)?)
}

fn misfit(json: serde_json::Value) -> Misfit {
    from_json::<Settings>(json.to_string().as_bytes()).unwrap_err()
}

#[test]
fn a_misfit_names_the_member_and_those_around_it() {
    let cases = [
        (json!({"limits": {"maxRequests": -1}}), "limits.maxRequests: expected a whole number, 0 or more"),
        (json!({"limits": {"maxErrors": 1.5}}), "limits.maxErrors: expected a whole number, 0 or more"),
        (
            json!({"maxAttempts": 4_294_967_296_u64}),
            "maxAttempts: expected a whole number from 0 to 4294967295",
        ),
        (json!({"maxAttempts": null}), "maxAttempts: expected a whole number from 0 to 4294967295"),
        (json!({"singleModel": "yes"}), "singleModel: expected a boolean"),
        (json!({"endpoints": "/v1/chat/completions"}), "endpoints: expected an array"),
        (json!({"endpoints": [7]}), "endpoints: expected a string"),
        (json!({"limits": [1, 2]}), "limits: expected an object"),
        (json!({"dialect": "french"}), "dialect: unknown variant `french`, expected `reference` or `openai`"),
        (json!([]), "expected an object"),
    ];
    for (json, expected) in cases {
        assert_eq!(misfit(json).to_string(), expected);
    }
    assert_eq!(misfit(json!({"limits": {"maxRequests": -1}})).path(), "limits.maxRequests");
}

#[test]
fn text_that_is_no_json_is_a_misfit_and_says_where() {
    let misfit = from_json::<Value>(b"{\"a\": }").unwrap_err();
    assert_eq!(misfit.to_string(), "expected value at line 1 column 7");
}

#[test]
fn members_that_are_not_known_are_passed_over() {
    let params: ListParams = from_json(br#"{"limit": 3, "order": {"by": ["age"]}, "after": null}"#).unwrap();
    assert_eq!(params, ListParams { after: None, limit: Some(3) });
}

#[test]
fn a_value_read_from_a_value_is_the_same_with_keys_that_are_no_text() {
    let number = (Value::Natural(1), Value::Array(vec![Value::Negative(-1), Value::Decimal(0.5)]));
    let value = Value::Object(vec![number, ("a".into(), Value::Bool(true)), ("a".into(), Value::Null)]);
    assert_eq!(value.get("a"), Some(&Value::Null), "the last of a name counts");
    assert_eq!(Value::deserialize(value.clone()).unwrap(), value);
}

#[test]
fn a_word_or_an_object_of_one_member_is_a_variant() {
    assert_eq!(from_json::<Dialect>(b"\"openai\"").unwrap(), Dialect::Openai);
    assert_eq!(from_json::<Dialect>(b"{\"reference\": null}").unwrap(), Dialect::Reference);
    assert!(from_json::<Dialect>(b"3").is_err() && from_json::<Dialect>(b"{}").is_err());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|v| json!(v)),
        any::<u64>().prop_map(|v| json!(v)),
        any::<i64>().prop_map(|v| json!(v)),
        any::<f64>().prop_map(|v| json!(v)),
        ".{0,8}".prop_map(|v| json!(v)),
        prop_oneof![Just("batch"), Just("list"), Just("failed"), Just("24h")].prop_map(|v| json!(v)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|v| json!(v)),
            prop::collection::hash_map("[a-c]|line|code|message|param|total", inner, 0..4)
                .prop_map(|v| json!(v)),
        ]
    })
}

/// A batch as serde derives it.
#[derive(Serialize, Deserialize)]
struct Derived {
    id: String,
    object: Tag,
    endpoint: String,
    model: Option<String>,
    errors: Option<DerivedErrors>,
    input_file_id: String,
    completion_window: String,
    status: Status,
    output_file_id: Option<String>,
    error_file_id: Option<String>,
    created_at: u64,
    in_progress_at: Option<u64>,
    expires_at: Option<u64>,
    finalizing_at: Option<u64>,
    completed_at: Option<u64>,
    failed_at: Option<u64>,
    expired_at: Option<u64>,
    cancelling_at: Option<u64>,
    cancelled_at: Option<u64>,
    request_counts: DerivedCounts,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tag {
    Batch,
    List,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Failed,
}

#[derive(Serialize, Deserialize)]
struct DerivedErrors {
    object: Tag,
    data: Vec<DerivedError>,
}

#[derive(Serialize, Deserialize)]
struct DerivedError {
    code: String,
    message: String,
    param: Option<String>,
    line: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct DerivedCounts {
    total: u64,
    completed: u64,
    failed: u64,
}

proptest! {
    /// A record in which anything may have become anything else reads as what serde derives reads it, or is refused as that
    /// refuses it. (Arrays in place of structs, which it takes, do not come: no record was ever stored so.)
    #[test]
    fn records_are_read_as_serde_json_reads_them(changes in prop::collection::vec((0..28usize, any_json()), 0..3)) {
        let zeros = json!({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3,
            "input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {"reasoning_tokens": 5}});
        let mut record = json!({"id": "batch_1", "object": "batch", "endpoint": "/v1/embeddings", "model": null,
            "errors": {"object": "list", "data": [{"code": "c", "message": "m", "param": null, "line": 7}]},
            "input_file_id": "file-1", "completion_window": "24h", "status": "failed", "output_file_id": null,
            "error_file_id": "file-2", "created_at": 1, "in_progress_at": null, "expires_at": 9,
            "finalizing_at": null, "completed_at": null, "failed_at": 4, "expired_at": null, "cancelling_at": null,
            "cancelled_at": null, "request_counts": {"total": 1, "completed": 0, "failed": 0}, "usage": zeros,
            "metadata": {"a": "b"}});
        for (at, value) in changes {
            let members = record.as_object_mut().unwrap();
            let key = members.keys().nth(at).cloned().unwrap_or_else(|| "more".to_owned());
            let structs = ["errors", "request_counts"];
            // The words of enums, too, are never stored as objects; of tokens, zeros are read where nothing is said.
            let enums = ["object", "status"];
            let never = (structs.contains(&key.as_str()) && value.is_array())
                || (enums.contains(&key.as_str()) && !value.is_string())
                || key == "usage"
                || value.to_string().contains("\"object\"");
            if !never {
                members.insert(key, value);
            }
        }
        let json = record.to_string();
        prop_assume!(!json.contains("[["));
        let ours = serde_json::from_str::<Batch>(&json).ok().map(|batch| {
            assert_eq!(batch.status, BatchStatus::Failed);
            let mut shown = serde_json::to_value(batch).unwrap();
            shown.as_object_mut().unwrap().retain(|name, _| !["usage", "edgebatch"].contains(&name.as_str()));
            shown
        });
        let theirs = serde_json::from_str::<Derived>(&json).ok();
        // Both of `batch` and `list` have a place here.
        let theirs = theirs.filter(|theirs| matches!(theirs.object, Tag::Batch));
        let theirs = theirs.filter(|theirs| theirs.errors.as_ref().is_none_or(|e| matches!(e.object, Tag::List)));
        prop_assert_eq!(ours, theirs.map(|theirs| serde_json::to_value(theirs).unwrap()));
    }
}
