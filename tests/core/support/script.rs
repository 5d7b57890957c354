//! What a test may make of the calls of a host: faults, delays, the death of the process.

use edgebatch::{Fault, FaultKind};

/// What a host call is, for scripts of faults and for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Get(String),
    Set(String),
    Delete(String),
    List(String),
    Find,
    Read(u64),
    Create(String),
    Write(String, usize),
    Complete(String),
    Abort(String),
    Keep(String),
    Resume(String),
    Infer(String),
    HasModel,
}

/// What goes wrong with a host call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Injected {
    Nothing,
    /// Fails, nothing was done.
    Before(FaultKind),
    /// Fails although it was done: the reply is lost.
    After(FaultKind),
    /// Takes this much longer.
    Late(u64),
}

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    /// At this effect, counted from 0 since the process began.
    pub(crate) effect: usize,
    /// With the effect done and its reply lost, or without it.
    pub(crate) done: bool,
}

pub(crate) fn missing() -> Fault {
    Fault { kind: FaultKind::Missing, message: "there is no such file".to_owned() }
}
