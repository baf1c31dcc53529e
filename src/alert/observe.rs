//! What a rule looks at: its metric, window by window, in each series that it is meant for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::config::{Condition, Metric, Monitor, Rule};
use crate::contract::ALL_VERSIONS;
use crate::drift::DriftRow;
use crate::drift::row::drift_type;
use crate::profile::row::ProfileRow;

/// Tells the series of a rule apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub(super) model_version: String,
    pub(super) slice: Option<(String, String)>,
    pub(super) column_name: String,
    pub(super) drift_type: Option<&'static str>,
}

/// A metric in one window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    /// Start of the window, in microseconds.
    pub(super) start: i64,
    /// End of the window, in microseconds.
    pub(super) end: i64,
    /// The metric; `None` if the row has none.
    pub(super) value: Option<f64>,
    /// The metric of the baseline, where the condition needs it.
    pub(super) baseline_value: Option<f64>,
    /// Values that the metric was computed from.
    pub(super) count: u64,
    /// Values of what it is compared with; that many if there is nothing of the kind.
    pub(super) count_cmp: u64,
    /// Whether the series has no rows in the window, which others have.
    pub(super) is_absent: bool,
}

/// The series of `rule`, each with its windows in order. Windows that may still receive rows are left
/// out, unless the rule wants them.
pub(super) fn series(
    monitor: &Monitor,
    rule: &Rule,
    profile: &[ProfileRow],
    drift: &[DriftRow],
    as_of: Timestamp,
    is_recorded: impl Fn(&SeriesKey) -> bool,
) -> BTreeMap<SeriesKey, Vec<Observation>> {
    let granularity = rule.granularity.to_string();
    let complete = |end: i64| {
        rule.provisional
            || Timestamp::from_microsecond(end).is_ok_and(|end| !monitor.is_provisional(end, as_of))
    };
    let mut series: BTreeMap<SeriesKey, Vec<Observation>> = BTreeMap::new();
    match &rule.metric {
        Metric::Drift(metric) => {
            let wanted = rule.comparison.map(drift_type);
            for row in drift {
                let (count, count_cmp) = row.counts_behind(metric);
                let observation = Observation {
                    start: row.window_start,
                    end: row.window_end,
                    value: row.metric(metric),
                    baseline_value: None,
                    count,
                    count_cmp,
                    is_absent: false,
                };
                let key = SeriesKey {
                    model_version: row.model_version.clone(),
                    slice: row.slice_key.clone().zip(row.slice_value.clone()),
                    column_name: row.column_name.clone(),
                    drift_type: Some(row.drift_type),
                };
                // A `:table` row has only the metrics of tables; a column row only those of columns.
                let measurable = observation.value.is_some() || row.reason.is_some();
                if wanted == Some(row.drift_type)
                    && row.granularity == granularity
                    && complete(row.window_end)
                    && measurable
                    && is_meant(rule, monitor, &key)
                {
                    series.entry(key).or_default().push(observation);
                }
            }
        }
        Metric::Profile(metric) => {
            let baseline = baseline_values(rule, profile, metric);
            for row in profile {
                let (Some(start), Some(end)) = (row.window_start, row.window_end) else { continue };
                let key = SeriesKey {
                    model_version: row.model_version.clone(),
                    slice: row.slice_key.clone().zip(row.slice_value.clone()),
                    column_name: row.column_name.clone(),
                    drift_type: None,
                };
                let value = row.metric(metric);
                if row.granularity.as_ref() != Some(&granularity)
                    || !complete(end)
                    || !(value.is_some() || row.reason.is_some())
                    || !is_meant(rule, monitor, &key)
                {
                    continue;
                }
                let count = row.count_behind(metric);
                let baseline_value = baseline.as_ref().and_then(|values| {
                    let all = SeriesKey { model_version: ALL_VERSIONS.to_owned(), ..key.clone() };
                    values.get(&key).or_else(|| values.get(&all)).copied()
                });
                series.entry(key).or_default().push(Observation {
                    start,
                    end,
                    value,
                    baseline_value,
                    count,
                    count_cmp: u64::MAX,
                    is_absent: false,
                });
            }
        }
    }
    // Series that never have a value are not of this metric: a text column has no mean. But if an alert is on, they are, and
    // their values are yet to come.
    let has_value = |observation: &Observation| observation.value.is_some();
    series.retain(|key, observations| observations.iter().any(has_value) || is_recorded(key));
    let windows = Windows::of(profile, &granularity, complete);
    for (key, observations) in &mut series {
        observations.extend(windows.absent(key, observations));
        observations.sort_by_key(|observation| observation.start);
    }
    series
}

