//! What keeps a batch from starting anything: its user's pause, or that it is being moved to another host. One record for
//! both, so that a run looks at one.

use crate::json::value::{Value, to_json};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Its user lets it wait, since then (Unix seconds).
    Paused(u64),
    /// It goes to another host, and no turn of this one does anything for it.
    Moving(Moving),
}

/// How far a batch is on its way to another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// What was done.
    pub step: MoveStep,
    /// When that was asked for, in Unix seconds.
    pub since: u64,
    /// Since when it was paused by its user, if it was.
    pub paused_at: Option<u64>,
    /// Whether somebody followed its results.
    pub is_watched: bool,
    /// Names this fence: what was exported behind an earlier one settles nothing.
    pub fence: u64,
}

/// Steps of a move, as its source sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveStep {
    /// A turn may still be under way: it is to end.
    Asked,
    /// None is, and none will be.
    Fenced,
    /// The other host has it.
    Settled,
}

impl Hold {
    /// The value of its key.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Paused(since) => to_json(since),
            Self::Moving(Moving { step, since, paused_at, is_watched, fence }) => to_json(&[
                *step as u64,
                *since,
                paused_at.unwrap_or_default(),
                u64::from(*is_watched),
                *fence,
            ]),
        }
    }

    /// A stored one. That it is there holds the batch: what cannot be read is a pause since `now`.
    pub(crate) fn decode(value: &[u8], now: u64) -> Self {
        let value = Value::from_json(value).unwrap_or_default();
        Self::moving(&value).unwrap_or_else(|| Self::Paused(value.as_u64().unwrap_or(now)))
    }

    fn moving(value: &Value) -> Option<Self> {
        let Value::Array(values) = value else { return None };
        let number = |at: usize| values.get(at).and_then(Value::as_u64);
        let step = match number(0)? {
            0 => MoveStep::Asked,
            1 => MoveStep::Fenced,
            2 => MoveStep::Settled,
            _ => return None,
        };
        let paused_at = number(2).filter(|at| *at > 0);
        let (since, is_watched, fence) = (number(1)?, number(3)? > 0, number(4)?);
        Some(Self::Moving(Moving { step, since, paused_at, is_watched, fence }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_reads_back_as_it_was_stored_and_a_damaged_one_is_a_pause() {
        for step in [MoveStep::Asked, MoveStep::Fenced, MoveStep::Settled] {
            for paused_at in [None, Some(7)] {
                let moving = Moving { step, since: 9, paused_at, is_watched: true, fence: u64::MAX };
                let hold = Hold::Moving(moving);
                assert_eq!(Hold::decode(&hold.encode(), 1), hold);
            }
        }
        assert_eq!(Hold::decode(b"17", 1), Hold::Paused(17));
        for damaged in [b"".as_slice(), b"[]", b"[3,1,0,0,1]", b"[1,1,0,0]", b"\xFF"] {
            assert_eq!(Hold::decode(damaged, 1), Hold::Paused(1));
        }
    }
}
