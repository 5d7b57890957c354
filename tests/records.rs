//! Records as JSON: what `json` writes and reads is what serde's derived code does, and damage is an error.

use edgebatch::json::{from_slice, push_string, to_vec};
use edgebatch::limits::Limits;
use edgebatch::object::{Batch, BatchError, BatchErrors, BatchList, BatchStatus, BatchTag, ListTag};
use edgebatch::object::{InputTokensDetails, OutputTokensDetails, RequestCounts, Usage};
use edgebatch::settings::Settings;
use edgebatch::validate::{Dialect, Report};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{0,8}", any::<String>(), "[\\x00-\\x1f\"\\\\{}\\[\\],: ]{0,12}"]
}

fn status() -> impl Strategy<Value = BatchStatus> {
    use BatchStatus::*;
    prop::sample::select(vec![
        Validating, Failed, InProgress, Finalizing, Completed, Expired, Cancelling, Cancelled,
    ])
}

fn error() -> impl Strategy<Value = BatchError> {
    (text(), text(), prop::option::of(text()), any::<Option<u64>>())
        .prop_map(|(code, message, param, line)| BatchError { code, message, param, line })
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<[u64; 5]>().prop_map(
        |[input_tokens, output_tokens, total_tokens, cached_tokens, reasoning_tokens]| Usage {
            input_tokens,
            output_tokens,
            total_tokens,
            input_tokens_details: InputTokensDetails { cached_tokens },
            output_tokens_details: OutputTokensDetails { reasoning_tokens },
        },
    )
}

prop_compose! {
    fn batch()(
        [id, endpoint, input_file_id, completion_window] in [text(), text(), text(), text()],
        [model, output_file_id, error_file_id] in [(); 3].map(|()| prop::option::of(text())),
        errors in prop::option::of(prop::collection::vec(error(), 0..3)),
        status in status(),
        times in any::<[Option<u64>; 8]>(),
        [created_at, total, completed, failed] in any::<[u64; 4]>(),
        usage in usage(),
        metadata in prop::option::of(prop::collection::btree_map(text(), text(), 0..4)),
    ) -> Batch {
        let [in_progress_at, expires_at, finalizing_at, completed_at, failed_at, expired_at, ..] = times;
        let [.., cancelling_at, cancelled_at] = times;
        let errors = errors.map(|data| BatchErrors { object: ListTag::List, data });
        Batch {
            id, object: BatchTag::Batch, endpoint, model, errors, input_file_id, completion_window, status,
            output_file_id, error_file_id, created_at, in_progress_at, expires_at, finalizing_at, completed_at,
            failed_at, expired_at, cancelling_at, cancelled_at,
            request_counts: RequestCounts { total, completed, failed }, usage, metadata,
        }
    }
}

proptest! {
    #[test]
    fn a_batch_is_written_as_serde_writes_it_and_read_as_serde_reads_it(batch in batch()) {
        let json = to_vec(&batch);
        prop_assert_eq!(std::str::from_utf8(&json).unwrap(), serde_json::to_string(&batch).unwrap());
        prop_assert_eq!(from_slice::<Batch>(&json).unwrap(), batch.clone());
        let spread = serde_json::to_vec_pretty(&batch).unwrap();
        prop_assert_eq!(from_slice::<Batch>(&spread).unwrap(), batch);
    }

    #[test]
    fn a_list_and_a_report_are_written_as_serde_writes_them(
        batches in prop::collection::vec(batch(), 0..3), errors in prop::collection::vec(error(), 0..3), n in any::<u64>(),
    ) {
        let first_id = batches.first().map(|batch| batch.id.clone());
        let list = BatchList { object: ListTag::List, data: batches, last_id: first_id.clone(), first_id, has_more: n > 9 };
        prop_assert_eq!(String::from_utf8(to_vec(&list)).unwrap(), serde_json::to_string(&list).unwrap());
        let report = Report { errors, error_count: n, request_count: n / 2, ..Report::default() };
        prop_assert_eq!(String::from_utf8(to_vec(&report)).unwrap(), serde_json::to_string(&report).unwrap());
    }

    #[test]
    fn a_string_is_escaped_as_serde_escapes_it(text in any::<String>()) {
        let mut json = Vec::new();
        push_string(&mut json, &text);
        prop_assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn a_damaged_record_is_an_error_or_another_record_and_no_panic(
        batch in batch(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut json = to_vec(&batch);
        let at = at.index(json.len());
        prop_assert!(from_slice::<Batch>(&json[..at]).is_err());
        json[at] = byte;
        if let (Ok(ours), Ok(theirs)) = (from_slice::<Batch>(&json), serde_json::from_slice::<Batch>(&json)) {
            prop_assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn options_left_out_have_their_defaults_and_a_wrong_one_is_named() {
    let json = br#"{"dialect":"openai","limits":{"maxErrors":7},"later":[{"a":"]"}],"maxAttempts":2}"#;
    let settings: Settings = from_slice(json).unwrap();
    assert_eq!((settings.dialect, settings.max_attempts), (Dialect::Openai, 2));
    assert_eq!(settings.limits, Limits { max_errors: 7, ..Limits::default() });
    assert_eq!(settings.endpoints, Settings::default().endpoints);
    for (wrong, named) in [
        (r#"{"limits":{"maxErrors":"7"}}"#, "maxErrors"),
        (r#"{"maxAttempts":-1}"#, "maxAttempts"),
        (r#"{"maxAttempts":1.5}"#, "maxAttempts"),
        (r#"{"maxAttempts":4294967296}"#, "maxAttempts"),
        (r#"{"endpoints":["/v1/embeddings",null]}"#, "endpoints"),
        (r#"{"dialect":"french"}"#, "dialect"),
        ("[]", "it is not the JSON it should be"),
        ("", "it is not the JSON it should be"),
    ] {
        let unfit = from_slice::<Settings>(wrong.as_bytes()).unwrap_err().to_string();
        assert!(unfit.contains(named), "{wrong}: {unfit}");
    }
}
