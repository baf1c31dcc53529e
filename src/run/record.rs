//! What is recorded of a run: its pins and its id, its row in `runs`, its account of what was counted, and what messages say.

use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

use super::Order;
use crate::alert::Evaluation;
use crate::config::{Monitor, RegistryPlace, hex16};
use crate::lineage::{ENGINE_VERSION, Lineage, Pin, RegisteredModel};
use crate::notify::RunFacts;
use crate::profile::functions::LAYOUT;
use crate::profile::query::SliceValues;
use crate::scope::{Scopes, Windows};
use crate::sink::{Account, Ledger, RowsUntil, RunRow, Written};
use crate::source::changes::count_files;
use crate::source::{self, Snapshot};
use crate::spans::Spans;

/// Names of run ids are made from pins in this space, so the same pins have the same id.
const RUN_IDS: Uuid = Uuid::from_u128(0x5ecc_4107_0000_4000_8000_0000_0000_0001);

/// Bytes of slice values that an account has at most, since a table's log is no place for more.
const SLICES_BYTES_MAX: usize = 16 << 10;

/// What a run reads, at which versions.
#[derive(Debug, Clone)]
pub(super) struct Read {
    /// The inference table.
    pub(super) source: Pin,
    /// The label table.
    pub(super) labels: Option<Pin>,
    /// The baseline table.
    pub(super) baseline: Option<Pin>,
    /// The model, if the monitor names a registry.
    pub(super) model: Option<RegisteredModel>,
}

impl From<&Snapshot> for Read {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            source: snapshot.source.clone(),
            labels: snapshot.labels.clone(),
            baseline: snapshot.baseline.as_ref().map(|baseline| baseline.pin.clone()),
            model: snapshot.model.clone(),
        }
    }
}

/// The pins, and the id that they make.
pub(super) fn lineage(monitor: &Monitor, read: Read, order: Order) -> Lineage {
    let Read { source, labels, baseline, model } = read;
    let pins = serde_json::json!([
        monitor.name,
        monitor.config_hash,
        [source.table, source.version.to_string()],
        labels.as_ref().map(|pin| (&pin.table, pin.version)),
        baseline.as_ref().map(|pin| (&pin.table, pin.version)),
        registry_hash(model.as_ref()),
        ENGINE_VERSION,
        // Which windows are complete, and so judged.
        order.as_of,
    ]);
    // What is computed anew with the same pins is another run.
    let chunk = order.recount.map(|recount| format!("{:?}", recount.chunk)).unwrap_or_default();
    Lineage {
        run_id: Uuid::new_v5(&RUN_IDS, format!("{pins}{chunk}").as_bytes()).to_string(),
        monitor_name: monitor.name.clone(),
        config_hash: monitor.config_hash.clone(),
        source,
        source_version_from: 0,
        labels,
        baseline,
        model,
        computed_at: order.now,
    }
}

fn registry_hash(model: Option<&RegisteredModel>) -> Option<String> {
    serde_json::to_string(model?).ok().map(|text| hex16(&text))
}

/// The row in `runs` with which an attempt begins.
pub(super) fn record(monitor: &Monitor, lineage: &Lineage, order: Order) -> RunRow {
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
        registry_hash: registry_hash(lineage.model.as_ref()),
        engine_version: ENGINE_VERSION,
        environment: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        ..RunRow::default()
    }
}

/// What messages say about the run.
pub(super) fn facts(
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

/// What the states table holds once the run has written windows of `scopes`, where there are `rows` until then.
pub(super) fn account(
    (monitor, order): (&Monitor, Order),
    snapshot: &Snapshot,
    lineage: &Lineage,
    scopes: &Scopes,
    (rows, slices): (Option<RowsUntil>, Option<&SliceValues>),
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
        layout: LAYOUT,
        source: lineage.source.clone(),
        source_id: snapshot.id.clone(),
        files: count_files("inference.table", &snapshot.inference).ok(),
        ids: snapshot.ids(),
        heads: snapshot.heads.clone(),
        label_type: snapshot.label_type(monitor),
        labels: lineage.labels.clone(),
        baseline: lineage.baseline.clone(),
        version_cmp: monitor.comparisons.version(lineage.model.as_ref()),
        as_of: order.as_of,
        learned: Vec::new(),
        rows,
        slices: slices.filter(|slices| bytes(slices) <= SLICES_BYTES_MAX).cloned(),
        touched: scopes.states.windows().map(spans),
        asked: order.recount.filter(|_| !behind.is_empty()).map(|recount| recount.asked),
        behind,
        ended: ledger.ended,
        unfinished: ledger.unfinished(),
    }
}

/// How much room the values take in an account.
fn bytes(slices: &SliceValues) -> usize {
    slices.values().flatten().map(String::len).sum()
}

/// The `account` of a run which has found nothing to be counted in `snapshot`.
pub(super) fn carried_on(
    account: &Account,
    snapshot: &Snapshot,
    lineage: &Lineage,
    as_of: Timestamp,
) -> Account {
    Account {
        source: lineage.source.clone(),
        files: count_files("inference.table", &snapshot.inference).ok(),
        ids: snapshot.ids(),
        heads: snapshot.heads.clone(),
        labels: lineage.labels.clone(),
        baseline: lineage.baseline.clone(),
        as_of: as_of.max(account.as_of),
        ..account.clone()
    }
}

/// When an attempt that began so is at its end.
pub(super) fn ended(now: Timestamp, began: Instant) -> Timestamp {
    now.checked_add(began.elapsed()).unwrap_or(now)
}
