//! Profiles: what a column looked like in a window, as a state that adds.
//!
//! For each group of rows (base window, model version, slice) and column there is one small state that
//! holds everything any metric needs. States merge, so hours make the day, versions make `*`, and
//! partitions make the whole. The states are plain types; only `query`, `functions` and `custom` know the engine.
//! This module counts; it must not compare, judge or write.

pub mod classification;
mod column_set;
#[cfg(feature = "lake")]
pub mod columns;
#[cfg(feature = "lake")]
pub mod counterparts;
pub mod covariance;
pub mod custom;
mod distinct;
pub mod distribution;
pub mod duplicates;
pub mod estimate;
#[cfg(test)]
pub(crate) mod exact;
mod exact_sum;
#[cfg(feature = "lake")]
pub(crate) mod expression;
pub mod fairness;
#[cfg(feature = "lake")]
pub mod findings;
pub mod foreign_classes;
pub mod frequent_items;
#[cfg(feature = "lake")]
pub mod functions;
pub mod gap;
pub mod interval;
#[cfg(feature = "lake")]
pub mod known_classes;
pub mod lengths;
#[cfg(feature = "dle")]
pub mod loss_estimator;
#[cfg(feature = "dle")]
pub mod loss_model;
pub mod losses;
pub mod many_classes;
mod moments;
pub mod name_codes;
#[cfg(feature = "lake")]
mod never;
pub mod numeric;
pub mod odd_probabilities;
pub mod opaque;
#[cfg(test)]
pub(crate) mod oracle;
#[cfg(feature = "lake")]
mod own_names;
pub mod pinned;
pub mod positive_class;
#[cfg(feature = "lake")]
pub mod query;
pub mod reason;
pub mod regression;
pub mod requests;
mod rollup;
pub mod row;
#[cfg(feature = "lake")]
pub mod slice;
#[cfg(feature = "lake")]
pub mod state_row;
#[cfg(feature = "lake")]
mod template;
pub mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use classification::ClassificationState;
pub use column_set::ColumnSet;
use covariance::{CovarianceState, Reference, Scale};
use distinct::Distinct;
use duplicates::DuplicatesState;
use fairness::Fairness;
use gap::Gaps;
use losses::LossState;
use numeric::NumericState;
use opaque::OpaqueState;
use reason::Absence;
use regression::RegressionState;
use requests::RequestsState;
pub use rollup::{BaseGroup, GroupKey, Rollup};
use serde::{Deserialize, Serialize};
use text::TextState;

use crate::config::Expectation;
use crate::contract::ALL_VERSIONS;
use crate::window::{Granularity, Window};

/// How a column is profiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As numbers.
    Numeric,
    /// As instants: seconds since 1970-01-01Z.
    Time,
    /// As names.
    Text,
    /// Only whether there is a value, and how long it is: nested and binary columns.
    Opaque,
}

/// A column that is profiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type in Spark's words, such as `bigint`.
    pub data_type: String,
    /// How it is profiled.
    pub kind: Kind,
    /// What it is to the model.
    pub role: Role,
}

/// What a column is to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Something that it may look at.
    #[default]
    Feature,
    /// What it said.
    Prediction,
    /// How sure it was.
    Score,
    /// What came true. It is awaited, so that one which is not there is not missing.
    Label,
    /// How long it took.
    Latency,
    /// How the request ended.
    Status,
    /// What was sent, or came back.
    Payload,
}

impl Role {
    /// Its name in the metric tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::Prediction => "prediction",
            Self::Score => "score",
            Self::Label => "label",
            Self::Latency => "latency",
            Self::Status => "status",
            Self::Payload => "payload",
        }
    }

    /// Whether it tells how requests went, and nothing about the model: a baseline has no such column.
    pub fn is_operational(self) -> bool {
        matches!(self, Self::Latency | Self::Status | Self::Payload)
    }
}

impl ColumnInfo {
    /// Whether it is the label.
    pub fn is_label(&self) -> bool {
        self.role == Role::Label
    }

    /// Whether its values are texts.
    pub fn is_text(&self) -> bool {
        self.data_type == "string"
    }

    /// Whether its values have a length. Booleans and numbers have none, although they can be profiled as names.
    pub fn has_lengths(&self) -> bool {
        ["string", "binary", "array", "map"].contains(&self.data_type.as_str())
    }
}

/// The state of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ColumnState {
    /// Of numbers.
    Numeric(NumericState),
    /// Of instants, as seconds since 1970-01-01Z.
    Time(NumericState),
    /// Of names.
    Text(TextState),
    /// Of anything else.
    Opaque(OpaqueState),
}

