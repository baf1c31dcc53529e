//! Runs that add to what earlier runs have counted: what they read, write and tell.

use jiff::{Timestamp, ToSpan};
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Outcome, Stop};
use secchi::source::Versions;
use serde_json::{Value, json};

use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// The first instant of the model's rows.
const BEGIN: &str = "2026-05-01T00:00:00Z";

async fn run_at(scene: &Scene, file: &str, as_of: Timestamp) -> Outcome {
    let settings = Settings::default();
    let monitor = config::load(&scene.path(&format!("monitors/{file}.yaml")), &settings).expect("a monitor");
    let order = Order { as_of, versions: Versions::default(), now: as_of, notify: false };
    let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
    done.unwrap_or_else(|error| panic!("{}", secchi::cause::chain(&error)))
}

fn day(number: i64) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().expect("a time");
    begin.checked_add((24 * number).hours()).expect("a day")
}

/// The rows of one day of the model, moved to the day of this number.
fn rows_of(number: i64, amount: &str) -> String {
    let moved = number - number % 3;
    format!(
        "SELECT * REPLACE (event_time + INTERVAL '{moved} days' AS event_time, {amount} AS amount, \
         concat(request_id, '-{number}') AS request_id) FROM model \
         WHERE CAST(substr(request_id, 2) AS INT) / 24 = {}",
        number % 3
    )
}

/// An alert that is on, goes off, comes back; one of a version that ends; one that needs several windows; one on drift.
const RULES: &str = "
  - { rule: high, metric: avg, above: 3.2, columns: [amount] }
  - { rule: for a while, metric: avg, above: 3.2, columns: [amount], for: 2 of 3 }
  - { rule: moved, metric: avg_delta, outside: [-0.5, 0.5], columns: [amount], comparison: CONSECUTIVE }
  - { rule: weeks, metric: avg, above: 1, columns: [amount], granularity: 1 week }
";

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_a_run_a_day_are_those_of_one_run_at_the_end() {
    let scene = Scene::new().await;
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    scene.edit("[1 day]", "[1 day, 1 week]");
    scene.edit("alerts: []", &format!("alerts:{RULES}"));
    let text = std::fs::read_to_string(scene.path("monitors/bad.yaml")).expect("the monitor");
    scene.write("monitors/anew.yaml", &text.replace("../monitoring", "../anew"));

    for number in 0..16 {
        // Two days high, then some not; the older version ends in between.
        let amount = if number % 5 < 2 { "amount + 2" } else { "amount" };
        let version = if number < 6 { "'1'" } else { "'2'" };
        let sql = rows_of(number, amount)
            .replace("* REPLACE (", &format!("* REPLACE ({version} AS model_version, "));
        scene.table("bad", &sql).await;
        // A run in the day that is not over, and one after.
        for as_of in [day(number).checked_add(12.hours()).expect("noon"), day(number + 1)] {
            let outcome = run_at(&scene, "bad", as_of).await;
            let anew = outcome.findings.iter().any(|finding| finding.starts_with("all rows"));
            assert!(!anew, "day {number}: {:?}", outcome.findings);
        }
        assert!(run_at(&scene, "bad", day(number + 1)).await.is_unchanged, "day {number}");
    }
    run_at(&scene, "anew", day(16)).await;
    let sql = "SELECT rule, model_version, transition, window_start, first_window_start, value, previous_value \
               FROM alerts ORDER BY window_start, rule, model_version, transition";
    let added_up = scene.rows(sql).await;
    let anew = tables::query(&scene.path("anew"), sql).await;
    assert!(anew.len() > 20, "{anew:#?}");
    for (ours, theirs) in added_up.iter().zip(&anew) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(added_up.len(), anew.len());
}

/// Rows of a metric table that each run has written.
async fn rows_by_version(scene: &Scene, table: &str) -> Vec<Value> {
    let sql = format!(
        "SELECT source_version, source_version_from, count(*) AS rows, max(revision) AS revision FROM bad_{table} \
         GROUP BY source_version, source_version_from ORDER BY source_version"
    );
    scene.rows(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_new_is_read_and_only_what_changes_is_written() {
    let scene = Scene::new().await;
    let as_of = day(30);
    let first = run_at(&scene, "bad", as_of).await;
    assert_eq!(first.rows, 72);
    // Late rows of the first day, and a new day: a window has 18 rows.
    scene.table("bad", &format!("{} LIMIT 5", rows_of(0, "amount"))).await;
    scene.table("bad", &rows_of(9, "amount")).await;
    let second = run_at(&scene, "bad", as_of).await;
    assert_eq!((second.rows, second.profile.restated > 0), (5 + 24, true), "{:?}", second.findings);
    let version = |version: u64, from: u64, rows: u64, revision: u64| json!({ "source_version": version, "source_version_from": from, "rows": rows, "revision": revision });
    let profile = rows_by_version(&scene, "profile_metrics").await;
    assert_eq!(profile, [version(0, 0, 36, 1), version(2, 1, 36, 2)]);

    // Nothing but the layout of the files changes.
    tables::open(&scene.path("lake/bad")).await.optimize().await.expect("an optimize");
    let before = scene.rows("SELECT count(*) AS rows FROM runs").await;
    assert!(run_at(&scene, "bad", as_of).await.is_unchanged);
    assert_eq!(rows_by_version(&scene, "profile_metrics").await, profile);
    let after = scene.rows("SELECT count(*) AS rows FROM runs").await;
    assert_eq!(after[0]["rows"].as_u64(), before[0]["rows"].as_u64().map(|rows| rows + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_all_rows_be_read_is_said() {
    let scene = Scene::new().await;
    let as_of = day(30);
    run_at(&scene, "bad", as_of).await;
    let said = async |scene: &Scene| {
        let outcome = run_at(scene, "bad", as_of).await;
        outcome.findings.into_iter().find(|finding| finding.starts_with("all rows")).unwrap_or_default()
    };
    scene.edit("alerts: []", "alerts: []\nowner: risk@example.com");
    let settings = said(&scene).await;
    assert_eq!(settings, "all rows were read, since the settings of the monitor were changed");
    // Another table in its place, with as many versions.
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the table");
    scene.table("bad", "SELECT * FROM model").await;
    assert_eq!(said(&scene).await, "all rows were read, since the table was made anew");
    // A metric table that was moved away is made whole again.
    std::fs::remove_dir_all(scene.path("monitoring/bad_drift_metrics")).expect("the table");
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.rows, outcome.drift.rows), (72, 36));
    // As is one whose log has lost what happened in between.
    for number in [3, 4] {
        scene.table("bad", &rows_of(number, "amount")).await;
    }
    let commit = scene.path("lake/bad/_delta_log/00000000000000000001.json");
    let table = tables::open(&scene.path("lake/bad")).await;
    deltalake::checkpoints::create_checkpoint(&table, None).await.expect("a checkpoint");
    std::fs::remove_file(commit).expect("the commit");
    assert_eq!(said(&scene).await, "all rows were read, since version 1 is not in the log any more");
    assert_eq!(scene.rows("SELECT count(*) AS rows FROM bad_profile_metrics").await[0]["rows"], 18 * 5);
}
