//! Stores that fail: answers that are lost, late or cut off, and refusals. Whatever goes wrong in a run, what is recorded
//! is whole, and the first run in which nothing does puts all right.

use std::collections::BTreeSet;

use futures::StreamExt;
use hyper::Method;
use rand::RngExt;
use serde_json::Value;

use crate::crashes::{ROUNDS, scene_of};
use crate::histories::{History, USUAL};
use crate::support::http::{HookServer, Script};
use crate::support::s3::{Fault, Logged, S3Server, of_seed};
use crate::support::scene::{Scene, upload};
use crate::support::tls::Tls;

/// Histories that are tried, unless the environment says how many.
const HISTORIES: u64 = 6;

/// Histories at the same time.
const AT_ONCE: usize = 3;

/// What happens to the table, one after the other, each followed by a run in which things go wrong.
const STEPS: usize = 3;

/// A client that gives up soon, so that some faults are for the run to live with.
const SETTINGS: &str = "storage: [{ prefix: \"s3://\", options: { max_retries: \"2\", retry_timeout: 5s, timeout: 500ms, \
     backoff_config.init_backoff: 2ms, backoff_config.max_backoff: 10ms } }]\n";

/// Runs `monitor`. It may fail, and then says what to do.
async fn run(scene: &Scene, monitor: &str, told: &str) -> (i32, String) {
    let (code, said) = scene.start(&["run", monitor]).ended().await;
    assert!([0, 1, 4].contains(&code), "{told}\n{code}: {said}");
    assert!(code == 0 || said.contains("hint: "), "{told}\n{said}");
    assert!(!said.contains("panicked") && !said.contains("the run broke off"), "{told}\n{said}");
    (code, said)
}

/// Puts the objects in `monitoring/` into the folder of that name.
fn download(server: &S3Server, scene: &Scene) {
    for key in server.list("lake/monitoring/") {
        let path = scene.path(key.trim_start_matches("lake/"));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, server.get(&key).expect("an object")).expect("a file");
    }
}

/// Both monitors as they are now, reading at the server, and the one of them writing there and telling; and their tables.
fn move_to_server(history: &History, server: &S3Server, hook: &HookServer) {
    for name in ["history", "anew"] {
        let file = format!("monitors/{name}.yaml");
        let text = std::fs::read_to_string(history.scene.path(&file)).expect("the monitor");
        if text.contains("s3://") {
            continue;
        }
        let text = text.replace("../lake/", "s3://lake/lake/");
        let channel = format!("notify: [{{ webhook: {{ url: \"{}\" }} }}]\noutput:", hook.url());
        let text = match name {
            "history" => text.replace("../monitoring", "s3://lake/monitoring").replace("output:", &channel),
            _ => text,
        };
        history.scene.write(&file, &text);
    }
    upload(server, &history.scene.path(""), &history.scene.path("lake"));
}

/// Every event is recorded once, and those of one run were told under one key.
async fn is_told(history: &History, hook: &HookServer) {
    if !history.scene.path("monitoring/alerts").is_dir() {
        return;
    }
    let twice = "SELECT event_id FROM alerts GROUP BY event_id HAVING count(*) > 1";
    assert_eq!(history.scene.rows(twice).await, [(); 0].map(Value::from), "{}", history.told);
    let news = "SELECT run_id, computed_at FROM alerts WHERE transition <> 'still_firing' GROUP BY ALL";
    let news = history.scene.rows(news).await;
    let requests = hook.requests();
    let keys: BTreeSet<&str> = requests.iter().filter_map(|request| request.header("webhook-id")).collect();
    assert_eq!(keys.len(), news.len(), "{}\n{news:?}", history.told);
}

