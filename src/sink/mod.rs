//! Sinks: the metric tables, `alerts` and `runs`, in Delta.
//!
//! Windows are replaced, never appended to: running twice equals running once. Each table changes in one
//! commit: states, then the profile table, then the drift table, so that a drift row implies its profile rows. Of two
//! runners of one monitor the first to commit wins, and the other's commits are refused. This module writes
//! what it is given; it must not compute or notify.

mod alerts;
mod custom;
mod encode;
mod error;
mod metric_rows;
mod revision;
mod runs;
pub mod schema;
mod table;

pub use error::SinkError;
pub use runs::RunRow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use url::Url;

use crate::alert::{Event, Recorded};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::drift::DriftRow;
use crate::lineage::Lineage;
use crate::profile::row::ProfileRow;
use crate::profile::state_row::StateRow;
use crate::source::Lake;
use metric_rows::{Measured, WithLineage, with_lineage};
use revision::Revised;
use table::{App, Commit, Committed, OutputTable, Turn};

/// Where the monitor file says what is written to.
pub(crate) const KEY: &str = "output.uri";

/// What was written to a metric table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// URL of the table.
    pub table: String,
    /// Its version after the commit.
    pub version: u64,
    /// Rows that it has.
    pub rows: u64,
    /// Rows whose values are others than before.
    pub restated: u64,
}

/// How often a commit is made anew because somebody else, such as the table's maintenance, committed first.
const COMMITS_MAX: usize = 5;

/// The output tables of one monitor, as they were when a run began.
pub struct Sink<'a> {
    lake: Lake<'a>,
    monitor: &'a Monitor,
    states: Turn,
    profile: Turn,
    drift: Turn,
    alerts: Turn,
}

impl<'a> Sink<'a> {
    /// Looks at the tables that are there already, before anything is written to any. From here on a commit of
    /// another runner of `monitor` supersedes what this sink would write.
    ///
    /// # Errors
    /// If one cannot be opened, or is not the table that it should be.
    pub async fn open(lake: Lake<'a>, monitor: &'a Monitor) -> Result<Self, SinkError> {
        let model_id_col = monitor.inference.model_id_col.as_deref();
        let look = async |name: &str, contract: &Table, model_id_col: Option<&str>| {
            let app = App::new(&monitor.name, contract.name);
            let schema = schema::schema(contract, model_id_col);
            let custom = custom::columns(contract, &monitor.custom_metrics);
            let owner = (contract.name != name).then_some(monitor.name.as_str());
            let after = table::check(lake, &url(monitor, name), &schema, &custom, &app, owner).await?;
            Ok::<_, SinkError>(Turn { app, after })
        };
        let [profile, drift] = [&contract::profile_metrics::TABLE, &contract::drift_metrics::TABLE];
        let states = &contract::profile_states::TABLE;
        let [alerts, runs] = [&contract::alerts::TABLE, &contract::runs::TABLE];
        let sink = Self {
            lake,
            monitor,
            states: look(&metric_table(monitor, states), states, model_id_col).await?,
            profile: look(&metric_table(monitor, profile), profile, model_id_col).await?,
            drift: look(&metric_table(monitor, drift), drift, model_id_col).await?,
            alerts: look(alerts.name, alerts, None).await?,
        };
        look(runs.name, runs, None).await?;
        Ok(sink)
    }

    /// Replaces the states table.
    ///
    /// # Errors
    /// If it cannot be written; then it is as before.
    pub async fn write_states(&self, rows: &[StateRow], lineage: &Lineage) -> Result<Written, SinkError> {
        let contract = &contract::profile_states::TABLE;
        let schema = self.schema(contract);
        let mut batch = self.encode(&schema, &with_lineage(rows, lineage))?;
        let bytes = |of: fn(&StateRow) -> &Option<Vec<u8>>| -> ArrayRef {
            Arc::new(BinaryArray::from_iter(rows.iter().map(|row| of(row).as_deref())))
        };
        batch = encode::with_column(&batch, "distinct_sketch", bytes(|row| &row.distinct_sketch))?;
        batch = encode::with_column(&batch, "state", bytes(|row| &row.state))?;
        self.replace(contract, &schema, batch, &self.commit(&lineage.run_id, Some(&self.states))).await
    }

    /// Replaces the profile table.
    ///
    /// # Errors
    /// If it cannot be written; then it is as before.
    pub async fn write_profile(&self, rows: &[ProfileRow], lineage: &Lineage) -> Result<Written, SinkError> {
        self.write_metrics(&contract::profile_metrics::TABLE, &self.profile, rows, lineage).await
    }

    /// Replaces the drift table.
    ///
    /// # Errors
    /// If it cannot be written; then it is as before.
    pub async fn write_drift(&self, rows: &[DriftRow], lineage: &Lineage) -> Result<Written, SinkError> {
        self.write_metrics(&contract::drift_metrics::TABLE, &self.drift, rows, lineage).await
    }