impl ColumnState {
    /// The state of no rows.
    pub fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Numeric => Self::Numeric(NumericState::default()),
            Kind::Time => Self::Time(NumericState::default()),
            Kind::Text => Self::Text(TextState::default()),
            Kind::Opaque => Self::Opaque(OpaqueState::default()),
        }
    }

    /// The state of so many NULLs.
    pub fn nulls(kind: Kind, count: u64) -> Self {
        let mut state = Self::empty(kind);
        match &mut state {
            Self::Numeric(state) | Self::Time(state) => state.num_nulls = count,
            Self::Text(state) => state.num_nulls = count,
            Self::Opaque(state) => state.num_nulls = count,
        }
        state
    }

    /// Adds the rows of another state of the same kind; one of another kind is not of this column and
    /// adds nothing.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Numeric(ours), Self::Numeric(theirs)) | (Self::Time(ours), Self::Time(theirs)) => {
                ours.merge(theirs);
            }
            (Self::Text(ours), Self::Text(theirs)) => ours.merge(theirs),
            (Self::Opaque(ours), Self::Opaque(theirs)) => ours.merge(theirs),
            _ => debug_assert!(false, "states of different kinds"),
        }
    }

    /// Brings the state into its one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        if let Self::Numeric(state) | Self::Time(state) = self {
            state.settle();
        }
    }

    /// Takes out the sketch of different values, as an Apache DataSketches HLL sketch; `None` while the state has each
    /// of them.
    pub fn take_sketch(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Numeric(state) | Self::Time(state) => state.distinct.take(),
            Self::Text(state) => state.distinct.take(),
            Self::Opaque(_) => None,
        }
    }

    /// Puts back what [`ColumnState::take_sketch`] took out.
    ///
    /// # Errors
    /// If it is no such sketch, with why.
    pub fn put_sketch(&mut self, sketch: &[u8]) -> Result<(), &'static str> {
        match self {
            Self::Numeric(state) | Self::Time(state) => state.distinct = Distinct::from_image(sketch)?,
            Self::Text(state) => state.distinct = Distinct::from_image(sketch)?,
            Self::Opaque(_) => {}
        }
        Ok(())
    }

    /// Values that are not NULL.
    pub fn count(&self) -> u64 {
        match self {
            Self::Numeric(state) | Self::Time(state) => state.count,
            Self::Text(state) => state.count,
            Self::Opaque(state) => state.count,
        }
    }

    /// Values that are NULL.
    pub fn num_nulls(&self) -> u64 {
        match self {
            Self::Numeric(state) | Self::Time(state) => state.num_nulls,
            Self::Text(state) => state.num_nulls,
            Self::Opaque(state) => state.num_nulls,
        }
    }

    /// Number of different values; `None` where that is not counted.
    pub fn distinct_count(&self) -> Option<u64> {
        match self {
            Self::Numeric(state) | Self::Time(state) => Some(state.distinct_count()),
            Self::Text(state) => Some(state.distinct_count()),
            Self::Opaque(_) => None,
        }
    }

    /// Share of all values that are different, in percent of `count`.
    pub fn percent_distinct(&self) -> Option<f64> {
        percent(self.distinct_count()?, self.count())
    }

    /// Share of NULLs, in percent of all rows.
    pub fn percent_null(&self) -> Option<f64> {
        percent(self.num_nulls(), self.count() + self.num_nulls())
    }

    /// Share of zeros, in percent of all rows. Numbers only.
    pub fn percent_zeros(&self) -> Option<f64> {
        match self {
            Self::Numeric(state) => percent(state.num_zeros, self.count() + self.num_nulls()),
            _ => None,
        }
    }
}

/// `part` in percent of `whole`; `None` of nothing.
pub fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// The state of a model's quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant)] // All states of a monitor are of one kind.
pub enum QualityState {
    /// Of classes.
    Classification(ClassificationState),
    /// Of numbers.
    Regression(RegressionState),
}

impl QualityState {
    /// Adds the rows of another state of the same problem.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Classification(ours), Self::Classification(theirs)) => ours.merge(theirs),
            (Self::Regression(ours), Self::Regression(theirs)) => ours.merge(theirs),
            _ => debug_assert!(false, "states of different problems"),
        }
    }

    /// Brings the state into its one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        match self {
            Self::Classification(state) => state.settle(),
            Self::Regression(state) => state.settle(),
        }
    }

    /// Labelled rows.
    pub fn count(&self) -> u64 {
        match self {
            Self::Classification(state) => state.count(),
            Self::Regression(state) => state.count(),
        }
    }
}

