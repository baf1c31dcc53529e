//! `<monitor>_profile_metrics`: what each column looked like in each window.

use super::lineage::{COMPUTED, MODEL, REVISION, RUN, SOURCE};
use super::{BY_WINDOW, Column, MeasureOf, Quality, Table, Type, WINDOW, column, shared};

/// Scores of a classifier: by class, and two means over classes.
const CLASS_SCORES: Type = Type::Struct(&[
    column("one_vs_all", Type::TextToDouble, "By class."),
    column("macro", Type::Double, "Mean over classes."),
    column("weighted", Type::Double, "Mean over classes, weighted by the number of labels."),
]);

/// Differences between two groups of rows.
const CLASS_DIFFERENCES: Type = Type::Struct(&[column(
    "one_vs_all",
    Type::TextToDouble,
    "By class; one that has no such rate in one of the groups is left out.",
)]);

/// Mean pinball losses at three quantiles.
const PINBALL_LOSS: Type = Type::Struct(&[
    column("p10", Type::Double, "At the quantile 0.1, where being too high costs most."),
    column("p50", Type::Double, "At the median: half of `mean_average_error`."),
    column("p90", Type::Double, "At the quantile 0.9, where being too low costs most."),
]);

/// Shares of labels that are among so many classes.
const TOP_K: Type = Type::Struct(&[
    column("k2", Type::Double, "Of two."),
    column("k3", Type::Double, "Of three."),
    column("k5", Type::Double, "Of five."),
]);

/// The middle, and the upper end.
const PERCENTILES: Type = Type::Struct(&[
    column("p50", Type::Double, "Median."),
    column("p90", Type::Double, "Nine of ten are at most this."),
    column("p95", Type::Double, "95 of a hundred are at most this."),
    column("p99", Type::Double, "99 of a hundred are at most this."),
]);

/// Bytes of requests.
const SIZES: Type = Type::Struct(&[
    column("avg_bytes", Type::Double, "Mean over requests of all payloads of one together."),
    column("max_bytes", Type::Double, "Of the largest payload."),
]);

/// Confidence intervals by measure.
const INTERVALS: Type = Type::TextToStruct(&[
    column("low", Type::Double, "Lower end."),
    column("high", Type::Double, "Upper end."),
]);

const KEY: &[Column] = &[
    column(
        "window",
        WINDOW,
        "The window, half-open; NULL for baseline rows. A reserved word in some engines: quote it, or use \
         `window_start` and `window_end`.",
    ),
    column("log_type", Type::Text, "`INPUT` for the inference table, `BASELINE` for the baseline table."),
    column(
        "logging_table_commit_version",
        Type::Int,
        "As `source_version`; kept for queries written for Databricks.",
    ),
    shared::MONITOR_VERSION,
    column("granularity", Type::Text, "Length of the window, such as `1 day`; NULL for baseline rows."),
    shared::MODEL_VERSION,
    shared::SLICE_KEY,
    shared::SLICE_VALUE,
    shared::COLUMN_NAME,
    shared::DATA_TYPE,
];

