#![allow(clippy::unwrap_used)]
use super::*;
use crate::profile::classification::ClassificationState;

/// Rows of prediction, label and score.
fn labelled(rows: &[(&str, &str, f64)]) -> ClassificationState {
    let mut state = ClassificationState::default();
    for (prediction, label, score) in rows {
        state.add_row(prediction, label, *label == "1", Some(*score));
    }
    state
}

/// The same rows before their labels come.
fn awaited(rows: &[(&str, &str, f64)]) -> ClassificationState {
    let mut state = ClassificationState::default();
    for (prediction, _, score) in rows {
        state.add_unlabelled(prediction, *prediction == "1", *score);
    }
    state
}

const REFERENCE: &[(&str, &str, f64)] =
    &[("0", "0", 0.1), ("0", "1", 0.3), ("1", "0", 0.6), ("1", "1", 0.7), ("1", "1", 0.9)];
const WINDOW: &[(&str, &str, f64)] = &[("0", "1", 0.2), ("1", "1", 0.65), ("1", "0", 0.8)];

#[test]
fn labels_change_no_estimate() {
    let estimator = Estimator::of(&labelled(REFERENCE)).unwrap();
    let before = estimator.estimate(&awaited(WINDOW)).unwrap();
    assert_eq!(estimator.estimate(&labelled(WINDOW)).unwrap(), before);
    let (first, rest) = WINDOW.split_at(1);
    let mut some = awaited(first);
    some.merge(&labelled(rest));
    assert_eq!(estimator.estimate(&some).unwrap(), before);
}

#[test]
fn a_baseline_that_knows_nothing_says_what_it_lacks() {
    let check = |rows: &[(&str, &str, f64)], why: &str| {
        assert_eq!(Estimator::of(&labelled(rows)).unwrap_err().to_string(), why);
    };
    check(&[], "no row of the baseline is labelled");
    check(&[("1", "1", 0.7)], "every scored row of the baseline is of the positive class");
    check(&[("1", "0", 0.7)], "no scored row of the baseline is of the positive class");
    check(&[("1", "1", 1.7)], "scores of the baseline are not all within 0 and 1");
    check(&[("1", "1", 0.7), ("2", "0", 0.2)], "the baseline has more than two classes");
    let mut unscored = ClassificationState::default();
    unscored.add_row("1", "1", true, None);
    let why = Estimator::of(&unscored).unwrap_err().to_string();
    assert_eq!(why, "no labelled row of the baseline has a score");
}

#[test]
fn rows_that_cannot_be_estimated_say_why() {
    let estimator = Estimator::of(&labelled(REFERENCE)).unwrap();
    let check = |rows: &[(&str, &str, f64)], why: &str| {
        assert_eq!(estimator.estimate(&awaited(rows)).unwrap_err().to_string(), why);
    };
    check(&[], "no row has a prediction and a score");
    check(&[("1", "", 0.7), ("1", "", 1.7)], "1 of 2 scores is not within 0 and 1, labelled or not");
    check(&[("1", "", 0.7), ("2", "", 0.7)], "a class is predicted that the baseline does not have");
    // A row that nothing like it came true has no rank among others, but the rest is known.
    let estimate = estimator.estimate(&awaited(&[("0", "", 0.05)])).unwrap();
    assert_eq!((estimate.accuracy_score, estimate.precision, estimate.recall), (1.0, 0.0, 0.0));
    let why = estimate.roc_auc_score.unwrap_err().to_string();
    assert_eq!(why, "no row is expected to be of the positive class");
}
