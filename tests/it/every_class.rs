//! Classifiers that say how sure they are of every class: maps, structs, and a column for each class.

use serde_json::{Value, json};

use crate::support::scene::Scene;

/// Of three plans, of which the likeliest is predicted and every third time another comes true; the first day is the baseline's,
/// too. On the last day labels are still to come.
const LOGGED: &str = "
SELECT event_time, request_id, model_version, amount, region,
       CASE WHEN n % 3 = 0 THEN 'basic' WHEN n % 3 = 1 THEN 'plus' ELSE 'premium' END AS prediction,
       CASE WHEN n >= 48 THEN NULL WHEN n % 9 < 6 THEN
           CASE WHEN n % 3 = 0 THEN 'basic' WHEN n % 3 = 1 THEN 'plus' ELSE 'premium' END
           WHEN n % 2 = 0 THEN 'plus' ELSE 'basic' END AS label,
       CASE WHEN n % 3 = 0 THEN 0.5 + n % 4 / 10.0 ELSE 0.25 END AS p_basic,
       CASE WHEN n % 3 = 1 THEN 0.5 + n % 4 / 10.0 WHEN n % 3 = 0 THEN 0.5 - n % 4 / 10.0 ELSE 0.25 END AS p_plus,
       CASE WHEN n % 3 = 2 THEN 0.5 WHEN n % 3 = 1 THEN 0.25 - n % 4 / 10.0 ELSE 0.0 END AS p_premium, n
FROM (SELECT * EXCLUDE (label, prediction, score), CAST(substr(request_id, 2) AS BIGINT) AS n FROM model) AS numbered
";

/// A negative probability of one of four rows of the second class is none.
fn logged(probabilities: &str) -> String {
    let valid = format!(
        "SELECT * REPLACE (greatest(p_premium, 0.0) AS p_premium, CASE WHEN n % 3 = 1 THEN 0.75 - \
                         greatest(p_premium, 0.0) ELSE p_plus END AS p_plus) FROM ({LOGGED})"
    );
    format!("SELECT * EXCLUDE (n, p_basic, p_plus, p_premium), {probabilities} FROM ({valid})")
}

