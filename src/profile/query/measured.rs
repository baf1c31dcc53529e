//! What columns are measured by where they are looked at together: the scale of each is found when the baseline is first
//! counted, and stays while the baseline grows, as the bins of histograms do. So what was counted before adds to what is counted
//! now. Where the baseline becomes another, or another set of columns is looked at, the scales are outgrown, and all rows are
//! measured anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::DataFusionError;

use super::table::{Asked, Table};
use crate::profile::covariance::{CovarianceState, MAX_COLUMNS, Reference, Scale};
use crate::profile::gap::Gaps;
use crate::profile::pinned::PinnedEdges;
use crate::profile::{BaseGroup, ColumnInfo, ColumnState, GroupKey, Kind, Role};

/// The scales of columns that have been counted.
#[derive(Default)]
pub(super) struct Scales {
    /// By earlier runs.
    kept: Vec<Scale>,
    /// Of columns that are there now.
    found: Vec<Scale>,
    /// Whether what was measured before does not fit any more.
    is_outgrown: bool,
}

impl Scales {
    /// Those that earlier runs have found.
    pub(super) fn kept(kept: Vec<Scale>) -> Self {
        Self { kept, ..Self::default() }
    }

    /// Finds those of `columns` in the groups of a baseline, as far as these can be compared. Whether the groups are kept, or have
    /// been counted now, decides whether they can have changed.
    pub(super) fn find(
        &mut self,
        columns: &[ColumnInfo],
        gaps: &Gaps,
        baseline: &[BaseGroup],
        are_kept: bool,
    ) {
        for (index, column) in columns.iter().enumerate() {
            // What the model says, and how, is compared by itself.
            let is_meant = column.role == Role::Feature && !gaps.contains_key(&column.name);
            if !is_meant || !matches!(column.kind, Kind::Numeric | Kind::Text) {
                continue;
            }
            let kept = self.kept.iter().find(|scale| scale.column() == column.name).cloned();
            let fresh = || Scale::of(&column.name, &whole(baseline, index)?);
            let scale = match kept {
                Some(kept) if are_kept => Some(kept),
                Some(kept) => {
                    let fresh = fresh();
                    self.is_outgrown |= fresh.as_ref().is_some_and(|fresh| !kept.is_near(fresh));
                    fresh.map(|_| kept)
                }
                None => fresh(),
            };
            self.found.extend(scale);
        }
    }

    /// Whether rows have to be measured anew by `reference`: those that were measured before do not know all of its columns, or
    /// what these are measured by says little of the baseline any more.
    pub(super) fn is_outgrown(&self, reference: Option<&Reference>) -> bool {
        let is_new = |scale: &Scale| !self.kept.iter().any(|kept| kept.column() == scale.column());
        let has_new = || reference.is_some_and(|reference| reference.scales().iter().any(is_new));
        !self.kept.is_empty() && (self.is_outgrown || has_new())
    }

    /// Those of the first of `columns` that have one, as many as can be.
    pub(super) fn reference(&self, columns: &[ColumnInfo]) -> Option<Reference> {
        let scale = |column: &ColumnInfo| self.found.iter().find(|scale| scale.column() == column.name);
        Reference::new(columns.iter().filter_map(scale).take(MAX_COLUMNS).cloned().collect()).ok()
    }

    /// The most columns that there can be among `columns`.
    pub(super) fn most(columns: &[ColumnInfo]) -> usize {
        columns.iter().filter(|column| column.role == Role::Feature).count().min(MAX_COLUMNS)
    }
}

/// The state of the column at `index` in all groups together.
fn whole(groups: &[BaseGroup], index: usize) -> Option<ColumnState> {
    let mut wholes = groups.iter().filter(|base| base.segment.slice.is_none());
    let mut sum = wholes.next()?.group.columns.get(index)?.clone();
    wholes.filter_map(|base| base.group.columns.get(index)).for_each(|state| sum.merge(state));
    sum.settle();
    Some(sum)
}

impl Table<'_> {
    /// Gives each of `groups`, of whole tables, how its columns move together, unless they have that already. Gives the bytes that
    /// were read.
    pub(super) async fn measure(
        &self,
        groups: &mut [BaseGroup],
        reference: &Reference,
        pinned: &PinnedEdges,
    ) -> Result<u64, DataFusionError> {
        let mut bytes = 0;
        if !is_measured(groups, reference) {
            let asked = Asked {
                columns: &[],
                with_quality: false,
                with_requests: false,
                reference: Some(reference),
                estimator: None,
            };
            let (counted, read) = self.count(asked, "columns together", pinned).await?;
            bytes = read;
            let mut counted: HashMap<GroupKey, Option<CovarianceState>> =
                counted.into_iter().map(|base| (base.key(), base.group.table.covariance.clone())).collect();
            for base in groups.iter_mut() {
                let covariance = counted.remove(&base.key()).flatten();
                Arc::make_mut(&mut base.group).table.covariance = covariance;
            }
        }
        for base in groups {
            Arc::make_mut(&mut base.group).table.scales = reference.scales().to_vec();
        }
        Ok(bytes)
    }
}

fn is_measured(groups: &[BaseGroup], reference: &Reference) -> bool {
    let covariances = groups.iter().filter_map(|base| base.group.table.covariance.as_ref());
    let measured: BTreeSet<u64> = covariances.flat_map(CovarianceState::measured).collect();
    reference.ids().all(|id| measured.contains(&id))
}
