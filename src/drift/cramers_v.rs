//! Cramér's V.
//!
//! **Measures** how much it says about a row's category to know which of the two sides the row is of.
//! **Formula** `√(χ² / (n + m))` of the 2 × k table, with χ² of the test of homogeneity.
//! **Range** `[0, 1]`; 0 when equal; symmetric. Unlike χ² it does not grow with the rows.
//! **Convention** not corrected for bias; `None` for fewer than two categories.
//! **Source** Cramér, *Mathematical Methods of Statistics* (1946), section 21.9.
use super::chi_squared_test::chi_squared_test;
use super::paired::Paired;

/// Cramér's V of `pair`.
pub fn cramers_v(pair: &Paired) -> Option<f64> {
    let rows = pair.total().0 as f64 + pair.total().1 as f64;
    // Rounding can leave a trifle above 1.
    Some((chi_squared_test(pair)?.statistic / rows).min(1.0).sqrt())
}
