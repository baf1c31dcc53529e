//! How requests went: how fresh, how many, how long, how large, and how many failed, and what labels took to come.

use serde_json::{Value, json};

use crate::support::scene::Scene;
use crate::support::tables;

/// Every fourth request of the first day is logged twice. The model of the last day is slow, and fails now and then.
const LOGGED: &str = "
SELECT *, CASE WHEN n < 48 THEN 20.0 + n % 5 ELSE 200.0 END AS milliseconds,
       CASE WHEN n >= 48 AND n % 6 = 0 THEN 503 WHEN n % 7 = 0 THEN NULL ELSE 200 END AS status,
       repeat('x', CAST(n AS INT)) AS request, 'äö' AS response
FROM (SELECT * EXCLUDE (label), CAST(substr(request_id, 2) AS BIGINT) AS n FROM model) AS numbered
";

async fn scene() -> Scene {
    let scene = Scene::new().await;
    let twice =
        format!("SELECT * FROM ({LOGGED}) UNION ALL SELECT * FROM ({LOGGED}) WHERE n < 24 AND n % 4 = 0");
    scene.replace("bad", &format!("SELECT * EXCLUDE (n) FROM ({twice})")).await;
    // Labels come an hour later, and those of the last day do not yet. One is corrected after a day.
    let labels = "
        SELECT request_id, label, event_time + INTERVAL '1 hour' AS came FROM model
        WHERE CAST(substr(request_id, 2) AS BIGINT) < 48
        UNION ALL SELECT request_id, 1 - label, event_time + INTERVAL '1 day' FROM model WHERE request_id = 'r3'";
    scene.table("labels", labels).await;
    scene.edit(
        "  columns: { include: [amount, region] }\n",
        "  label_table: ../lake/labels\n  label_timestamp_col: came\n  latency_col: milliseconds\n  status_col: status\n  \
         payload_cols: [request, response]\n  columns: { include: [amount, region] }\n",
    );
    scene
}

