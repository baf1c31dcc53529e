//! Mean and variance of many numbers, from exact sums: the same in any order of rows.

use serde::{Deserialize, Serialize};

use super::exact_sum::{Exact, ExactSum, LEAST_VARIANCE, Slots};

/// Exact sums of numbers and of their squares. How many numbers there are the owner knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    sum: ExactSum,
    squares: ExactSum,
    /// Numbers whose square is beyond a double; it is not in the sum.
    num_unsquared: u64,
}

impl Moments {
    /// Adds `values`, which must be finite. `slots` are room to work in.
    pub fn add_all(&mut self, values: &[f64], slots: &mut Slots) {
        self.num_unsquared += slots.add(values, &mut self.sum, &mut self.squares);
    }

    /// Adds the numbers of others.
    pub fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        self.num_unsquared += other.num_unsquared;
    }

    /// Brings sums into their one form, so that equal moments have equal bytes.
    pub fn settle(&mut self) {
        self.sum.settle();
        self.squares.settle();
    }

    /// Mean of the numbers, of which there are `count`; `None` of none.
    pub fn mean(&self, count: u64) -> Option<f64> {
        self.sum.mean(count)
    }

    /// Mean of their squares; `None` of none, or if a square is beyond a double.
    pub fn mean_square(&self, count: u64) -> Option<f64> {
        self.squares.mean(count).filter(|_| self.num_unsquared == 0)
    }

    /// The exact sum of the numbers, and that of their squares; the latter lacks those that are beyond a double.
    pub fn exact(&self) -> (Exact, Exact) {
        (self.sum.exact(), self.squares.exact())
    }

    /// Variance with `count`, of a population. `None` of none, or if it has no digits that are sure: a square is beyond a
    /// double, or all are below it.
    pub fn variance(&self, count: u64) -> Option<f64> {
        self.variance_of(&self.sum, count, count).filter(|variance| *variance >= LEAST_VARIANCE)
    }

    /// Standard error of the mean, with n − 1. `None` of fewer than two, or if squares are beyond a double.
    pub fn standard_error(&self, count: u64) -> Option<f64> {
        self.standard_error_of(&self.sum, count)
    }

    /// The same of the mean of absolute values, of which `sizes` is the sum: they have the same squares.
    pub fn standard_error_of(&self, sizes: &ExactSum, count: u64) -> Option<f64> {
        let variance = self.variance_of(sizes, count, count.checked_sub(1)?)?;
        let is_lost = variance < LEAST_VARIANCE
            && (variance > 0.0 || (self.squares == ExactSum::default() && *sizes != ExactSum::default()));
        (!is_lost).then(|| (variance / count as f64).sqrt())
    }

    fn variance_of(&self, sum: &ExactSum, count: u64, divisor: u64) -> Option<f64> {
        let variance = ExactSum::variance(sum, &self.squares, count, divisor)?;
        (self.num_unsquared == 0 && variance.is_finite()).then_some(variance)
    }

    /// Bytes held in memory.
    pub fn size(&self) -> usize {
        self.sum.size() + self.squares.size()
    }
}
