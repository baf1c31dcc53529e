#![allow(clippy::panic, clippy::unwrap_used)]
mod significance;
mod unjudged;

use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::follow::threshold;
use super::*;
use crate::config::{Change, Condition, Settings, load};
use crate::profile::row::WindowStruct;
use crate::scope::{Scope, Scopes, Windows};
use crate::window::Window;

/// A monitor with these rules, as a file would make it.
fn monitor(rules: &str) -> Monitor {
    let model =
        "model_id_col: version, prediction_col: predicted, label_col: left, problem_type: classification";
    monitor_of(model, rules)
}

fn monitor_of(inference: &str, rules: &str) -> Monitor {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("churn.yaml");
    let text = format!(
        "monitor: churn
owner: risk-team
inference: {{ table: inference, timestamp_col: at, {inference} }}
baseline: {{ table: training }}
granularities: [1 day, 1 week]
lateness: 1 day
slicing_exprs: [region]
output: {{ uri: metrics }}
alerts:
{rules}"
    );
    std::fs::write(&file, text).unwrap();
    load(&file, &Settings::default()).unwrap()
}

const PSI: &str = "- { rule: drift, metric: population_stability_index, above: 0.2, min_count: 100 }";

/// The `n`-th day of May, as a window.
fn day(n: i8) -> WindowStruct {
    let midnight = |n: i8| date(2026, 5, n).to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond();
    WindowStruct { start: midnight(n), end: midnight(n + 1) }
}

fn may(n: i8) -> Timestamp {
    Timestamp::from_microsecond(day(n).start).unwrap()
}

/// What most rows of these tests have in common; each test changes what it is about.
fn psi(n: i8, value: impl Into<Option<f64>>) -> DriftRow {
    let value = value.into();
    DriftRow {
        window: day(n),
        granularity: "1 day".to_owned(),
        model_version: "7".to_owned(),
        column_name: "age".to_owned(),
        data_type: Some("double".to_owned()),
        drift_type: "BASELINE",
        population_stability_index: value,
        count_current: 1000,
        count_cmp: 5000,
        row_count: 1000,
        row_count_cmp: 5000,
        window_start: day(n).start,
        window_end: day(n).end,
        baseline_model_version: Some("7".to_owned()),
        reason: value.is_none().then(|| "the window has no finite value".to_owned()),
        ..DriftRow::default()
    }
}

/// A `:table` row with an accuracy; `n` is `None` for the baseline's.
fn accuracy(n: Option<i8>, version: &str, value: impl Into<Option<f64>>) -> ProfileRow {
    let value = value.into();
    ProfileRow {
        window: n.map(day),
        log_type: if n.is_some() { "INPUT" } else { "BASELINE" },
        granularity: n.map(|_| "1 day".to_owned()),
        model_version: version.to_owned(),
        column_name: ":table".to_owned(),
        accuracy_score: value,
        label_count: Some(500),
        row_count: 1000,
        window_start: n.map(|n| day(n).start),
        window_end: n.map(|n| day(n).end),
        reason: value.is_none().then(|| "no row has a label yet".to_owned()),
        ..ProfileRow::default()
    }
}

/// A run on this day of June, when every window of these tests is complete.
fn june(run_id: &str) -> Present<'_> {
    let at = date(2026, 6, 10).to_zoned(TimeZone::UTC).unwrap().timestamp();
    Present { as_of: at, run_id, computed_at: at, is_newest: true }
}

/// What comes of all rows at once.
fn judged(
    monitor: &Monitor,
    profile: &[ProfileRow],
    drift: &[DriftRow],
    recorded: &Recorded,
    present: Present<'_>,
) -> Evaluation {
    let all = Past::of(monitor, present.as_of, &Scopes::default());
    let mut judging = Judging::new(monitor, recorded, present, all, LearnedBounds::default());
    let importance = BTreeMap::new();
    let mut families = Families::new(monitor.label().map(|label| label.column.as_str()), &importance);
    let first = families.note(drift);
    judging.judge(profile, drift, first);
    families.close();
    judging.finish(&families)
}

fn drifted(monitor: &Monitor, rows: &[DriftRow]) -> Evaluation {
    judged(monitor, &[], rows, &Recorded::default(), june("run"))
}

/// An event as `day transition value`.
fn told(event: &Event) -> String {
    let day = (event.window_start - day(1).start) / 86_400_000_000 + 1;
    let value = event.value.map_or("NULL".to_owned(), |value| value.to_string());
    format!("{day} {} {value}", event.transition)
}

#[track_caller]
fn check_rows(rules: &str, rows: &[DriftRow], expected: &[&str]) -> Evaluation {
    let evaluation = drifted(&monitor(rules), rows);
    let events: Vec<_> = evaluation.events.iter().map(told).collect();
    assert_eq!(events, expected);
    evaluation
}

