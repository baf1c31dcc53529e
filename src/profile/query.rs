//! From rows to states: runs `sql/` over a snapshot and decodes what comes back.
//!
//! One query counts some columns of a table with all its slices, and most tables have room for all columns in one; small
//! ones before it find the values of each slicing expression and, where a table is large, its groups. This is the only
//! place where rows are touched. It must not compare, judge or write.
//!
//! ```text
//! rows ─ plan ─ passes ─ decided ─ states ─ table ─ decode ─ closer ─ earlier ─ kept ─ together ─ bins
//!
//! what is counted, how much there is of it, which columns at once, what the baseline decides, what is asked of them, the
//! asking, the answer, what it leaves to be asked, what it is added to, the adding, and where it is cut
//! ```

mod bins;
mod chunks;
mod closer;
mod custom;
mod decided;
mod decode;
mod earlier;
mod error;
mod kept;
#[cfg(feature = "dle")]
mod losses;
mod measured;
mod passes;
mod plan;
mod relabeled;
mod requests;
mod rows;
mod states;
mod table;
mod together;
mod watch;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use arrow::datatypes::Schema;
use bins::without_bins;
pub use chunks::chunks;
use datafusion::dataframe::DataFrame;
pub(super) use decode::texts;
use earlier::Base;
pub use earlier::{Due, Earlier};
pub use error::{HINT_FAULT, OUT_OF_RANGE, QueryError};
use jiff::Timestamp;
pub use kept::windows as counted_windows;
use measured::Scales;
use passes::Pass;
pub use relabeled::{relabeled, window_start};
use requests::show_labels;
pub(super) use rows::view;
use table::{Answer, Asked, Table};
pub use table::{MAX_SLICES, SliceValues};
pub use watch::{Watch, bytes_read};

use super::custom::{Measured, aggregate};
use super::distribution::Edges;
use super::fairness::Fairness;
use super::gap::Gaps;
use super::own_names::OwnNames;
use super::pinned::PinnedEdges;
use super::slice::{self, SliceError};
use super::state_row::Bases;
use super::{BaseGroup, ColumnInfo, ColumnSet, GroupKey, Profiles, Rollup, columns, counterparts, functions};
use crate::config::{Expectation, Monitor, ProblemType, Settings};
use crate::contract::TABLE;
use crate::scope::Scopes;
use crate::source::{Part, Snapshot, is_time};
use crate::spans::Spans;

/// What was counted of some columns.
#[derive(Debug)]
pub struct Counted {
    /// The states of every window.
    pub profiles: Profiles,
    /// The states that they are added up from.
    pub bases: Bases,
    /// Whether it is time to choose bins, which takes all windows: then these are not to be used, and all are to be counted.
    pub lacks_windows: bool,
    /// Whether what is kept does not go together with this: then it is not to be used, and all rows are to be read.
    pub is_outgrown: bool,
}

/// What is known of the tables as a whole.
#[derive(Debug, Default)]
pub struct Totals {
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
    /// Columns of the inference table in which rows crowd, however closely they were looked at.
    pub crowded: Vec<String>,
    /// Bytes of Parquet that were read.
    pub bytes: u64,
    /// In how many passes over the tables, of some columns each.
    pub passes: usize,
    /// Bytes that are held of predictions, where these alone are more than states may take.
    pub too_many_bytes: Option<u64>,
}

/// What is read of the inference table, and what it is added to: everything, and nothing, if nobody says otherwise.
#[derive(Clone, Default)]
pub struct Reading {
    /// The rows that are read; `None` if all are.
    pub part: Option<Part>,
    /// What they are added to, if anything.
    pub earlier: Option<Earlier>,
    /// Times that wait for a later run: of windows that reach into them nothing is computed.
    pub behind: Spans,
    /// Whether bounds are learned from windows of the baseline, which takes another look at it.
    pub learns: bool,
}

impl Reading {
    /// All rows, added to nothing.
    #[must_use]
    pub fn of_all_rows(self, learns: bool) -> Self {
        let window = self.part.and_then(|part| part.window);
        let times = Spans::all().without(&self.behind);
        let part = Part { times, window, is_everything: self.behind.is_empty(), ..Part::default() };
        Self { part: Some(part), earlier: None, behind: self.behind, learns }
    }

    /// The same rows, added to what is kept of all windows.
    #[must_use]
    pub fn of_all_windows(self) -> Self {
        let earlier = self.earlier.map(|earlier| Earlier { due: Due::All, ..earlier });
        Self { earlier, ..self }
    }
}

