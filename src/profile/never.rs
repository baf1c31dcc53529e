//! Rules that can never fire, since what they watch has no such metric.
//!
//! A rule that never fires looks like one that is content, so it is told when tables are opened. Schemas in,
//! sentences out: it reads no rows, and does not keep the monitor from running.

use arrow::datatypes::Schema;

use super::{ColumnInfo, Kind, columns};
use crate::config::{Comparison, Condition, CustomMetric, Monitor, Proba, Rule};
use crate::contract::{MeasureOf, Quality, TABLE, measure_of, quality};
use crate::source::{is_by_class, is_time};

/// What there is to say about the rules of `monitor`, where the inference table with its labels has the columns of
/// `schema`, and the baseline, if there is one, those of `baseline`.
pub(super) fn findings(monitor: &Monitor, schema: &Schema, baseline: Option<&Schema>) -> Vec<String> {
    let profiled = columns::profiled(monitor, schema);
    let rules = monitor.rules.iter();
    rules
        .flat_map(|rule| {
            if let Some(custom) =
                monitor.custom_metrics.iter().find(|custom| custom.name == rule.metric.name())
            {
                return not_among_inputs(rule, custom);
            }
            let unlearned = baseline.and_then(|baseline| unlearned(rule, monitor, baseline));
            let incomparable = baseline.and_then(|baseline| incomparable(rule, monitor, baseline));
            let unranked = unranked(rule, monitor, schema);
            unmeasured(rule, &profiled)
                .into_iter()
                .chain(incomparable)
                .chain(unlearned)
                .chain(unranked)
                .collect()
        })
        .collect()
}

/// The columns of `rule` that do not have its metric, or that no column has it.
fn unmeasured(rule: &Rule, profiled: &[ColumnInfo]) -> Vec<String> {
    let (name, metric) = (&rule.name, rule.metric.name());
    let Some(watched) = &rule.columns else {
        let is_there = is_of_table(metric) || profiled.iter().any(|column| is_of(column, metric));
        let finding = || format!("rule `{name}` never fires: no column that is profiled has `{metric}`");
        return (!is_there).then(finding).into_iter().collect();
    };
    let table = watched.iter().filter(|watched| *watched == TABLE && !is_of_table(metric)).map(|_| {
        format!("rule `{name}` never fires on `{TABLE}`: `{metric}` is measured of columns, not of a table")
    });
    let columns = watched.iter().filter_map(|watched| {
        let column = profiled.iter().find(|column| column.name == *watched)?;
        let why = if quality(metric).is_some() || !is_of_any_column(metric) {
            format!("`{metric}` is measured of the table, `{TABLE}`, not of columns")
        } else {
            format!("{}, of which there is no `{metric}`", what(column))
        };
        (!is_of(column, metric)).then(|| format!("rule `{name}` never fires on `{watched}`: {why}"))
    });
    table.chain(columns).collect()
}

/// The columns of `rule` in whose rows the metric of one's own that it watches does not stand.
fn not_among_inputs(rule: &Rule, custom: &CustomMetric) -> Vec<String> {
    let watched = rule.columns.iter().flatten().filter(|watched| !custom.is_of(watched));
    let finding = |watched: &String| {
        let (name, metric) = (&rule.name, &custom.name);
        format!("rule `{name}` never fires on `{watched}`: it is none of the `input_columns` of `{metric}`")
    };
    watched.map(finding).collect()
}

