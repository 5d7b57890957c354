//! What an answer or its absence says about the server, whichever side is at fault.

use crate::result::body::Named;

/// Kinds of trouble, by what they say of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is overloaded or unreachable: fewer concurrent calls may help.
    Overloaded,
    /// A gateway in front of it gets no answer from it.
    Unavailable,
    /// It failed at this request: as likely the request's fault as its own.
    Failing,
    /// It refuses everyone: wrong key, wrong address; or this one alone, for what it asks.
    Refused,
    /// It refuses everyone, as the account is empty.
    Empty,
}

impl Trouble {
    /// Whether it is told to come back otherwise, rather than later.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Refused | Self::Empty)
    }

    /// Its name in a batch's `edgebatch.waiting`.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Failing => "failing",
            Self::Refused | Self::Empty => "refused",
        }
    }
}

/// What a status says of the server; nothing for those that are about the request alone.
fn of_status(status: u16) -> Option<Trouble> {
    match status {
        429 | 503 | 529 => Some(Trouble::Overloaded),
        502 | 504 | 520..=527 | 530 => Some(Trouble::Unavailable),
        408 | 409 | 500.. => Some(Trouble::Failing),
        300..=399 | 401..=405 | 407 => Some(Trouble::Refused),
        _ => None,
    }
}

/// As [`of_status`], where the body names an error.
pub(super) fn of_error(status: u16, named: &Named) -> Option<Trouble> {
    if named.is_quota { Some(Trouble::Empty) } else { of_status(status) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Trouble::{Empty, Failing, Overloaded, Refused, Unavailable};

    #[test]
    fn every_status_has_its_kind_of_trouble() {
        for (statuses, expected) in [
            (vec![429, 503, 529], Some(Overloaded)),
            (vec![502, 504, 520, 522, 524, 527, 530], Some(Unavailable)),
            (vec![408, 409, 500, 501, 505, 507, 528, 599], Some(Failing)),
            (vec![301, 307, 308, 401, 402, 403, 404, 405, 407], Some(Refused)),
            (vec![200, 201, 400, 406, 410, 413, 415, 422, 451], None),
        ] {
            for status in statuses {
                assert_eq!(of_status(status), expected, "{status}");
            }
        }
        let quota = Named { is_quota: true, ..Named::default() };
        assert_eq!(of_error(429, &quota), Some(Empty));
    }
}
