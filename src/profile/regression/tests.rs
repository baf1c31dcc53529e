#![allow(clippy::unwrap_used)]
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};
use proptest::prelude::*;

use super::super::exact::{hostile, one, same, squared_deviations, units};
use super::super::interval::{Interval, Z};
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

/// Which of the intervals that squares take are told of `rows`.
#[track_caller]
fn check_told(rows: &[(f64, f64)], expected: &[&str]) {
    let intervals = of(rows).intervals().unwrap_or_default();
    let told: Vec<&str> = intervals
        .keys()
        .map(String::as_str)
        .filter(|name| name.starts_with("mean_pinball_loss") || *name == "r2_score")
        .collect();
    assert_eq!(told, expected);
}

const PINBALL: [&str; 3] = ["mean_pinball_loss.p10", "mean_pinball_loss.p50", "mean_pinball_loss.p90"];
const BOTH: [&str; 4] = [PINBALL[0], PINBALL[1], PINBALL[2], "r2_score"];

#[test]
fn an_interval_that_could_be_wrong_is_not_told() {
    check_told(&[(1.5, 1.0), (2.0, 2.0), (2.0, 3.0)], &BOTH);
    check_told(&[(1.5, 1.0)], &[]);
    // All rows have the same influence, as two do with errors of one size.
    check_told(&[(1.5, 1.0), (1.5, 2.0)], &PINBALL);
    let far = |offset: f64| [(offset + 1.5, offset + 1.0), (offset, offset + 2.0), (offset, offset + 3.0)];
    check_told(&far(-4096.0), &BOTH);
    check_told(&far(1e6), &PINBALL);
    // Squares are told, and fourth powers are beyond a double.
    check_told(&[(1.0e100, 1.1e100), (2.0e100, 2.3e100), (2.9e100, 2.9e100)], &PINBALL);
    check_told(&[(1.0, 1.1e100), (2.0, 2.0), (3.5, 3.0)], &PINBALL);
    check_told(&[(1.0e-100, 1.1e-100), (2.0e-100, 2.3e-100), (2.9e-100, 2.9e-100)], &PINBALL);
    check_told(&[(1.0e200, 1.1e200), (2.0e200, 2.3e200), (2.9e200, 2.9e200)], &[]);
}

#[test]
fn without_errors_nothing_moves_the_score() {
    let intervals = of(&[(1e9, 1e9), (1e9 + 1.0, 1e9 + 1.0)]).intervals().unwrap();
    assert_eq!(intervals["r2_score"], Interval { low: 1.0, high: 1.0 });
}

/// The root of `part / whole`; NaN if that is no number.
fn root_of_ratio(part: &BigInt, whole: &BigInt) -> f64 {
    if *whole == BigInt::ZERO {
        return f64::NAN;
    }
    let half = (whole.bits() as i64 - part.bits() as i64) / 2 + 60;
    let zeros = |shift: i64| 2 * shift.max(0) as u64;
    let quotient = (part << zeros(half)) / (whole << zeros(-half));
    quotient.to_f64().unwrap().sqrt() * 2f64.powi(-half as i32)
}

/// `n Σd² − (Σd)²`.
fn deviations(values: &[BigInt]) -> BigInt {
    let sum: BigInt = values.iter().sum();
    BigInt::from(values.len()) * values.iter().map(|value| value * value).sum::<BigInt>() - &sum * &sum
}

/// The standard error of R² from rows as whole numbers: `D · e² − n E y² + 2 E Y y` is `D² / n²` times the influence of a row, with `E`
/// the sum of squared errors, `Y` that of labels, and `D` n² times the variance of labels.
fn r2_error(errors: &[f64], labels: &[f64]) -> f64 {
    let (n, spread) = (BigInt::from(errors.len()), squared_deviations(labels));
    let errors: Vec<BigInt> = errors.iter().copied().map(units).collect();
    let labels: Vec<BigInt> = labels.iter().copied().map(units).collect();
    let unexplained: BigInt = errors.iter().map(|error| error * error).sum();
    let sum: BigInt = labels.iter().sum();
    let influence = |(e, y): (&BigInt, &BigInt)| &spread * e * e - &unexplained * y * (&n * y - 2 * &sum);
    let influences: Vec<BigInt> = errors.iter().zip(&labels).map(influence).collect();
    root_of_ratio(&(&n * &n * deviations(&influences)), &((&n - 1) * spread.pow(4)))
}