async fn days(scene: &Scene) -> Vec<Value> {
    scene
        .rows(
            "SELECT row_count, newest_row_age_seconds AS row_age, newest_label_age_seconds AS label_age,
                    label_delay_seconds.p50 AS delay, label_delay_seconds.p99 > 3600 AS is_one_late,
                    percent_duplicate_requests AS twice, requests_per_second * 3600 AS an_hour, latency.p50 AS latency,
                    percent_errors AS errors, payload_size.avg_bytes AS bytes, payload_size.max_bytes AS most, reason
             FROM bad_profile_metrics
             WHERE column_name = ':table' AND log_type = 'INPUT' AND model_version = '*' AND slice_key IS NULL
             ORDER BY window_start",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_says_how_its_requests_went() {
    let scene = scene().await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    // The last row of a day is of its last hour. Payloads have bytes, not characters.
    let first: f64 = (0..24).map(f64::from).chain((0..6).map(|n| f64::from(4 * n))).sum();
    let bytes = (first + 30.0 * 4.0) / 30.0;
    let expected = [
        json!({ "row_count": 30, "row_age": 3600.0, "label_age": 3600.0, "delay": 3600.0, "is_one_late": true, "twice": 20.0,
                "an_hour": 1.25, "latency": 22.0, "errors": 0.0, "bytes": bytes, "most": 23.0 }),
        json!({ "row_count": 24, "row_age": 3600.0, "label_age": 3600.0, "delay": 3600.0, "is_one_late": false, "twice": 0.0,
                "an_hour": 1.0, "latency": 22.0, "errors": 0.0, "bytes": 35.5 + 4.0, "most": 47.0 }),
        json!({ "row_count": 24, "row_age": 3600.0, "twice": 0.0, "an_hour": 1.0, "latency": 200.0,
                "errors": 20.0, "bytes": 59.5 + 4.0, "most": 71.0,
                "reason": "no prediction has a label yet" }),
    ];
    let rows = days(&scene).await;
    for (row, expected) in rows.iter().zip(&expected) {
        for (name, expected) in expected.as_object().expect("columns") {
            let is_same = match (row[name].as_f64(), expected.as_f64()) {
                (Some(ours), Some(expected)) => (ours - expected).abs() < 1e-9,
                _ => row[name] == *expected,
            };
            assert!(is_same, "{name}: {}, expected {expected}, in {row}", row[name]);
        }
    }
    assert_eq!((rows.len(), &rows[2]["label_age"], &rows[2]["delay"]), (3, &Value::Null, &Value::Null));
    let roles = scene
        .rows(
            "SELECT DISTINCT column_name, column_role, max_length IS NOT NULL AS has_length FROM bad_profile_metrics
             WHERE column_role NOT IN ('feature') ORDER BY column_name",
        )
        .await;
    let role = |name: &str, role: &str, has_length| json!({ "column_name": name, "column_role": role, "has_length": has_length });
    let expected = [
        role("milliseconds", "latency", false),
        role("request", "payload", true),
        role("response", "payload", true),
        role("status", "status", false),
    ];
    assert_eq!(roles, expected);
}

/// Labels that come later change what is said of their own days, and nothing of requests that they have no part in.
#[tokio::test(flavor = "multi_thread")]
async fn late_labels_and_files_add_up_to_the_same() {
    let scene = scene().await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let before = days(&scene).await;
    let more = "
        SELECT request_id, label, event_time + INTERVAL '2 hours' AS came FROM model
        WHERE CAST(substr(request_id, 2) AS BIGINT) >= 48";
    scene.append("labels", more).await;
    // Two requests of the second day once more, in a file of their own.
    scene.append("bad", &format!("SELECT * EXCLUDE (n) FROM ({LOGGED}) WHERE n IN (30, 40)")).await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let added_up = days(&scene).await;
    assert_eq!(added_up[0], before[0]);
    assert_eq!((&added_up[2]["delay"], &added_up[2]["label_age"]), (&json!(7200.0), &json!(3600.0)));
    let twice = added_up[1]["twice"].as_f64().expect("a share");
    assert!((twice - 100.0 * 2.0 / 26.0).abs() < 1e-12, "{twice}");
    std::fs::remove_dir_all(scene.path("monitoring")).expect("the tables");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    assert_eq!(days(&scene).await, added_up);
}

/// What an on-call engineer would watch: each of these can be the metric of a rule.
#[tokio::test(flavor = "multi_thread")]
async fn rules_watch_how_requests_go() {
    let scene = scene().await;
    let rules = [
        ("slow", "latency.p95", "above: 100"),
        ("failing", "percent_errors", "above: 5"),
        ("logged twice", "percent_duplicate_requests", "above: 10"),
        ("unlabelled", "label_delay_seconds.p50", "above: 7000"),
        ("quiet", "row_count_ratio", "below: 0.9"),
    ];
    let rules: Vec<String> = rules
        .iter()
        .map(|(name, metric, condition)| format!("  - {{ rule: {name}, metric: {metric}, {condition} }}\n"))
        .collect();
    scene.edit("alerts: []\n", &format!("alerts:\n{}", rules.concat()));
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let events = document["runs"][0]["events"].as_array().expect("events").iter();
    let mut fired: Vec<(&str, &str)> = events
        .filter(|event| event["state"] == "firing")
        .map(|event| {
            (event["rule"].as_str().expect("a rule"), &event["window_start"].as_str().expect("a time")[..10])
        })
        .collect();
    fired.sort_unstable();
    let expected = [
        ("failing", "2026-05-03"),
        ("logged twice", "2026-05-01"),
        ("quiet", "2026-05-02"),
        ("slow", "2026-05-03"),
    ];
    assert_eq!(fired, expected);
    let table = tables::open(&scene.path("monitoring/bad_profile_metrics")).await;
    assert!(table.version().is_some());
}

/// Labels that are in the log say when they came, too.
#[tokio::test(flavor = "multi_thread")]
async fn labels_in_the_log_have_a_time_of_their_own() {
    let scene = Scene::new().await;
    let labelled = "SELECT *, event_time + INTERVAL '90 minutes' AS came FROM model";
    scene.replace("bad", labelled).await;
    scene.edit("  label_col: label\n", "  label_col: label\n  label_timestamp_col: came\n");
    scene.edit("  columns: { include: [amount, region] }\n", "");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = scene
        .rows(
            "SELECT count(*) FILTER (WHERE label_delay_seconds.p50 = 5400 AND label_delay_seconds.p99 = 5400) AS delays,
                    count(*) FILTER (WHERE column_name = 'came') AS came
             FROM bad_profile_metrics WHERE log_type = 'INPUT' AND model_version = '*' AND slice_key IS NULL",
        )
        .await;
    assert_eq!(rows, [json!({ "delays": 3, "came": 0 })]);
    scene.edit("label_timestamp_col: came", "label_timestamp_col: region");
    let said = scene.secchi(&["run", "bad"]);
    assert!(said.code == 1 && said.err.contains("label_timestamp_col"), "{}", said.err);
    scene.edit("label_timestamp_col: region", "label_timestamp_col: event_time");
    let said = scene.secchi(&["validate", "bad"]);
    assert!(said.code == 1 && said.err.contains("which is the `timestamp_col` already"), "{}", said.err);
}
