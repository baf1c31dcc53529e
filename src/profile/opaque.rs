//! The state of a column of which values are counted, and not told apart: nested and binary, and payloads.

use serde::{Deserialize, Serialize};

use super::lengths::Lengths;

/// All that is remembered of such a column. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpaqueState {
    /// Values that are not NULL.
    pub count: u64,
    /// Values that are NULL.
    pub num_nulls: u64,
    /// How long values are, if they have a length.
    pub lengths: Lengths,
}

impl OpaqueState {
    /// Counts a value, and how long it is, if values of its type have a length: texts and binary in bytes, lists
    /// and maps in elements.
    pub fn add(&mut self, length: Option<u64>) {
        self.count += 1;
        length.into_iter().for_each(|length| self.lengths.add(length, 1));
    }

    /// Counts NULLs.
    pub fn add_nulls(&mut self, count: u64) {
        self.num_nulls += count;
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.num_nulls += other.num_nulls;
        self.lengths.merge(&other.lengths);
    }
}
