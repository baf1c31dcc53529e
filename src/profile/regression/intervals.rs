//! How sure the measures of a regression are.

use std::collections::BTreeMap;

use super::{PinballLoss, RegressionState};
use crate::profile::exact_sum::{Exact, LEAST_VARIANCE, deviations};
use crate::profile::interval::Interval;
use crate::profile::reason::Absence;

impl RegressionState {
    /// The 95 % interval of each measure that has one, by its name.
    ///
    /// A mean of losses is taken to be normal about that of all rows: `mean ± z · s / √n`, with `s` by n − 1. The root mean
    /// squared error has the roots of the mean squared error's ends. That of the median is between two of the absolute
    /// errors themselves. R² is taken to be normal, too, by the delta method.
    ///
    /// # Errors
    /// If no measure has one.
    pub fn intervals(&self) -> Result<BTreeMap<String, Interval>, Absence> {
        let rows = self.num_errors;
        let mean = |value: Result<f64, Absence>, standard_error: Option<f64>, least: f64| {
            let interval = Interval::normal(value.ok()?, standard_error?);
            Some(interval.within(least, f64::INFINITY))
        };
        let squared = mean(self.mean_squared_error(), self.squared_errors.standard_error(rows), 0.0);
        let root = self.root_mean_squared_error().ok().and(squared).map(Interval::root);
        let size = self.errors.standard_error_of(&self.absolute_errors, rows);
        let relative = self.relative_errors.standard_error(self.num_relative);
        let pinball = |of: fn(PinballLoss) -> f64, weight: i64| {
            mean(self.mean_pinball_loss().map(of), self.pinball_error(weight), 0.0)
        };
        let score = || {
            let interval = Interval::normal(self.r2_score().ok()?, self.r2_error()?);
            Some(interval.within(f64::NEG_INFINITY, 1.0))
        };
        let intervals = [
            ("mean_squared_error", squared),
            ("root_mean_squared_error", root),
            ("mean_average_error", mean(self.mean_average_error(), size, 0.0)),
            ("median_absolute_error", self.around_median()),
            ("mean_error", mean(self.mean_error(), self.errors.standard_error(rows), f64::NEG_INFINITY)),
            ("mean_absolute_percentage_error", mean(self.mean_absolute_percentage_error(), relative, 0.0)),
            ("mean_pinball_loss.p10", pinball(|loss| loss.p10, 4)),
            ("mean_pinball_loss.p50", pinball(|loss| loss.p50, 0)),
            ("mean_pinball_loss.p90", pinball(|loss| loss.p90, -4)),
            ("r2_score", score()),
        ];
        let is_there = |(name, interval): (&str, Option<Interval>)| {
            Some((name.to_owned(), interval.filter(|interval| interval.is_finite())?))
        };
        let intervals: BTreeMap<String, Interval> = intervals.into_iter().filter_map(is_there).collect();
        match rows {
            0 => Err(super::NO_ERRORS),
            1 => Err(Absence::new("there is only one labelled row")),
            _ if intervals.is_empty() => Err(super::SQUARED_ERRORS),
            _ => Ok(intervals),
        }
    }

    /// Standard error of a mean pinball loss. That of a row at `α` is `(|e| + (1 − 2α) e) / 2`, so ten times that is a mix of whole
    /// weights: 5 of `|e|`, and of `e` this `weight`.
    fn pinball_error(&self, weight: i64) -> Option<f64> {
        // Where neither of these has a standard error, squares are beyond a double.
        self.errors.standard_error(self.num_errors)?;
        self.errors.standard_error_of(&self.absolute_errors, self.num_errors)?;
        let (errors, squares) = self.errors.exact();
        let (sizes, signed) = (self.absolute_errors.exact(), self.signed_squares.exact());
        let weights = [Exact::from(5), Exact::from(weight)];
        let products = [[&squares, &signed], [&signed, &squares]];
        let deviations = deviations(self.num_errors, &weights, &[sizes, errors], &products);
        let pairs = Exact::from(100).scaled(self.num_errors).scaled(self.num_errors.checked_sub(1)?);
        let variance = deviations.over(&pairs)?;
        (variance == 0.0 || variance >= LEAST_VARIANCE).then(|| (variance / self.num_errors as f64).sqrt())
    }

    fn around_median(&self) -> Option<Interval> {
        let (first, last) = Interval::places_around_median(self.num_errors)?;
        let ranks = self.ranks()?;
        Some(Interval { low: ranks.at(first)?, high: ranks.at(last)? })
    }
}
