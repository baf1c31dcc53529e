//! A table to count: its rows, and the asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::physical_plan::collect;

use jiff::Timestamp;

use super::rows::view;
use super::watch::{Watch, bytes_read};
use super::{QueryError, decode, states};
use crate::cause::is_of_a_file;
use crate::config::Monitor;
use crate::contract::OTHER;
use crate::profile::covariance::Reference;
use crate::profile::gap::Gaps;
use crate::profile::own_names::OwnNames;
use crate::profile::pinned::PinnedEdges;
use crate::profile::slice::{self, SliceError};
use crate::profile::template::Name;
use crate::profile::{BaseGroup, ColumnInfo, rollup, template};
use crate::source::TableSize;

/// Most values of a slicing expression that are slices of their own.
pub const MAX_SLICES: usize = 100;

/// Values of slicing expressions that are slices of their own; `:other` is among them if others are not.
pub type SliceValues = BTreeMap<String, BTreeSet<String>>;

/// A table to count.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) ctx: &'a SessionContext,
    pub(super) monitor: &'a Monitor,
    pub(super) own: OwnNames,
    /// Its URL.
    pub(super) name: &'a str,
    /// What it is to the monitor.
    pub(super) role: &'static str,
    pub(super) size: TableSize,
    /// Which of its columns are not those of the inference table.
    pub(super) gaps: Gaps,
    /// The run's present: windows that are not complete by then say little.
    pub(super) as_of: Timestamp,
    /// Whether its rows lie in windows, which those of a baseline do not.
    pub(super) has_windows: bool,
    pub(super) watch: &'a dyn Watch,
    /// Values of each slicing expression that are slices of their own already.
    pub(super) slices: SliceValues,
    /// Its rows, with the values of all slicing expressions once they are known.
    pub(super) sliced: DataFrame,
}

/// What is asked of a table at once.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) columns: &'a [ColumnInfo],
    /// Whether the model's quality is counted, too.
    pub(super) with_quality: bool,
    /// Whether requests as such are, where there are any.
    pub(super) with_requests: bool,
    /// What columns are measured by that are looked at together, if that is counted.
    pub(super) reference: Option<&'a Reference>,
    /// What losses are expected by, as a text, if they are.
    pub(super) estimator: Option<&'a str>,
}

/// What was asked, counted.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) groups: Vec<BaseGroup>,
    /// The edges at which rows are told apart.
    pinned: PinnedEdges,
    /// Columns in which rows still crowd between edges.
    pub(super) crowded: Vec<String>,
    /// Bytes that were read.
    pub(super) bytes: u64,
}

impl Answer {
    /// What is kept, with rows told apart at edges that are `pinned`.
    pub(super) fn kept(groups: Vec<BaseGroup>, pinned: &PinnedEdges) -> Self {
        Self { groups, pinned: pinned.clone(), ..Self::default() }
    }
}

