//! How long values are: the shortest, the longest, and all together. What a length counts, its column says.

use serde::{Deserialize, Serialize};

/// Lengths of some values. Merging gives those of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    extremes: Option<(u64, u64)>,
    total: u64,
}

impl Lengths {
    /// Adds `count` values, each as long as `length`.
    pub fn add(&mut self, length: u64, count: u64) {
        self.merge(&Self { extremes: Some((length, length)), total: length * count });
    }

    /// Adds the values of others.
    pub fn merge(&mut self, other: &Self) {
        self.total += other.total;
        self.extremes = match (self.extremes, other.extremes) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (ours, theirs) => ours.or(theirs),
        };
    }

    /// Least and greatest length; none of no values.
    pub fn extremes(&self) -> Option<(u64, u64)> {
        self.extremes
    }

    /// All lengths together.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Mean length of `count` values; none if these have no length.
    pub fn avg(&self, count: u64) -> Option<f64> {
        self.extremes.map(|_| self.total as f64 / count as f64)
    }
}