const MEASURES: &[Column] = &[
    column(
        "count",
        Type::Long,
        "Values that are not NULL; on `:table` rows, all rows. Of binary, list and map columns only values, \
         NULLs and lengths are told, of structs only values and NULLs.",
    ).of(MeasureOf::Everything),
    column("num_nulls", Type::Long, "Values that are NULL.").of(MeasureOf::Columns),
    column("avg", Type::Double, "Mean of finite values.").of(MeasureOf::Numbers),
    column(
        "quantiles",
        Type::List(&Type::Double),
        "Quantiles of finite values at evenly spaced ranks from 0 to 1, interpolated as by NumPy's default.",
    ),
    column("min", Type::Double, "Least finite value; of times, seconds since 1970-01-01Z.").of(MeasureOf::Ordered),
    column("max", Type::Double, "Greatest finite value; of times, seconds since 1970-01-01Z.").of(MeasureOf::Ordered),
    column("stddev", Type::Double, "Standard deviation of finite values, with n − 1.").of(MeasureOf::Numbers),
    column("num_zeros", Type::Long, "Values equal to zero.").of(MeasureOf::Numbers),
    column(
        "num_nan",
        Type::Long,
        "Values that are NaN; they are in no other statistic but `count`, and are one of the different values.",
    ).of(MeasureOf::Numbers),
    column(
        "min_length",
        Type::Double,
        "Least length of a value: of texts in characters, of binary and payloads in bytes, of lists and maps in elements; NULL \
         where values have no length.",
    ).of(MeasureOf::Lengths),
    column("max_length", Type::Double, "Greatest length of a value, as in `min_length`.").of(MeasureOf::Lengths),
    column("avg_length", Type::Double, "Mean length of the values, as in `min_length`.").of(MeasureOf::Lengths),
    column(
        "non_null_columns",
        Type::List(&Type::Text),
        "On `:table` rows: columns with at least one value. The label is none of them, as it is awaited; \
         `label_count` tells of it.",
    ),
    column(
        "frequent_items",
        Type::List(&Type::Struct(&[
            column("item", Type::Text, "The value."),
            column("count", Type::Long, "How often it occurs."),
        ])),
        "Most frequent values first, at most 100; equal counts in the order of the values. Above 4,096 different \
         ones an item's count may be too low, by at most 1 / 4,096 of all values (of values longer than 64 bytes by as \
         many times more as they are longer). Of a value longer than 256 characters \
         the first 238 and a hash.",
    ),
    column("median", Type::Double, "Middle of finite values; of times, seconds since 1970-01-01Z.").of(MeasureOf::Ordered),
    column(
        "distinct_count",
        Type::Long,
        "Number of different values: exact up to 2,048 numbers or 4,096 texts; above, an estimate with a standard error of 0.8 %. Numbers are told \
         apart as doubles, so integers beyond 2⁵³ that share one are one.",
    ).of(MeasureOf::Values),
    column("percent_nan", Type::Double, "100 · num_nan / (count + num_nulls).").of(MeasureOf::Numbers),
    column("percent_null", Type::Double, "100 · num_nulls / (count + num_nulls).").of(MeasureOf::Columns),
    column("percent_zeros", Type::Double, "100 · num_zeros / (count + num_nulls).").of(MeasureOf::Numbers),
    column("percent_distinct", Type::Double, "100 · distinct_count / count, at most 100.").of(MeasureOf::Values),
    column(
        "accuracy_score",
        Type::Double,
        "Share of labelled rows predicted right, 0 to 1. Where booleans meet numbers, `true` is 1 and `false` is 0. \
         Classification.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column(
        "confusion_matrix",
        Type::List(&Type::Struct(&[
            column("prediction", Type::Text, "What the model said."),
            column("label", Type::Text, "What was true."),
            column("count", Type::Long, "How often."),
        ])),
        "Labelled rows by prediction and label. Where one is boolean and the other a number, both are written as \
         numbers, `1` and `0`. Classification.",
    ),
    column(
        "precision",
        CLASS_SCORES,
        "Of the rows predicted as a class, the share that are; 0 for a class never predicted. Classification.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column(
        "recall",
        CLASS_SCORES,
        "Of the rows that are of a class, the share predicted so; 0 for a class that no label has. Classification.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column("f1_score", CLASS_SCORES, "Harmonic mean of precision and recall. Classification.").of(MeasureOf::Quality(Quality::Classes)),
    column(
        "log_loss",
        Type::Double,
        "Mean negative log-likelihood of the label, in nats. Classification with a probability: of every class, or of one and \
         labels of at most two classes; of two, one must be the positive class.",
    ).of(MeasureOf::Quality(Quality::Probabilities)),
    column(
        "roc_auc_score",
        CLASS_SCORES,
        "Area under the ROC curve. Classification with a probability: of every class, of those that labels are of, each against \
         all others, up to 32 classes; or of one and labels of two classes, one of them the positive class.",
    ).of(MeasureOf::Quality(Quality::Probabilities)),
    column(
        "mean_squared_error",
        Type::Double,
        "Mean of (prediction − label)²; infinite errors are in no measure. Regression.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column("root_mean_squared_error", Type::Double, "Root of the mean squared error. Regression.").of(MeasureOf::Quality(Quality::Numbers)),
    column("mean_average_error", Type::Double, "Mean of |prediction − label|. Regression.").of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "mean_absolute_percentage_error",
        Type::Double,
        "Mean of |prediction − label| / |label| over rows whose label is not 0, as a fraction. Regression.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "r2_score",
        Type::Double,
        "Share of the labels' variance that is explained; of two different labels or more. Regression.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "predictive_parity",
        CLASS_DIFFERENCES,
        "Fairness, here and in the next three, between the rows for which a slicing expression of type boolean is \
         true (the protected group) and those for which it is false, in the same window and model version. On \
         `:table` rows with the `slice_value` `true`: the protected group's precision minus the other's, −1 to 1, so \
         negative where the protected group fares worse. No rule can watch a map. Classification.",
    ),
    column(
        "predictive_equality",
        CLASS_DIFFERENCES,
        "Difference in the false positive rate: of the labelled rows that are not of a class, the share predicted as \
         it. Protected minus other. Classification.",
    ),
    column(
        "equal_opportunity",
        CLASS_DIFFERENCES,
        "Difference in recall: of the rows that are of a class, the share predicted as it. Protected minus other. \
         Classification.",
    ),
    column(
        "statistical_parity",
        CLASS_DIFFERENCES,
        "Difference in what is predicted: of all rows with a prediction, labelled or not, the share predicted as a \
         class, which is called as in `frequent_items`. Protected minus other. Classification, where the prediction \
         column is profiled.",
    ),
];

const EXTRAS: &[Column] = &[
    column(
        "balanced_accuracy_score",
        Type::Double,
        "Mean recall over the classes that labels are of, so that rare classes weigh as much as common ones. Classification.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column(
        "matthews_corrcoef",
        Type::Double,
        "Matthews' correlation coefficient of predictions and labels, −1 to 1; 0 where either are all of one class. \
         Classification.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column(
        "cohen_kappa_score",
        Type::Double,
        "Cohen's kappa, −1 to 1: how much more often predictions are right than by chance. Classification.",
    ).of(MeasureOf::Quality(Quality::Classes)),
    column(
        "average_precision_score",
        Type::Double,
        "Area under the curve of precision over recall, by steps as scikit-learn has it. Classification with a probability: of \
         every class, the mean over those that labels are of, up to 32 classes; or of one and labels of at most two classes, with \
         some of the positive class. Beyond 2,048 different probabilities those in one bucket are taken to be mixed evenly.",
    ).of(MeasureOf::Quality(Quality::Probabilities)),
    column(
        "brier_score_loss",
        Type::Double,
        "Mean of (probability − label)², where the label is 1 of the positive class and else 0; where every class has a \
         probability, the sum over classes, 0 to 2. Classification with a probability: of every class, or of one and labels of \
         at most two classes; of two, one must be the positive class.",
    ).of(MeasureOf::Quality(Quality::Probabilities)),
    column(
        "expected_calibration_error",
        Type::Double,
        "How far probabilities are from how often they come true, 0 to 1: the distance of mean label and mean \
         probability in each of ten bins of equal width, by the share of rows in it; where every class has a probability, that of \
         the predicted class and whether it is the label. Classification with a probability, labels as of `brier_score_loss`.",
    ).of(MeasureOf::Quality(Quality::Probabilities)),
    column(
        "top_k_accuracy_score",
        TOP_K,
        "Share of labels that are among the 2, 3 or 5 classes of the highest probabilities, as scikit-learn has it: of equal ones \
         the last by name is first, and names are texts. A label that has no probability is not among them. Classification with probabilities of every class.",
    ).of(MeasureOf::Quality(Quality::ClassProbabilities)),
    column(
        "median_absolute_error",
        Type::Double,
        "Middle of |prediction − label|: exact up to 2,048 different errors, else as near as `median`. Regression.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "mean_error",
        Type::Double,
        "Bias: mean of prediction − label, so above 0 where predictions are too high. Regression.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "mean_pinball_loss",
        PINBALL_LOSS,
        "Mean quantile loss of the predictions, as scikit-learn has it for predictions of these quantiles. Regression.",
    ).of(MeasureOf::Quality(Quality::Numbers)),
    column(
        "confidence_intervals",
        INTERVALS,
        "On `:table` rows: 95 % intervals of measures of quality, by the measure's name as rules write it, such as \
         `accuracy_score`, `f1_score.macro` or, of the 32 classes with most labels, `recall.one_vs_all.1`. A measure that has \
         none is left out. Wilson's of shares of rows, the jackknife's of other measures of classes (of at most 1,000 pairs of \
         prediction and label), DeLong's of `roc_auc_score`, the logit interval of `average_precision_score`, `mean ± z · s / √n` \
         of means, the delta method's of `r2_score`, and order statistics of `median_absolute_error`. Rows are taken to be \
         independent, and the interval of `expected_calibration_error` is about a value that lies above 0 by chance alone. No \
         rule can watch a map.",
    ),
    column(
        "estimated_accuracy_score",
        Type::Double,
        "Quality to be expected before labels come, here and in the next six, of all rows with a prediction and a \
         probability, labelled or not: each is taken to be of a class as often as rows of its score were in the \
         baseline (of the same model version or, if that has none, of all), as NannyML's CBPE but for one thing: chances of several \
         classes are not made to add up to 1 in each row. It holds while that has not \
         changed: concept drift is what it cannot see, nor does it know rows of a kind that the baseline lacks. The next six are \
         of the positive class or, where every class has a probability, the mean over classes. NULL without a baseline with labels \
         and probabilities, or of one probability and more than two classes. Estimated classification.",
    ).of(MeasureOf::Quality(Quality::Estimates)),
    column(
        "estimated_precision",
        Type::Double,
        "Expected precision, of the positive class alone beside `precision.one_vs_all` of that class, of every class beside \
         `precision.macro`; 0 where a class is never predicted. Estimated classification.",
    ).of(MeasureOf::Quality(Quality::Estimates)),
    column("estimated_recall", Type::Double, "Expected recall. Estimated classification.").of(MeasureOf::Quality(Quality::Estimates)),
    column(
        "estimated_specificity",
        Type::Double,
        "Expected share of rows of other classes that are not predicted as the class. Estimated classification.",
    ).of(MeasureOf::Quality(Quality::Estimates)),
    column(
        "estimated_f1_score",
        Type::Double,
        "Harmonic mean of expected precision and recall. Estimated classification.",
    ).of(MeasureOf::Quality(Quality::Estimates)),
    column(
        "estimated_roc_auc_score",
        Type::Double,
        "Expected area under the ROC curve. Estimated classification.",
    ).of(MeasureOf::Quality(Quality::Estimates)),
    column(
        "estimated_average_precision_score",
        Type::Double,
        "Expected average precision. Estimated classification.",
    ).of(MeasureOf::Quality(Quality::Estimates)),
    column(
        "estimated_mean_average_error",
        Type::Double,
        "Errors to be expected before labels come, here and in the next, of all rows with a prediction, labelled or not: what \
         gradient-boosted trees say that have learnt from features, predictions and errors of the baseline, as NannyML's DLE. It \
         holds while labels, given these, scatter as in the baseline: concept drift is what it cannot see, and rows of a kind \
         that the baseline lacks are taken for the most like. NULL without a baseline of at least 100 labelled rows. \
         Estimated regression.",
    ).of(MeasureOf::Quality(Quality::EstimatedErrors)),
    column(
        "estimated_root_mean_squared_error",
        Type::Double,
        "Expected root mean squared error. Estimated regression.",
    ).of(MeasureOf::Quality(Quality::EstimatedErrors)),
    column(
        "estimated_sampling_errors",
        Type::TextToDouble,
        "By the name of each estimate, the standard error of the measure between windows of as many rows, were they drawn from \
         the baseline: an estimate within three of them of the baseline's own is no news. It says nothing of whether the \
         estimate holds. No rule can watch a map.",
    ),
    column(
        "column_role",
        Type::Text,
        "What the column is to the model: `feature`, `prediction`, `score`, `label`, `latency`, `status` or `payload`; NULL on \
         `:table` rows.",
    ),
    column(
        "percent_out_of_bounds",
        Type::Double,
        "Finite values beyond the `min` or `max` that the monitor expects, in percent of finite values. Numbers of which it \
         expects bounds.",
    ).of(MeasureOf::Numbers),
    column(
        "percent_unlisted",
        Type::Double,
        "Values that are not among those that the monitor expects, in percent of values; NULL where there are so many \
         different ones, from 4,096 on, that not all are known. Categories of which it expects a list.",
    ).of(MeasureOf::Names),
    column(
        "newest_row_age_seconds",
        Type::Double,
        "On `:table` rows of windows: from the last row until the window's end.",
    ).of(MeasureOf::Requests),
    column(
        "newest_label_age_seconds",
        Type::Double,
        "On `:table` rows of windows: from the last row whose label is known until the window's end; NULL while there is none.",
    ).of(MeasureOf::Quality(Quality::Arrivals)),
    column(
        "label_delay_seconds",
        PERCENTILES,
        "On `:table` rows of windows: from a request until the label that counts came; of those that are still to come nothing \
         is known, so that it is too short while `percent_labelled` is low. NULL without a `label_timestamp_col`.",
    ).of(MeasureOf::Quality(Quality::Arrivals)),
    column(
        "percent_duplicate_requests",
        Type::Double,
        "On `:table` rows of whole windows: of rows with a request id, those with one that another row of the window had \
         before, in percent. Exact up to 1,024 different ids, else estimated from as many, with a standard error of a tenth of \
         a point where there are few; one id in many rows is not missed, some dozens in hundreds of rows each may be, among a \
         million. NULL without a `request_id_col`.",
    ).of(MeasureOf::Requests),
    column(
        "requests_per_second",
        Type::Double,
        "On `:table` rows of windows: `row_count` by the window's length.",
    ).of(MeasureOf::Requests),
    column(
        "latency",
        PERCENTILES,
        "On `:table` rows of windows: quantiles of the finite values of the `latency_col`, in its unit.",
    ).of(MeasureOf::Requests),
    column(
        "percent_errors",
        Type::Double,
        "On `:table` rows of windows: requests that failed, in percent of those with a status: with a `status_col` of 400 or more, or \
         one that begins with no number and is not `ok` or `success`, such as `timeout`.",
    ).of(MeasureOf::Requests),
    column("payload_size", SIZES, "On `:table` rows of windows: bytes of the `payload_cols`.").of(MeasureOf::Requests),
    column("row_count", Type::Long, "All rows of the group, NULLs included.").of(MeasureOf::Everything),
    column(
        "num_infinite",
        Type::Long,
        "Values that are infinite; they are in no other statistic but `count`.",
    ).of(MeasureOf::Numbers),
    column("num_negative", Type::Long, "Finite values below zero.").of(MeasureOf::Numbers),
    column(
        "label_count",
        Type::Long,
        "On `:table` rows: rows whose label is known and that have a prediction. NaN is neither.",
    ).of(MeasureOf::Quality(Quality::Labels)),
    column("percent_labelled", Type::Double, "On `:table` rows: 100 · label_count / row_count.").of(MeasureOf::Quality(Quality::Labels)).of_rows(),
    column(
        "rank_error",
        Type::Double,
        "Most by which the rank of `median` or of a quantile can be off, as a share of values: 0 where each different \
         value is counted by itself. It is much less where values lie evenly.",
    ).of(MeasureOf::Ordered),
];

/// The table.
pub const TABLE: Table = Table {
    name: "profile_metrics",
    doc: "One row for each window, granularity, model version (and `*`), slice, column (and `:table`) and log type.",
    key: KEY,
    measures: &[MEASURES, EXTRAS],
    beside: &[shared::PLACE, &[shared::REASON], RUN, MODEL, SOURCE, REVISION, COMPUTED],
    is_shared: false,
    partition_by: &["window_month"],
    sorted_by: BY_WINDOW,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::quality;

    /// The column's own sentence says what it is of.
    #[test]
    fn quality_is_what_the_columns_say() {
        let watched: Vec<String> = TABLE.metrics().collect();
        let is_watched = |name: &str| watched.iter().any(|metric| metric.split('.').next() == Some(name));
        for column in TABLE.measure_columns().filter(|column| is_watched(column.name)) {
            let is_of = |words: &str| column.doc.contains(words);
            let expected = if is_of("Classification with a probability") {
                Some(Quality::Probabilities)
            } else if is_of("Classification with probabilities of every class.") {
                Some(Quality::ClassProbabilities)
            } else if is_of("Estimated classification.") {
                Some(Quality::Estimates)
            } else if is_of("Estimated regression.") {
                Some(Quality::EstimatedErrors)
            } else if is_of("Classification.") {
                Some(Quality::Classes)
            } else if is_of("Regression.") {
                Some(Quality::Numbers)
            } else {
                match column.name {
                    "label_count" | "percent_labelled" => Some(Quality::Labels),
                    "newest_label_age_seconds" | "label_delay_seconds" => Some(Quality::Arrivals),
                    _ => None,
                }
            };
            assert_eq!(quality(column.name), expected, "{}", column.name);
        }
    }
}
