//! The state of a regression's quality: exact sums of errors over labelled rows, and where the errors lie.

mod explained;
mod intervals;

use explained::Explained;
use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, Ranks};
use super::exact_sum::{ExactSum, LEAST_VARIANCE, Slots};
use super::moments::Moments;
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
    /// Prediction minus label.
    errors: Moments,
    absolute_errors: ExactSum,
    /// Of errors times their sizes: squares with the sign of the error.
    signed_squares: ExactSum,
    /// Of squared errors that a double holds, each rounded.
    squared_errors: Moments,
    /// Where absolute errors lie.
    sizes: Distribution,
    size_extremes: Option<(f64, f64)>,
    /// Absolute errors by absolute labels, of rows whose label is not 0.
    relative_errors: Moments,
    /// Rows whose label is not 0.
    num_relative: u64,
    /// Of these, rows whose relative error is beyond a double.
    num_unrelated: u64,
    labels: Moments,
    label_extremes: Option<(f64, f64)>,
    /// What squared errors have to do with squared labels.
    explained: Explained,
}

/// Room to work in.
#[derive(Debug, Default)]
pub struct Room {
    errors: Vec<f64>,
    labels: Vec<f64>,
    sizes: Vec<f64>,
    derived: Vec<f64>,
    squared_labels: Vec<f64>,
    slots: Slots,
}

/// Mean pinball losses: what it costs to be off, where being too low costs as many times more than being too high as the
/// quantile is likelier to lie above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PinballLoss {
    /// At the quantile 0.1.
    pub p10: f64,
    /// At the median: half of the mean absolute error.
    pub p50: f64,
    /// At the quantile 0.9.
    pub p90: f64,
}

impl RegressionState {
    /// Counts rows of prediction and label.
    pub fn add_all(&mut self, rows: &[(f64, f64)], room: &mut Room) {
        let Room { errors, labels, sizes, derived, squared_labels, slots } = room;
        errors.clear();
        labels.clear();
        for (prediction, label) in rows {
            if prediction.is_nan() || label.is_nan() {
                continue;
            }
            let error = prediction - label;
            if error.is_finite() {
                errors.push(error);
                // −0 becomes 0, so that the extremes do not tell which zero came first.
                labels.push(label + 0.0);
            } else {
                self.num_infinite += 1;
            }
        }
        self.num_errors += errors.len() as u64;
        self.errors.add_all(errors, slots);
        self.labels.add_all(labels, slots);
        self.label_extremes = reach(self.label_extremes, extremes(labels));
        let relative = |(error, label): (&f64, &f64)| (*label != 0.0).then(|| (error / label).abs());
        derived.clear();
        derived.extend(errors.iter().zip(&*labels).filter_map(relative));
        let num_relative = derived.len();
        derived.retain(|relative| relative.is_finite());
        self.num_relative += num_relative as u64;
        self.num_unrelated += (num_relative - derived.len()) as u64;
        self.relative_errors.add_all(derived, slots);
        square(errors, derived);
        self.squared_errors.add_all(derived, slots);
        square(labels, squared_labels);
        self.explained.add_all(derived, labels, squared_labels, slots);
        sizes.clear();
        sizes.extend(errors.iter().map(|error| error.abs()));
        slots.add_products(sizes, errors, &mut self.signed_squares);
        slots.add_sum(sizes, &mut self.absolute_errors);
        self.sizes.add_all(sizes);
        self.size_extremes = reach(self.size_extremes, extremes(sizes));
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.num_errors += other.num_errors;
        self.num_infinite += other.num_infinite;
        self.errors.merge(&other.errors);
        self.absolute_errors.merge(&other.absolute_errors);
        self.signed_squares.merge(&other.signed_squares);
        self.squared_errors.merge(&other.squared_errors);
        self.sizes.merge(&other.sizes);
        self.size_extremes = reach(self.size_extremes, other.size_extremes);
        self.relative_errors.merge(&other.relative_errors);
        self.num_relative += other.num_relative;
        self.num_unrelated += other.num_unrelated;
        self.labels.merge(&other.labels);
        self.label_extremes = reach(self.label_extremes, other.label_extremes);
        self.explained.merge(&other.explained);
    }

