//! One row of the drift table: from two states to their distances.

mod multivariate;
mod quality;
mod schema;

use std::collections::BTreeSet;

pub(super) use multivariate::KnownComponents;
pub(crate) use multivariate::Rehearsal;
use quality::QualityDeltas;
use serde::Serialize;

use super::chi_squared_test::{chi_squared_test, degrees_of_freedom};
use super::cramer_von_mises_test::cramer_von_mises_test;
use super::cramers_v::cramers_v;
use super::drift_pvalue;
use super::energy_distance::energy_distance;
use super::families::Together;
use super::hellinger_distance::hellinger_distance;
use super::js_distance::js_distance;
use super::kl_divergence::kl_divergence;
use super::ks_test::ks_test;
use super::l_infinity_distance::l_infinity_distance;
use super::null_test::null_test;
use super::paired::{Paired, PairedNumbers};
use super::percent_out_of_range::percent_out_of_range;
use super::percent_unexpected::percent_unexpected;
use super::population_stability_index::population_stability_index;
use super::standardized_mean_difference::standardized_mean_difference;
use super::tv_distance::tv_distance;
use super::wasserstein_distance::wasserstein_distance;
use super::wasserstein_distance_normed::wasserstein_distance_normed;
use super::{Compared, TestResult};
use crate::config::Comparison;
use crate::contract::{Behind, TABLE};
use crate::profile::custom::Values;
use crate::profile::gap::Gap;
use crate::profile::numeric::NumericState;
use crate::profile::reason::{Absence, BEYOND_A_DOUBLE, Reasons, finite};
use crate::profile::row::WindowStruct;
use crate::profile::text::TextState;
use crate::profile::{ColumnInfo, ColumnState, Group, Profiles, Series, Subject};
use crate::window::Window;

/// Bins into which numbers are put for PSI and JS distance.
const BINS: u64 = 10;

/// Columns that came and went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NonNullColumnsDelta {
    /// Have values now and had none.
    pub added: i32,
    /// Had values and have none now.
    pub missing: i32,
}

/// A row of `<monitor>_drift_metrics`, but for lineage. Field names are the column names; what each means
/// stands in [`contract::drift_metrics`](crate::contract::drift_metrics).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct DriftRow {
    pub window: WindowStruct,
    pub granularity: String,
    pub model_version: String,
    pub slice_key: Option<String>,
    pub slice_value: Option<String>,
    pub column_name: String,
    pub data_type: Option<String>,
    pub window_cmp: Option<WindowStruct>,
    pub drift_type: &'static str,
    pub count_delta: Option<f64>,
    pub avg_delta: Option<f64>,
    pub percent_null_delta: Option<f64>,
    pub percent_zeros_delta: Option<f64>,
    pub percent_distinct_delta: Option<f64>,
    pub non_null_columns_delta: Option<NonNullColumnsDelta>,
    pub js_distance: Option<f64>,
    pub ks_test: Option<TestResult>,
    pub wasserstein_distance: Option<f64>,
    pub population_stability_index: Option<f64>,
    pub chi_squared_test: Option<TestResult>,
    pub tv_distance: Option<f64>,
    pub l_infinity_distance: Option<f64>,
    pub hellinger_distance: Option<f64>,
    pub kl_divergence: Option<f64>,
    pub chi_squared_degrees_of_freedom: Option<u64>,
    pub cramers_v: Option<f64>,
    pub wasserstein_distance_normed: Option<f64>,
    pub energy_distance: Option<f64>,
    pub cramer_von_mises_test: Option<TestResult>,
    pub standardized_mean_difference: Option<f64>,
    pub effect_size: Option<f64>,
    pub drift_pvalue: Option<f64>,
    pub null_test: Option<TestResult>,
    pub percent_unexpected: Option<f64>,
    pub percent_out_of_range: Option<f64>,
    /// Nothing until all columns of the comparison are known.
    #[serde(flatten)]
    pub together: Together,
    pub row_count_ratio: Option<f64>,
    pub column_role: Option<&'static str>,
    pub schema_change: Option<&'static str>,
    pub data_type_cmp: Option<String>,
    pub columns_added: Option<u64>,
    pub columns_lost: Option<u64>,
    pub columns_retyped: Option<u64>,
    pub median_delta: Option<f64>,
    pub stddev_delta: Option<f64>,
    pub distinct_count_delta: Option<f64>,
    #[serde(flatten)]
    pub quality: QualityDeltas,
    pub label_count_current: Option<u64>,
    pub label_count_cmp: Option<u64>,
    pub reconstruction_error: Option<f64>,
    pub reconstruction_error_cmp: Option<f64>,
    pub reconstruction_error_column: Option<String>,
    pub correlation_change: Option<f64>,
    pub correlation_change_columns: Option<Vec<String>>,
    pub correlation_current: Option<f64>,
    pub correlation_cmp: Option<f64>,
    pub columns_together: Option<u64>,
    pub num_bins: Option<u64>,
    pub count_current: u64,
    pub count_cmp: u64,
    pub row_count: u64,
    pub row_count_cmp: u64,
    pub window_start: i64,
    pub window_end: i64,
    pub window_cmp_start: Option<i64>,
    pub window_cmp_end: Option<i64>,
    pub baseline_model_version: Option<String>,
    pub windows_cmp: Option<u64>,
    pub model_version_cmp: Option<String>,
    pub reason: Option<String>,
    #[serde(flatten)]
    pub custom: Values,
}

