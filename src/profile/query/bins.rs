//! Bins: where the histogram of a column is cut, the same in every window.

use std::collections::BTreeMap;

use super::closer::{distribution, sum};
use super::table::{Asked, Table};
use crate::profile::BaseGroup;
use crate::profile::distribution::Distribution;
use crate::profile::pinned::{PinnedEdges, deciles};
use crate::window::Window;

/// A window with so many rows says where bins should be.
const MIN_REFERENCE: u64 = 200;

impl Table<'_> {
    /// Pins ten bins for each column of numbers that has none: at the deciles of the baseline, or of the first window with
    /// enough rows.
    pub(super) fn pin_bins(&self, asked: Asked<'_>, groups: &mut [BaseGroup], pinned: &mut PinnedEdges) {
        let first = first_window(groups);
        for (index, column) in asked.columns.iter().enumerate() {
            if pinned.bins(&column.name).is_some() {
                continue;
            }
            let Some(mut total) = sum(groups.iter().filter(|base| base.window == first), index) else {
                continue;
            };
            // At the coarsest resolution of all groups, so that a bin begins where a bucket does in each of them.
            let shift = groups
                .iter()
                .filter_map(|base| distribution(base, index))
                .map(Distribution::resolution)
                .max();
            total.coarsen(shift.unwrap_or_default());
            let edges = deciles(&total);
            if total.total() > 0 && self.cut(asked, groups, index, &edges) {
                pinned.pin_bins(&column.name, edges);
            }
        }
    }
}

/// The first window with at least [`MIN_REFERENCE`] rows, or else the first; none of a baseline.
fn first_window(groups: &[BaseGroup]) -> Option<Window> {
    let mut rows: BTreeMap<Window, u64> = BTreeMap::new();
    for base in groups.iter().filter(|base| base.segment.slice.is_none()) {
        if let Some(window) = base.window {
            *rows.entry(window).or_default() += base.group.row_count;
        }
    }
    let enough = rows.iter().find(|(_, rows)| **rows >= MIN_REFERENCE);
    enough.or(rows.iter().next()).map(|(window, _)| *window)
}
