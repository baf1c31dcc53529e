use proptest::prelude::*;

use super::*;

fn of(values: &[f64]) -> Distribution {
    let mut distribution = Distribution::default();
    values.iter().for_each(|value| distribution.add(*value));
    distribution.settle();
    distribution
}

/// The same, with the rows at `edges` told apart.
fn with(edges: &Edges, values: &[f64]) -> Distribution {
    let mut distribution = Distribution::default();
    distribution.pin(edges);
    values.iter().for_each(|value| distribution.add(*value));
    distribution.settle();
    distribution
}

/// As rows are counted in a run: looked into until no bucket is crowded.
fn looked_into(values: &[f64]) -> Distribution {
    let mut edges = Edges::default();
    for _ in 0..4 {
        for bucket in crowded::crowded(&with(&edges, values)) {
            let inside = values.iter().copied().filter(|value| (bucket.low..=bucket.high).contains(value));
            let inside = of(&inside.collect::<Vec<f64>>());
            assert_eq!(inside.total(), bucket.count);
            edges = edges.and(&crowded::edges(&bucket, &inside, values.len() as u64));
        }
    }
    with(&edges, values)
}

fn ranks_of(distribution: &Distribution, values: &[f64]) -> Ranks {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ranks::new(distribution, min, max)
}

fn ranks(values: &[f64]) -> Ranks {
    ranks_of(&of(values), values)
}

/// Greatest distance of a quantile's own rank from the rank that was asked for.
fn rank_error(distribution: &Distribution, values: &[f64]) -> f64 {
    let ranks = ranks_of(distribution, values);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let share = |count: usize| count as f64 / sorted.len() as f64;
    let found = (0..=200)
        .map(|step| {
            let q = f64::from(step) / 200.0;
            let value = ranks.quantile(q).unwrap_or(f64::NAN);
            let below = share(sorted.partition_point(|other| *other < value));
            let upto = share(sorted.partition_point(|other| *other <= value));
            (below - q).max(q - upto).max(0.0)
        })
        .fold(0.0, f64::max);
    // Between two values a quantile lies between two ranks.
    let most = ranks.error() + share(1) + 1e-12;
    assert!(found <= most, "a rank is off by {found}, and not by at most {most}");
    found
}

/// A fixed sequence of numbers in [0, 1).
fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            // SplitMix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
        })
        .collect()
}

