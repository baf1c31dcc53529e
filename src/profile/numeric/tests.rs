#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::distribution::LIMIT;
use super::super::oracle::numeric;
use super::*;

/// The state of `rows`, after a check of what every state keeps to.
#[track_caller]
fn of(rows: &[Option<f64>]) -> NumericState {
    let state = numeric(rows.iter().copied());
    assert_eq!(state.count + state.num_nulls, rows.len() as u64);
    assert_eq!(state.distribution.total(), state.finite());
    state
}

#[track_caller]
fn bytes(state: &NumericState) -> Vec<u8> {
    let mut settled = state.clone();
    settled.settle();
    postcard::to_stdvec(&settled).unwrap()
}

#[test]
fn no_rows_and_no_values_have_no_statistics() {
    for (rows, nulls) in [(vec![], 0), (vec![None; 3], 3)] {
        let state = of(&rows);
        assert_eq!((state.count, state.num_nulls, state.distinct_count()), (0, nulls, 0));
        assert_eq!((state.extremes(), state.avg(), state.stddev().ok()), (None, None, None));
        assert!(state.ranks().is_none());
    }
}

#[test]
fn one_value_has_no_deviation() {
    let state = of(&[None, Some(-3.5)]);
    assert_eq!((state.extremes(), state.avg(), state.stddev().ok()), (Some((-3.5, -3.5)), Some(-3.5), None));
    assert_eq!(state.ranks().and_then(|ranks| ranks.quantile(0.9)), Some(-3.5));
    assert_eq!((state.num_negative, state.num_zeros, state.distinct_count()), (1, 0, 1));
}

#[test]
fn nan_and_infinities_are_values_that_lie_nowhere() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let state = of(&[Some(nan), Some(inf), Some(-inf), Some(-inf), None, Some(2.0), Some(-nan)]);
    assert_eq!((state.count, state.num_nulls, state.num_nan, state.num_infinite), (6, 1, 2, 3));
    assert_eq!((state.finite(), state.num_negative), (1, 0));
    assert_eq!((state.extremes(), state.avg()), (Some((2.0, 2.0)), Some(2.0)));
    // 2, +∞, −∞ and NaN, of whatever sign.
    assert_eq!(state.distinct_count(), 4);
    let none_finite = of(&[Some(nan), Some(inf)]);
    assert_eq!((none_finite.extremes(), none_finite.avg(), none_finite.distinct_count()), (None, None, 2));
}

#[test]
fn both_zeros_are_one_value_and_not_negative() {
    let state = of(&[Some(-0.0), Some(0.0), Some(-0.0)]);
    assert_eq!((state.num_zeros, state.num_negative, state.distinct_count()), (3, 0, 1));
    assert_eq!((state.avg(), state.stddev()), (Some(0.0), Ok(0.0)));
    // Which of them came first must not show.
    let zeros = |rows: [f64; 2]| bytes(&of(&rows.map(Some)));
    assert_eq!(zeros([0.0, -0.0]), zeros([-0.0, 0.0]));
}

fn stddev(values: &[f64]) -> Option<f64> {
    of(&values.iter().copied().map(Some).collect::<Vec<_>>()).stddev().ok()
}

#[test]
fn deviations_whose_squares_are_no_doubles_are_not_told() {
    assert_eq!(stddev(&[1e200, 2e200]), None);
    assert_eq!(stddev(&[1e-200, 2e-200]), None);
    // Neighbours whose own squares are doubles, and that of the step between them is none.
    assert_eq!(stddev(&[1e-146, 1e-146_f64.next_up()]), None);
    // Beside values that can be squared, the smallest vanish rightly.
    assert_eq!(stddev(&[1e-200, 0.0, 1.0, 1.0]), stddev(&[0.0, 0.0, 1.0, 1.0]));
    let small = stddev(&[1e-140, 3e-140]).unwrap();
    assert!((small / 1e-140 - 2f64.sqrt()).abs() < 1e-12, "{small:e}");
}

#[test]
fn squares_that_add_up_beyond_a_double_have_a_deviation() {
    let wide = stddev(&[1.1e154, -1.1e154, 1.1e154, -1.1e154]).unwrap();
    assert!((wide / 1.1e154 - (4.0f64 / 3.0).sqrt()).abs() < 1e-12, "{wide:e}");
}

#[test]
fn equal_values_have_no_deviation_at_any_scale() {
    for value in [5e-324, 1.1e-155, 1e-150, 0.1, 1e154, -1e200, f64::MAX] {
        for rows in 2..5 {
            assert_eq!(stddev(&vec![value; rows]), Some(0.0), "{value:e}, {rows} rows");
        }
    }
}

#[test]
fn the_sum_of_opposite_extremes_is_exact() {
    let state = of(&[Some(f64::MAX), Some(1.5), Some(f64::MAX), Some(-f64::MAX), Some(-f64::MAX)]);
    assert_eq!(state.avg(), Some(0.3));
    let ranks = of(&[Some(f64::MIN), Some(f64::MAX)]).ranks();
    assert_eq!(ranks.and_then(|ranks| ranks.quantile(0.5)), Some(0.0));
}

