//! What every measure keeps to, whatever it is given: it has a value within its range, or the row says why not.
#![allow(clippy::unwrap_used)]

use jiff::tz::TimeZone;
use num_bigint::BigInt;
use num_traits::Signed;
use proptest::prelude::*;

use super::paired::{Paired, PairedNumbers};
use super::wasserstein_distance::wasserstein_distance;
use super::*;
use crate::profile::exact::{hostile, same, units};
use crate::profile::gap::Gaps;
use crate::profile::numeric::NumericState;
use crate::profile::opaque::OpaqueState;
use crate::profile::oracle::numeric;
use crate::profile::reason::is_explained;
use crate::profile::text::TextState;
use crate::profile::{ColumnInfo, ColumnState, Kind, Role};
use crate::window::Granularity;

const OF_ALL: [&str; 4] = ["count_delta", "percent_null_delta", "percent_distinct_delta", "null_test"];
const OF_BINS: [&str; 7] = [
    "js_distance",
    "population_stability_index",
    "hellinger_distance",
    "kl_divergence",
    "effect_size",
    "drift_pvalue",
    "num_bins",
];
const OF_NUMBERS: [&str; 11] = [
    "median_delta",
    "stddev_delta",
    "percent_out_of_range",
    "avg_delta",
    "percent_zeros_delta",
    "ks_test",
    "wasserstein_distance",
    "wasserstein_distance_normed",
    "energy_distance",
    "cramer_von_mises_test",
    "standardized_mean_difference",
];
const OF_NAMES: [&str; 6] = [
    "chi_squared_test",
    "chi_squared_degrees_of_freedom",
    "cramers_v",
    "tv_distance",
    "l_infinity_distance",
    "percent_unexpected",
];

/// The row of a column in a window, compared with another.
fn row(now: ColumnState, then: ColumnState) -> DriftRow {
    // The kind is that of the states.
    let info = ColumnInfo {
        name: "x".to_owned(),
        data_type: String::new(),
        kind: Kind::Opaque,
        role: Role::Feature,
    };
    let group = |state: ColumnState| Group::new(state.count() + state.num_nulls(), vec![state], None);
    rows(&[info], &group(now), &group(then)).remove(1)
}

fn rows(columns: &[ColumnInfo], now: &Group, then: &Group) -> Vec<DriftRow> {
    let calendar = Calendar::new(TimeZone::UTC);
    let window = calendar.window_of(Granularity::Day, "2026-05-01T12:00:00Z".parse().unwrap()).unwrap();
    let segment = Segment { model_version: ALL_VERSIONS.to_owned(), slice: None };
    let compared = Compared {
        comparison: Comparison::Baseline,
        window: None,
        windows: None,
        baseline_model_version: Some(ALL_VERSIONS),
        model_version: None,
        group: Some(then),
        rehearsal: None,
        gaps: &Gaps::new(),
    };
    let profiles = Profiles::of(columns.to_vec());
    let series = Series { granularity: Granularity::Day, segment };
    let known = &mut row::KnownComponents::default();
    row::rows(&profiles, &profiles.subjects().concat(), &series, window, now, &compared, known)
}

fn numbers(values: &[Option<f64>]) -> NumericState {
    numeric(values.iter().copied())
}

fn names(values: &[Option<&str>]) -> TextState {
    let mut state = TextState::default();
    for value in values {
        match value {
            Some(value) => state.add(value, 1),
            None => state.add_nulls(1),
        }
    }
    state
}

#[track_caller]
fn check(now: ColumnState, then: ColumnState, reason: Option<&str>) {
    let own: &[&str] = match &now {
        ColumnState::Numeric(_) => &OF_NUMBERS,
        ColumnState::Text(_) => &OF_NAMES,
        _ => &[],
    };
    let binned: &[&str] = if own.is_empty() { &[] } else { &OF_BINS };
    let row = row(now, then);
    if reason.is_some() {
        assert_eq!(row.reason.as_deref(), reason);
    }
    is_explained(&row, &[&OF_ALL, own, binned].concat());
    let share = [
        row.js_distance,
        row.tv_distance,
        row.l_infinity_distance,
        row.hellinger_distance,
        row.cramers_v,
        row.effect_size,
        row.drift_pvalue,
    ];
    let tests =
        [row.ks_test, row.chi_squared_test, row.cramer_von_mises_test, row.null_test].into_iter().flatten();
    let shares = share.into_iter().flatten().chain(tests.map(|test| test.pvalue));
    let shares: Vec<f64> = shares.chain(row.ks_test.map(|test| test.statistic)).collect();
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    let sizes = [
        row.population_stability_index,
        row.kl_divergence,
        row.wasserstein_distance,
        row.wasserstein_distance_normed,
        row.energy_distance,
    ];
    let sizes = sizes.into_iter().flatten().chain(row.chi_squared_test.map(|test| test.statistic));
    sizes.for_each(|size| assert!((0.0..=f64::MAX).contains(&size), "{size}"));
}

