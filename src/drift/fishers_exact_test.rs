//! Fisher's exact test of a 2 × 2 table.
//!
//! **Measures** whether two samples can have the same share of something, however few have it.
//! **Formula** the sum of the chances of all tables with the same margins that are no likelier than this one.
//! **Range** `[0, 1]`; 1 when equal; symmetric.
//! **Convention** two-sided, as `scipy.stats.fisher_exact`; tables whose chances differ by less than one part in
//! 10¹² are equally likely.
//! **Source** Fisher, *Journal of the Royal Statistical Society* 85(1), 87–94 (1922).

/// Chances that are equal but for rounding.
const SAME: f64 = 1.0 + 1e-12;

/// The p-value of `(comparison, window)` counts: of those who have it, and of the others.
pub fn fishers_exact_test(with: (u64, u64), without: (u64, u64)) -> f64 {
    // Each table is told by how many of the window have it. Chances are ratios to that of the likeliest table, so that none
    // overflows and no factorial is needed; what is too small for a double is too small to count.
    let having = with.0 + with.1;
    let (comparison, window) = (with.0 + without.0, with.1 + without.1);
    let (least, most) = (having.saturating_sub(comparison), having.min(window));
    let all = u128::from(comparison) + u128::from(window);
    let mode = u128::from(window + 1) * u128::from(having + 1) / (all + 2);
    let mode = u64::try_from(mode).unwrap_or(u64::MAX).clamp(least, most);
    // How much likelier `count + 1` is than `count`.
    let step = |count: u64| {
        let up = (having - count) as f64 * (window - count) as f64;
        up / ((count + 1) as f64 * (comparison + count + 1 - having) as f64)
    };
    let rising = |from: u64| {
        (from..most).scan(1.0, move |chance, count| {
            *chance *= step(count);
            (*chance > 0.0).then_some((count + 1, *chance))
        })
    };
    let falling = |from: u64| {
        (least..from).rev().scan(1.0, move |chance, count| {
            *chance /= step(count);
            (*chance > 0.0).then_some((count, *chance))
        })
    };
    let tables = || std::iter::once((mode, 1.0)).chain(rising(mode)).chain(falling(mode));
    // Not among them: its chance is less than any double.
    let Some((_, chance)) = tables().find(|(count, _)| *count == with.1) else { return 0.0 };
    let (mut all, mut extreme) = (0.0, 0.0);
    for (_, other) in tables() {
        all += other;
        extreme += if other <= chance * SAME { other } else { 0.0 };
    }
    (extreme / all).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fisher's tea, of four cups with milk first three were told: 34 / 70.
    #[test]
    fn a_lady_tastes_tea() {
        assert!((fishers_exact_test((3, 1), (1, 3)) - 34.0 / 70.0).abs() < 1e-15);
    }

    #[test]
    fn nothing_and_everything_are_no_difference() {
        assert_eq!(fishers_exact_test((0, 0), (20_000, 5_000)), 1.0);
        assert_eq!(fishers_exact_test((20_000, 5_000), (0, 0)), 1.0);
    }

    #[test]
    fn what_is_all_but_impossible_is_0() {
        assert_eq!(fishers_exact_test((0, 100_000), (100_000, 0)), 0.0);
    }
}
