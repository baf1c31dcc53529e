//! Real data with answers that another tool recorded.
//!
//! The data are not ours to ship: `SECCHI_CASES` names the folder that holds them. Without it these tests
//! pass and say so.

mod california;
mod estimated;
mod univariate;
mod variants;
mod vectors;

use std::path::{Path, PathBuf};

use california::california;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use serde_json::Value;

use crate::support::cli::secchi;
use crate::support::tables;

/// The folder of the case called `name`, if there is one here.
fn case(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SECCHI_CASES").map(|cases| PathBuf::from(cases).join(name));
    if folder.is_none() {
        eprintln!("SECCHI_CASES is not set: {name} is not checked");
    }
    folder
}

fn recorded(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("the recorded answers");
    let document: Value = serde_json::from_str(&text).expect("recorded answers are JSON");
    document["rows"].as_array().expect("one row a window").clone()
}

/// Loads the result of `sql` into a new table.
async fn load(ctx: &SessionContext, sql: &str, table: &Path) {
    let batches = ctx.sql(sql).await.expect(sql).collect().await.expect(sql);
    tables::write(table, batches).await;
}

fn monitor(folder: &Path, name: &str, text: &str) {
    let monitors = folder.join("monitors");
    std::fs::create_dir_all(&monitors).expect("a folder for monitors");
    std::fs::write(monitors.join(format!("{name}.yaml")), text).expect("a monitor file");
}

/// The months of the windows in which an alert was on, from what `run --json` says.
fn months_fired(out: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(out).expect("one JSON document");
    let events = document["runs"][0]["events"].as_array().expect("events");
    let firing = events.iter().filter(|event| event["state"] == "firing");
    firing.map(|event| event["window_start"].as_str().expect("a window")[..7].to_owned()).collect()
}

const TAXI: &str = "
monitor: taxi
inference:
  table: ../lake/trips
  timestamp_col: month_middle
  columns:
    include: [trip_distance, fare_amount, tip_amount, total_amount, payment_type, vendor_id, passenger_count, rate_code_id]
    categorical: [payment_type, vendor_id, passenger_count, rate_code_id]
baseline: { table: ../lake/trips_2018 }
granularities: [1 month]
alerts:
  - { rule: trips, metric: ks_test.statistic, above: learned, columns: [trip_distance] }
output: { uri: ../monitoring }
";

