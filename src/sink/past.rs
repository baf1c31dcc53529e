//! What the metric tables say of windows that a run does not compute: as far as rules look at them, no further.
//!
//! So an alert that looks at several windows costs a look at some rows, and not at states. This module reads columns that are
//! there already; what follows from them is `alert`'s.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, MapArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::common::{Column, ScalarValue};
use datafusion::execution::context::SessionContext;
use datafusion::functions::core::expr_ext::FieldAccessor;
use datafusion::logical_expr::{Expr, cast, col, lit};
use deltalake::{DeltaTable, DeltaTableError};

use super::{SinkError, extent};
use crate::alert::{Observation, Past, SeriesKey};
use crate::config::{Metric, Monitor, Rule};
use crate::contract::{TABLE, drift_metrics, profile_metrics};
use crate::drift::families::pvalue_column;
use crate::drift::row::{count_columns, drift_type};
use crate::instant::instant;
use crate::profile::interval::Interval;
use crate::profile::row::count_column;
use crate::scope::{Scopes, Starts};
use crate::window::Granularity;

/// Rows of windows of one length.
const RECORDED: &str = include_str!("../../sql/recorded_metrics.sql");

/// The column of the profile table that says how sure measures are.
const INTERVALS: &str = "confidence_intervals";

/// So many times as far it is looked back where too few windows have rows.
const FURTHER: i64 = 4;

/// One of the tables, and the windows of which the run computes its rows.
struct Known<'a> {
    table: &'a DeltaTable,
    monitor: &'a Monitor,
    computed: Starts,
    /// Whether its metrics are those of drift.
    is_drift: bool,
}

/// Adds to `past` what the tables of profile and drift metrics say of windows that are not in `scopes`.
///
/// # Errors
/// If one cannot be read.
pub(super) async fn add(
    past: &mut Past<'_>,
    [profile, drift]: [Option<&DeltaTable>; 2],
    monitor: &Monitor,
    scopes: &Scopes,
) -> Result<(), SinkError> {
    let known = |table, is_drift| {
        let scope = if is_drift { &scopes.drift } else { &scopes.profile };
        Some(Known { table: table?, monitor, computed: scope.starts(), is_drift })
    };
    let tables: Vec<Known<'_>> = [known(profile, false), known(drift, true)].into_iter().flatten().collect();
    let mut oldest = i64::MAX;
    for Known { table, .. } in &tables {
        let failed = |error: DeltaTableError| SinkError::Read {
            table: table.table_url().clone(),
            source: error.into(),
        };
        oldest = extent::oldest(table).map_err(failed)?.map_or(oldest, |start| start.min(oldest));
    }
    for (granularity, first) in past.lengths() {
        let start = first.start.as_microsecond();
        let length = first.end.as_microsecond() - start;
        let windows = past.horizon(granularity);
        let mut reach = length.saturating_mul(i64::try_from(windows).unwrap_or(i64::MAX));
        let mut span = (start.saturating_sub(reach), i64::MAX);
        loop {
            for known in &tables {
                known.read(past, granularity, span).await?;
            }
            // Where windows are missing, as at night, those that the rules look at are further back.
            if past.known_before(granularity, start) >= windows || span.0 <= oldest {
                break;
            }
            reach = reach.saturating_mul(FURTHER);
            span = (start.saturating_sub(reach), span.0);
        }
        past.note_reach(granularity, if span.0 <= oldest { i64::MIN } else { span.0 });
    }
    Ok(())
}