/// One series of PSI, from the first of May on.
#[track_caller]
fn check(rules: &str, values: &[f64], expected: &[&str]) -> Evaluation {
    let rows: Vec<_> = (1..).zip(values).map(|(n, value)| psi(n, *value)).collect();
    check_rows(rules, &rows, expected)
}

#[test]
fn an_alert_begins_goes_on_ends_and_begins_again() {
    let values = [0.1, 0.3, 0.4, 0.1, 0.1, 0.5];
    let evaluation =
        check(PSI, &values, &["2 first 0.3", "3 still_firing 0.4", "4 resolved 0.1", "6 first 0.5"]);
    let [begun, going_on, ended, again] = &evaluation.events[..] else { panic!("four events") };
    assert_eq!((begun.state, ended.state), (State::Firing, State::Resolved));
    for event in [begun, going_on, ended] {
        assert_eq!((event.first_window_start, &event.alert_id), (day(2).start, &begun.alert_id));
    }
    assert_eq!((again.first_window_start, again.previous_value), (day(6).start, Some(0.1)));
    assert_eq!(evaluation.firing, std::slice::from_ref(again));
}

#[test]
fn quiet_series_have_no_events() {
    let evaluation = check(PSI, &[0.1, 0.2, 0.0], &[]);
    assert!(evaluation.firing.is_empty() && evaluation.unjudged.is_empty());
}

#[test]
fn conditions_hold_beyond_the_bound_and_not_at_it() {
    let rule =
        |condition: &str| format!("- {{ rule: drift, metric: population_stability_index, {condition} }}");
    check(&rule("above: 0.2"), &[0.2, 0.200001], &["2 first 0.200001"]);
    check(&rule("below: 0.2"), &[0.2, 0.199999], &["2 first 0.199999"]);
    check(&rule("outside: [0.1, 0.2]"), &[0.1, 0.2, 0.05, 0.3], &["3 first 0.05", "4 still_firing 0.3"]);
}

#[test]
fn n_of_m_waits_for_n_violations_among_m_windows() {
    let rule = |hold: &str| {
        format!("- {{ rule: drift, metric: population_stability_index, above: 0.2, for: {hold} }}")
    };
    check(&rule("2 of 3"), &[0.3, 0.1, 0.3, 0.1, 0.1], &["3 first 0.3", "4 resolved 0.1"]);
    // M windows need not have passed.
    check(&rule("2 of 3"), &[0.3, 0.4], &["2 first 0.4"]);
    check(&rule("3 of 3"), &[0.3, 0.3, 0.1, 0.3, 0.3, 0.3], &["6 first 0.3"]);
    // It goes on while the violation is among the last M.
    check(
        &rule("1 of 3"),
        &[0.3, 0.1, 0.0, 0.1],
        &["1 first 0.3", "2 still_firing 0.1", "3 still_firing 0", "4 resolved 0.1"],
    );
}

#[test]
fn windows_that_may_still_receive_rows_wait() {
    let rows = [psi(1, 0.3), psi(2, 0.4), psi(3, 0.1)];
    let events = |rules: &str, as_of: Timestamp| -> Vec<String> {
        let present = Present { as_of, ..june("run") };
        let evaluation = judged(&monitor(rules), &[], &rows, &Recorded::default(), present);
        evaluation.events.iter().map(told).collect()
    };
    // With a lateness of one day the first is complete when the third begins, and not a moment before.
    let moment = jiff::SignedDuration::from_micros(1);
    assert_eq!(events(PSI, may(3) - moment), Vec::<String>::new());
    assert_eq!(events(PSI, may(3)), ["1 first 0.3"]);
    assert_eq!(events(PSI, may(5)), ["1 first 0.3", "2 still_firing 0.4", "3 resolved 0.1"]);
    let eager = "- { rule: drift, metric: population_stability_index, above: 0.2, provisional: true }";
    assert_eq!(events(eager, may(3)), ["1 first 0.3", "2 still_firing 0.4", "3 resolved 0.1"]);
}

