//! What several tools say of the same two samples: each file of variants restates a measure in the conventions that are about.
//!
//! Where Secchi's convention is among them, its number has to be that; where it is not, the test says by how much and why.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::prelude::{CsvReadOptions, ParquetReadOptions, SessionContext};
use serde_json::{Map, Value};

use super::california::california;
use super::{case, load, monitor};
use crate::support::cli::secchi;
use crate::support::tables;

/// Rows of both samples are put into one window: the one of a day, the other as the baseline.
const PAIR: &str = "
monitor: pair
inference:
  table: ../lake/current
  timestamp_col: __at
  columns: { categorical: [CATEGORICAL] }
baseline: { table: ../lake/reference }
granularities: [1 day]
output: { uri: ../monitoring }
";

/// What the drift table says of each column of `current` against `reference`, and what `run --json` does.
async fn compared(
    ctx: &SessionContext,
    [reference, current]: [&str; 2],
    categorical: &str,
) -> (BTreeMap<String, Value>, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for (name, rows) in [("reference", reference), ("current", current)] {
        let sql = format!("SELECT *, TIMESTAMP '2026-05-01T12:00:00Z' AS __at FROM ({rows})");
        load(ctx, &sql, &folder.join("lake").join(name)).await;
    }
    monitor(folder, "pair", &PAIR.replace("CATEGORICAL", categorical));
    let said = secchi(folder, &["run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let sql = "SELECT * EXCEPT (window, non_null_columns_delta) FROM pair_drift_metrics WHERE drift_type = 'BASELINE'";
    let rows = tables::query(&folder.join("monitoring"), sql).await;
    let rows = rows.into_iter().map(|row| (row["column_name"].as_str().expect("a column").to_owned(), row));
    (rows.collect(), serde_json::from_str(&said.out).expect("one JSON document"))
}

fn results(file: &Path) -> Map<String, Value> {
    let text = std::fs::read_to_string(file).expect("the recorded answers");
    let document: Value = serde_json::from_str(&text).expect("recorded answers are JSON");
    document["results"].as_object().expect("an answer a column").clone()
}

#[track_caller]
fn near(what: &str, ours: &Value, theirs: &Value, relative: f64, absolute: f64) {
    let (ours, theirs) = (ours.as_f64(), theirs.as_f64());
    let (Some(a), Some(b)) = (ours, theirs) else { panic!("{what}: {ours:?}, recorded {theirs:?}") };
    assert!((a - b).abs() <= absolute + relative * b.abs(), "{what}: {a}, recorded {b}");
}

/// Rounding on both sides.
const SAME: f64 = 1e-9;

/// Columns of names: the same categories on all sides, so the same numbers.
fn names_agree(column: &str, ours: &Value, theirs: &Value) {
    let close = |what: &str, ours: &Value, recorded: &str| {
        near(&format!("{what} of {column}"), ours, &theirs[recorded], SAME, 1e-12);
    };
    close("PSI", &ours["population_stability_index"], "psi_fill1e4");
    // A root: SciPy rounds what is under it.
    near(&format!("JS distance of {column}"), &ours["js_distance"], &theirs["js_distance_base2"], SAME, 1e-8);
    close("Hellinger distance", &ours["hellinger_distance"], "hellinger");
    close("L-infinity distance", &ours["l_infinity_distance"], "l_infinity");
    close("total variation", &ours["tv_distance"], "total_variation");
    let statistic = &ours["chi_squared_test"]["statistic"];
    if theirs["chi2_dof"] == 1 {
        // Of two categories SciPy's default has Yates' correction, which makes less of what moved.
        assert!(statistic.as_f64() > theirs["chi2_contingency_statistic"].as_f64(), "{column}");
    } else {
        close("chi-squared", statistic, "chi2_contingency_statistic");
        close("its p-value", &ours["chi_squared_test"]["pvalue"], "chi2_contingency_p");
    }
    close("degrees of freedom", &ours["chi_squared_degrees_of_freedom"], "chi2_dof");
    // Where no share is below the floor, it is the plain divergence; where one is, that is infinite on a side.
    let floored = |counts: &str| {
        let counts: Vec<f64> =
            theirs[counts].as_array().expect("counts").iter().filter_map(Value::as_f64).collect();
        let total: f64 = counts.iter().sum();
        counts.iter().any(|count| count / total < 1e-4)
    };
    match floored("counts_ref") || floored("counts_cur") {
        false => close("KL divergence", &ours["kl_divergence"], "kl_cur_ref_nat"),
        true => assert!(ours["kl_divergence"].as_f64().is_some_and(f64::is_finite), "{column}"),
    }
}

/// Columns of numbers: exact where both sides have at most 2,048 different values, which `is_exact` says.
fn numbers_agree(column: &str, ours: &Value, theirs: &Value, is_exact: bool) {
    let restated = &theirs["restated"];
    let (relative, ks) = if is_exact { (SAME, 1e-12) } else { (1e-3, 0.005) };
    let close = |what: &str, ours: &Value, theirs: &Value, relative: f64, absolute: f64| {
        near(&format!("{what} of {column}"), ours, theirs, relative, absolute);
    };
    close("KS", &ours["ks_test"]["statistic"], &restated["ks_stat"], 0.0, ks);
    if is_exact {
        close("its p-value", &ours["ks_test"]["pvalue"], &restated["ks_p_asymp"], 1e-6, 1e-9);
    }
    close("Wasserstein", &ours["wasserstein_distance"], &restated["wasserstein"], relative, 1e-12);
    let normed = &restated["wasserstein_over_ref_std_ddof0"];
    close("Wasserstein, normed", &ours["wasserstein_distance_normed"], normed, relative, 1e-12);
    // Evidently's energy distance is SciPy's.
    close("energy", &ours["energy_distance"], &theirs["evidently"]["ed"]["score"], relative, 1e-9);
    let moved =
        restated["mean_cur"].as_f64().zip(restated["mean_ref"].as_f64()).map(|(now, then)| now - then);
    close("difference of means", &ours["avg_delta"], &moved.into(), SAME, 1e-9);
    let spreads =
        ["std_ref_ddof1", "std_cur_ddof1"].map(|name| restated[name].as_f64().expect("a deviation"));
    let cohen = moved.map(|moved| moved / f64::midpoint(spreads[0].powi(2), spreads[1].powi(2)).sqrt());
    close("difference in deviations", &ours["standardized_mean_difference"], &cohen.into(), 1e-6, 1e-9);
    // Theirs are NumPy's default deciles, which lie between two values; ours are values (`inverted_cdf`): of few rows a handful
    // is in the bin beside.
    let psi = &restated["psi_ref_deciles_open_ended_fill1e4"];
    close("PSI", &ours["population_stability_index"], psi, 1e-3, 1e-3);
}

/// Whether a column has so few different values that all are known.
async fn is_exact(ctx: &SessionContext, rows: [&str; 2], column: &str) -> bool {
    let mut most = 0;
    for rows in rows {
        let sql = format!("SELECT count(DISTINCT \"{column}\") AS values FROM ({rows})");
        let found = ctx.sql(&sql).await.expect("a count").collect().await.expect("a count");
        let values = arrow::util::display::array_value_to_string(found[0].column(0), 0).expect("a number");
        most = most.max(values.parse::<u64>().expect("a number"));
    }
    most <= 2_048
}

async fn agree(
    ctx: &SessionContext,
    rows: [&str; 2],
    categorical: &str,
    answers: &Map<String, Value>,
) -> Value {
    let (ours, said) = compared(ctx, rows, categorical).await;
    for (column, theirs) in answers {
        let ours = ours.get(column).unwrap_or_else(|| panic!("no row of {column}"));
        match theirs["restated"].get("categories") {
            Some(_) => names_agree(column, ours, &theirs["restated"]),
            None => numbers_agree(column, ours, theirs, is_exact(ctx, rows, column).await),
        }
    }
    said
}

/// Incomes: two samples of one population. Nothing drifts, by Evidently's defaults and by Secchi's.
#[tokio::test(flavor = "multi_thread")]
async fn two_samples_of_incomes_are_as_far_apart_as_others_say() {
    let Some(case) = case("adult_income") else { return };
    let ctx = SessionContext::new();
    for (name, file) in [("reference", "reference-income.csv"), ("current", "current1-income.csv")] {
        let path = case.join(file).display().to_string();
        ctx.register_csv(name, &path, CsvReadOptions::new()).await.expect("a CSV file");
    }
    let rows = ["SELECT * EXCEPT (timestamp) FROM reference", "SELECT * EXCEPT (timestamp) FROM current"];
    let answers = results(&case.join("variants_adultincome_ref_vs_current1.json"));
    assert_eq!(answers.len(), 10);
    let said = agree(&ctx, rows, "prediction", &answers).await;
    let drifted = answers.values().filter(|answer| answer["evidently_default"]["drifted"] == true).count();
    assert_eq!(drifted, 0);
    assert_eq!(said["runs"][0]["events"], Value::Array(Vec::new()), "no default rule fires");
}

/// Taxi trips of January 2019 beside those of five later months.
#[tokio::test(flavor = "multi_thread")]
async fn months_of_taxi_trips_are_as_far_apart_as_others_say() {
    let Some(case) = case("nyc_taxi") else { return };
    let ctx = SessionContext::new();
    let file = case.join("yellow_tripdata_sample_2018_2020.parquet").display().to_string();
    ctx.register_parquet("trips", &file, ParquetReadOptions::default()).await.expect("the trips");
    let months = results(&case.join("variants_nyctaxi_2019-01_vs_month.json"));
    assert_eq!(months.len(), 5);
    let of = |month: &str| {
        format!(
            "SELECT trip_distance, fare_amount, tip_amount, total_amount, payment_type, vendor_id, passenger_count, \
                 rate_code_id FROM trips WHERE month = '{month}'"
        )
    };
    for (month, answers) in &months {
        let answers = answers.as_object().expect("an answer a column");
        let rows = [of("2019-01"), of(month)];
        let categorical = "payment_type, vendor_id, passenger_count, rate_code_id";
        agree(&ctx, [&rows[0], &rows[1]], categorical, answers).await;
    }
}

/// Houses of California: the reference beside everything after it, of which south and north differ greatly.
#[tokio::test(flavor = "multi_thread")]
async fn houses_of_california_are_as_far_apart_as_others_say() {
    let Some((case, ctx)) = california().await else { return };
    let columns = "\"MedInc\", \"HouseAge\", \"AveRooms\", \"AveBedrms\", \"Population\", \"AveOccup\", \"Latitude\", \
                   \"Longitude\", y_pred_proba";
    let rows = ["reference", "analysis"].map(|table| format!("SELECT {columns} FROM {table}"));
    let answers = results(&case.join("variants_california_ref_vs_analysis.json"));
    assert_eq!(answers.len(), 9);
    agree(&ctx, [&rows[0], &rows[1]], "", &answers).await;
}
