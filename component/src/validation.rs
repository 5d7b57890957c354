//! Files checked as they come.

use crate::bindings::exports::edgebatch::component::validation::{
    ApiError, Guest, GuestValidator, Validator,
};
use crate::{Component, refused, text};
use edgebatch::{Validator as Core, Value, from_json};
use std::cell::RefCell;

impl Guest for Component {
    type Validator = Checked;
}

/// A file under way.
pub(crate) struct Checked(RefCell<Core>);

impl GuestValidator for Checked {
    fn open(options: String, key0: u64, key1: u64) -> Result<Validator, ApiError> {
        let options = from_json::<Value>(options.as_bytes()).map_err(refused)?;
        let core = Core::by_options(options, (key0, key1)).map_err(refused)?;
        Ok(Validator::new(Self(RefCell::new(core))))
    }

    fn push(&self, chunk: Vec<u8>) {
        // No model is looked up here, so nothing is ever asked for.
        let _ = self.0.borrow_mut().push(&chunk, &mut |_| {});
    }

    fn finish(&self) -> String {
        let _ = self.0.borrow_mut().finish(&mut |_| {});
        self.report()
    }

    fn report(&self) -> String {
        text(&self.0.borrow().report())
    }

    fn statistics(&self) -> String {
        text(&self.0.borrow().statistics())
    }
}