/// What is kept of a table as a whole, beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableState {
    /// Of the model's quality, if the monitor has labels.
    pub quality: Option<QualityState>,
    /// Of requests as such: none of a baseline.
    pub requests: Option<RequestsState>,
    /// Of how columns move together, if there is a baseline; not of slices.
    pub covariance: Option<CovarianceState>,
    /// Of the losses that are expected of predictions of numbers, if the baseline teaches them.
    pub losses: Option<LossState>,
    /// What columns are measured by where they are looked at together, in a baseline alone: they are found once, and stay.
    pub scales: Vec<Scale>,
    /// What losses are expected by, in a baseline alone and there in one of its groups: an estimator's bytes, or why there is
    /// none.
    pub loss_estimator: Option<Result<Vec<u8>, String>>,
}

impl TableState {
    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        let Self { quality, requests, covariance, losses, scales, loss_estimator } = other;
        add(&mut self.quality, quality.as_ref(), QualityState::merge);
        add(&mut self.requests, requests.as_ref(), RequestsState::merge);
        add(&mut self.covariance, covariance.as_ref(), CovarianceState::merge);
        add(&mut self.losses, losses.as_ref(), LossState::merge);
        if self.loss_estimator.is_none() {
            self.loss_estimator.clone_from(loss_estimator);
        }
        if self.scales.is_empty() {
            self.scales.clone_from(scales);
        }
    }

    /// Takes out what is kept of whole tables only, and not of slices.
    pub fn leave_to_whole(&mut self) {
        self.requests.iter_mut().for_each(|requests| requests.ids = DuplicatesState::default());
        self.covariance = None;
    }

    /// Brings every part into its one form.
    pub fn settle(&mut self) {
        self.quality.iter_mut().for_each(QualityState::settle);
        self.requests.iter_mut().for_each(RequestsState::settle);
        self.covariance.iter_mut().for_each(CovarianceState::settle);
        self.losses.iter_mut().for_each(LossState::settle);
    }
}

/// Adds `theirs` to `ours`, where either may not be there.
fn add<T: Clone>(ours: &mut Option<T>, theirs: Option<&T>, merge: fn(&mut T, &T)) {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => merge(ours, theirs),
        (ours @ None, theirs) => *ours = theirs.cloned(),
        _ => {}
    }
}

/// Some rows of a table: how many, and the state of each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Rows.
    pub row_count: u64,
    /// One state for each of [`Profiles::columns`], in that order.
    pub columns: Vec<ColumnState>,
    /// Of the table as a whole.
    pub table: TableState,
    /// Which of [`Profiles::all_columns`] have at least one value, as far as they have been counted.
    pub non_null: ColumnSet,
}

impl Segment {
    /// Whether it is of all rows of all versions.
    pub fn is_whole(&self) -> bool {
        self.slice.is_none() && self.model_version == ALL_VERSIONS
    }
}

impl Group {
    /// What is known of predicted classes, if there are any.
    pub fn classification(&self) -> Option<&ClassificationState> {
        match &self.table.quality {
            Some(QualityState::Classification(state)) => Some(state),
            _ => None,
        }
    }

    /// Rows of which every column has been counted.
    pub fn new(row_count: u64, columns: Vec<ColumnState>, quality: Option<QualityState>) -> Self {
        let table = TableState { quality, ..TableState::default() };
        let mut group = Self { row_count, columns, table, non_null: ColumnSet::default() };
        group.note_non_null(0..group.columns.len());
        group
    }

    /// Notes which columns have values; those of this group are at these `places` of all.
    pub fn note_non_null(&mut self, places: impl IntoIterator<Item = usize>) {
        for (place, state) in places.into_iter().zip(&self.columns) {
            if state.count() > 0 {
                self.non_null.insert(place);
            }
        }
    }

    /// Brings every state into its one form.
    pub fn settle(&mut self) {
        self.columns.iter_mut().for_each(ColumnState::settle);
        self.table.settle();
    }

    /// Adds the rows of another group of the same table.
    pub fn merge(&mut self, other: &Self) {
        self.row_count += other.row_count;
        for (ours, theirs) in self.columns.iter_mut().zip(&other.columns) {
            ours.merge(theirs);
        }
        self.table.merge(&other.table);
        self.non_null.unite(&other.non_null);
    }

    /// Names of those of `all_columns` that have at least one value. The label is none of them: it is awaited, and would
    /// come and go.
    pub fn non_null<'a>(&'a self, all_columns: &'a [ColumnInfo]) -> impl Iterator<Item = &'a str> {
        let non_null = all_columns.iter().enumerate().filter(|(place, _)| self.non_null.contains(*place));
        non_null.filter(|(_, column)| column.role != Role::Label).map(|(_, column)| column.name.as_str())
    }
}

