//! The behaviours the project was asked for, each told once and shown wherever a [`Place`] is: against the core
//! natively (`tests/core/seed.rs`) and through the exports of the wasm build (`tests/seed_wasm.rs`). The rows are in
//! `tests/data/seed_cases.json`, which the tests of the TypeScript library read too.

use serde_json::{Value, json};

/// Somewhere that runs the service over an empty store in memory. Values are what users see as JSON.
#[allow(async_fn_in_trait)]
pub(crate) trait Place {
    /// Whether a key can be something else than a string. Not where parameters come as JSON text.
    const HAS_ODD_KEYS: bool = true;
    /// A fresh service that knows these models.
    fn new(models: &[&str]) -> Self;
    /// Stores a file.
    fn add_file(&self, id: &str, content: &str);
    /// Creates a batch; metadata comes as pairs, as keys need not be strings. `Err` is an API error's fields.
    async fn create(&self, params: &Value, metadata: &[(Value, Value)]) -> Result<Value, Value>;
    /// The batch as it stands.
    async fn retrieve(&self, id: &str) -> Result<Value, Value>;
    /// Asks for a batch to be cancelled.
    async fn cancel(&self, id: &str) -> Result<Value, Value>;
    /// A page of batches.
    async fn list(&self, params: &Value) -> Result<Value, Value>;
    /// Validates a stored file: the report, and every good request as `{line, custom_id, method, url, body}`.
    async fn validate(&self, file_id: &str, endpoint: &str) -> (Value, Vec<Value>);
    /// What the key-value store holds.
    async fn stored(&self, key: &str) -> Option<String>;
    /// Puts something into the key-value store.
    async fn store(&self, key: &str, value: &str);
    /// Runs batches until [`Place::stop`].
    async fn serve(&self, settings: &Value);
    /// Has `serve` end.
    fn stop(&self);
    /// Lets a millisecond pass.
    async fn tick(&self);
    /// What happened in the model so far. It answers nothing before [`Place::let_model_answer`].
    fn activity(&self) -> Activity;
    /// From now on every call is answered.
    fn let_model_answer(&self);
}

/// What a run did to its host.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activity {
    /// Calls of the model that wait for an answer.
    pub(crate) in_flight: u64,
    /// The most that ever waited at once.
    pub(crate) most: u64,
    /// How often `serve` looked for unfinished batches.
    pub(crate) looks: u64,
}

fn cases() -> Value {
    serde_json::from_str(include_str!("../../data/seed_cases.json")).expect("the cases are JSON")
}

fn case(kind: &str, name: &str) -> Value {
    cases()[kind].get(name).unwrap_or_else(|| panic!("no case {name} among {kind}")).clone()
}

fn place<P: Place>() -> P {
    let cases = cases();
    let models: Vec<&str> = cases["known_models"].as_array().unwrap().iter().map(text).collect();
    P::new(&models)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

/// A sample's parameters as `create` of a place takes them.
async fn create(place: &impl Place, params: &Value) -> Result<Value, Value> {
    let mut params = params.clone();
    let metadata = params.as_object_mut().unwrap().remove("metadata").unwrap_or_default();
    let pairs = metadata.as_object().into_iter().flatten().map(|(k, v)| (k.clone().into(), v.clone()));
    place.create(&params, &pairs.collect::<Vec<_>>()).await
}

async fn create_sample(place: &impl Place) -> Value {
    create(place, &cases()["sample"]).await.unwrap()
}

/// Creates three batches over different files; their ids in that order.
async fn create_three(place: &impl Place) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..3 {
        let params = json!({
            "input_file_id": format!("file_{i}"), "endpoint": "/v1/chat/completions", "completion_window": "24h",
        });
        ids.push(text(&place.create(&params, &[]).await.unwrap()["id"]).to_owned());
    }
    ids
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|batch| text(&batch["id"])).collect()
}

