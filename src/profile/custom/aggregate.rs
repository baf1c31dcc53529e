//! Aggregates: from definitions to one query, and from its answer to values by place.
//!
//! The states of columns add, an aggregate of SQL does not. So its groups are all that the profile has: each window
//! of each granularity, each version and `*`, each slice and the whole. They are grouping sets of one query, which
//! reads the table once more. What is not in a set is NULL in its groups: rows always have a window, a version and a
//! value of each slicing expression.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit, TimestampMicrosecondType};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, GroupingSet, lit};

use super::check::{CustomError, hint};
use super::division::with_fractions;
use super::over_rows::value_fits;
use super::{Measured, Place, outcomes};
use crate::config::{CustomInput, CustomMetric, CustomMetricType, Monitor};
use crate::contract::ALL_VERSIONS;
use crate::profile::expression::{column_or_text, missing_column, misuse, of_words};
use crate::profile::functions::OUT_OF_RANGE;
use crate::profile::own_names::OwnNames;
use crate::profile::query::{texts, view};
use crate::profile::template::{self, Name};

/// The rows of a table, as aggregates are asked of them.
#[derive(Clone, Copy)]
pub(in crate::profile) struct Asker<'a> {
    pub(in crate::profile) ctx: &'a SessionContext,
    pub(in crate::profile) monitor: &'a Monitor,
    pub(in crate::profile) own: &'a OwnNames,
    /// Whether its rows lie in windows, which those of a baseline do not.
    pub(in crate::profile) has_windows: bool,
}

/// An aggregate metric in the rows of one column, as the engine is asked for it.
#[derive(Debug, Clone)]
pub(in crate::profile) struct Aggregate<'a> {
    metric: &'a CustomMetric,
    /// Its calls of aggregate functions, each with the name of its column.
    calls: Vec<(String, Expr)>,
    /// Its value, over those columns.
    value: Expr,
}

impl<'a> Asker<'a> {
    /// The rows of `sliced`, each with its windows. A row that not every granularity has a window for is in none, as
    /// in the profile.
    pub(in crate::profile) async fn rows(&self, sliced: &DataFrame) -> Result<DataFrame, DataFusionError> {
        if !self.has_windows {
            return Ok(sliced.clone());
        }
        view(self.ctx, "sliced", sliced.clone())?;
        let zone = Name::text(&self.monitor.timezone);
        let windows = self.monitor.granularities.iter().enumerate().map(|(index, granularity)| {
            let arguments = [self.own.window_start(), Name::text(&granularity.to_string()), zone.clone()];
            Name::call("window_start", &arguments, &self.own.window(index))
        });
        let windows = Name::list(&windows.collect::<Vec<_>>());
        let sql = template::fill(template::CUSTOM_METRICS, &[("windows", windows)]);
        let mut rows = self.ctx.sql(&sql).await?;
        let never = ScalarValue::TimestampMicrosecond(Some(OUT_OF_RANGE), Some("UTC".into()));
        for window in self.windows() {
            rows = rows.filter(window.lt(lit(never.clone())))?;
        }
        Ok(rows)
    }

