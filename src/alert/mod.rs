//! Alerts: from rows of the metric tables to what happened.
//!
//! A rule watches one metric in many series (one for each column, model version, slice). In each series
//! the windows are judged in order; what changes from window to window becomes an [`Event`]. This is a
//! pure function of the rows and of the events already recorded: it reads no clock and sends nothing.

pub mod event;
mod judge;
mod observe;

use std::collections::{BTreeMap, BTreeSet};

pub use event::{Event, State, Transition};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::config::{Change, Condition, Monitor, Rule};
use crate::drift::DriftRow;
use crate::profile::row::ProfileRow;
use judge::{Judged, Verdict};
use observe::{Observation, SeriesKey};

/// What the `alerts` table already says about a monitor.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Every event.
    pub event_ids: BTreeSet<String>,
    /// The last state of each alert.
    pub last: BTreeMap<String, State>,
}

/// What a run knows when it judges.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The run's present.
    pub as_of: Timestamp,
    /// The run.
    pub run_id: &'a str,
    /// When it began.
    pub computed_at: Timestamp,
}

/// What came of judging.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// What happened that was not recorded before, window by window.
    pub events: Vec<Event>,
    /// The last event of each alert that is on, recorded before or not.
    pub firing: Vec<Event>,
    /// Windows that could not be judged, and why.
    pub unjudged: BTreeMap<&'static str, u64>,
}

/// Judges every rule of `monitor` on the rows of its tables.
pub fn evaluate(
    monitor: &Monitor,
    profile: &[ProfileRow],
    drift: &[DriftRow],
    recorded: &Recorded,
    present: Present<'_>,
) -> Evaluation {
    let mut evaluation = Evaluation::default();
    for rule in &monitor.rules {
        for (key, observations) in observe::series(monitor, rule, profile, drift, present.as_of) {
            let alert = Alert { monitor, rule, key: &key, present };
            alert.follow(&observations, recorded, &mut evaluation);
        }
    }
    evaluation.events.sort_by(|a, b| (a.window_start, &a.alert_id).cmp(&(b.window_start, &b.alert_id)));
    evaluation
        .firing
        .sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.column_name.cmp(&b.column_name)));
    evaluation
}

/// One rule on one series.
struct Alert<'a> {
    monitor: &'a Monitor,
    rule: &'a Rule,
    key: &'a SeriesKey,
    present: Present<'a>,
}

