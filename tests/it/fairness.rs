//! Fairness: both sides of a predicate are compared, in windows and in the baseline, and nothing else is.

use serde_json::{Value, json};

use crate::support::scene::Scene;

/// The two groups of a day, as in the oracle's case `by_hand`: predictions, labels (`.` is awaited), and who is young
/// (`?` is unknown).
const BY_HAND: [&str; 3] = ["1100110010", "1010100110", "yyyyynnnnn"];
/// The same, beside rows of neither group.
const BESIDE_OTHERS: [&str; 3] = ["1100110010111", "1010100110000", "yyyyynnnnn???"];
/// Labels are awaited.
const AWAITED: [&str; 3] = ["1100", "....", "yynn"];
/// Nobody is old.
const ALONE: [&str; 3] = ["10", "11", "yy"];

/// The rows of some days, in SQL. A person is young or not in a boolean, in a number and in a text.
fn rows(days: &[[&str; 3]]) -> String {
    let row = |day: usize, [said, is, young]: [char; 3]| {
        let label = if is == '.' { "CAST(NULL AS BIGINT)".to_owned() } else { is.to_string() };
        let (young, age, flag) = match young {
            'y' => ("true", "20", "'true'"),
            'n' => ("false", "40", "'false'"),
            _ => ("CAST(NULL AS BOOLEAN)", "CAST(NULL AS BIGINT)", "CAST(NULL AS VARCHAR)"),
        };
        format!("({day}, {said}, {label}, {young}, {age}, {flag})")
    };
    let of_day = |(day, [said, is, young]): (usize, &[&str; 3])| {
        let rows = said.chars().zip(is.chars()).zip(young.chars());
        rows.map(|((said, is), young)| row(day, [said, is, young])).collect::<Vec<_>>()
    };
    let values: Vec<String> = days.iter().enumerate().flat_map(of_day).collect();
    format!(
        r#"SELECT arrow_cast(1777593600000000 + day * 86400000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
            'r' AS request_id, '1' AS model_version, prediction, label, young, age, flag
        FROM (VALUES {}) AS people(day, prediction, label, young, age, flag)"#,
        values.join(", ")
    )
}

async fn ran(days: &[[&str; 3]]) -> Scene {
    let scene = Scene::new().await;
    scene.table("people", &rows(days)).await;
    scene.table("baseline", &rows(&[BESIDE_OTHERS])).await;
    scene.edit("../lake/bad", "../lake/people");
    scene.edit("  prediction_proba_col: score\n", "  problem_type: classification\n");
    scene.edit("include: [amount, region]", "exclude: []");
    scene.edit("slicing_exprs: [region]", "slicing_exprs: [young, \"age < 25\", flag]");
    scene.edit("alerts: []", "baseline: { table: ../lake/baseline }\nalerts: []");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    scene
}

/// What stands on the rows of whole tables that `filter` keeps, in the order of windows.
async fn fairness(scene: &Scene, filter: &str) -> Vec<Value> {
    let sql = format!(
        "SELECT predictive_parity, predictive_equality, equal_opportunity, statistical_parity, reason \
         FROM bad_profile_metrics WHERE column_name = ':table' AND model_version = '1' AND {filter} ORDER BY window_start"
    );
    scene.rows(&sql).await
}

/// Whether the differences of `measure` are these, of the classes 0 and 1.
#[track_caller]
fn check(row: &Value, measure: &str, expected: [f64; 2]) {
    let differences = &row[measure]["one_vs_all"];
    for (class, expected) in ["0", "1"].into_iter().zip(expected) {
        let actual = differences[class].as_f64();
        assert!(actual.is_some_and(|actual| (actual - expected).abs() < 1e-12), "{measure}: {row}");
    }
}

#[track_caller]
fn check_by_hand(row: &Value) {
    let sixth = 1.0 / 6.0;
    check(row, "predictive_parity", [-sixth, sixth]);
    check(row, "predictive_equality", [-sixth, sixth]);
    check(row, "equal_opportunity", [-sixth, sixth]);
    check(row, "statistical_parity", [-0.2, 0.2]);
    assert_eq!(row["reason"], Value::Null, "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_a_predicate_are_compared() {
    let scene = ran(&[BY_HAND, BESIDE_OTHERS, AWAITED, ALONE]).await;
    for key in ["young", "age < 25"] {
        let of_key = |rest: &str| format!("slice_key = '{key}' AND slice_value = 'true' AND {rest}");
        let days = fairness(&scene, &of_key("log_type = 'INPUT'")).await;
        let [by_hand, beside_others, awaited, alone] = days.as_slice() else { panic!("{days:?}") };
        check_by_hand(by_hand);
        check_by_hand(beside_others);
        check(awaited, "statistical_parity", [-1.0, 1.0]);
        assert_eq!(awaited["reason"], json!("no prediction has a label yet"));
        let why = "predictive_parity, predictive_equality, equal_opportunity, statistical_parity: there is no row of \
                   the unprotected group";
        assert_eq!(alone["reason"], json!(why));
        let baseline = fairness(&scene, &of_key("log_type = 'BASELINE'")).await;
        check_by_hand(&baseline[0]);
    }
    // The other sides, the whole table, and what is only called `true`.
    let others = "(slice_key IS NULL OR slice_value <> 'true' OR slice_key = 'flag')";
    let others = fairness(&scene, others).await;
    assert!(others.len() > 20, "{}", others.len());
    for row in others {
        for measure in ["predictive_parity", "predictive_equality", "equal_opportunity", "statistical_parity"]
        {
            assert!(row[measure]["one_vs_all"].is_null(), "{row}");
        }
    }
}
