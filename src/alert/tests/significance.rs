//! Rules that ask whether chance alone does as much, and rules on what all columns decide together.
use super::unjudged::whys;
use super::*;
use crate::drift::TestResult;
use crate::profile::interval::Interval;

const SURE: &str = "- { rule: drift, metric: effect_size, above: 0.04, significance: 0.01 }";

/// A row of one column on the `n`-th of May.
fn moved(n: i8, column: &str, effect_size: f64, pvalue: f64) -> DriftRow {
    DriftRow {
        column_name: column.to_owned(),
        effect_size: Some(effect_size),
        drift_pvalue: Some(pvalue),
        null_test: Some(TestResult { statistic: 0.0, pvalue: 1.0 }),
        ..psi(n, 0.1)
    }
}

fn table(n: i8) -> DriftRow {
    DriftRow { column_name: ":table".to_owned(), population_stability_index: None, ..psi(n, 0.1) }
}

#[track_caller]
fn check_sure(rules: &str, rows: &[DriftRow], expected: &[&str]) {
    let events = drifted(&monitor(rules), rows).events;
    let events: Vec<String> =
        events.iter().map(|event| format!("{} {}", event.column_name, told(event))).collect();
    assert_eq!(events, expected);
}

#[test]
fn what_is_large_fires_only_if_it_is_no_chance() {
    let rows = [
        moved(1, "age", 0.2, 0.02),
        moved(2, "age", 0.2, 1e-4),
        moved(3, "age", 0.03, 1e-9),
        moved(4, "age", 0.2, 1e-9),
    ];
    check_sure(SURE, &rows, &["age 2 first 0.2", "age 3 resolved 0.03", "age 4 first 0.2"]);
}

#[test]
fn of_many_columns_one_is_moved_by_chance() {
    let others = (0..19).map(|i| moved(1, &format!("c{i}"), 0.05, 0.04 + 0.05 * f64::from(i)));
    let with =
        |pvalue: f64| -> Vec<DriftRow> { others.clone().chain([moved(1, "age", 0.2, pvalue)]).collect() };
    check_sure(SURE, &with(0.004), &[]);
    check_sure(SURE, &with(0.0004), &["age 1 first 0.2"]);
}

#[test]
fn the_label_is_judged_by_itself() {
    let rows = [moved(1, "left", 0.2, 0.009), moved(1, "age", 0.2, 0.5)];
    check_sure(SURE, &rows, &["left 1 first 0.2"]);
}

#[test]
fn nulls_have_a_pvalue_of_their_own() {
    let rules = "- { rule: nulls, metric: percent_null_delta, above: 1, significance: 0.01 }";
    let row = |column: &str, pvalue: f64| DriftRow {
        percent_null_delta: Some(3.0),
        null_test: Some(TestResult { statistic: 9.0, pvalue }),
        ..moved(1, column, 0.2, 1e-9)
    };
    check_sure(rules, &[row("age", 0.02), row("zip", 1e-4)], &["zip 1 first 3"]);
}

#[test]
fn without_a_pvalue_nothing_is_told() {
    let rows = [DriftRow { drift_pvalue: None, ..moved(1, "age", 0.2, 0.0) }];
    let evaluation = drifted(&monitor(SURE), &rows);
    assert_eq!((evaluation.events.len(), whys(&evaluation)), (0, vec![("no p-value", 1)]));
}

#[test]
fn what_all_columns_decide_can_be_watched() {
    let share = "- { rule: share, metric: drift_share, above: 0.4 }";
    let rows = [
        moved(1, "age", 0.2, 1e-9),
        moved(1, "zip", 0.01, 0.9),
        table(1),
        moved(2, "age", 0.01, 0.9),
        moved(2, "zip", 0.01, 0.9),
        table(2),
    ];
    check_sure(share, &rows, &[":table 1 first 0.5", ":table 2 resolved 0"]);
    let adjusted = "- { rule: sure, metric: drift_pvalue_adjusted, below: 0.01 }";
    check_sure(adjusted, &rows, &["age 1 first 0.000000002", "age 2 resolved 0.9"]);
}

const QUALITY: &str =
    "- { rule: quality, metric: accuracy_score, change_from_baseline: { below: -10% }, significance: 0.01 }";

/// An accuracy with the ends of its interval; `n` is `None` for the baseline's.
fn measured(n: Option<i8>, (value, low, high): (f64, f64, f64)) -> ProfileRow {
    let interval = Interval { low, high };
    let confidence_intervals = Some([("accuracy_score".to_owned(), interval)].into());
    ProfileRow { confidence_intervals, ..accuracy(n, "7", value) }
}

#[test]
fn quality_that_may_be_lower_by_chance_does_not_fire() {
    let rows = [
        measured(None, (0.5, 0.48, 0.52)),
        // Far below, of few rows; as far below, of many; a little below, of very many.
        measured(Some(1), (0.42, 0.35, 0.49)),
        measured(Some(2), (0.42, 0.40, 0.44)),
        measured(Some(3), (0.46, 0.459, 0.461)),
        accuracy(Some(4), "7", 0.42),
    ];
    let evaluation = judged(&monitor(QUALITY), &rows, &[], &Recorded::default(), june("run"));
    let told: Vec<String> = evaluation.events.iter().map(told).collect();
    assert_eq!(told, ["2 first 0.42", "3 resolved 0.46"]);
    assert_eq!(whys(&evaluation), [("no p-value", 1)]);
}

#[test]
fn without_intervals_of_the_baseline_nothing_is_sure() {
    let rows = [accuracy(None, "7", 0.5), measured(Some(1), (0.1, 0.09, 0.11))];
    let evaluation = judged(&monitor(QUALITY), &rows, &[], &Recorded::default(), june("run"));
    assert_eq!((evaluation.events.len(), whys(&evaluation)), (0, vec![("no p-value", 1)]));
}
