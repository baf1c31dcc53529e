//! From rows to states: runs `sql/` over a snapshot and decodes what comes back.
//!
//! One query counts a table and all its slices; a small one before it finds the values of each slicing expression. This
//! is the only place where rows are touched. It must not compare, judge or write.
//!
//! ```text
//! rows ─ states ─ pass ─ decode ─ closer ─ bins        what is counted, what is asked of it, the asking, the answer,
//!                                                      what it leaves to be asked, and where it is cut
//! ```

mod bins;
mod closer;
mod custom;
mod decode;
mod error;
mod pass;
mod rows;
mod states;
mod watch;

use std::sync::Arc;

use datafusion::dataframe::DataFrame;
pub(super) use decode::texts;
pub use error::{HINT_FAULT, OUT_OF_RANGE, QueryError};
pub use pass::MAX_SLICES;
use pass::Pass;
pub(super) use rows::view;
pub use watch::{Watch, bytes_read};

use super::custom::{Measured, aggregate};
use super::fairness::Fairness;
use super::gap::Gaps;
use super::own_names::OwnNames;
use super::pinned::PinnedEdges;
use super::slice::{self, SliceError};
use super::state_row::Bases;
use super::{BaseGroup, Profiles, Rollup, columns, counterparts, functions};
use crate::config::{Monitor, ProblemType};
use crate::contract::TABLE;
use crate::source::Snapshot;

/// What was counted, and what it cost.
#[derive(Debug)]
pub struct Counted {
    /// The states of every window.
    pub profiles: Profiles,
    /// The states that they are added up from.
    pub bases: Bases,
    /// What custom aggregates gave.
    pub custom: Vec<Measured>,
    /// Rows of the inference table.
    pub rows: u64,
    /// Rows of it that have no time, and are in no window.
    pub rows_without_time: u64,
    /// Rows of it whose time no window can hold.
    pub rows_out_of_range: u64,
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
    let own = &own_names(snapshot);
    let gaps = match &snapshot.baseline {
        Some(baseline) => counterparts::gaps(monitor, &snapshot.schema, &baseline.schema),
        None => Gaps::new(),
    };
    let mut pinned = PinnedEdges::default();
    let mut custom: Vec<Measured> = aggregate::asked(monitor).map(Measured::of).collect();
    let baseline_columns = counterparts::in_baseline(&columns, &gaps);
    let mut baseline = match &snapshot.baseline {
        None => None,
        Some(baseline) => {
            let pass = Pass {
                ctx: &snapshot.ctx,
                monitor,
                own,
                table: baseline.pin.table.as_str(),
                table_bytes: baseline.bytes,
                columns: &baseline_columns,
                with_quality: true,
                gaps: &gaps,
                has_windows: false,
                watch,
            };
            let frame = rows::of_baseline(monitor, snapshot, baseline, &baseline_columns, own).await?;
            let counted = pass.run(&frame, "baseline", &mut pinned, &mut custom).await?;
            if counted.groups.is_empty() {
                let (table, version) = (pass.table.to_owned(), baseline.pin.version);
                return Err(QueryError::Empty { key: "baseline.table", table, version });
            }
            Some((pass, counted))
        }
    };
    let pass = Pass {
        ctx: &snapshot.ctx,
        monitor,
        own,
        table,
        table_bytes: snapshot.source_bytes,
        columns: &columns,
        with_quality: true,
        gaps: &Gaps::new(),
        has_windows: true,
        watch,
    };
    let frame = rows::of_inference(monitor, snapshot, own).await?;
    let fairness = fairness(monitor, &frame);
    let counted = pass.run(&frame, "inference", &mut pinned, &mut custom).await?;
    let rollup = Rollup { granularities: &monitor.granularities, calendar: &monitor.calendar };
    let mut groups = counted.groups;
    let rows = count_rows(&groups, |_| true);
    let rows_out_of_range = count_rows(&groups, |base| rollup.is_out_of_range(base));
    let rows_without_time = count_rows(&groups, |base| base.window.is_none() && !base.is_out_of_range);
    if rows == 0 {
        let version = snapshot.source.version;
        return Err(QueryError::Empty { key: "inference.table", table: table.to_owned(), version });
    }
    if rows_without_time + rows_out_of_range == rows {
        let (column, version) = (monitor.inference.timestamp_col.clone(), snapshot.source.version);
        let table = table.to_owned();
        return Err(match rows_out_of_range {
            0 => QueryError::Timeless { column, rows, table, version },
            outside => QueryError::OutOfRange { column, outside, nulls: rows_without_time, table, version },
        });
    }
    if let Some((pass, baseline)) = &mut baseline {
        // What is compared has the same edges.
        pass.catch_up(baseline, &pinned).await?;
    }

