//! What earlier runs have counted, and what is added to it.
//!
//! A run reads rows that are new, and all rows of windows in which some may have gone or changed. Windows of which nothing
//! is read are put together from states alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::Expr;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::QueryError;
use super::bins::Numbers;
use super::kept::{self, Kept};
use crate::config::Monitor;
use crate::profile::{BaseGroup, ColumnInfo};
use crate::scope::{Scopes, Windows};
use crate::source::Part;
use crate::spans::Spans;
use crate::window::{Calendar, Granularity, Window};

/// What a run may build upon.
#[derive(Clone)]
pub struct Earlier {
    /// The states table.
    pub states: Arc<dyn TableProvider>,
    /// Where it is.
    pub url: Url,
    /// Times of which all rows are read: what is kept of their base windows is not true any more.
    pub recounted: Spans,
    /// Base windows that are wanted though nothing is read of them.
    pub due: Due,
    /// Base windows of which rows may be in the tables though there are no states any more.
    pub unfinished: BTreeSet<Window>,
    /// Lengths of windows that are judged in order: of these all later windows are wanted, too, and so many before.
    pub judged: BTreeMap<Granularity, u32>,
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
    lateness: SignedDuration,
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
        let Earlier { states, url, recounted, due, unfinished, judged, baseline_is_kept, window } = earlier;
        let mut there = BTreeSet::new();
        let no_window = Due::Windows(BTreeSet::new());
        if due != no_window || !recounted.is_empty() || !judged.is_empty() {
            there = kept::windows(monitor, Arc::clone(&states)).await?;
            there.retain(|window| !behind.touch(*window));
        }
        let mut touched: BTreeSet<Window> = read.iter().filter_map(|base| base.window).collect();
        touched.extend(there.iter().filter(|window| recounted.touch(**window)));
        touched.extend(unfinished);
        there.extend(&touched);
        let (scopes, wanted) = match due {
            Due::All => (Scopes::default(), None),
            Due::Windows(due) => {
                touched.extend(due.intersection(&there));
                let has_baseline = monitor.baseline.is_some();
                let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
                let scopes = Scopes::of(&touched, base, &monitor.granularities, calendar, has_baseline);
                let scopes = scopes.without(behind);
                let wanted = wanted(&scopes, &there, &touched, &judged, calendar);
                (scopes, Some(wanted))
            }
        };
        let spans = match &wanted {
            None => Spans::all(),
            Some(wanted) => {
                wanted.iter().map(|(_, window)| window).chain(touched).collect::<Vec<_>>().iter().collect()
            }
        };
        let kept = Kept::of(monitor, states, spans)?;
        let is_true = |base: &BaseGroup| {
            base.window.is_none_or(|window| !recounted.touch(window) && !behind.touch(window))
        };
        let groups = kept.groups().await?.into_iter().filter(is_true).collect();
        let lateness = monitor.lateness;
        Ok(Self { kept, groups, scopes, wanted, baseline_is_kept, lateness, url, window })
    }

    /// All rows of the windows that are wanted, apart from those at times that are `behind`.
    pub(super) fn rows(&self, behind: &Spans) -> Part {
        let times = match &self.wanted {
            None => Spans::all(),
            Some(wanted) => wanted.iter().map(|(_, window)| window).collect::<Vec<_>>().iter().collect(),
        };
        Part { times: times.without(behind), window: self.window.clone(), ..Part::default() }
    }

    /// What is kept of `columns`, and of the model's quality if that is asked.
    pub(super) async fn states(
        &self,
        columns: &[ColumnInfo],
        with_quality: bool,
    ) -> Result<Vec<BaseGroup>, QueryError> {
        let mut kept = self.groups.clone();
        let filled = self.kept.fill(&mut kept, columns, with_quality).await;
        filled.map_err(|error| QueryError::kept(&self.url, error))?;
        Ok(kept)
    }

    /// The numbers that are kept of each column without bins, in windows that are complete at `as_of`.
    pub(super) async fn numbers(&self, as_of: Timestamp) -> Result<HashMap<String, Numbers>, QueryError> {
        let until = as_of.checked_sub(self.lateness).unwrap_or(Timestamp::MIN);
        self.kept.numbers(until).await.map_err(|error| QueryError::kept(&self.url, error))
    }

    /// What is kept of the baseline, if it is as it was.
    pub(super) async fn baseline(
        &self,
        columns: &[ColumnInfo],
        with_quality: bool,
    ) -> Result<Option<Vec<BaseGroup>>, QueryError> {
        if !self.baseline_is_kept {
            return Ok(None);
        }
        let kept = self.kept.baseline(columns, with_quality).await;
        kept.map(Some).map_err(|error| QueryError::kept(&self.url, error))
    }
}

/// The windows that it takes to compute those of `scopes`, and to judge them.
fn wanted(
    scopes: &Scopes,
    there: &BTreeSet<Window>,
    touched: &BTreeSet<Window>,
    judged: &BTreeMap<Granularity, u32>,
    calendar: &Calendar,
) -> Windows {
    let judged = judged.iter().flat_map(|(granularity, before)| {
        let windows = in_order(there, touched, *granularity, *before as usize, calendar);
        windows.into_iter().map(|window| (*granularity, window))
    });
    let mut wanted = Windows::default();
    for (granularity, window) in scopes.drift.windows().into_iter().flat_map(Windows::iter).chain(judged) {
        wanted.insert(granularity, window);
        // It is compared with the one before it.
        if let Ok(previous) = calendar.previous(granularity, window) {
            wanted.insert(granularity, previous);
        }
    }
    wanted
}

/// Of the base windows that are `there` the windows of this length from `before` ones before the first that is `touched`
/// on; the last ones, if none is.
fn in_order(
    there: &BTreeSet<Window>,
    touched: &BTreeSet<Window>,
    granularity: Granularity,
    before: usize,
    calendar: &Calendar,
) -> Vec<Window> {
    let of = |base: &Window| calendar.window_of(granularity, base.start).ok();
    let all: Vec<Window> = there.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect();
    let first = touched.iter().filter_map(of).min();
    let first = first.map_or(all.len(), |first| all.partition_point(|window| *window < first));
    all[first.saturating_sub(before)..].to_vec()
}
