//! What the baseline decides before the inference table is read: by what distances are measured, what losses are expected by, and
//! the windows that bounds are learned from.
//!
//! It reads the baseline only, and must not look at the inference table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[cfg(feature = "dle")]
use super::losses;
use super::table::{Answer, Asked};
use super::{Counting, QueryError};
use crate::profile::covariance::Reference;
#[cfg(feature = "dle")]
use crate::profile::loss_estimator::LossEstimator;
use crate::profile::reason::Absence;
use crate::profile::{Group, Rollup, Series};
use crate::spans::Spans;
use crate::window::Window;

/// What is the same for all windows.
#[derive(Default)]
pub(super) struct Decided {
    /// What the covariance of a window is compared with; in the last pass only.
    pub reference: Option<Arc<Reference>>,
    /// What losses are expected by.
    estimator: Option<String>,
    /// Why none are, where they would be.
    pub without_losses: Option<Absence>,
    /// The windows of the baseline.
    pub rehearsal: BTreeMap<Series, BTreeMap<Window, Arc<Group>>>,
    /// As of [`Counted::is_outgrown`](super::Counted::is_outgrown).
    pub is_outgrown: bool,
}

impl Decided {
    /// The same question, asked by what was decided.
    pub fn asked<'a>(&'a self, asked: Asked<'a>) -> Asked<'a> {
        Asked { reference: self.reference.as_deref(), estimator: self.estimator.as_deref(), ..asked }
    }
}

impl Counting<'_> {
    /// What follows from `baseline`, the answer to what was `asked`.
    pub(super) async fn decide(
        &mut self,
        asked: Asked<'_>,
        baseline: &mut Answer,
    ) -> Result<Decided, QueryError> {
        let reference = self.scales.reference(&self.columns).filter(|_| asked.with_quality).map(Arc::new);
        let is_outgrown = asked.with_quality && self.scales.is_outgrown(reference.as_deref());
        if let (Some(table), Some(reference)) = (&self.baseline, &reference) {
            let measured = table.measure(&mut baseline.groups, reference, &self.pinned).await;
            baseline.bytes += measured.map_err(|error| QueryError::query(table.name, error))?;
        }
        let (estimator, without_losses) = self.estimator(reference.as_deref(), baseline).await?;
        let decided = Decided { reference, estimator, without_losses, is_outgrown, ..Decided::default() };
        let rehearsal = self.rehearse(decided.asked(asked)).await?;
        Ok(Decided { rehearsal, ..decided })
    }

    /// What losses are expected by, as a text, or why none are, where they would be: kept, or learnt of the `baseline`.
    #[cfg(feature = "dle")]
    async fn estimator(
        &mut self,
        reference: Option<&Reference>,
        baseline: &mut Answer,
    ) -> Result<(Option<String>, Option<Absence>), QueryError> {
        let (Some(table), Some(reference)) = (&self.baseline, reference) else { return Ok((None, None)) };
        if !self.monitor.expects_losses() {
            return Ok((None, None));
        }
        let learnt = match losses::kept(&baseline.groups) {
            Some(kept) => kept,
            None => {
                let learnt = table.learn(reference).await;
                let (learnt, bytes) = learnt.map_err(|error| QueryError::query(table.name, error))?;
                baseline.bytes += bytes;
                if let Ok(estimator) = &learnt {
                    let estimator = LossEstimator::text_of(estimator);
                    let told = (reference, estimator.as_str());
                    let expected = table.expect(&mut baseline.groups, told, &self.pinned).await;
                    baseline.bytes += expected.map_err(|error| QueryError::query(table.name, error))?;
                }
                learnt
            }
        };
        losses::keep(&mut baseline.groups, &learnt);
        Ok(match learnt {
            Ok(bytes) => (Some(LossEstimator::text_of(&bytes)), None),
            Err(why) => (None, Some(Absence::from(why))),
        })
    }

    /// Without a learner nothing is expected.
    #[cfg(not(feature = "dle"))]
    async fn estimator(
        &mut self,
        _: Option<&Reference>,
        _: &mut Answer,
    ) -> Result<(Option<String>, Option<Absence>), QueryError> {
        Ok((None, None))
    }

    /// The windows of the baseline, if bounds are learned from them.
    async fn rehearse(
        &mut self,
        asked: Asked<'_>,
    ) -> Result<BTreeMap<Series, BTreeMap<Window, Arc<Group>>>, QueryError> {
        let Some(table) = &self.rehearsal else { return Ok(BTreeMap::new()) };
        let counted = table.count(asked, "baseline, windows", &self.pinned).await;
        let (mut groups, bytes) = counted.map_err(|error| QueryError::query(table.name, error))?;
        self.totals.bytes += bytes;
        groups.iter_mut().for_each(|base| Arc::make_mut(&mut base.group).settle());
        let lengths: BTreeSet<_> = self.monitor.learned_rules().map(|rule| rule.granularity).collect();
        let granularities: Vec<_> = lengths.into_iter().collect();
        let (calendar, none) = (&self.monitor.calendar, Spans::default());
        let all = Rollup { granularities: &granularities, calendar, wanted: None, behind: &none };
        Ok(all.windows(&groups))
    }
}
