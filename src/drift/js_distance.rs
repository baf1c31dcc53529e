//! Jensen-Shannon distance.
//!
//! **Measures** how far two distributions lie apart, each from their mean.
//! **Formula** `√(½ Σᵢ wᵢ log₂(wᵢ / mᵢ) + ½ Σᵢ cᵢ log₂(cᵢ / mᵢ))` with `mᵢ = (wᵢ + cᵢ) / 2`.
//! **Range** `[0, 1]`; 0 when equal, 1 when disjoint; symmetric; a metric.
//! **Convention** base 2, and the root: a distance, not a divergence. Numbers are put into the comparison's
//! ten quantile bins.
//! **Source** Endres & Schindelin (2003), IEEE Trans. Inf. Theory 49(7), 1858–1860.
use std::f64::consts::LN_2;

use super::paired::Paired;

/// Jensen-Shannon distance of `pair`.
pub fn js_distance(pair: &Paired) -> f64 {
    let divergence: f64 = pair
        .shares()
        .filter(|shares| *shares != (0.0, 0.0))
        .map(|(comparison, window)| {
            let middle = f64::midpoint(comparison, window);
            // With w = m (1 + t) and c = m (1 − t) a term is m (t artanh t + ½ ln (1 − t²)): the same number,
            // but no difference of nearly equal ones where the shares are nearly equal.
            let t = (window - comparison) / (window + comparison);
            let nats = if t.abs() < 1.0 { t * t.atanh() + (-t * t).ln_1p() / 2.0 } else { LN_2 };
            middle * nats
        })
        .sum();
    // Rounding can leave a trifle above 1.
    (divergence / LN_2).clamp(0.0, 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_of_one_millionth_keeps_its_digits() {
        let trillion = 1_000_000_000_000;
        let pair = Paired::from_counts(&[trillion, trillion], &[trillion + 1_000_000, trillion - 1_000_000]);
        let actual = pair.as_ref().map(js_distance).unwrap_or_default();
        // By arithmetic in sixty digits; SciPy loses all but three here.
        let expected = 4.246_609_001_440_714_5e-7;
        assert!((actual / expected - 1.0).abs() < 1e-9, "{actual}");
    }
}
