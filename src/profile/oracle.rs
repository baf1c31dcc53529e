//! Profiles and quality measures against NumPy and scikit-learn: every case of `tests/oracle/`.
//!
//! What the JSON files mean stands in `tests/oracle/README.md`. The readers, the tolerances and the
//! generators of large samples are shared with the oracle tests of drift.
#![allow(clippy::panic, clippy::unwrap_used)]

mod every_class;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::classification::{ClassScores, ClassificationState};
use super::estimate::Estimator;
use super::interval::Interval;
use super::numeric::NumericState;
use super::reason::Absence;
use super::regression::RegressionState;
use super::text::{TextState, item_of};

/// Reads the cases of a file, of which there must be `count`: none may get lost on the way here.
pub(crate) fn cases<T: DeserializeOwned>(json: &str, count: usize) -> Vec<T> {
    let cases: Vec<T> = serde_json::from_str(json).unwrap();
    assert_eq!(cases.len(), count, "the file has another number of cases; say so here, too");
    cases
}

/// How far apart two numbers may be: by either measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

/// Both sides compute the same formula on the same numbers; what is left is rounding, and the absolute
/// part is for results that cancel to about 0.
pub(crate) const SAME_NUMBERS: Tolerance = Tolerance { relative: 1e-9, absolute: 1e-12 };

/// Both are undefined, or both are the same number but for `tolerance`.
#[track_caller]
pub(crate) fn close(
    case: &str,
    what: &str,
    actual: Option<f64>,
    expected: Option<f64>,
    tolerance: Tolerance,
) {
    let fits = match (actual, expected) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || (a - b).abs() <= tolerance.absolute.max(tolerance.relative * b.abs()),
        _ => false,
    };
    assert!(fits, "{case}: {what} is {actual:?}, the oracle says {expected:?}");
}

/// A sample that is described instead of listed.
#[derive(Debug, Deserialize)]
pub(crate) struct Generated {
    kind: String,
    seed: u64,
    rows: usize,
    #[serde(flatten)]
    parameters: BTreeMap<String, f64>,
}

impl Generated {
    /// The rows, bit for bit those of `generate.py`: each operation is rounded by itself, in this order.
    pub(crate) fn rows(&self) -> Vec<f64> {
        let mut state = self.seed;
        let mut u = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
        };
        let parameter = |name: &str| self.parameters[name];
        let mut row: Box<dyn FnMut() -> f64> = match self.kind.as_str() {
            "uniform" => {
                let (low, high) = (parameter("low"), parameter("high"));
                Box::new(move || low + (high - low) * u())
            }
            "near_normal" => {
                let (mean, spread) = (parameter("mean"), parameter("spread"));
                Box::new(move || mean + spread * ((1..12).fold(u(), |total, _| total + u()) - 6.0))
            }
            "light_pareto" => {
                let scale = parameter("scale");
                Box::new(move || scale / (1.0 - u()).sqrt())
            }
            "pareto" => {
                let scale = parameter("scale");
                Box::new(move || scale / (1.0 - u()))
            }
            "wide_pareto" => {
                let scale = parameter("scale");
                Box::new(move || {
                    let left = 1.0 - u();
                    scale / (left * left)
                })
            }
            "squared" => Box::new(move || {
                let u = u();
                u * u
            }),
            "root" => Box::new(move || u().sqrt()),
            "smaller_of_two" => Box::new(move || u().min(u())),
            "discrete" => {
                let levels = parameter("levels");
                Box::new(move || (u() * levels).floor())
            }
            "zero_heavy" => {
                let (zero_share, scale) = (parameter("zero_share"), parameter("scale"));
                Box::new(move || {
                    let (which, value) = (u(), u());
                    if which < zero_share { 0.0 } else { scale * value }
                })
            }
            other => panic!("no generator for `{other}`"),
        };
        (0..self.rows).map(|_| row()).collect()
    }
}

/// The state of a column with these rows; `None` is NULL.
pub(crate) fn numeric(rows: impl IntoIterator<Item = Option<f64>>) -> NumericState {
    let mut state = NumericState::default();
    for row in rows {
        match row {
            Some(value) => state.add(value),
            None => state.add_nulls(1),
        }
    }
    state
}

/// A number as the files write it: JSON has no NaN and no infinities.
fn spelled(value: &Value) -> Option<f64> {
    match value {
        Value::Null => None,
        Value::String(word) => Some(word.parse().unwrap()),
        number => Some(number.as_f64().unwrap()),
    }
}

