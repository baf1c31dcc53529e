//! Plans, and windows of the past that are computed anew.

use std::fmt::Write as _;

use jiff::Timestamp;
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Stop};
use secchi::window::Granularity;
use serde_json::{Value, json};

use crate::support::scene::{Scene, is_as_approved};
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// All rows of a metric table, but for where they come from.
async fn rows(scene: &Scene, output: &str) -> Vec<Value> {
    let sql = "SELECT * EXCEPT (logging_table_commit_version, revision, run_id, config_hash, source_version, \
               source_version_from, engine_version, computed_at) FROM bad_profile_metrics \
               ORDER BY granularity, window_start, model_version, slice_key, slice_value, column_name";
    tables::query(&scene.path(output), sql).await
}

async fn states(scene: &Scene) -> Vec<Value> {
    scene.rows("SELECT window_start, max(source_version) AS version, min(computed_at) AS at FROM bad_profile_states GROUP BY window_start ORDER BY window_start").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_counted_in_parts_and_is_as_if_it_were_counted_at_once() {
    let scene = Scene::new().await;
    scene.edit("[1 day]", "[1 day, 1 week, 1 month]");
    let rebuilt = scene.secchi(&["rebuild", "bad", "--chunk", "1 day"]);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
    let mut page = rebuilt.out.clone();
    let in_parts = rows(&scene, "monitoring").await;
    scene.edit("../monitoring", "../at-once");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    assert_eq!(in_parts, rows(&scene, "at-once").await);
    scene.edit("../at-once", "../monitoring");

    // Parts of the past; what is as it was is not restated.
    let before = states(&scene).await;
    let again = scene.secchi(&["backfill", "bad", "--from", "2026-05-02", "--to", "2026-05-03T00:00:00Z"]);
    assert_eq!(again.code, 0, "{}", again.err);
    page.push_str(&again.out);
    let after = states(&scene).await;
    let anew: Vec<bool> = before.iter().zip(&after).map(|(before, after)| before != after).collect();
    assert_eq!(anew, [false, true, false]);
    assert_eq!(in_parts, rows(&scene, "monitoring").await);
    let unknown = scene.secchi(&["backfill", "bad", "--from", "2026-05-02", "--to", "2026-05-02"]);
    assert_eq!(unknown.code, 2);
    page.push_str(&unknown.err);
    let long = scene.secchi(&["rebuild", "bad", "--chunk", "fortnight"]);
    assert_eq!(long.code, 2);
    is_as_approved("backfill", &page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_was_stopped_is_gone_on_with() {
    let scene = Scene::new().await;
    assert_eq!(scene.secchi(&["rebuild", "bad", "--chunk", "1 day"]).code, 0);
    let whole = rows(&scene, "monitoring").await;
    scene.table("bad", "SELECT * REPLACE (event_time + INTERVAL '3 days' AS event_time) FROM model").await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let six = rows(&scene, "monitoring").await;
    assert!(six.len() > whole.len());

    let settings = Settings::default();
    let monitor = config::load(&scene.path("monitors/bad.yaml"), &settings).expect("a monitor");
    let order = Order { notify: false, ..Order::at(Timestamp::now()) };
    let parts =
        run::backfill(&monitor, &settings, order, [None, None], Granularity::Day).await.expect("parts");
    assert_eq!(parts.chunks.len(), 6);
    for chunk in &parts.chunks[..2] {
        let order = Order { recount: Some(chunk.recount), ..order };
        run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await.expect("a run");
    }
    assert_eq!(six, rows(&scene, "monitoring").await, "what waits stays as it was");

    let mut page = String::new();
    let plan = scene.secchi(&["plan", "bad"]);
    page.push_str(&plan.out);
    let resumed = scene.secchi(&["rebuild", "bad", "--chunk", "1 day"]);
    let _ = write!(page, "{}{}", resumed.err, resumed.out);
    assert_eq!(six, rows(&scene, "monitoring").await);
    assert!(scene.secchi(&["plan", "bad"]).out.contains("nothing to do"));
    is_as_approved("backfill_stopped", &page);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_backfill_than_one_broken_off_counts_what_it_is_asked_for() {
    let scene = Scene::new().await;
    assert_eq!(scene.secchi(&["rebuild", "bad", "--chunk", "1 day"]).code, 0);
    let whole = rows(&scene, "monitoring").await;
    let settings = Settings::default();
    let monitor = config::load(&scene.path("monitors/bad.yaml"), &settings).expect("a monitor");
    let order = Order { notify: false, ..Order::at(Timestamp::now()) };
    let parts =
        run::backfill(&monitor, &settings, order, [None, None], Granularity::Day).await.expect("parts");
    let first = Order { recount: Some(parts.chunks[0].recount), ..order };
    run::run(&monitor, &settings, first, &Unwatched, &Stop::new().1).await.expect("a run");

    // The second and the third day wait; the third is asked for.
    let backfill = |from: &str, to: &str| {
        let said = scene.secchi(&["backfill", "bad", "--from", from, "--to", to]);
        assert_eq!(said.code, 0, "{}", said.err);
        format!("{}{}", said.err, said.out)
    };
    let third = backfill("2026-05-03", "2026-05-04");
    assert!(third.contains("1 of 1: 2026-05-03 … 2026-05-04  24 rows"), "{third}");
    assert!(!third.contains("goes on"), "{third}");
    let waits = scene.secchi(&["plan", "bad"]).out;
    assert!(waits.contains("computes 1 window of 1 day at most, from 2026-05-02"), "{waits}");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    assert!(scene.secchi(&["plan", "bad"]).out.contains("nothing to do"));
    let beyond = backfill("2031-01-01", "2032-01-01");
    assert!(beyond.contains("bad  no rows lie there"), "{beyond}");
    assert_eq!(whole, rows(&scene, "monitoring").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_a_run_would_do_and_does_nothing() {
    let scene = Scene::new().await;
    let mut page = String::new();
    let mut plan = |what: &str| {
        let said = scene.secchi(&["plan", "bad"]);
        let _ = write!(page, "-- {what}\n{}{}", said.out, said.err);
        said.code
    };
    assert_eq!(plan("at first"), 0);
    assert!(!scene.path("monitoring").exists(), "nothing is written");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    plan("nothing new");
    std::fs::write(scene.path("file"), "").expect("a file");
    scene.edit("../monitoring", "../file/monitoring");
    assert_eq!(plan("nothing can be written"), 0);
    scene.edit("../file/monitoring", "../monitoring");
    scene
        .table("bad", "SELECT * REPLACE (event_time + INTERVAL '3 days' AS event_time) FROM model LIMIT 30")
        .await;
    plan("new rows");
    let table = tables::open(&scene.path("lake/bad")).await;
    table.delete().with_predicate("request_id = 'r5'").await.expect("a delete");
    plan("and some that went");
    scene.edit("alerts: []", "alerts: []\nowner: risk@example.com");
    plan("and another owner");
    scene.edit("prediction_col: prediction", "prediction_col: forecast");
    assert_eq!(plan("a column that is not there"), 1);
    scene.edit("prediction_col: forecast", "prediction_col: prediction");
    is_as_approved("plan", &page);
    let document: Value = serde_json::from_str(&scene.secchi(&["plan", "bad", "--json"]).out).expect("JSON");
    let plan = &document["plans"][0];
    assert_eq!(plan["reads"], "changes");
    assert_eq!(plan["commits"], json!(2), "{document}");
    let runs = scene.rows("SELECT count(*) AS rows FROM runs").await;
    assert_eq!(runs[0]["rows"], 2, "a plan is no run");
}

/// Its first part is that in which the first rows are: the week that they are in begins before, where there are none.
#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_begins_before_the_first_rows_is_not_forgotten() {
    let scene = Scene::new().await;
    scene.edit("[1 day]", "[1 day, 1 week]");
    let part = scene.secchi(&["backfill", "bad", "--from", "2026-05-01", "--to", "2026-05-03"]);
    assert_eq!(part.code, 0, "{}", part.err);
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let in_parts = rows(&scene, "monitoring").await;
    scene.edit("../monitoring", "../at-once");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let at_once = rows(&scene, "at-once").await;
    assert!(at_once.iter().any(|row| row["granularity"] == "1 week"));
    assert_eq!(in_parts, at_once);
}