impl Known<'_> {
    /// Adds what rows say of windows of one length that start in a span.
    async fn read(
        &self,
        past: &mut Past<'_>,
        granularity: Granularity,
        span: (i64, i64),
    ) -> Result<(), SinkError> {
        let asked = self.asked(granularity);
        // Which windows have rows, the profile table tells.
        if self.is_drift && asked.is_empty() {
            return Ok(());
        }
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read {
            table: self.table.table_url().clone(),
            source,
        };
        let batches = self.rows(&asked, granularity, span).await.map_err(failed)?;
        for batch in &batches {
            self.note(past, batch, &asked, granularity).map_err(|error| failed(error.into()))?;
        }
        Ok(())
    }

    /// The rules that look at metrics of this table in windows of one length, with their places.
    fn asked(&self, granularity: Granularity) -> Vec<(usize, &Rule)> {
        let is_asked = |(_, rule): &(usize, &Rule)| {
            rule.granularity == granularity && matches!(rule.metric, Metric::Drift(_)) == self.is_drift
        };
        self.monitor.rules.iter().enumerate().filter(is_asked).collect()
    }

    async fn rows(
        &self,
        asked: &[(usize, &Rule)],
        granularity: Granularity,
        (from, upto): (i64, i64),
    ) -> Result<Vec<RecordBatch>, Box<dyn std::error::Error + Send + Sync>> {
        let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
        ctx.register_table("metrics", self.table.table_provider().await?)?;
        let parameters = vec![
            ("granularity", ScalarValue::from(granularity.to_string())),
            ("from", instant(from)),
            ("upto", instant(upto)),
        ];
        let mut frame = ctx.sql(RECORDED).await?.with_param_values(parameters)?;
        if let Some(columns) = self.columns(granularity) {
            frame =
                frame.filter(col("column_name").in_list(columns.into_iter().map(lit).collect(), false))?;
        }
        let found = self.table.snapshot()?.snapshot().arrow_schema();
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let texts = ["model_version", "slice_key", "slice_value", "column_name"];
        let mut wanted = vec![as_type("window_start", &micros), as_type("window_end", &micros)];
        wanted.extend(texts.map(|name| as_type(name, &DataType::Utf8)));
        wanted.push(col("reason").is_not_null().alias("has_reason"));
        if self.is_drift {
            wanted.push(as_type("drift_type", &DataType::Utf8));
        }
        for (place, rule) in asked {
            let [count, count_cmp] = self.counts(rule);
            wanted
                .push(number(&found, rule.metric.name(), DataType::Float64).alias(format!("value_{place}")));
            wanted.push(number(&found, count, DataType::Int64).alias(format!("count_{place}")));
            wanted.push(number(&found, count_cmp, DataType::Int64).alias(format!("count_cmp_{place}")));
            if rule.significance.is_some() && self.is_drift {
                let pvalue = number(&found, pvalue_column(rule.metric.name()), DataType::Float64);
                wanted.push(pvalue.alias(format!("pvalue_{place}")));
            }
        }
        let asks_for_intervals = asked.iter().any(|(_, rule)| rule.significance.is_some() && !self.is_drift);
        if asks_for_intervals && found.field_with_name(INTERVALS).is_ok() {
            wanted.push(col(INTERVALS));
        }
        Ok(frame.select(wanted)?.collect().await?)
    }

    /// The columns whose rows rules look at in windows of one length, and `:table`, which has rows where any has; `None` if all.
    fn columns(&self, granularity: Granularity) -> Option<BTreeSet<&str>> {
        let mut columns = BTreeSet::from([TABLE]);
        for rule in self.monitor.rules.iter().filter(|rule| rule.granularity == granularity) {
            columns.extend(rule.columns.as_ref()?.iter().map(String::as_str));
        }
        Some(columns)
    }

    /// The columns that say how many values stand behind the metric of a rule, in a window and in the comparison.
    fn counts(&self, rule: &Rule) -> [&'static str; 2] {
        let name = rule.metric.name();
        match rule.metric {
            Metric::Drift(_) => count_columns(drift_metrics::TABLE.behind(name)),
            Metric::Profile(_) => [count_column(profile_metrics::TABLE.behind(name)); 2],
        }
    }

    /// Shows `past` the rows of `batch`, but for those of windows that the run computes.
    fn note(
        &self,
        past: &mut Past<'_>,
        batch: &RecordBatch,
        asked: &[(usize, &Rule)],
        granularity: Granularity,
    ) -> Result<(), ArrowError> {
        let micros =
            |name: &str| Ok::<_, ArrowError>(column(batch, name)?.as_primitive::<TimestampMicrosecondType>());
        let text = |name: &str| Ok::<_, ArrowError>(column(batch, name)?.as_string::<i32>());
        let whole = |name: String| Ok::<_, ArrowError>(column(batch, &name)?.as_primitive::<Int64Type>());
        let (starts, ends) = (micros("window_start")?, micros("window_end")?);
        let (versions, columns) = (text("model_version")?, text("column_name")?);
        let (slice_keys, slice_values) = (text("slice_key")?, text("slice_value")?);
        let has_reason = column(batch, "has_reason")?.as_boolean();
        let drift_types = if self.is_drift { Some(text("drift_type")?) } else { None };
        let mut metrics = Vec::new();
        let intervals = batch.column_by_name(INTERVALS).map(Intervals::of).transpose()?;
        for (place, rule) in asked {
            let values = column(batch, &format!("value_{place}"))?.as_primitive::<Float64Type>();
            let counts = (whole(format!("count_{place}"))?, whole(format!("count_cmp_{place}"))?);
            let pvalues = batch.column_by_name(&format!("pvalue_{place}"));
            let pvalues = pvalues.map(AsArray::as_primitive::<Float64Type>);
            metrics.push((*place, *rule, values, counts, pvalues));
        }
        let length = granularity.to_string();
        for row in 0..batch.num_rows() {
            let (start, end) = (starts.value(row), ends.value(row));
            if self.computed.has(Some(&length), Some(start)) {
                continue;
            }
            let mut key = SeriesKey {
                model_version: versions.value(row).to_owned(),
                slice: owned(slice_keys, row).zip(owned(slice_values, row)),
                column_name: columns.value(row).to_owned(),
                drift_type: None,
            };
            if !self.is_drift {
                past.note_rows(granularity, (start, end), &key);
            }
            for (place, rule, values, (counts, counts_cmp), pvalues) in &metrics {
                let comparison = rule.comparison.map(drift_type);
                if drift_types.is_some_and(|types| Some(types.value(row)) != comparison) {
                    continue;
                }
                key.drift_type = comparison.filter(|_| self.is_drift);
                let observation = Observation {
                    start,
                    end,
                    value: values.is_valid(row).then(|| values.value(row)),
                    baseline_value: None,
                    count: count(counts, row),
                    count_cmp: if self.is_drift { count(counts_cmp, row) } else { u64::MAX },
                    pvalue: pvalues.filter(|of| of.is_valid(row)).map(|of| of.value(row)),
                    interval: intervals
                        .as_ref()
                        .filter(|_| rule.significance.is_some())
                        .and_then(|intervals| intervals.at(row, rule.metric.name())),
                    place: None,
                    is_absent: false,
                    is_computed: false,
                };
                past.note(*place, &key, observation, has_reason.value(row));
            }
        }
        Ok(())
    }
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, ArrowError> {
    let missing = || ArrowError::SchemaError(format!("column {name} is not there"));
    batch.column_by_name(name).ok_or_else(missing)
}

