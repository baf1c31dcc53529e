//! Drift: how far a window has moved from another, measure by measure.
//!
//! Arithmetic on states: no I/O, no clock, cannot fail. A measure returns a number or an absence with a
//! reason; whether the number is *bad* is decided in [`alert`](crate::alert) alone. One file is one column
//! of the drift table; what all columns of a comparison decide together is `families`.

pub mod benjamini_hochberg;
pub mod chi_squared_test;
pub mod correlation_change;
pub mod cramer_von_mises_test;
pub mod cramers_v;
#[cfg(feature = "lake")]
pub mod custom;
pub mod drift_pvalue;
pub mod energy_distance;
pub mod families;
pub mod fishers_exact_test;
pub mod hellinger_distance;
pub mod jacobi;
pub mod js_distance;
pub mod kl_divergence;
pub mod kolmogorov;
pub mod ks_test;
pub mod l_infinity_distance;
pub mod null_test;
pub mod paired;
pub mod percent_out_of_range;
pub mod percent_unexpected;
pub mod population_stability_index;
pub mod reconstruction_error;
mod rolling;
pub mod row;
pub mod standardized_mean_difference;
pub mod tv_distance;
pub mod wasserstein_distance;
pub mod wasserstein_distance_normed;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use families::Families;
pub use row::DriftRow;
use serde::Serialize;

use crate::comparisons::Comparisons;
use crate::config::Comparison;
use crate::contract::ALL_VERSIONS;
use crate::profile::gap::Gaps;
use crate::profile::{Group, Profiles, Segment, Series, Subject};
use crate::scope::Scope;
use crate::window::{Calendar, Window};

/// A statistic, and the chance of one at least as large if nothing had moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TestResult {
    /// The statistic.
    pub statistic: f64,
    /// The chance, 0 to 1.
    pub pvalue: f64,
}

/// What windows are compared with.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// Which windows.
    pub comparisons: &'a Comparisons,
    /// Cuts time into them.
    pub calendar: &'a Calendar,
    /// The model version that others are compared with.
    pub version: Option<&'a str>,
    /// The windows that are compared; others are there to be compared with.
    pub scope: &'a Scope,
}

/// One side of a comparison: that which a window is compared with.
pub(crate) struct Compared<'a> {
    /// Which of the comparisons.
    pub comparison: Comparison,
    /// The other window, or from the first of several until the last; `None` for the baseline.
    pub window: Option<Window>,
    /// How many windows that is; `None` for the baseline.
    pub windows: Option<u64>,
    /// Which rows of the baseline.
    pub baseline_model_version: Option<&'a str>,
    /// Which other model version.
    pub model_version: Option<&'a str>,
    /// The other side; `None` if there are no such rows, though there is a baseline.
    pub group: Option<&'a Group>,
    /// What is known of a rehearsal, whose windows are among the rows of the other side.
    pub rehearsal: Option<row::Rehearsal>,
    /// Which columns cannot be compared.
    pub gaps: &'a Gaps,
}

/// The rows of the drift table about `subjects`: for each window that is in the scope, those that it is compared with, as far as
/// they have rows, and the baseline, if there is one.
pub fn compare(profiles: &Profiles, subjects: &[Subject], against: Against<'_>) -> Vec<DriftRow> {
    let mut rows = Vec::new();
    let mut known = row::KnownComponents::default();
    for (series, windows) in &profiles.windows {
        let is_meant = |window: Window| against.scope.has(Some((series.granularity, window)));
        for (window, group) in windows.iter().filter(|(window, _)| is_meant(**window)) {
            let at = At { series, window: *window, windows };
            // Made by adding, and so held for this comparison only.
            let rolling = rolling::together(profiles, subjects, at, against);
            let compared = [
                previous(at, against),
                baseline(&series.segment, profiles),
                seasonal(at, against),
                rolling.as_ref().map(rolling::Rolling::compared),
                version(at, profiles, against),
            ];
            for compared in compared.into_iter().flatten() {
                rows.extend(row::rows(profiles, subjects, series, *window, group, &compared, &mut known));
            }
        }
    }
    rows
}

