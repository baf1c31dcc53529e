//! Several runners at once: of one monitor one wins, and of several monitors all do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use datafusion::physical_plan::ExecutionPlan;
use hyper::Method;
use jiff::Timestamp;
use secchi::config::{self, Monitor, Settings};
use secchi::profile::query::Watch;
use secchi::run::{self, Order, Outcome, RunError, Stop};
use secchi::sink::{RunRow, Sink};
use secchi::source::Lake;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crashes::{self, Ended, ROUNDS, scene_of};
use crate::support::http::{HookServer, Script};
use crate::support::process::Process;
use crate::support::s3::S3Server;
use crate::support::scene::{Scene, is_as_approved};
use crate::support::tables;
use crate::support::tls::Tls;
use crate::support::unwatched::Unwatched;

/// Stops a run before it reads, until the test lets it go on.
struct Turnstile {
    arrived: SyncSender<()>,
    go: Mutex<Receiver<()>>,
}

impl Turnstile {
    /// The turnstile; what says that a run has come, and what lets one through.
    fn new() -> (Self, Receiver<()>, SyncSender<()>) {
        let ((arrived, has_arrived), (let_go, go)) = (sync_channel(1), sync_channel(1));
        (Self { arrived, go: Mutex::new(go) }, has_arrived, let_go)
    }
}

impl Watch for Turnstile {
    fn begin(&self, what: &str, _: &Arc<dyn ExecutionPlan>, _: u64) {
        if what == "inference" {
            let _ = self.arrived.send(());
            let _ = self.go.lock().expect("one run only").recv();
        }
    }

    fn end(&self) {}
}

fn monitor(scene: &Scene, name: &str) -> Monitor {
    let file = scene.path(&format!("monitors/{name}.yaml"));
    config::load(&file, &Settings::default()).expect("a good monitor")
}

async fn run_once(monitor: &Monitor, watch: &dyn Watch) -> Result<Outcome, RunError> {
    let now = Timestamp::now();
    let order = Order { notify: false, ..Order::at(now) };
    run::run(monitor, &Settings::default(), order, watch, &Stop::new().1).await
}

/// The data files of the table in `folder` that no commit names.
fn unnamed(folder: &Path) -> Vec<String> {
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let (log, data): (Vec<PathBuf>, Vec<PathBuf>) =
        files(folder).into_iter().partition(|path| path.ends_with("_delta_log"));
    let commits = files(&log[0]).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "json"));
    let log: String = commits.map(|path| std::fs::read_to_string(path).expect("a commit")).collect();
    let names = data.iter().flat_map(|date| files(date));
    let names = names.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned());
    let names: Vec<String> = names.collect();
    assert!(!names.is_empty());
    names.into_iter().filter(|name| !log.contains(name)).collect()
}

/// Whoever commits first wins, on the first run as on later ones; the other changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_runs_of_one_monitor_one_wins() {
    let scene = Scene::new().await;
    let good = monitor(&scene, "good");
    for round in 1..=2 {
        if round == 2 {
            // Something to do in every window.
            scene.table("good", "SELECT * FROM model").await;
        }
        let (turnstile, has_arrived, let_go) = Turnstile::new();
        let slow = tokio::spawn({
            let good = good.clone();
            async move { Box::pin(run_once(&good, &turnstile)).await }
        });
        tokio::task::spawn_blocking(move || has_arrived.recv()).await.expect("no panic").expect("it comes");
        let fast = Box::pin(run_once(&good, &Unwatched)).await.expect("it wins");
        let_go.send(()).expect("it waits");
        let error = slow.await.expect("no panic").expect_err("it loses");
        assert_eq!(error.status(), "SUPERSEDED");
        let said = format!("{error}\n{}\n", error.hint());
        if round == 1 {
            is_as_approved("runners_superseded", &said);
        }

        let versions = scene.rows("SELECT DISTINCT run_id FROM good_profile_metrics").await;
        assert_eq!(versions, [json!({ "run_id": fast.facts.run_id })]);
        let statuses = "SELECT status, count(*) AS rows FROM runs GROUP BY status ORDER BY status";
        let expected = |status: &str, rows: i64| json!({ "status": status, "rows": rows });
        assert_eq!(
            scene.rows(statuses).await,
            [expected("STARTED", 2 * round), expected("SUCCEEDED", round), expected("SUPERSEDED", round)],
        );
        for table in ["good_profile_states", "good_profile_metrics", "good_drift_metrics"] {
            assert_eq!(unnamed(&scene.path("monitoring").join(table)), [""; 0], "{table}");
        }
    }
}

/// A scene all of whose outputs are in S3; a rule fires on each day.
async fn scene_in_s3(server: &S3Server) -> Scene {
    let mut scene = Scene::new().await;
    scene.env.extend(server.env());
    for name in ["bad", "good"] {
        scene.edit_of(name, "../monitoring", "s3://lake/monitoring");
        scene.edit_of(
            name,
            "alerts: []",
            "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount] }]",
        );
    }
    scene
}

