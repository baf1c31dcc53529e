//! The state of a classifier's quality: labelled rows by prediction and label, and how sure the model was.

mod agreement;
pub mod both_ends;
mod calibration;
mod curves;
mod delong;
pub mod every_class;
mod intervals;
mod jackknife;
mod probabilities;
mod score_intervals;
mod scored;
mod scores;

use std::collections::{BTreeMap, BTreeSet};

pub use curves::average_precision;
pub use probabilities::{Probabilities, Room, SureOf};
pub use scored::TopK;
pub use scores::{ScoredAs, Scores};
use serde::{Deserialize, Serialize};

use super::reason::Absence;

/// Most pairs of prediction and label that are told apart. Beyond them no measure of classes has a value; which pairs
/// are known then can depend on the order of rows.
pub const MAX_CELLS: usize = 10_000;

/// Most predicted classes that are known by name whether their rows are labelled or not: enough to tell that there are more
/// than two.
const MAX_SAID: usize = 3;

/// All that is remembered of predictions of classes. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassificationState {
    /// Rows by (prediction, label).
    cells: BTreeMap<(String, String), u64>,
    /// Labelled rows that are in no cell, because there are too many.
    pub uncounted: u64,
    /// Labelled rows whose label is the positive class.
    pub positives: u64,
    /// How sure the model was, of labelled rows and others.
    pub probabilities: Probabilities,
    /// Predicted classes of labelled rows and others, the first few by name.
    said: BTreeSet<String>,
}

/// Scores by class, and their means over classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassScores {
    /// By class.
    pub one_vs_all: BTreeMap<String, f64>,
    /// Mean over classes.
    #[serde(rename = "macro")]
    pub macro_mean: f64,
    /// Mean over classes, weighted by labels.
    pub weighted: f64,
}

impl ClassScores {
    fn over(support: &BTreeMap<&str, u64>, score: impl Fn(&str) -> f64) -> Self {
        let one_vs_all: BTreeMap<String, f64> =
            support.keys().map(|class| ((*class).to_owned(), score(class))).collect();
        let total: u64 = support.values().sum();
        let weighted =
            one_vs_all.values().zip(support.values()).map(|(score, rows)| score * *rows as f64).sum::<f64>();
        Self {
            macro_mean: one_vs_all.values().sum::<f64>() / one_vs_all.len() as f64,
            weighted: weighted / total as f64,
            one_vs_all,
        }
    }
}

/// How often a prediction met a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// What the model said.
    pub prediction: String,
    /// What was true.
    pub label: String,
    /// How often.
    pub count: u64,
}

/// Labelled rows as one class sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Predicted as the class, and of it.
    pub hits: u64,
    /// Predicted as the class.
    pub predicted: u64,
    /// Of the class.
    pub labelled: u64,
}

impl ClassificationState {
    /// Counts `count` labelled rows. `positive`: whether the label is the positive class.
    pub fn add(&mut self, prediction: &str, label: &str, positive: bool, count: u64) {
        let key = (prediction.to_owned(), label.to_owned());
        if self.cells.len() < MAX_CELLS || self.cells.contains_key(&key) {
            *self.cells.entry(key).or_default() += count;
        } else {
            self.uncounted += count;
        }
        self.positives += if positive { count } else { 0 };
    }

    /// Notes that rows, labelled or not, are predicted to be of this class.
    pub fn note_said(&mut self, class: &str) {
        if !self.said.contains(class) {
            self.said.insert(class.to_owned());
            self.forget_said();
        }
    }

    /// Those that are first by name stay: which they are does not depend on the order of rows.
    fn forget_said(&mut self) {
        while self.said.len() > MAX_SAID {
            self.said.pop_last();
        }
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.cells {
            if self.cells.len() < MAX_CELLS || self.cells.contains_key(key) {
                *self.cells.entry(key.clone()).or_default() += count;
            } else {
                self.uncounted += count;
            }
        }
        self.uncounted += other.uncounted;
        self.positives += other.positives;
        self.probabilities.merge(&other.probabilities);
        self.said.extend(other.said.iter().cloned());
        self.forget_said();
    }

