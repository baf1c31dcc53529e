//! Whether the positive class is one that labels ever are: a name that none has makes every row a negative.
//!
//! Told of a whole run, not of a window: a window in which nothing happened has no positive label, and is
//! none the worse for it.

use std::collections::BTreeSet;

use super::Profiles;
use super::classification::{ClassificationState, SureOf};
use crate::config::{Monitor, Proba};

/// Most classes that are named.
const MAX_NAMED: usize = 5;

/// What is to be said if scores are of a class that no label of the inference table is, or else no label of the
/// baseline. Nothing while no row is labelled, nor for a monitor without scores.
pub fn unseen_positive_class(profiles: &Profiles, monitor: &Monitor) -> Option<String> {
    let prediction = monitor.inference.prediction.as_ref()?;
    if !matches!(prediction.proba, Some(Proba::Column(_))) {
        return None;
    }
    let proba = prediction.proba_columns().next();
    let by_class = |column: &&super::ColumnInfo| ["map", "struct"].contains(&column.data_type.as_str());
    if profiles.columns.iter().filter(by_class).any(|column| Some(&column.name) == proba) {
        return None;
    }
    let baseline = profiles.baseline.iter().filter(|(segment, _)| segment.is_whole());
    let baseline = baseline.filter_map(|(_, group)| group.classification());
    let (table, labels) = negatives(profiles.whole_classifications())
        .map(|labels| ("inference table", labels))
        .or_else(|| negatives(baseline).map(|labels| ("baseline", labels)))?;
    let class = match &prediction.positive_class {
        Some(class) => format!("`{class}`"),
        None => "which is `1` or `true` unless named".to_owned(),
    };
    let are = is_are(&labels);
    Some(format!("no label of the {table} is the positive class, {class}: {are}"))
}

/// The classes that labels are of, if there are labels and none is of the positive class.
fn negatives<'a>(states: impl Iterator<Item = &'a ClassificationState>) -> Option<BTreeSet<&'a str>> {
    let mut labels = BTreeSet::new();
    for state in states {
        // Where every class has a probability, none is the positive one.
        if state.positives > 0 || !matches!(state.probabilities.sure_of(), SureOf::Positive(_)) {
            return None;
        }
        labels.extend(state.labels());
    }
    (!labels.is_empty()).then_some(labels)
}