/// A snapshot that is being counted, some columns at a time: as many as there is memory for.
pub struct Counting<'a> {
    monitor: &'a Monitor,
    snapshot: &'a Snapshot,
    columns: Arc<[ColumnInfo]>,
    gaps: Gaps,
    /// Columns that only the baseline has.
    lost: Arc<[(String, String)]>,
    expectations: Arc<BTreeMap<String, Expectation>>,
    fairness: Option<Fairness>,
    inference: Table<'a>,
    baseline: Option<Table<'a>>,
    /// The baseline with its windows, if bounds are learned from them.
    rehearsal: Option<Table<'a>>,
    /// What is kept of earlier runs, if rows are added to that.
    base: Option<Base<'a>>,
    /// The groups of the rows that are added to it, without states.
    read: Option<Vec<BaseGroup>>,
    /// Times that wait for a later run.
    behind: Spans,
    passes: VecDeque<Pass>,
    pinned: PinnedEdges,
    scales: Scales,
    /// Which columns had values in the passes before, by groups of the inference table and of the baseline.
    non_null: [HashMap<GroupKey, ColumnSet>; 2],
    totals: Totals,
    /// Bytes that states may take.
    memory: u64,
}

impl<'a> Counting<'a> {
    /// Prepares to count everything that `monitor` wants to know of `snapshot`, with rows told apart at the edges that are
    /// `pinned` already.
    ///
    /// # Errors
    /// If a table cannot be read, or a slicing expression or a custom metric cannot be computed.
    pub async fn begin(
        monitor: &'a Monitor,
        snapshot: &'a Snapshot,
        settings: &Settings,
        pinned: PinnedEdges,
        reading: Reading,
        as_of: Timestamp,
        watch: &'a dyn Watch,
    ) -> Result<Self, QueryError> {
        let Reading { part, earlier, behind, learns } = reading;
        let bytes = match &part {
            Some(part) => show(monitor, snapshot, part).await?,
            None => 0,
        };
        // A misspelt expression is found before the first of many files is read.
        check(monitor, snapshot).await?;
        let columns: Arc<[ColumnInfo]> = columns::profiled(monitor, &snapshot.schema).into();
        let own = own_names(snapshot);
        let mut pinned = pinned;
        for (column, expectation) in &monitor.expectations {
            // So that it is known of each row whether it lies beyond.
            if let Expectation::Between(low, high) = expectation {
                pinned.add(column, &Edges::new([*low, high.next_up()]));
            }
        }
        let frame = rows::of_inference(monitor, snapshot, &own).await?;
        let fairness = fairness(monitor, &frame);
        let slices = match &earlier {
            Some(Earlier { slices: Some(slices), .. }) => slices.clone(),
            Some(earlier) if !monitor.slicing_exprs.is_empty() => {
                let values = kept::slice_values(Arc::clone(&earlier.states)).await;
                values.map_err(|error| QueryError::kept(&earlier.url, error))?
            }
            _ => SliceValues::new(),
        };
        let mut inference = Table {
            ctx: &snapshot.ctx,
            monitor,
            own: own.clone(),
            name: snapshot.source.table.as_str(),
            role: "inference",
            size: snapshot.size,
            gaps: Gaps::new(),
            as_of,
            has_windows: true,
            watch,
            slices,
            sliced: frame,
        };
        let (mut gaps, mut lost) = (Gaps::new(), Vec::new());
        let (mut baseline, mut rehearsal) = (None, None);
        if let Some(of_baseline) = &snapshot.baseline {
            gaps = counterparts::gaps(monitor, &snapshot.schema, &of_baseline.schema);
            lost = counterparts::lost(monitor, &snapshot.schema, &of_baseline.schema);
            let columns = counterparts::in_baseline(&columns, &gaps);
            let mut table = Table {
                own: own.clone(),
                name: of_baseline.pin.table.as_str(),
                role: "baseline",
                size: of_baseline.size,
                gaps: gaps.clone(),
                has_windows: false,
                slices: SliceValues::new(),
                sliced: rows::of_baseline(monitor, snapshot, of_baseline, &columns, &own).await?,
                ..inference
            };
            table.slice().await?;
            if learns && is_of_time(&of_baseline.schema, &monitor.inference.timestamp_col) {
                let sliced = rows::in_windows(monitor, table.sliced.clone(), &own);
                let sliced = sliced.map_err(|error| QueryError::query(table.name, error))?;
                rehearsal = Some(Table { sliced, ..table.clone() });
            }
            baseline = Some(table);
        }
        inference.slice().await?;

        let custom = aggregate::asked(monitor).map(Measured::of).collect();
        let requests_with_several_labels = rows::with_several_labels(monitor, snapshot).await?;
        let totals = Totals { custom, requests_with_several_labels, bytes, ..Totals::default() };
        let mut counting = Self {
            monitor,
            snapshot,
            columns,
            gaps,
            lost: lost.into(),
            expectations: Arc::new(monitor.expectations.clone()),
            fairness,
            inference,
            baseline,
            rehearsal,
            base: None,
            read: None,
            behind,
            passes: VecDeque::new(),
            pinned,
            scales: Scales::default(),
            non_null: <[HashMap<_, _>; 2]>::default(),
            totals,
            memory: settings.state_memory,
        };
        if let Some(earlier) = earlier {
            let (read, bytes) = counting.inference.count_rows().await?;
            let base = Base::of(monitor, earlier, &counting.behind, &read).await?;
            if counting.baseline.is_some() {
                counting.scales = Scales::kept(base.scales().await?);
            }
            counting.base = Some(base);
            counting.read = Some(read);
            counting.totals.bytes += bytes;
        }
        counting.custom().await?;
        let (passes, bytes) = counting.plan().await?;
        counting.totals.bytes += bytes;
        counting.totals.passes = passes.len();
        counting.passes = passes.into();
        Ok(counting)
    }

