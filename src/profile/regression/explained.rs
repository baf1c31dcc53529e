//! How sure R² is: what squared errors have to do with squared labels.

use serde::{Deserialize, Serialize};

use super::RegressionState;
use crate::profile::exact_sum::{Exact, ExactSum, Slots, deviations};
use crate::profile::moments::Moments;

/// The least mean of fourth powers from which something is told. Of each product up to 2⁻¹⁰⁷⁵ is lost below the least of all doubles:
/// from 2⁻⁹⁶⁹ on less than the rounding of squares loses anyhow.
const LEAST_FOURTH_POWER: f64 = f64::MIN_POSITIVE * (1u64 << 53) as f64;

/// The most that squares may weigh, by the variance they leave: (2³³)² / 2, of which the root times a rounding of 2⁻⁵³ is 2⁻²⁰.
const MOST_CANCELLED: f64 = (1u128 << 65) as f64;

/// Sums of products of the squared error, the label and the squared label of each row. Squares are rounded, products are exact.
///
/// A product that is beyond a double is in no sum. Then so is the square of one of both squares, which moments count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Explained {
    squared_labels: Moments,
    errors_labels: ExactSum,
    errors_squares: ExactSum,
    labels_squares: ExactSum,
}

impl Explained {
    /// Adds rows. Where a square is beyond a double it must be 0; R² itself is not told then.
    pub(super) fn add_all(
        &mut self,
        squared_errors: &[f64],
        labels: &[f64],
        squared_labels: &[f64],
        slots: &mut Slots,
    ) {
        self.squared_labels.add_all(squared_labels, slots);
        let products = [
            (squared_errors, labels, &mut self.errors_labels),
            (squared_errors, squared_labels, &mut self.errors_squares),
            (labels, squared_labels, &mut self.labels_squares),
        ];
        for (a, b, sum) in products {
            slots.add_products(a, b, sum);
        }
    }

    /// Adds the rows of others.
    pub(super) fn merge(&mut self, other: &Self) {
        self.squared_labels.merge(&other.squared_labels);
        self.errors_labels.merge(&other.errors_labels);
        self.errors_squares.merge(&other.errors_squares);
        self.labels_squares.merge(&other.labels_squares);
    }

    /// Brings sums into their one form.
    pub(super) fn settle(&mut self) {
        self.squared_labels.settle();
        [&mut self.errors_labels, &mut self.errors_squares, &mut self.labels_squares]
            .into_iter()
            .for_each(ExactSum::settle);
    }
}

impl RegressionState {
    /// Standard error of R² by the delta method.
    ///
    /// R² is `1 − A / V`, with `A` the mean squared error and `V` the variance of labels. To the first order a row moves it by its
    /// influence `−(e² − (A / V) (y − ȳ)²) / V`, a mix of `e²`, `y²` and `y` whose mean is 0, so `SE = s / √n` with `s` their deviation
    /// by n − 1. It comes of sums without a rounding.
    ///
    /// Only `e²` and `y²` of each row are rounded, by 2⁻⁵³ of them, which moves `s` by `2⁻⁵³ (√mean(e⁴) + (A / V) √mean(y⁴)) / V` at
    /// most. `None` if that could be more than a millionth (2⁻²⁰) of `s`: labels lie a hundred thousand of their deviations from 0, or
    /// every row has the same influence, as where predictions are the mean; then how far R² strays is of another order. `None`, too,
    /// if fourth powers are beyond a double. Without errors nothing moves R².
    pub(super) fn r2_error(&self) -> Option<f64> {
        let rows = self.num_errors;
        self.r2_score().ok()?;
        if self.absolute_errors == ExactSum::default() {
            return Some(0.0);
        }
        let Explained { squared_labels, errors_labels, errors_squares, labels_squares } = &self.explained;
        let is_told = |power: Option<f64>| power.is_some_and(|power| power >= LEAST_FOURTH_POWER);
        let are_told =
            [&self.squared_errors, squared_labels].map(|squares| is_told(squares.mean_square(rows)));
        if are_told != [true; 2] {
            return None;
        }
        let (_, unexplained) = self.errors.exact();
        let (errors, errors_twice) = self.squared_errors.exact();
        let (squares, squares_twice) = squared_labels.exact();
        let (labels, labels_twice) = self.labels.exact();
        let [errors_labels, errors_squares, labels_squares] =
            [errors_labels, errors_squares, labels_squares].map(ExactSum::exact);
        // With D = n Σy² − (Σy)², which is n² V, a mix of whole weights: −D² / n² times the influence.
        let spread = labels_twice.scaled(rows).minus(&labels.times(&labels));
        let weights =
            [spread.clone(), unexplained.scaled(-i128::from(rows)), unexplained.times(&labels).scaled(2)];
        let products = [
            [&errors_twice, &errors_squares, &errors_labels],
            [&errors_squares, &squares_twice, &labels_squares],
            [&errors_labels, &labels_squares, &labels_twice],
        ];
        let deviations = deviations(rows, &weights, &[errors, squares, labels], &products);
        let [of_errors, of_squares, _] = &weights;
        let weighed = |weight: &Exact, squares: &Exact| weight.times(weight).times(squares).scaled(rows);
        let summed = weighed(of_errors, &errors_twice).plus(&weighed(of_squares, &squares_twice));
        let cancelled = summed.over(&deviations)?;
        if !(0.0..=MOST_CANCELLED).contains(&cancelled) {
            return None;
        }
        let spread_twice = spread.times(&spread);
        let variance = deviations.scaled(u128::from(rows).pow(2));
        let divisor = spread_twice.times(&spread_twice).scaled(rows.checked_sub(1)?);
        variance.over(&divisor).map(f64::sqrt)
    }
}
