//! Scripted models: what is answered to which line, at which try, after how long.

use edgebatch::{Answer, Fault, FaultKind};
use std::cell::Cell;
use std::rc::Rc;

/// One inference call.
pub(crate) struct Call {
    /// Physical line, 1-based.
    pub(crate) line: u64,
    /// 1 for the first call ever made for this line, across all processes.
    pub(crate) attempt: u32,
    pub(crate) now: u64,
    /// The pool that is to answer.
    pub(crate) pool: Option<String>,
}

/// What the model does.
pub(crate) struct Answers {
    /// After so many milliseconds.
    pub(crate) ms: u64,
    pub(crate) result: Result<Answer, Fault>,
}

/// A model.
pub(crate) type Model = Box<dyn FnMut(&Call) -> Answers>;

/// A call under way, counted until it is dropped.
pub(crate) struct Flying(Rc<Cell<usize>>);

impl Flying {
    pub(crate) fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A good answer that names its line and counts tokens.
pub(crate) fn good(line: u64) -> Answer {
    let body = format!(
        "{{\"id\":\"chat-{line}\",\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":{},\"total_tokens\":{}}}}}",
        line % 7,
        3 + line % 7
    );
    answer(200, line, body)
}

/// An answer with an error of the API's shape.
pub(crate) fn refusal(status: u16, line: u64) -> Answer {
    answer(
        status,
        line,
        format!("{{\"error\":{{\"message\":\"no {status}\",\"type\":\"t\",\"code\":\"c{status}\"}}}}"),
    )
}

pub(crate) fn answer(status: u16, line: u64, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, body: body.into(), request_id: Some(format!("req-{line}")), retry_after_ms: None }
}

/// Answers everything well after so long.
pub(crate) fn steady(ms: u64) -> Model {
    Box::new(move |call| Answers { ms, result: Ok(good(call.line)) })
}

/// All that happens to a batch in one: every line ends the same however often the process is killed.
pub(crate) fn mixed() -> Model {
    Box::new(|call| {
        let line = call.line;
        let first = call.attempt == 1;
        let ms = 5 + line * 37 % 90;
        let result = match line % 20 {
            3 => Ok(refusal(400, line)),
            7 if first => Ok(refusal(500, line)),
            11 if first => Ok(Answer { retry_after_ms: Some(40), ..refusal(429, line) }),
            12 if first => Ok(answer(200, line, "{\"half\":")),
            13 if first => Err(Fault::transient("connection reset")),
            14 if line % 40 == 14 => Ok(refusal(500, line)),
            15 if first => Err(Fault { kind: FaultKind::Timeout, message: "too slow".to_owned() }),
            16 => Ok(answer(200, line, format!("{{\"text\":\"{}\"}}", "y".repeat(6_000)))),
            17 if line % 100 == 17 => {
                Ok(answer(200, line, format!("{{\"text\":\"{}\"}}", "x".repeat(70_000))))
            }
            18 if line == 118 => Ok(answer(200, line, format!("{{\"text\":\"{}\"}}", "z".repeat(1_200_000)))),
            _ => Ok(good(line)),
        };
        Answers { ms, result }
    })
}
