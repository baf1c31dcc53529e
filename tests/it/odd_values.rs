//! Odd values: whatever a column holds, its row has a defined value, or a NULL and the reason.
//!
//! The page that is a snapshot has a line for each column of one day, as a person would look at them.

use datafusion::prelude::SessionContext;
use serde_json::Value;

use crate::support::scene::{Scene, is_as_approved};
use crate::support::tables;

/// A column of each kind of odd value, over three days; on the second day there is no row.
const ROWS: &str = r#"
SELECT
    arrow_cast(CASE WHEN n < 24 THEN 1777593600000000 ELSE 1777680000000000 END + n * 3600000000,
        'Timestamp(Microsecond, Some("UTC"))') AS event_time,
    concat('r', n) AS request_id,
    '1' AS model_version,
    n % 2 AS prediction,
    0.5 AS score,
    n % 2 AS label,
    CAST(NULL AS DOUBLE) AS null_numbers,
    CAST(NULL AS VARCHAR) AS null_texts,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS null_times,
    CAST(NULL AS BOOLEAN) AS null_booleans,
    arrow_cast(NULL, 'Binary') AS null_binary,
    arrow_cast(NULL, 'List(Int64)') AS null_lists,
    CAST('NaN' AS DOUBLE) AS only_nan,
    CASE n % 2 WHEN 0 THEN CAST('inf' AS DOUBLE) ELSE CAST('-inf' AS DOUBLE) END AS only_infinities,
    CASE n % 4 WHEN 0 THEN CAST('NaN' AS DOUBLE) WHEN 1 THEN CAST('inf' AS DOUBLE) WHEN 2 THEN CAST('-inf' AS DOUBLE)
        ELSE CAST(n AS DOUBLE) END AS some_finite,
    CASE n % 2 WHEN 0 THEN 0.0 ELSE -0.0 END AS zeros,
    CASE n % 2 WHEN 0 THEN 1.7e308 ELSE -1.7e308 END AS extremes,
    7 AS constant,
    9007199254740992 + n % 2 AS beyond_two_to_the_53,
    CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) - n % 2 AS wide_decimals,
    CAST('0.00000000000000000000000000000000000001' AS DECIMAL(38, 38)) AS tiny_decimals,
    '' AS empty_texts,
    CASE n % 3 WHEN 0 THEN '' WHEN 1 THEN ' ' ELSE 'Größe 🌊' END AS texts,
    repeat('x', 300) AS long_texts,
    arrow_cast(-2208988800000000 + n, 'Timestamp(Microsecond, Some("UTC"))') AS times_of_1900,
    arrow_cast(32503680000000000 + n, 'Timestamp(Microsecond, Some("UTC"))') AS times_of_3000,
    arrow_cast(CASE n % 2 WHEN 0 THEN -719162 ELSE 2932896 END, 'Date32') AS days_of_1_and_9999,
    CASE n % 2 WHEN 0 THEN X'fffe00' ELSE X'' END AS binary,
    CASE n % 3 WHEN 0 THEN make_array(1, NULL, 3) WHEN 1 THEN arrow_cast(make_array(), 'List(Int64)') END AS lists,
    make_array(make_array(n)) AS lists_of_lists,
    CASE n % 2 WHEN 0 THEN map(['a', 'b'], [1, n]) END AS maps,
    named_struct('a', n, 'b', 'x') AS structs
FROM generate_series(0, 47) AS series(n)
"#;

/// What a row says, on a line; what is NULL is left out.
fn line(row: &Value) -> String {
    let fields = row.as_object().expect("a row").iter().filter(|(name, _)| *name != "column_name");
    let fields =
        fields.filter(|(_, value)| !value.is_null()).map(|(name, value)| match (name.as_str(), value) {
            ("frequent_items", Value::Array(items)) => {
                let item = |item: &Value| format!("{} {}", item["item"], item["count"]);
                format!("items [{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
            }
            ("reason", Value::String(reason)) => format!("({reason})"),
            (name, Value::String(text)) => format!("{name} {text}"),
            (name, value) => format!("{name} {value}"),
        });
    format!("{}: {}", row["column_name"].as_str().expect("a name"), fields.collect::<Vec<_>>().join(", "))
}

/// The rows of columns that `select` gives on the first day, a line each.
async fn lines(scene: &Scene, select: &str) -> String {
    let of_first_day =
        "model_version = '1' AND date_part('day', window_start) = 1 AND column_name <> ':table'";
    let rows = scene.rows(&format!("{select} WHERE {of_first_day} ORDER BY column_name")).await;
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_values_are_measured_or_said_to_be_none() {
    let scene = Scene::new().await;
    let frame = SessionContext::new().sql(ROWS).await.expect("the rows");
    tables::write(&scene.path("lake/odd"), frame.collect().await.expect("the rows")).await;
    scene.edit("../lake/bad", "../lake/odd");
    scene.edit("include: [amount, region]", "exclude: [prediction, label, score]");
    scene.edit("slicing_exprs: [region]", "slicing_exprs: []");
    scene.edit("alerts: []", "baseline: { table: ../lake/odd }\nalerts: []");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    // A window without rows is no row, but it is told.
    let gap = "note: no rows in 1 window of 1 day between others, the first of 2026-05-02";
    assert!(said.out.contains(gap), "{}", said.out);

    let profile = lines(
        &scene,
        "SELECT column_name, data_type, count, num_nulls, avg, min, max, stddev, median, num_zeros, num_nan, num_infinite, \
         distinct_count, min_length, max_length, avg_length, frequent_items, reason FROM bad_profile_metrics",
    );
    let drift = lines(
        &scene,
        "SELECT column_name, js_distance, population_stability_index, ks_test.statistic AS ks, wasserstein_distance, \
         chi_squared_test.statistic AS chi_squared, tv_distance, reason FROM bad_drift_metrics",
    );
    let page = format!("# profile\n{}\n\n# drift\n{}", profile.await, drift.await);
    is_as_approved("odd_values", &page);

    let windows = scene
        .rows("SELECT DISTINCT date_part('day', window_start) AS day FROM bad_profile_metrics WHERE window_start IS NOT NULL ORDER BY day")
        .await;
    assert_eq!(windows.iter().map(|row| row["day"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(3)]);
}
