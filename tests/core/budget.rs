//! A batch with a budget starts nothing that would pass it, says what it left out, and never loses count, wherever the process
//! dies.

use crate::support::model::{Answers, Model, answer, good, mixed, refusal, steady};
use crate::support::{
    Ended, INPUT, Kill, START_MS, ScriptedHost, ended, finish, lines_of, params, requests, stored_batch, turn,
};
use edgebatch::{
    ApiError, Batch, BatchStatus, Budget, CreateParams, Dialect, Settings, Turn, Used, cancel, create,
};
use serde_json::{Value, json};

fn settings() -> Settings {
    Settings { max_concurrent_requests_per_batch: 5, ..Settings::default() }
}

fn priced() -> Settings {
    let prices = json!({"m": {"input": 1_000, "output": 2_000.5}});
    Settings { prices: serde_json::from_value(prices).expect("prices"), ..settings() }
}

fn new(host: &ScriptedHost, edgebatch: Value, settings: &Settings) -> Result<Batch, ApiError> {
    let edgebatch = serde_json::from_value(edgebatch).expect("any JSON");
    host.run(create(host, CreateParams { edgebatch, ..params() }, settings)).expect("alive")
}

/// A host with a file of so many lines, and a batch over it that may use so much.
fn capped(lines: u64, model: Model, budget: &Value, settings: &Settings) -> (ScriptedHost, String) {
    let host = ScriptedHost::new(model);
    host.add_file(INPUT, requests(lines));
    let id = new(&host, json!({"budget": budget}), settings).expect("created").id;
    (host, id)
}

fn run_capped(lines: u64, model: Model, budget: Value, settings: &Settings) -> (ScriptedHost, Ended) {
    let (host, id) = capped(lines, model, &budget, settings);
    finish(&host, &id, settings, 3);
    let end = ended(&host, &id);
    (host, end)
}

fn budget_of(batch: &Batch) -> Budget {
    batch.edgebatch.as_ref().and_then(|own| own.budget).expect("a budget")
}

fn used(batch: &Batch) -> Used {
    budget_of(batch).used
}

fn is_ended_by_budget(batch: &Batch) -> bool {
    batch.edgebatch.as_ref().is_some_and(|own| own.ended_by_budget)
}

fn calls(host: &ScriptedHost) -> u64 {
    host.calls().values().copied().map(u64::from).sum()
}

/// Lines that the budget had no room for.
fn left_out(end: &Ended) -> Vec<u64> {
    let lines = lines_of(end.error.as_ref());
    lines
        .iter()
        .filter(|(_, line)| line["error"]["code"] == "budget_exceeded")
        .map(|(line, _)| *line)
        .collect()
}

#[test]
fn so_many_requests_run_and_no_more_and_the_others_say_why() {
    let (host, end) = run_capped(700, steady(5), json!({"requests": 300}), &settings());
    assert_eq!(end.batch.status, BatchStatus::Cancelled);
    assert!(is_ended_by_budget(&end.batch));
    assert_eq!((end.batch.request_counts.total, end.batch.request_counts.completed), (700, 300));
    assert_eq!((calls(&host), used(&end.batch).requests), (300, 300));
    assert_eq!(left_out(&end), (301..=700).collect::<Vec<_>>());
    let (_, first) = &lines_of(end.error.as_ref())[0];
    let message = "This request was not executed because the budget of the batch was used up.";
    assert_eq!(first["error"], json!({"code": "budget_exceeded", "message": message}));
    assert_eq!(used(&end.batch).total_tokens, end.batch.usage.total_tokens);
}

#[test]
fn a_budget_that_is_enough_changes_nothing_but_that_it_is_shown() {
    for budget in
        [json!({"requests": 50}), json!({"requests": 51, "total_tokens": 10_000, "output_tokens": null})]
    {
        let (_, end) = run_capped(50, steady(5), budget, &settings());
        assert_eq!((end.batch.status, end.batch.request_counts.completed), (BatchStatus::Completed, 50));
        assert!(!is_ended_by_budget(&end.batch));
        assert_eq!((used(&end.batch).requests, used(&end.batch).input_tokens), (50, 150));
    }
}

#[test]
fn tokens_never_go_further_beyond_than_what_was_in_flight_and_come_close_below() {
    // Answers of 0 to 6 tokens, besides 3 of the question.
    for lanes in [1, 5, 40] {
        let settings = Settings { max_concurrent_requests_per_batch: lanes, ..settings() };
        for (name, cap, most) in [
            ("total_tokens", 1_500, 9),
            ("input_tokens", 900, 3),
            ("output_tokens", 700, 6),
            ("total_tokens", 7, 9),
        ] {
            let (host, end) = run_capped(1_000, steady(5), json!({name: cap}), &settings);
            assert!(is_ended_by_budget(&end.batch), "{name} {cap}");
            let used = used(&end.batch);
            let used = match name {
                "total_tokens" => used.total_tokens,
                "input_tokens" => used.input_tokens,
                _ => used.output_tokens,
            };
            assert!(used <= cap + most * u64::from(lanes), "{name}: {used} of {cap} with {lanes} lanes");
            assert!(used + 2 * most >= cap, "{name}: only {used} of {cap} with {lanes} lanes");
            assert_eq!(calls(&host) + left_out(&end).len() as u64, 1_000);
        }
    }
}

