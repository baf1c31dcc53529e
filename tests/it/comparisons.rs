//! Windows compared with those a season before, with several before together, and with another model version.

use datafusion::execution::context::SessionContext;
use jiff::{Timestamp, ToSpan};
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Outcome, Stop};
use serde_json::Value;

use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

const COMPARISONS: &str = "comparisons: { seasonal: 1 week, rolling: 3, version: VERSION }\ngranularities:";

async fn run_of(scene: &Scene, days: i64) -> Outcome {
    let settings = Settings::default();
    let monitor = config::load(&scene.path("monitors/bad.yaml"), &settings).expect("a monitor");
    let begin: Timestamp = "2026-05-01T00:00:00Z".parse().expect("a time");
    let order = Order { notify: false, ..Order::at(begin.checked_add((24 * days).hours()).expect("a day")) };
    let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
    done.unwrap_or_else(|error| panic!("{}", secchi::cause::chain(&error)))
}

/// Two rows a day of each of these days of May, counted from 0: the amount is the day and, of version 2, ten times the day.
async fn write(scene: &Scene, days: &[u32]) {
    let days: Vec<String> = days.iter().map(|day| format!("({day})")).collect();
    let sql = format!(
        "SELECT arrow_cast(1777593600000000 + CAST(day AS BIGINT) * 86400000000 + n, \
                           'Timestamp(Microsecond, Some(\"UTC\"))') AS event_time, \
            concat('r', day, '-', version, '-', n) AS request_id, version AS model_version, \
            CAST(day * CASE version WHEN '1' THEN 1 ELSE 10 END AS DOUBLE) AS amount, 'north' AS region, \
            n AS prediction, CAST(n AS DOUBLE) / 10 AS score, n AS label \
         FROM (VALUES {}) AS days(day), (VALUES ('1'), ('2')) AS versions(version), generate_series(0, 1) AS series(n)",
        days.join(", ")
    );
    scene.table("bad", &sql).await;
}

/// A monitor of a table that is still to be written, and compares with this version.
async fn scene_with(version: &str) -> Scene {
    let scene = Scene::new().await;
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    scene.edit("granularities:", &COMPARISONS.replace("VERSION", version));
    scene
}

/// What the rows of amounts say, one a line: `day version comparison delta against`.
async fn amounts(scene: &Scene, wanted: &str) -> Vec<String> {
    let day = |column: &str| {
        format!("CAST(date_part('epoch', {column} - TIMESTAMP '2026-05-01T00:00:00Z') / 86400 AS BIGINT)")
    };
    let sql = format!(
        "SELECT {} AS day, model_version, drift_type, avg_delta, {} AS first, {} AS last, windows_cmp, \
            model_version_cmp, count_cmp FROM bad_drift_metrics \
         WHERE column_name = 'amount' AND slice_key IS NULL AND {wanted} ORDER BY drift_type, model_version, day",
        day("window_start"),
        day("window_cmp_start"),
        day("window_cmp_end"),
    );
    let line = |row: &Value| {
        let text = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
        format!(
            "{} v{} {} {} against {} of days {}..{}, {} values{}",
            text("day"),
            text("model_version"),
            text("drift_type"),
            text("avg_delta"),
            text("windows_cmp"),
            text("first"),
            text("last"),
            text("count_cmp"),
            row["model_version_cmp"].as_str().map(|version| format!(" of v{version}")).unwrap_or_default(),
        )
    };
    scene.rows(&sql).await.iter().map(line).collect()
}

const OF_VERSION_1: &str = "model_version = '1' AND drift_type IN ('SEASONAL', 'ROLLING')";

