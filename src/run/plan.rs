//! What a run has to do: what changed since earlier runs, and what follows from that.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use jiff::Timestamp;

use super::{Order, RunError};
use crate::config::Monitor;
use crate::lineage::{ENGINE_VERSION, Lineage, Pin};
use crate::profile::functions::LAYOUT;
use crate::profile::query::{Due, Earlier, QueryError, Reading, counted_windows, relabeled, window_start};
use crate::sink::{Account, Ledger, Sink};
use crate::source::changes::{ColumnChange, Counted, Since, Span, since};
use crate::source::{Part, Snapshot, Versions};
use crate::spans::Spans;
use crate::window::{Calendar, Granularity, Window};

/// Most windows that have become complete of which each is named; of more, all are computed anew.
const DUE_MAX: usize = 100_000;

/// By how much the clocks of two places can differ, in microseconds, and more.
const CLOCKS_APART_MAX: i64 = 36 * 3600 * 1_000_000;

/// What a run has to do.
pub(super) struct Task {
    /// What it reads, and what that is added to.
    pub(super) reading: Reading,
    /// The first version of which rows are added; 0 if rows of windows are read from the first on.
    pub(super) from: u64,
    /// Commits that changed rows since.
    pub(super) commits: u64,
    /// Bytes that were read to know.
    pub(super) bytes: u64,
    /// What there is to do besides rows that are new.
    pub(super) reasons: Vec<&'static str>,
    /// Why all rows are read, if there is something to say about it.
    pub(super) why_all: Option<WhyAll>,
    /// What of this somebody should know.
    pub(super) findings: Vec<String>,
}

/// Why all rows are read.
pub(super) struct WhyAll {
    why: String,
    /// Whether other rows wait for runs after this one.
    in_parts: bool,
}

impl WhyAll {
    /// The finding of a run that has read them, or would.
    pub(super) fn told(&self, is_done: bool) -> String {
        let Self { why, in_parts } = self;
        match (in_parts, is_done) {
            (true, _) => format!(
                "all rows are read anew, part by part, since {why}; until all are, the tables have those that were read"
            ),
            (false, true) => format!("all rows were read, since {why}"),
            (false, false) => format!("all rows would be read, since {why}"),
        }
    }
}

/// Windows that a run is told to compute anew, whatever changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recount {
    /// From when until when they are, in microseconds, half-open.
    pub chunk: (i64, i64),
    /// From when until when windows are that this run, and others after it, are told to compute anew.
    pub remaining: (i64, i64),
    /// From when until when windows were in all that were asked for.
    pub asked: (i64, i64),
}

/// Why there is no task that adds to what earlier runs have counted.
enum Unable {
    /// That does not hold any more, and why; nothing to say if there is nothing yet.
    Anew(Option<String>),
    /// It could not be found out.
    Failed(RunError),
}

