//! What is odd about the input and stops nobody: it is said, by `validate` and by the run, and the rest goes on.

use serde_json::{Value, json};

use crate::support::cli::Said;
use crate::support::scene::{Scene, is_as_approved};

/// What is noted about `bad`, which can be run: the same by `validate`, by the run and in its record.
async fn noted(scene: &Scene) -> String {
    let validated = scene.secchi(&["validate", "--connect", "bad"]);
    let said = scene.secchi(&["run", "bad", "good"]);
    for Said { code, out, err } in [&validated, &said] {
        assert_eq!(*code, 0, "{out}{err}");
    }
    scene.is_served("what is odd about the other monitor").await;
    // Since when there are no rows is a matter of when the test runs, and of no schema.
    let is_of_input = |line: &&str| !line.contains("no rows since");
    let of_validate = validated.err.lines().filter_map(|line| line.strip_prefix("bad: note: "));
    let of_validate: Vec<&str> = of_validate.collect();
    let bad = said.out.split("\ngood  ").next().unwrap_or_default();
    let of_run = bad.lines().filter_map(|line| line.strip_prefix("  note: ")).filter(is_of_input);
    assert_eq!(of_run.collect::<Vec<_>>(), of_validate);
    let runs = "SELECT findings FROM runs WHERE monitor_name = 'bad' AND status = 'SUCCEEDED'";
    let recorded = scene.rows(runs).await;
    let recorded = recorded[0]["findings"].as_array().cloned().unwrap_or_default();
    let recorded = recorded.iter().filter_map(Value::as_str).filter(is_of_input);
    assert_eq!(recorded.collect::<Vec<_>>(), of_validate);
    of_validate.iter().map(|line| format!("{line}\n")).collect()
}

/// A scene in which `bad` profiles all its columns, and is compared with what `sql` selects from `model`.
async fn compared_with(sql: &str) -> Scene {
    let scene = Scene::new().await;
    scene.table("reference", sql).await;
    scene.edit("  columns: { include: [amount, region] }\n", "");
    scene.edit("alerts: []\n", "alerts: []\nbaseline: { table: ../lake/reference }\n");
    scene
}

/// How the columns of the first day differ from the baseline, and what stands of it in the profile table.
async fn compared(scene: &Scene, columns: &str) -> Vec<Value> {
    scene
        .rows(&format!(
            "SELECT drift.column_name, drift.reason, count_delta IS NOT NULL AS is_counted,
                    js_distance IS NOT NULL AS is_compared, profile.data_type, profile.count AS count
             FROM bad_drift_metrics AS drift JOIN bad_profile_metrics AS profile
               ON profile.column_name = drift.column_name AND profile.log_type = 'BASELINE'
                  AND profile.model_version = '1' AND profile.slice_key IS NULL
             WHERE drift_type = 'BASELINE' AND drift.model_version = '1' AND drift.slice_key IS NULL
               AND drift.window_start = (SELECT min(window_start) FROM bad_drift_metrics)
               AND drift.column_name IN ({columns})
             ORDER BY drift.column_name"
        ))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_the_baseline_has_not_or_otherwise() {
    let scene = compared_with(
        "SELECT * EXCLUDE (region, score) REPLACE (CAST(amount AS VARCHAR) AS amount), 3 AS tenure, 4 AS age FROM model",
    )
    .await;
    let mut page = format!("# columns that came, went and changed\n{}", noted(&scene).await);
    let rows = compared(&scene, "'amount', 'prediction', 'score'").await;
    let expected = [
        json!({
            "column_name": "amount", "is_counted": true, "is_compared": false, "data_type": "string", "count": 72,
            "reason": "it is string in the baseline and double in the inference table",
        }),
        json!({
            "column_name": "prediction", "is_counted": true, "is_compared": true, "data_type": "bigint", "count": 72,
        }),
        json!({
            "column_name": "score", "is_counted": false, "is_compared": false, "count": 0,
            "reason": "the baseline does not have the column",
        }),
    ];
    assert_eq!(rows, expected);

    let scene = compared_with("SELECT * EXCLUDE (score), 3 AS tenure FROM model").await;
    scene.edit("  label_col: label\n", "  label_col: label\n  columns: { exclude: [tenure, score] }\n");
    page.push_str(&format!("\n# what is excluded is not missed\n{}", noted(&scene).await));

    let scene = compared_with("SELECT * REPLACE (make_array(amount) AS amount) FROM model").await;
    page.push_str(&format!("\n# an array beside a number\n{}", noted(&scene).await));

    let scene =
        compared_with("SELECT * REPLACE (CAST(prediction AS VARCHAR) AS prediction) FROM model").await;
    scene.edit("  prediction_proba_col: score", "  problem_type: regression");
    page.push_str(&format!("\n# a text where the model predicts numbers\n{}", noted(&scene).await));
    scene.edit("  label_col: label\n", "  label_col: label\n  columns: { exclude: [prediction] }\n");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0, "not profiled, but what quality is measured by");
    is_as_approved("findings_baseline", &page);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_one_kind_are_compared() {
    let narrow = "SELECT * REPLACE (CAST(amount AS INT) AS amount, CAST(score AS FLOAT) AS score) FROM model";
    let scene = compared_with(narrow).await;
    assert_eq!(noted(&scene).await, "");
    let rows = compared(&scene, "'amount', 'score'").await;
    assert!(rows.iter().all(|row| row["is_compared"] == true), "{rows:?}");

    let scene = compared_with("SELECT * REPLACE (CAST(amount AS VARCHAR) AS amount) FROM model").await;
    scene.edit("  label_col: label\n", "  label_col: label\n  columns: { categorical: [amount] }\n");
    assert_eq!(noted(&scene).await, "");
    let rows = compared(&scene, "'amount'").await;
    assert!(rows[0]["is_compared"] == true, "{rows:?}");
}

/// One version of the model is described by files that cannot be understood.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_registry_that_cannot_be_understood() {
    let scene = Scene::new().await;
    scene.edit("granularities:", "registry: { mlflow: ../lake/mlruns, model: credit }\ngranularities:");
    for (file, content) in [
        ("credit/meta.yaml", b"name: credit\n".as_slice()),
        ("credit/aliases/champion", b"1"),
        ("credit/version-1/meta.yaml", b"current_stage: \xff\xfe\n"),
        ("credit/version-1/tags/tier", b"1"),
        ("credit/version-2/meta.yaml", b"current_stage: [Production\n"),
        ("other/meta.yaml", b"\xff"),
    ] {
        let path = scene.path("lake/mlruns/models").join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    is_as_approved("findings_registry", &noted(&scene).await);
    let sql = "SELECT DISTINCT model_stage, model_aliases FROM bad_profile_metrics WHERE model_version = '1'";
    assert_eq!(scene.rows(sql).await, [json!({ "model_aliases": ["champion"] })], "other files are read");
}
