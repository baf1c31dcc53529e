//! Sampling errors: how much a measure would differ between windows of as many rows, were they drawn from the baseline.
//!
//! **Formula** `σ / √(n · w)`: the standard deviation of what a row of the baseline contributes, among rows that contribute at
//! all, which are a share `w` of rows, for a window of `n`. A contribution is 1 or 0: of accuracy whether the row is predicted
//! right, of precision, recall and specificity the same among those predicted so, of the class, of the other. Of F1 it is 1 of a hit and 0
//! of a mistake, by `(TP + (FP + FN) / 2) / (TP + FP + FN)`; of the ROC area the share of rows of the more frequent class that a row of the
//! rarer one is on the right side of, ties counting half. Of the average precision it is `√(AP (1 − AP) / (n · w))`.
//! **Source** NannyML 0.13, whose area takes tied rows in the order in which they come, and whose average precision is resampled
//! at random; for that, Boyd, Eng & Page (2013), LNCS 8190, 451–466.

use std::collections::BTreeMap;

use crate::profile::classification::{ScoredAs, Scores};
use crate::profile::distribution::Place;

/// Standard errors of a window of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SamplingErrors {
    of_one: BTreeMap<&'static str, f64>,
}

impl SamplingErrors {
    /// Those of labelled rows of this average precision, which `places` have in the order of scores, the positive class beside
    /// the other.
    pub fn of(scores: &Scores, places: &[Place], average_precision: f64) -> Self {
        let count = |is_positive, said_positive| {
            scores.count(ScoredAs { is_positive: Some(is_positive), said_positive }) as f64
        };
        let (hits, misses) = (count(true, true), count(true, false));
        let (alarms, rests) = (count(false, true), count(false, false));
        let all = hits + misses + alarms + rests;
        // Of `whole` rows `part` contribute 1.
        let deviation = |part: f64, whole: f64| ((part / whole) * (1.0 - part / whole)).sqrt();
        let share = |part: f64, whole: f64| deviation(part, whole) / (whole / all).sqrt();
        let concerned = hits + alarms + misses;
        let f1 = share(hits, concerned) * concerned / (hits + 0.5 * (alarms + misses));
        let errors = [
            ("estimated_accuracy_score", share(hits + rests, all)),
            ("estimated_precision", share(hits, hits + alarms)),
            ("estimated_recall", share(hits, hits + misses)),
            ("estimated_specificity", share(rests, rests + alarms)),
            ("estimated_f1_score", f1),
            ("estimated_roc_auc_score", area(places)),
            ("estimated_average_precision_score", share(average_precision * (hits + misses), hits + misses)),
        ];
        Self { of_one: errors.into_iter().filter(|(_, error)| error.is_finite()).collect() }
    }

    /// Those of a window of so many rows, by the measure's column; one that the baseline has no rows for is left out.
    pub fn of_rows(&self, rows: u64) -> BTreeMap<&'static str, f64> {
        self.of_one.iter().map(|(name, error)| (*name, error / (rows as f64).sqrt())).collect()
    }
}

/// That of the area, by the rarer class.
fn area(places: &[Place]) -> f64 {
    let (ups, downs) = sums(places);
    let by_positives: Vec<(u64, u64)> = match ups <= downs {
        true => places.iter().map(|place| place.counts).collect(),
        // From the other end and with the classes exchanged it is the same curve.
        false => places.iter().rev().map(|place| (place.counts.1, place.counts.0)).collect(),
    };
    let (rare, other) = (ups.min(downs), ups.max(downs));
    let mut below = 0.0;
    let (mut sum, mut squares) = (0.0, 0.0);
    let shares = by_positives.into_iter().map(|(rows, others)| {
        let share = (below + others as f64 / 2.0) / other;
        below += others as f64;
        (rows as f64, share)
    });
    let shares: Vec<(f64, f64)> = shares.collect();
    shares.iter().for_each(|(rows, share)| sum += rows * share);
    let mean = sum / rare;
    shares.iter().for_each(|(rows, share)| squares += rows * (share - mean).powi(2));
    (squares / rare).sqrt() / (rare / (rare + other)).sqrt()
}

/// Rows of the positive class, and of the other.
fn sums(places: &[Place]) -> (f64, f64) {
    places.iter().fold((0.0, 0.0), |(ups, downs), Place { counts: (positives, negatives), .. }| {
        (ups + *positives as f64, downs + *negatives as f64)
    })
}