#[test]
fn a_mean_that_was_too_high_holds_nothing_back_for_good() {
    // The first answers are long, the others short: what they leave is used.
    let model: Model = Box::new(|call| {
        let tokens = if call.line <= 5 { 100 } else { 1 };
        let usage = format!("{{\"usage\":{{\"prompt_tokens\":{tokens},\"completion_tokens\":0}}}}");
        Answers { ms: 5 + call.line % 3, result: Ok(answer(200, call.line, usage)) }
    });
    let (_, end) = run_capped(400, model, json!({"total_tokens": 700}), &settings());
    let used = used(&end.batch).total_tokens;
    assert!((690..=700).contains(&used), "{used}");
}

#[test]
fn a_request_that_is_tried_again_keeps_its_room_and_counts_once() {
    let model: Model = Box::new(|call| {
        let is_first = call.attempt == 1 && call.line.is_multiple_of(3);
        let result = if is_first { refusal(503, call.line) } else { good(call.line) };
        Answers { ms: 5, result: Ok(result) }
    });
    let (host, end) = run_capped(300, model, json!({"requests": 100}), &settings());
    assert_eq!((end.batch.request_counts.completed, used(&end.batch).requests), (100, 100));
    assert_eq!(host.calls().len(), 100, "no other line was sent");
}

#[test]
fn what_fails_is_counted_and_an_answer_without_a_count_is_by_its_bytes() {
    let fails: Model = Box::new(|call| Answers { ms: 5, result: Ok(refusal(400, call.line)) });
    let (_, end) = run_capped(60, fails, json!({"requests": 20, "total_tokens": 1}), &settings());
    assert_eq!((end.batch.request_counts.failed, used(&end.batch).requests), (20, 20));
    assert_eq!(used(&end.batch).total_tokens, 0, "what is refused is not paid for");
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(389));
    let silent: Model =
        Box::new(move |call| Answers { ms: 5, result: Ok(answer(200, call.line, body.clone())) });
    let (_, end) = run_capped(200, silent, json!({"output_tokens": 2_000}), &settings());
    // 400 bytes of answer are 100 tokens, the 27 of a body 7.
    let all = used(&end.batch);
    assert_eq!(
        (all.requests, all.output_tokens, all.input_tokens, all.total_tokens),
        (20, 2_000, 140, 2_140)
    );
    assert_eq!(end.batch.usage.total_tokens, 0, "the batch's own usage is what was reported");
}

#[test]
fn an_answer_that_is_paid_for_and_asked_again_counts_each_time() {
    let model: Model = Box::new(|call| {
        let text = "{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":5},\"error\":{\"code\":\"503\"}}";
        let result = if call.attempt == 1 { answer(200, call.line, text) } else { good(call.line) };
        Answers { ms: 5, result: Ok(result) }
    });
    let (host, end) = run_capped(20, model, json!({"total_tokens": 100_000}), &settings());
    assert_eq!(calls(&host), 40);
    assert_eq!(used(&end.batch).total_tokens, end.batch.usage.total_tokens + 200);
}

#[test]
fn money_is_counted_by_the_price_of_each_model() {
    let (_, end) = run_capped(400, steady(5), json!({"cost": 0.5}), &priced());
    let used = used(&end.batch);
    let cost = used.input_tokens as f64 * 0.001 + used.output_tokens as f64 * 0.0020005;
    assert!((used.cost.expect("a cost") - cost).abs() < 1e-9, "{used:?}");
    assert!((0.48..0.56).contains(&cost), "{cost}");
    assert!(is_ended_by_budget(&end.batch));
    // A model that has no price would be free.
    let unpriced = json!({"another": {"input": 1, "output": 1}});
    let unpriced = Settings { prices: serde_json::from_value(unpriced).expect("prices"), ..settings() };
    let (host, end) = run_capped(9, steady(5), json!({"cost": 0.5}), &unpriced);
    assert_eq!((end.batch.status, calls(&host)), (BatchStatus::Failed, 0));
    let error = &end.batch.errors.expect("an error").data[0];
    assert_eq!(
        (error.code.as_str(), error.param.as_deref()),
        ("model_without_price", Some("edgebatch.budget.cost"))
    );
    let any = json!({"*": {"input": 0.5, "output": 0}});
    let any = Settings { prices: serde_json::from_value(any).expect("prices"), ..settings() };
    let (_, end) = run_capped(9, steady(5), json!({"cost": 0.5}), &any);
    assert_eq!(end.batch.status, BatchStatus::Completed);
    assert_eq!(serde_json::to_value(used_json(&end.batch)).expect("JSON")["cost"], json!(0.0000135));
}

