//! Wasserstein distance in standard deviations of the comparison.
//!
//! **Measures** how far values have moved on average, whatever their unit.
//! **Formula** `W₁ / σ`, with the comparison's standard deviation `σ` over all of its rows.
//! **Range** `[0, ∞)`; 0 when equal; not symmetric.
//! **Convention** `σ² = Σ (x − x̄)² / n`: of the rows that are there, not of those that they are a sample of. None where the
//! comparison does not vary; no floor takes its place.
//! **Source** the distance is Vaserstein's; to divide it is the habit of monitoring tools.
use crate::profile::numeric::NumericState;
use crate::profile::reason::{Absence, finite};

/// `distance` in standard deviations of `comparison`.
///
/// # Errors
/// If that does not vary, or the result is beyond the range of a double.
pub fn wasserstein_distance_normed(distance: f64, comparison: &NumericState) -> Result<f64, Absence> {
    const CONSTANT: Absence = Absence::new("the comparison does not vary");
    let rows = comparison.finite() as f64;
    if rows < 2.0 {
        return Err(CONSTANT);
    }
    let sigma = comparison.stddev()? * ((rows - 1.0) / rows).sqrt();
    if sigma > 0.0 { finite(distance / sigma) } else { Err(CONSTANT) }
}
