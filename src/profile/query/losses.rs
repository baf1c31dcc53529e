//! Learning from the baseline what losses to expect of predictions of numbers, before their labels come.
//!
//! Rows are streamed, and of many a sample is held. What has been learnt is kept with the states of the baseline, so that it is
//! learnt once.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::DataFusionError;
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;

use super::rows::view;
use super::table::{Asked, Table};
use super::watch::bytes_read;
use crate::profile::covariance::{Reference, Scale};
use crate::profile::functions::measured::MeasuredColumns;
use crate::profile::loss_estimator::LossEstimator;
use crate::profile::loss_model::Sample;
use crate::profile::losses::LossState;
use crate::profile::pinned::PinnedEdges;
use crate::profile::reason::Absence;
use crate::profile::template::{self, Name};
use crate::profile::{BaseGroup, GroupKey};

/// An estimator's bytes, or why there is none.
pub(super) type Learnt = Result<Vec<u8>, String>;

/// What is kept in `groups` of a baseline.
pub(super) fn kept(groups: &[BaseGroup]) -> Option<Learnt> {
    groups.iter().find_map(|base| base.group.table.loss_estimator.clone())
}

/// Keeps it in one of them.
pub(super) fn keep(groups: &mut [BaseGroup], learnt: &Learnt) {
    if let Some(first) = groups.iter_mut().find(|base| base.group.table.covariance.is_some()) {
        Arc::make_mut(&mut first.group).table.loss_estimator = Some(learnt.clone());
    }
}

impl Table<'_> {
    /// Gives each of `groups` of this baseline the losses that are expected of its own rows. Gives the bytes that were read.
    pub(super) async fn expect(
        &self,
        groups: &mut [BaseGroup],
        (reference, estimator): (&Reference, &str),
        pinned: &PinnedEdges,
    ) -> Result<u64, DataFusionError> {
        let asked = Asked {
            columns: &[],
            with_quality: false,
            with_requests: false,
            reference: Some(reference),
            estimator: Some(estimator),
        };
        let (counted, bytes) = self.count(asked, "baseline, expected losses", pinned).await?;
        let mut counted: HashMap<GroupKey, Option<LossState>> =
            counted.into_iter().map(|base| (base.key(), base.group.table.losses.clone())).collect();
        for base in groups {
            let losses = counted.remove(&base.key()).flatten();
            Arc::make_mut(&mut base.group).table.losses = losses;
        }
        Ok(bytes)
    }

    /// What this baseline teaches, by the columns of `reference`. Gives the bytes that were read, too.
    pub(super) async fn learn(&self, reference: &Reference) -> Result<(Learnt, u64), DataFusionError> {
        let Some((prediction, label)) = self.monitor.inference.prediction.as_ref().zip(self.monitor.label())
        else {
            return Ok((Err("there are no labels".to_owned()), 0));
        };
        if [&prediction.column, &label.column].into_iter().any(|column| self.gaps.contains_key(column)) {
            return Ok((Err("the baseline lacks predictions or labels".to_owned()), 0));
        }
        let columns: Vec<Name> =
            reference.scales().iter().map(|scale| Name::column(scale.column())).collect();
        let names = [
            ("prediction", Name::column(&prediction.column)),
            ("label", Name::column(&label.column)),
            ("columns", Name::list(&columns)),
        ];
        view(self.ctx, "sliced", self.sliced.clone())?;
        let frame = self.ctx.sql(&template::fill(template::LOSSES, &names)).await?;
        let plan = frame.create_physical_plan().await?;
        self.watch.begin("baseline, losses", &plan, self.size.bytes);
        let sample = sample(reference, execute_stream(Arc::clone(&plan), self.ctx.task_ctx())?).await;
        self.watch.end();
        let sample = sample?;
        let reference = reference.clone();
        let learnt = tokio::task::spawn_blocking(move || learn(reference, &sample)).await;
        // A learner that gives up costs the estimates, and nothing else.
        let learnt =
            learnt.unwrap_or_else(|_| Err("losses could not be learnt from the baseline".to_owned()));
        Ok((learnt, bytes_read(&plan)))
    }
}

/// The rows to learn from.
async fn sample(
    reference: &Reference,
    mut rows: datafusion::physical_plan::SendableRecordBatchStream,
) -> Result<Sample, DataFusionError> {
    let mut sample = Sample::of_columns(reference.scales().len());
    let mut measured = MeasuredColumns::default();
    while let Some(batch) = rows.try_next().await? {
        let doubles = |index: usize| -> Result<Vec<f64>, DataFusionError> {
            let array = cast(batch.column(index), &DataType::Float64)?;
            Ok(array.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        };
        let columns = measured.measure(&batch.columns()[2..], reference)?;
        sample.add(columns, &doubles(0)?, &doubles(1)?);
    }
    Ok(sample)
}

fn learn(reference: Reference, sample: &Sample) -> Learnt {
    let names: Vec<&str> = reference.scales().iter().map(Scale::column).collect();
    let model = sample.train(&names).map_err(|why: Absence| why.to_string())?;
    LossEstimator::new(reference, model).to_bytes().map_err(|error| error.to_string())
}
