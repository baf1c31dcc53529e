//! Test of missing values.
//!
//! **Measures** whether two samples can have the same share of NULLs.
//! **Formula** the chi-squared test of homogeneity of the 2 × 2 table of NULLs and values; where fewer than five are
//! expected in a cell its p-value is that of Fisher's exact test.
//! **Range** statistic `[0, ∞)`, p-value `[0, 1]`; 0 and 1 when equal, and where neither or only NULLs are on both sides.
//! **Convention** no continuity correction; `None` where a side has no rows.
//! **Source** Cochran, *Biometrics* 10(4), 417–451 (1954), for when an exact test is called for.
use super::TestResult;
use super::drift_pvalue::is_sparse;
use super::fishers_exact_test::fishers_exact_test;
use super::paired::Paired;
use crate::profile::ColumnState;

/// Test of the NULLs of a column in a window against a comparison.
pub fn null_test(now: &ColumnState, then: &ColumnState) -> Option<TestResult> {
    let (nulls, values) = ((then.num_nulls(), now.num_nulls()), (then.count(), now.count()));
    let pair = Paired::from_counts(&[nulls.0, values.0], &[nulls.1, values.1])?;
    let Some(test) = super::chi_squared_test::chi_squared_test(&pair) else {
        return Some(TestResult { statistic: 0.0, pvalue: 1.0 });
    };
    let is_small = [nulls, values].into_iter().any(|counts| is_sparse(&pair, counts));
    Some(if is_small { TestResult { pvalue: fishers_exact_test(nulls, values), ..test } } else { test })
}