/// Orders in which three parts can be merged: as they come, or two of them first.
fn merged([a, b, c]: [&NumericState; 3]) -> Vec<NumericState> {
    let plus = |left: &NumericState, right: &NumericState| {
        let mut sum = left.clone();
        sum.merge(right);
        sum
    };
    let orders = [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]];
    orders.into_iter().flat_map(|[a, b, c]| [plus(&plus(a, b), c), plus(a, &plus(b, c))]).collect()
}

#[test]
fn distinct_values_are_counted_across_the_limit_in_any_order() {
    let limit = LIMIT as u64;
    let range =
        |from: u64, to: u64| -> Vec<Option<f64>> { (from..to).map(|i| Some(i as f64 * 0.37)).collect() };
    for last in [limit - 1, limit, limit + 1, 2 * limit, 5 * limit] {
        // Two parts overlap, one may be far beyond the limit by itself, NaN is one more.
        let parts =
            [range(0, 100), range(50, last.min(1500)), [range(1000, last), vec![Some(f64::NAN)]].concat()];
        let whole = of(&parts.concat());
        let states = parts.map(|rows| of(&rows));
        let error = whole.distinct_count() as f64 / (last + 1) as f64 - 1.0;
        assert!(if last <= limit { error == 0.0 } else { error.abs() < 0.02 }, "{last} values: {error}");
        for (order, state) in merged(states.each_ref()).iter().enumerate() {
            assert_eq!(state.distinct_count(), whole.distinct_count(), "{last} values, order {order}");
            assert!(bytes(state) == bytes(&whole), "{last} values, order {order}");
        }
    }
}

#[test]
fn rows_that_come_back_at_the_limit_change_nothing() {
    let rows: Vec<_> = (0..LIMIT).map(|i| Some(i as f64)).collect();
    let state = of(&[rows.clone(), rows].concat());
    assert!(state.distribution.is_exact());
    assert_eq!(state.distinct_count(), LIMIT as u64);
}

fn rows() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        4 => (-1000i32..1000).prop_map(|i| f64::from(i) / 8.0),
        2 => -1.0..1.0f64,
        2 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324]),
    ];
    // Spread some into thousands, so that buckets are shared and the sketch is in use.
    (prop::collection::vec(prop::option::weighted(0.9, value), 0..80), prop_oneof![Just(1), Just(60)])
        .prop_map(|(rows, times)| {
            let spread = |row: &Option<f64>, i: i32| row.map(|value| value * (1.0 + f64::from(i) / 977.0));
            (0..times).flat_map(|i| rows.iter().map(move |row| spread(row, i)).collect::<Vec<_>>()).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn merged_parts_are_the_whole(rows in rows(), cuts in (0.0..1.0f64, 0.0..1.0f64)) {
        let at = |cut: f64| (rows.len() as f64 * cut) as usize;
        let (first, second) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
        let whole = of(&rows);
        let parts = [of(&rows[..first]), of(&rows[first..second]), of(&rows[second..])];
        for state in merged(parts.each_ref()) {
            prop_assert_eq!(&state, &whole);
            prop_assert!(bytes(&state) == bytes(&whole));
        }
        let reversed: Vec<_> = rows.iter().rev().copied().collect();
        prop_assert!(bytes(&of(&reversed)) == bytes(&whole));
    }

    #[test]
    fn bytes_bring_the_state_back(rows in rows()) {
        let mut state = of(&rows);
        state.settle();
        let back: NumericState = postcard::from_bytes(&bytes(&state)).unwrap();
        prop_assert_eq!(&back, &state);
        prop_assert!(bytes(&back) == bytes(&state));
        prop_assert_eq!(back.distinct_count(), state.distinct_count());
        prop_assert_eq!(back.stddev(), state.stddev());
    }

    #[test]
    fn many_at_once_are_as_one_by_one(rows in rows(), whole in prop::collection::vec(-3000i32..3000, 0..3000), cut in 0.0..1.0f64) {
        let values: Vec<f64> = rows.iter().flatten().copied().collect();
        let whole: Vec<f64> = whole.into_iter().map(f64::from).collect();
        let small: Vec<f64> = whole.iter().map(|value| value % 2000.0).collect();
        let mixed = [small.as_slice(), &values, &whole].concat();
        for values in [values, whole, small, mixed] {
            let (first, second) = values.split_at((values.len() as f64 * cut) as usize);
            let (mut state, mut room) = (NumericState::default(), Room::default());
            state.add_all(first, &mut room);
            state.add_all(second, &mut room);
            let expected = numeric(values.iter().copied().map(Some));
            prop_assert!(bytes(&state) == bytes(&expected));
        }
    }
}
