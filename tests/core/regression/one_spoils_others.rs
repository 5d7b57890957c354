//! One thing out of order spoiled what stands beside it.

use crate::support::model::steady;
use crate::support::requests::{CHAT, for_endpoint, validate};
use crate::support::{finish, params, stored_batch, with_batch};
use edgebatch::{BatchStatus, Dialect, ListParams, Rules, Settings, create, list, retrieve};

#[test]
fn a_batch_whose_record_cannot_be_read_does_not_hide_the_others() {
    let settings = Settings::default();
    for damaged in [b"{\"id\":".as_slice(), b"", b"xxxx"] {
        let (host, first) = with_batch(3, steady(5), &settings);
        finish(&host, &first, &settings, 1);
        host.clock.advance(10);
        let second = host.run(create(&host, params(), &settings)).unwrap().unwrap().id;
        host.kv.borrow_mut().insert(format!("batch:{first}"), damaged.to_vec());
        let page = host.run(list(&host, ListParams::default())).unwrap().unwrap();
        assert_eq!(page.data.iter().map(|batch| &batch.id).collect::<Vec<_>>(), [&second]);
        let error = host.run(retrieve(&host, &first, &settings)).unwrap().unwrap_err();
        assert_eq!(error.status, 500);
        assert!(error.message.contains("cannot be read"), "{error}");
        finish(&host, &second, &settings, 1);
        assert_eq!(stored_batch(&host, &second).status, BatchStatus::Completed);
    }
}

#[test]
fn of_a_line_for_another_endpoint_nothing_is_said_about_what_this_one_takes() {
    let score = r#"{"model":"m","text_1":"x","text_2":"y"}"#;
    for dialect in [Dialect::Reference, Dialect::Openai] {
        let report = validate(Rules { dialect, ..Rules::new(CHAT) }, for_endpoint("/v1/score", score));
        let codes: Vec<_> = report.errors.iter().map(|e| e.code.as_str()).collect();
        assert_eq!(codes, ["invalid_url"], "{dialect:?}");
    }
    let report = validate(Rules::new("/v1/score"), for_endpoint("/v1/score", score));
    assert_eq!(report.errors, []);
}
