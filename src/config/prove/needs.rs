//! What a metric takes that a monitor may not say: a rule on it would never fire, and so look like a rule that is content.

use super::Notes;
use crate::config::spec::{Comparison, ExpectationSpec, MonitorSpec, RuleSpec};
use crate::contract::{MeasureOf, measure_of};

/// Metrics of whole windows against the baseline.
const OF_BASELINE: [&str; 5] =
    ["columns_added", "columns_lost", "columns_retyped", "reconstruction_error", "reconstruction_error_cmp"];

/// Metrics of features together, which are looked at where there is a baseline to measure them by.
const OF_FEATURES: [&str; 4] =
    ["correlation_change", "correlation_current", "correlation_cmp", "columns_together"];

/// Metrics that slices do not have.
const OF_WHOLES: [&str; 7] = [
    "percent_duplicate_requests",
    "reconstruction_error",
    "reconstruction_error_cmp",
    "correlation_change",
    "correlation_current",
    "correlation_cmp",
    "columns_together",
];

/// Checks that a monitor gives `rule`, which stands at `pointer`, what its metric needs. `comparison` is that of a drift metric.
pub fn are_there(
    rule: &RuleSpec,
    comparison: Option<Comparison>,
    monitor: &MonitorSpec,
    pointer: &str,
    notes: &mut Notes<'_>,
) {
    let metric = rule.metric.as_str();
    let column = metric.split_once('.').map_or(metric, |(column, _)| column);
    let at = |key: &str| format!("{pointer}/{key}");
    let inference = &monitor.inference;
    for (of, key, is_there) in [
        ("latency", "latency_col", inference.latency_col.is_some()),
        ("percent_errors", "status_col", inference.status_col.is_some()),
        ("payload_size", "payload_cols", !inference.payload_cols.is_empty()),
        ("label_delay_seconds", "label_timestamp_col", inference.label_timestamp_col.is_some()),
        ("percent_duplicate_requests", "request_id_col", inference.request_id_col.is_some()),
    ] {
        if column == of && !is_there {
            notes.lacks(
                &at("metric"),
                &[&format!("/inference/{key}")],
                format!("is `{metric}`, which needs `{key}`, so the rule would never fire"),
                format!("add `{key}` under `inference`"),
            );
        }
    }
    let needs_baseline = OF_BASELINE.contains(&column) || OF_FEATURES.contains(&column);
    if needs_baseline && monitor.baseline.is_none() {
        notes.lacks(
            &at("metric"),
            &["/baseline"],
            format!("is `{metric}`, which needs a `baseline`, so the rule would never fire"),
            "add `baseline: { table: … }`",
        );
    }
    let is_against_baseline = comparison == Some(Comparison::Baseline);
    if OF_BASELINE.contains(&column) && comparison.is_some() && !is_against_baseline {
        notes.problem(
            &at("comparison"),
            format!("is not `BASELINE`, with which alone there is a `{metric}`"),
            "leave it out",
        );
    }
    if column == "row_count_ratio" && is_against_baseline {
        let hint = "`CONSECUTIVE`, or one of those that stand under `comparisons`";
        notes.problem(
            &at("comparison"),
            "is `BASELINE`, against which there is no `row_count_ratio`: a baseline is as long as it is",
            hint,
        );
    }
    if OF_WHOLES.contains(&column) && rule.slices.is_some() {
        let message = format!("has no meaning for `{metric}`, which is of whole windows");
        notes.problem(&at("slices"), message, "leave it out");
    }
    expected_is_there(rule, monitor, pointer, notes);
    if rule.change_from_baseline.is_some() && measure_of(metric).is_some_and(MeasureOf::is_of_a_log) {
        notes.problem(
            &at("change_from_baseline"),
            format!("has no meaning for `{metric}`: a baseline is no log of requests"),
            "`above`, `below` or `outside`",
        );
    }
}

/// Of what is expected of some column that the rule watches.
fn expected_is_there(rule: &RuleSpec, monitor: &MonitorSpec, pointer: &str, notes: &mut Notes<'_>) {
    let (has, example): (fn(&ExpectationSpec) -> bool, _) = match rule.metric.as_str() {
        "percent_out_of_bounds" => (|spec| spec.values.is_none(), "{ min: 0 }"),
        "percent_unlisted" => (|spec| spec.values.is_some(), "{ values: [a, b] }"),
        _ => return,
    };
    let is_watched = |column: &String| rule.columns.as_ref().is_none_or(|columns| columns.contains(column));
    if !monitor.expectations.iter().any(|(column, spec)| has(spec) && is_watched(column)) {
        let column = rule.columns.iter().flatten().next().map_or("column", String::as_str);
        notes.lacks(
            &format!("{pointer}/metric"),
            &["/expectations"],
            format!(
                "is `{}`, but nothing of the kind is expected of the columns that the rule watches",
                rule.metric
            ),
            format!("say what is: `expectations: {{ {column}: {example} }}`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{GOOD, good_monitor, problems};

    #[test]
    fn a_rule_that_lacks_what_it_needs_is_refused() {
        let rules = [
            "metric: latency.p95, above: 1",
            "metric: percent_duplicate_requests, above: 1",
            "metric: percent_out_of_bounds, above: 1, columns: [age]",
            "metric: columns_lost, above: 0, comparison: CONSECUTIVE",
            "metric: row_count_ratio, below: 0.5, comparison: BASELINE",
            "metric: correlation_change, above: 0.5, slices: [region]",
        ];
        let rules: String = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| format!("  - {{ rule: r{index}, {rule} }}\n"))
            .collect();
        assert_snapshot!(problems(&format!("{GOOD}slicing_exprs: [region]\nalerts:\n{rules}")), @r"
        churn.yaml:7:25: `alerts[0].metric` is `latency.p95`, which needs `latency_col`, so the rule would never fire
          hint: add `latency_col` under `inference`
        churn.yaml:8:25: `alerts[1].metric` is `percent_duplicate_requests`, which needs `request_id_col`, so the rule would never fire
          hint: add `request_id_col` under `inference`
        churn.yaml:9:25: `alerts[2].metric` is `percent_out_of_bounds`, but nothing of the kind is expected of the columns that the rule watches
          hint: say what is: `expectations: { age: { min: 0 } }`
        churn.yaml:10:61: `alerts[3].comparison` is not `BASELINE`, with which alone there is a `columns_lost`
          hint: leave it out
        churn.yaml:11:66: `alerts[4].comparison` is `BASELINE`, against which there is no `row_count_ratio`: a baseline is as long as it is
          hint: `CONSECUTIVE`, or one of those that stand under `comparisons`
        churn.yaml:12:65: `alerts[5].slices` has no meaning for `correlation_change`, which is of whole windows
          hint: leave it out
        ");
        let ratio = "alerts: [{ rule: volume, metric: row_count_ratio, below: 0.5 }]\n";
        let against = good_monitor(&format!("{GOOD}{ratio}")).rules[0].comparison;
        assert_eq!(against, Some(crate::config::Comparison::Consecutive));
    }
}
