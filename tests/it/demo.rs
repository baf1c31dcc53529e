//! The demo, from the command to the tables: what is found is what was injected.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::cli::{Said, secchi};
use crate::support::tables;

/// One demo for all tests of this file, made at the first use.
struct Demo {
    folder: tempfile::TempDir,
    said: Said,
}

fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let said = secchi(folder.path(), &["demo", "demo"]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        Demo { folder, said }
    })
}

fn monitoring() -> PathBuf {
    demo().folder.path().join("demo/monitoring")
}

fn truth(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("lake/truth.json")).expect("the simulator's truth");
    serde_json::from_str(&text).expect("the truth is JSON")
}

async fn column(sql: &str, name: &str) -> BTreeSet<String> {
    let rows = tables::query(&monitoring(), sql).await;
    rows.iter().map(|row| row[name].as_str().expect("a text").to_owned()).collect()
}

/// The incidents whose column is a feature, an output or a label, and the columns of the alerts, are the same;
/// quality (`:table`) follows from the two incidents that it must follow from.
#[tokio::test(flavor = "multi_thread")]
async fn the_columns_that_drifted_are_the_injected_ones() {
    let truth = truth(&demo().folder.path().join("demo"));
    for monitor in ["credit-default", "delivery-time"] {
        let incidents = truth["incidents"].as_array().expect("incidents").iter();
        let injected: BTreeSet<String> = incidents
            .filter(|incident| incident["model"] == monitor)
            .map(|incident| incident["column"].as_str().expect("a column").to_owned())
            .collect();
        let sql = format!(
            "SELECT column_name FROM alerts WHERE monitor_name = '{monitor}' AND column_name <> ':table'"
        );
        assert_eq!(column(&sql, "column_name").await, injected, "{monitor}");
        let sql =
            format!("SELECT metric FROM alerts WHERE monitor_name = '{monitor}' AND column_name = ':table'");
        let quality = if monitor == "credit-default" { "log_loss" } else { "mean_average_error" };
        assert_eq!(column(&sql, "metric").await, BTreeSet::from([quality.to_owned()]));
    }
}

/// Every incident is seen within three days of the day on which it began; calibration, which is watched by the
/// week, in the first full week.
#[tokio::test(flavor = "multi_thread")]
async fn each_incident_is_seen_when_it_begins() {
    let truth = truth(&demo().folder.path().join("demo"));
    for incident in truth["incidents"].as_array().expect("incidents") {
        let column = incident["column"].as_str().expect("a column");
        let monitor = incident["model"].as_str().expect("a monitor");
        let first: jiff::civil::Date =
            incident["first_day"].as_str().and_then(|day| day.parse().ok()).expect("a day");
        let sql = format!(
            "SELECT min(CAST(window_start AS DATE)) AS first, max(slice_value) AS slice
             FROM alerts WHERE monitor_name = '{monitor}' AND column_name = '{column}' AND state = 'firing'"
        );
        let rows = tables::query(&monitoring(), &sql).await;
        let seen: jiff::civil::Date =
            rows[0]["first"].as_str().and_then(|day| day.parse().ok()).expect("a day");
        let days = (seen - first).get_days();
        assert!((0..=3).contains(&days), "{column}: began {first}, seen {seen}");
        assert_eq!(rows[0]["slice"], incident["slice"]["value"], "{column}");
    }
}

#[test]
fn the_summary_names_them_and_says_where_the_messages_are() {
    let said = &demo().said;
    for name in
        ["monthly_income", "channel", "score", "employment_years [region = south]", "latency_ms", "log_loss"]
    {
        assert!(said.out.contains(name), "{name}\n{}", said.out);
    }
    assert!(said.out.contains("no mail server is configured: messages are in"), "{}", said.out);
    assert_eq!(said.err, "");
    let outbox = demo().folder.path().join("demo/outbox");
    let names: Vec<String> = std::fs::read_dir(outbox)
        .expect("an outbox")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.iter().filter(|name| name.ends_with(".eml")).count(), 2, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".json")).count(), 2, "{names:?}");
}