impl<E: Into<RunError>> From<E> for Unable {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn anew(why: &str) -> Unable {
    Unable::Anew(Some(why.to_owned()))
}

/// What is to be done for `snapshot`, by what the sink knows of earlier runs; `None` if nothing.
///
/// # Errors
/// If the log of a table, or the states table, cannot be read.
pub(super) async fn plan(
    monitor: &Monitor,
    snapshot: &Snapshot,
    lineage: &Lineage,
    sink: &Sink<'_>,
    order: Order,
) -> Result<Option<Task>, RunError> {
    match addition(monitor, snapshot, lineage, sink, order).await {
        Ok(task) => Ok(task),
        Err(Unable::Failed(error)) => Err(error),
        Err(Unable::Anew(why)) => {
            let chunk = order.recount.map(|recount| Spans::from(vec![recount.chunk]));
            let behind = chunk.as_ref().map(|chunk| Spans::all().without(chunk)).unwrap_or_default();
            let window = is_local(monitor, snapshot);
            let part = chunk.map(|times| Part {
                times,
                window: window.then(|| window_start(monitor)),
                ..Part::default()
            });
            let why_all = why.map(|why| WhyAll { why, in_parts: !behind.is_empty() });
            let reading = Reading { part, earlier: None, behind, learns: monitor.learns() };
            let (reasons, findings) = (Vec::new(), Vec::new());
            Ok(Some(Task { reading, from: 0, commits: 0, bytes: 0, reasons, why_all, findings }))
        }
    }
}

/// What is added to what earlier runs have counted.
async fn addition(
    monitor: &Monitor,
    snapshot: &Snapshot,
    lineage: &Lineage,
    sink: &Sink<'_>,
    order: Order,
) -> Result<Option<Task>, Unable> {
    let ledger = sink.ledger();
    let Some(account) = &ledger.account else {
        let why = "one of its tables of states, metrics or alerts is not there any more, or does not say what was counted";
        return Err(Unable::Anew(ledger.has_past.then(|| why.to_owned())));
    };
    holds(account, monitor, snapshot, lineage, order)?;
    if let Some(why) = snapshot.replaced(account.read()).await? {
        return Err(anew(why));
    }
    let counted =
        Counted { version: account.source.version, table_id: Some(&account.source_id), files: account.files };
    let timestamp_col = &monitor.inference.timestamp_col;
    let changes = match since("inference.table", &snapshot.inference, counted, timestamp_col).await? {
        Since::Everything(why) => return Err(anew(&why.to_string())),
        Since::Changes(changes) => changes,
    };
    let columns = columns(changes.columns.as_deref())?;
    let is_local = is_local(monitor, snapshot);
    let touched = in_windows(&changes.touched, is_local, monitor);
    let (relabeled, bytes) = match (&account.labels, &lineage.labels) {
        (Some(before), Some(now)) if before != now => {
            let found = relabeled(monitor, snapshot, before.version).await;
            let found = found.map_err(|error| QueryError::query(&now.table, error))?;
            found.ok_or_else(|| anew("what its labels were cannot be read any more"))?
        }
        _ => (Spans::default(), 0),
    };
    let (chunk, behind) = match order.recount {
        None => (account.behind.clone(), Spans::default()),
        Some(Recount { chunk, remaining, .. }) => {
            let chunk = Spans::from(vec![chunk]);
            let behind = account.behind.and(&Spans::from(vec![remaining])).without(&chunk);
            (chunk, behind)
        }
    };
    let recounted = touched.and(&relabeled).and(&chunk).without(&behind);
    let is_same_entry = match (&account.heads.baseline, &snapshot.heads.baseline) {
        (Some(then), Some(now)) => then == now,
        _ => true,
    };
    let is_same_baseline = account.baseline == lineage.baseline
        && account.ids.baseline == snapshot.ids().baseline
        && is_same_entry;
    // What was expected of rows was told by what the baseline was like, and by columns that both had.
    let is_of_baseline = |change: &ColumnChange| {
        snapshot
            .baseline
            .as_ref()
            .is_some_and(|baseline| baseline.schema.field_with_name(change.column()).is_ok())
    };
    if monitor.expects_losses() && (!is_same_baseline || columns.iter().any(is_of_baseline)) {
        return Err(anew("errors are expected by what the baseline was like, which has changed"));
    }
    // A column that is new here may have been in the baseline all along, where it was not counted.
    let baseline_is_kept = is_same_baseline && columns.is_empty();
    let is_same_version = account.version_cmp == monitor.comparisons.version(lineage.model.as_ref());
    let is_as_it_was = account.config_hash == lineage.config_hash && baseline_is_kept && is_same_version;
    let unfinished = unfinished(account, ledger, monitor);
    let due = match &unfinished {
        Some(_) if is_as_it_was => due(account, monitor, order.as_of),
        _ => Due::All,
    };
    let reads_nothing = changes.added.is_empty() && recounted.is_empty() && ledger.is_finished;
    if reads_nothing && due == Due::Windows(BTreeSet::new()) {
        return Ok(None);
    }
    let Some((url, states)) = sink.states().await? else { return Err(Unable::Anew(None)) };
    if let Due::Windows(due) = &due
        && reads_nothing
    {
        let there = counted_windows(monitor, Arc::clone(&states)).await;
        let there = there.map_err(|error| QueryError::kept(&url, error))?;
        if due.is_disjoint(&there) {
            return Ok(None);
        }
    }
    let is_due = matches!(&due, Due::Windows(due) if !due.is_empty());
    let reasons = [
        (!relabeled.is_empty(), "labels came or changed"),
        (order.recount.is_some(), "windows are to be counted anew"),
        (!chunk.is_empty() && order.recount.is_none(), "a backfill was broken off, whose windows wait"),
        (!ledger.is_finished, "a run did not end, and is gone on from"),
        (!is_same_baseline, "the baseline has other rows"),
        (account.config_hash != lineage.config_hash, "settings were changed"),
        (!is_same_version, "versions are compared with another one"),
        (is_due, "windows have become complete"),
    ];
    let reasons = reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason).collect();
    // What a run that did not end has read is among the rows, too.
    let adds_only = recounted.is_empty() && ledger.is_finished && !changes.added.is_empty();
    let from = if adds_only { changes.from + 1 } else { 0 };
    let window = is_local.then(|| window_start(monitor));
    let part = Part {
        files: changes.added.into_iter().map(|file| file.path).collect(),
        times: recounted.clone(),
        except: behind.clone(),
        is_everything: false,
        window: window.clone(),
    };
    let unfinished = unfinished.unwrap_or_default();
    // Where windows may lose rows, slices may go with them.
    let slices = account.slices.clone().filter(|_| recounted.is_empty() && ledger.is_finished);
    let caught_up = account.behind.without(&behind);
    let earlier =
        Earlier { states, url, recounted, caught_up, due, unfinished, slices, baseline_is_kept, window };
    // What was learned holds as long as the rules, and what they learn from.
    let learns = monitor.learns() && !(is_as_it_was && ledger.is_finished);
    let reading = Reading { part: Some(part), earlier: Some(earlier), behind, learns };
    let findings = columns.iter().map(|column| format!("schema: {column}")).collect();
    Ok(Some(Task { reading, from, commits: changes.commits, bytes, reasons, why_all: None, findings }))
}

