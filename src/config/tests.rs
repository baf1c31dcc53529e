#![allow(clippy::panic, clippy::unwrap_used)]
use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use url::Url;

use super::*;
use crate::window::Granularity;

/// A folder with one file of this text, and what `load` makes of it.
fn loaded<T>(name: &str, text: &str, load: impl FnOnce(&Path) -> Result<T, Problems>) -> Result<T, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    // Problems are told with the path that was typed; here it is the name alone.
    load(&file).map_err(|problems| Problems { file: PathBuf::from(name), ..problems })
}

/// What is wrong with a monitor file, as it is printed.
#[track_caller]
fn problems(text: &str) -> String {
    loaded("churn.yaml", text, |file| load(file, &Settings::default())).unwrap_err().to_string()
}

/// What is wrong with a good monitor file and these lines at its end.
#[track_caller]
fn problems_with(lines: &str) -> String {
    problems(&format!("{GOOD}{lines}"))
}

/// What is wrong with a good monitor file whose one rule has these lines.
#[track_caller]
fn problems_of_rule(lines: &str) -> String {
    problems(&format!("{GOOD}alerts:\n  - rule: drift\n    metric: population_stability_index\n{lines}"))
}

/// What is wrong with a file of settings, as it is printed.
#[track_caller]
fn problems_of_settings(text: &str) -> String {
    loaded("secchi.yaml", text, load_settings).unwrap_err().to_string()
}

const GOOD: &str = "\
monitor: churn
inference: { table: requests, timestamp_col: at, model_id_col: version }
baseline: { table: training }
output: { uri: metrics }
";

#[test]
fn a_short_file_is_enough() {
    let monitor = loaded("churn.yaml", GOOD, |file| load(file, &Settings::default())).unwrap();
    assert_eq!((monitor.granularities, monitor.timezone.as_str()), (vec![Granularity::Day], "UTC"));
    let rules: Vec<_> = monitor.rules.iter().map(|rule| (rule.name.as_str(), rule.metric.name())).collect();
    assert_eq!(rules, [("drift", "population_stability_index"), ("missing values", "percent_null_delta")]);
    assert_eq!((monitor.quantiles, monitor.lateness), (100, SignedDuration::ZERO));
    assert!(monitor.channels.is_empty() && monitor.schedule.is_none());
}

