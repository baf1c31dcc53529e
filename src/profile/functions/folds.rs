//! What each function does with a row.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};

use super::aggregate::{Fold, Rows, State};
use super::coded::{Coder, Tally};
use super::codes::NULL;
use super::counted::CountedNames;
use super::dictionary::Dictionary;
use super::given::{GivenEdges, GivenZone};
use super::instants::micros;
use super::names::{Classes, cast};
use super::split::Which;
use crate::profile::classification::{self, ClassificationState, ScoredAs};
use crate::profile::losses::LossState;
use crate::profile::regression::{self, RegressionState};
use crate::profile::requests::RequestsState;
use crate::profile::{ColumnState, Kind, QualityState, TableState, numeric};

impl State for ColumnState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        self.count() + self.num_nulls() == 0
    }

    fn size(&self) -> usize {
        match self {
            Self::Numeric(state) | Self::Time(state) => state.size(),
            Self::Text(state) => state.size(),
            Self::Opaque(_) => size_of::<Self>(),
        }
    }

    fn settle(&mut self) {
        self.settle();
    }
}

impl State for QualityState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Classification(state) => state.is_empty(),
            Self::Regression(state) => state.count() == 0,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Classification(state) => state.size(),
            Self::Regression(state) => state.size(),
        }
    }

    fn settle(&mut self) {
        self.settle();
    }
}

impl State for TableState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        let Self { quality, requests, covariance, losses, .. } = self;
        losses.as_ref().is_none_or(State::is_empty)
            && quality.as_ref().is_none_or(State::is_empty)
            && requests.as_ref().is_none_or(State::is_empty)
            && covariance.as_ref().is_none_or(State::is_empty)
    }

    fn size(&self) -> usize {
        let Self { quality, requests, covariance, losses, .. } = self;
        quality.as_ref().map_or(0, State::size)
            + losses.as_ref().map_or(0, State::size)
            + requests.as_ref().map_or(0, State::size)
            + covariance.as_ref().map_or(0, State::size)
    }

    fn settle(&mut self) {
        self.settle();
    }
}

impl State for LossState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    fn size(&self) -> usize {
        self.size()
    }

    fn settle(&mut self) {
        self.settle();
    }
}

impl State for RequestsState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn size(&self) -> usize {
        self.size()
    }

    fn settle(&mut self) {
        self.settle();
    }
}

fn argument(arguments: &[ArrayRef], index: usize) -> Result<&ArrayRef> {
    arguments.get(index).ok_or_else(|| exec_datafusion_err!("argument {} is missing", index + 1))
}

macro_rules! fold {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name;
    };
}

fold!(
    /// Numbers, as doubles; edges that tell them apart (literal), which may be left out.
    Numeric
);
fold!(
    /// Instants, as seconds since 1970-01-01Z.
    Time
);
fold!(
    /// Names: anything that has a text form.
    Text
);
fold!(
    /// Only whether there is a value, and how long it is.
    Opaque
);
fold!(
    /// Prediction, label, probability (or NULL), positive class (literal); edges that tell probabilities apart (literal),
    /// which may be left out.
    Classification
);
fold!(
    /// Prediction, label.
    Regression
);
fold!(
    /// Timestamp; label, its time and request id, or NULL; zone of times without one (literal).
    Requests
);

/// Room for the numbers of one group.
#[derive(Debug, Default)]
pub struct NumberRoom {
    numbers: Vec<f64>,
    room: numeric::Room,
    edges: GivenEdges,
}

/// Folds `values`, which are NaN where a value is none that a double can hold.
fn fold_numbers(
    original: &ArrayRef,
    values: &[f64],
    edges: Option<&ArrayRef>,
    rows: &mut dyn Rows<ColumnState>,
    room: &mut NumberRoom,
) -> Result<()> {
    let nulls = original.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    let NumberRoom { numbers, room, edges: given } = room;
    let edges = given.read(edges)?;
    rows.for_each(&mut |state, which| {
        let (ColumnState::Numeric(state) | ColumnState::Time(state)) = state else { return };
        state.pin(edges);
        if let (Which::All, None) = (which, &nulls) {
            return state.add_all(values, room);
        }
        numbers.clear();
        let mut num_nulls = 0;
        match &nulls {
            None => match which {
                Which::All => numbers.extend_from_slice(values),
                Which::These(rows) => numbers.extend(rows.iter().map(|row| values[*row as usize])),
            },
            Some(nulls) => which.for_each(values.len(), |row| match nulls.is_valid(row) {
                true => numbers.push(values[row]),
                false => num_nulls += 1,
            }),
        }
        state.add_nulls(num_nulls);
        state.add_all(numbers, room);
    });
    Ok(())
}