/// Whether what the `account` says holds still, so that it can be added to.
fn holds(
    account: &Account,
    monitor: &Monitor,
    snapshot: &Snapshot,
    lineage: &Lineage,
    order: Order,
) -> Result<(), Unable> {
    let Account { counting_hash, engine_version, layout, source, labels, baseline, .. } = account;
    let table = |pin: &Option<Pin>| pin.as_ref().map(|pin| pin.table.clone());
    let (ids_then, ids) = (&account.ids, snapshot.ids());
    let is_older =
        labels.as_ref().zip(lineage.labels.as_ref()).is_some_and(|(was, is)| is.version < was.version);
    let is_back = order.versions != Versions::default() && lineage.source.version < source.version;
    let changed = [
        (is_back, "it looks back, at a version before the one that was counted"),
        (*engine_version != ENGINE_VERSION, "another version of Secchi counted them before"),
        (*layout != LAYOUT, "what was counted is kept in another form"),
        (*counting_hash != monitor.counting_hash, "settings were changed that decide what is counted"),
        (source.table != lineage.source.table, "the monitor names another inference table"),
        (table(labels) != table(&lineage.labels) || is_older, "there are other labels"),
        (ids_then.labels != ids.labels, "the label table was made anew"),
        (account.label_type != snapshot.label_type(monitor), "labels are of another type"),
        (table(baseline) != table(&lineage.baseline), "there is another baseline"),
    ];
    if let Some((_, why)) = changed.into_iter().find(|(is_changed, _)| *is_changed) {
        return Err(anew(why));
    }
    // Clocks of two machines differ a little, which is nothing as long as the same windows are complete.
    if order.as_of < account.as_of && !become_complete(monitor, order.as_of, account.as_of).is_empty() {
        return Err(anew("its present is before that of the last run"));
    }
    Ok(())
}

/// What happened to the columns, if rows need not be read for it: new ones are NULL in rows that were counted before.
fn columns(changes: Option<&[ColumnChange]>) -> Result<&[ColumnChange], Unable> {
    let Some(changes) = changes else { return Err(anew("what its schema was cannot be read any more")) };
    let is_other = |change: &&ColumnChange| match change {
        ColumnChange::Renamed { .. } | ColumnChange::Retyped { .. } | ColumnChange::Replaced(_) => true,
        ColumnChange::Added(_) | ColumnChange::Dropped(_) => false,
    };
    match changes.iter().find(is_other) {
        Some(other) => Err(anew(&other.to_string())),
        None => Ok(changes),
    }
}

