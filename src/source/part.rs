//! A part of the inference table: what a run reads of it.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, cast, create_udf, ident, lit};
use deltalake::DeltaTable;

use super::provider::provider;
use crate::spans::Spans;

/// The name of the inference table in SQL.
pub const INFERENCE: &str = "inference";

/// Spans that are told apart by comparisons, at most.
const TERMS_MAX: usize = 16;

/// By how much the clocks of two places can differ, in microseconds, and more.
const CLOCKS_APART_MAX: i64 = 36 * 3600 * 1_000_000;

/// Some rows of the inference table, no row twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// Files of which rows are read, by their paths in the log.
    pub files: Vec<String>,
    /// Times of which all rows of the table are read.
    pub times: Spans,
    /// Times of which no row is read.
    pub except: Spans,
    /// Whether all rows are read, whatever their time.
    pub is_everything: bool,
    /// When a row is, if its time says no zone: the start of its base window.
    pub window: Option<Expr>,
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
        if self.is_everything {
            let all = provider(ctx, table, None).await?;
            ctx.deregister_table(INFERENCE)?;
            ctx.register_table(INFERENCE, all)?;
            return Ok(());
        }
        let all = ctx.read_table(provider(ctx, table, None).await?)?;
        let time = all.schema().field_with_unqualified_name(timestamp_col)?;
        let time = Time { column: ident(timestamp_col), data_type: time.data_type(), window: &self.window };
        let mut frames: Vec<DataFrame> = Vec::new();
        if !self.files.is_empty() {
            let rows = ctx.read_table(provider(ctx, table, Some(&self.files)).await?)?;
            frames.push(match time.within(&self.times.and(&self.except))? {
                Some(elsewhere) => rows.filter(elsewhere.is_not_true())?,
                None => rows,
            });
        }
        let within = time.within(&self.times)?;
        if within.is_some() || frames.is_empty() {
            frames.push(all.clone().filter(within.unwrap_or_else(|| lit(false)))?);
        }
        let mut frames = frames.into_iter();
        let Some(first) = frames.next() else { return Ok(()) };
        let rows = frames.try_fold(first, DataFrame::union)?;
        ctx.deregister_table(INFERENCE)?;
        ctx.register_table(INFERENCE, rows.into_view())?;
        Ok(())
    }
}

/// When a row is.
struct Time<'a> {
    column: Expr,
    data_type: &'a DataType,
    window: &'a Option<Expr>,
}

impl Time<'_> {
    /// Whether a row lies in one of `spans`; `None` if there are none.
    fn within(&self, spans: &Spans) -> Result<Option<Expr>, DataFusionError> {
        let fewer = spans.at_most(TERMS_MAX);
        let near = self.within_each(&fewer)?;
        if fewer == *spans {
            return Ok(near);
        }
        // Rows in between are told apart by a look-up: each term costs a planner more than the one before.
        let time = match self.window {
            Some(window) => window.clone(),
            None => cast(self.column.clone(), micros(0).data_type()),
        };
        Ok(near.map(|near| near.and(in_spans(time, spans))))
    }

    /// The same, term by term.
    fn within_each(&self, spans: &Spans) -> Result<Option<Expr>, DataFusionError> {
        let mut within: Option<Expr> = None;
        for (from, until) in spans.iter() {
            let more = match self.window {
                None => self.between(from, until)?,
                Some(window) => {
                    // Files can be skipped by what the column says itself only.
                    let apart = CLOCKS_APART_MAX;
                    let near = self.between(from.saturating_sub(apart), until.saturating_add(apart))?;
                    near.and(between(window.clone(), &micros(0).data_type(), from, until)?)
                }
            };
            within = Some(match within {
                Some(within) => within.or(more),
                None => more,
            });
        }
        Ok(within)
    }

    fn between(&self, from: i64, until: i64) -> Result<Expr, DataFusionError> {
        // Files are skipped where a column is compared as it is.
        match self.data_type {
            DataType::Timestamp(..) => between(self.column.clone(), self.data_type, from, until),
            _ => {
                let compared = micros(0).data_type();
                between(cast(self.column.clone(), compared.clone()), &compared, from, until)
            }
        }
    }
}

