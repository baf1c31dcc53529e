//! How good a classifier's probabilities are: what rows said beside what came true.

use std::collections::BTreeMap;

use serde::Serialize;

use super::every_class::{EveryClass, MOST_LEFT_OUT, left_out};
use super::probabilities::SureOf;
use super::{ClassScores, ClassificationState, curves};
use crate::profile::distribution::Place;
use crate::profile::reason::Absence;

const NO_SCORE: Absence = Absence::new("no labelled row has a score");
const OTHER_NAMES: Absence =
    Absence::new("no label is one of the classes that have probabilities: their names are others");
const TWO_KINDS: Absence =
    Absence::new("some rows have a probability of one class, and others of every class");

/// Shares of labelled rows whose label is among the k classes of the highest probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TopK {
    /// Of two.
    pub k2: f64,
    /// Of three.
    pub k3: f64,
    /// Of five.
    pub k5: f64,
}

impl ClassificationState {
    /// That there are scores of labelled rows, and that these are probabilities: of one class, or of every class.
    ///
    /// # Errors
    /// Why nothing is measured of them.
    pub fn are_probabilities(&self) -> Result<(), Absence> {
        let (scored, not) = (self.probabilities.labelled(), self.probabilities.labelled_without());
        match self.probabilities.sure_of() {
            SureOf::Both => Err(TWO_KINDS),
            SureOf::Positive(_) if not > 0 => {
                let are = if not == 1 { "is" } else { "are" };
                Err(format!("{not} of {} scores {are} not within 0 and 1", scored + not).into())
            }
            SureOf::Every(_) if MOST_LEFT_OUT * not > scored + not => Err(left_out(not, scored + not)),
            SureOf::Every(every) if !every.has_labels() => Err(OTHER_NAMES),
            _ if scored == 0 => Err(NO_SCORE),
            _ => Ok(()),
        }
    }

    /// What is to be said of rows with probabilities of every class that are left out, because few are such.
    pub fn few_left_out(&self) -> Option<Absence> {
        let not = self.probabilities.labelled_without();
        let all = self.probabilities.labelled() + not;
        let is_of_every = matches!(self.probabilities.sure_of(), SureOf::Every(_));
        (is_of_every && not > 0 && MOST_LEFT_OUT * not <= all).then(|| {
            format!("{}, and {} left out", left_out(not, all), if not == 1 { "is" } else { "are" }).into()
        })
    }

    /// Labels by class, if there are scores and they are of these labels: all probabilities, of every class or of one of
    /// at most two classes. Of two classes of which neither is the positive one, nobody knows which the scores
    /// are of; a single class may well be the negative one.
    fn scored_labels(&self) -> Result<BTreeMap<&str, u64>, Absence> {
        let mut labels = self.support()?;
        self.are_probabilities()?;
        labels.retain(|_, count| *count > 0);
        match (self.probabilities.sure_of(), labels.len()) {
            (SureOf::Every(_), _) => Ok(labels),
            (_, 2) if self.positives == 0 => {
                Err(Absence::new("labels are of two classes, and neither is the positive one"))
            }
            (_, 0..=2) => Ok(labels),
            (_, classes) => Err(format!("labels are of {classes} classes, and scores are of one").into()),
        }
    }

    /// Mean negative log-likelihood of the label, in nats. Of scores of one class absent for more than two classes, and for
    /// two of which neither is the positive one.
    pub fn log_loss(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        self.probabilities.log_losses.mean(self.probabilities.labelled()).ok_or(NO_SCORE)
    }

    /// Mean squared difference between the probability and what came true, 1 of the positive class and else 0: the Brier score. Of
    /// probabilities of every class the sum over classes. Absent where the log loss is.
    pub fn brier_score_loss(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        self.probabilities.squared_errors.mean(self.probabilities.labelled()).ok_or(NO_SCORE)
    }

    /// How far probabilities are from how often they come true, over bins of them, as of
    /// [`Calibration::error`](super::calibration::Calibration::error). Absent where the log loss is.
    pub fn expected_calibration_error(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        self.probabilities.calibration.error().ok_or(NO_SCORE)
    }

    /// Average precision, as of [`curves::average_precision`]; of probabilities of every class the mean over classes that labels
    /// are of.
    pub fn average_precision_score(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        match self.probabilities.sure_of() {
            SureOf::Positive(scores) => curves::average_precision(&scores.by_label()),
            SureOf::Both => Err(TWO_KINDS),
            SureOf::Every(every) => {
                let precisions = of_labels(every, curves::average_precision)?;
                let sum: f64 = precisions.iter().map(|(_, _, precision)| precision).sum();
                Ok(sum / precisions.len() as f64)
            }
        }
    }

    /// The ROC area, as of [`curves::roc_auc`], in the shape of the other scores: of scores of one of two classes each has the
    /// same; of probabilities of every class, those that labels are of.
    pub fn roc_auc_score(&self) -> Result<ClassScores, Absence> {
        let labels = self.scored_labels()?;
        match self.probabilities.sure_of() {
            SureOf::Positive(scores) => {
                let area = curves::roc_auc(&scores.by_label())?;
                Ok(ClassScores::over(&labels, |_| area))
            }
            SureOf::Both => Err(TWO_KINDS),
            SureOf::Every(every) => {
                let classes = every.classes()?.into_iter();
                if classes.filter(|class| every.of(class).of_label(true) > 0).count() < 2 {
                    return Err(Absence::new("every scored row is of one class"));
                }
                let areas = of_labels(every, curves::roc_auc)?;
                let support = areas.iter().map(|(class, rows, _)| (*class, *rows)).collect();
                let areas: BTreeMap<&str, f64> =
                    areas.into_iter().map(|(class, _, area)| (class, area)).collect();
                Ok(ClassScores::over(&support, |class| areas.get(class).copied().unwrap_or_default()))
            }
        }
    }

    /// Shares of rows whose label is among the classes of the highest probabilities.
    pub fn top_k_accuracy_score(&self) -> Result<TopK, Absence> {
        let every = match self.probabilities.sure_of() {
            SureOf::Positive(_) => return Err(NO_SCORE),
            SureOf::Both => return Err(TWO_KINDS),
            SureOf::Every(every) if !every.has_labels() => return Err(OTHER_NAMES),
            SureOf::Every(every) => every,
        };
        let share = |k| match every.top(k) {
            (_, 0) => Err(NO_SCORE),
            (hits, rows) => Ok(hits as f64 / rows as f64),
        };
        Ok(TopK { k2: share(2)?, k3: share(3)?, k5: share(5)? })
    }
}

/// A measure of each class that labels are of, against all others, and how many labels are.
fn of_labels(
    every: &EveryClass,
    measure: impl Fn(&[Place]) -> Result<f64, Absence>,
) -> Result<Vec<(&str, u64, f64)>, Absence> {
    let scores = every.classes()?.into_iter().map(|class| (class, every.of(class)));
    let labelled = scores.filter(|(_, scores)| scores.of_label(true) > 0);
    labelled.map(|(class, scores)| Ok((class, scores.of_label(true), measure(&scores.by_label())?))).collect()
}
