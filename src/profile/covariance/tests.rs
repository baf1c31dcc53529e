#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::profile::name_codes::NameCodes;

fn scale(column: &str, mean: f64, stddev: f64) -> Scale {
    // Ten standard deviations to either side.
    let (low, high) = (mean - 10.0 * stddev, mean + 10.0 * stddev);
    Scale::of_numbers(column, mean, stddev, Bounds::of(&[low, mean, high], (low, high)))
}

fn reference(scales: &[(f64, f64)]) -> Reference {
    let scales = scales.iter().enumerate();
    Reference::new(scales.map(|(i, (mean, stddev))| scale(&format!("c{i}"), *mean, *stddev)).collect())
        .unwrap()
}

/// The state of rows that are given column by column, in the order of their names.
fn of(reference: &Reference, columns: &[Vec<f64>]) -> CovarianceState {
    let mut state = CovarianceState::default();
    let named = |scale: &Scale| columns[scale.column()[1..].parse::<usize>().unwrap()].as_slice();
    let columns: Vec<&[f64]> = reference.scales().iter().map(named).collect();
    state.add_all(reference, &columns, &mut Room::default()).unwrap();
    state
}

/// The ids of the scales, in the order of their names.
fn ids(reference: &Reference) -> Vec<u64> {
    let mut scales: Vec<&Scale> = reference.scales().iter().collect();
    scales.sort_by_key(|scale| scale.column()[1..].parse::<usize>().unwrap());
    scales.into_iter().map(Scale::id).collect()
}

fn standardized(reference: &Reference, columns: &[Vec<f64>]) -> Moments {
    of(reference, columns).standardized(&ids(reference))
}

fn bytes(state: &CovarianceState) -> Vec<u8> {
    postcard::to_stdvec(state).unwrap()
}

#[track_caller]
fn close(actual: f64, expected: f64, within: f64) {
    assert!((actual - expected).abs() <= within, "got {actual}, expected {expected}");
}

/// 2,000 rows of three columns, of which the last is a combination of the others.
fn rows() -> Vec<Vec<f64>> {
    let a: Vec<f64> = (0..2_000).map(|i| f64::from(i * 7 % 1_999) / 100.0).collect();
    let b: Vec<f64> = (0..2_000).map(|i| f64::from(i * i % 997) / 50.0 - 5.0).collect();
    let c = a.iter().zip(&b).map(|(a, b)| 3.0 * a - b).collect();
    vec![a, b, c]
}

#[test]
fn moments_are_those_of_the_rows() {
    let columns = rows();
    let scales = [(10.0, 5.8), (5.0, 6.0), (25.0, 18.0)];
    let moments = standardized(&reference(&scales), &columns);
    let n = 2_000.0;
    let z: Vec<Vec<f64>> = columns
        .iter()
        .zip(scales)
        .map(|(values, (mean, stddev))| values.iter().map(|value| (value - mean) / stddev).collect())
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    for i in 0..3 {
        close(moments.means()[i], mean(&z[i]), 1e-6);
        for j in 0..3 {
            let product: f64 = z[i].iter().zip(&z[j]).map(|(a, b)| a * b).sum::<f64>() / n;
            close(moments.covariances()[i][j], product - mean(&z[i]) * mean(&z[j]), 2e-5);
        }
    }
    close(moments.correlation(0, 0), 1.0, 0.0);
    close(moments.correlation(0, 2), moments.correlation(2, 0), 0.0);
}

#[test]
fn what_is_not_finite_takes_the_mean() {
    let reference = reference(&[(10.0, 2.0), (0.0, 1.0)]);
    let holes = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let with_holes = of(&reference, &[holes.to_vec(), vec![1.0, 2.0, 3.0]]);
    let with_means = of(&reference, &[vec![10.0; 3], vec![1.0, 2.0, 3.0]]);
    let ids = ids(&reference);
    assert_eq!(with_holes.standardized(&ids), with_means.standardized(&ids));
    assert_eq!(with_holes.measured().collect::<Vec<_>>(), [ids[1]]);
    assert_ne!(bytes(&with_holes), bytes(&with_means));
}