/// That `rule` waits for what takes something that the baseline does not have.
fn incomparable(rule: &Rule, monitor: &Monitor, baseline: &Schema) -> Option<String> {
    let metric = rule.metric.name();
    let of = quality(metric).filter(|of| !of.is_of_labels_alone())?;
    let is_compared = matches!(rule.condition, Condition::ChangeFromBaseline(_))
        || rule.comparison == Some(Comparison::Baseline)
        || of.is_estimated();
    if !is_compared {
        return None;
    }
    let prediction = monitor.inference.prediction.as_ref()?;
    let needs_scores =
        matches!(of, Quality::Probabilities | Quality::ClassProbabilities | Quality::Estimates);
    let proba_cols = prediction.proba_columns().filter(|_| needs_scores);
    let proba_cols = proba_cols.map(|column| ("prediction_proba_col", Some(column)));
    let label_col = prediction.label.as_ref().map(|label| &label.column);
    let needed = [("label_col", label_col), ("prediction_col", Some(&prediction.column))];
    let (key, column) = needed.into_iter().chain(proba_cols).find_map(|(key, column)| {
        let column = column?;
        baseline.field_with_name(column).is_err().then_some((key, column))
    })?;
    let lacks = match of {
        Quality::Estimates | Quality::EstimatedErrors => format!("nothing to estimate `{metric}` by"),
        _ => format!("no `{metric}` to compare with"),
    };
    Some(format!(
        "rule `{}` never fires: the baseline has no `{column}`, the `{key}`, and so {lacks}",
        rule.name
    ))
}

/// That `rule` watches the order of classes, of which the model names one.
fn unranked(rule: &Rule, monitor: &Monitor, schema: &Schema) -> Option<String> {
    let metric = rule.metric.name();
    let Some(Proba::Column(column)) = &monitor.inference.prediction.as_ref()?.proba else { return None };
    let is_one = schema.field_with_name(column).is_ok_and(|field| !is_by_class(field.data_type()));
    (quality(metric) == Some(Quality::ClassProbabilities) && is_one).then(|| {
        format!(
            "rule `{}` never fires: `{metric}` takes probabilities of every class, and `{column}`, the \
             `prediction_proba_col`, is a number",
            rule.name
        )
    })
}

/// That `rule` learns from windows that the baseline does not have.
fn unlearned(rule: &Rule, monitor: &Monitor, baseline: &Schema) -> Option<String> {
    let column = &monitor.inference.timestamp_col;
    let has_windows = baseline.field_with_name(column).is_ok_and(|field| is_time(field.data_type()));
    let is_lost = matches!(rule.condition, Condition::Learned(_)) && !has_windows;
    is_lost.then(|| {
        format!(
            "rule `{}` never fires: the baseline has no times in a column `{column}`, the `timestamp_col`, and so no windows to \
             learn from",
            rule.name
        )
    })
}

/// Whether the rows of whole tables have `metric`.
fn is_of_table(metric: &str) -> bool {
    measure_of(metric).is_some_and(MeasureOf::is_of_tables)
}

/// Whether the rows of some column may have `metric`.
fn is_of_any_column(metric: &str) -> bool {
    measure_of(metric).is_some_and(MeasureOf::is_of_columns)
}

/// Whether the rows of `column` can have `metric`.
fn is_of(column: &ColumnInfo, metric: &str) -> bool {
    use Kind::{Numeric, Opaque, Text, Time};
    match measure_of(metric) {
        None | Some(MeasureOf::Table | MeasureOf::Requests | MeasureOf::Quality(_)) => false,
        Some(MeasureOf::Everything | MeasureOf::Columns) => true,
        Some(MeasureOf::Values) => column.kind != Opaque,
        Some(MeasureOf::Ordered) => matches!(column.kind, Numeric | Time),
        Some(MeasureOf::Bins) => matches!(column.kind, Numeric | Text),
        Some(MeasureOf::Numbers) => column.kind == Numeric,
        Some(MeasureOf::Names) => column.kind == Text,
        Some(MeasureOf::Lengths) => matches!(column.kind, Text | Opaque) && column.has_lengths(),
    }
}

