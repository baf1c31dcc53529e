//! What came of a run, for people and for machines.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::alert::{Evaluation, Event};
use crate::config::{Monitor, Severity};
use crate::contract::{ALL_VERSIONS, NO_VERSION};
use crate::notify::{Receipt, RunFacts};
use crate::profile::columns;
use crate::profile::query::Counted;
use crate::sink::Written;
use crate::source::{Snapshot, registry};

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The monitor.
    pub monitor: String,
    /// What messages say about the run.
    pub facts: RunFacts,
    /// Rows of the inference table that were read.
    pub rows: u64,
    /// Bytes of Parquet that were read.
    pub bytes: u64,
    /// Windows of the finest granularity.
    pub windows: u64,
    /// Model versions seen, in order.
    pub model_versions: Vec<String>,
    /// What was written.
    pub profile: Written,
    /// What was written.
    pub drift: Written,
    /// What happened that had not happened before.
    pub events: Vec<Event>,
    /// What is on.
    pub firing: Vec<Event>,
    /// What fired, on or off by now, by rule and column.
    pub incidents: Vec<Incident>,
    /// Windows that could not be judged, and why.
    pub unjudged: BTreeMap<&'static str, u64>,
    /// What was noticed and did not stop the run.
    pub findings: Vec<String>,
    /// Who was told.
    pub receipts: Vec<Receipt>,
    /// How long it took.
    pub seconds: f64,
}

/// Alerts of one rule on one column, in the events of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// How urgent.
    pub severity: Severity,
    /// The rule.
    pub rule: String,
    /// The column.
    pub column_name: String,
    /// The slice, as `key = value`.
    pub slice: Option<String>,
    /// The metric.
    pub metric: String,
    /// Model versions, in order.
    pub model_versions: Vec<String>,
    /// Start of the first window, in microseconds.
    pub first_window_start: i64,
    /// End of the last window in which it fired, in microseconds.
    pub last_window_end: i64,
    /// The metric furthest from the comparison.
    pub worst: f64,
    /// The bound.
    pub threshold: String,
    /// The direction of the bound.
    pub direction: &'static str,
    /// Whether one of its alerts is on.
    pub firing: bool,
}

impl Outcome {
    pub(super) fn new(
        monitor: &Monitor,
        counted: &Counted,
        evaluation: Evaluation,
        profile: Written,
        drift: Written,
        findings: Vec<String>,
        facts: RunFacts,
    ) -> Self {
        let finest = monitor.granularities.first();
        let series = counted.profiles.windows.iter();
        let windows = series
            .clone()
            .filter(|(series, _)| {
                Some(&series.granularity) == finest
                    && series.segment.slice.is_none()
                    && series.segment.model_version == ALL_VERSIONS
            })
            .map(|(_, windows)| windows.len() as u64)
            .sum();
        Self {
            monitor: monitor.name.clone(),
            facts,
            rows: counted.rows,
            bytes: counted.bytes,
            windows,
            model_versions: versions(counted),
            profile,
            drift,
            incidents: incidents(&evaluation),
            events: evaluation.events,
            firing: evaluation.firing,
            unjudged: evaluation.unjudged,
            findings,
            receipts: Vec::new(),
            seconds: 0.0,
        }
    }
}

fn versions(counted: &Counted) -> Vec<String> {
    let mut versions: Vec<String> = counted
        .profiles
        .windows
        .keys()
        .map(|series| series.segment.model_version.clone())
        .filter(|version| version != ALL_VERSIONS)
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

/// What was noticed and did not stop the run.
pub(super) fn findings(monitor: &Monitor, counted: &Counted, snapshot: &Snapshot) -> Vec<String> {
    let mut findings = columns::unknown(monitor, &snapshot.schema);
    if counted.rows_without_time > 0 {
        findings.push(format!(
            "{} rows have no `{}` and are in no window",
            counted.rows_without_time, monitor.inference.timestamp_col
        ));
    }
    let versions = versions(counted);
    if versions.iter().any(|version| version == NO_VERSION)
        && let Some(column) = &monitor.inference.model_id_col
    {
        findings.push(format!("some rows have no `{column}`; they are counted as `{NO_VERSION}`"));
    }
    if let Some(model) = &snapshot.model {
        findings.extend(registry::findings(model, &versions.into_iter().collect()));
    }
    findings
}

fn incidents(evaluation: &Evaluation) -> Vec<Incident> {
    let mut incidents: BTreeMap<(String, String, Option<String>), Incident> = BTreeMap::new();
    let firing = |event: &Event| evaluation.firing.iter().any(|on| on.alert_id == event.alert_id);
    for event in evaluation.events.iter().filter(|event| event.state == crate::alert::State::Firing) {
        let slice = event
            .slice_key
            .clone()
            .zip(event.slice_value.clone())
            .map(|(key, value)| format!("{key} = {value}"));
        let Some(value) = event.value else { continue };
        let incident = incidents
            .entry((event.rule.clone(), event.column_name.clone(), slice.clone()))
            .or_insert_with(|| Incident {
                severity: event.severity,
                rule: event.rule.clone(),
                column_name: event.column_name.clone(),
                slice,
                metric: event.metric.clone(),
                model_versions: Vec::new(),
                first_window_start: event.first_window_start,
                last_window_end: event.window_end,
                worst: value,
                threshold: event.threshold.clone(),
                direction: event.direction,
                firing: false,
            });
        incident.first_window_start = incident.first_window_start.min(event.first_window_start);
        incident.last_window_end = incident.last_window_end.max(event.window_end);
        let base = event.baseline_value.unwrap_or(0.0);
        if (value - base).abs() > (incident.worst - base).abs() {
            incident.worst = value;
        }
        if !incident.model_versions.contains(&event.model_version) {
            incident.model_versions.push(event.model_version.clone());
            incident.model_versions.sort();
        }
        incident.firing |= firing(event);
    }
    let mut incidents: Vec<Incident> = incidents.into_values().collect();
    incidents.sort_by(|a, b| {
        (b.severity, a.first_window_start, &a.column_name).cmp(&(
            a.severity,
            b.first_window_start,
            &b.column_name,
        ))
    });
    incidents
}
