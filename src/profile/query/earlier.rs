//! What earlier runs have counted, and what is added to it.
//!
//! A run reads rows that are new, and all rows of windows in which some may have gone or changed. Windows of which nothing
//! is read are put together from states alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::Expr;
use jiff::Timestamp;
use url::Url;

use super::QueryError;
use super::bins::Numbers;
use super::kept::{self, Kept};
use super::table::SliceValues;
use crate::config::Monitor;
use crate::profile::covariance::Scale;
use crate::profile::{BaseGroup, ColumnInfo};
use crate::scope::{Scopes, Windows};
use crate::source::Part;
use crate::spans::Spans;
use crate::window::{Granularity, Window};

/// What a run may build upon.
#[derive(Clone)]
pub struct Earlier {
    /// The states table.
    pub states: Arc<dyn TableProvider>,
    /// Where it is.
    pub url: Url,
    /// Times of which all rows are read: what is kept of their base windows is not true any more.
    pub recounted: Spans,
    /// Times that waited for this run: longer windows that reach into them have not been computed yet, be there rows in them or
    /// not.
    pub caught_up: Spans,
    /// Base windows that are wanted though nothing is read of them.
    pub due: Due,
    /// Base windows of which rows may be in the tables though there are no states any more.
    pub unfinished: BTreeSet<Window>,
    /// Values that are slices of their own already, as far as it is known without the states.
    pub slices: Option<SliceValues>,
    /// Whether the baseline is as it was.
    pub baseline_is_kept: bool,
    /// When a row is, if its time says no zone: the start of its base window.
    pub window: Option<Expr>,
}

/// Base windows that are wanted though nothing is read of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// These.
    Windows(BTreeSet<Window>),
    /// All that there are.
    All,
}

impl Due {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Windows(windows) if windows.is_empty())
    }
}

/// What is kept of the windows that a run is about.
pub(super) struct Base<'a> {
    kept: Kept<'a>,
    /// The groups that are kept, without states.
    pub(super) groups: Vec<BaseGroup>,
    /// What the run computes anew.
    pub(super) scopes: Scopes,
    /// The windows that this takes, of each length; `None` if all are.
    pub(super) wanted: Option<Windows>,
    baseline_is_kept: bool,
    monitor: &'a Monitor,
    url: Url,
    window: Option<Expr>,
}

impl<'a> Base<'a> {
    /// What `earlier` runs know of the windows that rows of `read` groups are added to, apart from those that reach into
    /// times that are `behind`.
    pub(super) async fn of(
        monitor: &'a Monitor,
        earlier: Earlier,
        behind: &Spans,
        read: &[BaseGroup],
    ) -> Result<Self, QueryError> {
        let url = earlier.url.clone();
        let base = Self::read_back(monitor, earlier, behind, read).await;
        base.map_err(|error| QueryError::kept(&url, error))
    }

    async fn read_back(
        monitor: &'a Monitor,
        earlier: Earlier,
        behind: &Spans,
        read: &[BaseGroup],
    ) -> Result<Self, DataFusionError> {
        let Earlier { states, url, recounted, caught_up, due, unfinished, baseline_is_kept, window, .. } =
            earlier;
        let (scopes, wanted, kept, mut groups) = match due {
            Due::All => {
                let kept = Kept::of(monitor, states, Spans::all())?;
                let groups = kept.groups().await?;
                (Scopes::default(), None, kept, groups)
            }
            Due::Windows(due) => {
                let mut touched: BTreeSet<Window> = read.iter().filter_map(|base| base.window).collect();
                touched.extend(unfinished);
                if !recounted.is_empty() {
                    let there = kept::windows(monitor, Arc::clone(&states)).await?;
                    touched.extend(there.iter().filter(|window| recounted.touch(**window)));
                    touched.extend(of_longer(&there, &touched, &caught_up, monitor));
                }
                touched.retain(|window| !behind.touch(*window));
                let perhaps: BTreeSet<Window> = touched.union(&due).copied().collect();
                let kept = Kept::of(monitor, states, spans(&perhaps, monitor, behind))?;
                let groups = kept.groups().await?;
                let there: BTreeSet<Window> = groups.iter().filter_map(|base| base.window).collect();
                let is_there = |window: &Window| there.contains(window) && !behind.touch(*window);
                touched.extend(due.into_iter().filter(is_there));
                let scopes = scopes(&touched, monitor, behind);
                let kept = kept.only(spans(&touched, monitor, behind));
                let wanted = wanted(&scopes, monitor);
                (scopes, Some(wanted), kept, groups)
            }
        };
        let is_true = |base: &BaseGroup| {
            base.window.is_none_or(|window| !recounted.touch(window) && !behind.touch(window))
        };
        groups.retain(|base| is_true(base) && base.window.is_none_or(|window| kept.has(window)));
        Ok(Self { kept, groups, scopes, wanted, baseline_is_kept, monitor, url, window })
    }

