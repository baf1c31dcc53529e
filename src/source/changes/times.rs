//! The times of a file's rows, by the file itself: for when the log does not tell them.
//!
//! Reads one column of one file; it must not read another.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, max, min};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use bytes::Bytes;
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ArrowReaderOptions;
use deltalake::parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use deltalake::parquet::errors::{ParquetError, Result};
use deltalake::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use deltalake::{DeltaTableError, ObjectStore, ObjectStoreError, Path};
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt, TryStreamExt};
use object_store::ObjectStoreExt;

use super::span::{Span, TimeColumn, Times};
use crate::cause::{Trouble, trouble};

/// When the rows of the file at `path` are; `None` if it is there no more, or cannot tell.
///
/// # Errors
/// If the store does not answer, or refuses.
pub(super) async fn of_file(
    store: Arc<dyn ObjectStore>,
    path: &str,
    column: &TimeColumn,
) -> std::result::Result<Option<Times>, DeltaTableError> {
    if column.is_partition {
        return Ok(None);
    }
    let path = Path::parse(path).unwrap_or_else(|_| Path::from(path));
    let size = match store.head(&path).await {
        Err(ObjectStoreError::NotFound { .. }) => return Ok(None),
        found => found?.size,
    };
    match decode(Remote { store, path, size }, &column.physical).await {
        Ok(times) => Ok(Some(times)),
        // What is wrong with a file that nobody needs any more is no error.
        Err(error) if trouble(&error) == Trouble::Other => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn decode(file: Remote, column: &str) -> Result<Times> {
    let builder = ParquetRecordBatchStreamBuilder::new(file).await?;
    let rows = builder.metadata().file_metadata().num_rows();
    let Some((index, _)) = builder.schema().column_with_name(column) else {
        // A column that came later is NULL in files from before.
        return Ok(Times { span: None, without_time: rows > 0 });
    };
    let mask = ProjectionMask::roots(builder.parquet_schema(), [index]);
    let batches = builder.with_projection(mask).build()?;
    let fold = |times: Times, batch: RecordBatch| async move {
        let micros = cast(batch.column(0), &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        let span = min(micros).zip(max(micros)).map(|(first, last)| Span { first, last });
        let without_time = times.without_time || micros.null_count() > 0;
        Ok(Times { span: times.span.into_iter().chain(span).reduce(Span::around), without_time })
    };
    batches.try_fold(Times::default(), fold).await
}

/// A file in a store, of which parts are read.
struct Remote {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// In bytes.
    size: u64,
}

impl AsyncFileReader for Remote {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        let bytes = async move { self.store.get_range(&self.path, range).await };
        bytes.map_err(|error| ParquetError::External(Box::new(error))).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let size = self.size;
        ParquetMetaDataReader::new().load_and_finish(self, size).map_ok(Arc::new).boxed()
    }
}
