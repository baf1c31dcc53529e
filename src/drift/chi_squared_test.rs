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
    let used: Vec<(f64, f64)> =
        pair.counts().iter().filter(|count| **count != (0, 0)).map(|(a, b)| (*a as f64, *b as f64)).collect();
    if used.len() < 2 {
        return None;
    }
    let cell = |observed: f64, expected: f64| (observed - expected).powi(2) / expected;
    let statistic = used
        .iter()
        .map(|(comparison, window)| {
            let column = comparison + window;
            cell(*comparison, comparisons * column / total) + cell(*window, windows * column / total)
        })
        .sum();
    let pvalue = ChiSquared::new((used.len() - 1) as f64).ok()?.sf(statistic);
    Some(TestResult { statistic, pvalue })
}