async fn heals(seed: u64) {
    let server = S3Server::start().await;
    let hook = HookServer::start(Script::default(), Tls::Off).await;
    let mut history = History::begin(seed).await;
    history.scene.env.extend(server.env());
    history.scene.write("secchi.yaml", SETTINGS);
    move_to_server(&history, &server, &hook);
    for step in 0..=STEPS {
        if step > 0 {
            let change = USUAL[history.chance.random_range(0..USUAL.len())];
            history.change(change).await;
            move_to_server(&history, &server, &hook);
        }
        let share = [0.01, 0.03, 0.1][history.chance.random_range(0..3)];
        let of_faults = history.chance.random_range(0..u64::MAX);
        server.disturb(of_seed(of_faults, share));
        let (code, said) = run(&history.scene, "history", &history.told).await;
        let said = if code == 0 { String::new() } else { said };
        history.told += &format!("\n  a run with faults in {share} of requests ends with {code} {said}");
    }
    server.calm();
    for monitor in ["history", "history", "anew"] {
        let (code, said) = run(&history.scene, monitor, &history.told).await;
        assert_eq!(code, 0, "{}\n{said}", history.told);
    }
    download(&server, &history.scene);
    history.says_the_same().await;
    is_told(&history, &hook).await;
    if std::env::var_os("SECCHI_FAULT").is_some() {
        eprintln!("{}", history.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_a_store_the_next_run_heals_it() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SECCHI_FAULT").unwrap_or(0);
    let seeds = first..first + number("SECCHI_FAULTS").unwrap_or(HISTORIES);
    let histories = futures::stream::iter(seeds).map(heals).buffer_unordered(AT_ONCE);
    histories.collect::<Vec<()>>().await;
}

/// A store that does what it is asked and says that it failed is asked again, and then says that the version is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_made_and_denied_is_ones_own() {
    for (round, table, version) in [
        (0, "runs", 1),
        (0, "bad_profile_states", 1),
        (0, "bad_profile_metrics", 1),
        (0, "alerts", 1),
        (1, "runs", 3),
        (1, "bad_profile_states", 2),
        (1, "bad_profile_metrics", 2),
        (1, "bad_drift_metrics", 2),
        (1, "alerts", 2),
        (1, "runs", 4),
    ] {
        let (server, hook) = (S3Server::start().await, HookServer::start(Script::default(), Tls::Off).await);
        let scene = scene_of(&server, &hook).await;
        let denied = format!("{table}/_delta_log/{version:020}.json");
        let mut left = 1;
        let commit = denied.clone();
        server.disturb(move |method, path| {
            let is_meant = left > 0 && *method == Method::PUT && path.contains(&commit);
            left -= u32::from(is_meant);
            is_meant.then_some(Fault::Denied(500, "InternalError"))
        });
        for rows in &ROUNDS[..=round] {
            scene.table("bad", rows).await;
            let (code, said) = scene.start(&["run", "bad"]).ended().await;
            assert_eq!(code, 0, "{denied}: {said}");
        }
        let is_refused = |logged: &Logged| logged.path.contains(&denied) && logged.status == 412;
        assert!(server.requests().iter().any(is_refused), "{denied} was written twice");
        download(&server, &scene);
        let rows = scene.rows("SELECT count(*) AS rows FROM bad_profile_metrics").await;
        assert!(rows[0]["rows"].as_u64() > Some(0), "{denied}: what was committed is there");
        let attempts =
            scene.rows("SELECT status FROM runs GROUP BY attempt_id, status HAVING count(*) > 1").await;
        assert_eq!(attempts.len(), 0, "{denied}: each status is recorded once");
        let events = scene.rows("SELECT event_id FROM alerts GROUP BY event_id HAVING count(*) > 1").await;
        assert_eq!(events.len(), 0, "{denied}: each event is recorded once");
    }
}

/// Who was told is told once more under the same key, though there is more to tell by then.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_told_keeps_its_key() {
    let (server, hook) = (S3Server::start().await, HookServer::start(Script::default(), Tls::Off).await);
    let scene = scene_of(&server, &hook).await;
    scene.edit("for: 2 of 3", "for: 2 of 3, slices: [region]");
    let held = server.hold(Method::PUT, "runs/_delta_log/00000000000000000002.json");
    let process = scene.start(&["run", "bad"]);
    held.reached().await;
    process.signal("KILL").await;
    process.ended().await;
    held.release();
    let key = |index: usize| hook.requests()[index].header("webhook-id").map(str::to_owned);
    assert_eq!(hook.requests().len(), 1);
    // Another slice, of which nobody was told.
    scene.table("bad", OTHER_SLICE).await;
    let (code, said) = scene.start(&["run", "bad"]).ended().await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(hook.requests().len(), 3, "what was told, and what is new");
    assert_eq!(key(0), key(1));
    assert_ne!(key(0), key(2));
}

/// Rows of a region that there was not before.
const OTHER_SLICE: &str =
    "SELECT * REPLACE ('west' AS region, concat(request_id, 'w') AS request_id) FROM model";