    let requests_with_several_labels = rows::with_several_labels(monitor, snapshot).await?;
    let (mut baseline, baseline_bytes) =
        baseline.map_or_else(Default::default, |(_, baseline)| (baseline.groups, baseline.bytes));
    for base in groups.iter_mut().chain(&mut baseline) {
        Arc::make_mut(&mut base.group).settle();
    }
    let windows = rollup.windows(&groups);
    let bases = Bases { inference: groups, baseline, pinned };
    let baseline = Rollup::baseline(&bases.baseline);
    let prediction = monitor.inference.prediction.as_ref();
    let has_scores = prediction.is_some_and(|prediction| prediction.proba_col.is_some());
    let profiles = Profiles { columns, has_scores, fairness, windows, baseline, gaps };
    Ok(Counted {
        profiles,
        bases,
        custom,
        rows,
        rows_without_time,
        rows_out_of_range,
        requests_with_several_labels,
        bytes: counted.bytes + baseline_bytes,
    })
}

/// What is compared for fairness, if the rows of `frame` have predictions of classes. What a predicate is, its type
/// says: a text may be called `true`, too.
fn fairness(monitor: &Monitor, frame: &DataFrame) -> Option<Fairness> {
    let prediction = monitor.inference.prediction.as_ref()?;
    let is_predicate = |expression: &&String| slice::is_predicate(frame, expression);
    (prediction.problem_type == ProblemType::Classification).then(|| Fairness {
        predicates: monitor.slicing_exprs.iter().filter(is_predicate).cloned().collect(),
        prediction_col: prediction.column.clone(),
    })
}

/// Rows of the whole table, of the groups that are `wanted`.
fn count_rows(groups: &[BaseGroup], wanted: impl Fn(&BaseGroup) -> bool) -> u64 {
    let whole = groups.iter().filter(|base| base.segment.slice.is_none());
    whole.filter(|base| wanted(base)).map(|base| base.group.row_count).sum()
}

/// Plans what [`count`] would run, so that what cannot be computed is found without reading a row.
///
/// # Errors
/// If a slicing expression or a custom metric cannot be computed, or the roles do not fit together.
pub async fn check(monitor: &Monitor, snapshot: &Snapshot) -> Result<(), QueryError> {
    functions::register(&snapshot.ctx);
    let columns = columns::profiled(monitor, &snapshot.schema);
    let table = snapshot.source.table.as_str();
    if columns.iter().any(|column| column.name == TABLE) {
        return Err(QueryError::Reserved { table: table.to_owned() });
    }
    let own = &own_names(snapshot);
    let inference = rows::of_inference(monitor, snapshot, own).await?;
    let mut frames = vec![(table, inference.clone())];
    if let Some(baseline) = &snapshot.baseline {
        let table = baseline.pin.table.as_str();
        let frame = rows::of_baseline(monitor, snapshot, baseline, &columns, own).await?;
        frames.push((table, frame));
    }
    for (table, frame) in frames {
        for expression in &monitor.slicing_exprs {
            let sliced = slice::with_value(&frame, expression, &own.slice(0), own);
            let sliced = sliced.map_err(|error| QueryError::slice(expression, table, error))?;
            let planned = sliced.create_physical_plan().await;
            planned.map_err(|error| QueryError::slice(expression, table, SliceError::of_plan(&error)))?;
        }
    }
    custom::check(monitor, snapshot, own, inference).await
}

/// Names that neither the inference table nor the baseline has.
fn own_names(snapshot: &Snapshot) -> OwnNames {
    let baseline = snapshot.baseline.iter().flat_map(|baseline| baseline.schema.fields());
    OwnNames::apart_from(&snapshot.schema.fields().iter().chain(baseline).map(|field| field.name().as_str()))
}
