//! Kullback-Leibler divergence of the window from the comparison.
//!
//! **Measures** how much is lost where the window is taken to be distributed as the comparison is.
//! **Formula** `Σᵢ wᵢ ln(wᵢ / cᵢ) − wᵢ + cᵢ` over shared bins `i`.
//! **Range** `[0, ∞)` nats; 0 when equal; not symmetric: with both sides exchanged it adds up to PSI.
//! **Convention** shares below [`SHARE_FLOOR`] count as the floor, as those of PSI do, and are not rescaled; therefore the
//! terms `− wᵢ + cᵢ`, which else are nothing in sum, and without which it could be negative. Numbers are put into the
//! comparison's ten quantile bins.
//! **Source** Kullback & Leibler (1951), Ann. Math. Stat. 22(1), 79–86; with these terms it is SciPy's `kl_div`.
use super::paired::Paired;
use super::population_stability_index::SHARE_FLOOR;

/// Below this change a term is summed as a series, since the logarithm and the change itself cancel out.
const SMALL: f64 = 1e-3;

/// Divergence of the window of `pair` from its comparison, in nats.
pub fn kl_divergence(pair: &Paired) -> f64 {
    pair.shares()
        .map(|(comparison, window)| (comparison.max(SHARE_FLOOR), window.max(SHARE_FLOOR)))
        .map(|(comparison, window)| {
            let change = (window - comparison) / comparison;
            // (1 + t) ln(1 + t) − t
            let nats = match change.abs() < SMALL {
                true => {
                    change
                        * change
                        * (1.0 / 2.0 - change * (1.0 / 6.0 - change * (1.0 / 12.0 - change / 20.0)))
                }
                false => (1.0 + change) * change.ln_1p() - change,
            };
            comparison * nats
        })
        .sum()
}
