//! From rows to states: runs `sql/` over a snapshot and decodes what comes back.
//!
//! One query for the whole table and one for each slicing expression; each is one pass. This is the only
//! place where rows are touched. It must not compare, judge or write.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{lit, when};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::col;
use jiff::Timestamp;

use super::columns;
use super::functions::{self, State};
use super::slice::{self, SliceError};
use super::template::{self, Name};
use super::{
    BaseGroup, ColumnInfo, ColumnState, Group, Kind, Profiles, QualityState, Rollup, Segment, Slice,
};
use crate::cause::{is_fault, is_of_a_file};
use crate::config::{Monitor, ProblemType};
use crate::contract::{ALL_VERSIONS, OTHER};
use crate::remedy::Remedy;
use crate::source::{Snapshot, spark_type};
use crate::window::Granularity;

/// Most values of a slicing expression that are slices of their own.
pub const MAX_SLICES: usize = 100;

/// Why rows could not be counted.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // Each sentence says what its fields are.
pub enum QueryError {
    /// A query failed.
    #[error("cannot profile table `{table}`")]
    Query { table: String, source: Box<DataFusionError> },
    /// The engine failed, whatever the input.
    #[error("the query engine failed on table `{table}`")]
    Fault { table: String },
    /// A slicing expression is not one.
    #[error("slicing expression `{expression}` cannot be computed on table `{table}`")]
    Slice { expression: String, table: String, source: SliceError },
    /// The table has no rows.
    #[error("`{key}` has no rows: version {version} of table `{table}`")]
    Empty { key: &'static str, table: String, version: u64 },
    /// No row lies in a window.
    #[error("no row has a `{column}`: all {rows} are NULL in version {version} of table `{table}`")]
    Timeless { column: String, rows: u64, table: String, version: u64 },
    /// A column of the baseline cannot be compared.
    #[error("column `{column}` of the baseline `{table}` is {found}, but {wanted} in the inference table")]
    Baseline { column: String, table: String, found: String, wanted: String },
    /// A row lies at an end of time.
    #[error("table `{table}` has a row at an end of time")]
    Time { table: String, source: crate::window::OutOfCalendar },
}

impl QueryError {
    /// Why a query over `table` failed.
    pub(crate) fn query(table: &str, error: DataFusionError) -> Self {
        let table = table.to_owned();
        if is_fault(&error) {
            tracing::info!(table, %error, "the query engine failed");
            return Self::Fault { table };
        }
        Self::Query { table, source: Box::new(error) }
    }

    fn slice(expression: &str, table: &str, source: SliceError) -> Self {
        Self::Slice { expression: expression.to_owned(), table: table.to_owned(), source }
    }

    /// Whether a file of the table may be why.
    pub fn may_be_damage(&self) -> bool {
        matches!(self, Self::Query { source, .. } if is_of_a_file(source.as_ref()))
            || matches!(self, Self::Fault { .. })
    }

    /// What the operator does next.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Slice { .. } | Self::Baseline { .. } => Remedy::FixMonitor,
            Self::Query { .. }
            | Self::Fault { .. }
            | Self::Empty { .. }
            | Self::Timeless { .. }
            | Self::Time { .. } => Remedy::InspectData,
        }
    }

    /// The sentence after the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Slice { source, .. } => source.hint.clone(),
            Self::Fault { .. } => HINT_FAULT.to_owned(),
            Self::Empty { key, .. } => format!("run again once rows have been written, or correct `{key}`"),
            Self::Timeless { .. } => {
                "name the column that says when a row happened as `timestamp_col`".to_owned()
            }
            Self::Baseline { column, .. } => {
                format!(
                    "change its type in one of the two tables, or list `{column}` under `columns.exclude`"
                )
            }
            Self::Query { .. } | Self::Time { .. } => self.remedy().hint().to_owned(),
        }
    }
}

/// What to do when nobody's input is to blame.
pub const HINT_FAULT: &str = "this is no mistake of yours; please report it, with what `--verbose` says";

