//! Data files: rows in the folder of a table, which nobody reads before a commit names them.

use std::num::NonZero;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{Add, Metadata, MetadataExt, StructField, StructType};
use deltalake::operations::write::WriterStatsConfig;
use deltalake::operations::write::writer::{DeltaWriter, WriterConfig};
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use deltalake::parquet::schema::types::ColumnPath;
use deltalake::{DeltaTable, DeltaTableError, Path};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;

/// Files that are written at the same time. Each holds room for the dictionary of every column, which is megabytes.
const AT_ONCE: usize = 4;

/// Rows of a file from which on a dictionary of each column is worth its room, which is that of thousands of values
/// whatever their number.
pub const WORTH_A_DICTIONARY: usize = 1000;

/// The length of a row's window.
const GRANULARITY: &str = "granularity";

/// Writes the rows of `batch` into the folder of `table`: a file for each month that it is partitioned by, and each length
/// of windows, so that what is replaced often, as the week of each day is, drags nothing else along.
///
/// # Errors
/// If one cannot be written. Those that have been are in no version of the table, as if they were not there.
pub async fn write(table: &DeltaTable, batch: &RecordBatch) -> Result<Vec<Add>, DeltaTableError> {
    let files = match table.snapshot()?.metadata().partition_columns() {
        [month] => apart(batch, month)?,
        _ => vec![batch.clone()],
    };
    let is_long = batch.num_rows() >= WORTH_A_DICTIONARY * files.len();
    let config = config(table, &batch.schema(), parquet(&batch.schema(), is_long).build(), None)?;
    let store = table.log_store().object_store(None);
    let written = futures::stream::iter(files).map(|rows| {
        let mut writer = DeltaWriter::new(Arc::clone(&store), config.clone());
        async move {
            match writer.write(&rows).await {
                Ok(()) => writer.close().await,
                Err(error) => {
                    // What it says of its own end is less than why it ends.
                    writer.abort().await.unwrap_or_default();
                    Err(error)
                }
            }
        }
    });
    let files: Vec<Vec<Add>> = written.buffered(AT_ONCE).try_collect().await?;
    Ok(files.concat())
}

/// Deletes files that no commit has named, as far as that can be: what stays is in no version of `table`.
pub async fn discard(table: &DeltaTable, files: &[Add]) {
    let store = table.log_store().object_store(None);
    for file in files {
        if let Err(error) = store.delete(&Path::from(file.path.as_str())).await {
            tracing::debug!(file = file.path, %error, "a file that is not needed stays");
        }
    }
}

/// How files of rows of `schema` are written into the folder of `table`: each until it has about `size_max` bytes.
///
/// # Errors
/// If the table is not loaded.
pub fn config(
    table: &DeltaTable,
    schema: &SchemaRef,
    parquet: WriterProperties,
    size_max: Option<NonZero<u64>>,
) -> Result<WriterConfig, DeltaTableError> {
    let state = table.snapshot()?;
    let stats = WriterStatsConfig::from_config(state.snapshot().table_configuration());
    let partition_by = state.metadata().partition_columns().to_vec();
    let (indexed, columns) = (stats.num_indexed_cols, stats.stats_columns);
    Ok(WriterConfig::new(Arc::clone(schema), partition_by, Some(parquet), size_max, None, indexed, columns))
}

/// The rows of `batch` of each value of the column called `month` and each length of windows, in order.
fn apart(batch: &RecordBatch, month: &str) -> Result<Vec<RecordBatch>, DeltaTableError> {
    let months = batch.column_by_name(month).and_then(|column| column.as_primitive_opt::<Date32Type>());
    let months = months.ok_or_else(|| DeltaTableError::generic(format!("column {month} has no dates")))?;
    let lengths = batch.column_by_name(GRANULARITY).and_then(|column| column.as_string_opt::<i32>());
    let lengths = lengths.ok_or_else(|| DeltaTableError::generic("column granularity has no texts"))?;
    let key = |row: &u32| {
        let row = *row as usize;
        let month = months.is_valid(row).then(|| months.value(row));
        (month, lengths.is_valid(row).then(|| lengths.value(row)))
    };
    let mut rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
    rows.sort_by_key(key);
    let of_a_file = rows.chunk_by(|a, b| key(a) == key(b));
    of_a_file.map(|rows| Ok(take_record_batch(batch, &UInt32Array::from(rows.to_vec()))?)).collect()
}

/// `metadata` with the columns of `schema` that it lacks, after those that it has; `None` if it has all.
///
/// # Errors
/// If it has no schema, or one of the columns is of a type that Delta lacks.
pub fn widened(metadata: &Metadata, schema: &Schema) -> Result<Option<Metadata>, DeltaTableError> {
    let known = metadata.parse_schema()?;
    let missing = schema.fields().iter().filter(|field| known.field(field.name()).is_none());
    let missing: Vec<StructField> =
        missing.map(|field: &Arc<Field>| field.as_ref().try_into_kernel()).collect::<Result<_, _>>()?;
    if missing.is_empty() {
        return Ok(None);
    }
    let all = StructType::try_new(known.fields().cloned().chain(missing))?;
    Ok(Some(metadata.clone().with_schema(&all)?))
}

/// How rows of `schema` are written, to files of thousands of rows if `is_long`. What is binary is compressed well, which
/// shrinks states to a third; for the many small pages of the other columns that would take longer than it is worth.
pub fn parquet(schema: &Schema, is_long: bool) -> WriterPropertiesBuilder {
    let binary = schema.fields().iter().filter(|field| field.data_type() == &DataType::Binary);
    let compressed = |properties: WriterPropertiesBuilder, field: &Arc<Field>| {
        let path = ColumnPath::from(field.name().as_str());
        let properties = properties.set_column_dictionary_enabled(path.clone(), false);
        properties.set_column_compression(path, Compression::ZSTD(ZstdLevel::default()))
    };
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_dictionary_enabled(is_long);
    binary.into_iter().fold(properties, compressed)
}
