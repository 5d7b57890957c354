//! A file in parts is the file, and no part is larger than it may be.

use edgebatch::limits::MAX_LINE_BYTES;
use edgebatch::{FilePart, Split};
use proptest::prelude::*;

/// The parts of a file that comes in pieces, and what was counted of each.
fn parts(file: &[u8], requests: u64, bytes: u64, cut: usize) -> (Vec<Vec<u8>>, Vec<FilePart>) {
    let mut split = Split::new(Some(requests), Some(bytes));
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut take = |out: &[u8], cuts: &[usize]| {
        let ends = cuts.iter().skip(1).copied().chain([out.len()]);
        let before = cuts.first().copied().unwrap_or(out.len());
        if before > 0 {
            parts.last_mut().expect("the first bytes begin a part").extend(&out[..before]);
        }
        parts.extend(cuts.iter().zip(ends).map(|(&start, end)| out[start..end].to_vec()));
    };
    for chunk in file.chunks(cut) {
        let (mut out, mut cuts) = (Vec::new(), Vec::new());
        split.push(chunk, &mut out, &mut cuts);
        take(&out, &cuts);
    }
    let (mut out, mut cuts) = (Vec::new(), Vec::new());
    split.finish(&mut out, &mut cuts);
    take(&out, &cuts);
    (parts, split.parts().to_vec())
}

#[test]
fn a_part_ends_before_the_request_or_the_byte_that_is_too_much() {
    let file = b"{1}\n\n{2}\n{3}\n{4}";
    let text = |parts: Vec<Vec<u8>>| {
        parts.into_iter().map(|part| String::from_utf8(part).unwrap()).collect::<Vec<_>>()
    };
    let (by_requests, counted) = parts(file, 2, 100, 3);
    assert_eq!(text(by_requests), ["{1}\n\n{2}\n", "{3}\n{4}"]);
    assert_eq!(counted, [FilePart { requests: 2, bytes: 9 }, FilePart { requests: 2, bytes: 7 }]);
    assert_eq!(text(parts(file, 9, 8, 3).0), ["{1}\n\n", "{2}\n{3}\n", "{4}"]);
    assert_eq!(text(parts(file, 9, 1, 3).0), ["{1}\n", "\n", "{2}\n", "{3}\n", "{4}"]);
    assert_eq!(parts(b"", 1, 1, 1), (vec![], vec![]));
}

#[test]
fn a_line_too_long_to_be_held_is_a_part_that_passes() {
    let file = [b"{1}\n".as_slice(), &vec![b'x'; MAX_LINE_BYTES + 100], b"\n{2}\n{3}"].concat();
    let (parts, counted) = parts(&file, 9, 100, 1 << 20);
    assert_eq!(parts.concat(), file);
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4, MAX_LINE_BYTES + 101, 7]);
    assert_eq!(counted.iter().map(|part| part.requests).collect::<Vec<_>>(), [1, 1, 2]);
}

proptest! {
    #[test]
    fn parts_together_are_the_file_and_each_is_within_its_limits(
        lines in prop::collection::vec("[a-z ]{0,10}(\r)?", 0..20),
        ended: bool,
        requests in 1_u64..5,
        bytes in 1_u64..40,
        cut in 1_usize..20,
    ) {
        let file = lines.join("\n") + if ended { "\n" } else { "" };
        let (parts, counted) = parts(file.as_bytes(), requests, bytes, cut);
        prop_assert_eq!(parts.concat(), file.as_bytes());
        for (part, counted) in parts.iter().zip(&counted) {
            let text = str::from_utf8(part).unwrap();
            let good = text.split('\n').filter(|line| !line.trim().is_empty()).count() as u64;
            prop_assert_eq!((good, part.len() as u64), (counted.requests, counted.bytes));
            prop_assert!(good <= requests);
            prop_assert!(part.len() as u64 <= bytes || text.trim_end_matches('\n').matches('\n').count() == 0);
        }
        prop_assert_eq!(parts.len(), counted.len());
        let whole = parts.iter().rev().skip(1).all(|part| part.ends_with(b"\n"));
        prop_assert!(whole);
    }
}
