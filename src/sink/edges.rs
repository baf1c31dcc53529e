//! The edges in the states table: where columns were cut before. They do not move, so they are read before rows are counted.
//!
//! They are those of states that were compared with the same baseline: another baseline begins anew.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use deltalake::DeltaTable;

use super::{SinkError, extent};
use crate::config::Monitor;
use crate::profile::ColumnState;
use crate::profile::pinned::PinnedEdges;
use crate::profile::state_row::{bins, column_state};
use crate::source::shown;

/// The last date with numbers, by column.
const DATES: &str = include_str!("../../sql/recorded_dates.sql");
/// States of a date.
const EDGES: &str = include_str!("../../sql/recorded_edges.sql");

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// Days before the newest window that nearly all columns have numbers in: states of other months are left alone if so.
const DAYS: i64 = 31;

/// The edges in `table`, the states of `monitor`, of its `numeric` columns.
///
/// # Errors
/// If it cannot be read.
pub async fn recorded(
    table: &DeltaTable,
    monitor: &Monitor,
    numeric: &BTreeSet<String>,
) -> Result<PinnedEdges, SinkError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read {
        table: table.table_url().clone(),
        source,
    };
    let provider = table.table_provider().await.map_err(|error| failed(error.into()))?;
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    let baseline = monitor.baseline.as_ref();
    let url = baseline.map(|baseline| shown(&baseline.table));
    let version = baseline.and_then(|baseline| i64::try_from(baseline.version?).ok());
    let of_baseline =
        [("baseline_table", ScalarValue::from(url)), ("baseline_version", ScalarValue::from(version))];
    let newest = extent::newest(table).map_err(|error| failed(error.into()))?;
    let since = newest.and_then(|start| i32::try_from(start.div_euclid(DAY) - DAYS).ok());
    let read = async {
        ctx.register_table("states", provider)?;
        let mut wanted = BTreeMap::new();
        for since in [since, None] {
            let since = ("since", ScalarValue::Date32(since));
            let parameters: Vec<_> = of_baseline.iter().cloned().chain([since]).collect();
            let found = ctx.sql(DATES).await?.with_param_values(parameters)?.collect().await?;
            wanted = columns_by_date(&found)?;
            if wanted.values().flatten().collect::<BTreeSet<_>>().is_superset(&numeric.iter().collect()) {
                break;
            }
        }
        let mut pinned = PinnedEdges::default();
        while let Some((date, columns)) = wanted.pop_first() {
            let date = ("window_date", ScalarValue::Date32(date));
            let parameters: Vec<_> = of_baseline.iter().cloned().chain([date]).collect();
            for batch in ctx.sql(EDGES).await?.with_param_values(parameters)?.collect().await? {
                note(&batch, &columns, &mut pinned)?;
            }
        }
        Ok::<_, DataFusionError>(pinned)
    };
    read.await.map_err(|error| failed(error.into()))
}

/// The columns in `batches`, an answer to `recorded_dates.sql`, by their dates: most have the same.
fn columns_by_date(
    batches: &[RecordBatch],
) -> Result<BTreeMap<Option<i32>, BTreeSet<String>>, DataFusionError> {
    let mut columns: BTreeMap<Option<i32>, BTreeSet<String>> = BTreeMap::new();
    for batch in batches {
        let names = cast(batch.column(0), &DataType::Utf8)?;
        let dates = cast(batch.column(1), &DataType::Date32)?;
        let dates = dates.as_primitive::<Date32Type>();
        for (name, date) in names.as_string::<i32>().iter().zip(dates) {
            columns.entry(date).or_default().extend(name.map(str::to_owned));
        }
    }
    Ok(columns)
}

/// Adds to `pinned` the edges of those `columns` that are in `batch`, an answer to `recorded_edges.sql`.
fn note(
    batch: &RecordBatch,
    columns: &BTreeSet<String>,
    pinned: &mut PinnedEdges,
) -> Result<(), DataFusionError> {
    let names = cast(batch.column(0), &DataType::Utf8)?;
    let states = cast(batch.column(2), &DataType::Binary)?;
    for (row, name) in names.as_string::<i32>().iter().enumerate() {
        let Some(name) = name.filter(|name| columns.contains(*name)) else { continue };
        if let Some(bins) = bins(batch.column(1), row)? {
            pinned.pin_bins(name, bins);
        }
        // A state that only another version of Secchi can read has told its bins at least.
        if let Ok(ColumnState::Numeric(state)) = column_state(states.as_binary::<i32>().value(row), None) {
            pinned.add(name, state.distribution.edges());
        }
    }
    Ok(())
}
