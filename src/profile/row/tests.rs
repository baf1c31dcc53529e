#![allow(clippy::panic, clippy::unwrap_used)]
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::classification::ClassificationState;
use super::super::exact::{hostile, one, same, squared_deviations, units};
use super::super::opaque::OpaqueState;
use super::super::reason::is_explained;
use super::super::regression::RegressionState;
use super::super::text::TextState;
use super::super::{Kind, QualityState, Role};
use super::*;
use crate::contract::ALL_VERSIONS;
use crate::window::Calendar;

const NUMERIC: &[&str] = &[
    "num_nulls",
    "avg",
    "quantiles",
    "min",
    "max",
    "stddev",
    "num_zeros",
    "num_nan",
    "median",
    "distinct_count",
    "percent_nan",
    "percent_null",
    "percent_zeros",
    "percent_distinct",
    "num_infinite",
    "num_negative",
    "rank_error",
];
const TIME: &[&str] = &[
    "num_nulls",
    "min",
    "max",
    "median",
    "distinct_count",
    "percent_null",
    "percent_distinct",
    "rank_error",
];
const TEXT: &[&str] = &[
    "num_nulls",
    "min_length",
    "max_length",
    "avg_length",
    "frequent_items",
    "distinct_count",
    "percent_null",
    "percent_distinct",
];
const OPAQUE: &[&str] = &["num_nulls", "percent_null"];
const LENGTHS: &[&str] = &["min_length", "max_length", "avg_length"];
const CLASSES: &[&str] = &[
    "accuracy_score",
    "confusion_matrix",
    "precision",
    "recall",
    "f1_score",
    "balanced_accuracy_score",
    "matthews_corrcoef",
    "cohen_kappa_score",
    "confidence_intervals",
];
const SCORES: &[&str] = &[
    "log_loss",
    "roc_auc_score",
    "average_precision_score",
    "brier_score_loss",
    "expected_calibration_error",
];
const NUMBERS: &[&str] = &[
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_average_error",
    "mean_absolute_percentage_error",
    "r2_score",
    "median_absolute_error",
    "mean_error",
    "mean_pinball_loss",
    "confidence_intervals",
];

/// The rows of one group: of a window, or of the baseline.
fn rows(
    columns: Vec<(ColumnInfo, ColumnState)>,
    quality: Option<QualityState>,
    has_scores: bool,
    at: Option<&str>,
) -> Vec<ProfileRow> {
    let at = at.map(|at| {
        let calendar = Calendar::new(TimeZone::UTC);
        (Granularity::Day, calendar.window_of(Granularity::Day, at.parse().unwrap()).unwrap())
    });
    let row_count = columns.iter().map(|(_, state)| state.count() + state.num_nulls()).max();
    let row_count = row_count.or(quality.as_ref().map(QualityState::count)).unwrap_or_default().max(1);
    let (columns, states) = columns.into_iter().unzip();
    let profiles = Profiles { has_scores, ..Profiles::of(columns) };
    let segment = Segment { model_version: ALL_VERSIONS.to_owned(), slice: None };
    let group = Group::new(row_count, states, quality);
    group_rows(&profiles, &Estimators::default(), &profiles.subjects().concat(), at, &segment, &group, 11)
}

const WINDOW: Option<&str> = Some("2026-05-01T12:00:00Z");

fn column(name: &str, kind: Kind) -> ColumnInfo {
    ColumnInfo { name: name.to_owned(), data_type: String::new(), kind, role: Role::Feature }
}

fn column_of(state: ColumnState) -> ProfileRow {
    column_of_type("string", state)
}

fn column_of_type(data_type: &str, state: ColumnState) -> ProfileRow {
    // What is of no interest here: the kind is that of the state.
    let info = ColumnInfo { data_type: data_type.to_owned(), ..column("x", Kind::Opaque) };
    rows(vec![(info, state)], None, false, WINDOW).pop().unwrap()
}

fn numbers(values: &[Option<f64>]) -> NumericState {
    super::super::oracle::numeric(values.iter().copied())
}

fn classified(rows: &[(&str, &str, Option<f64>)]) -> QualityState {
    let mut state = ClassificationState::default();
    for (prediction, label, score) in rows {
        state.add_row(prediction, label, *label == "1", *score);
    }
    QualityState::Classification(state)
}

fn predicted(rows: &[(f64, f64)]) -> QualityState {
    let mut state = RegressionState::default();
    rows.iter().for_each(|(prediction, label)| state.add(*prediction, *label));
    QualityState::Regression(state)
}

fn table_of(quality: QualityState, has_scores: bool) -> ProfileRow {
    rows(Vec::new(), Some(quality), has_scores, WINDOW).remove(0)
}

