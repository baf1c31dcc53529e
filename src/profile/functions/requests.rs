//! Rows to what is told of requests.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::aggregate::{Fold, Rows, State};
use super::folds::argument;
use super::given::GivenZone;
use super::instants::micros;
use super::names::cast;
use crate::profile::numeric;
use crate::profile::requests::RequestsState;

/// Timestamp; label, its time and request id, or NULL; zone of times without one (literal).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requests;

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
