//! Runs that add to what earlier runs have counted: what they read, write and tell.

use deltalake::kernel::{DataType, StructField};
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;
use jiff::{Timestamp, ToSpan};
use secchi::alert::State;
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Outcome, Stop};
use serde_json::{Value, json};

use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// The first instant of the model's rows.
const BEGIN: &str = "2026-05-01T00:00:00Z";

async fn run_at(scene: &Scene, file: &str, as_of: Timestamp) -> Outcome {
    let settings = Settings::default();
    let monitor = config::load(&scene.path(&format!("monitors/{file}.yaml")), &settings).expect("a monitor");
    let order = Order { notify: false, ..Order::at(as_of) };
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

/// Nearly all runs find nothing new, so these look at the newest entries of logs alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_news_looks_at_nothing_that_is_older() {
    let scene = Scene::new().await;
    scene.table("bad", &rows_of(9, "amount")).await;
    let as_of = day(30);
    assert!(!run_at(&scene, "bad", as_of).await.is_unchanged);
    let older = ["lake/bad", "monitoring/bad_profile_metrics"].map(|table| {
        let entry = scene.path(&format!("{table}/_delta_log/{:020}.json", 0));
        let text = std::fs::read_to_string(&entry).expect("an entry");
        std::fs::write(&entry, "no entry").expect("an entry");
        (entry, text)
    });
    for minutes in 0..3 {
        let outcome = run_at(&scene, "bad", as_of.checked_add(minutes.minutes()).expect("a time")).await;
        assert!(outcome.is_unchanged && outcome.profile.version > 0, "{outcome:?}");
    }
    for (entry, text) in older {
        std::fs::write(&entry, text).expect("an entry");
    }
    scene.table("bad", &rows_of(10, "amount")).await;
    assert!(!run_at(&scene, "bad", as_of).await.is_unchanged);
}

/// How many commits the states table has.
async fn commits_of_states(scene: &Scene) -> u64 {
    tables::open(&scene.path("monitoring/bad_profile_states")).await.version().expect("a version")
}

/// What takes a closer look is written down, so that it is looked at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_no_row_is_looked_at_once() {
    let scene = Scene::new().await;
    scene.table("bad", &rows_of(9, "amount")).await;
    assert!(!run_at(&scene, "bad", day(30)).await.is_unchanged);
    let mut commits = commits_of_states(&scene).await;
    tables::open(&scene.path("lake/bad")).await.optimize().await.expect("an optimize");
    // The layout of files, then a window without rows: each is noted by the first run that finds it, and by none after.
    for as_of in [day(30), day(31)] {
        for (attempt, noted) in [1, 0, 0].into_iter().enumerate() {
            let outcome = run_at(&scene, "bad", as_of).await;
            assert!(outcome.is_unchanged, "{as_of}, {attempt}: {outcome:?}");
            commits += noted;
            assert_eq!(commits_of_states(&scene).await, commits, "{as_of}, {attempt}");
        }
    }
    assert_eq!(rows_by_version(&scene, "profile_metrics").await.len(), 1);
    // Late rows of a window that had none are judged by whether it is over, as ever.
    scene.table("bad", &rows_of(30, "amount")).await;
    let outcome = run_at(&scene, "bad", day(31)).await;
    assert_eq!((outcome.rows, outcome.windows), (24, 1), "{:?}", outcome.findings);
}

/// Clocks of two machines differ a little; that is nothing as long as the same windows are complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_a_little_makes_nothing_be_read() {
    let scene = Scene::new().await;
    let later = |seconds: i64| day(3).checked_add((600 + seconds).seconds()).expect("a time");
    assert!(!run_at(&scene, "bad", later(0)).await.is_unchanged);
    tables::open(&scene.path("lake/bad")).await.optimize().await.expect("an optimize");
    for seconds in [20, 19, 20, -600] {
        let outcome = run_at(&scene, "bad", later(seconds)).await;
        assert!(outcome.is_unchanged, "{seconds}: {:?}", outcome.findings);
    }
    scene.table("bad", &rows_of(3, "amount")).await;
    assert_eq!(run_at(&scene, "bad", later(-1)).await.rows, 24);
    // An hour before, the last day was not over.
    let back = run_at(&scene, "bad", later(-3600)).await;
    assert!(
        back.findings.iter().any(|finding| finding.contains("its present is before that of the last run")),
        "{:?}",
        back.findings
    );
}