#[test]
fn changes_are_measured_from_the_baseline() {
    #[track_caller]
    fn check(change: &str, baseline: f64, value: f64, fires: bool) {
        let rules =
            format!("- {{ rule: quality, metric: accuracy_score, change_from_baseline: {{ {change} }} }}");
        let rows = [accuracy(None, "7", baseline), accuracy(Some(1), "7", value)];
        let evaluation = judged(&monitor(&rules), &rows, &[], &Recorded::default(), june("run"));
        assert_eq!(!evaluation.events.is_empty(), fires, "{change}, {baseline} to {value}");
        for event in &evaluation.events {
            assert_eq!((event.baseline_value, event.drift_type.as_deref()), (Some(baseline), None));
            assert_eq!((event.direction, event.count), (Direction::ChangeFromBaseline, 500));
        }
    }
    // Relative: a tenth of 0.8 is 0.08.
    check("below: -10%", 0.8, 0.71, true);
    check("below: -10%", 0.8, 0.73, false);
    check("below: -10%", 0.8, 0.95, false);
    check("above: 10%", 0.8, 0.89, true);
    check("above: 10%", 0.8, 0.87, false);
    check("above: 10%", 0.8, 0.1, false);
    // In the metric's own unit.
    check("below: -0.1", 0.8, 0.69, true);
    check("below: -0.1", 0.8, 0.71, false);
    check("above: 0.1", 0.8, 0.91, true);
    check("above: 0.1", 0.8, 0.89, false);
    // Of a negative value a rise is a rise.
    check("above: 10%", -2.0, -1.7, true);
    check("above: 10%", -2.0, -2.3, false);
    check("below: -10%", -2.0, -2.3, true);
}

#[test]
fn a_version_without_a_baseline_of_its_own_is_compared_with_that_of_all() {
    let rules = "- { rule: quality, metric: accuracy_score, change_from_baseline: { below: -0.05 } }";
    let rows = [
        accuracy(None, "*", 0.9),
        accuracy(None, "7", 0.7),
        accuracy(Some(1), "7", 0.72),
        accuracy(Some(1), "8", 0.72),
    ];
    let evaluation = judged(&monitor(rules), &rows, &[], &Recorded::default(), june("run"));
    let told: Vec<_> =
        evaluation.events.iter().map(|event| (event.model_version.as_str(), event.baseline_value)).collect();
    assert_eq!(told, [("8", Some(0.9))]);
}

/// Which series a rule looks at, as `version slice column comparison granularity`.
#[track_caller]
fn check_series(inference: &str, rule: &str, expected: &[&str]) {
    let key = |version: &str| DriftRow { model_version: version.to_owned(), ..psi(1, 0.9) };
    let slice = |value: &str| DriftRow {
        slice_key: Some("region".to_owned()),
        slice_value: Some(value.to_owned()),
        ..psi(1, 0.9)
    };
    let rows = [
        key("*"),
        key("7"),
        key("8"),
        slice("north"),
        slice("south"),
        DriftRow { column_name: "income".to_owned(), ..psi(1, 0.9) },
        DriftRow { drift_type: "CONSECUTIVE", ..psi(1, 0.9) },
        DriftRow { granularity: "1 week".to_owned(), ..psi(1, 0.9) },
    ];
    let rules = format!("- {{ rule: drift, metric: population_stability_index, above: 0.2{rule} }}");
    let evaluation = drifted(&monitor_of(inference, &rules), &rows);
    let mut series: Vec<_> = evaluation
        .events
        .iter()
        .map(|event| {
            let slice = event.slice_value.as_deref().unwrap_or("-");
            let comparison = event.drift_type.as_deref().unwrap_or("-");
            format!(
                "{} {slice} {} {comparison} {}",
                event.model_version, event.column_name, event.granularity
            )
        })
        .collect();
    series.sort_unstable();
    assert_eq!(series, expected);
    let ids: BTreeSet<_> = evaluation.events.iter().map(|event| &event.alert_id).collect();
    assert_eq!(ids.len(), expected.len(), "each series is an alert of its own");
}

#[test]
fn rules_look_at_each_version_by_itself_unsliced_against_the_baseline_in_the_finest_windows() {
    let versions = "model_id_col: version";
    check_series(
        versions,
        "",
        &["7 - age BASELINE 1 day", "7 - income BASELINE 1 day", "8 - age BASELINE 1 day"],
    );
    check_series(versions, ", model_versions: ['*']", &["* - age BASELINE 1 day"]);
    check_series(versions, ", model_versions: ['8', '9']", &["8 - age BASELINE 1 day"]);
    check_series(versions, ", columns: [income]", &["7 - income BASELINE 1 day"]);
    check_series(
        versions,
        ", slices: [region]",
        &["7 north age BASELINE 1 day", "7 south age BASELINE 1 day"],
    );
    check_series(versions, ", comparison: CONSECUTIVE", &["7 - age CONSECUTIVE 1 day"]);
    check_series(versions, ", granularity: 1 week", &["7 - age BASELINE 1 week"]);
}

#[test]
fn a_table_without_versions_is_watched_as_a_whole() {
    let without = "request_id_col: id";
    check_series(
        without,
        "",
        &[
            "* - age BASELINE 1 day",
            "7 - age BASELINE 1 day",
            "7 - income BASELINE 1 day",
            "8 - age BASELINE 1 day",
        ],
    );
}

/// The runs of one monitor, one after another, with what they leave in the `alerts` table.
struct History {
    monitor: Monitor,
    recorded: Recorded,
    event_ids: BTreeSet<String>,
    runs: usize,
    /// Whether runs look back, at older rows.
    looks_back: bool,
}

