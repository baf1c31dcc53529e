//! Areas under the curves of scores: how well they tell the positive class from the others.
//!
//! Scores come in places, in their order: rows of the positive class beside the others. Equal scores are one step of a curve, and so are scores that share a bucket: areas are exact while each has its own, within
//! 0.001 beyond.

use crate::profile::distribution::Place;
use crate::profile::reason::Absence;

/// Rows of the positive class, and others.
pub(super) fn totals(places: &[Place]) -> (u64, u64) {
    places.iter().fold((0, 0), |(ups, downs), Place { counts, .. }| (ups + counts.0, downs + counts.1))
}

const NO_POSITIVE: Absence = Absence::new("no scored row is of the positive class");

/// Area under the ROC curve: the chance that a row of the positive class has the higher score; equal scores count half.
///
/// # Errors
/// Unless both kinds occur.
pub fn roc_auc(places: &[Place]) -> Result<f64, Absence> {
    let (ups, downs) = totals(places);
    if ups == 0 {
        return Err(NO_POSITIVE);
    }
    if downs == 0 {
        return Err(Absence::new("every scored row is of the positive class"));
    }
    let mut below = 0;
    let mut wins = 0u128;
    for Place { counts: (positives, negatives), .. } in places {
        // In halves, so that ties stay whole numbers.
        wins += u128::from(*positives) * u128::from(2 * below + negatives);
        below += negatives;
    }
    Ok(wins as f64 / (2.0 * ups as f64 * downs as f64))
}

/// Average precision, the area under the curve of precision over recall by steps: from the highest score on, the precision of
/// all rows that have at least the score, weighted by the positives that the score adds.
///
/// # Errors
/// Without a row of the positive class.
pub fn average_precision(places: &[Place]) -> Result<f64, Absence> {
    let (ups, _) = totals(places);
    if ups == 0 {
        return Err(NO_POSITIVE);
    }
    let (mut found, mut rows, mut area) = (0u64, 0u64, 0.0);
    for Place { counts: (positives, negatives), .. } in places.iter().rev() {
        found += positives;
        rows += positives + negatives;
        area += if *positives > 0 { *positives as f64 * (found as f64 / rows as f64) } else { 0.0 };
    }
    Ok(area / ups as f64)
}
