//! What each function does with a row.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};

use super::aggregate::{Fold, Rows, State};
use super::counted::CountedNames;
use super::dictionary::Dictionary;
use super::given::GivenEdges;
use super::names::cast;
use super::split::Which;
use crate::profile::losses::LossState;
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

pub(super) fn argument(arguments: &[ArrayRef], index: usize) -> Result<&ArrayRef> {
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

#[cfg(test)]
mod tests;