/// A model version, slice and column: what a profile row is about.
type Subject = (String, Option<(String, String)>, String);

/// The windows that have rows, and whose.
#[derive(Default)]
struct Windows {
    /// Start and end of each.
    all: BTreeSet<(i64, i64)>,
    /// Starts of those in which a subject has rows.
    by_subject: BTreeMap<Subject, BTreeSet<i64>>,
}

impl Windows {
    fn of(profile: &[ProfileRow], granularity: &str, complete: impl Fn(i64) -> bool) -> Self {
        let mut windows = Self::default();
        for row in profile {
            let (Some(start), Some(end)) = (row.window_start, row.window_end) else { continue };
            if row.granularity.as_deref() != Some(granularity) || !complete(end) {
                continue;
            }
            let slice = row.slice_key.clone().zip(row.slice_value.clone());
            let subject = (row.model_version.clone(), slice, row.column_name.clone());
            windows.all.insert((start, end));
            windows.by_subject.entry(subject).or_default().insert(start);
        }
        windows
    }

    /// The windows after the first of `observations` in which the subject of `key` has no rows.
    fn absent(&self, key: &SeriesKey, observations: &[Observation]) -> Vec<Observation> {
        let Some(first) = observations.iter().map(|observation| observation.start).min() else {
            return Vec::new();
        };
        let seen: BTreeSet<i64> = observations.iter().map(|observation| observation.start).collect();
        let subject = (key.model_version.clone(), key.slice.clone(), key.column_name.clone());
        let own = self.by_subject.get(&subject);
        let is_absent = |start: i64| !seen.contains(&start) && own.is_none_or(|own| !own.contains(&start));
        self.all
            .range((first, i64::MAX)..)
            .filter(|(start, _)| is_absent(*start))
            .map(|&(start, end)| Observation {
                start,
                end,
                value: None,
                baseline_value: None,
                count: 0,
                count_cmp: 0,
                is_absent: true,
            })
            .collect()
    }
}

fn baseline_values(rule: &Rule, profile: &[ProfileRow], metric: &str) -> Option<BTreeMap<SeriesKey, f64>> {
    matches!(rule.condition, Condition::ChangeFromBaseline(_)).then(|| {
        profile
            .iter()
            .filter(|row| row.window.is_none())
            .filter_map(|row| {
                let key = SeriesKey {
                    model_version: row.model_version.clone(),
                    slice: row.slice_key.clone().zip(row.slice_value.clone()),
                    column_name: row.column_name.clone(),
                    drift_type: None,
                };
                Some((key, row.metric(metric)?))
            })
            .collect()
    })
}

/// Whether the rule is meant for this series.
fn is_meant(rule: &Rule, monitor: &Monitor, key: &SeriesKey) -> bool {
    let version = match &rule.model_versions {
        Some(wanted) => wanted.contains(&key.model_version),
        None => monitor.inference.model_id_col.is_none() || key.model_version != ALL_VERSIONS,
    };
    let slice = match (&rule.slices, &key.slice) {
        (None, None) => true,
        (Some(wanted), Some((slice, _))) => wanted.contains(slice),
        _ => false,
    };
    let column = match &rule.columns {
        Some(wanted) => wanted.contains(&key.column_name),
        None => !is_awaited(rule, monitor, &key.column_name),
    };
    version && slice && column
}

/// A label that is not known yet is no missing value: a rule on NULLs that names no columns leaves it out.
fn is_awaited(rule: &Rule, monitor: &Monitor, column: &str) -> bool {
    let label = monitor.inference.prediction.as_ref().and_then(|prediction| prediction.label.as_ref());
    let of_nulls = ["num_nulls", "percent_null", "percent_null_delta"].contains(&rule.metric.name());
    of_nulls && label.is_some_and(|label| label.column == column)
}
