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
        let errors = SamplingErrors::of(reference, &places, average_precision(reference)?);
        Ok(Self { calibrator: Isotonic::fit(&places), errors })
    }

    /// The quality to be expected of rows with these scores.
    pub(super) fn estimate(&self, scores: &Scores) -> Estimate {
        let expected = self.expected(&scores.by_prediction());
        self.estimate_by(Confusion::of(&expected), &expected, scores.all())
    }

    /// That of so many rows with this confusion matrix, and these chances in the order of scores.
    fn estimate_by(&self, confusion: Confusion, expected: &[Expected], scored: u64) -> Estimate {
        let Confusion { hits, alarms, misses, rests } = confusion;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Estimate {
            accuracy_score: (hits + rests) / scored as f64,
            precision: share(hits, hits + alarms),
            recall: share(hits, hits + misses),
            specificity: share(rests, rests + alarms),
            f1_score: share(hits, hits + 0.5 * (alarms + misses)),
            roc_auc_score: area(expected),
            average_precision_score: average_precision_of(expected),
            sampling_errors: self.errors.of_rows(scored),
        }
    }

    fn expected(&self, places: &[Place]) -> Vec<Expected> {
        places.iter().map(|place| Expected::of(place, &self.calibrator)).collect()
    }
}

/// What the baseline knows of scores of one class of several, by whether it is predicted: of two classes that follows from the
/// score, of several it also matters how likely the others are.
#[derive(Debug)]
pub(super) struct OneOfSeveral {
    whole: OneVsAll,
    /// Of rows that are not predicted as the class, and of those that are.
    by_prediction: [Isotonic; 2],
}

impl OneOfSeveral {
    /// As of [`OneVsAll::of`].
    pub(super) fn of(reference: &Scores) -> Result<Self, Absence> {
        let whole = OneVsAll::of(reference)?;
        let by_prediction = [false, true].map(|said| match reference.by_label_where(said) {
            places if places.is_empty() => whole.calibrator.clone(),
            places => Isotonic::fit(&places),
        });
        Ok(Self { whole, by_prediction })
    }

    /// The quality to be expected of rows with these scores, and how many of those that are predicted as the class are expected to
    /// be of it.
    pub(super) fn estimate(&self, scores: &Scores) -> (Estimate, f64) {
        let places = scores.by_prediction();
        let [others, said] = [false, true].map(|said| {
            let chances =
                places.iter().map(|place| Expected::of(place, &self.by_prediction[usize::from(said)]));
            let only = chances.map(|expected| expected.only(said));
            Confusion::of(&only.collect::<Vec<_>>())
        });
        let confusion =
            Confusion { hits: said.hits, alarms: said.alarms, misses: others.misses, rests: others.rests };
        let hits = confusion.hits;
        (self.whole.estimate_by(confusion, &self.whole.expected(&places), scores.all()), hits)
    }
}

/// Rows to be expected by what is predicted and what comes true.
#[derive(Clone, Copy)]
struct Confusion {
    hits: f64,
    alarms: f64,
    misses: f64,
    rests: f64,
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

    /// Only those of which the class is predicted, or is not.
    fn only(self, said: bool) -> Self {
        if said { Self { others: 0.0, ..self } } else { Self { said: 0.0, ..self } }
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