    /// How far absolute errors stray from their mean, and by how much a row moves the root mean squared error: divided by the root
    /// of a number of rows, the standard errors of both. `None` of fewer than two rows, or if squares are beyond a double.
    pub fn deviations_of_losses(&self) -> Option<(f64, f64)> {
        let (count, root) = (self.num_errors, (self.num_errors as f64).sqrt());
        let of_absolute = self.errors.standard_error_of(&self.absolute_errors, count)? * root;
        let of_squared = self.squared_errors.standard_error(count)? * root;
        let rmse = self.root_mean_squared_error().ok()?;
        let of_root = if rmse > 0.0 { of_squared / (2.0 * rmse) } else { 0.0 };
        Some((of_absolute, of_root))
    }

    /// Labelled rows.
    pub fn count(&self) -> u64 {
        self.num_errors + self.num_infinite
    }

    /// Mean of squared errors.
    pub fn mean_squared_error(&self) -> Result<f64, Absence> {
        if self.num_errors == 0 {
            return Err(NO_ERRORS);
        }
        self.errors.mean_square(self.num_errors).ok_or(SQUARED_ERRORS)
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

    /// Middle of absolute errors.
    pub fn median_absolute_error(&self) -> Result<f64, Absence> {
        self.ranks().and_then(|ranks| ranks.quantile(0.5)).ok_or(NO_ERRORS)
    }

    /// Mean of errors, prediction minus label: the bias.
    pub fn mean_error(&self) -> Result<f64, Absence> {
        self.errors.mean(self.num_errors).ok_or(NO_ERRORS)
    }

    /// Mean pinball losses. With `d` the label minus the prediction, that at `α` is `α·Σd⁺ + (1 − α)·Σd⁻` by the number of
    /// rows, and `d⁺ = (|d| + d) / 2`: every quantile's loss follows from two sums.
    pub fn mean_pinball_loss(&self) -> Result<PinballLoss, Absence> {
        let (size, error) = (self.mean_average_error()? / 2.0, self.mean_error()? / 2.0);
        let loss = |alpha: f64| alpha * (size - error) + (1.0 - alpha) * (size + error);
        Ok(PinballLoss { p10: loss(0.1), p50: size, p90: loss(0.9) })
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
        finite(1.0 - squared_error / self.labels.variance(self.num_errors).ok_or(SQUARED_LABELS)?)
    }

    /// Ranks of absolute errors.
    fn ranks(&self) -> Option<Ranks> {
        let (min, max) = self.size_extremes?;
        Some(Ranks::new(&self.sizes, min, max))
    }

    /// Brings sums into their one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        let moments =
            [&mut self.errors, &mut self.squared_errors, &mut self.relative_errors, &mut self.labels];
        moments.into_iter().for_each(Moments::settle);
        self.absolute_errors.settle();
        self.signed_squares.settle();
        self.sizes.settle();
        self.explained.settle();
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + 15 * 64 + self.sizes.size()
    }
}

/// The squares of `values`, each rounded; 0 where that is beyond a double, so that no sum has it.
fn square(values: &[f64], squares: &mut Vec<f64>) {
    let square = |value: &f64| Some(value * value).filter(|square| square.is_finite());
    squares.clear();
    squares.extend(values.iter().map(|value| square(value).unwrap_or(0.0)));
}

/// Least and greatest of `values`.
fn extremes(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(min, max), value| (min.min(*value), max.max(*value))))
}

/// The extremes of both.
fn reach(ours: Option<(f64, f64)>, theirs: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (ours, theirs) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (ours, theirs) => ours.or(theirs),
    }
}

#[cfg(test)]
impl RegressionState {
    /// Counts one row.
    pub(crate) fn add(&mut self, prediction: f64, label: f64) {
        self.add_all(&[(prediction, label)], &mut Room::default());
    }
}

#[cfg(test)]
mod tests;
