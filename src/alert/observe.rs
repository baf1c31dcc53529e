//! What a rule looks at: its metric, window by window, in each series that it is meant for.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::{Condition, Metric, Monitor, Rule};
use crate::contract::{ALL_VERSIONS, Quality, drift_metrics, profile_metrics, quality};
use crate::drift::DriftRow;
use crate::drift::families::Together;
use crate::drift::row::drift_type;
use crate::profile::interval::Interval;
use crate::profile::row::ProfileRow;

/// Tells the series of a rule apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The model version, or `*`.
    pub model_version: String,
    /// Key and value of the slice; `None` for all rows.
    pub slice: Option<(String, String)>,
    /// The column, or `:table`.
    pub column_name: String,
    /// What a window is compared with, if the metric is of drift.
    pub drift_type: Option<&'static str>,
}

/// A metric in one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Start of the window, in microseconds.
    pub start: i64,
    /// End of the window, in microseconds.
    pub end: i64,
    /// The metric; `None` if the row has none.
    pub value: Option<f64>,
    /// The metric of the baseline, where the condition needs it.
    pub baseline_value: Option<f64>,
    /// Values that the metric was computed from.
    pub count: u64,
    /// Values of what it is compared with; `u64::MAX` if there is nothing of the kind.
    pub count_cmp: u64,
    /// The p-value, where the rule asks for it and there is one: of drift the adjusted one, of quality that of its difference from
    /// the baseline.
    pub pvalue: Option<f64>,
    /// How sure a measure of quality is, where the rule asks for a p-value.
    pub interval: Option<Interval>,
    /// Where the run has noted what all columns of the comparison decide, if the rule waits for it.
    pub place: Option<usize>,
    /// Whether the series has no rows in the window, which others have.
    pub is_absent: bool,
    /// Whether the run has computed it, and not an earlier one.
    pub is_computed: bool,
}

impl Observation {
    /// That of a window in which the series has no rows.
    pub(super) fn absent(start: i64, end: i64) -> Self {
        Self {
            start,
            end,
            value: None,
            baseline_value: None,
            count: 0,
            count_cmp: 0,
            pvalue: None,
            interval: None,
            place: None,
            is_absent: true,
            is_computed: false,
        }
    }
}

/// Observations of the series of a rule.
pub(super) type Series = BTreeMap<SeriesKey, Vec<Observation>>;

/// A rule of a monitor, and when it looks.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) monitor: &'a Monitor,
    pub(super) rule: &'a Rule,
    pub(super) as_of: Timestamp,
    /// Whether rows are of windows of the baseline, by which bounds are learned.
    pub(super) learns: bool,
}

