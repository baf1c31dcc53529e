//! Maintenance: tables keep their rows, runs go on, and what nobody needs any more is gone.

use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use deltalake::DeltaTable;
use hyper::Method;
use jiff::{Timestamp, ToSpan};
use secchi::config::{self, Monitor, Settings};
use secchi::run::{self, Order, Outcome, Stop};
use secchi::sink::maintain::{Place, Upkeep, maintain};
use secchi::source::Lake;
use serde_json::Value;

use crate::support::process::Process;
use crate::support::s3::S3Server;
use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// The tables of the monitor `bad`, and those that it shares.
const TABLES: [&str; 5] =
    ["bad_profile_states", "bad_profile_metrics", "bad_drift_metrics", "alerts", "runs"];

/// A run's present: all windows are over.
const AS_OF: &str = "2026-07-01T00:00:00Z";

fn monitor(scene: &Scene, file: &str) -> Monitor {
    let file = scene.path(&format!("monitors/{file}.yaml"));
    config::load(&file, &Settings::default()).expect("a monitor")
}

async fn run_once(scene: &Scene, file: &str) -> Outcome {
    let as_of = AS_OF.parse().expect("a time");
    let order = Order { notify: false, ..Order::at(as_of) };
    let (monitor, settings) = (monitor(scene, file), Settings::default());
    let done = Box::pin(run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1)).await;
    done.unwrap_or_else(|error| panic!("{}", secchi::cause::chain(&error)))
}

/// The rows of one day of the model, moved to the day of this number.
fn rows_of(number: i64) -> String {
    let moved = number - number % 3;
    format!(
        "SELECT * REPLACE (event_time + INTERVAL '{moved} days' AS event_time, \
         concat(request_id, '-{number}') AS request_id) FROM model \
         WHERE CAST(substr(request_id, 2) AS INT) / 24 = {}",
        number % 3
    )
}

/// A rule fires on each day; windows are of two lengths.
fn edited(scene: &Scene) {
    scene.edit(
        "alerts: []",
        "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount], for: 2 of 3 }]",
    );
    scene.edit("[1 day]", "[1 day, 1 week]");
}

/// A scene whose monitor `bad` was run after each of so many days.
async fn after_days(days: i64) -> Scene {
    let scene = Scene::new().await;
    edited(&scene);
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    for number in 0..days {
        scene.table("bad", &rows_of(number)).await;
        run_once(&scene, "bad").await;
    }
    scene
}

/// Maintains the tables of `bad`, and those that it shares, at a time.
async fn maintained(scene: &Scene, now: Timestamp, is_trial: bool) -> Vec<Upkeep> {
    let (monitor, settings) = (monitor(scene, "bad"), Settings::default());
    let mut done = Vec::new();
    for place in Place::own(&monitor).into_iter().chain(Place::shared(&monitor)) {
        let upkeep = maintain(Lake::new(&settings), &place, now, is_trial).await;
        let upkeep = upkeep.unwrap_or_else(|error| panic!("{}", secchi::cause::chain(&error)));
        done.push(upkeep.expect("a run has made all tables"));
    }
    done
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::now().checked_add((24 * days).hours()).expect("a time")
}

/// All rows of the tables in `folder`, in an order of their own.
async fn all_rows(folder: &Path) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for table in TABLES {
        let rows = tables::query(folder, &format!("SELECT * FROM {table}")).await;
        let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        rows.sort();
        assert!(!rows.is_empty(), "{table}");
        all.push(rows);
    }
    all
}

async fn opened(scene: &Scene, table: &str) -> DeltaTable {
    tables::open(&scene.path("monitoring").join(table)).await
}

async fn files(scene: &Scene, table: &str) -> usize {
    opened(scene, table).await.get_file_uris().expect("it is loaded").count()
}

