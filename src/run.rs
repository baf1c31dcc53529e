//! The run: the one module that knows every stage.
//!
//! [`run`] is the story of one monitor. Versions are pinned first, and recorded before anything is computed;
//! rows are written before anybody is told. Nothing here computes: it hands each stage what the one before
//! made.

mod backfill;
mod error;
mod gaps;
mod guard;
mod idle;
mod incident;
mod outcome;
mod plan;
mod preview;
mod record;
pub mod secrets;
mod stages;
mod stop;

use std::collections::BTreeMap;
use std::time::Instant;

pub use backfill::{Backfill, Chunk, backfill};
pub use error::RunError;
use guard::{blame, guard, unless};
use idle::{Idle, found, idle};
pub use incident::Incident;
use jiff::Timestamp;
pub use outcome::Outcome;
pub use plan::Recount;
use plan::Task;
pub use preview::{Preview, Reads, preview};
use record::{Read, ended, facts, lineage, record};
use stages::compute;
pub use stop::{Stop, StopSwitch};

use crate::alert::Event;
use crate::cause::chain;
use crate::config::{Monitor, Settings};
use crate::lineage::Lineage;
use crate::notify;
use crate::profile::query::Watch;
use crate::sink::{Journal, Note, RowsUntil, Sink, Written};
use crate::source::{self, Lake, Snapshot, Versions};

/// What a run is told from outside.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// The run's present: decides which windows are complete.
    pub as_of: Timestamp,
    /// At which versions the tables are read.
    pub versions: Versions,
    /// When the attempt begins, for the record.
    pub now: Timestamp,
    /// Whether to tell anybody.
    pub notify: bool,
    /// Windows that are computed anew, whatever changed.
    pub recount: Option<Recount>,
}

impl Order {
    /// To do what is to be done at `now`, and to tell about it.
    pub fn at(now: Timestamp) -> Self {
        Self { as_of: now, versions: Versions::default(), now, notify: true, recount: None }
    }
}

/// What [`run`] is to do.
#[derive(Clone, Copy)]
struct Job<'a> {
    monitor: &'a Monitor,
    settings: &'a Settings,
    order: Order,
    watch: &'a dyn Watch,
    stop: &'a Stop,
}

/// Runs `monitor` once, unless `stop` is asked before anything is written.
///
/// # Errors
/// If the monitor could not be run. What was noticed and did not stop it is in the outcome.
pub async fn run(
    monitor: &Monitor,
    settings: &Settings,
    order: Order,
    watch: &dyn Watch,
    stop: &Stop,
) -> Result<Outcome, RunError> {
    secrets::check(monitor, settings, order.notify)?;
    let began = Instant::now();
    let lake = Lake::new(settings);
    let Ready { sink, snapshot, lineage, task } = match prepare(monitor, lake, order, stop).await? {
        Prepared::Nothing(nothing) => return Box::pin(quiet(monitor, *nothing, order, began)).await,
        Prepared::Something(ready) => *ready,
    };
    let table = &monitor.inference.table;
    let mut record = record(monitor, &lineage, order);
    sink.journal().write_run(&record, false).await?;

    let job = Job { monitor, settings, order, watch, stop };
    let stages = compute(job, task, &snapshot, &lineage, &sink, &mut record);
    let done = match guard(table, Box::pin(stages)).await {
        Err(error) => Err(blame(error, &snapshot, lake).await),
        done => done,
    };
    watch.end();
    record.seconds = Some(began.elapsed().as_secs_f64());
    record.at = ended(order.now, began).as_microsecond();
    match done {
        Ok(mut outcome) => {
            record.status = "SUCCEEDED";
            record.findings.clone_from(&outcome.findings);
            outcome.facts.sent_at = ended(order.now, began);
            // Told before it is recorded that the run ended: whoever dies in between is told for, once more, by the next run.
            if order.notify {
                for events in by_attempt(&outcome.events) {
                    let receipts = notify::send(monitor, settings, &outcome.facts, &events).await;
                    outcome.receipts.extend(receipts);
                }
            }
            sink.journal().write_run(&record, true).await?;
            outcome.seconds = began.elapsed().as_secs_f64();
            Ok(outcome)
        }
        Err(error) => {
            record.status = error.status();
            record.error = Some(chain(&error));
            // The first error is the one to tell; a record that cannot be written is told beside it.
            if let Err(second) = sink.journal().write_run(&record, false).await {
                tracing::warn!(
                    monitor = monitor.name,
                    error = chain(&second),
                    "could not record the failure"
                );
            }
            Err(error)
        }
    }
}

