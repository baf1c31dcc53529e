//! What is worth saying about the events of a run.

use secchi::alert::{Direction, Event, Transition};
use secchi::config::Severity;
use secchi::notify::digest::{Digest, digest};

use super::given::{day, event};

/// One alert's life as letters, a day each: `F` first, `s` still firing, `R` resolved, `0` no data.
fn life(alert: &str, letters: &str, values: &[f64]) -> Vec<Event> {
    let mut since = day(0) - 86_400_000_000;
    let lived = |(index, (letter, value)): (usize, (char, &f64))| {
        let transition = match letter {
            'F' => Transition::First,
            's' => Transition::StillFiring,
            '0' => Transition::NoData,
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
            state: transition.state(),
            value: Some(*value),
            window_start,
            window_end: day(index as i64 + 1),
            first_window_start: since,
            ..event()
        }
    };
    letters.chars().zip(values).enumerate().map(lived).collect()
}

fn shape(digest: &Digest<'_>) -> [usize; 5] {
    let Digest { firing, gone, resolved, passed, still } = digest;
    [firing, gone, resolved, passed, still].map(Vec::len)
}

#[test]
fn an_alert_stands_in_one_list() {
    let table = [
        ("F", [1, 0, 0, 0, 0]),
        ("Fss", [1, 0, 0, 0, 0]),
        ("FR", [0, 0, 0, 1, 0]),
        ("FRFsR", [0, 0, 0, 1, 0]),
        ("FRFsRF", [1, 0, 0, 0, 0]),
        ("R", [0, 0, 1, 0, 0]),
        ("sR", [0, 0, 1, 0, 0]),
        ("RFR", [0, 0, 1, 0, 0]),
        ("RF", [1, 0, 0, 0, 0]),
        ("s", [0, 0, 0, 0, 1]),
        ("ss", [0, 0, 0, 0, 1]),
        ("0", [0, 1, 0, 0, 0]),
        ("Fs0", [0, 1, 0, 0, 0]),
        ("F0F", [1, 0, 0, 0, 0]),
        ("", [0, 0, 0, 0, 0]),
    ];
    for (letters, expected) in table {
        let events = life("a", letters, &[0.3; 6]);
        let digest = digest(&events);
        assert_eq!(shape(&digest), expected, "{letters}");
        let is_news = letters.contains(['F', 'R', '0']);
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
    below.iter_mut().for_each(|event| event.direction = Direction::Below);
    assert_eq!(worst(&below), Some(0.3));
    let mut change = life("a", "Fss", &[0.3, 1.9, 1.2]);
    change.iter_mut().for_each(|event| {
        event.direction = Direction::ChangeFromBaseline;
        event.baseline_value = Some(1.0);
    });
    assert_eq!(worst(&change), Some(1.9));
    let mut outside = life("a", "Fs", &[9.0, 0.3]);
    outside.iter_mut().for_each(|event| {
        event.direction = Direction::Outside;
        "0.5 to 5".clone_into(&mut event.threshold);
    });
    assert_eq!(worst(&outside), Some(9.0));
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
