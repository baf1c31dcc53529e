//! What is wrong with a definition, found before a row is read.

use arrow::datatypes::Schema;
use datafusion::common::DataFusionError;
use datafusion::execution::context::SessionContext;

use super::over_rows::Definition;
use crate::cause::is_fault;
use crate::config::{CustomMetric, CustomMetricType, Monitor, suggest};
use crate::contract::TABLE;
use crate::profile::columns;
use crate::profile::expression::of_words;

/// What to do when the engine is to blame.
const HINT_ENGINE: &str = "write it in another way; and please report it, with what `--verbose` says";

/// Why a custom metric cannot be computed, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct CustomError {
    /// Name of the metric.
    pub metric: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl CustomError {
    pub(super) fn new(metric: &CustomMetric, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { metric: metric.name.clone(), problem: problem.into(), hint: hint.into() }
    }

    /// It was found to be wrong when it was planned.
    pub(in crate::profile) fn of_plan(metric: &CustomMetric, error: &DataFusionError) -> Self {
        if is_fault(error) {
            tracing::info!(metric = metric.name, %error, "the query engine failed");
            return Self::new(metric, "the query engine fails on it, whatever the rows", HINT_ENGINE);
        }
        Self::new(metric, of_words(error), hint(metric.kind))
    }
}

/// What to do where nothing better is known.
pub(super) fn hint(kind: CustomMetricType) -> &'static str {
    match kind {
        CustomMetricType::Aggregate => {
            "write one SQL expression of aggregates over the columns of the table, such as `avg(abs(score - label))`, \
             with functions that DataFusion has"
        }
        CustomMetricType::Derived => {
            "write one SQL expression over metrics of the same row, such as `sqrt(squared_error)`, with functions that \
             DataFusion has"
        }
        CustomMetricType::Drift => {
            "write one SQL expression over metrics of both sides, such as `{{current_df}}.avg - {{base_df}}.avg`, with \
             functions that DataFusion has"
        }
    }
}

/// What is wrong with the custom metrics of `monitor`, as far as no table is needed to see it: one problem of each
/// metric.
pub fn without_tables(monitor: &Monitor) -> Vec<CustomError> {
    let state = SessionContext::new().state();
    let metrics = &monitor.custom_metrics;
    let wrong = |metric: &CustomMetric| {
        let checked = match metric.kind {
            CustomMetricType::Aggregate => metric.inputs.iter().try_for_each(|input| {
                let dialect = state.config_options().sql_parser.dialect;
                let parsed = state.sql_to_expr(&input.sql, &dialect);
                parsed.map(|_| ()).map_err(|error| CustomError::of_plan(metric, &error))
            }),
            CustomMetricType::Derived | CustomMetricType::Drift => {
                Definition::of(metric, metrics, &state).map(|_| ())
            }
        };
        checked.err()
    };
    metrics.iter().filter_map(wrong).collect()
}

/// That a row in which a custom metric stands is not there, in a table of these columns.
///
/// # Errors
/// Of the first such metric.
pub fn rows(monitor: &Monitor, schema: &Schema) -> Result<(), CustomError> {
    let profiled = columns::profiled(monitor, schema);
    for metric in &monitor.custom_metrics {
        for input in metric.inputs.iter().filter(|input| input.column != TABLE) {
            let column = &input.column;
            if profiled.iter().any(|known| known.name == *column) {
                continue;
            }
            if schema.field_with_name(column).is_ok() {
                let problem = format!("`{column}` is not profiled, so there is no row for its value");
                return Err(CustomError::new(
                    metric,
                    problem,
                    "`input_columns: [\":table\"]` always has a row",
                ));
            }
            let known = profiled.iter().map(|known| known.name.as_str());
            let problem = format!("there is no column `{column}`, which its `input_columns` name");
            return Err(CustomError::new(metric, problem, suggest(column, known)));
        }
    }
    Ok(())
}