/// Whether `time`, an instant in microseconds, lies in one of `spans`.
fn in_spans(time: Expr, spans: &Spans) -> Expr {
    let spans = spans.clone();
    let look_up = move |arguments: &[ColumnarValue]| {
        let times = ColumnarValue::values_to_arrays(arguments)?;
        let times = times[0].as_primitive::<TimestampMicrosecondType>().iter();
        let is_inside: BooleanArray = times.map(|time| time.map(|time| spans.has(time))).collect();
        Ok(ColumnarValue::Array(Arc::new(is_inside)))
    };
    let takes = vec![micros(0).data_type()];
    create_udf("in_spans", takes, DataType::Boolean, Volatility::Immutable, Arc::new(look_up))
        .call(vec![time])
}

/// Whether `time`, of a type, is from `from` until `until`, of which the least and the greatest number are no bounds.
fn between(time: Expr, data_type: &DataType, from: i64, until: i64) -> Result<Expr, DataFusionError> {
    let bound = |at: i64| micros(at).cast_to(data_type).map(lit);
    Ok(match (from, until) {
        (i64::MIN, i64::MAX) => time.is_not_null(),
        (i64::MIN, until) => time.lt(bound(until)?),
        (from, i64::MAX) => time.gt_eq(bound(from)?),
        (from, until) => time.clone().gt_eq(bound(from)?).and(time.lt(bound(until)?)),
    })
}

fn micros(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
    use arrow::compute::cast as cast_array;
    use arrow::datatypes::{Int64Type, TimeUnit};

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// So many spans of two hours, of which every third begins where the one before ends, and one that has no end.
    fn scattered(number: i64) -> Spans {
        let start = |number: i64| HOUR * (7 * number - 4 * i64::from(number % 3 == 1));
        let spans = (0..number).map(|number| (start(number), start(number) + 2 * HOUR));
        spans.chain([(HOUR * 7 * (number + 2), i64::MAX)]).collect()
    }

    /// Which rows lie in `spans`, told as the query engine tells it.
    async fn told(times: ArrayRef, spans: &Spans) -> Vec<i64> {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..times.len() as i64));
        let batch =
            RecordBatch::try_from_iter_with_nullable([("at", times, true), ("number", numbers, false)]);
        let frame = SessionContext::new().read_batch(batch.unwrap()).unwrap();
        let data_type = frame.schema().field_with_unqualified_name("at").unwrap().data_type().clone();
        let time = Time { column: ident("at"), data_type: &data_type, window: &None };
        let within = time.within(spans).unwrap().unwrap();
        let rows =
            frame.filter(within).unwrap().select_columns(&["number"]).unwrap().collect().await.unwrap();
        let numbers =
            rows.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().iter().flatten());
        let mut numbers: Vec<i64> = numbers.collect();
        numbers.sort_unstable();
        numbers
    }

    /// Many spans are told apart by a look-up, a few by comparisons.
    #[tokio::test]
    async fn rows_in_many_spans_are_those_in_each() {
        let micros: Vec<Option<i64>> = (-50..1500)
            .map(|half| (half % 11 != 0).then_some(half * HOUR / 2 - i64::from(half % 2 == 0)))
            .collect();
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros.clone()).with_timezone("UTC"));
        for number in [0, 1, 14, 15, 16, 40] {
            let spans = scattered(number);
            let expected: Vec<i64> = (0..)
                .zip(&micros)
                .filter(|(_, at)| at.is_some_and(|at| spans.has(at)))
                .map(|(row, _)| row)
                .collect();
            assert!(!expected.is_empty() && expected.len() < micros.len());
            let zoneless = DataType::Timestamp(TimeUnit::Microsecond, None);
            let berlin = DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into()));
            for data_type in [times.data_type(), &zoneless, &berlin] {
                let times = cast_array(&times, data_type).unwrap();
                assert_eq!(told(times, &spans).await, expected, "{number} spans, {data_type}");
            }
        }
    }
}
