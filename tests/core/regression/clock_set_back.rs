//! The host's clock was set back: waits reckoned by it ended an hour late, or never.

use crate::support::model::{Answers, Model, good, refusal, steady};
use crate::support::{Injected, Op, START_MS, ended, finish, stored_batch, with_batch};
use edgebatch::{FaultKind, Settings, serve};
use futures::future::join;
use std::rc::Rc;

#[test]
fn a_clock_that_is_set_back_stands_nothing_still() {
    let settings = Settings::default();
    // Lines that wait to be tried again when the clock goes back an hour.
    let model: Model = Box::new(|call| {
        let again = call.line % 5 == 0 && call.attempt < 3;
        let result = if again { refusal(429, call.line) } else { good(call.line) };
        Answers { ms: 30, result: Ok(result) }
    });
    let (host, id) = with_batch(40, model, &settings);
    let host = Rc::new(host);
    let watched = Rc::clone(&host);
    host.set_faults(move |now, _| {
        if now > START_MS + 400 {
            watched.skew.set(-3_600_000);
        }
        Injected::Nothing
    });
    finish(&host, &id, &settings, 3);
    assert_eq!(ended(&host, &id).batch.request_counts.completed, 40);
    let took = host.clock.now() - START_MS;
    assert!(took < 60_000, "{took} ms");
    host.no_faults();
}

#[test]
fn a_batch_that_rests_until_an_hour_from_which_the_clock_was_set_back_rests_no_longer() {
    let settings = Settings::default();
    let (host, id) = with_batch(50, steady(100), &settings);
    let start = host.clock.now();
    let host = Rc::new(host);
    let clock = Rc::clone(&host);
    // The input cannot be read for a minute: turns end over it, and the batch rests between them.
    host.set_faults(move |now, op| {
        if now > start + 30_000 {
            clock.skew.set(-3_600_000);
        }
        let away = matches!(op, Op::Read(_)) && now < start + 60_000;
        if away { Injected::Before(FaultKind::Transient) } else { Injected::Nothing }
    });
    host.run(join(serve(&*host, &settings), async {
        while !stored_batch(&host, &id).status.is_terminal() {
            host.clock.sleep(100).await;
        }
        host.stop.set(true);
    }))
    .expect("alive");
    assert!(host.clock.now() < start + 120_000, "{}", host.clock.now() - start);
    host.no_faults();
}