/// `events` by the attempt that recorded them, oldest first. Each is told apart: what an earlier one may have told is told
/// once more as it was, with the same key.
fn by_attempt(events: &[Event]) -> Vec<Vec<Event>> {
    let mut attempts: BTreeMap<(i64, &str), Vec<Event>> = BTreeMap::new();
    for event in events {
        attempts.entry((event.computed_at, &event.run_id)).or_default().push(event.clone());
    }
    attempts.into_values().collect()
}

/// What a run begins with.
enum Prepared<'a> {
    /// There is nothing to do.
    Nothing(Box<Nothing<'a>>),
    /// There is something.
    Something(Box<Ready<'a>>),
}

/// What a run takes that has nothing to do.
struct Nothing<'a> {
    journal: Journal<'a>,
    /// What there is to write down so that a glance will do next time.
    note: Option<Note<'a>>,
    lineage: Lineage,
    /// The profile and the drift table.
    tables: [Written; 2],
    /// Until when there are rows.
    rows: Option<RowsUntil>,
}

/// What a run takes that has something to do.
struct Ready<'a> {
    sink: Sink<'a>,
    snapshot: Snapshot,
    lineage: Lineage,
    task: Task,
}

/// Pins what a run reads, and finds out what it has to do. Writes nothing.
async fn prepare<'a>(
    monitor: &'a Monitor,
    lake: Lake<'a>,
    order: Order,
    stop: &Stop,
) -> Result<Prepared<'a>, RunError> {
    let table = &monitor.inference.table;
    let journal = guard(table, unless(stop, Box::pin(Journal::open(lake, monitor)))).await?;
    // What goes wrong here does so once more, and is told by whom it concerns.
    let idle = guard(table, unless(stop, Box::pin(idle(monitor, lake, order, &journal)))).await;
    if let Ok(Some(Idle { read, tables, rows })) = idle {
        let (note, lineage) = (None, lineage(monitor, read, order));
        return Ok(Prepared::Nothing(Box::new(Nothing { journal, note, lineage, tables, rows })));
    }
    // The sink first: what another runner commits while the source is pinned may be of a newer source.
    let sink = guard(table, unless(stop, Box::pin(Sink::open_beside(journal, lake, monitor)))).await?;
    let snapshot = guard(table, unless(stop, Box::pin(source::open(monitor, order.versions, lake)))).await?;
    let mut lineage = lineage(monitor, Read::from(&snapshot), order);
    let planned = plan::plan(monitor, &snapshot, &lineage, &sink, order);
    match guard(table, unless(stop, Box::pin(planned))).await {
        Ok(Some(task)) => {
            lineage.source_version_from = task.from;
            Ok(Prepared::Something(Box::new(Ready { sink, snapshot, lineage, task })))
        }
        Ok(None) => {
            let account = sink.ledger().account.as_ref();
            let rows = account.and_then(|account| account.rows);
            let found = account.and_then(|account| found(account, monitor, &snapshot, &lineage, order));
            let tables = sink.unchanged();
            let (journal, note) = sink.into_journal(found);
            Ok(Prepared::Nothing(Box::new(Nothing { journal, note, lineage, tables, rows })))
        }
        Err(error) => Err(blame(error, &snapshot, lake).await),
    }
}

/// What came of a run that found nothing to do: what fires, fires.
async fn quiet(
    monitor: &Monitor,
    nothing: Nothing<'_>,
    order: Order,
    began: Instant,
) -> Result<Outcome, RunError> {
    let Nothing { journal, note, lineage, tables: [profile, drift], rows } = nothing;
    let mut record = record(monitor, &lineage, order);
    if let Some(note) = note {
        // It only spares later runs what this one had to do.
        if let Err(error) = note.write(&lineage).await {
            tracing::warn!(monitor = monitor.name, error = chain(&error), "could not note what was found");
        }
    }
    let evaluation = journal.recorded().await?.unchanged();
    record.findings = gaps::since(monitor, rows, order.as_of).into_iter().collect();
    record.status = "SUCCEEDED";
    record.rows_read = Some(0);
    record.bytes_read = Some(0);
    record.profile_rows = Some(0);
    record.drift_rows = Some(0);
    record.profile_version = Some(profile.version);
    record.drift_version = Some(drift.version);
    record.alert_rows = Some(0);
    record.seconds = Some(began.elapsed().as_secs_f64());
    record.at = ended(order.now, began).as_microsecond();
    journal.write_run(&record, false).await?;
    let facts = facts(monitor, &lineage, &record, order, &evaluation, [&profile, &drift]);
    let mut outcome = Outcome::unchanged(monitor, evaluation, [profile, drift], facts);
    outcome.findings = record.findings;
    outcome.seconds = began.elapsed().as_secs_f64();
    Ok(outcome)
}
