//! How sure the measures of a regression are.

use std::collections::BTreeMap;

use super::RegressionState;
use crate::profile::interval::Interval;
use crate::profile::reason::Absence;

impl RegressionState {
    /// The 95 % interval of each measure that has one, by its name.
    ///
    /// A mean of losses is taken to be normal about that of all rows: `mean ± z · s / √n`, with `s` by n − 1. The root mean
    /// squared error has the roots of the mean squared error's ends. That of the median is between two of the absolute
    /// errors themselves.
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
        let intervals = [
            ("mean_squared_error", squared),
            ("root_mean_squared_error", root),
            ("mean_average_error", mean(self.mean_average_error(), size, 0.0)),
            ("median_absolute_error", self.around_median()),
            ("mean_error", mean(self.mean_error(), self.errors.standard_error(rows), f64::NEG_INFINITY)),
            ("mean_absolute_percentage_error", mean(self.mean_absolute_percentage_error(), relative, 0.0)),
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

    fn around_median(&self) -> Option<Interval> {
        let (first, last) = Interval::places_around_median(self.num_errors)?;
        let ranks = self.ranks()?;
        Some(Interval { low: ranks.at(first)?, high: ranks.at(last)? })
    }
}
