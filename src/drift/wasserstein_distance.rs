//! Wasserstein distance of order 1, the earth mover's distance.
//!
//! **Measures** how far values have moved on average.
//! **Formula** `∫ |W(x) − C(x)| dx` over the two cumulative distributions.
//! **Range** `[0, ∞)` in the column's own unit; 0 when equal; symmetric; a metric.
//! **Convention** not divided by a standard deviation. Exact while both distributions are; otherwise
//! values stand in the middle of their bucket.
//! **Source** Vaserstein (1969), Problemy Peredachi Informatsii 5(3), 64–72.
use super::paired::PairedNumbers;

/// Wasserstein distance of `pair`. `None` if it is beyond the range of a double.
pub fn wasserstein_distance(pair: &PairedNumbers) -> Option<f64> {
    pair.area_between(|gap| gap)
}
