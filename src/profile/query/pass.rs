//! The asking: one pass over a table, for all its rows and all their slices.

use std::sync::Arc;

use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::physical_plan::collect;

use super::rows::view;
use super::watch::{Watch, bytes_read};
use super::{QueryError, decode, states};
use crate::cause::is_of_a_file;
use crate::config::Monitor;
use crate::contract::OTHER;
use crate::profile::custom::Measured;
use crate::profile::gap::Gaps;
use crate::profile::own_names::OwnNames;
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
    pub(super) gaps: &'a Gaps,
    /// Whether its rows lie in windows, which those of a baseline do not.
    pub(super) has_windows: bool,
    pub(super) watch: &'a dyn Watch,
}

impl Pass<'_> {
    /// The groups of the whole table and of each slicing expression, in order; what the aggregates among the custom
    /// metrics give is added to `custom`. Also tells the bytes that were read.
    pub(super) async fn run(
        &self,
        frame: &DataFrame,
        what: &str,
        custom: &mut [Measured],
    ) -> Result<(Vec<BaseGroup>, u64), QueryError> {
        let mut sliced = frame.clone();
        for (index, expression) in self.monitor.slicing_exprs.iter().enumerate() {
            sliced = self.sliced_by(&sliced, index, expression).await?;
        }
        let states = self.states(sliced.clone(), what).await;
        let (mut groups, bytes) = states.map_err(|error| QueryError::query(self.table, error))?;
        let bytes = bytes + self.custom(&sliced, what, custom).await?;
        if let Some(first) = self.monitor.slicing_exprs.first() {
            // Each row is in one slice of each expression, so those of one make the whole.
            groups.extend(rollup::whole(&groups, first));
        }
        groups.sort_by(|a, b| (a.window, &a.segment).cmp(&(b.window, &b.segment)));
        Ok((groups, bytes))
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

    async fn states(&self, frame: DataFrame, what: &str) -> Result<(Vec<BaseGroup>, u64), DataFusionError> {
        view(self.ctx, "sliced", frame)?;
        let sql = template::fill(
            template::PROFILE,
            &states::asked(self.monitor, self.columns, self.gaps, self.own),
        );
        let plan = self.ctx.sql(&sql).await?.create_physical_plan().await?;
        self.watch.begin(what, &plan, self.table_bytes);
        let batches = collect(Arc::clone(&plan), self.ctx.task_ctx()).await;
        self.watch.end();
        let mut groups = Vec::new();
        for batch in batches? {
            groups.extend(decode::groups(&batch, self.monitor, self.columns.len())?);
        }
        Ok((groups, bytes_read(&plan)))
    }
}
