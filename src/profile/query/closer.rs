//! The closer look: where rows crowd in a bucket they are counted once more, and edges put between them.
//!
//! Few columns need it, and those are all that is read again. Which buckets, which edges, depends on the rows alone, and on
//! the edges that there are already.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::DataFusionError;

use super::table::{Asked, Table};
use super::{decode, states};
use crate::config::Proba;
use crate::profile::distribution::{Bucket, Distribution, Edges, crowded};
use crate::profile::functions::State;
use crate::profile::pinned::PinnedEdges;
use crate::profile::template::{self, Name};
use crate::profile::{BaseGroup, ColumnInfo, ColumnState, QualityState};

/// Looks at one table: each tells numbers apart that differ by two thousand times less.
const LOOKS: usize = 4;

/// Most buckets of a column that are looked into at once: no more can be crowded, so that a later run finds none to look
/// into that this one has left.
pub(super) const MAX_BUCKETS: usize = 200;

/// Most edges of a column that is looked into: each is a comparison for many of its rows, and edges stay.
const MAX_EDGES: usize = 2048;

/// A column and its buckets to look into.
struct Crowded {
    /// Its place among the columns.
    index: usize,
    buckets: Vec<Bucket>,
    /// Its numbers in all.
    total: u64,
}

impl Table<'_> {
    /// Looks into the crowded buckets of `groups`, which answer what was `asked`, until none is left. The edges are added
    /// to `pinned`. Returns the bytes that were read, and the columns in which some are left.
    pub(super) async fn look_closer(
        &self,
        asked: Asked<'_>,
        groups: &mut [BaseGroup],
        pinned: &mut PinnedEdges,
    ) -> Result<(u64, Vec<String>), DataFusionError> {
        let mut bytes = 0;
        let mut left = crowded(asked, groups, pinned);
        for _ in 0..LOOKS {
            if left.is_empty() {
                break;
            }
            let (inside, read) = self.look(asked, &left).await?;
            bytes += read;
            let mut anew = Vec::new();
            for (column, inside) in left.iter().zip(inside) {
                let looked = column.buckets.iter().zip(inside);
                let edges = looked.map(|(bucket, inside)| crowded::edges(bucket, &inside, column.total));
                let edges = edges.fold(Edges::default(), |all, more| all.and(&more));
                if pinned.add(&asked.columns[column.index].name, &edges) {
                    anew.push(column.index);
                }
            }
            if anew.is_empty() {
                break;
            }
            bytes += self.recount(asked, groups, &anew, pinned).await?;
            left = crowded(asked, groups, pinned);
        }
        Ok((bytes, left.iter().map(|column| asked.columns[column.index].name.clone()).collect()))
    }

    /// The distributions within the buckets of each column, and the bytes that were read.
    async fn look(
        &self,
        asked: Asked<'_>,
        crowded: &[Crowded],
    ) -> Result<(Vec<Vec<Distribution>>, u64), DataFusionError> {
        let mut ranges = Vec::new();
        for column in crowded {
            let name = &asked.columns[column.index].name;
            tracing::debug!(
                table = self.name,
                column = name,
                buckets = column.buckets.len(),
                "looking closer"
            );
            for bucket in &column.buckets {
                let within = Name::within(name, bucket.low, bucket.high);
                ranges.push(Name::call("profile_numeric", &[within], &states::of_range(ranges.len())));
            }
        }
        let sql = template::fill(template::CROWDED, &[("ranges", Name::list(&ranges))]);
        let (batches, bytes) = self.collect(&sql, "crowded numbers").await?;
        let mut found = batches.iter().flat_map(|batch| {
            (0..ranges.len()).map(|index| {
                match ColumnState::from_bytes(decode::bytes(batch, &states::of_range(index))?)? {
                    ColumnState::Numeric(state) => Ok(state.distribution),
                    _ => Ok(Distribution::default()),
                }
            })
        });
        let inside = crowded.iter().map(|column| found.by_ref().take(column.buckets.len()).collect());
        Ok((inside.collect::<Result<_, DataFusionError>>()?, bytes))
    }

    /// Counts the columns at `indices` of `groups` once more, with the edges that there are now.
    pub(super) async fn recount(
        &self,
        asked: Asked<'_>,
        groups: &mut [BaseGroup],
        indices: &[usize],
        pinned: &PinnedEdges,
    ) -> Result<u64, DataFusionError> {
        let columns: Vec<_> = indices.iter().map(|index| asked.columns[*index].clone()).collect();
        let with_quality = asked.with_quality && columns.iter().any(|column| self.is_proba(column));
        let again =
            Asked { columns: &columns, with_quality, with_requests: false, reference: None, estimator: None };
        let (counted, bytes) = self.count(again, "crowded columns", pinned).await?;
        let mut counted: BTreeMap<_, _> = counted.into_iter().map(|base| (base.key(), base.group)).collect();
        for base in groups {
            let Some(again) = counted.remove(&base.key()).map(Arc::unwrap_or_clone) else { continue };
            let group = Arc::make_mut(&mut base.group);
            for (index, state) in indices.iter().zip(again.columns) {
                group.columns[*index] = state;
            }
            if again.table.quality.is_some() {
                group.table.quality = again.table.quality;
            }
        }
        Ok(bytes)
    }

    /// Tells the numbers of the column at `index` apart at `edges`, if none of these lies within a bucket of any group. Else
    /// some groups may be cut and others not, until they are counted anew.
    pub(super) fn cut(
        &self,
        asked: Asked<'_>,
        groups: &mut [BaseGroup],
        index: usize,
        edges: &Edges,
    ) -> bool {
        let of_quality = asked.with_quality && self.is_proba(&asked.columns[index]);
        groups.iter_mut().all(|base| {
            let group = Arc::make_mut(&mut base.group);
            if let Some(QualityState::Classification(state)) = &mut group.table.quality
                && of_quality
            {
                state.probabilities.cut_where_possible(edges);
            }
            match &mut group.columns[index] {
                ColumnState::Numeric(state) => state.distribution.cut_between_buckets(edges),
                _ => true,
            }
        })
    }

    /// Whether it holds the scores that quality is measured by.
    pub(super) fn is_proba(&self, column: &ColumnInfo) -> bool {
        let proba =
            self.monitor.inference.prediction.as_ref().and_then(|prediction| prediction.proba.as_ref());
        matches!(proba, Some(Proba::Column(name)) if *name == column.name)
    }
}