/// Intervals of a batch of rows, by the names of measures.
struct Intervals {
    rows: MapArray,
    names: StringArray,
    ends: [Float64Array; 2],
}

impl Intervals {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        let rows = column.as_map().clone();
        let names = arrow::compute::cast(rows.keys(), &DataType::Utf8)?.as_string().clone();
        let missing = || ArrowError::SchemaError(format!("a field of {INTERVALS} is not there"));
        let ends = rows.values().as_struct();
        let end = |name: &str| {
            Ok::<_, ArrowError>(ends.column_by_name(name).ok_or_else(missing)?.as_primitive().clone())
        };
        Ok(Self { names, ends: [end("low")?, end("high")?], rows })
    }

    /// That of the measure called `name`.
    fn at(&self, row: usize, name: &str) -> Option<Interval> {
        if self.rows.is_null(row) {
            return None;
        }
        let offsets = self.rows.value_offsets();
        let mut entries = offsets[row] as usize..offsets[row + 1] as usize;
        let entry = entries.find(|entry| self.names.value(*entry) == name)?;
        let [low, high] = self.ends.each_ref().map(|end| end.value(entry));
        Some(Interval { low, high })
    }
}

fn owned(texts: &StringArray, row: usize) -> Option<String> {
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

/// A count; that of nothing is 0.
fn count(counts: &Int64Array, row: usize) -> u64 {
    if counts.is_valid(row) { counts.value(row).unsigned_abs() } else { 0 }
}

/// A column, cast.
fn as_type(name: &str, to: &DataType) -> Expr {
    cast(col(name), to.clone()).alias(name)
}

/// The number in the column called `name`, a field of a struct with a dot; NULL if the table has no such column.
fn number(found: &Schema, name: &str, to: DataType) -> Expr {
    let (column, field) = name.split_once('.').map_or((name, None), |(column, field)| (column, Some(field)));
    if found.field_with_name(column).is_err() {
        return cast(lit(ScalarValue::Null), to);
    }
    // A name of one's own may have capital letters.
    let column = Expr::Column(Column::from_name(column));
    let number = match field {
        Some(field) => column.field(field),
        None => column,
    };
    cast(number, to)
}
