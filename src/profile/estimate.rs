//! Estimated quality of a binary classifier whose labels have not come yet: confidence-based performance estimation.
//!
//! A score says how likely the positive class is, once it is calibrated by what came true in the baseline ([`isotonic`]). So
//! each row is, by that chance `c`, a hit or a mistake, and the expected confusion matrix is a sum over rows, labelled or
//! not: `TP = Σ c` and `FP = Σ (1 − c)` over rows of which the positive class is predicted, `FN = Σ c` and `TN = Σ (1 − c)` over
//! the others.
//!
//! **It holds while the chance of the positive class, given the features, is what it was in the baseline.** Concept drift is just
//! what it cannot see, nor does it know rows of a kind that the baseline lacks; realised quality stands beside it for that.
//!
//! **Source** NannyML's CBPE (0.13), whose numbers these are, but for scores: they are always calibrated here, NannyML first
//! tries whether that helps.

mod isotonic;
mod sampling_error;

use std::collections::{BTreeMap, BTreeSet};

use isotonic::Isotonic;
use sampling_error::SamplingErrors;

use super::classification::ClassificationState;
use super::distribution::Place;
use super::reason::Absence;
use super::{Group, Profiles, QualityState, Segment, Subject};
use crate::contract::ALL_VERSIONS;

/// Most classes that there may be.
const TWO: usize = 2;

/// What the baseline knows of scores.
#[derive(Debug)]
pub struct Estimator {
    calibrator: Isotonic,
    errors: SamplingErrors,
    classes: BTreeSet<String>,
}

/// Expected quality of some rows, of the positive class.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Share of rows predicted right.
    pub accuracy_score: f64,
    /// Of the rows predicted as the positive class, the share that are; 0 of none.
    pub precision: f64,
    /// Of the rows of the positive class, the share predicted as it; 0 of none.
    pub recall: f64,
    /// Of the rows of the other class, the share predicted as it; 0 of none.
    pub specificity: f64,
    /// Harmonic mean of precision and recall; 0 of none.
    pub f1_score: f64,
    /// Area under the ROC curve.
    pub roc_auc_score: Result<f64, Absence>,
    /// Average precision.
    pub average_precision_score: Result<f64, Absence>,
    /// Standard errors of these for as many rows, by name.
    pub sampling_errors: BTreeMap<&'static str, f64>,
}

impl Estimator {
    /// What `reference` knows: rows of the baseline.
    ///
    /// # Errors
    /// If it has no labels or no probabilities, or classes are not two.
    pub fn of(reference: &ClassificationState) -> Result<Self, Absence> {
        if reference.count() == 0 {
            return Err(Absence::new("no row of the baseline is labelled"));
        }
        if reference.not_probabilities > 0 {
            return Err(Absence::new("scores of the baseline are not all within 0 and 1"));
        }
        let places = reference.scores().by_label();
        let [downs, ups] = [false, true].map(|positive| reference.scores().of_label(positive));
        match (ups, downs) {
            (0, 0) => return Err(Absence::new("no labelled row of the baseline has a score")),
            (0, _) => return Err(Absence::new("no scored row of the baseline is of the positive class")),
            (_, 0) => return Err(Absence::new("every scored row of the baseline is of the positive class")),
            _ => {}
        }
        let classes: BTreeSet<String> = reference.by_class()?.into_keys().map(str::to_owned).collect();
        if classes.len() > TWO {
            return Err(Absence::new("the baseline has more than two classes"));
        }
        let average_precision = reference.average_precision_score()?;
        let errors = SamplingErrors::of(reference.scores(), &places, average_precision);
        Ok(Self { calibrator: Isotonic::fit(&places), errors, classes })
    }

