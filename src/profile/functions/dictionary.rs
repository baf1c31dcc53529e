//! Names as small numbers that last from batch to batch.
//!
//! A column has the same names in all of its batches, and most states have the same names as others. So each name is
//! read once, and rows are counted by number; what a name costs (its text, its length, its place in a state) is paid once
//! for each state. When there are many names a dictionary is begun anew, so that one does not grow with the table; states
//! hold those that they have counted by.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef};
use datafusion::common::Result;

use super::coded::Coder;
use super::names::names;
use crate::profile::text::Name;

/// Names of a dictionary to which no batch is added any more.
const MANY: usize = 8192;

/// Bytes of names from which on that is so, too: they may be long.
const MANY_BYTES: usize = 1 << 22;

/// Names by code, but that of NULL. More may come; those that are there stay.
#[derive(Debug, Default)]
pub(super) struct Names(Box<[OnceLock<Name>]>);

impl Names {
    fn with_room_for(names: usize) -> Self {
        Self((0..names).map(|_| OnceLock::new()).collect())
    }

    /// Names `code`, which is new.
    fn set(&self, code: u32, name: Name) {
        let unnamed = self.0.get(code as usize - 1).is_none_or(|place| place.set(name).is_ok());
        debug_assert!(unnamed, "a code is given once");
    }

    /// The name of `code`; none of NULL, and of a code that has not been given.
    pub(super) fn get(&self, code: u32) -> Option<&Name> {
        self.0.get((code as usize).checked_sub(1)?)?.get()
    }
}

/// Codes of names.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// The names of all codes.
    pub(super) names: Arc<Names>,
    coder: Coder,
    /// Bytes of the names.
    bytes: usize,
}

impl Dictionary {
    /// How many names it has.
    pub(super) fn len(&self) -> usize {
        self.coder.len()
    }

    /// The code of each row of the last batch.
    pub(super) fn codes(&self) -> &[u32] {
        &self.coder.codes
    }

    /// Codes the values of `array`. A name may have several codes.
    ///
    /// # Errors
    /// If the values have no text form.
    pub(super) fn code(&mut self, array: &ArrayRef) -> Result<()> {
        if self.len() > MANY || self.bytes > MANY_BYTES || self.len() + array.len() > self.names.0.len() {
            self.names = Arc::new(Names::with_room_for(MANY + array.len()));
            self.coder.clear();
            self.bytes = 0;
        }
        let next = self.len() as u32 + 1;
        let new = names(&self.coder.code(array)?)?;
        for (code, name) in (next..).zip(&new) {
            let name = Name::of(name.unwrap_or_default());
            self.bytes += name.item().len();
            self.names.set(code, name);
        }
        Ok(())
    }
}