impl History {
    fn new() -> Self {
        Self::of(PSI)
    }

    fn of(rules: &str) -> Self {
        Self {
            monitor: monitor(rules),
            recorded: Recorded::default(),
            event_ids: BTreeSet::new(),
            runs: 0,
            looks_back: false,
        }
    }

    /// A run that finds these values, from the first of May on, and what it records.
    fn run(&mut self, values: &[f64]) -> Vec<String> {
        let values: Vec<_> = values.iter().map(|value| Some(*value)).collect();
        self.run_with_gaps(&values)
    }

    /// The same, where the alert's model version has no rows on some days. Another version has rows on all.
    fn run_with_gaps(&mut self, values: &[Option<f64>]) -> Vec<String> {
        self.runs += 1;
        let run_id = format!("run {}", self.runs);
        let mut profile = Vec::new();
        let mut drift = Vec::new();
        for (n, value) in (1..).zip(values) {
            profile.push(age(n, "8"));
            if let Some(value) = value {
                profile.push(age(n, "7"));
                drift.push(psi(n, *value));
            }
        }
        let evaluation = judged(
            &self.monitor,
            &profile,
            &drift,
            &self.recorded,
            Present { is_newest: !self.looks_back, ..june(&run_id) },
        );
        let before = self.recorded.last.values().any(|event| event.state == State::Firing);
        self.record(&evaluation.events);
        let firing = self.recorded.last.values().any(|event| event.state == State::Firing);
        if !self.looks_back {
            assert_eq!(firing, !evaluation.firing.is_empty(), "the record says what is");
            let anew = judged(&self.monitor, &profile, &drift, &Recorded::default(), june("anew"));
            assert_eq!(firing, !anew.firing.is_empty(), "as if nothing had been recorded");
        }
        let turns = evaluation.events.iter().filter(|event| event.transition != Transition::StillFiring);
        let ends = turns.fold(before, |on, event| {
            assert_ne!(on, event.state == State::Firing, "each event continues the record");
            !on
        });
        assert_eq!(ends, firing);
        evaluation.events.iter().map(told).collect()
    }

    fn record(&mut self, events: &[Event]) {
        for event in events {
            assert!(self.event_ids.insert(event.event_id.clone()), "{} is recorded twice", told(event));
            self.recorded.last.insert(event.alert_id.clone(), event.clone());
            let until = self.recorded.told_until.entry(event.alert_id.clone()).or_insert(event.window_start);
            *until = event.window_start.max(*until);
        }
    }
}

