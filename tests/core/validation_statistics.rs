//! What a file is like: counted beside its errors, where that is asked for.

use edgebatch::{Limits, Rules, Statistics, Validator, size_class};

const CHAT: &str = "/v1/chat/completions";

fn line(id: &str, model: &str) -> String {
    format!(
        "{{\"custom_id\":\"{id}\",\"method\":\"POST\",\"url\":\"{CHAT}\",\"body\":{{\"model\":\"{model}\",\"messages\":[]}}}}\n"
    )
}

fn pushed(text: &str, limits: Limits) -> Validator {
    let mut validator = Validator::new(Rules { limits, ..Rules::new(CHAT) }).with_statistics();
    for chunk in text.as_bytes().chunks(1_000) {
        let _ = validator.push(chunk, &mut |_| {});
    }
    let _ = validator.finish(&mut |_| {});
    validator
}

fn statistics(text: &str) -> Statistics {
    pushed(text, Limits::default()).statistics().expect("they were asked for")
}

#[test]
fn there_are_none_unless_they_are_asked_for() {
    assert_eq!(Validator::new(Rules::new(CHAT)).statistics(), None);
}

#[test]
fn errors_are_counted_by_code_also_beyond_those_kept() {
    let text = "x\n".repeat(50) + &line("a", "m").repeat(4) + "[]\n";
    let validator = pushed(&text, Limits { max_errors: 10, max_requests: 20, ..Limits::default() });
    let codes = validator.statistics().unwrap().codes;
    let found: Vec<_> = codes.iter().map(|tally| (tally.name.as_str(), tally.count)).collect();
    let expected =
        [("invalid_json_line", 50), ("invalid_request", 1), ("too_many_tasks", 1)].map(|(a, b)| (a, b));
    assert!(expected.iter().all(|each| found.contains(each)), "{found:?}");
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), validator.report().error_count);
}

#[test]
fn models_are_counted_by_name_and_beyond_fifty_together() {
    let text: String = (0..60).map(|i| line(&format!("a{i}"), &format!("model-{i}"))).collect();
    let text = text + &line("b", "model-3") + &line("c", "model-59") + "{\"body\":{}}\n";
    let found = statistics(&text);
    assert_eq!(found.models.len(), 50);
    assert_eq!((found.models[3].name.as_str(), found.models[3].count), ("model-3", 2));
    assert_eq!(found.other_models, 11);
}

#[test]
fn a_long_name_of_a_model_is_counted_by_its_beginning() {
    let found = statistics(&line("a", &"é".repeat(5_000)));
    assert_eq!(found.models[0].name, "é".repeat(200));
}

#[test]
fn the_longest_lines_come_first_and_equal_ones_in_their_order() {
    let lengths = [5, 9, 2, 9, 30, 1, 7, 8, 6, 4, 3, 9, 10];
    let text: String = lengths.iter().map(|length| "x".repeat(*length) + "\r\n").collect();
    let found: Vec<_> = statistics(&text).longest.iter().map(|long| (long.line, long.bytes)).collect();
    let expected = [(5, 32), (13, 12), (2, 11), (4, 11), (12, 11), (8, 10), (7, 9), (9, 8), (1, 7), (10, 6)];
    assert_eq!(found, expected);
}

#[test]
fn every_request_is_in_the_class_of_its_size_and_blank_lines_are_in_none() {
    let found = statistics("\n \nxx\nxxx\nxxxxx");
    assert_eq!(found.sizes.iter().sum::<u64>(), 3);
    assert_eq!([3, 4, 5].map(|bytes| found.sizes[size_class(bytes)]), [1, 1, 1]);
}

#[test]
fn classes_grow_with_sizes_and_each_spans_at_most_a_quarter() {
    let mut last = 0;
    for bytes in 1..100_000u64 {
        let class = size_class(bytes);
        assert!(class >= last, "{bytes}");
        last = class;
    }
    assert_eq!([4, 5, 8, 10, 1024, 1279, 1280].map(size_class), [8, 9, 12, 13, 40, 40, 41]);
    assert!(size_class(u64::MAX) < 256);
}

#[test]
fn errors_that_are_taken_leave_room_for_none_beyond_the_maximum() {
    let limits = Limits { max_errors: 5, max_requests: 8, ..Limits::default() };
    let mut validator = Validator::new(Rules { limits, ..Rules::new(CHAT) });
    let lines = |taken: Vec<edgebatch::BatchError>| -> Vec<_> {
        taken.iter().map(|error| error.line.unwrap()).collect()
    };
    let _ = validator.push(b"x\nx\nx\n", &mut |_| {});
    assert_eq!(lines(validator.take_errors(2)), [1, 2]);
    assert_eq!(validator.report().errors.len(), 1);
    let _ = validator.push(b"x\nx\nx\nx\nx\nx\n", &mut |_| {});
    assert_eq!(lines(validator.take_errors(usize::MAX)), [3, 4, 5]);
    assert_eq!(validator.take_errors(usize::MAX), []);
    let _ = validator.finish(&mut |_| {});
    let report = validator.report();
    assert_eq!((report.error_count, report.errors.len()), (10, 1), "the error of the file is still told");
    assert_eq!(report.errors[0].code, "too_many_tasks");
}
