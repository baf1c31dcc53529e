//! `secchi serve`: when it runs what, what it skips, and how it ends; and how `secchi run` is stopped.
//!
//! Runs are held in the middle by a request to S3 that is not answered; the rest waits for what serve says.

use hyper::Method;

use crate::support::process::Process;
use crate::support::s3::{Held, S3Server};
use crate::support::scene::{Scene, is_as_approved};

const EACH_SECOND: &str = "* * * * * *";
/// What the summary of a run of three days begins with.
const DONE_BAD: &str = "bad  ";
const DONE_GOOD: &str = "good  ";

/// A scene whose monitor `bad` reads from S3, and its first read, which is held.
async fn held_at_a_read(server: &S3Server) -> (Scene, Held) {
    let mut scene = Scene::new().await;
    scene.move_to_s3("bad", server);
    let held = server.hold(Method::GET, "lake/bad/part-");
    (scene, held)
}

/// Asks an idle serve to stop.
async fn stop(process: Process) -> String {
    process.signal("TERM").await;
    let (code, said) = process.ended().await;
    assert_eq!(code, 0, "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_run_at_their_times() {
    let scene = Scene::new().await;
    let mut process = scene.start(&["serve", "--cron", EACH_SECOND, "--grace", "3600"]);
    for done in [DONE_GOOD, DONE_BAD, DONE_GOOD, DONE_BAD] {
        process.says(done).await;
    }
    let said = stop(process).await;
    assert!(!said.contains("error"), "{said}");
    for monitor in ["good", "bad"] {
        let statuses = scene.statuses(monitor).await;
        // Where nothing is new, nothing is started.
        let ended = statuses.iter().filter(|status| *status == "SUCCEEDED").count();
        assert!(ended >= 2 && statuses.len() == 1 + ended, "{monitor}: {statuses:?}");
    }
}

/// The time of a line such as `bad: skipped the run of 2026-05-01T06:00:00Z: …`.
fn time(line: &str) -> jiff::Timestamp {
    let word = line.split(' ').find_map(|word| word.trim_end_matches(':').parse().ok());
    word.unwrap_or_else(|| panic!("{line} has no time"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_passes_during_a_run_is_skipped_and_said_once() {
    let server = S3Server::start().await;
    let (scene, held) = held_at_a_read(&server).await;
    let mut process = scene.start(&["serve", "--cron", EACH_SECOND]);
    held.reached().await;
    let mut skipped = Vec::new();
    for _ in 0..3 {
        skipped.push(time(&process.says("bad: skipped the run of ").await));
    }
    let seconds = skipped.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs());
    assert_eq!(seconds.collect::<Vec<_>>(), [1, 1], "each once, in order: {skipped:?}");
    assert_eq!(scene.statuses("bad").await, ["STARTED"], "one run only");
    // The other monitor goes on.
    process.says(DONE_GOOD).await;
    process.says(DONE_GOOD).await;

    held.release();
    process.says(DONE_BAD).await;
    // And so does this one.
    process.says("bad: next run at ").await;
    process.says(DONE_BAD).await;
    stop(process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_waiting_at_once() {
    let scene = Scene::new().await;
    for monitor in ["bad", "good"] {
        let yearly = "alerts: []\ntimezone: Europe/Berlin\nschedule: { cron: 0 0 1 1 * }";
        scene.edit_of(monitor, "alerts: []", yearly);
    }
    for signal in ["TERM", "INT"] {
        let mut process = scene.start(&["serve", "--grace", "3600"]);
        assert!(process.says("bad: next run at ").await.ends_with("-12-31T23:00:00Z"));
        process.says("good: next run at ").await;
        process.signal(signal).await;
        let (code, said) = process.ended().await;
        assert_eq!(code, 0, "{said}");
        assert!(said.ends_with("\nstopping"), "{said}");
    }
    assert!(!scene.path("monitoring").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_end_after_sigterm() {
    let server = S3Server::start().await;
    let (scene, held) = held_at_a_read(&server).await;
    let mut process = scene.start(&["serve", "bad", "--cron", EACH_SECOND, "--grace", "3600"]);
    held.reached().await;
    process.signal("TERM").await;
    process.says("bad: the run of ").await;
    held.release();
    let (code, said) = process.ended().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(DONE_BAD), "{said}");
    assert_eq!(scene.statuses("bad").await, ["STARTED", "SUCCEEDED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_still_reads_is_given_up_when_the_grace_is_over() {
    let server = S3Server::start().await;
    let (scene, held) = held_at_a_read(&server).await;
    let mut process = scene.start(&["serve", "bad", "--cron", EACH_SECOND, "--grace", "0"]);
    held.reached().await;
    process.signal("TERM").await;
    process.says("runs that still read are given up").await;
    let (code, said) = process.ended().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("error: bad: stopped before it wrote anything"), "{said}");
    assert_eq!(scene.statuses("bad").await, ["STARTED", "CANCELED"]);
    assert!(!scene.path("monitoring/bad_profile_metrics").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_writes_is_always_finished() {
    let server = S3Server::start().await;
    let mut scene = Scene::new().await;
    scene.env.extend(server.env());
    scene.edit("../monitoring", "s3://lake/monitoring");
    let held = server.hold(Method::PUT, "bad_drift_metrics/_delta_log/00000000000000000000.json");
    let mut process = scene.start(&["serve", "bad", "--cron", EACH_SECOND, "--grace", "0"]);
    held.reached().await;
    process.signal("TERM").await;
    process.says("runs that still read are given up").await;
    held.release();
    let (code, said) = process.ended().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(DONE_BAD), "{said}");
    for table in ["profile", "drift"] {
        let commits = server.list(&format!("lake/monitoring/bad_{table}_metrics/_delta_log/"));
        assert_eq!(commits.len(), 2, "made and written: {commits:?}");
    }
    // Made, STARTED and SUCCEEDED.
    assert_eq!(server.list("lake/monitoring/runs/_delta_log/").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    for second in ["TERM", "INT"] {
        let server = S3Server::start().await;
        let (scene, held) = held_at_a_read(&server).await;
        let mut process = scene.start(&["serve", "bad", "--cron", EACH_SECOND, "--grace", "3600"]);
        held.reached().await;
        process.signal("TERM").await;
        process.says("bad: the run of ").await;
        process.signal(second).await;
        let (code, said) = process.ended().await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("stopped at once"), "{said}");
        assert_eq!(scene.statuses("bad").await, ["STARTED"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_run_and_those_that_would_follow() {
    let server = S3Server::start().await;
    let (scene, held) = held_at_a_read(&server).await;
    let process = scene.start(&["run", "--json"]);
    held.reached().await;
    process.signal("INT").await;
    let (code, said) = process.ended().await;
    assert_eq!(code, 1, "{said}");
    for monitor in ["bad", "good"] {
        assert!(said.contains(&format!("error: {monitor}: stopped before it wrote anything")), "{said}");
    }
    assert_eq!(said.matches("\"status\": \"canceled\"").count(), 2, "{said}");
    assert_eq!(scene.statuses("bad").await, ["STARTED", "CANCELED"]);
    assert!(scene.statuses("good").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_fails_is_tried_again_and_the_others_go_on() {
    let scene = Scene::new().await;
    std::fs::rename(scene.path("lake/bad"), scene.path("lake/away")).expect("moved");
    let mut process = scene.start(&["serve", "--cron", EACH_SECOND]);
    for said in ["error: bad: ", DONE_GOOD, "error: bad: ", DONE_GOOD] {
        process.says(said).await;
    }
    std::fs::rename(scene.path("lake/away"), scene.path("lake/bad")).expect("moved back");
    process.says(DONE_BAD).await;
    stop(process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_cannot_be_served_is_named_and_the_others_go_on() {
    let scene = Scene::new().await;
    let said = scene.secchi(&["serve"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    let mut page = format!("--- no schedules ---\n{}", said.err);

    scene.write("monitors/ugly.yaml", "monitor: [");
    scene.edit("alerts: []", "alerts: []\nschedule: { cron: 0 0 1 1 * }");
    let mut process = scene.start(&["serve"]);
    process.says("bad: next run at ").await;
    page.push_str(&format!("--- one schedule, and a file that is none ---\n{}\n", stop(process).await));

    let said = scene.secchi(&["serve", "ugly"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    page.push_str(&format!("--- a file that is none ---\n{}", said.err));

    for cron in ["hourly", "61 * * * *"] {
        let said = scene.secchi(&["serve", "--cron", cron]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        page.push_str(&format!("--- --cron \"{cron}\" ---\n{}", said.err));
    }
    is_as_approved("serve_refuses", &page);
}