#[test]
fn columns_of_numbers_are_profiled_as_by_numpy() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        values: Vec<Value>,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        row_count: u64,
        count: u64,
        num_nulls: u64,
        num_nan: u64,
        num_infinite: u64,
        num_zeros: u64,
        num_negative: u64,
        avg: Option<f64>,
        stddev: Option<f64>,
        min: Option<f64>,
        max: Option<f64>,
        median: Option<f64>,
        quantiles: Option<Vec<f64>>,
        distinct_count: u64,
    }

    fn check(case: &Case) {
        let Case { name, values, expected } = case;
        let state = numeric(values.iter().map(spelled));
        let counts = [
            ("row_count", state.count + state.num_nulls, expected.row_count),
            ("count", state.count, expected.count),
            ("num_nulls", state.num_nulls, expected.num_nulls),
            ("num_nan", state.num_nan, expected.num_nan),
            ("num_infinite", state.num_infinite, expected.num_infinite),
            ("num_zeros", state.num_zeros, expected.num_zeros),
            // NumPy counts −∞ as below 0; the state counts finite values.
            ("num_negative", state.num_negative, expected.num_negative - negative_infinities(values)),
            ("distinct_count", state.distinct_count(), expected.distinct_count),
        ];
        for (what, actual, expected) in counts {
            assert_eq!(actual, expected, "{name}: {what}");
        }
        let (min, max) = state.extremes().unzip();
        let ranks = state.ranks();
        let quantile = |q: f64| ranks.as_ref().and_then(|ranks| ranks.quantile(q));
        close(name, "avg", state.avg(), expected.avg, SAME_NUMBERS);
        close(name, "stddev", state.stddev().ok(), expected.stddev, SAME_NUMBERS);
        close(name, "min", min, expected.min, SAME_NUMBERS);
        close(name, "max", max, expected.max, SAME_NUMBERS);
        close(name, "median", quantile(0.5), expected.median, SAME_NUMBERS);
        for tenth in 0..=10 {
            let expected = expected.quantiles.as_ref().map(|quantiles| quantiles[tenth]);
            close(
                name,
                &format!("quantile {tenth}/10"),
                quantile(tenth as f64 / 10.0),
                expected,
                SAME_NUMBERS,
            );
        }
    }

    fn negative_infinities(values: &[Value]) -> u64 {
        values.iter().filter(|value| value.as_str() == Some("-Infinity")).count() as u64
    }

    cases(include_str!("../../tests/oracle/profile_numeric.json"), 38).iter().for_each(check);
}

#[test]
fn large_columns_of_numbers_are_profiled_nearly_as_by_numpy() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        baseline: Generated,
        window: Generated,
        baseline_profile: Expected,
        window_profile: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        head: Vec<f64>,
        count: u64,
        avg: f64,
        stddev: f64,
        min: f64,
        max: f64,
        distinct_count: u64,
        quantiles: Vec<(f64, f64)>,
    }

    /// A bucket of the distribution may hold this share of the rows where they are many.
    const RANK_ERROR: f64 = 0.005;
    /// Twice the standard error of the sketch, which is 0.8 %; see `distinct`.
    const DISTINCT_ERROR: f64 = 0.02;

    fn check(case: &str, sample: &Generated, expected: &Expected) {
        let mut rows = sample.rows();
        assert_eq!(rows[..3], expected.head, "{case}: the generator does not repeat the oracle's rows");
        let state = numeric(rows.iter().copied().map(Some));
        let (min, max) = state.extremes().unwrap();
        assert_eq!((state.count, min, max), (expected.count, expected.min, expected.max), "{case}");
        // Sums are exact at any size.
        close(case, "avg", state.avg(), Some(expected.avg), SAME_NUMBERS);
        close(case, "stddev", state.stddev().ok(), Some(expected.stddev), SAME_NUMBERS);

        let error = (state.distinct_count() as f64 / expected.distinct_count as f64 - 1.0).abs();
        let allowed = if state.distribution.is_exact() { 0.0 } else { DISTINCT_ERROR };
        assert!(
            error <= allowed,
            "{case}: distinct_count is {}, not {}",
            state.distinct_count(),
            expected.distinct_count
        );

        rows.sort_unstable_by(f64::total_cmp);
        let share = |count: usize| count as f64 / rows.len() as f64;
        let ranks = state.ranks().unwrap();
        for (q, value) in &expected.quantiles {
            // By rank: where rows are sparse, a value far from the oracle's may stand next to it.
            let actual = ranks.quantile(*q).unwrap();
            let below = share(rows.partition_point(|row| *row < actual));
            let upto = share(rows.partition_point(|row| *row <= actual));
            assert!(
                below - RANK_ERROR <= *q && *q <= upto + RANK_ERROR,
                "{case}: quantile {q} is {actual} of rank {below} to {upto}; the oracle says {value}"
            );
        }
    }

    for case in cases::<Case>(include_str!("../../tests/oracle/drift_large.json"), 17) {
        check(&format!("{}, baseline", case.name), &case.baseline, &case.baseline_profile);
        check(&format!("{}, window", case.name), &case.window, &case.window_profile);
    }
}

