//! Revisions: how often the measured values of a row have changed.
//!
//! A row that is computed again with the same values keeps its revision; one whose values changed gets the
//! next. So a reader sees which numbers of the past were restated.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::execution::context::SessionContext;
use deltalake::DeltaTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{SinkError, custom, encode};
use crate::contract::Table;

/// The column.
const REVISION: &str = "revision";

/// Which rows were restated.
#[derive(Debug)]
pub struct Revised {
    /// The rows, with their revisions.
    pub batch: RecordBatch,
    /// How many have other values than before.
    pub restated: u64,
}

/// What was measured in the rows of a table: columns that it has already, so that one more restates nothing.
#[derive(Debug)]
pub struct MeasuredColumns<'a> {
    own: Vec<&'static str>,
    custom: Vec<&'a str>,
}

/// The columns of `contract`, and of `custom` metrics, that a table with the columns of `found` has.
pub fn measured<'a>(contract: &Table, custom: &'a [Field], found: &Schema) -> MeasuredColumns<'a> {
    let is_there = |name: &&str| found.field_with_name(name).is_ok();
    MeasuredColumns {
        own: contract.measure_columns().map(|column| column.name).filter(is_there).collect(),
        custom: custom.iter().map(|field| field.name().as_str()).filter(is_there).collect(),
    }
}

/// `batch` with the revisions that follow from the rows that `table` has, if its rows have revisions.
///
/// # Errors
/// If the table cannot be read.
pub async fn revise(
    batch: RecordBatch,
    table: &DeltaTable,
    contract: &Table,
    measured: &MeasuredColumns<'_>,
) -> Result<Revised, SinkError> {
    if contract.column(REVISION).is_none() {
        return Ok(Revised { batch, restated: 0 });
    }
    let known = known(table, contract, measured).await?;
    let prints = fingerprints(&batch, contract, measured)?;
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
    let batch = encode::with_column(&batch, REVISION, Arc::new(revisions))?;
    Ok(Revised { batch, restated })
}

/// Revision and fingerprint of each row of `table`, by key.
async fn known(
    table: &DeltaTable,
    contract: &Table,
    measured: &MeasuredColumns<'_>,
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
            batch.column_by_name(REVISION).map(|column| cast(column, &DataType::Int32)).transpose()?;
        let Some(revisions) = revisions else { continue };
        let revisions = revisions.as_primitive::<Int32Type>();
        for (row, (key, value)) in fingerprints(&batch, contract, measured)?.into_iter().enumerate() {
            let revision = if revisions.is_valid(row) { revisions.value(row) } else { 1 };
            known.insert(key, (revision, value));
        }
    }
    Ok(known)
}

fn fingerprints(
    batch: &RecordBatch,
    contract: &Table,
    measured: &MeasuredColumns<'_>,
) -> Result<Vec<(u64, u64)>, SinkError> {
    let MeasuredColumns { own, custom } = measured;
    let print = |lines: Vec<String>| lines.into_iter().map(|line| xxh3_64(line.as_bytes()));
    let keys = print(encode::lines(batch, &key_columns(contract))?);
    let values = [own.as_slice(), custom.as_slice()].concat();
    let values = print(encode::lines(&custom::rounded(batch, custom)?, &values)?);
    Ok(keys.zip(values).collect())
}

fn key_columns(contract: &Table) -> Vec<&'static str> {
    let pins = ["logging_table_commit_version", "monitor_version", "data_type"];
    contract.key_columns().map(|column| column.name).filter(|name| !pins.contains(name)).collect()
}
