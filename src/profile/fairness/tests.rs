#![allow(clippy::unwrap_used)]
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::frequent_items::LIMIT;
use super::super::oracle::{SAME_NUMBERS, cases, close};
use super::super::text::TextState;
use super::super::{Kind, Series};
use super::*;
use crate::contract::ALL_VERSIONS;
use crate::profile::Subject;
use crate::profile::estimate::Estimators;
use crate::profile::row::{ProfileRow, group_rows};
use crate::window::Calendar;

const KEY: &str = "age < 25";

/// A prediction, and its label if that is known.
type Row<'a> = (&'a str, Option<&'a str>);

fn group(rows: &[Row<'_>], has_labels: bool) -> Group {
    let mut predictions = TextState::default();
    let mut quality = ClassificationState::default();
    for (prediction, label) in rows {
        predictions.add(prediction, 1);
        label.iter().for_each(|label| quality.add(prediction, label, false, 1));
    }
    let quality = has_labels.then_some(QualityState::Classification(quality));
    Group::new(rows.len() as u64, vec![ColumnState::Text(predictions)], quality)
}

fn segment(value: &str) -> Segment {
    let slice = Some(Slice { key: KEY.to_owned(), value: value.to_owned() });
    Segment { model_version: ALL_VERSIONS.to_owned(), slice }
}

fn day() -> (Granularity, Window) {
    let calendar = Calendar::new(TimeZone::UTC);
    let noon = "2026-05-01T12:00:00Z".parse().unwrap();
    (Granularity::Day, calendar.window_of(Granularity::Day, noon).unwrap())
}

/// A window of these slices, in which predictions are a column of this type; the baseline is the same.
fn profiles(slices: Vec<(&str, Group)>, data_type: &str) -> Profiles {
    let (granularity, window) = day();
    let baseline: BTreeMap<Segment, std::sync::Arc<Group>> =
        slices.into_iter().map(|(value, group)| (segment(value), group.into())).collect();
    let series = |segment: &Segment| Series { granularity, segment: segment.clone() };
    let windows = baseline
        .iter()
        .map(|(segment, group)| (series(segment), BTreeMap::from([(window, std::sync::Arc::clone(group))])))
        .collect();
    let prediction = ColumnInfo {
        name: "prediction".to_owned(),
        data_type: data_type.to_owned(),
        kind: Kind::Text,
        role: crate::profile::Role::Prediction,
    };
    let fairness =
        Fairness { predicates: BTreeSet::from([KEY.to_owned()]), prediction_col: "prediction".to_owned() };
    Profiles { fairness: Some(fairness), windows, baseline, ..Profiles::of(vec![prediction]) }
}

/// The row of the table of a slice in the window.
fn row_of(profiles: &Profiles, value: &str) -> ProfileRow {
    row_at(profiles, Some(day()), value)
}

fn row_at(profiles: &Profiles, at: Option<(Granularity, Window)>, value: &str) -> ProfileRow {
    let segment = segment(value);
    let group = profiles.group(at, &segment).unwrap();
    group_rows(profiles, &Estimators::default(), &[Subject::Table], at, &segment, group, 11).swap_remove(0)
}

fn measures(row: &ProfileRow) -> [(&'static str, Option<&ClassDifferences>); 4] {
    [
        ("predictive_parity", row.predictive_parity.as_ref()),
        ("predictive_equality", row.predictive_equality.as_ref()),
        ("equal_opportunity", row.equal_opportunity.as_ref()),
        ("statistical_parity", row.statistical_parity.as_ref()),
    ]
}

const LABELLED: &[Row<'_>] = &[("1", Some("1")), ("0", Some("0")), ("1", Some("0"))];
const AWAITED: &[Row<'_>] = &[("1", None), ("0", None)];

#[track_caller]
fn check(slices: &[(&str, &[Row<'_>])], has_labels: bool, reason: Option<&str>) -> ProfileRow {
    let slices = slices.iter().map(|(value, rows)| (*value, group(rows, has_labels))).collect();
    let row = row_of(&profiles(slices, "string"), "true");
    assert_eq!(row.reason.as_deref(), reason);
    row
}

#[test]
fn groups_are_compared_as_by_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        prediction: Vec<String>,
        label: Vec<Option<String>>,
        protected: Vec<Option<bool>>,
        expected: BTreeMap<String, Option<BTreeMap<String, Option<f64>>>>,
    }

    fn check(case: &Case) {
        let Case { name, prediction, label, protected, expected } = case;
        let of = |side| {
            let rows = prediction.iter().zip(label).zip(protected).filter(|(_, of)| **of == side);
            let rows: Vec<Row<'_>> =
                rows.map(|((prediction, label), _)| (prediction.as_str(), label.as_deref())).collect();
            group(&rows, true)
        };
        let slices = [("true", of(Some(true))), ("false", of(Some(false))), (":null", of(None))];
        let slices: Vec<_> = slices.into_iter().filter(|(_, group)| group.row_count > 0).collect();
        if slices.iter().all(|(value, _)| *value != "true") {
            return;
        }
        let row = row_of(&profiles(slices, "string"), "true");
        for (measure, actual) in measures(&row) {
            let defined = expected[measure].iter().flatten();
            let defined: BTreeMap<&str, f64> =
                defined.filter_map(|(class, value)| Some((class.as_str(), (*value)?))).collect();
            let empty = BTreeMap::new();
            let actual = actual.map(|differences| &differences.one_vs_all);
            assert_eq!(actual.is_none(), defined.is_empty(), "{name}: {measure}");
            let actual = actual.unwrap_or(&empty);
            assert!(actual.keys().eq(defined.keys()), "{name}: {measure}: {actual:?}, not {defined:?}");
            for (class, value) in actual {
                let expected = defined.get(class.as_str()).copied();
                close(name, &format!("{measure} of {class}"), Some(*value), expected, SAME_NUMBERS);
            }
            // What has no value, or lacks a class, is named.
            let is_whole = expected[measure].as_ref().is_some_and(|classes| classes.len() == defined.len());
            let is_explained = row.reason.as_ref().is_some_and(|reason| {
                reason.contains(measure)
                    || (measure != "statistical_parity" && reason.starts_with("no prediction has"))
            });
            assert_eq!(is_explained, !is_whole, "{name}: {measure}: {:?}", row.reason);
        }
    }

    cases(include_str!("../../../tests/oracle/quality_fairness.json"), 21).iter().for_each(check);
}

#[test]
fn what_cannot_be_compared_says_why() {
    check(&[("true", LABELLED), ("false", LABELLED)], true, None);
    check(
        &[("true", LABELLED)],
        true,
        Some(
            "predictive_parity, predictive_equality, equal_opportunity, statistical_parity: there is no row of the \
             unprotected group",
        ),
    );
    check(
        &[("true", LABELLED), ("false", AWAITED)],
        true,
        Some(
            "predictive_parity, predictive_equality, equal_opportunity: no row of the unprotected group is labelled",
        ),
    );
    // The group's own labels are awaited, which is said once; predictions are there.
    let row = check(&[("true", AWAITED), ("false", LABELLED)], true, Some("no prediction has a label yet"));
    assert!(row.statistical_parity.is_some());
    check(
        &[("true", AWAITED)],
        true,
        Some("no prediction has a label yet; statistical_parity: there is no row of the unprotected group"),
    );
    check(&[("true", AWAITED), ("false", AWAITED)], false, None);
    check(
        &[("true", AWAITED), ("false", &[])],
        false,
        Some("statistical_parity: no row of the unprotected group has a prediction"),
    );
    check(
        &[("true", LABELLED), ("false", &[("1", Some("1")), ("2", Some("1"))])],
        true,
        Some(
            "predictive_parity: a group has no labelled row predicted as `0`, `2`; predictive_equality: a group has no \
             labelled row that is not of `1`; equal_opportunity: a group has no labelled row of `0`, `2`",
        ),
    );
}

#[test]
fn nothing_is_compared_but_the_two_sides_of_a_predicate() {
    let all = || {
        vec![
            ("true", group(LABELLED, true)),
            ("false", group(LABELLED, true)),
            (":null", group(AWAITED, true)),
        ]
    };
    let compared = profiles(all(), "string");
    let is_empty = |row: &ProfileRow| measures(row).iter().all(|(_, value)| value.is_none());
    assert!(!is_empty(&row_of(&compared, "true")) && !is_empty(&row_at(&compared, None, "true")));
    assert!(is_empty(&row_of(&compared, "false")) && is_empty(&row_of(&compared, ":null")));
    // A text that is called `true` is no predicate, and a regression predicts no classes.
    let mut texts = profiles(all(), "string");
    texts.fairness.iter_mut().for_each(|fairness| fairness.predicates.clear());
    let mut regression = profiles(all(), "string");
    regression.fairness = None;
    for profiles in [texts, regression] {
        let row = row_of(&profiles, "true");
        assert!(is_empty(&row) && row.reason.is_none(), "{row:?}");
    }
}

#[test]
fn predictions_are_all_counted_or_not_compared() {
    let statistical_parity = |profiles: &Profiles| {
        let row = row_of(profiles, "true");
        let reason = row.reason.unwrap_or_default();
        row.statistical_parity.map(|differences| differences.one_vs_all).ok_or(reason)
    };
    let lacks = |why: &str| Err(format!("statistical_parity: {why}"));
    let both = |data_type: &str| {
        let nan: &[Row<'_>] = &[("NaN", None), ("1", None)];
        profiles(vec![("true", group(nan, false)), ("false", group(AWAITED, false))], data_type)
    };
    // A NaN is no class, unless it is a text.
    assert_eq!(statistical_parity(&both("double")).unwrap(), [("0", -0.5), ("1", 0.5)].map(named).into());
    let expected = [("0", -0.5), ("1", 0.0), ("NaN", 0.5)].map(named).into();
    assert_eq!(statistical_parity(&both("string")).unwrap(), expected);

    let mut hidden = both("string");
    hidden.fairness.iter_mut().for_each(|fairness| "said".clone_into(&mut fairness.prediction_col));
    assert_eq!(statistical_parity(&hidden), lacks("the prediction column is not profiled"));

    let names: Vec<String> = (0..=2 * LIMIT).map(|i| i.to_string()).collect();
    let many: Vec<Row<'_>> = names.iter().map(|name| (name.as_str(), None)).collect();
    let crowded = profiles(vec![("true", group(&many, false)), ("false", group(AWAITED, false))], "string");
    assert_eq!(statistical_parity(&crowded), lacks("predictions are of too many classes to count each"));

    let mut unlike = both("string");
    unlike.gaps.insert("prediction".to_owned(), Gap::Missing);
    assert!(statistical_parity(&unlike).is_ok(), "the gap is one of the baseline");
    let row = row_at(&unlike, None, "true");
    assert_eq!(row.reason.as_deref(), Some("statistical_parity: the baseline does not have the column"));
}

fn named((class, difference): (&str, f64)) -> (String, f64) {
    (class.to_owned(), difference)
}
