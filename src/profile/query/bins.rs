//! Bins: where the histogram of a column is cut, the same in every window.

use std::collections::BTreeMap;

use super::closer::{distribution, sum};
use super::table::{Asked, Table};
use crate::profile::BaseGroup;
use crate::profile::distribution::Distribution;
use crate::profile::pinned::{PinnedEdges, deciles};
use crate::window::Window;

/// So many values say where bins should be.
const MIN_REFERENCE: u64 = 200;

impl Table<'_> {
    /// Pins ten bins for each column of numbers that has none: at the deciles of the baseline, or of the first complete
    /// windows that together have enough values. While there are not as many, or only one, bins are not chosen.
    pub(super) fn pin_bins(&self, asked: Asked<'_>, groups: &mut [BaseGroup], pinned: &mut PinnedEdges) {
        for (index, column) in asked.columns.iter().enumerate() {
            if pinned.bins(&column.name).is_some() {
                continue;
            }
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
                pinned.pin_bins(&column.name, edges);
            }
        }
    }

    /// The values of the column at `index` that its bins follow from; `None` if there are too few.
    fn reference(&self, groups: &[BaseGroup], index: usize) -> Option<Distribution> {
        if !self.has_windows {
            return sum(groups.iter(), index);
        }
        // The rows of an open window are those of its first hours.
        let is_complete = |window: &Window| !self.monitor.is_provisional(window.end, self.as_of);
        let mut windows: BTreeMap<Window, Vec<&BaseGroup>> = BTreeMap::new();
        for base in groups {
            if let Some(window) = base.window.filter(is_complete) {
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
}
