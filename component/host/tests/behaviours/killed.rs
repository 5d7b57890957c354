//! An instance that is gone at any moment loses nothing and does nothing twice.

use crate::{component, run};
use edgebatch_component_host::{Instance, Memory};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SETTINGS: &str = "{}";

fn input(requests: usize) -> String {
    let line = |n: usize| {
        let body =
            json!({ "model": "m", "messages": [{ "role": "user", "content": format!("question {n}") }] });
        format!(
            "{}\n",
            json!({
                "custom_id": format!("request-{n}"), "method": "POST", "url": "/v1/chat/completions", "body": body,
            })
        )
    };
    (0..requests).map(line).collect()
}

async fn created(instance: &Instance) -> String {
    let params = json!({
        "input_file_id": "file-input", "endpoint": "/v1/chat/completions", "completion_window": "24h",
    });
    let batch = instance.create(&params.to_string()).await.expect("good parameters");
    batch["id"].as_str().expect("an id").to_owned()
}

async fn start(memory: &Memory) -> Instance {
    component().start(memory, SETTINGS).await.expect("the component starts")
}

/// Every request once, each with the answer to itself.
fn assert_each_once(memory: &Memory, batch: &Value, requests: usize) {
    assert_eq!(batch["status"], "completed", "{batch}");
    assert_eq!(batch["request_counts"], json!({ "total": requests, "completed": requests, "failed": 0 }));
    let output = memory.file(batch["output_file_id"].as_str().expect("an output file")).expect("it is there");
    let mut seen = BTreeSet::new();
    for line in String::from_utf8(output).expect("text").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let id = line["custom_id"].as_str().expect("an id");
        let asked = &line["response"]["body"]["echo"]["messages"][0]["content"];
        assert_eq!(asked.as_str(), Some(id.replace("request-", "question ").as_str()));
        assert!(seen.insert(id.to_owned()), "{id} is there twice");
    }
    assert_eq!(seen.len(), requests);
}

#[test]
fn a_batch_killed_again_and_again_has_every_line_exactly_once() {
    run(async {
        const REQUESTS: usize = 1_000;
        let memory = Memory::new(None);
        memory.change(|memory| memory.add_file("file-input", input(REQUESTS).as_bytes()));
        let id = created(&start(&memory).await).await;
        let (mut kills, mut random) = (0, 0x2545_F491_4F6C_DD1D_u64);
        let end = loop {
            let instance = start(&memory).await;
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Some die on the way to their first call of the model, some run for a while.
            memory.die_after(Some(1 + random % 200));
            let turn = async {
                loop {
                    let end = instance.run_turn(&id, None).await.expect("the checkpoint can be read");
                    if end["state"] != "held" {
                        break end;
                    }
                    // The dead one's lease runs out.
                    let wake_at = end["wakeAt"].as_u64().expect("a time");
                    tokio::time::sleep(Duration::from_millis(wake_at.saturating_sub(memory.now()).max(1)))
                        .await;
                }
            };
            tokio::select! {
                end = turn => break end,
                () = memory.until(Memory::is_dead) => kills += 1,
            }
        };
        memory.die_after(None);
        assert_eq!(end, json!({ "state": "terminal", "wakeAt": null, "message": null }));
        assert!(kills >= 10, "it was killed {kills} times only");
        assert_each_once(&memory, &start(&memory).await.retrieve(&id).await.expect("the batch"), REQUESTS);
    });
}

#[test]
fn a_batch_has_one_owner_among_instances() {
    run(async {
        let memory = Memory::new(None);
        memory.change(|memory| {
            memory.add_file("file-input", input(3).as_bytes());
            memory.answer(false);
        });
        let (first, second) = (start(&memory).await, start(&memory).await);
        let id = created(&first).await;
        let late = async {
            memory.until(|memory| memory.activity().in_flight == 3).await;
            let end = second.run_turn(&id, None).await.expect("no error");
            assert_eq!(end["state"], "held");
            memory.change(|memory| memory.answer(true));
        };
        let (end, ()) = futures::future::join(first.run_turn(&id, None), late).await;
        assert_eq!(end.expect("no error")["state"], "terminal");
        assert_eq!(memory.activity().asked, 3);
        assert_each_once(&memory, &second.retrieve(&id).await.expect("the batch"), 3);
    });
}

#[test]
fn an_instance_whose_batch_another_took_writes_nothing_more() {
    run(async {
        let memory = Memory::new(None);
        memory.change(|memory| {
            memory.add_file("file-input", input(3).as_bytes());
            memory.answer(false);
        });
        let instance = start(&memory).await;
        let id = created(&instance).await;
        let taking = async {
            memory.until(|memory| memory.activity().in_flight == 3).await;
            memory.change(|memory| {
                memory.store(&format!("lease:{id}"), b"another's");
                memory.answer(true);
            });
        };
        let (end, ()) = futures::future::join(instance.run_turn(&id, None), taking).await;
        assert_eq!(end.expect("no error")["state"], "held");
        let batch = instance.retrieve(&id).await.expect("the batch");
        assert_eq!(
            (&batch["status"], &batch["request_counts"]["completed"]),
            (&json!("in_progress"), &json!(0))
        );
        assert_eq!(memory.record(&format!("lease:{id}")).as_deref(), Some(&b"another's"[..]));
    });
}

#[test]
fn bad_input_is_refused_with_the_parameter_at_fault() {
    run(async {
        let memory = Memory::new(None);
        let instance = start(&memory).await;
        let refused = instance.create("{").await.expect_err("it is no JSON");
        assert_eq!((&refused["status"], &refused["type"]), (&json!(400), &json!("invalid_request_error")));
        let refused = instance.list(r#"{"limit": "ten"}"#).await.expect_err("it is no number");
        assert_eq!((&refused["status"], &refused["param"]), (&json!(400), &json!("limit")));
        let refused =
            component().start(&memory, r#"{"maxConcurrentBatches": 0}"#).await.err().expect("it is too few");
        assert!(refused.to_string().contains("maxConcurrentBatches"), "{refused}");
    });
}
