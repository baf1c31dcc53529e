//! What is kept: states that earlier runs have counted, read back from the states table.
//!
//! So rows are read once: what is new is added to what is kept. This module reads states and puts them together; it must
//! not read rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{col, lit};
use futures::TryStreamExt;
use jiff::Timestamp;

use super::bins::Numbers;
use super::decode::{column, texts};
use super::table::SliceValues;
use crate::config::Monitor;
use crate::contract::TABLE;
use crate::instant::instant;
use crate::profile::functions::State;
use crate::profile::state_row::column_state;
use crate::profile::template::{KEPT_BASELINE, KEPT_STATES, KEPT_VALUES, fill};
use crate::profile::{
    BaseGroup, ColumnInfo, ColumnSet, ColumnState, Group, GroupKey, Segment, Slice, TableState,
};
use crate::spans::Spans;
use crate::window::Window;

/// Name of the states table in SQL.
const STATES: &str = "states";

/// Spans that are asked for by themselves, at most: where windows are scattered, it is cheaper to read those between them.
const QUERIES_MAX: usize = 8;

/// The states that are kept of base windows in some spans, and of the baseline.
pub(super) struct Kept<'a> {
    ctx: SessionContext,
    monitor: &'a Monitor,
    spans: Spans,
}

impl<'a> Kept<'a> {
    /// Those in `states` of base windows that start in `spans`.
    pub(super) fn of(
        monitor: &'a Monitor,
        states: Arc<dyn TableProvider>,
        spans: Spans,
    ) -> Result<Self, DataFusionError> {
        let ctx = deltalake::delta_datafusion::create_session().into_inner();
        ctx.register_table(STATES, states)?;
        Ok(Self { ctx, monitor, spans })
    }

    /// Those in fewer spans.
    pub(super) fn only(self, spans: Spans) -> Self {
        Self { spans, ..self }
    }

    /// Whether states of this window are among them.
    pub(super) fn has(&self, window: Window) -> bool {
        self.spans.has(window.start.as_microsecond())
    }

    /// The groups of the inference table, with their rows but without states.
    pub(super) async fn groups(&self) -> Result<Vec<BaseGroup>, DataFusionError> {
        let mut groups = Vec::new();
        for frame in self.frames().await? {
            let of_tables = frame.filter(col("column_name").eq(lit(TABLE)))?;
            groups.extend(heads(&self.within(of_tables).await?, self.monitor)?);
        }
        Ok(groups)
    }

    /// Gives each of `groups` its states of `columns`, and of the table as a whole if that is asked. A column that was not
    /// there when a group was counted is NULL in all of its rows.
    pub(super) async fn fill(
        &self,
        groups: &mut [BaseGroup],
        columns: &[ColumnInfo],
        with_table: bool,
    ) -> Result<(), DataFusionError> {
        let mut states = Vec::new();
        for frame in self.frames().await? {
            states.extend(self.within(only(frame, columns, with_table)?).await?);
        }
        fill_from(&states, groups, columns, self.monitor)
    }

    /// The numbers that are kept of each column without bins, in windows that end by `until`.
    pub(super) async fn numbers(
        &self,
        until: Timestamp,
    ) -> Result<HashMap<String, Numbers>, DataFusionError> {
        let granularity = self.monitor.base_granularity().to_string();
        let parameters =
            vec![("granularity", ScalarValue::from(granularity)), ("until", instant(until.as_microsecond()))];
        let frame = self.ctx.sql(&fill(KEPT_VALUES, &[])).await?.with_param_values(parameters)?;
        let mut found = HashMap::new();
        for batch in frame.collect().await? {
            let cast =
                |name: &str, to: &DataType| cast(column(&batch, name)?, to).map_err(DataFusionError::from);
            let counts = cast("numbers", &DataType::Int64)?;
            let (least, greatest) =
                (cast("least", &DataType::Float64)?, cast("greatest", &DataType::Float64)?);
            let extremes =
                |values: &ArrayRef| values.as_primitive::<Float64Type>().iter().collect::<Vec<_>>();
            let extremes = extremes(&least).into_iter().zip(extremes(&greatest));
            let counts = counts.as_primitive::<Int64Type>().iter();
            for ((name, count), extremes) in
                texts(&batch, "column_name")?.into_iter().zip(counts).zip(extremes)
            {
                if let (Some(name), Some(count), (Some(least), Some(greatest))) = (name, count, extremes) {
                    let count = count.try_into().unwrap_or(0);
                    found.insert(name, Numbers { count, least, greatest });
                }
            }
        }
        Ok(found)
    }

