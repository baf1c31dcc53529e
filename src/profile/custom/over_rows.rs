//! Definitions over metrics that are there already: of one row (derived), or of two (drift).
//!
//! The engine evaluates them; what a definition may name is a column of such a row: a number of the profile table,
//! a field of a struct with a dot, or a custom metric.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Field;
use datafusion::common::{DFSchema, DataFusionError, TableReference};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::physical_expr::PhysicalExpr;

use super::check::{CustomError, hint};
use super::division::with_fractions;
use super::{Outcome, Value, outcomes};
use crate::cause::plain;
use crate::config::{CustomMetric, CustomMetricType, suggest};
use crate::contract::{MeasureOf, TABLE, Type, drift_metrics, measure_of, profile_metrics};
use crate::profile::expression::{missing_column, misuse, of_words};
use crate::profile::reason::Absence;
use crate::profile::row::ProfileRow;
use crate::source::spark_type;

/// The rows of the profile table that a definition reads: a derived metric one, a drift metric that of the window
/// and that of the comparison. What is not there has no metrics.
pub(crate) type Sides<'a> = [Option<&'a ProfileRow>; 2];

/// What the sides of a drift metric are called in its definition.
const SIDES: [&str; 2] = ["current_df", "base_df"];

/// A metric that a definition may read.
#[derive(Debug, Clone)]
struct Readable {
    /// Of which side.
    side: usize,
    /// Its name, a field of a struct with a dot.
    name: String,
    /// Type of its values.
    ty: Type,
}

impl Readable {
    /// What it is called in a definition; a field of a struct is a column of a table that is called like the struct.
    fn place(&self, kind: CustomMetricType) -> (Option<TableReference>, String) {
        let side = (kind == CustomMetricType::Drift).then(|| SIDES[self.side]);
        let (of, name) = match self.name.split_once('.') {
            Some((of, field)) => (Some(of), field),
            None => (None, self.name.as_str()),
        };
        let table = match (side, of) {
            (Some(side), Some(of)) => Some(TableReference::partial(side, of)),
            (Some(only), None) | (None, Some(only)) => Some(TableReference::bare(only)),
            (None, None) => None,
        };
        (table, name.to_lowercase())
    }

