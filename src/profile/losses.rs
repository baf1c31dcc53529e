//! The state of losses that are expected of rows, whether their labels have come or not.
//!
//! What is expected of a row, a model says that has learnt from the baseline; here it is added up, exactly, so that the order of
//! rows does not matter. **It holds while labels, given features and prediction, scatter as they did in the baseline**: concept
//! drift is just what it cannot see.
//!
//! **Source** NannyML's DLE (0.13).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exact_sum::{ExactSum, Slots};
use super::reason::{Absence, BEYOND_A_DOUBLE};
use super::regression::RegressionState;

/// Expected losses of some rows. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossState {
    rows: u64,
    /// Of `|prediction − label|`.
    absolute: ExactSum,
    /// Of `(prediction − label)²`.
    squared: ExactSum,
}

/// Expected quality of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LossEstimate {
    /// Mean of expected absolute errors.
    pub mean_average_error: f64,
    /// Root of the mean of expected squared errors.
    pub root_mean_squared_error: f64,
    /// Standard errors of these for as many rows of the baseline, by name.
    pub sampling_errors: BTreeMap<&'static str, f64>,
}

impl LossState {
    /// Adds rows, of each of which these losses are expected.
    pub fn add_all(&mut self, absolute: &[f64], squared: &[f64], slots: &mut Slots) {
        self.rows += absolute.len() as u64;
        slots.add_sum(absolute, &mut self.absolute);
        slots.add_sum(squared, &mut self.squared);
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.absolute.merge(&other.absolute);
        self.squared.merge(&other.squared);
    }

    /// Brings the state into its one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        self.absolute.settle();
        self.squared.settle();
    }

    /// Rows with a prediction.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        self.absolute.size() + self.squared.size()
    }

    /// The quality to be expected of the rows, where the baseline's own is `reference`.
    ///
    /// # Errors
    /// If no row has a prediction, or a loss is beyond a double.
    pub fn estimate(&self, reference: &RegressionState) -> Result<LossEstimate, Absence> {
        if self.rows == 0 {
            return Err(Absence::new("no row has a prediction"));
        }
        let of = |sum: &ExactSum| sum.mean(self.rows).filter(|mean| mean.is_finite()).ok_or(BEYOND_A_DOUBLE);
        let (mean_average_error, mean_squared_error) = (of(&self.absolute)?, of(&self.squared)?);
        let mut sampling_errors = BTreeMap::new();
        if let Some((of_absolute, of_root)) = reference.deviations_of_losses() {
            let root = (self.rows as f64).sqrt();
            sampling_errors.insert("estimated_mean_average_error", of_absolute / root);
            sampling_errors.insert("estimated_root_mean_squared_error", of_root / root);
        }
        Ok(LossEstimate {
            mean_average_error,
            root_mean_squared_error: mean_squared_error.sqrt(),
            sampling_errors,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(losses: &[f64]) -> LossState {
        let mut state = LossState::default();
        let squares: Vec<f64> = losses.iter().map(|loss| loss * loss).collect();
        state.add_all(losses, &squares, &mut Slots::default());
        state
    }

    #[test]
    fn parts_are_the_whole_whatever_their_order() {
        let (mut one, mut other) = (of(&[0.1, 0.2, 1e9]), of(&[0.3]));
        other.merge(&one);
        one.merge(&of(&[0.3]));
        let whole = of(&[0.3, 1e9, 0.2, 0.1]);
        for mut state in [one, other] {
            state.settle();
            let mut whole = whole.clone();
            whole.settle();
            assert_eq!(postcard::to_stdvec(&state).unwrap(), postcard::to_stdvec(&whole).unwrap());
        }
    }

    #[test]
    fn the_errors_of_an_estimate_are_those_of_the_baselines_losses() {
        let mut reference = RegressionState::default();
        for (prediction, label) in [(1.0, 0.0), (5.0, 2.0), (2.0, 7.0), (0.0, 0.5)] {
            reference.add(prediction, label);
        }
        let estimate = of(&[2.0, 4.0, 3.0, 3.0]).estimate(&reference).unwrap();
        assert_eq!((estimate.mean_average_error, estimate.root_mean_squared_error), (3.0, 9.5f64.sqrt()));
        // NumPy, with ddof=1: the deviation of |e| = [1, 3, 5, 0.5] is 2.056493779875511, of e² it is 11.495243581586255, the RMSE 2.968585521759479.
        let errors = &estimate.sampling_errors;
        assert!((errors["estimated_mean_average_error"] - 2.056493779875511 / 2.0).abs() < 1e-12);
        let of_root = 11.495243581586255 / (2.0 * 2.968_585_521_759_479);
        assert!((errors["estimated_root_mean_squared_error"] - of_root / 2.0).abs() < 1e-12);
        assert!(LossState::default().estimate(&reference).is_err());
    }
}
