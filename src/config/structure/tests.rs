#![allow(clippy::unwrap_used)]
use insta::assert_snapshot;

use super::*;
use crate::config::given::{problems, problems_of_rule, problems_with};
use crate::config::settings_spec::SettingsSpec;
use crate::config::spec::MonitorSpec;

#[test]
fn the_schemas_compile() {
    for schema in [schema_of::<MonitorSpec>(), schema_of::<SettingsSpec>()] {
        assert!(jsonschema::meta::is_valid(schema.as_value()));
        assert!(jsonschema::draft202012::new(schema.as_value()).is_ok());
    }
}

#[test]
fn unknown_keys_are_named_with_what_was_probably_meant() {
    assert_snapshot!(problems_with("granularites: [1 day]\n"), @r"
    churn.yaml:5:1: `granularites` is not a known key
      hint: did you mean `granularities`?
    ");
    assert_snapshot!(problems_with("colour: red\n"), @r"
    churn.yaml:5:1: `colour` is not a known key
      hint: known here: monitor, owner, runbook, labels, inference, baseline, registry, granularities, timezone, lateness, slicing_exprs, comparisons, quantiles, custom_metrics, expectations, importance, alerts, notify, schedule, output
    ");
    assert_snapshot!(problems_of_rule("    abvoe: 0.2\n"), @r"
    churn.yaml:8:5: `alerts[0].abvoe` is not a known key
      hint: did you mean `above`?
    ");
    assert_snapshot!(problems("monitor: churn\ninference: { table: requests, timestamp_column: at }\n"), @r"
    churn.yaml:2:12: `inference.timestamp_col` is missing
      hint: When the row happened: a timestamp or date column. A timestamp without a zone is read in the monitor's zone
    churn.yaml:2:31: `inference.timestamp_column` is not a known key
      hint: did you mean `timestamp_col`?
    ");
}

#[test]
fn wrong_types_say_what_would_be_right() {
    assert_snapshot!(
        problems("monitor: 7\ninference: [a]\ngranularities: 1 day\nquantiles: ten\noutput: here\nschedule: '15 * * * *'\n"),
        @r#"
        churn.yaml:1:10: `monitor` is `7`, but must be a text
          hint: if it is a text, put it in quotes: "7"
        churn.yaml:2:12: `inference` is a list, but must be a map
          hint: known here: table, timestamp_col, model_id_col, prediction_col, prediction_proba_col, prediction_proba_cols, label_col, label_table, label_timestamp_col, request_id_col, problem_type, positive_class, latency_col, status_col, payload_cols, columns
        churn.yaml:3:16: `granularities` is `1 day`, but must be a list
          hint: `[1 day]` is a list of one
        churn.yaml:4:12: `quantiles` is `ten`, but must be a whole number
          hint: Number of points in `quantiles`, evenly spaced from 0 to 1. Default: 100
        churn.yaml:5:9: `output` is `here`, but must be a map
          hint: known here: uri
        churn.yaml:6:11: `schedule` is `15 * * * *`, but must be a map
          hint: known here: cron
        "#
    );
    assert_snapshot!(
        problems_of_rule("    above: high\n    severity: criticl\n    provisional: yes please\n    min_count: -3\n    outside: [1]\n"),
        @r"
        churn.yaml:8:12: `alerts[0].above` is `high`, but must be a number
          hint: A number, or `learned`
        churn.yaml:9:15: `alerts[0].severity` is `criticl`, but must be one of `info`, `warning`, `critical`
          hint: did you mean `critical`?
        churn.yaml:10:18: `alerts[0].provisional` is `yes please`, but must be true or false
          hint: Also look at windows that may still receive rows. Default: `false`
        churn.yaml:11:16: `alerts[0].min_count` is `-3`, but must be at least 0
          hint: Values that a window, and what it is compared with, must have for the rule to look at it. Default: 1
        churn.yaml:12:14: `alerts[0].outside` is a list of 1, but must be a list of 2
          hint: In the metric's own unit
        "
    );
    assert_snapshot!(
        problems_of_rule("    comparison: baseline\n    model_versions: [7, true]\n    change_from_baseline: { below: [1] }\n"),
        @r#"
        churn.yaml:8:17: `alerts[0].comparison` is `baseline`, but must be one of `CONSECUTIVE`, `BASELINE`, `SEASONAL`, `ROLLING`, `VERSION`
          hint: did you mean `BASELINE`?
        churn.yaml:9:22: `alerts[0].model_versions[0]` is `7`, but must be a text
          hint: if it is a text, put it in quotes: "7"
        churn.yaml:9:25: `alerts[0].model_versions[1]` is `true`, but must be a text
          hint: if it is a text, put it in quotes: "true"
        churn.yaml:10:36: `alerts[0].change_from_baseline.below` is a list, but must be a number or a text
          hint: A number, or a text such as `-5%`
        "#
    );
    assert_snapshot!(problems_with("quantiles: 100000\nalerts: { rule: drift }\nlabels: { team: 7 }\n"), @r#"
    churn.yaml:5:12: `quantiles` is `100000`, but must be at most 10000
      hint: Number of points in `quantiles`, evenly spaced from 0 to 1. Default: 100
    churn.yaml:6:9: `alerts` is a map, but must be a list
      hint: begin each entry with `- `
    churn.yaml:7:17: `labels.team` is `7`, but must be a text
      hint: if it is a text, put it in quotes: "7"
    "#);
    assert_snapshot!(problems("just a text\n"), @r"
    churn.yaml:1:1: is `just a text`, but must be a map
      hint: known here: monitor, owner, runbook, labels, inference, baseline, registry, granularities, timezone, lateness, slicing_exprs, comparisons, quantiles, custom_metrics, expectations, importance, alerts, notify, schedule, output
    ");
}