/// The name of a comparison in the tables.
pub fn drift_type(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Consecutive => "CONSECUTIVE",
        Comparison::Baseline => "BASELINE",
        Comparison::Seasonal => "SEASONAL",
        Comparison::Rolling => "ROLLING",
        Comparison::Version => "VERSION",
    }
}

/// The rows of one comparison.
pub(super) fn rows(
    profiles: &Profiles,
    subjects: &[Subject],
    series: &Series,
    window: Window,
    group: &Group,
    compared: &Compared<'_>,
    known: &mut KnownComponents,
) -> Vec<DriftRow> {
    let slice = series.segment.slice.as_ref();
    let window_cmp: Option<WindowStruct> = compared.window.map(WindowStruct::from);
    let key = DriftRow {
        window: window.into(),
        granularity: series.granularity.to_string(),
        model_version: series.segment.model_version.clone(),
        slice_key: slice.map(|slice| slice.key.clone()),
        slice_value: slice.map(|slice| slice.value.clone()),
        column_name: TABLE.to_owned(),
        window_cmp,
        drift_type: drift_type(compared.comparison),
        count_current: group.row_count,
        count_cmp: compared.group.map_or(0, |other| other.row_count),
        row_count: group.row_count,
        row_count_cmp: compared.group.map_or(0, |other| other.row_count),
        window_start: window.start.as_microsecond(),
        window_end: window.end.as_microsecond(),
        window_cmp_start: window_cmp.map(|window| window.start),
        window_cmp_end: window_cmp.map(|window| window.end),
        baseline_model_version: compared.baseline_model_version.map(str::to_owned),
        windows_cmp: compared.windows,
        model_version_cmp: compared.model_version.map(str::to_owned),
        ..DriftRow::default()
    };
    let Some(other) = compared.group else {
        let row = || DriftRow { reason: Some("the baseline has no rows of this slice".to_owned()), ..key };
        return subjects.contains(&Subject::Table).then(row).into_iter().collect();
    };
    let row = |subject: &Subject| match *subject {
        Subject::Table => {
            let row = DriftRow {
                count_delta: Some(count_delta(group.row_count, other.row_count)),
                non_null_columns_delta: Some(non_null_columns(&profiles.all_columns, group, other)),
                row_count_ratio: row_count_ratio(group, other, compared.windows),
                ..key.clone()
            };
            let row = quality::table_row(row, group, other);
            let row = match &profiles.reference {
                None => row,
                Some(reference) => multivariate::table_row(row, (group, other), compared, reference, known),
            };
            if compared.comparison == Comparison::Baseline { schema::table_row(row, profiles) } else { row }
        }
        Subject::Column(place) => {
            let column = &profiles.columns[place];
            let (now, then) = (&group.columns[place], &other.columns[place]);
            let key = DriftRow {
                column_name: column.name.clone(),
                data_type: Some(column.data_type.clone()),
                column_role: Some(column.role.name()),
                ..key.clone()
            };
            match compared.gaps.get(&column.name) {
                Some(gap) => gap_row(schema::gap_row(key, gap), now, then, gap),
                None => column_row(key, now, then),
            }
        }
    };
    let lost = compared.comparison == Comparison::Baseline && subjects.contains(&Subject::Table);
    let lost = profiles.lost.iter().filter(|_| lost).map(|lost| schema::lost_row(key.clone(), lost));
    subjects.iter().map(row).chain(lost).collect()
}

/// Rows by those of the comparison, each of its windows.
fn row_count_ratio(group: &Group, other: &Group, windows: Option<u64>) -> Option<f64> {
    (other.row_count > 0).then_some(group.row_count as f64 / other.row_count as f64 * windows? as f64)
}