/// What was counted, and what it cost.
#[derive(Debug)]
pub struct Counted {
    /// The states.
    pub profiles: Profiles,
    /// Rows of the inference table.
    pub rows: u64,
    /// Rows of it that have no time, and are in no window.
    pub rows_without_time: u64,
    /// Bytes of Parquet that were read.
    pub bytes: u64,
}

/// Told about each plan that runs, so that somebody can watch it.
pub trait Watch: Send + Sync {
    /// `plan` is about to run over a table of `bytes` bytes of Parquet, of which it may need only some. It
    /// reports its progress in its metrics.
    fn begin(&self, what: &str, plan: &Arc<dyn ExecutionPlan>, bytes: u64);
    /// Nothing runs any more. Said once more after a run, which may have broken off.
    fn end(&self);
}

/// Counts everything that `monitor` wants to know of `snapshot`.
///
/// # Errors
/// If a table cannot be read, or has no rows, or a slicing expression cannot be computed.
pub async fn count(monitor: &Monitor, snapshot: &Snapshot, watch: &dyn Watch) -> Result<Counted, QueryError> {
    let table = snapshot.source.table.as_str();
    let failed = |error| QueryError::query(table, error);
    // A misspelt expression is found before the first of many files is read.
    check(monitor, snapshot).await?;
    let columns = columns::profiled(monitor, &snapshot.schema);
    let input = windowed(monitor, snapshot).await.map_err(failed)?;
    let table_bytes = snapshot.source_bytes;
    let pass = Pass { ctx: &snapshot.ctx, monitor, table, table_bytes, columns: &columns, watch };
    let (groups, bytes) = pass.run(&input, "inference").await?;
    let rows =
        groups.iter().filter(|base| base.segment.slice.is_none()).map(|base| base.group.row_count).sum();
    if rows == 0 {
        let version = snapshot.source.version;
        return Err(QueryError::Empty { key: "inference.table", table: table.to_owned(), version });
    }
    let untimed = groups.iter().filter(|base| base.window.is_none() && base.segment.slice.is_none());
    let rows_without_time = untimed.map(|base| base.group.row_count).sum();
    if rows_without_time == rows {
        let (column, version) = (monitor.inference.timestamp_col.clone(), snapshot.source.version);
        return Err(QueryError::Timeless { column, rows, table: table.to_owned(), version });
    }

    let mut baseline_bytes = 0;
    let mut baseline = Vec::new();
    if let Some(pinned) = &snapshot.baseline {
        let table = pinned.pin.table.as_str();
        let failed = |error| QueryError::query(table, error);
        let frame = baseline_rows(monitor, snapshot, &columns, pinned.has_model_id).await.map_err(failed)?;
        let pass = Pass { table, table_bytes: pinned.bytes, ..pass };
        (baseline, baseline_bytes) = pass.run(&frame, "baseline").await?;
        if baseline.is_empty() {
            let version = pinned.pin.version;
            return Err(QueryError::Empty { key: "baseline.table", table: table.to_owned(), version });
        }
    }
    let rollup = Rollup { granularities: &monitor.granularities, calendar: &monitor.calendar };
    let windows =
        rollup.windows(&groups).map_err(|source| QueryError::Time { table: table.to_owned(), source })?;
    let baseline = Rollup::baseline(&baseline);
    let profiles = Profiles { columns, windows, baseline };
    Ok(Counted { profiles, rows, rows_without_time, bytes: bytes + baseline_bytes })
}