impl Table<'_> {
    /// Counts the whole and each slicing expression. Adds edges to those that are `pinned`, where rows crowd.
    pub(super) async fn answer_to(
        &self,
        asked: Asked<'_>,
        pinned: &mut PinnedEdges,
    ) -> Result<Answer, QueryError> {
        let counted = async {
            let (mut groups, bytes) = self.count(asked, self.role, pinned).await?;
            let (more_bytes, crowded) = self.look_closer(asked, &mut groups, pinned).await?;
            Ok(Answer { groups, pinned: pinned.clone(), crowded, bytes: bytes + more_bytes })
        };
        counted.await.map_err(|error| QueryError::query(self.name, error))
    }

    /// Tells the rows of `answer` apart at the edges that have been `pinned` since it was given.
    pub(super) async fn catch_up(
        &self,
        asked: Asked<'_>,
        answer: &mut Answer,
        pinned: &PinnedEdges,
    ) -> Result<(), QueryError> {
        let Answer { groups, pinned: known, bytes, .. } = answer;
        let is_behind = |index: &usize| {
            let edges = pinned.of(&asked.columns[*index].name);
            edges != known.of(&asked.columns[*index].name) && !self.cut(asked, groups, *index, &edges)
        };
        let behind: Vec<usize> = (0..asked.columns.len()).filter(is_behind).collect();
        if !behind.is_empty() {
            let counted = self.recount(asked, groups, &behind, pinned).await;
            *bytes += counted.map_err(|error| QueryError::query(self.name, error))?;
        }
        known.clone_from(pinned);
        Ok(())
    }

    /// Finds the values of all slicing expressions.
    pub(super) async fn slice(&mut self) -> Result<(), QueryError> {
        for (index, expression) in self.monitor.slicing_exprs.iter().enumerate() {
            let (sliced, values) = self.sliced_by(&self.sliced, index, expression).await?;
            self.sliced = sliced;
            self.slices.insert(expression.clone(), values);
        }
        Ok(())
    }

    /// The groups of the whole table and of each slicing expression, in order, with rows told apart at the edges that are
    /// pinned. Also tells the bytes that were read.
    pub(super) async fn count(
        &self,
        asked: Asked<'_>,
        what: &str,
        pinned: &PinnedEdges,
    ) -> Result<(Vec<BaseGroup>, u64), DataFusionError> {
        let sql = template::fill(template::PROFILE, &states::of_columns(self, asked, pinned));
        self.groups(&sql, what, asked.columns.len()).await
    }

    /// The same groups, of which only the rows are counted.
    pub(super) async fn count_rows(&self) -> Result<(Vec<BaseGroup>, u64), QueryError> {
        let sql = template::fill(template::GROUPS, &states::of_groups(self));
        let counted = self.groups(&sql, &format!("{}, groups", self.role), 0).await;
        counted.map_err(|error| QueryError::query(self.name, error))
    }

    /// The groups in the answer to `sql`, with the states of `columns` columns.
    async fn groups(
        &self,
        sql: &str,
        what: &str,
        columns: usize,
    ) -> Result<(Vec<BaseGroup>, u64), DataFusionError> {
        let (batches, bytes) = self.collect(sql, what).await?;
        let mut groups = Vec::new();
        for batch in batches {
            groups.extend(decode::groups(&batch, self.monitor, columns)?);
        }
        if let Some(first) = self.monitor.slicing_exprs.first() {
            // Each row is in one slice of each expression, so those of one make the whole.
            let wholes = rollup::whole(&groups, first);
            groups.iter_mut().for_each(|base| Arc::make_mut(&mut base.group).table.leave_to_whole());
            groups.extend(wholes);
        }
        groups.sort_by_cached_key(BaseGroup::key);
        Ok((groups, bytes))
    }

    /// The answer to `sql` over the rows, and the bytes that were read for it.
    pub(super) async fn collect(
        &self,
        sql: &str,
        what: &str,
    ) -> Result<(Vec<RecordBatch>, u64), DataFusionError> {
        view(self.ctx, "sliced", self.sliced.clone())?;
        let plan = self.ctx.sql(sql).await?.create_physical_plan().await?;
        self.watch.begin(what, &plan, self.size.bytes);
        let batches = collect(Arc::clone(&plan), self.ctx.task_ctx()).await;
        self.watch.end();
        Ok((batches?, bytes_read(&plan)))
    }

    /// `frame` with the value of the `index`-th slicing expression; beyond the [`MAX_SLICES`] most frequent values
    /// it is `:other`. Also gives the values that are slices of their own.
    async fn sliced_by(
        &self,
        frame: &DataFrame,
        index: usize,
        expression: &str,
    ) -> Result<(DataFrame, BTreeSet<String>), QueryError> {
        let wrong = |error| QueryError::slice(expression, self.name, error);
        let name = self.own.slice(index);
        let sliced = slice::with_value(frame, expression, &name, &self.own).map_err(wrong)?;
        let known = self.slices.get(expression).cloned().unwrap_or_default();
        self.limited(sliced, &name, known).await.map_err(|error| match is_of_a_file(&error) {
            true => QueryError::query(self.name, error),
            // Nothing else is computed here, so what fails is the expression.
            false => wrong(SliceError::of_rows(&error)),
        })
    }

    /// Those that are `known` stay, and more join while there is room.
    async fn limited(
        &self,
        sliced: DataFrame,
        name: &str,
        mut known: BTreeSet<String>,
    ) -> Result<(DataFrame, BTreeSet<String>), DataFusionError> {
        view(self.ctx, "sliced", sliced.clone())?;
        let sql = template::fill(template::SLICE_VALUES, &[("slice", Name::column(name))]);
        // Of those that are most frequent some may be known.
        let most = ScalarValue::from((MAX_SLICES + known.len()) as i64 + 1);
        let values = self.ctx.sql(&sql).await?.with_param_values(vec![("most", most)])?.collect().await?;
        let is_limited = known.remove(OTHER);
        let mut new = Vec::new();
        for batch in &values {
            let values = decode::texts(batch, "slice_value")?.into_iter().flatten();
            new.extend(values.filter(|value| !known.contains(value)));
        }
        if !is_limited && known.len() + new.len() <= MAX_SLICES {
            known.extend(new);
            return Ok((sliced, known));
        }
        let room = if is_limited { 0 } else { MAX_SLICES.saturating_sub(known.len()) };
        known.extend(new.into_iter().take(room));
        let value = || Expr::Column(Column::from_name(name));
        let is_known = value().in_list(known.iter().map(lit).collect(), false);
        known.insert(OTHER.to_owned());
        Ok((sliced.with_column(name, when(is_known, value()).otherwise(lit(OTHER))?)?, known))
    }
}
