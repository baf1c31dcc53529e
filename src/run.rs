//! The run: the one module that knows every stage.
//!
//! [`run`] is the story of one monitor. Versions are pinned first, and recorded before anything is computed;
//! rows are written before anybody is told. Nothing here computes: it hands each stage what the one before
//! made.

mod backfill;
mod error;
mod gaps;
mod incident;
mod outcome;
mod plan;
mod preview;
pub mod secrets;
mod stop;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

pub use backfill::{Backfill, Chunk, backfill};
pub use error::RunError;
use futures::FutureExt;
pub use incident::Incident;
use jiff::Timestamp;
pub use outcome::Outcome;
pub use plan::Recount;
pub use preview::{Preview, Reads, preview};
pub use stop::{Stop, StopSwitch};
use url::Url;
use uuid::Uuid;

use crate::alert::{Evaluation, Event, Judging, Present};
use crate::cause::chain;
use crate::config::{Monitor, RegistryPlace, Settings, hex16};
use crate::drift;
use crate::lineage::{ENGINE_VERSION, Lineage, Pin};
use crate::notify::{self, RunFacts};
use crate::profile::pinned::PinnedEdges;
use crate::profile::query::{Counted, Counting, QueryError, Watch};
use crate::profile::{Profiles, custom, row, state_row};
use crate::scope::{Scope, Scopes, Windows};
use crate::sink::{self, Account, Ledger, RunRow, Sink, StagedTables, Written};
use crate::source::{self, Lake, Snapshot, Versions};
use crate::spans::Spans;
use plan::Task;

/// Names of run ids are made from pins in this space, so the same pins have the same id.
const RUN_IDS: Uuid = Uuid::from_u128(0x5ecc_4107_0000_4000_8000_0000_0000_0001);

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
    let Prepared { sink, snapshot, lineage, task } = prepare(monitor, settings, order, stop).await?;
    let Some(task) = task else {
        let record = record(monitor, &snapshot, &lineage, order);
        return Box::pin(quiet(monitor, &sink, &lineage, record, order, began)).await;
    };
    let (lake, table) = (Lake::new(settings), &monitor.inference.table);
    let mut record = record(monitor, &snapshot, &lineage, order);
    sink.write_run(&record, false).await?;

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
            sink.write_run(&record, true).await?;
            outcome.seconds = began.elapsed().as_secs_f64();
            Ok(outcome)
        }
        Err(error) => {
            record.status = error.status();
            record.error = Some(chain(&error));
            // The first error is the one to tell; a record that cannot be written is told beside it.
            if let Err(second) = sink.write_run(&record, false).await {
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
struct Prepared<'a> {
    sink: Sink<'a>,
    snapshot: Snapshot,
    lineage: Lineage,
    /// `None` if there is nothing to do.
    task: Option<Task>,
}

/// Pins what a run reads, and finds out what it has to do. Writes nothing.
async fn prepare<'a>(
    monitor: &'a Monitor,
    settings: &'a Settings,
    order: Order,
    stop: &Stop,
) -> Result<Prepared<'a>, RunError> {
    let (lake, table) = (Lake::new(settings), &monitor.inference.table);
    // The sink first: what another runner commits while the source is pinned may be of a newer source.
    let sink = guard(table, unless(stop, Box::pin(Sink::open(lake, monitor)))).await?;
    let snapshot = guard(table, unless(stop, Box::pin(source::open(monitor, order.versions, lake)))).await?;
    let mut lineage = lineage(monitor, &snapshot, order);
    let planned = plan::plan(monitor, &snapshot, &lineage, &sink, order);
    let task = guard(table, unless(stop, Box::pin(planned))).await?;
    lineage.source_version_from = task.as_ref().map_or(0, |task| task.from);
    Ok(Prepared { sink, snapshot, lineage, task })
}

/// What a stage gives; a panic in it, or in a task of the query engine, is an error like any other.
async fn guard<T, E: Into<RunError>>(
    table: &Url,
    stage: impl Future<Output = Result<T, E>>,
) -> Result<T, RunError> {
    let panicked = |_| RunError::Fault { table: source::shown(table) };
    AssertUnwindSafe(stage).catch_unwind().await.map_err(panicked)?.map_err(Into::into)
}

