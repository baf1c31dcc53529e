//! The JSON document that a webhook receives.
//!
//! These types are its manual, and its JSON Schema is made from them. Fields may be added under the same
//! `version`; none is removed or changes its meaning without another one. Numbers are whole, not rounded;
//! instants are RFC 3339, UTC. This module computes; it must not send.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::digest::Item;
use super::further::further;
use super::{Cause, Notification, NotifyError, message, show};
use crate::alert::{Direction, State};
use crate::config::Severity;

/// Version of the document.
pub const VERSION: &str = "1";

/// Most alerts in one document; the rest is counted in `alerts_hidden`.
pub const ALERTS_MAX: usize = 200;

/// What one run says to one webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Secchi notification")]
pub struct Payload<'a> {
    /// Version of this document: `1`.
    pub version: &'static str,
    /// Names the message; also the header `webhook-id`. The same id is the same message: a repeat can be
    /// dropped.
    pub id: &'a str,
    /// `alerts.firing` if an alert began to fire, else `alerts.no_data` if one has no data any more, else
    /// `alerts.resolved`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it was sent, to the second; the same time as the header `webhook-timestamp`.
    #[schemars(extend("format" = "date-time"))]
    pub timestamp: String,
    /// The monitor's name.
    pub monitor: &'a str,
    /// `firing` if an alert began to fire, else `no_data` if one has no data any more, else `resolved`.
    pub status: Status,
    /// The worst severity of the alerts that began to fire or, if none did, of those that ended.
    pub severity: Severity,
    /// One line that says it all, for receivers that show a text.
    pub text: String,
    /// Who is responsible.
    pub owner: Option<&'a str>,
    /// Where it says what to do.
    pub runbook: Option<&'a str>,
    /// The monitor's labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The run.
    pub run: Run<'a>,
    /// The alerts: those that began to fire, then those that ended, then those that still fire.
    pub alerts: Vec<Alert<'a>>,
    /// Alerts that fire besides those that began to in this run; a receiver that closes on `resolved` should
    /// look here first.
    pub still_firing: usize,
    /// Alerts that did not fit into `alerts`; they are in the table `alerts`.
    pub alerts_hidden: usize,
}

/// Whether the message brings an alarm or relief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// An alert began to fire.
    Firing,
    /// None began to fire, and one that fired has no data any more.
    NoData,
    /// None began to fire, none lost its data, and one ended.
    Resolved,
}

/// What became of one alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// Began to fire in this run, and fires.
    Firing,
    /// Fired, and has no rows any more, or no rule that asks for it.
    NoData,
    /// Fired before this run, and ceased in it.
    Resolved,
    /// Began in this run, and ceased in it too.
    Passed,
    /// Fired before this run and was told then; it still fires.
    StillFiring,
}

/// The run that a message is about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Run<'a> {
    /// Names the run. Joins the metric tables and `runs`.
    pub run_id: &'a str,
    /// Which attempt at it.
    pub attempt_id: &'a str,
    /// The time that the run took as its present.
    #[schemars(extend("format" = "date-time"))]
    pub as_of: String,
    /// URL of the inference table.
    pub source_table: &'a str,
    /// Its version.
    pub source_version: u64,
    /// URL of the label table.
    pub label_table: Option<&'a str>,
    /// Its version.
    pub label_version: Option<u64>,
    /// URL of the baseline table.
    pub baseline_table: Option<&'a str>,
    /// Its version.
    pub baseline_version: Option<u64>,
    /// URL of the profile table.
    pub profile_table: &'a str,
    /// Its version after the run.
    pub profile_version: u64,
    /// URL of the drift table.
    pub drift_table: &'a str,
    /// Its version after the run.
    pub drift_version: u64,
    /// Path of the monitor file.
    pub monitor_file: &'a str,
    /// Time zone of the monitor's windows.
    pub timezone: &'a str,
}

