//! What is kept: states that earlier runs have counted, read back from the states table.
//!
//! So rows are read once: what is new is added to what is kept. This module reads states and puts them together; it must
//! not read rows.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{col, lit};
use jiff::Timestamp;

use super::decode::{column, texts};
use crate::config::Monitor;
use crate::contract::TABLE;
use crate::profile::functions::State;
use crate::profile::pinned::PinnedEdges;
use crate::profile::state_row::{bins, column_state};
use crate::profile::template::{KEPT_BASELINE, KEPT_STATES, fill};
use crate::profile::{
    BaseGroup, ColumnInfo, ColumnSet, ColumnState, Group, GroupKey, QualityState, Segment, Slice,
};
use crate::spans::Spans;
use crate::window::Window;

/// Name of the states table in SQL.
const STATES: &str = "states";

/// The times that every reader of Delta can tell: windows start in no others.
const YEARS: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

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

    /// The groups of the inference table, with their rows but without states.
    pub(super) async fn groups(&self) -> Result<Vec<BaseGroup>, DataFusionError> {
        let mut groups = Vec::new();
        for frame in self.frames().await? {
            groups.extend(heads(frame, self.monitor).await?);
        }
        Ok(groups)
    }

    /// Gives each of `groups` its states of `columns`, and of the model's quality if that is asked. A column that was not
    /// there when a group was counted is NULL in all of its rows. The edges that rows were told apart at are added to those
    /// that are `pinned`.
    pub(super) async fn fill(
        &self,
        groups: &mut [BaseGroup],
        columns: &[ColumnInfo],
        with_quality: bool,
        pinned: &mut PinnedEdges,
    ) -> Result<(), DataFusionError> {
        let mut states = Vec::new();
        for frame in self.frames().await? {
            states.extend(only(frame, columns, with_quality)?.collect().await?);
        }
        fill_from(&states, groups, columns, self.monitor, pinned)
    }

    /// The groups of the baseline, with their states of `columns`, and of the model's quality if that is asked.
    pub(super) async fn baseline(
        &self,
        columns: &[ColumnInfo],
        with_quality: bool,
        pinned: &mut PinnedEdges,
    ) -> Result<Vec<BaseGroup>, DataFusionError> {
        let frame = self.ctx.sql(&fill(KEPT_BASELINE, &[])).await?;
        let mut groups = heads(frame.clone(), self.monitor).await?;
        let states = only(frame, columns, with_quality)?.collect().await?;
        fill_from(&states, &mut groups, columns, self.monitor, pinned)?;
        Ok(groups)
    }

    /// The rows of each span.
    async fn frames(&self) -> Result<Vec<DataFrame>, DataFusionError> {
        let granularity = self.monitor.base_granularity().to_string();
        let mut frames = Vec::new();
        for (from, upto) in self.spans.iter() {
            let micros = |micros: i64| {
                let micros = micros.clamp(*YEARS.start(), *YEARS.end());
                ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
            };
            let parameters = vec![
                ("granularity", ScalarValue::from(granularity.as_str())),
                ("from", micros(from)),
                ("upto", micros(upto)),
            ];
            frames.push(self.ctx.sql(&fill(KEPT_STATES, &[])).await?.with_param_values(parameters)?);
        }
        Ok(frames)
    }
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
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let mut windows = BTreeSet::new();
    for batch in frame.collect().await? {
        let starts = cast(column(&batch, "window_start")?, &micros)?;
        let starts = starts.as_primitive::<TimestampMicrosecondType>().iter().flatten();
        let starts = starts.filter_map(|start| Timestamp::from_microsecond(start).ok());
        windows.extend(starts.filter_map(|start| monitor.calendar.window_of(base, start).ok()));
    }
    Ok(windows)
}

/// The values of each slicing expression that are slices of their own in `states`.
pub(super) async fn slice_values(
    states: Arc<dyn TableProvider>,
) -> Result<HashMap<String, BTreeSet<String>>, DataFusionError> {
    let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
    let frame = ctx.read_table(states)?.filter(col("column_name").eq(lit(TABLE)))?;
    let frame = frame.filter(col("slice_key").is_not_null())?;
    let mut values: HashMap<String, BTreeSet<String>> = HashMap::new();
    for batch in frame.select_columns(&["slice_key", "slice_value"])?.distinct()?.collect().await? {
        for (key, value) in texts(&batch, "slice_key")?.into_iter().zip(texts(&batch, "slice_value")?) {
            values.entry(key.unwrap_or_default()).or_default().extend(value);
        }
    }
    Ok(values)
}

/// The groups of which `frame` has states, with their rows but without states.
async fn heads(frame: DataFrame, monitor: &Monitor) -> Result<Vec<BaseGroup>, DataFusionError> {
    let mut groups = Vec::new();
    for batch in frame.filter(col("column_name").eq(lit(TABLE)))?.collect().await? {
        let rows = Rows::of(&batch, monitor)?;
        groups.extend((0..batch.num_rows()).map(|row| {
            let (window, is_out_of_range, segment) = rows.key(row);
            let (columns, quality, non_null) = (Vec::new(), None, ColumnSet::default());
            let group = Group { row_count: rows.counts[row], columns, quality, non_null };
            BaseGroup { window, is_out_of_range, segment, group: Arc::new(group) }
        }));
    }
    Ok(groups)
}

/// The rows of `frame` about `columns`, and about whole tables if the model's quality is asked.
fn only(frame: DataFrame, columns: &[ColumnInfo], with_quality: bool) -> Result<DataFrame, DataFusionError> {
    let names = columns.iter().map(|column| column.name.as_str()).chain(with_quality.then_some(TABLE));
    frame.filter(col("column_name").in_list(names.map(lit).collect(), false))
}

fn fill_from(
    states: &[RecordBatch],
    groups: &mut [BaseGroup],
    columns: &[ColumnInfo],
    monitor: &Monitor,
    pinned: &mut PinnedEdges,
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
        let edges = column(batch, "edges")?;
        for row in 0..batch.num_rows() {
            let Some(place) = by_key.get(&rows.key(row)) else { continue };
            if !states.is_valid(row) {
                continue;
            }
            let group = Arc::make_mut(&mut groups[*place].group);
            let name = rows.columns[row].as_deref().unwrap_or_default();
            if name == TABLE {
                group.quality = Some(QualityState::from_bytes(states.value(row))?);
                continue;
            }
            let sketch = sketches.is_valid(row).then(|| sketches.value(row));
            let Some(index) = columns.iter().position(|column| column.name == name) else { continue };
            let state = column_state(states.value(row), sketch)?;
            if let ColumnState::Numeric(state) = &state {
                pinned.add(name, state.distribution.edges());
            }
            if let Some(bins) = bins(edges, row)? {
                pinned.pin_bins(name, bins);
            }
            group.columns[index] = state;
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
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let starts = cast(column(batch, "window_start")?, &micros)?;
        let counts = cast(column(batch, "count")?, &DataType::Int64)?;
        let counts = counts.as_primitive::<Int64Type>().iter();
        Ok(Self {
            monitor,
            starts: starts.as_primitive::<TimestampMicrosecondType>().iter().collect(),
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