    /// All rows of the windows that are computed anew, and of those that are compared with these one by one, apart from those
    /// at times that are `behind`.
    pub(super) fn rows(&self, behind: &Spans) -> Part {
        let Monitor { comparisons, calendar, .. } = self.monitor;
        let single = |(granularity, window)| comparisons.single(calendar, granularity, window);
        let times = match self.scopes.drift.windows() {
            None => Spans::all(),
            Some(windows) => {
                let compared = windows.iter().flat_map(single);
                let windows = windows.iter().map(|(_, window)| window).chain(compared);
                windows.collect::<Vec<_>>().iter().collect()
            }
        };
        Part { times: times.without(behind), window: self.window.clone(), ..Part::default() }
    }

    /// What is kept of `columns`, and of the model's quality if that is asked.
    pub(super) async fn states(
        &self,
        columns: &[ColumnInfo],
        with_table: bool,
    ) -> Result<Vec<BaseGroup>, QueryError> {
        let mut kept = self.groups.clone();
        let filled = self.kept.fill(&mut kept, columns, with_table).await;
        filled.map_err(|error| QueryError::kept(&self.url, error))?;
        Ok(kept)
    }

    /// The numbers that are kept of each column without bins, in windows that are complete at `as_of`.
    pub(super) async fn numbers(&self, as_of: Timestamp) -> Result<HashMap<String, Numbers>, QueryError> {
        let until = as_of.checked_sub(self.monitor.lateness).unwrap_or(Timestamp::MIN);
        self.kept.numbers(until).await.map_err(|error| QueryError::kept(&self.url, error))
    }

    /// What columns of the baseline were measured by, be it as it was or not.
    pub(super) async fn scales(&self) -> Result<Vec<Scale>, QueryError> {
        let kept = self.kept.baseline(&[], true).await;
        let kept = kept.map_err(|error| QueryError::kept(&self.url, error))?;
        let scales = kept.into_iter().map(|base| Arc::unwrap_or_clone(base.group).table.scales);
        Ok(scales.max_by_key(Vec::len).unwrap_or_default())
    }

    /// What is kept of the baseline, if it is as it was.
    pub(super) async fn baseline(
        &self,
        columns: &[ColumnInfo],
        with_table: bool,
    ) -> Result<Option<Vec<BaseGroup>>, QueryError> {
        if !self.baseline_is_kept {
            return Ok(None);
        }
        let kept = self.kept.baseline(columns, with_table).await;
        kept.map(Some).map_err(|error| QueryError::kept(&self.url, error))
    }
}

/// Of each longer window that reaches into times that have been `caught_up`, and that none of the `touched` base windows is in, one
/// of those that are `there`: so that it is computed, though nothing was read of it.
fn of_longer(
    there: &BTreeSet<Window>,
    touched: &BTreeSet<Window>,
    caught_up: &Spans,
    monitor: &Monitor,
) -> Vec<Window> {
    let longer = |window: &Window| {
        let granularities = monitor.granularities.iter();
        let of = |granularity: &Granularity| monitor.calendar.window_of(*granularity, window.start).ok();
        granularities.filter_map(of).collect::<Vec<Window>>()
    };
    let mut known: BTreeSet<Window> = touched.iter().flat_map(longer).collect();
    let mut more = Vec::new();
    for window in there {
        let reaching = longer(window).into_iter().filter(|longer| caught_up.touch(*longer));
        // Not one after the other: of several lengths all become known.
        let new: Vec<Window> = reaching.filter(|longer| !known.contains(longer)).collect();
        if !new.is_empty() {
            known.extend(new);
            more.push(*window);
        }
    }
    more
}

/// What is computed anew if `touched` base windows are, apart from what reaches into times that are `behind`.
fn scopes(touched: &BTreeSet<Window>, monitor: &Monitor, behind: &Spans) -> Scopes {
    let has_baseline = monitor.baseline.is_some();
    let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
    let Monitor { granularities, comparisons, .. } = monitor;
    Scopes::of(touched, base, granularities, calendar, comparisons, has_baseline).without(behind)
}

/// The times of which states are needed to compute that.
fn spans(touched: &BTreeSet<Window>, monitor: &Monitor, behind: &Spans) -> Spans {
    let wanted = wanted(&scopes(touched, monitor, behind), monitor);
    let windows = wanted.iter().map(|(_, window)| window).chain(touched.iter().copied());
    windows.collect::<Vec<_>>().iter().collect()
}

/// The windows that it takes to compute those of `scopes`: these, and those that they are compared with.
fn wanted(scopes: &Scopes, monitor: &Monitor) -> Windows {
    let windows = scopes.drift.windows();
    windows.map(|windows| windows.with_looked_at(&monitor.comparisons, &monitor.calendar)).unwrap_or_default()
}
