//! From rows to states: runs `sql/` over a snapshot and decodes what comes back.
//!
//! One query counts some columns of a table with all its slices, and most tables have room for all columns in one; small
//! ones before it find the values of each slicing expression and, where a table is large, its groups. This is the only
//! place where rows are touched. It must not compare, judge or write.
//!
//! ```text
//! rows ─ passes ─ states ─ table ─ decode ─ closer ─ earlier ─ kept ─ together ─ bins
//!
//! what is counted, which columns at once, what is asked of them, the asking, the answer, what it leaves to be asked, what it
//! is added to, the adding, and where it is cut
//! ```

mod bins;
mod chunks;
mod closer;
mod custom;
mod decode;
mod earlier;
mod error;
mod kept;
#[cfg(feature = "dle")]
mod losses;
mod measured;
mod passes;
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
use passes::{Pass, States};
pub use relabeled::{relabeled, window_start};
use requests::show_labels;
pub(super) use rows::view;
use table::{Answer, Asked, Table};
pub use table::{MAX_SLICES, SliceValues};
pub use watch::{Watch, bytes_read};

use super::covariance::{CovarianceState, Reference};
use super::custom::{Measured, aggregate};
use super::distribution::Edges;
use super::fairness::Fairness;
use super::gap::Gaps;
#[cfg(feature = "dle")]
use super::loss_estimator::LossEstimator;
use super::own_names::OwnNames;
use super::pinned::PinnedEdges;
use super::reason::Absence;
use super::slice::{self, SliceError};
use super::state_row::Bases;
use super::{
    BaseGroup, ColumnInfo, ColumnSet, Group, GroupKey, Profiles, Role, Rollup, Series, columns, counterparts,
    functions,
};
use crate::config::{Expectation, Monitor, ProblemType, Settings};
use crate::contract::TABLE;
use crate::scope::Scopes;
use crate::source::{Part, Snapshot, is_time};
use crate::spans::Spans;
use crate::window::Window;

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
        let (passes, bytes) = counting.plan(settings.state_memory).await?;
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

    /// The passes that are needed if states may take `memory` bytes, and the bytes that were read to know.
    async fn plan(&self, memory: u64) -> Result<(Vec<Pass>, u64), QueryError> {
        // What the row of the whole table looks at.
        let is_last = |column: &ColumnInfo| column.role != Role::Feature;
        let tables = || self.baseline.iter().chain([&self.inference]);
        // A log may leave out how many rows there are.
        let rows = tables().map(|table| table.size.rows).sum::<Option<u64>>().unwrap_or(u64::MAX);
        let mut states = States::of_rows(rows, self.rollup(), self.monitor.slicing_exprs.len());
        let mut bytes = 0;
        if let Some(base) = &self.base {
            // What is read is added to what is kept, and is hardly ever more.
            states.add(&base.groups, self.rollup());
        }
        let of_table = CovarianceState::size_of_columns(Scales::most(&self.columns)) as u64;
        let of_table = if self.baseline.is_some() { of_table } else { 0 };
        if passes::bytes(&self.columns, &states).saturating_add(states.bytes_of(of_table)) > memory {
            states = States::default();
            if let Some(base) = &self.base {
                states.add(&base.groups, self.rollup());
            }
            for table in self.baseline.iter().chain(self.read.is_none().then_some(&self.inference)) {
                let (groups, read) = table.count_rows().await?;
                states.add(&groups, self.rollup());
                bytes += read;
            }
            if let Some(read) = &self.read {
                states.add(read, self.rollup());
            }
        }
        // Where there are very many windows, columns have to leave room to what is kept of all of them together.
        let memory = memory - states.bytes_of(of_table).min(memory / 2);
        Ok((passes::passes(&self.columns, is_last, &states, memory), bytes))
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
        let reference = self.scales.reference(&self.columns).filter(|_| is_last).map(Arc::new);
        let is_outgrown = is_last && self.scales.is_outgrown(reference.as_deref());
        if let (Some(table), Some(reference)) = (&self.baseline, &reference) {
            let measured = table.measure(&mut baseline.groups, reference, &self.pinned).await;
            baseline.bytes += measured.map_err(|error| QueryError::query(table.name, error))?;
        }
        let (estimator, without_losses) = self.estimator(reference.as_deref(), &mut baseline).await?;
        let asked = Asked { reference: reference.as_deref(), estimator: estimator.as_deref(), ..asked };
        let rehearsal = self.rehearse(Asked { columns: &columns_of_baseline, ..asked }).await?;
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
            rehearsal,
            gaps: self.gaps.clone(),
            lost: Arc::clone(&self.lost),
            reference,
            without_losses,
            expectations: Arc::clone(&self.expectations),
        };
        let bases =
            Bases { inference: inference.groups, baseline: baseline.groups, pinned: self.pinned.clone() };
        Ok(Counted { profiles, bases, lacks_windows, is_outgrown })
    }

    /// What losses are expected by, as a text, or why none are, where they would be: kept, or learnt of the `baseline`.
    #[cfg(feature = "dle")]
    async fn estimator(
        &mut self,
        reference: Option<&Reference>,
        baseline: &mut Answer,
    ) -> Result<(Option<String>, Option<Absence>), QueryError> {
        let (Some(table), Some(reference)) = (&self.baseline, reference) else { return Ok((None, None)) };
        if !self.monitor.expects_losses() {
            return Ok((None, None));
        }
        let learnt = match losses::kept(&baseline.groups) {
            Some(kept) => kept,
            None => {
                let learnt = table.learn(reference).await;
                let (learnt, bytes) = learnt.map_err(|error| QueryError::query(table.name, error))?;
                baseline.bytes += bytes;
                if let Ok(estimator) = &learnt {
                    let estimator = LossEstimator::text_of(estimator);
                    let told = (reference, estimator.as_str());
                    let expected = table.expect(&mut baseline.groups, told, &self.pinned).await;
                    baseline.bytes += expected.map_err(|error| QueryError::query(table.name, error))?;
                }
                learnt
            }
        };
        losses::keep(&mut baseline.groups, &learnt);
        Ok(match learnt {
            Ok(bytes) => (Some(LossEstimator::text_of(&bytes)), None),
            Err(why) => (None, Some(Absence::from(why))),
        })
    }

    /// Without a learner nothing is expected.
    #[cfg(not(feature = "dle"))]
    async fn estimator(
        &mut self,
        _: Option<&Reference>,
        _: &mut Answer,
    ) -> Result<(Option<String>, Option<Absence>), QueryError> {
        Ok((None, None))
    }

    /// The windows of the baseline, if bounds are learned from them.
    async fn rehearse(
        &mut self,
        asked: Asked<'_>,
    ) -> Result<BTreeMap<Series, BTreeMap<Window, Arc<Group>>>, QueryError> {
        let Some(table) = &self.rehearsal else { return Ok(BTreeMap::new()) };
        let counted = table.count(asked, "baseline, windows", &self.pinned).await;
        let (mut groups, bytes) = counted.map_err(|error| QueryError::query(table.name, error))?;
        self.totals.bytes += bytes;
        groups.iter_mut().for_each(|base| Arc::make_mut(&mut base.group).settle());
        let Monitor { granularities, calendar, .. } = self.monitor;
        let none = Spans::default();
        let all = Rollup { granularities, calendar, wanted: None, behind: &none };
        Ok(all.windows(&groups))
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
