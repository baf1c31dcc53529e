//! The state of a classifier's quality: labelled rows by prediction and label, and where the scores of
//! each kind of row lie.

mod agreement;
mod calibration;
mod curves;
mod delong;
pub mod every_class;
mod intervals;
mod jackknife;
mod score_intervals;
mod scores;

use std::collections::{BTreeMap, BTreeSet};

use calibration::Calibration;
pub use curves::average_precision;
use every_class::{EveryClass, Gathered, MOST_LEFT_OUT, left_out};
pub use scores::{ScoredAs, Scores};
use serde::{Deserialize, Serialize};

use super::distribution::Edges;
use super::exact_sum::Slots;
use super::moments::Moments;
use super::reason::Absence;

/// Most pairs of prediction and label that are told apart. Beyond them no measure of classes has a value; which pairs
/// are known then can depend on the order of rows.
pub const MAX_CELLS: usize = 10_000;

/// Most predicted classes that are known by name whether their rows are labelled or not: enough to tell that there are more
/// than two.
const MAX_SAID: usize = 3;

const NO_SCORE: Absence = Absence::new("no labelled row has a score");
const OTHER_NAMES: Absence =
    Absence::new("no label is one of the classes that have probabilities: their names are others");
const TWO_KINDS: Absence =
    Absence::new("some rows have a probability of one class, and others of every class");

/// All that is remembered of predictions of classes. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassificationState {
    /// Rows by (prediction, label).
    cells: BTreeMap<(String, String), u64>,
    /// Labelled rows that are in no cell, because there are too many.
    pub uncounted: u64,
    /// Labelled rows whose label is the positive class.
    pub positives: u64,
    /// Where scores that are probabilities lie, of labelled rows and others.
    scores: Scores,
    /// −ln of the probability given to the label.
    log_losses: Moments,
    /// (Probability − 1)² of rows of the positive class, probability² of the others; of every class, the sum over classes. Of
    /// labelled rows, each rounded.
    squared_errors: Moments,
    /// How often labelled rows of about the same probability are of the positive class; of every class, how often the predicted
    /// class comes true.
    calibration: Calibration,
    /// Labelled rows whose scores are no probabilities.
    pub not_probabilities: u64,
    /// Other rows with a prediction whose scores are no probabilities.
    unlabelled_not_probabilities: u64,
    /// Predicted classes of labelled rows and others, the first few by name.
    said: BTreeSet<String>,
    /// Of rows that have probabilities of every class.
    every_class: Option<Box<EveryClass>>,
}

/// Room to work in.
#[derive(Debug, Default)]
pub struct Room {
    probabilities: Vec<f64>,
    losses: Vec<f64>,
    slots: Slots,
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
    /// From now on tells scores at `edges` apart. Only while there are none.
    pub fn pin(&mut self, edges: &Edges) {
        self.scores.pin(edges);
    }

    /// Tells scores at `edges`, too, apart, of those that have been counted; whether that can be, as of
    /// [`Distribution::cut_between_buckets`].
    pub fn cut_between_buckets(&mut self, edges: &Edges) -> bool {
        self.scores.cut_between_buckets(edges)
    }

    /// The same as far as it can be, as of [`Distribution::cut_where_possible`].
    pub fn cut_where_possible(&mut self, edges: &Edges) {
        self.scores.cut_where_possible(edges);
    }

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

    /// Notes the scores of rows with a prediction that are all of one kind.
    pub fn add_scores(&mut self, scores: &[f64], of: ScoredAs, room: &mut Room) {
        let Room { probabilities, losses, slots } = room;
        probabilities.clear();
        probabilities.extend(scores.iter().filter(|score| (0.0..=1.0).contains(*score)));
        let not_probabilities = (scores.len() - probabilities.len()) as u64;
        self.scores.add_all(probabilities, of);
        let Some(positive) = of.is_positive else {
            self.unlabelled_not_probabilities += not_probabilities;
            return;
        };
        self.not_probabilities += not_probabilities;
        self.calibration.add_all(probabilities, positive);
        let likely = |score: &f64| if positive { *score } else { 1.0 - score };
        losses.clear();
        // As scikit-learn: a probability is kept one epsilon away from 0 and 1.
        let loss = |score| -likely(score).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
        losses.extend(probabilities.iter().map(loss));
        self.log_losses.add_all(losses, slots);
        let error = |score: &f64| if positive { score - 1.0 } else { *score };
        losses.clear();
        losses.extend(probabilities.iter().map(|score| error(score) * error(score)));
        self.squared_errors.add_all(losses, slots);
    }

