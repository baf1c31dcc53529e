#![allow(clippy::panic, clippy::unwrap_used)]
use std::path::PathBuf;

use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use url::Url;

use super::*;
use crate::config::given::{GOOD, good_monitor, loaded, problems};
use crate::config::{
    Change, ChannelKind, Comparison, Condition, Defaults, Metric, ProblemType, RegistryPlace, Secret,
    Severity, load,
};

#[test]
fn a_short_file_is_enough() {
    let monitor = good_monitor(GOOD);
    assert_eq!((monitor.granularities, monitor.timezone.as_str()), (vec![Granularity::Day], "UTC"));
    let rules: Vec<_> = monitor.rules.iter().map(|rule| (rule.name.as_str(), rule.metric.name())).collect();
    assert_eq!(rules, [("drift", "effect_size"), ("missing values", "percent_null_delta")]);
    assert_eq!((monitor.quantiles, monitor.lateness), (100, SignedDuration::ZERO));
    assert!(monitor.channels.is_empty() && monitor.schedule.is_none());
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
        significance: None,
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
