//! Expected quality where every class has a probability: the mean over the classes that labels of the baseline are of.

use std::collections::BTreeMap;

use super::one_vs_all::OneOfSeveral;
use super::{Estimate, UNKNOWN_CLASS};
use crate::profile::classification::every_class::EveryClass;
use crate::profile::classification::{ScoredAs, Scores};
use crate::profile::reason::Absence;

/// What the baseline knows of probabilities of every class.
#[derive(Debug)]
pub(super) struct OfEveryClass {
    classes: BTreeMap<String, OneOfSeveral>,
    /// Share of labelled rows predicted right.
    accuracy_score: f64,
}

impl OfEveryClass {
    /// What `reference` knows: rows of the baseline.
    ///
    /// # Errors
    /// If labels are not of at least two classes, or classes are too many.
    pub(super) fn of(reference: &EveryClass) -> Result<Self, Absence> {
        let (mut classes, mut right) = (BTreeMap::new(), 0);
        for class in reference.classes()? {
            let scores = reference.of(class);
            right += scores.count(ScoredAs { is_positive: Some(true), said_positive: true });
            // One that no label is of is not expected to come true.
            if scores.of_label(true) > 0 {
                classes.insert(class.to_owned(), OneOfSeveral::of(&scores)?);
            }
        }
        if reference.labelled() == 0 {
            return Err(Absence::new("no labelled row of the baseline has probabilities"));
        }
        Ok(Self { classes, accuracy_score: right as f64 / reference.labelled() as f64 })
    }

    /// The quality to be expected of `rows`.
    ///
    /// # Errors
    /// If a class is predicted that no label of the baseline is of.
    pub(super) fn estimate(&self, rows: &EveryClass) -> Result<Estimate, Absence> {
        let is_unknown = |class: &&str| !self.classes.contains_key(*class);
        if rows.classes()?.into_iter().filter(is_unknown).any(|class| is_said(&rows.of(class))) {
            return Err(UNKNOWN_CLASS);
        }
        let by_class = self.classes.iter().map(|(class, known)| known.estimate(&rows.of(class)));
        let (estimates, hits): (Vec<Estimate>, Vec<f64>) = by_class.unzip();
        let count = estimates.len() as f64;
        let mean = |of: fn(&Estimate) -> f64| estimates.iter().map(of).sum::<f64>() / count;
        let mean_of_areas = |of: fn(&Estimate) -> Result<f64, Absence>| -> Result<f64, Absence> {
            Ok(estimates.iter().map(of).collect::<Result<Vec<f64>, _>>()?.iter().sum::<f64>() / count)
        };
        Ok(Estimate {
            // Every row is predicted as one class, and right if it is of that.
            accuracy_score: hits.iter().sum::<f64>() / rows.all() as f64,
            precision: mean(|estimate| estimate.precision),
            recall: mean(|estimate| estimate.recall),
            specificity: mean(|estimate| estimate.specificity),
            f1_score: mean(|estimate| estimate.f1_score),
            roc_auc_score: mean_of_areas(|estimate| estimate.roc_auc_score.clone()),
            average_precision_score: mean_of_areas(|estimate| estimate.average_precision_score.clone()),
            sampling_errors: self.sampling_errors(&estimates, rows.all()),
        })
    }

    /// Of a mean over classes at most the mean of their errors, which it is where all go the same way.
    fn sampling_errors(&self, estimates: &[Estimate], rows: u64) -> BTreeMap<&'static str, f64> {
        let mut sums: BTreeMap<&'static str, (f64, usize)> = BTreeMap::new();
        for (name, error) in estimates.iter().flat_map(|estimate| &estimate.sampling_errors) {
            let (sum, count) = sums.entry(name).or_default();
            *sum += error;
            *count += 1;
        }
        let known = sums.into_iter().filter(|(_, (_, count))| *count == estimates.len());
        let mut errors: BTreeMap<_, _> =
            known.map(|(name, (sum, count))| (name, sum / count as f64)).collect();
        let of_accuracy = (self.accuracy_score * (1.0 - self.accuracy_score) / rows as f64).sqrt();
        errors.insert("estimated_accuracy_score", of_accuracy);
        errors
    }
}

/// Whether the class is predicted of any row.
fn is_said(scores: &Scores) -> bool {
    ScoredAs::ALL.into_iter().filter(|of| of.said_positive).any(|of| scores.count(of) > 0)
}
