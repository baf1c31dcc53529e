//! Total variation distance.
//!
//! **Measures** the share of rows that would have to change for the distributions to be equal.
//! **Formula** `½ Σᵢ |wᵢ − cᵢ|`.
//! **Range** `[0, 1]`; 0 when equal, 1 when disjoint; symmetric; a metric.
//! **Convention** names are bins; names that a state no longer counts one by one are one bin.
//! **Source** Levin, Peres & Wilmer, *Markov Chains and Mixing Times* (2009), section 4.1.
use super::paired::Paired;

/// Total variation distance of `pair`.
pub fn tv_distance(pair: &Paired) -> f64 {
    let moved: f64 = pair.shares().map(|(comparison, window)| (window - comparison).abs()).sum();
    // Rounding can leave a trifle above 1.
    (moved / 2.0).min(1.0)
}