impl Fold for Numeric {
    type State = ColumnState;
    type Room = NumberRoom;

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Numeric)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>, room: &mut NumberRoom) -> Result<()> {
        let original = argument(arguments, 0)?;
        let doubles = cast(original, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>();
        let edges = arguments.get(1);
        if doubles.null_count() == original.logical_null_count() {
            return fold_numbers(original, doubles.values(), edges, rows, room);
        }
        let doubles: Vec<f64> = doubles.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        fold_numbers(original, &doubles, edges, rows, room)
    }
}

impl Fold for Time {
    type State = ColumnState;
    type Room = NumberRoom;

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Time)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>, room: &mut NumberRoom) -> Result<()> {
        let original = argument(arguments, 0)?;
        let micros = cast(original, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        let seconds = micros.iter().map(|value| value.map_or(f64::NAN, |micros| micros as f64 / 1e6));
        fold_numbers(original, &seconds.collect::<Vec<f64>>(), None, rows, room)
    }
}

impl Fold for Text {
    type State = CountedNames;
    type Room = Dictionary;

    fn empty() -> CountedNames {
        CountedNames::default()
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<CountedNames>, room: &mut Dictionary) -> Result<()> {
        room.code(argument(arguments, 0)?)?;
        rows.for_each(&mut |state, which| state.add(room, which));
        Ok(())
    }
}

impl Fold for Opaque {
    type State = ColumnState;
    type Room = ();

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Opaque)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>, (): &mut ()) -> Result<()> {
        let values = argument(arguments, 0)?;
        let nulls = values.logical_nulls();
        let lengths = lengths(values)?;
        rows.for_each(&mut |state, which| {
            let ColumnState::Opaque(state) = state else { return };
            which.for_each(values.len(), |row| {
                match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    true => state.add_nulls(1),
                    false => state.add(lengths.as_ref().map(|lengths| lengths.value(row).unsigned_abs())),
                }
            });
        });
        Ok(())
    }
}

/// How long each value is: texts and binary in bytes, lists and maps in elements; nothing where values have no length.
fn lengths(values: &ArrayRef) -> Result<Option<Int64Array>> {
    match values.data_type() {
        data_type if data_type.is_binary() || data_type.is_string() => {}
        data_type if data_type.is_list() || matches!(data_type, DataType::Map(..)) => {}
        _ => return Ok(None),
    }
    let lengths = cast(&length(values)?, &DataType::Int64)?;
    Ok(Some(lengths.as_primitive::<Int64Type>().clone()))
}

/// Room for the classes and scores of a batch.
#[derive(Debug, Default)]
pub struct ClassRoom {
    predictions: Coder,
    labels: Coder,
    pairs: Coder,
    tally: Tally,
    said: Tally,
    /// By the kind of row.
    scores: [Vec<f64>; ScoredAs::ALL.len()],
    room: classification::Room,
    edges: GivenEdges,
}

impl Fold for Classification {
    type State = QualityState;
    type Room = ClassRoom;

    fn empty() -> QualityState {
        QualityState::Classification(ClassificationState::default())
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<QualityState>, room: &mut ClassRoom) -> Result<()> {
        let ClassRoom { predictions, labels, pairs, tally, said, scores: by_kind, room, edges } = room;
        let edges = edges.read(arguments.get(4))?;
        [&mut *predictions, &mut *labels, &mut *pairs].into_iter().for_each(Coder::clear);
        let predicted = predictions.code(argument(arguments, 0)?)?;
        let is = labels.code(argument(arguments, 1)?)?;
        let scores = cast(argument(arguments, 2)?, &DataType::Float64)?;
        let scores = scores.as_primitive::<Float64Type>();
        let has_scores = scores.null_count() < scores.len();
        let positive = argument(arguments, 3)?;
        let classes = Classes::of(&predicted, &is, &positive.slice(0, positive.len().min(1)))?;
        // A NaN is a value, but no class.
        predictions.forget(&classes.predictions);
        labels.forget(&classes.labels);
        pairs.code_pairs(predictions, labels);
        let is_positive: Vec<bool> = classes.are_positive(&classes.labels);
        let said_positive: Vec<bool> = classes.are_positive(&classes.predictions);
        // The places of the two classes; none of a row that lacks one.
        let pair = |code: u32| {
            let first = *pairs.firsts().get((code as usize).checked_sub(1)?)? as usize;
            Some((predictions.codes[first] as usize - 1, labels.codes[first] as usize - 1))
        };
        rows.for_each(&mut |state, which| {
            let QualityState::Classification(state) = state else { return };
            state.pin(edges);
            tally.for_each(&pairs.codes, which, |code, count| {
                let Some((said, is)) = pair(code) else { return };
                state.add(classes.predictions.value(said), classes.labels.value(is), is_positive[is], count);
            });
            if !has_scores {
                return;
            }
            said.for_each(&predictions.codes, which, |code, _| {
                if code != NULL {
                    state.note_said(classes.predictions.value(code as usize - 1));
                }
            });
            by_kind.iter_mut().for_each(Vec::clear);
            which.for_each(predictions.codes.len(), |row| {
                let (said, is) = (predictions.codes[row], labels.codes[row]);
                if said != NULL && scores.is_valid(row) {
                    let of = ScoredAs {
                        is_positive: (is != NULL).then(|| is_positive[is as usize - 1]),
                        said_positive: said_positive[said as usize - 1],
                    };
                    by_kind[of.place()].push(scores.value(row));
                }
            });
            for (scores, of) in by_kind.iter().zip(ScoredAs::ALL) {
                state.add_scores(scores, of, room);
            }
        });
        Ok(())
    }
}