/// With their rows, slices go, and make room for others.
#[tokio::test(flavor = "multi_thread")]
async fn slices_that_are_gone_make_room_for_others() {
    let scene = Scene::new().await;
    let regions = |first: usize| {
        rows_of(9, "amount").replace(
            "* REPLACE (",
            &format!("* REPLACE (concat('r', {first} + CAST(substr(request_id, 2) AS INT) % 24) AS region, "),
        )
    };
    run_at(&scene, "bad", day(30)).await;
    let own = async || {
        let sql = "SELECT count(DISTINCT slice_value) AS slices, count(*) FILTER (WHERE slice_value = ':other') AS others \
                   FROM bad_profile_metrics WHERE slice_key = 'region' AND column_name = ':table' AND granularity = '1 day' \
                   AND window_start = '2026-05-10T00:00:00Z'";
        let rows = scene.rows(sql).await;
        (rows[0]["slices"].as_u64(), rows[0]["others"].as_u64())
    };
    // Six times 24 regions, of which only 24 are there at a time.
    for times in 0..6 {
        scene.table("bad", &regions(24 * times)).await;
        run_at(&scene, "bad", day(30)).await;
        assert_eq!(own().await, (Some(24), Some(0)), "{times}");
        let table = tables::open(&scene.path("lake/bad")).await;
        table.delete().with_predicate("event_time >= '2026-05-10T00:00:00Z'").await.expect("a delete");
        run_at(&scene, "bad", day(30)).await;
        assert_eq!(own().await, (Some(0), Some(0)), "{times}");
    }
}

/// A table that is no longer written has no window that a rule could watch, so every run says it.
#[tokio::test(flavor = "multi_thread")]
async fn every_run_tells_of_a_table_that_is_no_longer_written() {
    let scene = Scene::new().await;
    let silence = |outcome: Outcome| {
        let (findings, is_unchanged) = (outcome.findings.into_iter(), outcome.is_unchanged);
        (is_unchanged, findings.filter(|finding| finding.starts_with("no rows since")).collect::<Vec<_>>())
    };
    let since = |from: &str, count: u64, until: &str| {
        let windows = if count == 1 { "1 window of 1 day" } else { &format!("{count} windows of 1 day") };
        let are = if count == 1 { "is" } else { "are" };
        vec![format!("no rows since {from}: {windows} until {until} {are} empty")]
    };
    assert_eq!(silence(run_at(&scene, "bad", day(3)).await), (false, vec![]));
    assert_eq!(silence(run_at(&scene, "bad", day(4)).await), (true, since("2026-05-04", 1, "2026-05-05")));
    assert_eq!(silence(run_at(&scene, "bad", day(5)).await), (true, since("2026-05-04", 2, "2026-05-06")));
    assert_eq!(silence(run_at(&scene, "bad", day(5)).await), (true, since("2026-05-04", 2, "2026-05-06")));
    // Late rows of an older window make it no younger; new ones do.
    scene.table("bad", &format!("{} LIMIT 5", rows_of(0, "amount"))).await;
    assert_eq!(silence(run_at(&scene, "bad", day(5)).await), (false, since("2026-05-04", 2, "2026-05-06")));
    scene.table("bad", &rows_of(5, "amount")).await;
    assert_eq!(silence(run_at(&scene, "bad", day(6)).await), (false, vec![]));
    // Nor do rows of a day to come; and where the newest rows are deleted, those that are left tell.
    scene.table("bad", &rows_of(20, "amount")).await;
    assert_eq!(silence(run_at(&scene, "bad", day(7)).await), (false, since("2026-05-07", 1, "2026-05-08")));
    let from = |day: &str| format!("event_time >= '2026-05-{day}T00:00:00Z'");
    let delete = async |which: String| {
        tables::open(&scene.path("lake/bad")).await.delete().with_predicate(which).await.expect("a delete");
    };
    delete(format!("{} AND event_time < '2026-05-20T00:00:00Z'", from("06"))).await;
    assert_eq!(silence(run_at(&scene, "bad", day(7)).await), (false, since("2026-05-04", 4, "2026-05-08")));
    // Until the day to come has begun.
    let noon = day(20).checked_add(12.hours()).expect("noon");
    assert_eq!(silence(run_at(&scene, "bad", noon).await), (true, vec![]));
    delete(from("06")).await;
    assert_eq!(silence(run_at(&scene, "bad", day(7)).await).1, since("2026-05-04", 4, "2026-05-08"));
    let recorded = scene.rows("SELECT findings FROM runs WHERE status = 'SUCCEEDED'").await;
    let is_told = |run: &Value| run["findings"].to_string().contains("no rows since 2026-05-04: 4 windows");
    assert_eq!(recorded.iter().filter(|run| is_told(run)).count(), 2, "{recorded:?}");
}