/// Whether times are told by a clock that stands in another zone than UTC: which instants they are, the log does not say.
pub(super) fn is_local(monitor: &Monitor, snapshot: &Snapshot) -> bool {
    let column = snapshot.schema.field_with_name(&monitor.inference.timestamp_col);
    let has_zone = column.is_ok_and(|column| matches!(column.data_type(), DataType::Timestamp(_, Some(_))));
    !has_zone && monitor.timezone != "UTC"
}

/// The times of the base windows of which some row may be of one of `spans`, which a clock tells somewhere if they are local.
pub(super) fn in_windows(spans: &[Span], is_local: bool, monitor: &Monitor) -> Spans {
    let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
    let apart = if is_local { CLOCKS_APART_MAX } else { 0 };
    let around = |span: &Span| {
        let of = |at: i64| window_of(calendar, base, at);
        let (first, last) = (span.first.saturating_sub(apart), span.last.saturating_add(apart));
        let from = of(first).map_or(i64::MIN, |window| window.start.as_microsecond());
        let until = of(last).map_or(i64::MAX, |window| window.end.as_microsecond());
        (from, until)
    };
    spans.iter().map(around).collect()
}

fn window_of(calendar: &Calendar, base: Granularity, at: i64) -> Option<Window> {
    calendar.window_of(base, Timestamp::from_microsecond(at).ok()?).ok()
}

/// How many base windows there are in `spans`; `None` if more than `most`.
pub(super) fn count_windows(spans: &Spans, monitor: &Monitor, most: usize) -> Option<usize> {
    let mut count = 0;
    for span in spans.iter() {
        window_of(&monitor.calendar, monitor.base_granularity(), span.0)?;
        count += base_windows(span, monitor).take(most + 1).count();
        if count > most {
            return None;
        }
    }
    Some(count)
}

/// Base windows that a run has touched that did not end: rows of them may be in some tables and not in others. `None` if it has
/// touched all, or too many.
fn unfinished(account: &Account, ledger: &Ledger, monitor: &Monitor) -> Option<BTreeSet<Window>> {
    let mut unfinished = BTreeSet::new();
    if !ledger.is_finished {
        for span in account.touched.as_ref()?.iter() {
            unfinished.extend(base_windows(span, monitor).take(DUE_MAX + 1));
            if unfinished.len() > DUE_MAX {
                return None;
            }
        }
    }
    Some(unfinished)
}

/// Base windows that are computed anew though no row of them changed: those of windows that are complete by now and were not
/// then, which can raise an alert.
pub(super) fn due(account: &Account, monitor: &Monitor, as_of: Timestamp) -> Due {
    become_complete(monitor, account.as_of, as_of)
}

/// Base windows of those that become complete between two presents.
pub(super) fn become_complete(monitor: &Monitor, from: Timestamp, until: Timestamp) -> Due {
    let mut due = BTreeSet::new();
    for granularity in &monitor.granularities {
        let Ok(mut at) = from.checked_sub(monitor.lateness) else { continue };
        while let Ok(window) = monitor.calendar.window_of(*granularity, at) {
            if monitor.is_provisional(window.end, until) {
                break;
            }
            let span = (window.start.as_microsecond(), window.end.as_microsecond());
            due.extend(base_windows(span, monitor).take(DUE_MAX + 1));
            at = window.end;
            if due.len() > DUE_MAX {
                return Due::All;
            }
        }
    }
    Due::Windows(due)
}

/// The base windows in a span, from the one on that its first time lies in.
fn base_windows((from, until): (i64, i64), monitor: &Monitor) -> impl Iterator<Item = Window> + '_ {
    let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
    let next = move |window: &Window| calendar.window_of(base, window.end).ok();
    let windows = std::iter::successors(window_of(calendar, base, from), next);
    windows.take_while(move |window| window.start.as_microsecond() < until)
}
