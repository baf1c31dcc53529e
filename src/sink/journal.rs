//! The journal: `alerts` and `runs`, which all monitors of an output share, and which are only appended to.

use super::patience::Patience;
use super::table::{Commit, Committed, OutputTable};
use super::{Durations, RunRow, Seen, SinkError, alerts, encode, runs, schema};
use crate::alert::{Event, Recorded};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::source::Lake;

/// `alerts` and `runs` as they were when a run of a monitor began.
pub struct Journal<'a> {
    lake: Lake<'a>,
    monitor: &'a Monitor,
    alerts: Seen,
    runs: Seen,
}

impl<'a> Journal<'a> {
    /// Looks at the tables, as far as they are there.
    ///
    /// # Errors
    /// If one cannot be opened, or is not the table that it should be.
    pub async fn open(lake: Lake<'a>, monitor: &'a Monitor) -> Result<Self, SinkError> {
        let alerts = Seen::look(lake, monitor, &contract::alerts::TABLE).await?;
        let runs = Seen::look(lake, monitor, &contract::runs::TABLE).await?;
        Ok(Self { lake, monitor, alerts, runs })
    }

    /// The number of the last run of the monitor that went on to its end.
    pub(super) fn ended(&self) -> i64 {
        self.runs.turn.after
    }

    /// Whether events could be there.
    pub(super) fn has_events(&self) -> bool {
        self.alerts.table.is_some()
    }

    /// The same, for a run that has a number.
    pub(super) fn numbered(mut self, next: i64) -> Self {
        self.alerts.turn.next = next;
        self.runs.turn.next = next;
        self
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

    /// The events of `runs`.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn events_of(&self, runs: &[String]) -> Result<Vec<Event>, SinkError> {
        match &self.alerts.table {
            Some(table) if !runs.is_empty() => alerts::of_runs(table, &self.monitor.name, runs).await,
            _ => Ok(Vec::new()),
        }
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

    /// Appends events. Without any the table is made if need be, so that queries find it, and is else left
    /// alone.
    ///
    /// # Errors
    /// If the table cannot be written; then it is as before.
    pub async fn write_alerts(&self, events: &[Event], run_id: &str) -> Result<(), SinkError> {
        let commit = Commit::of(&self.monitor.name, run_id, Some(&self.alerts.turn));
        self.append(&contract::alerts::TABLE, &self.alerts, events, commit).await
    }

    /// Appends a status of the run. Runners take no turns here: each attempt is recorded, also one that was
    /// superseded. The end of a run that wrote tables has the number of these.
    ///
    /// # Errors
    /// If the table cannot be written; then it is as before.
    pub async fn write_run(&self, row: &RunRow, is_end: bool) -> Result<(), SinkError> {
        let commit = Commit::of(&self.monitor.name, &row.run_id, is_end.then_some(&self.runs.turn));
        self.append(&contract::runs::TABLE, &self.runs, std::slice::from_ref(row), commit).await
    }

    async fn append<R: serde::Serialize>(
        &self,
        contract: &Table,
        seen: &Seen,
        rows: &[R],
        commit: Commit<'_>,
    ) -> Result<(), SinkError> {
        let schema = schema::schema(contract, None);
        let batch = encode::encode(&schema::without_comments(&schema), rows)?;
        // As it was when the run began: what others append meanwhile does not matter.
        let mut known = seen.table.clone().map(|table| OutputTable::of(&seen.url, table));
        let mut patience = Patience::new();
        loop {
            let output = match known.take() {
                Some(output) => output,
                None => OutputTable::open_or_create(self.lake, &seen.url, contract, &schema, None).await?,
            };
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
}
