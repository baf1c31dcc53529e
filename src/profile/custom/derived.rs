//! Derived metrics: computed from other metrics of the same row.

use datafusion::execution::context::SessionContext;

use super::check::CustomError;
use super::note;
use super::over_rows::{Definition, Sides};
use crate::config::{CustomMetric, CustomMetricType};
use crate::profile::row::ProfileRow;

/// Adds to `rows` the derived metrics among `metrics`, one after the other. Aggregates are there already.
///
/// # Errors
/// If a definition cannot be computed, whatever the rows; [`check`](super::check) finds that before.
pub fn add(rows: &mut [ProfileRow], metrics: &[CustomMetric]) -> Result<(), CustomError> {
    let own: Vec<&CustomMetric> =
        metrics.iter().filter(|metric| metric.kind == CustomMetricType::Derived).collect();
    if own.is_empty() {
        return Ok(());
    }
    let state = SessionContext::new().state();
    for metric in own {
        let definition = Definition::of(metric, metrics, &state)?;
        let own = rows.iter().enumerate().filter(|(_, row)| metric.is_of(&row.column_name));
        let (places, sides): (Vec<usize>, Vec<Sides<'_>>) =
            own.map(|(place, row)| (place, [Some(row), None])).unzip();
        let outcomes = definition.outcomes(&sides);
        for (place, outcome) in places.into_iter().zip(outcomes) {
            let row = &mut rows[place];
            note([(metric.name.as_str(), outcome)], &mut row.custom, &mut row.reason);
        }
    }
    Ok(())
}