    /// What is known of the tables as a whole: of their rows once the first columns have been counted.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The values of each slicing expression that are slices of the inference table, now and before.
    pub fn slices(&self) -> &SliceValues {
        &self.inference.slices
    }

    /// The same, now that nothing is counted any more.
    pub fn into_totals(self) -> Totals {
        self.totals
    }

    /// Computes custom aggregates. They do not add, so all rows of all windows that are wanted are read.
    async fn custom(&mut self) -> Result<(), QueryError> {
        let Self { monitor, snapshot, inference, baseline, base, behind, totals, .. } = self;
        if totals.custom.is_empty() {
            return Ok(());
        }
        let mut inference = inference.clone();
        if let Some(base) = base {
            totals.bytes += show(monitor, snapshot, &base.rows(behind)).await?;
            inference.sliced = rows::of_inference(monitor, snapshot, &inference.own).await?;
            inference.slice().await?;
        }
        for table in baseline.iter().chain([&inference]) {
            totals.bytes += table.custom(&mut totals.custom).await?;
        }
        Ok(())
    }

    /// What is computed anew.
    pub fn scopes(&self) -> Scopes {
        self.base.as_ref().map(|base| base.scopes.clone()).unwrap_or_default()
    }

    /// The next columns, counted. Whether they are the last, [`Profiles::is_last`] says.
    ///
    /// # Errors
    /// If a table cannot be read, or has no rows.
    pub async fn next(&mut self) -> Result<Counted, QueryError> {
        let pass = self.passes.pop_front().unwrap_or_default();
        let is_last = self.passes.is_empty();
        let columns: Vec<ColumnInfo> = pass.iter().map(|place| self.columns[*place].clone()).collect();
        let columns_of_baseline = counterparts::in_baseline(&columns, &self.gaps);
        let asked = Asked {
            columns: &columns,
            with_quality: is_last,
            with_requests: is_last,
            reference: None,
            estimator: None,
        };
        let of_baseline = Asked { columns: &columns_of_baseline, ..asked };

        let mut kept = Vec::new();
        let mut kept_baseline = None;
        if let Some(base) = &self.base {
            if self.baseline.is_some() {
                kept_baseline = base.baseline(&columns_of_baseline, is_last).await?;
            }
            kept = base.states(&columns, is_last).await?;
        }
        let is_baseline_kept = kept_baseline.is_some();
        let mut baseline = Answer::default();
        if let Some(table) = &self.baseline {
            baseline = match kept_baseline {
                Some(kept) => Answer::kept(kept, &self.pinned),
                None => table.answer_to(of_baseline, &mut self.pinned).await?,
            };
            self.require_rows(&baseline.groups)?;
            table.pin_bins(of_baseline, &mut baseline.groups, &mut self.pinned);
        }
        self.scales.find(&columns, &self.gaps, &baseline.groups, is_baseline_kept);
        let decided = self.decide(of_baseline, &mut baseline).await?;
        let asked = decided.asked(asked);
        let mut inference = self.inference.answer_to(asked, &mut self.pinned).await?;
        self.note_rows(&inference.groups)?;
        let lacks_windows = self.lacks_windows(asked, &inference.groups).await?;
        inference.groups = self.inference.together(asked, kept, inference.groups, &mut self.pinned);
        if !self.is_partial() {
            self.inference.pin_bins(asked, &mut inference.groups, &mut self.pinned);
        }
        if let Some(table) = &self.baseline {
            // What is compared has the same edges.
            table.catch_up(of_baseline, &mut baseline, &self.pinned).await?;
        }
        self.totals.bytes += inference.bytes + baseline.bytes;
        self.totals.crowded.append(&mut inference.crowded);

        for (answer, non_null) in [&mut inference, &mut baseline].into_iter().zip(&mut self.non_null) {
            for base in &mut answer.groups {
                let key = base.key();
                let group = Arc::make_mut(&mut base.group);
                group.settle();
                group.non_null = non_null.remove(&key).unwrap_or_default();
                group.note_non_null(pass.iter().copied());
                if !is_last {
                    non_null.insert(key, group.non_null.clone());
                }
            }
        }
        let prediction = self.monitor.inference.prediction.as_ref();
        let profiles = Profiles {
            columns,
            all_columns: Arc::clone(&self.columns),
            is_last,
            has_scores: prediction.is_some_and(|prediction| prediction.proba.is_some()),
            fairness: self.fairness.clone(),
            windows: self.rollup().windows(&inference.groups),
            baseline: Rollup::baseline(&baseline.groups),
            rehearsal: decided.rehearsal,
            gaps: self.gaps.clone(),
            lost: Arc::clone(&self.lost),
            reference: decided.reference,
            without_losses: decided.without_losses,
            expectations: Arc::clone(&self.expectations),
        };
        let held = plan::bytes_of_quality(&inference.groups, &profiles.windows);
        self.totals.too_many_bytes = (held > self.memory).then_some(held);
        let bases =
            Bases { inference: inference.groups, baseline: baseline.groups, pinned: self.pinned.clone() };
        Ok(Counted { profiles, bases, lacks_windows, is_outgrown: decided.is_outgrown })
    }