fn used_json(batch: &Batch) -> Value {
    serde_json::to_value(budget_of(batch).used).expect("JSON")
}

#[test]
fn a_batch_that_goes_on_has_a_budget_of_its_own_and_runs_what_was_left_out() {
    let (host, first) = run_capped(300, steady(5), json!({"requests": 100}), &settings());
    let from = |only: Value, budget: Value| json!({"continue_from": first.batch.id, "merge": true, "only": only, "budget": budget});
    let second = new(&host, from(json!(["failed"]), json!({"requests": 150})), &settings()).expect("created");
    finish(&host, &second.id, &settings(), 3);
    let end = ended(&host, &second.id);
    assert_eq!((end.batch.request_counts.completed, used(&end.batch).requests), (250, 150));
    assert_eq!(left_out(&end), (251..=300).collect::<Vec<_>>());
    let third = json!({"continue_from": second.id, "merge": true});
    let third = new(&host, third, &settings()).expect("created");
    finish(&host, &third.id, &settings(), 3);
    let end = ended(&host, &third.id);
    assert_eq!((end.batch.status, end.batch.request_counts.completed), (BatchStatus::Completed, 300));
    assert!(host.calls().values().all(|&calls| calls == 1), "every line was asked once");
}

#[test]
fn short_turns_and_a_cancel_are_what_they_are_without_a_budget() {
    let (host, id) = capped(300, steady(5), &json!({"requests": 100}), &settings());
    let mut turns = 0;
    while !stored_batch(&host, &id).status.is_terminal() {
        turn(&host, &id, &settings(), Turn { deadline: Some(host.clock.now() + 20), ..Turn::default() });
        turns += 1;
    }
    assert!(turns > 3, "{turns}");
    assert_eq!((calls(&host), ended(&host, &id).batch.request_counts.completed), (100, 100));
    let (host, id) = capped(300, steady(5), &json!({"requests": 100}), &settings());
    turn(&host, &id, &settings(), Turn { deadline: Some(START_MS + 20), ..Turn::default() });
    host.run(cancel(&host, &id, &settings())).expect("alive").expect("cancelled");
    finish(&host, &id, &settings(), 3);
    let end = ended(&host, &id);
    assert_eq!((end.batch.status, is_ended_by_budget(&end.batch)), (BatchStatus::Cancelled, false));
    assert!(left_out(&end).is_empty());
}

#[test]
fn killed_anywhere_it_never_uses_more_than_was_in_flight_beyond_its_budget() {
    let settings = settings();
    let lanes = u64::from(settings.max_concurrent_requests_per_batch);
    let mut died = 0;
    for effect in 0.. {
        let mut any = false;
        for (done, atomic) in [(false, true), (true, true), (false, false), (true, false)] {
            let (host, id) = capped(60, mixed(), &json!({"requests": 30}), &settings);
            host.atomic.set(atomic);
            host.kill.set(Some(Kill { effect, done }));
            any |= turn(&host, &id, &settings, Turn::default()).is_none();
            host.kill.set(None);
            finish(&host, &id, &settings, 4);
            let end = ended(&host, &id);
            let what = format!("effect {effect}, done {done}, atomic {atomic}");
            let counts = end.batch.request_counts;
            assert!(is_ended_by_budget(&end.batch), "{what}");
            assert_eq!(end.batch.status, BatchStatus::Cancelled, "{what}");
            assert!(counts.completed + counts.failed <= 30, "{what}: {counts:?}");
            assert_eq!(left_out(&end).len() as u64, 60 - counts.completed - counts.failed, "{what}");
            // What was in flight when it died, or not written yet, was asked again.
            let sent = host.calls().len() as u64;
            assert!(sent <= 30 + lanes, "{what}: {sent} lines were sent");
            let used = used(&end.batch);
            assert!((30..=30 + lanes).contains(&used.requests), "{what}: {used:?}");
            assert!(used.total_tokens >= end.batch.usage.total_tokens, "{what}");
        }
        died += u64::from(any);
        if !any {
            break;
        }
    }
    assert!(died > 60, "{died}");
}

#[test]
fn what_a_crash_has_asked_again_is_less_than_twice_what_may_be_in_flight() {
    // Answers come faster than a write may wait: without a bound, all of a quarter of a second would be lost.
    for effect in (50..250).step_by(9) {
        let (host, id) = capped(300, steady(1), &json!({"requests": 150}), &settings());
        host.kill.set(Some(Kill { effect, done: false }));
        turn(&host, &id, &settings(), Turn::default());
        host.kill.set(None);
        finish(&host, &id, &settings(), 4);
        ended(&host, &id);
        assert!(calls(&host) < 150 + 2 * 5, "{} calls, killed at {effect}", calls(&host));
    }
}

