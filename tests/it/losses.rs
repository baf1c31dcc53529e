//! Errors of a regression that are expected before labels come: what the baseline taught, added up over rows.

use serde_json::{Value, json};

use crate::support::scene::Scene;

/// A model of prices, whose errors grow with the size: by `noise`, which is anything but random and never the same.
fn priced(from: u32, until: u32, size: &str) -> String {
    format!(
        r#"SELECT arrow_cast(1777593600000000 + n * 60000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
                  concat('r', n) AS request_id, CAST({size} AS DOUBLE) AS size, CASE WHEN n % 3 = 0 THEN 'flat' ELSE 'house' END AS kind,
                  100.0 * {size} AS prediction, 100.0 * {size} + {size} * sin(n * 12.9898) * 10.0 AS label
           FROM generate_series({from}, {until}) AS series(n)"#
    )
}

const WIDE: &str = "(1 + (n * 7919) % 97)";
const LARGE: &str = "(60 + (n * 7919) % 37)";

async fn scene() -> Scene {
    let scene = Scene::new().await;
    scene.table("reference", &priced(100_000, 104_000, WIDE)).await;
    // A day like the baseline, and one of large houses. No label has come yet.
    let days = format!(
        "SELECT * FROM ({}) UNION ALL SELECT * FROM ({})",
        priced(0, 1_399, WIDE),
        priced(1_440, 2_839, LARGE)
    );
    scene.replace("bad", &format!("SELECT * EXCLUDE (label) FROM ({days})")).await;
    let monitor = "monitor: bad
inference:
  table: ../lake/bad
  timestamp_col: event_time
  request_id_col: request_id
  prediction_col: prediction
  label_col: label
  label_table: ../lake/labels
  problem_type: regression
baseline: { table: ../lake/reference }
granularities: [1 day]
slicing_exprs: [kind]
alerts:
  - { rule: errors, metric: estimated_mean_average_error, change_from_baseline: { above: 20% } }
output: { uri: ../monitoring }
";
    scene.write("monitors/bad.yaml", monitor);
    scene.table("labels", &format!("SELECT request_id, label FROM ({}) LIMIT 0", priced(0, 9, WIDE))).await;
    scene
}

async fn days(scene: &Scene) -> Vec<Value> {
    scene
        .rows(
            "SELECT estimated_mean_average_error AS mae, estimated_root_mean_squared_error AS rmse,
                    estimated_sampling_errors['estimated_mean_average_error'] AS mae_error,
                    mean_average_error AS realised_mae, root_mean_squared_error AS realised_rmse, slice_value, reason
             FROM bad_profile_metrics WHERE column_name = ':table' AND log_type = 'INPUT' ORDER BY slice_value, window_start",
        )
        .await
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("no {name} in {row}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_expected_before_labels_come() {
    let scene = scene().await;
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let events = document["runs"][0]["events"].as_array().expect("events");
    let fired: Vec<&str> =
        events.iter().map(|event| &event["window_start"].as_str().expect("a time")[..10]).collect();
    assert_eq!(fired, ["2026-05-02"], "the day of large houses, before any label");
    let before = days(&scene).await;
    assert_eq!(before.len(), 6, "two days of two slices and the whole");
    // Then labels come, and change no estimate.
    let labels = format!(
        "SELECT request_id, label FROM ({}) UNION ALL SELECT request_id, label FROM ({})",
        priced(0, 1_399, WIDE),
        priced(1_440, 2_839, LARGE)
    );
    scene.append("labels", &labels).await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let after = days(&scene).await;
    for (before, after) in before.iter().zip(&after) {
        for name in ["mae", "rmse", "mae_error"] {
            assert_eq!(before[name], after[name], "{name}");
        }
        assert_eq!(before["realised_mae"], Value::Null);
        // NannyML's own estimates of such rows are off by as much: it is the learner's, and that of so many rows.
        let near = |ours: &str, realised: &str| {
            let (ours, realised) = (number(after, ours), number(after, realised));
            assert!((ours / realised - 1.0).abs() < 0.06, "{ours}, realised {realised}, in {after}");
        };
        near("mae", "realised_mae");
        near("rmse", "realised_rmse");
    }
    // Large houses are told from others by what is known of them alone.
    let whole: Vec<&Value> = after.iter().filter(|row| row["slice_value"].is_null()).collect();
    assert!(number(whole[1], "mae") > 1.4 * number(whole[0], "mae"), "{whole:?}");

    // One run over everything says the same.
    std::fs::remove_dir_all(scene.path("monitoring")).expect("the tables");
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(days(&scene).await, after);

    // Another baseline teaches something else, so that all rows are read again.
    scene.append("reference", &priced(200_000, 200_500, LARGE)).await;
    let said = scene.secchi(&["run", "bad"]);
    assert!(
        said.out.contains("errors are expected by what the baseline was like, which has changed"),
        "{}",
        said.out
    );
    let other = days(&scene).await;
    assert_ne!(other[0]["mae"], after[0]["mae"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_no_errors_are_expected_is_said() {
    let scene = scene().await;
    scene.replace("reference", &priced(100_000, 100_050, WIDE)).await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = days(&scene).await;
    let expected = "no prediction has a label yet; estimated_mean_average_error, estimated_root_mean_squared_error, \
                    estimated_sampling_errors: fewer than 100 rows of the baseline have a finite prediction and label";
    assert_eq!(rows[0]["reason"], json!(expected));
}