#[test]
fn values_are_clipped_at_either_end() {
    let reference = reference(&[(0.0, 1.0)]);
    let at_the_end = of(&reference, &[vec![CLIP, -CLIP, CLIP]]);
    for beyond in [CLIP + 1.0, 1e300, f64::MAX] {
        assert_eq!(of(&reference, &[vec![beyond, -beyond, beyond]]), at_the_end);
    }
    assert_ne!(of(&reference, &[vec![CLIP - 0.001, -CLIP, CLIP]]), at_the_end);
}

#[test]
fn the_wildest_rows_do_not_overflow() {
    // Wild rows of all columns, several chunks of them, whose mean is beyond a double's range from them.
    let bounds = Bounds::of(&[-1.0, 0.0, 1.0], (-1.0, 1.0));
    let wild = |i| Scale::of_numbers(&format!("c{i}"), -f64::MAX, f64::MIN_POSITIVE, bounds);
    let reference = Reference::new((0..MAX_COLUMNS).map(wild).collect()).unwrap();
    let mut state = of(&reference, &vec![vec![f64::MAX; 5_000]; MAX_COLUMNS]);
    for _ in 0..30 {
        let same = state.clone();
        state.merge(&same);
    }
    let moments = state.standardized(&ids(&reference));
    assert_eq!(moments.rows(), 5_000 << 30);
    assert!(moments.means().iter().all(|mean| *mean == CLIP));
    // Products of so many rows no longer fit, but what varies by nothing still does.
    assert!(moments.covariances().iter().flatten().all(|covariance| *covariance == 0.0));
    assert_eq!(moments.varying(), Vec::<usize>::new());
}

#[test]
fn a_column_without_a_scale_takes_no_part() {
    for scale in [(5.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (0.0, -1.0)] {
        let moments =
            standardized(&reference(&[scale, (0.0, 1.0)]), &[vec![1.0, 2.0, 1e9], vec![1.0, 2.0, 3.0]]);
        assert_eq!(moments.varying(), [1]);
        close(moments.correlation(0, 1), 0.0, 0.0);
    }
}

#[test]
fn what_does_not_vary_has_no_variance_at_all() {
    // A mean that no double holds.
    let moments = standardized(&reference(&[(0.0, 3.0)]), &[vec![0.1; 12_345]]);
    close(moments.covariances()[0][0], 0.0, 0.0);
    assert_eq!(moments.varying(), Vec::<usize>::new());
}

#[test]
fn columns_of_other_units_do_not_mix() {
    let one = reference(&[(0.0, 1.0), (0.0, 1.0)]);
    let other = reference(&[(0.0, 1.0), (0.1, 1.0)]);
    let rows = [vec![1.0, 2.0, 3.0], vec![2.0, 5.0, 2.0]];
    let mut sum = of(&one, &rows);
    sum.merge(&of(&other, &rows));
    let alone = of(&one, &rows).standardized(&ids(&one));
    // Each is there in its own rows, and missing in the others.
    let both: std::collections::BTreeSet<u64> = ids(&one).into_iter().chain(ids(&other)).collect();
    assert_eq!(sum.measured().collect::<Vec<_>>(), both.into_iter().collect::<Vec<_>>());
    assert_eq!(sum.rows(), 6);
    let together = sum.standardized(&ids(&one));
    close(together.means()[0], alone.means()[0], 0.0);
    close(together.means()[1], alone.means()[1] / 2.0, 0.0);
    let codes = |count| NameCodes::of([("a", count), ("b", 5)], 10);
    let others = [
        scale("c0", 0.0, 1.0),
        scale("c1", 0.0, 1.0),
        scale("c1", 0.1, 1.0),
        scale("c1", 0.0, 2.0),
        Scale::of_names("c0", codes(5)),
        Scale::of_names("c0", codes(4)),
    ];
    let mut all: Vec<u64> = others.iter().map(Scale::id).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), others.len());
    assert_eq!(reference(&[(0.0, 1.0)]), reference(&[(-0.0, 1.0)]));
}

