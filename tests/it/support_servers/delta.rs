//! A Delta table in the S3 server.
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use deltalake::protocol::{SaveMode, checkpoints};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use tokio::task::JoinSet;

use crate::support::s3::S3Server;

const URL: &str = "s3://lake/monitoring/drift_metrics";
const WRITERS: i64 = 8;

fn rows(writer: i64) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("writer", DataType::Int64, false)]);
    let column = Int64Array::from(vec![writer; 3]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).expect("one column, three rows")
}

fn builder(options: HashMap<String, String>) -> DeltaTableBuilder {
    let url = ensure_table_uri(URL).expect("a URL");
    DeltaTableBuilder::from_url(url).expect("a table URL").with_storage_options(options)
}

async fn append(table: DeltaTable, writer: i64) -> DeltaTable {
    table.write([rows(writer)]).with_save_mode(SaveMode::Append).await.expect("a commit")
}

async fn read(options: HashMap<String, String>) -> (u64, Vec<i64>) {
    let table = builder(options).load().await.expect("a table");
    let version = table.version().expect("a loaded table has a version");
    let provider = table.table_provider().await.expect("a provider");
    let batches = SessionContext::new().read_table(provider).expect("a plan").collect().await.expect("rows");
    let mut writers = Vec::new();
    for batch in batches {
        let column = batch.column(0).as_any().downcast_ref::<Int64Array>();
        writers.extend(column.expect("a column of integers").values().iter());
    }
    writers.sort_unstable();
    (version, writers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_appends_are_all_kept() {
    let server = S3Server::start().await;
    let table = builder(server.options()).build().expect("a store");
    let table = append(table, 0).await;
    assert_eq!(table.version(), Some(0));

    let mut writers = JoinSet::new();
    for writer in 1..=WRITERS {
        // Everyone starts from version 0, so that all but one have to try again.
        writers.spawn(append(table.clone(), writer));
    }
    let mut versions: Vec<_> = writers.join_all().await.iter().map(DeltaTable::version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).map(Some).collect::<Vec<_>>());

    let expected: Vec<_> = (0..=WRITERS).flat_map(|writer| [writer; 3]).collect();
    assert_eq!(read(server.options()).await, (8, expected.clone()));
    let commits = server.list("lake/monitoring/drift_metrics/_delta_log/");
    assert_eq!(commits.len(), 9, "{commits:?}");

    let latest = builder(server.options()).load().await.expect("a table");
    checkpoints::create_checkpoint(&latest, None).await.expect("a checkpoint");
    let log = "lake/monitoring/drift_metrics/_delta_log";
    assert!(server.get(&format!("{log}/_last_checkpoint")).is_some());
    assert!(server.get(&format!("{log}/{:020}.checkpoint.parquet", 8)).is_some());
    assert_eq!(read(server.options()).await, (8, expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_reads_as_denied_and_not_as_missing() {
    let server = S3Server::start().await;
    append(builder(server.options()).build().expect("a store"), 0).await;
    let mut options = server.options();
    options.insert("aws_secret_access_key".to_owned(), "guess".to_owned());
    let denied = builder(options).load().await.expect_err("no access");
    assert!(!matches!(denied, DeltaTableError::NotATable(_)), "{denied:?}");
    let message = format!("{denied:?}");
    assert!(message.contains("SignatureDoesNotMatch"), "{message}");
}