/// A slice: one value of one slicing expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice {
    /// The expression, as in the monitor file.
    pub key: String,
    /// Its value, as text.
    pub value: String,
}

/// Whose rows: a model version, or all; a slice, or the whole table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Model version, or `*`.
    pub model_version: String,
    /// Slice, or the whole table.
    pub slice: Option<Slice>,
}

/// Windows of one length, of one segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// Length of the windows.
    pub granularity: Granularity,
    /// Whose rows.
    pub segment: Segment,
}

/// What a row of the metric tables is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole table.
    Table,
    /// The column at this place of [`Profiles::columns`].
    Column(usize),
}

/// Rows that are made at once, about: each takes some kilobytes until it is encoded.
const ROWS_AT_ONCE: usize = 16_384;

/// What was counted of some columns of a table: of all, unless their states would not fit into memory.
#[derive(Debug, Clone)]
pub struct Profiles {
    /// The columns that were counted, in the order of the table.
    pub columns: Vec<ColumnInfo>,
    /// All columns that are profiled, in the order of the table.
    pub all_columns: Arc<[ColumnInfo]>,
    /// Whether these are the last columns, so that now it is known of whole tables which columns have values. The
    /// quality of the model is counted with them.
    pub is_last: bool,
    /// Whether predictions of classes come with a probability.
    pub has_scores: bool,
    /// Which groups of rows are compared for fairness; none unless a model predicts classes.
    pub fairness: Option<Fairness>,
    /// The inference table, window by window.
    pub windows: BTreeMap<Series, BTreeMap<Window, Arc<Group>>>,
    /// The baseline table; empty without one.
    pub baseline: BTreeMap<Segment, Arc<Group>>,
    /// The baseline table window by window, if bounds are learned from it.
    pub rehearsal: BTreeMap<Series, BTreeMap<Window, Arc<Group>>>,
    /// Which columns of the inference table cannot be compared with the baseline.
    pub gaps: Gaps,
    /// Columns that only the baseline has, with their type in Spark's words.
    pub lost: Arc<[(String, String)]>,
    /// What columns are measured by where they are looked at together; nothing without a baseline.
    pub reference: Option<Arc<Reference>>,
    /// Why no losses are expected, where they would be.
    pub without_losses: Option<Absence>,
    /// What is known of columns beforehand.
    pub expectations: Arc<BTreeMap<String, Expectation>>,
}

impl Profiles {
    /// Nothing yet of `columns`, which are all.
    #[cfg(test)]
    pub(crate) fn of(columns: Vec<ColumnInfo>) -> Self {
        Self {
            all_columns: columns.clone().into(),
            columns,
            is_last: true,
            has_scores: false,
            fairness: None,
            windows: BTreeMap::new(),
            baseline: BTreeMap::new(),
            rehearsal: BTreeMap::new(),
            gaps: Gaps::new(),
            lost: Arc::default(),
            reference: None,
            without_losses: None,
            expectations: Arc::default(),
        }
    }

    /// The windows of the length that have rows, in order.
    pub fn windows_of_whole(&self, granularity: Granularity) -> impl Iterator<Item = Window> + '_ {
        let mut all = self.windows.iter();
        let whole = all.find(|(series, _)| series.granularity == granularity && series.segment.is_whole());
        whole.into_iter().flat_map(|(_, windows)| windows.keys().copied())
    }

    /// What is known of predicted classes in each window, of all rows together.
    pub fn whole_classifications(&self) -> impl Iterator<Item = &ClassificationState> + '_ {
        let whole = self.windows.iter().filter(|(series, _)| series.segment.is_whole());
        whole.flat_map(|(_, windows)| windows.values()).filter_map(|group| group.classification())
    }

    /// What rows are about, some subjects at a time: everything that is said of one is said at once.
    pub fn subjects(&self) -> Vec<Vec<Subject>> {
        let table = self.is_last.then_some(Subject::Table);
        let all: Vec<Subject> =
            table.into_iter().chain((0..self.columns.len()).map(Subject::Column)).collect();
        let windows = self.windows.values().chain(self.rehearsal.values());
        let groups = windows.map(BTreeMap::len).sum::<usize>() + self.baseline.len();
        all.chunks((ROWS_AT_ONCE / groups.max(1)).max(1)).map(<[Subject]>::to_vec).collect()
    }

    /// The rows of `segment` in a window, or in the baseline.
    pub fn group(&self, at: Option<(Granularity, Window)>, segment: &Segment) -> Option<&Group> {
        let group = match at {
            None => self.baseline.get(segment),
            Some((granularity, window)) => {
                self.windows.get(&Series { granularity, segment: segment.clone() })?.get(&window)
            }
        };
        group.map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests;
