//! Rows to record batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use serde::Serialize;

/// `rows` as one batch of `schema`, by field names. A row may lack a column, but may have none that the
/// schema lacks.
///
/// # Errors
/// If a value does not fit its column.
pub fn encode<R: Serialize>(schema: &SchemaRef, rows: &[R]) -> Result<RecordBatch, ArrowError> {
    if rows.is_empty() {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)));
    }
    let reader = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows.len()).with_strict_mode(true);
    let mut decoder = reader.build_decoder()?;
    decoder.serialize(rows)?;
    decoder.flush()?.ok_or_else(|| ArrowError::JsonError("rows gave no batch".to_owned()))
}

/// Each row of the columns called `names`, as a text that is equal for equal values.
///
/// # Errors
/// If a column is not there, or has no text form.
pub fn lines(batch: &RecordBatch, names: &[&str]) -> Result<Vec<String>, ArrowError> {
    let columns: Vec<usize> =
        names.iter().map(|name| batch.schema().index_of(name)).collect::<Result<_, _>>()?;
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch.project(&columns)?)?;
    writer.finish()?;
    let text =
        String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// `batch` with the columns called `names` as the fields of `rows`, one for each of its rows, are called.
///
/// # Errors
/// If one is not there, or a value does not fit.
pub fn with_fields<R: Serialize>(
    batch: &RecordBatch,
    names: &[&str],
    rows: &[R],
) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let places: Vec<usize> = names.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
    let fields = encode(&Arc::new(schema.project(&places)?), rows)?;
    names
        .iter()
        .zip(fields.columns())
        .try_fold(batch.clone(), |batch, (name, column)| with_column(&batch, name, Arc::clone(column)))
}

/// `batch` with the column called `name` replaced.
///
/// # Errors
/// If the new column has another type or length.
pub fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> Result<RecordBatch, ArrowError> {
    let schema: Arc<Schema> = batch.schema();
    let index = schema.index_of(name)?;
    let mut columns = batch.columns().to_vec();
    columns[index] = column;
    RecordBatch::try_new(schema, columns)
}
