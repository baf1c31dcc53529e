//! `<monitor>_drift_metrics`: how far each column has moved.

use super::lineage::{COMPUTED, MODEL, REVISION, RUN, SOURCE};
use super::{BY_WINDOW, Column, Table, Type, WINDOW, column, shared};

/// A statistical test.
const TEST: Type = Type::Struct(&[
    column("statistic", Type::Double, "The statistic."),
    column("pvalue", Type::Double, "Chance of one at least as large if nothing had moved."),
]);

const KEY: &[Column] = &[
    column(
        "window",
        WINDOW,
        "The window, half-open. A reserved word in some engines: quote it, or use `window_start` and `window_end`.",
    ),
    column("granularity", Type::Text, "Length of the window, such as `1 day`."),
    shared::MONITOR_VERSION,
    shared::MODEL_VERSION,
    shared::SLICE_KEY,
    shared::SLICE_VALUE,
    shared::COLUMN_NAME,
    shared::DATA_TYPE,
    column(
        "window_cmp",
        WINDOW,
        "The window that it is compared with, or from the first of several until the last; NULL when that is the baseline.",
    ),
    column(
        "drift_type",
        Type::Text,
        "`CONSECUTIVE`: with the window just before; `BASELINE`: with the baseline table; `SEASONAL`: with the same \
         window a season before; `ROLLING`: with some windows before, together; `VERSION`: with another model version in \
         the same window.",
    ),
];

const MEASURES: &[Column] = &[
    column(
        "count_delta",
        Type::Double,
        "Difference of `count`. All deltas are this window minus the comparison.",
    ),
    column("avg_delta", Type::Double, "Difference of `avg`. Numbers."),
    column("percent_null_delta", Type::Double, "Difference of `percent_null`, in percentage points."),
    column(
        "percent_zeros_delta",
        Type::Double,
        "Difference of `percent_zeros`, in percentage points. Numbers.",
    ),
    column("percent_distinct_delta", Type::Double, "Difference of `percent_distinct`, in percentage points."),
    column(
        "non_null_columns_delta",
        Type::Struct(&[
            column("added", Type::Int, "Columns that have values now and had none."),
            column("missing", Type::Int, "Columns that had values and have none now."),
        ]),
        "On `:table` rows: difference of `non_null_columns`, so of all columns but the label.",
    ),
    column("js_distance", Type::Double, "Jensen-Shannon distance, base 2: 0 equal, 1 disjoint."),
    column(
        "ks_test",
        TEST,
        "Kolmogorov-Smirnov test. The p-value is asymptotic, as SciPy's `method='asymp'`; SciPy's default is exact \
         for small samples. Numbers.",
    ),
    column(
        "wasserstein_distance",
        Type::Double,
        "Earth mover's distance, in the column's own unit. Numbers.",
    ),
    column(
        "population_stability_index",
        Type::Double,
        "PSI in nats, on the comparison's deciles (NumPy's `inverted_cdf`) or categories; 0 equal, above 0.2 commonly \
         called large. This and the other distances of shares are NULL where nearly every name is different.",
    ),
    column("chi_squared_test", TEST, "Two-sample chi-squared test of homogeneity. Categories."),
    column("tv_distance", Type::Double, "Total variation distance, 0 to 1. Categories."),
    column(
        "l_infinity_distance",
        Type::Double,
        "Greatest change of one category's share, 0 to 1. Categories.",
    ),
];

