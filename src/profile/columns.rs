//! Which columns of a table are profiled, and how each is.

use arrow::datatypes::{DataType, Schema};

use super::{ColumnInfo, Kind};
use crate::config::{Monitor, ProblemType, suggest};
use crate::contract::TABLE;
use crate::source::{is_time, spark_type};

/// The columns of `schema` that `monitor` profiles, in the order of the table.
pub fn profiled(monitor: &Monitor, schema: &Schema) -> Vec<ColumnInfo> {
    let inference = &monitor.inference;
    let skipped =
        [Some(&inference.timestamp_col), inference.model_id_col.as_ref(), inference.request_id_col.as_ref()];
    let prediction = inference.prediction.as_ref();
    let label = prediction.and_then(|prediction| Some(&prediction.label.as_ref()?.column));
    // Classes are names, whatever their type.
    let classes: Vec<&String> = match prediction {
        Some(prediction) if prediction.problem_type == ProblemType::Classification => {
            std::iter::once(&prediction.column).chain(label).collect()
        }
        _ => Vec::new(),
    };
    let is_profiled = |name: &String| {
        !skipped.contains(&Some(name))
            && !inference.columns.exclude.contains(name)
            && inference.columns.include.as_ref().is_none_or(|wanted| wanted.contains(name))
    };
    let info = |name: &String, data_type: &DataType| {
        let by_value = inference.columns.categorical.contains(name) || classes.contains(&name);
        let kind = match kind_of(data_type) {
            Kind::Opaque => Kind::Opaque,
            _ if by_value => Kind::Text,
            kind => kind,
        };
        ColumnInfo {
            name: name.clone(),
            data_type: spark_type(data_type),
            kind,
            is_label: label == Some(name),
        }
    };
    let fields = schema.fields().iter().filter(|field| is_profiled(field.name()));
    fields.map(|field| info(field.name(), field.data_type())).collect()
}

/// Names in `monitor` that mean no column of `schema`, where that does not keep the monitor from running: a
/// column may have gone from the table since.
pub fn unknown(monitor: &Monitor, schema: &Schema) -> Vec<String> {
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let excluded = monitor.inference.columns.exclude.iter().filter(|name| !known.contains(&name.as_str()));
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
    excluded.chain(blind).collect()
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
