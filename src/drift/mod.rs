//! Drift: how far a window has moved from another, measure by measure.
//!
//! Arithmetic on states: no I/O, no clock, cannot fail. A measure returns a number or an absence with a
//! reason; whether the number is *bad* is decided in [`alert`](crate::alert) alone. One file is one column
//! of the drift table; what all columns of a comparison decide together is `families`.

pub mod benjamini_hochberg;
pub mod chi_squared_test;
pub mod cramer_von_mises_test;
pub mod cramers_v;
#[cfg(feature = "lake")]
pub mod custom;
pub mod drift_pvalue;
pub mod energy_distance;
pub mod families;
pub mod fishers_exact_test;
pub mod hellinger_distance;
pub mod js_distance;
pub mod kl_divergence;
pub mod kolmogorov;
pub mod ks_test;
pub mod l_infinity_distance;
pub mod null_test;
pub mod paired;
pub mod population_stability_index;
pub mod row;
pub mod standardized_mean_difference;
pub mod tv_distance;
pub mod wasserstein_distance;
pub mod wasserstein_distance_normed;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use families::Families;
pub use row::DriftRow;
use serde::Serialize;

use crate::config::Comparison;
use crate::contract::ALL_VERSIONS;
use crate::profile::gap::Gaps;
use crate::profile::{Group, Profiles, Segment, Series, Subject};
use crate::window::{Calendar, Window};

/// A statistic, and the chance of one at least as large if nothing had moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TestResult {
    /// The statistic.
    pub statistic: f64,
    /// The chance, 0 to 1.
    pub pvalue: f64,
}

/// What a window is compared with.
pub(crate) struct Compared<'a> {
    /// Which of the comparisons.
    pub comparison: Comparison,
    /// The other window; `None` for the baseline.
    pub window: Option<Window>,
    /// Which rows of the baseline.
    pub baseline_model_version: Option<&'a str>,
    /// The other side; `None` if there are no such rows, though there is a baseline.
    pub group: Option<&'a Group>,
    /// Which columns cannot be compared.
    pub gaps: &'a Gaps,
}

/// The rows of the drift table about `subjects`: for each window, the window just before it (if that has rows) and the
/// baseline (if there is one).
pub fn compare(profiles: &Profiles, subjects: &[Subject], calendar: &Calendar) -> Vec<DriftRow> {
    let windows = profiles.windows.iter().flat_map(|(series, windows)| {
        windows.iter().map(move |(window, group)| (series, windows, *window, group))
    });
    let rows = windows.flat_map(|(series, windows, window, group)| {
        let compared = [previous(series, window, windows, calendar), baseline(&series.segment, profiles)];
        let rows = move |compared| row::rows(profiles, subjects, series, window, group, &compared);
        compared.into_iter().flatten().flat_map(rows)
    });
    rows.collect()
}

fn previous<'a>(
    series: &Series,
    window: Window,
    windows: &'a BTreeMap<Window, Arc<Group>>,
    calendar: &Calendar,
) -> Option<Compared<'a>> {
    let before = calendar.previous(series.granularity, window).ok()?;
    let group = windows.get(&before)?;
    Some(Compared {
        comparison: Comparison::Consecutive,
        window: Some(before),
        baseline_model_version: None,
        group: Some(group),
        gaps: const { &Gaps::new() },
    })
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
        baseline_model_version: found.map(|(segment, _)| segment.model_version.as_str()),
        group: found.map(|(_, group)| group.as_ref()),
        gaps: &profiles.gaps,
    })
}
