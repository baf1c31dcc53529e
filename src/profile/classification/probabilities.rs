//! How sure a classifier was: of the positive class, or of every class.
//!
//! It holds what rows said, and adds. What that is worth, beside labels and predictions, [`super::scored`] measures.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::every_class::{EveryClass, Gathered};
use super::scores::{ScoredAs, Scores};
use crate::profile::distribution::Edges;
use crate::profile::exact_sum::Slots;
use crate::profile::moments::Moments;

/// What is remembered of probabilities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// Of the positive class: where they lie, of labelled rows and others.
    of_positive: Scores,
    /// Of every class.
    of_every: Option<Box<EveryClass>>,
    /// −ln of the probability given to the label.
    pub(super) log_losses: Moments,
    /// (Probability − 1)² of rows of the positive class, probability² of the others; of every class, the sum over classes. Of
    /// labelled rows, each rounded.
    pub(super) squared_errors: Moments,
    /// How often labelled rows of about the same probability are of the positive class; of every class, how often the predicted
    /// class comes true.
    pub(super) calibration: Calibration,
    /// Labelled rows, and others with a prediction, whose scores are no probabilities.
    not_probabilities: [u64; 2],
}

/// What a model is sure of.
#[derive(Clone, Copy, Debug)]
pub enum SureOf<'a> {
    /// Of the positive class, if of any.
    Positive(&'a Scores),
    /// Of every class.
    Every(&'a EveryClass),
    /// In some rows of the one, in some of the other: that is nothing to go by.
    Both,
}

/// Room to work in.
#[derive(Debug, Default)]
pub struct Room {
    probabilities: Vec<f64>,
    losses: Vec<f64>,
    slots: Slots,
}

impl Probabilities {
    /// What they are of.
    pub fn sure_of(&self) -> SureOf<'_> {
        match &self.of_every {
            None => SureOf::Positive(&self.of_positive),
            Some(every) if self.of_positive.all() == 0 => SureOf::Every(every),
            Some(_) => SureOf::Both,
        }
    }

    /// Labelled rows that have them.
    pub fn labelled(&self) -> u64 {
        self.of_positive.labelled() + self.of_every.as_ref().map_or(0, |every| every.labelled())
    }

    /// Rows that have them, labelled or not.
    pub fn all(&self) -> u64 {
        self.of_positive.all() + self.of_every.as_ref().map_or(0, |every| every.all())
    }

    /// Labelled rows whose scores are no probabilities.
    pub fn labelled_without(&self) -> u64 {
        self.not_probabilities[0]
    }

    /// Rows with a prediction whose scores are no probabilities, labelled or not.
    pub fn all_without(&self) -> u64 {
        self.not_probabilities.iter().sum()
    }

    /// From now on tells scores at `edges` apart, which are as of [`both_ends::of_edges`](super::both_ends::of_edges). Only while there are none.
    pub fn pin(&mut self, edges: &Edges) {
        self.of_positive.pin(edges);
    }

    /// Tells scores at `edges`, too, apart, of those that have been counted, as far as that can be, as of
    /// [`Distribution::cut_where_possible`](crate::profile::distribution::Distribution::cut_where_possible).
    pub fn cut_where_possible(&mut self, edges: &Edges) {
        self.of_positive.cut_where_possible(edges);
    }

    /// Adds the scores of rows with a prediction that are all of one kind.
    pub fn add_scores(&mut self, scores: &[f64], of: ScoredAs, room: &mut Room) {
        let Room { probabilities, losses, slots } = room;
        probabilities.clear();
        probabilities.extend(scores.iter().filter(|score| (0.0..=1.0).contains(*score)));
        self.of_positive.add_all(probabilities, of);
        self.not_probabilities[usize::from(of.is_positive.is_none())] +=
            (scores.len() - probabilities.len()) as u64;
        let Some(positive) = of.is_positive else { return };
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
        self.of_every.get_or_insert_default().add(rows, names, slots);
        let [wrong, right] = &rows.confidences;
        self.calibration.add_all(wrong, false);
        self.calibration.add_all(right, true);
        self.log_losses.add_all(&rows.losses, slots);
        self.squared_errors.add_all(&rows.squared_errors, slots);
        let (labelled, unlabelled) = rows.not_probabilities;
        self.not_probabilities[0] += labelled;
        self.not_probabilities[1] += unlabelled;
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.of_positive.merge(&other.of_positive);
        if let Some(theirs) = &other.of_every {
            self.of_every.get_or_insert_default().merge(theirs);
        }
        self.log_losses.merge(&other.log_losses);
        self.squared_errors.merge(&other.squared_errors);
        self.calibration.merge(&other.calibration);
        let theirs = other.not_probabilities;
        self.not_probabilities.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
    }

    /// Brings sums into their one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        self.of_positive.settle();
        if let Some(every) = &mut self.of_every {
            every.settle();
        }
        self.log_losses.settle();
        self.squared_errors.settle();
    }

    /// Bytes held in memory, about, besides the value itself.
    pub fn size(&self) -> usize {
        self.of_positive.size()
            + self.of_every.as_ref().map_or(0, |every| every.size())
            + self.log_losses.size()
            + self.squared_errors.size()
    }
}