    /// The groups of the baseline, with their states of `columns`, and of the table as a whole if that is asked.
    pub(super) async fn baseline(
        &self,
        columns: &[ColumnInfo],
        with_table: bool,
    ) -> Result<Vec<BaseGroup>, DataFusionError> {
        let frame = self.ctx.sql(&fill(KEPT_BASELINE, &[])).await?;
        let of_tables = frame.clone().filter(col("column_name").eq(lit(TABLE)))?;
        let mut groups = heads(&of_tables.collect().await?, self.monitor)?;
        let states = only(frame, columns, with_table)?.collect().await?;
        fill_from(&states, &mut groups, columns, self.monitor)?;
        Ok(groups)
    }

    /// The rows of `frame` that are of the spans.
    async fn within(&self, frame: DataFrame) -> Result<Vec<RecordBatch>, DataFusionError> {
        let mut batches = Vec::new();
        let mut stream = frame.execute_stream().await?;
        while let Some(batch) = stream.try_next().await? {
            let is_meant = |start: Option<i64>| Some(start.is_some_and(|start| self.spans.has(start)));
            let is_meant: BooleanArray = starts(&batch)?.iter().map(is_meant).collect();
            batches.push(filter_record_batch(&batch, &is_meant)?);
        }
        Ok(batches)
    }

    /// The rows of each span, and of some times between them.
    async fn frames(&self) -> Result<Vec<DataFrame>, DataFusionError> {
        let granularity = self.monitor.base_granularity().to_string();
        let mut frames = Vec::new();
        for (from, upto) in self.spans.at_most(QUERIES_MAX).iter() {
            let parameters = vec![
                ("granularity", ScalarValue::from(granularity.as_str())),
                ("from", instant(from)),
                ("upto", instant(upto)),
            ];
            frames.push(self.ctx.sql(&fill(KEPT_STATES, &[])).await?.with_param_values(parameters)?);
        }
        Ok(frames)
    }
}

/// When the windows of the rows of `batch` start, in microseconds.
fn starts(batch: &RecordBatch) -> Result<PrimitiveArray<TimestampMicrosecondType>, DataFusionError> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    Ok(cast(column(batch, "window_start")?, &micros)?.as_primitive().clone())
}

/// The base windows of which there are `states`.
///
/// # Errors
/// If they cannot be read.
pub async fn windows(
    monitor: &Monitor,
    states: Arc<dyn TableProvider>,
) -> Result<BTreeSet<Window>, DataFusionError> {
    let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
    let base = monitor.base_granularity();
    let of_base = col("granularity").eq(lit(base.to_string())).and(col("column_name").eq(lit(TABLE)));
    let frame = ctx.read_table(states)?.filter(of_base)?.select_columns(&["window_start"])?.distinct()?;
    let mut windows = BTreeSet::new();
    for batch in frame.collect().await? {
        let starts = starts(&batch)?;
        let starts = starts.iter().flatten().filter_map(|start| Timestamp::from_microsecond(start).ok());
        windows.extend(starts.filter_map(|start| monitor.calendar.window_of(base, start).ok()));
    }
    Ok(windows)
}

/// The values of each slicing expression that are slices of their own in `states`.
pub(super) async fn slice_values(states: Arc<dyn TableProvider>) -> Result<SliceValues, DataFusionError> {
    let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
    let frame = ctx.read_table(states)?.filter(col("column_name").eq(lit(TABLE)))?;
    let frame = frame.filter(col("slice_key").is_not_null())?;
    let mut values = SliceValues::new();
    for batch in frame.select_columns(&["slice_key", "slice_value"])?.distinct()?.collect().await? {
        for (key, value) in texts(&batch, "slice_key")?.into_iter().zip(texts(&batch, "slice_value")?) {
            values.entry(key.unwrap_or_default()).or_default().extend(value);
        }
    }
    Ok(values)
}

