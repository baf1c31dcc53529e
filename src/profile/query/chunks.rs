//! Chunks: how the rows of a table lie in time, so that they can be counted some at a time.

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use jiff::Timestamp;

use super::QueryError;
use super::decode::column;
use crate::config::Monitor;
use crate::profile::functions;
use crate::profile::template::{self, Name};
use crate::source::Snapshot;
use crate::window::{Granularity, Window};

/// The windows of this length that have rows, in order, and how many.
///
/// # Errors
/// If the inference table cannot be read.
pub async fn chunks(
    monitor: &Monitor,
    snapshot: &Snapshot,
    length: Granularity,
) -> Result<Vec<(Window, u64)>, QueryError> {
    functions::register(&snapshot.ctx);
    let names = [("timestamp", Name::column(&monitor.inference.timestamp_col))];
    let parameters = vec![
        ("granularity", ScalarValue::from(length.to_string())),
        ("zone", ScalarValue::from(monitor.timezone.clone())),
    ];
    let found = async {
        let frame = snapshot.ctx.sql(&template::fill(template::CHUNKS, &names)).await?;
        let mut chunks = Vec::new();
        for batch in frame.with_param_values(parameters)?.collect().await? {
            let starts =
                cast(column(&batch, "window_start")?, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            let rows = column(&batch, "row_count")?.as_primitive::<Int64Type>().iter().flatten();
            for (start, rows) in starts.as_primitive::<TimestampMicrosecondType>().iter().zip(rows) {
                let start = start.and_then(|start| Timestamp::from_microsecond(start).ok());
                let window = start.and_then(|start| monitor.calendar.window_of(length, start).ok());
                chunks.extend(window.map(|window| (window, rows.unsigned_abs())));
            }
        }
        Ok(chunks)
    };
    found.await.map_err(|error| QueryError::query(&snapshot.source.table, error))
}
