//! Columns of custom metrics: after all others, and added to a table when a metric is new.
//!
//! A metric that was taken out of the monitor file leaves its column, which is NULL from then on.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Field, FieldRef, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::SinkError;
use super::schema;
use crate::config::{CustomMetric, CustomMetricType};
use crate::contract::{Table, drift_metrics, profile_metrics};
use crate::source::spark_type;

/// Digits to which two values of a custom metric must agree to be the same: the engine adds doubles in any order, so
/// that the last ones change from run to run.
const DIGITS: usize = 9;

/// The columns of `metrics` that stand in `table`.
pub fn columns(table: &Table, metrics: &[CustomMetric]) -> Vec<Field> {
    let has = |metric: &&CustomMetric| match table.name {
        name if name == profile_metrics::TABLE.name => !metric.is_drift(),
        name if name == drift_metrics::TABLE.name => metric.is_drift(),
        _ => false,
    };
    metrics.iter().filter(has).map(column).collect()
}

fn column(metric: &CustomMetric) -> Field {
    let kind = match metric.kind {
        CustomMetricType::Aggregate => "aggregate",
        CustomMetricType::Derived => "derived",
        CustomMetricType::Drift => "drift",
    };
    let field = Field::new(&metric.name, schema::arrow_type(metric.output), true);
    schema::commented(field, &format!("Custom metric, {kind}: {}", metric.definition))
}

/// `schema`, and `columns` after it.
pub fn with_columns(schema: &Schema, columns: &[Field]) -> SchemaRef {
    let columns = columns.iter().cloned().map(FieldRef::new);
    Arc::new(Schema::new(schema.fields().iter().cloned().chain(columns).collect::<Vec<_>>()))
}

/// Refuses a column that `found`, the schema of the table at `table`, has with another type or in another case.
///
/// # Errors
/// Of the first such column.
pub fn check(table: &str, found: &Schema, columns: &[Field]) -> Result<(), SinkError> {
    for column in columns {
        let is_column = |other: &&FieldRef| other.name().eq_ignore_ascii_case(column.name());
        let Some(other) = found.fields().iter().find(is_column) else { continue };
        let (has, wanted) = (spark_type(other.data_type()), spark_type(column.data_type()));
        if other.name() != column.name() || has != wanted {
            return Err(SinkError::Metric {
                metric: column.name().clone(),
                table: table.to_owned(),
                has: format!("`{}` as {has}", other.name()),
                wanted,
            });
        }
    }
    Ok(())
}

/// `batch` with its doubles of the columns called `names` as exact as they are from run to run.
///
/// # Errors
/// If a column is not there.
pub fn rounded(batch: &RecordBatch, names: &[&str]) -> Result<RecordBatch, ArrowError> {
    let mut columns = batch.columns().to_vec();
    for name in names {
        let column: &mut ArrayRef = &mut columns[batch.schema().index_of(name)?];
        if let Some(doubles) = column.as_primitive_opt::<Float64Type>() {
            let rounded: Float64Array = doubles.unary(round);
            *column = Arc::new(rounded);
        }
    }
    RecordBatch::try_new(batch.schema(), columns)
}

fn round(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_the_order_of_a_sum_is_the_same() {
        let (one, other) = (0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1);
        assert_ne!(f64::to_bits(one), f64::to_bits(other));
        assert_eq!(f64::to_bits(round(one)), f64::to_bits(round(other)));
        assert_ne!(f64::to_bits(round(1.000_001)), f64::to_bits(round(1.0)));
        for value in [0.0, f64::MIN_POSITIVE, f64::MAX, -1.5] {
            assert!((round(value) - value).abs() <= value.abs() * 1e-8, "{value:e}: {:e}", round(value));
        }
    }
}