    /// The aggregate of `metric` for `input`, over `rows`.
    pub(in crate::profile) fn aggregate(
        &self,
        rows: &DataFrame,
        index: usize,
        metric: &'a CustomMetric,
        input: &'a CustomInput,
    ) -> Result<Aggregate<'a>, CustomError> {
        let refused = |problem: String, hint: &str| CustomError::new(metric, problem, hint);
        let planned = |error: DataFusionError| CustomError::of_plan(metric, &error);
        let folded = Folded::of(rows.schema()).map_err(planned)?;
        let parsed = self.ctx.state().create_logical_expr(&input.sql, &folded.schema);
        let parsed = parsed.map_err(|error| self.misspelt(metric, &error))?;
        let parsed = folded.unfolded(parsed).map_err(planned)?;
        if let Some(problem) = misuse(&parsed, true) {
            return Err(refused(problem, hint(metric.kind)));
        }
        let parsed = with_fractions(parsed, rows.schema()).map_err(planned)?;
        let called = find_aggregate_exprs([&parsed]);
        if called.is_empty() {
            let hint =
                "an `aggregate` has one, such as `avg(…)`; what is computed from other metrics is `derived`";
            return Err(refused("it aggregates nothing".to_owned(), hint));
        }
        if let Some(outer) = called.iter().find_map(nesting) {
            let hint = "compute the inner one as a metric of its own, and `derived` from it";
            return Err(refused(format!("`{outer}()` has an aggregate in it"), hint));
        }
        let name = |call: usize| self.own.call(index, call);
        let value = parsed.clone().transform_down(|part| {
            Ok(match called.iter().position(|call| *call == part) {
                Some(call) => {
                    let column = Expr::Column(Column::from_name(name(call)));
                    Transformed::new(column, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(part),
            })
        });
        let value = value.map_err(planned)?.data;
        if let Some(column) = value.column_refs().into_iter().find(|column| !self.own.is_own(&column.name)) {
            let hint = "which of the rows of a window would it be of? Aggregate it, such as `max(…)`";
            return Err(refused(format!("`{}` stands outside of an aggregate", column.name), hint));
        }
        value_fits(metric, &parsed, rows.schema())?;
        let calls =
            called.into_iter().enumerate().map(|(call, expression)| (name(call), expression)).collect();
        Ok(Aggregate { metric, calls, value })
    }

    fn misspelt(&self, metric: &CustomMetric, error: &DataFusionError) -> CustomError {
        let Some((missing, known)) = missing_column(error) else {
            return CustomError::new(metric, of_words(error), hint(metric.kind));
        };
        let is_metric = |other: &CustomMetric| other.name.eq_ignore_ascii_case(&missing);
        let problem = format!("there is no column `{missing}`");
        if self.monitor.custom_metrics.iter().any(is_metric) {
            let hint = format!("what is computed from the metric `{missing}` is `derived`");
            return CustomError::new(metric, problem, hint);
        }
        let known = known.iter().map(String::as_str).filter(|name| !self.own.is_own(name));
        let hint = column_or_text(&missing, known, &metric.definition);
        CustomError::new(metric, problem, hint)
    }

    /// What asks `rows` for `aggregates`: keys, and a value of each, called [`of_value`].
    pub(in crate::profile) fn question(
        &self,
        rows: &DataFrame,
        aggregates: &[&Aggregate<'_>],
    ) -> Result<DataFrame, DataFusionError> {
        let calls = aggregates.iter().flat_map(|aggregate| &aggregate.calls);
        let calls = calls.map(|(name, call)| call.clone().alias(name)).collect();
        let answer = rows.clone().aggregate(self.groups(), calls)?;
        let keys = self.keys().into_iter().map(|(name, key)| key.alias(name));
        let values = aggregates.iter().enumerate();
        let values = values.map(|(index, aggregate)| aggregate.value.clone().alias(of_value(index)));
        answer.select(keys.chain(values).collect::<Vec<_>>())
    }

    /// Each window by itself, with each version and all, each slice and none.
    fn groups(&self) -> Vec<Expr> {
        let one = |keys: Vec<Expr>| keys.into_iter().map(|key| vec![key]).collect::<Vec<_>>();
        let or_none = |mut sets: Vec<Vec<Expr>>| {
            sets.push(Vec::new());
            sets
        };
        let windows = if self.has_windows { one(self.windows()) } else { vec![Vec::new()] };
        let versions = or_none(one(self.version().into_iter().collect()));
        let slices = or_none(one(self.slices()));
        let mut sets = Vec::new();
        for window in &windows {
            for version in &versions {
                sets.extend(slices.iter().map(|slice| [window.as_slice(), version, slice].concat()));
            }
        }
        match sets.as_slice() {
            [_] => sets.pop().unwrap_or_default(),
            _ => vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))],
        }
    }

    /// All keys of the groups, and what each is called in the answer.
    fn keys(&self) -> Vec<(String, Expr)> {
        let windows = if self.has_windows { self.windows() } else { Vec::new() };
        let windows = windows.into_iter().enumerate().map(|(index, key)| (of_window(index), key));
        let version = self.version().map(|key| (VERSION.to_owned(), key));
        let slices = self.slices().into_iter().enumerate().map(|(index, key)| (of_slice(index), key));
        windows.chain(version).chain(slices).collect()
    }

    fn windows(&self) -> Vec<Expr> {
        (0..self.monitor.granularities.len()).map(|index| column(&self.own.window(index))).collect()
    }

    fn version(&self) -> Option<Expr> {
        let has_versions = self.monitor.inference.model_id_col.is_some();
        has_versions.then(|| column(&self.own.model_version_name()))
    }

    fn slices(&self) -> Vec<Expr> {
        (0..self.monitor.slicing_exprs.len()).map(|index| column(&self.own.slice(index))).collect()
    }

    /// Adds an answer to `measured`; each of `aggregates` comes with its place there.
    pub(in crate::profile) fn read(
        &self,
        batch: &RecordBatch,
        aggregates: &[(usize, Aggregate<'_>)],
        measured: &mut [Measured],
    ) -> Result<(), DataFusionError> {
        let places = self.places(batch)?;
        for (index, (at, aggregate)) in aggregates.iter().enumerate() {
            let values = batch.column_by_name(&of_value(index)).ok_or_else(missing)?;
            let outcomes = places.iter().zip(outcomes::outcomes(values, aggregate.metric.output)?);
            let known = outcomes.filter_map(|(place, outcome)| Some((place.clone()?, outcome)));
            measured[*at].outcomes.extend(known);
        }
        Ok(())
    }

    /// The place of each row of an answer; `None` of a model version that is called as all are.
    fn places(&self, batch: &RecordBatch) -> Result<Vec<Option<Place>>, DataFusionError> {
        let mut windows: Vec<Option<(String, i64)>> = vec![None; batch.num_rows()];
        if self.has_windows {
            for (index, granularity) in self.monitor.granularities.iter().enumerate() {
                let starts = batch.column_by_name(&of_window(index)).ok_or_else(missing)?;
                let starts = cast(starts, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let starts = starts.as_primitive::<TimestampMicrosecondType>();
                for (row, window) in windows.iter_mut().enumerate().filter(|(row, _)| starts.is_valid(*row)) {
                    *window = Some((granularity.to_string(), starts.value(row)));
                }
            }
        }
        let mut slices: Vec<Option<(String, String)>> = vec![None; batch.num_rows()];
        for (index, key) in self.monitor.slicing_exprs.iter().enumerate() {
            for (slice, value) in slices.iter_mut().zip(texts(batch, &of_slice(index))?) {
                *slice = value.map(|value| (key.clone(), value)).or(slice.take());
            }
        }
        let versions = match self.version() {
            Some(_) => texts(batch, VERSION)?,
            None => vec![None; batch.num_rows()],
        };
        let place = |((window, slice), version): ((_, _), Option<String>)| {
            (version.as_deref() != Some(ALL_VERSIONS)).then(|| Place {
                window,
                model_version: version.unwrap_or_else(|| ALL_VERSIONS.to_owned()),
                slice,
            })
        };
        Ok(windows.into_iter().zip(slices).zip(versions).map(place).collect())
    }
}

/// The rows and columns that aggregate metrics stand in.
pub(in crate::profile) fn asked(monitor: &Monitor) -> impl Iterator<Item = (&CustomMetric, &CustomInput)> {
    let aggregates =
        monitor.custom_metrics.iter().filter(|metric| metric.kind == CustomMetricType::Aggregate);
    aggregates.flat_map(|metric| metric.inputs.iter().map(move |input| (metric, input)))
}

const VERSION: &str = "model_version";

fn of_window(index: usize) -> String {
    format!("window_{index}")
}

fn of_slice(index: usize) -> String {
    format!("slice_{index}")
}

fn of_value(index: usize) -> String {
    format!("value_{index}")
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

fn missing() -> DataFusionError {
    DataFusionError::Internal("a column is not in the result".to_owned())
}

/// The name of the aggregate `call`, if there is another within it.
fn nesting(call: &Expr) -> Option<String> {
    let Expr::AggregateFunction(outer) = call else { return None };
    let has_inner = !find_aggregate_exprs(&outer.params.args).is_empty();
    has_inner.then(|| outer.func.name().to_owned())
}

/// Columns that can be named without their case, as Spark lets them be: the engine makes small letters of names
/// without quotes, and would not find `Amount`.
struct Folded {
    schema: DFSchema,
    meant: HashMap<String, Column>,
}

impl Folded {
    fn of(schema: &DFSchema) -> Result<Self, DataFusionError> {
        let mut fields: Vec<_> =
            schema.iter().map(|(table, field)| (table.cloned(), Arc::clone(field))).collect();
        let mut meant: HashMap<String, Option<(Column, Arc<Field>)>> = HashMap::new();
        for (table, field) in schema.iter() {
            let column = Column::new(table.cloned(), field.name());
            let entry = meant.entry(field.name().to_lowercase());
            // Of two columns that differ in case alone, neither is meant.
            entry.and_modify(|known| *known = None).or_insert_with(|| Some((column, Arc::clone(field))));
        }
        let meant: Vec<_> = meant
            .into_iter()
            .filter_map(|(name, meant)| {
                meant.filter(|(column, _)| column.name != name).map(|meant| (name, meant))
            })
            .collect();
        let small = |(name, (_, field)): &(String, (Column, Arc<Field>))| {
            (None, Arc::new(field.as_ref().clone().with_name(name)))
        };
        fields.extend(meant.iter().map(small));
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        let meant = meant.into_iter().map(|(name, (column, _))| (name, column)).collect();
        Ok(Self { schema, meant })
    }

    /// `expression` with the columns as they are called.
    fn unfolded(&self, expression: Expr) -> Result<Expr, DataFusionError> {
        let unfolded = expression.transform_up(|part| {
            Ok(match part {
                Expr::Column(column) if column.relation.is_none() => match self.meant.get(&column.name) {
                    Some(meant) => Transformed::yes(Expr::Column(meant.clone())),
                    None => Transformed::no(Expr::Column(column)),
                },
                part => Transformed::no(part),
            })
        });
        unfolded.map(|unfolded| unfolded.data)
    }
}