const EXTRAS: &[Column] = &[
    column(
        "hellinger_distance",
        Type::Double,
        "Hellinger distance, 0 equal to 1 disjoint, on the same bins as PSI.",
    ),
    column(
        "kl_divergence",
        Type::Double,
        "Kullback-Leibler divergence of this window from the comparison in nats, on the same bins and with the same floor \
         as PSI; with both sides exchanged it adds up to PSI.",
    ),
    column(
        "chi_squared_degrees_of_freedom",
        Type::Long,
        "Degrees of freedom of `chi_squared_test`: its categories less one. Categories.",
    ),
    column(
        "cramers_v",
        Type::Double,
        "Cramér's V, 0 to 1: the size of what `chi_squared_test` tests, however many rows there are. Categories.",
    ),
    column(
        "wasserstein_distance_normed",
        Type::Double,
        "`wasserstein_distance` in standard deviations (over all rows) of the comparison. Numbers.",
    ),
    column(
        "energy_distance",
        Type::Double,
        "Energy distance, as SciPy has it, in roots of the column's unit. Numbers.",
    ),
    column(
        "cramer_von_mises_test",
        TEST,
        "Cramér-von Mises test. The p-value is that of SciPy's `method='asymptotic'`. Numbers.",
    ),
    column(
        "standardized_mean_difference",
        Type::Double,
        "Difference of `avg` in standard deviations, Cohen's d, where both sides' variances weigh the same. Numbers.",
    ),
    column(
        "effect_size",
        Type::Double,
        "How much has moved, 0 equal to 1 disjoint: at least this share of the values would have to be others for both \
         sides to be alike. `ks_test.statistic` of numbers, `tv_distance` of names. Numbers and categories.",
    ),
    column(
        "drift_pvalue",
        Type::Double,
        "Chance of moving at least as far without drift: `ks_test.pvalue` of numbers; of names the p-value of the \
         chi-squared test with rare names as one, or of Fisher's exact test of two of which one is rare. Numbers and \
         categories.",
    ),
    column(
        "drift_pvalue_adjusted",
        Type::Double,
        "`drift_pvalue`, adjusted (Benjamini and Hochberg) for the columns of this comparison, in the same window, model \
         version and slice: call every column moved that has less than 0.01 here, and about one in a hundred of these is \
         not. The label, which arrives late, is by itself.",
    ),
    column(
        "null_test",
        TEST,
        "Chi-squared test of NULLs and values; the p-value is that of Fisher's exact test where fewer than five are expected.",
    ),
    column("null_pvalue_adjusted", Type::Double, "`null_test.pvalue`, adjusted as `drift_pvalue_adjusted`."),
    column(
        "percent_unexpected",
        Type::Double,
        "Values of this window that the comparison does not have, in percent; NULL where a side has so many different \
         ones, from 4,096 on, that not all are known. Categories.",
    ),
    column(
        "percent_out_of_range",
        Type::Double,
        "Values of this window below the least or above the greatest of the comparison, in percent. Numbers.",
    ),
    column(
        "columns_compared",
        Type::Long,
        "On `:table` rows: columns that have a `drift_pvalue`, without the label.",
    ),
    column(
        "columns_drifted",
        Type::Long,
        "On `:table` rows: those of them whose `drift_pvalue_adjusted` is below 0.01 and whose `effect_size` is above 0.04.",
    ),
    column(
        "drift_share",
        Type::Double,
        "On `:table` rows: `columns_drifted` as a share of `columns_compared`, 0 to 1, each column by its `importance`; \
         NULL where none is compared.",
    ),
    column(
        "row_count_ratio",
        Type::Double,
        "On `:table` rows: `row_count` by that of the comparison, of several windows by their mean: 1 as expected, 0.5 half as many. NULL against \
         the baseline, which is as long as it is.",
    ),
    column(
        "column_role",
        Type::Text,
        "What the column is to the model, as in the profile table; NULL on `:table` rows.",
    ),
    column(
        "schema_change",
        Type::Text,
        "Against the baseline: `added`, only the inference table has the column; `lost`, only the baseline has it; \
         `retyped`, values of both are of different kinds. NULL of columns that can be compared.",
    ),
    column("data_type_cmp", Type::Text, "Of `lost` and `retyped` columns: the type in the baseline."),
    column(
        "columns_added",
        Type::Long,
        "On `:table` rows against the baseline: columns that are `added`. Label, latency, status and payloads are not counted.",
    ),
    column("columns_lost", Type::Long, "On `:table` rows against the baseline: columns that are `lost`."),
    column(
        "columns_retyped",
        Type::Long,
        "On `:table` rows against the baseline: columns that are `retyped`.",
    ),
    column("median_delta", Type::Double, "Difference of `median`. Numbers."),
    column("stddev_delta", Type::Double, "Difference of `stddev`. Numbers."),
    column("distinct_count_delta", Type::Double, "Difference of `distinct_count`."),
    column(
        "accuracy_score_delta",
        Type::Double,
        "On `:table` rows: difference of `accuracy_score`. Where there is none, a side has no such measure, and its row of the profile table says why.",
    ),
    column("f1_score_delta", Type::Double, "On `:table` rows: difference of `f1_score.macro`."),
    column("roc_auc_score_delta", Type::Double, "On `:table` rows: difference of `roc_auc_score`."),
    column("log_loss_delta", Type::Double, "On `:table` rows: difference of `log_loss`."),
    column("brier_score_loss_delta", Type::Double, "On `:table` rows: difference of `brier_score_loss`."),
    column("mean_average_error_delta", Type::Double, "On `:table` rows: difference of `mean_average_error`."),
    column(
        "root_mean_squared_error_delta",
        Type::Double,
        "On `:table` rows: difference of `root_mean_squared_error`.",
    ),
    column("r2_score_delta", Type::Double, "On `:table` rows: difference of `r2_score`."),
    column(
        "percent_labelled_delta",
        Type::Double,
        "On `:table` rows: difference of `percent_labelled`, in percentage points.",
    ),
    column("label_count_current", Type::Long, "On `:table` rows: labelled rows of this window."),
    column("label_count_cmp", Type::Long, "On `:table` rows: labelled rows of the comparison."),
    column(
        "reconstruction_error",
        Type::Double,
        "On `:table` rows of whole tables against the baseline: how badly rows fit the way in which the features of the baseline \
         move together. Root mean square of what is left of a row, in standard deviations of the baseline, once it is put back \
         together from the main components that hold 65 % of the baseline's variance. Of the first 32 features that are numbers \
         or names (these by their share in the baseline) and vary; a NULL is the mean.",
    ),
    column("reconstruction_error_cmp", Type::Double, "On `:table` rows: the same of the baseline itself."),
    column(
        "reconstruction_error_column",
        Type::Text,
        "On `:table` rows: the column in which most of the reconstruction error lies.",
    ),
    column(
        "correlation_change",
        Type::Double,
        "On `:table` rows of whole tables, where there is a baseline: the largest change of Pearson's correlation of two \
         features, 0 to 2; values beyond the first and the ninety-ninth percentile of the baseline count as these.",
    ),
    column(
        "correlation_change_columns",
        Type::List(&Type::Text),
        "On `:table` rows: the two columns whose correlation has changed most.",
    ),
    column("correlation_current", Type::Double, "On `:table` rows: their correlation in this window."),
    column("correlation_cmp", Type::Double, "On `:table` rows: their correlation in the comparison."),
    column(
        "columns_together",
        Type::Long,
        "On `:table` rows: features that both sides have and that were looked at together.",
    ),
    column("num_bins", Type::Long, "Bins on which PSI and JS distance were computed."),
    column("count_current", Type::Long, "Values of this window that the distances were computed from."),
    column("count_cmp", Type::Long, "Values of the comparison that the distances were computed from."),
    column("row_count", Type::Long, "All rows of this window's group, NULLs included."),
    column("row_count_cmp", Type::Long, "All rows of the comparison's group, NULLs included."),
];

