//! The answer: from record batches to states.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::DataFusionError;
use jiff::Timestamp;

use super::states;
use crate::config::Monitor;
use crate::profile::functions::State;
use crate::profile::{BaseGroup, ColumnSet, ColumnState, Group, Segment, Slice, TableState};

/// The groups in `batch`, an answer to `profile.sql` or `groups.sql` with the states of `columns` columns.
pub(super) fn groups(
    batch: &RecordBatch,
    monitor: &Monitor,
    columns: usize,
) -> Result<Vec<BaseGroup>, DataFusionError> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let starts = cast(column(batch, "window_start")?, &micros)?;
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    let versions = texts(batch, "model_version")?;
    let slices = monitor.slicing_exprs.iter().enumerate();
    let slices = slices.map(|(index, key)| Ok((key, texts(batch, &states::of_slice(index))?)));
    let slices = slices.collect::<Result<Vec<_>, DataFusionError>>()?;
    let counts = column(batch, "row_count")?.as_primitive::<Int64Type>();
    let columns = (0..columns).map(|index| column(batch, &states::of_column(index)));
    let columns = columns.collect::<Result<Vec<&ArrayRef>, _>>()?;
    let [quality, requests, covariance, losses] =
        [states::QUALITY, states::REQUESTS, states::COVARIANCE, states::LOSSES]
            .map(|name| batch.column_by_name(name));

    let group = |row: usize| -> Result<BaseGroup, DataFusionError> {
        let start =
            starts.is_valid(row).then(|| Timestamp::from_microsecond(starts.value(row)).ok()).flatten();
        let base = monitor.base_granularity();
        let slice = slices
            .iter()
            .find_map(|(key, values)| Some(Slice { key: (*key).clone(), value: values[row].clone()? }));
        Ok(BaseGroup {
            window: start.and_then(|start| monitor.calendar.window_of(base, start).ok()),
            is_out_of_range: starts.is_valid(row) && start.is_none(),
            segment: Segment { model_version: versions[row].clone().unwrap_or_default(), slice },
            group: Arc::new(Group {
                row_count: u64::try_from(counts.value(row)).unwrap_or_default(),
                columns: columns
                    .iter()
                    .map(|states| ColumnState::from_bytes(states.as_binary::<i64>().value(row)))
                    .collect::<Result<_, _>>()?,
                table: TableState {
                    quality: state(quality, row)?,
                    requests: state(requests, row)?,
                    covariance: state(covariance, row)?,
                    losses: state(losses, row)?,
                    ..TableState::default()
                },
                non_null: ColumnSet::default(),
            }),
        })
    };
    (0..batch.num_rows()).map(group).collect()
}

/// The state in this row of `states`, if they were asked for.
fn state<S: State>(states: Option<&ArrayRef>, row: usize) -> Result<Option<S>, DataFusionError> {
    states.map(|states| S::from_bytes(states.as_binary::<i64>().value(row))).transpose()
}

/// The column called `name`, as texts.
pub(in crate::profile) fn texts(
    batch: &RecordBatch,
    name: &str,
) -> Result<Vec<Option<String>>, DataFusionError> {
    let array = cast(column(batch, name)?, &DataType::Utf8)?;
    Ok(array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
}

/// The bytes in the first row of the column called `name`.
pub(super) fn bytes<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [u8], DataFusionError> {
    Ok(column(batch, name)?.as_binary::<i64>().value(0))
}

/// The number in the one row of `batches`; none is none.
pub(super) fn number(batches: &[RecordBatch], name: &str) -> Result<u64, DataFusionError> {
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(0) };
    let array = cast(column(batch, name)?, &DataType::Int64)?;
    Ok(u64::try_from(array.as_primitive::<Int64Type>().value(0)).unwrap_or_default())
}

pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, DataFusionError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| DataFusionError::Internal(format!("column {name} is not in the result")))
}