#[tokio::test(flavor = "multi_thread")]
async fn windows_are_compared_over_gaps_and_late_rows_restate_those_that_look_at_them() {
    let scene = scene_with("1").await;
    scene.edit(
        "alerts: []",
        "alerts:\n  - { rule: a week, metric: avg_delta, above: 6, columns: [amount], comparison: SEASONAL }\n  \
         - { rule: three days, metric: avg_delta, above: 2.2, columns: [amount], comparison: ROLLING }\n  \
         - { rule: the other, metric: avg_delta, above: 80, columns: [amount], comparison: VERSION }",
    );
    write(&scene, &[0, 1, 4, 5, 7, 8, 9]).await;
    run_of(&scene, 10).await;
    assert_eq!(
        amounts(&scene, OF_VERSION_1).await,
        [
            // Days 4 and 5 before have one window with rows of three, day 7 has two, which are half of them.
            "7 v1 ROLLING 2.5 against 2 of days 4..7, 4 values",
            "8 v1 ROLLING 2.0 against 2 of days 5..8, 4 values",
            "9 v1 ROLLING 1.5 against 2 of days 6..9, 4 values",
            "7 v1 SEASONAL 7.0 against 1 of days 0..1, 2 values",
            "8 v1 SEASONAL 7.0 against 1 of days 1..2, 2 values",
        ]
    );
    let against = |day: u32| {
        format!("{day} v2 VERSION {}.0 against 1 of days {day}..{}, 2 values of v1", 9 * day, day + 1)
    };
    let of_versions = "drift_type = 'VERSION'";
    assert_eq!(amounts(&scene, of_versions).await, [0, 1, 4, 5, 7, 8, 9].map(against));
    let alerts = "SELECT rule, model_version, drift_type, value FROM alerts WHERE transition = 'first' \
                  AND model_version <> '2' OR rule = 'the other' ORDER BY rule";
    let alerts: Vec<String> = scene.rows(alerts).await.iter().map(ToString::to_string).collect();
    assert_eq!(
        alerts,
        [
            r#"{"rule":"a week","model_version":"1","drift_type":"SEASONAL","value":7.0}"#,
            r#"{"rule":"the other","model_version":"2","drift_type":"VERSION","value":81.0}"#,
            r#"{"rule":"three days","model_version":"1","drift_type":"ROLLING","value":2.5}"#,
        ]
    );

    // Late rows of day 6 are looked at by the three days after it.
    write(&scene, &[6]).await;
    let outcome = run_of(&scene, 10).await;
    assert_eq!(outcome.rows, 4);
    assert_eq!(
        amounts(&scene, OF_VERSION_1).await,
        [
            "6 v1 ROLLING 1.5 against 2 of days 3..6, 4 values",
            "7 v1 ROLLING 2.0 against 3 of days 4..7, 6 values",
            "8 v1 ROLLING 2.0 against 3 of days 5..8, 6 values",
            "9 v1 ROLLING 2.0 against 3 of days 6..9, 6 values",
            "7 v1 SEASONAL 7.0 against 1 of days 0..1, 2 values",
            "8 v1 SEASONAL 7.0 against 1 of days 1..2, 2 values",
        ]
    );
    let restated = "revision = 2 AND model_version <> '*'";
    assert_eq!(
        amounts(&scene, restated).await,
        [
            "7 v1 ROLLING 2.0 against 3 of days 4..7, 6 values",
            "8 v1 ROLLING 2.0 against 3 of days 5..8, 6 values",
            "9 v1 ROLLING 2.0 against 3 of days 6..9, 6 values",
            "7 v2 ROLLING 20.0 against 3 of days 4..7, 6 values",
            "8 v2 ROLLING 20.0 against 3 of days 5..8, 6 values",
            "9 v2 ROLLING 20.0 against 3 of days 6..9, 6 values",
        ]
    );

    // Those of day 1 by day 8, a week later.
    write(&scene, &[1]).await;
    assert_eq!(run_of(&scene, 10).await.rows, 4);
    let restated = "revision = 2 AND model_version = '1' AND drift_type <> 'ROLLING'";
    assert_eq!(
        amounts(&scene, restated).await,
        [
            "1 v1 CONSECUTIVE 1.0 against 1 of days 0..1, 2 values",
            "8 v1 SEASONAL 7.0 against 1 of days 1..2, 4 values",
        ]
    );

    // Other settings are applied to what was counted.
    scene.edit("seasonal: 1 week, rolling: 3", "seasonal: 4 days, rolling: 2");
    let outcome = run_of(&scene, 10).await;
    assert_eq!(outcome.rows, 0, "{:?}", outcome.findings);
    assert_eq!(
        amounts(&scene, "drift_type IN ('SEASONAL', 'ROLLING') AND model_version = '1'").await,
        [
            // One of two windows is half of them.
            "1 v1 ROLLING 1.0 against 1 of days -1..1, 2 values",
            "5 v1 ROLLING 1.0 against 1 of days 3..5, 2 values",
            "6 v1 ROLLING 1.5 against 2 of days 4..6, 4 values",
            "7 v1 ROLLING 1.5 against 2 of days 5..7, 4 values",
            "8 v1 ROLLING 1.5 against 2 of days 6..8, 4 values",
            "9 v1 ROLLING 1.5 against 2 of days 7..9, 4 values",
            "4 v1 SEASONAL 4.0 against 1 of days 0..1, 2 values",
            "5 v1 SEASONAL 4.0 against 1 of days 1..2, 4 values",
            "8 v1 SEASONAL 4.0 against 1 of days 4..5, 2 values",
            "9 v1 SEASONAL 4.0 against 1 of days 5..6, 2 values",
        ]
    );
    assert!(run_of(&scene, 10).await.is_unchanged);
}