/// The profile of the watched column on the `n`-th of May.
fn age(n: i8, version: &str) -> ProfileRow {
    ProfileRow { column_name: "age".to_owned(), ..accuracy(Some(n), version, None) }
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_is_recorded_is_not_told_again() {
    let mut history = History::new();
    assert_eq!(history.run(&[0.1, 0.3, 0.4]), ["2 first 0.3", "3 still_firing 0.4"]);
    assert_eq!(history.run(&[0.1, 0.3, 0.4]), NOTHING);
    assert_eq!(history.run(&[0.1, 0.3, 0.4, 0.1]), ["4 resolved 0.1"]);
    assert_eq!(history.run(&[0.1, 0.3, 0.4, 0.1]), NOTHING);
}

#[test]
fn events_are_in_the_order_of_runs_whatever_the_clock_says() {
    let mut history = History::new();
    let mut last = 0;
    for values in [[0.1, 0.3], [0.1, 0.1], [0.1, 0.4]] {
        // The clock stands still.
        assert!(!history.run(&values).is_empty());
        let computed_at = history.recorded.last.values().map(|event| event.computed_at).max().unwrap();
        assert!(computed_at > last, "{computed_at} after {last}");
        last = computed_at;
    }
}

#[test]
fn an_alert_that_never_was_is_resolved_once() {
    let mut history = History::new();
    assert_eq!(history.run(&[0.1, 0.3, 0.4]), ["2 first 0.3", "3 still_firing 0.4"]);
    assert_eq!(history.run(&[0.1, 0.1, 0.1]), ["3 resolved 0.1"]);
    assert_eq!(history.run(&[0.1, 0.1, 0.1]), NOTHING);
    assert_eq!(history.run(&[0.1, 0.1, 0.1, 0.1]), NOTHING);
}

#[test]
fn an_alert_that_was_after_all_is_on_again() {
    let mut history = History::new();
    history.run(&[0.1, 0.3]);
    history.run(&[0.1, 0.1]);
    // It was told as resolved, so that it fires is news.
    assert_eq!(history.run(&[0.1, 0.3, 0.3]), ["3 first 0.3"]);
    assert_eq!(history.run(&[0.1, 0.3, 0.3]), NOTHING);
    history.run(&[0.1, 0.1, 0.1]);
    // Both windows were told about before; that they fire once more was not.
    assert_eq!(history.run(&[0.1, 0.3, 0.3]), ["3 first 0.3"]);
    assert_eq!(history.run(&[0.1, 0.3, 0.3]), NOTHING);
}

#[test]
fn an_alert_that_ended_earlier_is_resolved_in_the_newest_window() {
    let mut history = History::new();
    history.run(&[0.3, 0.3, 0.3]);
    assert_eq!(history.run(&[0.3, 0.1, 0.1]), ["3 resolved 0.1"]);
    assert_eq!(history.run(&[0.3, 0.1, 0.1]), NOTHING);
}

#[test]
fn a_restated_past_that_ends_the_same_is_not_told() {
    let mut history = History::new();
    history.run(&[0.3, 0.3, 0.3, 0.3]);
    assert_eq!(history.run(&[0.3, 0.1, 0.1, 0.3]), NOTHING);
    assert_eq!(history.run(&[0.1, 0.3, 0.1, 0.3, 0.3]), ["5 still_firing 0.3"]);
    history.run(&[0.1; 6]);
    assert_eq!(history.run(&[0.3, 0.3, 0.1, 0.1, 0.1, 0.1]), NOTHING);
}

#[test]
fn a_run_that_looks_back_changes_nothing() {
    let mut history = History { looks_back: true, ..History::new() };
    history.run(&[0.1, 0.3, 0.3, 0.1]);
    assert_eq!(history.run(&[0.1, 0.3, 0.3]), NOTHING);
    assert_eq!(history.run(&[0.1, 0.3]), NOTHING);
    history.run(&[0.1, 0.3, 0.3, 0.1, 0.3]);
    assert_eq!(history.run(&[0.1]), NOTHING);
    assert_eq!(history.run(&[]), NOTHING);
}

#[test]
fn where_the_newest_rows_are_gone_what_is_left_decides() {
    let mut history = History::new();
    history.run(&[0.1, 0.3, 0.3]);
    assert_eq!(history.run(&[0.1, 0.3]), NOTHING, "it is on still");
    assert_eq!(history.run(&[0.1]), ["3 no_data NULL"]);
    assert_eq!(history.run(&[0.1]), NOTHING);
    assert_eq!(history.run(&[0.1, 0.1, 0.1, 0.3]), ["4 first 0.3"]);
    assert_eq!(history.run(&[]), ["4 no_data NULL"]);
    assert_eq!(history.run(&[0.1, 0.3]), ["2 first 0.3"], "it is on again");
    assert_eq!(history.run(&[0.1, 0.3]), NOTHING);
    assert_eq!(history.run(&[0.1, 0.3, 0.1, 0.3]), ["3 resolved 0.1", "4 first 0.3"], "once more");
}

/// The window that the record tells of is gone, but others have come that have ended the alert.
#[test]
fn what_came_in_place_of_rows_that_are_gone_ends_an_alert() {
    let mut history =
        History::of("- { rule: drift, metric: population_stability_index, above: 0.2, for: 2 of 3 }");
    assert_eq!(
        history.run(&[0.3, 0.3, 0.3, 0.3, 0.1]),
        ["2 first 0.3", "3 still_firing 0.3", "4 still_firing 0.3", "5 still_firing 0.1"]
    );
    assert_eq!(history.run(&[0.3, 0.3]), NOTHING, "it is on still");
    assert_eq!(history.run(&[0.3, 0.3, 0.1, 0.1]), ["4 resolved 0.1"]);
    assert_eq!(history.run(&[0.3, 0.3, 0.1, 0.1]), NOTHING);
}

/// Labels come late: the newest windows have none yet, and a run may look at these alone.
#[test]
fn an_alert_stays_on_while_its_metric_has_no_value_yet() {
    let rule = "- { rule: quality, metric: accuracy_score, below: 0.8, min_count: 1 }";
    let mut history = History::of(rule);
    let rows = |days: std::ops::Range<i8>| -> Vec<ProfileRow> {
        days.map(|n| accuracy(Some(n), "7", (n < 3).then_some(0.5))).collect()
    };
    let first = judged(&history.monitor, &rows(1..6), &[], &history.recorded, june("first"));
    assert_eq!(first.events.iter().map(told).collect::<Vec<_>>(), ["1 first 0.5", "2 still_firing 0.5"]);
    history.record(&first.events);
    let later = judged(&history.monitor, &rows(5..9), &[], &history.recorded, june("later"));
    assert_eq!((later.events.len(), later.firing.len()), (0, 1), "{:?}", later.events);
}

#[test]
fn a_series_without_rows_is_over_after_two_windows() {
    let mut history = History::new();
    assert_eq!(history.run_with_gaps(&[Some(0.3), None]), ["1 first 0.3"]);
    assert_eq!(history.run_with_gaps(&[Some(0.3), None, None]), ["3 no_data NULL"]);
    assert_eq!(history.run_with_gaps(&[Some(0.3), None, None, None]), NOTHING);
    let again = [Some(0.3), None, None, None, Some(0.3)];
    assert_eq!(history.run_with_gaps(&again), ["5 first 0.3"]);
    // At once, and after one missing window only, it goes on.
    let gaps = [Some(0.3), None, Some(0.3), None, None, Some(0.1)];
    let at_once = History::new().run_with_gaps(&gaps);
    assert_eq!(at_once, ["1 first 0.3", "3 still_firing 0.3", "5 no_data NULL"]);
}

#[test]
fn a_series_without_rows_is_over_after_as_many_windows_as_the_rule_looks_at() {
    let rule = "- { rule: drift, metric: population_stability_index, above: 0.2, for: 2 of 3 }";
    let mut history = History::of(rule);
    let gone = [Some(0.3), Some(0.3), None, None, None];
    assert_eq!(history.run_with_gaps(&gone[..4]), ["2 first 0.3"]);
    assert_eq!(history.run_with_gaps(&gone), ["5 no_data NULL"]);
    // What it did before it was over does not count after.
    let back: Vec<_> = gone.into_iter().chain([Some(0.3)]).collect();
    assert_eq!(history.run_with_gaps(&back), NOTHING);
}

#[test]
fn a_quiet_series_without_rows_says_nothing() {
    assert_eq!(History::new().run_with_gaps(&[Some(0.1), None, None, None]), NOTHING);
}

#[test]
fn an_alert_whose_rule_is_gone_is_over() {
    let mut history = History::new();
    history.run(&[0.3, 0.3]);
    history.monitor = monitor("- { rule: other, metric: population_stability_index, above: 0.9 }");
    assert_eq!(history.run(&[0.3, 0.3]), ["2 no_data NULL"]);
    assert_eq!(history.run(&[0.3, 0.3]), NOTHING);
    history.monitor = monitor(PSI);
    assert_eq!(history.run(&[0.3, 0.3]), ["2 first 0.3"]);
}

#[test]
fn ids_name_the_transition_and_nothing_else() {
    let events = |rules: &str, value: f64, run_id: &str| {
        let rows = [psi(1, value)];
        let evaluation = judged(&monitor(rules), &[], &rows, &Recorded::default(), june(run_id));
        evaluation.events.into_iter().map(|event| (event.alert_id, event.event_id)).collect::<Vec<_>>()
    };
    let one = events(PSI, 0.3, "run 1");
    // Computed apart from this program: SHA-256 over each part behind its length in eight bytes, the
    // first 32 digits; of the alert the monitor, rule, granularity, version, slice, column and comparison,
    // of the event the alert, transition and start of the window in microseconds.
    assert_eq!(
        one,
        [("759ef6438010a507dfdcbb24d658029e".to_owned(), "9621e7b64afb28ebfca8793c121d185b".to_owned())]
    );
    assert_eq!(events(PSI, 0.9, "run 2"), one);
    let stricter = "- { rule: drift, metric: population_stability_index, above: 0.1, severity: critical }";
    assert_eq!(events(stricter, 0.3, "run 1"), one);
    let renamed = "- { rule: other, metric: population_stability_index, above: 0.2 }";
    assert_ne!(events(renamed, 0.3, "run 1"), one);
}

#[test]
fn events_carry_the_words_of_the_rule() {
    let rules = "- { rule: drift, metric: population_stability_index, above: 0.2, severity: critical, runbook: https://wiki/drift }";
    let evaluation = drifted(&monitor(rules), &[psi(1, 0.1), psi(2, 0.3)]);
    let event = &evaluation.events[0];
    assert_eq!((event.monitor_name.as_str(), event.rule.as_str()), ("churn", "drift"));
    assert_eq!(
        (event.direction, event.threshold.as_str(), event.severity),
        (Direction::Above, "0.2", crate::config::Severity::Critical)
    );
    assert_eq!(
        (event.owner.as_deref(), event.runbook.as_deref()),
        (Some("risk-team"), Some("https://wiki/drift"))
    );
    assert_eq!((event.value, event.previous_value, event.count), (Some(0.3), Some(0.1), 1000));
    assert_eq!((event.window_start, event.window_end), (day(2).start, day(2).end));
}

#[test]
fn thresholds_are_told_in_the_words_of_the_file() {
    let change = |rises, bound, relative| Condition::ChangeFromBaseline(Change { rises, bound, relative });
    let cases = [
        (Condition::Above(0.2), "0.2"),
        (Condition::Below(-3.0), "-3"),
        (Condition::Outside(0.0, 1.5), "0 to 1.5"),
        (change(false, -0.1, true), "-10%"),
        (change(true, 0.07, true), "+7%"),
        (change(true, 0.29, true), "+29%"),
        (change(false, -0.05, false), "-0.05"),
        (change(true, 0.05, false), "+0.05"),
    ];
    for (condition, expected) in cases {
        assert_eq!(threshold(condition), expected);
    }
}

#[test]
fn the_most_urgent_stand_first() {
    let rules = "
- { rule: a, metric: population_stability_index, above: 0.2, severity: info }
- { rule: b, metric: population_stability_index, above: 0.2, severity: critical }
- { rule: c, metric: population_stability_index, above: 0.2 }";
    let evaluation = drifted(&monitor(rules), &[psi(1, 0.3)]);
    let firing: Vec<_> = evaluation.firing.iter().map(|event| event.rule.as_str()).collect();
    assert_eq!(firing, ["b", "c", "a"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Day by day or all at once: the same events.
    #[test]
    fn runs_add_up(values in prop::collection::vec(prop::sample::select(vec![0.1, 0.3]), 1..12)) {
        let at_once = History::new().run(&values);
        let mut daily = History::new();
        let told: Vec<_> = (1..=values.len()).flat_map(|days| daily.run(&values[..days])).collect();
        prop_assert_eq!(told, at_once);
    }

    /// However the past is restated, the record ends with what is (`History::run` asserts that), and is
    /// then at rest.
    #[test]
    fn any_restated_past_is_told_once(
        pasts in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![0.1, 0.3]), 4), 1..8),
    ) {
        let mut history = History::new();
        for values in pasts {
            history.run(&values);
            prop_assert_eq!(history.run(&values), NOTHING);
        }
    }

    /// The same with days without rows, and runs that look at fewer days than those before.
    #[test]
    fn any_past_with_gaps_is_told_once(
        pasts in prop::collection::vec(
            prop::collection::vec(prop::sample::select(vec![Some(0.1), Some(0.3), None]), 1..8),
            1..8,
        ),
    ) {
        let mut history = History::new();
        for values in pasts {
            history.run_with_gaps(&values);
            prop_assert_eq!(history.run_with_gaps(&values), NOTHING);
        }
    }
}

