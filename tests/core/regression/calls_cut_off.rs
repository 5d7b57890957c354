//! A call of the service whose process ended half-way left what nobody finished or swept away.

use crate::support::model::steady;
use crate::support::{INPUT, Kill, ScriptedHost, ended, finish, new_batch, params, requests};
use edgebatch::{BatchStatus, Settings, create, retrieve};

#[test]
fn a_create_cut_off_before_its_batch_can_be_listed_still_runs() {
    let (host, settings) = (ScriptedHost::new(steady(10)), Settings::default());
    host.atomic.set(false);
    host.add_file(INPUT, requests(5));
    host.kill.set(Some(Kill { effect: 1, done: true }));
    assert!(host.run(create(&host, params(), &settings)).is_err());
    let id = host.kv.borrow().keys().find_map(|key| key.strip_prefix("run:").map(str::to_owned)).unwrap();
    let id = id.as_str();
    assert_eq!(host.run(retrieve(&host, id, &settings)).unwrap().unwrap().status, BatchStatus::Validating);
    finish(&host, id, &settings, 1);
    assert_eq!(ended(&host, id).batch.status, BatchStatus::Completed);
}

#[test]
fn a_cancel_cut_off_after_the_batch_ended_is_swept_away() {
    let (host, settings) = (ScriptedHost::new(steady(10)), Settings::default());
    host.add_file(INPUT, requests(3));
    let id = new_batch(&host, &settings);
    finish(&host, &id, &settings, 1);
    // As the kill of a `cancel` that raced with the end leaves it.
    host.kv.borrow_mut().insert(format!("cancel:{id}"), b"1790000000".to_vec());
    finish(&host, &id, &settings, 1);
    assert_eq!(ended(&host, &id).batch.status, BatchStatus::Completed);
}