#[test]
fn killed_again_and_again_the_count_is_kept() {
    for atomic in [true, false] {
        let (host, id) = capped(400, steady(5), &json!({"total_tokens": 1_200}), &settings());
        host.atomic.set(atomic);
        let mut before = 0;
        let mut kills = 0;
        while !stored_batch(&host, &id).status.is_terminal() {
            host.kill.set((kills < 40).then_some(Kill { effect: 30, done: kills % 2 == 0 }));
            turn(&host, &id, &settings(), Turn::default());
            let used = used(&stored_batch(&host, &id)).total_tokens;
            assert!(used >= before, "{used} after {before}");
            before = used;
            kills += 1;
        }
        host.kill.set(None);
        finish(&host, &id, &settings(), 3);
        let end = ended(&host, &id);
        let used = used(&end.batch).total_tokens;
        assert!((1_180..=1_200 + 9 * 5).contains(&used), "{used}");
        assert!(is_ended_by_budget(&end.batch) && used >= end.batch.usage.total_tokens);
    }
}

#[test]
fn what_is_no_budget_is_refused_by_name() {
    let host = ScriptedHost::new(steady(5));
    host.add_file(INPUT, requests(3));
    for (budget, code, param) in [
        (json!(5), "invalid_type", "edgebatch.budget"),
        (json!({"requests": "5"}), "invalid_type", "edgebatch.budget.requests"),
        (json!({"input_tokens": 1.5}), "invalid_type", "edgebatch.budget.input_tokens"),
        (json!({"output_tokens": 0}), "integer_below_min_value", "edgebatch.budget.output_tokens"),
        (json!({"total_tokens": -1}), "integer_below_min_value", "edgebatch.budget.total_tokens"),
        (json!({"tokens": 1}), "unknown_parameter", "edgebatch.budget.tokens"),
        (json!({"cost": 1}), "prices_not_set", "edgebatch.budget.cost"),
        (json!({"cost": "1"}), "invalid_type", "edgebatch.budget.cost"),
    ] {
        let error = new(&host, json!({"budget": budget}), &settings()).expect_err("refused");
        assert_eq!(error.status, 400);
        assert_eq!((error.code.as_deref(), error.param.as_deref()), (Some(code), Some(param)), "{budget}");
    }
    for (cost, code) in [
        (json!(0), "decimal_below_min_value"),
        (json!(-2), "decimal_below_min_value"),
        (json!(-0.5), "decimal_below_min_value"),
        (json!(2e9), "decimal_above_max_value"),
    ] {
        let error = new(&host, json!({"budget": {"cost": cost}}), &priced()).expect_err("refused");
        assert_eq!(error.code.as_deref(), Some(code), "{cost}");
    }
    let error = new(&host, json!({"budget": {"requests": 0}}), &settings()).expect_err("refused");
    let message = "Invalid 'edgebatch.budget.requests': integer below minimum value. Expected a value >= 1.";
    assert_eq!(error.message, message);
    for none in [json!(null), json!({}), json!({"requests": null, "cost": null})] {
        let batch = new(&host, json!({"budget": none}), &settings()).expect("created");
        assert_eq!(batch.edgebatch, None, "{none}");
    }
}

#[test]
fn an_idempotency_key_stands_for_one_budget() {
    let host = ScriptedHost::new(steady(5));
    host.add_file(INPUT, requests(3));
    let with = |requests: u64| {
        let edgebatch = serde_json::from_value(json!({"budget": {"requests": requests}})).expect("JSON");
        let params = CreateParams { idempotency_key: "k".into(), edgebatch, ..params() };
        host.run(create(&host, params, &settings())).expect("alive")
    };
    let first = with(2).expect("created");
    assert_eq!(with(2).expect("the same"), first);
    assert_eq!(with(3).expect_err("another").code.as_deref(), Some("idempotency_key_reused"));
}

#[test]
fn prices_that_are_none_are_refused_with_the_option() {
    for prices in [
        json!([]),
        json!({"m": 1}),
        json!({"m": {"input": 1}}),
        json!({"m": {"input": -1, "output": 1}}),
        json!({"m": {"input": 1, "output": "2"}}),
        json!({"m": {"input": 1, "output": 2, "cached": 3}}),
    ] {
        let error = serde_json::from_value::<Settings>(json!({"prices": prices})).expect_err("refused");
        assert!(error.to_string().starts_with("expected {\"model\": "), "{error}");
    }
    assert_eq!(Settings { dialect: Dialect::Openai, ..settings() }.prices.of("m"), None);
}