#[test]
fn what_has_no_value_says_why() {
    let of = |values: &[Option<f64>]| ColumnState::Numeric(numbers(values));
    let (none, nan, one) = (|| of(&[None]), || of(&[Some(f64::NAN)]), || of(&[Some(1.0)]));
    let two = || of(&[Some(1.0), Some(2.0)]);
    check(none(), nan(), Some("neither side has a finite value"));
    check(none(), one(), Some("the window has no finite value"));
    check(one(), none(), Some("the comparison has no finite value"));
    check(
        one(),
        one(),
        Some(
            "stddev_delta, standardized_mean_difference: there is only one finite value; ks_test, effect_size, drift_pvalue: each \
             side has only one value; wasserstein_distance_normed: the comparison does not vary; cramer_von_mises_test: a side \
             has only one value",
        ),
    );
    check(two(), one(), None);
    let beyond = "avg_delta, median_delta, wasserstein_distance, wasserstein_distance_normed, energy_distance, \
                  standardized_mean_difference: it is beyond the range of a double; stddev_delta: there is only one finite \
                  value; cramer_von_mises_test: a side has only one value";
    check(of(&[Some(f64::MAX); 2]), of(&[Some(f64::MIN)]), Some(beyond));

    let of = |values: &[Option<&str>]| ColumnState::Text(names(values));
    check(of(&[Some("a")]), of(&[None]), Some("the comparison has no value"));
    check(
        of(&[Some("")]),
        of(&[Some("")]),
        Some(
            "chi_squared_test, chi_squared_degrees_of_freedom, cramers_v, drift_pvalue: there is only one category",
        ),
    );
    check(of(&[Some("a")]), of(&[Some("")]), None);
    let many: Vec<String> = (0..200).map(|i| i.to_string()).collect();
    let many: Vec<Option<&str>> = many.iter().map(|name| Some(name.as_str())).collect();
    check(of(&many), of(&many), Some("nearly every value is different, so shares say nothing"));

    let of = |values: &[Option<f64>]| ColumnState::Time(numbers(values));
    check(of(&[None]), of(&[Some(1.7e9)]), Some("the window has no value"));
    check(of(&[Some(1.7e9)]), of(&[Some(1.7e9)]), None);
}

/// Identifiers are not compared, however few; categories are, however few, as long as they come again.
#[test]
fn identifiers_are_told_from_categories() {
    let ids = |first: u32, count: u32| (first..first + count).map(|i| format!("tx-{i}")).collect();
    let cycle = |names: u32, count: u32| (0..count).map(|i| format!("c-{}", i % names)).collect();
    let each = |name: &str, count: usize| vec![name.to_owned(); count];
    // Comparison, window, whether they are compared.
    let cases: [(&str, Vec<String>, Vec<String>, bool); 18] = [
        ("few ids, few others", ids(0, 20), ids(20, 20), false),
        ("one id, one other", ids(0, 1), ids(1, 1), false),
        ("99 ids, 99 others", ids(0, 99), ids(99, 99), false),
        ("a large baseline of ids", ids(0, 5_000), ids(9_000, 20), false),
        ("a large baseline of ids, the same again", ids(0, 5_000), ids(0, 5_000), false),
        ("a quiet hour of ids, a busy one", ids(0, 5), ids(5, 20_000), false),
        ("ids, of which a third twice", [ids(0, 40), ids(0, 20)].concat(), ids(40, 60), false),
        ("ids became one category", ids(0, 5_000), each("a", 20), false),
        ("20 rows of 3 categories", cycle(3, 20), cycle(3, 20), true),
        ("3 rows of 3 categories", cycle(3, 3), cycle(3, 3), true),
        ("3 rows of 3 categories, 1,000 rows of them", cycle(3, 3), cycle(3, 1_000), true),
        ("20 rows of 20 categories, 5,000 rows of them", cycle(20, 20), cycle(20, 5_000), true),
        ("5,000 rows of 50 categories, 10 rows of 10", cycle(50, 5_000), cycle(50, 10), true),
        ("20 rows of 3 categories became ids", cycle(3, 20), ids(0, 20), true),
        ("a large baseline of categories became ids", cycle(3, 5_000), ids(0, 20), true),
        ("categories became others", cycle(3, 20), each("new", 20), true),
        ("a constant", each("a", 1), each("a", 1), true),
        ("a constant became another", each("a", 2), each("b", 2), true),
    ];
    for (what, then, now, compared) in cases {
        let of = |values: &[String]| {
            let mut state = TextState::default();
            values.iter().for_each(|value| state.add(value, 1));
            ColumnState::Text(state)
        };
        let row = row(of(&now), of(&then));
        let distances =
            [row.population_stability_index, row.js_distance, row.tv_distance, row.l_infinity_distance];
        assert!(distances.iter().all(|distance| distance.is_some() == compared), "{what}: {distances:?}");
        let is_told = row.reason.as_deref() == Some("nearly every value is different, so shares say nothing");
        assert_eq!(is_told, !compared, "{what}: {:?}", row.reason);
    }
}