#[track_caller]
fn check(row: &ProfileRow, measures: &[&str], reason: Option<&str>) {
    assert_eq!(row.reason.as_deref(), reason);
    is_explained(row, measures);
}

#[test]
fn a_classifier_says_what_it_lacks() {
    let scored = [CLASSES, SCORES].concat();
    let check_scored = |rows: &[(&str, &str, Option<f64>)], reason: Option<&str>| {
        check(&table_of(classified(rows), true), &scored, reason);
    };
    check_scored(&[("1", "1", Some(0.9)), ("0", "0", Some(0.1))], None);
    check_scored(&[], Some("no prediction has a label yet"));
    check_scored(
        &[("1", "1", Some(0.9)), ("0", "1", Some(0.1))],
        Some("roc_auc_score: every scored row is of the positive class"),
    );
    check_scored(
        &[("1", "0", Some(0.9)), ("0", "0", Some(0.1))],
        Some("roc_auc_score, average_precision_score: no scored row is of the positive class"),
    );
    check_scored(
        &[("1", "1", None), ("0", "0", None)],
        Some(
            "log_loss, roc_auc_score, average_precision_score, brier_score_loss, expected_calibration_error: no labelled row has a score",
        ),
    );
    check_scored(
        &[("1", "1", Some(1.5)), ("0", "0", Some(0.1))],
        Some(
            "log_loss, roc_auc_score, average_precision_score, brier_score_loss, expected_calibration_error: 1 of 2 scores is not within 0 and 1",
        ),
    );
    check_scored(
        &[("1", "1", Some(f64::NAN)), ("0", "0", Some(-0.1))],
        Some(
            "log_loss, roc_auc_score, average_precision_score, brier_score_loss, expected_calibration_error: 2 of 2 scores are not within 0 and 1",
        ),
    );
    check_scored(
        &[("1", "1", Some(0.9)), ("0", "0", Some(0.1)), ("0", "2", Some(0.1))],
        Some(
            "log_loss, roc_auc_score, average_precision_score, brier_score_loss, expected_calibration_error: labels are of 3 classes, and scores are of one",
        ),
    );
    let neither = "log_loss, roc_auc_score, average_precision_score, brier_score_loss, expected_calibration_error: labels are of two classes, and neither is the positive one";
    check_scored(&[("1", "true", Some(0.9)), ("0", "false", Some(0.1))], Some(neither));
    // The positive one is there, only not scored.
    check_scored(
        &[("1", "1", None), ("0", "0", Some(0.1))],
        Some("roc_auc_score, average_precision_score: no scored row is of the positive class"),
    );
    let pairs: Vec<String> = (0..=super::super::classification::MAX_CELLS).map(|i| i.to_string()).collect();
    let many: Vec<_> = pairs.iter().map(|class| (class.as_str(), "1", Some(0.5))).collect();
    let names = [CLASSES, SCORES].concat().join(", ");
    check_scored(&many, Some(&format!("{names}: there are more than 10000 pairs of prediction and label")));
}

/// A class that is never predicted has the precision 0, as scikit-learn has it with `zero_division=0`; the
/// numbers are held to it in the oracle's tests.
#[test]
fn scores_of_classes_are_never_missing() {
    for rows in [[("0", "1", None), ("0", "1", None)], [("1", "0", None), ("0", "0", None)]] {
        let row = table_of(classified(&rows), false);
        check(&row, CLASSES, None);
        let precision = row.precision.unwrap();
        assert_eq!(precision.one_vs_all["1"], 0.0);
    }
}

#[test]
fn a_monitor_without_probabilities_misses_no_measure_of_them() {
    let row = table_of(classified(&[("1", "1", None), ("0", "0", None)]), false);
    check(&row, CLASSES, None);
    assert_eq!((row.log_loss, row.roc_auc_score), (None, None));
}

#[test]
fn a_regression_says_what_it_lacks() {
    let check = |rows: &[(f64, f64)], reason: Option<&str>| {
        check(&table_of(predicted(rows), false), NUMBERS, reason);
    };
    check(&[(1.0, 2.0), (2.0, 3.0)], None);
    check(&[], Some("no prediction has a label yet"));
    check(&[(1.0, 2.0)], Some("r2_score, confidence_intervals: there is only one labelled row"));
    check(
        &[(1.0, 0.0), (2.0, 0.0)],
        Some("mean_absolute_percentage_error: every label is 0; r2_score: every label is the same"),
    );
    let all = format!("{}: no labelled row has a finite error", NUMBERS.join(", "));
    check(&[(f64::INFINITY, 1.0)], Some(&all));
    let squared = "mean_squared_error, root_mean_squared_error, r2_score, confidence_intervals: squares of the errors \
                   are beyond the range of a double";
    check(&[(1e200, 1.0), (1.0, 2.0)], Some(squared));
}