/// What `stage` gives, unless it is stopped before. Only for stages of which no reader sees a thing.
async fn unless<T, E: Into<RunError>>(
    stop: &Stop,
    stage: impl Future<Output = Result<T, E>>,
) -> Result<T, RunError> {
    tokio::select! {
        biased;
        () = stop.asked() => Err(RunError::Canceled),
        done = stage => done.map_err(Into::into),
    }
}

/// `error`, or the damaged file that is behind it.
async fn blame(error: RunError, snapshot: &Snapshot, lake: Lake<'_>) -> RunError {
    if let RunError::Sink(sunk) = &error
        && let Some(table) = sunk.may_be_damaged()
    {
        let damage = source::damage_of(lake, sink::KEY, table).await;
        return damage.map_or(error, |damage| RunError::Sink(damage.into()));
    }
    let may_be_damage = match &error {
        RunError::Query(error) => error.may_be_damage(),
        RunError::Fault { .. } => true,
        RunError::Secret(_) | RunError::Source(_) | RunError::Sink(_) | RunError::Canceled => false,
    };
    if !may_be_damage {
        return error;
    }
    source::damage(snapshot, lake).await.map_or(error, RunError::Source)
}

/// The stages between the pins and the record. Columns go through them a few at a time, and no reader sees a row of any
/// before all are there.
async fn compute(
    job: Job<'_>,
    task: Task,
    snapshot: &Snapshot,
    lineage: &Lineage,
    sink: &Sink<'_>,
    record: &mut RunRow,
) -> Result<Outcome, RunError> {
    let Job { monitor, settings, order, watch, stop } = job;
    let Task { reading, bytes, findings: noticed, .. } = task;
    let behind = reading.behind.clone();
    // Where there are states that rows are added to, their edges come with them.
    let edges = match &reading.earlier {
        Some(_) => PinnedEdges::default(),
        None => sink.recorded_edges().await?,
    };
    let is_all = reading.earlier.is_none() && behind.is_empty();
    let begun = Counting::begin(monitor, snapshot, settings, edges, reading, order.as_of, watch);
    let mut counting = unless(stop, Box::pin(begun)).await?;
    let recorded = sink.recorded().await?;
    let present = Present {
        as_of: order.as_of,
        run_id: &lineage.run_id,
        computed_at: lineage.computed_at,
        is_newest: order.versions == Versions::default() && behind.is_empty(),
    };
    let mut judging = Judging::new(monitor, &recorded, present);
    let scopes = counting.scopes();
    let account = account(monitor, snapshot, lineage, order, &scopes, behind, sink.ledger());
    let mut tables = sink.stage(lineage, &scopes, &account);
    let counted =
        unless(stop, columns(monitor, &mut counting, lineage, &scopes, &mut judging, &mut tables)).await;
    let profiles = match counted {
        Ok(profiles) => profiles,
        Err(error) => {
            tables.discard().await;
            return Err(error);
        }
    };
    let mut evaluation = judging.finish();
    let (profile, drift) = tables.commit().await?;
    record.alert_rows = Some(evaluation.events.len() as u64);
    let unsent = sink.unsent().await?;
    sink.write_alerts(&evaluation.events, &lineage.run_id).await?;
    // What a run that did not end has recorded is not judged again, but may not have been told.
    evaluation.events.splice(..0, unsent);

    let totals = counting.totals();
    record.rows_read = Some(totals.rows);
    record.bytes_read = Some(bytes + totals.bytes);
    record.profile_rows = Some(profile.rows);
    record.drift_rows = Some(drift.rows);
    record.profile_version = Some(profile.version);
    record.drift_version = Some(drift.version);
    let mut findings = outcome::findings(monitor, totals, &profiles, snapshot, order.as_of, is_all);
    findings.extend(noticed);
    let facts = facts(monitor, lineage, record, order, &evaluation, [&profile, &drift]);
    Ok(Outcome::new(monitor, totals, &profiles, evaluation, profile, drift, findings, facts))
}

