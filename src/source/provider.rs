//! What SQL sees of a table: some of its files, or all.
//!
//! Where rows of one file are marked as deleted, the engine reads all files of a scan one after the other, and without
//! skipping any part of them. So files with marks are scanned apart from those without, and beside each other.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use deltalake::DeltaTable;

/// The rows of those `files` of `table`, by their paths in the log, or of all files.
///
/// # Errors
/// If the table cannot be read.
pub(super) async fn provider(
    ctx: &SessionContext,
    table: &DeltaTable,
    files: Option<&[String]>,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let wanted: Option<HashSet<&str>> = files.map(|files| files.iter().map(String::as_str).collect());
    let all = table.snapshot()?.log_data().into_iter();
    let is_marked = |(_, is_marked): &(String, bool)| *is_marked;
    let (marked, plain): (Vec<_>, Vec<_>) = all
        .map(|file| (file.path().into_owned(), file.deletion_vector_descriptor().is_some()))
        .filter(|(path, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(path.as_str())))
        .partition(is_marked);
    let paths = |files: &[(String, bool)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    if marked.is_empty() || (plain.is_empty() && marked.len() == 1) {
        return Ok(match files {
            None => table.table_provider().await?,
            Some(files) => table.table_provider().with_file_paths(files).await?,
        });
    }
    let streams = ctx.copied_config().target_partitions().max(1);
    let scans = marked.chunks(marked.len().div_ceil(streams)).map(paths);
    let scans = scans.chain((!plain.is_empty()).then(|| paths(&plain)));
    let mut rows: Option<DataFrame> = None;
    for scan in scans {
        let scan = ctx.read_table(table.table_provider().with_file_paths(scan).await?)?;
        rows = Some(match rows {
            Some(rows) => rows.union(scan)?,
            None => scan,
        });
    }
    match rows {
        Some(rows) => Ok(rows.into_view()),
        None => Ok(table.table_provider().await?),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::compute::concat_batches;
    use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, collect};
    use deltalake::DeltaTableBuilder;
    use deltalake::protocol::SaveMode;
    use serde_json::{Value, json};

    use super::*;

    /// The second and the third of four rows.
    const VECTOR: &str = "^Bg9^0rr910000000000iXQKl0rr91000315c8Xg0rrf3";

    async fn open(folder: &Path) -> DeltaTable {
        let url = url::Url::from_directory_path(folder).unwrap();
        let mut table = DeltaTableBuilder::from_url(url).unwrap().build().unwrap();
        let _ = table.load().await;
        table
    }

    /// A table with four rows in each of six files; of two files two rows are marked.
    async fn marked(folder: &Path) -> DeltaTable {
        for file in 0..6_i64 {
            let numbers = Int64Array::from_iter_values((0..4).map(|row| file * 4 + row));
            let batch = RecordBatch::try_from_iter([("number", Arc::new(numbers) as _)]).unwrap();
            open(folder).await.write(vec![batch]).with_save_mode(SaveMode::Append).await.unwrap();
        }
        let log = |version: u64| folder.join(format!("_delta_log/{version:020}.json"));
        let features = ["deletionVectors"];
        let protocol = json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features});
        let mut lines = vec![json!({"protocol": protocol}).to_string()];
        for version in [1, 4] {
            let commit = std::fs::read_to_string(log(version)).unwrap();
            let add = commit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let mut add = add.filter_map(|action| action.get("add").cloned()).next().unwrap();
            let remove = json!({"path": add["path"], "dataChange": true, "deletionTimestamp": 0});
            add["deletionVector"] =
                json!({"storageType": "i", "pathOrInlineDv": VECTOR, "sizeInBytes": 36, "cardinality": 2});
            lines.extend([json!({"remove": remove}).to_string(), json!({"add": add}).to_string()]);
        }
        std::fs::write(log(6), lines.join("\n")).unwrap();
        open(folder).await
    }

    fn names(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
        let own = plan.name().to_owned();
        std::iter::once(own).chain(plan.children().into_iter().flat_map(names)).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn files_with_marked_rows_do_not_stop_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let table = marked(folder.path()).await;
        let ctx = deltalake::delta_datafusion::create_session().into_inner();
        ctx.state_ref().write().config_mut().options_mut().execution.target_partitions = 4;

        let rows = ctx.read_table(provider(&ctx, &table, None).await.unwrap()).unwrap();
        let plan = rows.create_physical_plan().await.unwrap();
        assert!(plan.output_partitioning().partition_count() > 2, "{:?}", plan.output_partitioning());
        let batches = collect(Arc::clone(&plan), ctx.task_ctx()).await.unwrap();
        let batch = concat_batches(&batches[0].schema(), &batches).unwrap();
        let mut numbers: Vec<i64> =
            batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec();
        numbers.sort_unstable();
        let kept = (0..24).filter(|number| ![5, 6, 17, 18].contains(number));
        assert_eq!(numbers, kept.collect::<Vec<i64>>(), "{:?}", names(&plan));

        let some: Vec<String> =
            table.snapshot().unwrap().log_data().into_iter().map(|file| file.path().into_owned()).collect();
        let some = ctx.read_table(provider(&ctx, &table, Some(&some[..3])).await.unwrap()).unwrap();
        assert!([8, 10, 12].contains(&some.count().await.unwrap()));
    }
}
