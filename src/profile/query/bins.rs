//! Bins: where the histogram of a column is cut, the same in every window.
//!
//! They follow from the first windows that have enough numbers, so they are chosen where all windows are looked at; a run
//! that looks at some only finds out whether it is time.

use std::collections::{BTreeMap, HashMap};

use super::closer::{distribution, sum};
use super::table::{Asked, Table};
use crate::profile::distribution::Distribution;
use crate::profile::pinned::{PinnedEdges, deciles};
use crate::profile::{BaseGroup, ColumnInfo, ColumnState, Kind};
use crate::window::Window;

/// So many values say where bins should be.
const MIN_REFERENCE: u64 = 200;

impl Table<'_> {
    /// Pins ten bins for each column of numbers that has none: at the deciles of the baseline, or of the first complete
    /// windows that together have enough values. While there are not as many, or only one, bins are not chosen.
    pub(super) fn pin_bins(&self, asked: Asked<'_>, groups: &mut [BaseGroup], pinned: &mut PinnedEdges) {
        let without: Vec<usize> = without_bins(asked, pinned).map(|(index, _)| index).collect();
        for index in without {
            let Some(mut reference) = self.reference(groups, index) else { continue };
            // At the coarsest resolution of all groups, so that a bin begins where a bucket does in each of them.
            let shift = groups
                .iter()
                .filter_map(|base| distribution(base, index))
                .map(Distribution::resolution)
                .max();
            reference.coarsen(shift.unwrap_or_default());
            let edges = deciles(&reference);
            if !edges.is_empty() && self.cut(asked, groups, index, &edges) {
                pinned.pin_bins(&asked.columns[index].name, edges);
            }
        }
    }

    /// Whether bins can be chosen for some column that has none, by its numbers in complete windows: those that are `kept`, by
    /// column, and those that were `read`.
    pub(super) fn can_pin_bins(
        &self,
        asked: Asked<'_>,
        kept: &HashMap<String, Numbers>,
        read: &[BaseGroup],
        pinned: &PinnedEdges,
    ) -> bool {
        let complete = || read.iter().filter(|base| base.segment.slice.is_none() && self.is_complete(base));
        without_bins(asked, pinned).any(|(index, column)| {
            let mut numbers = kept.get(&column.name).copied().unwrap_or_default();
            complete().for_each(|base| numbers.add(&base.group.columns[index]));
            numbers.count >= MIN_REFERENCE && numbers.least < numbers.greatest
        })
    }

    /// The values of the column at `index` that its bins follow from; `None` if there are too few.
    fn reference(&self, groups: &[BaseGroup], index: usize) -> Option<Distribution> {
        if !self.has_windows {
            return sum(groups.iter(), index);
        }
        let mut windows: BTreeMap<Window, Vec<&BaseGroup>> = BTreeMap::new();
        for base in groups.iter().filter(|base| self.is_complete(base)) {
            if let Some(window) = base.window {
                windows.entry(window).or_default().push(base);
            }
        }
        let mut reference: Option<Distribution> = None;
        for groups in windows.into_values() {
            let Some(more) = sum(groups.into_iter(), index) else { continue };
            let all = reference.get_or_insert_default();
            all.merge(&more);
            if all.total() >= MIN_REFERENCE && all.buckets_in_use() > 1 {
                all.settle();
                return reference;
            }
        }
        None
    }

    /// Whether the window of this group has all of its rows: those of an open one are those of its first hours.
    fn is_complete(&self, base: &BaseGroup) -> bool {
        base.window.is_some_and(|window| !self.monitor.is_provisional(window.end, self.as_of))
    }
}

/// The columns of numbers that have no bins, with their places.
pub(super) fn without_bins<'a>(
    asked: Asked<'a>,
    pinned: &'a PinnedEdges,
) -> impl Iterator<Item = (usize, &'a ColumnInfo)> {
    let is_without = |(_, column): &(usize, &ColumnInfo)| {
        column.kind == Kind::Numeric && pinned.bins(&column.name).is_none()
    };
    asked.columns.iter().enumerate().filter(is_without)
}

/// The finite numbers of a column, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) count: u64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { count: 0, least: f64::INFINITY, greatest: f64::NEG_INFINITY }
    }
}

impl Numbers {
    fn add(&mut self, state: &ColumnState) {
        if let ColumnState::Numeric(numbers) = state
            && let Some((least, greatest)) = numbers.extremes()
        {
            self.count += numbers.finite();
            self.least = self.least.min(least);
            self.greatest = self.greatest.max(greatest);
        }
    }
}
