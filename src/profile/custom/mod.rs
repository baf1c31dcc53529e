//! Custom metrics: what the owner of a monitor wants to know beside the built-in measures.
//!
//! ```text
//! rows ─ aggregate ─┬─ profile rows ─ derived ─┬─ profile rows ─ drift::custom ─ drift rows
//!                   └ by window, version, slice └ over metrics of one row       └ of two rows
//! ```
//!
//! An aggregate of SQL does not add, so it is computed anew for each window of each granularity, for `*` and for
//! slices (`aggregate`). The others are SQL over metrics that are there already (`over_rows`). A definition is
//! refused before a row is read if it can be seen to be wrong; one that fails on rows leaves its column NULL, with
//! the reason, and everything else goes on. This module computes; it must not compare or write.

#[cfg(feature = "lake")]
pub(crate) mod aggregate;
#[cfg(feature = "lake")]
pub mod check;
#[cfg(feature = "lake")]
pub mod derived;
#[cfg(feature = "lake")]
mod division;
#[cfg(feature = "lake")]
mod outcomes;
#[cfg(feature = "lake")]
pub(crate) mod over_rows;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::reason::{Absence, Reasons, joined};
use super::row::ProfileRow;
use crate::config::{CustomInput, CustomMetric};
use crate::contract::TABLE;

/// A value of a custom metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number; of an instant its microseconds, of a day its days, since 1970-01-01Z.
    Whole(i64),
    /// A number; finite.
    Number(f64),
    /// A text.
    Text(String),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// The values of a row, by metric. What is not there is NULL.
pub type Values = BTreeMap<String, Value>;

/// A value, or why there is none.
pub type Outcome = Result<Value, Absence>;

/// A definition may give NULL.
pub const GIVES_NULL: Absence = Absence::new("its definition gives NULL");

/// Whose rows: what the rows of a profile have in common that are of one window and segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Granularity and start of the window, in microseconds; `None` for the baseline.
    pub window: Option<(String, i64)>,
    /// Model version, or `*`.
    pub model_version: String,
    /// Key and value of the slice, or the whole table.
    pub slice: Option<(String, String)>,
}

impl Place {
    /// The place of `row`.
    pub fn of(row: &ProfileRow) -> Self {
        Self {
            window: row.granularity.clone().zip(row.window_start),
            model_version: row.model_version.clone(),
            slice: row.slice_key.clone().zip(row.slice_value.clone()),
        }
    }
}

/// What one aggregate gave in the rows of one column.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// The metric.
    pub metric: String,
    /// The column, or `:table`.
    pub column: String,
    /// By place; where there is none, it is NULL.
    pub outcomes: HashMap<Place, Outcome>,
    /// Why it could not be computed on the inference table.
    pub failed_on_input: Option<Absence>,
    /// Why it could not be computed on the baseline.
    pub failed_on_baseline: Option<Absence>,
}

impl Measured {
    /// Nothing yet of what `metric` is in the rows of `input`.
    pub fn of((metric, input): (&CustomMetric, &CustomInput)) -> Self {
        Self { metric: metric.name.clone(), column: input.column.clone(), ..Self::default() }
    }

    /// It fails on the rows of the inference table, or on those of the baseline.
    pub fn fail(&mut self, is_input: bool, why: Absence) {
        *(if is_input { &mut self.failed_on_input } else { &mut self.failed_on_baseline }) = Some(why);
    }

    /// That it failed, and where.
    pub fn findings(&self) -> impl Iterator<Item = String> + use<> {
        let of = if self.column == TABLE { String::new() } else { format!(" of `{}`", self.column) };
        let metric = format!("custom metric `{}`{of}", self.metric);
        let failed =
            [("", self.failed_on_input.clone()), (" in the baseline", self.failed_on_baseline.clone())];
        let finding = move |(place, why): (&str, Option<Absence>)| {
            Some(format!("{metric} has no values{place}: {}", why?))
        };
        failed.into_iter().filter_map(finding)
    }

    fn at(&self, place: &Place) -> Outcome {
        let failed = if place.window.is_some() { &self.failed_on_input } else { &self.failed_on_baseline };
        match failed {
            Some(why) => Err(why.clone()),
            None => self.outcomes.get(place).cloned().unwrap_or(Err(GIVES_NULL)),
        }
    }
}

/// Adds to `rows` what `aggregates` gave.
pub fn add_aggregates(rows: &mut [ProfileRow], aggregates: &[Measured]) {
    for row in rows {
        let mut own = aggregates.iter().filter(|aggregate| aggregate.column == row.column_name).peekable();
        if own.peek().is_none() {
            continue;
        }
        let place = Place::of(row);
        let outcomes = own.map(|aggregate| (aggregate.metric.as_str(), aggregate.at(&place)));
        note(outcomes, &mut row.custom, &mut row.reason);
    }
}

/// Puts `outcomes` of metrics into a row: its `values`, and its `reason`.
pub fn note<'a>(
    outcomes: impl IntoIterator<Item = (&'a str, Outcome)>,
    values: &mut Values,
    reason: &mut Option<String>,
) {
    let mut reasons = Reasons::default();
    for (metric, outcome) in outcomes {
        if let Some(value) = reasons.noted(metric.to_owned(), outcome) {
            values.insert(metric.to_owned(), value);
        }
    }
    *reason = joined(reason.take(), reasons);
}
