//! The asking: one pass over a table for all its rows, and one for each slicing expression.

use std::sync::Arc;

use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{lit, when};
use datafusion::physical_plan::collect;
use datafusion::prelude::col;

use super::rows::view;
use super::watch::{Watch, bytes_read};
use super::{QueryError, decode, states};
use crate::cause::is_of_a_file;
use crate::config::Monitor;
use crate::contract::OTHER;
use crate::profile::gap::Gaps;
use crate::profile::slice::{self, SliceError};
use crate::profile::{BaseGroup, ColumnInfo, template};

/// Most values of a slicing expression that are slices of their own.
pub const MAX_SLICES: usize = 100;

/// What the passes over one table have in common.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) ctx: &'a SessionContext,
    pub(super) monitor: &'a Monitor,
    pub(super) table: &'a str,
    pub(super) table_bytes: u64,
    pub(super) columns: &'a [ColumnInfo],
    pub(super) gaps: &'a Gaps,
    pub(super) watch: &'a dyn Watch,
}

impl Pass<'_> {
    /// The whole table, then each slicing expression. Also tells the bytes that were read.
    pub(super) async fn run(
        &self,
        frame: &DataFrame,
        what: &str,
    ) -> Result<(Vec<BaseGroup>, u64), QueryError> {
        let failed = |error| QueryError::query(self.table, error);
        let whole =
            frame.clone().with_column("__slice_value", lit(ScalarValue::Utf8(None))).map_err(failed)?;
        let (mut groups, mut bytes) = self.states(whole, None, what).await.map_err(failed)?;
        for key in &self.monitor.slicing_exprs {
            let sliced = slice::with_value(frame, key);
            let sliced = sliced.map_err(|error| QueryError::slice(key, self.table, error))?;
            // The whole table could be read, so what fails now is the expression.
            let failed = |error: DataFusionError| match is_of_a_file(&error) {
                true => QueryError::query(self.table, error),
                false => QueryError::slice(key, self.table, SliceError::of_rows(&error)),
            };
            let sliced = self.limited(sliced).await.map_err(failed)?;
            let (more, read) = self.states(sliced, Some(key), what).await.map_err(failed)?;
            groups.extend(more);
            bytes += read;
        }
        Ok((groups, bytes))
    }

    /// The rows with at most [`MAX_SLICES`] values of the slicing expression, beyond that `:other`.
    async fn limited(&self, sliced: DataFrame) -> Result<DataFrame, DataFusionError> {
        view(self.ctx, "sliced", sliced.clone())?;
        let sql = template::fill(template::SLICE_VALUES, &[]);
        let most = ScalarValue::from(MAX_SLICES as i64 + 1);
        let values = self.ctx.sql(&sql).await?.with_param_values(vec![("most", most)])?.collect().await?;
        let mut names = Vec::new();
        for batch in &values {
            names.extend(decode::texts(batch, "__slice_value")?.into_iter().flatten());
        }
        if names.len() <= MAX_SLICES {
            return Ok(sliced);
        }
        names.truncate(MAX_SLICES);
        let known = col("__slice_value").in_list(names.into_iter().map(lit).collect(), false);
        let limited = when(known, col("__slice_value")).otherwise(lit(OTHER))?;
        sliced.with_column("__slice_value", limited)
    }

    async fn states(
        &self,
        frame: DataFrame,
        slice: Option<&str>,
        what: &str,
    ) -> Result<(Vec<BaseGroup>, u64), DataFusionError> {
        view(self.ctx, "sliced", frame)?;
        let calls = states::calls(self.monitor, self.columns, self.gaps);
        let sql = template::fill(template::PROFILE, &[("states", calls)]);
        let plan = self.ctx.sql(&sql).await?.create_physical_plan().await?;
        let what = slice.map_or_else(|| what.to_owned(), |slice| format!("{what} by {slice}"));
        self.watch.begin(&what, &plan, self.table_bytes);
        let batches = collect(Arc::clone(&plan), self.ctx.task_ctx()).await;
        self.watch.end();
        let mut groups = Vec::new();
        for batch in batches? {
            groups.extend(decode::groups(&batch, self.monitor, self.columns.len(), slice)?);
        }
        Ok((groups, bytes_read(&plan)))
    }
}
