//! What was known beforehand, and what became of the baseline's columns.

use serde_json::{Value, json};

use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn values_beyond_bounds_and_lists_are_counted_exactly() {
    let scene = Scene::new().await;
    // So many different amounts that they share buckets: 10,000 a day, a thousandth apart, in two files.
    let many = |from: u32| {
        format!(
            "SELECT model.* REPLACE (CAST(n AS DOUBLE) / 1000 AS amount, CASE WHEN n % 50 = 0 THEN 'east' ELSE region END AS region)
             FROM model, generate_series({from}, {}) AS series(n) WHERE request_id = 'r5'",
            from + 4_999
        )
    };
    scene.replace("bad", &many(0)).await;
    let expectations = "expectations: { amount: { min: 0.0005, max: 7.5 }, region: { values: [north, south] }, score: { max: 1 } }\n";
    scene.edit("alerts: []\n", &format!("alerts: []\n{expectations}"));
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    scene.append("bad", &many(5_000)).await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let rows = scene
        .rows(
            "SELECT column_name, percent_out_of_bounds AS beyond, percent_unlisted AS unlisted FROM bad_profile_metrics
             WHERE log_type = 'INPUT' AND model_version = '*' AND slice_key IS NULL AND column_name <> ':table' ORDER BY column_name",
        )
        .await;
    // 0, and 7.501 to 9.999.
    let expected = [
        json!({ "column_name": "amount", "beyond": 25.0 }),
        json!({ "column_name": "region", "unlisted": 2.0 }),
    ];
    assert_eq!(rows, expected);

    // Bounds decide what is counted of a row, so all rows are read for others.
    scene.edit("max: 7.5", "max: 8.9995");
    let said = scene.secchi(&["run", "bad"]);
    assert!(said.out.contains("settings were changed that decide what is counted"), "{}", said.out);
    let rows = scene
        .rows(
            "SELECT DISTINCT percent_out_of_bounds AS beyond FROM bad_profile_metrics
             WHERE column_name = 'amount' AND log_type = 'INPUT' AND model_version = '*' AND slice_key IS NULL",
        )
        .await;
    assert_eq!(rows, [json!({ "beyond": 10.01 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_came_went_and_changed_are_rows() {
    let scene = Scene::new().await;
    scene.table("reference", "SELECT * EXCLUDE (score, label) REPLACE (CAST(amount AS VARCHAR) AS amount), 3 AS tenure FROM model").await;
    scene.edit("  columns: { include: [amount, region] }\n", "");
    let rule = "alerts:\n  - { rule: schema, metric: columns_lost, above: 0 }\nbaseline: { table: ../lake/reference }\n";
    scene.edit("alerts: []\n", rule);
    let said = scene.secchi(&["run", "bad", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = scene
        .rows(
            "SELECT DISTINCT column_name, schema_change, data_type, data_type_cmp, columns_added AS added, columns_lost AS lost,
                    columns_retyped AS retyped
             FROM bad_drift_metrics
             WHERE drift_type = 'BASELINE' AND model_version = '*' AND slice_key IS NULL
               AND (schema_change IS NOT NULL OR column_name = ':table') ORDER BY column_name",
        )
        .await;
    let expected = [
        json!({ "column_name": ":table", "added": 1, "lost": 1, "retyped": 1 }),
        json!({ "column_name": "amount", "schema_change": "retyped", "data_type": "double", "data_type_cmp": "string" }),
        json!({ "column_name": "label", "schema_change": "added", "data_type": "bigint" }),
        json!({ "column_name": "score", "schema_change": "added", "data_type": "double" }),
        json!({ "column_name": "tenure", "schema_change": "lost", "data_type_cmp": "int" }),
    ];
    let without_bigint = |row: &Value| {
        // DataFusion's own literal may be of either width.
        serde_json::from_str::<Value>(
            &row.to_string().replace("\"data_type_cmp\":\"bigint\"", "\"data_type_cmp\":\"int\""),
        )
        .expect("the row")
    };
    assert_eq!(rows.iter().map(without_bigint).collect::<Vec<_>>(), expected);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let events = document["runs"][0]["events"].as_array().expect("events");
    assert!(events.iter().any(|event| event["rule"] == "schema" && event["state"] == "firing"), "{events:?}");
}

/// A column that the baseline has had all along comes to the inference table: it is compared from then on, and looked at
/// together with the others, as if it had been there without values.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_comes_is_compared_with_what_the_baseline_had() {
    let wide = "SELECT *, amount * 2 + CAST(substr(request_id, 2) AS BIGINT) % 5 AS total FROM model";
    let scene = Scene::new().await;
    scene.table("reference", wide).await;
    scene.edit("  columns: { include: [amount, region] }\n", "");
    scene.edit("alerts: []\n", "alerts: []\nbaseline: { table: ../lake/reference }\n");
    let old = "CAST(substr(request_id, 2) AS BIGINT) < 48";
    scene.replace("bad", &format!("SELECT * FROM model WHERE {old}")).await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    scene.append("bad", &format!("SELECT * FROM ({wide}) WHERE NOT ({old})")).await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let query = "
        SELECT * EXCLUDE (run_id, computed_at, revision, config_hash, source_version, source_version_from, rows_behind)
        FROM bad_drift_metrics";
    let query = query.replace(", rows_behind", "");
    let sorted = |mut rows: Vec<Value>| {
        rows.sort_by_key(ToString::to_string);
        rows
    };
    let added_up = sorted(scene.rows(&query).await);
    let total =
        added_up.iter().filter(|row| row["column_name"] == "total" && row["drift_type"] == "BASELINE");
    assert!(
        total.clone().any(|row| row["ks_test"]["statistic"].is_number()),
        "{:?}",
        total.collect::<Vec<_>>()
    );
    let together = added_up.iter().filter_map(|row| row["columns_together"].as_u64()).max();
    assert_eq!(together, Some(3), "amount, region and total");
    std::fs::remove_dir_all(scene.path("monitoring")).expect("the tables");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let anew = sorted(scene.rows(&query).await);
    assert_eq!(anew.len(), added_up.len());
    for (anew, added_up) in anew.iter().zip(&added_up) {
        assert_eq!(anew, added_up);
    }
}

/// Two features that go together, one of them in another unit in the first baseline: once that is put right, so is what they are
/// measured by.
#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_that_becomes_another_measures_anew() {
    let scene = Scene::new().await;
    let pair = |factor: u32, from: u32| {
        format!(
            r#"SELECT arrow_cast(1777593600000000 + n * 600000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
                      CAST((n * 7919) % 101 AS DOUBLE) * {factor} AS amount, CAST((n * 7919) % 101 AS DOUBLE) + n % 3 AS total,
                      CAST(n % 13 AS DOUBLE) AS other
               FROM generate_series({from}, {}) AS series(n)"#,
            from + 287
        )
    };
    scene.table("reference", &pair(1000, 10_000)).await;
    scene.replace("bad", &pair(1, 0)).await;
    scene.write(
        "monitors/bad.yaml",
        "monitor: bad\ninference: { table: ../lake/bad, timestamp_col: event_time }\nbaseline: { table: ../lake/reference }\n\
         granularities: [1 day]\nalerts: []\noutput: { uri: ../monitoring }\n",
    );
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    scene.replace("reference", &pair(1, 10_000)).await;
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let query = "
        SELECT window_start, reconstruction_error, correlation_change, columns_together FROM bad_drift_metrics
        WHERE column_name = ':table' AND drift_type = 'BASELINE' ORDER BY window_start";
    let added_up = scene.rows(query).await;
    std::fs::remove_dir_all(scene.path("monitoring")).expect("the tables");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    assert_eq!(scene.rows(query).await, added_up);
    assert!(added_up.iter().all(|row| row["columns_together"] == 3), "{added_up:?}");

    // One that becomes a little longer changes no unit, so that no row is read for it.
    scene.append("reference", &pair(1, 20_000)).await;
    let said = scene.secchi(&["run", "bad"]);
    assert!(said.code == 0 && !said.out.contains("all rows were read"), "{}{}", said.out, said.err);
}
