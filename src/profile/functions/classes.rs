//! Rows to the quality of predicted classes.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use super::aggregate::{Fold, Rows};
use super::coded::{Coder, Tally};
use super::codes::NULL;
use super::folds::argument;
use super::given::GivenEdges;
use super::names::{Classes, cast};
use super::probabilities::Probabilities;
use super::split::Which;
use crate::profile::QualityState;
use crate::profile::classification::both_ends;
use crate::profile::classification::every_class::{Gathered, Row};
use crate::profile::classification::{self, ClassificationState, ScoredAs};

/// Prediction; label; probability of the positive class, or a map or struct of those of every class, or NULL; positive class
/// (literal); edges that tell probabilities apart (literal), which may be left out. If a positive class is named, it alone is
/// looked at in a map or struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Classification;

/// Room for the classes and scores of a batch.
#[derive(Debug, Default)]
pub struct ClassRoom {
    predictions: Coder,
    labels: Coder,
    pairs: Coder,
    tally: Tally,
    said: Tally,
    scores: ScoreRoom,
    edges: GivenEdges,
}

/// Room for the scores of one group.
#[derive(Debug, Default)]
struct ScoreRoom {
    /// By the kind of row.
    by_kind: [Vec<f64>; ScoredAs::ALL.len()],
    gathered: Gathered,
    row: Vec<(usize, f64)>,
    room: classification::Room,
}

/// The rows of a batch: the codes of what is said of each, and what these mean.
struct Batch<'a> {
    predictions: &'a [u32],
    labels: &'a [u32],
    classes: &'a Classes,
    is_positive: Vec<bool>,
    said_positive: Vec<bool>,
}

/// How sure the model was.
enum Certainty {
    /// Not said.
    Unknown,
    /// Of the positive class; NULL where not said.
    OfPositive(ArrayRef),
    /// Of every class.
    OfEvery(Box<Probabilities>),
}

impl Fold for Classification {
    type State = QualityState;
    type Room = ClassRoom;

    fn empty() -> QualityState {
        QualityState::Classification(ClassificationState::default())
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<QualityState>, room: &mut ClassRoom) -> Result<()> {
        let ClassRoom { predictions, labels, pairs, tally, said, scores, edges } = room;
        let edges = &both_ends::of_edges(edges.read(arguments.get(4))?);
        [&mut *predictions, &mut *labels, &mut *pairs].into_iter().for_each(Coder::clear);
        let predicted = predictions.code(argument(arguments, 0)?)?;
        let is = labels.code(argument(arguments, 1)?)?;
        let positive = argument(arguments, 3)?;
        let classes = Classes::of(&predicted, &is, &positive.slice(0, positive.len().min(1)))?;
        // A NaN is a value, but no class.
        predictions.forget(&classes.predictions);
        labels.forget(&classes.labels);
        pairs.code_pairs(predictions, labels);
        let batch = Batch {
            predictions: &predictions.codes,
            labels: &labels.codes,
            is_positive: classes.are_positive(&classes.labels),
            said_positive: classes.are_positive(&classes.predictions),
            classes: &classes,
        };
        let certainty = batch.certainty(argument(arguments, 2)?)?;
        // The places of the two classes; none of a row that lacks one.
        let pair = |code: u32| {
            let first = *pairs.firsts().get((code as usize).checked_sub(1)?)? as usize;
            Some((batch.predictions[first] as usize - 1, batch.labels[first] as usize - 1))
        };
        rows.for_each(&mut |state, which| {
            let QualityState::Classification(state) = state else { return };
            state.probabilities.pin(edges);
            tally.for_each(&pairs.codes, which, |code, count| {
                let Some((said, is)) = pair(code) else { return };
                let is_positive = batch.is_positive[is];
                state.add(classes.predictions.value(said), classes.labels.value(is), is_positive, count);
            });
            if matches!(certainty, Certainty::Unknown) {
                return;
            }
            said.for_each(batch.predictions, which, |code, _| {
                if code != NULL {
                    state.note_said(classes.predictions.value(code as usize - 1));
                }
            });
            match &certainty {
                Certainty::Unknown => {}
                Certainty::OfPositive(values) => batch.score(values, which, state, scores),
                Certainty::OfEvery(probabilities) => batch.score_every(probabilities, which, state, scores),
            }
        });
        Ok(())
    }
}

impl Batch<'_> {
    fn certainty(&self, values: &ArrayRef) -> Result<Certainty> {
        let scores = match Probabilities::of(values, self.classes)? {
            Some(probabilities) => match self.classes.positive() {
                None => return Ok(Certainty::OfEvery(Box::new(probabilities))),
                Some(class) => probabilities.of_class(class),
            },
            None => cast(values, &DataType::Float64)?,
        };
        let are_there = scores.null_count() < scores.len();
        Ok(if are_there { Certainty::OfPositive(scores) } else { Certainty::Unknown })
    }

    /// Adds scores of the positive class.
    fn score(
        &self,
        values: &ArrayRef,
        which: Which<'_>,
        state: &mut ClassificationState,
        room: &mut ScoreRoom,
    ) {
        let values = values.as_primitive::<Float64Type>();
        let ScoreRoom { by_kind, room, .. } = room;
        by_kind.iter_mut().for_each(Vec::clear);
        which.for_each(self.predictions.len(), |row| {
            let (said, is) = (self.predictions[row], self.labels[row]);
            if said != NULL && values.is_valid(row) {
                let of = ScoredAs {
                    is_positive: (is != NULL).then(|| self.is_positive[is as usize - 1]),
                    said_positive: self.said_positive[said as usize - 1],
                };
                by_kind[of.place()].push(values.value(row));
            }
        });
        for (scores, of) in by_kind.iter().zip(ScoredAs::ALL) {
            state.probabilities.add_scores(scores, of, room);
        }
    }

    /// Adds probabilities of every class.
    fn score_every(
        &self,
        probabilities: &Probabilities,
        which: Which<'_>,
        state: &mut ClassificationState,
        room: &mut ScoreRoom,
    ) {
        let ScoreRoom { gathered, row: row_room, room, .. } = room;
        gathered.clear(probabilities.names().len());
        which.for_each(self.predictions.len(), |row| {
            let (said, is) = (self.predictions[row], self.labels[row]);
            if said == NULL {
                return;
            }
            row_room.clear();
            probabilities.for_each(row, |class, probability| row_room.push((class, probability)));
            gathered.add(Row {
                probabilities: row_room,
                said: probabilities.of_prediction(said as usize - 1),
                label: (is != NULL).then(|| probabilities.of_label(is as usize - 1)),
            });
        });
        state.probabilities.add_of_every_class(gathered, probabilities.names(), room);
    }
}

#[cfg(test)]
mod tests;