    async fn write_metrics<R: Measured>(
        &self,
        contract: &Table,
        turn: &Turn,
        rows: &[R],
        lineage: &Lineage,
    ) -> Result<Written, SinkError> {
        let schema = self.schema(contract);
        let batch = self.encode(&schema, &with_lineage(rows, lineage))?;
        self.replace(contract, &schema, batch, &self.commit(&lineage.run_id, Some(turn))).await
    }

    /// The schema of `contract` with the monitor's own model id column and custom metrics.
    fn schema(&self, contract: &Table) -> SchemaRef {
        let schema = schema::schema(contract, self.monitor.inference.model_id_col.as_deref());
        custom::with_columns(&schema, &custom::columns(contract, &self.monitor.custom_metrics))
    }

    fn encode<R: Measured>(
        &self,
        schema: &SchemaRef,
        rows: &[WithLineage<'_, R>],
    ) -> Result<RecordBatch, SinkError> {
        let batch = encode::encode(&schema::without_comments(schema), rows)?;
        let version = batch.column_by_name("model_version").cloned();
        match (schema::own_model_id(self.monitor.inference.model_id_col.as_deref()), version) {
            (Some(own), Some(version)) => Ok(encode::with_column(&batch, own, version)?),
            _ => Ok(batch),
        }
    }

    /// Replaces all rows of a table of this monitor by those of `batch`.
    async fn replace(
        &self,
        contract: &Table,
        schema: &SchemaRef,
        batch: RecordBatch,
        commit: &Commit<'_>,
    ) -> Result<Written, SinkError> {
        let url = url(self.monitor, &metric_table(self.monitor, contract));
        let mut commits = 1;
        loop {
            let owner = Some(self.monitor.name.as_str());
            let output = OutputTable::open_or_create(self.lake, &url, contract, schema, owner).await?;
            let found = output.schema()?;
            let custom = custom::columns(contract, &self.monitor.custom_metrics);
            let measured = revision::measured(contract, &custom, &found);
            let Revised { batch, restated } =
                revision::revise(batch.clone(), output.delta(), contract, &measured).await?;
            let rows = batch.num_rows() as u64;
            match output.replace(custom::described(&batch, schema, &found)?, commit).await? {
                Committed::At(version) => {
                    return Ok(Written { table: crate::source::shown(&url), version, rows, restated });
                }
                Committed::Late(error) if commits >= COMMITS_MAX => return Err(error),
                Committed::Late(_) => commits += 1,
            }
        }
    }

    /// The events that are recorded for the monitor.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn recorded(&self) -> Result<Recorded, SinkError> {
        let table = self.lake.output_table(KEY, &url(self.monitor, contract::alerts::TABLE.name)).await?;
        match table {
            None => Ok(Recorded::default()),
            Some(table) => alerts::recorded(&table, &self.monitor.name).await,
        }
    }

    /// Appends events. Without any the table is made if need be, so that queries find it, and is else left
    /// alone.
    ///
    /// # Errors
    /// If the table cannot be written; then it is as before.
    pub async fn write_alerts(&self, events: &[Event], run_id: &str) -> Result<(), SinkError> {
        self.append(&contract::alerts::TABLE, events, self.commit(run_id, Some(&self.alerts))).await
    }

    /// Appends a status of the run. Runners take no turns here: each attempt is recorded, also one that was
    /// superseded.
    ///
    /// # Errors
    /// If the table cannot be written; then it is as before.
    pub async fn write_run(&self, row: &RunRow) -> Result<(), SinkError> {
        let commit = self.commit(&row.run_id, None);
        self.append(&contract::runs::TABLE, std::slice::from_ref(row), commit).await
    }

    async fn append<R: serde::Serialize>(
        &self,
        contract: &Table,
        rows: &[R],
        commit: Commit<'_>,
    ) -> Result<(), SinkError> {
        let schema = schema::schema(contract, None);
        let batch = encode::encode(&schema::without_comments(&schema), rows)?;
        let url = url(self.monitor, contract.name);
        let mut commits = 1;
        loop {
            let output = OutputTable::open_or_create(self.lake, &url, contract, &schema, None).await?;
            if batch.num_rows() == 0 {
                return Ok(());
            }
            match output.append(batch.clone(), &commit).await? {
                Committed::At(_) => return Ok(()),
                Committed::Late(error) if commits >= COMMITS_MAX => return Err(error),
                Committed::Late(_) => commits += 1,
            }
        }
    }

    fn commit<'c>(&'c self, run_id: &'c str, turn: Option<&Turn>) -> Commit<'c> {
        Commit { monitor: &self.monitor.name, run_id, turn: turn.cloned() }
    }
}

/// The name of a metric table of `monitor`.
fn metric_table(monitor: &Monitor, contract: &Table) -> String {
    format!("{}_{}", monitor.table_prefix(), contract.name)
}

/// Where `monitor` writes `table`.
fn url(monitor: &Monitor, table: &str) -> Url {
    let mut url = monitor.output.clone();
    url.set_path(&format!("{}/{table}/", url.path().trim_end_matches('/')));
    url
}
