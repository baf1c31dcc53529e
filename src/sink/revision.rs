//! Revisions: how often the measured values of a row have changed.
//!
//! A row that is computed again with the same values keeps its revision; one whose values changed gets the
//! next. So a reader sees which numbers of the past were restated.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use datafusion::execution::context::SessionContext;
use deltalake::DeltaTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{SinkError, custom, encode};
use crate::contract::Table;

/// Which rows were restated.
#[derive(Debug)]
pub struct Revised {
    /// The rows, with their revisions.
    pub batch: RecordBatch,
    /// How many have other values than before.
    pub restated: u64,
}

/// `batch` with the revisions that follow from the rows that `table` has. Of custom metrics, those that it has a column
/// for are `custom`; that another was added restates nothing.
///
/// # Errors
/// If the table cannot be read.
pub async fn revise(
    batch: RecordBatch,
    table: &DeltaTable,
    contract: &Table,
    custom: &[&str],
) -> Result<Revised, SinkError> {
    let known = known(table, contract, custom).await?;
    let prints = fingerprints(&batch, contract, custom)?;
    let mut restated = 0;
    let revisions: Int32Array = prints
        .into_iter()
        .map(|(key, value)| match known.get(&key) {
            None => Some(1),
            Some((revision, same)) if *same == value => Some(*revision),
            Some((revision, _)) => {
                restated += 1;
                Some(revision + 1)
            }
        })
        .collect();
    let batch = encode::with_column(&batch, "revision", Arc::new(revisions))?;
    Ok(Revised { batch, restated })
}

/// Revision and fingerprint of each row of `table`, by key.
async fn known(
    table: &DeltaTable,
    contract: &Table,
    custom: &[&str],
) -> Result<HashMap<u64, (i32, u64)>, SinkError> {
    let url = table.table_url().clone();
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read { table: url.clone(), source };
    let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
    let provider = table.table_provider().await.map_err(|error| failed(error.into()))?;
    let batches = async {
        ctx.register_table("known", provider)?;
        ctx.table("known").await?.collect().await
    };
    let batches = batches.await.map_err(|error| failed(error.into()))?;
    let mut known = HashMap::new();
    for batch in batches {
        let revisions =
            batch.column_by_name("revision").map(|column| cast(column, &DataType::Int32)).transpose()?;
        let Some(revisions) = revisions else { continue };
        let revisions = revisions.as_primitive::<Int32Type>();
        for (row, (key, value)) in fingerprints(&batch, contract, custom)?.into_iter().enumerate() {
            let revision = if revisions.is_valid(row) { revisions.value(row) } else { 1 };
            known.insert(key, (revision, value));
        }
    }
    Ok(known)
}

fn fingerprints(
    batch: &RecordBatch,
    contract: &Table,
    custom: &[&str],
) -> Result<Vec<(u64, u64)>, SinkError> {
    let print = |lines: Vec<String>| lines.into_iter().map(|line| xxh3_64(line.as_bytes()));
    let keys = print(encode::lines(batch, &key_columns(contract))?);
    let values = [&value_columns(contract), custom].concat();
    let values = print(encode::lines(&custom::rounded(batch, custom)?, &values)?);
    Ok(keys.zip(values).collect())
}

fn key_columns(contract: &Table) -> Vec<&'static str> {
    let pins = ["logging_table_commit_version", "monitor_version", "data_type"];
    contract.key_columns().map(|column| column.name).filter(|name| !pins.contains(name)).collect()
}

fn value_columns(contract: &Table) -> Vec<&'static str> {
    contract.measure_columns().map(|column| column.name).collect()
}
