//! One class against all others: what its scores are worth, and what is expected of rows by it.
//!
//! A row is by the chance `c` of its score a hit or a mistake, so the expected confusion matrix is a sum over rows, labelled or
//! not: `TP = Σ c` and `FP = Σ (1 − c)` over rows of which the class is predicted, `FN = Σ c` and `TN = Σ (1 − c)` over
//! the others.

use super::Estimate;
use super::isotonic::Isotonic;
use super::sampling_error::SamplingErrors;
use crate::profile::classification::{Scores, average_precision};
use crate::profile::distribution::Place;
use crate::profile::reason::Absence;

/// What the baseline knows of scores of one class.
#[derive(Debug)]
pub(super) struct OneVsAll {
    calibrator: Isotonic,
    errors: SamplingErrors,
}

impl OneVsAll {
    /// What `reference` knows: scores of rows of the baseline.
    ///
    /// # Errors
    /// Unless rows of the class are labelled, and others.
    pub(super) fn of(reference: &Scores) -> Result<Self, Absence> {
        let places = reference.by_label();
        let [downs, ups] = [false, true].map(|positive| reference.of_label(positive));
        match (ups, downs) {
            (0, 0) => return Err(Absence::new("no labelled row of the baseline has a score")),
            (0, _) => return Err(Absence::new("no scored row of the baseline is of the positive class")),
            (_, 0) => return Err(Absence::new("every scored row of the baseline is of the positive class")),
            _ => {}
        }
        let errors = SamplingErrors::of(reference, &places, average_precision(&places)?);
        Ok(Self { calibrator: Isotonic::fit(&places), errors })
    }

    /// The quality to be expected of rows with these scores.
    pub(super) fn estimate(&self, scores: &Scores) -> Estimate {
        self.estimate_and_confusion(scores).0
    }

    /// The same, and the expected confusion matrix.
    pub(super) fn estimate_and_confusion(&self, scores: &Scores) -> (Estimate, Confusion) {
        let expected = self.expected(&scores.by_prediction());
        let confusion = Confusion::of(&expected);
        let Confusion { hits, alarms, misses, rests } = confusion;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let estimate = Estimate {
            accuracy_score: (hits + rests) / scores.all() as f64,
            precision: share(hits, hits + alarms),
            recall: share(hits, hits + misses),
            specificity: share(rests, rests + alarms),
            f1_score: share(hits, hits + 0.5 * (alarms + misses)),
            roc_auc_score: area(&expected),
            average_precision_score: average_precision_of(&expected),
            sampling_errors: self.errors.of_rows(scores.all()),
        };
        (estimate, confusion)
    }

    fn expected(&self, places: &[Place]) -> Vec<Expected> {
        places.iter().map(|place| Expected::of(place, &self.calibrator)).collect()
    }
}

/// Rows to be expected by what is predicted and what comes true.
#[derive(Clone, Copy)]
pub(super) struct Confusion {
    pub(super) hits: f64,
    pub(super) alarms: f64,
    pub(super) misses: f64,
    pub(super) rests: f64,
}

impl Confusion {
    fn of(expected: &[Expected]) -> Self {
        let mut sums = Self { hits: 0.0, alarms: 0.0, misses: 0.0, rests: 0.0 };
        for Expected { said, others, chance } in expected {
            sums.hits += said * chance;
            sums.alarms += said * (1.0 - chance);
            sums.misses += others * chance;
            sums.rests += others * (1.0 - chance);
        }
        sums
    }
}

/// Rows of one score.
struct Expected {
    /// Of which the class is predicted.
    said: f64,
    /// Of which it is not.
    others: f64,
    /// The chance of each to be of the class.
    chance: f64,
}

impl Expected {
    fn of(place: &Place, calibrator: &Isotonic) -> Self {
        let (said, others) = place.counts;
        // Of a bucket nothing is known but its ends.
        let score = place.low + (place.high - place.low) / 2.0;
        Self { said: said as f64, others: others as f64, chance: calibrator.at(score) }
    }

    /// Those to be expected of the class, and of the others.
    fn split(&self) -> (f64, f64) {
        let rows = self.said + self.others;
        (rows * self.chance, rows * (1.0 - self.chance))
    }
}

const NO_POSITIVE: Absence = Absence::new("no row is expected to be of the positive class");

/// Area under the curve of expected hits over expected false alarms, from the highest score on; rows of one score are one step,
/// straight.
fn area(expected: &[Expected]) -> Result<f64, Absence> {
    let (mut ups, mut downs, mut area) = (0.0, 0.0, 0.0);
    for (positive, negative) in expected.iter().rev().map(Expected::split) {
        area += negative * (ups + positive / 2.0);
        ups += positive;
        downs += negative;
    }
    match (ups > 0.0, downs > 0.0) {
        (false, _) => Err(NO_POSITIVE),
        (_, false) => Err(Absence::new("every row is expected to be of the positive class")),
        _ => Ok(area / (ups * downs)),
    }
}

/// Expected precision from the highest score on, weighted by the positives that each score adds.
fn average_precision_of(expected: &[Expected]) -> Result<f64, Absence> {
    let (mut ups, mut rows, mut sum) = (0.0, 0.0, 0.0);
    for (positive, negative) in expected.iter().rev().map(Expected::split) {
        ups += positive;
        rows += positive + negative;
        sum += positive * ups / rows;
    }
    if ups > 0.0 { Ok(sum / ups) } else { Err(NO_POSITIVE) }
}