/// The groups that `tables` tells of, the rows of the states table about whole tables: with their rows but without states.
fn heads(tables: &[RecordBatch], monitor: &Monitor) -> Result<Vec<BaseGroup>, DataFusionError> {
    let mut groups = Vec::new();
    for batch in tables {
        let rows = Rows::of(batch, monitor)?;
        groups.extend((0..batch.num_rows()).map(|row| {
            let (window, is_out_of_range, segment) = rows.key(row);
            let (columns, table, non_null) = (Vec::new(), TableState::default(), ColumnSet::default());
            let group = Group { row_count: rows.counts[row], columns, table, non_null };
            BaseGroup { window, is_out_of_range, segment, group: Arc::new(group) }
        }));
    }
    Ok(groups)
}

/// The rows of `frame` about `columns`, and about whole tables if that is asked.
fn only(frame: DataFrame, columns: &[ColumnInfo], with_table: bool) -> Result<DataFrame, DataFusionError> {
    let names = columns.iter().map(|column| column.name.as_str()).chain(with_table.then_some(TABLE));
    frame.filter(col("column_name").in_list(names.map(lit).collect(), false))
}

fn fill_from(
    states: &[RecordBatch],
    groups: &mut [BaseGroup],
    columns: &[ColumnInfo],
    monitor: &Monitor,
) -> Result<(), DataFusionError> {
    let by_key: HashMap<GroupKey, usize> =
        groups.iter().enumerate().map(|(place, base)| (base.key(), place)).collect();
    for base in groups.iter_mut() {
        let group = Arc::make_mut(&mut base.group);
        let row_count = group.row_count;
        group.columns = columns.iter().map(|column| ColumnState::nulls(column.kind, row_count)).collect();
    }
    for batch in states {
        let rows = Rows::of(batch, monitor)?;
        let bytes = |name: &str| cast(column(batch, name)?, &DataType::Binary).map_err(DataFusionError::from);
        let (sketches, states) = (bytes("distinct_sketch")?, bytes("state")?);
        let (sketches, states) = (sketches.as_binary::<i32>(), states.as_binary::<i32>());
        for row in 0..batch.num_rows() {
            let Some(place) = by_key.get(&rows.key(row)) else { continue };
            if !states.is_valid(row) {
                continue;
            }
            let group = Arc::make_mut(&mut groups[*place].group);
            let name = rows.columns[row].as_deref().unwrap_or_default();
            if name == TABLE {
                group.table = TableState::from_bytes(states.value(row))?;
                continue;
            }
            let sketch = sketches.is_valid(row).then(|| sketches.value(row));
            let Some(index) = columns.iter().position(|column| column.name == name) else { continue };
            group.columns[index] = column_state(states.value(row), sketch)?;
        }
    }
    Ok(())
}

/// What rows of the states table say of themselves.
struct Rows<'a> {
    monitor: &'a Monitor,
    starts: Vec<Option<i64>>,
    versions: Vec<Option<String>>,
    slices: Vec<(Option<String>, Option<String>)>,
    columns: Vec<Option<String>>,
    counts: Vec<u64>,
}

impl<'a> Rows<'a> {
    fn of(batch: &RecordBatch, monitor: &'a Monitor) -> Result<Self, DataFusionError> {
        let counts = cast(column(batch, "count")?, &DataType::Int64)?;
        let counts = counts.as_primitive::<Int64Type>().iter();
        Ok(Self {
            monitor,
            starts: starts(batch)?.iter().collect(),
            versions: texts(batch, "model_version")?,
            slices: texts(batch, "slice_key")?.into_iter().zip(texts(batch, "slice_value")?).collect(),
            columns: texts(batch, "column_name")?,
            counts: counts.map(|count| count.and_then(|count| count.try_into().ok()).unwrap_or(0)).collect(),
        })
    }

    fn key(&self, row: usize) -> GroupKey {
        let start = self.starts[row].and_then(|start| Timestamp::from_microsecond(start).ok());
        let base = self.monitor.base_granularity();
        let window = start.and_then(|start| self.monitor.calendar.window_of(base, start).ok());
        let slice = self.slices[row].clone();
        let slice = slice.0.zip(slice.1).map(|(key, value)| Slice { key, value });
        let model_version = self.versions[row].clone().unwrap_or_default();
        (window, false, Segment { model_version, slice })
    }
}