impl Alert<'_> {
    /// Judges the windows in order, and notes what is new.
    fn follow(&self, observations: &[Observation], recorded: &Recorded, evaluation: &mut Evaluation) {
        let alert_id = self.id();
        let mut on: Option<i64> = None;
        let mut last_event: Option<Event> = None;
        let mut news = Vec::new();
        for judged in judge::judge(self.rule, observations) {
            let Judged { observation, previous, verdict, holds } = judged;
            if let Verdict::Unknown(why) = verdict {
                *evaluation.unjudged.entry(why).or_default() += 1;
                continue;
            }
            let transition = match (on, holds) {
                (None, false) => continue,
                (None, true) => Transition::First,
                (Some(_), true) => Transition::StillFiring,
                (Some(_), false) => Transition::Resolved,
            };
            let first = *on.get_or_insert(observation.start);
            if transition == Transition::Resolved {
                on = None;
            }
            let event_id = digest(&[&alert_id, name(transition), &observation.start.to_string()]);
            let event = self.event(&alert_id, event_id, transition, first, observation, previous);
            if !recorded.event_ids.contains(&event.event_id) {
                news.push(event.clone());
            }
            last_event = Some(event);
        }
        self.reconcile(&alert_id, recorded, observations, last_event.as_ref(), &mut news);
        evaluation.events.append(&mut news);
        if on.is_some() {
            evaluation.firing.extend(last_event);
        }
    }

    /// Restated rows can change a history whose events are recorded: then the record's last state and the
    /// history's differ though nothing is new, and the difference is an event of its own.
    fn reconcile(
        &self,
        alert_id: &str,
        recorded: &Recorded,
        observations: &[Observation],
        last_event: Option<&Event>,
        news: &mut Vec<Event>,
    ) {
        let Some(said) = news.last().map(|event| event.state).or(recorded.last.get(alert_id).copied()) else {
            return;
        };
        let is = last_event.map_or(State::Resolved, |event| event.state);
        let Some(observation) = observations.last().filter(|_| said != is) else { return };
        let transition = if is == State::Firing { Transition::First } else { Transition::Resolved };
        let first = last_event.map_or(observation.start, |event| event.first_window_start);
        let event_id =
            digest(&[alert_id, name(transition), &observation.start.to_string(), self.present.run_id]);
        news.push(self.event(alert_id, event_id, transition, first, observation, None));
    }

    fn id(&self) -> String {
        let SeriesKey { model_version, slice, column_name, drift_type } = self.key;
        let (slice_key, slice_value) = slice.as_ref().map_or(("", ""), |(key, value)| (key, value));
        digest(&[
            &self.monitor.name,
            &self.rule.name,
            &self.rule.granularity.to_string(),
            model_version,
            slice_key,
            slice_value,
            column_name,
            drift_type.unwrap_or_default(),
        ])
    }

    fn event(
        &self,
        alert_id: &str,
        event_id: String,
        transition: Transition,
        first_window_start: i64,
        observation: &Observation,
        previous: Option<f64>,
    ) -> Event {
        let (slice_key, slice_value) = self.key.slice.clone().unzip();
        Event {
            alert_id: alert_id.to_owned(),
            event_id,
            monitor_name: self.monitor.name.clone(),
            rule: self.rule.name.clone(),
            severity: self.rule.severity,
            state: if transition == Transition::Resolved { State::Resolved } else { State::Firing },
            transition,
            metric: self.rule.metric.name().to_owned(),
            direction: direction(self.rule.condition),
            threshold: threshold(self.rule.condition),
            value: observation.value,
            previous_value: previous,
            baseline_value: observation.baseline_value,
            count: observation.count,
            granularity: self.rule.granularity.to_string(),
            window_start: observation.start,
            window_end: observation.end,
            first_window_start,
            model_version: self.key.model_version.clone(),
            slice_key,
            slice_value,
            column_name: self.key.column_name.clone(),
            drift_type: self.key.drift_type.map(str::to_owned),
            owner: self.rule.owner.clone(),
            runbook: self.rule.runbook.clone(),
            run_id: self.present.run_id.to_owned(),
            computed_at: self.present.computed_at.as_microsecond(),
        }
    }
}

fn name(transition: Transition) -> &'static str {
    match transition {
        Transition::First => "first",
        Transition::StillFiring => "still_firing",
        Transition::Resolved => "resolved",
    }
}

/// 32 hex digits that name `parts`; a part cannot run into the next.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn direction(condition: Condition) -> &'static str {
    match condition {
        Condition::Above(_) => "above",
        Condition::Below(_) => "below",
        Condition::Outside(..) => "outside",
        Condition::ChangeFromBaseline(_) => "change_from_baseline",
    }
}

/// The bound in the words of the monitor file.
fn threshold(condition: Condition) -> String {
    match condition {
        Condition::Above(bound) | Condition::Below(bound) => bound.to_string(),
        Condition::Outside(low, high) => format!("{low} to {high}"),
        Condition::ChangeFromBaseline(Change { bound, relative, .. }) => {
            let sign = if bound > 0.0 { "+" } else { "" };
            // 7 % is 0.07, and a hundred times that is not quite 7.
            let percent = (bound * 1e11).round() / 1e9;
            if relative { format!("{sign}{percent}%") } else { format!("{sign}{bound}") }
        }
    }
}

#[cfg(test)]
mod tests;
