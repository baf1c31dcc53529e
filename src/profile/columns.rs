//! Which columns of a table are profiled, and how each is.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Schema};

use super::{ColumnInfo, Kind, Role};
use crate::config::{Expectation, Inference, Monitor, Prediction, ProblemType, suggest};
use crate::contract::TABLE;
use crate::source::{is_time, spark_type};

/// The columns of `schema` that `monitor` profiles, in the order of the table.
pub fn profiled(monitor: &Monitor, schema: &Schema) -> Vec<ColumnInfo> {
    let inference = &monitor.inference;
    let known_at = monitor.label().and_then(|label| label.known_at.as_ref());
    let skipped = [
        Some(&inference.timestamp_col),
        inference.model_id_col.as_ref(),
        inference.request_id_col.as_ref(),
        known_at,
    ];
    let is_profiled = |name: &String| !skipped.contains(&Some(name)) && is_wanted(monitor, name);
    let info = |name: &String, data_type: &DataType| {
        let role = role(monitor, name);
        let kind = match kind_of(data_type) {
            // What stands in them is nobody's business here.
            _ if role == Role::Payload => Kind::Opaque,
            Kind::Opaque => Kind::Opaque,
            _ if is_by_name(monitor, name) => Kind::Text,
            kind => kind,
        };
        ColumnInfo { name: name.clone(), data_type: spark_type(data_type), kind, role }
    };
    let fields = schema.fields().iter().filter(|field| is_profiled(field.name()));
    fields.map(|field| info(field.name(), field.data_type())).collect()
}

/// Names of those that are profiled as numbers.
pub fn numeric(monitor: &Monitor, schema: &Schema) -> BTreeSet<String> {
    let columns = profiled(monitor, schema).into_iter();
    columns.filter(|column| column.kind == Kind::Numeric).map(|column| column.name).collect()
}

/// Whether `monitor` wants a column called `name` to be profiled, if there is one that is in no other place of the tables.
pub(super) fn is_wanted(monitor: &Monitor, name: &str) -> bool {
    let columns = &monitor.inference.columns;
    let is_in = |names: &Vec<String>| names.iter().any(|known| known == name);
    // What is told of requests is what these hold.
    let is_operational = || role(monitor, name).is_operational();
    !is_in(&columns.exclude) && (columns.include.as_ref().is_none_or(is_in) || is_operational())
}

/// What a column called `name` is to the model.
pub(super) fn role(monitor: &Monitor, name: &str) -> Role {
    let Inference { prediction, operations, .. } = &monitor.inference;
    let is = |column: Option<&String>| column.is_some_and(|column| column == name);
    let of_model = [
        (prediction.as_ref().map(|prediction| &prediction.column), Role::Prediction),
        (monitor.label().map(|label| &label.column), Role::Label),
        (operations.latency_col.as_ref(), Role::Latency),
        (operations.status_col.as_ref(), Role::Status),
    ];
    let scores = prediction.iter().flat_map(Prediction::proba_columns);
    let scores = scores.map(|column| (Some(column), Role::Score));
    let payloads = operations.payload_cols.iter().map(|column| (Some(column), Role::Payload));
    let role = of_model.into_iter().chain(scores).chain(payloads).find(|(column, _)| is(*column));
    role.map_or(Role::Feature, |(_, role)| role)
}

/// Whether the values of a column called `name` are names, whatever their type.
pub(super) fn is_by_name(monitor: &Monitor, name: &str) -> bool {
    let prediction = monitor.inference.prediction.as_ref();
    let classes = prediction.filter(|prediction| prediction.problem_type == ProblemType::Classification);
    let is_class = |prediction: &Prediction| {
        prediction.column == name || prediction.label.as_ref().is_some_and(|label| label.column == name)
    };
    let is_status = monitor.inference.operations.status_col.as_deref() == Some(name);
    is_status
        || classes.is_some_and(is_class)
        || monitor.inference.columns.categorical.iter().any(|known| known == name)
}

/// Names in `monitor` that mean no column of `schema`, where that does not keep the monitor from running: a
/// column may have gone from the table since. A column of the baseline alone can be excluded.
pub(super) fn unknown(monitor: &Monitor, schema: &Schema, baseline: Option<&Schema>) -> Vec<String> {
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let is_in_baseline = |name: &str| baseline.is_some_and(|schema| schema.field_with_name(name).is_ok());
    let excluded = monitor.inference.columns.exclude.iter();
    let excluded = excluded.filter(|name| !known.contains(&name.as_str()) && !is_in_baseline(name));
    let excluded = excluded.map(|name| {
        format!(
            "`columns.exclude` names `{name}`, which the table does not have: {}",
            suggest(name, known.iter().copied())
        )
    });
    let profiled = profiled(monitor, schema);
    let watchable: Vec<&str> = profiled.iter().map(|column| column.name.as_str()).chain([TABLE]).collect();
    let blind = monitor.rules.iter().flat_map(|rule| {
        let names = rule.columns.iter().flatten().filter(|name| !watchable.contains(&name.as_str()));
        names.map(|name| {
            let meant = suggest(name, watchable.iter().copied());
            format!(
                "rule `{}` watches `{name}`, which is not profiled, so it never fires: {meant}",
                rule.name
            )
        })
    });
    let idle = monitor.inference.columns.include.iter().flatten().filter(|name| {
        known.contains(&name.as_str()) && !profiled.iter().any(|column| column.name == **name)
    });
    let idle = idle.map(|name| {
        format!("`columns.include` names `{name}`, which has another role in the table and is not profiled: leave it out")
    });
    excluded.chain(idle).chain(blind).chain(unmet(monitor, &profiled)).collect()
}

/// What is known beforehand, and what columns weigh, of columns that are not there or are of another kind.
fn unmet(monitor: &Monitor, profiled: &[ColumnInfo]) -> Vec<String> {
    let find = |name: &String| profiled.iter().find(|column| column.name == *name);
    let meant = |name: &String| suggest(name, profiled.iter().map(|column| column.name.as_str()));
    let expected = monitor.expectations.iter().filter_map(|(name, expectation)| match (find(name), expectation) {
        (None, _) => {
            Some(format!("`expectations` names `{name}`, which is not profiled, so nothing comes of it: {}", meant(name)))
        }
        (Some(column), Expectation::Between(..)) if column.kind != Kind::Numeric => {
            Some(format!("`expectations` has bounds for `{name}`, which holds no numbers: `values` are for names"))
        }
        (Some(column), Expectation::Among(_)) if column.kind != Kind::Text => Some(format!(
            "`expectations` lists values of `{name}`, which holds no names: list it under `columns.categorical`, or give bounds"
        )),
        _ => None,
    });
    let weighed = monitor.importance.keys().filter(|name| find(name).is_none());
    let weighed = weighed.map(|name| {
        format!("`importance` names `{name}`, which is not profiled, so nothing comes of it: {}", meant(name))
    });
    expected.chain(weighed).collect()
}

/// How a column of this type is profiled, unless its role says otherwise.
pub(super) fn kind_of(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Dictionary(_, values) => kind_of(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => Kind::Text,
        data_type if is_time(data_type) => Kind::Time,
        data_type if data_type.is_numeric() => Kind::Numeric,
        _ => Kind::Opaque,
    }
}
