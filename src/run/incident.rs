//! What fired in a run, as a person thinks of it: one rule on one column, whatever the model version.

use std::collections::BTreeMap;

use crate::alert::{Evaluation, Event, State};

/// The alerts of one rule on one column and slice, in the events of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Model versions, in order.
    pub model_versions: Vec<String>,
    /// Firing if one of its alerts is; else what its last event says.
    pub state: State,
    /// Start of the first window: of the alerts that are on, else of all. Microseconds.
    pub first_window_start: i64,
    /// End of the last window in which it fired. Microseconds.
    pub last_window_end: i64,
    /// The event with the value that is furthest from the comparison.
    pub worst: Event,
}

/// The incidents of a run: the most urgent first, then the oldest.
pub(super) fn incidents(evaluation: &Evaluation) -> Vec<Incident> {
    let mut grouped: BTreeMap<_, Vec<&Event>> = BTreeMap::new();
    for event in &evaluation.events {
        let slice = event.slice_key.as_ref().zip(event.slice_value.as_ref());
        grouped.entry((&event.rule, &event.column_name, slice)).or_default().push(event);
    }
    let mut incidents: Vec<Incident> =
        grouped.into_values().filter_map(|events| incident(&events, &evaluation.firing)).collect();
    incidents.sort_by(|a, b| {
        let place = |incident: &Incident| (incident.first_window_start, incident.worst.column_name.clone());
        b.worst.severity.cmp(&a.worst.severity).then_with(|| place(a).cmp(&place(b)))
    });
    incidents
}

/// What `events`, in the order of their windows, come to; nothing if none of them fired.
fn incident(events: &[&Event], on: &[Event]) -> Option<Incident> {
    let fired = || events.iter().copied().filter(|event| event.state == State::Firing);
    let distance =
        |event: &Event| event.value.map(|value| (value - event.baseline_value.unwrap_or(0.0)).abs());
    let worst = fired().reduce(|worst, next| if distance(next) > distance(worst) { next } else { worst })?;
    let is_own = |alert: &Event| events.iter().any(|event| event.alert_id == alert.alert_id);
    let on_since = on.iter().filter(|alert| is_own(alert)).map(|alert| alert.first_window_start).min();
    let mut model_versions: Vec<String> = fired().map(|event| event.model_version.clone()).collect();
    model_versions.sort();
    model_versions.dedup();
    Some(Incident {
        model_versions,
        state: if on_since.is_some() { State::Firing } else { events.last()?.state },
        first_window_start: on_since.or_else(|| fired().map(|event| event.first_window_start).min())?,
        last_window_end: fired().map(|event| event.window_end).max()?,
        worst: worst.clone(),
    })
}
