//! What a run takes out of a table: the rows of its scope, with the files that they are in.
//!
//! Of these files the other rows stay: they are written again, as they were, beside the new ones. Files without a row of
//! the scope are left alone, so that a run costs what it writes, not what there is.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::{cast, filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::execution::context::SessionContext;
use deltalake::DeltaTable;
use deltalake::kernel::{LogicalFileView, Remove};
use futures::TryStreamExt;

use super::SinkError;
use super::extent::Extent;
use super::schema::without_comments;
use crate::scope::{Scope, Starts, Windows};
use crate::window::{Granularity, Window};

/// The flat start of a row's window.
const WINDOW_START: &str = "window_start";

/// What goes, and what of it comes back.
#[derive(Debug, Default)]
pub struct Replaced {
    /// The files that go.
    pub files: Vec<Remove>,
    /// Their rows that stay, with all columns that the table has or will have.
    pub staying: Vec<RecordBatch>,
}

impl Replaced {
    /// What of `table` goes if the rows of `scope` do. Shows each batch of rows that go to `note`, if that `is_asked`. Rows that
    /// stay have the columns of `schema`, too.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn of(
        table: &DeltaTable,
        scope: &Scope,
        schema: &Schema,
        is_asked: bool,
        mut note: impl FnMut(&RecordBatch) -> Result<(), SinkError>,
    ) -> Result<Self, SinkError> {
        type Source = Box<dyn std::error::Error + Send + Sync>;
        let failed = |source: Source| SinkError::Read { table: table.table_url().clone(), source };
        let state = table.snapshot().map_err(|error| failed(error.into()))?;
        let sought = scope.windows().map(Sought::of);
        let files = state.log_data().into_iter();
        let files = files.filter(|file| sought.as_ref().is_none_or(|sought| sought.may_be_in(file)));
        let files: Vec<LogicalFileView> = files.collect();
        let mut replaced =
            Self { files: files.iter().map(|file| file.remove_action(true)).collect(), staying: Vec::new() };
        if files.is_empty() || (scope.windows().is_none() && !is_asked) {
            return Ok(replaced);
        }
        let starts = scope.starts();
        let all = all_columns(&state.snapshot().arrow_schema(), schema);
        let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
        let batches = async {
            let provider = table.table_provider().with_file_paths(files.iter().map(|file| file.path()));
            ctx.register_table("known", provider.await?)?;
            Ok::<_, Source>(ctx.table("known").await?.execute_stream().await?)
        };
        let mut batches = batches.await.map_err(failed)?;
        while let Some(batch) = batches.try_next().await.map_err(|error| failed(error.into()))? {
            let goes = in_scope(&batch, &starts)?;
            note(&filter_record_batch(&batch, &goes)?)?;
            let stays = filter_record_batch(&batch, &not(&goes)?)?;
            if stays.num_rows() > 0 {
                replaced.staying.push(fit(&stays, &all)?);
            }
        }
        Ok(replaced)
    }
}

/// Windows by their length and their start, in microseconds, and whether rows that lie in none are meant, too.
struct Sought {
    starts: Vec<(String, i64)>,
    baseline: bool,
}

impl Sought {
    fn of(windows: &Windows) -> Self {
        let start = |(granularity, window): (Granularity, Window)| {
            (granularity.to_string(), window.start.as_microsecond())
        };
        Self { starts: windows.iter().map(start).collect(), baseline: windows.baseline }
    }

    /// Whether `file` may have rows of these, as far as the log says.
    fn may_be_in(&self, file: &LogicalFileView) -> bool {
        if file.partition_values_map().values().all(Option::is_none) {
            return self.baseline;
        }
        let extent = Extent::of(file);
        self.starts.iter().any(|(granularity, start)| extent.may_have(granularity, *start))
    }
}

/// Which rows of `batch` are `wanted`.
fn in_scope(batch: &RecordBatch, wanted: &Starts) -> Result<BooleanArray, ArrowError> {
    let column = |name: &str| {
        let missing = || ArrowError::SchemaError(format!("column {name} is not there"));
        batch.column_by_name(name).ok_or_else(missing)
    };
    let granularities = cast(column("granularity")?, &DataType::Utf8)?;
    let granularities = granularities.as_string::<i32>();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let starts = cast(column(WINDOW_START)?, &micros)?;
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    let has = |row: usize| {
        let granularity = granularities.is_valid(row).then(|| granularities.value(row));
        wanted.has(granularity, starts.is_valid(row).then(|| starts.value(row)))
    };
    Ok((0..batch.num_rows()).map(|row| Some(has(row))).collect())
}

/// The columns of a table, `found`, and those of `schema` that it lacks, by the types of `schema`.
pub(super) fn all_columns(found: &Schema, schema: &Schema) -> SchemaRef {
    let known = found.fields().iter().map(|field| match schema.field_with_name(field.name()) {
        Ok(own) => own.clone(),
        Err(_) => field.as_ref().clone(),
    });
    let new = schema.fields().iter().filter(|field| found.field_with_name(field.name()).is_err());
    let fields: Vec<Field> = known.chain(new.map(|field| field.as_ref().clone())).collect();
    without_comments(&Schema::new(fields))
}

/// `batch` with the columns of `all`: those that it lacks are NULL.
pub(super) fn fit(batch: &RecordBatch, all: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = all.fields().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(all), columns)
}