    /// Labelled rows.
    pub fn count(&self) -> u64 {
        self.cells.values().sum::<u64>() + self.uncounted
    }

    /// Whether there is no row in it, labelled or not.
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.said.is_empty()
    }

    /// Predicted classes of labelled rows and others, the first few by name.
    pub fn said(&self) -> &BTreeSet<String> {
        &self.said
    }

    /// The classes that labels are of, each at least once.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.cells.keys().map(|(_, label)| label.as_str())
    }

    /// The cells, if every labelled row is in one.
    fn all_cells(&self) -> Result<&BTreeMap<(String, String), u64>, Absence> {
        if self.uncounted > 0 {
            return Err(format!("there are more than {MAX_CELLS} pairs of prediction and label").into());
        }
        if self.cells.is_empty() { Err(Absence::new("no row is labelled")) } else { Ok(&self.cells) }
    }

    /// Share of rows predicted right.
    pub fn accuracy_score(&self) -> Result<f64, Absence> {
        let cells = self.all_cells()?.iter();
        let right: u64 = cells.filter(|((said, true_one), _)| said == true_one).map(|(_, n)| n).sum();
        Ok(right as f64 / self.count() as f64)
    }

    /// The cells that are not empty.
    pub fn confusion_matrix(&self) -> Result<Vec<Cell>, Absence> {
        let cell = |((prediction, label), count): (&(String, String), &u64)| Cell {
            prediction: prediction.clone(),
            label: label.clone(),
            count: *count,
        };
        Ok(self.all_cells()?.iter().map(cell).collect())
    }

    /// What each class sees: those of predictions, and those of labels.
    pub fn by_class(&self) -> Result<BTreeMap<&str, ClassCounts>, Absence> {
        let mut classes: BTreeMap<&str, ClassCounts> = BTreeMap::new();
        for ((prediction, label), count) in self.all_cells()? {
            let predicted = classes.entry(prediction).or_default();
            predicted.predicted += count;
            predicted.hits += if prediction == label { *count } else { 0 };
            classes.entry(label).or_default().labelled += count;
        }
        Ok(classes)
    }

    /// Labels by class; classes that were only predicted have none.
    fn support(&self) -> Result<BTreeMap<&str, u64>, Absence> {
        Ok(self.by_class()?.into_iter().map(|(class, counts)| (class, counts.labelled)).collect())
    }

    fn by_rate(&self, score: impl Fn(ClassCounts) -> (u64, u64)) -> Result<ClassScores, Absence> {
        let classes = self.by_class()?;
        let ratio = |class: &str| match score(classes.get(class).copied().unwrap_or_default()) {
            // Of no rows, as scikit-learn with zero_division=0: a class that is never predicted has no
            // precision to speak of, and one that no label has no recall.
            (_, 0) => 0.0,
            (part, whole) => part as f64 / whole as f64,
        };
        let support = classes.iter().map(|(class, counts)| (*class, counts.labelled)).collect();
        Ok(ClassScores::over(&support, ratio))
    }

    /// Of the rows predicted as a class, the share that are.
    pub fn precision(&self) -> Result<ClassScores, Absence> {
        self.by_rate(|class| (class.hits, class.predicted))
    }

    /// Of the rows that are of a class, the share predicted so.
    pub fn recall(&self) -> Result<ClassScores, Absence> {
        self.by_rate(|class| (class.hits, class.labelled))
    }

    /// Harmonic mean of precision and recall.
    pub fn f1_score(&self) -> Result<ClassScores, Absence> {
        self.by_rate(|class| (2 * class.hits, class.predicted + class.labelled))
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.cells.len() * 128 + self.probabilities.size()
    }

    /// Brings sums into their one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        self.probabilities.settle();
    }
}

#[cfg(test)]
impl ClassificationState {
    /// Counts one labelled row. The prediction is the positive class if it is called as a label that is.
    pub(crate) fn add_row(&mut self, prediction: &str, label: &str, positive: bool, score: Option<f64>) {
        let said_positive = (prediction == label) == positive;
        self.add(prediction, label, positive, 1);
        self.note_said(prediction);
        let of = ScoredAs { is_positive: Some(positive), said_positive };
        self.probabilities.add_scores(score.as_slice(), of, &mut Room::default());
    }

