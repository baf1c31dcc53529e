//! Rows to the losses that are expected of them.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};

use super::aggregate::{Fold, Rows};
use super::given::GivenEstimator;
use super::measured::MeasuredColumns;
use super::names::cast;
use crate::profile::exact_sum::Slots;
use crate::profile::loss_model;
use crate::profile::losses::LossState;

/// An estimator (literal), the prediction, and a column for each of its scales, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExpectedLosses;

/// Room for the losses of one group.
#[derive(Debug, Default)]
pub struct LossRoom {
    estimator: GivenEstimator,
    batch: MeasuredColumns,
    losses: loss_model::Losses,
    absolute: Vec<f64>,
    squared: Vec<f64>,
    slots: Slots,
}

impl Fold for ExpectedLosses {
    type State = LossState;
    type Room = LossRoom;

    fn empty() -> LossState {
        LossState::default()
    }

    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<LossState>, room: &mut LossRoom) -> Result<()> {
        let LossRoom { estimator, batch, losses, absolute, squared, slots } = room;
        let [said, predictions, columns @ ..] = arguments else {
            return Err(exec_datafusion_err!("two arguments are needed"));
        };
        let Some(estimator) = estimator.read(said)? else { return Ok(()) };
        let predictions = cast(predictions, &DataType::Float64)?;
        let predictions = predictions.as_primitive::<Float64Type>();
        let given: Vec<f64> = predictions.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let columns = batch.measure(columns, estimator.reference())?;
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).chain([given.as_slice()]).collect();
        let told = estimator.model().predict(&columns, losses);
        told.map_err(|error| DataFusionError::External(error.into()))?;
        rows.for_each(&mut |state, which| {
            absolute.clear();
            squared.clear();
            // Of a row without a prediction nothing is expected.
            which.for_each(predictions.len(), |row| {
                if given[row].is_finite() {
                    absolute.push(losses.absolute[row]);
                    squared.push(losses.squared[row]);
                }
            });
            state.add_all(absolute, squared, slots);
        });
        Ok(())
    }
}
