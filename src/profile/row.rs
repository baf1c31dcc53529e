//! One row of the profile table: from a state to its metrics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::classification::{Cell, ClassScores, ClassificationState};
use super::custom::Values;
use super::estimate::{Estimate, Estimators};
use super::fairness::{ClassDifferences, Parity, TwoGroups};
use super::gap::Gap;
use super::interval::Interval;
use super::numeric::NumericState;
use super::reason::{Absence, Reasons};
use super::regression::{PinballLoss, RegressionState};
use super::{ColumnInfo, ColumnState, Group, Profiles, QualityState, Segment, Subject, percent};
use crate::contract::TABLE;
use crate::contract::profile_metrics::is_of_labels;
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
    pub estimated_sampling_errors: Option<BTreeMap<&'static str, f64>>,
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
            table_row(key.clone(), profiles, group, groups.as_ref(), estimate)
        }
        Subject::Column(place) => {
            let (column, state) = (&profiles.columns[place], &group.columns[place]);
            match profiles.gaps.get(&column.name).filter(|_| at.is_none()) {
                Some(gap) => gap_row(key.clone(), column, state, gap),
                None => column_row(key.clone(), column, state, points),
            }
        }
    };
    subjects.iter().map(row).collect()
}

fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// The quality to be expected of `group`, if that is estimated.
fn estimate(estimators: &Estimators, segment: &Segment, group: &Group) -> Option<Result<Estimate, Absence>> {
    let Some(QualityState::Classification(state)) = &group.quality else { return None };
    let estimator = estimators.of_segment(segment)?;
    Some(estimator.and_then(|estimator| estimator.estimate(state)))
}

