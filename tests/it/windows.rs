//! Windows of several lengths are added up from the same counts: they are what each length by itself gives.

use serde_json::Value;

use crate::support::scene::Scene;

/// Every measured value of the windows of one length, in both metric tables.
async fn rows(scene: &Scene, granularity: &str) -> [Vec<Value>; 2] {
    let of = async |table: &str| {
        let sql = format!(
            "SELECT * EXCLUDE (run_id, config_hash, computed_at, revision) FROM bad_{table} \
             WHERE granularity = '{granularity}' \
             ORDER BY window_start, model_version, slice_key, slice_value, column_name"
        );
        scene.rows(&sql).await
    };
    [of("profile_metrics").await, of("drift_metrics").await]
}

/// Nine days of rows, a row each eleven minutes, around a change of the clock; every other row is of another version.
async fn scene_in(zone: &str, change: i64) -> Scene {
    let scene = Scene::new().await;
    let odd = format!(
        r#"SELECT
            arrow_cast({change} * 1000000 + (n - 600) * 660000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
            concat('r', n) AS request_id,
            CASE WHEN n % 2 = 0 THEN '1' ELSE '2' END AS model_version,
            CASE WHEN n % 5 = 0 THEN NULL WHEN n % 11 = 0 THEN CAST('NaN' AS DOUBLE) ELSE n / 7.0 END AS amount,
            CASE WHEN n % 3 = 0 THEN 'north' WHEN n % 13 = 0 THEN NULL ELSE 'south' END AS region,
            n % 2 AS prediction,
            CAST(n % 10 AS DOUBLE) / 10 AS score,
            CASE WHEN n % 4 = 0 THEN NULL ELSE n % 3 % 2 END AS label
        FROM generate_series(0, 1199) AS series(n)"#
    );
    scene.table("odd", &odd).await;
    scene.edit("../lake/bad", "../lake/odd");
    scene.edit("granularities:", &format!("timezone: {zone}\ngranularities:"));
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lengths_at_once_are_each_by_itself() {
    // Half an hour back on Lord Howe; in Newfoundland, until 2011, back over midnight.
    for (zone, change) in [("Australia/Lord_Howe", 1_775_314_800), ("America/St_Johns", 1_162_089_060)] {
        let lengths = ["1 hour", "1 day", "1 week"];
        let together = scene_in(zone, change).await;
        together.edit("[1 day]", &format!("[{}]", lengths.join(", ")));
        let said = together.secchi(&["run", "bad"]);
        assert_eq!(said.code, 0, "{}", said.err);
        for length in lengths {
            let alone = scene_in(zone, change).await;
            alone.edit("[1 day]", &format!("[{length}]"));
            let said = alone.secchi(&["run", "bad"]);
            assert_eq!(said.code, 0, "{}", said.err);
            let expected = rows(&alone, length).await;
            assert!(expected.iter().all(|rows| !rows.is_empty()), "{zone}, {length}");
            let actual = rows(&together, length).await;
            let strip = |rows: [Vec<Value>; 2]| {
                rows.map(|rows| rows.into_iter().map(without_place).collect::<Vec<_>>())
            };
            assert_eq!(strip(actual), strip(expected), "{zone}, {length}");
        }
    }
}

/// A row without the folder that its table is in.
fn without_place(mut row: Value) -> Value {
    if let Some(row) = row.as_object_mut() {
        row.retain(|name, _| !name.ends_with("_table"));
    }
    row
}
