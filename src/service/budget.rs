//! `edgebatch.budget` of `create`: what a new batch may use.

use super::texts::{out_of_range, unknown};
use crate::error::ApiError;
use crate::json::record::FromValue;
use crate::json::value::Value;
use crate::settings::Settings;
use crate::wire::Budget;

/// What the parameter says; nothing where it names no cap.
///
/// # Errors
/// 400 with the member at fault.
pub(super) fn check(budget: Value, settings: &Settings) -> Result<Option<Budget>, ApiError> {
    let Value::Object(members) = budget else {
        return Err(ApiError::wrong_type("edgebatch.budget", "an object", budget.kind()));
    };
    let mut caps = Budget::default();
    for (name, value) in members {
        let name = name.as_str().unwrap_or("[key]");
        let cap = match name {
            "requests" => &mut caps.requests,
            "input_tokens" => &mut caps.input_tokens,
            "output_tokens" => &mut caps.output_tokens,
            "total_tokens" => &mut caps.total_tokens,
            "cost" => {
                caps.cost = check_cost(&value, settings)?;
                caps.used.cost = caps.cost.map(|_| 0.0);
                continue;
            }
            _ => return Err(unknown("budget.", name)),
        };
        let param = format!("edgebatch.budget.{name}");
        *cap = match value {
            Value::Null => None,
            Value::Natural(most) if most > 0 => Some(most),
            Value::Natural(_) | Value::Negative(_) => {
                return Err(out_of_range(&param, "integer below minimum", ">= 1", "integer_below_min_value"));
            }
            other => return Err(ApiError::wrong_type(&param, "an integer", other.kind())),
        };
    }
    let tokens = caps.input_tokens.or(caps.output_tokens).or(caps.total_tokens);
    let is_none = caps.requests.or(tokens).is_none() && caps.cost.is_none();
    Ok((!is_none).then_some(caps))
}

fn check_cost(cost: &Value, settings: &Settings) -> Result<Option<f64>, ApiError> {
    const PARAM: &str = "edgebatch.budget.cost";
    match f64::from_value(cost) {
        None if *cost == Value::Null => Ok(None),
        None if !matches!(cost, Value::Negative(_)) => {
            Err(ApiError::wrong_type(PARAM, "a number", cost.kind()))
        }
        Some(_) if settings.prices.is_empty() => {
            let message =
                "Invalid 'edgebatch.budget.cost': no prices are set here. Cap tokens or requests instead.";
            Err(ApiError::invalid_request(message).param(PARAM).code("prices_not_set"))
        }
        Some(most) if (1e-9..=1e9).contains(&most) => Ok(Some(most)),
        Some(most) if most > 1.0 => {
            Err(out_of_range(PARAM, "decimal above maximum", "<= 1000000000", "decimal_above_max_value"))
        }
        _ => Err(out_of_range(PARAM, "decimal below minimum", ">= 0.000000001", "decimal_below_min_value")),
    }
}
