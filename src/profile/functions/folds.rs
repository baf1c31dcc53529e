//! What each function does with a row.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};

use super::aggregate::{Fold, Rows, State};
use super::names::{Classes, cast, names};
use crate::profile::classification::ClassificationState;
use crate::profile::numeric::NumericState;
use crate::profile::regression::RegressionState;
use crate::profile::{ColumnState, Kind, QualityState};

impl State for ColumnState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn size(&self) -> usize {
        match self {
            Self::Numeric(state) | Self::Time(state) => state.size(),
            Self::Text(state) => state.size(),
            Self::Opaque { .. } => size_of::<Self>(),
        }
    }

    fn settle(&mut self) {
        if let Self::Numeric(state) | Self::Time(state) = self {
            state.settle();
        }
    }
}

impl State for QualityState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn size(&self) -> usize {
        match self {
            Self::Classification(state) => state.size(),
            Self::Regression(state) => state.size(),
        }
    }

    fn settle(&mut self) {
        match self {
            Self::Classification(state) => state.settle(),
            Self::Regression(state) => state.settle(),
        }
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
    /// Numbers, as doubles.
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
    /// Only whether there is a value.
    Opaque
);
fold!(
    /// Prediction, label, probability (or NULL), positive class (literal).
    Classification
);
fold!(
    /// Prediction, label.
    Regression
);

/// The numbers in a column's state.
fn numbers(state: &mut ColumnState) -> Option<&mut NumericState> {
    match state {
        ColumnState::Numeric(numbers) | ColumnState::Time(numbers) => Some(numbers),
        _ => None,
    }
}

fn fold_numbers(original: &ArrayRef, value: impl Fn(usize) -> Option<f64>, rows: &mut dyn Rows<ColumnState>) {
    let nulls = original.logical_nulls();
    for row in 0..original.len() {
        let Some(numbers) = rows.state(row).and_then(numbers) else { continue };
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            numbers.add_nulls(1);
        } else {
            // A value that no double can hold is a value that is not a number.
            numbers.add(value(row).unwrap_or(f64::NAN));
        }
    }
}

impl Fold for Numeric {
    type State = ColumnState;

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Numeric)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>) -> Result<()> {
        let original = argument(arguments, 0)?;
        let doubles = cast(original, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>();
        fold_numbers(original, |row| doubles.is_valid(row).then(|| doubles.value(row)), rows);
        Ok(())
    }
}

impl Fold for Time {
    type State = ColumnState;

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Time)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>) -> Result<()> {
        let original = argument(arguments, 0)?;
        let micros = cast(original, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        fold_numbers(original, |row| micros.is_valid(row).then(|| micros.value(row) as f64 / 1e6), rows);
        Ok(())
    }
}

impl Fold for Text {
    type State = ColumnState;

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Text)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>) -> Result<()> {
        let names = names(argument(arguments, 0)?)?;
        for row in 0..names.len() {
            let Some(ColumnState::Text(state)) = rows.state(row) else { continue };
            if names.is_null(row) {
                state.add_nulls(1);
            } else {
                state.add(names.value(row), 1);
            }
        }
        Ok(())
    }
}

impl Fold for Opaque {
    type State = ColumnState;

    fn empty() -> ColumnState {
        ColumnState::empty(Kind::Opaque)
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<ColumnState>) -> Result<()> {
        let values = argument(arguments, 0)?;
        let nulls = values.logical_nulls();
        for row in 0..values.len() {
            let Some(ColumnState::Opaque { count, num_nulls }) = rows.state(row) else { continue };
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                *num_nulls += 1;
            } else {
                *count += 1;
            }
        }
        Ok(())
    }
}

impl Fold for Classification {
    type State = QualityState;

    fn empty() -> QualityState {
        QualityState::Classification(ClassificationState::default())
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<QualityState>) -> Result<()> {
        let Classes { predictions, labels, positive } =
            Classes::of(argument(arguments, 0)?, argument(arguments, 1)?, argument(arguments, 3)?)?;
        let scores = cast(argument(arguments, 2)?, &DataType::Float64)?;
        let scores = scores.as_primitive::<Float64Type>();
        for row in 0..predictions.len() {
            if predictions.is_null(row) || labels.is_null(row) {
                continue;
            }
            let Some(QualityState::Classification(state)) = rows.state(row) else { continue };
            let label = labels.value(row);
            let named = positive.is_valid(row).then(|| positive.value(row));
            let is_positive = named.map_or(matches!(label, "1" | "true"), |named| named == label);
            let score = scores.is_valid(row).then(|| scores.value(row));
            state.add(predictions.value(row), label, is_positive, score);
        }
        Ok(())
    }
}

impl Fold for Regression {
    type State = QualityState;

    fn empty() -> QualityState {
        QualityState::Regression(RegressionState::default())
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<QualityState>) -> Result<()> {
        let predictions = cast(argument(arguments, 0)?, &DataType::Float64)?;
        let labels = cast(argument(arguments, 1)?, &DataType::Float64)?;
        let (predictions, labels) =
            (predictions.as_primitive::<Float64Type>(), labels.as_primitive::<Float64Type>());
        for row in 0..predictions.len() {
            if predictions.is_null(row) || labels.is_null(row) {
                continue;
            }
            if let Some(QualityState::Regression(state)) = rows.state(row) {
                state.add(predictions.value(row), labels.value(row));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
