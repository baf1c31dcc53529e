//! One row of the profile table: from a state to its metrics.

mod expected;
mod operations;
mod quality;
mod realised;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use expected::expected_row;
use operations::requests_row;
use quality::{estimate, estimated_row, expected_errors_row, fairness_row, quality_row};

use super::classification::{Cell, ClassScores, TopK};
use super::custom::Values;
use super::estimate::{Estimate, Estimators};
use super::fairness::{ClassDifferences, TwoGroups};
use super::gap::Gap;
use super::interval::Interval;
use super::numeric::NumericState;
use super::reason::{Absence, Reasons};
use super::regression::{PinballLoss, RegressionState};
use super::{ColumnInfo, ColumnState, Group, Profiles, QualityState, Segment, Subject, percent};
use crate::config::Expectation;
use crate::contract::Behind;
use crate::contract::{ALL_VERSIONS, TABLE};
use crate::window::{Granularity, Window};

/// Most values listed in `frequent_items`.
const MAX_FREQUENT_ITEMS: usize = 100;

/// `struct<start, end>`, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WindowStruct {
    /// First instant.
    pub start: i64,
    /// First instant after.
    pub end: i64,
}

impl From<Window> for WindowStruct {
    fn from(window: Window) -> Self {
        Self { start: window.start.as_microsecond(), end: window.end.as_microsecond() }
    }
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrequentItem {
    /// The value.
    pub item: String,
    /// How often.
    pub count: u64,
}

/// The middle of some numbers, and their upper end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
}

/// How large something is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct Sizes {
    pub avg_bytes: f64,
    pub max_bytes: f64,
}

/// A row of `<monitor>_profile_metrics`, but for lineage. Field names are the column names; what each
/// means stands in [`contract::profile_metrics`](crate::contract::profile_metrics).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct ProfileRow {
    pub window: Option<WindowStruct>,
    pub log_type: &'static str,
    pub granularity: Option<String>,
    pub model_version: String,
    pub slice_key: Option<String>,
    pub slice_value: Option<String>,
    pub column_name: String,
    pub data_type: Option<String>,
    pub count: u64,
    pub num_nulls: Option<u64>,
    pub avg: Option<f64>,
    pub quantiles: Option<Vec<f64>>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub stddev: Option<f64>,
    pub num_zeros: Option<u64>,
    pub num_nan: Option<u64>,
    pub min_length: Option<f64>,
    pub max_length: Option<f64>,
    pub avg_length: Option<f64>,
    pub non_null_columns: Option<Vec<String>>,
    pub frequent_items: Option<Vec<FrequentItem>>,
    pub median: Option<f64>,
    pub distinct_count: Option<u64>,
    pub percent_nan: Option<f64>,
    pub percent_null: Option<f64>,
    pub percent_zeros: Option<f64>,
    pub percent_distinct: Option<f64>,
    pub accuracy_score: Option<f64>,
    pub confusion_matrix: Option<Vec<Cell>>,
    pub precision: Option<ClassScores>,
    pub recall: Option<ClassScores>,
    pub f1_score: Option<ClassScores>,
    pub log_loss: Option<f64>,
    pub roc_auc_score: Option<ClassScores>,
    pub mean_squared_error: Option<f64>,
    pub root_mean_squared_error: Option<f64>,
    pub mean_average_error: Option<f64>,
    pub mean_absolute_percentage_error: Option<f64>,
    pub r2_score: Option<f64>,
    pub predictive_parity: Option<ClassDifferences>,
    pub predictive_equality: Option<ClassDifferences>,
    pub equal_opportunity: Option<ClassDifferences>,
    pub statistical_parity: Option<ClassDifferences>,
    pub balanced_accuracy_score: Option<f64>,
    pub matthews_corrcoef: Option<f64>,
    pub cohen_kappa_score: Option<f64>,
    pub average_precision_score: Option<f64>,
    pub brier_score_loss: Option<f64>,
    pub expected_calibration_error: Option<f64>,
    pub top_k_accuracy_score: Option<TopK>,
    pub median_absolute_error: Option<f64>,
    pub mean_error: Option<f64>,
    pub mean_pinball_loss: Option<PinballLoss>,
    pub confidence_intervals: Option<BTreeMap<String, Interval>>,
    pub estimated_accuracy_score: Option<f64>,
    pub estimated_precision: Option<f64>,
    pub estimated_recall: Option<f64>,
    pub estimated_specificity: Option<f64>,
    pub estimated_f1_score: Option<f64>,
    pub estimated_roc_auc_score: Option<f64>,
    pub estimated_average_precision_score: Option<f64>,
    pub estimated_mean_average_error: Option<f64>,
    pub estimated_root_mean_squared_error: Option<f64>,
    pub estimated_sampling_errors: Option<BTreeMap<&'static str, f64>>,
    pub column_role: Option<&'static str>,
    pub percent_out_of_bounds: Option<f64>,
    pub percent_unlisted: Option<f64>,
    pub newest_row_age_seconds: Option<f64>,
    pub newest_label_age_seconds: Option<f64>,
    pub label_delay_seconds: Option<Percentiles>,
    pub percent_duplicate_requests: Option<f64>,
    pub requests_per_second: Option<f64>,
    pub latency: Option<Percentiles>,
    pub percent_errors: Option<f64>,
    pub payload_size: Option<Sizes>,
    pub row_count: u64,
    pub num_infinite: Option<u64>,
    pub num_negative: Option<u64>,
    pub label_count: Option<u64>,
    pub percent_labelled: Option<f64>,
    pub rank_error: Option<f64>,
    pub window_start: Option<i64>,
    pub window_end: Option<i64>,
    pub reason: Option<String>,
    #[serde(flatten)]
    pub custom: Values,
}

