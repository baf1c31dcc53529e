//! Estimated quality of a classifier whose labels have not come yet: confidence-based performance estimation.
//!
//! A score says how likely a class is, once it is calibrated by what came true in the baseline. So each row is, by that chance,
//! of the class or not, and what is expected of many rows is a sum ([`one_vs_all`]). Where every class has a probability, each is
//! estimated against all others, and a measure is the mean over classes ([`every_class`]).
//!
//! **It holds while the chance of a class, given the features, is what it was in the baseline.** Concept drift is just
//! what it cannot see, nor does it know rows of a kind that the baseline lacks; realised quality stands beside it for that.
//!
//! **Source** NannyML's CBPE (0.13), whose numbers these are, but for two things: scores are always calibrated here, NannyML first
//! tries whether that helps; and chances of several classes are not made to add up to 1 row by row, of which states know nothing,
//! but add up over rows as far as each is right.

mod every_class;
mod isotonic;
mod one_vs_all;
mod sampling_error;

use std::collections::{BTreeMap, BTreeSet};

use every_class::OfEveryClass;
use one_vs_all::OneVsAll;

use super::classification::every_class::{MOST_LEFT_OUT, left_out};
use super::classification::{ClassificationState, SureOf};
use super::reason::Absence;
use super::{Group, Profiles, QualityState, Segment, Subject};
use crate::contract::ALL_VERSIONS;

/// Most classes that there may be of scores of one.
const TWO: usize = 2;

/// What the baseline knows of scores.
#[derive(Debug)]
pub struct Estimator(Of);

#[derive(Debug)]
enum Of {
    /// Scores of the positive class, of one of these classes.
    Positive(OneVsAll, BTreeSet<String>),
    Every(OfEveryClass),
}

/// Expected quality of some rows: of the positive class or, where every class has a probability, the mean over classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Share of rows predicted right.
    pub accuracy_score: f64,
    /// Of the rows predicted as the class, the share that are; 0 of none.
    pub precision: f64,
    /// Of the rows of the class, the share predicted as it; 0 of none.
    pub recall: f64,
    /// Of the other rows, the share not predicted as it; 0 of none.
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
    /// If it has no labels or no probabilities, or, of scores of one class, if classes are not two.
    pub fn of(reference: &ClassificationState) -> Result<Self, Absence> {
        if reference.count() == 0 {
            return Err(Absence::new("no row of the baseline is labelled"));
        }
        let of_positive = match reference.probabilities.sure_of() {
            SureOf::Positive(_) if reference.probabilities.labelled_without() > 0 => {
                return Err(Absence::new("scores of the baseline are not all within 0 and 1"));
            }
            SureOf::Positive(scores) => OneVsAll::of(scores)?,
            sure_of => {
                let unusable = |why: Absence| -> Absence { format!("in the baseline, {why}").into() };
                reference.are_probabilities().map_err(unusable)?;
                let SureOf::Every(every) = sure_of else { return Err(OTHER_KIND) };
                return Ok(Self(Of::Every(OfEveryClass::of(every)?)));
            }
        };
        let classes: BTreeSet<String> = reference.by_class()?.into_keys().map(str::to_owned).collect();
        if classes.len() > TWO {
            return Err(Absence::new("the baseline has more than two classes"));
        }
        Ok(Self(Of::Positive(of_positive, classes)))
    }

    /// The quality to be expected of rows, which need not be labelled.
    ///
    /// # Errors
    /// If no row has a prediction and a score, a score is not a probability, or there is another class.
    pub fn estimate(&self, rows: &ClassificationState) -> Result<Estimate, Absence> {
        let (scored, not) = (rows.probabilities.all(), rows.probabilities.all_without());
        let sure_of = rows.probabilities.sure_of();
        match sure_of {
            SureOf::Positive(_) if not > 0 => {
                let are = if not == 1 { "is" } else { "are" };
                let all = scored + not;
                return Err(format!("{not} of {all} scores {are} not within 0 and 1, labelled or not").into());
            }
            SureOf::Every(_) | SureOf::Both if MOST_LEFT_OUT * not > scored + not => {
                return Err(left_out(not, scored + not));
            }
            _ if scored == 0 => return Err(Absence::new("no row has a prediction and a score")),
            _ => {}
        }
        match (&self.0, sure_of) {
            (Of::Positive(of_positive, classes), SureOf::Positive(scores)) => {
                if classes.union(rows.said()).count() > TWO {
                    return Err(UNKNOWN_CLASS);
                }
                Ok(of_positive.estimate(scores))
            }
            (Of::Every(of_every), SureOf::Every(every)) => of_every.estimate(every),
            _ => Err(OTHER_KIND),
        }
    }
}

const OTHER_KIND: Absence = Absence::new("probabilities are of other classes than those of the baseline");
const UNKNOWN_CLASS: Absence = Absence::new("a class is predicted that the baseline does not have");

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