/// The row of the whole group. `groups`: it and that which it is compared with for fairness, if it is. `estimate`: its
/// expected quality, if that is estimated.
fn table_row(
    key: ProfileRow,
    profiles: &Profiles,
    group: &Group,
    groups: Option<&TwoGroups<'_>>,
    estimate: Option<Result<Estimate, Absence>>,
) -> ProfileRow {
    let mut reasons = Reasons::default();
    let row = ProfileRow {
        column_name: TABLE.to_owned(),
        count: group.row_count,
        non_null_columns: Some(group.non_null(&profiles.all_columns).map(str::to_owned).collect()),
        ..key
    };
    let row = match &group.quality {
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
    ProfileRow { reason: reasons.into_text(), ..row }
}

fn quality_row(
    row: ProfileRow,
    quality: &QualityState,
    has_scores: bool,
    reasons: &mut Reasons,
) -> ProfileRow {
    let label_count = quality.count();
    if label_count == 0 {
        let is_awaited = row.window.is_some();
        let yet = "no prediction has a label yet";
        reasons.of_row(Absence::new(if is_awaited { yet } else { "no prediction has a label" }));
    }
    let row = ProfileRow {
        label_count: Some(label_count),
        percent_labelled: percent(label_count, row.row_count),
        ..row
    };
    match quality {
        QualityState::Classification(state) => classification_row(row, state, has_scores, reasons),
        QualityState::Regression(state) => regression_row(row, state, reasons),
    }
}

fn classification_row(
    row: ProfileRow,
    state: &ClassificationState,
    has_scores: bool,
    reasons: &mut Reasons,
) -> ProfileRow {
    let row = ProfileRow {
        accuracy_score: reasons.noted("accuracy_score", state.accuracy_score()),
        confusion_matrix: reasons.noted("confusion_matrix", state.confusion_matrix()),
        precision: reasons.noted("precision", state.precision()),
        recall: reasons.noted("recall", state.recall()),
        f1_score: reasons.noted("f1_score", state.f1_score()),
        balanced_accuracy_score: reasons.noted("balanced_accuracy_score", state.balanced_accuracy_score()),
        matthews_corrcoef: reasons.noted("matthews_corrcoef", state.matthews_corrcoef()),
        cohen_kappa_score: reasons.noted("cohen_kappa_score", state.cohen_kappa_score()),
        confidence_intervals: reasons.noted("confidence_intervals", state.intervals()),
        ..row
    };
    if !has_scores {
        return row;
    }
    ProfileRow {
        log_loss: reasons.noted("log_loss", state.log_loss()),
        roc_auc_score: reasons.noted("roc_auc_score", state.roc_auc_score()),
        average_precision_score: reasons.noted("average_precision_score", state.average_precision_score()),
        brier_score_loss: reasons.noted("brier_score_loss", state.brier_score_loss()),
        expected_calibration_error: reasons
            .noted("expected_calibration_error", state.expected_calibration_error()),
        ..row
    }
}

/// Labels of the rows have no part in an estimate, so what is said of them is not why it is NULL.
fn estimated_row(row: ProfileRow, estimate: Result<Estimate, Absence>, reasons: &mut Reasons) -> ProfileRow {
    let mut of = |name, of: fn(&Estimate) -> f64| {
        reasons.noted_apart(name, estimate.as_ref().map(of).map_err(Clone::clone))
    };
    let row = ProfileRow {
        estimated_accuracy_score: of("estimated_accuracy_score", |estimate| estimate.accuracy_score),
        estimated_precision: of("estimated_precision", |estimate| estimate.precision),
        estimated_recall: of("estimated_recall", |estimate| estimate.recall),
        estimated_specificity: of("estimated_specificity", |estimate| estimate.specificity),
        estimated_f1_score: of("estimated_f1_score", |estimate| estimate.f1_score),
        ..row
    };
    let ranked = |of: fn(&Estimate) -> &Result<f64, Absence>| {
        estimate.as_ref().map_or_else(|why| Err(why.clone()), |estimate| of(estimate).clone())
    };
    let area = ranked(|estimate| &estimate.roc_auc_score);
    let precision = ranked(|estimate| &estimate.average_precision_score);
    ProfileRow {
        estimated_roc_auc_score: reasons.noted_apart("estimated_roc_auc_score", area),
        estimated_average_precision_score: reasons
            .noted_apart("estimated_average_precision_score", precision),
        estimated_sampling_errors: reasons
            .noted_apart("estimated_sampling_errors", estimate.map(|estimate| estimate.sampling_errors)),
        ..row
    }
}

fn fairness_row(row: ProfileRow, groups: &TwoGroups<'_>, reasons: &mut Reasons) -> ProfileRow {
    let row = match groups.have_labels() {
        false => row,
        true => ProfileRow {
            predictive_parity: parity(reasons, "predictive_parity", groups.predictive_parity()),
            predictive_equality: parity(reasons, "predictive_equality", groups.predictive_equality()),
            equal_opportunity: parity(reasons, "equal_opportunity", groups.equal_opportunity()),
            ..row
        },
    };
    // Labels have no part in this one, so what is said of them is not why it is NULL.
    let statistical_parity = reasons.noted_apart("statistical_parity", groups.statistical_parity());
    ProfileRow { statistical_parity, ..row }
}

/// The differences of `measure`; which classes have none is noted, too.
fn parity(
    reasons: &mut Reasons,
    measure: &'static str,
    value: Result<Parity, Absence>,
) -> Option<ClassDifferences> {
    let Parity { differences, left_out } = reasons.noted(measure, value)?;
    left_out.into_iter().for_each(|why| reasons.lacks(measure, why));
    Some(differences)
}

fn regression_row(row: ProfileRow, state: &RegressionState, reasons: &mut Reasons) -> ProfileRow {
    ProfileRow {
        mean_squared_error: reasons.noted("mean_squared_error", state.mean_squared_error()),
        root_mean_squared_error: reasons.noted("root_mean_squared_error", state.root_mean_squared_error()),
        mean_average_error: reasons.noted("mean_average_error", state.mean_average_error()),
        mean_absolute_percentage_error: reasons
            .noted("mean_absolute_percentage_error", state.mean_absolute_percentage_error()),
        r2_score: reasons.noted("r2_score", state.r2_score()),
        median_absolute_error: reasons.noted("median_absolute_error", state.median_absolute_error()),
        mean_error: reasons.noted("mean_error", state.mean_error()),
        mean_pinball_loss: reasons.noted("mean_pinball_loss", state.mean_pinball_loss()),
        confidence_intervals: reasons.noted("confidence_intervals", state.intervals()),
        ..row
    }
}

/// The row of a column of the baseline that is not that of the inference table: what is counted of it, if it is
/// there.
fn gap_row(key: ProfileRow, column: &ColumnInfo, state: &ColumnState, gap: &Gap) -> ProfileRow {
    let row = ProfileRow { column_name: column.name.clone(), ..key };
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

fn column_row(key: ProfileRow, column: &ColumnInfo, state: &ColumnState, points: usize) -> ProfileRow {
    let mut reasons = Reasons::default();
    if state.count() == 0 {
        let is_awaited = column.is_label && key.window.is_some();
        reasons.of_row(Absence::new(if is_awaited {
            "no row has a label yet"
        } else {
            "every value is NULL"
        }));
    }
    let row = ProfileRow {
        column_name: column.name.clone(),
        data_type: Some(column.data_type.clone()),
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

/// The column that says how many rows stand behind the metric called `name`: labelled ones for quality, all for the rest.
pub fn count_column(name: &str) -> &'static str {
    if is_of_labels(name) { "label_count" } else { "row_count" }
}

impl ProfileRow {
    /// How many rows stand behind the metric called `name`: what the column says that [`count_column`] names.
    pub fn count_behind(&self, name: &str) -> u64 {
        if is_of_labels(name) { self.label_count.unwrap_or_default() } else { self.row_count }
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
            "mean_error" => self.mean_error,
            "mean_squared_error" => self.mean_squared_error,
            "root_mean_squared_error" => self.root_mean_squared_error,
            "mean_average_error" => self.mean_average_error,
            "mean_absolute_percentage_error" => self.mean_absolute_percentage_error,
            "r2_score" => self.r2_score,
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
