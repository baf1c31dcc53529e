//! What came of a run, for people and for machines.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::gaps;
use super::incident::{self, Incident};
use crate::alert::{Evaluation, Event, Unjudged};
use crate::config::Monitor;
use crate::contract::{ALL_VERSIONS, NO_VERSION};
use crate::lineage::RegisteredModel;
use crate::notify::{Receipt, RunFacts};
use crate::profile::custom::Measured;
use crate::profile::positive_class::unseen_positive_class;
use crate::profile::query::{OUT_OF_RANGE, Totals};
use crate::profile::{Profiles, Series, findings, foreign_classes, many_classes, odd_probabilities};
use crate::scope::Scope;
use crate::sink::{RowsUntil, Written};
use crate::source::{Snapshot, registry};
use crate::window::Window;

/// Most model versions that are listed; versions are numbers, of which none is near another.
const VERSIONS_LISTED: usize = 8;

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
    /// Windows of the finest granularity that were computed.
    pub windows: u64,
    /// Model versions that have rows in these, in order.
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
    /// Windows that were judged, of all rules and series.
    pub judged: u64,
    /// Windows that could not be judged, and why.
    pub unjudged: Unjudged,
    /// What was noticed and did not stop the run.
    pub findings: Vec<String>,
    /// Who was told.
    pub receipts: Vec<Receipt>,
    /// How long it took.
    pub seconds: f64,
    /// Zone in which windows are shown.
    pub zone: TimeZone,
    /// Whether there was nothing to do: no rows changed, and no window became complete.
    pub is_unchanged: bool,
}

impl Outcome {
    /// Of a run in which nothing was counted.
    pub(super) fn unchanged(
        monitor: &Monitor,
        evaluation: Evaluation,
        [profile, drift]: [Written; 2],
        facts: RunFacts,
    ) -> Self {
        Self {
            monitor: monitor.name.clone(),
            facts,
            rows: 0,
            bytes: 0,
            windows: 0,
            model_versions: Vec::new(),
            profile,
            drift,
            incidents: incident::incidents(&evaluation),
            events: evaluation.events,
            firing: evaluation.firing,
            judged: evaluation.judged,
            unjudged: evaluation.unjudged,
            findings: Vec::new(),
            receipts: Vec::new(),
            seconds: 0.0,
            zone: monitor.calendar.zone().clone(),
            is_unchanged: true,
        }
    }

    /// The same of a run that has counted, and noticed something.
    pub(super) fn with(
        self,
        monitor: &Monitor,
        totals: &Totals,
        bytes: u64,
        (profiles, computed): (&Profiles, &Scope),
        findings: Vec<String>,
    ) -> Self {
        Self {
            rows: totals.rows,
            bytes,
            windows: windows(monitor, profiles, computed),
            model_versions: versions(profiles, computed),
            findings,
            is_unchanged: false,
            ..self
        }
    }
}

/// How many windows of the finest granularity that were computed have rows.
fn windows(monitor: &Monitor, profiles: &Profiles, computed: &Scope) -> u64 {
    let is_finest = |series: &Series| {
        Some(&series.granularity) == monitor.granularities.first()
            && series.segment.slice.is_none()
            && series.segment.model_version == ALL_VERSIONS
    };
    let finest = profiles.windows.iter().filter(|(series, _)| is_finest(series));
    let of = |(series, windows): (&Series, &BTreeMap<Window, _>)| {
        windows.keys().filter(|window| computed.has(Some((series.granularity, **window)))).count() as u64
    };
    finest.map(of).sum()
}