/// The rows of the profile table about `subjects`, group by group.
pub fn rows(profiles: &Profiles, subjects: &[Subject], points: usize) -> Vec<ProfileRow> {
    let estimators = Estimators::of(profiles, subjects);
    let baseline = profiles.baseline.iter().map(|(segment, group)| (None, segment, group));
    let input = profiles.windows.iter().flat_map(|(series, windows)| {
        windows.iter().map(|(window, group)| (Some((series.granularity, *window)), &series.segment, group))
    });
    baseline
        .chain(input)
        .flat_map(|(at, segment, group)| {
            group_rows(profiles, &estimators, subjects, at, segment, group, points)
        })
        .collect()
}

/// Rows about `subjects` of windows of the baseline, as if they were those of a log. They are in no table.
pub fn rehearsed(profiles: &Profiles, subjects: &[Subject]) -> Vec<ProfileRow> {
    if subjects.is_empty() {
        return Vec::new();
    }
    let estimators = Estimators::of(profiles, subjects);
    let windows = profiles.rehearsal.iter().flat_map(|(series, windows)| {
        windows.iter().map(|(window, group)| (Some((series.granularity, *window)), &series.segment, group))
    });
    let rows = windows
        .flat_map(|(at, segment, group)| group_rows(profiles, &estimators, subjects, at, segment, group, 2));
    rows.collect()
}

/// The rows of one group. `estimators` are those of the baseline, for these subjects.
pub fn group_rows(
    profiles: &Profiles,
    estimators: &Estimators,
    subjects: &[Subject],
    at: Option<(Granularity, Window)>,
    segment: &Segment,
    group: &Group,
    points: usize,
) -> Vec<ProfileRow> {
    let key = ProfileRow {
        window: at.map(|(_, window)| window.into()),
        log_type: if at.is_some() { "INPUT" } else { "BASELINE" },
        granularity: at.map(|(granularity, _)| granularity.to_string()),
        model_version: segment.model_version.clone(),
        slice_key: segment.slice.as_ref().map(|slice| slice.key.clone()),
        slice_value: segment.slice.as_ref().map(|slice| slice.value.clone()),
        row_count: group.row_count,
        window_start: at.map(|(_, window)| micros(window.start)),
        window_end: at.map(|(_, window)| micros(window.end)),
        ..ProfileRow::default()
    };
    let row = |subject: &Subject| match *subject {
        Subject::Table => {
            let groups = TwoGroups::of(profiles, at, segment, group);
            let estimate = estimate(estimators, segment, group);
            let reference = reference(profiles, segment);
            table_row(key.clone(), profiles, group, groups.as_ref(), estimate, reference)
        }
        Subject::Column(place) => {
            let (column, state) = (&profiles.columns[place], &group.columns[place]);
            match profiles.gaps.get(&column.name).filter(|_| at.is_none()) {
                Some(gap) => gap_row(key.clone(), column, state, gap),
                None => {
                    let expected = profiles.expectations.get(&column.name);
                    column_row(key.clone(), column, state, expected, points)
                }
            }
        }
    };
    subjects.iter().map(row).collect()
}

fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// The quality of the rows of the baseline of this segment's version, or of all versions, if that of predicted numbers is known.
fn reference<'a>(profiles: &'a Profiles, segment: &Segment) -> Option<&'a RegressionState> {
    let all = Segment { model_version: ALL_VERSIONS.to_owned(), slice: segment.slice.clone() };
    let found = [segment, &all].into_iter().find_map(|segment| profiles.baseline.get(segment))?;
    match &found.table.quality {
        Some(QualityState::Regression(state)) => Some(state),
        _ => None,
    }
}

/// The row of the whole group. `groups`: it and that which it is compared with for fairness, if it is. `estimate`: its
/// expected quality, if that is estimated.
fn table_row(
    key: ProfileRow,
    profiles: &Profiles,
    group: &Group,
    groups: Option<&TwoGroups<'_>>,
    estimate: Option<Result<Estimate, Absence>>,
    reference: Option<&RegressionState>,
) -> ProfileRow {
    let mut reasons = Reasons::default();
    let row = ProfileRow {
        column_name: TABLE.to_owned(),
        count: group.row_count,
        non_null_columns: Some(group.non_null(&profiles.all_columns).map(str::to_owned).collect()),
        ..key
    };
    let row = match &group.table.quality {
        None => row,
        Some(quality) => quality_row(row, quality, profiles.has_scores, &mut reasons),
    };
    let row = match groups {
        None => row,
        Some(groups) => fairness_row(row, groups, &mut reasons),
    };
    let row = match estimate {
        None => row,
        Some(estimate) => estimated_row(row, estimate, &mut reasons),
    };
    let without = profiles.without_losses.as_ref().filter(|_| row.window.is_some());
    let row = expected_errors_row(row, group.table.losses.as_ref(), reference, without, &mut reasons);
    let row = requests_row(row, profiles, group, &mut reasons);
    ProfileRow { reason: reasons.into_text(), ..row }
}

/// The row of a column of the baseline that is not that of the inference table: what is counted of it, if it is
/// there.
fn gap_row(key: ProfileRow, column: &ColumnInfo, state: &ColumnState, gap: &Gap) -> ProfileRow {
    let column_role = Some(column.role.name());
    let row = ProfileRow { column_name: column.name.clone(), column_role, ..key };
    let mut reasons = Reasons::default();
    reasons.of_row(gap.of_statistics());
    let row = match gap {
        Gap::Missing => row,
        Gap::Unlike { found, .. } => ProfileRow {
            data_type: Some(found.clone()),
            count: state.count(),
            num_nulls: Some(state.num_nulls()),
            percent_null: state.percent_null(),
            ..row
        },
    };
    ProfileRow { reason: reasons.into_text(), ..row }
}

