//! Custom metrics: their names, rows, types and templates.
//!
//! That a definition is SQL, and what it may refer to, is proven by `profile::custom`: it takes the engine, and for
//! an aggregate the columns of the tables.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Notes;
use super::definition::{Unfilled, Variables, filled};
use crate::config::monitor::{CustomInput, CustomMetric};
use crate::config::spec::{CustomMetricSpec, CustomMetricType, InferenceSpec, MonitorSpec};
use crate::contract::{TABLE, Type, drift_metrics, profile_metrics};

/// What a type of a metric may be called.
const TYPES: &str = "one of `double`, `int`, `bigint`, `string`, `boolean`, `timestamp` and `date`, or a Spark \
                     StructField of such a type in JSON";

/// The metrics of `spec`, in the order of the file.
pub fn custom_metrics(spec: &MonitorSpec, notes: &mut Notes<'_>) -> Vec<CustomMetric> {
    let typed = spec.custom_metrics.iter().enumerate();
    typed.filter_map(|(index, metric)| custom_metric(metric, index, spec, notes)).collect()
}

fn custom_metric(
    metric: &CustomMetricSpec,
    index: usize,
    spec: &MonitorSpec,
    notes: &mut Notes<'_>,
) -> Option<CustomMetric> {
    let at = |key: &str| format!("/custom_metrics/{index}/{key}");
    let has_name = name_can_be_a_column(&metric.name, &at("name"), notes)
        && name_is_free(&metric.name, index, spec, &at("name"), notes);
    let columns = input_columns(&metric.input_columns, &at("input_columns"), notes);
    let output = output_type(metric.output_data_type.as_deref(), &at("output_data_type"), notes);
    let inputs = inputs(metric, &columns?, spec, &at("definition"), notes);
    Some(CustomMetric {
        kind: metric.kind,
        name: has_name.then(|| metric.name.clone())?,
        definition: metric.definition.trim().to_owned(),
        inputs: inputs?,
        output: output?,
    })
}

fn name_can_be_a_column(name: &str, pointer: &str, notes: &mut Notes<'_>) -> bool {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_identifier = begins_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_identifier {
        notes.problem(
            pointer,
            format!("is `{name}`, which cannot name a column"),
            "letters, digits and `_`, not beginning with a digit",
        );
    }
    is_identifier
}

/// Names are told apart without their case, as Delta does; and over both tables, since a rule names a metric alone.
fn name_is_free(name: &str, index: usize, spec: &MonitorSpec, pointer: &str, notes: &mut Notes<'_>) -> bool {
    let is_name = |other: &str| name.eq_ignore_ascii_case(other);
    let contract = [profile_metrics::TABLE, drift_metrics::TABLE];
    let mut built_in = contract.iter().flat_map(|table| table.columns().map(|column| column.name));
    let mut earlier = spec.custom_metrics.iter().take(index);
    let whose = if built_in.any(is_name) {
        "a column that the metric tables have already"
    } else if spec.inference.model_id_col.as_deref().is_some_and(is_name) {
        "the `model_id_col`, which is a column of the metric tables already"
    } else if earlier.any(|other| is_name(&other.name)) {
        "the name of another custom metric"
    } else {
        return true;
    };
    notes.problem(pointer, format!("is `{name}`, {whose}"), "give it another name");
    false
}

/// The rows in which it stands, if they are named well.
fn input_columns(typed: &[String], pointer: &str, notes: &mut Notes<'_>) -> Option<Vec<String>> {
    let different: BTreeSet<&String> = typed.iter().collect();
    let (message, hint) = if typed.is_empty() {
        (
            "is empty, so the metric would stand nowhere",
            "name columns, or `[\":table\"]` for the row of the table",
        )
    } else if different.len() < typed.len() {
        ("names a column twice", "each column once")
    } else if typed.len() > 1 && typed.iter().any(|name| name == TABLE) {
        (
            "names columns beside `:table`",
            "`[\":table\"]` alone for one value of the whole table, or columns for one value of each",
        )
    } else {
        return Some(typed.to_vec());
    };
    notes.problem(pointer, message, hint);
    None
}

