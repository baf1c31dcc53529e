//! Probabilities of every class: where they lie, one class against all others, and how high they rank the label.
//!
//! A class that a row says nothing of has the probability 0 there. These zeros are not counted but where the row is of the class
//! or predicted so; how many there are follows from the rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::scores::{ScoredAs, Scores};
use crate::profile::exact_sum::{ExactSum, Slots};
use crate::profile::reason::Absence;

/// Most classes whose probabilities are told apart.
pub const MAX_CLASSES: usize = 32;

/// Places from the first on that are told apart.
pub const MAX_RANK: usize = 5;

/// How far each probability may be from what it was before it was rounded to two digits, and a sum by binary fractions.
const SLACK: (f64, f64) = (0.005, 1e-9);

/// One in so many rows may have numbers that are no probabilities, and is left out; where more have, none is trusted.
pub const MOST_LEFT_OUT: u64 = 20;

/// That so many of all rows have such numbers.
pub fn left_out(rows: u64, all: u64) -> Absence {
    let have = if rows == 1 { "has" } else { "have" };
    format!("{rows} of {all} rows {have} probabilities that are not within 0 and 1, or do not add up to 1")
        .into()
}

/// What is remembered of probabilities of every class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EveryClass {
    /// Of each class, as if it were the positive one.
    one_vs_all: BTreeMap<String, Scores>,
    /// There are more than [`MAX_CLASSES`], and so none is there.
    has_too_many: bool,
    /// Labelled rows with probabilities.
    labelled: u64,
    /// Other rows with probabilities.
    unlabelled: u64,
    /// Of both, rows in which no class is called as the label, or as the prediction.
    without_label: u64,
    without_prediction: u64,
    /// Labelled rows whose label has the highest probability, the second highest, and so on; last, all others.
    ranks: [u64; MAX_RANK + 1],
    /// (Probability of the predicted class − 1)² where it is the label, else its square.
    confidence_errors: ExactSum,
}

/// A row with probabilities. Classes are numbers, in the order of their names.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Classes and their probabilities; one that is not there has none.
    pub probabilities: &'a [(usize, f64)],
    /// The predicted class.
    pub said: usize,
    /// The label, if there is one.
    pub label: Option<usize>,
}

/// Rows of one group, until they are added to its state.
#[derive(Debug, Default)]
pub struct Gathered {
    /// By class, and by the kind of row.
    scores: Vec<[Vec<f64>; ScoredAs::ALL.len()]>,
    /// Classes with scores; once they are too many, none are gathered any more.
    classes: usize,
    /// By class, the row that it was last seen in, from 1 on.
    seen: Vec<u64>,
    rows: u64,
    labelled: u64,
    unlabelled: u64,
    without_label: u64,
    without_prediction: u64,
    ranks: [u64; MAX_RANK + 1],
    confidence_errors: Vec<f64>,
    /// Probabilities of the predicted class, by whether it is the label.
    pub(super) confidences: [Vec<f64>; 2],
    /// −ln of the probability of the label.
    pub(super) losses: Vec<f64>,
    /// Σ (probability − 1)² of the label and probability² of all others.
    pub(super) squared_errors: Vec<f64>,
    /// Labelled and other rows whose numbers are no probabilities of one of several classes.
    pub(super) not_probabilities: (u64, u64),
}

impl Gathered {
    /// Makes room for rows of so many classes.
    pub fn clear(&mut self, classes: usize) {
        self.scores.iter_mut().flatten().for_each(Vec::clear);
        self.scores.resize_with(classes, Default::default);
        self.classes = 0;
        self.seen.clear();
        self.seen.resize(classes, 0);
        self.rows = 0;
        (self.labelled, self.unlabelled, self.not_probabilities) = (0, 0, (0, 0));
        (self.without_label, self.without_prediction) = (0, 0);
        self.ranks = [0; MAX_RANK + 1];
        for values in [&mut self.confidence_errors, &mut self.losses, &mut self.squared_errors] {
            values.clear();
        }
        self.confidences.iter_mut().for_each(Vec::clear);
    }