#[test]
fn columns_of_text_are_profiled_as_by_python() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        values: Vec<Option<String>>,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        row_count: u64,
        count: u64,
        num_nulls: u64,
        distinct_count: u64,
        min_length: Option<u64>,
        max_length: Option<u64>,
        avg_length: Option<f64>,
        frequent_items: Vec<Item>,
    }

    #[derive(Deserialize)]
    struct Item {
        item: String,
        count: u64,
    }

    fn check(case: &Case) {
        let Case { name, values, expected } = case;
        let mut state = TextState::default();
        for value in values {
            match value {
                Some(value) => state.add(value, 1),
                None => state.add_nulls(1),
            }
        }
        let counts = [
            ("row_count", state.count + state.num_nulls, expected.row_count),
            ("count", state.count, expected.count),
            ("num_nulls", state.num_nulls, expected.num_nulls),
            ("distinct_count", state.distinct_count(), expected.distinct_count),
        ];
        for (what, actual, expected) in counts {
            assert_eq!(actual, expected, "{name}: {what}");
        }
        assert_eq!(state.lengths(), expected.min_length.zip(expected.max_length), "{name}: lengths");
        close(name, "avg_length", state.avg_length(), expected.avg_length, SAME_NUMBERS);
        // Python lists long values whole.
        let items: Vec<_> =
            expected.frequent_items.iter().map(|item| (item_of(&item.item), item.count)).collect();
        let items: Vec<_> = items.iter().map(|(item, count)| (item.as_ref(), *count)).collect();
        assert_eq!(state.items.top(usize::MAX), items, "{name}: frequent_items");
        assert_eq!(state.items.top(2), items[..items.len().min(2)], "{name}: the two most frequent items");
    }

    cases(include_str!("../../tests/oracle/profile_text.json"), 22).iter().for_each(check);
}

/// The same measures have intervals, and these have the same ends.
#[track_caller]
fn intervals(
    name: &str,
    actual: Result<BTreeMap<String, Interval>, Absence>,
    expected: &BTreeMap<String, [f64; 2]>,
) {
    let actual = actual.unwrap_or_default();
    assert!(actual.keys().eq(expected.keys()), "{name}: {actual:?}, the oracle says {expected:?}");
    for (measure, Interval { low, high }) in &actual {
        let [expected_low, expected_high] = expected[measure];
        close(name, &format!("low end of {measure}"), Some(*low), Some(expected_low), SAME_NUMBERS);
        close(name, &format!("high end of {measure}"), Some(*high), Some(expected_high), SAME_NUMBERS);
    }
}

