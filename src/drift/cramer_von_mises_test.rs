//! Cramér-von Mises test of two samples.
//!
//! **Measures** the gap between two cumulative distributions over all rows, where Kolmogorov-Smirnov looks at the greatest.
//! **Formula** `T = U / (nmN) − (4nm − 1) / (6N)` with `N = n + m` and `U = n Σᵢ (rᵢ − i)² + m Σⱼ (sⱼ − j)²`, where `rᵢ` and
//! `sⱼ` are the ranks of either side's rows among all.
//! **Range** statistic `[0, ∞)` but for ties, which can take it a little below; p-value `[0, 1]`; symmetric.
//! **Convention** rows of one value share the mean of their ranks. The p-value is that of the limiting distribution, at the
//! statistic moved and scaled to its mean and variance, as SciPy's `method='asymptotic'`. `None` for a side of one row.
//! Values that share a bucket are taken to lie evenly in it, since the formula is not made for ties: where there are buckets, the
//! statistic is `nm/N² Σ (F − G)²` over all rows, which without ties is the same. Of ties that the rows have themselves it makes too
//! much in many rows, here as in SciPy.
//! **Source** Anderson (1962), Ann. Math. Stat. 33(3), 1148–1159; the distribution is of Anderson & Darling (1952), Ann. Math.
//! Stat. 23(2), 193–212.
use std::f64::consts::PI;

use statrs::function::gamma::ln_gamma;

use super::TestResult;
use super::paired::PairedNumbers;

/// Below this statistic, moved and scaled, the limiting distribution is 0 to the last digit.
const NOTHING: f64 = 0.003;
/// Above it is 1 to the last digit; the sum of its terms is not, as it takes more and more of them.
const ALL: f64 = 8.0;
/// Terms of the limiting distribution, of which three are more than nothing.
const TERMS: i32 = 12;
/// Step of the integral in a term.
const STEP: f64 = 1.0 / 16.0;
/// Where its integrand is nothing, as an exponent.
const NO_MORE: f64 = 745.0;

/// Cramér-von Mises test of `pair`.
pub fn cramer_von_mises_test(pair: &PairedNumbers) -> Option<TestResult> {
    let (n, m) = pair.total();
    if n < 2 || m < 2 {
        return None;
    }
    let (mut before, mut of_n, mut of_m) = ((0, 0), 0.0, 0.0);
    for (a, b) in pair.counts() {
        of_n += squares(a, before.1, b);
        of_m += squares(b, before.0, a);
        before = (before.0 + a, before.1 + b);
    }
    let (n, m) = (n as f64, m as f64);
    let (product, all) = (n * m, n + m);
    let statistic = match pair.has_buckets() {
        true => product / (all * all) * gaps(pair),
        false => (of_n / m + of_m / n) / all - (4.0 * product - 1.0) / (6.0 * all),
    };
    let mean = (1.0 + 1.0 / all) / 6.0;
    let variance = (all + 1.0) * (4.0 * product * all - 3.0 * (n * n + m * m) - 2.0 * product)
        / (45.0 * all * all * 4.0 * product);
    let scaled = 1.0 / 6.0 + (statistic - mean) / (45.0 * variance).sqrt();
    let pvalue = match scaled {
        scaled if scaled < NOTHING => 1.0,
        scaled if scaled > ALL => 0.0,
        scaled => (1.0 - limit(scaled)).clamp(0.0, 1.0),
    };
    Some(TestResult { statistic, pvalue })
}

/// `Σ (F − G)²` over all rows: in a bucket the gap goes evenly from what it was before to what it is after.
fn gaps(pair: &PairedNumbers) -> f64 {
    let mut before = 0.0;
    pair.cumulative()
        .zip(pair.counts())
        .map(|((_, comparison, window), (a, b))| {
            let after = window - comparison;
            let squares = (before * before + before * after + after * after) / 3.0;
            before = after;
            (a + b) as f64 * squares
        })
        .sum()
}

/// `Σ (r − i)²` over the `own` rows of one value, which share a rank with `other` rows of the other side, of which
/// `other_before` come before.
fn squares(own: u64, other_before: u64, other: u64) -> f64 {
    let own = own as f64;
    // Of the rows that have the value, half of the other side's come before the middle one of its own.
    let middle = other_before as f64 + other as f64 / 2.0;
    own * middle * middle + own * (own * own - 1.0) / 12.0
}

/// The limiting distribution of the statistic: the chance of less than `x`.
fn limit(x: f64) -> f64 {
    let term = |k: i32| {
        let k = f64::from(k);
        let odd = 4.0 * k + 1.0;
        let z = odd * odd / (16.0 * x);
        let factor = (ln_gamma(k + 0.5) - ln_gamma(k + 1.0) - z).exp() / (PI.powf(1.5) * x.sqrt());
        factor * odd.sqrt() * bessel(z)
    };
    (0..TERMS).map(term).sum()
}

/// The modified Bessel function of the second kind of order 1/4, `∫ exp(−z cosh t) cosh(t/4) dt` from 0 on. The integrand falls
/// so fast on both sides that the trapezoidal rule errs by less than rounding does.
fn bessel(z: f64) -> f64 {
    let mut sum = (-z).exp() / 2.0;
    for index in 1.. {
        let t = f64::from(index) * STEP;
        let exponent = z * t.cosh();
        if exponent > NO_MORE {
            break;
        }
        sum += (-exponent).exp() * (t / 4.0).cosh();
    }
    sum * STEP
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::profile::distribution::Distribution;

    fn test(comparison: impl Iterator<Item = f64>, window: impl Iterator<Item = f64>) -> TestResult {
        let of = |values: Vec<f64>| {
            let mut distribution = Distribution::default();
            values.into_iter().for_each(|value| distribution.add(value));
            distribution
        };
        cramer_von_mises_test(&PairedNumbers::new(&of(comparison.collect()), &of(window.collect())).unwrap())
            .unwrap()
    }

    /// Numbers between 1 and 2, as evenly as can be, all different.
    fn even(count: u32, shift: f64) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| 1.0 + (f64::from(i) * 0.618_033_988_749_895 + shift).fract())
    }

    /// Of so many different values buckets are no ties: SciPy's statistic of these is below 0.01.
    #[test]
    fn buckets_are_no_ties() {
        let found = test(even(200_000, 0.0), even(2_000, 0.3));
        assert!(found.statistic.abs() < 0.05 && found.pvalue > 0.8, "{found:?}");
    }

    #[test]
    fn the_further_apart_the_less_likely() {
        let mut before = 1.0;
        for shift in 1..=20 {
            let window = even(5_000, 0.0).map(|value| value + 0.05 * f64::from(shift));
            let found = test(even(5_000, 0.1), window);
            assert!(found.pvalue <= before, "{found:?} after {before}");
            before = found.pvalue;
        }
        assert_eq!(before, 0.0);
    }
}
