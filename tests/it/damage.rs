//! Damage between runs, and trouble in the middle of one: what is wrong is named, nothing is lost, and once it is
//! repaired the next run goes on as if nothing had happened.

use std::path::{Path, PathBuf};

use deltalake::checkpoints::create_checkpoint;
use hyper::Method;
use jiff::Timestamp;
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Stop};
use serde_json::Value;

use crate::crashes::{NEXT_DAYS, ROUNDS, scene_of};
use crate::support::http::{HookServer, Script};
use crate::support::s3::{Fault, S3Server};
use crate::support::scene::{Scene, is_as_approved, upload};
use crate::support::tables;
use crate::support::tls::Tls;
use crate::support::unwatched::Unwatched;

/// What the metric tables of `bad` in `output` say, but for where it comes from.
async fn said_in(scene: &Scene, output: &str) -> Vec<Value> {
    let folder = scene.path(output);
    let lineage =
        "run_id, config_hash, source_table, source_version, source_version_from, computed_at, revision";
    let series = "granularity, window_start, model_version, slice_key, slice_value, column_name";
    let profile = format!(
        "SELECT * EXCEPT ({lineage}, logging_table_commit_version) FROM bad_profile_metrics ORDER BY {series}"
    );
    let drift = format!("SELECT * EXCEPT ({lineage}) FROM bad_drift_metrics ORDER BY {series}, drift_type");
    let mut rows = tables::query(&folder, &profile).await;
    rows.extend(tables::query(&folder, &drift).await);
    rows
}

/// The tables say what one run over everything gives.
async fn is_whole(scene: &Scene, case: &str) {
    let said = scene.start(&["run", "bad", "--no-notify", "--output", "anew"]).ended().await;
    assert_eq!(said.0, 0, "{case}: {}", said.1);
    let (ours, anew) = (said_in(scene, "monitoring").await, said_in(scene, "anew").await);
    assert!(!anew.is_empty() && ours.len() == anew.len(), "{case}: {} and {} rows", ours.len(), anew.len());
    for (ours, anew) in ours.iter().zip(&anew) {
        assert_eq!(ours, anew, "{case}");
    }
    let twice = "SELECT event_id FROM alerts GROUP BY event_id HAVING count(*) > 1";
    assert_eq!(scene.rows(twice).await.len(), 0, "{case}: an event is there once");
}

/// The newest file of `folder` whose name ends so.
fn newest(folder: &Path, end: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_meant = |path: &PathBuf| path.to_string_lossy().ends_with(end);
    files
        .filter(is_meant)
        .max_by_key(|path| (std::fs::metadata(path).and_then(|data| data.modified()).ok(), path.clone()))
        .expect("a file")
}

/// What is spoiled: a table, its folder in which a file is, how the name of that ends, and whether it is cut off or gone.
const SPOILED: [(&str, &str, &str, bool); 10] = [
    ("lake/bad", "", ".parquet", true),
    ("lake/bad", "_delta_log", ".json", true),
    ("lake/bad", "_delta_log", ".checkpoint.parquet", true),
    ("lake/bad", "_delta_log", ".checkpoint.parquet", false),
    ("monitoring/bad_profile_metrics", "window_month=2026-05-01", ".parquet", true),
    ("monitoring/bad_profile_states", "window_month=2026-05-01", ".parquet", true),
    ("monitoring/bad_profile_states", "_delta_log", ".json", true),
    ("monitoring/bad_profile_metrics", "_delta_log", ".checkpoint.parquet", true),
    ("monitoring/bad_profile_metrics", "_delta_log", ".checkpoint.parquet", false),
    ("monitoring/alerts", "_delta_log", ".checkpoint.parquet", true),
];

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_damaged_between_runs() {
    let mut page = String::new();
    for (table, folder, end, is_cut) in SPOILED {
        let case = format!("{} {end} of {table}", if is_cut { "cut off:" } else { "gone:" });
        let scene = Scene::new().await;
        scene.edit("alerts: []", "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount] }]");
        assert_eq!(scene.secchi(&["run", "bad"]).code, 0, "{case}");
        scene.table("bad", ROUNDS[2]).await;
        if end.contains("checkpoint") {
            create_checkpoint(&tables::open(&scene.path(table)).await, None).await.expect("a checkpoint");
        }
        let file = newest(&scene.path(table).join(folder), end);
        let whole = std::fs::read(&file).expect("the file");
        if is_cut {
            std::fs::write(&file, &whole[..whole.len() / 2]).expect("the file");
        } else {
            std::fs::remove_file(&file).expect("the file");
        }
        let said = scene.secchi(&["run", "bad"]);
        page.push_str(&format!("# {case}\n$ secchi run bad # ends with {}\n{}\n", said.code, said.err));
        if said.code != 0 {
            assert_eq!(said.code, 1, "{case}: {}", said.err);
            let named = said.err.contains(&format!("{table}` ")) || said.err.contains(&format!("{table}`\n"));
            assert!(named && said.err.contains("hint: "), "{case}: {}", said.err);
        }
        if end.contains("checkpoint") {
            assert!(said.err.contains("hint: delete `_delta_log/_last_checkpoint`"), "{case}: {}", said.err);
            std::fs::remove_file(file.with_file_name("_last_checkpoint")).expect("the file");
            let _ = std::fs::remove_file(&file);
        } else {
            std::fs::write(&file, whole).expect("the file");
        }
        let said = scene.secchi(&["run", "bad"]);
        assert_eq!(said.code, 0, "{case}: once it is repaired: {}", said.err);
        is_whole(&scene, &case).await;
    }
    is_as_approved("damage_between_runs", &page);
}