/// Rows about `subjects` that compare windows of the baseline with all of it, as if they were those of a log, and where
/// columns are looked at together as if it had not seen them. They are in no table.
pub fn rehearsed(profiles: &Profiles, subjects: &[Subject]) -> Vec<DriftRow> {
    let mut rows = Vec::new();
    if subjects.is_empty() {
        return rows;
    }
    let mut known = row::KnownComponents::default();
    let reference = profiles.reference.as_deref().filter(|_| subjects.contains(&Subject::Table));
    for (series, windows) in &profiles.rehearsal {
        let Some(compared) = baseline(&series.segment, profiles) else { continue };
        let groups = windows.values().map(AsRef::as_ref);
        let rehearsal = row::Rehearsal::of(groups, &compared, reference, &mut known);
        let compared = Compared { rehearsal: Some(rehearsal), ..compared };
        for (window, group) in windows {
            rows.extend(row::rows(profiles, subjects, series, *window, group, &compared, &mut known));
        }
    }
    rows
}

/// A window of a series, among all that the series has.
#[derive(Clone, Copy)]
struct At<'a> {
    series: &'a Series,
    window: Window,
    windows: &'a BTreeMap<Window, Arc<Group>>,
}

impl<'a> Compared<'a> {
    /// The rows of one window.
    fn with(comparison: Comparison, window: Window, group: &'a Group) -> Self {
        Self {
            comparison,
            window: Some(window),
            windows: Some(1),
            baseline_model_version: None,
            model_version: None,
            group: Some(group),
            rehearsal: None,
            gaps: const { &Gaps::new() },
        }
    }
}

fn previous<'a>(at: At<'a>, against: Against<'_>) -> Option<Compared<'a>> {
    let before = against.calendar.previous(at.series.granularity, at.window).ok()?;
    Some(Compared::with(Comparison::Consecutive, before, at.windows.get(&before)?))
}

fn seasonal<'a>(at: At<'a>, against: Against<'_>) -> Option<Compared<'a>> {
    let Against { comparisons, calendar, .. } = against;
    let before = comparisons.seasonal(calendar, at.series.granularity, at.window)?;
    Some(Compared::with(Comparison::Seasonal, before, at.windows.get(&before)?))
}

/// The other version; all versions together and this one itself are not compared with it.
fn version<'a>(at: At<'a>, profiles: &'a Profiles, against: Against<'a>) -> Option<Compared<'a>> {
    let Segment { model_version, slice } = &at.series.segment;
    let other = against.version.filter(|other| model_version != other && model_version != ALL_VERSIONS)?;
    let segment = Segment { model_version: other.to_owned(), slice: slice.clone() };
    let group = profiles.group(Some((at.series.granularity, at.window)), &segment)?;
    Some(Compared { model_version: Some(other), ..Compared::with(Comparison::Version, at.window, group) })
}

/// The baseline of this version, or of all versions if it has none of its own.
pub(crate) fn baseline<'a>(segment: &Segment, profiles: &'a Profiles) -> Option<Compared<'a>> {
    if profiles.baseline.is_empty() {
        return None;
    }
    let all = Segment { model_version: ALL_VERSIONS.to_owned(), slice: segment.slice.clone() };
    let found = profiles.baseline.get_key_value(segment).or_else(|| profiles.baseline.get_key_value(&all));
    Some(Compared {
        comparison: Comparison::Baseline,
        window: None,
        windows: None,
        baseline_model_version: found.map(|(segment, _)| segment.model_version.as_str()),
        model_version: None,
        group: found.map(|(_, group)| group.as_ref()),
        rehearsal: None,
        gaps: &profiles.gaps,
    })
}
