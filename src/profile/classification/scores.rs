//! Where the scores of a classifier lie, by what was said and what came true.
//!
//! Each row is in one part, and parts add: so what is asked of labelled rows and what is asked of all of them is counted once.

use serde::{Deserialize, Serialize};

use super::both_ends;
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

/// Distributions of scores within 0 and 1, on the scale of [`both_ends`], by the kind of row. Most of many classes have rows of few kinds, so what is not there takes no room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    parts: [Option<Box<Distribution>>; 6],
    /// Where parts that are still to come tell scores apart, on that scale.
    #[serde(skip)]
    pinned: Edges,
}

impl Scores {
    /// As of [`Distribution::pin`]; `edges` are on the scale of [`both_ends`].
    pub fn pin(&mut self, edges: &Edges) {
        if self.pinned != *edges {
            self.pinned = edges.clone();
        }
    }

    /// As of [`Distribution::cut_where_possible`]; `edges` are scores.
    pub fn cut_where_possible(&mut self, edges: &Edges) {
        let edges = both_ends::of_edges(edges);
        self.parts.iter_mut().flatten().for_each(|part| part.cut_where_possible(&edges));
    }

    fn part(&mut self, of: ScoredAs) -> &mut Distribution {
        let Self { parts, pinned, .. } = self;
        parts[of.place()].get_or_insert_with(|| {
            let mut part = Distribution::default();
            part.pin(pinned);
            Box::new(part)
        })
    }

    /// Adds scores of rows that are all of one kind.
    pub fn add_all(&mut self, scores: &[f64], of: ScoredAs) {
        if !scores.is_empty() {
            self.part(of).add_all(&scores.iter().copied().map(both_ends::spread).collect::<Vec<_>>());
        }
    }

    /// Adds rows of the score 0 of which the positive class is not predicted, and which are unlabelled, or labelled with another.
    pub fn add_zeros(&mut self, unlabelled: u64, labelled: u64) {
        for (is_positive, rows) in [(None, unlabelled), (Some(false), labelled)] {
            if rows > 0 {
                let part = self.part(ScoredAs { is_positive, said_positive: false });
                part.add_many(0.0, rows);
                part.settle();
            }
        }
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.parts.iter_mut().zip(&other.parts) {
            match (ours, theirs) {
                (_, None) => {}
                (Some(ours), Some(theirs)) => ours.merge(theirs),
                (ours, theirs) => ours.clone_from(theirs),
            }
        }
    }

    /// Brings every part into its one form.
    pub fn settle(&mut self) {
        self.pinned = Edges::default();
        self.parts.iter_mut().flatten().for_each(|part| part.settle());
    }

    /// Whether any score is above 0.
    pub fn is_any_positive(&self) -> bool {
        let buckets = self.parts.iter().flatten().filter_map(|part| part.buckets().pop());
        buckets.into_iter().any(|greatest| greatest.high > 0.0)
    }

    /// Rows of one kind.
    pub fn count(&self, of: ScoredAs) -> u64 {
        self.parts[of.place()].as_ref().map_or(0, |part| part.total())
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
        beside(&positive, &negative)
    }

    /// All rows, labelled or not, in the order of scores: those of which the positive class is predicted beside the others.
    pub fn by_prediction(&self) -> Vec<Place> {
        let [other, positive] = [false, true].map(|said| self.together(|of| of.said_positive == said));
        beside(&positive, &other)
    }

    fn together(&self, is_meant: impl Fn(ScoredAs) -> bool) -> Distribution {
        let mut whole = Distribution::default();
        let meant = ScoredAs::ALL.into_iter().filter(|of| is_meant(*of));
        meant.filter_map(|of| self.parts[of.place()].as_ref()).for_each(|part| whole.merge(part));
        whole.settle();
        whole
    }

    /// Bytes held in memory.
    pub fn size(&self) -> usize {
        self.parts.iter().flatten().map(|part| size_of::<Distribution>() + part.size()).sum()
    }
}

/// Both in the order of scores, which are scores again.
fn beside(one: &Distribution, other: &Distribution) -> Vec<Place> {
    let mut places = one.beside(other);
    for place in &mut places {
        (place.low, place.high) = (both_ends::unspread(place.low), both_ends::unspread(place.high));
    }
    places
}

#[cfg(test)]
impl Scores {
    /// Whether every score has a bucket of its own.
    pub(crate) fn is_exact(&self) -> bool {
        self.parts.iter().flatten().all(|part| part.is_exact())
    }
}
