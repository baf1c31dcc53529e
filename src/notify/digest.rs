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
        !(self.firing.is_empty() && self.resolved.is_empty() && self.passed.is_empty())
    }

    /// The severity to send under: that of the worst alert which began and fires, else of what ended.
    pub fn severity(&self) -> Option<Severity> {
        let of = |items: &[Item<'_>]| items.first().map(|item| item.last.severity);
        of(&self.firing).or_else(|| of(&self.resolved).max(of(&self.passed)))
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
            State::Resolved if fired_before => &mut digest.resolved,
            State::Resolved => &mut digest.passed,
        };
        list.push(item);
    }
    let Digest { firing, resolved, passed, still } = &mut digest;
    for list in [firing, resolved, passed, still] {
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
        .filter_map(|event| Some((badness(event)?, event)))
        .reduce(|worst, next| if next.0 > worst.0 { next } else { worst })?;
    // A resolved alert's last value is a good one; every firing value is worse.
    let is_news = last.state == State::Resolved || badness(last).is_none_or(|last| worst_of_all > last);
    is_news.then_some(worst)
}

/// How bad a value is, on a scale of its own rule; NULL values and rules without a direction have none.
fn badness(event: &Event) -> Option<f64> {
    let value = event.value?;
    match event.direction {
        "above" => Some(value),
        "below" => Some(-value),
        "change_from_baseline" => Some((value - event.baseline_value?).abs()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{day, event};
    use super::*;

    /// One alert's life as letters, a day each: `F` first, `s` still firing, `R` resolved.
    fn life(alert: &str, letters: &str, values: &[f64]) -> Vec<Event> {
        let mut since = day(0) - 86_400_000_000;
        let lived = |(index, (letter, value)): (usize, (char, &f64))| {
            let transition = match letter {
                'F' => Transition::First,
                's' => Transition::StillFiring,
                _ => Transition::Resolved,
            };
            let window_start = day(index as i64);
            if transition == Transition::First {
                since = window_start;
            }
            Event {
                alert_id: alert.to_owned(),
                event_id: format!("{alert}-{index}"),
                transition,
                state: if letter == 'R' { State::Resolved } else { State::Firing },
                value: Some(*value),
                window_start,
                window_end: day(index as i64 + 1),
                first_window_start: since,
                ..event()
            }
        };
        letters.chars().zip(values).enumerate().map(lived).collect()
    }

    fn shape(digest: &Digest<'_>) -> [usize; 4] {
        [digest.firing.len(), digest.resolved.len(), digest.passed.len(), digest.still.len()]
    }

    #[test]
    fn an_alert_stands_in_one_list() {
        let table = [
            ("F", [1, 0, 0, 0]),
            ("Fss", [1, 0, 0, 0]),
            ("FR", [0, 0, 1, 0]),
            ("FRFsR", [0, 0, 1, 0]),
            ("FRFsRF", [1, 0, 0, 0]),
            ("R", [0, 1, 0, 0]),
            ("sR", [0, 1, 0, 0]),
            ("RFR", [0, 1, 0, 0]),
            ("RF", [1, 0, 0, 0]),
            ("s", [0, 0, 0, 1]),
            ("ss", [0, 0, 0, 1]),
            ("", [0, 0, 0, 0]),
        ];
        for (letters, expected) in table {
            let events = life("a", letters, &[0.3; 6]);
            let digest = digest(&events);
            assert_eq!(shape(&digest), expected, "{letters}");
            let is_news = letters.contains(['F', 'R']);
            assert_eq!(digest.is_worth_sending(), is_news, "{letters}");
        }
    }

    #[test]
    fn an_item_has_its_last_value_its_worst_and_when_it_began() {
        let events = life("a", "FsRFss", &[0.3, 9.0, 0.1, 0.4, 0.8, 0.5]);
        let digest = digest(&events);
        let item = digest.firing[0];
        assert_eq!(item.last.value, Some(0.5));
        assert_eq!(item.worst.and_then(|event| event.value), Some(9.0));
        assert_eq!(item.since, day(3));
        assert_eq!(item.times, 2);
    }

    #[test]
    fn the_worst_is_told_when_it_is_not_the_last() {
        let worst = |events: &[Event]| digest(events).firing[0].worst.and_then(|event| event.value);
        assert_eq!(worst(&life("a", "Fs", &[0.3, 0.9])), None);
        assert_eq!(worst(&life("a", "Fs", &[0.9, 0.3])), Some(0.9));
        let mut below = life("a", "Fs", &[0.3, 0.9]);
        below.iter_mut().for_each(|event| event.direction = "below");
        assert_eq!(worst(&below), Some(0.3));
        let mut change = life("a", "Fss", &[0.3, 1.9, 1.2]);
        change.iter_mut().for_each(|event| {
            event.direction = "change_from_baseline";
            event.baseline_value = Some(1.0);
        });
        assert_eq!(worst(&change), Some(1.9));
        let mut outside = life("a", "Fs", &[9.0, 0.3]);
        outside.iter_mut().for_each(|event| event.direction = "outside");
        assert_eq!(worst(&outside), None);
    }

    #[test]
    fn events_may_come_in_any_order() {
        let events = life("a", "FsRFsR", &[0.3, 9.0, 0.1, 0.4, 0.8, 0.1]);
        let backwards: Vec<Event> = events.iter().rev().cloned().collect();
        assert_eq!(digest(&events), digest(&backwards));
    }

    #[test]
    fn lists_go_from_critical_to_info_then_by_rule_and_column() {
        let alert = |id: &str, severity, rule: &str, column: &str| Event {
            alert_id: id.to_owned(),
            severity,
            rule: rule.to_owned(),
            column_name: column.to_owned(),
            ..event()
        };
        let events = [
            alert("1", Severity::Info, "a", "a"),
            alert("2", Severity::Warning, "b", "a"),
            alert("3", Severity::Critical, "z", "z"),
            alert("4", Severity::Warning, "a", "y"),
            alert("5", Severity::Warning, "a", "x"),
        ];
        let digest = digest(&events);
        let ids: Vec<_> = digest.firing.iter().map(|item| item.last.alert_id.as_str()).collect();
        assert_eq!(ids, ["3", "5", "4", "2", "1"]);
        assert_eq!(digest.severity(), Some(Severity::Critical));
    }
}
