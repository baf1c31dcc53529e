//! From rows to states: runs `sql/` over a snapshot and decodes what comes back.
//!
//! One query for the whole table and one for each slicing expression; each is one pass. This is the only
//! place where rows are touched. It must not compare, judge or write.
//!
//! ```text
//! rows ─ states ─ pass ─ decode        what is counted, what is asked of it, the asking, the answer
//! ```

mod decode;
mod error;
mod pass;
mod rows;
mod states;
mod watch;

pub use error::{HINT_FAULT, QueryError};
pub use pass::MAX_SLICES;
use pass::Pass;
pub use watch::{Watch, bytes_read};

use super::slice::{self, SliceError};
use super::{BaseGroup, Profiles, Rollup, columns, functions};
use crate::config::Monitor;
use crate::source::Snapshot;

/// What was counted, and what it cost.
#[derive(Debug)]
pub struct Counted {
    /// The states.
    pub profiles: Profiles,
    /// Rows of the inference table.
    pub rows: u64,
    /// Rows of it that have no time, and are in no window.
    pub rows_without_time: u64,
    /// Requests with several labels, of which none is known to be the latest.
    pub requests_with_several_labels: u64,
    /// Bytes of Parquet that were read.
    pub bytes: u64,
}

/// Counts everything that `monitor` wants to know of `snapshot`.
///
/// # Errors
/// If a table cannot be read, or has no rows, or a slicing expression cannot be computed.
pub async fn count(monitor: &Monitor, snapshot: &Snapshot, watch: &dyn Watch) -> Result<Counted, QueryError> {
    // A misspelt expression is found before the first of many files is read.
    check(monitor, snapshot).await?;
    let columns = columns::profiled(monitor, &snapshot.schema);
    let table = snapshot.source.table.as_str();
    let table_bytes = snapshot.source_bytes;
    let pass = Pass { ctx: &snapshot.ctx, monitor, table, table_bytes, columns: &columns, watch };
    let (groups, bytes) = pass.run(&rows::of_inference(monitor, snapshot).await?, "inference").await?;
    let (rows, rows_without_time) = (count_rows(&groups, |_| true), count_rows(&groups, has_no_window));
    if rows == 0 {
        let version = snapshot.source.version;
        return Err(QueryError::Empty { key: "inference.table", table: table.to_owned(), version });
    }
    if rows_without_time == rows {
        let (column, version) = (monitor.inference.timestamp_col.clone(), snapshot.source.version);
        return Err(QueryError::Timeless { column, rows, table: table.to_owned(), version });
    }

    let requests_with_several_labels = rows::with_several_labels(monitor, snapshot).await?;
    let mut baseline_bytes = 0;
    let mut baseline = Vec::new();
    if let Some(pinned) = &snapshot.baseline {
        let table = pinned.pin.table.as_str();
        let pass = Pass { table, table_bytes: pinned.bytes, ..pass };
        let frame = rows::of_baseline(monitor, snapshot, pinned, &columns).await?;
        (baseline, baseline_bytes) = pass.run(&frame, "baseline").await?;
        if baseline.is_empty() {
            let version = pinned.pin.version;
            return Err(QueryError::Empty { key: "baseline.table", table: table.to_owned(), version });
        }
    }
    let rollup = Rollup { granularities: &monitor.granularities, calendar: &monitor.calendar };
    let windows =
        rollup.windows(&groups).map_err(|source| QueryError::Time { table: table.to_owned(), source })?;
    let baseline = Rollup::baseline(&baseline);
    let prediction = monitor.inference.prediction.as_ref();
    let has_scores = prediction.is_some_and(|prediction| prediction.proba_col.is_some());
    let profiles = Profiles { columns, has_scores, windows, baseline };
    let bytes = bytes + baseline_bytes;
    Ok(Counted { profiles, rows, rows_without_time, requests_with_several_labels, bytes })
}

/// Rows of the whole table, of the groups that are `wanted`.
fn count_rows(groups: &[BaseGroup], wanted: impl Fn(&BaseGroup) -> bool) -> u64 {
    let whole = groups.iter().filter(|base| base.segment.slice.is_none());
    whole.filter(|base| wanted(base)).map(|base| base.group.row_count).sum()
}

fn has_no_window(base: &BaseGroup) -> bool {
    base.window.is_none()
}

/// Plans what [`count`] would run, so that what cannot be computed is found without reading a row.
///
/// # Errors
/// If a slicing expression cannot be computed, or the roles do not fit together.
pub async fn check(monitor: &Monitor, snapshot: &Snapshot) -> Result<(), QueryError> {
    functions::register(&snapshot.ctx);
    let columns = columns::profiled(monitor, &snapshot.schema);
    let table = snapshot.source.table.as_str();
    let mut frames = vec![(table, rows::of_inference(monitor, snapshot).await?)];
    if let Some(baseline) = &snapshot.baseline {
        let table = baseline.pin.table.as_str();
        let frame = rows::of_baseline(monitor, snapshot, baseline, &columns).await?;
        rows::are_comparable(&columns, &frame, table)?;
        frames.push((table, frame));
    }
    for (table, frame) in frames {
        for expression in &monitor.slicing_exprs {
            let sliced = slice::with_value(&frame, expression);
            let sliced = sliced.map_err(|error| QueryError::slice(expression, table, error))?;
            let planned = sliced.create_physical_plan().await;
            planned.map_err(|error| QueryError::slice(expression, table, SliceError::of_plan(&error)))?;
        }
    }
    Ok(())
}
