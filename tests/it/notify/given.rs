//! A monitor, a run and its events: what the tests of this folder have in common.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secchi::alert::{Direction, Event, State, Transition};
use secchi::config::settings_spec::SmtpTls;
use secchi::config::{self, Channel, ChannelKind, Monitor, Secret, Settings, Severity, Smtp};
use secchi::lineage::Pin;
use secchi::notify::{Outcome, Receipt, RunFacts, send_with};
use tempfile::TempDir;

use crate::support::smtp::{Security, SmtpServer};

/// The password that the mail servers of these tests want.
pub const PASSWORD: &str = "hunter2 and a half";

/// The key that the webhooks of these tests are signed with.
pub const HOOK_KEY: &str = "whsec_c2lnbmVkIGFuZCBzZWFsZWQ=";

const MONITOR: &str = "
monitor: credit-default
owner: risk-ml@example.com
runbook: https://wiki.example.com/runbooks/credit-default
labels: { team: risk, tier: '1' }
inference:
  table: s3://lake/inference/credit_default
  timestamp_col: event_time
  model_id_col: model_version
output: { uri: s3://lake/monitoring }
";

/// A monitor with these channels.
pub fn monitor(channels: Vec<Channel>) -> Monitor {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credit-default.yaml");
    std::fs::write(&file, MONITOR).expect("a file");
    let monitor = config::load(&file, &Settings::default()).expect("a monitor");
    Monitor { channels, ..monitor }
}

/// A channel to these addresses.
pub fn email(to: &[&str]) -> Channel {
    let to = to.iter().map(|to| (*to).to_owned()).collect();
    Channel { kind: ChannelKind::Email(to), severity: Severity::Info }
}

/// A channel to this address, unsigned.
pub fn webhook(url: &str) -> Channel {
    let url = url.parse().expect("a URL");
    let timeout = Duration::from_secs(10);
    Channel { kind: ChannelKind::Webhook { url, secret: None, timeout }, severity: Severity::Info }
}

/// A file that holds a secret.
pub fn secret_file(folder: &TempDir, secret: &str) -> Secret {
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{secret}\n")).expect("a file");
    Secret::File(path)
}

/// Settings with `server` as the mail server, trusted, with the user `ops` and `password`.
pub fn settings(server: &SmtpServer, security: Security, folder: &TempDir, password: &str) -> Settings {
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, server.ca_pem()).expect("a file");
    let smtp = Smtp {
        host: server.host(),
        port: server.port(),
        tls: match security {
            Security::Plain => SmtpTls::None,
            Security::StartTls => SmtpTls::Starttls,
            Security::Implicit => SmtpTls::Implicit,
        },
        from: "Secchi <secchi@example.com>".to_owned(),
        login: (security != Security::Plain).then(|| ("ops".to_owned(), secret_file(folder, password))),
        ca_file: Some(ca_file),
        timeout: Duration::from_secs(10),
    };
    Settings { smtp: Some(smtp), ..Settings::default() }
}

/// Settings with an outbox and no mail server.
pub fn outbox(folder: &Path) -> Settings {
    Settings { outbox: Some(folder.to_owned()), hold_webhooks: true, ..Settings::default() }
}

fn pin(table: &str, version: u64) -> Pin {
    Pin { table: format!("s3://lake/{table}"), version }
}

/// The run of 2026-05-02.
pub fn facts() -> RunFacts {
    RunFacts {
        run_id: "0f3c9d2e".to_owned(),
        attempt_id: "0199a1b2-0000-7000-8000-000000000001".to_owned(),
        as_of: "2026-05-02T06:15:00Z".parse().expect("a timestamp"),
        sent_at: "2026-05-02T06:15:09Z".parse().expect("a timestamp"),
        source: pin("inference/credit_default", 118),
        labels: Some(pin("labels/credit_default", 60)),
        baseline: Some(pin("baselines/credit_default", 2)),
        profile: pin("monitoring/credit_default_profile_metrics", 41),
        drift: pin("monitoring/credit_default_drift_metrics", 40),
        monitor_file: "/etc/secchi/monitors/credit-default.yaml".to_owned(),
        firing: Vec::new(),
    }
}

/// Start of a day, counted from 2026-05-01, in microseconds.
pub fn day(index: i64) -> i64 {
    1_777_593_600_000_000 + index * 86_400_000_000
}

/// An alert that began to fire on 2026-05-01.
pub fn event() -> Event {
    Event {
        alert_id: "monthly_income".to_owned(),
        event_id: "monthly_income-0".to_owned(),
        monitor_name: "credit-default".to_owned(),
        rule: "feature drift".to_owned(),
        severity: Severity::Critical,
        state: State::Firing,
        transition: Transition::First,
        metric: "population_stability_index".to_owned(),
        direction: Direction::Above,
        threshold: "0.25".to_owned(),
        learned_windows: None,
        value: Some(8.281_1),
        previous_value: Some(0.031_249),
        baseline_value: None,
        count: 48_210,
        granularity: "1 day".to_owned(),
        window_start: day(0),
        window_end: day(1),
        first_window_start: day(0),
        model_version: "3".to_owned(),
        slice_key: None,
        slice_value: None,
        column_name: "monthly_income".to_owned(),
        drift_type: Some("BASELINE".to_owned()),
        owner: Some("risk-ml@example.com".to_owned()),
        runbook: Some("https://wiki.example.com/runbooks/credit-default".to_owned()),
        run_id: "0f3c9d2e".to_owned(),
        computed_at: day(1),
    }
}

/// `event`, on another day with another value.
pub fn later(event: &Event, days: i64, transition: Transition, value: impl Into<Option<f64>>) -> Event {
    let first = transition == Transition::First;
    let window_start = event.window_start + days * 86_400_000_000;
    Event {
        event_id: format!("{}-{days}", event.alert_id),
        state: transition.state(),
        transition,
        value: value.into(),
        previous_value: event.value,
        window_start,
        window_end: window_start + 86_400_000_000,
        first_window_start: if first { window_start } else { event.first_window_start },
        ..event.clone()
    }
}

/// Sends `events` without waiting between attempts: the receipts, and the pauses in seconds.
pub async fn send(monitor: &Monitor, settings: &Settings, events: &[Event]) -> (Vec<Receipt>, Vec<u64>) {
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&pauses);
    let sleeper = move |pause: Duration| {
        noted.lock().expect("no holder panics").push(pause.as_secs());
        std::future::ready(())
    };
    let receipts = send_with(monitor, settings, &facts(), events, sleeper).await;
    let pauses = pauses.lock().expect("no holder panics").clone();
    (receipts, pauses)
}

/// Sends one event, and expects one receipt.
pub async fn send_one(channel: Channel, settings: &Settings) -> Receipt {
    let (mut receipts, _) = send(&monitor(vec![channel]), settings, &[event()]).await;
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    receipts.remove(0)
}

/// What is said about a receipt, in every way in which it can be said.
pub fn all_words(receipt: &Receipt) -> String {
    let mut words = format!("{receipt:?} {receipt:#?}");
    if let Outcome::Failed(error) = &receipt.outcome {
        let mut next: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = next {
            words.push_str(&format!("\n{error} {error:?}"));
            next = error.source();
        }
        words.push_str(error.hint());
    }
    words
}
