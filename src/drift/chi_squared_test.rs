//! Chi-squared test of homogeneity.
//!
//! **Measures** whether two samples of categories can come from one distribution.
//! **Formula** `Σ (observed − expected)² / expected` over both rows of the 2 × k table, where
//! `expected = row sum · column sum / total`; k − 1 degrees of freedom.
//! **Range** statistic `[0, ∞)`, p-value `[0, 1]`; 0 and 1 when equal; symmetric.
//! **Convention** two samples, neither taken as exact; no continuity correction; categories empty on both
//! sides are left out; `None` for fewer than two.
//! **Source** Pearson (1900); Cramér, *Mathematical Methods of Statistics* (1946), section 30.6.
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::TestResult;
use super::paired::Paired;

/// Chi-squared test of `pair`.
pub fn chi_squared_test(pair: &Paired) -> Option<TestResult> {
    let (comparisons, windows) = (pair.total().0 as f64, pair.total().1 as f64);
    let total = comparisons + windows;
    let degrees = degrees_of_freedom(pair)?;
    let cell = |observed: f64, expected: f64| (observed - expected).powi(2) / expected;
    let statistic = used(pair)
        .map(|(comparison, window)| {
            let (comparison, window) = (comparison as f64, window as f64);
            let column = comparison + window;
            cell(comparison, comparisons * column / total) + cell(window, windows * column / total)
        })
        .sum();
    let pvalue = ChiSquared::new(degrees as f64).ok()?.sf(statistic);
    Some(TestResult { statistic, pvalue })
}

/// The degrees of freedom of the test, one less than there are categories.
pub fn degrees_of_freedom(pair: &Paired) -> Option<u64> {
    (used(pair).count() as u64).checked_sub(1).filter(|degrees| *degrees > 0)
}

/// The categories that some side has.
fn used(pair: &Paired) -> impl Iterator<Item = (u64, u64)> + '_ {
    pair.counts().iter().copied().filter(|count| *count != (0, 0))
}
