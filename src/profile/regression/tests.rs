#![allow(clippy::unwrap_used)]
use num_bigint::BigInt;
use num_traits::Signed;
use proptest::prelude::*;

use super::super::exact::{hostile, one, same, squared_deviations, units};
use super::*;

fn of(rows: &[(f64, f64)]) -> RegressionState {
    let mut state = RegressionState::default();
    rows.iter().for_each(|(prediction, label)| state.add(*prediction, *label));
    state
}

/// The measures of `rows` as they stand in the table: value or reason.
#[track_caller]
fn check(rows: &[(f64, f64)], expected: [Result<f64, &'static str>; 5]) {
    let state = of(rows);
    let actual = [
        state.mean_squared_error(),
        state.root_mean_squared_error(),
        state.mean_average_error(),
        state.mean_absolute_percentage_error(),
        state.r2_score(),
    ];
    assert_eq!(actual, expected.map(|value| value.map_err(Absence::new)));
}

const NONE: Result<f64, &str> = Err("no labelled row has a finite error");
const ONE_ROW: Result<f64, &str> = Err("there is only one labelled row");
const NO_SQUARED_ERROR: Result<f64, &str> = Err("squares of the errors are beyond the range of a double");
const NO_SQUARED_LABEL: Result<f64, &str> = Err("squares of the labels are beyond the range of a double");

#[test]
fn what_has_no_value_says_why() {
    check(&[], [NONE; 5]);
    check(&[(2.0, 4.0)], [Ok(4.0), Ok(2.0), Ok(2.0), Ok(0.5), ONE_ROW]);
    let constant = Err("every label is the same");
    check(&[(1.0, 2.0), (3.0, 2.0)], [Ok(1.0), Ok(1.0), Ok(1.0), Ok(0.5), constant]);
    check(&[(1.0, 0.0), (-1.0, -0.0)], [Ok(1.0), Ok(1.0), Ok(1.0), Err("every label is 0"), constant]);
}

#[test]
fn nan_is_no_label_and_an_infinite_error_is_in_no_measure() {
    assert_eq!(of(&[(f64::NAN, 1.0), (1.0, f64::NAN)]).count(), 0);
    let infinite = [(f64::INFINITY, 1.0), (1.0, f64::NEG_INFINITY), (f64::MAX, f64::MIN)];
    assert_eq!(of(&infinite).count(), 3);
    check(&infinite, [NONE; 5]);
    let one_more = [infinite.as_slice(), &[(2.0, 4.0)]].concat();
    assert_eq!(of(&one_more).count(), 4);
    check(&one_more, [Ok(4.0), Ok(2.0), Ok(2.0), Ok(0.5), ONE_ROW]);
}

#[test]
fn a_label_too_large_to_square_leaves_the_errors() {
    let rows = [(1e200, 1e200), (2e200, 2e200)];
    check(&rows, [Ok(0.0), Ok(0.0), Ok(0.0), Ok(0.0), NO_SQUARED_LABEL]);
    // Nor can the variance of labels be told that are next to nothing.
    check(&[(1e-170, 1e-170), (2e-170, 2e-170)], [Ok(0.0), Ok(0.0), Ok(0.0), Ok(0.0), NO_SQUARED_LABEL]);
}

#[test]
fn errors_too_large_or_too_small_to_square_leave_their_size() {
    let large = of(&[(3e200, 1e200), (0.0, 1.0)]);
    assert_eq!(large.mean_squared_error(), NO_SQUARED_ERROR.map_err(Absence::new));
    assert_eq!(large.root_mean_squared_error(), NO_SQUARED_ERROR.map_err(Absence::new));
    assert_eq!(large.mean_average_error(), Ok(1e200));
    let small = of(&[(1e-200, 0.0)]);
    // 1e-400 is 0 to the nearest double, but its root is no zero.
    assert_eq!(small.mean_squared_error(), Ok(0.0));
    assert_eq!(small.root_mean_squared_error(), NO_SQUARED_ERROR.map_err(Absence::new));
}

#[test]
fn squares_that_add_up_beyond_a_double_have_a_score() {
    assert_eq!(of(&[(0.0, 1.3e154), (0.0, -1.3e154)]).r2_score(), Ok(0.0));
}

#[test]
fn a_relative_error_beyond_a_double_is_not_left_out() {
    let state = of(&[(1.0, 5e-324), (2.0, 1.0)]);
    let why = Absence::new("a relative error is beyond the range of a double");
    assert_eq!(state.mean_absolute_percentage_error(), Err(why));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn measures_are_right_or_not_told(rows in prop::collection::vec((hostile(), hostile()), 1..12)) {
        let state = of(&rows);
        let (errors, labels): (Vec<f64>, Vec<f64>) = rows
            .iter()
            .map(|(prediction, label)| (prediction - label, *label))
            .filter(|(error, _)| error.is_finite())
            .unzip();
        let n = BigInt::from(errors.len());
        let squares: BigInt = errors.iter().map(|error| units(*error) * units(*error)).sum();
        let absolute: BigInt = errors.iter().map(|error| units(*error).abs()).sum();
        if let Ok(mean) = state.mean_average_error() {
            prop_assert!(same(&(units(mean) * &n), &absolute, &n), "{mean:e}");
        }
        if let Ok(mean) = state.mean_squared_error() {
            prop_assert!(same(&(units(mean) * one() * &n), &squares, &(one() * &n)), "{mean:e}");
        }
        if let Ok(root) = state.root_mean_squared_error() {
            prop_assert!(same(&(units(root) * units(root) * &n), &squares, &BigInt::from(0)), "{root:e}");
        }
        if let Ok(score) = state.r2_score() {
            prop_assert!(score <= 1.0);
            // n (1 − R²) V = S, where n² V are the squared deviations.
            let variance = squared_deviations(&labels);
            let unexplained = units(1.0 - score) * &variance;
            let slack = (&variance + &squares * &n) * one() / BigInt::from(10u64.pow(12));
            prop_assert!(same(&unexplained, &(&squares * &n * one()), &slack), "{score:e}");
        }
        for value in [state.mean_absolute_percentage_error(), state.mean_average_error()].into_iter().flatten() {
            prop_assert!(value.is_finite() && value >= 0.0);
        }
    }
}
