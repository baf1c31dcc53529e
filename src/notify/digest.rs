//! What is worth saying about the events of a run.
//!
//! A run may see a long history: over its first sixty days one alert can fire and resolve a dozen times.
//! A person wants its last state, once. [`digest`] is a pure function from events to that; it must not
//! know channels, words or the clock.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::alert::{Event, State, Transition};
use crate::config::Severity;

/// The alerts of a run by what became of them; each alert stands in one list only. Sorted by severity
/// from critical to info, then rule and column.
#[derive(Debug, Default, PartialEq)]
pub struct Digest<'a> {
    /// Began to fire in this run, and fires.
    pub firing: Vec<Item<'a>>,
    /// Fired, and has no data any more.
    pub gone: Vec<Item<'a>>,
    /// Fired before this run, and ceased in it.
    pub resolved: Vec<Item<'a>>,
    /// Began in this run, and ceased in it too.
    pub passed: Vec<Item<'a>>,
    /// Fired before this run, and still does. Context: by itself no reason to send.
    pub still: Vec<Item<'a>>,
}

/// One alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item<'a> {
    /// Its last event: rule, severity, series, window, value, threshold, owner, runbook.
    pub last: &'a Event,
    /// Start of the window in which it last began to fire, in microseconds.
    pub since: i64,
    /// The firing event with the worst value of this run, if another one is worse than `last`.
    pub worst: Option<&'a Event>,
    /// How many times it began to fire in this run.
    pub times: usize,
}

impl Digest<'_> {
    /// Whether there is anything to say: something began or ceased.
    pub fn is_worth_sending(&self) -> bool {
        !(self.firing.is_empty()
            && self.gone.is_empty()
            && self.resolved.is_empty()
            && self.passed.is_empty())
    }

    /// The severity to send under: that of the worst alert which began and fires, else of what ended.
    pub fn severity(&self) -> Option<Severity> {
        let of = |items: &[Item<'_>]| items.first().map(|item| item.last.severity);
        of(&self.firing).or_else(|| of(&self.gone).max(of(&self.resolved)).max(of(&self.passed)))
    }
}

/// Condenses the events of one run.
pub fn digest<'a>(events: impl IntoIterator<Item = &'a Event>) -> Digest<'a> {
    let mut alerts: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        alerts.entry(&event.alert_id).or_default().push(event);
    }
    let mut digest = Digest::default();
    for mut events in alerts.into_values() {
        events.sort_by_key(|event| event.window_start); // Stable: a window's own events keep their order.
        let (Some(&first), Some(&last)) = (events.first(), events.last()) else { continue };
        let times = events.iter().filter(|event| event.transition == Transition::First).count();
        let item = Item { last, since: last.first_window_start, worst: worst(&events, last), times };
        let fired_before = first.transition != Transition::First;
        let is_news = events.iter().any(|event| event.transition != Transition::StillFiring);
        let list = match last.state {
            State::Firing if is_news => &mut digest.firing,
            State::Firing => &mut digest.still,
            State::NoData => &mut digest.gone,
            State::Resolved if fired_before => &mut digest.resolved,
            State::Resolved => &mut digest.passed,
        };
        list.push(item);
    }
    let Digest { firing, gone, resolved, passed, still } = &mut digest;
    for list in [firing, gone, resolved, passed, still] {
        list.sort_by(|a, b| place(a.last).cmp(&place(b.last)));
    }
    digest
}

/// What decides the place in a list; the last part tells any two alerts apart.
fn place(event: &Event) -> impl Ord + '_ {
    let series = (&event.column_name, &event.model_version, &event.slice_key, &event.slice_value);
    (Reverse(event.severity), &event.rule, series, &event.alert_id)
}

fn worst<'a>(events: &[&'a Event], last: &'a Event) -> Option<&'a Event> {
    let firing = events.iter().copied().filter(|event| event.state == State::Firing);
    let (worst_of_all, worst) = firing
        .filter_map(|event| Some((event.badness()?, event)))
        .reduce(|worst, next| if next.0 > worst.0 { next } else { worst })?;
    // An alert that has ended has a good last value or none; every firing value is worse.
    let is_news = last.state != State::Firing || last.badness().is_none_or(|last| worst_of_all > last);
    is_news.then_some(worst)
}
