//! The windows of requests of which labels changed: the rows of these are read anew.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{Expr, ScalarUDF, ident, lit};
use datafusion::physical_plan::collect;
use jiff::Timestamp;

use super::decode::column;
use super::requests::show_candidates;
use super::watch::bytes_read;
use crate::config::Monitor;
use crate::profile::functions::{self, WindowStart};
use crate::profile::template::{self, Name};
use crate::source::{INFERENCE, RELABELED, Relabeled, Snapshot};
use crate::spans::Spans;

/// Times of rows whose labels changed since version `since` of the label table, in whole base windows, and the bytes that
/// were read to know; `None` if nothing tells any more.
///
/// # Errors
/// If a table cannot be read.
pub async fn relabeled(
    monitor: &Monitor,
    snapshot: &Snapshot,
    since: u64,
) -> Result<Option<(Spans, u64)>, DataFusionError> {
    let Some((label, arrives_in)) = monitor.arriving_label() else {
        return Ok(Some((Spans::default(), 0)));
    };
    let own = [&arrives_in.request_id_col, &label.column].into_iter().chain(&arrives_in.timestamp_col);
    let columns: BTreeSet<&str> = own.map(String::as_str).collect();
    match snapshot.show_relabeled(since, &columns.into_iter().collect::<Vec<_>>()).await? {
        Relabeled::Nothing => return Ok(Some((Spans::default(), 0))),
        Relabeled::Unknown => return Ok(None),
        Relabeled::Rows => {}
    }
    functions::register(&snapshot.ctx);
    let names = [
        ("timestamp", Name::column(&monitor.inference.timestamp_col)),
        ("request_id", Name::column(&arrives_in.request_id_col)),
    ];
    let base = monitor.base_granularity();
    let mut bytes = show_candidates(&snapshot.ctx, INFERENCE, RELABELED, &arrives_in.request_id_col).await?;
    let frame = snapshot.ctx.sql(&template::fill(template::RELABELED, &names)).await?;
    let frame = frame.with_param_values(vec![
        ("granularity", ScalarValue::from(base.to_string())),
        ("zone", ScalarValue::from(monitor.timezone.clone())),
    ])?;
    let plan = frame.create_physical_plan().await?;
    let mut windows = BTreeSet::new();
    for batch in collect(std::sync::Arc::clone(&plan), snapshot.ctx.task_ctx()).await? {
        let starts =
            cast(column(&batch, "window_start")?, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let starts = starts.as_primitive::<TimestampMicrosecondType>().iter().flatten();
        let starts = starts.filter_map(|start| Timestamp::from_microsecond(start).ok());
        windows.extend(starts.filter_map(|start| monitor.calendar.window_of(base, start).ok()));
    }
    bytes += bytes_read(&plan);
    Ok(Some((windows.iter().collect(), bytes)))
}

/// The start of a row's base window, as the times of `monitor` tell it.
pub fn window_start(monitor: &Monitor) -> Expr {
    ScalarUDF::from(WindowStart::new()).call(vec![
        ident(&monitor.inference.timestamp_col),
        lit(monitor.base_granularity().to_string()),
        lit(monitor.timezone.as_str()),
    ])
}
