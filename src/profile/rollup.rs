//! From base groups to every granularity and to `*`, by adding.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Group, Segment, Series};
use crate::contract::ALL_VERSIONS;
use crate::scope::Windows;
use crate::spans::Spans;
use crate::window::{Calendar, Granularity, Window};

/// Rows of one base window, model version and slice.
#[derive(Debug, Clone)]
pub struct BaseGroup {
    /// The base window; `None` for a baseline, and for rows without a time or with one out of range.
    pub window: Option<Window>,
    /// Whether the rows have a time that no base window can hold.
    pub is_out_of_range: bool,
    /// Whose rows.
    pub segment: Segment,
    /// What was counted; shared with the series that it is all of.
    pub group: Arc<Group>,
}

/// What tells the groups of a table apart: window, whether out of range, and whose rows.
pub type GroupKey = (Option<Window>, bool, Segment);

impl BaseGroup {
    /// What tells it apart from the other groups of a table.
    pub fn key(&self) -> GroupKey {
        (self.window, self.is_out_of_range, self.segment.clone())
    }
}

/// What to add base groups up to.
#[derive(Debug, Clone, Copy)]
pub struct Rollup<'a> {
    /// Window lengths, each a union of base windows.
    pub granularities: &'a [Granularity],
    /// Cuts time into windows.
    pub calendar: &'a Calendar,
    /// The windows that are wanted; `None` if all are.
    pub wanted: Option<&'a Windows>,
    /// Times of which not all rows are counted: windows that reach into them are left out.
    pub behind: &'a Spans,
}

impl Rollup<'_> {
    /// Adds `groups`, which are settled, up to all series; those that are in no window are left out. What is one group only is
    /// not copied.
    pub fn windows(&self, groups: &[BaseGroup]) -> BTreeMap<Series, BTreeMap<Window, Arc<Group>>> {
        let mut series: BTreeMap<Series, BTreeMap<Window, Arc<Group>>> = BTreeMap::new();
        for base in groups {
            let Some(windows) = self.windows_of(base) else { continue };
            let is_wanted = |(granularity, window): &(Granularity, Window)| {
                self.wanted.is_none_or(|wanted| wanted.has(*granularity, *window))
                    && !self.behind.touch(*window)
            };
            for (granularity, window) in windows.into_iter().filter(is_wanted) {
                for segment in with_all_versions(&base.segment) {
                    let key = Series { granularity, segment };
                    add(series.entry(key).or_default(), window, &base.group);
                }
            }
        }
        series.values_mut().flat_map(BTreeMap::values_mut).for_each(settle);
        series
    }

    /// Whether the rows of `base` have a time, but so near to an end of time that not each granularity has a
    /// window for it. They are in none, so that the windows of all granularities hold the same rows.
    pub fn is_out_of_range(&self, base: &BaseGroup) -> bool {
        base.is_out_of_range || (base.window.is_some() && self.windows_of(base).is_none())
    }

    /// The windows that the rows of `base` are in, one of each granularity.
    fn windows_of(&self, base: &BaseGroup) -> Option<Vec<(Granularity, Window)>> {
        let start = base.window?.start;
        let window = |granularity: &Granularity| {
            Some((*granularity, self.calendar.window_of(*granularity, start).ok()?))
        };
        self.granularities.iter().map(window).collect()
    }

    /// Adds `groups` of a baseline, which are settled, up to `*`.
    pub fn baseline(groups: &[BaseGroup]) -> BTreeMap<Segment, Arc<Group>> {
        let mut segments = BTreeMap::new();
        for base in groups {
            for segment in with_all_versions(&base.segment) {
                add(&mut segments, segment, &base.group);
            }
        }
        segments.values_mut().for_each(settle);
        segments
    }
}

/// The groups of whole windows and versions, added up from those of the slices of `key`.
#[cfg(any(feature = "lake", test))]
pub(super) fn whole(groups: &[BaseGroup], key: &str) -> Vec<BaseGroup> {
    let mut wholes: BTreeMap<GroupKey, Arc<Group>> = BTreeMap::new();
    let of_key = |base: &&BaseGroup| base.segment.slice.as_ref().is_some_and(|slice| slice.key == key);
    for base in groups.iter().filter(of_key) {
        let segment = Segment { slice: None, ..base.segment.clone() };
        add(&mut wholes, (base.window, base.is_out_of_range, segment), &base.group);
    }
    let base =
        |((window, is_out_of_range, segment), group)| BaseGroup { window, is_out_of_range, segment, group };
    wholes.into_iter().map(base).collect()
}

/// The segment itself, and that of all versions together.
fn with_all_versions(segment: &Segment) -> impl Iterator<Item = Segment> + use<> {
    let all = Segment { model_version: ALL_VERSIONS.to_owned(), slice: segment.slice.clone() };
    let own = (*segment != all).then(|| segment.clone());
    own.into_iter().chain([all])
}

fn add<K: Ord>(groups: &mut BTreeMap<K, Arc<Group>>, key: K, group: &Arc<Group>) {
    let known = groups.entry(key).and_modify(|known| Arc::make_mut(known).merge(group));
    known.or_insert_with(|| Arc::clone(group));
}

/// Settles a sum; what is shared is no sum, and has been settled.
fn settle(group: &mut Arc<Group>) {
    if let Some(sum) = Arc::get_mut(group) {
        sum.settle();
    }
}

#[cfg(test)]
mod tests;
