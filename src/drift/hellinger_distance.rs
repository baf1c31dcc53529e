//! Hellinger distance.
//!
//! **Measures** how far two distributions lie apart, with more weight on what is rare than total variation.
//! **Formula** `√(½ Σᵢ (√wᵢ − √cᵢ)²)`.
//! **Range** `[0, 1]`; 0 when equal, 1 when disjoint; symmetric; a metric.
//! **Convention** no floor: a share of 0 is one. Numbers are put into the comparison's ten quantile bins.
//! **Source** Le Cam & Yang, *Asymptotics in Statistics* (2000), section 4.2.
use super::paired::Paired;

/// Hellinger distance of `pair`.
pub fn hellinger_distance(pair: &Paired) -> f64 {
    let squares: f64 = pair
        .shares()
        .filter(|shares| *shares != (0.0, 0.0))
        // (√w − √c)², but no difference of nearly equal roots.
        .map(|(comparison, window)| ((window - comparison) / (window.sqrt() + comparison.sqrt())).powi(2))
        .sum();
    // Rounding can leave a trifle above 1.
    (squares / 2.0).min(1.0).sqrt()
}
