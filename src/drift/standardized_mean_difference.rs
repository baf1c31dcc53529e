//! Standardised mean difference, Cohen's d.
//!
//! **Measures** how far the mean has moved, in standard deviations.
//! **Formula** `(x̄ − ȳ) / √((s² + t²) / 2)` of the window `x` and the comparison `y`, with their sample variances `s²` and `t²`.
//! **Range** all numbers; 0 for equal means; changes its sign where sides are exchanged.
//! **Convention** both variances weigh the same, however many rows there are. 0 where neither side varies and both are the same,
//! else none there, as where a side is a single row.
//! **Source** Austin (2009), Stat. Med. 28(25), 3083–3107.
use std::f64::consts::SQRT_2;

use crate::profile::numeric::NumericState;
use crate::profile::reason::{Absence, finite};

/// By how much the mean of `window` lies above that of `comparison`; `difference` is that in the column's unit.
///
/// # Errors
/// If a side has one value, neither varies though they differ, or the result is beyond the range of a double.
pub fn standardized_mean_difference(
    difference: f64,
    window: &NumericState,
    comparison: &NumericState,
) -> Result<f64, Absence> {
    // The root of the mean of squares, which may be beyond a double where the root is not.
    let spread = window.stddev()?.hypot(comparison.stddev()?) / SQRT_2;
    match (spread > 0.0, difference == 0.0) {
        (true, _) => finite(difference / spread),
        (false, true) => Ok(0.0),
        (false, false) => Err(Absence::new("neither side varies")),
    }
}