fn column_row(
    key: ProfileRow,
    column: &ColumnInfo,
    state: &ColumnState,
    expected: Option<&Expectation>,
    points: usize,
) -> ProfileRow {
    let mut reasons = Reasons::default();
    if state.count() == 0 {
        let is_awaited = column.is_label() && key.window.is_some();
        reasons.of_row(Absence::new(if is_awaited {
            "no row has a label yet"
        } else {
            "every value is NULL"
        }));
    }
    let row = ProfileRow {
        column_name: column.name.clone(),
        data_type: Some(column.data_type.clone()),
        column_role: Some(column.role.name()),
        count: state.count(),
        num_nulls: Some(state.num_nulls()),
        distinct_count: state.distinct_count(),
        percent_null: state.percent_null(),
        percent_distinct: state.percent_distinct(),
        percent_zeros: state.percent_zeros(),
        ..key
    };
    let row = match state {
        ColumnState::Numeric(numbers) => numeric_row(row, numbers, points, &mut reasons),
        ColumnState::Time(instants) => {
            if instants.count > 0 && instants.finite() == 0 {
                reasons.of_row(Absence::new("no value is within the range of a timestamp"));
            }
            let (min, max) = instants.extremes().unzip();
            let ranks = instants.ranks();
            ProfileRow {
                min,
                max,
                median: ranks.as_ref().and_then(|ranks| ranks.quantile(0.5)),
                rank_error: ranks.map(|ranks| ranks.error()),
                ..row
            }
        }
        ColumnState::Text(names) => {
            let items = names
                .items
                .top(MAX_FREQUENT_ITEMS)
                .into_iter()
                .map(|(item, count)| FrequentItem { item: item.to_owned(), count })
                .collect();
            let row = ProfileRow { frequent_items: Some(items), ..row };
            lengths_row(row, column, names.lengths(), names.avg_length())
        }
        ColumnState::Opaque(values) => {
            lengths_row(row, column, values.lengths.extremes(), values.lengths.avg(values.count))
        }
    };
    let row = match expected {
        None => row,
        Some(expected) => expected_row(row, state, expected, &mut reasons),
    };
    ProfileRow { reason: reasons.into_text(), ..row }
}

fn lengths_row(
    row: ProfileRow,
    column: &ColumnInfo,
    extremes: Option<(u64, u64)>,
    avg_length: Option<f64>,
) -> ProfileRow {
    if !column.has_lengths() {
        return row;
    }
    let (min, max) = extremes.unzip();
    ProfileRow {
        min_length: min.map(|length| length as f64),
        max_length: max.map(|length| length as f64),
        avg_length,
        ..row
    }
}

fn numeric_row(row: ProfileRow, numbers: &NumericState, points: usize, reasons: &mut Reasons) -> ProfileRow {
    if numbers.count > 0 && numbers.finite() == 0 {
        reasons.of_row(Absence::new("no value is finite"));
    }
    let ranks = numbers.ranks();
    let quantiles = ranks.as_ref().map(|ranks| {
        let last = (points.max(2) - 1) as f64;
        (0..points.max(2)).filter_map(|point| ranks.quantile(point as f64 / last)).collect()
    });
    let (min, max) = numbers.extremes().unzip();
    ProfileRow {
        avg: numbers.avg(),
        quantiles,
        min,
        max,
        stddev: reasons.noted("stddev", numbers.stddev()),
        num_zeros: Some(numbers.num_zeros),
        num_nan: Some(numbers.num_nan),
        num_infinite: Some(numbers.num_infinite),
        num_negative: Some(numbers.num_negative),
        median: ranks.as_ref().and_then(|ranks| ranks.quantile(0.5)),
        rank_error: ranks.map(|ranks| ranks.error()),
        percent_nan: percent(numbers.num_nan, row.row_count),
        ..row
    }
}

/// The column that says how many rows stand behind a metric: labelled ones, or all.
pub fn count_column(behind: Behind) -> &'static str {
    if behind == Behind::Labels { "label_count" } else { "row_count" }
}

impl Percentiles {
    /// The one that is called so.
    fn at(self, field: &str) -> f64 {
        match field {
            "p50" => self.p50,
            "p90" => self.p90,
            "p95" => self.p95,
            _ => self.p99,
        }
    }
}

impl ProfileRow {
    /// How many rows stand behind a metric: what the column says that [`count_column`] names.
    pub fn count_behind(&self, behind: Behind) -> u64 {
        if behind == Behind::Labels { self.label_count.unwrap_or_default() } else { self.row_count }
    }

