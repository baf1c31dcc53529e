//! Population stability index (PSI).
//!
//! **Measures** how far the window's distribution has moved from the comparison's.
//! **Formula** `Σᵢ (wᵢ − cᵢ) · ln(wᵢ / cᵢ)` over shared bins `i`.
//! **Range** `[0, ∞)` nats; 0 when equal; symmetric. Larger means more drift.
//! **Convention** a share below [`SHARE_FLOOR`] counts as the floor, since `ln 0` has no value; shares are
//! not rescaled afterwards. Numbers are put into the comparison's ten quantile bins.
//! **Source** Wu & Olson (2010), J. Oper. Res. Soc. 61(2), 179–190.
use super::paired::Paired;

/// Smallest share a bin may have: one row in ten thousand.
pub const SHARE_FLOOR: f64 = 1e-4;

/// PSI of `pair`, in nats.
pub fn population_stability_index(pair: &Paired) -> f64 {
    pair.shares()
        .map(|(comparison, window)| (comparison.max(SHARE_FLOOR), window.max(SHARE_FLOOR)))
        .map(|(comparison, window)| (window - comparison) * (window / comparison).ln())
        .sum()
}
