//! Sinks: the metric tables, `alerts` and `runs`, in Delta.
//!
//! Windows are replaced, never appended to: running twice equals running once. Each table changes in one
//! commit: states, then the profile table, then the drift table, so that a drift row implies its profile rows. Of two
//! runners of one monitor the first to commit wins, and the other's commits are refused. This module writes
//! what it is given; it must not compute or notify.

mod alerts;
mod custom;
mod edges;
mod encode;
mod error;
mod files;
mod metric_rows;
mod revision;
mod runs;
pub mod schema;
mod staged;
mod table;

pub use error::SinkError;
pub use runs::RunRow;
pub use staged::Staged;
use url::Url;

use crate::alert::{Event, Recorded};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::lineage::Lineage;
use crate::profile::pinned::PinnedEdges;
use crate::source::Lake;
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

/// The metric tables of a run, on their way.
pub struct StagedTables<'a> {
    /// What is kept of each column in each base window.
    pub states: Staged<'a>,
    /// Profile metrics.
    pub profile: Staged<'a>,
    /// Drift metrics.
    pub drift: Staged<'a>,
}

impl StagedTables<'_> {
    /// Commits them in turn, so that a drift row implies its profile rows. Gives what was written to the profile and the
    /// drift table.
    ///
    /// # Errors
    /// If one cannot be written; then it and those after it are as before.
    pub async fn commit(self) -> Result<(Written, Written), SinkError> {
        let Self { states, profile, drift } = self;
        if let Err(error) = states.commit().await {
            profile.discard().await;
            drift.discard().await;
            return Err(error);
        }
        match profile.commit().await {
            Ok(profile) => Ok((profile, drift.commit().await?)),
            Err(error) => {
                drift.discard().await;
                Err(error)
            }
        }
    }

    /// Gives up what was added.
    pub async fn discard(self) {
        let Self { states, profile, drift } = self;
        states.discard().await;
        profile.discard().await;
        drift.discard().await;
    }
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
            let after =
                table::check(lake, &url(monitor, name), &schema, &custom, contract.partition_by, &app, owner)
                    .await?;
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

    /// The metric tables of a run, empty: what is added to them replaces what is there once it is committed.
    pub fn stage<'s>(&'s self, lineage: &'s Lineage) -> StagedTables<'s> {
        StagedTables {
            states: Staged::new(self, &contract::profile_states::TABLE, &self.states, lineage),
            profile: Staged::new(self, &contract::profile_metrics::TABLE, &self.profile, lineage),
            drift: Staged::new(self, &contract::drift_metrics::TABLE, &self.drift, lineage),
        }
    }

    /// Where columns were cut before.
    ///
    /// # Errors
    /// If the states table cannot be read.
    pub async fn recorded_edges(&self) -> Result<PinnedEdges, SinkError> {
        let states = metric_table(self.monitor, &contract::profile_states::TABLE);
        match self.lake.output_table(KEY, &url(self.monitor, &states)).await? {
            None => Ok(PinnedEdges::default()),
            Some(table) => edges::recorded(&table, self.monitor).await,
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
