//! What is kept and what is read become one.
//!
//! Edges that only one side has are lost where states are added, so both sides are told apart at the same ones first, as far
//! as that can be. And where the values of a column have become too many to keep each, it is now that they can still be seen:
//! those that crowd are told apart from then on, as they would be if all rows were read at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::closer::{MAX_BUCKETS, distribution, is_cut_enough};
use super::table::{Asked, Table};
use crate::profile::distribution::{Distribution, Edges, crowded};
use crate::profile::pinned::PinnedEdges;
use crate::profile::{BaseGroup, ColumnState, GroupKey, QualityState};

impl Table<'_> {
    /// The groups that rows of `read` groups make with those that are `kept`, all of what was `asked`. Edges are added to
    /// those that are `pinned`, where rows crowd only now.
    pub(super) fn together(
        &self,
        asked: Asked<'_>,
        mut kept: Vec<BaseGroup>,
        mut read: Vec<BaseGroup>,
        pinned: &mut PinnedEdges,
    ) -> Vec<BaseGroup> {
        if kept.is_empty() {
            // Those that crowd have been looked at where they were read.
            return read;
        }
        for (index, column) in asked.columns.iter().enumerate() {
            if !is_cut_enough(column, pinned) {
                pinned.add(&column.name, &crowding(&kept, &read, index));
            }
            let edges = pinned.of(&column.name);
            kept.iter_mut()
                .chain(&mut read)
                .for_each(|base| self.cut_where_possible(asked, base, index, &edges));
        }
        merged(kept, read)
    }

    /// Tells the numbers of the column at `index` of a group apart at as many of `edges` as that can be.
    fn cut_where_possible(&self, asked: Asked<'_>, base: &mut BaseGroup, index: usize, edges: &Edges) {
        if distribution(base, index).is_none_or(|numbers| numbers.edges() == edges) {
            return;
        }
        let group = Arc::make_mut(&mut base.group);
        if let ColumnState::Numeric(state) = &mut group.columns[index] {
            state.distribution.cut_where_possible(edges);
        }
        if let Some(QualityState::Classification(state)) = &mut group.table.quality
            && asked.with_quality
            && self.is_proba(&asked.columns[index])
        {
            state.probabilities.cut_where_possible(edges);
        }
    }
}

/// Edges between the rows that will crowd in the column at `index` once what is read is added to what is kept, if each value
/// is known still.
fn crowding(kept: &[BaseGroup], read: &[BaseGroup], index: usize) -> Edges {
    let touched: BTreeSet<GroupKey> = read.iter().map(BaseGroup::key).collect();
    let kept = kept.iter().filter(|base| touched.contains(&base.key()));
    let whole = kept.chain(read).filter(|base| base.segment.slice.is_none());
    let parts: Vec<&Distribution> = whole.filter_map(|base| distribution(base, index)).collect();
    if !parts.iter().all(|part| part.is_exact()) {
        return Edges::default();
    }
    let mut total = Distribution::default();
    parts.iter().for_each(|part| total.merge(part));
    total.settle();
    let buckets = crowded::crowded(&total).into_iter().take(MAX_BUCKETS);
    let edges = buckets.map(|bucket| {
        let mut inside = Distribution::default();
        let counts = parts.iter().flat_map(|part| part.exact_counts());
        let is_inside = |(value, _): &(f64, u64)| (bucket.low..=bucket.high).contains(value);
        counts.filter(is_inside).for_each(|(value, count)| inside.add_many(value, count));
        inside.settle();
        crowded::edges(&bucket, &inside, total.total())
    });
    edges.fold(Edges::default(), |all, more| all.and(&more))
}

/// The states of both, added up by group.
fn merged(kept: Vec<BaseGroup>, read: Vec<BaseGroup>) -> Vec<BaseGroup> {
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
