//! Passes: a table whose states do not fit into memory is read several times, and its numbers are the same.

use serde_json::Value;

use crate::support::scene::Scene;
use crate::support::tables;

/// Where the columns are read one by one.
const LITTLE_MEMORY: &str = "state_memory_mib: 0\n";

/// With everything that rows are made of: several versions and granularities, slices, a baseline, custom metrics, rules.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    let unknown_here = "CASE WHEN region = 'north' THEN NULL ELSE amount END AS only_south";
    let versions = "CAST(1 + CAST(amount AS BIGINT) % 2 AS VARCHAR)";
    let rows = format!(
        "SELECT * REPLACE ({versions} AS model_version), {unknown_here}, event_time AS at FROM model"
    );
    scene.table("several", &rows).await;
    scene.table("baseline", &format!("{rows} WHERE score < 0.6")).await;
    scene.edit("../lake/bad", "../lake/several");
    scene.edit("  columns: { include: [amount, region] }\n", "");
    scene.edit("granularities: [1 day]", "granularities: [1 day, 1 week]");
    scene.edit("slicing_exprs: [region]", "slicing_exprs: [region, amount > 3]");
    let more = "baseline: { table: ../lake/baseline }
custom_metrics:
  - { name: spread, type: aggregate, input_columns: [amount], definition: \"max({{input_column}}) - min({{input_column}})\", output_data_type: double }
  - { name: twice, type: derived, input_columns: [amount], definition: \"2 * spread\", output_data_type: double }
  - { name: moved, type: drift, input_columns: [amount], definition: \"{{current_df}}.twice - {{base_df}}.twice\", output_data_type: double }
alerts:
  - { rule: rows, metric: row_count, above: 5 }
  - { rule: nulls, metric: percent_null, above: 10 }
  - { rule: drift, metric: js_distance, comparison: BASELINE, above: 0.1 }";
    scene.edit("alerts: []", more);
    scene
}

/// Every row of the table, but for when it was computed, and by which run.
async fn rows_of(scene: &Scene, output: &str, table: &str) -> Vec<String> {
    let sql = format!("SELECT * EXCEPT (computed_at, run_id) FROM {table}");
    let rows = tables::query(&scene.path(output), &sql).await;
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_read_one_by_one_give_the_same_numbers() {
    let scene = scene().await;
    let said = scene.secchi(&["run", "bad", "--output", "at_once"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.out.contains("passes"), "{}", said.out);
    scene.write("secchi.yaml", LITTLE_MEMORY);
    let said = scene.secchi(&["run", "bad", "--output", "one_by_one"]);
    assert_eq!(said.code, 0, "{}", said.err);
    // Prediction, score and label are read together, with the quality of the model.
    assert!(said.out.contains("tables were read in 5 passes"), "{}", said.out);
    assert!(said.out.contains("what is held of predictions took 1 MiB"), "{}", said.out);
    for table in ["bad_profile_metrics", "bad_drift_metrics", "bad_profile_states"] {
        let (at_once, one_by_one) =
            (rows_of(&scene, "at_once", table).await, rows_of(&scene, "one_by_one", table).await);
        assert!(at_once.len() > 100, "{table} has {} rows", at_once.len());
        assert_eq!(at_once.len(), one_by_one.len(), "{table}");
        for (at_once, one_by_one) in at_once.iter().zip(&one_by_one) {
            assert_eq!(at_once, one_by_one, "{table}");
        }
    }
    let (at_once, one_by_one) =
        (rows_of(&scene, "at_once", "alerts").await, rows_of(&scene, "one_by_one", "alerts").await);
    assert!(at_once.len() > 10);
    assert_eq!(at_once, one_by_one);
    // Once more in the same place: nothing is restated.
    let said = scene.secchi(&["run", "bad", "--output", "at_once"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let restated = "SELECT count(*) AS rows FROM bad_profile_metrics WHERE revision > 1";
    let rows = tables::query(&scene.path("at_once"), restated).await;
    assert_eq!(rows[0]["rows"], 0);
}