/// Every field of a batch is there and of its type.
fn check_batch(batch: &Value, metadata: &Value) {
    for field in ["id", "completion_window", "endpoint", "input_file_id"] {
        assert!(batch[field].is_string(), "{field}: {batch}");
    }
    assert_eq!(batch["object"], "batch");
    let status = text(&batch["status"]);
    let statuses = "validating failed in_progress finalizing completed expired cancelling cancelled";
    assert!(statuses.split(' ').any(|known| known == status), "{status}");
    assert_eq!(batch["metadata"], *metadata);
    assert!(batch["created_at"].as_u64().unwrap() > 0);
    for event in
        ["in_progress", "expires", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"]
    {
        let at = &batch.get(format!("{event}_at")).unwrap_or_else(|| panic!("no {event}_at in {batch}"));
        assert!(at.is_null() || at.is_u64(), "{event}_at: {at}");
    }
    for file in ["output_file_id", "error_file_id"] {
        let id = batch.get(file).unwrap_or_else(|| panic!("no {file} in {batch}"));
        assert!(id.is_null() || id.is_string(), "{file}: {id}");
    }
    for count in ["total", "completed", "failed"] {
        assert!(batch["request_counts"][count].is_u64(), "{count}: {batch}");
    }
    let errors = &batch["errors"];
    if !errors.is_null() {
        assert_eq!(errors["object"], "list");
        for error in errors["data"].as_array().unwrap() {
            assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
            assert!(error["param"].is_null() || error["param"].is_string(), "{error}");
            assert!(error["line"].is_null() || error["line"].is_u64(), "{error}");
        }
    }
}

fn assert_refused(refused: Result<Value, Value>, status: u64, message: &str) {
    let error = refused.expect_err("it is to be refused");
    assert_eq!(error["status"], status, "{error}");
    assert_eq!(error["type"], "invalid_request_error");
    assert!(text(&error["message"]).contains(message), "{error} does not say: {message}");
}

pub(crate) async fn test_create_and_retrieve_batch_success<P: Place>() {
    let place: P = place();
    let sample = &cases()["sample"];
    let created = create_sample(&place).await;
    check_batch(&created, &sample["metadata"]);
    assert!(text(&created["id"]).starts_with("batch_"));
    assert!(text(&created["id"]).len() > 13);
    for field in ["endpoint", "input_file_id", "completion_window"] {
        assert_eq!(created[field], sample[field]);
    }
    assert_eq!(created["status"], "validating");

    let retrieved = place.retrieve(text(&created["id"])).await.unwrap();
    assert_eq!(retrieved, created);
}

pub(crate) async fn test_create_batch_without_metadata<P: Place>() {
    let place: P = place();
    let mut params = cases()["sample"].clone();
    params.as_object_mut().unwrap().remove("metadata");
    let batch = place.create(&params, &[]).await.unwrap();
    check_batch(&batch, &Value::Null);
}

/// `test_create_batch_completion_window` and the rows of `test_create_batch_invalid_endpoints`.
pub(crate) async fn create_is_refused<P: Place>(name: &str) {
    let place: P = place();
    let case = case("refused_creates", name);
    assert_refused(create(&place, &case["params"]).await, 400, text(&case["message"]));
    assert_eq!(place.list(&json!({})).await.unwrap()["data"], json!([]));
}

pub(crate) async fn test_create_batch_invalid_metadata<P: Place>() {
    let place: P = place();
    let params = json!({
        "input_file_id": "file_123", "endpoint": "/v1/chat/completions", "completion_window": "24h",
    });
    for pair in [(json!(123), json!("invalid_key")), (json!("valid_key"), json!(456))] {
        if !P::HAS_ODD_KEYS && !pair.0.is_string() {
            continue;
        }
        assert_refused(place.create(&params, &[pair]).await, 400, "should be a valid string");
    }
}

pub(crate) async fn test_retrieve_batch_not_found<P: Place>() {
    let place: P = place();
    assert_refused(place.retrieve("nonexistent_batch").await, 404, "Batch 'nonexistent_batch' not found");
}

pub(crate) async fn test_cancel_batch_success<P: Place>() {
    let place: P = place();
    let created = create_sample(&place).await;
    assert_eq!(created["status"], "validating");

    let cancelled = place.cancel(text(&created["id"])).await.unwrap();
    check_batch(&cancelled, &created["metadata"]);
    assert_eq!(cancelled["id"], created["id"]);
    assert!(["cancelling", "cancelled"].contains(&text(&cancelled["status"])), "{cancelled}");
    assert!(cancelled["cancelling_at"].as_u64().unwrap() >= created["created_at"].as_u64().unwrap());
}

/// The rows of `test_cancel_batch_invalid_statuses`.
pub(crate) async fn cancel_is_refused<P: Place>(name: &str) {
    let place: P = place();
    let case = case("refused_cancels", name);
    let status = text(&case["status"]);
    let mut batch = create_sample(&place).await;
    batch["status"] = status.into();
    let id = text(&batch["id"]);
    place.store(&format!("batch:{id}"), &batch.to_string()).await;

    let message = format!("Cannot cancel batch '{id}' with status '{status}'");
    assert_refused(place.cancel(id).await, 409, &message);
    assert_eq!(place.retrieve(id).await.unwrap(), batch);
}

pub(crate) async fn test_cancel_batch_not_found<P: Place>() {
    let place: P = place();
    assert_refused(place.cancel("nonexistent_batch").await, 404, "Batch 'nonexistent_batch' not found");
}

pub(crate) async fn test_list_batches_empty<P: Place>() {
    let place: P = place();
    let empty = json!({ "object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false });
    assert_eq!(place.list(&json!({})).await.unwrap(), empty);
}

pub(crate) async fn test_list_batches_single_batch<P: Place>() {
    let place: P = place();
    let created = create_sample(&place).await;
    let list = place.list(&json!({})).await.unwrap();
    check_batch(&list["data"][0], &cases()["sample"]["metadata"]);
    assert_eq!(list["data"], json!([created]));
    assert_eq!(list["first_id"], created["id"]);
    assert_eq!(list["last_id"], created["id"]);
    assert_eq!(list["has_more"], false);
}

pub(crate) async fn test_list_batches_multiple_batches<P: Place>() {
    let place: P = place();
    let mut newest_first = create_three(&place).await;
    newest_first.reverse();
    let list = place.list(&json!({})).await.unwrap();
    assert_eq!(ids(&list), newest_first);
    assert_eq!(list["has_more"], false);
    assert_eq!(list["first_id"], newest_first[0]);
    assert_eq!(list["last_id"], newest_first[2]);
}

pub(crate) async fn test_list_batches_with_limit<P: Place>() {
    let place: P = place();
    let created = create_three(&place).await;
    let list = place.list(&json!({ "limit": 2 })).await.unwrap();
    assert_eq!(ids(&list), [created[2].as_str(), &created[1]]);
    assert_eq!(list["has_more"], true);
    assert_eq!(list["first_id"], list["data"][0]["id"]);
    assert_eq!(list["last_id"], list["data"][1]["id"]);
}

pub(crate) async fn test_list_batches_with_pagination<P: Place>() {
    let place: P = place();
    create_three(&place).await;
    let first = place.list(&json!({ "limit": 1 })).await.unwrap();
    assert_eq!(ids(&first).len(), 1);
    assert_eq!(first["has_more"], true);
    let second = place.list(&json!({ "limit": 1, "after": first["data"][0]["id"] })).await.unwrap();
    assert_eq!(ids(&second).len(), 1);
    let all = place.list(&json!({})).await.unwrap();
    assert_eq!(second["data"][0], all["data"][1]);
    assert_ne!(second["data"][0]["id"], first["data"][0]["id"]);
}

pub(crate) async fn test_list_batches_invalid_after<P: Place>() {
    let place: P = place();
    let created = create_sample(&place).await;
    let list = place.list(&json!({ "after": "nonexistent_batch" })).await.unwrap();
    assert_eq!(list["data"], json!([created]));
}

pub(crate) async fn test_kvstore_persistence<P: Place>() {
    let place: P = place();
    let batch = create_sample(&place).await;
    let stored = place.stored(&format!("batch:{}", text(&batch["id"]))).await.expect("it is stored");
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored["id"], batch["id"]);
    assert_eq!(stored["input_file_id"], cases()["sample"]["input_file_id"]);
    assert_eq!(stored, batch);
}

/// Every `test_validate_input_…`.
pub(crate) async fn input_is_judged<P: Place>(name: &str) {
    let place: P = place();
    let case = case("inputs", name);
    let id = text(&case["file_id"]);
    if let Some(file) = case["file"].as_str() {
        place.add_file(id, file);
    }
    let (mut report, requests) = place.validate(id, "/v1/chat/completions").await;
    // Where a line breaks and why is said besides.
    for error in report["errors"].as_array_mut().unwrap() {
        error.as_object_mut().unwrap().retain(|name, _| !["column", "reason"].contains(&name.as_str()));
    }
    assert_eq!(report["errors"], case["errors"]);
    assert_eq!(report["errorCount"], case["errors"].as_array().unwrap().len());
    assert_eq!(Value::from(requests), case["requests"]);
}

/// Of three batches two run; the third has its turn when one of them ends.
pub(crate) async fn test_max_concurrent_batches<P: Place>() {
    let place: P = place();
    place.add_file("file_id", text(&cases()["request"]));
    let params = json!({
        "input_file_id": "file_id", "endpoint": "/v1/chat/completions", "completion_window": "24h",
    });
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(text(&place.create(&params, &[]).await.unwrap()["id"]).to_owned());
    }
    let watch = async {
        until(&place, |seen| seen.in_flight >= 2).await;
        // Three more looks for unfinished batches, each a chance to start the third.
        let looks = place.activity().looks;
        until(&place, |seen| seen.looks >= looks + 3).await;
        assert_eq!(place.activity().in_flight, 2);
        let mut statuses = Vec::new();
        for id in &waiting {
            statuses.push(place.retrieve(id).await.unwrap()["status"].clone());
        }
        assert_eq!(statuses, ["in_progress", "in_progress", "validating"]);

        place.let_model_answer();
        for id in &waiting {
            while place.retrieve(id).await.unwrap()["status"] != "completed" {
                place.tick().await;
            }
        }
        assert_eq!(place.activity().most, 2);
        place.stop();
    };
    futures::future::join(place.serve(&json!({ "maxConcurrentBatches": 2 })), watch).await;
}

async fn until(place: &impl Place, condition: impl Fn(Activity) -> bool) {
    while !condition(place.activity()) {
        place.tick().await;
    }
}