/// The type of its column.
fn output_type(typed: Option<&str>, pointer: &str, notes: &mut Notes<'_>) -> Option<Type> {
    let Some(typed) = typed else { return Some(Type::Double) };
    let known = spark_name(typed).and_then(|name| type_of(&name));
    if known.is_none() {
        notes.problem(pointer, format!("is `{typed}`, which no column of a metric can be"), TYPES);
    }
    known
}

/// The Spark type in `typed`: its name, or what a StructField or a StructType of one field has.
fn spark_name(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if !typed.starts_with(['{', '"']) {
        return Some(typed.to_lowercase());
    }
    let mut value: Value = serde_json::from_str(typed).ok()?;
    loop {
        value = match value {
            Value::String(name) => return Some(name.to_lowercase()),
            Value::Object(mut map) => match map.remove("fields") {
                Some(Value::Array(mut fields)) if fields.len() == 1 => fields.pop()?,
                Some(_) => return None,
                None => map.remove("type")?,
            },
            _ => return None,
        };
    }
}

fn type_of(name: &str) -> Option<Type> {
    let (bare, _) = name.split_once('(').unwrap_or((name, ""));
    Some(match bare {
        "double" | "float" | "real" | "decimal" => Type::Double,
        "int" | "integer" | "short" | "smallint" | "byte" | "tinyint" => Type::Int,
        "long" | "bigint" => Type::Long,
        "string" => Type::Text,
        "boolean" => Type::Bool,
        "timestamp" => Type::Timestamp,
        "date" => Type::Date,
        _ => return None,
    })
}

/// The SQL of each of `columns`.
fn inputs(
    metric: &CustomMetricSpec,
    columns: &[String],
    spec: &MonitorSpec,
    pointer: &str,
    notes: &mut Notes<'_>,
) -> Option<Vec<CustomInput>> {
    let mut inputs = Vec::new();
    for column in columns {
        match filled(metric.definition.trim(), &variables(metric.kind, column, &spec.inference)) {
            Ok(sql) => inputs.push(CustomInput { column: column.clone(), sql }),
            Err(unfilled) => {
                note(unfilled, pointer, notes);
                return None;
            }
        }
    }
    Some(inputs)
}

fn note(unfilled: Unfilled, pointer: &str, notes: &mut Notes<'_>) {
    match unfilled {
        Unfilled::Wrong { problem, hint } => notes.problem(pointer, problem, hint),
        Unfilled::Lacks(INPUT_COLUMN) => notes.problem(
            pointer,
            format!("names `{{{{{INPUT_COLUMN}}}}}`, but the metric is of the whole table"),
            "list columns as `input_columns`, or name the column in the definition",
        ),
        Unfilled::Lacks(variable) => notes.lacks(
            pointer,
            &[&format!("/inference/{variable}")],
            format!("names `{{{{{variable}}}}}`, but there is no `{variable}`"),
            format!("add `{variable}` under `inference`"),
        ),
    }
}

const INPUT_COLUMN: &str = "input_column";

