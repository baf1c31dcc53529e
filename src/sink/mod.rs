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
mod extent;
mod files;
mod ledger;
pub mod maintain;
mod metric_rows;
mod past;
mod patience;
mod replaced;
mod revision;
mod runs;
pub mod schema;
mod staged;
mod table;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use deltalake::{DeltaTable, DeltaTableError};
pub use error::SinkError;
use jiff::Timestamp;
pub use ledger::{Account, Ledger};
pub use runs::{Durations, RunRow};
pub use staged::Staged;
use url::Url;

use crate::alert::{Event, Past, Recorded};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::lineage::Lineage;
use crate::profile::pinned::PinnedEdges;
use crate::scope::Scopes;
use crate::source::{Lake, shown};
use patience::Patience;
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

/// The output tables of one monitor, as they were when a run began.
pub struct Sink<'a> {
    lake: Lake<'a>,
    monitor: &'a Monitor,
    states: Seen,
    profile: Seen,
    drift: Seen,
    alerts: Seen,
    runs: Seen,
    ledger: Ledger,
}

/// A table as it was when a run began.
struct Seen {
    url: Url,
    /// `None` if it was not there.
    table: Option<DeltaTable>,
    turn: Turn,
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
            let url = url(monitor, name);
            let found = table::check(lake, &url, &schema, &custom, contract.partition_by, &app, owner);
            let (table, after) = found.await?;
            Ok::<_, SinkError>(Seen { url, table, turn: Turn { app, after, next: 0 } })
        };
        let of_metrics =
            async |contract: &Table| look(&metric_table(monitor, contract), contract, model_id_col).await;
        let of_all = async |contract: &Table| look(contract.name, contract, None).await;
        let mut sink = Self {
            lake,
            monitor,
            states: of_metrics(&contract::profile_states::TABLE).await?,
            profile: of_metrics(&contract::profile_metrics::TABLE).await?,
            drift: of_metrics(&contract::drift_metrics::TABLE).await?,
            alerts: of_all(&contract::alerts::TABLE).await?,
            runs: of_all(&contract::runs::TABLE).await?,
            ledger: Ledger::default(),
        };
        let account = match &sink.states.table {
            Some(table) => ledger::account(table).await?,
            None => None,
        };
        let Self { states, profile, drift, alerts, runs, .. } = &mut sink;
        // All that a run writes has one number.
        let (counted, metrics) = (states.turn.after, [profile.turn.after, drift.turn.after]);
        let ledger = Ledger::of(account, counted, metrics, runs.turn.after, alerts.table.is_some());
        for seen in [states, profile, drift, alerts, runs] {
            seen.turn.next = counted + 1;
        }
        Ok(Self { ledger, ..sink })
    }

    /// What is known of earlier runs.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The states and where they are, if there are some.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn states(&self) -> Result<Option<(Url, Arc<dyn TableProvider>)>, SinkError> {
        let Seen { url, table: Some(table), .. } = &self.states else { return Ok(None) };
        let failed = |error: DeltaTableError| SinkError::Read { table: url.clone(), source: error.into() };
        Ok(Some((url.clone(), table.table_provider().await.map_err(|error| failed(error.into()))?)))
    }

    /// The profile and the drift table, as they are.
    pub fn unchanged(&self) -> (Written, Written) {
        let written = |seen: &Seen| {
            let version = seen.table.as_ref().and_then(DeltaTable::version).unwrap_or_default();
            Written { table: shown(&seen.url), version, rows: 0, restated: 0 }
        };
        (written(&self.profile), written(&self.drift))
    }

    /// The metric tables of a run, empty: what is added to them replaces what they have of its scopes once it is committed.
    pub fn stage<'s>(
        &'s self,
        lineage: &'s Lineage,
        scopes: &'s Scopes,
        account: &'s Account,
    ) -> StagedTables<'s> {
        let Scopes { states, profile, drift } = scopes;
        let staged =
            |contract, seen: &'s Seen, scope| Staged::new(self, contract, &seen.turn, lineage, scope);
        StagedTables {
            states: staged(&contract::profile_states::TABLE, &self.states, states).with(account),
            profile: staged(&contract::profile_metrics::TABLE, &self.profile, profile),
            drift: staged(&contract::drift_metrics::TABLE, &self.drift, drift),
        }
    }

    /// Where columns were cut before.
    ///
    /// # Errors
    /// If the states table cannot be read.
    pub async fn recorded_edges(&self) -> Result<PinnedEdges, SinkError> {
        match &self.states.table {
            None => Ok(PinnedEdges::default()),
            Some(table) => edges::recorded(table, self.monitor).await,
        }
    }

    /// The events that are recorded for the monitor.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn recorded(&self) -> Result<Recorded, SinkError> {
        match &self.alerts.table {
            None => Ok(Recorded::default()),
            Some(table) => alerts::recorded(table, &self.monitor.name).await,
        }
    }

    /// What rules look at in windows that a run does not compute which computes those of `scopes` at `as_of`.
    ///
    /// # Errors
    /// If a metric table cannot be read.
    pub async fn past(&self, scopes: &Scopes, as_of: Timestamp) -> Result<Past<'a>, SinkError> {
        let mut past = Past::of(self.monitor, as_of, scopes);
        let tables = [self.profile.table.as_ref(), self.drift.table.as_ref()];
        past::add(&mut past, tables, self.monitor, scopes).await?;
        Ok(past)
    }

    /// How long earlier runs of the monitor took, if some say so.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn durations(&self) -> Result<Option<Durations>, SinkError> {
        match &self.runs.table {
            None => Ok(None),
            Some(table) => runs::durations(table, &self.monitor.name).await,
        }
    }

    /// The events of runs that did not end, of which it is not known whether anybody was told.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn unsent(&self) -> Result<Vec<Event>, SinkError> {
        let runs = self.ledger.unfinished();
        match &self.alerts.table {
            Some(table) if !runs.is_empty() => alerts::of_runs(table, &self.monitor.name, &runs).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Appends events. Without any the table is made if need be, so that queries find it, and is else left
    /// alone.
    ///
    /// # Errors
    /// If the table cannot be written; then it is as before.
    pub async fn write_alerts(&self, events: &[Event], run_id: &str) -> Result<(), SinkError> {
        self.append(&contract::alerts::TABLE, events, self.commit(run_id, Some(&self.alerts.turn))).await
    }

    /// Appends a status of the run. Runners take no turns here: each attempt is recorded, also one that was
    /// superseded. The end of a run that wrote tables has the number of these.
    ///
    /// # Errors
    /// If the table cannot be written; then it is as before.
    pub async fn write_run(&self, row: &RunRow, is_end: bool) -> Result<(), SinkError> {
        let commit = self.commit(&row.run_id, is_end.then_some(&self.runs.turn));
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
        let mut patience = Patience::new();
        loop {
            let output = OutputTable::open_or_create(self.lake, &url, contract, &schema, None).await?;
            if batch.num_rows() == 0 {
                return Ok(());
            }
            match output.append(batch.clone(), &commit).await? {
                Committed::At(_) => return Ok(()),
                Committed::Late(error) if !patience.wait().await => return Err(error),
                Committed::Late(_) => {}
            }
        }
    }

    fn commit<'c>(&'c self, run_id: &'c str, turn: Option<&Turn>) -> Commit<'c> {
        Commit { monitor: &self.monitor.name, run_id, turn: turn.cloned(), account: None }
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