    /// The quality to be expected of rows, which need not be labelled.
    ///
    /// # Errors
    /// If no row has a prediction and a score, a score is not a probability, or there is another class.
    pub fn estimate(&self, rows: &ClassificationState) -> Result<Estimate, Absence> {
        let scored = rows.scores().all();
        match rows.all_not_probabilities() {
            0 => {}
            not => {
                let are = if not == 1 { "is" } else { "are" };
                let all = scored + not;
                return Err(format!("{not} of {all} scores {are} not within 0 and 1, labelled or not").into());
            }
        }
        if scored == 0 {
            return Err(Absence::new("no row has a prediction and a score"));
        }
        if self.classes.union(rows.said()).count() > TWO {
            return Err(Absence::new("a class is predicted that the baseline does not have"));
        }
        let places = rows.scores().by_prediction();
        let expected: Vec<Expected> = places.iter().map(|place| self.expected(place)).collect();
        let (mut hits, mut alarms, mut misses, mut rests) = (0.0, 0.0, 0.0, 0.0);
        for Expected { said, others, chance } in &expected {
            hits += said * chance;
            alarms += said * (1.0 - chance);
            misses += others * chance;
            rests += others * (1.0 - chance);
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Ok(Estimate {
            accuracy_score: (hits + rests) / scored as f64,
            precision: share(hits, hits + alarms),
            recall: share(hits, hits + misses),
            specificity: share(rests, rests + alarms),
            f1_score: share(hits, hits + 0.5 * (alarms + misses)),
            roc_auc_score: area(&expected),
            average_precision_score: average_precision(&expected),
            sampling_errors: self.errors.of_rows(scored),
        })
    }

    fn expected(&self, place: &Place) -> Expected {
        let (said, others) = place.counts;
        // Of a bucket nothing is known but its ends.
        let score = place.low + (place.high - place.low) / 2.0;
        Expected { said: said as f64, others: others as f64, chance: self.calibrator.at(score) }
    }
}

/// Rows of one score.
struct Expected {
    /// Of which the positive class is predicted.
    said: f64,
    /// Of which it is not.
    others: f64,
    /// The chance of each to be of the positive class.
    chance: f64,
}

impl Expected {
    /// Those to be expected of the positive class, and of the other.
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
fn average_precision(expected: &[Expected]) -> Result<f64, Absence> {
    let (mut ups, mut rows, mut sum) = (0.0, 0.0, 0.0);
    for (positive, negative) in expected.iter().rev().map(Expected::split) {
        ups += positive;
        rows += positive + negative;
        sum += positive * ups / rows;
    }
    if ups > 0.0 { Ok(sum / ups) } else { Err(NO_POSITIVE) }
}

/// The estimators of the segments of a baseline.
#[derive(Debug, Default)]
pub struct Estimators(BTreeMap<Segment, Result<Estimator, Absence>>);

impl Estimators {
    /// Those that rows about `subjects` need: none without probabilities or without a baseline.
    pub fn of(profiles: &Profiles, subjects: &[Subject]) -> Self {
        if !profiles.has_scores || !subjects.contains(&Subject::Table) {
            return Self::default();
        }
        let estimator = |group: &Group| match &group.table.quality {
            Some(QualityState::Classification(state)) => Some(Estimator::of(state)),
            _ => None,
        };
        let segments = profiles.baseline.iter();
        Self(segments.filter_map(|(segment, group)| Some((segment.clone(), estimator(group)?))).collect())
    }

    /// That of this segment's model version, or of all versions if the baseline has none of its own. `None` if nothing is
    /// estimated at all.
    pub fn of_segment(&self, segment: &Segment) -> Option<Result<&Estimator, Absence>> {
        if self.0.is_empty() {
            return None;
        }
        let all = || Segment { model_version: ALL_VERSIONS.to_owned(), slice: segment.slice.clone() };
        let found = self.0.get(segment).or_else(|| self.0.get(&all()));
        Some(match found {
            Some(estimator) => estimator.as_ref().map_err(Clone::clone),
            None => Err(Absence::new("the baseline has no such rows")),
        })
    }
}

#[cfg(test)]
mod tests;