/// Room for the rows of one group.
#[derive(Debug, Default)]
pub struct PredictionRoom {
    rows: Vec<(f64, f64)>,
    room: regression::Room,
}

impl Fold for Regression {
    type State = QualityState;
    type Room = PredictionRoom;

    fn empty() -> QualityState {
        QualityState::Regression(RegressionState::default())
    }

    fn fold(
        arguments: &[ArrayRef],
        rows: &mut dyn Rows<QualityState>,
        room: &mut PredictionRoom,
    ) -> Result<()> {
        let PredictionRoom { rows: labelled, room } = room;
        let predictions = cast(argument(arguments, 0)?, &DataType::Float64)?;
        let labels = cast(argument(arguments, 1)?, &DataType::Float64)?;
        let (predictions, labels) =
            (predictions.as_primitive::<Float64Type>(), labels.as_primitive::<Float64Type>());
        rows.for_each(&mut |state, which| {
            let QualityState::Regression(state) = state else { return };
            labelled.clear();
            which.for_each(predictions.len(), |row| {
                if predictions.is_valid(row) && labels.is_valid(row) {
                    labelled.push((predictions.value(row), labels.value(row)));
                }
            });
            state.add_all(labelled, room);
        });
        Ok(())
    }
}

fn has_fixed_size(data_type: &DataType) -> bool {
    matches!(data_type, DataType::FixedSizeBinary(_))
}

/// Room for the requests of one group.
#[derive(Debug, Default)]
pub struct RequestRoom {
    zone: GivenZone,
    delays: Vec<f64>,
    room: numeric::Room,
}

impl Fold for Requests {
    type State = RequestsState;
    type Room = RequestRoom;

    fn empty() -> RequestsState {
        RequestsState::default()
    }

    fn fold(
        arguments: &[ArrayRef],
        rows: &mut dyn Rows<RequestsState>,
        room: &mut RequestRoom,
    ) -> Result<()> {
        let RequestRoom { zone, delays, room } = room;
        let zone = zone.read(argument(arguments, 4)?)?;
        let times = micros(argument(arguments, 0)?, zone)?;
        let (labels, ids) = (argument(arguments, 1)?, argument(arguments, 3)?);
        let unlabelled = labels.logical_nulls();
        let labelled_at = micros(argument(arguments, 2)?, zone)?;
        let has_ids = *ids.data_type() != DataType::Null;
        // Binary ids need not be texts.
        let ids = match ids.data_type().is_binary() || has_fixed_size(ids.data_type()) {
            true => cast(ids, &DataType::BinaryView)?,
            false => cast(&cast(ids, &DataType::Utf8View)?, &DataType::BinaryView)?,
        };
        let ids = ids.as_binary_view();
        rows.for_each(&mut |state, which| {
            let (mut newest, mut newest_labelled) = (None, None);
            delays.clear();
            which.for_each(times.len(), |row| {
                if has_ids {
                    match ids.is_valid(row) {
                        true => state.ids.add(ids.value(row)),
                        false => state.ids.add_nulls(1),
                    }
                }
                let is_labelled = unlabelled.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                let Some(at) = times.is_valid(row).then(|| times.value(row)) else { return };
                newest = newest.max(Some(at));
                if is_labelled {
                    newest_labelled = newest_labelled.max(Some(at));
                    if labelled_at.is_valid(row) {
                        // Far ends of time may lie further apart than 64 bits hold.
                        delays.push((i128::from(labelled_at.value(row)) - i128::from(at)) as f64 / 1e6);
                    }
                }
            });
            state.note(newest, newest_labelled);
            state.add_label_delays(delays, room);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
