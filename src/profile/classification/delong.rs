//! DeLong's variance of the area under the ROC curve.
//!
//! **Formula** `S₁₀ / m + S₀₁ / n`, for `m` rows of the positive class and `n` others: `S₁₀` is the variance, with m − 1, of the
//! share of the others that each positive is above, and `S₀₁` that, with n − 1, of the share of the positives that each other is
//! below; ties count half.
//! **Source** DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837–845; from counts in the order of scores as of Sun & Xu
//! (2014), IEEE Signal Processing Letters 21(11), 1389–1393.

use super::curves::totals;
use crate::profile::distribution::Place;

/// The standard error of `area`, which is that under the curve of `places`: positives beside others, in the order of scores. `None`
/// of fewer than two rows of either.
pub fn standard_error(places: &[Place], area: f64) -> Option<f64> {
    let (ups, downs) = totals(places);
    if ups < 2 || downs < 2 {
        return None;
    }
    let (m, n) = (ups as f64, downs as f64);
    let (mut below, mut passed) = (0u64, 0u64);
    let (mut of_ups, mut of_downs) = (0.0, 0.0);
    for Place { counts: (positives, negatives), .. } in places {
        let wins = (below as f64 + *negatives as f64 / 2.0) / n;
        of_ups += *positives as f64 * (wins - area).powi(2);
        passed += positives;
        let losses = ((ups - passed) as f64 + *positives as f64 / 2.0) / m;
        of_downs += *negatives as f64 * (losses - area).powi(2);
        below += negatives;
    }
    Some((of_ups / (m - 1.0) / m + of_downs / (n - 1.0) / n).sqrt())
}
