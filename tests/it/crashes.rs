//! Runs that are killed: whatever they were doing, the next one heals it, and nothing is lost or told otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use hyper::Method;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::Notify;

use crate::support::http::{HookServer, Script};
use crate::support::s3::{Fault, S3Server};
use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::tls::Tls;

/// What a first run writes in turn.
const OF_FIRST: [&str; 14] = [
    "runs/_delta_log/00000000000000000000.json",
    "runs/_delta_log/00000000000000000001.json",
    "bad_profile_states/_delta_log/00000000000000000000.json",
    "bad_profile_states/window_month=",
    "bad_profile_states/_delta_log/00000000000000000001.json",
    "bad_profile_metrics/_delta_log/00000000000000000000.json",
    "bad_profile_metrics/window_month=",
    "bad_profile_metrics/_delta_log/00000000000000000001.json",
    "bad_drift_metrics/_delta_log/00000000000000000000.json",
    "bad_drift_metrics/window_month=",
    "bad_drift_metrics/_delta_log/00000000000000000001.json",
    "alerts/_delta_log/00000000000000000000.json",
    "alerts/_delta_log/00000000000000000001.json",
    "runs/_delta_log/00000000000000000002.json",
];

/// What a run that adds to it writes.
const OF_NEXT: [&str; 6] = [
    "runs/_delta_log/00000000000000000003.json",
    "bad_profile_states/_delta_log/00000000000000000002.json",
    "bad_profile_metrics/_delta_log/00000000000000000002.json",
    "bad_drift_metrics/_delta_log/00000000000000000002.json",
    "alerts/_delta_log/00000000000000000002.json",
    "runs/_delta_log/00000000000000000004.json",
];

/// What a run writes that takes rows away.
const OF_LAST: [&str; 5] = [
    "runs/_delta_log/00000000000000000005.json",
    "bad_profile_states/_delta_log/00000000000000000003.json",
    "bad_profile_metrics/_delta_log/00000000000000000003.json",
    "bad_drift_metrics/_delta_log/00000000000000000003.json",
    "runs/_delta_log/00000000000000000006.json",
];

/// What there is in the end.
#[derive(Debug, PartialEq)]
pub struct Ended {
    /// Of the metric tables.
    pub rows: Vec<Value>,
    /// Each event, as often as it is recorded.
    pub events: Vec<String>,
    /// Of which alerts somebody was told, and what.
    pub told: BTreeSet<String>,
}

impl Ended {
    /// Everything is as `undisturbed`.
    #[track_caller]
    pub fn is_as(&self, undisturbed: &Self, case: &str) {
        assert_eq!(self.rows.len(), undisturbed.rows.len(), "{case}");
        for (healed, undisturbed) in self.rows.iter().zip(&undisturbed.rows) {
            assert_eq!(healed, undisturbed, "{case}");
        }
        assert_eq!(self.events, undisturbed.events, "{case}: no event is lost, none is there twice");
        assert_eq!(self.told, undisturbed.told, "{case}: somebody was told of each");
    }
}

/// A scene whose output is at `server`, and in which `hook` is told when a rule fires.
pub async fn scene_of(server: &S3Server, hook: &HookServer) -> Scene {
    let mut scene = Scene::new().await;
    scene.env.extend(server.env());
    scene.edit("../monitoring", "s3://lake/monitoring");
    let rules = "[{ rule: amount, metric: avg, above: 0, columns: [amount], for: 2 of 3 }]";
    let channel = format!("[{{ webhook: {{ url: \"{}\" }} }}]", hook.url());
    scene.edit("alerts: []", &format!("alerts: {rules}\nnotify: {channel}"));
    scene.edit("[1 day]", "[1 day, 1 week]");
    scene
}

/// Deletes the rows of the last of six days, so that its window is no more.
async fn delete_last_day(scene: &Scene) {
    let table = tables::open(&scene.path("lake/bad")).await;
    table.delete().with_predicate("event_time >= '2026-05-06T00:00:00Z'").await.expect("a delete");
}

/// Three runs, the second after new rows, the third after rows of a whole window were deleted. One is killed as it begins to
/// write what is named, and is run again.
async fn played(killed: Option<&str>) -> Ended {
    let server = S3Server::start().await;
    let hook = HookServer::start(Script::default(), Tls::Off).await;
    let scene = scene_of(&server, &hook).await;

    let held = killed.map(|part| server.hold(Method::PUT, part));
    let mut left = held;
    for rows in [Some("SELECT * FROM model LIMIT 0"), Some(NEXT_DAYS), None] {
        match rows {
            Some(rows) => scene.table("bad", rows).await,
            None => delete_last_day(&scene).await,
        }
        if let Some(held) = left.take() {
            let mut process = scene.start(&["run", "bad"]);
            let is_reached = tokio::select! {
                () = held.reached() => true,
                said = process.says("bad  ") => { assert!(!said.is_empty()); false }
            };
            if is_reached {
                process.signal("KILL").await;
                let (code, _) = process.ended().await;
                assert_ne!(code, 0);
                held.release();
            } else {
                let (code, said) = process.ended().await;
                assert_eq!(code, 0, "{said}");
                left = Some(held);
                continue;
            }
        }
        let (code, said) = scene.start(&["run", "bad"]).ended().await;
        assert_eq!(code, 0, "{killed:?}: {said}");
    }
    assert!(left.is_none(), "{killed:?} was never written");
    ended(&server, &hook).await
}

