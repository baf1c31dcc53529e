//! States: what crowds is told apart, bins do not move, and what is kept is what the metrics were made from.

use secchi::profile::state_row::column_state;
use secchi::profile::{ColumnState, Kind};
use serde_json::Value;

use crate::support::scene::Scene;
use crate::support::tables;

/// Four days of ten thousand prices: three in five are 9.95, or 9.99 on the last day; the others are anything.
const PRICES: &str = r#"
SELECT
    arrow_cast(1777593600000000 + n * 8640000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
    CAST(n AS VARCHAR) AS request_id,
    CASE WHEN n % 2 = 0 THEN '1' ELSE '2' END AS model_version,
    CASE WHEN n % 5 < 3 THEN CASE WHEN n < 30000 THEN 9.95 ELSE 9.99 END
         ELSE exp(CAST(n * 7919 % 10007 AS DOUBLE) / 10007 * 6 - 1) END AS amount,
    CASE WHEN n % 3 = 0 THEN 'north' ELSE 'south' END AS region,
    n % 2 AS prediction,
    1 - exp(-CAST(n * 104729 % 10007 AS DOUBLE) / 400) AS score,
    CASE WHEN n * 104729 % 10007 > n * 7919 % 10007 THEN 1 ELSE 0 END AS label
FROM generate_series(0, 39999) AS series(n)
"#;

async fn scene(baseline: bool) -> Scene {
    let scene = Scene::new().await;
    scene.table("prices", PRICES).await;
    scene.edit("../lake/bad", "../lake/prices");
    scene.edit("include: [amount, region]", "include: [amount, region, score]");
    if baseline {
        scene.table("before", &format!("SELECT * FROM ({PRICES}) WHERE request_id < '15'")).await;
        scene.edit("granularities:", "baseline: { table: ../lake/before }\ngranularities:");
    }
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    scene
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} of {row}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_moves_within_a_bucket_is_drift() {
    for (baseline, drift_type) in [(true, "BASELINE"), (false, "CONSECUTIVE")] {
        let scene = scene(baseline).await;
        let rows = scene
            .rows(&format!(
                "SELECT window_start, population_stability_index AS psi, ks_test.statistic AS ks FROM bad_drift_metrics \
                 WHERE drift_type = '{drift_type}' AND column_name = 'amount' AND model_version = '*' \
                 AND slice_key IS NULL ORDER BY window_start"
            ))
            .await;
        let (last, before) = rows.split_last().expect("drift rows");
        assert!((number(last, "ks") - 0.6).abs() < 0.01, "{last}");
        assert!(number(last, "psi") > 1.0, "{last}");
        for quiet in before {
            assert!(number(quiet, "ks") < 0.02 && number(quiet, "psi") < 0.02, "{quiet}");
        }
        let medians = scene
            .rows(
                "SELECT DISTINCT median FROM bad_profile_metrics WHERE column_name = 'amount' AND log_type = 'INPUT' \
                 AND date_part('day', window_start) < 4",
            )
            .await;
        assert_eq!(medians.len(), 1, "{medians:?}");
        assert_eq!(number(&medians[0], "median"), 9.95);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_states_are_what_the_metrics_were_made_from() {
    let scene = scene(true).await;
    let folder = scene.path("monitoring");
    let rows = scene
        .rows(
            "SELECT s.*, p.avg, p.median, p.distinct_count, encode(s.state, 'hex') AS bytes, \
             encode(s.distinct_sketch, 'hex') AS sketch \
             FROM (SELECT * EXCLUDE (window, histogram), histogram.edges AS edges, histogram.counts AS bins \
                   FROM bad_profile_states) AS s \
             JOIN bad_profile_metrics AS p ON p.column_name = s.column_name AND p.model_version = s.model_version \
             AND p.log_type = s.log_type AND (p.slice_key IS NOT DISTINCT FROM s.slice_key) \
             AND (p.slice_value IS NOT DISTINCT FROM s.slice_value) \
             AND (p.window_start IS NOT DISTINCT FROM s.window_start)",
        )
        .await;
    let states = tables::query(&folder, "SELECT count(*) AS rows FROM bad_profile_states").await;
    assert_eq!(rows.len() as u64, states[0]["rows"].as_u64().expect("a number"));
    // Baseline and four days, two versions, the whole and two slices; the table and its columns.
    assert_eq!(rows.len(), 5 * 2 * 3 * (1 + 3));
    let mut edges = Vec::new();
    for row in rows.iter().filter(|row| row["column_name"] != ":table") {
        let sketch = row["sketch"].as_str().map(bytes);
        let state =
            column_state(&bytes(row["bytes"].as_str().expect("bytes")), sketch.as_deref()).expect("a state");
        assert_eq!(state.count(), row["count"].as_u64().expect("a number"), "{row}");
        assert_eq!(state.distinct_count(), row["distinct_count"].as_u64(), "{row}");
        let ColumnState::Numeric(numbers) = state else { continue };
        assert_eq!(numbers.avg(), row["avg"].as_f64());
        assert_eq!(numbers.ranks().and_then(|ranks| ranks.quantile(0.5)), row["median"].as_f64());
        let bins: Vec<u64> =
            row["bins"].as_array().expect("bins").iter().map(|bin| bin.as_u64().expect("a number")).collect();
        assert_eq!(bins.iter().sum::<u64>(), numbers.finite());
        edges.push((row["column_name"].to_string(), row["edges"].to_string()));
    }
    edges.sort();
    edges.dedup();
    assert_eq!(edges.len(), 2, "the same edges in every window: {edges:?}");
    assert_eq!(ColumnState::empty(Kind::Opaque).take_sketch(), None);
}

/// Where the bins of the price begin, of all windows, and the states of all columns.
async fn recorded(scene: &Scene) -> (Vec<String>, Vec<String>) {
    let texts = |rows: Vec<Value>| rows.iter().map(Value::to_string).collect::<Vec<_>>();
    let edges =
        "SELECT DISTINCT histogram['edges'] AS edges FROM bad_profile_states WHERE column_name = 'amount'";
    let states = "SELECT * EXCEPT (computed_at) FROM bad_profile_states \
                  ORDER BY column_name, log_type, window_start, model_version, slice_value";
    (texts(scene.rows(edges).await), texts(scene.rows(states).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn edges_stay_where_they_are_until_there_is_another_baseline() {
    for baseline in [false, true] {
        let scene = scene(baseline).await;
        let (edges, states) = recorded(&scene).await;
        assert_eq!(edges.len(), 1, "{edges:?}");
        let run = || assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
        run();
        let again = recorded(&scene).await;
        assert_eq!(again.0, edges, "once more");
        // Their bytes are long.
        assert!(again.1 == states, "other states once more");
        // The days that the bins were chosen from are gone, and prices have doubled.
        let later = format!(
            "SELECT * REPLACE (2 * amount AS amount) FROM ({PRICES}) WHERE event_time > '2026-05-03'"
        );
        scene.table("later", &later).await;
        scene.edit("../lake/prices", "../lake/later");
        run();
        assert_eq!(recorded(&scene).await.0, edges, "later");
        scene.table("another", &later).await;
        match baseline {
            true => scene.edit("../lake/before", "../lake/another"),
            false => scene.edit("granularities:", "baseline: { table: ../lake/another }\ngranularities:"),
        }
        run();
        let (anew, _) = recorded(&scene).await;
        assert_eq!(anew.len(), 1, "{anew:?}");
        assert_ne!(anew, edges, "another baseline");
    }
}

/// The numbers of one column come on the second day, those of the other on the third.
#[tokio::test(flavor = "multi_thread")]
async fn bins_are_those_of_the_first_values_of_a_complete_window() {
    let scene = Scene::new().await;
    let rows = "SELECT arrow_cast(1777593600000000 + n * 86400000, 'Timestamp(Microsecond, Some(\"UTC\"))') AS event_time, \
                CAST(n AS VARCHAR) AS request_id, '1' AS model_version, \
                CASE WHEN n >= 1500 THEN CAST(n - 1500 AS DOUBLE) WHEN n >= 1000 THEN CAST('NaN' AS DOUBLE) END AS amount, \
                CASE WHEN n >= 2000 THEN CAST(n AS DOUBLE) END AS late, \
                'x' AS region, 0 AS prediction, 0.5 AS score, 0 AS label FROM generate_series(0, 2399) AS series(n)";
    scene.table("values", rows).await;
    scene.edit("../lake/bad", "../lake/values");
    scene.edit("include: [amount, region]", "include: [amount, late, region]");
    let edges = async |column: &str| {
        let sql = format!(
            "SELECT DISTINCT histogram['edges'] AS edges FROM bad_profile_states WHERE column_name = '{column}' \
             AND slice_key IS NULL"
        );
        let rows = scene.rows(&sql).await;
        rows.iter().map(|row| row["edges"].to_string()).collect::<Vec<_>>()
    };
    let run = || {
        let said = scene.secchi(&["run", "bad"]);
        assert_eq!(said.code, 0, "{}", said.err);
    };
    scene.edit("alerts: []", "lateness: 5000 days\nalerts: []");
    run();
    assert_eq!(edges("amount").await, ["null"], "no window is complete");
    scene.edit("lateness: 5000 days\n", "");
    run();
    assert_eq!(edges("amount").await, ["[50.0,100.0,150.0,200.0,250.0,300.0,350.0,400.0,450.0]"]);
    let late = "[2040.0,2080.0,2120.0,2160.0,2200.0,2240.0,2280.0,2320.0,2360.0]";
    assert_eq!(edges("late").await, [late]);
}

/// Rows of the day of this number, of May: `rows` of them, with amounts from `first` on.
fn of_day(day: u32, first: u32, rows: u32) -> String {
    format!(
        "SELECT arrow_cast(1777593600000000 + {} * 86400000000 + n * 1000, 'Timestamp(Microsecond, Some(\"UTC\"))') AS event_time, \
         concat('{day}-', n) AS request_id, '1' AS model_version, CAST({first} + n AS DOUBLE) AS amount, 'x' AS region, \
         0 AS prediction, 0.5 AS score, 0 AS label FROM generate_series(0, {}) AS series(n)",
        day - 1,
        rows - 1
    )
}

/// Bins are chosen on the third day, and are those of the days before, too; nor do they move where days have no rows.
#[tokio::test(flavor = "multi_thread")]
async fn bins_are_the_same_in_windows_before_they_were_chosen_and_after_a_gap() {
    let scene = Scene::new().await;
    scene.edit("../lake/bad", "../lake/values");
    let mut edges = Vec::new();
    for (day, first) in [(1, 0), (2, 100), (3, 200), (9, 5_000), (20, 9_000)] {
        scene.table("values", &of_day(day, first, 90)).await;
        assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
        edges.push(recorded(&scene).await.0);
    }
    let chosen = r#"{"edges":[27.0,54.0,81.0,118.0,145.0,172.0,209.0,236.0,263.0]}"#;
    assert_eq!(edges[..2], [["{}"], ["{}"]], "too few rows");
    assert_eq!(edges[2..], [[chosen], [chosen], [chosen]]);
    // All rows are others: nothing is kept, and the bins are.
    let rows = of_day(20, 50_000, 500);
    std::fs::rename(scene.path("lake/values"), scene.path("lake/before")).expect("a table");
    scene.table("values", &rows).await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    assert_eq!(recorded(&scene).await.0, [chosen]);
}

/// The rows of a day come in parts, each of so few values that every one is known.
#[tokio::test(flavor = "multi_thread")]
async fn what_crowds_once_all_have_come_is_told_apart() {
    let scene = Scene::new().await;
    scene.edit("../lake/bad", "../lake/parts");
    for part in 0..10 {
        // Two days of a thousand rows each in five parts.
        let rows = format!(
            "SELECT * REPLACE (arrow_cast(1777593600000000 + {} * 86400000000, 'Timestamp(Microsecond, Some(\"UTC\"))') \
             AS event_time) FROM ({}) WHERE CAST(request_id AS INT) % 4000 / 400 = {part} \
             AND CAST(request_id AS INT) >= {}",
            part / 5,
            PRICES.replace("n < 30000", "n % 4000 < 2000"),
            if part < 5 { 0 } else { 20_000 }
        );
        scene.table("parts", &rows).await;
        let said = scene.secchi(&["run", "bad"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let sql = "SELECT window_start, count, median, rank_error FROM bad_profile_metrics WHERE column_name = 'amount' \
               AND model_version = '*' AND slice_key IS NULL AND log_type = 'INPUT' ORDER BY window_start";
    let rows = scene.rows(sql).await;
    let medians: Vec<f64> = rows.iter().map(|row| number(row, "median")).collect();
    assert_eq!(medians, [9.95, 9.99], "{rows:?}");
    assert!(rows.iter().all(|row| number(row, "rank_error") < 0.03), "{rows:?}");
    let drift = "SELECT ks_test.statistic AS ks FROM bad_drift_metrics WHERE column_name = 'amount' \
                 AND model_version = '*' AND slice_key IS NULL AND drift_type = 'CONSECUTIVE' AND ks_test IS NOT NULL";
    let drift = scene.rows(drift).await;
    assert!(drift.iter().all(|row| (number(row, "ks") - 0.6).abs() < 0.02), "{drift:?}");
    assert_eq!(drift.len(), 1);
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}