    /// The number in the column called `name`, a field of a struct with a dot.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let whole = |value: Option<u64>| value.map(|value| value as f64);
        let scores = |scores: &Option<ClassScores>, field: &str| {
            scores.as_ref().map(|scores| if field == "macro" { scores.macro_mean } else { scores.weighted })
        };
        if let Some((column, field)) = name.split_once('.') {
            return match column {
                "precision" => scores(&self.precision, field),
                "recall" => scores(&self.recall, field),
                "f1_score" => scores(&self.f1_score, field),
                "roc_auc_score" => scores(&self.roc_auc_score, field),
                "top_k_accuracy_score" => self.top_k_accuracy_score.map(|top| match field {
                    "k2" => top.k2,
                    "k3" => top.k3,
                    _ => top.k5,
                }),
                "latency" => self.latency.map(|latency| latency.at(field)),
                "label_delay_seconds" => self.label_delay_seconds.map(|delay| delay.at(field)),
                "payload_size" => self
                    .payload_size
                    .map(|size| if field == "avg_bytes" { size.avg_bytes } else { size.max_bytes }),
                "mean_pinball_loss" => self.mean_pinball_loss.map(|loss| match field {
                    "p10" => loss.p10,
                    "p50" => loss.p50,
                    _ => loss.p90,
                }),
                _ => None,
            };
        }
        match name {
            "count" => Some(self.count as f64),
            "num_nulls" => whole(self.num_nulls),
            "avg" => self.avg,
            "min" => self.min,
            "max" => self.max,
            "stddev" => self.stddev,
            "num_zeros" => whole(self.num_zeros),
            "num_nan" => whole(self.num_nan),
            "min_length" => self.min_length,
            "max_length" => self.max_length,
            "avg_length" => self.avg_length,
            "median" => self.median,
            "distinct_count" => whole(self.distinct_count),
            "percent_nan" => self.percent_nan,
            "percent_null" => self.percent_null,
            "percent_zeros" => self.percent_zeros,
            "percent_distinct" => self.percent_distinct,
            "accuracy_score" => self.accuracy_score,
            "log_loss" => self.log_loss,
            "balanced_accuracy_score" => self.balanced_accuracy_score,
            "matthews_corrcoef" => self.matthews_corrcoef,
            "cohen_kappa_score" => self.cohen_kappa_score,
            "average_precision_score" => self.average_precision_score,
            "brier_score_loss" => self.brier_score_loss,
            "expected_calibration_error" => self.expected_calibration_error,
            "median_absolute_error" => self.median_absolute_error,
            "estimated_accuracy_score" => self.estimated_accuracy_score,
            "estimated_precision" => self.estimated_precision,
            "estimated_recall" => self.estimated_recall,
            "estimated_specificity" => self.estimated_specificity,
            "estimated_f1_score" => self.estimated_f1_score,
            "estimated_roc_auc_score" => self.estimated_roc_auc_score,
            "estimated_average_precision_score" => self.estimated_average_precision_score,
            "estimated_mean_average_error" => self.estimated_mean_average_error,
            "estimated_root_mean_squared_error" => self.estimated_root_mean_squared_error,
            "mean_error" => self.mean_error,
            "mean_squared_error" => self.mean_squared_error,
            "root_mean_squared_error" => self.root_mean_squared_error,
            "mean_average_error" => self.mean_average_error,
            "mean_absolute_percentage_error" => self.mean_absolute_percentage_error,
            "r2_score" => self.r2_score,
            "percent_out_of_bounds" => self.percent_out_of_bounds,
            "percent_unlisted" => self.percent_unlisted,
            "newest_row_age_seconds" => self.newest_row_age_seconds,
            "newest_label_age_seconds" => self.newest_label_age_seconds,
            "percent_duplicate_requests" => self.percent_duplicate_requests,
            "requests_per_second" => self.requests_per_second,
            "percent_errors" => self.percent_errors,
            "row_count" => Some(self.row_count as f64),
            "num_infinite" => whole(self.num_infinite),
            "num_negative" => whole(self.num_negative),
            "label_count" => whole(self.label_count),
            "percent_labelled" => self.percent_labelled,
            "rank_error" => self.rank_error,
            custom => self.custom.get(custom)?.number(),
        }
    }
}

#[cfg(test)]
mod tests;