/// What the definition of such a metric may name, in the row of `column`.
fn variables<'a>(kind: CustomMetricType, column: &'a str, inference: &'a InferenceSpec) -> Variables<'a> {
    match kind {
        CustomMetricType::Aggregate => Variables::from([
            (INPUT_COLUMN, (column != TABLE).then_some(column)),
            ("prediction_col", inference.prediction_col.as_deref()),
            ("label_col", inference.label_col.as_deref()),
            ("timestamp_col", Some(inference.timestamp_col.as_str())),
            ("model_id_col", inference.model_id_col.as_deref()),
        ]),
        CustomMetricType::Derived => Variables::new(),
        CustomMetricType::Drift => {
            Variables::from([("current_df", Some("current_df")), ("base_df", Some("base_df"))])
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{GOOD, good_monitor, problems};
    use crate::config::{CustomMetric, Metric};
    use crate::contract::Type;

    fn text(metrics: &[&str]) -> String {
        let metrics: Vec<String> = metrics.iter().map(|metric| format!("  - {{ {metric} }}\n")).collect();
        format!("{GOOD}custom_metrics:\n{}", metrics.concat())
    }

    fn good(metrics: &[&str]) -> Vec<CustomMetric> {
        good_monitor(&text(metrics)).custom_metrics
    }

    #[test]
    fn a_definition_of_databricks_can_be_pasted() {
        let pasted = r#"
custom_metrics:
  - type: CUSTOM_METRIC_TYPE_AGGREGATE
    name: squared_avg
    input_columns: [f1, f2]
    definition: "avg(`{{input_column}}`*`{{input_column}}`)"
    output_data_type: '{"metadata":{},"name":"output","nullable":true,"type":"double"}'
  - type: DATA_PROFILING_CUSTOM_METRIC_TYPE_DRIFT
    name: squared_avg_delta
    input_columns: [f1]
    definition: "{{current_df}}.squared_avg - {{base_df}}.squared_avg"
    output_data_type: double
"#;
        let metrics = good_monitor(&format!("{GOOD}{pasted}")).custom_metrics;
        let sql: Vec<&str> =
            metrics.iter().flat_map(|metric| &metric.inputs).map(|input| input.sql.as_str()).collect();
        assert_eq!(
            sql,
            [r#"avg("f1"*"f1")"#, r#"avg("f2"*"f2")"#, r#""current_df".squared_avg - "base_df".squared_avg"#]
        );
        assert!(metrics.iter().all(|metric| metric.output == Type::Double));
    }

    #[test]
    fn types_have_short_and_long_names() {
        let check = |typed: &str, expected: Type| {
            let metric = format!(
                "type: aggregate, name: x, input_columns: [':table'], definition: count(1), output_data_type: {typed}"
            );
            assert_eq!(good(&[&metric])[0].output, expected, "{typed}");
        };
        check("double", Type::Double);
        check("'decimal(10,2)'", Type::Double);
        check("LONG", Type::Long);
        check("integer", Type::Int);
        check(r#"'{"name":"output","type":"string"}'"#, Type::Text);
        check(
            r#"'{"type":"struct","fields":[{"name":"output","type":"boolean","nullable":true}]}'"#,
            Type::Bool,
        );
        check(r#"'"timestamp"'"#, Type::Timestamp);
        check("date", Type::Date);
    }

    #[test]
    fn a_rule_watches_numbers() {
        let metric = "type: aggregate, name: who, input_columns: [':table'], definition: max(name)";
        let rule = "alerts: [{ rule: a, metric: who, above: 1 }]\n";
        let watched =
            |output: &str| format!("{}{rule}", text(&[&format!("{metric}, output_data_type: {output}")]));
        assert_eq!(good_monitor(&watched("bigint")).rules[0].metric, Metric::Profile("who".to_owned()));
        assert_snapshot!(problems(&watched("string")), @r"
        churn.yaml:7:29: `alerts[0].metric` is `who`, a custom metric that is no number
          hint: give it the `output_data_type` `double`, `int` or `bigint`
        ");
    }

    #[test]
    fn what_is_wrong_with_a_metric_is_said() {
        let table = "input_columns: [':table']";
        let said = |metrics: &[&str]| problems(&text(metrics));
        let one = |metric: &str| said(&[metric]);
        let pages = [
            one(&format!("type: ratio, name: x, {table}, definition: count(1)")),
            one(&format!("type: aggregate, name: 'a b', {table}, definition: count(1)")),
            one(&format!("type: aggregate, name: PERCENT_NULL, {table}, definition: count(1)")),
            one(&format!("type: drift, name: avg, {table}, definition: '1'")),
            one(&format!("type: aggregate, name: Version, {table}, definition: count(1)")),
            said(&[
                &format!("type: aggregate, name: total, {table}, definition: count(1)"),
                &format!("type: drift, name: Total, {table}, definition: '1'"),
            ]),
            one("type: aggregate, name: x, input_columns: [], definition: count(1)"),
            one("type: aggregate, name: x, input_columns: [a, a], definition: count(1)"),
            one("type: aggregate, name: x, input_columns: [':table', a], definition: count(1)"),
            one(&format!("type: aggregate, name: x, {table}, definition: 'avg({{{{input_column}}}})'")),
            one(&format!("type: aggregate, name: x, {table}, definition: 'avg({{{{label_col}}}})'")),
            one(&format!("type: aggregate, name: x, {table}, definition: 'avg({{{{lable_col}}}})'")),
            one(&format!("type: aggregate, name: x, {table}, definition: 'avg({{{{base_df}}}}.x)'")),
            one(&format!("type: derived, name: x, {table}, definition: 'sqrt({{{{input_column}}}})'")),
            one(&format!("type: drift, name: x, {table}, definition: '{{{{current_df.x}}}}'")),
            one(&format!("type: drift, name: x, {table}, definition: '{{{{current_df}}.x'")),
            one(&format!(
                "type: aggregate, name: x, {table}, definition: count(1), output_data_type: array<double>"
            )),
            one(&format!(
                "type: aggregate, name: x, {table}, definition: count(1), output_data_type: '{{\"type\":'"
            )),
        ];
        assert_snapshot!(pages.join("\n"), @r#"
        churn.yaml:6:13: `custom_metrics[0].type` is `ratio`, but must be one of `aggregate`, `derived`, `drift`, `CUSTOM_METRIC_TYPE_AGGREGATE`, `CUSTOM_METRIC_TYPE_DERIVED`, `CUSTOM_METRIC_TYPE_DRIFT`, `DATA_PROFILING_CUSTOM_METRIC_TYPE_AGGREGATE`, `DATA_PROFILING_CUSTOM_METRIC_TYPE_DERIVED`, `DATA_PROFILING_CUSTOM_METRIC_TYPE_DRIFT`
        churn.yaml:6:30: `custom_metrics[0].name` is `a b`, which cannot name a column
          hint: letters, digits and `_`, not beginning with a digit
        churn.yaml:6:30: `custom_metrics[0].name` is `PERCENT_NULL`, a column that the metric tables have already
          hint: give it another name
        churn.yaml:6:26: `custom_metrics[0].name` is `avg`, a column that the metric tables have already
          hint: give it another name
        churn.yaml:6:30: `custom_metrics[0].name` is `Version`, the `model_id_col`, which is a column of the metric tables already
          hint: give it another name
        churn.yaml:7:26: `custom_metrics[1].name` is `Total`, the name of another custom metric
          hint: give it another name
        churn.yaml:6:48: `custom_metrics[0].input_columns` is empty, so the metric would stand nowhere
          hint: name columns, or `[":table"]` for the row of the table
        churn.yaml:6:48: `custom_metrics[0].input_columns` names a column twice
          hint: each column once
        churn.yaml:6:48: `custom_metrics[0].input_columns` names columns beside `:table`
          hint: `[":table"]` alone for one value of the whole table, or columns for one value of each
        churn.yaml:6:72: `custom_metrics[0].definition` names `{{input_column}}`, but the metric is of the whole table
          hint: list columns as `input_columns`, or name the column in the definition
        churn.yaml:6:72: `custom_metrics[0].definition` names `{{label_col}}`, but there is no `label_col`
          hint: add `label_col` under `inference`
        churn.yaml:6:72: `custom_metrics[0].definition` names `{{lable_col}}`, which is no variable of such a metric
          hint: did you mean `label_col`?
        churn.yaml:6:72: `custom_metrics[0].definition` names `{{base_df}}`, which is no variable of such a metric
          hint: one of `input_column`, `label_col`, `model_id_col`, `prediction_col`, `timestamp_col`
        churn.yaml:6:70: `custom_metrics[0].definition` names `{{input_column}}`, but a derived metric has no variables
          hint: name other metrics as they are, such as `sqrt(squared_error)`
        churn.yaml:6:68: `custom_metrics[0].definition` cannot be filled in: `current_df.x` is undefined
          hint: a variable stands alone in its braces, as in `{{current_df}}.avg`
        churn.yaml:6:68: `custom_metrics[0].definition` is no template: unexpected `}`, expected end of variable block
          hint: a variable is written as `{{input_column}}`
        churn.yaml:6:100: `custom_metrics[0].output_data_type` is `array<double>`, which no column of a metric can be
          hint: one of `double`, `int`, `bigint`, `string`, `boolean`, `timestamp` and `date`, or a Spark StructField of such a type in JSON
        churn.yaml:6:100: `custom_metrics[0].output_data_type` is `{"type":`, which no column of a metric can be
          hint: one of `double`, `int`, `bigint`, `string`, `boolean`, `timestamp` and `date`, or a Spark StructField of such a type in JSON
        "#);
    }
}