    /// Whether there is no row in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row. One without any probability is none.
    pub fn add(&mut self, row: Row<'_>) {
        let Row { probabilities, said, label } = row;
        if probabilities.is_empty() {
            return;
        }
        self.rows += 1;
        let is_any_twice = self.is_any_twice(probabilities);
        if let Some(label) = label
            && !is_any_twice
            && !probabilities.iter().any(|(_, probability)| probability.is_nan())
        {
            self.ranks[rank(probabilities, label)] += 1;
        }
        if is_any_twice || !add_up(probabilities) {
            let not = &mut self.not_probabilities;
            *(if label.is_some() { &mut not.0 } else { &mut not.1 }) += 1;
            return;
        }
        *(if label.is_some() { &mut self.labelled } else { &mut self.unlabelled }) += 1;
        let mut add = |class: usize, probability: f64| {
            let of =
                ScoredAs { is_positive: label.map(|label| label == class), said_positive: said == class };
            if self.classes > MAX_CLASSES {
                return;
            }
            let by_kind = &mut self.scores[class];
            self.classes += usize::from(by_kind.iter().all(Vec::is_empty));
            by_kind[of.place()].push(probability);
        };
        probabilities.iter().for_each(|(class, probability)| add(*class, *probability));
        let find = |class: usize| probabilities.iter().find(|(other, _)| *other == class);
        let of = |class: usize| find(class).map_or(0.0, |(_, probability)| *probability);
        self.without_prediction += u64::from(find(said).is_none());
        self.without_label += u64::from(label.is_some_and(|label| find(label).is_none()));
        for class in [Some(said), label.filter(|label| *label != said)].into_iter().flatten() {
            if find(class).is_none() {
                add(class, 0.0);
            }
        }
        let Some(label) = label else { return };
        // As scikit-learn: a probability is kept one epsilon away from 0 and 1.
        self.losses.push(-of(label).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln());
        let squares: f64 = probabilities.iter().map(|(_, probability)| probability * probability).sum();
        self.squared_errors.push((squares + (1.0 - 2.0 * of(label))).max(0.0));
        let (confidence, is_right) = (of(said), said == label);
        self.confidences[usize::from(is_right)].push(confidence);
        let error = if is_right { confidence - 1.0 } else { confidence };
        self.confidence_errors.push(error * error);
    }

    /// Whether the row that is being added has a class more than once.
    fn is_any_twice(&mut self, probabilities: &[(usize, f64)]) -> bool {
        let row = self.rows;
        let mut is_seen = |class: usize| std::mem::replace(&mut self.seen[class], row) == row;
        probabilities.iter().any(|(class, _)| is_seen(*class))
    }
}

/// How many classes are before `label` in the order of probabilities, at most [`MAX_RANK`]. Of equal ones the last by name is
/// first, as scikit-learn has it; a label without a probability is behind all.
fn rank(probabilities: &[(usize, f64)], label: usize) -> usize {
    let Some((_, own)) = probabilities.iter().find(|(class, _)| *class == label) else { return MAX_RANK };
    let is_before =
        |(class, probability): &&(usize, f64)| probability > own || (probability == own && *class > label);
    probabilities.iter().filter(is_before).count().min(MAX_RANK)
}

/// Whether these are probabilities, of which one comes true.
fn add_up(probabilities: &[(usize, f64)]) -> bool {
    let sum: f64 = probabilities.iter().map(|(_, probability)| probability).sum();
    let (each, binary) = SLACK;
    let slack = each * probabilities.len() as f64 + binary;
    probabilities.iter().all(|(_, probability)| (0.0..=1.0).contains(probability))
        && (sum - 1.0).abs() <= slack
}

impl EveryClass {
    /// Adds the rows of `gathered`, whose classes have these `names`.
    pub fn add(&mut self, gathered: &Gathered, names: &[String], slots: &mut Slots) {
        self.labelled += gathered.labelled;
        self.unlabelled += gathered.unlabelled;
        self.without_label += gathered.without_label;
        self.without_prediction += gathered.without_prediction;
        self.ranks.iter_mut().zip(&gathered.ranks).for_each(|(ours, more)| *ours += more);
        slots.add_sum(&gathered.confidence_errors, &mut self.confidence_errors);
        if self.has_too_many || gathered.classes > MAX_CLASSES {
            return self.forget_all();
        }
        for (name, by_kind) in names.iter().zip(&gathered.scores) {
            if by_kind.iter().all(Vec::is_empty) {
                continue;
            }
            let scores = self.one_vs_all.entry(name.clone()).or_default();
            by_kind.iter().zip(ScoredAs::ALL).for_each(|(values, of)| scores.add_all(values, of));
        }
        self.forget_too_many();
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.labelled += other.labelled;
        self.unlabelled += other.unlabelled;
        self.without_label += other.without_label;
        self.without_prediction += other.without_prediction;
        self.ranks.iter_mut().zip(&other.ranks).for_each(|(ours, more)| *ours += more);
        self.confidence_errors.merge(&other.confidence_errors);
        self.has_too_many |= other.has_too_many;
        for (name, scores) in &other.one_vs_all {
            self.one_vs_all.entry(name.clone()).or_default().merge(scores);
        }
        self.forget_too_many();
    }

    /// All or none: which are kept must not depend on the order of rows.
    fn forget_too_many(&mut self) {
        if self.has_too_many || self.one_vs_all.len() > MAX_CLASSES {
            self.forget_all();
        }
    }

    fn forget_all(&mut self) {
        self.has_too_many = true;
        self.one_vs_all.clear();
    }