/// The window that ends an alert is none in which it fired.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_ends_in_a_later_run_fired_until_its_last_window() {
    let scene = Scene::new().await;
    scene.edit("alerts: []", "alerts:\n  - { rule: high, metric: avg, above: 1000, columns: [amount] }");
    scene.table("bad", &rows_of(9, "amount + 2000")).await;
    let begun = run_at(&scene, "bad", day(10)).await;
    assert_eq!(begun.incidents.len(), 1, "{:?}", begun.incidents);
    scene.table("bad", &rows_of(10, "amount")).await;
    let ended = run_at(&scene, "bad", day(11)).await;
    let [incident] = &ended.incidents[..] else { panic!("{:?}", ended.incidents) };
    assert_eq!(incident.state, State::Resolved);
    assert_eq!(incident.last_window_end, day(10).as_microsecond());
    assert_eq!(incident.worst.value, begun.incidents[0].worst.value);
}

/// Where files are gone with their rows, nothing is read, but their windows are computed.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_windows_that_have_lost_their_files() {
    let scene = Scene::new().await;
    scene.table("bad", &rows_of(9, "amount")).await;
    run_at(&scene, "bad", day(30)).await;
    let table = tables::open(&scene.path("lake/bad")).await;
    let wanted = format!("event_time >= '{}'", day(9).strftime("%Y-%m-%d"));
    table.delete().with_predicate(wanted).await.expect("a deletion");
    let settings = Settings::default();
    let monitor = config::load(&scene.path("monitors/bad.yaml"), &settings).expect("a monitor");
    let preview = run::preview(&monitor, &settings, Order::at(day(30))).await;
    let preview = preview.unwrap_or_else(|error| panic!("{}", secchi::cause::chain(&error)));
    assert_eq!((preview.files, preview.windows), (0, Some(1)), "{preview:?}");
    assert_eq!(run_at(&scene, "bad", day(30)).await.rows, 0);
}

