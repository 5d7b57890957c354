//! Numbers and the words `true`, `false`, `null`.

use super::Kind;
use std::num::NonZero;

/// Where the number or word at `at` ends, which is after its first byte; `None` if it is none. What may follow it is
/// not looked at.
pub(crate) fn end(json: &[u8], at: usize) -> Option<NonZero<usize>> {
    let word = |word: &[u8]| json[at..].starts_with(word).then(|| at + word.len());
    let end = match json.get(at) {
        Some(b't') => word(b"true"),
        Some(b'f') => word(b"false"),
        Some(b'n') => word(b"null"),
        _ => number(json, at),
    };
    NonZero::new(end?)
}

/// What a number or word is, by its first byte.
#[inline(always)]
pub(super) fn kind(first: u8) -> Kind {
    match first {
        b't' => Kind::True,
        b'f' => Kind::False,
        b'n' => Kind::Null,
        _ => Kind::Number,
    }
}

#[inline(always)]
fn number(json: &[u8], start: usize) -> Option<usize> {
    let byte = |at: usize| json.get(at).copied().unwrap_or(0);
    let first = start + usize::from(byte(start) == b'-');
    let mut at = match byte(first) {
        b'0' => first + 1,
        b'1'..=b'9' => digits(json, first)?,
        _ => return None,
    };
    let whole = at - first;
    if byte(at) == b'.' {
        at = digits(json, at + 1)?;
    }
    let mut exponent = 0;
    if matches!(byte(at), b'e' | b'E') {
        let negative = byte(at + 1) == b'-';
        let first = at + 1 + usize::from(matches!(byte(at + 1), b'+' | b'-'));
        at = digits(json, first)?;
        if !negative {
            let digits = json[first..at].iter();
            exponent = digits.fold(0usize, |n, b| n.saturating_mul(10).saturating_add(usize::from(b - b'0')));
        }
    }
    // The largest double has 309 digits before the point; what has fewer need not be worked out.
    if whole.saturating_add(exponent) > 308 && is_beyond_double(&json[start..at]) {
        return None;
    }
    Some(at)
}

/// From here on, 2^1024 - 2^970, a number is nearer to 2^1024, which is no double any more, than to the largest double.
const BEYOND: &[u8] =
    b"1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070\
    9633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447\
    5730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904\
    174497792";

/// Whether a number is too large for a double. Rarely asked, and decided on its digits: to parse it takes ten times the
/// code, with tables.
#[cold]
#[inline(never)]
fn is_beyond_double(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let end = number.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(number.len());
    let (mantissa, exponent) = number.split_at(end);
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let digits = || mantissa.iter().filter(|&&b| b != b'.').skip_while(|&&b| b == b'0');
    if digits().next().is_none() {
        return false;
    }
    let zeros = mantissa.iter().filter(|&&b| b != b'.').take_while(|&&b| b == b'0').count();
    // How many digits precede the point once the exponent has moved it. What a line can hold is far from overflow.
    let before = (point as i64 - zeros as i64).saturating_add(exponent_of(exponent));
    match before.cmp(&(BEYOND.len() as i64)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => digits().chain(std::iter::repeat(&b'0')).take(BEYOND.len()).ge(BEYOND),
    }
}

/// The value of an exponent with its `e` and sign; one too large to matter is capped.
fn exponent_of(exponent: &[u8]) -> i64 {
    let digits = exponent.iter().filter(|b| b.is_ascii_digit());
    let value = digits.fold(0_i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    if exponent.contains(&b'-') { -value } else { value }
}

/// Behind the digits at `at`, of which there must be at least one.
#[inline(always)]
fn digits(json: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    // Eight at a time: of a digit and of nothing else the upper half is 3, also with 6 added.
    const UPPER: u64 = u64::from_le_bytes([0xF0; 8]);
    const THREE: u64 = u64::from_le_bytes([0x30; 8]);
    const SIX: u64 = u64::from_le_bytes([6; 8]);
    while let Some(bytes) = json.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*bytes);
        // No byte with an upper half other than 3 counts, so that a carry out of one spoils none before it.
        let others = ((word & UPPER) ^ THREE) | (((word & !UPPER) + SIX) & UPPER);
        if others != 0 {
            at += others.trailing_zeros() as usize / 8;
            return (at > start).then_some(at);
        }
        at += 8;
    }
    at += json[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    (at > start).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_beyond_a_double_exactly_where_parsing_it_gives_infinity() {
        let limit = str::from_utf8(BEYOND).unwrap();
        let below = format!("{}1", &limit[..limit.len() - 1]);
        let mut numbers: Vec<String> =
            ["0", "-0", "0e999", "0.0e99999999999999999999", "1e308", "-1.7976931348623157e308"]
                .into_iter()
                .chain([
                    "1.7976931348623159e308",
                    "1E+309",
                    "1e-99999999999999999999",
                    "9e99999999999999999999",
                    "0.0001e312",
                ])
                .map(str::to_owned)
                .collect();
        for shift in [-400_i32, -309, -308, -1, 0, 1, 2, 308, 309, 400] {
            let zeros = "0".repeat(shift.unsigned_abs() as usize);
            for digits in [limit, &below, "1", "17976931348623157", "17976931348623159", "9"] {
                let rest = 309 - digits.len() as i32;
                numbers.push(format!("{digits}e{}", rest + shift.signum()));
                numbers.push(format!("{digits}{zeros}e{}", rest - shift.abs()));
                numbers.push(format!("0.{zeros}{digits}E+{}", 309 + shift.abs()));
                numbers.push(format!("-0.{zeros}{digits}E{}", 310 + shift.abs()));
                numbers.push(format!("{}.{}e{}", &digits[..1], &digits[1..], 308));
                numbers.push(format!("{digits}{zeros}"));
            }
        }
        for number in &numbers {
            let number = number.replace(".e", ".0e");
            let parsed: f64 = number.parse().unwrap();
            assert_eq!(is_beyond_double(number.as_bytes()), parsed.is_infinite(), "{number}");
        }
    }
}