/// Model versions that have rows in the windows that were `computed`.
fn versions(profiles: &Profiles, computed: &Scope) -> Vec<String> {
    let is_computed = |(series, windows): &(&Series, &BTreeMap<Window, _>)| {
        windows.keys().any(|window| computed.has(Some((series.granularity, *window))))
    };
    let mut versions: Vec<String> = profiles
        .windows
        .iter()
        .filter(is_computed)
        .map(|(series, _)| series.segment.model_version.clone())
        .filter(|version| version != ALL_VERSIONS)
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

/// What was noticed and did not stop the run at `as_of`, where there are `rows` until then. What can only be said
/// of all windows is, if the run `is_all` about them.
pub(super) fn findings(
    monitor: &Monitor,
    totals: &Totals,
    (profiles, computed): (&Profiles, &Scope),
    snapshot: &Snapshot,
    (as_of, rows): (Timestamp, Option<RowsUntil>),
    is_all: bool,
) -> Vec<String> {
    let mut findings = findings::of_tables(monitor, snapshot);
    if totals.passes > 1 {
        findings.push(format!(
            "tables were read in {} passes of some columns each, since the states of all would not have fitted into \
             memory; `state_memory_mib` in `secchi.yaml` says how much they may take",
            totals.passes
        ));
    }
    if let Some(bytes) = totals.too_many_bytes {
        findings.push(format!(
            "what is held of predictions took {} MiB, more than `state_memory_mib` of `secchi.yaml` allows, and cannot be \
             counted in parts: probabilities of fewer classes (`positive_class`), longer windows or fewer \
             `slicing_exprs` take less",
            bytes.div_ceil(1 << 20)
        ));
    }
    let time = &monitor.inference.timestamp_col;
    if totals.rows_without_time > 0 {
        let rows = have(totals.rows_without_time, "row");
        findings.push(format!("{rows} no `{time}`, and so no window"));
    }
    if totals.rows_out_of_range > 0 {
        let rows = have(totals.rows_out_of_range, "row");
        findings.push(format!("{rows} a `{time}` {OUT_OF_RANGE}, and so no window"));
    }
    let versions = versions(profiles, computed);
    if versions.iter().any(|version| version == NO_VERSION)
        && let Some(column) = &monitor.inference.model_id_col
    {
        findings.push(format!("some rows have no `{column}`; they are counted as `{NO_VERSION}`"));
    }
    if totals.requests_with_several_labels > 0 {
        let requests = have(totals.requests_with_several_labels, "request");
        findings.push(format!(
            "{requests} several labels; without `label_timestamp_col` the largest is taken: name the column \
             of the label table that says when a label came"
        ));
    }
    if !totals.crowded.is_empty() {
        findings.push(format!(
            "so many values of `{}` lie so close together that quantiles and distances do not tell all of them apart; \
             `rank_error` says by how much ranks can be off",
            totals.crowded.join("`, `")
        ));
    }
    if is_all {
        findings.extend(unseen_versions(monitor, &versions, snapshot.model.as_ref()));
        findings.extend(gaps::findings(monitor, profiles, as_of));
    }
    findings.extend(gaps::since(monitor, rows, as_of));
    findings.extend(many_classes::finding(profiles));
    findings.extend(foreign_classes::finding(profiles));
    findings.extend(odd_probabilities::finding(profiles));
    findings.extend(unseen_positive_class(profiles, monitor));
    findings.extend(totals.custom.iter().flat_map(Measured::findings));
    findings.extend(monitor.comparisons.finding(snapshot.model.as_ref()));
    if let Some(model) = &snapshot.model {
        findings.extend(registry::findings(model, &versions.into_iter().collect()));
    }
    findings
}

/// That so many of what is called `noun` have something.
fn have(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun} has") } else { format!("{count} {noun}s have") }
}

/// Model versions that a rule names although neither the rows nor the registry have them.
fn unseen_versions(monitor: &Monitor, seen: &[String], model: Option<&RegisteredModel>) -> Vec<String> {
    let registered = model.into_iter().flat_map(|model| model.versions.keys());
    let known: BTreeSet<&str> = seen.iter().chain(registered).map(String::as_str).collect();
    let places = if model.is_some() { "neither the rows nor the registry have" } else { "no row has" };
    let there = there_are(&known);
    let watched = monitor.rules.iter().flat_map(|rule| {
        let versions = rule.model_versions.iter().flatten();
        versions.filter(|version| *version != ALL_VERSIONS).map(|version| (&rule.name, version.as_str()))
    });
    watched
        .filter(|(_, version)| !known.contains(version))
        .map(|(rule, version)| {
            format!("rule `{rule}` watches model version `{version}`, which {places}: there {there}")
        })
        .collect()
}

/// The first of some model versions.
fn there_are(versions: &BTreeSet<&str>) -> String {
    let listed: Vec<&str> = versions.iter().take(VERSIONS_LISTED).copied().collect();
    let listed = listed.join("`, `");
    match versions.len() {
        0 => "are none".to_owned(),
        1 => format!("is `{listed}`"),
        2..=VERSIONS_LISTED => format!("are `{listed}`"),
        all => format!("are `{listed}` and {} more", all - VERSIONS_LISTED),
    }
}