    /// It, of each of `rows`.
    fn array(&self, rows: &[Sides<'_>]) -> ArrayRef {
        let values = rows.iter().map(|sides| sides[self.side].and_then(|row| value(row, &self.name)));
        let whole = |value: Option<Value>| match value {
            Some(Value::Whole(value)) => Some(value),
            _ => None,
        };
        let short = |value| whole(value).and_then(|value| i32::try_from(value).ok());
        match self.ty {
            Type::Double => Arc::new(values.map(|value| value?.number()).collect::<Float64Array>()),
            Type::Int => Arc::new(values.map(short).collect::<Int32Array>()),
            Type::Long => Arc::new(values.map(whole).collect::<Int64Array>()),
            Type::Timestamp => {
                Arc::new(values.map(whole).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            Type::Date => Arc::new(values.map(short).collect::<Date32Array>()),
            Type::Bool => {
                let truth = |value| match value {
                    Some(Value::Bool(value)) => Some(value),
                    _ => None,
                };
                Arc::new(values.map(truth).collect::<BooleanArray>())
            }
            _ => {
                let text = |value| match value {
                    Some(Value::Text(value)) => Some(value),
                    _ => None,
                };
                Arc::new(values.map(text).collect::<StringArray>())
            }
        }
    }
}

/// The metric called `name` in `row`.
fn value(row: &ProfileRow, name: &str) -> Option<Value> {
    row.custom.get(name).cloned().or_else(|| row.metric(name).map(Value::Number))
}

/// A definition that can be computed.
#[derive(Debug)]
pub(crate) struct Definition {
    output: Type,
    reads: Vec<Readable>,
    schema: DFSchema,
    expression: Arc<dyn PhysicalExpr>,
}

impl Definition {
    /// The definition of `metric`, a derived or a drift metric among `all`.
    ///
    /// # Errors
    /// If it is not one expression over metrics that its rows have.
    pub(crate) fn of(
        metric: &CustomMetric,
        all: &[CustomMetric],
        state: &SessionState,
    ) -> Result<Self, CustomError> {
        let readable = readable(metric, all);
        let planned = |error: DataFusionError| CustomError::of_plan(metric, &error);
        let schema = schema(&readable, metric.kind).map_err(planned)?;
        // It is the same in each of its rows, since it does not name them.
        let sql = metric.inputs.first().map_or("", |input| input.sql.as_str());
        let parsed = state.create_logical_expr(sql, &schema);
        let parsed = parsed.map_err(|error| misspelt(metric, all, &error))?;
        if let Some(problem) = misuse(&parsed, false) {
            let aggregates = !find_aggregate_exprs([&parsed]).is_empty();
            let of_rows = "compute it as an `aggregate` of its own, and name that here";
            let hint = if aggregates { of_rows } else { hint(metric.kind) };
            return Err(CustomError::new(metric, problem, hint));
        }
        let mut read: Vec<usize> = Vec::new();
        for column in parsed.column_refs() {
            if metric.is_drift() && column.relation.is_none() {
                let hint = format!("`{{{{current_df}}}}.{0}` or `{{{{base_df}}}}.{0}`", column.name);
                return Err(CustomError::new(metric, format!("`{}` is of neither side", column.name), hint));
            }
            read.push(schema.index_of_column(column).map_err(planned)?);
        }
        read.sort_unstable();
        let parsed = with_fractions(parsed, &schema).map_err(planned)?;
        value_fits(metric, &parsed, &schema)?;

        let reads: Vec<Readable> = read.into_iter().map(|index| readable[index].clone()).collect();
        if reads.is_empty() {
            return Err(CustomError::new(metric, "it reads no metric", hint(metric.kind)));
        }
        for name in reads.iter().map(|read| &read.name) {
            is_measured(metric, name, all)?;
        }
        let schema = self::schema(&reads, metric.kind).map_err(planned)?;
        let expression = state.create_physical_expr(parsed, &schema).map_err(planned)?;
        Ok(Self { output: metric.output, reads, schema, expression })
    }

    /// Its value on each of `rows`. Where the engine fails on one, that has none, and the others have theirs.
    pub(crate) fn outcomes(&self, rows: &[Sides<'_>]) -> Vec<Outcome> {
        match (self.computed(rows), rows) {
            (_, []) => Vec::new(),
            (Ok(outcomes), _) => outcomes,
            (Err(error), [_]) => vec![Err(Absence::quoted(&plain(&error)))],
            (Err(_), rows) => rows.iter().flat_map(|row| self.outcomes(std::slice::from_ref(row))).collect(),
        }
    }

    fn computed(&self, rows: &[Sides<'_>]) -> Result<Vec<Outcome>, DataFusionError> {
        let columns = self.reads.iter().map(|read| read.array(rows)).collect();
        let batch = RecordBatch::try_new(Arc::clone(self.schema.inner()), columns)?;
        let value = self.expression.evaluate(&batch)?.into_array(rows.len())?;
        Ok(outcomes::outcomes(&value, self.output)?)
    }
}

/// Refuses a value that is no `output_data_type`.
pub(super) fn value_fits(metric: &CustomMetric, value: &Expr, schema: &DFSchema) -> Result<(), CustomError> {
    let found = value.get_type(schema).map_err(|error| CustomError::of_plan(metric, &error))?;
    if outcomes::fits(&found, metric.output) {
        return Ok(());
    }
    if found.is_nested() {
        let problem =
            format!("its value is of type {}, which no column of a metric can be", spark_type(&found));
        return Err(CustomError::new(metric, problem, hint(metric.kind)));
    }
    let (found, wanted) = (spark_type(&found), spark_type(&outcomes::arrow_type(metric.output)));
    let problem = format!("its value is of type {found}, but its `output_data_type` is {wanted}");
    Err(CustomError::new(
        metric,
        problem,
        format!("`output_data_type: {found}`, or CAST it in the definition"),
    ))
}

/// What `metric` may read: a derived metric other custom metrics but itself and those that come after it, since those
/// are computed later.
fn readable(metric: &CustomMetric, all: &[CustomMetric]) -> Vec<Readable> {
    let is_drift = metric.is_drift();
    let derived_before = all.iter().take_while(|other| is_drift || other.name != metric.name);
    let derived_before = derived_before.filter(|other| other.kind == CustomMetricType::Derived);
    let aggregates = all.iter().filter(|other| other.kind == CustomMetricType::Aggregate);
    let custom = aggregates.chain(derived_before).map(|other| (other.name.clone(), other.output));
    // The engine would not know whether `weighted` is a metric or the field of one.
    let is_taken = |field: &str| all.iter().any(|other| other.name.eq_ignore_ascii_case(field));
    let is_free = |name: &String| !name.split_once('.').is_some_and(|(_, field)| is_taken(field));
    let built_in = profile_metrics::TABLE.metrics().filter(is_free).map(|name| (name, Type::Double));
    let names: Vec<(String, Type)> = custom.chain(built_in).collect();
    let sides = if is_drift { 0..2 } else { 0..1 };
    sides
        .flat_map(|side| names.iter().map(move |(name, ty)| Readable { side, name: name.clone(), ty: *ty }))
        .collect()
}

fn schema(readable: &[Readable], kind: CustomMetricType) -> Result<DFSchema, DataFusionError> {
    let field = |readable: &Readable| {
        let (table, name) = readable.place(kind);
        (table, Arc::new(Field::new(name, outcomes::arrow_type(readable.ty), true)))
    };
    DFSchema::new_with_metadata(readable.iter().map(field).collect(), HashMap::new())
}

/// Why what `metric` names is not there.
fn misspelt(metric: &CustomMetric, all: &[CustomMetric], error: &DataFusionError) -> CustomError {
    let Some((missing, _)) = missing_column(error) else {
        return CustomError::new(metric, of_words(error), hint(metric.kind));
    };
    let is_named = |other: &&CustomMetric| other.name.eq_ignore_ascii_case(&missing);
    let is_of_drift = |name: &str| {
        drift_metrics::TABLE.column(name).is_some() && profile_metrics::TABLE.column(name).is_none()
    };
    let (problem, hint) = match all.iter().find(is_named) {
        Some(other) if other.name == metric.name => {
            ("it refers to itself".to_owned(), "name the metrics that it is computed from".to_owned())
        }
        Some(other) if other.is_drift() => (
            format!("`{missing}` is a drift metric, which stands in another table"),
            "name aggregate, derived or built-in metrics".to_owned(),
        ),
        Some(_) => (
            format!("`{missing}` is derived after it"),
            format!("move `{missing}` up, before `{}`", metric.name),
        ),
        None if is_of_drift(&missing) => (
            format!("`{missing}` is measured of two windows, and stands in the drift table"),
            "name metrics of the profile table".to_owned(),
        ),
        None => {
            let known: BTreeSet<String> =
                readable(metric, all).into_iter().map(|readable| readable.name).collect();
            let problem = format!("there is no metric `{missing}`");
            (problem, suggest(&missing, known.iter().map(String::as_str)))
        }
    };
    CustomError::new(metric, problem, hint)
}

/// Refuses `name` where the rows of `metric` never have it, so that it would be NULL and nobody knew why.
fn is_measured(metric: &CustomMetric, name: &str, all: &[CustomMetric]) -> Result<(), CustomError> {
    let custom = all.iter().find(|other| other.name == name);
    for column in metric.inputs.iter().map(|input| &input.column) {
        let (problem, hint) = match custom {
            Some(other) if other.is_of(column) => continue,
            Some(other) => {
                let columns: Vec<&str> = other.inputs.iter().map(|input| input.column.as_str()).collect();
                (
                    format!(
                        "`{name}` has no value in the rows of `{column}`: its `input_columns` are `{}`",
                        columns.join("`, `")
                    ),
                    "give both the same `input_columns`",
                )
            }
            None if column == TABLE && !measure_of(name).is_some_and(MeasureOf::is_of_tables) => (
                format!("`{name}` is measured of columns, not of `{TABLE}`"),
                "name columns as its `input_columns`",
            ),
            None if column != TABLE && !measure_of(name).is_some_and(MeasureOf::is_of_columns) => (
                format!("`{name}` is measured of `{TABLE}`, not of columns"),
                "give it `input_columns: [\":table\"]`",
            ),
            None => continue,
        };
        return Err(CustomError::new(metric, problem, hint));
    }
    Ok(())
}
