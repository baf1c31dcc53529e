//! Expected quality where every class has a probability: the mean over the classes that labels of the baseline are of.

use std::collections::BTreeMap;

use super::Estimate;
use super::one_vs_all::{Confusion, OneVsAll};
use crate::profile::classification::every_class::{EveryClass, MOST_LEFT_OUT};
use crate::profile::classification::{ScoredAs, Scores};
use crate::profile::reason::Absence;

/// What the baseline knows of probabilities of every class.
#[derive(Debug)]
pub(super) struct OfEveryClass {
    classes: BTreeMap<String, OneVsAll>,
    /// Share of labelled rows predicted right.
    accuracy_score: f64,
}

impl OfEveryClass {
    /// What `reference` knows: rows of the baseline, of which some are labelled.
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
                classes.insert(class.to_owned(), OneVsAll::of(&scores)?);
            }
        }
        Ok(Self { classes, accuracy_score: right as f64 / reference.labelled() as f64 })
    }

    /// The quality to be expected of `rows`.
    ///
    /// # Errors
    /// If classes are called otherwise, or many rows are predicted as what no label of the baseline is.
    pub(super) fn estimate(&self, rows: &EveryClass) -> Result<Estimate, Absence> {
        let known = |class: &&str| self.classes.contains_key(*class);
        let unknown = rows.classes()?.into_iter().filter(|class| !known(class));
        let unknown: Vec<(&str, u64)> = unknown.map(|class| (class, said(&rows.of(class)))).collect();
        // A few are as wrong as that: the baseline says that their class does not come true.
        if MOST_LEFT_OUT * unknown.iter().map(|(_, rows)| rows).sum::<u64>() > rows.all() {
            let classes = unknown.iter().filter(|(_, rows)| *rows > 0).map(|(class, _)| format!("`{class}`"));
            let classes = classes.collect::<Vec<_>>().join(", ");
            return Err(format!("predicted are {classes}, which no label of the baseline is").into());
        }
        if !rows.has_predictions() {
            return Err(Absence::new(
                "no prediction is one of the classes that have probabilities: their names are others",
            ));
        }
        let (mut estimates, mut right) = (Vec::new(), 0.0);
        for (class, known) in &self.classes {
            let (estimate, Confusion { hits, alarms, misses, .. }) =
                known.estimate_and_confusion(&rows.of(class));
            right += hits;
            // Of a class that is neither predicted nor expected once the window knows nothing.
            if hits + alarms > 0.0 || hits + misses >= 1.0 {
                estimates.push(estimate);
            }
        }
        let count = estimates.len() as f64;
        let mean = |of: fn(&Estimate) -> f64| estimates.iter().map(of).sum::<f64>() / count;
        // One of which nothing is expected has no area.
        let mean_of_areas = |of: fn(&Estimate) -> &Result<f64, Absence>| -> Result<f64, Absence> {
            let areas: Vec<f64> =
                estimates.iter().filter_map(|estimate| of(estimate).as_ref().ok().copied()).collect();
            match areas.len() {
                0 => Err(Absence::new("fewer than two classes are expected")),
                classes => Ok(areas.iter().sum::<f64>() / classes as f64),
            }
        };
        Ok(Estimate {
            // Every row is predicted as one class, and right if it is of that.
            accuracy_score: right / rows.all() as f64,
            precision: mean(|estimate| estimate.precision),
            recall: mean(|estimate| estimate.recall),
            specificity: mean(|estimate| estimate.specificity),
            f1_score: mean(|estimate| estimate.f1_score),
            roc_auc_score: mean_of_areas(|estimate| &estimate.roc_auc_score),
            average_precision_score: mean_of_areas(|estimate| &estimate.average_precision_score),
            sampling_errors: self.sampling_errors(&estimates, rows.all()),
        })
    }

    /// Of a mean over classes, whose errors are taken to be independent.
    fn sampling_errors(&self, estimates: &[Estimate], rows: u64) -> BTreeMap<&'static str, f64> {
        let mut squares: BTreeMap<&'static str, (f64, usize)> = BTreeMap::new();
        for (name, error) in estimates.iter().flat_map(|estimate| &estimate.sampling_errors) {
            let (sum, count) = squares.entry(name).or_default();
            *sum += error * error;
            *count += 1;
        }
        let known = squares.into_iter().filter(|(_, (_, count))| *count == estimates.len());
        let mut errors: BTreeMap<_, _> =
            known.map(|(name, (sum, count))| (name, sum.sqrt() / count as f64)).collect();
        let of_accuracy = (self.accuracy_score * (1.0 - self.accuracy_score) / rows as f64).sqrt();
        errors.insert("estimated_accuracy_score", of_accuracy);
        errors
    }
}

/// Rows of which the class is predicted.
fn said(scores: &Scores) -> u64 {
    ScoredAs::ALL.into_iter().filter(|of| of.said_positive).map(|of| scores.count(of)).sum()
}