    /// Whether only some of the windows are looked at that there are.
    fn is_partial(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.wanted.is_some())
    }

    /// Whether it is time to choose bins, for which all windows have to be looked at, and some only are. While windows wait
    /// for a later run, so do bins.
    async fn lacks_windows(&self, asked: Asked<'_>, read: &[BaseGroup]) -> Result<bool, QueryError> {
        let Some(base) = self.base.as_ref().filter(|_| self.is_partial() && self.behind.is_empty()) else {
            return Ok(false);
        };
        if without_bins(asked, &self.pinned).next().is_none() {
            return Ok(false);
        }
        let kept = base.numbers(self.inference.as_of).await?;
        Ok(self.inference.can_pin_bins(asked, &kept, read, &self.pinned))
    }

    fn rollup(&self) -> Rollup<'_> {
        let Monitor { granularities, calendar, .. } = self.monitor;
        let wanted = self.base.as_ref().and_then(|base| base.wanted.as_ref());
        Rollup { granularities, calendar, wanted, behind: &self.behind }
    }

    /// Refuses a baseline without rows.
    fn require_rows(&self, groups: &[BaseGroup]) -> Result<(), QueryError> {
        let Some(baseline) = self.snapshot.baseline.as_ref().filter(|_| groups.is_empty()) else {
            return Ok(());
        };
        let (table, version) = (baseline.pin.table.clone(), baseline.pin.version);
        Err(QueryError::Empty { key: "baseline.table", table, version })
    }

    /// Notes how many rows there are. Refuses a table of which none lies in a window.
    fn note_rows(&mut self, groups: &[BaseGroup]) -> Result<(), QueryError> {
        let rollup = self.rollup();
        let rows = count_rows(groups, |_| true);
        let out_of_range = count_rows(groups, |base| rollup.is_out_of_range(base));
        let without_time = count_rows(groups, |base| base.window.is_none() && !base.is_out_of_range);
        let (table, version) = (self.snapshot.source.table.clone(), self.snapshot.source.version);
        let column = self.monitor.inference.timestamp_col.clone();
        self.totals.rows = rows;
        self.totals.rows_out_of_range = out_of_range;
        self.totals.rows_without_time = without_time;
        if self.base.is_some() || !self.behind.is_empty() {
            return Ok(());
        }
        if rows == 0 {
            return Err(QueryError::Empty { key: "inference.table", table, version });
        }
        if without_time == rows {
            return Err(QueryError::Timeless { column, rows, table, version });
        }
        if without_time + out_of_range == rows {
            let (outside, nulls) = (out_of_range, without_time);
            return Err(QueryError::OutOfRange { column, outside, nulls, table, version });
        }
        Ok(())
    }
}

/// Lets SQL see only these rows of the inference table.
async fn show(monitor: &Monitor, snapshot: &Snapshot, part: &Part) -> Result<u64, QueryError> {
    let shown = async {
        snapshot.show(part, &monitor.inference).await?;
        show_labels(monitor, snapshot).await
    };
    shown.await.map_err(|error| QueryError::query(&snapshot.source.table, error))
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

/// Plans what a [`Counting`] would run, so that what cannot be computed is found without reading a row.
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

/// Whether `schema` has a column of that name that says when something happened.
fn is_of_time(schema: &Schema, name: &str) -> bool {
    schema.field_with_name(name).is_ok_and(|field| is_time(field.data_type()))
}