fn non_null_columns(columns: &[ColumnInfo], group: &Group, other: &Group) -> NonNullColumnsDelta {
    let now: BTreeSet<&str> = group.non_null(columns).collect();
    let then: BTreeSet<&str> = other.non_null(columns).collect();
    NonNullColumnsDelta {
        added: now.difference(&then).count() as i32,
        missing: then.difference(&now).count() as i32,
    }
}

/// The row of a column that cannot be compared: the difference of what is counted on both sides, if it is.
fn gap_row(key: DriftRow, now: &ColumnState, then: &ColumnState, gap: &Gap) -> DriftRow {
    let mut reasons = Reasons::default();
    reasons.of_row(gap.of_distances());
    let row = DriftRow { count_current: now.count(), count_cmp: 0, reason: reasons.into_text(), ..key };
    match gap {
        Gap::Missing => row,
        Gap::Unlike { .. } => DriftRow {
            count_delta: Some(count_delta(now.count(), then.count())),
            percent_null_delta: delta(now.percent_null(), then.percent_null()),
            count_cmp: then.count(),
            ..row
        },
    }
}

fn column_row(key: DriftRow, now: &ColumnState, then: &ColumnState) -> DriftRow {
    let mut reasons = Reasons::default();
    let row = DriftRow {
        count_delta: Some(count_delta(now.count(), then.count())),
        percent_null_delta: delta(now.percent_null(), then.percent_null()),
        percent_zeros_delta: delta(now.percent_zeros(), then.percent_zeros()),
        percent_distinct_delta: delta(now.percent_distinct(), then.percent_distinct()),
        distinct_count_delta: distinct_count_delta(now, then),
        null_test: null_test(now, then),
        count_current: now.count(),
        count_cmp: then.count(),
        ..key
    };
    let row = match (now, then) {
        (ColumnState::Numeric(now), ColumnState::Numeric(then)) => numeric_row(row, now, then, &mut reasons),
        (ColumnState::Text(now), ColumnState::Text(then)) => text_row(row, now, then, &mut reasons),
        (ColumnState::Time(now), ColumnState::Time(then)) => {
            note_empty_side(now.count, then.count, "value", &mut reasons);
            row
        }
        _ => row,
    };
    DriftRow { reason: reasons.into_text(), ..row }
}

/// Exact where a double holds the difference, even if it does not hold the counts.
fn count_delta(now: u64, then: u64) -> f64 {
    (i128::from(now) - i128::from(then)) as f64
}

fn distinct_count_delta(now: &ColumnState, then: &ColumnState) -> Option<f64> {
    Some(count_delta(now.distinct_count()?, then.distinct_count()?))
}

/// Between the middles of both, where each has one.
fn median_delta(now: &NumericState, then: &NumericState) -> Option<f64> {
    let median = |state: &NumericState| state.ranks()?.quantile(0.5);
    delta(median(now), median(then))
}

/// Why there is none is said of that side in the profile table.
fn stddev_delta(now: &NumericState, then: &NumericState) -> Result<f64, Absence> {
    finite(now.stddev()? - then.stddev()?)
}

fn delta(now: Option<f64>, then: Option<f64>) -> Option<f64> {
    Some(now? - then?)
}

/// Notes which side has nothing to compare, if one has not.
fn note_empty_side(now: u64, then: u64, what: &str, reasons: &mut Reasons) {
    reasons.of_row(Absence::from(match (now, then) {
        (0, 0) => format!("neither side has a {what}"),
        (0, _) => format!("the window has no {what}"),
        (_, 0) => format!("the comparison has no {what}"),
        _ => return,
    }));
}

