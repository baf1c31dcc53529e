//! Probabilities of every class.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Estimated, SAME_NUMBERS, cases, close, intervals};
use crate::profile::classification::every_class::{Gathered, Row};
use crate::profile::classification::{ClassificationState, Room};

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: Vec<String>,
    #[serde(flatten)]
    rows: Rows,
    window: Option<Rows>,
    expected: Expected,
    confidence_intervals: BTreeMap<String, [f64; 2]>,
    estimate: Option<Estimated>,
}

#[derive(Deserialize)]
struct Rows {
    prediction: Vec<String>,
    label: Option<Vec<String>>,
    probabilities: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Expected {
    log_loss: f64,
    brier_score_loss: f64,
    expected_calibration_error: f64,
    roc_auc_score: Option<Areas>,
    average_precision_score: f64,
    top_k_accuracy_score: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Areas {
    one_vs_all: BTreeMap<String, f64>,
    #[serde(rename = "macro")]
    macro_mean: f64,
    weighted: f64,
}

/// The state of `rows`. Every other zero is left out, as a map may, but for the label's, whose place would not be known.
fn state(classes: &[String], rows: &Rows) -> ClassificationState {
    let place = |name: &String| classes.iter().position(|class| class == name).unwrap_or_default();
    let (mut state, mut gathered) = (ClassificationState::default(), Gathered::default());
    gathered.clear(classes.len());
    for (row, (said, all)) in rows.prediction.iter().zip(&rows.probabilities).enumerate() {
        let label = rows.label.as_ref().map(|labels| &labels[row]);
        if let Some(label) = label {
            state.add(said, label, false, 1);
        }
        state.note_said(said);
        let is_there = |(class, probability): &(usize, f64)| {
            *probability > 0.0 || (row + class) % 2 == 0 || label.map(place) == Some(*class)
        };
        let probabilities: Vec<(usize, f64)> = all.iter().copied().enumerate().filter(is_there).collect();
        gathered.add(Row { probabilities: &probabilities, said: place(said), label: label.map(place) });
    }
    state.probabilities.add_of_every_class(&gathered, classes, &mut Room::default());
    state.settle();
    state
}

fn check(case: &Case) {
    let Case { name, classes, rows, window, expected, confidence_intervals, estimate } = case;
    let state = state(classes, rows);
    let top = state.top_k_accuracy_score().unwrap();
    let area = state.roc_auc_score().ok();
    let expected_area = expected.roc_auc_score.as_ref();
    for (what, ours, theirs) in [
        ("log_loss", state.log_loss().ok(), Some(expected.log_loss)),
        ("brier_score_loss", state.brier_score_loss().ok(), Some(expected.brier_score_loss)),
        (
            "expected_calibration_error",
            state.expected_calibration_error().ok(),
            Some(expected.expected_calibration_error),
        ),
        (
            "average_precision_score",
            state.average_precision_score().ok(),
            Some(expected.average_precision_score),
        ),
        ("top_k_accuracy_score.k2", Some(top.k2), Some(expected.top_k_accuracy_score["k2"])),
        ("top_k_accuracy_score.k3", Some(top.k3), Some(expected.top_k_accuracy_score["k3"])),
        ("top_k_accuracy_score.k5", Some(top.k5), Some(expected.top_k_accuracy_score["k5"])),
        (
            "roc_auc_score.macro",
            area.as_ref().map(|area| area.macro_mean),
            expected_area.map(|area| area.macro_mean),
        ),
        (
            "roc_auc_score.weighted",
            area.as_ref().map(|area| area.weighted),
            expected_area.map(|area| area.weighted),
        ),
    ] {
        close(name, what, ours, theirs, SAME_NUMBERS);
    }
    if let (Some(ours), Some(theirs)) = (&area, expected_area) {
        assert!(ours.one_vs_all.keys().eq(theirs.one_vs_all.keys()), "{name}");
        for (class, area) in &theirs.one_vs_all {
            close(name, class, Some(ours.one_vs_all[class]), Some(*area), SAME_NUMBERS);
        }
    }
    let mut measured = state.intervals().unwrap();
    // Those of predicted classes are held to the oracle elsewhere.
    let of_probabilities = ["top_k", "log_loss", "brier", "expected", "roc_auc", "average_precision"];
    measured.retain(|measure, _| of_probabilities.iter().any(|prefix| measure.starts_with(prefix)));
    intervals(name, Ok(measured), confidence_intervals);
    if let (Some(window), Some(expected)) = (window, estimate) {
        expected.check(name, &state, &self::state(classes, window));
    }
}

#[test]
fn probabilities_of_every_class_are_measured_as_by_scikit_learn() {
    cases(include_str!("../../../tests/oracle/quality_every_class.json"), 14).iter().for_each(check);
}
