//! Revisions: how often the measured values of a row have changed.
//!
//! A row that is computed again with the same values keeps its revision; one whose values changed gets the
//! next. So a reader sees which numbers of the past were restated.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Builder, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use deltalake::DeltaTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{SinkError, custom, encode};
use crate::config::CustomMetric;
use crate::contract::Table;

/// The column.
const REVISION: &str = "revision";

/// Rows whose texts are made at once.
const PRINTED_AT_ONCE: usize = 4096;

/// The revision of a row that is new, as rows come.
pub(super) const FIRST: i32 = 1;

/// Which rows were restated.
#[derive(Debug)]
pub struct Revised {
    /// The rows, with their revisions.
    pub batch: RecordBatch,
    /// How many have other values than before.
    pub restated: u64,
}

/// The rows that a table has: revision and fingerprint, by key.
#[derive(Debug)]
pub struct Known {
    contract: &'static Table,
    measured: MeasuredColumns,
    rows: HashMap<u64, (i32, u64)>,
}

/// What was measured in the rows of a table: columns that it has already, so that one more restates nothing.
#[derive(Debug)]
struct MeasuredColumns {
    own: Vec<&'static str>,
    custom: Vec<String>,
}

impl Known {
    /// The rows of a table that is not there: none.
    pub fn nothing(contract: &'static Table) -> Self {
        let measured = MeasuredColumns { own: Vec::new(), custom: Vec::new() };
        Self { contract, measured, rows: HashMap::new() }
    }

    /// None yet of the rows of `table`, which follows `contract` and has columns for some of the custom `metrics`.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn nothing_of(
        table: &DeltaTable,
        contract: &'static Table,
        metrics: &[CustomMetric],
    ) -> Result<Self, SinkError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read {
            table: table.table_url().clone(),
            source,
        };
        let found = table.snapshot().map_err(|error| failed(error.into()))?.snapshot().arrow_schema();
        let is_there = |name: &str| found.field_with_name(name).is_ok();
        let own = contract.measure_columns().map(|column| column.name).filter(|name| is_there(name));
        let custom = custom::columns(contract, metrics).into_iter().map(|field| field.name().clone());
        let measured =
            MeasuredColumns { own: own.collect(), custom: custom.filter(|name| is_there(name)).collect() };
        Ok(Self { contract, measured, rows: HashMap::new() })
    }

    /// Whether rows have revisions, so that those that are there must be known.
    pub fn is_asked(&self) -> bool {
        self.contract.column(REVISION).is_some()
    }

    /// Notes rows that the table has.
    ///
    /// # Errors
    /// If a column is not there.
    pub fn note(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        let Some(revisions) = batch.column_by_name(REVISION) else { return Ok(()) };
        let revisions = cast(revisions, &DataType::Int32)?;
        let revisions = revisions.as_primitive::<Int32Type>();
        for (row, (key, value)) in self.fingerprints(batch)?.into_iter().enumerate() {
            let revision = if revisions.is_valid(row) { revisions.value(row) } else { FIRST };
            self.rows.insert(key, (revision, value));
        }
        Ok(())
    }

    /// `batch` with the revisions that follow from these rows, if rows have revisions.
    ///
    /// # Errors
    /// If a column is not there.
    pub fn revise(&self, batch: RecordBatch) -> Result<Revised, SinkError> {
        if self.rows.is_empty() {
            return Ok(Revised { batch, restated: 0 });
        }
        let mut restated = 0;
        let mut revisions = Int32Builder::with_capacity(batch.num_rows());
        for from in (0..batch.num_rows()).step_by(PRINTED_AT_ONCE) {
            let some = batch.slice(from, PRINTED_AT_ONCE.min(batch.num_rows() - from));
            for (key, value) in self.fingerprints(&some)? {
                revisions.append_value(match self.rows.get(&key) {
                    None => FIRST,
                    Some((revision, same)) if *same == value => *revision,
                    Some((revision, _)) => {
                        restated += 1;
                        revision + 1
                    }
                });
            }
        }
        let batch = encode::with_column(&batch, REVISION, Arc::new(revisions.finish()))?;
        Ok(Revised { batch, restated })
    }

    /// Of each row the key and the value.
    fn fingerprints(&self, batch: &RecordBatch) -> Result<Vec<(u64, u64)>, SinkError> {
        let MeasuredColumns { own, custom } = &self.measured;
        let print = |lines: Vec<String>| lines.into_iter().map(|line| xxh3_64(line.as_bytes()));
        let keys = print(encode::lines(batch, &key_columns(self.contract))?);
        let custom: Vec<&str> = custom.iter().map(String::as_str).collect();
        let values = [own.as_slice(), custom.as_slice()].concat();
        let values = print(encode::lines(&custom::rounded(batch, &custom)?, &values)?);
        Ok(keys.zip(values).collect())
    }
}

fn key_columns(contract: &Table) -> Vec<&'static str> {
    let pins = ["logging_table_commit_version", "monitor_version", "data_type"];
    contract.key_columns().map(|column| column.name).filter(|name| !pins.contains(name)).collect()
}