fn numeric_row(row: DriftRow, now: &NumericState, then: &NumericState, reasons: &mut Reasons) -> DriftRow {
    let row = DriftRow { count_current: now.finite(), count_cmp: then.finite(), ..row };
    let (Some(pair), Some(avg_delta)) =
        (PairedNumbers::new(&then.distribution, &now.distribution), delta(now.avg(), then.avg()))
    else {
        note_empty_side(now.finite(), then.finite(), "finite value", reasons);
        return row;
    };
    let binned = pair.in_quantile_bins(BINS);
    let test = ks_test(&pair).ok_or(Absence::new("each side has only one value"));
    let effect_size = test.clone().map(|test| test.statistic);
    let drift_pvalue = test.clone().map(|test| test.pvalue);
    let distance = wasserstein_distance(&pair);
    let normed = distance.ok_or(BEYOND_A_DOUBLE);
    let normed = normed.and_then(|distance| wasserstein_distance_normed(distance, then));
    let difference = finite(avg_delta);
    let difference = difference.and_then(|difference| standardized_mean_difference(difference, now, then));
    DriftRow {
        avg_delta: reasons.noted("avg_delta", finite(avg_delta)),
        median_delta: median_delta(now, then).and_then(|delta| reasons.noted("median_delta", finite(delta))),
        stddev_delta: reasons.noted("stddev_delta", stddev_delta(now, then)),
        js_distance: binned.as_ref().map(js_distance),
        ks_test: reasons.noted("ks_test", test),
        wasserstein_distance: reasons.noted("wasserstein_distance", distance.ok_or(BEYOND_A_DOUBLE)),
        population_stability_index: binned.as_ref().map(population_stability_index),
        hellinger_distance: binned.as_ref().map(hellinger_distance),
        kl_divergence: binned.as_ref().map(kl_divergence),
        wasserstein_distance_normed: reasons.noted("wasserstein_distance_normed", normed),
        energy_distance: reasons.noted("energy_distance", energy_distance(&pair).ok_or(BEYOND_A_DOUBLE)),
        cramer_von_mises_test: reasons.noted(
            "cramer_von_mises_test",
            cramer_von_mises_test(&pair).ok_or(Absence::new("a side has only one value")),
        ),
        standardized_mean_difference: reasons.noted("standardized_mean_difference", difference),
        effect_size: reasons.noted("effect_size", effect_size),
        drift_pvalue: reasons.noted("drift_pvalue", drift_pvalue),
        percent_out_of_range: Some(percent_out_of_range(&pair)),
        num_bins: binned.as_ref().map(|pair| pair.counts().len() as u64),
        ..row
    }
}

/// Values from which on the comparison alone can tell identifiers from categories.
const MIN_IDENTIFIERS: u64 = 100;

/// Whether the comparison holds identifiers rather than categories: more than half of its values are
/// different. In a few rows that is so of categories, too; but theirs are there again in the window, so that
/// both together have to be different as well.
fn are_identifiers(then: &TextState, now: &TextState) -> bool {
    let is_nearly_unique = |state: &TextState| 2 * state.distinct_count() > state.count;
    is_nearly_unique(then)
        && (then.count >= MIN_IDENTIFIERS || {
            let mut both = then.clone();
            both.merge(now);
            is_nearly_unique(&both)
        })
}

fn text_row(row: DriftRow, now: &TextState, then: &TextState, reasons: &mut Reasons) -> DriftRow {
    let Some(pair) = Paired::of_names(&then.items, &now.items) else {
        note_empty_side(now.count, then.count, "value", reasons);
        return row;
    };
    if are_identifiers(then, now) {
        reasons.of_row(Absence::new("nearly every value is different, so shares say nothing"));
        return row;
    }
    const ONE_CATEGORY: Absence = Absence::new("there is only one category");
    let test = chi_squared_test(&pair).ok_or(ONE_CATEGORY);
    let degrees = degrees_of_freedom(&pair).ok_or(ONE_CATEGORY);
    let moved = tv_distance(&pair);
    DriftRow {
        js_distance: Some(js_distance(&pair)),
        population_stability_index: Some(population_stability_index(&pair)),
        chi_squared_test: reasons.noted("chi_squared_test", test),
        tv_distance: Some(moved),
        l_infinity_distance: Some(l_infinity_distance(&pair)),
        hellinger_distance: Some(hellinger_distance(&pair)),
        kl_divergence: Some(kl_divergence(&pair)),
        chi_squared_degrees_of_freedom: reasons.noted("chi_squared_degrees_of_freedom", degrees),
        cramers_v: reasons.noted("cramers_v", cramers_v(&pair).ok_or(ONE_CATEGORY)),
        effect_size: Some(moved),
        drift_pvalue: reasons.noted("drift_pvalue", drift_pvalue::of_names(&pair)),
        percent_unexpected: reasons.noted("percent_unexpected", percent_unexpected(&then.items, &now.items)),
        num_bins: Some(pair.counts().len() as u64),
        ..row
    }
}

/// The columns that say how many values stand behind a metric, in the window and in the comparison.
pub fn count_columns(behind: Behind) -> [&'static str; 2] {
    match behind {
        Behind::Labels => ["label_count_current", "label_count_cmp"],
        Behind::Rows => ["row_count", "row_count_cmp"],
        Behind::Values => ["count_current", "count_cmp"],
    }
}