/// A copy that somebody made before has the same id and, after a commit, the same version.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_table_in_its_place_is_noticed() {
    let scene = Scene::new().await;
    let (table, copy) = (scene.path("lake/bad"), scene.path("copy"));
    let copied = |from: &std::path::Path, to: &std::path::Path| {
        let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(done.is_ok_and(|status| status.success()));
    };
    copied(&table, &copy);
    scene.table("bad", &rows_of(9, "amount")).await;
    run_at(&scene, "bad", day(30)).await;
    std::fs::remove_dir_all(&table).expect("the table");
    copied(&copy, &table);
    scene.table("bad", &rows_of(10, "amount")).await;
    let outcome = run_at(&scene, "bad", day(30)).await;
    assert!(
        outcome.findings.iter().any(|finding| finding == "all rows were read, since the table was made anew"),
        "{:?}",
        outcome.findings
    );
    assert_eq!(outcome.rows, 96);
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
    assert_eq!(settings, "", "an owner is nothing that is counted");
    scene.edit("[region]\nalerts", "[region, model_version]\nalerts");
    let settings = said(&scene).await;
    assert_eq!(settings, "all rows were read, since settings were changed that decide what is counted");
    // Another table in its place, with as many versions.
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the table");
    scene.table("bad", "SELECT * FROM model").await;
    assert_eq!(said(&scene).await, "all rows were read, since the table was made anew");
    // A metric table that was moved away is made whole again.
    std::fs::remove_dir_all(scene.path("monitoring/bad_drift_metrics")).expect("the table");
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.rows, outcome.drift.rows), (72, 48));
    // As is one whose log has lost what happened in between.
    for number in [3, 4] {
        scene.table("bad", &rows_of(number, "amount")).await;
    }
    let commit = scene.path("lake/bad/_delta_log/00000000000000000001.json");
    let table = tables::open(&scene.path("lake/bad")).await;
    deltalake::checkpoints::create_checkpoint(&table, None).await.expect("a checkpoint");
    std::fs::remove_file(commit).expect("the commit");
    assert_eq!(said(&scene).await, "all rows were read, since version 1 is not in the log any more");
    assert_eq!(
        scene.rows("SELECT count(*) AS rows FROM bad_profile_metrics WHERE slice_key IS NULL").await[0]["rows"],
        6 * 5
    );
}

