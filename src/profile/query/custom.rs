//! Custom aggregates: the second reading of a table, where a monitor has some.

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::collect;

use super::QueryError;
use super::table::Table;
use super::watch::bytes_read;
use crate::cause::{is_fault, is_of_a_file, plain};
use crate::config::Monitor;
use crate::profile::custom::Measured;
use crate::profile::custom::aggregate::{Aggregate, Asker, asked};
use crate::profile::custom::check::{self, CustomError};
use crate::profile::own_names::OwnNames;
use crate::profile::reason::Absence;
use crate::profile::slice;
use crate::source::Snapshot;

/// Plans the custom metrics of `monitor` on the rows of the inference table, each by itself.
///
/// # Errors
/// Of the first that cannot be computed.
pub(super) async fn check(
    monitor: &Monitor,
    snapshot: &Snapshot,
    own: &OwnNames,
    inference: DataFrame,
) -> Result<(), QueryError> {
    if let Some(wrong) = check::without_tables(monitor).into_iter().next() {
        return Err(wrong.into());
    }
    check::rows(monitor, &snapshot.schema)?;
    let table = snapshot.source.table.as_str();
    let mut sliced = inference;
    for (index, expression) in monitor.slicing_exprs.iter().enumerate() {
        let with_value = slice::with_value(&sliced, expression, &own.slice(index), own);
        sliced = with_value.map_err(|error| QueryError::slice(expression, table, error))?;
    }
    let asker = Asker { ctx: &snapshot.ctx, monitor, own, has_windows: true };
    let rows = asker.rows(&sliced).await.map_err(|error| QueryError::query(table, error))?;
    for (index, (metric, input)) in asked(monitor).enumerate() {
        let aggregate = asker.aggregate(&rows, index, metric, input)?;
        let planned = async { asker.question(&rows, &[&aggregate])?.create_physical_plan().await };
        planned.await.map_err(|error| CustomError::of_plan(metric, &error))?;
    }
    Ok(())
}

impl Table<'_> {
    /// Adds to `measured` what the aggregates give on these rows. Where one fails on the rows, or cannot be
    /// computed of a baseline, it says why, and the others are computed without it. Also tells the bytes that were read.
    pub(super) async fn custom(&self, measured: &mut [Measured]) -> Result<u64, QueryError> {
        if measured.is_empty() {
            return Ok(0);
        }
        let Self { ctx, monitor, has_windows, .. } = *self;
        let asker = Asker { ctx, monitor, own: &self.own, has_windows };
        let failed = |error: DataFusionError| QueryError::query(self.name, error);
        let rows = asker.rows(&self.sliced).await.map_err(failed)?;
        let mut aggregates = Vec::new();
        for (index, (metric, input)) in asked(monitor).enumerate() {
            match asker.aggregate(&rows, index, metric, input) {
                Ok(aggregate) => aggregates.push((index, aggregate)),
                Err(wrong) if has_windows => return Err(wrong.into()),
                Err(wrong) => measured[index].fail(has_windows, Absence::quoted(&wrong.problem)),
            }
        }
        let what = format!("{}, custom metrics", self.role);
        match self.answer(asker, &rows, &aggregates, &what, measured).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) if is_of_a_file(&error) => return Err(failed(error)),
            Err(_) => {}
        }
        let mut bytes = 0;
        for aggregate in &aggregates {
            match self.answer(asker, &rows, std::slice::from_ref(aggregate), &what, measured).await {
                Ok(more) => bytes += more,
                Err(error) if is_of_a_file(&error) => return Err(failed(error)),
                Err(error) => {
                    let why = if is_fault(&error) { "the query engine fails on it" } else { &plain(&error) };
                    measured[aggregate.0].fail(has_windows, Absence::quoted(why));
                }
            }
        }
        Ok(bytes)
    }

    /// Computes `aggregates`, each with its place in `measured`.
    async fn answer(
        &self,
        asker: Asker<'_>,
        rows: &DataFrame,
        aggregates: &[(usize, Aggregate<'_>)],
        what: &str,
        measured: &mut [Measured],
    ) -> Result<u64, DataFusionError> {
        let asked: Vec<&Aggregate<'_>> = aggregates.iter().map(|(_, aggregate)| aggregate).collect();
        let plan = asker.question(rows, &asked)?.create_physical_plan().await?;
        self.watch.begin(what, &plan, self.size.bytes);
        let batches = collect(std::sync::Arc::clone(&plan), self.ctx.task_ctx()).await;
        self.watch.end();
        for batch in batches? {
            asker.read(&batch, aggregates, measured)?;
        }
        Ok(bytes_read(&plan))
    }
}
