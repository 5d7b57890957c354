//! A validator by what a caller of any language asks for.

use super::{Rules, Validator};
use crate::error::ApiError;
use crate::json::options::{flag, read, required_text};
use crate::json::value::Value;
use crate::settings::Settings;

impl Validator {
    /// Checks without looking anything up, by one object: the `endpoint`, whether `statistics` are wanted, and of the settings
    /// those that a file is checked by. `hash_key` is secret randomness: it keeps ids from being made to collide.
    ///
    /// # Errors
    /// An [`ApiError`] with the member at fault.
    pub fn by_options(options: Value, hash_key: (u64, u64)) -> Result<Self, ApiError> {
        // Read by hand, and the settings from the same members: what is derived is larger.
        let endpoint = required_text("endpoint", options.get("endpoint"))?;
        let statistics = flag("statistics", options.get("statistics"))?;
        let settings: Settings = read(options)?;
        let validator = Self::new(Rules::by(&settings, &endpoint, false, hash_key));
        Ok(if statistics { validator.with_statistics() } else { validator })
    }
}