/// What came of a run that found nothing to do: what fires, fires.
async fn quiet(
    monitor: &Monitor,
    sink: &Sink<'_>,
    lineage: &Lineage,
    mut record: RunRow,
    order: Order,
    began: Instant,
) -> Result<Outcome, RunError> {
    let (profile, drift) = sink.unchanged();
    let evaluation = sink.recorded().await?.unchanged();
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
    sink.write_run(&record, false).await?;
    let facts = facts(monitor, lineage, &record, order, &evaluation, [&profile, &drift]);
    let mut outcome = Outcome::unchanged(monitor, evaluation, profile, drift, facts);
    outcome.seconds = began.elapsed().as_secs_f64();
    Ok(outcome)
}

/// What messages say about the run.
fn facts(
    monitor: &Monitor,
    lineage: &Lineage,
    record: &RunRow,
    order: Order,
    evaluation: &Evaluation,
    [profile, drift]: [&Written; 2],
) -> RunFacts {
    let file = std::path::absolute(&monitor.file).unwrap_or(monitor.file.clone());
    RunFacts {
        run_id: lineage.run_id.clone(),
        as_of: order.as_of,
        sent_at: order.now,
        attempt_id: record.attempt_id.clone(),
        monitor_file: file.display().to_string(),
        firing: evaluation.firing.clone(),
        source: lineage.source.clone(),
        labels: lineage.labels.clone(),
        baseline: lineage.baseline.clone(),
        profile: Pin { table: profile.table.clone(), version: profile.version },
        drift: Pin { table: drift.table.clone(), version: drift.version },
    }
}

/// What the states table holds once the run has written it.
fn account(
    monitor: &Monitor,
    snapshot: &Snapshot,
    lineage: &Lineage,
    order: Order,
    scopes: &Scopes,
    behind: Spans,
    ledger: &Ledger,
) -> Account {
    let spans =
        |windows: &Windows| windows.iter().map(|(_, window)| window).collect::<Vec<_>>().iter().collect();
    Account {
        run_id: lineage.run_id.clone(),
        config_hash: lineage.config_hash.clone(),
        counting_hash: monitor.counting_hash.clone(),
        engine_version: ENGINE_VERSION.to_owned(),
        source: lineage.source.clone(),
        source_id: snapshot.id.clone(),
        labels: lineage.labels.clone(),
        baseline: lineage.baseline.clone(),
        as_of: order.as_of,
        touched: scopes.states.windows().map(spans),
        behind,
        ended: ledger.ended,
        unfinished: ledger.unfinished(),
    }
}

/// From the rows of the source to rows of the metric tables, which are judged and staged, some columns after the others.
/// Gives what was counted with the last.
async fn columns(
    monitor: &Monitor,
    counting: &mut Counting<'_>,
    lineage: &Lineage,
    scopes: &Scopes,
    judging: &mut Judging<'_>,
    tables: &mut StagedTables<'_>,
) -> Result<Profiles, RunError> {
    let [of_states, of_profile, of_drift] =
        [&scopes.states, &scopes.profile, &scopes.drift].map(Scope::starts);
    loop {
        let Counted { profiles, bases } = counting.next().await?;
        for subjects in profiles.subjects() {
            let mut profile = row::rows(&profiles, &subjects, monitor.quantiles);
            custom::add_aggregates(&mut profile, &counting.totals().custom);
            custom::derived::add(&mut profile, &monitor.custom_metrics).map_err(QueryError::from)?;
            let mut drift = drift::compare(&profiles, &subjects, &monitor.calendar);
            drift::custom::add(&mut drift, &profile, &monitor.custom_metrics).map_err(QueryError::from)?;
            judging.judge(&profile, &drift);
            let states = state_row::rows(&profiles, &subjects, &bases, monitor.base_granularity());
            let mut states = states.map_err(|error| QueryError::query(&lineage.source.table, error))?;
            // Some are here only to be compared with, or judged.
            states.retain(|row| of_states.has(row.granularity.as_deref(), row.window_start));
            profile.retain(|row| of_profile.has(row.granularity.as_deref(), row.window_start));
            drift.retain(|row| of_drift.has(Some(&row.granularity), Some(row.window_start)));
            tables.states.add(&states).await?;
            tables.profile.add(&profile).await?;
            tables.drift.add(&drift).await?;
        }
        if profiles.is_last {
            return Ok(profiles);
        }
    }
}