#[test]
fn a_column_that_is_all_null_has_rows_enough() {
    let row = DriftRow { count_current: 0, percent_null_delta: Some(97.0), ..psi(1, None) };
    let rule = "- { rule: nulls, metric: percent_null_delta, above: 20, min_count: 100 }";
    check_rows(rule, &[row], &["1 first 97"]);
}

/// What the watched column has on a day.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rows {
    /// No row, though another model version has some.
    None,
    /// Rows without a value.
    NoValue,
    /// Too few rows to be judged by.
    Few,
    /// A value.
    Value(f64),
}

impl Rows {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::None),
            Just(Self::NoValue),
            Just(Self::Few),
            Just(Self::Value(0.1)),
            Just(Self::Value(0.3))
        ]
    }

    /// The rows of the tables about the `n`-th of May.
    fn of(self, n: i8) -> (Vec<ProfileRow>, Vec<DriftRow>) {
        let mut profile = vec![age(n, "8")];
        let drift = match self {
            Self::None => return (profile, Vec::new()),
            Self::NoValue => psi(n, None),
            Self::Few => DriftRow { count_current: 99, ..psi(n, 0.3) },
            Self::Value(value) => psi(n, value),
        };
        profile.push(age(n, "7"));
        (profile, vec![drift])
    }
}

