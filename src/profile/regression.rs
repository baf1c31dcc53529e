//! The state of a regression's quality: exact sums of errors over labelled rows.

use serde::{Deserialize, Serialize};

use super::exact_sum::{ExactSum, LEAST_VARIANCE};
use super::reason::{Absence, finite};

const NO_ERRORS: Absence = Absence::new("no labelled row has a finite error");
const SQUARED_ERRORS: Absence = Absence::new("squares of the errors are beyond the range of a double");
const SQUARED_LABELS: Absence = Absence::new("squares of the labels are beyond the range of a double");

/// All that is remembered of labelled predictions of numbers. Merging states gives the state of all rows.
///
/// NaN is neither a prediction nor a label. A row whose error is infinite is labelled, and in no measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegressionState {
    /// Labelled rows whose error is finite.
    num_errors: u64,
    /// Labelled rows whose error is infinite: one side is, or they are further apart than a double reaches.
    num_infinite: u64,
    squared_errors: ExactSum,
    /// Rows whose squared error is beyond a double.
    num_unsquared_errors: u64,
    absolute_errors: ExactSum,
    relative_errors: ExactSum,
    /// Rows whose label is not 0.
    num_relative: u64,
    /// Of these, rows whose relative error is beyond a double.
    num_unrelated: u64,
    labels: ExactSum,
    squared_labels: ExactSum,
    /// Rows whose squared label is beyond a double.
    num_unsquared_labels: u64,
    label_extremes: Option<(f64, f64)>,
}

impl RegressionState {
    /// Counts one row.
    pub fn add(&mut self, prediction: f64, label: f64) {
        if prediction.is_nan() || label.is_nan() {
            return;
        }
        let error = prediction - label;
        if !error.is_finite() {
            self.num_infinite += 1;
            return;
        }
        self.num_errors += 1;
        self.num_unsquared_errors += u64::from(!self.squared_errors.add_square(error));
        self.absolute_errors.add(error.abs());
        if label != 0.0 {
            self.num_relative += 1;
            let relative = (error / label).abs();
            self.relative_errors.add(relative);
            self.num_unrelated += u64::from(!relative.is_finite());
        }
        // −0 becomes 0, so that the extremes do not tell which zero came first.
        let label = label + 0.0;
        self.labels.add(label);
        self.num_unsquared_labels += u64::from(!self.squared_labels.add_square(label));
        self.label_extremes = Some(match self.label_extremes {
            None => (label, label),
            Some((min, max)) => (min.min(label), max.max(label)),
        });
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.num_errors += other.num_errors;
        self.num_infinite += other.num_infinite;
        self.squared_errors.merge(&other.squared_errors);
        self.num_unsquared_errors += other.num_unsquared_errors;
        self.absolute_errors.merge(&other.absolute_errors);
        self.relative_errors.merge(&other.relative_errors);
        self.num_relative += other.num_relative;
        self.num_unrelated += other.num_unrelated;
        self.labels.merge(&other.labels);
        self.squared_labels.merge(&other.squared_labels);
        self.num_unsquared_labels += other.num_unsquared_labels;
        self.label_extremes = match (self.label_extremes, other.label_extremes) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (ours, theirs) => ours.or(theirs),
        };
    }

    /// Labelled rows.
    pub fn count(&self) -> u64 {
        self.num_errors + self.num_infinite
    }

    /// Mean of squared errors.
    pub fn mean_squared_error(&self) -> Result<f64, Absence> {
        let mean = self.squared_errors.mean(self.num_errors).ok_or(NO_ERRORS)?;
        if self.num_unsquared_errors > 0 { Err(SQUARED_ERRORS) } else { Ok(mean) }
    }

    /// Root of the mean of squared errors.
    pub fn root_mean_squared_error(&self) -> Result<f64, Absence> {
        let mean = self.mean_squared_error()?;
        let vanishes = mean < LEAST_VARIANCE && self.absolute_errors != ExactSum::default();
        if vanishes { Err(SQUARED_ERRORS) } else { Ok(mean.sqrt()) }
    }

    /// Mean of absolute errors.
    pub fn mean_average_error(&self) -> Result<f64, Absence> {
        self.absolute_errors.mean(self.num_errors).ok_or(NO_ERRORS)
    }

    /// Mean of |error / label| over rows whose label is not 0, as a fraction.
    pub fn mean_absolute_percentage_error(&self) -> Result<f64, Absence> {
        if self.num_errors == 0 {
            return Err(NO_ERRORS);
        }
        if self.num_unrelated > 0 {
            return Err(Absence::new("a relative error is beyond the range of a double"));
        }
        self.relative_errors.mean(self.num_relative).ok_or(Absence::new("every label is 0"))
    }

    /// Share of the labels' variance that is explained. Absent for fewer than two rows or equal labels.
    pub fn r2_score(&self) -> Result<f64, Absence> {
        let squared_error = self.mean_squared_error()?;
        let (min, max) = self.label_extremes.ok_or(NO_ERRORS)?;
        if self.num_errors == 1 {
            return Err(Absence::new("there is only one labelled row"));
        }
        if min == max {
            return Err(Absence::new("every label is the same"));
        }
        let variance =
            ExactSum::variance(&self.labels, &self.squared_labels, self.num_errors, self.num_errors)
                .filter(|variance| self.num_unsquared_labels == 0 && *variance >= LEAST_VARIANCE)
                .ok_or(SQUARED_LABELS)?;
        finite(1.0 - squared_error / variance)
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

#[cfg(test)]
mod tests;