async fn measured(scene: &Scene) -> Vec<Value> {
    let run = scene.secchi(&["run", "bad"]);
    assert_eq!(run.code, 0, "{}", run.err);
    scene
        .rows(
            "SELECT log_type, label_count, round(accuracy_score, 6) AS accuracy, round(log_loss, 6) AS loss,
                    round(brier_score_loss, 6) AS brier, round(expected_calibration_error, 6) AS ece,
                    round(roc_auc_score.macro, 6) AS area, round(average_precision_score, 6) AS ap,
                    round(top_k_accuracy_score.k2, 6) AS k2, top_k_accuracy_score.k3 AS k3,
                    round(estimated_accuracy_score, 6) AS expected, round(estimated_roc_auc_score, 6) AS expected_area, reason
             FROM bad_profile_metrics
             WHERE column_name = ':table' AND model_version = '*' AND slice_key IS NULL
             ORDER BY log_type, window_start",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_structs_and_columns_say_the_same() {
    let map = "map(['basic', 'plus', 'premium'], [p_basic, p_plus, p_premium]) AS sure";
    let record = "named_struct('basic', p_basic, 'plus', p_plus, 'premium', p_premium) AS sure";
    let columns = "p_basic, p_plus, p_premium";
    let of_columns = "prediction_proba_cols: { basic: p_basic, plus: p_plus, premium: p_premium }";
    let mut all = Vec::new();
    for (probabilities, key) in
        [(map, "prediction_proba_col: sure"), (record, "prediction_proba_col: sure"), (columns, of_columns)]
    {
        let scene = Scene::new().await;
        scene.replace("bad", &logged(probabilities)).await;
        scene
            .table("reference", &format!("SELECT * FROM ({}) WHERE label IS NOT NULL", logged(probabilities)))
            .await;
        scene.edit("  prediction_proba_col: score\n", &format!("  {key}\n"));
        scene
            .edit("granularities: [1 day]", "baseline: { table: ../lake/reference }\ngranularities: [1 day]");
        all.push(measured(&scene).await);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    // scikit-learn, by the functions that `tests/oracle/README.md` names.
    let labelled = |log_type, rows, accuracy, loss, brier, ece, area, ap| {
        json!({ "log_type": log_type, "label_count": rows, "accuracy": accuracy, "loss": loss, "brier": brier, "ece": ece,
                "area": area, "ap": ap, "k2": 0.958333, "k3": 1.0 })
    };
    let expected = [
        labelled("BASELINE", 48, 0.770833, 0.705247, 0.431667, 0.183333, 0.844666, 0.686438),
        labelled("INPUT", 24, 0.833333, 0.672568, 0.406667, 0.245833, 0.872840, 0.730143),
        labelled("INPUT", 24, 0.708333, 0.737927, 0.456667, 0.120833, 0.817511, 0.649598),
        json!({ "log_type": "INPUT", "label_count": 0, "reason": "no prediction has a label yet" }),
    ];
    assert_eq!(all[0].len(), expected.len());
    for (row, expected) in all[0].iter().zip(&expected) {
        for (name, expected) in expected.as_object().expect("columns") {
            assert_eq!(row[name], *expected, "{name} of {row}");
        }
        // Labels have no part in what is expected, and the days are alike.
        if row["log_type"] == json!("INPUT") {
            assert_eq!(
                [&row["expected"], &row["expected_area"]],
                [&json!(0.739583), &json!(0.851975)],
                "{row}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probability_of_one_class_can_be_taken_out_of_a_map() {
    let scene = Scene::new().await;
    let binary = "SELECT * EXCLUDE (score), map(['0', '1'], [1 - score, score]) AS score FROM model";
    scene.replace("bad", binary).await;
    scene.edit("  label_col: label\n", "  label_col: label\n  positive_class: \"1\"\n");
    let run = scene.secchi(&["run"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let of = |monitor: &str| {
        format!(
            "SELECT log_loss, roc_auc_score.macro AS area, average_precision_score, brier_score_loss, \
                    top_k_accuracy_score IS NULL AS has_no_order
             FROM {monitor}_profile_metrics WHERE column_name = ':table' AND log_type = 'INPUT' AND slice_key IS NULL
             ORDER BY model_version, window_start"
        )
    };
    let rows = scene.rows(&of("bad")).await;
    assert_eq!(rows, scene.rows(&of("good")).await);
    assert!(
        rows.len() == 6 && rows[0]["has_no_order"] == json!(true) && rows[0]["area"].is_number(),
        "{rows:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_k_falls_and_is_told() {
    let scene = Scene::new().await;
    scene
        .replace("bad", &logged("map(['basic', 'plus', 'premium'], [p_basic, p_plus, p_premium]) AS sure"))
        .await;
    scene.edit("  prediction_proba_col: score\n", "  prediction_proba_col: sure\n");
    scene.edit("alerts: []", "alerts:\n  - { rule: far off, metric: top_k_accuracy_score.k2, below: 0.96 }");
    let run = scene.secchi(&["run", "bad", "--fail-on-alert"]);
    assert_eq!(run.code, 3, "{}", run.err);
    // Of one class there is no order.
    scene.edit_of(
        "good",
        "alerts: []",
        "alerts:\n  - { rule: far off, metric: top_k_accuracy_score.k2, below: 0.96 }",
    );
    let run = scene.secchi(&["run", "good"]);
    assert!(run.out.contains("rule `far off` never fires"), "{}{}", run.out, run.err);
}

/// Names that never meet measure nothing, and that is told; a few rows that are no probabilities hide nothing.
#[tokio::test(flavor = "multi_thread")]
async fn classes_of_other_names_and_odd_rows_are_told() {
    let scene = Scene::new().await;
    let misnamed = "map(['Basic', 'Plus', 'Premium'], [p_basic, p_plus, p_premium]) AS sure";
    scene.replace("bad", &logged(misnamed)).await;
    scene.edit("  prediction_proba_col: score\n", "  prediction_proba_col: sure\n");
    let run = scene.secchi(&["run", "bad"]);
    assert!(
        run.out.contains(
            "labels are `basic`, `plus`, `premium`, and probabilities are of `Basic`, `Plus`, `Premium`"
        ),
        "{}",
        run.out
    );
    let of = "SELECT count(log_loss) AS losses, count(top_k_accuracy_score.k2) AS tops, min(reason) AS reason
              FROM bad_profile_metrics WHERE column_name = ':table' AND label_count > 0 AND slice_key IS NULL";
    let rows = scene.rows(of).await;
    assert_eq!((&rows[0]["losses"], &rows[0]["tops"]), (&json!(0), &json!(0)), "{rows:?}");
    let odd = "map(['basic', 'plus', 'premium'], [p_basic + CASE WHEN n % 24 = 3 THEN 0.3 ELSE 0 END, p_plus, p_premium]) AS sure";
    scene.replace("bad", &logged(odd)).await;
    let run = scene.secchi(&["run", "bad"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let rows = scene.rows(of).await;
    assert_eq!(rows[0]["losses"], json!(4), "{rows:?}");
    let reason = rows[0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("1 of 24 rows has probabilities") && reason.contains("left out"), "{reason}");
    let told =
        "probabilities that are not within 0 and 1, or do not add up to 1: windows with more than one in 20";
    assert!(run.out.contains(told), "{}", run.out);
    let one_misnamed = "map(['basic', 'plus', 'Premium'], [p_basic, p_plus, p_premium]) AS sure";
    scene.replace("bad", &logged(one_misnamed)).await;
    let run = scene.secchi(&["run", "bad"]);
    let told = "labels are of `premium`, too, of which there is no probability, and there are probabilities of `Premium`";
    assert!(run.out.contains(told), "{}", run.out);
}