#[test]
fn an_awaited_label_neither_comes_nor_goes() {
    let info = |name: &str, is_label| ColumnInfo {
        name: name.to_owned(),
        data_type: String::new(),
        kind: Kind::Numeric,
        role: if is_label { Role::Label } else { Role::Feature },
    };
    let columns = [info("age", false), info("income", false), info("label", true)];
    let group = |values: [Option<f64>; 3]| {
        let states = values.map(|value| ColumnState::Numeric(numbers(&[value])));
        Group::new(1, states.to_vec(), None)
    };
    let (with, without) = (group([Some(1.0), None, Some(1.0)]), group([None, Some(1.0), None]));
    let delta = |now, then| rows(&columns, now, then)[0].non_null_columns_delta.unwrap();
    for (now, then) in [(&with, &without), (&without, &with)] {
        let delta = delta(now, then);
        assert_eq!((delta.added, delta.missing), (1, 1));
    }
    let delta = delta(&with, &with);
    assert_eq!((delta.added, delta.missing), (0, 0));
}

#[test]
fn a_difference_of_counts_is_exact_where_counts_are_no_doubles() {
    let opaque = |count| ColumnState::Opaque(OpaqueState { count, ..OpaqueState::default() });
    let large = 1u64 << 53;
    assert_eq!(row(opaque(large + 1), opaque(large)).count_delta, Some(1.0));
    assert_eq!(row(opaque(large), opaque(large + 1)).count_delta, Some(-1.0));
}

fn any_number() -> impl Strategy<Value = Option<f64>> {
    let odd = prop::sample::select(vec![None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)]);
    prop_oneof![5 => hostile().prop_map(Some), 1 => odd]
}