/// What a table looks like to which a column is added: its rows until then are as if it had been there without values.
#[test]
fn a_column_that_joins_was_missing_before() {
    let (two, three) =
        (reference(&[(0.0, 1.0), (0.0, 1.0)]), reference(&[(0.0, 1.0), (0.0, 1.0), (3.0, 2.0)]));
    let before = [vec![1.0, 2.0, 3.0], vec![2.0, 5.0, 2.0]];
    let after = [vec![4.0, 1.0], vec![0.0, 1.0], vec![7.0, 9.0]];
    let unknown = vec![f64::NAN; 3];
    let mut as_it_came = of(&two, &before);
    let mut read_anew = of(&three, &[before[0].clone(), before[1].clone(), unknown]);
    read_anew.settle();
    assert_eq!(bytes(&as_it_came), bytes(&read_anew));
    let new = of(&three, &after);
    as_it_came.merge(&new);
    let mut all: Vec<Vec<f64>> = before.iter().zip(&after).map(|(a, b)| [a.as_slice(), b].concat()).collect();
    all.push([&[f64::NAN; 3][..], &after[2]].concat());
    assert_eq!(bytes(&as_it_came), bytes(&of(&three, &all)));
    // Nor does it matter in which order they come.
    let mut other = new;
    other.merge(&of(&two, &before));
    assert_eq!(bytes(&other), bytes(&as_it_came));
}

#[test]
fn rows_that_are_not_there_cannot_be_taken_away() {
    let (two, three) =
        (reference(&[(0.0, 1.0), (0.0, 1.0)]), reference(&[(0.0, 1.0), (0.0, 1.0), (3.0, 2.0)]));
    let of_two = |a: &[f64], b: &[f64]| of(&two, &[a.to_vec(), b.to_vec()]);
    let whole = of_two(&[1.0, 2.0, f64::NAN], &[2.0, 5.0, 2.0]);
    let fewer = of_two(&[1.0, 2.0], &[2.0, 5.0]);
    assert_eq!(fewer.without(&whole), None);
    // More values, or more that are missing, than there are.
    assert_eq!(whole.without(&of_two(&[1.0, 2.0, 3.0], &[2.0, 5.0, 2.0])), None);
    assert_eq!(whole.without(&of_two(&[f64::NAN, f64::NAN], &[2.0, 5.0])), None);
    // A column that is not looked at in the whole is none in the rest.
    let with_another = of(&three, &[vec![1.0, 2.0], vec![2.0, 5.0], vec![8.0, 9.0]]);
    assert_eq!(whole.without(&with_another), whole.without(&fewer));
    // Of the row that is left one column has no value.
    assert_eq!(whole.without(&fewer).unwrap().measured().collect::<Vec<_>>(), [ids(&two)[1]]);
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let reference = reference(&[(0.0, 1.0), (0.0, 1.0)]);
    let mut state = CovarianceState::default();
    let room = &mut Room::default();
    let columns = Mismatch::Columns { expected: 2, found: 1 };
    assert_eq!(state.add_all(&reference, &[&[1.0]], room), Err(columns));
    assert_eq!(state.add_all(&reference, &[&[1.0], &[1.0, 2.0]], room), Err(Mismatch::Lengths));
    assert_eq!(state.add_all(&reference, &[&[], &[]], room), Ok(()));
    assert_eq!(state.rows(), 0);
    assert_eq!(Reference::new(vec![]), Err(ColumnCount(0)));
    assert_eq!(Reference::new(vec![scale("c0", 0.0, 1.0); 33]), Err(ColumnCount(33)));
}

#[test]
fn damaged_bytes_are_no_state() {
    let whole = bytes(&of(&reference(&[(0.0, 1.0), (0.0, 1.0)]), &[vec![1.0, 2.0], vec![2.0, 3.0]]));
    let cut = |at: usize| postcard::from_bytes::<CovarianceState>(&whole[..at]);
    assert!((0..whole.len()).all(|at| cut(at).is_err()));
    // As before, but with sums of one column less.
    let mut state: CovarianceState = postcard::from_bytes(&whole).unwrap();
    state.bounded = Sums::of_columns(1);
    assert!(postcard::from_bytes::<CovarianceState>(&bytes(&state)).is_err());
}