impl Watch<'_> {
    /// Whether a window with this end, in microseconds, is judged: those that may still receive rows are not, unless the rule
    /// wants them.
    pub(super) fn is_complete(&self, end: i64) -> bool {
        let is_final = |end| {
            Timestamp::from_microsecond(end).is_ok_and(|end| !self.monitor.is_provisional(end, self.as_of))
        };
        self.rule.provisional || is_final(end)
    }

    /// Whether what rows of the drift table say of the rule's metric is known only once all columns have been compared.
    pub(super) fn waits(&self) -> bool {
        self.rule.significance.is_some() || Together::COLUMNS.contains(&self.rule.metric.name())
    }

    /// What rows of the tables say; of rows of the drift table the first was noted at `first` among the families. A `:table` row
    /// has only the metrics of tables; a column row only those of columns: without a value and without a reason, a row is of
    /// another metric.
    pub(super) fn observed(&self, profile: &[ProfileRow], drift: &[DriftRow], first: usize) -> Series {
        let granularity = self.rule.granularity.to_string();
        let mut series = Series::new();
        let mut note = |key: SeriesKey, has_reason: bool, observation: Observation| {
            if self.is_judged(&key, has_reason, &observation) {
                series.entry(key).or_default().push(observation);
            }
        };
        match &self.rule.metric {
            Metric::Drift(metric) => {
                let behind = drift_metrics::TABLE.behind(metric);
                let wanted = self.rule.comparison.map(drift_type);
                let is_wanted = |(_, row): &(usize, &DriftRow)| {
                    wanted == Some(row.drift_type) && row.granularity == granularity
                };
                for (place, row) in (first..).zip(drift).filter(is_wanted) {
                    let (count, count_cmp) = row.counts_behind(behind);
                    let (start, end, value) = (row.window_start, row.window_end, row.metric(metric));
                    let place = self.waits().then_some(place);
                    let observation =
                        Observation { value, count, count_cmp, place, is_computed: true, ..at(start, end) };
                    note(SeriesKey::of_drift(row), row.reason.is_some() || row.awaits(metric), observation);
                }
            }
            Metric::Profile(metric) => {
                let behind = profile_metrics::TABLE.behind(metric);
                for row in profile.iter().filter(|row| row.granularity.as_ref() == Some(&granularity)) {
                    let (Some(start), Some(end)) = (row.window_start, row.window_end) else { continue };
                    let (value, count) = (self.value(row, metric), row.count_behind(behind));
                    let interval = self.interval(row, metric);
                    let observation =
                        Observation { value, count, interval, is_computed: true, ..at(start, end) };
                    note(SeriesKey::of_profile(row), row.reason.is_some(), observation);
                }
            }
        }
        series
    }

    /// Whether what is said of a series in a window is judged.
    pub(super) fn is_judged(&self, key: &SeriesKey, has_reason: bool, observation: &Observation) -> bool {
        let is_of_metric = observation.value.is_some() || has_reason;
        is_of_metric && self.is_complete(observation.end) && self.is_meant(key)
    }

    /// The number in the column called `metric`. The baseline has labels, so of an estimate its bounds are learned by what came true,
    /// as NannyML has it: estimates of the rows that they are made by do not stray as quality does.
    fn value(&self, row: &ProfileRow, metric: &str) -> Option<f64> {
        if !self.learns || !quality(metric).is_some_and(Quality::is_estimated) {
            return row.metric(metric);
        }
        let prediction = self.monitor.inference.prediction.as_ref()?;
        row.realised(metric, prediction.positive_class.as_deref())
    }

    /// How sure the row is of `metric`, if the rule asks for a p-value.
    fn interval(&self, row: &ProfileRow, metric: &str) -> Option<Interval> {
        self.rule.significance.and(row.confidence_intervals.as_ref()?.get(metric).copied())
    }

    /// Gives each of `series` the metric of the baseline, by its rows in `profile`, if the condition needs it, and the p-value of
    /// the difference.
    pub(super) fn add_baseline(&self, series: &mut Series, profile: &[ProfileRow]) {
        let Metric::Profile(metric) = &self.rule.metric else { return };
        if !matches!(self.rule.condition, Condition::ChangeFromBaseline(_)) {
            return;
        }
        let of_baseline = profile.iter().filter(|row| row.window.is_none());
        let of_baseline = of_baseline.filter_map(|row| {
            Some((SeriesKey::of_profile(row), (row.metric(metric)?, self.interval(row, metric))))
        });
        let values: BTreeMap<SeriesKey, (f64, Option<Interval>)> = of_baseline.collect();
        for (key, observations) in series {
            let all = SeriesKey { model_version: ALL_VERSIONS.to_owned(), ..key.clone() };
            let Some((value, interval)) = values.get(key).or_else(|| values.get(&all)).copied() else {
                continue;
            };
            for observation in observations {
                observation.baseline_value = Some(value);
                let ours = observation.value.zip(observation.interval);
                let pvalue = ours
                    .zip(interval)
                    .map(|(ours, interval)| Interval::difference_pvalue(ours, (value, interval)));
                observation.pvalue = pvalue.or(observation.pvalue);
            }
        }
    }

    /// Whether the rule is meant for this series.
    fn is_meant(&self, key: &SeriesKey) -> bool {
        let version = match &self.rule.model_versions {
            Some(wanted) => wanted.contains(&key.model_version),
            None => self.monitor.inference.model_id_col.is_none() || key.model_version != ALL_VERSIONS,
        };
        let slice = match (&self.rule.slices, &key.slice) {
            (None, None) => true,
            (Some(wanted), Some((slice, _))) => wanted.contains(slice),
            _ => false,
        };
        let column = match &self.rule.columns {
            Some(wanted) => wanted.contains(&key.column_name),
            None => !self.is_awaited(&key.column_name),
        };
        version && slice && column
    }

    /// A label that is not known yet is no missing value: a rule on NULLs that names no columns leaves it out.
    fn is_awaited(&self, column: &str) -> bool {
        let label = self.monitor.label();
        let of_nulls = ["num_nulls", "percent_null", "percent_null_delta"];
        of_nulls.contains(&self.rule.metric.name()) && label.is_some_and(|label| label.column == column)
    }
}

/// A window of which nothing is known.
fn at(start: i64, end: i64) -> Observation {
    Observation { is_absent: false, count_cmp: u64::MAX, ..Observation::absent(start, end) }
}

impl SeriesKey {
    /// What a row of the profile table is about.
    pub(super) fn of_profile(row: &ProfileRow) -> Self {
        Self {
            model_version: row.model_version.clone(),
            slice: row.slice_key.clone().zip(row.slice_value.clone()),
            column_name: row.column_name.clone(),
            drift_type: None,
        }
    }

    /// What a row of the drift table is about.
    pub(super) fn of_drift(row: &DriftRow) -> Self {
        Self {
            model_version: row.model_version.clone(),
            slice: row.slice_key.clone().zip(row.slice_value.clone()),
            column_name: row.column_name.clone(),
            drift_type: Some(row.drift_type),
        }
    }
}
