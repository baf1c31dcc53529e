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
mod entries;
mod error;
mod extent;
mod files;
mod glance;
mod held;
mod journal;
mod ledger;
pub mod maintain;
mod metric_rows;
mod note;
mod past;
mod patience;
mod replaced;
mod revision;
mod runs;
pub mod schema;
mod staged;
mod table;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use deltalake::{DeltaTable, DeltaTableError};
pub use error::SinkError;
pub use glance::Glance;
use jiff::Timestamp;
pub use journal::Journal;
pub use ledger::{Account, Ledger, RowsUntil};
pub use note::Note;
pub use runs::{Durations, RunRow};
pub use staged::Staged;
use url::Url;

use crate::alert::{Event, Past};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::lineage::Lineage;
use crate::profile::pinned::PinnedEdges;
use crate::scope::Scopes;
use crate::source::{Lake, shown};
use table::{App, Turn};

/// Where the monitor file says what is written to.
pub(crate) const KEY: &str = "output.uri";

/// What was written to a metric table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// URL of the table.
    pub table: String,
    /// Its version after the commit.
    pub version: u64,
    /// Rows that were written.
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
    /// Commits them in turn, so that a drift row implies its profile rows; that of the states says what has been counted. Gives
    /// what was written to the profile and the drift table.
    ///
    /// # Errors
    /// If one cannot be written; then it and those after it are as before.
    pub async fn commit(self, account: &Account) -> Result<(Written, Written), SinkError> {
        let Self { states, profile, drift } = self;
        if let Err(error) = states.commit(Some(account)).await {
            profile.discard().await;
            drift.discard().await;
            return Err(error);
        }
        match profile.commit(None).await {
            Ok(profile) => Ok((profile, drift.commit(None).await?)),
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
    journal: Journal<'a>,
    ledger: Ledger,
}

/// A table as it was when a run began.
struct Seen {
    url: Url,
    /// `None` if it was not there.
    table: Option<DeltaTable>,
    turn: Turn,
}

impl Seen {
    /// Looks at the table of `monitor` that follows `contract`, if it is there.
    async fn look(lake: Lake<'_>, monitor: &Monitor, contract: &Table) -> Result<Self, SinkError> {
        let is_shared = contract.is_shared;
        let model_id_col = monitor.inference.model_id_col.as_deref().filter(|_| !is_shared);
        let schema = schema::schema(contract, model_id_col);
        let custom = custom::columns(contract, &monitor.custom_metrics);
        let owner = (!is_shared).then_some(monitor.name.as_str());
        let (app, url) = (App::new(&monitor.name, contract.name), url(monitor, contract));
        let found = table::check(lake, &url, &schema, &custom, contract.partition_by, &app, owner);
        let (table, after) = found.await?;
        Ok(Self { url, table, turn: Turn { app, after, next: 0 } })
    }
}

impl<'a> Sink<'a> {
    /// Looks at the tables that are there already, before anything is written to any. From here on a commit of
    /// another runner of `monitor` supersedes what this sink would write.
    ///
    /// # Errors
    /// If one cannot be opened, or is not the table that it should be.
    pub async fn open(lake: Lake<'a>, monitor: &'a Monitor) -> Result<Self, SinkError> {
        Self::open_beside(Journal::open(lake, monitor).await?, lake, monitor).await
    }

    /// The same, where the journal has been looked at.
    ///
    /// # Errors
    /// If a table cannot be opened, or is not the table that it should be.
    pub async fn open_beside(
        journal: Journal<'a>,
        lake: Lake<'a>,
        monitor: &'a Monitor,
    ) -> Result<Self, SinkError> {
        let mut states = Seen::look(lake, monitor, &contract::profile_states::TABLE).await?;
        let mut profile = Seen::look(lake, monitor, &contract::profile_metrics::TABLE).await?;
        let mut drift = Seen::look(lake, monitor, &contract::drift_metrics::TABLE).await?;
        let account = match &states.table {
            Some(table) => ledger::account(table).await?,
            None => None,
        };
        // All that a run writes has one number.
        let (counted, metrics) = (states.turn.after, [profile.turn.after, drift.turn.after]);
        let ledger = Ledger::of(account, counted, metrics, journal.ended(), journal.has_events());
        for seen in [&mut states, &mut profile, &mut drift] {
            seen.turn.next = counted + 1;
        }
        let journal = journal.numbered(counted + 1);
        Ok(Self { lake, monitor, states, profile, drift, journal, ledger })
    }

    /// `alerts` and `runs`.
    pub fn journal(&self) -> &Journal<'a> {
        &self.journal
    }

    /// The same, and a note that says `found`, where nothing else is written.
    pub fn into_journal(self, found: Option<Account>) -> (Journal<'a>, Option<Note<'a>>) {
        let Self { monitor, states, journal, .. } = self;
        (journal, found.map(|account| Note { monitor, states, account }))
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
    pub fn unchanged(&self) -> [Written; 2] {
        let written = |seen: &Seen| {
            let version = seen.table.as_ref().and_then(DeltaTable::version).unwrap_or_default();
            Written { table: shown(&seen.url), version, rows: 0, restated: 0 }
        };
        [written(&self.profile), written(&self.drift)]
    }

    /// The metric tables of a run, empty: what is added to them replaces what they have of its scopes once it is committed.
    pub fn stage<'s>(&'s self, lineage: &'s Lineage, scopes: &'s Scopes) -> StagedTables<'s> {
        let Scopes { states, profile, drift } = scopes;
        let staged = |contract, seen: &'s Seen, scope| Staged::new(self, contract, seen, lineage, scope);
        StagedTables {
            states: staged(&contract::profile_states::TABLE, &self.states, states),
            profile: staged(&contract::profile_metrics::TABLE, &self.profile, profile),
            drift: staged(&contract::drift_metrics::TABLE, &self.drift, drift),
        }
    }

    /// Where columns were cut before that are `numeric` now.
    ///
    /// # Errors
    /// If the states table cannot be read.
    pub async fn recorded_edges(&self, numeric: &BTreeSet<String>) -> Result<PinnedEdges, SinkError> {
        match &self.states.table {
            None => Ok(PinnedEdges::default()),
            Some(table) => edges::recorded(table, self.monitor, numeric).await,
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

    /// The events of runs that did not end, of which it is not known whether anybody was told.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn unsent(&self) -> Result<Vec<Event>, SinkError> {
        self.journal.events_of(&self.ledger.unfinished()).await
    }
}

/// Where `monitor` writes the table that follows `contract`: one of its own, or one that it shares.
fn url(monitor: &Monitor, contract: &Table) -> Url {
    let name = if contract.is_shared {
        contract.name.to_owned()
    } else {
        format!("{}_{}", monitor.table_prefix(), contract.name)
    };
    let mut url = monitor.output.clone();
    url.set_path(&format!("{}/{name}/", url.path().trim_end_matches('/')));
    url
}