/// What a store answers, from which request on: its method, and a part of its path.
const TROUBLE: [(&str, Fault, Method, &str); 7] = [
    (
        "credentials expire while rows are read",
        Fault::Refused(403, "ExpiredToken"),
        Method::GET,
        "lake/lake/bad/part-",
    ),
    (
        "credentials expire before the profile is written",
        Fault::Refused(403, "ExpiredToken"),
        Method::PUT,
        "bad_profile_metrics/window_month",
    ),
    (
        "credentials expire before the drift is committed",
        Fault::Refused(403, "ExpiredToken"),
        Method::PUT,
        "bad_drift_metrics/_delta_log",
    ),
    ("the output may only be read", Fault::Refused(403, "AccessDenied"), Method::PUT, ""),
    (
        "the store is full from the states on",
        Fault::Refused(507, "InsufficientStorage"),
        Method::PUT,
        "states/window",
    ),
    (
        "the store is full before the profile is committed",
        Fault::Refused(507, "InsufficientStorage"),
        Method::PUT,
        "bad_profile_metrics/_delta_log",
    ),
    (
        "the store is full from the alerts on",
        Fault::Refused(507, "InsufficientStorage"),
        Method::PUT,
        "monitoring/alerts",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_refuse_in_the_middle_of_a_run() {
    let mut page = String::new();
    for (case, fault, from, part) in TROUBLE {
        let server = S3Server::start().await;
        let hook = HookServer::start(Script::default(), Tls::Off).await;
        let scene = scene_of(&server, &hook).await;
        scene.edit("../lake/bad", "s3://lake/lake/bad");
        scene.write(
            "secchi.yaml",
            "storage: [{ prefix: \"s3://\", options: { max_retries: \"1\", backoff_config.init_backoff: 1ms } }]\n",
        );
        upload(&server, &scene.path(""), &scene.path("lake"));
        let (code, said) = scene.start(&["run", "bad"]).ended().await;
        assert_eq!(code, 0, "{case}: {said}");
        scene.table("bad", NEXT_DAYS).await;
        upload(&server, &scene.path(""), &scene.path("lake"));
        let mut has_begun = false;
        let is_write = from == Method::PUT;
        server.disturb(move |method, path| {
            has_begun |= *method == from && path.contains(part);
            // Who may read may still do so, and a full store can be read.
            let is_refused =
                fault == Fault::Refused(403, "ExpiredToken") || (is_write && *method == Method::PUT);
            (has_begun && is_refused).then_some(fault)
        });
        let (code, said) = scene.start(&["run", "bad"]).ended().await;
        assert_eq!(code, 1, "{case}: {said}");
        assert!(said.contains("hint: "), "{case}: {said}");
        let errors: Vec<&str> = said.lines().filter(|line| !line.contains(" WARN ")).collect();
        page.push_str(&format!("# {case}\n$ secchi run bad\n{}\n\n", errors.join("\n")));
        server.calm();
        for _ in 0..2 {
            let (code, said) = scene.start(&["run", "bad"]).ended().await;
            assert_eq!(code, 0, "{case}: {said}");
        }
        for key in server.list("lake/monitoring/") {
            let path = scene.path(key.trim_start_matches("lake/"));
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, server.get(&key).expect("an object")).expect("a file");
        }
        is_whole(&scene, case).await;
    }
    is_as_approved("damage_in_a_run", &page);
}

/// A clock that was set back: windows that were complete are not any more, until it is that time again.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back() {
    let scene = Scene::new().await;
    scene.edit("alerts: []", "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount] }]");
    let settings = Settings::default();
    let monitor = config::load(&scene.path("monitors/bad.yaml"), &settings).expect("a good monitor");
    let mut before: Option<usize> = None;
    for (now, rows) in [
        ("2026-06-01T00:00:00Z", ROUNDS[0]),
        ("2026-05-02T12:00:00Z", ROUNDS[2]),
        ("2026-05-02T11:00:00Z", NEXT_DAYS),
        ("2026-06-01T00:00:00Z", ROUNDS[0]),
    ] {
        scene.table("bad", rows).await;
        let now: Timestamp = now.parse().expect("a time");
        let order = Order { notify: false, ..Order::at(now) };
        run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await.expect(rows);
        let windows = "SELECT DISTINCT granularity, window_start FROM bad_profile_metrics";
        let windows = scene.rows(windows).await.len();
        assert!(before.is_none_or(|before| windows >= before), "no window is lost");
        before = Some(windows);
    }
    is_whole(&scene, "a clock that jumps back").await;
}