#[test]
fn unknown_keys_are_named_with_what_was_probably_meant() {
    assert_snapshot!(problems_with("granularites: [1 day]\n"), @r"
    churn.yaml:5:1: `granularites` is not a known key
      hint: did you mean `granularities`?
    ");
    assert_snapshot!(problems_with("colour: red\n"), @r"
    churn.yaml:5:1: `colour` is not a known key
      hint: known here: monitor, owner, runbook, labels, inference, baseline, registry, granularities, timezone, lateness, slicing_exprs, quantiles, alerts, notify, schedule, output
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
          hint: known here: table, timestamp_col, model_id_col, prediction_col, prediction_proba_col, label_col, label_table, label_timestamp_col, request_id_col, problem_type, positive_class, columns
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
          hint: Fires when the metric is greater, in the metric's own unit
        churn.yaml:9:15: `alerts[0].severity` is `criticl`, but must be one of `info`, `warning`, `critical`
          hint: did you mean `critical`?
        churn.yaml:10:18: `alerts[0].provisional` is `yes please`, but must be true or false
          hint: Also look at windows that may still receive rows. Default: `false`
        churn.yaml:11:16: `alerts[0].min_count` is `-3`, but must be at least 0
          hint: Rows that a window, and what it is compared with, must have for the rule to look at it. Default: 1
        churn.yaml:12:14: `alerts[0].outside` is a list of 1, but must be a list of 2
          hint: Fires when the metric is not within `[low, high]`, in the metric's own unit
        "
    );
    assert_snapshot!(
        problems_of_rule("    comparison: baseline\n    model_versions: [7, true]\n    change_from_baseline: { below: [1] }\n"),
        @r#"
        churn.yaml:8:17: `alerts[0].comparison` is `baseline`, but must be one of `CONSECUTIVE`, `BASELINE`
          hint: did you mean `BASELINE`?
        churn.yaml:9:22: `alerts[0].model_versions[0]` is `7`, but must be a text
          hint: if it is a text, put it in quotes: "7"
        churn.yaml:9:25: `alerts[0].model_versions[1]` is `true`, but must be a text
          hint: if it is a text, put it in quotes: "true"
        churn.yaml:10:36: `alerts[0].change_from_baseline.below` is a list, but must be a number or a text
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
      hint: known here: monitor, owner, runbook, labels, inference, baseline, registry, granularities, timezone, lateness, slicing_exprs, quantiles, alerts, notify, schedule, output
    ");
}

#[test]
fn yes_and_no_are_texts() {
    let text = "monitor: churn
inference: { table: t, timestamp_col: at, prediction_col: p, prediction_proba_col: q, positive_class: yes }
output: { uri: m }
";
    let monitor = loaded("churn.yaml", text, |file| load(file, &Settings::default())).unwrap();
    assert_eq!(monitor.inference.prediction.unwrap().positive_class.as_deref(), Some("yes"));
}

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
          hint: Fires when the metric is greater, in the metric's own unit
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
          hint: rename the column in a view or in the table
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

#[test]
fn schedules_have_five_fields() {
    assert_snapshot!(problems_with("schedule: { cron: 61 * * * * }\n"), @r"
    churn.yaml:5:19: `schedule.cron` is `61 * * * *`, which is not a cron expression: number out of bounds
      hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
    ");
    assert_snapshot!(problems_with("schedule: { cron: hourly }\n"), @r"
    churn.yaml:5:19: `schedule.cron` is `hourly`, which is not a cron expression: it has 1 of five fields
      hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
    ");
    assert_snapshot!(problems_with("schedule: { cron: 0 15 * * * * }\n"), @r"
    churn.yaml:5:19: `schedule.cron` is `0 15 * * * *`, which is not a cron expression: it has 6 of five fields
      hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
    ");
    assert_snapshot!(problems_with("schedule: {}\n"), @r"
    churn.yaml:5:11: `schedule.cron` is missing
      hint: Five fields (minute, hour, day of month, month, day of week), in the monitor's time zone
    ");
}

#[test]
fn places_are_urls_or_paths() {
    assert_snapshot!(
        problems("monitor: churn\ninference: { table: gs://lake/t, timestamp_col: at }\nbaseline: { table: 's3://' }\noutput: { uri: 'http://[' }\n"),
        @r"
        churn.yaml:2:21: `inference.table` has the scheme `gs`, which this build cannot read
          hint: s3://bucket/folder, file:///folder, or a path relative to this file
        churn.yaml:3:20: `baseline.table` is `s3://`, which names no bucket
          hint: s3://bucket/folder
        churn.yaml:4:16: `output.uri` is `http://[`, which is not a URL: invalid IPv6 address
          hint: s3://bucket/folder, or a path relative to this file
        "
    );
}

#[test]
fn windows_and_zones_are_named_as_the_manual_names_them() {
    assert_snapshot!(problems_with("granularities: [1 day, 2 hours, 1day]\n"), @r"
    churn.yaml:5:24: `granularities[1]` is `2 hours`, which is not a granularity
      hint: use `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`, `1 month` or `1 year`
    churn.yaml:5:33: `granularities[2]` is `1day`, which is not a granularity
      hint: use `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`, `1 month` or `1 year`
    ");
    assert_snapshot!(problems_with("granularities: []\n"), @r"
    churn.yaml:5:16: `granularities` is empty
      hint: leave it out for `1 day`
    ");
    assert_snapshot!(problems_with("timezone: Berlin\nlateness: -1 day\n"), @r"
    churn.yaml:5:11: `timezone` is `Berlin`, which is not a time zone
      hint: did you mean `Europe/Berlin`?
    churn.yaml:6:11: `lateness` is `-1 day`, which is not a length of time
      hint: such as `2 days`, `6 hours`, `90 seconds`
    ");
    assert_snapshot!(problems_with("timezone: Middle-earth/Bree\n"), @r"
    churn.yaml:5:11: `timezone` is `Middle-earth/Bree`, which is not a time zone
      hint: such as `UTC` or `Europe/Berlin`
    ");
}

#[test]
fn an_output_is_needed_here_or_in_the_settings() {
    let text = "monitor: churn\ninference: { table: requests, timestamp_col: at }\n";
    assert_snapshot!(problems(text), @r"
    churn.yaml:1:1: `output` is missing
      hint: `output: { uri: … }` here, or under `defaults` in secchi.yaml
    ");
    let output = Url::parse("s3://lake/metrics/").unwrap();
    let settings = Settings {
        defaults: Defaults { output: Some(output.clone()), ..Defaults::default() },
        ..Settings::default()
    };
    assert_eq!(loaded("churn.yaml", text, |file| load(file, &settings)).unwrap().output, output);
}

#[test]
fn a_rule_has_exactly_one_condition() {
    assert_snapshot!(problems_of_rule(""), @r"
    churn.yaml:6:5: `alerts[0]` is rule `drift`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`
      hint: for example `above: 0.2`
    ");
    assert_snapshot!(problems_of_rule("    above: 1\n    below: 2\n"), @r"
    churn.yaml:6:5: `alerts[0]` is rule `drift`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`
      hint: for example `above: 0.2`
    ");
    assert_snapshot!(problems_of_rule("    change_from_baseline: { above: 5% }\n"), @r"
    churn.yaml:8:27: `alerts[0].change_from_baseline` has no meaning for a drift metric, which is a change already
      hint: use `above` or `below`
    ");
    assert_snapshot!(problems_of_rule("    above: .nan\n"), @r"
    churn.yaml:8:12: cannot be read as YAML: `.nan` is not finite
      hint: numbers are finite
    ");
}

#[test]
fn misspelt_metrics_are_recognised() {
    let metric =
        |name: &str| problems(&format!("{GOOD}alerts:\n  - {{ rule: a, metric: {name}, above: 1 }}\n"));
    assert_snapshot!(metric("population_stability_indx"), @r"
    churn.yaml:6:24: `alerts[0].metric` is `population_stability_indx`, which is not a number in a metric table
      hint: did you mean `population_stability_index`?
    ");
    assert_snapshot!(metric("psi"), @r"
    churn.yaml:6:24: `alerts[0].metric` is `psi`, which is not a number in a metric table
      hint: did you mean `population_stability_index`?
    ");
    assert_snapshot!(metric("accuracy"), @r"
    churn.yaml:6:24: `alerts[0].metric` is `accuracy`, which is not a number in a metric table
      hint: did you mean `accuracy_score`?
    ");
    assert_snapshot!(metric("rmse"), @r"
    churn.yaml:6:24: `alerts[0].metric` is `rmse`, which is not a number in a metric table
      hint: did you mean `root_mean_squared_error`?
    ");
    assert_snapshot!(metric("ks_test"), @r"
    churn.yaml:6:24: `alerts[0].metric` is `ks_test`, which is not a number in a metric table
      hint: did you mean `ks_test.statistic`?
    ");
}

#[test]
fn channels_are_told_apart_and_checked() {
    assert_snapshot!(problems_with("notify:\n  - webhook: { url: http://hooks.example.com/x }\n"), @r"
    churn.yaml:6:21: `notify[0].webhook.url` sends in the clear
      hint: use `https://`; `http://` is for this machine only
    ");
    assert_snapshot!(problems_with("notify:\n  - webhook: { ulr: https://hooks.example.com/x }\n"), @r"
    churn.yaml:6:14: `notify[0].webhook.url` is missing
      hint: `https://` address; `http://` only to this machine
    churn.yaml:6:16: `notify[0].webhook.ulr` is not a known key
      hint: did you mean `url`?
    ");
    assert_snapshot!(problems_with("notify:\n  - slack: { channel: ops }\n"), @r"
    churn.yaml:6:5: `notify[0].slack` is not a known key
      hint: known here: email, webhook
    ");
    assert_snapshot!(problems_with("notify: [ops@example.com]\n"), @r"
    churn.yaml:5:10: `notify[0]` is `ops@example.com`, but must be a map
      hint: known here: email, webhook
    ");
    assert_snapshot!(
        problems_with("notify:\n  - email: { to: [a@example.com] }\n    webhook: { url: https://hooks.example.com/x }\n"),
        @r"
        churn.yaml:6:5: `notify[0]` needs exactly one of `email` and `webhook`
          hint: make an entry of each
        "
    );
    assert_snapshot!(problems_with("notify:\n  - email: { to: [nobody], severity: info }\n"), @r"
    churn.yaml:6:12: `notify[0].email` needs a mail server
      hint: add `smtp:` (or `outbox: FOLDER`) to secchi.yaml
    churn.yaml:6:19: `notify[0].email.to[0]` is `nobody`, which is not an e-mail address
      hint: such as `ops@example.com`
    ");
}

#[test]
fn http_is_for_this_machine() {
    for host in ["localhost:8080", "127.0.0.1", "[::1]:9"] {
        let text = format!("{GOOD}notify:\n  - webhook: {{ url: 'http://{host}/hook' }}\n");
        assert!(loaded("churn.yaml", &text, |file| load(file, &Settings::default())).is_ok(), "{host}");
    }
}

#[test]
fn secrets_stand_elsewhere_and_are_not_repeated() {
    let secrets = [
        problems_of_settings(
            "smtp: { host: mail.example.com, from: a@example.com, username: u, password: hunter2 }\n",
        ),
        problems_of_settings(
            "smtp:\n  host: mail.example.com\n  from: a@example.com\n  username: u\n  password: { value: hunter2 }\n",
        ),
        problems_of_settings(
            "storage:\n  - prefix: s3://lake/\n    secrets: { aws_secret_access_key: hunter2 }\n",
        ),
        problems_of_settings(
            "storage:\n  - prefix: s3://lake/\n    options: { aws_region: eu, aws_secret_access_key: hunter2 }\n",
        ),
        problems_of_settings(
            "storage:\n  - prefix: s3://lake/\n    options: { aws_session_token: 4242424242 }\n",
        ),
        problems_with("notify:\n  - webhook: { url: https://hooks.example.com/, secret: hunter2 }\n"),
        problems_with("notify:\n  - webhook: { url: hooks.example.com/hunter2 }\n"),
    ];
    assert!(secrets.iter().all(|told| !told.contains("hunter2") && !told.contains("4242424242")));
    assert_snapshot!(secrets.join("\n"), @r"
    secchi.yaml:1:77: `smtp.password` must say where the secret is read from, and only that
      hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
    secchi.yaml:5:13: `smtp.password` must say where the secret is read from, and only that
      hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
    secchi.yaml:3:39: `storage[0].secrets.aws_secret_access_key` must say where the secret is read from, and only that
      hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
    secchi.yaml:3:55: `storage[0].options.aws_secret_access_key` is a secret
      hint: put it under `secrets`, as `aws_secret_access_key: { env: NAME }`
    secchi.yaml:3:35: `storage[0].options.aws_session_token` is given, but must be a text
      hint: secrets stand under `secrets`, as `{ env: NAME }` or `{ file: PATH }`
    churn.yaml:6:57: `notify[0].webhook.secret` must say where the secret is read from, and only that
      hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
    churn.yaml:6:21: `notify[0].webhook.url` is not a web address
      hint: such as `https://hooks.example.com/secchi`
    ");
}

#[test]
fn settings_are_checked() {
    assert_snapshot!(
        problems_of_settings("smtp: { host: mail example, from: nobody, tls: none, username: u, timeout: ages }\nhold_webhooks: true\n"),
        @r"
        secchi.yaml:1:7: `smtp` needs both `username` and `password`, or neither
          hint: password: { env: NAME }
        secchi.yaml:1:15: `smtp.host` is `mail example`, which is not a host name
          hint: such as `smtp.example.com`
        secchi.yaml:1:35: `smtp.from` is `nobody`, which is not an e-mail address
          hint: such as `Secchi <secchi@example.com>`
        secchi.yaml:1:48: `smtp.tls` is `none`, which sends in the clear
          hint: `starttls` or `implicit`; `none` is for this machine only
        secchi.yaml:1:76: `smtp.timeout` is `ages`, which is not a length of time
          hint: such as `2 days`, `6 hours`, `90 seconds`
        secchi.yaml:2:16: `hold_webhooks` needs `outbox`
          hint: name the folder that messages are written to
        "
    );
    assert_snapshot!(
        problems_of_settings("smtp: { host: mail.example.com, from: a@example.com, tls: ssl, port: 99999 }\ndefaults: { output: metrics, notfy: [] }\n"),
        @r"
        secchi.yaml:1:59: `smtp.tls` is `ssl`, but must be one of `starttls`, `implicit`, `none`
        secchi.yaml:1:70: `smtp.port` is `99999`, but must be at most 65535
          hint: Port. Default: 587 with `starttls`, 465 with `implicit`, 25 with `none`
        secchi.yaml:2:21: `defaults.output` is `metrics`, but must be a map
          hint: known here: uri
        secchi.yaml:2:30: `defaults.notfy` is not a known key
          hint: did you mean `notify`?
        "
    );
    assert!(loaded("secchi.yaml", "", load_settings).is_ok());
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

/// A file with everything in it.
const FULL: &str = "\
# Who leaves, and do we see it coming?
monitor: customer-churn
owner: risk-team@example.com
runbook: https://wiki.example.com/churn
labels: { team: risk, tier: gold }

inference:
  table: s3://lake/serving/churn_requests
  timestamp_col: requested_at
  model_id_col: model_version
  request_id_col: request_id
  prediction_col: will_leave
  prediction_proba_col: probability
  positive_class: \"yes\"
  label_col: has_left
  label_table: ../tables/churn_labels
  label_timestamp_col: known_at
  columns:
    exclude: [session_id]
    categorical: [postcode]

baseline: { table: s3://lake/training/churn, version: 12 }
registry: { mlflow: ../mlruns, model: churn }

granularities: [1 week, 1 day, 1 day]
timezone: Europe/Berlin
lateness: 2 days 6 hours
slicing_exprs: [region, tenure < 6]
quantiles: 21

alerts:
  - rule: inputs drift
    metric: population_stability_index
    above: 0.2
    columns: [age, income]
    min_count: 500
    for: 2 of 3
    severity: info
  - rule: a region drifts
    metric: ks_test.statistic
    above: 0.1
    comparison: CONSECUTIVE
    granularity: 1 week
    slices: [region]
  - rule: fewer are right
    metric: accuracy_score
    change_from_baseline: { below: -5% }
    model_versions: ['*']
    severity: critical
    owner: oncall@example.com
    runbook: https://wiki.example.com/accuracy
  - rule: age is human
    metric: max
    outside: [18, 120]
    columns: [age]
    provisional: true

notify:
  - email: { to: [risk-team@example.com, Ops <ops@example.com>], severity: warning }
  - webhook: { url: https://hooks.example.com/secchi, secret: { env: HOOK_KEY }, timeout: 3 seconds }

schedule: { cron: 15 * * * * }
output: { uri: s3://lake/metrics }
";

#[test]
fn a_full_file_means_what_it_says() {
    let settings = Settings { outbox: Some(PathBuf::from("outbox")), ..Settings::default() };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("monitors/churn.yaml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, FULL).unwrap();
    let monitor = load(&file, &settings).unwrap();
    let beside = |path: &str| Url::from_directory_path(folder.path().join(path)).unwrap();

    assert_eq!(
        (monitor.name.as_str(), monitor.table_prefix().as_str()),
        ("customer-churn", "customer_churn")
    );
    assert_eq!(
        (monitor.owner.as_deref(), monitor.labels["tier"].as_str()),
        (Some("risk-team@example.com"), "gold")
    );
    let inference = &monitor.inference;
    assert_eq!(
        (inference.table.as_str(), inference.timestamp_col.as_str()),
        ("s3://lake/serving/churn_requests/", "requested_at")
    );
    assert_eq!(
        (&inference.columns.exclude[..], &inference.columns.categorical[..]),
        (&["session_id".to_owned()][..], &["postcode".to_owned()][..])
    );
    let prediction = inference.prediction.as_ref().unwrap();
    // A probability means classes.
    assert_eq!(
        (prediction.problem_type, prediction.positive_class.as_deref()),
        (ProblemType::Classification, Some("yes"))
    );
    let labels = prediction.label.as_ref().unwrap().arrives_in.as_ref().unwrap();
    assert_eq!(
        (&labels.table, labels.request_id_col.as_str()),
        (&beside("tables/churn_labels"), "request_id")
    );
    assert_eq!(
        monitor.baseline.as_ref().map(|baseline| (baseline.table.as_str(), baseline.version)),
        Some(("s3://lake/training/churn/", Some(12)))
    );
    assert_eq!(
        monitor.registry.as_ref().map(|registry| &registry.place),
        Some(&RegistryPlace::MlflowFiles(beside("mlruns")))
    );

    assert_eq!(monitor.granularities, [Granularity::Day, Granularity::Weeks(1)]);
    assert_eq!((monitor.base_granularity(), monitor.quantiles), (Granularity::Day, 21));
    assert_eq!(monitor.calendar.zone(), &TimeZone::get("Europe/Berlin").unwrap());
    assert_eq!((monitor.lateness, monitor.slicing_exprs.len()), (SignedDuration::from_hours(54), 2));
    assert_eq!(monitor.schedule.as_ref().map(|cron| cron.pattern.to_string()).as_deref(), Some("15 * * * *"));
    assert_eq!(monitor.output.as_str(), "s3://lake/metrics/");

    let [drift, region, right, human] = &monitor.rules[..] else { panic!("four rules") };
    let expected = Rule {
        name: "inputs drift".to_owned(),
        metric: Metric::Drift("population_stability_index".to_owned()),
        condition: Condition::Above(0.2),
        columns: Some(vec!["age".to_owned(), "income".to_owned()]),
        model_versions: None,
        slices: None,
        granularity: Granularity::Day,
        comparison: Some(Comparison::Baseline),
        hold: 2,
        of: 3,
        min_count: 500,
        severity: Severity::Info,
        owner: Some("risk-team@example.com".to_owned()),
        runbook: Some("https://wiki.example.com/churn".to_owned()),
        provisional: false,
    };
    assert_eq!(drift, &expected);
    assert_eq!(
        (region.comparison, region.granularity),
        (Some(Comparison::Consecutive), Granularity::Weeks(1))
    );
    assert_eq!(
        (region.slices.as_deref(), region.severity),
        (Some(&["region".to_owned()][..]), Severity::Warning)
    );
    assert_eq!((region.hold, region.of, region.min_count), (1, 1, 1));
    let change = Change { rises: false, bound: -0.05, relative: true };
    assert_eq!((right.condition, right.comparison), (Condition::ChangeFromBaseline(change), None));
    assert_eq!((right.owner.as_deref(), right.severity), (Some("oncall@example.com"), Severity::Critical));
    assert_eq!((human.condition, human.provisional), (Condition::Outside(18.0, 120.0), true));

    let [email, webhook] = &monitor.channels[..] else { panic!("two channels") };
    assert!(
        matches!(&email.kind, ChannelKind::Email(to) if to.len() == 2) && email.severity == Severity::Warning
    );
    let ChannelKind::Webhook { url, secret, timeout } = &webhook.kind else { panic!("a webhook") };
    assert_eq!(
        (url.as_str(), secret.as_ref()),
        ("https://hooks.example.com/secchi", Some(&Secret::Env("HOOK_KEY".to_owned())))
    );
    assert_eq!((timeout.as_secs(), webhook.severity), (3, Severity::Info));
}

#[test]
fn the_hash_is_of_what_decides_the_tables() {
    let hash =
        |text: &str| loaded("churn.yaml", text, |file| load(file, &Settings::default())).unwrap().config_hash;
    let good = hash(GOOD);
    assert_eq!(good.len(), 16);
    assert_eq!(hash(&format!("# a comment\n{GOOD}schedule: {{ cron: 15 * * * * }}\nnotify: []\n")), good);
    assert_eq!(hash(&format!("{GOOD}timezone: UTC\n")), good, "the default, said");
    assert_ne!(hash(&format!("{GOOD}timezone: Europe/Berlin\n")), good);
    assert_ne!(hash(&format!("{GOOD}slicing_exprs: [region]\n")), good);
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

#[test]
fn settings_of_the_longest_prefix_win() {
    let text = "
storage:
  - prefix: s3://lake/
    options: { aws_region: eu-central-1 }
  - prefix: s3://lake/serving/
    options: { aws_region: eu-west-1 }
    secrets: { aws_secret_access_key: { file: key.txt } }
smtp: { host: mail.example.com, from: Secchi <secchi@example.com> }
";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(SETTINGS_FILE);
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.path().join("key.txt"), "hunter2\n").unwrap();
    let settings = load_settings(&file).unwrap();
    let options = |url: &str| settings.storage_options(&Url::parse(url).unwrap()).unwrap();
    use secrecy::ExposeSecret;
    let told = |url: &str| -> Vec<String> {
        options(url).iter().map(|(key, value)| format!("{key}={}", value.expose_secret())).collect()
    };
    assert_eq!(told("s3://lake/metrics/"), ["aws_region=eu-central-1"]);
    assert_eq!(told("s3://lake/serving/t/"), ["aws_region=eu-west-1", "aws_secret_access_key=hunter2"]);
    assert_eq!(told("s3://other/"), [""; 0]);
    let smtp = settings.smtp.as_ref().unwrap();
    assert_eq!((smtp.port, smtp.tls, smtp.timeout.as_secs()), (587, settings_spec::SmtpTls::Starttls, 10));
    assert!(!format!("{settings:?}").contains("hunter2"));
}
