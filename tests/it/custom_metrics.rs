//! Custom metrics: each kind, in each window, version and slice, against NumPy; and what is refused.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::scene::Scene;

/// The log of `custom_rows` in `tests/oracle/generate.py`.
const LOG: &str = r#"
SELECT
    arrow_cast(1777593600000000 + n * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
    CASE WHEN n % 3 = 0 THEN '2' ELSE '1' END AS model_version,
    n % 7 + 0.5 * (n % 3) AS "Amount",
    n % 11 AS prediction,
    CASE WHEN n % 10 <> 0 THEN n * 5 % 13 END AS label,
    CASE WHEN n % 4 = 0 THEN 'north' ELSE 'south' END AS region
FROM generate_series(0, 239) AS series(n)
"#;

/// The rows of `custom_baseline` there.
const BASELINE: &str = r#"
SELECT
    '1' AS model_version,
    CAST(n % 5 AS DOUBLE) AS "Amount",
    n % 9 AS prediction,
    n % 8 AS label,
    CASE WHEN n % 2 = 0 THEN 'north' ELSE 'south' END AS region
FROM generate_series(0, 89) AS series(n)
"#;

const MONITOR: &str = r#"
monitor: bad
inference:
  table: ../lake/log
  timestamp_col: event_time
  model_id_col: model_version
  prediction_col: prediction
  label_col: label
  problem_type: regression
baseline: { table: ../lake/before }
granularities: [1 day, 1 week]
slicing_exprs: [region]
custom_metrics:
  - type: CUSTOM_METRIC_TYPE_AGGREGATE
    name: own_error
    input_columns: [":table"]
    definition: "avg(abs({{prediction_col}} - {{label_col}}))"
    output_data_type: '{"metadata":{},"name":"output","nullable":true,"type":"double"}'
  - type: aggregate
    name: share_north
    input_columns: [":table"]
    definition: "SUM(CASE WHEN region = 'north' THEN 1 ELSE 0 END) / COUNT(*)"
  - type: aggregate
    name: different
    input_columns: [":table"]
    definition: count(DISTINCT prediction)
    output_data_type: bigint
  - type: aggregate
    name: squared_avg
    input_columns: [Amount, prediction]
    definition: "avg(`{{input_column}}` * `{{input_column}}`)"
  - type: aggregate
    name: last_amount
    input_columns: [":table"]
    definition: max(amount)
    output_data_type: string
  - type: derived
    name: root_squared
    input_columns: [Amount, prediction]
    definition: sqrt(squared_avg)
  - type: derived
    name: own_variance
    input_columns: [Amount]
    definition: root_squared * root_squared - avg * avg
  - type: drift
    name: own_error_delta
    input_columns: [":table"]
    definition: "{{current_df}}.own_error - {{base_df}}.own_error"
  - type: drift
    name: r2_delta
    input_columns: [":table"]
    definition: "{{current_df}}.r2_score - {{base_df}}.r2_score"
  - type: drift
    name: root_ratio
    input_columns: [Amount]
    definition: "{{current_df}}.root_squared / {{base_df}}.root_squared"
alerts:
  - { rule: own error, metric: own_error, above: 4.4, model_versions: ["*"] }
  - { rule: own drift, metric: own_error_delta, above: 1.9, comparison: BASELINE, model_versions: ["*"] }
output: { uri: ../monitoring }
"#;

async fn scene() -> Scene {
    let scene = Scene::new().await;
    scene.table("log", LOG).await;
    scene.table("before", BASELINE).await;
    scene.write("monitors/bad.yaml", MONITOR.trim_start());
    scene
}

fn run(scene: &Scene) {
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

/// What NumPy says.
struct Oracle(Vec<Value>);

impl Oracle {
    fn new() -> Self {
        let cases = serde_json::from_str(include_str!("../oracle/custom_metrics.json"));
        Self(cases.expect("the oracle's cases"))
    }

    /// The expected values of a row, which has `granularity`, `day`, `model_version` and `slice_value`.
    fn of(&self, row: &Value) -> &Value {
        let granularity = row["granularity"].as_str().unwrap_or("baseline");
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let is_case = |case: &&Value| {
            case["granularity"] == granularity
                && case["window"] == text("day")
                && case["model_version"] == text("model_version")
                && case["slice_value"] == text("slice_value")
        };
        &self.0.iter().find(is_case).unwrap_or_else(|| panic!("no case of {row}"))["expected"]
    }
}

#[track_caller]
fn is_close(row: &Value, name: &str, expected: f64) {
    let actual = row[name].as_f64().unwrap_or_else(|| panic!("no {name} in {row}"));
    assert!(
        (actual - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
        "{name} is not {expected} in {row}"
    );
}

/// All columns of a row, and the first day of its window.
const ALL: &str = "*, substr(CAST(window_start AS VARCHAR), 1, 10) AS day";

#[tokio::test(flavor = "multi_thread")]
async fn each_is_what_numpy_says_in_every_window_version_and_slice() {
    let (scene, oracle) = (scene().await, Oracle::new());
    run(&scene);
    let rows =
        scene.rows(&format!("SELECT {ALL} FROM bad_profile_metrics WHERE column_name = ':table'")).await;
    assert_eq!(rows.len(), oracle.0.len());
    for row in &rows {
        let expected = oracle.of(row);
        for name in ["own_error", "share_north", "different"] {
            is_close(row, name, expected[name].as_f64().expect("a number"));
        }
        assert!(row["different"].is_i64() && row["last_amount"].is_string(), "{row}");
        assert!(row.get("squared_avg").is_none(), "{row}");
    }
    let rows =
        scene.rows(&format!("SELECT {ALL} FROM bad_profile_metrics WHERE squared_avg IS NOT NULL")).await;
    assert_eq!(rows.len(), 2 * oracle.0.len());
    for row in &rows {
        let (expected, is_amount) = (oracle.of(row), row["column_name"] == "Amount");
        let of_column = if is_amount {
            ["squared_amount", "root_amount"]
        } else {
            ["squared_prediction", "root_prediction"]
        };
        for (name, of_column) in ["squared_avg", "root_squared"].into_iter().zip(of_column) {
            is_close(row, name, expected[of_column].as_f64().expect("a number"));
        }
        if is_amount {
            is_close(row, "own_variance", expected["variance_amount"].as_f64().expect("a number"));
        } else {
            assert!(row.get("own_variance").is_none(), "{row}");
        }
    }
    let columns =
        scene.rows("SELECT DISTINCT column_name FROM bad_profile_metrics WHERE root_squared IS NOT NULL");
    assert_eq!(columns.await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_compares_with_the_window_before_and_with_the_baseline() {
    let (scene, oracle) = (scene().await, Oracle::new());
    run(&scene);
    let cmp = "substr(CAST(window_cmp_start AS VARCHAR), 1, 10) AS day_cmp";
    let rows = scene
        .rows(&format!(
            "SELECT {ALL}, {cmp} FROM bad_drift_metrics WHERE column_name IN (':table', 'Amount')"
        ))
        .await;
    let mut compared = 0;
    for row in &rows {
        let now = oracle.of(row);
        let mut then = row.clone();
        if row["drift_type"] == "BASELINE" {
            then["granularity"] = "baseline".into();
            then["day"] = "".into();
            then["model_version"] = row["baseline_model_version"].clone();
        } else {
            then["day"] = row["day_cmp"].clone();
        }
        let then = oracle.of(&then);
        let pair = |name: &str| Some((now[name].as_f64()?, then[name].as_f64()?));
        let check = |name: &str, expected: Option<f64>| match expected {
            Some(expected) => is_close(row, name, expected),
            None => assert!(row["reason"].as_str().is_some_and(|reason| reason.contains(name)), "{row}"),
        };
        if row["column_name"] == ":table" {
            check("own_error_delta", pair("own_error").map(|(now, then)| now - then));
            check("r2_delta", pair("r2_score").map(|(now, then)| now - then));
        } else {
            check("root_ratio", pair("root_amount").map(|(now, then)| now / then));
        }
        compared += 1;
    }
    // Windows, versions and slices, each with its baseline and, but for the first, with the one before; two columns.
    assert_eq!(compared, 2 * (12 + 10) * 9);
    let elsewhere = "SELECT * FROM bad_drift_metrics WHERE column_name = 'region' AND root_ratio IS NOT NULL";
    assert!(scene.rows(elsewhere).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_can_watch_one() {
    let scene = scene().await;
    run(&scene);
    let alerts =
        scene.rows("SELECT DISTINCT rule, metric, column_name, drift_type FROM alerts ORDER BY rule").await;
    assert_snapshot!(serde_json::to_string(&alerts).unwrap(), @r#"[{"rule":"own drift","metric":"own_error_delta","column_name":":table","drift_type":"BASELINE"},{"rule":"own error","metric":"own_error","column_name":":table"}]"#);
    let over = scene
        .rows(
            "SELECT count(*) AS windows FROM bad_profile_metrics WHERE own_error > 4.4 AND granularity = '1 day' AND \
             model_version = '*' AND slice_key IS NULL",
        )
        .await;
    let fired = "SELECT count(*) AS windows FROM alerts WHERE rule = 'own error' AND state = 'firing'";
    assert_eq!(scene.rows(fired).await, over);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_come_and_go() {
    let scene = scene().await;
    run(&scene);
    let comment = async |name: &str| {
        let table = crate::support::tables::open(&scene.path("monitoring/bad_profile_metrics")).await;
        let schema = table.snapshot().unwrap().snapshot().arrow_schema();
        schema.field_with_name(name).unwrap().metadata().get("comment").cloned()
    };
    assert_eq!(comment("root_squared").await.as_deref(), Some("Custom metric, derived: sqrt(squared_avg)"));
    scene.edit(
        "  - type: aggregate\n    name: different",
        "  - type: aggregate\n    name: added\n    input_columns: [\":table\"]\n    definition: min(label)\n\
         \x20 - type: aggregate\n    name: different",
    );
    scene.edit("    name: last_amount", "    name: other_amount");
    // What a metric is called in words may change; its column keeps those that it was made with.
    scene.edit("definition: sqrt(squared_avg)", "definition: power(squared_avg, 0.5)");
    run(&scene);
    let rows = scene
        .rows("SELECT DISTINCT added IS NULL AS added, other_amount IS NULL AS other, last_amount IS NULL AS last, \
               max(revision) AS revision FROM bad_profile_metrics WHERE column_name = ':table' GROUP BY 1, 2, 3")
        .await;
    assert_snapshot!(serde_json::to_string(&rows).unwrap(), @r#"[{"added":false,"other":false,"last":true,"revision":1}]"#);
    assert_eq!(comment("added").await.as_deref(), Some("Custom metric, aggregate: min(label)"));
    // A column keeps its type.
    scene.edit(
        "definition: count(DISTINCT prediction)\n    output_data_type: bigint",
        "definition: avg(prediction)",
    );
    let said = scene.secchi(&["validate", "--connect", "bad"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("custom metric `different` would be double, but table"), "{}", said.err);
    assert!(said.err.contains("hint: a column of a table keeps its name and its type"), "{}", said.err);
}

/// What fails on rows is NULL, and says why; everything else is there.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_leaves_the_others() {
    let (scene, oracle) = (scene().await, Oracle::new());
    scene.edit("definition: max(amount)\n", "definition: max(CAST(region AS INT))\n");
    scene.edit(
        "definition: \"SUM(CASE WHEN region = 'north' THEN 1 ELSE 0 END) / COUNT(*)\"",
        "definition: \"sum(prediction) / sum(CASE WHEN region = 'east' THEN 1 ELSE 0 END)\"",
    );
    scene.edit(
        "definition: root_squared * root_squared - avg * avg",
        "definition: CAST(concat('x', avg) AS DOUBLE)",
    );
    let noted = noted(&scene);
    let rows =
        scene.rows(&format!("SELECT {ALL} FROM bad_profile_metrics WHERE column_name = ':table'")).await;
    for row in &rows {
        assert!(row.get("last_amount").is_none(), "{row}");
        for name in ["own_error", "different"] {
            is_close(row, name, oracle.of(row)[name].as_f64().expect("a number"));
        }
    }
    assert_snapshot!(format!("{noted}\n{}", reasons(&scene).await), @r#"
      note: custom metric `last_amount` has no values: cannot cast string 'north' to value of int type
      note: custom metric `last_amount` has no values in the baseline: cannot cast string 'north' to value of int type

    {"column_name":":table","reason":"share_north: it is beyond the range of a double; last_amount: cannot cast string 'north' to value of int type","own_error":2.588888888888889}
    {"column_name":"Amount","reason":"own_variance: cannot cast string 'x2.0' to value of double type","root_squared":2.449489742783178}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_may_lack_a_column() {
    let scene = scene().await;
    scene.table("less", &format!("SELECT * EXCLUDE (region) FROM ({BASELINE})")).await;
    scene.edit("../lake/before", "../lake/less");
    scene.edit("slicing_exprs: [region]", "slicing_exprs: [prediction > 3]");
    scene.edit(
        "  problem_type: regression\n",
        "  problem_type: regression\n  columns: { exclude: [region] }\n",
    );
    let noted = noted(&scene);
    assert_snapshot!(format!("{noted}\n{}", reasons(&scene).await), @r#"
      note: custom metric `share_north` has no values in the baseline: there is no column `region`

    {"column_name":":table","reason":"share_north: there is no column `region`","own_error":2.588888888888889}
    "#);
}

/// Runs `bad`, and gives what it notes of custom metrics.
fn noted(scene: &Scene) -> String {
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let noted = said.out.lines().filter(|line| line.contains("custom metric"));
    noted.map(|line| format!("{line}\n")).collect()
}

/// Why metrics of the baseline are NULL, and some that are not.
async fn reasons(scene: &Scene) -> String {
    let rows = scene
        .rows(
            "SELECT column_name, reason, own_error, root_squared FROM bad_profile_metrics WHERE log_type = 'BASELINE' \
             AND model_version = '*' AND slice_key IS NULL AND reason IS NOT NULL ORDER BY column_name",
        )
        .await;
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tables_do_not_have_is_refused() {
    let check = |definition: &str, input: &str| {
        format!(
            "custom_metrics:\n  - type: aggregate\n    name: own\n    input_columns: [\"{input}\"]\n    definition: \
             \"{definition}\"\nalerts: []\n"
        )
    };
    let mut page = String::new();
    let scene = scene().await;
    let (before, rest) = MONITOR.split_once("custom_metrics:").expect("the key");
    let (_, after) = rest.split_once("output:").expect("the key");
    for (definition, input) in [
        ("avg(amuont)", ":table"),
        ("avg(label)", "amount"),
        ("avg(label)", "event_time"),
        ("avg(label) FROM log", ":table"),
        ("avg(label), avg(prediction)", ":table"),
        ("avg(", ":table"),
        ("label", ":table"),
        ("1", ":table"),
        ("avg(label) + prediction", ":table"),
        ("sum(avg(label))", ":table"),
        ("sum(label) OVER (PARTITION BY region)", ":table"),
        ("(SELECT max(label) FROM inference)", ":table"),
        ("sum(CASE WHEN label IN (SELECT prediction FROM inference) THEN 1 END)", ":table"),
        ("avg(random())", ":table"),
        ("count(*) + date_part('day', now())", ":table"),
        ("first_value(label)", ":table"),
        ("max(region)", ":table"),
        ("percentile_approx(label, 0.5)", ":table"),
        ("array_agg(label ORDER BY label)", ":table"),
        ("avg(own)", ":table"),
        ("avg(region)", ":table"),
        ("avg($1)", ":table"),
    ] {
        scene.write(
            "monitors/bad.yaml",
            &format!("{}{}output:{after}", before.trim_start(), check(definition, input)),
        );
        let said = scene.secchi(&["validate", "--connect", "bad"]);
        assert_eq!(said.code, 1, "{definition}: {} {}", said.out, said.err);
        page.push_str(&format!("{definition}  [{input}]\n{}\n", said.err));
    }
    assert_snapshot!(page);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_metrics_do_not_have_is_refused_without_a_table() {
    let scene = scene().await;
    let (before, rest) = MONITOR.split_once("custom_metrics:").expect("the key");
    let (_, after) = rest.split_once("output:").expect("the key");
    let mut page = String::new();
    let first = "  - { type: aggregate, name: squared, input_columns: [Amount], definition: avg(amount * amount) }\n  \
                 - { type: aggregate, name: total, input_columns: [':table'], definition: sum(amount) }\n";
    let last = "  - { type: derived, name: later, input_columns: [':table'], definition: total * 2 }\n  \
                - { type: drift, name: moved, input_columns: [':table'], definition: '{{current_df}}.total' }\n";
    for (kind, input, definition) in [
        ("derived", ":table", "sqrt(squared)"),
        ("derived", "prediction", "sqrt(squared)"),
        ("derived", ":table", "sqrt(own)"),
        ("derived", ":table", "later + 1"),
        ("derived", ":table", "moved + 1"),
        ("derived", ":table", "totl + 1"),
        ("derived", ":table", "sum(total)"),
        ("derived", ":table", "sum(total) OVER ()"),
        ("derived", ":table", "(SELECT total FROM inference)"),
        ("derived", ":table", "total + random()"),
        ("derived", ":table", "1 + 1"),
        ("derived", ":table", "concat('x', total)"),
        ("derived", ":table", "avg"),
        ("derived", "Amount", "r2_score"),
        ("derived", ":table", "total +"),
        ("drift", ":table", "total - 1"),
        ("drift", ":table", "{{current_df}}.totl"),
        ("drift", ":table", "{{current_df}}.moved"),
        ("drift", ":table", "{{current_df}}.own"),
        ("drift", ":table", "{{current_df}}.avg - {{base_df}}.avg"),
        ("drift", "Amount", "{{current_df}}.total"),
        ("drift", "Amount", "{{current_df}}.population_stability_index"),
    ] {
        let own = format!(
            "  - {{ type: {kind}, name: own, input_columns: ['{input}'], definition: \"{definition}\" }}\n"
        );
        let text = format!("{}custom_metrics:\n{first}{own}{last}output:{after}", before.trim_start());
        scene.write("monitors/bad.yaml", &text);
        let said = scene.secchi(&["validate", "bad"]);
        assert_eq!(said.code, 1, "{definition}: {} {}", said.out, said.err);
        page.push_str(&format!("{kind} {definition}  [{input}]\n{}\n", said.err));
    }
    assert_snapshot!(page);
}
