//! Custom drift metrics: computed from metrics of a window and of what it is compared with.
//!
//! The one file here that asks the engine; it reads rows that are there, and nothing else.

use std::collections::HashMap;

use datafusion::execution::context::SessionContext;

use super::DriftRow;
use super::row::drift_type;
use crate::config::{Comparison, CustomMetric};
use crate::profile::custom::check::CustomError;
use crate::profile::custom::over_rows::{Definition, Sides};
use crate::profile::custom::{Place, note};
use crate::profile::reason::Absence;
use crate::profile::row::ProfileRow;

/// Custom metrics do not add.
const NO_ROW: Absence = Absence::new("several windows together have no metrics of their own");

/// Adds to `rows` the drift metrics among `metrics`. `profile` has the rows of both sides, with all other metrics.
///
/// # Errors
/// If a definition cannot be computed, whatever the rows; [`check`](crate::profile::custom::check) finds that before.
pub fn add(
    rows: &mut [DriftRow],
    profile: &[ProfileRow],
    metrics: &[CustomMetric],
) -> Result<(), CustomError> {
    let own: Vec<&CustomMetric> = metrics.iter().filter(|metric| metric.is_drift()).collect();
    if own.is_empty() {
        return Ok(());
    }
    let state = SessionContext::new().state();
    let is_read = |row: &&ProfileRow| own.iter().any(|metric| metric.is_of(&row.column_name));
    let sides = profile.iter().filter(is_read).map(|row| ((Place::of(row), row.column_name.as_str()), row));
    let sides: HashMap<(Place, &str), &ProfileRow> = sides.collect();
    for metric in own {
        let definition = Definition::of(metric, metrics, &state)?;
        let (mut places, mut pairs) = (Vec::new(), Vec::<Sides<'_>>::new());
        for (place, row) in rows.iter_mut().enumerate().filter(|(_, row)| metric.is_of(&row.column_name)) {
            if row.drift_type == drift_type(Comparison::Rolling) {
                note([(metric.name.as_str(), Err(NO_ROW))], &mut row.custom, &mut row.reason);
                continue;
            }
            let at = |side: Place| sides.get(&(side, row.column_name.as_str())).copied();
            places.push(place);
            pairs.push([at(current(row)), compared(row).and_then(at)]);
        }
        let outcomes = definition.outcomes(&pairs);
        for (place, outcome) in places.into_iter().zip(outcomes) {
            let row = &mut rows[place];
            note([(metric.name.as_str(), outcome)], &mut row.custom, &mut row.reason);
        }
    }
    Ok(())
}

/// Where the window of `row` has its profile.
fn current(row: &DriftRow) -> Place {
    Place {
        window: Some((row.granularity.clone(), row.window_start)),
        model_version: row.model_version.clone(),
        slice: row.slice_key.clone().zip(row.slice_value.clone()),
    }
}

/// Where what `row` is compared with has its profile, if there is any.
fn compared(row: &DriftRow) -> Option<Place> {
    let current = current(row);
    if row.drift_type == drift_type(Comparison::Baseline) {
        let model_version = row.baseline_model_version.clone()?;
        return Some(Place { window: None, model_version, ..current });
    }
    let model_version = row.model_version_cmp.clone().unwrap_or(row.model_version.clone());
    Some(Place { window: Some((row.granularity.clone(), row.window_cmp_start?)), model_version, ..current })
}
