//! How columns move together, and how that has changed, in rows that compare whole tables.
//!
//! A window of a rehearsal is one of those that it is compared with, which flatters it. So correlations are compared with those of the
//! baseline **without** the window. Its reconstruction error is that by the components of all of the baseline, as of a later
//! window, but raised by a [`Rehearsal::flattery`].

use std::collections::BTreeMap;

use super::DriftRow;
use crate::drift::Compared;
use crate::drift::correlation_change::correlation_change;
use crate::drift::reconstruction_error::{Components, ReconstructionError};
use crate::profile::Group;
use crate::profile::covariance::{CovarianceState, Reference};
use crate::profile::reason::{Absence, Reasons};

/// The components of baselines, by model version and columns: most windows are compared with one.
#[derive(Default)]
pub(in crate::drift) struct KnownComponents(BTreeMap<(String, Vec<u64>), Known>);

/// Components, and how badly the baseline itself fits them.
type Known = Result<(Components, f64), Absence>;

impl KnownComponents {
    fn of(&mut self, version: &str, columns: &[u64], baseline: &CovarianceState) -> &Known {
        self.0.entry((version.to_owned(), columns.to_vec())).or_insert_with(|| {
            let moments = baseline.standardized(columns);
            let components = Components::of(&moments)?;
            let own = components.reconstruction_error(&moments)?.value;
            Ok((components, own))
        })
    }
}

/// What is known of the windows of a baseline beside each other.
#[derive(Clone, Copy)]
pub(crate) struct Rehearsal {
    /// How much less the components of a baseline leave over of its own windows than of others like them. Components fit the rows of
    /// which they were found: of twenty columns that have nothing to do with each other, and fourteen windows, so much better that
    /// a third of all later windows would be beyond what is learned.
    ///
    /// It is the difference of what the components of the other windows leave over of one, and of what those of all do: the median
    /// over the windows, and not each with its own. Without a window that has an absurd row the baseline has other units. In New York's
    /// taxi data it is August 2018, with a fare of 429,490 dollars: measured by the other months its error is 10.2, and not 1.7,
    /// by which 9.5 would be learned, and not 1.87. Nothing would be beyond, not even the two months that NannyML reports.
    flattery: f64,
}

impl Rehearsal {
    /// Of the `windows` of a baseline, which are in what they are `compared` with.
    pub(in crate::drift) fn of<'a>(
        windows: impl Iterator<Item = &'a Group>,
        compared: &Compared<'_>,
        reference: Option<&Reference>,
        known: &mut KnownComponents,
    ) -> Self {
        let differences = || {
            let whole = compared.group?.table.covariance.as_ref()?;
            let columns = columns(whole, reference?);
            let (components, _) =
                known.of(compared.baseline_model_version?, &columns, whole).as_ref().ok()?;
            let difference = |window: &Group| {
                let window = window.table.covariance.as_ref()?;
                let others = components.of_others(&whole.without(window)?.standardized(&columns)).ok()?;
                let error = |components: &Components| {
                    Some(components.reconstruction_error(&window.standardized(&columns)).ok()?.value)
                };
                Some(error(&others)? - error(components)?)
            };
            Some(windows.filter_map(difference).collect())
        };
        let differences: Option<Vec<f64>> = differences();
        Self { flattery: differences.and_then(median).unwrap_or(0.0) }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().checked_sub(1)? / 2;
    Some(f64::midpoint(*values.get(lower)?, *values.get(upper)?))
}

/// The columns of a baseline that are looked at together. Those that were there once have scales, too.
fn columns(baseline: &CovarianceState, reference: &Reference) -> Vec<u64> {
    baseline.measured().filter(|id| reference.column(*id).is_some()).collect()
}