/// The days from `first` on, with what the watched column has on them.
type Days = BTreeMap<i8, Rows>;

fn window(n: i8) -> Window {
    Window { start: may(n), end: may(n + 1) }
}

/// What a run notes of days that it does not compute, and as far back as it has to.
fn past<'a>(monitor: &'a Monitor, days: &Days, computed: &BTreeSet<i8>) -> Past<'a> {
    let mut windows = Windows::default();
    let granularity = monitor.granularities[0];
    for n in computed {
        windows.insert(granularity, window(*n));
    }
    let scope = Scope::Windows(windows);
    let scopes = Scopes { states: scope.clone(), profile: scope.clone(), drift: scope };
    let mut past = Past::of(monitor, june("run").as_of, &scopes);
    let first = computed.first().copied().unwrap_or(i8::MAX);
    let before = days.range(..first).rev().take(past.horizon(granularity));
    // Where there are no days before, all are known.
    past.note_reach(granularity, before.clone().last().map_or(i64::MIN, |(n, _)| day(*n).start));
    for (n, rows) in before.chain(days.range(first..)).filter(|(n, _)| !computed.contains(n)) {
        let (profile, drift) = rows.of(*n);
        for row in &profile {
            past.note_rows(granularity, (day(*n).start, day(*n).end), &SeriesKey::of_profile(row));
        }
        for row in drift {
            let key = SeriesKey::of_drift(&row);
            let observation = Observation {
                value: row.population_stability_index,
                count: row.count_current,
                count_cmp: row.count_cmp,
                is_absent: false,
                ..Observation::absent(row.window_start, row.window_end)
            };
            past.note(0, &key, observation, row.reason.is_some());
        }
    }
    past
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    /// A run that computes some days, and looks at the others in the tables, ends where one that computes all would.
    #[test]
    fn what_is_looked_up_is_as_good_as_what_is_computed(
        hold in prop::sample::select(vec!["1 of 1", "2 of 2", "1 of 2", "2 of 3"]),
        runs in prop::collection::vec(prop::collection::btree_map(1..30i8, Rows::any(), 1..8), 1..8),
    ) {
        let rule = format!(
            "- {{ rule: drift, metric: population_stability_index, above: 0.2, min_count: 100, for: {hold} }}"
        );
        let mut history = History::of(&rule);
        let mut days = Days::new();
        for (run, changed) in runs.into_iter().enumerate() {
            days.extend(&changed);
            let of = |days: &Days| -> (Vec<ProfileRow>, Vec<DriftRow>) {
                let (profile, drift): (Vec<_>, Vec<_>) = days.iter().map(|(n, rows)| rows.of(*n)).unzip();
                (profile.concat(), drift.concat())
            };
            let run_id = format!("run {run}");
            let present = june(&run_id);
            let (monitor, computed) = (&history.monitor, changed.keys().copied().collect());
            let mut judging = Judging::new(monitor, &history.recorded, present, past(monitor, &days, &computed), LearnedBounds::default());
            let (profile, drift) = of(&changed);
            judging.judge(&profile, &drift, 0);
            let evaluation = judging.finish(&Families::new(None, &BTreeMap::new()));
            history.record(&evaluation.events);
            // An alert stays on while what is left cannot be judged; a run that computes all for the first time knows of none.
            let can_be_judged = days.values().any(|rows| matches!(rows, Rows::Value(_)));
            if !can_be_judged && days.values().any(|rows| !matches!(rows, Rows::None)) {
                continue;
            }
            let (profile, drift) = of(&days);
            let anew = judged(&history.monitor, &profile, &drift, &Recorded::default(), present);
            let firing = |evaluation: &Evaluation| -> Vec<String> {
                evaluation.firing.iter().map(|event| event.alert_id.clone()).collect()
            };
            prop_assert_eq!(firing(&evaluation), firing(&anew), "run {}: {:?}", run, days);
            let recorded = history.recorded.last.values().any(|event| event.state == State::Firing);
            prop_assert_eq!(recorded, !anew.firing.is_empty(), "run {}: {:?}", run, days);
        }
    }
}