/// Yellow cabs of New York, 2018 to 2020, by month: the length of trips drifts from April to September 2020
/// and in no other month. The rule learns from 2018, as NannyML did: 0.0329.
#[tokio::test(flavor = "multi_thread")]
async fn taxi_trips_drift_when_the_recorded_answers_say() {
    let Some(case) = case("nyc_taxi") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let ctx = SessionContext::new();
    let file = case.join("yellow_tripdata_sample_2018_2020.parquet");
    ctx.register_parquet("raw", &file.display().to_string(), ParquetReadOptions::default())
        .await
        .expect("the trips");
    // A few rows carry a time outside their file's month, so the month is what places them.
    let trips = "SELECT *, CAST(concat(month, '-15T00:00:00Z') AS TIMESTAMP) AS month_middle FROM raw";
    load(&ctx, trips, &folder.join("lake/trips")).await;
    load(&ctx, &format!("{trips} WHERE month < '2019'"), &folder.join("lake/trips_2018")).await;
    monitor(folder, "taxi", TAXI);

    let said = secchi(folder, &["run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = tables::query(
        &folder.join("monitoring"),
        "SELECT substr(CAST(window_start AS VARCHAR), 1, 7) AS month, column_name, ks_test.statistic AS ks
         FROM taxi_drift_metrics WHERE drift_type = 'BASELINE' AND model_version = '*' AND ks_test IS NOT NULL
         ORDER BY month, column_name",
    )
    .await;
    let ks = |month: &str, column: &str| {
        let of = |row: &&Value| row["month"] == month && row["column_name"] == column;
        rows.iter().find(of).and_then(|row| row["ks"].as_f64()).expect("a KS statistic")
    };
    let mut drifted = Vec::new();
    let answers = recorded(&case.join("nml_nyctaxi_univariate_monthly.json"));
    for window in &answers {
        let month = window["chunk.key"].as_str().expect("a month").to_owned();
        // NannyML bins the baseline into 10,000 equal steps of its range, which an outlier stretches to
        // 0.02 miles and more; Secchi's own error is below 0.005.
        for (column, tolerance) in [("trip_distance", 0.006), ("tip_amount", 0.02)] {
            let theirs =
                window[format!("{column}.kolmogorov_smirnov.value")].as_f64().expect("a KS statistic");
            let ours = ks(&month, column);
            assert!((ours - theirs).abs() <= tolerance, "{column} in {month}: {ours}, recorded {theirs}");
        }
        if window["trip_distance.kolmogorov_smirnov.alert"] == true {
            drifted.push(month);
        }
    }
    assert_eq!(drifted, ["2020-04", "2020-05", "2020-06", "2020-07", "2020-08", "2020-09"]);
    assert_eq!(months_fired(&said.out), drifted);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    for event in document["runs"][0]["events"].as_array().expect("events") {
        let threshold: f64 = event["threshold"].as_str().expect("a threshold").parse().expect("a number");
        assert!((threshold - 0.032_88).abs() < 0.0005, "{threshold}");
    }
    univariate::names_of_taxi_trips(folder, &answers).await;
    trips_part_ways(folder, &recorded(&case.join("nml_nyctaxi_pca_monthly.json"))).await;
}

/// NannyML's reconstruction error is the mean of the rows' errors, which no second moment gives; ours is their root mean square, on
/// the same components. It is never less, and with the same threshold, three deviations from the mean of 2018, the same months
/// stand out.
async fn trips_part_ways(folder: &Path, answers: &[Value]) {
    let rows = tables::query(
        &folder.join("monitoring"),
        "SELECT substr(CAST(window_start AS VARCHAR), 1, 7) AS month, reconstruction_error AS error,
                reconstruction_error_cmp AS baseline, columns_together, correlation_change, correlation_change_columns AS pair
         FROM taxi_drift_metrics WHERE drift_type = 'BASELINE' AND model_version = '*' AND column_name = ':table'
         ORDER BY month",
    )
    .await;
    assert_eq!((rows.len(), answers.len()), (36, 36));
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap_or_else(|| panic!("no {name} in {row}"));
    let errors: Vec<f64> = rows.iter().map(|row| number(row, "error")).collect();
    let of_baseline = &errors[..12];
    let mean = of_baseline.iter().sum::<f64>() / 12.0;
    let deviation = (of_baseline.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / 12.0).sqrt();
    let mut apart = Vec::new();
    for ((row, answer), error) in rows.iter().zip(answers).zip(&errors) {
        let month = row["month"].as_str().expect("a month");
        assert_eq!(answer["chunk.key"], month);
        let theirs = number(answer, "reconstruction_error.value");
        assert!(*error >= theirs - 1e-4, "{month}: {error}, recorded {theirs}");
        assert_eq!(row["columns_together"], 8);
        // All months of 2018 together are the baseline.
        assert!((number(row, "baseline") - 1.6).abs() < 0.3, "{row}");
        let is_apart = *error > mean + 3.0 * deviation;
        assert_eq!(
            answer["reconstruction_error.alert"], is_apart,
            "{month}: {error}, 2018 {mean} ± {deviation}"
        );
        if is_apart {
            apart.push(month);
        }
    }
    assert_eq!(apart, ["2020-05", "2020-11"]);
}

const CALIFORNIA: &str = "
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
  - { rule: ranking, metric: roc_auc_score.macro, below: 0.7083356125891167 }
output: { uri: ../monitoring }
";

/// A real classifier on California's houses, by month, with labels in a table of their own: the realised
/// quality is the recorded one, and so are the months in which it ranks worse than the recorded threshold.
#[tokio::test(flavor = "multi_thread")]
async fn the_quality_of_the_california_model_is_the_recorded_one() {
    let Some((case, ctx)) = california().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    load(&ctx, "SELECT * FROM analysis", &folder.join("lake/houses")).await;
    load(&ctx, "SELECT * FROM reference", &folder.join("lake/reference")).await;
    load(&ctx, "SELECT * FROM labels", &folder.join("lake/labels")).await;
    monitor(folder, "california", CALIFORNIA);

    let said = secchi(folder, &["run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows = tables::query(
        &folder.join("monitoring"),
        "SELECT substr(CAST(window_start AS VARCHAR), 1, 7) AS month, accuracy_score, label_count,
                roc_auc_score.macro AS roc_auc, precision.one_vs_all['1'] AS precision_1,
                recall.one_vs_all['1'] AS recall_1, f1_score.one_vs_all['1'] AS f1_1, recall.one_vs_all['0'] AS recall_0
         FROM california_profile_metrics
         WHERE column_name = ':table' AND log_type = 'INPUT' AND model_version = '1' AND slice_key IS NULL",
    )
    .await;
    let answers = recorded(&case.join("nml_california_realized_monthly.json"));
    let analysis: Vec<&Value> = answers.iter().filter(|row| row["chunk.period"] == "analysis").collect();
    assert_eq!(rows.len(), analysis.len());
    for answer in &analysis {
        let month = answer["chunk.key"].as_str().expect("a month");
        let row = rows.iter().find(|row| row["month"] == month).expect("a row for each month");
        for (theirs, ours) in [
            ("roc_auc.value", "roc_auc"),
            ("accuracy.value", "accuracy_score"),
            ("precision.value", "precision_1"),
            ("recall.value", "recall_1"),
            ("f1.value", "f1_1"),
            ("specificity.value", "recall_0"),
        ] {
            // Where nothing is predicted positive, NannyML has no value; scikit-learn, and so Secchi, says 0.
            let theirs = answer[theirs].as_f64().unwrap_or(0.0);
            let ours_value = row[ours].as_f64().expect("computed");
            assert!((theirs - ours_value).abs() < 1e-9, "{month} {ours}: {ours_value}, recorded {theirs}");
        }
    }
    let alerts = analysis.iter().filter(|answer| answer["roc_auc.alert"] == true);
    let alerts: Vec<&str> = alerts.map(|answer| answer["chunk.key"].as_str().expect("a month")).collect();
    assert_eq!(alerts, ["2021-08", "2021-09", "2022-03"]);
    assert_eq!(months_fired(&said.out), alerts);
}
