//! Requests, by their ids: where labels arrive in a table of their own, a run looks for those of the rows that it reads only.
//!
//! Ids that rise with time, as UUIDs of version 7 do, let files be skipped; among ids at random all are looked at, but once.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SessionContext;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use futures::TryStreamExt;

use super::decode::column;
use super::rows::view;
use super::watch::bytes_read;
use crate::config::Monitor;
use crate::profile::template::{self, Name};
use crate::source::{INFERENCE, LABELS, Snapshot};

/// Bytes of labels that are kept in memory; more are looked for each time that rows are read.
const LABELS_BYTES_MAX: usize = 64 << 20;

/// Lets SQL see as the label table only labels of the rows that it sees as the inference table. Gives the bytes that were read.
///
/// # Errors
/// If a table cannot be read.
pub(super) async fn show_labels(monitor: &Monitor, snapshot: &Snapshot) -> Result<u64, DataFusionError> {
    let prediction = monitor.inference.prediction.as_ref();
    let label = prediction.and_then(|prediction| prediction.label.as_ref());
    let Some((label, arrives_in)) = label.and_then(|label| Some((label, label.arrives_in.as_ref()?))) else {
        return Ok(0);
    };
    let ctx = &snapshot.ctx;
    let (bounds, mut bytes) = bounds(ctx, INFERENCE, &arrives_in.request_id_col).await?;
    let mut columns = vec![&arrives_in.request_id_col, &label.column];
    columns.extend(&arrives_in.timestamp_col);
    columns.sort();
    columns.dedup();
    let columns: Vec<Name> = columns.into_iter().map(|column| Name::column(column)).collect();
    let names = [("request_id", Name::column(&arrives_in.request_id_col)), ("columns", Name::list(&columns))];
    let own = ctx.sql(&template::fill(template::OWN_LABELS, &names)).await?.with_param_values(bounds)?;
    let plan = own.clone().create_physical_plan().await?;
    match at_most(LABELS_BYTES_MAX, execute_stream(Arc::clone(&plan), ctx.task_ctx())?).await? {
        Some(labels) => {
            bytes += bytes_read(&plan);
            ctx.deregister_table(LABELS)?;
            ctx.register_table(LABELS, Arc::new(MemTable::try_new(plan.schema(), vec![labels])?))?;
        }
        None => view(ctx, LABELS, own)?,
    }
    Ok(bytes)
}

/// All `rows`, if they take no more than so many bytes.
async fn at_most(
    most: usize,
    mut rows: SendableRecordBatchStream,
) -> Result<Option<Vec<RecordBatch>>, DataFusionError> {
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = rows.try_next().await? {
        bytes += batch.get_array_memory_size();
        if bytes > most {
            return Ok(None);
        }
        all.push(batch);
    }
    Ok(Some(all))
}

/// Between which ids the requests of `rows` lie, as parameters `least` and `greatest`, and the bytes that were read to know.
pub(super) async fn bounds(
    ctx: &SessionContext,
    rows: &str,
    request_id_col: &str,
) -> Result<(Vec<(&'static str, ScalarValue)>, u64), DataFusionError> {
    let names = [("rows", Name::column(rows)), ("request_id", Name::column(request_id_col))];
    let frame = ctx.sql(&template::fill(template::REQUEST_IDS, &names)).await?;
    let plan = frame.create_physical_plan().await?;
    let found: Vec<RecordBatch> = execute_stream(Arc::clone(&plan), ctx.task_ctx())?.try_collect().await?;
    let found = arrow::compute::concat_batches(&plan.schema(), &found)?;
    let bound = |name| ScalarValue::try_from_array(column(&found, name)?, 0);
    Ok((vec![("least", bound("least")?), ("greatest", bound("greatest")?)], bytes_read(&plan)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn rows_are_kept_if_they_fit() {
        let ctx = SessionContext::new();
        let rows = async |most| {
            let frame = ctx.sql("SELECT * FROM (VALUES ('a'), ('b'), (NULL)) AS t(id)").await.unwrap();
            let found = at_most(most, frame.execute_stream().await.unwrap()).await.unwrap();
            found.map(|batches| batches.iter().map(RecordBatch::num_rows).sum::<usize>())
        };
        assert_eq!(rows(LABELS_BYTES_MAX).await, Some(3));
        assert_eq!(rows(1).await, None);
    }

    #[tokio::test]
    async fn requests_lie_between_their_least_and_their_greatest_id() {
        let ctx = SessionContext::new();
        let of = async |rows: &str| {
            ctx.deregister_table("rows").unwrap();
            ctx.register_table("rows", ctx.sql(rows).await.unwrap().into_view()).unwrap();
            let (bounds, _) = bounds(&ctx, "rows", "id").await.unwrap();
            bounds.into_iter().map(|(name, bound)| format!("{name} {bound}")).collect::<Vec<_>>()
        };
        let some = of("SELECT * FROM (VALUES ('b'), ('a'), (NULL), ('c')) AS t(id)").await;
        assert_eq!(some, ["least a", "greatest c"]);
        assert_eq!(of("SELECT 1 AS id WHERE false").await, ["least NULL", "greatest NULL"]);
    }
}