/// Rows with another revision than the first, by their columns.
async fn restated(scene: &Scene) -> Vec<Value> {
    let sql = "SELECT column_name, count(*) AS rows FROM bad_profile_metrics WHERE revision > 1 \
               GROUP BY column_name ORDER BY column_name";
    scene.rows(sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn late_labels_restate_quality_only() {
    let scene = Scene::new().await;
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    scene.table("bad", "SELECT * EXCLUDE (label) FROM model").await;
    let labels = |of: &str| {
        format!(
            "SELECT request_id, label, event_time + INTERVAL '2 days' AS label_time FROM model WHERE {of}"
        )
    };
    scene.table("labels", &labels("CAST(substr(request_id, 2) AS INT) < 12")).await;
    scene.edit(
        "  label_col: label",
        "  label_col: label\n  label_table: ../lake/labels\n  label_timestamp_col: label_time",
    );
    let as_of = day(3);
    run_at(&scene, "bad", as_of).await;
    // Of requests of the second day, and of one that is not known.
    scene.table("labels", &labels("CAST(substr(request_id, 2) AS INT) BETWEEN 30 AND 35")).await;
    scene
        .table("labels", "SELECT 'unknown' AS request_id, label, event_time AS label_time FROM model LIMIT 1")
        .await;
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.rows, outcome.findings.clone()), (24, Vec::new()));
    // The whole and each of two slices, of the version and of all versions.
    assert_eq!(restated(&scene).await, [json!({ "column_name": ":table", "rows": 6 })]);
    tables::open(&scene.path("lake/labels")).await.optimize().await.expect("an optimize");
    assert!(run_at(&scene, "bad", as_of).await.is_unchanged, "the same labels in another file");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_baselines_are_applied_to_what_was_counted() {
    let scene = Scene::new().await;
    scene.table("reference", "SELECT * FROM model LIMIT 40").await;
    scene.edit("alerts: []", "baseline: { table: ../lake/reference }\nalerts: []");
    let as_of = day(3);
    run_at(&scene, "bad", as_of).await;
    let drift = "SELECT max(baseline_version) AS version, count(*) AS rows FROM bad_drift_metrics WHERE drift_type = 'BASELINE'";
    let before = scene.rows(drift).await;

    scene.edit(
        "alerts: []",
        "alerts: [{ rule: high, metric: avg, above: 2, columns: [amount] }]\nquantiles: 10",
    );
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.rows, outcome.findings.clone(), outcome.firing.is_empty()), (0, Vec::new(), false));
    let quantiles = "SELECT DISTINCT cardinality(quantiles) AS points FROM bad_profile_metrics WHERE quantiles IS NOT NULL";
    assert_eq!(scene.rows(quantiles).await, [json!({ "points": 10 })]);

    scene.edit("granularities: [1 day]", "granularities: [1 day, 1 week]");
    assert_eq!(run_at(&scene, "bad", as_of).await.rows, 0);
    let weeks =
        scene.rows("SELECT count(*) AS rows FROM bad_profile_metrics WHERE granularity = '1 week'").await;
    assert_eq!(weeks[0]["rows"], 18, "one week of rows of one day");

    // It grows, and stays what it was.
    scene.table("reference", "SELECT * REPLACE (amount * 1.1 AS amount) FROM model").await;
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.rows, outcome.findings.clone()), (0, Vec::new()));
    let after = scene.rows(drift).await;
    assert!(after[0]["version"].as_u64() > before[0]["version"].as_u64(), "{after:?}");
    assert!(run_at(&scene, "bad", as_of).await.is_unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_comes_or_goes_takes_no_reading_and_is_told() {
    let scene = Scene::new().await;
    scene.edit("  columns: { include: [amount, region] }\n", "");
    let as_of = day(30);
    run_at(&scene, "bad", as_of).await;
    let table = tables::open(&scene.path("lake/bad")).await;
    let field = StructField::new("tip", DataType::DOUBLE, true);
    table.add_columns().with_fields([field]).await.expect("a column more");
    let schema = |outcome: &Outcome| {
        let said = outcome.findings.iter().filter(|finding| finding.contains("column `"));
        said.cloned().collect::<Vec<_>>()
    };
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.rows, schema(&outcome)), (0, vec!["schema: column `tip` was added".to_owned()]));
    let tips = scene.rows("SELECT sum(count) AS rows, sum(num_nulls) AS nulls FROM bad_profile_metrics WHERE column_name = 'tip' AND slice_key IS NULL AND model_version = '1'").await;
    assert_eq!(tips, [json!({ "rows": 0, "nulls": 72 })]);

    // The table is written anew, without a column and with another as a text.
    let rows = tables::batches(
        &scene.path("lake"),
        "SELECT * EXCEPT (score, tip, amount), CAST(amount AS VARCHAR) AS amount FROM bad",
    )
    .await;
    scene.edit("prediction_proba_col: score", "problem_type: classification");
    run_at(&scene, "bad", as_of).await;
    let table = tables::open(&scene.path("lake/bad")).await;
    let write = table.write(rows).with_save_mode(SaveMode::Overwrite);
    write.with_schema_mode(SchemaMode::Overwrite).await.expect("an overwrite");
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!(
        (outcome.rows, schema(&outcome)),
        (72, vec!["all rows were read, since column `amount` is string now, and was double".to_owned()])
    );
    let columns = scene
        .rows("SELECT DISTINCT column_name FROM bad_profile_metrics WHERE column_name IN ('score', 'tip')")
        .await;
    assert!(columns.is_empty(), "{columns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_whose_rows_are_gone_is_not_on_any_more() {
    let scene = Scene::new().await;
    scene.edit("alerts: []", "alerts: [{ rule: high, metric: avg, above: 0, columns: [amount] }]");
    let as_of = day(30);
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!(outcome.firing.len(), 1);
    // The newest window goes, and the alert stays on by the one before.
    let delete = async |from: &str| {
        let table = tables::open(&scene.path("lake/bad")).await;
        table.delete().with_predicate(format!("event_time >= '{from}'")).await.expect("a delete");
    };
    delete("2026-05-03T00:00:00Z").await;
    assert_eq!(run_at(&scene, "bad", as_of).await.firing.len(), 1);
    delete("2026-05-01T00:00:00Z").await;
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.firing.len(), outcome.events.len()), (0, 1), "{:?}", outcome.events);
    assert!(run_at(&scene, "bad", as_of).await.is_unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_stays_on_where_rows_come_that_are_in_no_window() {
    let scene = Scene::new().await;
    scene.edit("alerts: []", "alerts: [{ rule: high, metric: avg, above: 0, columns: [amount] }]");
    let as_of = day(30);
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    let nullable = "SELECT * REPLACE (NULLIF(event_time, arrow_cast(0, 'Timestamp(Microsecond, Some(\"UTC\"))')) AS event_time) FROM model";
    scene.table("bad", nullable).await;
    assert_eq!(run_at(&scene, "bad", as_of).await.firing.len(), 1);
    scene.table("bad", "SELECT * REPLACE (arrow_cast(NULL, 'Timestamp(Microsecond, Some(\"UTC\"))') AS event_time) FROM model LIMIT 3").await;
    let outcome = run_at(&scene, "bad", as_of).await;
    assert_eq!((outcome.firing.len(), outcome.events.len(), outcome.rows), (1, 0, 3), "{:?}", outcome.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_or_labels_made_anew_at_their_place_are_noticed() {
    let scene = Scene::new().await;
    scene.table("reference", "SELECT * FROM model").await;
    scene.table("labels", "SELECT request_id, label AS late FROM model").await;
    scene.edit("alerts: []", "baseline: { table: ../lake/reference }\nalerts: []");
    scene.edit("label_col: label", "label_col: late\n  label_table: ../lake/labels");
    let as_of = day(30);
    run_at(&scene, "bad", as_of).await;
    let anew = async |name: &str, sql: &str| {
        std::fs::remove_dir_all(scene.path(&format!("lake/{name}"))).expect("the table");
        scene.table(name, sql).await;
    };
    anew("reference", "SELECT * REPLACE (amount + 100 AS amount) FROM model").await;
    let outcome = run_at(&scene, "bad", as_of).await;
    // What features are measured by where they are looked at together is of the other baseline.
    assert!(!outcome.is_unchanged && outcome.rows == 72);
    assert!(outcome.findings.iter().any(|finding| finding.contains("the baseline has become another")));
    let moved = scene.rows("SELECT DISTINCT ks_test.statistic AS ks FROM bad_drift_metrics WHERE drift_type = 'BASELINE' AND column_name = 'amount'").await;
    assert_eq!(moved, [json!({ "ks": 1.0 })]);
    anew("labels", "SELECT request_id, 1 - label AS late FROM model").await;
    let said = run_at(&scene, "bad", as_of).await.findings;
    let why = "all rows were read, since the label table was made anew";
    assert!(said.iter().any(|finding| finding == why), "{said:?}");
    anew("labels", "SELECT request_id, CAST(label AS VARCHAR) AS late FROM model").await;
    run_at(&scene, "bad", as_of).await;
    assert!(run_at(&scene, "bad", as_of).await.is_unchanged);
}

/// The week begins with days without rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_judged_once_it_is_complete_whichever_of_its_days_have_rows() {
    let scene = Scene::new().await;
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    scene.table("bad", "SELECT * FROM model WHERE event_time < '2026-05-03T00:00:00Z'").await;
    scene.edit("[1 day]", "[1 day, 1 week]");
    let rule = "[{ rule: week, metric: avg, above: 0, columns: [amount], granularity: 1 week }]";
    scene.edit("alerts: []", &format!("alerts: {rule}"));
    let sunday = day(2).checked_add(12.hours()).expect("noon");
    assert!(run_at(&scene, "bad", sunday).await.firing.is_empty(), "the week is not over");
    assert_eq!(run_at(&scene, "bad", day(3)).await.firing.len(), 1);
    assert!(run_at(&scene, "bad", day(9)).await.is_unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_a_word_is_not_passed_over() {
    let scene = Scene::new().await;
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    scene.table("bad", &rows_of(5, "amount")).await;
    let commit = scene.path("lake/bad/_delta_log/00000000000000000001.json");
    let text = std::fs::read(&commit).expect("the commit");
    std::fs::write(&commit, "").expect("an empty file");
    let said = scene.secchi(&["run", "bad"]);
    assert!(
        said.code == 1 && said.err.contains("00000000000000000001.json") && said.err.contains("is empty"),
        "{}",
        said.err
    );
    std::fs::write(&commit, text).expect("the commit");
    let said = scene.secchi(&["run", "bad"]);
    assert!(said.code == 0 && said.out.contains("24 rows"), "{}{}", said.out, said.err);
}
