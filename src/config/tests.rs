#![allow(clippy::unwrap_used)]
use insta::assert_snapshot;
use url::Url;

use super::given::{GOOD, problems};
use super::*;

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    assert_snapshot!(
        problems(
            "\
monitor: churn
owmer: me
inference:
  table: requests
  timestamp_col: 5
alerts:
  - rule: drift
    metric: avg
    above: lots
notify:
  - webhook: { ulr: https://hooks.example.com/ }
"
        ),
        @r#"
        churn.yaml:2:1: `owmer` is not a known key
          hint: did you mean `owner`?
        churn.yaml:5:18: `inference.timestamp_col` is `5`, but must be a text
          hint: if it is a text, put it in quotes: "5"
        churn.yaml:9:12: `alerts[0].above` is `lots`, but must be a number
          hint: A number, or `learned`
        churn.yaml:11:14: `notify[0].webhook.url` is missing
          hint: `https://` address; `http://` only to this machine
        churn.yaml:11:16: `notify[0].webhook.ulr` is not a known key
          hint: did you mean `url`?
        "#
    );
    assert_snapshot!(
        problems(
            "\
output: { uri: gs://lake/metrics }
timezone: Berlin
monitor: churn 7
inference: { table: 's3://', timestamp_col: at, label_table: labels, model_id_col: window }
granularities: [1 day, 2 hours]
alerts:
  - { rule: a, metric: avg, above: 1, comparison: BASELINE }
  - { rule: a, metric: js_distance, outside: [2, 1], granularity: 1 hour, slices: [region], for: 3 of 2 }
  - { rule: b, metric: avg, change_from_baseline: { above: much } }
lateness: soon
"
        ),
        @r"
        churn.yaml:1:16: `output.uri` has the scheme `gs`, which this build cannot read
          hint: s3://bucket/folder, file:///folder, or a path relative to this file
        churn.yaml:2:11: `timezone` is `Berlin`, which is not a time zone
          hint: did you mean `Europe/Berlin`?
        churn.yaml:3:10: `monitor` is `churn 7`, which cannot name tables
          hint: letters, digits, `-` and `_`, beginning with a letter
        churn.yaml:4:21: `inference.table` is `s3://`, which names no bucket
          hint: s3://bucket/folder
        churn.yaml:4:62: `inference.label_table` needs `label_col`
          hint: add `label_col` under `inference`
        churn.yaml:4:62: `inference.label_table` needs `request_id_col`
          hint: add `request_id_col` under `inference`
        churn.yaml:4:84: `inference.model_id_col` is `window`, the name of another column of the metric tables
          hint: rename the column in the table
        churn.yaml:5:24: `granularities[1]` is `2 hours`, which is not a granularity
          hint: use `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`, `1 month` or `1 year`
        churn.yaml:7:51: `alerts[0].comparison` is for drift metrics only
          hint: leave it out
        churn.yaml:8:13: `alerts[1].rule` is `a`, the name of another rule
          hint: rules are told apart by name
        churn.yaml:8:46: `alerts[1].outside` is [2, 1], which is empty
          hint: the lower bound first
        churn.yaml:8:67: `alerts[1].granularity` is `1 hour`, which is not computed
          hint: add it to `granularities`
        churn.yaml:8:84: `alerts[1].slices[0]` is `region`, which is not a slicing expression
          hint: add it to `slicing_exprs`
        churn.yaml:8:98: `alerts[1].for` is not `N of M`
          hint: such as `2 of 3`, with 1 ≤ N ≤ M ≤ 1000
        churn.yaml:9:60: `alerts[2].change_from_baseline.above` is `much`, neither a number nor a percentage
          hint: such as `-5%` or `-0.05`
        churn.yaml:10:11: `lateness` is `soon`, which is not a length of time
          hint: such as `2 days`, `6 hours`, `90 seconds`
        "
    );
}