#[test]
fn an_estimate_says_what_it_lacks() {
    const ESTIMATES: &[&str] = &[
        "estimated_accuracy_score",
        "estimated_precision",
        "estimated_recall",
        "estimated_specificity",
        "estimated_f1_score",
        "estimated_roc_auc_score",
        "estimated_average_precision_score",
        "estimated_sampling_errors",
    ];
    let check = |baseline: QualityState, rows: &[(&str, f64)], reason: &str| {
        let mut state = ClassificationState::default();
        rows.iter().for_each(|(said, score)| state.add_unlabelled(said, *said == "1", *score));
        let group = |quality| std::sync::Arc::new(Group::new(5, Vec::new(), Some(quality)));
        let segment = Segment { model_version: ALL_VERSIONS.to_owned(), slice: None };
        let window =
            Calendar::new(TimeZone::UTC).window_of(Granularity::Day, WINDOW.unwrap().parse().unwrap());
        let series = crate::profile::Series { granularity: Granularity::Day, segment: segment.clone() };
        let windows = BTreeMap::from([(window.unwrap(), group(QualityState::Classification(state)))]);
        let profiles = Profiles {
            has_scores: true,
            windows: BTreeMap::from([(series, windows)]),
            baseline: BTreeMap::from([(segment, group(baseline))]),
            ..Profiles::of(Vec::new())
        };
        let row = super::rows(&profiles, &[Subject::Table], 11).pop().unwrap();
        assert_eq!(row.reason.as_deref(), Some(reason));
        is_explained(&row, &[CLASSES, SCORES, ESTIMATES].concat());
        row
    };
    let known = || classified(&[("1", "1", Some(0.9)), ("0", "0", Some(0.1)), ("0", "1", Some(0.4))]);
    let yet = "no prediction has a label yet";
    let row = check(known(), &[("1", 0.8), ("0", 0.3)], yet);
    assert_eq!((row.estimated_precision, row.label_count), (Some(1.0), Some(0)));
    let all = ESTIMATES.join(", ");
    let unlabelled = format!("{yet}; {all}: no row of the baseline is labelled");
    check(classified(&[]), &[("1", 0.8)], &unlabelled);
    check(known(), &[], &format!("{yet}; {all}: no row has a prediction and a score"));
    let one_class =
        format!("{yet}; estimated_roc_auc_score: every row is expected to be of the positive class");
    check(known(), &[("1", 0.95)], &one_class);
}

#[test]
fn a_column_says_what_it_lacks() {
    let of = |values: &[Option<f64>]| column_of(ColumnState::Numeric(numbers(values)));
    check(&of(&[Some(1.0), Some(2.0), None]), NUMERIC, None);
    check(&of(&[None]), NUMERIC, Some("every value is NULL"));
    check(&of(&[Some(f64::NAN), Some(f64::INFINITY)]), NUMERIC, Some("no value is finite"));
    check(&of(&[Some(1.0), Some(f64::NAN)]), NUMERIC, Some("stddev: there is only one finite value"));
    let wide = "stddev: squares of the values are beyond the range of a double";
    check(&of(&[Some(1e200), Some(2.0)]), NUMERIC, Some(wide));
    let time = |values: &[Option<f64>]| column_of(ColumnState::Time(numbers(values)));
    check(&time(&[Some(1.7e9)]), TIME, None);
    check(&time(&[None]), TIME, Some("every value is NULL"));
    check(&time(&[Some(f64::NAN)]), TIME, Some("no value is within the range of a timestamp"));
    check(&column_of(ColumnState::Text(TextState::default())), TEXT, Some("every value is NULL"));
}

#[test]
fn only_texts_have_lengths() {
    let mut names = TextState::default();
    ["true", "false", "true"].iter().for_each(|name| names.add(name, 1));
    let lengths = |data_type: &str| {
        let row = column_of_type(data_type, ColumnState::Text(names.clone()));
        assert_eq!((row.distinct_count, row.reason), (Some(2), None), "{data_type}");
        (row.min_length, row.max_length, row.avg_length)
    };
    assert_eq!(lengths("string"), (Some(4.0), Some(5.0), Some(13.0 / 3.0)));
    for data_type in ["boolean", "int", "double", "decimal(5,2)", "date", "timestamp"] {
        assert_eq!(lengths(data_type), (None, None, None), "{data_type}");
    }
}