fn what(column: &ColumnInfo) -> String {
    let kind = match column.kind {
        Kind::Numeric => "numbers",
        Kind::Time => "times",
        Kind::Text if column.is_text() => "texts",
        Kind::Text => "names",
        Kind::Opaque => "values that are only counted",
    };
    format!("it holds {kind} ({})", column.data_type)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::datatypes::{DataType, Field, TimeUnit};

    use super::*;
    use crate::config::{Settings, load};
    use crate::contract::{drift_metrics, profile_metrics};

    /// One column of each kind, and the label and the prediction.
    fn schema() -> Schema {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Schema::new(vec![
            Field::new("at", time.clone(), true),
            Field::new("amount", DataType::Float64, true),
            Field::new("region", DataType::Utf8, true),
            Field::new("postcode", DataType::Int64, true),
            Field::new("since", time, true),
            Field::new("tags", DataType::Binary, true),
            Field::new("p", DataType::Int64, true),
            Field::new("l", DataType::Int64, true),
        ])
    }

    fn findings(rules: &[&str], schema: &Schema, baseline: &Schema) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("churn.yaml");
        let rules: String = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| format!("  - {{ rule: r{index}, {rule} }}\n"))
            .collect();
        let text = format!(
            "\
monitor: churn
inference:
  table: t
  timestamp_col: at
  prediction_col: p
  label_col: l
  problem_type: classification
  columns: {{ categorical: [postcode] }}
baseline: {{ table: b }}
output: {{ uri: o }}
alerts:
{rules}"
        );
        std::fs::write(&file, text).unwrap();
        super::findings(&load(&file, &Settings::default()).unwrap(), schema, Some(baseline)).join("\n")
    }

    #[test]
    fn a_rule_that_cannot_fire_is_told() {
        let rules = [
            "metric: avg, above: 1, columns: [amount, region, postcode, since, tags, ':table', gone]",
            "metric: chi_squared_test.statistic, above: 1, columns: [amount, region]",
            "metric: max_length, above: 1, columns: [postcode, region]",
            "metric: accuracy_score, below: 1, columns: [amount, ':table']",
            "metric: non_null_columns_delta.missing, above: 0, columns: [amount]",
            "metric: max, above: 1",
            "metric: accuracy_score, change_from_baseline: { below: -5% }",
            "metric: percent_labelled, change_from_baseline: { below: -5 }",
            "metric: population_stability_index, above: learned",
        ];
        insta::assert_snapshot!(findings(&rules, &schema(), &schema()), @r"
        rule `r0` never fires on `:table`: `avg` is measured of columns, not of a table
        rule `r0` never fires on `region`: it holds texts (string), of which there is no `avg`
        rule `r0` never fires on `postcode`: it holds names (bigint), of which there is no `avg`
        rule `r0` never fires on `since`: it holds times (timestamp), of which there is no `avg`
        rule `r0` never fires on `tags`: it holds values that are only counted (binary), of which there is no `avg`
        rule `r1` never fires on `amount`: it holds numbers (double), of which there is no `chi_squared_test.statistic`
        rule `r2` never fires on `postcode`: it holds names (bigint), of which there is no `max_length`
        rule `r3` never fires on `amount`: `accuracy_score` is measured of the table, `:table`, not of columns
        rule `r4` never fires on `amount`: `non_null_columns_delta.missing` is measured of the table, `:table`, not of columns
        ");
        let only_texts = Schema::new(vec![Field::new("region", DataType::Utf8, true)]);
        let rules = [
            "metric: avg, above: 1",
            "metric: accuracy_score, change_from_baseline: { below: -5% }",
            "metric: percent_labelled, change_from_baseline: { below: -5 }",
            "metric: population_stability_index, above: learned",
        ];
        insta::assert_snapshot!(findings(&rules, &only_texts, &only_texts), @r"
        rule `r0` never fires: no column that is profiled has `avg`
        rule `r1` never fires: the baseline has no `l`, the `label_col`, and so no `accuracy_score` to compare with
        rule `r3` never fires: the baseline has no times in a column `at`, the `timestamp_col`, and so no windows to learn from
        ");
    }

    /// Every number that a rule can watch is of something.
    #[test]
    fn every_metric_has_a_place() {
        let metrics = profile_metrics::TABLE.metrics().chain(drift_metrics::TABLE.metrics());
        for metric in metrics {
            assert!(is_of_table(&metric) || is_of_any_column(&metric), "{metric}");
        }
    }
}