/// One alert at its last window in this run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Alert<'a> {
    /// The alert: one rule on one series. Stays the same from run to run.
    pub alert_id: &'a str,
    /// What became of it.
    pub status: AlertStatus,
    /// How urgent it is.
    pub severity: Severity,
    /// The rule's name.
    pub rule: &'a str,
    /// The column that moved; `:table` for the whole table.
    pub column: &'a str,
    /// Model version; `*` for all together.
    pub model_version: &'a str,
    /// Slicing expression; null for the whole table.
    pub slice_key: Option<&'a str>,
    /// Its value.
    pub slice_value: Option<&'a str>,
    /// The column of a metric table that the rule watches.
    pub metric: &'a str,
    /// On which side of the bound the metric is too much.
    pub direction: Direction,
    /// The bound, in the metric's own unit.
    pub threshold: &'a str,
    /// Windows of the baseline that the bound was learned from; null where the rule names it.
    pub learned_windows: Option<u64>,
    /// The metric in the window; null where it has none, as with `no_data`.
    pub value: Option<f64>,
    /// The metric in the window before.
    pub previous_value: Option<f64>,
    /// The metric of the baseline, for changes from it.
    pub baseline_value: Option<f64>,
    /// The worst value of this run, if another than `value`.
    pub worst_value: Option<f64>,
    /// Values of the window that the metric was computed from.
    pub count: u64,
    /// Length of the window.
    pub granularity: &'a str,
    /// Start of the window.
    #[schemars(extend("format" = "date-time"))]
    pub window_start: String,
    /// End of the window, which no longer belongs to it.
    #[schemars(extend("format" = "date-time"))]
    pub window_end: String,
    /// Start of the window in which it last began to fire.
    #[schemars(extend("format" = "date-time"))]
    pub first_window_start: String,
    /// How many times it began to fire in this run.
    pub times_fired: usize,
    /// The comparison, for drift metrics: `BASELINE`, `CONSECUTIVE`, `SEASONAL`, `ROLLING` or `VERSION`.
    pub drift_type: Option<&'a str>,
    /// Who is responsible.
    pub owner: Option<&'a str>,
    /// Where it says what to do.
    pub runbook: Option<&'a str>,
    /// A query for the metric over the last windows of the series.
    pub sql: String,
    /// A command that repeats the run, of the same versions of its tables and as of the same time.
    pub command: String,
}

/// The document of `notification`.
pub fn payload<'a>(notification: &'a Notification<'a>) -> Payload<'a> {
    let (run, digest) = (notification.facts, &notification.digest);
    let lists = [
        (AlertStatus::Firing, &digest.firing),
        (AlertStatus::NoData, &digest.gone),
        (AlertStatus::Resolved, &digest.resolved),
        (AlertStatus::Passed, &digest.passed),
        (AlertStatus::StillFiring, &digest.still),
    ];
    let count: usize = lists.iter().map(|(_, items)| items.len()).sum();
    let all = lists.into_iter().flat_map(|(status, items)| items.iter().map(move |item| (status, item)));
    let (kind, status) = match notification.state() {
        State::Firing => ("alerts.firing", Status::Firing),
        State::NoData => ("alerts.no_data", Status::NoData),
        State::Resolved => ("alerts.resolved", Status::Resolved),
    };
    Payload {
        version: VERSION,
        id: &notification.key,
        kind,
        timestamp: run.sent_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        monitor: notification.monitor,
        status,
        severity: notification.severity,
        text: message::subject(notification),
        owner: notification.owner,
        runbook: notification.runbook,
        labels: notification.labels,
        run: Run {
            run_id: &run.run_id,
            attempt_id: &run.attempt_id,
            as_of: run.as_of.to_string(),
            source_table: &run.source.table,
            source_version: run.source.version,
            label_table: run.labels.as_ref().map(|pin| pin.table.as_str()),
            label_version: run.labels.as_ref().map(|pin| pin.version),
            baseline_table: run.baseline.as_ref().map(|pin| pin.table.as_str()),
            baseline_version: run.baseline.as_ref().map(|pin| pin.version),
            profile_table: &run.profile.table,
            profile_version: run.profile.version,
            drift_table: &run.drift.table,
            drift_version: run.drift.version,
            monitor_file: &run.monitor_file,
            timezone: notification.zone.iana_name().unwrap_or("UTC"),
        },
        alerts: all.take(ALERTS_MAX).map(|(status, item)| alert(notification, status, item)).collect(),
        still_firing: notification.still_firing,
        alerts_hidden: count.saturating_sub(ALERTS_MAX),
    }
}

fn alert<'a>(notification: &Notification<'a>, status: AlertStatus, item: &Item<'a>) -> Alert<'a> {
    let event = item.last;
    let further = further(event, notification.facts);
    Alert {
        alert_id: &event.alert_id,
        status,
        severity: event.severity,
        rule: &event.rule,
        column: &event.column_name,
        model_version: &event.model_version,
        slice_key: event.slice_key.as_deref(),
        slice_value: event.slice_value.as_deref(),
        metric: &event.metric,
        direction: event.direction,
        threshold: &event.threshold,
        learned_windows: event.learned_windows,
        value: event.value,
        previous_value: event.previous_value,
        baseline_value: event.baseline_value,
        worst_value: item.worst.and_then(|worst| worst.value),
        count: event.count,
        granularity: &event.granularity,
        window_start: show::instant(event.window_start),
        window_end: show::instant(event.window_end),
        first_window_start: show::instant(item.since),
        times_fired: item.times,
        drift_type: event.drift_type.as_deref(),
        owner: event.owner.as_deref().or(notification.owner),
        runbook: event.runbook.as_deref().or(notification.runbook),
        sql: further.sql,
        command: further.command,
    }
}

/// The JSON Schema of the document.
pub fn schema() -> schemars::Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Payload<'static>>()
}

/// The bytes that are signed and posted.
pub(super) fn body(notification: &Notification<'_>) -> Result<Vec<u8>, NotifyError> {
    serde_json::to_vec(&payload(notification))
        .map_err(|error| NotifyError::Compose { what: "document", source: Cause::of(&error, &[]) })
}
