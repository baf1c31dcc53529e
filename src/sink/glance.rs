//! A glance at the metric tables: the newest entries of their logs say what has been counted, and whether that run ended.
//!
//! What it takes to write or to read the tables is left out, so that a run that finds nothing to do costs next to nothing.

use deltalake::DeltaTableError;
use deltalake::logstore::LogStoreRef;

use super::table::App;
use super::{Journal, Ledger, SinkError, Written, ledger, url};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::source::{Lake, shown};

/// The metric tables of a monitor, as far as their newest entries say.
pub struct Glance {
    /// What is known of earlier runs.
    pub ledger: Ledger,
    /// The profile and the drift table.
    pub tables: [Written; 2],
}

impl Glance {
    /// Looks at the tables of `monitor`, beside its `journal`. `None` if more than a glance is needed.
    ///
    /// # Errors
    /// If one cannot be read, which a closer look explains.
    pub async fn of(
        lake: Lake<'_>,
        monitor: &Monitor,
        journal: &Journal<'_>,
    ) -> Result<Option<Self>, SinkError> {
        let states = look(lake, monitor, &contract::profile_states::TABLE).await?;
        let profile = look(lake, monitor, &contract::profile_metrics::TABLE).await?;
        let drift = look(lake, monitor, &contract::drift_metrics::TABLE).await?;
        let (Some(states), Some(profile), Some(drift)) = (states, profile, drift) else { return Ok(None) };
        let entry = ledger::newest_of(states.log.as_ref(), states.table.version).await;
        let failed = |error: DeltaTableError| SinkError::Read {
            table: url(monitor, &contract::profile_states::TABLE),
            source: error.into(),
        };
        let account = entry.map_err(failed)?.and_then(|entry| entry.account());
        let metrics = [profile.sequence, drift.sequence];
        let ledger = Ledger::of(account, states.sequence, metrics, journal.ended(), journal.has_events());
        Ok(Some(Self { ledger, tables: [profile.table, drift.table] }))
    }
}

/// What the newest entries of a table say.
struct Looked {
    table: Written,
    sequence: i64,
    log: LogStoreRef,
}

/// What those of the table that follows `contract` say; `None` if none is of a run of `monitor`.
async fn look(lake: Lake<'_>, monitor: &Monitor, contract: &Table) -> Result<Option<Looked>, SinkError> {
    let url = url(monitor, contract);
    let failed = |error: DeltaTableError| SinkError::Read { table: url.clone(), source: error.into() };
    let log = lake.folder(super::KEY, &url)?;
    let version = log.get_latest_version(0).await.map_err(failed)?;
    let app = App::new(&monitor.name, contract.name);
    let Some(sequence) = app.newest_sequence(log.as_ref(), version).await.map_err(failed)? else {
        return Ok(None);
    };
    let table = Written { table: shown(&url), version, rows: 0, restated: 0 };
    Ok(Some(Looked { table, sequence, log }))
}
