//! The asking: one pass over a table, for all its rows and all their slices.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::physical_plan::collect;

use super::closer::cut;
use super::rows::view;
use super::watch::{Watch, bytes_read};
use super::{QueryError, decode, states};
use crate::cause::is_of_a_file;
use crate::config::Monitor;
use crate::contract::OTHER;
use crate::profile::custom::Measured;
use crate::profile::gap::Gaps;
use crate::profile::own_names::OwnNames;
use crate::profile::pinned::PinnedEdges;
use crate::profile::slice::{self, SliceError};
use crate::profile::template::Name;
use crate::profile::{BaseGroup, ColumnInfo, rollup, template};

/// Most values of a slicing expression that are slices of their own.
pub const MAX_SLICES: usize = 100;

/// What the passes over one table have in common.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) ctx: &'a SessionContext,
    pub(super) monitor: &'a Monitor,
    pub(super) own: &'a OwnNames,
    pub(super) table: &'a str,
    pub(super) table_bytes: u64,
    pub(super) columns: &'a [ColumnInfo],
    /// Whether the model's quality is counted, too.
    pub(super) with_quality: bool,
    pub(super) gaps: &'a Gaps,
    /// Whether its rows lie in windows, which those of a baseline do not.
    pub(super) has_windows: bool,
    pub(super) watch: &'a dyn Watch,
}

/// A table, counted.
pub(super) struct CountedTable {
    /// Its rows, with the values of all slicing expressions.
    sliced: DataFrame,
    pub(super) groups: Vec<BaseGroup>,
    /// The edges at which its rows are told apart.
    pinned: PinnedEdges,
    /// Bytes that were read.
    pub(super) bytes: u64,
}

impl Pass<'_> {
    /// Counts `frame`: the whole and each slicing expression. Adds edges to those that are `pinned`, where rows crowd and
    /// where bins have not been chosen; what the aggregates among the custom metrics give is added to `custom`.
    pub(super) async fn run(
        &self,
        frame: &DataFrame,
        what: &str,
        pinned: &mut PinnedEdges,
        custom: &mut [Measured],
    ) -> Result<CountedTable, QueryError> {
        let sliced = self.sliced(frame).await?;
        let counted = async {
            let (mut groups, mut bytes) = self.count(&sliced, what, pinned).await?;
            bytes += self.look_closer(&sliced, &mut groups, pinned).await?;
            self.pin_bins(&mut groups, pinned);
            Ok((groups, bytes))
        };
        let (groups, bytes) = counted.await.map_err(|error| QueryError::query(self.table, error))?;
        let bytes = bytes + self.custom(&sliced, what, custom).await?;
        Ok(CountedTable { sliced, groups, pinned: pinned.clone(), bytes })
    }

    /// Tells the rows of `counted` apart at the edges that have been `pinned` since.
    pub(super) async fn catch_up(
        &self,
        counted: &mut CountedTable,
        pinned: &PinnedEdges,
    ) -> Result<(), QueryError> {
        let CountedTable { sliced, groups, pinned: known, bytes } = counted;
        let is_behind = |index: &usize| {
            let edges = pinned.of(&self.columns[*index].name);
            edges != known.of(&self.columns[*index].name) && !cut(groups, *index, &edges)
        };
        let behind: Vec<usize> = (0..self.columns.len()).filter(is_behind).collect();
        if !behind.is_empty() {
            let counted = self.recount(sliced, groups, &behind, pinned).await;
            *bytes += counted.map_err(|error| QueryError::query(self.table, error))?;
        }
        known.clone_from(pinned);
        Ok(())
    }

    /// `frame` with the values of all slicing expressions.
    async fn sliced(&self, frame: &DataFrame) -> Result<DataFrame, QueryError> {
        let mut sliced = frame.clone();
        for (index, expression) in self.monitor.slicing_exprs.iter().enumerate() {
            sliced = self.sliced_by(&sliced, index, expression).await?;
        }
        Ok(sliced)
    }

    /// The groups of the whole table `sliced` and of each slicing expression, in order, with rows told apart at the edges
    /// that are pinned. Also tells the bytes that were read.
    pub(super) async fn count(
        &self,
        sliced: &DataFrame,
        what: &str,
        pinned: &PinnedEdges,
    ) -> Result<(Vec<BaseGroup>, u64), DataFusionError> {
        let asked = states::asked(self, pinned);
        let (batches, bytes) = self.collect(sliced, &template::fill(template::PROFILE, &asked), what).await?;
        let mut groups = Vec::new();
        for batch in batches {
            groups.extend(decode::groups(&batch, self.monitor, self.columns.len())?);
        }
        if let Some(first) = self.monitor.slicing_exprs.first() {
            // Each row is in one slice of each expression, so those of one make the whole.
            groups.extend(rollup::whole(&groups, first));
        }
        groups.sort_by_cached_key(BaseGroup::key);
        Ok((groups, bytes))
    }

    /// The answer to `sql` over `sliced`, and the bytes that were read for it.
    pub(super) async fn collect(
        &self,
        sliced: &DataFrame,
        sql: &str,
        what: &str,
    ) -> Result<(Vec<RecordBatch>, u64), DataFusionError> {
        view(self.ctx, "sliced", sliced.clone())?;
        let plan = self.ctx.sql(sql).await?.create_physical_plan().await?;
        self.watch.begin(what, &plan, self.table_bytes);
        let batches = collect(Arc::clone(&plan), self.ctx.task_ctx()).await;
        self.watch.end();
        Ok((batches?, bytes_read(&plan)))
    }

    /// `frame` with the value of the `index`-th slicing expression; beyond the [`MAX_SLICES`] most frequent values
    /// it is `:other`.
    async fn sliced_by(
        &self,
        frame: &DataFrame,
        index: usize,
        expression: &str,
    ) -> Result<DataFrame, QueryError> {
        let wrong = |error| QueryError::slice(expression, self.table, error);
        let name = self.own.slice(index);
        let sliced = slice::with_value(frame, expression, &name, self.own).map_err(wrong)?;
        self.limited(sliced, &name).await.map_err(|error| match is_of_a_file(&error) {
            true => QueryError::query(self.table, error),
            // Nothing else is computed here, so what fails is the expression.
            false => wrong(SliceError::of_rows(&error)),
        })
    }

    async fn limited(&self, sliced: DataFrame, name: &str) -> Result<DataFrame, DataFusionError> {
        view(self.ctx, "sliced", sliced.clone())?;
        let sql = template::fill(template::SLICE_VALUES, &[("slice", Name::column(name))]);
        let most = ScalarValue::from(MAX_SLICES as i64 + 1);
        let values = self.ctx.sql(&sql).await?.with_param_values(vec![("most", most)])?.collect().await?;
        let mut known = Vec::new();
        for batch in &values {
            known.extend(decode::texts(batch, "slice_value")?.into_iter().flatten());
        }
        if known.len() <= MAX_SLICES {
            return Ok(sliced);
        }
        known.truncate(MAX_SLICES);
        let value = || Expr::Column(Column::from_name(name));
        let is_known = value().in_list(known.into_iter().map(lit).collect(), false);
        sliced.with_column(name, when(is_known, value()).otherwise(lit(OTHER))?)
    }
}
