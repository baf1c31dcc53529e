//! Areas under the curves of scores: how well they tell the positive class from the others.
//!
//! Scores come in places, in their order: rows of the positive class beside the others. Equal scores are one step of a curve;
//! scores that share a bucket are taken to be mixed evenly. Areas are exact while each score has a bucket of its own, within 0.001
//! beyond.

use crate::profile::distribution::Place;
use crate::profile::reason::Absence;

/// Rows of the positive class, and others.
pub(super) fn totals(places: &[Place]) -> (u64, u64) {
    places.iter().fold((0, 0), |(ups, downs), Place { counts, .. }| (ups + counts.0, downs + counts.1))
}

const NO_POSITIVE: Absence = Absence::new("no scored row is of the positive class");

/// Most rows of one bucket that are looked at one by one.
const MIXED_MAX: u64 = 1024;

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

/// What `positives` rows add that share a bucket with `negatives` others, after `found` of `rows`: they are no step, but lie between
/// the others as evenly as can be.
fn mixed(positives: u64, negatives: u64, found: u64, rows: u64) -> f64 {
    let (found, rows) = (found as f64, rows as f64);
    let others = negatives as f64 / (positives.max(1)) as f64;
    // Of very many, some stand for their neighbours.
    let step = positives.div_ceil(MIXED_MAX).max(1);
    let nth = |place: u64| {
        let before = (place * step) as f64 + (step as f64 + 1.0) / 2.0;
        let width = step.min(positives - place * step) as f64;
        width * (found + before) / (rows + before + (before - 0.5) * others)
    };
    (0..positives.div_ceil(step)).map(nth).sum()
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
    for Place { counts: (positives, negatives), low, high } in places.iter().rev() {
        area += match low < high {
            true => mixed(*positives, *negatives, found, rows),
            false if *positives == 0 => 0.0,
            false => {
                let (found, rows) = (found + positives, rows + positives + negatives);
                *positives as f64 * (found as f64 / rows as f64)
            }
        };
        found += positives;
        rows += positives + negatives;
    }
    Ok(area / ups as f64)
}