#[test]
fn classifiers_are_measured_as_by_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        prediction: Vec<String>,
        label: Vec<String>,
        positive_class: Option<String>,
        score: Option<Vec<f64>>,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        accuracy_score: f64,
        confusion_matrix: Vec<Cell>,
        precision: Scores,
        recall: Scores,
        f1_score: Scores,
        balanced_accuracy_score: f64,
        matthews_corrcoef: f64,
        cohen_kappa_score: Option<f64>,
        average_precision_score: Option<f64>,
        log_loss: Option<f64>,
        roc_auc_score: Option<f64>,
        brier_score_loss: Option<f64>,
        expected_calibration_error: Option<f64>,
        confidence_intervals: BTreeMap<String, [f64; 2]>,
    }

    #[derive(Deserialize)]
    struct Cell {
        prediction: String,
        label: String,
        count: u64,
    }

    #[derive(Deserialize)]
    struct Scores {
        one_vs_all: BTreeMap<String, f64>,
        #[serde(rename = "macro")]
        macro_mean: f64,
        weighted: f64,
    }

    fn check(case: &Case) {
        let Case { name, prediction, label, positive_class, score, expected } = case;
        let mut state = ClassificationState::default();
        for (row, (prediction, label)) in prediction.iter().zip(label).enumerate() {
            let is_positive = Some(label) == positive_class.as_ref();
            state.add_row(prediction, label, is_positive, score.as_ref().map(|scores| scores[row]));
        }
        assert_eq!(state.count(), label.len() as u64, "{name}: count");
        close(
            name,
            "accuracy_score",
            state.accuracy_score().ok(),
            Some(expected.accuracy_score),
            SAME_NUMBERS,
        );
        let cells: Vec<_> = state
            .confusion_matrix()
            .unwrap()
            .into_iter()
            .map(|cell| (cell.prediction, cell.label, cell.count))
            .collect();
        let expected_cells: Vec<_> = expected
            .confusion_matrix
            .iter()
            .map(|cell| (cell.prediction.clone(), cell.label.clone(), cell.count))
            .collect();
        assert_eq!(cells, expected_cells, "{name}: confusion_matrix");
        scores(name, "precision", state.precision(), &expected.precision);
        scores(name, "recall", state.recall(), &expected.recall);
        scores(name, "f1_score", state.f1_score(), &expected.f1_score);
        for (what, ours, theirs) in [
            ("log_loss", state.log_loss(), expected.log_loss),
            (
                "balanced_accuracy_score",
                state.balanced_accuracy_score(),
                Some(expected.balanced_accuracy_score),
            ),
            ("matthews_corrcoef", state.matthews_corrcoef(), Some(expected.matthews_corrcoef)),
            ("cohen_kappa_score", state.cohen_kappa_score(), expected.cohen_kappa_score),
            ("average_precision_score", state.average_precision_score(), expected.average_precision_score),
            ("brier_score_loss", state.brier_score_loss(), expected.brier_score_loss),
            (
                "expected_calibration_error",
                state.expected_calibration_error(),
                expected.expected_calibration_error,
            ),
        ] {
            close(name, what, ours.ok(), theirs, SAME_NUMBERS);
        }
        let of_table = state.roc_auc_score().ok();
        close(
            name,
            "roc_auc_score.macro",
            of_table.as_ref().map(|s| s.macro_mean),
            expected.roc_auc_score,
            SAME_NUMBERS,
        );
        close(
            name,
            "roc_auc_score.weighted",
            of_table.map(|s| s.weighted),
            expected.roc_auc_score,
            SAME_NUMBERS,
        );
        intervals(name, state.intervals(), &expected.confidence_intervals);
    }

    fn scores(name: &str, what: &str, actual: Result<ClassScores, Absence>, expected: &Scores) {
        let actual = actual.unwrap();
        let classes = |map: &BTreeMap<String, f64>| map.keys().cloned().collect::<Vec<_>>();
        assert_eq!(classes(&actual.one_vs_all), classes(&expected.one_vs_all), "{name}: classes of {what}");
        for (class, score) in &expected.one_vs_all {
            close(
                name,
                &format!("{what} of {class}"),
                actual.one_vs_all.get(class).copied(),
                Some(*score),
                SAME_NUMBERS,
            );
        }
        close(
            name,
            &format!("{what}.macro"),
            Some(actual.macro_mean),
            Some(expected.macro_mean),
            SAME_NUMBERS,
        );
        close(
            name,
            &format!("{what}.weighted"),
            Some(actual.weighted),
            Some(expected.weighted),
            SAME_NUMBERS,
        );
    }

    cases(include_str!("../../tests/oracle/quality_classification.json"), 36).iter().for_each(check);
}