/// What cannot be read does not hide what is wrong with the rest, and is not told again by what follows from it.
#[test]
fn problems_of_both_kinds_are_told_at_once() {
    assert_snapshot!(
        problems(
            "\
monitor: churn 7
owmer: me
inference:
  table: requests
  timestamp_col: at
  prediction_col: p
  label_col: p
  problem_type: clasification
baseline: { tabel: training }
granularities: 1 hour
timezone: Berlin
quantiles: 100000
alerts:
  - { rule: quality, metric: accuracy_score, change_from_baseline: { below: -5% } }
  - { rule: no metric, above: 1 }
  - { rule: hours, metric: js_distance, above: 0.1, granularity: 1 hour, for: 3 of 2 }
  - { rule: hours, metric: psi, abvoe: 0.1 }
  - { rule: slow, metric: avg, above: fast, slices: [region] }
  - { rule: bare, metric: avg }
notify:
  - webhook: { url: http://hooks.example.com/x, timeout: 5 }
  - slack: { channel: ops }
schedule: { cron: 0 0 31 2 * }
outptu: { uri: metrics }
"
        ),
        @r#"
        churn.yaml:1:10: `monitor` is `churn 7`, which cannot name tables
          hint: letters, digits, `-` and `_`, beginning with a letter
        churn.yaml:2:1: `owmer` is not a known key
          hint: did you mean `owner`?
        churn.yaml:7:14: `inference.label_col` is `p`, which is the `prediction_col` already
          hint: name another column, or take one of the two lines out
        churn.yaml:8:17: `inference.problem_type` is `clasification`, but must be one of `classification`, `regression`
          hint: did you mean `classification`?
        churn.yaml:9:11: `baseline.table` is missing
          hint: URL of a Delta table, or a path relative to the monitor file
        churn.yaml:9:13: `baseline.tabel` is not a known key
          hint: did you mean `table`?
        churn.yaml:10:16: `granularities` is `1 hour`, but must be a list
          hint: `[1 hour]` is a list of one
        churn.yaml:11:11: `timezone` is `Berlin`, which is not a time zone
          hint: did you mean `Europe/Berlin`?
        churn.yaml:12:12: `quantiles` is `100000`, but must be at most 10000
          hint: Number of points in `quantiles`, evenly spaced from 0 to 1. Default: 100
        churn.yaml:15:5: `alerts[1].metric` is missing
          hint: Column of either metric table, such as `population_stability_index` or `accuracy_score`; a field of a struct column is written with a dot, `ks_test.statistic`
        churn.yaml:16:79: `alerts[2].for` is not `N of M`
          hint: such as `2 of 3`, with 1 ≤ N ≤ M ≤ 1000
        churn.yaml:17:13: `alerts[3].rule` is `hours`, the name of another rule
          hint: rules are told apart by name
        churn.yaml:17:28: `alerts[3].metric` is `psi`, which is not a number in a metric table
          hint: did you mean `population_stability_index`?
        churn.yaml:17:33: `alerts[3].abvoe` is not a known key
          hint: did you mean `above`?
        churn.yaml:18:39: `alerts[4].above` is `fast`, but must be a number
          hint: A number, or `learned`
        churn.yaml:18:54: `alerts[4].slices[0]` is `region`, which is not a slicing expression
          hint: add it to `slicing_exprs`
        churn.yaml:19:5: `alerts[5]` is rule `bare`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`
          hint: for example `above: 0.2`
        churn.yaml:21:21: `notify[0].webhook.url` sends in the clear
          hint: use `https://`; `http://` is for this machine only
        churn.yaml:21:58: `notify[0].webhook.timeout` is `5`, but must be a text
          hint: if it is a text, put it in quotes: "5"
        churn.yaml:22:5: `notify[1].slack` is not a known key
          hint: known here: email, webhook
        churn.yaml:23:19: `schedule.cron` is `0 0 31 2 *`, a time that never comes
          hint: no such month has such a day; `0 6 L * *` is the last day of every month
        churn.yaml:24:1: `outptu` is not a known key
          hint: did you mean `output`?
        "#
    );
}

/// A key that cannot be read and that is needed takes what is around it along; the whole file has no rest.
#[test]
fn what_is_needed_hides_the_rest() {
    assert_snapshot!(problems("monitor: churn 7\ninference: { table: t }\ntimezone: Berlin\n"), @r"
    churn.yaml:2:12: `inference.timestamp_col` is missing
      hint: When the row happened: a timestamp or date column. A timestamp without a zone is read in the monitor's zone
    ");
}

#[test]
fn files_that_are_no_yaml_say_where() {
    assert_snapshot!(problems(""), @r"
    churn.yaml: is empty
      hint: `secchi init TABLE` writes a monitor file
    ");
    assert_snapshot!(problems("# monitor: churn\n"), @r"
    churn.yaml: is empty
      hint: `secchi init TABLE` writes a monitor file
    ");
    assert_snapshot!(problems("monitor: [churn\n"), @r"
    churn.yaml:1:10: cannot be read as YAML: unclosed bracket '['
      hint: spaces for indentation, `key: value`, and quotes around texts with `: ` or ` #`
    ");
    assert_snapshot!(problems("monitor: churn\n\towner: me\n"), @r"
    churn.yaml:1:10: cannot be read as YAML: while scanning a plain scalar, found a tab
      hint: spaces for indentation, `key: value`, and quotes around texts with `: ` or ` #`
    ");
    assert_snapshot!(problems("monitor: churn: 7\n"), @r"
    churn.yaml:1:15: cannot be read as YAML: mapping values are not allowed in this context
      hint: spaces for indentation, `key: value`, and quotes around texts with `: ` or ` #`
    ");
    assert_snapshot!(problems("monitor: churn\nmonitor: other\n"), @r"
    churn.yaml:2:1: cannot be read as YAML: `monitor` stands here a second time
      hint: keep one of the two
    ");
    assert_snapshot!(problems("monitor: churn\n---\nmonitor: other\n"), @r"
    churn.yaml:3:1: cannot be read as YAML: a second document begins here
      hint: one file, one document
    ");
    assert!(
        load(Path::new("nowhere.yaml"), &Settings::default())
            .unwrap_err()
            .to_string()
            .contains("nowhere.yaml: cannot be read")
    );
}

#[test]
fn files_are_found_from_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (settings_file, file) =
        (folder.path().join(SETTINGS_FILE), folder.path().join("monitors/churn.yaml"));
    let hook = "webhook: { url: https://hooks.example.com/, secret: { file: hook.key } }";
    std::fs::create_dir(folder.path().join("monitors")).unwrap();
    std::fs::write(
        &settings_file,
        format!("defaults:\n  notify:\n    - {hook}\n  output: {{ uri: metrics }}\n"),
    )
    .unwrap();
    std::fs::write(&file, GOOD).unwrap();
    assert_eq!(settings_file_for(&file), Some(settings_file.clone()));
    let settings = load_settings(&settings_file).unwrap();
    let secret_of = |text: &str| {
        std::fs::write(&file, text).unwrap();
        match load(&file, &settings).unwrap().channels.remove(0).kind {
            ChannelKind::Webhook { secret, .. } => secret,
            ChannelKind::Email(_) => None,
        }
    };
    // The settings' own file, and the monitor's own.
    assert_eq!(secret_of(GOOD), Some(Secret::File(folder.path().join("hook.key"))));
    let own = format!("{GOOD}notify:\n  - {hook}\n");
    assert_eq!(secret_of(&own), Some(Secret::File(folder.path().join("monitors/hook.key"))));
    assert_eq!(settings.defaults.output, Url::from_directory_path(folder.path().join("metrics")).ok());
}