/// Of a day on which nothing is known of other days.
fn looked_at<'a>(monitor: &'a Monitor, present: Present<'_>, n: i8, known: std::ops::Range<i8>) -> Past<'a> {
    let mut windows = Windows::default();
    windows.insert(monitor.granularities[0], window(n));
    let scope = Scope::Windows(windows);
    let scopes = Scopes { states: scope.clone(), profile: scope.clone(), drift: scope };
    let mut past = Past::of(monitor, present.as_of, &scopes);
    past.note_reach(monitor.granularities[0], day(known.start).start);
    for n in known {
        past.note_rows(
            monitor.granularities[0],
            (day(n).start, day(n).end),
            &SeriesKey::of_profile(&age(n, "8")),
        );
    }
    past
}

#[test]
fn windows_that_may_still_receive_rows_are_not_looked_back_at() {
    let monitor = monitor(PSI);
    let present = Present { as_of: may(12), ..june("run") };
    let past = looked_at(&monitor, present, 20, 1..20);
    let known = |n: i8| past.known_before(monitor.granularities[0], day(n).start);
    // With a lateness of one day the tenth is the last that is complete.
    assert_eq!((known(5), known(11), known(20)), (4, 10, 10));
}

#[test]
fn what_lies_further_back_than_a_run_looks_is_not_gone() {
    let mut history = History::new();
    assert_eq!(history.run(&[0.3]), ["1 first 0.3"]);
    let profile = [age(20, "8")];
    for (known, expected) in [(5..20, 0), (1..20, 1)] {
        let past = looked_at(&history.monitor, june("later"), 20, known);
        let mut judging =
            Judging::new(&history.monitor, &history.recorded, june("later"), past, LearnedBounds::default());
        judging.judge(&profile, &[], 0);
        let evaluation = judging.finish(&Families::new(None, &BTreeMap::new()));
        assert_eq!((evaluation.events.len(), evaluation.firing.len()), (expected, 1 - expected));
    }
}
