//! What a run has to do: what changed since earlier runs, and what follows from that.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;
use jiff::Timestamp;

use super::{Order, RunError};
use crate::config::Monitor;
use crate::lineage::{ENGINE_VERSION, Lineage};
use crate::profile::query::Earlier;
use crate::sink::{Account, Ledger, Sink};
use crate::source::changes::{Changes, Counted, Since, Span, since};
use crate::source::{Part, Snapshot, Versions};
use crate::window::{Calendar, Granularity, Window};

/// Most windows that are computed anew one by one; of more, all are.
const WINDOWS_MAX: usize = 100_000;

/// What a run has to do.
pub(super) enum Work {
    /// To read all rows. Why, unless there is nothing yet.
    Everything(Option<String>),
    /// To read some, and add them to what there is.
    Some(Box<Increment>),
    /// Nothing.
    Nothing,
}

/// What a run adds to what there is.
pub(super) struct Increment {
    /// The rows that are read.
    pub(super) part: Part,
    /// What they are added to.
    pub(super) earlier: Earlier,
    /// The first version that is read.
    pub(super) from: u64,
}

/// What is to be done for `snapshot`, by what the sink knows of earlier runs.
///
/// # Errors
/// If the log of the inference table, or the states table, cannot be read.
pub(super) async fn plan(
    monitor: &Monitor,
    snapshot: &Snapshot,
    lineage: &Lineage,
    sink: &Sink<'_>,
    order: Order,
) -> Result<Work, RunError> {
    let (ledger, as_of) = (sink.ledger(), order.as_of);
    let Some(account) = &ledger.account else {
        let why = "one of its tables is not there any more, or does not say what was counted";
        return Ok(Work::Everything(ledger.has_past.then(|| why.to_owned())));
    };
    if let Some(why) = outdated(account, lineage) {
        return Ok(Work::Everything(Some(why)));
    }
    if order.versions != Versions::default() {
        return Ok(Work::Everything(None));
    }
    if as_of < account.as_of {
        return Ok(Work::Everything(Some("its present is before that of the last run".to_owned())));
    }
    let counted = Counted { version: account.source.version, table_id: Some(&account.source_id) };
    let timestamp_col = &monitor.inference.timestamp_col;
    let changes = match since("inference.table", &snapshot.inference, counted, timestamp_col).await? {
        Since::Everything(why) => return Ok(Work::Everything(Some(why.to_string()))),
        Since::Changes(changes) if changes.metadata => {
            let why = "the schema or the settings of the table were changed";
            return Ok(Work::Everything(Some(why.to_owned())));
        }
        Since::Changes(changes) => changes,
    };
    if !changes.touched.is_empty() && is_local(monitor, snapshot) {
        let why = format!("rows changed, and `{timestamp_col}` says no zone");
        return Ok(Work::Everything(Some(why)));
    }
    let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
    let Some(recounted) = windows(&changes.touched, base, calendar) else {
        return Ok(Work::Everything(Some("rows of very many windows changed".to_owned())));
    };
    let due = match due(account, ledger, monitor, as_of) {
        Some(due) => due,
        None => return Ok(Work::Everything(Some("an earlier run did not end".to_owned()))),
    };
    if changes.added.is_empty() && recounted.is_empty() && due.is_empty() {
        return Ok(Work::Nothing);
    }
    let Some(states) = sink.states().await? else { return Ok(Work::Everything(None)) };
    let Changes { from, added, .. } = changes;
    let part = Part { files: added.into_iter().map(|file| file.path).collect(), times: times(&recounted) };
    let mut judged: BTreeMap<Granularity, u32> = BTreeMap::new();
    for rule in &monitor.rules {
        // Twice as many as the rule looks at: some may have too few rows to say anything.
        let windows = judged.entry(rule.granularity).or_default();
        *windows = (2 * rule.of.max(2) + 2).max(*windows);
    }
    let earlier = Earlier { states, recounted, due, judged, baseline_is_kept: true };
    Ok(Work::Some(Box::new(Increment { part, earlier, from: from + 1 })))
}

/// Why what the `account` says does not hold any more.
fn outdated(account: &Account, lineage: &Lineage) -> Option<String> {
    let Account { config_hash, engine_version, source, labels, baseline, .. } = account;
    let changed = [
        (*engine_version != ENGINE_VERSION, "an other version of Secchi counted them before"),
        (*config_hash != lineage.config_hash, "the settings of the monitor were changed"),
        (source.table != lineage.source.table, "the monitor names another inference table"),
        (*labels != lineage.labels, "there are other labels"),
        (*baseline != lineage.baseline, "there is another baseline"),
    ];
    changed.into_iter().find_map(|(is_changed, why)| is_changed.then(|| why.to_owned()))
}

/// Whether times are told by a clock that stands in another zone than UTC: which instants they are, the log does not say.
fn is_local(monitor: &Monitor, snapshot: &Snapshot) -> bool {
    let column = snapshot.schema.field_with_name(&monitor.inference.timestamp_col);
    let has_zone = column.is_ok_and(|column| matches!(column.data_type(), DataType::Timestamp(_, Some(_))));
    !has_zone && monitor.timezone != "UTC"
}

/// The windows of which some row may be of one of `spans`; `None` of very many.
fn windows(spans: &[Span], base: Granularity, calendar: &Calendar) -> Option<BTreeSet<Window>> {
    let mut windows = BTreeSet::new();
    for span in spans {
        let mut at = Timestamp::from_microsecond(span.first).ok();
        while let Some(instant) = at.filter(|at| at.as_microsecond() <= span.last) {
            // No window, no row of the tables.
            let Ok(window) = calendar.window_of(base, instant) else { break };
            windows.insert(window);
            at = Some(window.end);
            if windows.len() > WINDOWS_MAX {
                return None;
            }
        }
    }
    Some(windows)
}

/// When the rows of `windows` are, neighbours together.
fn times(windows: &BTreeSet<Window>) -> Vec<(i64, i64)> {
    let mut times: Vec<(i64, i64)> = Vec::new();
    for window in windows {
        let (from, until) = (window.start.as_microsecond(), window.end.as_microsecond());
        match times.last_mut() {
            Some((_, end)) if *end == from => *end = until,
            _ => times.push((from, until)),
        }
    }
    times
}

/// Base windows that are computed anew though no row of them changed: those that are complete by now and were not then,
/// which can raise an alert, and those of a run that did not end. `None` if these are all.
fn due(account: &Account, ledger: &Ledger, monitor: &Monitor, as_of: Timestamp) -> Option<BTreeSet<Window>> {
    let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
    let mut due = BTreeSet::new();
    if !ledger.is_finished {
        let touched = account.touched.as_ref()?;
        let spans = touched.iter().map(|(from, until)| Span { first: *from, last: until - 1 });
        due = windows(&spans.collect::<Vec<_>>(), base, calendar)?;
    }
    for granularity in &monitor.granularities {
        let Ok(mut at) = account.as_of.checked_sub(monitor.lateness) else { continue };
        while let Ok(window) = calendar.window_of(*granularity, at) {
            if monitor.is_provisional(window.end, as_of) {
                break;
            }
            due.extend(calendar.window_of(base, window.start));
            at = window.end;
            if due.len() > WINDOWS_MAX {
                return None;
            }
        }
    }
    Some(due)
}