#[test]
fn an_awaited_label_is_not_missing() {
    let named = |name: &str, is_label, values: &[Option<f64>]| {
        let role = if is_label { Role::Label } else { Role::Feature };
        let info = ColumnInfo { role, ..column(name, Kind::Numeric) };
        (info, ColumnState::Numeric(numbers(values)))
    };
    let feature = || named("age", false, &[Some(30.0), Some(40.0)]);
    let gone = || named("income", false, &[None, None]);
    // Whether none, some or all labels are there, the list is the same, and no column comes or goes.
    for labels in [[None, None], [Some(1.0), None], [Some(1.0), Some(0.0)]] {
        let rows = rows(vec![feature(), gone(), named("label", true, &labels)], None, false, WINDOW);
        assert_eq!(rows[0].non_null_columns, Some(vec!["age".to_owned()]), "{labels:?}");
    }
    let reason = |at| {
        let columns = vec![gone(), named("label", true, &[None, None])];
        rows(columns, Some(predicted(&[])), false, at).into_iter().map(|row| row.reason.unwrap())
    };
    let of_window = ["no prediction has a label yet", "every value is NULL", "no row has a label yet"];
    assert!(reason(WINDOW).eq(of_window));
    // Nobody waits for the labels of a baseline.
    assert!(reason(None).eq(["no prediction has a label", "every value is NULL", "every value is NULL"]));
}

fn any_number() -> impl Strategy<Value = Option<f64>> {
    let odd = prop::sample::select(vec![None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)]);
    prop_oneof![4 => hostile().prop_map(Some), 1 => odd]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn no_measure_of_a_column_is_missing_without_a_reason(values in prop::collection::vec(any_number(), 1..10)) {
        is_explained(&column_of(ColumnState::Numeric(numbers(&values))), NUMERIC);
        is_explained(&column_of(ColumnState::Time(numbers(&values))), TIME);
        let mut names = TextState::default();
        for value in &values {
            match value {
                None => names.add_nulls(1),
                Some(value) => names.add(&value.to_string(), 1),
            }
        }
        is_explained(&column_of(ColumnState::Text(names)), TEXT);
        let count = values.iter().flatten().count() as u64;
        let num_nulls = values.len() as u64 - count;
        // Of a nested column nothing is missing: whether it has values is all that is asked.
        let of = |data_type: &str, length: Option<u64>| {
            let mut state = OpaqueState::default();
            (0..count).for_each(|_| state.add(length));
            state.add_nulls(num_nulls);
            column_of_type(data_type, ColumnState::Opaque(state))
        };
        let nested = of("struct", None);
        prop_assert!(OPAQUE.iter().all(|name| !serde_json::to_value(&nested).unwrap()[name].is_null()));
        prop_assert!(LENGTHS.iter().all(|name| serde_json::to_value(&nested).unwrap()[name].is_null()));
        for data_type in ["binary", "array", "map"] {
            is_explained(&of(data_type, Some(count)), &[OPAQUE, LENGTHS].concat());
        }
    }

    #[test]
    fn no_measure_of_a_regression_is_missing_without_a_reason(
        rows in prop::collection::vec((any_number(), any_number()), 0..10),
    ) {
        let rows: Vec<_> = rows.into_iter().filter_map(|(prediction, label)| prediction.zip(label)).collect();
        is_explained(&table_of(predicted(&rows), false), NUMBERS);
    }

    #[test]
    fn no_measure_of_a_classifier_is_missing_without_a_reason(
        rows in prop::collection::vec(("[0-2]?", "[0-2]?", any_number()), 0..8), has_scores in any::<bool>(),
    ) {
        let rows: Vec<_> = rows.iter().map(|(said, is, score)| (said.as_str(), is.as_str(), *score)).collect();
        let measures = if has_scores { [CLASSES, SCORES].concat() } else { CLASSES.to_vec() };
        is_explained(&table_of(classified(&rows), has_scores), &measures);
    }

    #[test]
    fn a_deviation_is_right_or_not_told(values in prop::collection::vec(hostile(), 2..12)) {
        let state = numbers(&values.iter().copied().map(Some).collect::<Vec<_>>());
        let n = values.len();
        let expected = squared_deviations(&values);
        match state.stddev() {
            Ok(deviation) => {
                let actual = units(deviation) * units(deviation) * (n * (n - 1));
                prop_assert!(same(&actual, &expected, &0.into()), "{deviation:e}");
            }
            Err(_) => {
                let is_told = |variance: f64| units(variance) * one() * (n * (n - 1));
                let has_squares = values.iter().all(|value| (value * value).is_finite());
                let fits = is_told(f64::MIN_POSITIVE) < expected && expected < is_told(f64::MAX);
                prop_assert!(expected > 0.into() && !(has_squares && fits));
            }
        }
    }
}