#[test]
fn regressions_are_measured_as_by_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        prediction: Vec<f64>,
        label: Vec<f64>,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        mean_squared_error: Option<f64>,
        root_mean_squared_error: Option<f64>,
        mean_average_error: Option<f64>,
        mean_absolute_percentage_error: Option<f64>,
        r2_score: Option<f64>,
        median_absolute_error: Option<f64>,
        mean_error: Option<f64>,
        mean_pinball_loss: Option<BTreeMap<String, f64>>,
        confidence_intervals: BTreeMap<String, [f64; 2]>,
    }

    fn check(case: &Case) {
        let Case { name, prediction, label, expected } = case;
        let mut state = RegressionState::default();
        prediction.iter().zip(label).for_each(|(prediction, label)| state.add(*prediction, *label));
        let measures = [
            ("mean_squared_error", state.mean_squared_error().ok(), expected.mean_squared_error),
            (
                "root_mean_squared_error",
                state.root_mean_squared_error().ok(),
                expected.root_mean_squared_error,
            ),
            ("mean_average_error", state.mean_average_error().ok(), expected.mean_average_error),
            (
                "mean_absolute_percentage_error",
                state.mean_absolute_percentage_error().ok(),
                expected.mean_absolute_percentage_error,
            ),
            ("r2_score", state.r2_score().ok(), expected.r2_score),
            ("median_absolute_error", state.median_absolute_error().ok(), expected.median_absolute_error),
            ("mean_error", state.mean_error().ok(), expected.mean_error),
        ];
        let loss = state.mean_pinball_loss().ok();
        let expected_loss = |quantile| expected.mean_pinball_loss.as_ref().map(|losses| losses[quantile]);
        close(name, "p10", loss.map(|loss| loss.p10), expected_loss("p10"), SAME_NUMBERS);
        close(name, "p50", loss.map(|loss| loss.p50), expected_loss("p50"), SAME_NUMBERS);
        close(name, "p90", loss.map(|loss| loss.p90), expected_loss("p90"), SAME_NUMBERS);
        intervals(name, state.intervals(), &expected.confidence_intervals);
        for (what, actual, expected) in measures {
            close(name, what, actual, expected, SAME_NUMBERS);
        }
    }

    cases(include_str!("../../tests/oracle/quality_regression.json"), 27).iter().for_each(check);
}

/// What is to be expected of a window, by the name of the column.
#[derive(Deserialize)]
struct Estimated {
    sampling_errors: BTreeMap<String, f64>,
    #[serde(flatten)]
    measures: BTreeMap<String, Option<f64>>,
}

impl Estimated {
    #[track_caller]
    fn check(&self, name: &str, reference: &ClassificationState, window: &ClassificationState) {
        let estimate = Estimator::of(reference).unwrap().estimate(window).unwrap();
        let measures = [
            ("estimated_accuracy_score", Some(estimate.accuracy_score)),
            ("estimated_precision", Some(estimate.precision)),
            ("estimated_recall", Some(estimate.recall)),
            ("estimated_specificity", Some(estimate.specificity)),
            ("estimated_f1_score", Some(estimate.f1_score)),
            ("estimated_roc_auc_score", estimate.roc_auc_score.ok()),
            ("estimated_average_precision_score", estimate.average_precision_score.ok()),
        ];
        assert_eq!(measures.len(), self.measures.len(), "{name}");
        for (measure, actual) in measures {
            close(name, measure, actual, self.measures[measure], SAME_NUMBERS);
        }
        assert!(estimate.sampling_errors.keys().copied().eq(self.sampling_errors.keys()), "{name}");
        for (measure, actual) in estimate.sampling_errors {
            let expected = Some(self.sampling_errors[measure]);
            close(name, &format!("sampling error of {measure}"), Some(actual), expected, SAME_NUMBERS);
        }
    }
}

#[test]
fn quality_is_estimated_as_by_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        reference: Side,
        window: Side,
        expected: Estimated,
    }

    #[derive(Deserialize)]
    struct Side {
        score: Vec<f64>,
        said: Vec<bool>,
        label: Option<Vec<bool>>,
    }

    fn state(side: &Side) -> ClassificationState {
        let mut state = ClassificationState::default();
        for (row, (score, said)) in side.score.iter().zip(&side.said).enumerate() {
            let prediction = if *said { "1" } else { "0" };
            match &side.label {
                Some(label) => {
                    state.add_row(prediction, if label[row] { "1" } else { "0" }, label[row], Some(*score));
                }
                None => state.add_unlabelled(prediction, *said, *score),
            }
        }
        state
    }

    fn check(case: &Case) {
        let Case { name, reference, window, expected } = case;
        let (reference, window) = (state(reference), state(window));
        expected.check(name, &reference, &window);
    }

    cases(include_str!("../../tests/oracle/quality_estimated.json"), 18).iter().for_each(check);
}
