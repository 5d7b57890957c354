//! Files that would fill the memory of a naive validator, and what this one holds for them.

use edgebatch::{Limits, Progress, Report, Rules, Validator};

const MIB: usize = 1 << 20;

/// Pushes chunks one after the other; gives the report and the most bytes ever held.
fn run(limits: Limits, chunks: impl Iterator<Item = impl AsRef<[u8]>>) -> (Report, usize) {
    let mut validator = Validator::new(Rules { limits, ..Rules::new("/v1/chat/completions") });
    let mut most = 0;
    for chunk in chunks {
        assert_eq!(validator.push(chunk.as_ref(), &mut |_| {}), Progress::Done);
        most = most.max(validator.held());
    }
    assert_eq!(validator.finish(&mut |_| {}), Progress::Done);
    (validator.report(), most)
}

fn large() -> Limits {
    Limits { max_requests: u64::MAX, max_file_bytes: u64::MAX, ..Limits::default() }
}

#[test]
fn a_file_of_one_line_of_a_gibibyte_is_one_error_and_holds_no_more_than_the_limit() {
    let chunk = vec![b'x'; MIB];
    let (report, most) = run(large(), std::iter::repeat_n(&chunk, 1_024));
    assert_eq!(report.bytes, 1 << 30);
    assert_eq!((report.error_count, report.request_count, report.line_count), (1, 1, 1));
    assert_eq!(report.errors[0].code, "line_too_long");
    assert!(most <= 2 * Limits::default().max_line_bytes + MIB, "{most}");
}

#[test]
fn a_million_blank_lines_hold_nothing() {
    let (report, most) = run(large(), std::iter::repeat_n("\n \r\n\t\n\r\n".repeat(250), 1_000));
    assert_eq!((report.line_count, report.request_count, report.error_count), (1_000_000, 0, 0));
    assert!(most < 64, "{most}");
}

#[test]
fn a_million_ids_hold_at_most_24_bytes_each() {
    let chunks = (0..1_000u32).map(|chunk| {
        let line = |i| format!("{{\"custom_id\":\"{}\"}}\n", chunk * 1_000 + i);
        (0..1_000).map(line).collect::<String>()
    });
    let (report, most) = run(large(), chunks.clone());
    assert_eq!(report.request_count, 1_000_000);
    assert_eq!(report.error_count, 3_000_000, "three members missing on each line, and no id twice");
    assert!(most <= 24 << 20, "{most}");

    let limits = Limits { max_requests: 10_000, ..large() };
    let (report, most) = run(limits, chunks);
    assert_eq!(report.error_count, 3_000_001);
    assert!(most <= 300_000, "ids beyond the maximum of requests are not kept: {most}");
}

#[test]
fn errors_hold_at_most_the_number_kept_and_quote_a_bounded_part() {
    let name = "m".repeat(MIB);
    let line = format!(
        "{{\"custom_id\":\"{name}\",\"method\":\"{name}\",\"url\":\"\",\"body\":{{\"model\":\"{name}\"}}}}\n"
    );
    let (report, _) = run(large(), std::iter::repeat_n(line.as_bytes(), 20));
    assert_eq!(report.error_count, 20 * 3 + 19);
    assert!(report.errors.iter().all(|error| error.message.len() < 500));
}
