//! What fires or has fired, as a person thinks of it: one rule on one column, whatever the model version.

use std::collections::BTreeMap;

use crate::alert::{Evaluation, Event, State, Transition};

/// Alerts of one rule on one column and slice that are in the same state.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Model versions, in order.
    pub model_versions: Vec<String>,
    /// The state that they are in.
    pub state: State,
    /// Whether anything happened to them in this run; else they fire as before.
    pub is_news: bool,
    /// How many times they began to fire in this run.
    pub times: usize,
    /// Start of the first window in which they fired; of those that are on, since when they are. Microseconds.
    pub first_window_start: i64,
    /// End of the last window in which they fired. Microseconds.
    pub last_window_end: i64,
    /// The worst of the windows between; the last event if none of them is of this run.
    pub worst: Event,
}

/// The incidents of a run: the most urgent first, then the oldest.
pub(super) fn incidents(evaluation: &Evaluation) -> Vec<Incident> {
    let mut alerts: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in &evaluation.events {
        alerts.entry(&event.alert_id).or_default().push(event);
    }
    let on: BTreeMap<&str, &Event> =
        evaluation.firing.iter().map(|event| (event.alert_id.as_str(), event)).collect();
    on.keys().for_each(|alert_id| {
        alerts.entry(alert_id).or_default();
    });
    let before: BTreeMap<&str, &Event> =
        evaluation.fired.iter().map(|event| (event.alert_id.as_str(), event)).collect();
    let mut incidents: BTreeMap<_, Incident> = BTreeMap::new();
    for (alert_id, events) in alerts {
        let (on, before) = (on.get(alert_id).copied(), before.get(alert_id).copied());
        let Some(incident) = of_alert(&events, before, on) else { continue };
        let Event { rule, column_name, slice_key, slice_value, .. } = incident.worst.clone();
        let key = (rule, column_name, slice_key, slice_value, incident.state as u8);
        match incidents.get_mut(&key) {
            Some(known) => join(known, incident),
            None => {
                incidents.insert(key, incident);
            }
        }
    }
    let mut incidents: Vec<Incident> = incidents.into_values().collect();
    incidents.sort_by(|a, b| {
        let place = |incident: &Incident| (incident.first_window_start, incident.worst.column_name.clone());
        b.worst.severity.cmp(&a.worst.severity).then_with(|| place(a).cmp(&place(b)))
    });
    incidents
}

/// What the `events` of one alert come to, in the order of their windows; `before` them it was on by that event, if it was, and
/// `on` is its last if it fires.
fn of_alert(events: &[&Event], before: Option<&Event>, on: Option<&Event>) -> Option<Incident> {
    let last = on.or(events.last().copied())?;
    // Of an alert that fires, what it did before it began to is over.
    let since = on.map_or(i64::MIN, |on| on.first_window_start);
    // One that is over fired before, if not in this run.
    let before = before.filter(|_| on.is_none());
    let fired = || {
        let all = before.into_iter().chain(events.iter().copied());
        all.filter(|event| event.state == State::Firing && event.window_start >= since)
    };
    let worst = fired().reduce(|worst, next| if next.badness() > worst.badness() { next } else { worst });
    Some(Incident {
        model_versions: vec![last.model_version.clone()],
        state: last.state,
        is_news: !events.is_empty(),
        times: events.iter().filter(|event| event.transition == Transition::First).count(),
        first_window_start: fired()
            .map(|event| event.first_window_start)
            .min()
            .unwrap_or(last.first_window_start),
        last_window_end: fired().map(|event| event.window_end).max().unwrap_or(last.window_end),
        worst: worst.unwrap_or(last).clone(),
    })
}

/// Two alerts of the same rule, column, slice and state as one incident.
fn join(known: &mut Incident, other: Incident) {
    known.model_versions.extend(other.model_versions);
    known.model_versions.sort();
    known.is_news |= other.is_news;
    known.times = known.times.max(other.times);
    known.first_window_start = known.first_window_start.min(other.first_window_start);
    known.last_window_end = known.last_window_end.max(other.last_window_end);
    if other.worst.badness() > known.worst.badness() {
        known.worst = other.worst;
    }
}
