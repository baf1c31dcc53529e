//! Energy distance.
//!
//! **Measures** how far two cumulative distributions lie apart, over all values.
//! **Formula** `√(2 ∫ (W(x) − C(x))² dx)`.
//! **Range** `[0, ∞)`, the root of the column's own unit; 0 when equal; symmetric; a metric.
//! **Convention** the root, as in SciPy; others leave it out. Exact while both distributions are; otherwise values stand in the
//! middle of their bucket.
//! **Source** Székely & Rizzo (2013), J. Stat. Plan. Inference 143(8), 1249–1272.
use super::paired::PairedNumbers;

/// Energy distance of `pair`. `None` if it is beyond the range of a double.
pub fn energy_distance(pair: &PairedNumbers) -> Option<f64> {
    let area = pair.area_between(|gap| gap * gap)?;
    Some((2.0 * area).sqrt()).filter(|distance| distance.is_finite())
}
