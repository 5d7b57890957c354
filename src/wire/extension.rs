//! What a batch says under `edgebatch`: all that OpenAI's object has no key for.

use crate::json::record::{FromValue, by_value};
use crate::json::value::Value;
use crate::wire::{Budget, Deduped, SendOrder, Usage};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// What this implementation says of a batch besides OpenAI's own members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extension {
    /// Which batch it continues, and how: `continue_from`, `only`, `merge` and `reused` on the wire.
    pub continued: Option<Continued>,
    /// How much sooner it is to run than others of its tenant, or later; 0 is not shown.
    pub priority: i64,
    /// What it may use, and has used.
    pub budget: Option<Budget>,
    /// Whether that was used up before all of it ran: `ended_by` is `budget` on the wire.
    pub ended_by_budget: bool,
    /// Whether identical requests are asked once.
    pub dedupe: bool,
    /// How many requests that saved; absent until that is known.
    pub deduped: Option<Deduped>,
    /// Whether its file may have the requests of several.
    pub split: bool,
    /// How many files' that are; absent until it is known.
    pub parts: Option<u64>,
    /// In which order its requests are sent; absent where nobody said so.
    pub order: Option<SendOrder>,
    /// Why nothing starts right now; absent when all goes well.
    pub waiting: Option<Wait>,
    /// Since when it is paused, in Unix seconds; absent when it is not.
    pub paused_at: Option<u64>,
    /// Since when it is on its way to another host, in Unix seconds; absent when it is not.
    pub moving_at: Option<u64>,
    /// When another host had taken it over; absent unless that is how it ended here.
    pub moved_at: Option<u64>,
    /// The file that has all lines of an ended batch in the order in which they came, where somebody followed them.
    pub results_file_id: Option<String>,
}

impl Extension {
    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which batch is continued, and what is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    /// The batch it continues.
    pub continue_from: String,
    /// Ends of requests that run again; those that never ran do in any case.
    pub only: Vec<Rerun>,
    /// Whether its files hold the results of the other batch too.
    pub merge: bool,
    /// What was taken over; absent until that is known.
    pub reused: Option<Reused>,
}

/// Which requests of a batch run again when it is continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rerun {
    /// Those that ran and failed.
    Failed,
    /// Those that the window was too short for.
    Expired,
    /// Those that were cancelled.
    Cancelled,
}

impl Rerun {
    /// All of them, in the order of the wire.
    pub const ALL: [Self; 3] = [Self::Failed, Self::Expired, Self::Cancelled];

    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// What a word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rerun| rerun.as_str() == word)
    }
}

/// Results that were taken over from another batch. Their tokens are not among the batch's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reused {
    /// Requests answered with 2xx.
    pub completed: u64,
    /// Requests that ran and failed, and do not run again.
    pub failed: u64,
    /// Requests that were cancelled or expired, and do not run now either.
    pub not_run: u64,
    /// Tokens of those answers.
    pub usage: Usage,
}

/// Why the requests of a batch wait, and until when. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// `overloaded`, `unavailable`, `failing` or `refused`.
    pub reason: String,
    /// What the model server answered last; null when there was no answer.
    pub status: Option<u16>,
    /// What it said, or why it could not be reached.
    pub message: String,
    /// When it last answered a request, or else the run began.
    pub since: u64,
    /// When it is asked again.
    pub until: u64,
}

impl Serialize for Extension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(Continued { continue_from, only, merge, reused }) = &self.continued {
            map.serialize_entry("continue_from", continue_from)?;
            let only: Vec<&str> = only.iter().map(|rerun| rerun.as_str()).collect();
            map.serialize_entry("only", &only)?;
            map.serialize_entry("merge", merge)?;
            if let Some(reused) = reused {
                map.serialize_entry("reused", reused)?;
            }
        }
        if self.priority != 0 {
            map.serialize_entry("priority", &self.priority)?;
        }
        if let Some(budget) = &self.budget {
            map.serialize_entry("budget", budget)?;
        }
        if self.ended_by_budget {
            map.serialize_entry("ended_by", "budget")?;
        }
        if self.dedupe {
            map.serialize_entry("dedupe", &true)?;
        }
        if let Some(deduped) = &self.deduped {
            map.serialize_entry("deduped", deduped)?;
        }
        if self.split {
            map.serialize_entry("split", &true)?;
        }
        if let Some(parts) = &self.parts {
            map.serialize_entry("parts", parts)?;
        }
        if let Some(order) = self.order {
            map.serialize_entry("order", order.as_str())?;
        }
        if let Some(waiting) = &self.waiting {
            map.serialize_entry("waiting", waiting)?;
        }
        if let Some(since) = self.paused_at {
            map.serialize_entry("paused_at", &since)?;
        }
        for (name, at) in [("moving_at", self.moving_at), ("moved_at", self.moved_at)] {
            if let Some(at) = at {
                map.serialize_entry(name, &at)?;
            }
        }
        if let Some(id) = &self.results_file_id {
            map.serialize_entry("results_file_id", id)?;
        }
        map.end()
    }
}

impl FromValue for Extension {
    fn from_value(value: &Value) -> Option<Self> {
        let waiting = value.get("waiting").map(|wait| {
            let text = |name| wait.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let number = |name| wait.get(name).and_then(Value::as_u64);
            Wait {
                reason: text("reason"),
                status: number("status").map(|status| status as u16),
                message: text("message"),
                since: number("since").unwrap_or_default(),
                until: number("until").unwrap_or_default(),
            }
        });
        let continued = value.get("continue_from").and_then(Value::as_str).map(|from| Continued {
            continue_from: from.to_owned(),
            only: match value.get("only") {
                Some(Value::Array(words)) => {
                    words.iter().filter_map(|word| Rerun::named(word.as_str()?)).collect()
                }
                _ => Rerun::ALL.to_vec(),
            },
            merge: matches!(value.get("merge"), Some(Value::Bool(true))),
            reused: value.get("reused").map(|reused| {
                let count = |name| reused.get(name).and_then(Value::as_u64).unwrap_or_default();
                Reused {
                    completed: count("completed"),
                    failed: count("failed"),
                    not_run: count("not_run"),
                    usage: reused.get("usage").map(Usage::read).unwrap_or_default(),
                }
            }),
        });
        let results_file_id = value.get("results_file_id").and_then(Value::as_str).map(str::to_owned);
        let time = |name| value.get(name).and_then(Value::as_u64);
        let (paused_at, moving_at, moved_at) = (time("paused_at"), time("moving_at"), time("moved_at"));
        let priority = match value.get("priority") {
            Some(Value::Natural(level)) => *level as i64,
            Some(Value::Negative(level)) => *level,
            _ => 0,
        };
        let budget = value.get("budget").and_then(Budget::from_value);
        let ended_by_budget = value.get("ended_by").is_some();
        let dedupe = matches!(value.get("dedupe"), Some(Value::Bool(true)));
        let deduped = value.get("deduped").and_then(Deduped::from_value);
        let split = matches!(value.get("split"), Some(Value::Bool(true)));
        let parts = value.get("parts").and_then(Value::as_u64);
        let order = value.get("order").and_then(Value::as_str).and_then(SendOrder::named);
        Some(Self {
            continued,
            priority,
            budget,
            ended_by_budget,
            dedupe,
            deduped,
            split,
            parts,
            order,
            waiting,
            paused_at,
            moving_at,
            moved_at,
            results_file_id,
        })
    }
}

by_value!(Extension);