fn ended(now: Timestamp, began: Instant) -> Timestamp {
    now.checked_add(began.elapsed()).unwrap_or(now)
}

/// The pins, and the id that they make.
fn lineage(monitor: &Monitor, snapshot: &Snapshot, order: Order) -> Lineage {
    let labels = snapshot.labels.clone();
    let baseline = snapshot.baseline.as_ref().map(|baseline| baseline.pin.clone());
    let pins = serde_json::json!([
        monitor.name,
        monitor.config_hash,
        [snapshot.source.table, snapshot.source.version.to_string()],
        labels.as_ref().map(|pin| (&pin.table, pin.version)),
        baseline.as_ref().map(|pin| (&pin.table, pin.version)),
        registry_hash(snapshot),
        ENGINE_VERSION,
    ]);
    // What is computed anew with the same pins is another run.
    let chunk = order.recount.map(|recount| format!("{:?}", recount.chunk)).unwrap_or_default();
    Lineage {
        run_id: Uuid::new_v5(&RUN_IDS, format!("{pins}{chunk}").as_bytes()).to_string(),
        monitor_name: monitor.name.clone(),
        config_hash: monitor.config_hash.clone(),
        source: snapshot.source.clone(),
        source_version_from: 0,
        labels,
        baseline,
        model: snapshot.model.clone(),
        computed_at: order.now,
    }
}

fn registry_hash(snapshot: &Snapshot) -> Option<String> {
    let model = snapshot.model.as_ref()?;
    serde_json::to_string(model).ok().map(|text| hex16(&text))
}

fn record(monitor: &Monitor, snapshot: &Snapshot, lineage: &Lineage, order: Order) -> RunRow {
    RunRow {
        run_id: lineage.run_id.clone(),
        attempt_id: Uuid::now_v7().to_string(),
        monitor_name: monitor.name.clone(),
        status: "STARTED",
        at: order.now.as_microsecond(),
        as_of: order.as_of.as_microsecond(),
        config_hash: monitor.config_hash.clone(),
        config: monitor.config_json.clone(),
        source_table: lineage.source.table.clone(),
        source_version_from: lineage.source_version_from,
        source_version: lineage.source.version,
        label_table: lineage.labels.as_ref().map(|pin| pin.table.clone()),
        label_version: lineage.labels.as_ref().map(|pin| pin.version),
        baseline_table: lineage.baseline.as_ref().map(|pin| pin.table.clone()),
        baseline_version: lineage.baseline.as_ref().map(|pin| pin.version),
        registry: monitor.registry.as_ref().map(|registry| match &registry.place {
            RegistryPlace::MlflowFiles(url) | RegistryPlace::Table(url) => source::shown(url),
        }),
        registry_hash: registry_hash(snapshot),
        engine_version: ENGINE_VERSION,
        environment: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        ..RunRow::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::datatypes::DataType;
    use datafusion::logical_expr::{Volatility, create_udf};
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_in_a_task_of_the_engine_is_an_error_that_says_so() {
        let ctx = SessionContext::new();
        let bursts = create_udf(
            "bursts",
            vec![DataType::Int64],
            DataType::Int64,
            Volatility::Volatile,
            Arc::new(|_| panic!("a Rust value")),
        );
        ctx.register_udf(bursts);
        let sql =
            "SELECT value % 3, sum(bursts(value)) FROM generate_series(1, 100000) GROUP BY 1 ORDER BY 1";
        let failed = |error| QueryError::query("file:///lake/t", error);
        let stage = async { ctx.sql(sql).await.map_err(failed)?.collect().await.map_err(failed) };
        let error = guard(&Url::parse("file:///lake/t/").unwrap(), stage).await.unwrap_err();
        let said = format!("{}\n{}", chain(&error), error.hint());
        assert!(said.contains("file:///lake/t") && said.contains("please report"), "{said}");
        assert!(!said.contains("a Rust value"), "{said}");
    }
}