fn column() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec(any_number(), 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn no_measure_of_numbers_is_missing_without_a_reason(now in column(), then in column()) {
        check(ColumnState::Numeric(numbers(&now)), ColumnState::Numeric(numbers(&then)), None);
        check(ColumnState::Time(numbers(&now)), ColumnState::Time(numbers(&then)), None);
    }

    #[test]
    fn no_measure_of_names_is_missing_without_a_reason(
        now in prop::collection::vec((prop::option::of("[a-c]?"), 1u64..=1 << 53), 1..5),
        then in prop::collection::vec((prop::option::of("[a-c]?"), 1u64..=1 << 53), 1..5),
    ) {
        let of = |rows: &[(Option<String>, u64)]| {
            let mut state = TextState::default();
            for (name, count) in rows {
                match name {
                    Some(name) => state.add(name, *count),
                    None => state.add_nulls(*count),
                }
            }
            ColumnState::Text(state)
        };
        check(of(&now), of(&then), None);
    }

    #[test]
    fn shares_of_many_bins_stay_shares(counts in prop::collection::vec((0u64..=1 << 40, 0u64..=3), 1..300)) {
        let (left, right): (Vec<u64>, Vec<u64>) = counts.into_iter().unzip();
        let Some(pair) = Paired::from_counts(&left, &right) else { return Ok(()) };
        let distances = [
            tv_distance::tv_distance(&pair),
            l_infinity_distance::l_infinity_distance(&pair),
            js_distance::js_distance(&pair),
            hellinger_distance::hellinger_distance(&pair),
            cramers_v::cramers_v(&pair).unwrap_or_default(),
        ];
        prop_assert!(distances.iter().all(|distance| (0.0..=1.0).contains(distance)), "{:?}", distances);
    }

    #[test]
    fn distances_of_shares_keep_their_promises(
        counts in prop::collection::vec((0u64..=1000, 0u64..=1000), 1..40), times in 2u64..1000,
    ) {
        let (then, now): (Vec<u64>, Vec<u64>) = counts.into_iter().unzip();
        let scaled: Vec<u64> = now.iter().map(|count| count * times).collect();
        let (Some(pair), Some(back)) = (Paired::from_counts(&then, &now), Paired::from_counts(&now, &then)) else {
            return Ok(());
        };
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 + 1e-9 * a.abs();
        // Cramér's V is not among those that do not change with the rows of one side alone.
        let of_shares: [fn(&Paired) -> f64; 6] = [
            population_stability_index::population_stability_index,
            kl_divergence::kl_divergence,
            hellinger_distance::hellinger_distance,
            js_distance::js_distance,
            tv_distance::tv_distance,
            l_infinity_distance::l_infinity_distance,
        ];
        for (place, distance) in of_shares.into_iter().enumerate() {
            prop_assert!((0.0..f64::MAX).contains(&distance(&pair)), "{place}");
            prop_assert!(distance(&Paired::from_counts(&now, &scaled).unwrap()).abs() < 1e-12, "{place}: equal");
            let other = distance(&Paired::from_counts(&then, &scaled).unwrap());
            prop_assert!(near(distance(&pair), other), "{place}: {} {other}", distance(&pair));
            prop_assert!(place == 1 || near(distance(&pair), distance(&back)), "{place}: not symmetric");
        }
        let [psi, there, back_again] =
            [of_shares[0](&pair), of_shares[1](&pair), of_shares[1](&back)];
        prop_assert!(near(psi, there + back_again), "{psi} {there} {back_again}");
        let v = |pair| cramers_v::cramers_v(pair).unwrap_or_default();
        prop_assert!(near(v(&pair), v(&back)));
        let both: Vec<u64> = then.iter().map(|count| count * times).collect();
        prop_assert!(near(v(&pair), v(&Paired::from_counts(&both, &scaled).unwrap())));
    }

    #[test]
    fn distances_of_numbers_keep_their_promises(
        then in prop::collection::vec(-100i32..100, 2..60), now in prop::collection::vec(-100i32..100, 2..60),
    ) {
        let numbers = |values: &[i32]| numeric(values.iter().map(|value| Some(f64::from(*value))));
        let (then, now) = (numbers(&then), numbers(&now));
        let pair = |a: &NumericState, b: &NumericState| PairedNumbers::new(&a.distribution, &b.distribution).unwrap();
        let (there, back, equal) = (pair(&then, &now), pair(&now, &then), pair(&now, &now));
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
        for distance in [energy_distance::energy_distance, wasserstein_distance] {
            prop_assert!(near(distance(&there).unwrap(), distance(&back).unwrap()));
            prop_assert!(distance(&there).unwrap() >= 0.0 && distance(&equal) == Some(0.0));
        }
        let test = |pair| cramer_von_mises_test::cramer_von_mises_test(pair).unwrap();
        prop_assert!(near(test(&there).statistic, test(&back).statistic));
        prop_assert!(test(&there).statistic + 1e-9 >= test(&equal).statistic.min(0.0));
        prop_assert!(test(&equal).pvalue > 0.9, "{:?}", test(&equal));
        let moved = standardized_mean_difference::standardized_mean_difference;
        let difference = now.avg().unwrap() - then.avg().unwrap();
        if let (Ok(up), Ok(down)) = (moved(difference, &now, &then), moved(-difference, &then, &now)) {
            prop_assert!(near(up, -down));
        }
    }

    #[test]
    fn a_distance_is_right_or_beyond_a_double(
        now in prop::collection::vec(hostile(), 1..7), then in prop::collection::vec(hostile(), 1..7),
    ) {
        let (left, right) = (numeric(then.iter().copied().map(Some)), numeric(now.iter().copied().map(Some)));
        let pair = PairedNumbers::new(&left.distribution, &right.distribution).unwrap();
        let mut places: Vec<f64> = [now.as_slice(), &then].concat();
        places.sort_by(f64::total_cmp);
        let (n, m) = (now.len(), then.len());
        let upto = |values: &[f64], place: f64| values.iter().filter(|value| **value <= place).count();
        // In units of 1 / (n m).
        let expected: BigInt = places
            .windows(2)
            .map(|step| {
                let gap = (upto(&now, step[0]) * m).abs_diff(upto(&then, step[0]) * n);
                (units(step[1]) - units(step[0])).abs() * gap
            })
            .sum();
        match wasserstein_distance(&pair) {
            Some(distance) => prop_assert!(same(&(units(distance) * (n * m)), &expected, &(n * m * 8).into())),
            None => prop_assert!(expected * 1_000_001 >= units(f64::MAX) * (n * m) * 1_000_000),
        }
    }
}