/// The standard error of the mean pinball loss, of which ten times a row's is `5 |e| + weight · e`.
fn pinball_error(errors: &[f64], weight: i64) -> f64 {
    let n = BigInt::from(errors.len());
    let loss = |error: &f64| 5 * units(error.abs()) + weight * units(*error);
    let losses: Vec<BigInt> = errors.iter().map(loss).collect();
    root_of_ratio(&deviations(&losses), &(&n * &n * (&n - 1) * 100 * one() * one()))
}

/// Rows whose labels lie around some number, with errors that are not like them.
fn rows_around() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let rows = prop::collection::vec((-9.0..9.0f64, -1.0..1.0f64), 2..80);
    let scale = prop::sample::select(vec![1e-30, 1.0, 1e30]);
    (prop::sample::select(vec![0.0, 20.0, -300.0, 1e5, 1e8]), scale, rows).prop_map(
        |(offset, scale, rows)| {
            let row =
                |(label, error): (f64, f64)| ((offset + label + error) * scale, (offset + label) * scale);
            rows.into_iter().map(row).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn intervals_are_right_or_not_told(
        rows in prop_oneof![prop::collection::vec((hostile(), hostile()), 2..12), rows_around()],
    ) {
        let state = of(&rows);
        let intervals = state.intervals().unwrap_or_default();
        let (errors, labels): (Vec<f64>, Vec<f64>) = rows
            .iter()
            .map(|(prediction, label)| (prediction - label, *label))
            .filter(|(error, _)| error.is_finite())
            .unzip();
        let loss = state.mean_pinball_loss();
        let told = [
            ("mean_pinball_loss.p10", loss.clone().map(|loss| loss.p10), pinball_error(&errors, 4), 1e-12),
            ("mean_pinball_loss.p50", loss.clone().map(|loss| loss.p50), pinball_error(&errors, 0), 1e-12),
            ("mean_pinball_loss.p90", loss.map(|loss| loss.p90), pinball_error(&errors, -4), 1e-12),
            ("r2_score", state.r2_score(), r2_error(&errors, &labels), 2f64.powi(-20)),
        ];
        for (name, value, error, tolerance) in told {
            let Some(Interval { low, high }) = intervals.get(name).copied() else { continue };
            let value = value.unwrap();
            prop_assert!(low.is_finite() && high.is_finite() && low <= value && value <= high, "{}", name);
            // One end may be cut, and both are rounded.
            let reach = (value - low).max(high - value);
            let rounded = 4.0 * f64::EPSILON * low.abs().max(high.abs());
            let most = tolerance * Z * error + rounded;
            let is_cut = low == 0.0 || high == 1.0;
            prop_assert!(
                (reach - Z * error).abs() <= most || is_cut && reach <= Z * error + most,
                "{} reaches {:e}, not {:e}", name, reach, Z * error
            );
        }
    }

    #[test]
    fn many_rows_at_once_are_the_same_as_one_by_one(
        rows in prop_oneof![prop::collection::vec((hostile(), hostile()), 0..80), rows_around()],
        cut in 0.0..1.0f64,
    ) {
        let bytes = |mut state: RegressionState| {
            state.settle();
            postcard::to_stdvec(&state).unwrap()
        };
        let (left, right) = rows.split_at((rows.len() as f64 * cut) as usize);
        let mut room = Room::default();
        let mut all = |rows: &[(f64, f64)]| {
            let mut state = RegressionState::default();
            state.add_all(rows, &mut room);
            state
        };
        let (whole, mut merged) = (all(&rows), all(right));
        merged.merge(&all(left));
        prop_assert_eq!(&whole, &merged);
        prop_assert_eq!(whole.intervals(), merged.intervals());
        prop_assert_eq!(bytes(whole), bytes(merged.clone()));
        prop_assert_eq!(bytes(merged), bytes(of(&rows)));
    }

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
