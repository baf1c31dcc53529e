//! Kolmogorov-Smirnov test of two samples.
//!
//! **Measures** the greatest gap between two cumulative distributions.
//! **Formula** `supₓ |W(x) − C(x)|`.
//! **Range** statistic `[0, 1]`, p-value `[0, 1]`; 0 and 1 when equal; symmetric.
//! **Convention** the p-value is that of the one-sample test at the effective size `nm / (n + m)`, rounded
//! to the nearest whole number (ties to even), as Databricks has it; `None` where that is 0. The statistic
//! is exact while both distributions are, otherwise short of it by less than a bucket's share.
//! **Source** Smirnov (1939); for the distribution see [`kolmogorov`](super::kolmogorov).
use super::TestResult;
use super::kolmogorov;
use super::paired::PairedNumbers;

/// Kolmogorov-Smirnov test of `pair`.
pub fn ks_test(pair: &PairedNumbers) -> Option<TestResult> {
    let statistic =
        pair.cumulative().map(|(_, comparison, window)| (window - comparison).abs()).fold(0.0, f64::max);
    let (n, m) = (pair.total().0 as f64, pair.total().1 as f64);
    // The product first: it is a whole number, so that halves are halves.
    let effective = (n * m / (n + m)).round_ties_even();
    (effective >= 1.0).then(|| TestResult { statistic, pvalue: kolmogorov::survival(effective, statistic) })
}
