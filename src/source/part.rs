//! A part of the inference table: what a run reads of it.

use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, cast, ident, lit};
use deltalake::DeltaTable;

/// The name of the inference table in SQL.
pub(super) const INFERENCE: &str = "inference";

/// Some rows of the inference table, no row twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Files of which all rows are read, by their paths in the log.
    pub files: Vec<String>,
    /// Times of which all rows of the table are read: from and until, in microseconds, half-open.
    pub times: Vec<(i64, i64)>,
}

impl Part {
    /// Lets SQL see only these rows of `table` as the inference table.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(super) async fn show(
        &self,
        ctx: &SessionContext,
        table: &DeltaTable,
        timestamp_col: &str,
    ) -> Result<(), DataFusionError> {
        let within = self.within(table, ctx, timestamp_col).await?;
        let mut frames: Vec<DataFrame> = Vec::new();
        if !self.files.is_empty() {
            let provider = table.table_provider().with_file_paths(self.files.iter().map(String::as_str));
            let rows = ctx.read_table(provider.await?)?;
            frames.push(match &within {
                Some(within) => rows.filter(within.clone().is_not_true())?,
                None => rows,
            });
        }
        if within.is_some() || frames.is_empty() {
            let rows = ctx.read_table(table.table_provider().await?)?;
            frames.push(rows.filter(within.unwrap_or_else(|| lit(false)))?);
        }
        let mut frames = frames.into_iter();
        let Some(first) = frames.next() else { return Ok(()) };
        let rows = frames.try_fold(first, DataFrame::union)?;
        ctx.deregister_table(INFERENCE)?;
        ctx.register_table(INFERENCE, rows.into_view())?;
        Ok(())
    }

    /// Whether a row lies in one of the times; `None` if there are none.
    async fn within(
        &self,
        table: &DeltaTable,
        ctx: &SessionContext,
        timestamp_col: &str,
    ) -> Result<Option<Expr>, DataFusionError> {
        let schema = ctx.read_table(table.table_provider().await?)?.schema().clone();
        let data_type = schema.field_with_unqualified_name(timestamp_col)?.data_type().clone();
        let micros = |micros: i64| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
        // Files are skipped where a column is compared as it is.
        let (column, compared) = match &data_type {
            DataType::Timestamp(..) => (ident(timestamp_col), data_type),
            _ => (cast(ident(timestamp_col), micros(0).data_type()), micros(0).data_type()),
        };
        let bound = |at: i64| micros(at).cast_to(&compared).map(lit);
        let mut within: Option<Expr> = None;
        for (from, until) in &self.times {
            let (from, until) = (bound(*from)?, bound(*until)?);
            let more = column.clone().gt_eq(from).and(column.clone().lt(until));
            within = Some(match within {
                Some(within) => within.or(more),
                None => more,
            });
        }
        Ok(within)
    }
}
