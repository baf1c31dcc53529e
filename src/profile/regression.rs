//! The state of a regression's quality: exact sums of errors over labelled rows.

use serde::{Deserialize, Serialize};

use super::exact_sum::ExactSum;

/// All that is remembered of labelled predictions of numbers. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegressionState {
    /// Labelled rows whose prediction and label are finite.
    pub count: u64,
    /// Labelled rows whose prediction or label is NaN or infinite.
    pub num_not_finite: u64,
    squared_errors: ExactSum,
    absolute_errors: ExactSum,
    relative_errors: ExactSum,
    num_relative: u64,
    labels: ExactSum,
    squared_labels: ExactSum,
    /// Rows whose squared error or label is beyond a double.
    num_unsquared: u64,
}

impl RegressionState {
    /// Counts one labelled row.
    pub fn add(&mut self, prediction: f64, label: f64) {
        let error = prediction - label;
        if !error.is_finite() {
            self.num_not_finite += 1;
            return;
        }
        self.count += 1;
        let squared = self.squared_errors.add_square(error) && self.squared_labels.add_square(label);
        self.num_unsquared += u64::from(!squared);
        self.absolute_errors.add(error.abs());
        self.labels.add(label);
        let relative = (error / label).abs();
        if relative.is_finite() {
            self.relative_errors.add(relative);
            self.num_relative += 1;
        }
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.num_not_finite += other.num_not_finite;
        self.num_relative += other.num_relative;
        self.num_unsquared += other.num_unsquared;
        self.squared_errors.merge(&other.squared_errors);
        self.absolute_errors.merge(&other.absolute_errors);
        self.relative_errors.merge(&other.relative_errors);
        self.labels.merge(&other.labels);
        self.squared_labels.merge(&other.squared_labels);
    }

    /// Mean of squared errors.
    pub fn mean_squared_error(&self) -> Option<f64> {
        if self.num_unsquared > 0 { None } else { self.squared_errors.mean(self.count) }
    }

    /// Root of the mean of squared errors.
    pub fn root_mean_squared_error(&self) -> Option<f64> {
        self.mean_squared_error().map(f64::sqrt)
    }

    /// Mean of absolute errors.
    pub fn mean_average_error(&self) -> Option<f64> {
        self.absolute_errors.mean(self.count).filter(|mean| mean.is_finite())
    }

    /// Mean of |error / label| over rows whose label is not 0, as a fraction.
    pub fn mean_absolute_percentage_error(&self) -> Option<f64> {
        self.relative_errors.mean(self.num_relative).filter(|mean| mean.is_finite())
    }

    /// Share of the labels' variance that is explained. `None` for fewer than two rows or equal labels.
    pub fn r2_score(&self) -> Option<f64> {
        if self.count < 2 || self.num_unsquared > 0 {
            return None;
        }
        let variance = ExactSum::squared_deviations(&self.labels, &self.squared_labels, self.count)?;
        (variance > 0.0).then(|| 1.0 - self.squared_errors.value() / variance)
    }

    /// Brings sums into their one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        let sums = [
            &mut self.squared_errors,
            &mut self.absolute_errors,
            &mut self.relative_errors,
            &mut self.labels,
            &mut self.squared_labels,
        ];
        sums.into_iter().for_each(ExactSum::settle);
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + 5 * 64
    }
}