impl DriftRow {
    /// How many stand behind a metric, in the window and in the comparison: what the columns say that [`count_columns`] names.
    pub fn counts_behind(&self, behind: Behind) -> (u64, u64) {
        match behind {
            Behind::Labels => {
                (self.label_count_current.unwrap_or_default(), self.label_count_cmp.unwrap_or_default())
            }
            Behind::Rows => (self.row_count, self.row_count_cmp),
            Behind::Values => (self.count_current, self.count_cmp),
        }
    }

    /// Whether the column called `name` will have a value once all columns of the comparison are known.
    pub fn awaits(&self, name: &str) -> bool {
        match name {
            "drift_pvalue_adjusted" => self.drift_pvalue.is_some(),
            "null_pvalue_adjusted" => self.null_test.is_some(),
            "columns_compared" | "columns_drifted" | "drift_share" => self.column_name == TABLE,
            _ => false,
        }
    }

    /// The number in the column called `name`, a field of a struct with a dot.
    pub fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "count_delta" => self.count_delta,
            "avg_delta" => self.avg_delta,
            "percent_null_delta" => self.percent_null_delta,
            "percent_zeros_delta" => self.percent_zeros_delta,
            "percent_distinct_delta" => self.percent_distinct_delta,
            "non_null_columns_delta.added" => self.non_null_columns_delta.map(|delta| f64::from(delta.added)),
            "non_null_columns_delta.missing" => {
                self.non_null_columns_delta.map(|delta| f64::from(delta.missing))
            }
            "js_distance" => self.js_distance,
            "ks_test.statistic" => self.ks_test.map(|test| test.statistic),
            "ks_test.pvalue" => self.ks_test.map(|test| test.pvalue),
            "wasserstein_distance" => self.wasserstein_distance,
            "population_stability_index" => self.population_stability_index,
            "chi_squared_test.statistic" => self.chi_squared_test.map(|test| test.statistic),
            "chi_squared_test.pvalue" => self.chi_squared_test.map(|test| test.pvalue),
            "tv_distance" => self.tv_distance,
            "l_infinity_distance" => self.l_infinity_distance,
            "hellinger_distance" => self.hellinger_distance,
            "kl_divergence" => self.kl_divergence,
            "chi_squared_degrees_of_freedom" => self.chi_squared_degrees_of_freedom.map(|count| count as f64),
            "cramers_v" => self.cramers_v,
            "wasserstein_distance_normed" => self.wasserstein_distance_normed,
            "energy_distance" => self.energy_distance,
            "cramer_von_mises_test.statistic" => self.cramer_von_mises_test.map(|test| test.statistic),
            "cramer_von_mises_test.pvalue" => self.cramer_von_mises_test.map(|test| test.pvalue),
            "standardized_mean_difference" => self.standardized_mean_difference,
            "effect_size" => self.effect_size,
            "drift_pvalue" => self.drift_pvalue,
            "percent_unexpected" => self.percent_unexpected,
            "percent_out_of_range" => self.percent_out_of_range,
            "null_test.statistic" => self.null_test.map(|test| test.statistic),
            "null_test.pvalue" => self.null_test.map(|test| test.pvalue),
            name if Together::COLUMNS.contains(&name) => self.together.metric(name),
            "row_count_ratio" => self.row_count_ratio,
            "columns_added" => self.columns_added.map(|count| count as f64),
            "columns_lost" => self.columns_lost.map(|count| count as f64),
            "columns_retyped" => self.columns_retyped.map(|count| count as f64),
            "median_delta" => self.median_delta,
            "stddev_delta" => self.stddev_delta,
            "distinct_count_delta" => self.distinct_count_delta,
            "label_count_current" => self.label_count_current.map(|count| count as f64),
            "label_count_cmp" => self.label_count_cmp.map(|count| count as f64),
            "reconstruction_error" => self.reconstruction_error,
            "reconstruction_error_cmp" => self.reconstruction_error_cmp,
            "correlation_change" => self.correlation_change,
            "correlation_current" => self.correlation_current,
            "correlation_cmp" => self.correlation_cmp,
            "columns_together" => self.columns_together.map(|count| count as f64),
            "num_bins" => self.num_bins.map(|bins| bins as f64),
            "count_current" => Some(self.count_current as f64),
            "count_cmp" => Some(self.count_cmp as f64),
            "row_count" => Some(self.row_count as f64),
            "row_count_cmp" => Some(self.row_count_cmp as f64),
            other => self.quality.metric(other).or_else(|| self.custom.get(other)?.number()),
        }
    }
}