/// The columns of `asked` in which rows of `groups` crowd, of those that have not been cut too often.
fn crowded(asked: Asked<'_>, groups: &[BaseGroup], pinned: &PinnedEdges) -> Vec<Crowded> {
    let columns = asked.columns.iter().enumerate();
    let crowded = columns.filter_map(|(index, column)| {
        if is_cut_enough(column, pinned) {
            return None;
        }
        let total = sum(groups.iter(), index)?;
        let mut buckets = crowded::crowded(&total);
        buckets.sort_by_key(|bucket| std::cmp::Reverse(bucket.count));
        buckets.truncate(MAX_BUCKETS);
        (!buckets.is_empty()).then(|| Crowded { index, buckets, total: total.total() })
    });
    crowded.collect()
}

/// Whether the column has as many edges as it may have.
pub(super) fn is_cut_enough(column: &ColumnInfo, pinned: &PinnedEdges) -> bool {
    pinned.of(&column.name).values().count() > MAX_EDGES
}

/// The numbers of the column at `index` in `groups`, of whole windows, together. None if it is no column of numbers.
pub(super) fn sum<'a>(groups: impl Iterator<Item = &'a BaseGroup>, index: usize) -> Option<Distribution> {
    let mut wholes =
        groups.filter(|base| base.segment.slice.is_none()).filter_map(|base| distribution(base, index));
    let mut total = wholes.next()?.clone();
    wholes.for_each(|more| total.merge(more));
    total.settle();
    Some(total)
}

pub(super) fn distribution(base: &BaseGroup, index: usize) -> Option<&Distribution> {
    match &base.group.columns[index] {
        ColumnState::Numeric(state) => Some(&state.distribution),
        _ => None,
    }
}