    /// Labelled rows with probabilities.
    pub fn labelled(&self) -> u64 {
        self.labelled
    }

    /// Rows with probabilities, labelled or not.
    pub fn all(&self) -> u64 {
        self.labelled + self.unlabelled
    }

    /// Whether classes are called as labels are at all: names that never meet are those of something else.
    pub fn has_labels(&self) -> bool {
        self.labelled == 0 || self.without_label < self.labelled
    }

    /// Whether classes are called as predictions are at all.
    pub fn has_predictions(&self) -> bool {
        self.all() == 0 || self.without_prediction < self.all()
    }

    /// Names of the classes.
    ///
    /// # Errors
    /// If there are too many.
    pub fn classes(&self) -> Result<BTreeSet<&str>, Absence> {
        match self.has_too_many {
            true => Err(format!("there are probabilities of more than {MAX_CLASSES} classes").into()),
            false => Ok(self.one_vs_all.keys().map(String::as_str).collect()),
        }
    }

    /// Names of the classes that some row has a probability of, but for 0.
    pub fn likely_classes(&self) -> impl Iterator<Item = &str> {
        self.one_vs_all.iter().filter(|(_, scores)| scores.is_any_positive()).map(|(class, _)| class.as_str())
    }

    /// Where the probabilities of `class` lie in all rows.
    pub fn of(&self, class: &str) -> Cow<'_, Scores> {
        let Some(scores) = self.one_vs_all.get(class) else {
            let mut none = Scores::default();
            none.add_zeros(self.unlabelled, self.labelled);
            return Cow::Owned(none);
        };
        let labelled = self.labelled - scores.labelled();
        let unlabelled = self.all() - scores.all() - labelled;
        if labelled + unlabelled == 0 {
            return Cow::Borrowed(scores);
        }
        let mut filled = scores.clone();
        filled.add_zeros(unlabelled, labelled);
        Cow::Owned(filled)
    }

    /// Share of labelled rows whose label is among the `k` classes of the highest probabilities, 1 to [`MAX_RANK`]: how many of
    /// how many.
    pub fn top(&self, k: usize) -> (u64, u64) {
        (self.ranks.iter().take(k.min(MAX_RANK)).sum(), self.ranks.iter().sum())
    }

    /// Mean of the squared distance of the predicted class's probability from what came true.
    pub fn mean_confidence_error(&self) -> Option<f64> {
        self.confidence_errors.mean(self.labelled)
    }

    /// Brings it into its one form.
    pub fn settle(&mut self) {
        self.one_vs_all.values_mut().for_each(Scores::settle);
        self.confidence_errors.settle();
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.one_vs_all.values().map(|scores| 64 + scores.size()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::profile::classification::curves::{average_precision, roc_auc};

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    type Drawn = (Vec<(usize, f64)>, usize, Option<usize>);

    fn state(rows: &[Drawn], names: &[String]) -> EveryClass {
        let mut gathered = Gathered::default();
        gathered.clear(names.len());
        for (probabilities, said, label) in rows {
            gathered.add(Row { probabilities, said: *said, label: *label });
        }
        let mut state = EveryClass::default();
        state.add(&gathered, names, &mut Slots::default());
        state.settle();
        state
    }

    fn names() -> Vec<String> {
        NAMES.map(str::to_owned).to_vec()
    }

    /// Rows of shares of a whole, some of which are left out where they are 0.
    fn row() -> impl Strategy<Value = Drawn> {
        let shares = prop::collection::vec(0u8..4, NAMES.len());
        (shares, 0..NAMES.len(), prop::option::of(0..NAMES.len()), any::<bool>()).prop_map(
            |(shares, said, label, is_short)| {
                let total: u32 = shares.iter().map(|share| u32::from(*share)).sum();
                let all = shares.iter().enumerate();
                let there = all.filter(|(_, share)| !is_short || **share > 0);
                let shares = there.map(|(class, share)| (class, f64::from(*share) / f64::from(total.max(1))));
                (shares.collect(), said, label)
            },
        )
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(rows in prop::collection::vec(row(), 0..40), cut in 0usize..40) {
            let (first, second) = rows.split_at(cut.min(rows.len()));
            let whole = state(&rows, &names());
            for [first, second] in [[first, second], [second, first]] {
                let mut added = state(first, &names());
                added.merge(&state(second, &names()));
                added.settle();
                prop_assert_eq!(&added, &whole);
            }
        }

        /// A zero that is left out is a zero.
        #[test]
        fn what_is_not_said_is_nothing(rows in prop::collection::vec(row(), 1..40)) {
            let said_all: Vec<Drawn> = rows
                .iter()
                .filter(|(probabilities, ..)| !probabilities.is_empty())
                .map(|(probabilities, said, label)| {
                    let of = |class| probabilities.iter().find(|(one, _)| *one == class).map_or(0.0, |(_, p)| *p);
                    ((0..NAMES.len()).map(|class| (class, of(class))).collect(), *said, *label)
                })
                .collect();
            let (short, long) = (state(&rows, &names()), state(&said_all, &names()));
            prop_assert_eq!(short.all(), long.all());
            for class in NAMES {
                let (short, long) = (short.of(class), long.of(class));
                for of in ScoredAs::ALL {
                    prop_assert_eq!(short.count(of), long.count(of));
                }
                prop_assert_eq!(short.by_label(), long.by_label());
            }
        }
    }

    #[test]
    fn numbers_that_are_no_probabilities_still_have_an_order() {
        let row = |values: &[f64], label| (values.iter().copied().enumerate().collect(), 0, Some(label));
        let twice: Drawn = (vec![(0, 0.5), (0, 0.5)], 0, Some(0));
        let rows =
            [row(&[2.0, 7.0, -1.0], 1), row(&[0.5, 0.1, 0.1], 2), row(&[0.5, f64::NAN, 0.5], 0), twice];
        let mut gathered = Gathered::default();
        gathered.clear(3);
        for (probabilities, said, label) in &rows {
            gathered.add(Row { probabilities, said: *said, label: *label });
        }
        assert_eq!((gathered.labelled, gathered.not_probabilities), (0, (4, 0)));
        // Of what is equal the last by name is first. What is no number, or said twice, has no place.
        assert_eq!(gathered.ranks, [1, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn probabilities_may_be_rounded_to_two_digits() {
        let of = |values: &[f64]| add_up(&values.iter().copied().enumerate().collect::<Vec<_>>());
        assert!(of(&[0.33, 0.33, 0.33]) && of(&[0.34, 0.34, 0.33]) && of(&[0.14; 7]) && of(&[1.0]));
        assert!(!of(&[0.3, 0.3, 0.3]) && !of(&[1.1, -0.1]) && !of(&[0.98, 0.0]) && !of(&[f64::NAN, 1.0]));
    }

    /// 40,000 rows of two classes, nine of ten surer than 0.99, far more than have buckets of their own.
    #[test]
    fn a_confident_model_is_ranked_as_every_row_would_be() {
        let row = |n: u32| {
            let even = f64::from(n.wrapping_mul(2_654_435_761)) / f64::from(u32::MAX);
            let doubt = if n.is_multiple_of(10) { even / 2.0 } else { 0.01 * even * even };
            let is_wrong = f64::from(n.wrapping_mul(40_503) % 1000) < 500.0 * doubt.sqrt();
            (doubt, is_wrong)
        };
        let drawn: Vec<(f64, bool)> = (1..=40_000).map(row).collect();
        let of = |(doubt, is_wrong): &(f64, bool)| {
            (vec![(0, 1.0 - doubt), (1, *doubt)], 0, Some(usize::from(*is_wrong)))
        };
        let rows: Vec<Drawn> = drawn.iter().map(of).collect();
        let whole = state(&rows, &names()[..2]);
        let mut exact = drawn.clone();
        exact.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let (mut ups, mut area, mut precision) = (0.0, 0.0, 0.0);
        for (place, (_, is_wrong)) in exact.iter().enumerate() {
            if *is_wrong {
                area += ups;
            } else {
                ups += 1.0;
                precision += ups / (place as f64 + 1.0);
            }
        }
        let area = area / (ups * (exact.len() as f64 - ups));
        let places = whole.of("a").by_label();
        assert_close(roc_auc(&places).unwrap(), area);
        assert_close(average_precision(&places).unwrap(), precision / ups);
    }

    fn assert_close(ours: f64, exact: f64) {
        assert!((ours - exact).abs() < 1e-4, "{ours} beside {exact}");
    }

    #[test]
    fn of_too_many_classes_none_is_kept_in_any_order() {
        let names: Vec<String> = (0..=MAX_CLASSES).map(|class| format!("{class:02}")).collect();
        let rows: Vec<Drawn> =
            (0..names.len()).map(|class| (vec![(class, 1.0)], class, Some(class))).collect();
        let whole = state(&rows, &names);
        assert!(whole.classes().is_err());
        assert_eq!((whole.top(2), whole.labelled()), ((33, 33), 33));
        let mut gathered = Gathered::default();
        gathered.clear(names.len());
        // Each row twice: the second time around, there are too many classes already.
        for (probabilities, said, label) in rows.iter().chain(&rows) {
            gathered.add(Row { probabilities, said: *said, label: *label });
        }
        assert!(gathered.scores.iter().flatten().flatten().count() <= MAX_CLASSES + 1);
        for cut in [0, 1, 20, names.len()] {
            let mut added = state(&rows[cut..], &names);
            added.merge(&state(&rows[..cut], &names));
            added.settle();
            assert_eq!(added, whole);
        }
    }
}
