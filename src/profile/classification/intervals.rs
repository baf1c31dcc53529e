//! How sure the measures of a classifier are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::jackknife::{self, MAX_JACKKNIFED, MEASURES};
use super::{ClassCounts, ClassificationState};
use crate::profile::interval::Interval;
use crate::profile::reason::Absence;

/// Most classes that have intervals of their own: those with most labels.
const MAX_CLASSES: usize = 32;

impl ClassificationState {
    /// The 95 % interval of each measure that has one, by its name as rules write it; of a class's measure, with the class
    /// after `one_vs_all`.
    ///
    /// Shares of rows have Wilson's. Other measures of the confusion matrix have `value ± z · SE` of the [`jackknife`], the area
    /// under the ROC curve that of [`delong`](super::delong), and means over scored rows that of `s / √n`; an average precision has the logit
    /// interval. All are cut to what the measure can be.
    ///
    /// The calibration error is `Σ_b |Σ_{i ∈ b} (yᵢ − pᵢ)| / n`, the mean of `gᵢ = ±(yᵢ − pᵢ)` where all rows of a bin have its
    /// sign. To the first order signs do not change, so its variance is that of a mean: `gᵢ² = (yᵢ − pᵢ)²` has the Brier score as
    /// its mean, and so `SE² = (Brier − ECE²) / (n − 1)`. Where bins are well calibrated their signs are chance, and the error
    /// itself lies too high; the interval does not mend that. Of probabilities of every class the same holds of that of the
    /// predicted class.
    ///
    /// # Errors
    /// If there are no labelled rows, or too many classes.
    pub fn intervals(&self) -> Result<BTreeMap<String, Interval>, Absence> {
        let classes = self.by_class()?;
        let rows = self.count();
        let mut found = BTreeMap::new();
        let mut note = |name: &str, interval: Option<Interval>| {
            if let Some(interval) = interval.filter(|interval| interval.is_finite()) {
                found.insert(name.to_owned(), interval);
            }
        };
        let right: u64 = classes.values().map(|class| class.hits).sum();
        note("accuracy_score", Interval::wilson(right, rows));
        for ((name, least), (value, standard_error)) in MEASURES.into_iter().zip(self.jackknifed(&classes)) {
            let interval = value.zip(standard_error).map(|(value, error)| Interval::normal(value, error));
            note(name, interval.map(|interval| interval.within(least, 1.0)));
        }
        for (class, counts) in most_labelled(&classes) {
            let ClassCounts { hits, predicted, labelled } = counts;
            let f1 = 2.0 * hits as f64 / (predicted + labelled) as f64;
            let f1 = jackknife::f1_standard_error(counts, rows).map(|error| Interval::normal(f1, error));
            note(&format!("precision.one_vs_all.{class}"), Interval::wilson(hits, predicted));
            note(&format!("recall.one_vs_all.{class}"), Interval::wilson(hits, labelled));
            note(&format!("f1_score.one_vs_all.{class}"), f1.map(|interval| interval.within(0.0, 1.0)));
        }
        for (name, interval) in self.intervals_of_scores() {
            note(&name, interval);
        }
        Ok(found)
    }

    /// The measures of the jackknife, with their standard errors.
    fn jackknifed(&self, classes: &BTreeMap<&str, ClassCounts>) -> Vec<(Option<f64>, Option<f64>)> {
        if self.cells.len() > MAX_JACKKNIFED {
            return Vec::new();
        }
        let places: BTreeMap<&str, usize> =
            classes.keys().enumerate().map(|(place, class)| (*class, place)).collect();
        let place = |class: &String| places.get(class.as_str()).copied().unwrap_or_default();
        let cells: Vec<_> =
            self.cells.iter().map(|((said, is), count)| ((place(said), place(is)), *count)).collect();
        let errors = jackknife::standard_errors(&cells, classes.values().copied().collect());
        let [precision, recall, f1] = [self.precision(), self.recall(), self.f1_score()].map(Result::ok);
        let means = [precision, recall, f1].map(|scores| {
            let (macro_mean, weighted) = scores.map(|scores| (scores.macro_mean, scores.weighted)).unzip();
            [macro_mean, weighted]
        });
        let [precision, recall, f1] = means;
        let agreement = [self.balanced_accuracy_score(), self.matthews_corrcoef(), self.cohen_kappa_score()]
            .map(Result::ok);
        [precision.as_slice(), &recall, &f1, &agreement].concat().into_iter().zip(errors).collect()
    }
}

/// The classes that have intervals.
fn most_labelled<'a>(classes: &BTreeMap<&'a str, ClassCounts>) -> Vec<(&'a str, ClassCounts)> {
    let mut classes: Vec<(&str, ClassCounts)> =
        classes.iter().map(|(class, counts)| (*class, *counts)).collect();
    classes.sort_by_key(|(_, counts)| Reverse(counts.labelled));
    classes.truncate(MAX_CLASSES);
    classes
}