/// The commit of a version of a table of `bad`, line by line.
fn commit(scene: &Scene, table: &str, version: u64) -> Vec<Value> {
    let path = scene.path(&format!("monitoring/{table}/_delta_log/{version:020}.json"));
    let text = std::fs::read_to_string(&path).expect("a commit");
    text.lines().map(|line| serde_json::from_str(line).expect("an action")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_as_they_are_and_the_second_time_there_is_nothing_to_do() {
    let scene = after_days(7).await;
    let folder = scene.path("monitoring");
    let before = all_rows(&folder).await;
    let planned = maintained(&scene, Timestamp::now(), true).await;
    assert!(planned.iter().all(|upkeep| upkeep.rewritten.files > 3), "{planned:#?}");
    assert_eq!(all_rows(&folder).await, before, "on trial nothing is done");

    let done = maintained(&scene, Timestamp::now(), false).await;
    for (upkeep, planned) in done.iter().zip(&planned) {
        assert_eq!((upkeep.before, upkeep.rewritten), (planned.before, planned.rewritten));
        assert_eq!(upkeep.version, planned.version + 1, "{upkeep:#?}");
        assert_eq!(upkeep.checkpoint, Some(upkeep.version));
        assert!(upkeep.after.files < upkeep.before.files && upkeep.after.bytes < upkeep.before.bytes);
        assert_eq!((upkeep.log_entries, upkeep.deleted.files, upkeep.is_busy), (0, 0, false));
    }
    assert_eq!(all_rows(&folder).await, before);
    for (table, most) in TABLES.into_iter().zip([1, 3, 2, 1, 1]) {
        assert!(files(&scene, table).await <= most, "{table}: {}", files(&scene, table).await);
    }
    let last = done[1].version;
    let actions = commit(&scene, "bad_profile_metrics", last);
    assert_eq!(actions[0]["commitInfo"]["operation"], "OPTIMIZE");
    for action in actions.iter().flat_map(|action| [&action["add"], &action["remove"]]) {
        assert!(action.is_null() || action["dataChange"] == false, "{action}");
    }
    assert!(actions.iter().all(|action| action["txn"].is_null()), "it is nobody's turn");

    let again = maintained(&scene, Timestamp::now(), false).await;
    assert!(again.iter().all(Upkeep::is_nothing), "{again:#?}");
    for (again, done) in again.iter().zip(&done) {
        assert_eq!((again.version, again.after), (done.version, done.after));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_after_it_add_to_what_was_counted_and_give_the_same() {
    let scene = after_days(6).await;
    let text = std::fs::read_to_string(scene.path("monitors/bad.yaml")).expect("the monitor");
    scene.write("monitors/anew.yaml", &text.replace("../monitoring", "../anew"));
    // So late that all entries of the log have expired.
    let done = maintained(&scene, in_days(60), false).await;
    assert!(done[0].log_entries > 0, "{done:#?}");
    assert!(run_once(&scene, "bad").await.is_unchanged, "the account was carried on");
    // A new day, late rows of an old one, and a day that is touched after another maintenance.
    for (number, rows) in [(6, 24), (2, 24), (7, 24)] {
        scene.table("bad", &rows_of(number)).await;
        let outcome = run_once(&scene, "bad").await;
        assert_eq!(outcome.rows, rows, "{:?}", outcome.findings);
        maintained(&scene, in_days(61), false).await;
    }
    run_once(&scene, "anew").await;
    let (ours, theirs) = (metrics(&scene.path("monitoring")).await, metrics(&scene.path("anew")).await);
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}

/// The rows of the metric tables in `folder`, but for what says which run they are from.
async fn metrics(folder: &Path) -> Vec<Value> {
    let lineage =
        "run_id, config_hash, source_table, source_version, source_version_from, computed_at, revision";
    let key = "granularity, window_start, model_version, slice_key, slice_value, column_name";
    let profile = format!(
        "SELECT * EXCEPT ({lineage}, logging_table_commit_version) FROM bad_profile_metrics ORDER BY {key}"
    );
    let drift = format!("SELECT * EXCEPT ({lineage}) FROM bad_drift_metrics ORDER BY {key}, drift_type");
    let mut rows = tables::query(folder, &profile).await;
    rows.extend(tables::query(folder, &drift).await);
    assert!(!rows.is_empty());
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commit_that_says_what_was_counted_stays_where_nothing_carries_it_on() {
    // Too few files to be written together.
    let scene = after_days(2).await;
    let states = opened(&scene, "bad_profile_states").await;
    let version = states.version().expect("it is loaded");
    deltalake::protocol::checkpoints::create_checkpoint(&states, None).await.expect("a checkpoint");
    // Commits of others, and a checkpoint after them.
    for day in 0..2 {
        let optimized = opened(&scene, "bad_profile_states").await;
        let comment = [("day".to_owned(), day.to_string())].into();
        let done =
            optimized.set_tbl_properties().with_raise_if_not_exists(false).with_properties(comment).await;
        let table = done.expect("a property");
        deltalake::protocol::checkpoints::create_checkpoint(&table, None).await.expect("a checkpoint");
    }
    let done = maintained(&scene, in_days(60), false).await;
    assert_eq!(done[0].rewritten.files, 0);
    assert_eq!(done[0].log_entries, version, "those before the account, and no others: {:#?}", done[0]);
    assert!(run_once(&scene, "bad").await.is_unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_version_within_retention_needs_is_deleted_and_nothing_else() {
    let scene = after_days(5).await;
    let folder = scene.path("monitoring");
    let month = folder.join("bad_profile_metrics/window_month=2026-05-01");
    // Left by a run that was killed, and something of somebody else.
    let left = month.join("part-00000-left-c000.snappy.parquet");
    std::fs::write(&left, "rows").expect("a file");
    std::fs::write(month.join("notes.txt"), "mine").expect("a file");
    let before = all_rows(&folder).await;
    let version = opened(&scene, "bad_profile_metrics").await.version().expect("it is loaded");
    let can_be_read = async || {
        let mut table = opened(&scene, "bad_profile_metrics").await;
        if table.load_version(version).await.is_err() {
            return false;
        }
        let ctx = deltalake::delta_datafusion::create_session().into_inner();
        let provider = table.table_provider().await.expect("a table");
        ctx.register_table("former", provider).expect("a new name");
        ctx.table("former").await.expect("a table").collect().await.is_ok()
    };
    for days in [0, 6] {
        let done = maintained(&scene, in_days(days), false).await;
        assert!(done.iter().all(|upkeep| upkeep.deleted.files == 0), "{done:#?}");
        assert!(left.exists(), "a run may be about to name it");
        assert!(can_be_read().await, "within retention");
    }
    // Somebody wants them longer.
    let table = opened(&scene, "bad_profile_metrics").await;
    let wish = [("delta.deletedFileRetentionDuration".to_owned(), "interval 30 days".to_owned())].into();
    table.set_tbl_properties().with_properties(wish).await.expect("a property");
    let done = maintained(&scene, in_days(8), false).await;
    assert_eq!(done[1].deleted.files, 0);
    assert!(done[0].deleted.files > 3 && done[2].deleted.files > 3, "{done:#?}");
    assert!(can_be_read().await, "within retention");

    let done = maintained(&scene, in_days(31), false).await;
    assert!(done[1].deleted.files > 3, "{:#?}", done[1]);
    assert!(!left.exists() && month.join("notes.txt").exists());
    assert!(!can_be_read().await, "after retention");
    assert_eq!(all_rows(&folder).await, before);
    let said = scene.secchi(&["maintain", "bad"]);
    assert_eq!(said.out.lines().filter(|line| line.ends_with("  nothing to do")).count(), 5, "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_no_version_stay_for_a_day_whatever_the_table_says() {
    let scene = after_days(1).await;
    let table = opened(&scene, "bad_profile_metrics").await;
    let wish = [("delta.deletedFileRetentionDuration".to_owned(), "interval 0 hours".to_owned())].into();
    table.set_tbl_properties().with_properties(wish).await.expect("a property");
    let month = scene.path("monitoring/bad_profile_metrics/window_month=2026-05-01");
    let staged = month.join("part-00000-staged-c000.snappy.parquet");
    std::fs::write(&staged, "rows").expect("a file");
    let now = Timestamp::now();
    maintained(&scene, now, false).await;
    assert!(staged.exists());
    let yesterday = SystemTime::from(now.checked_sub(25.hours()).expect("a time"));
    File::options().write(true).open(&staged).and_then(|file| file.set_modified(yesterday)).expect("a time");
    maintained(&scene, now, false).await;
    assert!(!staged.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_kept_as_the_table_says() {
    let scene = after_days(5).await;
    let entries = || {
        let log = std::fs::read_dir(scene.path("monitoring/bad_drift_metrics/_delta_log")).expect("a log");
        log.filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|e| e == "json"))
        })
        .count()
    };
    let set = async |name: &str, value: &str| {
        let table = opened(&scene, "bad_drift_metrics").await;
        let wish = [(name.to_owned(), value.to_owned())].into();
        table.set_tbl_properties().with_properties(wish).await.expect("a property");
    };
    set("delta.enableExpiredLogCleanup", "false").await;
    let before = entries();
    maintained(&scene, in_days(60), false).await;
    assert_eq!(entries(), before + 1, "a commit more, and none less");
    set("delta.enableExpiredLogCleanup", "true").await;
    set("delta.logRetentionDuration", "interval 90 days").await;
    maintained(&scene, in_days(60), false).await;
    assert_eq!(entries(), before + 3);
    maintained(&scene, in_days(91), false).await;
    assert!(entries() < before, "{} of {before}", entries());
    // So much has come since the last checkpoint as the table wants.
    set("delta.logRetentionDuration", "interval 30 days").await;
    set("delta.logRetentionDuration", "interval 90 days").await;
    set("delta.checkpointInterval", "2").await;
    let done = maintained(&scene, Timestamp::now(), false).await;
    assert_eq!((done[2].checkpoint, done[2].rewritten.files), (Some(done[2].version), 0));
}

/// A scene whose outputs are in S3, after five days and runs.
async fn scene_in_s3(server: &S3Server) -> Scene {
    let mut scene = Scene::new().await;
    scene.env.extend(server.env());
    edited(&scene);
    scene.edit("../monitoring", "s3://lake/monitoring");
    std::fs::remove_dir_all(scene.path("lake/bad")).expect("the model's rows");
    for number in 0..5 {
        scene.table("bad", &rows_of(number)).await;
        ended(scene.start(&["run", "bad"])).await;
    }
    scene
}

async fn ended(process: Process) -> String {
    let (code, said) = process.ended().await;
    assert_eq!(code, 0, "{said}");
    said
}

/// The rows of the metric tables below `prefix`.
async fn metrics_in_s3(server: &S3Server, prefix: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    for key in server.list(prefix) {
        let path = folder.path().join(key.trim_start_matches(prefix));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, server.get(&key).expect("an object")).expect("a file");
    }
    metrics(folder.path()).await
}

/// Whether the tables are as if all were counted anew, and a further run adds.
async fn is_whole(server: &S3Server, scene: &Scene) {
    ended(scene.start(&["run", "bad", "--output", "s3://lake/anew"])).await;
    let (ours, theirs) =
        (metrics_in_s3(server, "lake/monitoring/").await, metrics_in_s3(server, "lake/anew/").await);
    assert_eq!(ours.len(), theirs.len(), "no row is lost, none is there twice");
    assert_eq!(ours, theirs);
    scene.table("bad", &rows_of(8)).await;
    let said = ended(scene.start(&["run", "bad", "--json"])).await;
    assert!(said.contains("\"rows\": 24,"), "{said}");
}

fn commit_in_s3(server: &S3Server, table: &str, version: u64) -> String {
    let key = format!("lake/monitoring/{table}/_delta_log/{version:020}.json");
    let bytes = server.get(&key).unwrap_or_else(|| panic!("{key} is there"));
    String::from_utf8(bytes.to_vec()).expect("JSON")
}

/// The first commit of a table is 0, and each run adds one.
const NEXT: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_staged_its_rows_commits_after_a_maintenance() {
    let server = S3Server::start().await;
    let scene = scene_in_s3(&server).await;
    let held = server.hold(Method::PUT, &format!("bad_profile_states/_delta_log/{NEXT:020}.json"));
    // A new day, and late rows of the first: a file that maintenance takes away has rows of its windows.
    scene.table("bad", &rows_of(5)).await;
    scene.table("bad", &rows_of(0).replace("-0'", "-late'")).await;
    let run = scene.start(&["run", "bad"]);
    held.reached().await;
    let said = ended(scene.start(&["maintain", "bad"])).await;
    assert_eq!(said.lines().filter(|line| line.contains(" are now ")).count(), 5, "{said}");
    for table in ["bad_profile_states", "bad_profile_metrics", "bad_drift_metrics"] {
        assert!(commit_in_s3(&server, table, NEXT).contains("OPTIMIZE"), "{table}");
    }
    let account = |version| {
        let text = commit_in_s3(&server, "bad_profile_states", version);
        let info: Value = serde_json::from_str(text.lines().next().expect("an action")).expect("JSON");
        info["commitInfo"]["secchi.counted"].as_str().expect("an account").to_owned()
    };
    assert_eq!(account(NEXT), account(NEXT - 1));
    held.release();
    ended(run).await;
    assert_ne!(account(NEXT + 1), account(NEXT));
    is_whole(&server, &scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_gives_way_to_a_run_that_commits_first() {
    // Rows of a new day leave the files alone that it has written anew; late rows do not.
    for (rows, is_busy) in [(rows_of(5), false), (rows_of(0).replace("-0'", "-late'"), true)] {
        let server = S3Server::start().await;
        let scene = scene_in_s3(&server).await;
        let held = server.hold(Method::PUT, &format!("bad_profile_states/_delta_log/{NEXT:020}.json"));
        let maintenance = scene.start(&["maintain", "bad"]);
        held.reached().await;
        scene.table("bad", &rows).await;
        ended(scene.start(&["run", "bad"])).await;
        held.release();
        let said = ended(maintenance).await;
        let line = said.lines().find(|line| line.contains("bad_profile_states")).expect("a line");
        assert_eq!(line.contains("runs were writing"), is_busy, "{said}");
        assert_eq!(line.contains(" are now "), !is_busy, "{said}");
        is_whole(&server, &scene).await;
        let said = ended(scene.start(&["maintain", "bad"])).await;
        assert!(!said.contains("runs were writing"), "{said}");
        is_whole(&server, &scene).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_maintenances_one_gives_way() {
    let server = S3Server::start().await;
    let scene = scene_in_s3(&server).await;
    let held = server.hold(Method::PUT, &format!("bad_profile_states/_delta_log/{NEXT:020}.json"));
    let slow = scene.start(&["maintain", "bad"]);
    held.reached().await;
    ended(scene.start(&["maintain", "bad"])).await;
    held.release();
    ended(slow).await;
    is_whole(&server, &scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_maintained_does_not_keep_the_others_from_it() {
    let scene = after_days(6).await;
    let first = scene.path("monitoring/bad_profile_metrics/_delta_log/00000000000000000000.json");
    let text = std::fs::read_to_string(&first).expect("the first commit");
    std::fs::write(&first, text.replace("\"secchi.monitor\":\"bad\"", "\"secchi.monitor\":\"other\""))
        .expect("a commit");
    let said = scene.secchi(&["maintain", "bad", "good", "--json"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("bad_profile_metrics is not maintained: "), "{}", said.err);
    assert!(said.err.contains("hint: "), "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).expect("JSON");
    let tables = document["tables"].as_array().expect("tables");
    let statuses: Vec<&str> = tables.iter().filter_map(|table| table["status"].as_str()).collect();
    assert_eq!(statuses, ["succeeded", "failed", "succeeded", "succeeded", "succeeded"]);
    let valid = jsonschema::draft202012::new(&secchi::cli::document::schema_of_maintenance().to_value());
    assert!(valid.expect("a schema").is_valid(&document), "{document:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_no_tables_it_says_so() {
    let scene = Scene::new().await;
    let said = scene.secchi(&["maintain"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    assert_eq!(said.err, "there are no tables yet; `secchi run` writes them\n");
    let said = scene.secchi(&["maintain", "worse"]);
    assert_eq!(said.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_maintains_the_tables_at_its_times() {
    let scene = Scene::new().await;
    let every_second = "* * * * * *";
    let mut process =
        scene.start(&["serve", "--cron", every_second, "--maintenance", every_second, "--grace", "3600"]);
    // Each run adds to the table of runs.
    let line = process.says("monitoring/runs  ").await;
    assert!(line.contains(" are now "), "{line}");
    process.says("good  ").await;
    process.signal("TERM").await;
    let (code, said) = process.ended().await;
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("error"), "{said}");
}

/// What a maintenance takes and gives, for people who wonder: `cargo test --test it -- --ignored --nocapture a_thousand`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and measures"]
#[allow(clippy::print_stdout)]
async fn a_thousand_runs() {
    use deltalake::protocol::SaveMode;
    let scene = after_days(1).await;
    let table = "bad_profile_metrics";
    // As many files as runs leave: each of one window.
    for run in 0..1000 {
        let sql = format!(
            "SELECT * REPLACE (window_start + INTERVAL '{run} minutes' AS window_start) FROM {table} \
             WHERE granularity = '1 day' AND window_start < TIMESTAMP '2026-05-02'"
        );
        let ctx = deltalake::delta_datafusion::create_session().into_inner();
        let mut first = opened(&scene, table).await;
        first.load_version(1).await.expect("the first run");
        ctx.register_table(table, first.table_provider().await.expect("a table")).expect("a new name");
        let rows = ctx.sql(&sql).await.expect("rows").collect().await.expect("rows");
        opened(&scene, table).await.write(rows).with_save_mode(SaveMode::Append).await.expect("a commit");
    }
    let select = async |when: &str| {
        let begin = std::time::Instant::now();
        let sql = format!(
            "SELECT count(*) AS rows, avg(num_nulls) AS mean FROM {table} WHERE granularity = '1 day'"
        );
        let rows = scene.rows(&sql).await;
        println!(
            "{when}: {} files, SELECT in {:?}: {}",
            files(&scene, table).await,
            begin.elapsed(),
            rows[0]
        );
    };
    select("before").await;
    select("before").await;
    let begin = std::time::Instant::now();
    let done = maintained(&scene, Timestamp::now(), false).await;
    println!("maintain in {:?}: {:#?}", begin.elapsed(), done[1]);
    select("after").await;
    select("after").await;
    let begin = std::time::Instant::now();
    assert!(maintained(&scene, Timestamp::now(), false).await.iter().all(Upkeep::is_nothing));
    println!("the second time in {:?}", begin.elapsed());
}