/// What labels are. One class may well be all that happened; of several, one is likely meant.
fn is_are(labels: &BTreeSet<&str>) -> String {
    let named: Vec<String> = labels.iter().take(MAX_NAMED).map(|label| format!("`{label}`")).collect();
    let named = named.join(", ");
    match labels.len() {
        1 => format!("every label is {named}"),
        2..=MAX_NAMED => format!("labels are {named}; name one of them as `positive_class`"),
        many => {
            let more = many - MAX_NAMED;
            format!("labels are {named} and {more} more; name one of them as `positive_class`")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::config::{Settings, load};
    use crate::contract::ALL_VERSIONS;
    use crate::profile::regression::RegressionState;
    use crate::profile::{Group, QualityState, Segment, Series};
    use crate::window::{Calendar, Granularity};

    fn monitor(inference: &str) -> Monitor {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("churn.yaml");
        let text = format!(
            "monitor: churn
inference: {{ table: inference, timestamp_col: at, label_col: label, {inference} }}
granularities: [1 day]
output: {{ uri: metrics }}
"
        );
        std::fs::write(&file, text).unwrap();
        load(&file, &Settings::default()).unwrap()
    }

    fn group(labels: &[&str], positive: &str) -> Group {
        let mut state = ClassificationState::default();
        labels.iter().for_each(|label| state.add("x", label, *label == positive, 1));
        let quality = Some(QualityState::Classification(state));
        Group::new(labels.len() as u64, Vec::new(), quality)
    }

    fn segment(model_version: &str) -> Segment {
        Segment { model_version: model_version.to_owned(), slice: None }
    }

    /// A day of each of these, and a baseline.
    fn profiles(days: Vec<Group>, baseline: Option<Group>) -> Profiles {
        let calendar = Calendar::new(TimeZone::UTC);
        let day = |n: usize| {
            let noon = format!("2026-05-{:02}T12:00:00Z", n + 1).parse().unwrap();
            calendar.window_of(Granularity::Day, noon).unwrap()
        };
        let days = days.into_iter().enumerate().map(|(n, group)| (day(n), group.into())).collect();
        let series = Series { granularity: Granularity::Day, segment: segment(ALL_VERSIONS) };
        let baseline = baseline.map(|group| (segment(ALL_VERSIONS), group.into())).into_iter().collect();
        let windows = BTreeMap::from([(series, days)]);
        Profiles { has_scores: true, windows, baseline, ..Profiles::of(Vec::new()) }
    }

    #[test]
    fn a_class_that_no_label_is_is_named_with_those_that_are() {
        let scored = "prediction_col: said, prediction_proba_col: score";
        let named = monitor(&format!("{scored}, positive_class: fraud"));
        let unnamed = monitor(scored);
        let of = |days: &[&[&str]], baseline: Option<&[&str]>| {
            let days = days.iter().map(|labels| group(labels, "fraud")).collect();
            profiles(days, baseline.map(|labels| group(labels, "fraud")))
        };
        let cases: [(&Monitor, Profiles, Option<&str>); 9] = [
            (&named, of(&[], None), None),
            (&named, of(&[&[]], None), None),
            (&named, of(&[&["fraud", "legit"]], None), None),
            // A quiet day is no mistake.
            (&named, of(&[&["legit", "legit"], &["fraud"]], None), None),
            (
                &named,
                of(&[&["1", "0"], &["0"]], Some(&["fraud"])),
                Some(
                    "no label of the inference table is the positive class, `fraud`: labels are `0`, `1`; name one of \
                     them as `positive_class`",
                ),
            ),
            (
                &unnamed,
                of(&[&["no", "yes"]], None),
                Some(
                    "no label of the inference table is the positive class, which is `1` or `true` unless named: \
                     labels are `no`, `yes`; name one of them as `positive_class`",
                ),
            ),
            (
                &named,
                of(&[&["legit"]], None),
                Some(
                    "no label of the inference table is the positive class, `fraud`: every label is `legit`",
                ),
            ),
            (
                &named,
                of(&[&[]], Some(&["legit"])),
                Some("no label of the baseline is the positive class, `fraud`: every label is `legit`"),
            ),
            (
                &named,
                of(&[&["a", "b", "c", "d", "e", "f", "g"]], None),
                Some(
                    "no label of the inference table is the positive class, `fraud`: labels are `a`, `b`, `c`, `d`, `e` \
                     and 2 more; name one of them as `positive_class`",
                ),
            ),
        ];
        for (monitor, profiles, expected) in cases {
            assert_eq!(unseen_positive_class(&profiles, monitor).as_deref(), expected);
        }
    }

    #[test]
    fn whole_tables_are_asked_not_versions() {
        let monitor = monitor("prediction_col: said, prediction_proba_col: score");
        let mut profiles = profiles(vec![group(&["0", "1"], "1")], None);
        let day = profiles.windows.values().flat_map(|days| days.keys()).next().copied().unwrap();
        let series = Series { granularity: Granularity::Day, segment: segment("7") };
        profiles.windows.insert(series, BTreeMap::from([(day, group(&["0"], "1").into())]));
        assert_eq!(unseen_positive_class(&profiles, &monitor), None);
    }

    #[test]
    fn without_scores_of_classes_there_is_no_positive_one() {
        let without = monitor("prediction_col: said, problem_type: classification");
        let profiles_of_classes = profiles(vec![group(&["a", "b"], "1")], None);
        assert_eq!(unseen_positive_class(&profiles_of_classes, &without), None);
        let regression = monitor("prediction_col: said, problem_type: regression");
        let mut state = RegressionState::default();
        state.add(1.0, 2.0);
        let quality = Some(QualityState::Regression(state));
        let day = Group::new(1, Vec::new(), quality);
        assert_eq!(unseen_positive_class(&profiles(vec![day], None), &regression), None);
    }
}
