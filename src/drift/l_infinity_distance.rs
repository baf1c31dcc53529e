//! L-infinity distance.
//!
//! **Measures** the greatest change of one category's share.
//! **Formula** `maxᵢ |wᵢ − cᵢ|`.
//! **Range** `[0, 1]`; 0 when equal; symmetric; a metric.
//! **Convention** names are bins; names that a state no longer counts one by one are one bin.
//! **Source** the Chebyshev distance of the two vectors of shares.
use super::paired::Paired;

/// L-infinity distance of `pair`.
pub fn l_infinity_distance(pair: &Paired) -> f64 {
    pair.shares().map(|(comparison, window)| (window - comparison).abs()).fold(0.0, f64::max)
}