/// The queries that people bring from Databricks, as they stand.
#[tokio::test(flavor = "multi_thread")]
async fn queries_that_people_have_keep_working() {
    let queries = [
        ("completeness", "SELECT window.start, column_name, percent_null FROM credit_default_profile_metrics
            WHERE log_type = 'INPUT' AND column_name <> ':table' AND slice_key IS NULL AND percent_null > 10 ORDER BY 1 DESC"),
        ("rows", "SELECT window.start, model_version, count FROM credit_default_profile_metrics
            WHERE column_name = ':table' AND slice_key IS NULL AND granularity = '1 day' ORDER BY window.start"),
        ("quality", "SELECT window.start, accuracy_score, f1_score.macro, precision.weighted, recall.weighted
            FROM credit_default_profile_metrics
            WHERE column_name = ':table' AND slice_key IS NULL AND accuracy_score IS NOT NULL AND model_version <> '*'"),
        ("numeric drift", "SELECT window.start, column_name, ks_test.statistic, ks_test.pvalue, wasserstein_distance, population_stability_index
            FROM credit_default_drift_metrics WHERE drift_type = 'BASELINE' AND ks_test.pvalue < 0.05 AND slice_key IS NULL"),
        ("categorical drift", "SELECT window.start, column_name, js_distance, tv_distance, chi_squared_test.pvalue FROM credit_default_drift_metrics
            WHERE drift_type = 'CONSECUTIVE' AND window_cmp IS NOT NULL AND js_distance > 0.2"),
        ("three of five", "SELECT model_version, granularity, count(*) FROM (
              SELECT model_version, granularity, accuracy_score,
                     row_number() OVER (PARTITION BY model_version, granularity ORDER BY window.start DESC) AS n
              FROM credit_default_profile_metrics WHERE column_name = ':table' AND slice_key IS NULL AND log_type = 'INPUT'
            ) AS recent WHERE n <= 5 AND accuracy_score < 0.8 GROUP BY 1, 2 HAVING count(*) >= 3"),
    ];
    for (name, sql) in queries {
        assert!(!tables::query(&monitoring(), sql).await.is_empty(), "{name}");
    }
}

/// The newest rows wait for their labels. That is said where the label is, and no column is missing.
#[tokio::test(flavor = "multi_thread")]
async fn awaited_labels_are_no_missing_column() {
    let waiting = "SELECT column_name, reason, count(*) > 0 AS found FROM credit_default_profile_metrics
        WHERE reason LIKE '% label yet' GROUP BY column_name, reason ORDER BY column_name";
    let said = |column: &str, reason: &str| serde_json::json!({ "column_name": column, "reason": reason, "found": true });
    let expected =
        [said(":table", "no prediction has a label yet"), said("defaulted", "no row has a label yet")];
    assert_eq!(tables::query(&monitoring(), waiting).await, expected);
    // A query that people bring from Databricks, as it stands.
    let columns = "SELECT window.start, non_null_columns_delta.added, non_null_columns_delta.missing FROM credit_default_drift_metrics
        WHERE column_name = ':table' AND (non_null_columns_delta.added > 0 OR non_null_columns_delta.missing > 0)";
    assert!(tables::query(&monitoring(), columns).await.is_empty());
}

/// Every row says where it comes from, and the run that it names is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn rows_carry_their_lineage() {
    let rows = tables::query(
        &monitoring(),
        "SELECT DISTINCT d.model_name, d.model_version, d.model_run_id IS NOT NULL AS trained, d.source_version,
                d.label_version IS NOT NULL AS labelled, d.baseline_version, d.revision, r.status
         FROM credit_default_drift_metrics d JOIN runs r ON d.run_id = r.run_id
         WHERE d.model_version <> '*' AND r.status = 'SUCCEEDED' ORDER BY d.model_version",
    )
    .await;
    let expected = |version: &str| {
        serde_json::json!({
            "model_name": "credit_default", "model_version": version, "trained": true, "source_version": 60,
            "labelled": true, "baseline_version": 0, "revision": 1, "status": "SUCCEEDED",
        })
    };
    assert_eq!(rows, [expected("1"), expected("2")]);
}

/// Running again replaces: the same rows, the same revisions, nothing told twice.
#[tokio::test(flavor = "multi_thread")]
async fn running_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let made = secchi(folder, &["demo", "demo", "--rows", "3000"]);
    assert_eq!(made.code, 0, "{}", made.err);
    // In whole thousandths: a sum of doubles would depend on the order of files.
    let print = "SELECT count(*) AS rows, sum(revision) AS revisions, sum(CAST(avg * 1000 AS BIGINT)) AS avg,
                        sum(row_count) AS counted, count(DISTINCT run_id) AS runs
                 FROM credit_default_profile_metrics";
    let tables_of = folder.join("demo/monitoring");
    let before = tables::query(&tables_of, print).await;
    let events = tables::query(&tables_of, "SELECT count(*) AS events FROM alerts").await;
    let again = secchi(folder, &["run", "demo/monitors", "--as-of", "2026-05-02", "--json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(tables::query(&tables_of, print).await, before);
    assert_eq!(tables::query(&tables_of, "SELECT count(*) AS events FROM alerts").await, events);
    let document: Value = serde_json::from_str(&again.out).expect("one JSON document");
    for run in document["runs"].as_array().expect("runs") {
        assert_eq!(run["events"], serde_json::json!([]));
        assert_eq!(run["notifications"], serde_json::json!([]));
        assert_eq!(run["profile"]["restated"], 0);
    }
}

/// The past as it was: with fewer commits there are fewer windows, and incidents to come are not known.
#[tokio::test(flavor = "multi_thread")]
async fn as_of_sees_the_past_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let made = secchi(folder, &["demo", "demo", "--rows", "36000", "--no-run"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let said =
        secchi(folder, &["run", "demo/monitors/credit-default.yaml", "--as-of", "2026-04-05", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let run = &document["runs"][0];
    // The rows of 4 April are committed soon after midnight.
    assert_eq!(run["windows"], 33);
    let incidents = run["incidents"].as_array().expect("incidents").iter();
    let columns: BTreeSet<&str> =
        incidents.map(|incident| incident["column_name"].as_str().expect("a column")).collect();
    assert_eq!(columns, BTreeSet::from(["channel", "score"]));
}
