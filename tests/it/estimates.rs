//! Quality that is estimated by the labels of a baseline, where the inference table has none.

use serde_json::json;

use crate::support::scene::Scene;

/// A classifier whose log never gets labels, beside a baseline that has them.
async fn unlabelled(baseline: &str) -> Scene {
    let scene = Scene::new().await;
    scene.table("requests", "SELECT * EXCLUDE (label) FROM model").await;
    scene.table("reference", baseline).await;
    scene.edit("../lake/bad", "../lake/requests");
    scene.edit("alerts: []", "baseline: { table: ../lake/reference }\nalerts: []");
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_the_baseline_are_enough() {
    let scene = unlabelled("SELECT * FROM model").await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let note = "note: the inference table has no `label`, the `label_col`, which the baseline has: quality is estimated \
                where that can be, and not measured";
    assert!(said.out.contains(note), "{}", said.out);
    let rows = scene
        .rows(
            "SELECT estimated_accuracy_score, estimated_roc_auc_score IS NOT NULL AS is_ranked, accuracy_score, \
             label_count, reason FROM bad_profile_metrics \
             WHERE column_name = ':table' AND log_type = 'INPUT' AND model_version = '1' AND slice_key IS NULL \
             ORDER BY window_start LIMIT 1",
        )
        .await;
    // Every odd hour is of the positive class, and every even one is not, whatever the score. So at 0 it never comes true, at 0.9
    // always, and between these, where it rises and falls, as often as all in all: 29 times of 57. Of the first day's rows 3 and 2
    // are at the ends and right; of the others 10 say that it is of the class, and 9 that it is not.
    let estimated = rows[0]["estimated_accuracy_score"].as_f64().expect("an estimate");
    let expected = (5.0 + (10.0 * 29.0 + 9.0 * 28.0) / 57.0) / 24.0;
    assert!((estimated - expected).abs() < 1e-12, "{estimated}");
    let row = json!({
        "estimated_accuracy_score": estimated, "is_ranked": true, "label_count": 0,
        "reason": "no prediction has a label yet",
    });
    assert_eq!(rows[0], row);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_neither_table_has_are_missing() {
    let scene = unlabelled("SELECT * EXCLUDE (label) FROM model").await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("`label`"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_on_an_estimate_can_fire() {
    let scene = unlabelled("SELECT * FROM model").await;
    let rules = "alerts:\n  - { rule: estimate, metric: estimated_accuracy_score, below: 0.7 }";
    scene.edit("alerts: []", rules);
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("estimated_accuracy_score"), "{}", said.out);
    scene.edit("baseline: { table: ../lake/reference }\n", "");
    scene.edit("../lake/requests", "../lake/bad");
    let said = scene.secchi(&["validate", "bad"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("needs a baseline with labels"), "{}", said.err);
}