fn commits(server: &S3Server, table: &str) -> usize {
    server.list(&format!("lake/monitoring/{table}/_delta_log/")).len()
}

async fn ended(process: Process, expected: i32) -> String {
    let (code, said) = process.ended().await;
    assert_eq!(code, expected, "{said}");
    said
}

/// The loser is held just before its commit, so that Delta itself has to refuse it: of the table that is being
/// made, of the first rows, and of rows that replace others.
/// The sentences in a table's schema may change from version to version; the table keeps those that it has.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_describe_themselves_in_other_words_are_written_to() {
    let scene = Scene::new().await;
    scene.edit("alerts: []", "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount] }]");
    assert_eq!(scene.secchi(&["run", "bad"]).code, 0);
    let commits = ["bad_profile_metrics", "bad_drift_metrics", "alerts", "runs"]
        .map(|table| format!("monitoring/{table}/_delta_log/00000000000000000000.json"));
    let formerly = r#"\"comment\":\"Formerly: "#;
    for commit in &commits {
        let text = std::fs::read_to_string(scene.path(commit)).expect("the first commit");
        let changed = text.replace(r#"\"comment\":\""#, formerly);
        assert_ne!(text, changed, "{commit} has comments");
        scene.write(commit, &changed);
    }
    // Other bounds give other events, so that there is something to write to each table.
    scene.edit("above: 0", "above: 100");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let events = scene.rows("SELECT count(*) AS rows FROM alerts").await;
    assert_eq!(events[0]["rows"], 4, "three days on, and then off");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_commit_ends_with_its_own_code() {
    for (table, version, ran_before) in [
        ("bad_profile_metrics", 0, false),
        ("bad_profile_metrics", 1, false),
        ("bad_drift_metrics", 1, false),
        ("alerts", 1, false),
        ("bad_profile_metrics", 2, true),
        ("bad_drift_metrics", 2, true),
    ] {
        let case = format!("{table}, version {version}");
        let server = S3Server::start().await;
        let scene = scene_in_s3(&server).await;
        if ran_before {
            ended(scene.start(&["run", "bad"]), 0).await;
            scene.table("bad", "SELECT * FROM model").await;
        }
        let held = server.hold(Method::PUT, &format!("{table}/_delta_log/{version:020}.json"));
        let slow = scene.start(&["run", "bad", "--json"]);
        held.reached().await;
        let before = commits(&server, "bad_profile_metrics");
        // It finds what the slow one has written so far, and replaces it.
        ended(scene.start(&["run", "bad"]), 0).await;
        assert!(commits(&server, "bad_profile_metrics") > before, "{case}");
        let after = commits(&server, table);
        held.release();
        let said = ended(slow, 4).await;
        assert_eq!(commits(&server, table), after, "{case}");
        assert!(said.contains("error: bad: another runner of monitor `bad` wrote table `s3://"), "{said}");
        assert!(said.contains("\"status\": \"superseded\""), "{said}");
    }
}

/// A commit of one monitor is held while another monitor commits to the same table.
#[tokio::test(flavor = "multi_thread")]
async fn monitors_share_their_tables() {
    // `runs`: made, and one STARTED of each; `alerts`: made, and the events of each.
    for (table, version) in [("runs", 0), ("runs", 1), ("runs", 2), ("alerts", 0), ("alerts", 1)] {
        let case = format!("{table}, version {version}");
        let server = S3Server::start().await;
        let scene = scene_in_s3(&server).await;
        let held = server.hold(Method::PUT, &format!("{table}/_delta_log/{version:020}.json"));
        let slow = scene.start(&["run", "bad"]);
        held.reached().await;
        ended(scene.start(&["run", "good"]), 0).await;
        held.release();
        ended(slow, 0).await;
        assert_eq!(commits(&server, "runs"), 1 + 2 + 2, "{case}");
        assert_eq!(commits(&server, "alerts"), 1 + 1 + 1, "{case}");
    }
}

/// Somebody else may change a metric table, too: what was read from it is then read again.
#[tokio::test(flavor = "multi_thread")]
async fn maintenance_is_no_runner() {
    let server = S3Server::start().await;
    let scene = scene_in_s3(&server).await;
    ended(scene.start(&["run", "bad"]), 0).await;
    scene.table("bad", "SELECT * FROM model").await;
    let held = server.hold(Method::PUT, "bad_profile_metrics/_delta_log/00000000000000000002.json");
    let run = scene.start(&["run", "bad", "--json"]);
    held.reached().await;
    let url = url::Url::parse("s3://lake/monitoring/bad_profile_metrics").expect("a URL");
    let table = deltalake::open_table_with_storage_options(url, server.options()).await.expect("the table");
    let properties = [("delta.logRetentionDuration".to_owned(), "interval 7 days".to_owned())];
    table.set_tbl_properties().with_properties(properties.into()).await.expect("a commit");
    held.release();
    let said = ended(run, 0).await;
    let document: Value = serde_json::from_str(&said).expect("one document, and nothing on stderr");
    assert_eq!(document["runs"][0]["profile"]["version"], 3);
}

/// More monitors than Delta would retry for by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_monitors_may_end_at_the_same_moment() {
    const MONITORS: i64 = 40;
    let scene = Scene::new().await;
    let good = monitor(&scene, "good");
    let starting_line = Arc::new(tokio::sync::Barrier::new(MONITORS as usize));
    let mut tasks = JoinSet::new();
    for number in 0..MONITORS {
        let monitor = Monitor { name: format!("m{number}"), ..good.clone() };
        let starting_line = Arc::clone(&starting_line);
        tasks.spawn(async move {
            let settings = Settings::default();
            let sink = Sink::open(Lake::new(&settings), &monitor).await?;
            starting_line.wait().await;
            let row = RunRow { monitor_name: monitor.name.clone(), status: "STARTED", ..RunRow::default() };
            sink.journal().write_run(&row, false).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic").expect("it is written");
    }
    let rows =
        scene.rows("SELECT count(DISTINCT monitor_name) AS monitors, count(*) AS rows FROM runs").await;
    assert_eq!(rows, [json!({ "monitors": MONITORS, "rows": MONITORS })]);
}

/// New rows again and again, after each of which so many runners of one monitor start at once.
async fn raced(runners: usize) -> Ended {
    let server = S3Server::start().await;
    let hook = HookServer::start(Script::default(), Tls::Off).await;
    let scene = scene_of(&server, &hook).await;
    for (round, rows) in ROUNDS.into_iter().enumerate() {
        scene.table("bad", rows).await;
        let started: Vec<Process> = (0..runners).map(|_| scene.start(&["run", "bad"])).collect();
        let mut codes = Vec::new();
        for process in started {
            let (code, said) = process.ended().await;
            assert!([0, 4].contains(&code), "{runners} runners, round {round}: {code}: {said}");
            codes.push(code);
        }
        assert!(codes.contains(&0), "{runners} runners, round {round}: {codes:?}");
    }
    // What the last of them could not do is for the next run.
    ended(scene.start(&["run", "bad"]), 0).await;
    crashes::ended(&server, &hook).await
}

/// No row is there twice, none is lost, and no alert is.
#[tokio::test(flavor = "multi_thread")]
async fn runners_that_start_at_once_do_what_one_does() {
    let alone = raced(1).await;
    for runners in [2, 4] {
        raced(runners).await.is_as(&alone, &format!("{runners} runners"));
    }
}

/// Which runs a reader sees in each window of the profile, and how many columns and rows.
async fn windows_of(profile: &Path) -> (u64, Vec<Value>) {
    let table = tables::open(profile).await;
    let version = table.version().expect("it is loaded");
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    let provider = table.table_provider().await.expect("a readable table");
    ctx.register_table("profile", provider).expect("a new name");
    let sql = "SELECT granularity, window_start, count(DISTINCT run_id) AS runs, \
         count(DISTINCT column_name) AS columns, count(*) AS rows \
         FROM profile WHERE window_start IS NOT NULL GROUP BY ALL ORDER BY granularity, window_start";
    let batches = ctx.sql(sql).await.expect(sql).collect().await.expect(sql);
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).expect("rows have a JSON form");
    writer.finish().expect("rows have a JSON form");
    (version, serde_json::from_slice(&writer.into_inner()).unwrap_or_default())
}

/// A reader sees a window as it was, or as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_sees_a_window_half_replaced() {
    let scene = Scene::new().await;
    scene.edit("[1 day]", "[1 day, 1 week]");
    ended(scene.start(&["run", "bad"]), 0).await;
    let profile = scene.path("monitoring/bad_profile_metrics");
    let mut last: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut versions = BTreeSet::new();
    for rows in ROUNDS.into_iter().skip(1).cycle().take(6) {
        scene.table("bad", rows).await;
        let mut run = std::pin::pin!(scene.start(&["run", "bad"]).ended());
        let mut code = None;
        // Once more after the end of each.
        while code.is_none() {
            let seen = windows_of(&profile);
            let (version, windows) = tokio::select! {
                seen = seen => seen,
                (ended, said) = &mut run => {
                    assert_eq!(ended, 0, "{said}");
                    code = Some(ended);
                    windows_of(&profile).await
                }
            };
            versions.insert(version);
            for window in windows {
                let number = |name: &str| window[name].as_i64().expect("a number");
                assert_eq!(number("runs"), 1, "version {version}: {window}");
                let key = format!("{} {}", window["granularity"], window["window_start"]);
                let now = (number("columns"), number("rows"));
                let before = last.insert(key, now).unwrap_or_default();
                assert!(
                    now.0 >= before.0 && now.1 >= before.1,
                    "version {version}: {before:?}, then {window}"
                );
            }
        }
    }
    assert!(versions.len() >= 6, "{versions:?}");
}
