//! Quality that is estimated before labels come, against what NannyML recorded of the same rows.

use serde_json::Value;

use super::california::california;
use super::{load, monitor, months_fired, recorded};
use crate::support::cli::secchi;
use crate::support::tables;

const MONITOR: &str = "
monitor: california
inference:
  table: ../lake/houses
  timestamp_col: timestamp
  model_id_col: model_version
  prediction_col: y_pred
  prediction_proba_col: y_pred_proba
  label_col: clf_target
  label_table: ../lake/labels
  request_id_col: id
baseline: { table: ../lake/reference }
granularities: [1 month]
alerts:
  - { rule: ranking, metric: estimated_roc_auc_score, below: 0.7083356125891167 }
output: { uri: ../monitoring }
";

/// All months of California's houses, those of the baseline too, and labels of none: the estimates are the recorded ones, and
/// so is the one month in which the ranking is worse than the recorded threshold. Labels that come then change no estimate.
#[tokio::test(flavor = "multi_thread")]
async fn the_estimated_quality_of_the_california_model_is_the_recorded_one() {
    let Some((case, ctx)) = california().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    load(&ctx, "SELECT * FROM reference", &folder.join("lake/reference")).await;
    let houses =
        |table: &str| format!("SELECT id, y_pred, y_pred_proba, timestamp, model_version FROM {table}");
    let all = format!("{} UNION ALL {}", houses("reference"), houses("analysis"));
    load(&ctx, &all, &folder.join("lake/houses")).await;
    // Of a request that nobody made.
    load(&ctx, "SELECT -id - 1 AS id, clf_target FROM labels LIMIT 1", &folder.join("lake/labels")).await;
    monitor(folder, "california", MONITOR);

    let said = secchi(folder, &["run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = estimates(folder).await;
    let answers = recorded(&case.join("nml_california_cbpe_monthly.json"));
    assert_eq!((rows.len(), answers.len()), (20, 20));
    for answer in &answers {
        let month = answer["chunk.key"].as_str().expect("a month");
        let row = rows.iter().find(|row| row["month"] == month).expect("a row for each month");
        assert_eq!(row["label_count"], 0);
        let check = |theirs: &str, ours: &str, tolerance: f64| {
            let (theirs_value, ours_value) = (answer[theirs].as_f64(), row[ours].as_f64());
            let (theirs_value, ours_value) = (theirs_value.expect(theirs), ours_value.expect(ours));
            let apart = (theirs_value - ours_value).abs();
            assert!(apart < tolerance, "{month} {ours}: {ours_value}, recorded {theirs_value}");
        };
        for (theirs, ours) in [
            ("accuracy", "accuracy_score"),
            ("precision", "precision"),
            ("recall", "recall"),
            ("specificity", "specificity"),
            ("f1", "f1_score"),
            ("roc_auc", "roc_auc_score"),
        ] {
            // NannyML rounds the points of its curve to five decimals. Of rows with one score it ranks the later one
            // higher, here they count half.
            let (value, error) = if theirs == "roc_auc" { (1e-7, 1e-5) } else { (1e-9, 1e-9) };
            check(&format!("{theirs}.value"), ours, value);
            check(&format!("{theirs}.sampling_error"), &format!("{ours}_error"), error);
        }
    }
    let alerts = answers.iter().filter(|answer| answer["roc_auc.alert"] == true);
    let alerts: Vec<&str> = alerts.map(|answer| answer["chunk.key"].as_str().expect("a month")).collect();
    assert_eq!(alerts, ["2021-09"]);
    assert_eq!(months_fired(&said.out), alerts);

    thresholds_are_learned_by_what_came_true(folder, &answers).await;

    let labels = ctx.sql("SELECT * FROM labels").await.expect("labels").collect().await.expect("labels");
    tables::append(&folder.join("lake/labels"), labels).await;
    let said = secchi(folder, &["run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let later = estimates(folder).await;
    assert_eq!(later.iter().filter(|row| row["label_count"] != 0).count(), 12);
    for (row, before) in later.iter().zip(&rows) {
        let without_labels = |row: &Value| {
            let mut row = row.clone();
            row.as_object_mut().expect("a row").remove("label_count");
            row
        };
        assert_eq!(without_labels(row), without_labels(before));
    }
}

/// Bounds are those that NannyML learns from the realised quality of the reference, month by month, and so are the months beyond.
async fn thresholds_are_learned_by_what_came_true(folder: &std::path::Path, answers: &[Value]) {
    let measures = ["roc_auc", "precision", "specificity", "accuracy"];
    let metric = |measure: &str| match measure {
        "precision" | "specificity" => format!("estimated_{measure}"),
        _ => format!("estimated_{measure}_score"),
    };
    let rules: Vec<String> = measures
        .iter()
        .map(|measure| format!("  - {{ rule: {measure}, metric: {}, below: learned }}", metric(measure)))
        .collect();
    let fixed = MONITOR.lines().find(|line| line.contains("rule: ranking")).expect("a rule");
    let text = MONITOR
        .replace(fixed, &rules.join("\n"))
        .replace("monitor: california", "monitor: learned")
        .replace("../monitoring", "../learned");
    monitor(folder, "learned", &text);
    let said = secchi(folder, &["run", "learned", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let events = tables::query(
        &folder.join("learned"),
        "SELECT rule, substr(CAST(window_start AS VARCHAR), 1, 7) AS month, threshold, learned_windows FROM alerts
         WHERE state = 'firing' ORDER BY month",
    )
    .await;
    for measure in measures {
        let fired: Vec<&Value> = events.iter().filter(|event| event["rule"] == measure).collect();
        let is_beyond = |answer: &&Value| {
            let (value, bound) =
                (&answer[format!("{measure}.value")], &answer[format!("{measure}.lower_threshold")]);
            value.as_f64().zip(bound.as_f64()).is_some_and(|(value, bound)| value < bound)
        };
        let beyond: Vec<&Value> = answers.iter().filter(is_beyond).collect();
        let months =
            |rows: &[&Value], key: &str| rows.iter().map(|row| row[key].to_string()).collect::<Vec<_>>();
        assert_eq!(months(&fired, "month"), months(&beyond, "chunk.key"), "{measure}");
        for event in fired {
            let bound: f64 =
                event["threshold"].as_str().and_then(|bound| bound.parse().ok()).expect("a bound");
            let theirs = answers[0][format!("{measure}.lower_threshold")].as_f64().expect("a bound");
            // Told to six digits, outwards.
            assert!((bound - theirs).abs() < 1e-5, "{measure}: {bound}, recorded {theirs}");
            assert_eq!(event["learned_windows"], 8);
        }
    }
}

async fn estimates(folder: &std::path::Path) -> Vec<Value> {
    let errors = ["accuracy_score", "precision", "recall", "specificity", "f1_score", "roc_auc_score"];
    let columns: Vec<String> = errors
        .iter()
        .map(|name| {
            format!(
                "estimated_{name} AS {name}, estimated_sampling_errors['estimated_{name}'] AS {name}_error"
            )
        })
        .collect();
    let sql = format!(
        "SELECT substr(CAST(window_start AS VARCHAR), 1, 7) AS month, label_count, {}
         FROM california_profile_metrics
         WHERE column_name = ':table' AND log_type = 'INPUT' AND model_version = '1' AND slice_key IS NULL ORDER BY month",
        columns.join(", ")
    );
    tables::query(&folder.join("monitoring"), &sql).await
}
