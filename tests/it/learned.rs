//! Bounds that are learned from windows of the baseline.

use serde_json::{Value, json};

use crate::support::scene::Scene;

/// Eight days of a reference whose amounts wander a little from day to day, in two model versions.
const REFERENCE: &str = r#"
SELECT arrow_cast(arrow_cast(event_time, 'Int64') - (10 + d) * 86400000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time, CAST(1 + n % 2 AS VARCHAR) AS model_version, amount + d % 3 AS amount,
       region, prediction, score, label
FROM (SELECT *, CAST(substr(request_id, 2) AS BIGINT) AS n FROM model) AS numbered, generate_series(0, 7) AS days(d)
WHERE n < 24
"#;

/// Of three days, on the last amounts are ten more.
const LOGGED: &str = "SELECT * REPLACE (CASE WHEN event_time >= '2026-05-03' THEN amount + 10 ELSE amount END AS amount) FROM model";

async fn scene(rules: &str) -> Scene {
    let scene = Scene::new().await;
    scene.table("reference", REFERENCE).await;
    scene.replace("bad", LOGGED).await;
    scene.edit("slicing_exprs: [region]\n", "");
    scene.edit("alerts: []\n", &format!("alerts:\n{rules}baseline: {{ table: ../lake/reference }}\n"));
    scene
}

fn events(out: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(out).expect("one JSON document");
    let events = document["runs"][0]["events"].as_array().expect("events").iter();
    events
        .map(|event| {
            let day = &event["window_start"].as_str().expect("a time")[..10];
            json!([event["rule"], event["state"], day, event["threshold"]])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_learns_what_the_baseline_does_by_itself() {
    let rules = "  - { rule: mean, metric: avg, above: learned, columns: [amount] }\n  \
                 - { rule: distance, metric: wasserstein_distance, above: learned, columns: [amount] }\n  \
                 - { rule: either way, metric: avg, outside: learned, columns: [amount] }\n  \
                 - { rule: low, metric: avg, below: learned, columns: [amount] }\n";
    let scene = scene(rules).await;
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let events = events(&said.out);
    let of = |rule: &str| events.iter().filter(|event| event[0] == rule).cloned().collect::<Vec<_>>();
    // By NumPy: the means of the days of version 1 in the baseline are m, m + 1 and m + 2 in turn, m = 34 / 12.
    let m = 34.0 / 12.0;
    let means: Vec<f64> = (0..8).map(|d| m + f64::from(d % 3)).collect();
    let mean = means.iter().sum::<f64>() / 8.0;
    let deviation = (means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 8.0).sqrt();
    let [mean_event] = of("mean").try_into().expect("one event");
    assert_eq!((&mean_event[1], &mean_event[2]), (&json!("firing"), &json!("2026-05-03")));
    let threshold: f64 = mean_event[3].as_str().expect("a threshold").parse().expect("a number");
    assert!((threshold - (mean + 3.0 * deviation)).abs() < 1e-5, "{threshold}");
    let range = of("either way")[0][3].as_str().expect("a range").to_owned();
    assert!(range.ends_with(&format!(" to {threshold}")), "{range}");
    let told = scene.rows("SELECT DISTINCT learned_windows FROM alerts").await;
    assert_eq!(told, [json!({ "learned_windows": 8 })]);
    assert_eq!(of("distance").len(), 1, "{events:?}");
    assert_eq!(of("low"), Vec::<Value>::new());

    // What was learned is kept with what was counted, and is the same where nothing is counted anew.
    scene.append("bad", "SELECT * REPLACE (event_time + INTERVAL '3 days' AS event_time, amount + 10 AS amount) FROM model WHERE event_time < '2026-05-02'").await;
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let later = self::events(&said.out);
    let later: Vec<&Value> = later.iter().filter(|event| event[0] == "mean").collect();
    assert_eq!(later, [&json!(["mean", "firing", "2026-05-04", threshold.to_string()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_learned_is_said() {
    let rules = "  - { rule: mean, metric: avg, above: learned, columns: [amount] }\n";
    let scene = scene(rules).await;
    scene.table("short", &format!("SELECT * FROM ({REFERENCE}) WHERE event_time < '2026-04-19'")).await;
    scene.edit("../lake/reference }", "../lake/short }");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let few = "of `mean`: 5 windows of the baseline have a value, and 7 are needed to learn";
    assert!(said.out.contains(few), "{}", said.out);
    scene.edit("../lake/short }", "../lake/reference }");
    scene.table("reference2", &format!("SELECT * EXCLUDE (event_time) FROM ({REFERENCE})")).await;
    scene.edit("../lake/reference }", "../lake/reference2 }");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let note = "rule `mean` never fires: the baseline has no times in a column `event_time`, the `timestamp_col`, and so no windows \
                to learn from";
    assert!(said.out.contains(note), "{}", said.out);
    let said = scene.secchi(&["validate", "bad", "--connect"]);
    assert!(said.err.contains(note), "{}", said.err);
    for (rule, why) in [
        ("metric: drift_share, above: learned", "which `drift_share` cannot be from windows of the baseline"),
        (
            "metric: ks_test.statistic, above: learned, comparison: CONSECUTIVE",
            "so not for another comparison",
        ),
    ] {
        let from = "metric: avg, above: learned, columns: [amount]";
        scene.edit(from, rule);
        let said = scene.secchi(&["validate", "bad"]);
        assert!(said.code == 1 && said.err.contains(why), "{}", said.err);
        scene.edit(rule, from);
    }
    scene.edit("baseline: { table: ../lake/reference2 }\n", "");
    let said = scene.secchi(&["validate", "bad"]);
    assert!(said.code == 1 && said.err.contains("which needs a `baseline`"), "{}", said.err);
}
