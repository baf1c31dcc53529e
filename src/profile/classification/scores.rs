//! Where the scores of a classifier lie, by what was said and what came true.
//!
//! Each row is in one part, and parts add: so what is asked of labelled rows and what is asked of all of them is counted once.

use serde::{Deserialize, Serialize};

use crate::profile::distribution::{Distribution, Edges, Place};

/// What is known of a row beside its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoredAs {
    /// Whether its label is the positive class; `None` while it has no label.
    pub is_positive: Option<bool>,
    /// Whether the positive class is predicted.
    pub said_positive: bool,
}

impl ScoredAs {
    /// Every kind of row there is.
    pub const ALL: [Self; 6] = {
        const fn of(is_positive: Option<bool>, said_positive: bool) -> ScoredAs {
            ScoredAs { is_positive, said_positive }
        }
        [
            of(None, false),
            of(None, true),
            of(Some(false), false),
            of(Some(false), true),
            of(Some(true), false),
            of(Some(true), true),
        ]
    };

    /// Its place in [`Self::ALL`].
    pub fn place(self) -> usize {
        let of_label = self.is_positive.map_or(0, |positive| 1 + usize::from(positive));
        2 * of_label + usize::from(self.said_positive)
    }
}

/// Distributions of scores, by the kind of row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    parts: [Distribution; 6],
}

impl Scores {
    /// As of [`Distribution::pin`].
    pub fn pin(&mut self, edges: &Edges) {
        self.parts.iter_mut().for_each(|part| part.pin(edges));
    }

    /// As of [`Distribution::cut_between_buckets`], of every part.
    pub fn cut_between_buckets(&mut self, edges: &Edges) -> bool {
        self.parts.iter_mut().all(|part| part.cut_between_buckets(edges))
    }

    /// As of [`Distribution::cut_where_possible`].
    pub fn cut_where_possible(&mut self, edges: &Edges) {
        self.parts.iter_mut().for_each(|part| part.cut_where_possible(edges));
    }

    /// Adds scores of rows that are all of one kind.
    pub fn add_all(&mut self, scores: &[f64], of: ScoredAs) {
        if !scores.is_empty() {
            self.parts[of.place()].add_all(scores);
        }
    }

    /// Adds rows of the score 0 of which the positive class is not predicted, and which are unlabelled, or labelled with another.
    pub fn add_zeros(&mut self, unlabelled: u64, labelled: u64) {
        for (is_positive, rows) in [(None, unlabelled), (Some(false), labelled)] {
            let place = ScoredAs { is_positive, said_positive: false }.place();
            self.parts[place].add_many(0.0, rows);
            self.parts[place].settle();
        }
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.parts.iter_mut().zip(&other.parts).for_each(|(ours, theirs)| ours.merge(theirs));
    }

    /// Brings every part into its one form.
    pub fn settle(&mut self) {
        self.parts.iter_mut().for_each(Distribution::settle);
    }

    /// Rows of one kind.
    pub fn count(&self, of: ScoredAs) -> u64 {
        self.parts[of.place()].total()
    }

    /// Rows whose label is the positive class, or is not.
    pub fn of_label(&self, positive: bool) -> u64 {
        self.counted(|of| of.is_positive == Some(positive))
    }

    /// Rows with a label.
    pub fn labelled(&self) -> u64 {
        self.counted(|of| of.is_positive.is_some())
    }

    /// All rows.
    pub fn all(&self) -> u64 {
        self.counted(|_| true)
    }

    fn counted(&self, is_meant: impl Fn(ScoredAs) -> bool) -> u64 {
        ScoredAs::ALL.into_iter().filter(|of| is_meant(*of)).map(|of| self.count(of)).sum()
    }

    /// Labelled rows in the order of scores: those of the positive class beside the others.
    pub fn by_label(&self) -> Vec<Place> {
        let [negative, positive] =
            [false, true].map(|label| self.together(|of| of.is_positive == Some(label)));
        positive.beside(&negative)
    }

    /// All rows, labelled or not, in the order of scores: those of which the positive class is predicted beside the others.
    pub fn by_prediction(&self) -> Vec<Place> {
        let [other, positive] = [false, true].map(|said| self.together(|of| of.said_positive == said));
        positive.beside(&other)
    }

    fn together(&self, is_meant: impl Fn(ScoredAs) -> bool) -> Distribution {
        let mut whole = Distribution::default();
        for of in ScoredAs::ALL.into_iter().filter(|of| is_meant(*of)) {
            whole.merge(&self.parts[of.place()]);
        }
        whole.settle();
        whole
    }

    /// Bytes held in memory.
    pub fn size(&self) -> usize {
        self.parts.iter().map(Distribution::size).sum()
    }
}

#[cfg(test)]
impl Scores {
    /// Whether every score has a bucket of its own.
    pub(crate) fn is_exact(&self) -> bool {
        self.parts.iter().all(Distribution::is_exact)
    }
}