const PLACE: &[Column] = &[
    column("window_start", Type::Timestamp, "Start of the window, flat."),
    column("window_end", Type::Timestamp, "End of the window, flat."),
    column(
        "window_cmp_start",
        Type::Timestamp,
        "Start of the window compared with, flat; NULL for the baseline.",
    ),
    column(
        "window_cmp_end",
        Type::Timestamp,
        "End of the window compared with, flat; NULL for the baseline.",
    ),
    column(
        "baseline_model_version",
        Type::Text,
        "Which rows of the baseline: this version's, or `*` if it has none of its own.",
    ),
    column(
        "windows_cmp",
        Type::Long,
        "How many windows it is compared with: of `ROLLING` those that have rows, otherwise 1; NULL for the baseline.",
    ),
    column("model_version_cmp", Type::Text, "Of `VERSION`: the model version that it is compared with."),
    shared::REASON,
];

/// The table.
pub const TABLE: Table = Table {
    name: "drift_metrics",
    doc: "One row for each row of an `INPUT` profile and each comparison that there is for it.",
    key: KEY,
    measures: &[MEASURES, EXTRAS],
    beside: &[PLACE, RUN, MODEL, SOURCE, REVISION, COMPUTED],
    is_shared: false,
    partition_by: &["window_month"],
    sorted_by: BY_WINDOW,
};

/// Metrics of the rows of whole tables alone; a field of a struct with a dot.
pub fn is_of_table(metric: &str) -> bool {
    let column = metric.split_once('.').map_or(metric, |(column, _)| column);
    OF_TABLE.contains(&column)
}

const OF_TABLE: [&str; 27] = [
    "non_null_columns_delta",
    "columns_compared",
    "columns_drifted",
    "drift_share",
    "row_count_ratio",
    "columns_added",
    "columns_lost",
    "columns_retyped",
    "accuracy_score_delta",
    "f1_score_delta",
    "roc_auc_score_delta",
    "log_loss_delta",
    "brier_score_loss_delta",
    "mean_average_error_delta",
    "root_mean_squared_error_delta",
    "r2_score_delta",
    "percent_labelled_delta",
    "label_count_current",
    "label_count_cmp",
    "reconstruction_error",
    "reconstruction_error_cmp",
    "reconstruction_error_column",
    "correlation_change",
    "correlation_change_columns",
    "correlation_current",
    "correlation_cmp",
    "columns_together",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The column's own sentence says what it is of.
    #[test]
    fn what_is_of_whole_tables_is_what_the_columns_say() {
        for column in TABLE.measure_columns() {
            let said = column.doc.contains("`:table` rows") && column.name != "column_role";
            assert_eq!(is_of_table(column.name), said, "{}", column.name);
        }
    }
}
