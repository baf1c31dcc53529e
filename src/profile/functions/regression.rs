//! Rows to the quality of predicted numbers.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use super::aggregate::{Fold, Rows};
use super::folds::argument;
use super::names::cast;
use crate::profile::QualityState;
use crate::profile::regression::{self, RegressionState};

/// Prediction, label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Regression;

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