/// Plans what [`count`] would run, so that what cannot be computed is found without reading a row.
///
/// # Errors
/// If a slicing expression cannot be computed, or the roles do not fit together.
pub async fn check(monitor: &Monitor, snapshot: &Snapshot) -> Result<(), QueryError> {
    functions::register(&snapshot.ctx);
    let columns = columns::profiled(monitor, &snapshot.schema);
    let table = snapshot.source.table.as_str();
    let failed = |error| QueryError::query(table, error);
    let mut frames = vec![(table, windowed(monitor, snapshot).await.map_err(failed)?)];
    if let Some(baseline) = &snapshot.baseline {
        let table = baseline.pin.table.as_str();
        let failed = |error| QueryError::query(table, error);
        let frame =
            baseline_rows(monitor, snapshot, &columns, baseline.has_model_id).await.map_err(failed)?;
        comparable(&columns, &frame, table)?;
        frames.push((table, frame));
    }
    for (table, frame) in frames {
        for expression in &monitor.slicing_exprs {
            let sliced = slice::with_value(&frame, expression);
            let sliced = sliced.map_err(|error| QueryError::slice(expression, table, error))?;
            let planned = sliced.create_physical_plan().await;
            planned.map_err(|error| QueryError::slice(expression, table, SliceError::of_plan(&error)))?;
        }
    }
    Ok(())
}

/// Whether `frame`, the baseline, has the columns as they are in the inference table.
fn comparable(columns: &[ColumnInfo], frame: &DataFrame, table: &str) -> Result<(), QueryError> {
    for column in columns {
        let Ok(field) = frame.schema().field_with_unqualified_name(&column.name) else { continue };
        let found = columns::kind_of(field.data_type());
        let fits = match column.kind {
            Kind::Opaque => true,
            Kind::Text => found != Kind::Opaque,
            kind => found == kind,
        };
        if !fits && *field.data_type() != DataType::Null {
            return Err(QueryError::Baseline {
                column: column.name.clone(),
                table: table.to_owned(),
                found: spark_type(field.data_type()),
                wanted: column.data_type.clone(),
            });
        }
    }
    Ok(())
}

/// The rows of the inference table with labels, base window and version.
async fn windowed(monitor: &Monitor, snapshot: &Snapshot) -> Result<DataFrame, DataFusionError> {
    let ctx = &snapshot.ctx;
    let inference = &monitor.inference;
    let label = inference.prediction.as_ref().and_then(|prediction| prediction.label.as_ref());
    let labelled = match label.and_then(|label| Some((label, label.arrives_in.as_ref()?))) {
        None => ctx.table("inference").await?,
        Some((label, arrives_in)) => {
            let order = arrives_in.timestamp_col.iter().chain([&label.column]);
            let order: Vec<Name> = order.map(|column| Name::column(column)).collect();
            let sql = template::fill(
                template::LABELLED,
                &[
                    ("request_id", Name::column(&arrives_in.request_id_col)),
                    ("label", Name::column(&label.column)),
                    ("label_order", Name::list(&order)),
                ],
            );
            ctx.sql(&sql).await?
        }
    };
    view(ctx, "labelled", labelled)?;
    let sql = template::fill(
        template::WINDOWED,
        &[("timestamp", Name::column(&inference.timestamp_col)), ("model_id", model_id(monitor, true))],
    );
    let granularity = Granularity::base_of(&monitor.granularities).to_string();
    ctx.sql(&sql).await?.with_param_values(vec![
        ("granularity", ScalarValue::from(granularity)),
        ("zone", ScalarValue::from(monitor.timezone.clone())),
    ])
}

/// The rows of the baseline; columns that it lacks are NULL.
async fn baseline_rows(
    monitor: &Monitor,
    snapshot: &Snapshot,
    columns: &[ColumnInfo],
    versions: bool,
) -> Result<DataFrame, DataFusionError> {
    let sql = template::fill(template::BASELINE, &[("model_id", model_id(monitor, versions))]);
    let mut frame = snapshot.ctx.sql(&sql).await?;
    let prediction = monitor.inference.prediction.iter();
    let outputs = prediction.flat_map(|prediction| {
        let label = prediction.label.iter().map(|label| &label.column);
        std::iter::once(&prediction.column).chain(&prediction.proba_col).chain(label)
    });
    let wanted: Vec<&String> = columns.iter().map(|column| &column.name).chain(outputs).collect();
    for name in wanted {
        if frame.schema().field_with_unqualified_name(name).is_err() {
            frame = frame.with_column(name, lit(ScalarValue::Null))?;
        }
    }
    Ok(frame)
}

