//! Windows that no rule can judge, and what is said of them.
use super::*;

/// Why windows could not be judged, and how many, by one rule.
pub(super) fn whys(evaluation: &Evaluation) -> Vec<(&str, u64)> {
    evaluation.unjudged.iter().map(|((_, why), windows)| (why.as_ref(), *windows)).collect()
}

#[test]
fn windows_that_cannot_be_judged_neither_fire_nor_resolve() {
    let few = |row: DriftRow| DriftRow { count_current: 99, ..row };
    let few_compared = |row: DriftRow| DriftRow { count_cmp: 99, ..row };
    let rows = [
        few(psi(1, 0.9)),
        few_compared(psi(2, 0.9)),
        psi(3, None),
        psi(4, 0.3),
        psi(5, None),
        few(psi(6, 0.1)),
        few_compared(psi(7, 0.1)),
        psi(8, 0.3),
        psi(9, 0.1),
    ];
    let evaluation = check_rows(PSI, &rows, &["4 first 0.3", "8 still_firing 0.3", "9 resolved 0.1"]);
    assert_eq!(whys(&evaluation), [("no value", 2), ("too few rows", 4)]);
    // The value before is the last that there is, whether it could be judged or not.
    assert_eq!(evaluation.events[1].previous_value, Some(0.1));
}

#[test]
fn windows_that_cannot_be_judged_are_none_of_the_m() {
    let rule = "- { rule: drift, metric: population_stability_index, above: 0.2, for: 2 of 2 }";
    check_rows(rule, &[psi(1, 0.3), psi(2, None), psi(3, 0.3)], &["3 first 0.3"]);
}

#[test]
fn a_series_that_never_has_a_value_is_not_of_the_metric() {
    let evaluation = check_rows(PSI, &[psi(1, None), psi(2, None)], &[]);
    assert!(evaluation.unjudged.is_empty());
}

#[test]
fn changes_from_nothing_are_unknown() {
    let rules = "- { rule: quality, metric: accuracy_score, change_from_baseline: { below: -10% } }";
    let unjudged = |rows: &[ProfileRow]| {
        let evaluation = judged(&monitor(rules), rows, &[], &Recorded::default(), june("run"));
        assert!(evaluation.events.is_empty());
        whys(&evaluation).into_iter().map(|(why, windows)| (why.to_owned(), windows)).collect::<Vec<_>>()
    };
    let input = accuracy(Some(1), "7", 0.1);
    assert_eq!(unjudged(std::slice::from_ref(&input)), [("no value in the baseline".to_owned(), 1)]);
    let zero = [accuracy(None, "7", 0.0), input];
    assert_eq!(unjudged(&zero), [("the baseline's value is 0".to_owned(), 1)]);
}

#[test]
fn quality_counts_labelled_rows() {
    let rules = "- { rule: quality, metric: accuracy_score, below: 0.9, min_count: 501 }";
    let rows = [accuracy(Some(1), "7", 0.5), accuracy(Some(2), "7", None)];
    let evaluation = judged(&monitor(rules), &rows, &[], &Recorded::default(), june("run"));
    assert_eq!(whys(&evaluation), [("no value", 1), ("too few rows", 1)]);
}

#[test]
fn quality_that_is_never_measured_is_not_judged_rather_than_fine() {
    let rules = "- { rule: quality, metric: accuracy_score, below: 0.9 }
- { rule: rank, metric: cohen_kappa_score, below: 0.9 }
- { rule: mean, metric: avg, above: 1 }";
    let rows = [accuracy(Some(1), "7", None), accuracy(Some(2), "7", None)];
    let evaluation = judged(&monitor(rules), &rows, &[], &Recorded::default(), june("run"));
    let unjudged: Vec<_> = evaluation
        .unjudged
        .iter()
        .map(|((rule, why), windows)| (rule.as_str(), why.as_ref(), *windows))
        .collect();
    // A table has no mean: that is no lack.
    assert_eq!(unjudged, [("quality", "no value", 2), ("rank", "no value", 2)]);
    assert_eq!((evaluation.judged, evaluation.events.len()), (0, 0));
}

/// What comes of rows of May, where the baseline has these values in April, a window each.
fn learned(rule: &str, baseline: &[f64], rows: &[ProfileRow]) -> Evaluation {
    let monitor = monitor(rule);
    let (recorded, present) = (Recorded::default(), june("run"));
    let all = Past::of(&monitor, present.as_of, &Scopes::default());
    let mut judging = Judging::new(&monitor, &recorded, present, all, LearnedBounds::default());
    let windows: Vec<ProfileRow> =
        (1..).zip(baseline).map(|(n, value)| accuracy(Some(n), "7", *value)).collect();
    judging.learn(&windows, &[]);
    // What is kept for later runs says the same.
    judging.learned = LearnedBounds::of(&monitor, &judging.learned().told());
    judging.judge(rows, &[], 0);
    let importance = BTreeMap::new();
    let mut families = Families::new(monitor.label().map(|label| label.column.as_str()), &importance);
    families.close();
    judging.finish(&families)
}

#[test]
fn a_bound_that_was_learned_says_from_how_many_windows_and_one_that_was_not_how_many_it_takes() {
    let rule = "- { rule: quality, metric: accuracy_score, below: learned }";
    let rows = [accuracy(Some(20), "7", 0.5), accuracy(Some(21), "7", 0.9)];
    let april = [0.9, 0.88, 0.92, 0.9, 0.88, 0.92, 0.9];
    let events = learned(rule, &april, &rows).events;
    let told: Vec<_> = events.iter().map(|event| (told(event), event.learned_windows)).collect();
    assert_eq!(told, [("20 first 0.5".to_owned(), Some(7)), ("21 resolved 0.9".to_owned(), Some(7))]);
    for (known, why) in [
        (6, "6 windows of the baseline have a value, and 7 are needed to learn"),
        (1, "1 window of the baseline has a value, and 7 are needed to learn"),
        (0, "no window of the baseline has a value to learn from"),
    ] {
        let evaluation = learned(rule, &april[..known], &rows);
        assert_eq!((whys(&evaluation), evaluation.events.len()), (vec![(why, 2)], 0));
    }
    let own = "- { rule: quality, metric: accuracy_score, below: 0.8 }";
    assert_eq!(learned(own, &april, &rows).events[0].learned_windows, None);
}