/// Registers two versions, of which this one has the alias.
async fn promote(scene: &Scene, version: &str) {
    let folder = scene.path("lake/models");
    let _ = std::fs::remove_dir_all(&folder);
    let sql = format!(
        "SELECT 'bad' AS name, version, CASE WHEN version = '{version}' THEN 'champion' ELSE '' END AS aliases \
         FROM (VALUES ('1'), ('2')) AS versions(version)"
    );
    let batches = SessionContext::new().sql(&sql).await.expect(&sql).collect().await.expect(&sql);
    tables::append(&folder, batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_alias_moves_all_windows_are_compared_anew() {
    let scene = scene_with("{ alias: champion }").await;
    scene.edit("granularities:", "registry: { table: ../lake/models, model: bad }\ngranularities:");
    write(&scene, &[0, 1]).await;
    promote(&scene, "1").await;
    run_of(&scene, 2).await;
    let of_versions = "drift_type = 'VERSION'";
    let against_1 = [
        "0 v2 VERSION 0.0 against 1 of days 0..1, 2 values of v1",
        "1 v2 VERSION 9.0 against 1 of days 1..2, 2 values of v1",
    ];
    assert_eq!(amounts(&scene, of_versions).await, against_1);
    assert!(run_of(&scene, 2).await.is_unchanged);

    promote(&scene, "2").await;
    let plan = scene.secchi(&["plan", "monitors/bad.yaml"]);
    assert!(plan.out.contains("versions are compared with another one"), "{}{}", plan.out, plan.err);
    let outcome = run_of(&scene, 2).await;
    assert_eq!((outcome.rows, outcome.is_unchanged), (0, false), "{:?}", outcome.findings);
    assert_eq!(
        amounts(&scene, of_versions).await,
        [
            "0 v1 VERSION 0.0 against 1 of days 0..1, 2 values of v2",
            "1 v1 VERSION -9.0 against 1 of days 1..2, 2 values of v2",
        ]
    );
    assert!(run_of(&scene, 2).await.is_unchanged);

    promote(&scene, "none").await;
    let outcome = run_of(&scene, 2).await;
    let nobody =
        "no version of `bad` has the alias `champion` in the registry, so that versions are not compared";
    assert!(outcome.findings.iter().any(|finding| finding == nobody), "{:?}", outcome.findings);
    assert!(amounts(&scene, of_versions).await.is_empty());
    assert!(run_of(&scene, 2).await.is_unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_metrics_are_compared_where_the_other_side_has_some() {
    let scene = scene_with("1").await;
    scene.edit(
        "alerts: []",
        "custom_metrics:\n  - { type: aggregate, name: mean, input_columns: [amount], definition: \"avg(amount)\" }\n  \
         - { type: drift, name: moved, input_columns: [amount], definition: \"{{current_df}}.mean - {{base_df}}.mean\" }\n\
         alerts: []",
    );
    write(&scene, &[0, 5, 6]).await;
    run_of(&scene, 9).await;
    // A season and a version away, of which no rows are new.
    write(&scene, &[7, 8]).await;
    assert_eq!(run_of(&scene, 9).await.findings, Vec::<String>::new());
    let sql = "SELECT drift_type, model_version, moved, avg_delta, \
               CASE WHEN drift_type = 'ROLLING' THEN reason END AS reason FROM bad_drift_metrics \
               WHERE column_name = 'amount' AND slice_key IS NULL AND model_version <> '*' \
               AND CAST(window_start AS DATE) = DATE '2026-05-08' ORDER BY drift_type, model_version";
    let rows: Vec<String> = scene.rows(sql).await.iter().map(ToString::to_string).collect();
    let why = "moved: several windows together have no metrics of their own";
    assert_eq!(
        rows,
        [
            r#"{"drift_type":"CONSECUTIVE","model_version":"1","moved":1.0,"avg_delta":1.0}"#.to_owned(),
            r#"{"drift_type":"CONSECUTIVE","model_version":"2","moved":10.0,"avg_delta":10.0}"#.to_owned(),
            format!(r#"{{"drift_type":"ROLLING","model_version":"1","avg_delta":1.5,"reason":"{why}"}}"#),
            format!(r#"{{"drift_type":"ROLLING","model_version":"2","avg_delta":15.0,"reason":"{why}"}}"#),
            r#"{"drift_type":"SEASONAL","model_version":"1","moved":7.0,"avg_delta":7.0}"#.to_owned(),
            r#"{"drift_type":"SEASONAL","model_version":"2","moved":70.0,"avg_delta":70.0}"#.to_owned(),
            r#"{"drift_type":"VERSION","model_version":"2","moved":63.0,"avg_delta":63.0}"#.to_owned(),
        ]
    );
    let said = scene.secchi(&["validate", "--connect", "monitors/bad.yaml"]);
    let line = "  comparisons   1 day with 1 week before, with 3 windows before, with model version 1\n";
    assert!(said.out.contains(line), "{}{}", said.out, said.err);
}