/// A fixed sequence of normal numbers.
fn normal(seed: u64, count: usize) -> Vec<f64> {
    let pairs = uniform(seed, count).into_iter().zip(uniform(seed + 1000, count));
    pairs.map(|(u, v)| (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()).collect()
}

/// `share` of the rows are of the one kind, the others of the other.
fn mixture(share: f64, one: Vec<f64>, other: Vec<f64>) -> Vec<f64> {
    let which = uniform(99, one.len());
    which
        .iter()
        .zip(one.into_iter().zip(other))
        .map(|(u, (one, other))| if *u < share { one } else { other })
        .collect()
}

fn map(values: Vec<f64>, to: impl Fn(f64) -> f64) -> Vec<f64> {
    values.into_iter().map(to).collect()
}

#[test]
fn few_values_are_counted_exactly() {
    let values: Vec<f64> = (0..LIMIT).map(|i| i as f64 * 0.37 - 100.0).collect();
    assert!(of(&values).is_exact());
    assert_eq!(ranks(&[1.0, 2.0, 3.0, 4.0]).quantile(0.5), Some(2.5));
    assert_eq!(ranks(&[1.0, 2.0, 3.0, 4.0]).quantile(0.25), Some(1.75));
    assert_eq!(ranks(&[7.0]).quantile(0.3), Some(7.0));
    assert_eq!(ranks(&[]).quantile(0.5), None);
}

#[test]
fn ranks_are_close_where_rows_lie_evenly_in_their_buckets() {
    let rows = 200_000;
    let (u, z) = (|| uniform(1, rows), || normal(1, rows));
    let signed = |decades: f64| {
        let sign = uniform(2, rows).into_iter().map(|v| if v < 0.5 { -1.0 } else { 1.0 });
        sign.zip(u()).map(|(sign, u)| sign * 10f64.powf(decades * (u - 0.5))).collect::<Vec<f64>>()
    };
    let cases: Vec<(&str, Vec<f64>)> = vec![
        ("constant", vec![0.1; rows]),
        ("two values", map(u(), |u| if u < 0.3 { 1.0 } else { 2.0 })),
        ("uniform", u()),
        ("normal, both signs", z()),
        ("normal at 1e9", map(z(), |z| 1e9 + z)),
        ("normal at −1e6", map(z(), |z| z - 1e6)),
        ("few steps at 1e15", map(u(), |u| 1e15 + 100.0 * u)),
        ("many steps at 1e15", map(z(), |z| 1e15 + 1000.0 * z)),
        ("Pareto, no variance", map(u(), |u| 1.0 / (1.0 - u))),
        ("Pareto, no mean", map(u(), |u| (1.0 - u).powi(-3))),
        ("Cauchy", map(u(), |u| (std::f64::consts::PI * (u - 0.5)).tan())),
        ("log-normal, 20 decades", map(z(), |z| (5.0 * z).exp())),
        ("crowded around 0, both signs", map(u(), |u| (2.0 * u - 1.0).powi(3))),
        ("40 decades, both signs", signed(40.0)),
        ("600 decades, both signs", signed(600.0)),
        ("subnormals", map(u(), |u| (u * 2f64.powi(40)).floor() * 5e-324)),
        ("subnormals of both signs", map(u(), |u| ((u - 0.5) * 2f64.powi(50)).floor() * 5e-324)),
        ("60 % zeros, log-normal", mixture(0.6, vec![0.0; rows], map(z(), f64::exp))),
        ("cents", map(u(), |u| (u * 1e5).round() / 100.0)),
        (
            "seconds of a year, 1 % zeros",
            mixture(0.01, vec![0.0; rows], map(u(), |u| 1.7e9 + (u * 3.15e7).floor())),
        ),
        (
            "99.9 % within 1e-3 at 1e6, others over 12 decades",
            mixture(0.999, map(u(), |u| 1e6 + 2e-3 * (u - 0.5)), map(z(), |z| 10f64.powf(2.0 * z))),
        ),
    ];
    for (name, values) in cases {
        let distribution = of(&values);
        let error = rank_error(&distribution, &values);
        assert!(error <= 0.0006, "{name}: {error}");
    }
}

#[test]
fn ranks_are_close_in_crowded_buckets_that_were_looked_into() {
    #[track_caller]
    fn check(name: &str, values: &[f64], without: f64) {
        let alone = of(values);
        let (before, edges) = (rank_error(&alone, values), looked_into(values));
        // Without edges they would be far off: that is what the look is for.
        assert!(before >= without, "{name}: {before} without edges");
        let after = rank_error(&edges, values);
        assert!(after <= 0.0025, "{name}: {after} with {} edges", edges.edges().values().count());
    }
    let cluster = |rows: usize| {
        let outliers = map(uniform(2, rows), |u| 10f64.powf(12.0 * u - 6.0));
        mixture(0.99, map(uniform(1, rows), |u| 1e6 + 2e-3 * (u - 0.5)), outliers)
    };
    let rows = 200_000;
    let u = || uniform(1, rows);
    let z = || normal(1, rows);
    check("30 % are 9.99", &mixture(0.3, vec![9.99; rows], map(z(), |z| (2.0 + z).exp())), 0.2);
    check("2 % are 9.99", &mixture(0.02, vec![9.99; rows], map(z(), |z| (2.0 + z).exp())), 0.01);
    check("confident probabilities", &map(z(), |z| 1.0 / (1.0 + (-6.0 * z).exp())), 0.05);
    check("half at 1e9, half below 1", &mixture(0.5, map(z(), |z| 1e9 + z), u()), 0.45);
    check("99 % at 1e6 in 200,000 rows", &cluster(rows), 0.001);
    check("99 % at 1e6 in 1,000,000 rows", &cluster(1_000_000), 0.9);
    let prices: Vec<f64> = map(uniform(5, rows), |u| (u * 40.0).floor() + 0.99);
    check("40 prices among others", &mixture(0.8, prices, map(z(), |z| (2.0 + z).exp())), 0.01);
    let everywhere = map(uniform(6, rows), |u| 10f64.powf(600.0 * (u - 0.5)));
    check(
        "a cluster within a cluster",
        &mixture(0.9, mixture(0.5, vec![1.25; rows], map(z(), |z| 1.25 + 1e-9 * z)), everywhere),
        0.2,
    );
}

#[test]
fn smooth_columns_are_not_crowded() {
    let rows = 200_000;
    for values in [
        uniform(1, rows),
        normal(1, rows),
        map(normal(1, rows), f64::exp),
        map(uniform(1, rows), |u| (1.0 - u).powi(-3)),
    ] {
        assert_eq!(crowded::crowded(&of(&values)), []);
    }
}

#[test]
fn what_moves_within_a_bucket_is_seen_at_an_edge() {
    let others = || map(normal(1, 50_000), |z| (2.0 + z).exp());
    let (old, new) = (mixture(0.6, vec![9.95; 50_000], others()), mixture(0.6, vec![9.99; 50_000], others()));
    let edges = looked_into(&old).edges().clone();
    let below = |values: &[f64]| {
        let ranks = ranks_of(&with(&edges, values), values);
        (ranks.quantile(0.3), ranks.quantile(0.7))
    };
    assert_eq!(below(&old), (Some(9.95), Some(9.95)));
    assert!(below(&new).0.is_some_and(|value| value > 9.95 && value < 10.0), "{:?}", below(&new));
}

#[test]
fn a_value_that_many_share_is_found_to_within_its_bucket() {
    let rows = 50_000;
    let values = mixture(0.3, vec![9.99; rows], map(normal(1, rows), |z| (2.0 + z).exp()));
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let ranks = ranks(&values);
    for (index, value) in sorted.iter().enumerate().step_by(97) {
        let actual = ranks.value_at(index as u64);
        assert!((actual / value - 1.0).abs() < 1.0 / 64.0, "{index}: {actual}, not {value}");
    }
}

#[test]
fn extremes_have_buckets() {
    let mut values = uniform(7, 3000);
    values.extend([f64::MAX, f64::MIN, 0.0, -0.0, 5e-324, f64::INFINITY, f64::NAN]);
    let distribution = of(&values);
    assert_eq!(distribution.total(), 3005);
    assert!(distribution.buckets().iter().all(|bucket| bucket.low <= bucket.high));
    assert_eq!(of(&[0.0, -0.0]).buckets_in_use(), 1);
}

#[test]
fn zeros_stay_zeros_among_many_values() {
    let values = mixture(0.6, vec![0.0; 20_000], map(normal(1, 20_000), f64::exp));
    let ranks = ranks(&values);
    assert_eq!(ranks.quantile(0.01), Some(0.0));
    assert_eq!(ranks.quantile(0.5), Some(0.0));
}

#[test]
fn the_ends_are_the_extremes() {
    let values = normal(1, 20_000);
    let ranks = ranks(&values);
    assert_eq!(ranks.quantile(0.0), Some(ranks.min));
    assert_eq!(ranks.quantile(1.0), Some(ranks.max));
}

/// Thousands of rows that no bucket crowds: of one family, at any scale, on either side of zero.
fn smooth() -> impl Strategy<Value = Vec<f64>> {
    let scale = (-250i32..250).prop_map(|k| 2f64.powi(k));
    let offset = prop_oneof![Just(0.0), (0i32..40).prop_map(|k| 2f64.powi(k))];
    let shape = 0usize..6;
    (0u64..1000, 3_000usize..20_000, shape, scale, offset, any::<bool>()).prop_map(
        |(seed, rows, shape, scale, offset, negative)| {
            let values = match shape {
                0 => uniform(seed, rows),
                1 => normal(seed, rows),
                2 => map(uniform(seed, rows), |u| 1.0 / (1.0 - u)),
                3 => map(uniform(seed, rows), |u| (1.0 - u).powi(-3)),
                4 => map(uniform(seed, rows), |u| 10f64.powf(12.0 * u - 6.0)),
                _ => map(uniform(seed, rows), |u| (2.0 * u - 1.0).powi(3)),
            };
            // An offset keeps the rows of one family apart only if they do not reach far beyond it.
            let offset = if shape <= 1 { offset } else { 0.0 };
            let sign = if negative { -1.0 } else { 1.0 };
            map(values, |value| sign * scale * (value + offset))
        },
    )
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let number = prop_oneof![
        4 => -1.0..1.0f64,
        2 => (0i32..50).prop_map(f64::from),
        1 => any::<f64>(),
    ];
    (prop::collection::vec(number, 0..60), 1usize..120).prop_map(|(values, times)| {
        // Spread a few into thousands, so that buckets are shared.
        (0..times).flat_map(|i| values.iter().map(move |v| v * (1.0 + i as f64 / 977.0))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn order_and_grouping_do_not_matter(mut values in values(), split in 0.0..1.0f64) {
        let whole = of(&values);
        let (left, right) = values.split_at((values.len() as f64 * split) as usize);
        let mut merged = of(right);
        merged.merge(&of(left));
        prop_assert_eq!(&merged, &whole);
        values.reverse();
        prop_assert_eq!(&of(&values), &whole);
    }

    #[test]
    fn bytes_bring_it_back(values in values()) {
        let whole = of(&values);
        let bytes = postcard::to_stdvec(&whole).unwrap_or_default();
        let back: Distribution = postcard::from_bytes(&bytes).unwrap_or_default();
        prop_assert_eq!(back.total(), whole.total());
        prop_assert_eq!(&back, &whole);
    }
    #[test]
    fn ranks_are_close_at_any_scale(mut values in smooth()) {
        let whole = of(&values);
        prop_assert!(rank_error(&whole, &values) <= 0.005);
        values.sort_unstable_by(f64::total_cmp);
        prop_assert_eq!(&of(&values), &whole);
        values.reverse();
        prop_assert_eq!(&of(&values), &whole);
    }

    #[test]
    fn every_value_is_found_in_its_own_bucket(values in values()) {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let distribution = of(&sorted);
        let ranks = ranks(&sorted);
        let bucket = |value: f64| ordered(value) >> distribution.resolution();
        for (index, value) in sorted.iter().enumerate() {
            prop_assert_eq!(bucket(ranks.value_at(index as u64)), bucket(*value));
        }
    }

    #[test]
    fn quantiles_rise_from_least_to_greatest(values in values()) {
        let ranks = ranks(&values.into_iter().filter(|value| value.is_finite()).collect::<Vec<_>>());
        let quantiles: Vec<f64> = (0..=60).filter_map(|step| ranks.quantile(f64::from(step) / 60.0)).collect();
        prop_assert!(quantiles.is_sorted(), "{:?}", quantiles);
        prop_assert!(quantiles.iter().all(|value| (ranks.min..=ranks.max).contains(value)));
    }

    #[test]
    fn the_histogram_on_edges_is_exact(values in values(), edges in prop::collection::vec(-2.0..2.0f64, 0..20)) {
        let edges = Edges::new(edges);
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        prop_assume!(!finite.is_empty());
        let distribution = with(&edges, &values);
        let mut expected = vec![0; edges.values().count() + 1];
        finite.iter().for_each(|value| expected[edges.values().filter(|edge| edge <= value).count()] += 1);
        prop_assert_eq!(distribution.bins(), expected);
        let (total, pieces) = (distribution.total(), distribution.buckets());
        prop_assert_eq!(pieces.iter().map(|piece| piece.count).sum::<u64>(), total);
        for piece in pieces {
            let inside = finite.iter().filter(|value| (piece.low..=piece.high).contains(*value)).count() as u64;
            // The bucket of zero counts its subnormals as zero.
            prop_assert!(inside == piece.count || piece.high == 0.0, "{:?} has {}", piece, inside);
        }
    }

    #[test]
    fn edges_that_one_side_lacks_are_forgotten(
        values in values(), mine in prop::collection::vec(-40i32..40, 0..20), other in prop::collection::vec(-40i32..40, 0..20),
    ) {
        let edges = |tenths: &[i32]| Edges::new(tenths.iter().map(|tenth| f64::from(*tenth) / 10.0));
        let (mine, other) = (edges(&mine), edges(&other));
        let (left, right) = values.split_at(values.len() / 3);
        prop_assume!(left.iter().chain(right).all(|value| value.is_finite()) && !left.is_empty() && !right.is_empty());
        let mut sum = with(&mine, left);
        sum.merge(&with(&other, right));
        prop_assert_eq!(&sum, &with(&mine.common(&other), &values));
    }

    #[test]
    fn three_parts_have_the_same_bytes_in_any_order(
        values in values(), cuts in (0.0..1.0f64, 0.0..1.0f64), edges in prop::collection::vec(-2.0..2.0f64, 0..6),
    ) {
        let edges = Edges::new(edges);
        let of = |values: &[f64]| with(&edges, values);
        let at = |cut: f64| (values.len() as f64 * cut) as usize;
        let (first, second) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
        let parts = [of(&values[..first]), of(&values[first..second]), of(&values[second..])];
        let bytes = |distribution: &Distribution| postcard::to_stdvec(distribution).unwrap_or_default();
        let plus = |left: &Distribution, right: &Distribution| {
            let mut sum = left.clone();
            sum.merge(right);
            sum
        };
        let [a, b, c] = &parts;
        let whole = bytes(&of(&values));
        for sum in [plus(&plus(a, b), c), plus(a, &plus(b, c)), plus(&plus(c, a), b), plus(&plus(b, c), a)] {
            prop_assert_eq!(&bytes(&sum), &whole);
        }
    }
}