/// Three days after those of the model.
pub const NEXT_DAYS: &str = "SELECT * REPLACE (event_time + INTERVAL '3 days' AS event_time, concat(request_id, 'b') AS request_id) FROM model";

/// What there is at `server`, and what `hook` was told.
pub async fn ended(server: &S3Server, hook: &HookServer) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    for key in server.list("lake/monitoring/") {
        let path = folder.path().join(key.trim_start_matches("lake/monitoring/"));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, server.get(&key).expect("an object")).expect("a file");
    }
    let query = async |sql: &str| tables::query(folder.path(), sql).await;
    let lineage =
        "run_id, config_hash, source_table, source_version, source_version_from, computed_at, revision";
    let mut rows = query(&format!(
        "SELECT * EXCEPT ({lineage}, logging_table_commit_version) FROM bad_profile_metrics \
         ORDER BY granularity, window_start, model_version, slice_key, slice_value, column_name"
    ))
    .await;
    rows.extend(
        query(&format!(
            "SELECT * EXCEPT ({lineage}) FROM bad_drift_metrics \
             ORDER BY granularity, window_start, drift_type, model_version, slice_key, slice_value, column_name"
        ))
        .await,
    );
    let events = query("SELECT event_id FROM alerts ORDER BY event_id").await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let requests = hook.requests();
    let told = requests.iter().flat_map(|request| {
        let message: Value = serde_json::from_slice(&request.body).expect("a message is JSON");
        let alerts = message["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .iter()
            .map(|alert| format!("{} {}", text(&alert["alert_id"]), text(&alert["status"])))
            .collect::<Vec<_>>()
    });
    Ended {
        rows,
        events: events.iter().map(|event| text(&event["event_id"])).collect(),
        told: told.collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_killed_run_was_writing_the_next_heals_it() {
    let undisturbed = played(None).await;
    assert!(!undisturbed.events.is_empty() && !undisturbed.told.is_empty(), "{:?}", undisturbed.events);
    for part in OF_FIRST.into_iter().chain(OF_NEXT).chain(OF_LAST) {
        let healed = played(Some(part)).await;
        healed.is_as(&undisturbed, part);
    }
}

/// New rows before each run: of new days, of those days and others, and of days that are counted already.
pub const ROUNDS: [&str; 3] = [
    "SELECT * FROM model LIMIT 0",
    NEXT_DAYS,
    "SELECT * REPLACE (event_time + INTERVAL '1 day' AS event_time, concat(request_id, 'c') AS request_id) FROM model",
];

/// Moments of death that are tried, unless the environment says how many.
const KILLS: u64 = 10;

/// Histories at the same time.
const AT_ONCE: usize = 2;

/// When a run is killed: at one of its requests, before or after the store does what is asked.
#[derive(Debug, Clone, Copy)]
struct Moment {
    round: usize,
    request: usize,
    is_done: bool,
}

/// Runs, each after new rows, of which one is killed and run again. Gives how many requests each has made, too.
async fn killed_at(moment: Option<Moment>) -> (Ended, Vec<usize>) {
    let server = S3Server::start().await;
    let hook = HookServer::start(Script::default(), Tls::Off).await;
    let scene = scene_of(&server, &hook).await;
    let mut requests = Vec::new();
    for round in 0..=ROUNDS.len() {
        match ROUNDS.get(round) {
            Some(rows) => scene.table("bad", rows).await,
            None => delete_last_day(&scene).await,
        }
        if let Some(moment) = moment.filter(|moment| moment.round == round) {
            let reached = Arc::new(Notify::new());
            let (mut left, at) = (moment.request, Arc::clone(&reached));
            server.disturb(move |_, _| {
                left = left.checked_sub(1)?;
                (left == 0).then(|| {
                    at.notify_one();
                    if moment.is_done { Fault::Stalled } else { Fault::Ignored }
                })
            });
            let mut process = scene.start(&["run", "bad"]);
            let is_reached = tokio::select! {
                () = reached.notified() => true,
                _ = process.says("bad  ") => false,
            };
            if is_reached {
                process.signal("KILL").await;
            }
            process.ended().await;
            server.calm();
        }
        let before = server.requests().len();
        let (code, said) = scene.start(&["run", "bad"]).ended().await;
        assert_eq!(code, 0, "{moment:?}: {said}");
        requests.push(server.requests().len() - before);
    }
    (ended(&server, &hook).await, requests)
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_a_run_is_killed_the_next_heals_it() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SECCHI_KILL").unwrap_or(0);
    let seeds = first..first + number("SECCHI_KILLS").unwrap_or(KILLS);
    let (undisturbed, requests) = killed_at(None).await;
    let heals = async |seed: u64| {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let round = chance.random_range(0..=ROUNDS.len());
        let (request, is_done) = (chance.random_range(1..=requests[round]), chance.random_bool(0.5));
        let moment = Moment { round, request, is_done };
        let (healed, _) = killed_at(Some(moment)).await;
        healed.is_as(&undisturbed, &format!("seed {seed}, {moment:?} of {requests:?}"));
    };
    futures::stream::iter(seeds).map(heals).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}