    /// Adds rows with probabilities of every class, whose classes have these `names`, in their order.
    pub fn add_of_every_class(&mut self, rows: &Gathered, names: &[String], room: &mut Room) {
        if rows.is_empty() {
            return;
        }
        let slots = &mut room.slots;
        self.every_class.get_or_insert_default().add(rows, names, slots);
        let [wrong, right] = &rows.confidences;
        self.calibration.add_all(wrong, false);
        self.calibration.add_all(right, true);
        self.log_losses.add_all(&rows.losses, slots);
        self.squared_errors.add_all(&rows.squared_errors, slots);
        let (labelled, unlabelled) = rows.not_probabilities;
        self.not_probabilities += labelled;
        self.unlabelled_not_probabilities += unlabelled;
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
        self.scores.merge(&other.scores);
        self.log_losses.merge(&other.log_losses);
        self.squared_errors.merge(&other.squared_errors);
        self.calibration.merge(&other.calibration);
        self.not_probabilities += other.not_probabilities;
        self.unlabelled_not_probabilities += other.unlabelled_not_probabilities;
        self.said.extend(other.said.iter().cloned());
        self.forget_said();
        if let Some(theirs) = &other.every_class {
            self.every_class.get_or_insert_default().merge(theirs);
        }
    }

    /// Labelled rows.
    pub fn count(&self) -> u64 {
        self.cells.values().sum::<u64>() + self.uncounted
    }

