//! `<monitor>_drift_metrics`: how far each column has moved.

use super::lineage::{COMPUTED, MODEL, REVISION, RUN, SOURCE};
use super::{BY_WINDOW, Column, MeasureOf, Quality, Table, Type, WINDOW, column, shared};

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
    ).of(MeasureOf::Everything).of_rows(),
    column("avg_delta", Type::Double, "Difference of `avg`. Numbers.").of(MeasureOf::Numbers),
    column("percent_null_delta", Type::Double, "Difference of `percent_null`, in percentage points.").of(MeasureOf::Columns).of_rows(),
    column(
        "percent_zeros_delta",
        Type::Double,
        "Difference of `percent_zeros`, in percentage points. Numbers.",
    ).of(MeasureOf::Numbers),
    column("percent_distinct_delta", Type::Double, "Difference of `percent_distinct`, in percentage points.").of(MeasureOf::Values),
    column(
        "non_null_columns_delta",
        Type::Struct(&[
            column("added", Type::Int, "Columns that have values now and had none."),
            column("missing", Type::Int, "Columns that had values and have none now."),
        ]),
        "On `:table` rows: difference of `non_null_columns`, so of all columns but the label.",
    ).of(MeasureOf::Table).of_rows(),
    column("js_distance", Type::Double, "Jensen-Shannon distance, base 2: 0 equal, 1 disjoint.").of(MeasureOf::Bins),
    column(
        "ks_test",
        TEST,
        "Kolmogorov-Smirnov test. The p-value is asymptotic, as SciPy's `method='asymp'`; SciPy's default is exact \
         for small samples. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "wasserstein_distance",
        Type::Double,
        "Earth mover's distance, in the column's own unit. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "population_stability_index",
        Type::Double,
        "PSI in nats, on the comparison's deciles (NumPy's `inverted_cdf`) or categories; 0 equal, above 0.2 commonly \
         called large. This and the other distances of shares are NULL where nearly every name is different.",
    ).of(MeasureOf::Bins),
    column("chi_squared_test", TEST, "Two-sample chi-squared test of homogeneity. Categories.").of(MeasureOf::Names),
    column("tv_distance", Type::Double, "Total variation distance, 0 to 1. Categories.").of(MeasureOf::Names),
    column(
        "l_infinity_distance",
        Type::Double,
        "Greatest change of one category's share, 0 to 1. Categories.",
    ).of(MeasureOf::Names),
];