#[test]
fn a_state_takes_a_dozen_bytes_a_pair() {
    let columns: Vec<Vec<f64>> = (0..32)
        .map(|c| (0..10_000).map(|i| f64::from((i * (2 * c + 7)) % 1_000) / 289.0).collect())
        .collect();
    let state = of(&reference(&[(1.73, 1.0); 32]), &columns);
    let size = bytes(&state).len();
    assert!((5_000..32 * 33 / 2 * 14).contains(&size), "{size}");
    assert!(state.size() <= CovarianceState::size_of_columns(32), "{}", state.size());
    assert!(CovarianceState::size_of_columns(32) < 20_000);
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -20.0..20.0f64,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, 0.0, -0.0, 1e300, -1e300]),
    ]
}

proptest! {
    #[test]
    fn order_and_grouping_do_not_matter(
        mut rows in prop::collection::vec([value(), value(), value()], 1..60), cuts in (0usize..60, 0usize..60),
    ) {
        let reference = reference(&[(1.0, 3.0), (0.0, 0.1), (-5.0, 1e3)]);
        let of_rows = |rows: &[[f64; 3]]| {
            let columns: Vec<Vec<f64>> = (0..3).map(|c| rows.iter().map(|row| row[c]).collect()).collect();
            of(&reference, &columns)
        };
        let plus = |a: &CovarianceState, b: &CovarianceState| {
            let mut sum = a.clone();
            sum.merge(b);
            sum
        };
        let settled = |mut state: CovarianceState| {
            state.settle();
            bytes(&state)
        };
        let whole = of_rows(&rows);
        let (first, second) = (cuts.0.min(cuts.1).min(rows.len()), cuts.0.max(cuts.1).min(rows.len()));
        let (a, b, c) = (of_rows(&rows[..first]), of_rows(&rows[first..second]), of_rows(&rows[second..]));
        for merged in [plus(&plus(&a, &b), &c), plus(&a, &plus(&b, &c)), plus(&plus(&c, &a), &b)] {
            prop_assert_eq!(settled(merged), settled(whole.clone()));
        }
        // What is taken away is as if it had never been there.
        let rest = |part: &CovarianceState| settled(whole.without(part).unwrap());
        prop_assert_eq!(rest(&b), settled(plus(&a, &c)));
        let mut last = c.clone();
        last.settle();
        prop_assert_eq!(rest(&last), settled(plus(&a, &b)));
        prop_assert_eq!(rest(&whole), settled(of_rows(&[])));
        rows.reverse();
        prop_assert_eq!(settled(of_rows(&rows)), settled(whole.clone()));
        let read: CovarianceState = postcard::from_bytes(&bytes(&whole)).unwrap();
        prop_assert_eq!(read, whole);
    }

    #[test]
    fn correlations_are_correlations(rows in prop::collection::vec((-9.0..9.0f64, -9.0..9.0f64, value()), 2..50)) {
        let rows: Vec<[f64; 3]> = rows.into_iter().map(Into::into).collect();
        let columns: Vec<Vec<f64>> = (0..3).map(|c| rows.iter().map(|row| row[c]).collect()).collect();
        let moments = standardized(&reference(&[(0.0, 1.0), (3.0, 2.0), (0.0, 5.0)]), &columns);
        for i in 0..3 {
            for j in 0..3 {
                prop_assert!((-1.0..=1.0).contains(&moments.correlation(i, j)));
                prop_assert_eq!(moments.correlation(i, j), moments.correlation(j, i));
            }
        }
    }

    #[test]
    fn references_come_back_from_their_bytes(scales in prop::collection::vec((any::<f64>(), any::<f64>()), 1..6)) {
        let reference = reference(&scales);
        let bytes = postcard::to_stdvec(&reference).unwrap();
        let read: Reference = postcard::from_bytes(&bytes).unwrap();
        prop_assert!(read.ids().eq(reference.ids()));
        prop_assert_eq!(read, reference);
    }
}