    /// Whether there is no row in it, labelled or not.
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.said.is_empty()
    }

    /// Where scores lie, of labelled rows and others.
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// Of rows that have probabilities of every class, what these say.
    pub fn every_class(&self) -> Option<&EveryClass> {
        self.every_class.as_deref()
    }

    /// Rows with a prediction whose scores are no probabilities, labelled or not.
    pub fn all_not_probabilities(&self) -> u64 {
        self.not_probabilities + self.unlabelled_not_probabilities
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

    /// Labelled rows with probabilities.
    pub fn scored(&self) -> u64 {
        self.scores.labelled() + self.every_class().map_or(0, EveryClass::labelled)
    }

    /// That there are scores of labelled rows, and that these are probabilities: of one class, or of every class.
    ///
    /// # Errors
    /// Why nothing is measured of them.
    pub fn are_probabilities(&self) -> Result<(), Absence> {
        let (scored, not) = (self.scored(), self.not_probabilities);
        match (&self.every_class, not) {
            (Some(_), _) if self.scores.all() > 0 => Err(TWO_KINDS),
            (Some(_), 1..) if MOST_LEFT_OUT * not > scored + not => Err(left_out(not, scored + not)),
            (None, 1..) => {
                let are = if not == 1 { "is" } else { "are" };
                Err(format!("{not} of {} scores {are} not within 0 and 1", scored + not).into())
            }
            (Some(every), _) if !every.has_labels() => Err(OTHER_NAMES),
            _ if scored == 0 => Err(NO_SCORE),
            _ => Ok(()),
        }
    }

    /// What is to be said of rows with probabilities of every class that are left out, because few are such.
    pub fn few_left_out(&self) -> Option<Absence> {
        let (not, all) = (self.not_probabilities, self.scored() + self.not_probabilities);
        let are_few = self.every_class.is_some() && not > 0 && MOST_LEFT_OUT * not <= all;
        are_few.then(|| {
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
        match labels.len() {
            _ if self.every_class.is_some() => Ok(labels),
            2 if self.positives == 0 => {
                Err(Absence::new("labels are of two classes, and neither is the positive one"))
            }
            0..=2 => Ok(labels),
            classes => Err(format!("labels are of {classes} classes, and scores are of one").into()),
        }
    }

    /// Mean negative log-likelihood of the label, in nats. Of scores of one class absent for more than two classes, and for
    /// two of which neither is the positive one.
    pub fn log_loss(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        self.log_losses.mean(self.scored()).ok_or(NO_SCORE)
    }

    /// Mean squared difference between the probability and what came true, 1 of the positive class and else 0: the Brier score. Of
    /// probabilities of every class the sum over classes. Absent where the log loss is.
    pub fn brier_score_loss(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        self.squared_errors.mean(self.scored()).ok_or(NO_SCORE)
    }

    /// How far probabilities are from how often they come true, over bins of them, as of [`Calibration::error`]. Absent where
    /// the log loss is.
    pub fn expected_calibration_error(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        self.calibration.error().ok_or(NO_SCORE)
    }

    /// Average precision, as of [`curves::average_precision`]; of probabilities of every class the mean over classes that labels
    /// are of.
    pub fn average_precision_score(&self) -> Result<f64, Absence> {
        self.scored_labels()?;
        let Some(every) = &self.every_class else { return average_precision(&self.scores) };
        let scores = every.classes()?.into_iter().map(|class| every.of(class));
        let labelled = scores.filter(|scores| scores.of_label(true) > 0);
        let precisions: Vec<f64> =
            labelled.map(|scores| average_precision(&scores)).collect::<Result<_, _>>()?;
        Ok(precisions.iter().sum::<f64>() / precisions.len() as f64)
    }

    /// The ROC area, as of [`curves::roc_auc`], in the shape of the other scores: of scores of one of two classes each has the
    /// same; of probabilities of every class, those that labels are of.
    pub fn roc_auc_score(&self) -> Result<ClassScores, Absence> {
        let labels = self.scored_labels()?;
        let Some(every) = &self.every_class else {
            let area = curves::roc_auc(&self.scores)?;
            return Ok(ClassScores::over(&labels, |_| area));
        };
        let scores = every.classes()?.into_iter().map(|class| (class, every.of(class)));
        let labelled: Vec<_> = scores.filter(|(_, scores)| scores.of_label(true) > 0).collect();
        if labelled.len() < 2 {
            return Err(Absence::new("every scored row is of one class"));
        }
        let support = labelled.iter().map(|(class, scores)| (*class, scores.of_label(true))).collect();
        let areas: BTreeMap<&str, f64> = labelled
            .iter()
            .map(|(class, scores)| Ok((*class, curves::roc_auc(scores)?)))
            .collect::<Result<_, Absence>>()?;
        Ok(ClassScores::over(&support, |class| areas.get(class).copied().unwrap_or_default()))
    }

    /// Shares of rows whose label is among the classes of the highest probabilities.
    pub fn top_k_accuracy_score(&self) -> Result<TopK, Absence> {
        let every = self.every_class().ok_or(NO_SCORE)?;
        if self.scores.all() > 0 {
            return Err(TWO_KINDS);
        }
        if !every.has_labels() {
            return Err(OTHER_NAMES);
        }
        let share = |k| match every.top(k) {
            (_, 0) => Err(NO_SCORE),
            (hits, rows) => Ok(hits as f64 / rows as f64),
        };
        Ok(TopK { k2: share(2)?, k3: share(3)?, k5: share(5)? })
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.cells.len() * 128
            + self.scores.size()
            + self.log_losses.size()
            + self.squared_errors.size()
            + self.every_class().map_or(0, EveryClass::size)
    }

    /// Brings sums into their one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        self.log_losses.settle();
        self.squared_errors.settle();
        self.scores.settle();
        if let Some(every) = &mut self.every_class {
            every.settle();
        }
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
        self.add_scores(score.as_slice(), of, &mut Room::default());
    }

    /// Counts one row that waits for its label.
    pub(crate) fn add_unlabelled(&mut self, prediction: &str, said_positive: bool, score: f64) {
        self.note_said(prediction);
        let of = ScoredAs { is_positive: None, said_positive };
        self.add_scores(&[score], of, &mut Room::default());
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
        assert!(!state.scores.is_exact());
        let (ours, exact) = (curves::roc_auc(&state.scores).unwrap_or_default(), area(&rows));
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
        assert_eq!((state.not_probabilities, state.scored(), state.count()), (3, 1, 4));
        assert_eq!(state.log_loss(), Err("3 of 4 scores are not within 0 and 1".to_owned().into()));
    }
}