/// With how well the rows of `group` fit those that it is compared with, if both are whole tables of which columns were looked
/// at together.
pub(super) fn table_row(
    row: DriftRow,
    (group, other): (&Group, &Group),
    compared: &Compared<'_>,
    reference: &Reference,
    known: &mut KnownComponents,
) -> DriftRow {
    let (Some(now), Some(then)) = (&group.table.covariance, &other.table.covariance) else { return row };
    // Those that the window lacks are NULL in it, and so the mean.
    let columns = columns(then, reference);
    let both = now.measured().filter(|id| columns.binary_search(id).is_ok()).count();
    let name = |place: usize| columns.get(place).and_then(|id| reference.column(*id)).map(str::to_owned);
    let mut reasons = Reasons::default();
    let rest = compared.rehearsal.and_then(|_| then.without(now));
    let other = rest.as_ref().unwrap_or(then);
    let change = correlation_change(&other.bounded(&columns), &now.bounded(&columns));
    let change = reasons.noted("correlation_change", change);
    let row = match compared.baseline_model_version {
        None => row,
        Some(version) => {
            let error = known.of(version, &columns, then).as_ref().map_err(Clone::clone);
            let error = error.and_then(|(components, own)| {
                Ok((components.reconstruction_error(&now.standardized(&columns))?, *own))
            });
            let error = reasons.noted("reconstruction_error", error);
            let flattery = compared.rehearsal.map_or(0.0, |rehearsal| rehearsal.flattery);
            let value = |error: &(ReconstructionError, f64)| error.0.value + flattery;
            DriftRow {
                reconstruction_error: error.as_ref().map(value),
                reconstruction_error_cmp: error.as_ref().map(|(_, own)| *own),
                reconstruction_error_column: error.and_then(|(error, _)| name(error.worst?.0)),
                ..row
            }
        }
    };
    let pair = change.as_ref().map(|change| change.pair);
    DriftRow {
        correlation_change: change.as_ref().map(|change| change.largest),
        correlation_change_columns: pair.and_then(|(i, j)| Some(vec![name(i)?, name(j)?])),
        correlation_current: change.as_ref().map(|change| change.window),
        correlation_cmp: change.as_ref().map(|change| change.comparison),
        columns_together: Some(both as u64),
        reason: reasons.into_text(),
        ..row
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, Timestamp};
    use serde::Deserialize;

    use super::*;
    use crate::contract::ALL_VERSIONS;
    use crate::drift::rehearsed;
    use crate::drift::samples::{reference, state};
    use crate::profile::{Profiles, Segment, Series, Subject};
    use crate::window::{Calendar, Granularity};

    /// A sample, cut into windows of equally many rows.
    #[derive(Deserialize)]
    struct Case {
        name: String,
        columns: Vec<Vec<f64>>,
        windows: usize,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        kept: usize,
        of_all: f64,
        flattery: f64,
        windows: Vec<OfWindow>,
    }

    #[derive(Deserialize)]
    struct OfWindow {
        by_all: f64,
        by_the_rest: f64,
        correlation_change: f64,
    }

    /// Values are kept in steps of 2⁻¹⁶ standard deviations.
    #[track_caller]
    fn close(case: &str, actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-4 * expected.max(1.0),
            "{case}: {actual}, the oracle says {expected}"
        );
    }

    #[test]
    fn a_window_of_a_rehearsal_is_not_flattered() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../tests/oracle/drift_rehearsal.json")).unwrap();
        assert_eq!(cases.len(), 4, "the file has another number of cases; say so here, too");
        for Case { name, columns, windows, expected } in cases {
            let rows = columns[0].len() / windows;
            let reference = reference(&columns);
            let part = |window: usize| -> Vec<Vec<f64>> {
                columns.iter().map(|values| values[window * rows..][..rows].to_vec()).collect()
            };
            let group = |columns: &[Vec<f64>]| {
                let mut group = Group::new(columns[0].len() as u64, vec![], None);
                group.table.covariance = Some(state(&reference, columns).0);
                group.into()
            };
            let calendar = Calendar::new(TimeZone::UTC);
            let noon: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
            let at = |window: usize| {
                let noon = noon + SignedDuration::from_hours(24 * window as i64);
                calendar.window_of(Granularity::Day, noon).unwrap()
            };
            let segment = Segment { model_version: ALL_VERSIONS.to_owned(), slice: None };
            let series = Series { granularity: Granularity::Day, segment: segment.clone() };
            let of_windows = (0..windows).map(|window| (at(window), group(&part(window)))).collect();
            let mut profiles = Profiles::of(vec![]);
            profiles.baseline = BTreeMap::from([(segment, group(&columns))]);
            profiles.rehearsal = BTreeMap::from([(series, of_windows)]);
            profiles.reference = Some(reference.clone().into());

            let (whole, scales) = state(&reference, &columns);
            let components = Components::of(&whole.standardized(&scales)).unwrap();
            assert_eq!(components.num_components(), expected.kept, "{name}");
            let found = rehearsed(&profiles, &[Subject::Table]);
            assert_eq!(found.len(), windows);
            let Expected { flattery, of_all, .. } = expected;
            for ((row, expected), window) in found.iter().zip(expected.windows).zip(0..) {
                close(&name, row.reconstruction_error.unwrap(), expected.by_all + flattery);
                close(&name, row.reconstruction_error_cmp.unwrap(), of_all);
                close(&name, row.correlation_change.unwrap(), expected.correlation_change);
                let window = state(&reference, &part(window)).0;
                let others =
                    components.of_others(&whole.without(&window).unwrap().standardized(&scales)).unwrap();
                let window = window.standardized(&scales);
                close(&name, components.reconstruction_error(&window).unwrap().value, expected.by_all);
                close(&name, others.reconstruction_error(&window).unwrap().value, expected.by_the_rest);
            }
        }
    }

    #[test]
    fn a_median_is_numpys() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![9.0, -1.0, 2.0]), Some(2.0));
    }
}