    /// Counts one row that waits for its label.
    pub(crate) fn add_unlabelled(&mut self, prediction: &str, said_positive: bool, score: f64) {
        self.note_said(prediction);
        let of = ScoredAs { is_positive: None, said_positive };
        self.probabilities.add_scores(&[score], of, &mut Room::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The area by its definition, over sorted rows of (score, positive).
    fn area(rows: &[(f64, bool)]) -> f64 {
        let (mut wins, mut downs) = (0.0, 0.0);
        for tied in rows.chunk_by(|a, b| a.0 == b.0) {
            let ups = tied.iter().filter(|(_, positive)| *positive).count() as f64;
            let others = tied.len() as f64 - ups;
            wins += ups * (downs + others / 2.0);
            downs += others;
        }
        wins / (downs * (rows.len() as f64 - downs))
    }

    #[test]
    fn an_area_on_shared_buckets_is_within_a_thousandth() {
        // A confident classifier, half of whose scores are above 0.95 or below 0.05.
        let mut state = ClassificationState::default();
        let mut rows: Vec<(f64, bool)> = (0..50_000u64)
            .map(|i| {
                let noise = (0..4).map(|part| ((i * 2_654_435_761) >> (part * 8)) % 251).sum::<u64>() as f64
                    / 500.0
                    - 1.0;
                let positive = i % 3 == 0;
                let logit = 9.0 * noise + if positive { 2.0 } else { -2.0 } + i as f64 * 1e-5;
                (1.0 / (1.0 + (-logit).exp()), positive)
            })
            .collect();
        rows.iter().for_each(|(score, positive)| state.add_row("0", "0", *positive, Some(*score)));
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let SureOf::Positive(scores) = state.probabilities.sure_of() else { unreachable!() };
        assert!(!scores.is_exact());
        let (ours, exact) = (curves::roc_auc(&scores.by_label()).unwrap_or_default(), area(&rows));
        assert!((0.6..0.95).contains(&exact), "{exact}");
        assert!((ours - exact).abs() < 1e-3, "{ours}, not {exact}");
    }

    #[test]
    fn too_many_pairs_leave_classes_unmeasured() {
        let mut state = ClassificationState::default();
        (0..=MAX_CELLS).for_each(|i| state.add(&i.to_string(), "a", false, 1));
        assert_eq!((state.count(), state.uncounted), (MAX_CELLS as u64 + 1, 1));
        assert!(state.accuracy_score().is_err() && state.precision().is_err());
    }

    /// Which pairs are told apart then depends on the order of rows, but not what is said of them.
    #[test]
    fn too_many_pairs_leave_classes_unmeasured_in_any_order() {
        let of = |range: std::ops::Range<usize>| {
            let mut state = ClassificationState::default();
            range.for_each(|i| state.add(&i.to_string(), "a", i % 2 == 0, 1));
            state
        };
        let whole = of(0..MAX_CELLS + 10);
        for cut in [0, 5, MAX_CELLS / 2, MAX_CELLS, MAX_CELLS + 10] {
            let parts = [of(0..cut), of(cut..MAX_CELLS + 10)];
            for [first, second] in [[&parts[0], &parts[1]], [&parts[1], &parts[0]]] {
                let mut state = first.clone();
                state.merge(second);
                assert_eq!((state.count(), state.uncounted), (whole.count(), whole.uncounted));
                assert_eq!(state.positives, whole.positives);
                assert_eq!(state.accuracy_score(), whole.accuracy_score());
                assert_eq!(state.recall(), whole.recall());
            }
        }
    }

    #[test]
    fn scores_that_are_no_probabilities_are_counted_apart() {
        let mut state = ClassificationState::default();
        [1.5, -0.1, f64::NAN, 0.5].iter().for_each(|score| state.add_row("a", "a", true, Some(*score)));
        let probabilities = &state.probabilities;
        assert_eq!((probabilities.labelled_without(), probabilities.labelled(), state.count()), (3, 1, 4));
        assert_eq!(state.log_loss(), Err("3 of 4 scores are not within 0 and 1".to_owned().into()));
    }
}