fn model_id(monitor: &Monitor, there: bool) -> Name {
    match &monitor.inference.model_id_col {
        Some(column) if there => Name::column(column),
        _ => Name::text(ALL_VERSIONS),
    }
}

fn view(ctx: &SessionContext, name: &str, frame: DataFrame) -> Result<(), DataFusionError> {
    ctx.deregister_table(name)?;
    ctx.register_table(name, frame.into_view())?;
    Ok(())
}

/// What the passes over one table have in common.
#[derive(Clone, Copy)]
struct Pass<'a> {
    ctx: &'a SessionContext,
    monitor: &'a Monitor,
    table: &'a str,
    table_bytes: u64,
    columns: &'a [ColumnInfo],
    watch: &'a dyn Watch,
}

impl Pass<'_> {
    /// The whole table, then each slicing expression. Also tells the bytes that were read.
    async fn run(&self, frame: &DataFrame, what: &str) -> Result<(Vec<BaseGroup>, u64), QueryError> {
        let failed = |error| QueryError::query(self.table, error);
        let whole =
            frame.clone().with_column("__slice_value", lit(ScalarValue::Utf8(None))).map_err(failed)?;
        let (mut groups, mut bytes) = self.states(whole, None, what).await.map_err(failed)?;
        for key in &self.monitor.slicing_exprs {
            let sliced = slice::with_value(frame, key);
            let sliced = sliced.map_err(|error| QueryError::slice(key, self.table, error))?;
            // The whole table could be read, so what fails now is the expression.
            let failed = |error: DataFusionError| match is_of_a_file(&error) {
                true => QueryError::query(self.table, error),
                false => QueryError::slice(key, self.table, SliceError::of_rows(&error)),
            };
            let sliced = self.limited(sliced).await.map_err(failed)?;
            let (more, read) = self.states(sliced, Some(key), what).await.map_err(failed)?;
            groups.extend(more);
            bytes += read;
        }
        Ok((groups, bytes))
    }

    /// The rows with at most [`MAX_SLICES`] values of the slicing expression, beyond that `:other`.
    async fn limited(&self, sliced: DataFrame) -> Result<DataFrame, DataFusionError> {
        view(self.ctx, "sliced", sliced.clone())?;
        let sql = template::fill(template::SLICE_VALUES, &[]);
        let most = ScalarValue::from(MAX_SLICES as i64 + 1);
        let values = self.ctx.sql(&sql).await?.with_param_values(vec![("most", most)])?.collect().await?;
        let mut names = Vec::new();
        for batch in &values {
            names.extend(texts(batch, "__slice_value")?.into_iter().flatten());
        }
        if names.len() <= MAX_SLICES {
            return Ok(sliced);
        }
        names.truncate(MAX_SLICES);
        let known = col("__slice_value").in_list(names.into_iter().map(lit).collect(), false);
        let limited = when(known, col("__slice_value")).otherwise(lit(OTHER))?;
        sliced.with_column("__slice_value", limited)
    }

    async fn states(
        &self,
        frame: DataFrame,
        slice: Option<&str>,
        what: &str,
    ) -> Result<(Vec<BaseGroup>, u64), DataFusionError> {
        view(self.ctx, "sliced", frame)?;
        let sql = template::fill(template::PROFILE, &[("states", self.calls())]);
        let plan = self.ctx.sql(&sql).await?.create_physical_plan().await?;
        let what = slice.map_or_else(|| what.to_owned(), |slice| format!("{what} by {slice}"));
        self.watch.begin(&what, &plan, self.table_bytes);
        let batches = collect(Arc::clone(&plan), self.ctx.task_ctx()).await;
        self.watch.end();
        let mut groups = Vec::new();
        for batch in batches? {
            self.decode(&batch, slice, &mut groups)?;
        }
        Ok((groups, bytes_read(&plan)))
    }

    /// The aggregate calls of `profile.sql`.
    fn calls(&self) -> Name {
        let state = |(index, column): (usize, &ColumnInfo)| {
            let function = match column.kind {
                Kind::Numeric => "profile_numeric",
                Kind::Time => "profile_time",
                Kind::Text => "profile_text",
                Kind::Opaque => "profile_opaque",
            };
            Name::call(function, &[Name::column(&column.name)], &format!("__state_{index}"))
        };
        let mut calls: Vec<Name> = self.columns.iter().enumerate().map(state).collect();
        calls.extend(self.quality_call());
        Name::list(&calls)
    }

    fn quality_call(&self) -> Option<Name> {
        let prediction = self.monitor.inference.prediction.as_ref()?;
        let label = prediction.label.as_ref()?;
        let (said, is) = (Name::column(&prediction.column), Name::column(&label.column));
        Some(match prediction.problem_type {
            ProblemType::Regression => Name::call("regression_quality", &[said, is], "__quality"),
            ProblemType::Classification => {
                let proba = prediction.proba_col.as_ref().map_or_else(Name::null, |name| Name::column(name));
                let positive =
                    prediction.positive_class.as_ref().map_or_else(Name::null, |class| Name::text(class));
                Name::call("classification_quality", &[said, is, proba, positive], "__quality")
            }
        })
    }

    fn decode(
        &self,
        batch: &RecordBatch,
        slice: Option<&str>,
        groups: &mut Vec<BaseGroup>,
    ) -> Result<(), DataFusionError> {
        let micros = cast(
            column(batch, "__window_start")?,
            &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None),
        )?;
        let starts = micros.as_primitive::<TimestampMicrosecondType>();
        let versions = texts(batch, "__model_version")?;
        let values = texts(batch, "__slice_value")?;
        let counts = column(batch, "__row_count")?;
        let counts = counts.as_primitive::<Int64Type>();
        let states: Vec<&ArrayRef> = (0..self.columns.len())
            .map(|index| column(batch, &format!("__state_{index}")))
            .collect::<Result<_, _>>()?;
        let quality = batch.column_by_name("__quality");
        for row in 0..batch.num_rows() {
            let start =
                starts.is_valid(row).then(|| Timestamp::from_microsecond(starts.value(row)).ok()).flatten();
            let base = self.monitor.base_granularity();
            let window = start.and_then(|start| self.monitor.calendar.window_of(base, start).ok());
            let columns = states
                .iter()
                .map(|states| ColumnState::from_bytes(states.as_binary::<i64>().value(row)))
                .collect::<Result<_, _>>()?;
            let quality = quality
                .map(|states| QualityState::from_bytes(states.as_binary::<i64>().value(row)))
                .transpose()?;
            groups.push(BaseGroup {
                window,
                segment: Segment {
                    model_version: versions[row].clone().unwrap_or_default(),
                    slice: slice
                        .zip(values[row].clone())
                        .map(|(key, value)| Slice { key: key.to_owned(), value }),
                },
                group: Group {
                    row_count: u64::try_from(counts.value(row)).unwrap_or_default(),
                    columns,
                    quality,
                },
            });
        }
        Ok(())
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, DataFusionError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| DataFusionError::Internal(format!("column {name} is not in the result")))
}

fn texts(batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>, DataFusionError> {
    let array = cast(column(batch, name)?, &DataType::Utf8)?;
    Ok(array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
}

/// Bytes of Parquet that the scans of `plan` have read.
pub fn bytes_read(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = plan
        .metrics()
        .and_then(|metrics| metrics.sum_by_name("bytes_scanned"))
        .map_or(0, |value| value.as_usize());
    own as u64 + plan.children().into_iter().map(bytes_read).sum::<u64>()
}