const EXTRAS: &[Column] = &[
    column(
        "hellinger_distance",
        Type::Double,
        "Hellinger distance, 0 equal to 1 disjoint, on the same bins as PSI.",
    ).of(MeasureOf::Bins),
    column(
        "kl_divergence",
        Type::Double,
        "Kullback-Leibler divergence of this window from the comparison in nats, on the same bins and with the same floor \
         as PSI; with both sides exchanged it adds up to PSI.",
    ).of(MeasureOf::Bins),
    column(
        "chi_squared_degrees_of_freedom",
        Type::Long,
        "Degrees of freedom of `chi_squared_test`: its categories less one. Categories.",
    ).of(MeasureOf::Names),
    column(
        "cramers_v",
        Type::Double,
        "Cramér's V, 0 to 1: the size of what `chi_squared_test` tests, however many rows there are. Categories.",
    ).of(MeasureOf::Names),
    column(
        "wasserstein_distance_normed",
        Type::Double,
        "`wasserstein_distance` in standard deviations (over all rows) of the comparison. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "energy_distance",
        Type::Double,
        "Energy distance, as SciPy has it, in roots of the column's unit. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "cramer_von_mises_test",
        TEST,
        "Cramér-von Mises test. The p-value is that of SciPy's `method='asymptotic'`. Of many rows of few values the formula makes too \
         much, here as in SciPy; beyond 2,048 different values those in one bucket are taken to lie evenly, and do not. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "standardized_mean_difference",
        Type::Double,
        "Difference of `avg` in standard deviations, Cohen's d, where both sides' variances weigh the same. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "effect_size",
        Type::Double,
        "How much has moved, 0 equal to 1 disjoint: at least this share of the values would have to be others for both \
         sides to be alike. `ks_test.statistic` of numbers, `tv_distance` of names. Numbers and categories.",
    ).of(MeasureOf::Bins),
    column(
        "drift_pvalue",
        Type::Double,
        "Chance of moving at least as far without drift: `ks_test.pvalue` of numbers; of names the p-value of the \
         chi-squared test with rare names as one, or of Fisher's exact test of two of which one is rare. Numbers and \
         categories.",
    ).of(MeasureOf::Bins),
    column(
        "drift_pvalue_adjusted",
        Type::Double,
        "`drift_pvalue`, adjusted (Benjamini and Hochberg) for the columns of this comparison, in the same window, model \
         version and slice: call every column moved that has less than 0.01 here, and about one in a hundred of these is \
         not. The label, which arrives late, is by itself.",
    ).of(MeasureOf::Bins),
    column(
        "null_test",
        TEST,
        "Chi-squared test of NULLs and values; the p-value is that of Fisher's exact test where fewer than five are expected.",
    ).of(MeasureOf::Columns).of_rows(),
    column("null_pvalue_adjusted", Type::Double, "`null_test.pvalue`, adjusted as `drift_pvalue_adjusted`.").of(MeasureOf::Columns).of_rows(),
    column(
        "percent_unexpected",
        Type::Double,
        "Values of this window that the comparison does not have, in percent; NULL where a side has so many different \
         ones, from 4,096 on, that not all are known. Categories.",
    ).of(MeasureOf::Names),
    column(
        "percent_out_of_range",
        Type::Double,
        "Values of this window below the least or above the greatest of the comparison, in percent. Beyond 2,048 different values those \
         that share a bucket with an extreme are within, so that it may be too low; bounds under `expectations` are exact. Numbers.",
    ).of(MeasureOf::Numbers),
    column(
        "columns_compared",
        Type::Long,
        "On `:table` rows: columns that have a `drift_pvalue`, without the label.",
    ).of(MeasureOf::Table).of_rows(),
    column(
        "columns_drifted",
        Type::Long,
        "On `:table` rows: those of them whose `drift_pvalue_adjusted` is below 0.01 and whose `effect_size` is above 0.04.",
    ).of(MeasureOf::Table).of_rows(),
    column(
        "drift_share",
        Type::Double,
        "On `:table` rows: `columns_drifted` as a share of `columns_compared`, 0 to 1, each column by its `importance`; \
         NULL where none is compared.",
    ).of(MeasureOf::Table).of_rows(),
    column(
        "row_count_ratio",
        Type::Double,
        "On `:table` rows: `row_count` by that of the comparison, of several windows by their mean: 1 as expected, 0.5 half as many. NULL against \
         the baseline, which is as long as it is.",
    ).of(MeasureOf::Table).of_rows(),
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
    ).of(MeasureOf::Table).of_rows(),
    column("columns_lost", Type::Long, "On `:table` rows against the baseline: columns that are `lost`.").of(MeasureOf::Table).of_rows(),
    column(
        "columns_retyped",
        Type::Long,
        "On `:table` rows against the baseline: columns that are `retyped`.",
    ).of(MeasureOf::Table).of_rows(),
    column("median_delta", Type::Double, "Difference of `median`. Numbers.").of(MeasureOf::Numbers),
    column("stddev_delta", Type::Double, "Difference of `stddev`. Numbers.").of(MeasureOf::Numbers),
    column("distinct_count_delta", Type::Double, "Difference of `distinct_count`.").of(MeasureOf::Values),
    column(
        "accuracy_score_delta",
        Type::Double,
        "On `:table` rows: difference of `accuracy_score`. Where there is none, a side has no such measure, and its row of the profile table says why.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column("f1_score_delta", Type::Double, "On `:table` rows: difference of `f1_score.macro`.").of(MeasureOf::Quality(Quality::Classes)),
    column("balanced_accuracy_score_delta", Type::Double, "On `:table` rows: difference of `balanced_accuracy_score`.").of(MeasureOf::Quality(Quality::Classes)),
    column("matthews_corrcoef_delta", Type::Double, "On `:table` rows: difference of `matthews_corrcoef`.").of(MeasureOf::Quality(Quality::Classes)),
    column("cohen_kappa_score_delta", Type::Double, "On `:table` rows: difference of `cohen_kappa_score`.").of(MeasureOf::Quality(Quality::Classes)),
    column("roc_auc_score_delta", Type::Double, "On `:table` rows: difference of `roc_auc_score`.").of(MeasureOf::Quality(Quality::Probabilities)),
    column("average_precision_score_delta", Type::Double, "On `:table` rows: difference of `average_precision_score`.").of(MeasureOf::Quality(Quality::Probabilities)),
    column("log_loss_delta", Type::Double, "On `:table` rows: difference of `log_loss`.").of(MeasureOf::Quality(Quality::Probabilities)),
    column("brier_score_loss_delta", Type::Double, "On `:table` rows: difference of `brier_score_loss`.").of(MeasureOf::Quality(Quality::Probabilities)),
    column("expected_calibration_error_delta", Type::Double, "On `:table` rows: difference of `expected_calibration_error`.").of(MeasureOf::Quality(Quality::Probabilities)),
    column("mean_average_error_delta", Type::Double, "On `:table` rows: difference of `mean_average_error`.").of(MeasureOf::Quality(Quality::Numbers)),
    column("median_absolute_error_delta", Type::Double, "On `:table` rows: difference of `median_absolute_error`.").of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "root_mean_squared_error_delta",
        Type::Double,
        "On `:table` rows: difference of `root_mean_squared_error`.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column("mean_absolute_percentage_error_delta", Type::Double, "On `:table` rows: difference of `mean_absolute_percentage_error`.").of(MeasureOf::Quality(Quality::Numbers)),
    column("mean_error_delta", Type::Double, "On `:table` rows: difference of `mean_error`.").of(MeasureOf::Quality(Quality::Numbers)),
    column("r2_score_delta", Type::Double, "On `:table` rows: difference of `r2_score`.").of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "percent_labelled_delta",
        Type::Double,
        "On `:table` rows: difference of `percent_labelled`, in percentage points.",
    ).of(MeasureOf::Quality(Quality::Labels)).of_rows(),
    column("label_count_current", Type::Long, "On `:table` rows: labelled rows of this window.").of(MeasureOf::Table),
    column("label_count_cmp", Type::Long, "On `:table` rows: labelled rows of the comparison.").of(MeasureOf::Table),
    column(
        "reconstruction_error",
        Type::Double,
        "On `:table` rows of whole tables against the baseline: how badly rows fit the way in which the features of the baseline \
         move together. Root mean square of what is left of a row, in standard deviations of the baseline, once it is put back \
         together from the main components that hold 65 % of the baseline's variance. Of the first 32 features that are numbers \
         or names (these by their share in the baseline) and vary; a NULL is the mean.",
    ).of(MeasureOf::Table).of_rows(),
    column("reconstruction_error_cmp", Type::Double, "On `:table` rows: the same of the baseline itself.").of(MeasureOf::Table).of_rows(),
    column(
        "reconstruction_error_column",
        Type::Text,
        "On `:table` rows: the column in which most of the reconstruction error lies.",
    ).of(MeasureOf::Table),
    column(
        "correlation_change",
        Type::Double,
        "On `:table` rows of whole tables, where there is a baseline: the largest change of Pearson's correlation of two \
         features, 0 to 2; values beyond the first and the ninety-ninth percentile of the baseline count as these.",
    ).of(MeasureOf::Table).of_rows(),
    column(
        "correlation_change_columns",
        Type::List(&Type::Text),
        "On `:table` rows: the two columns whose correlation has changed most.",
    ).of(MeasureOf::Table),
    column("correlation_current", Type::Double, "On `:table` rows: their correlation in this window.").of(MeasureOf::Table).of_rows(),
    column("correlation_cmp", Type::Double, "On `:table` rows: their correlation in the comparison.").of(MeasureOf::Table).of_rows(),
    column(
        "columns_together",
        Type::Long,
        "On `:table` rows: features that both sides have and that were looked at together.",
    ).of(MeasureOf::Table).of_rows(),
    column("num_bins", Type::Long, "Bins on which PSI and JS distance were computed.").of(MeasureOf::Bins),
    column("count_current", Type::Long, "Values of this window that the distances were computed from.").of(MeasureOf::Everything),
    column("count_cmp", Type::Long, "Values of the comparison that the distances were computed from.").of(MeasureOf::Everything),
    column("row_count", Type::Long, "All rows of this window's group, NULLs included.").of(MeasureOf::Everything),
    column("row_count_cmp", Type::Long, "All rows of the comparison's group, NULLs included.").of(MeasureOf::Everything),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The column's own sentence says what it is of.
    #[test]
    fn what_is_of_whole_tables_is_what_the_columns_say() {
        for column in TABLE.measure_columns() {
            let said = column.doc.contains("`:table` rows") && column.name != "column_role";
            assert_eq!(column.of.is_some_and(|of| !of.is_of_columns()), said, "{}", column.name);
        }
    }
}
