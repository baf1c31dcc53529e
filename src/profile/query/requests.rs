//! Requests, by their ids: where labels arrive in a table of their own, a run looks for those of the rows that it reads only.
//!
//! Ids that rise with time, as UUIDs of version 7 do, let files be skipped; among ids at random all are looked at, but once.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{ident, lit};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use futures::TryStreamExt;

use super::decode::column;
use super::rows::view;
use super::watch::bytes_read;
use crate::config::Monitor;
use crate::profile::template::{self, Name};
use crate::source::{ALL_LABELS, INFERENCE, LABELS, Snapshot};

/// Name in SQL of rows or labels among which those of some requests are.
const CANDIDATES: &str = "candidates";

/// Bytes of labels that are kept in memory; more are looked for each time that rows are read.
const LABELS_BYTES_MAX: usize = 64 << 20;

/// Lets SQL see as the label table only labels of the rows that it sees as the inference table. Gives the bytes that were read.
///
/// # Errors
/// If a table cannot be read.
pub(super) async fn show_labels(monitor: &Monitor, snapshot: &Snapshot) -> Result<u64, DataFusionError> {
    let Some((label, arrives_in)) = monitor.arriving_label() else {
        return Ok(0);
    };
    let ctx = &snapshot.ctx;
    let mut bytes = show_candidates(ctx, ALL_LABELS, INFERENCE, &arrives_in.request_id_col).await?;
    let mut columns = vec![&arrives_in.request_id_col, &label.column];
    columns.extend(&arrives_in.timestamp_col);
    columns.sort();
    columns.dedup();
    let columns: Vec<Name> = columns.into_iter().map(|column| Name::column(column)).collect();
    let names = [("request_id", Name::column(&arrives_in.request_id_col)), ("columns", Name::list(&columns))];
    let own = ctx.sql(&template::fill(template::OWN_LABELS, &names)).await?;
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

/// Lets SQL see as `candidates` the rows of `table` whose ids lie between those of `rows`, or all where nothing is gained by
/// that. Gives the bytes that were read to know.
///
/// # Errors
/// If `rows` cannot be read.
pub(super) async fn show_candidates(
    ctx: &SessionContext,
    table: &str,
    rows: &str,
    request_id_col: &str,
) -> Result<u64, DataFusionError> {
    let all = ctx.table(table).await?;
    let id = |frame: &DataFrame| -> Result<DataType, DataFusionError> {
        Ok(frame.schema().field_with_unqualified_name(request_id_col)?.data_type().clone())
    };
    let types = [id(&all)?, id(&ctx.table(rows).await?)?];
    // Writers get extremes of decimals wrong that are beyond 64 bits, and a file would be skipped that should not be.
    if !(types.iter().all(DataType::is_integer) || types.iter().all(DataType::is_string)) {
        view(ctx, CANDIDATES, all)?;
        return Ok(0);
    }
    let ([least, greatest], bytes) = bounds(ctx, rows, request_id_col).await?;
    view(ctx, CANDIDATES, all.filter(ident(request_id_col).between(lit(least), lit(greatest)))?)?;
    Ok(bytes)
}

/// The least and the greatest id of `rows`, and the bytes that were read to know.
async fn bounds(
    ctx: &SessionContext,
    rows: &str,
    request_id_col: &str,
) -> Result<([ScalarValue; 2], u64), DataFusionError> {
    let names = [("rows", Name::column(rows)), ("request_id", Name::column(request_id_col))];
    let frame = ctx.sql(&template::fill(template::REQUEST_IDS, &names)).await?;
    let plan = frame.create_physical_plan().await?;
    let found: Vec<RecordBatch> = execute_stream(Arc::clone(&plan), ctx.task_ctx())?.try_collect().await?;
    let found = arrow::compute::concat_batches(&plan.schema(), &found)?;
    let bound = |name| ScalarValue::try_from_array(column(&found, name)?, 0);
    Ok(([bound("least")?, bound("greatest")?], bytes_read(&plan)))
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
            bounds.map(|bound| bound.to_string())
        };
        let some = of("SELECT * FROM (VALUES ('b'), ('a'), (NULL), ('c')) AS t(id)").await;
        assert_eq!(some, ["a", "c"]);
        assert_eq!(of("SELECT 1 AS id WHERE false").await, ["NULL", "NULL"]);
    }

    #[tokio::test]
    async fn only_ids_whose_extremes_are_known_well_are_bounds() {
        let ctx = SessionContext::new();
        let candidates = async |all: &str, rows: &str| {
            for (name, sql) in [("all", all), ("rows", rows)] {
                view(&ctx, name, ctx.sql(sql).await.unwrap()).unwrap();
            }
            show_candidates(&ctx, "all", "rows", "id").await.unwrap();
            ctx.table(CANDIDATES).await.unwrap().count().await.unwrap()
        };
        let ids = "SELECT * FROM (VALUES (1), (2), (3), (NULL)) AS t(id)";
        assert_eq!(candidates(ids, "SELECT 2 AS id").await, 1);
        assert_eq!(
            candidates(
                "SELECT CAST(id AS VARCHAR) AS id FROM (VALUES (1), (2)) AS t(id)",
                "SELECT '2' AS id"
            )
            .await,
            1
        );
        assert_eq!(candidates(ids, "SELECT 2 AS id WHERE false").await, 0);
        assert_eq!(candidates(ids, "SELECT '2' AS id").await, 4);
        let decimals = format!("SELECT CAST(id AS DECIMAL(20, 0)) AS id FROM ({ids})");
        assert_eq!(candidates(&decimals, "SELECT CAST(2 AS DECIMAL(20, 0)) AS id").await, 4);
    }
}
