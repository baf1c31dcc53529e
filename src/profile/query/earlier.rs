//! What earlier runs have counted, and what is added to it.
//!
//! A run reads rows that are new, and all rows of windows in which some may have gone or changed. Windows of which nothing
//! is read are put together from states alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;

use super::kept::{self, Kept, spans};
use crate::config::Monitor;
use crate::profile::pinned::PinnedEdges;
use crate::profile::{BaseGroup, ColumnInfo, GroupKey};
use crate::scope::{Scopes, Windows};
use crate::window::{Calendar, Granularity, Window};

/// What a run may build upon.
#[derive(Clone)]
pub struct Earlier {
    /// The states table.
    pub states: Arc<dyn TableProvider>,
    /// Base windows of which all rows are read: what is kept of them is not true any more.
    pub recounted: BTreeSet<Window>,
    /// Base windows that are wanted though nothing is read of them.
    pub due: BTreeSet<Window>,
    /// Lengths of windows that are judged in order: of these all later windows are wanted, too, and so many before.
    pub judged: BTreeMap<Granularity, u32>,
    /// Whether the baseline is as it was.
    pub baseline_is_kept: bool,
}

/// What is kept of the windows that a run is about.
pub(super) struct Base<'a> {
    pub(super) kept: Kept<'a>,
    /// The groups that are kept, without states.
    pub(super) groups: Vec<BaseGroup>,
    /// What the run computes anew.
    pub(super) scopes: Scopes,
    /// The windows that this takes, of each length.
    pub(super) wanted: Windows,
    pub(super) baseline_is_kept: bool,
}

impl<'a> Base<'a> {
    /// What `earlier` runs know of the windows that rows of `read` groups are added to.
    pub(super) async fn of(
        monitor: &'a Monitor,
        earlier: Earlier,
        read: &[BaseGroup],
    ) -> Result<Self, DataFusionError> {
        let Earlier { states, recounted, due, judged, baseline_is_kept } = earlier;
        let touched = read.iter().filter_map(|base| base.window).chain(recounted.iter().copied()).chain(due);
        let touched: BTreeSet<Window> = touched.collect();
        let has_baseline = monitor.baseline.is_some();
        let (base, calendar) = (monitor.base_granularity(), &monitor.calendar);
        let scopes = Scopes::of(&touched, base, &monitor.granularities, calendar, has_baseline);
        let mut wanted = Windows::default();
        for (granularity, window) in scopes.drift.windows().into_iter().flat_map(Windows::iter) {
            wanted.insert(granularity, window);
            if let Ok(previous) = calendar.previous(granularity, window) {
                wanted.insert(granularity, previous);
            }
        }
        if !judged.is_empty() {
            let mut there = kept::windows(monitor, Arc::clone(&states)).await?;
            there.extend(&touched);
            for (granularity, before) in judged {
                for window in in_order(&there, &touched, granularity, before, calendar) {
                    wanted.insert(granularity, window);
                    // It is compared with the one before it.
                    if let Ok(previous) = calendar.previous(granularity, window) {
                        wanted.insert(granularity, previous);
                    }
                }
            }
        }
        let windows = wanted.iter().map(|(_, window)| window).chain(touched).collect();
        let kept = Kept::of(monitor, states, &windows)?;
        let groups = kept.groups().await?;
        let is_true = |base: &BaseGroup| base.window.is_none_or(|window| !recounted.contains(&window));
        let groups = groups.into_iter().filter(is_true).collect();
        Ok(Self { kept, groups, scopes, wanted, baseline_is_kept })
    }

    /// From when to when the windows are that are wanted.
    pub(super) fn times(&self) -> Vec<(i64, i64)> {
        spans(&self.wanted.iter().map(|(_, window)| window).collect())
    }

    /// What is kept of `columns`, and of the model's quality if that is asked. The edges that rows were told apart at are
    /// added to those that are `pinned`.
    pub(super) async fn states(
        &self,
        columns: &[ColumnInfo],
        with_quality: bool,
        pinned: &mut PinnedEdges,
    ) -> Result<Vec<BaseGroup>, DataFusionError> {
        let mut kept = self.groups.clone();
        self.kept.fill(&mut kept, columns, with_quality, pinned).await?;
        Ok(kept)
    }
}

/// Of the base windows that are `there` the windows of this length from `before` ones before the first that is `touched`
/// on.
fn in_order(
    there: &BTreeSet<Window>,
    touched: &BTreeSet<Window>,
    granularity: Granularity,
    before: u32,
    calendar: &Calendar,
) -> Vec<Window> {
    let of = |base: &Window| calendar.window_of(granularity, base.start).ok();
    let all: BTreeSet<Window> = there.iter().filter_map(of).collect();
    let Some(first) = touched.iter().filter_map(of).min() else { return Vec::new() };
    let earlier = all.range(..first).rev().take(before as usize);
    earlier.chain(all.range(first..)).copied().collect()
}

/// The groups that rows of `read` groups make with those that are `kept`.
pub(super) fn together(kept: Vec<BaseGroup>, read: Vec<BaseGroup>) -> Vec<BaseGroup> {
    let mut all: BTreeMap<GroupKey, BaseGroup> = kept.into_iter().map(|base| (base.key(), base)).collect();
    for base in read {
        match all.get_mut(&base.key()) {
            Some(known) => Arc::make_mut(&mut known.group).merge(&base.group),
            None => {
                all.insert(base.key(), base);
            }
        }
    }
    all.into_values().collect()
}
