//! How sure the measures of a classifier's probabilities are.

use super::every_class::EveryClass;
use super::probabilities::SureOf;
use super::{ClassificationState, curves, delong};
use crate::profile::distribution::Place;
use crate::profile::interval::Interval;
use crate::profile::reason::Absence;

/// Intervals by name.
type Named = Vec<(String, Option<Interval>)>;

impl ClassificationState {
    /// Intervals of what is measured of probabilities.
    pub(super) fn intervals_of_scores(&self) -> Named {
        let rows = self.probabilities.labelled();
        let mean = |value: Result<f64, Absence>, error: Option<f64>, greatest: f64| {
            Some(Interval::normal(value.ok()?, error?).within(0.0, greatest))
        };
        let brier = self.brier_score_loss();
        // Of every class, two may be wholly wrong.
        let most = if matches!(self.probabilities.sure_of(), SureOf::Positive(_)) { 1.0 } else { 2.0 };
        let calibration = self.expected_calibration_error();
        let of_calibration = calibration.clone().ok().and_then(|value| self.calibration_error(value));
        let mut found = vec![
            (
                "log_loss",
                mean(self.log_loss(), self.probabilities.log_losses.standard_error(rows), f64::INFINITY),
            ),
            ("brier_score_loss", mean(brier, self.probabilities.squared_errors.standard_error(rows), most)),
            ("expected_calibration_error", mean(calibration, of_calibration, 1.0)),
        ];
        match self.probabilities.sure_of() {
            SureOf::Positive(scores) => {
                let places = scores.by_label();
                let area = self.roc_auc_score().ok().and_then(|_| around_area(&places));
                let precision = self.average_precision_score().ok().and_then(|_| around_precision(&places));
                let areas = [("roc_auc_score.macro", area), ("roc_auc_score.weighted", area)];
                found.extend(areas);
                found.push(("average_precision_score", precision));
                named(found)
            }
            SureOf::Both => named(found),
            SureOf::Every(every) => {
                let shares = self.top_k_accuracy_score().map(|_| around_shares(every));
                let areas = self.roc_auc_score().map(|_| around_areas(every));
                named(found)
                    .into_iter()
                    .chain(shares.into_iter().flatten())
                    .chain(areas.into_iter().flatten())
                    .collect()
            }
        }
    }

    /// Standard error of a calibration error.
    fn calibration_error(&self, error: f64) -> Option<f64> {
        let rows = self.probabilities.labelled();
        let mean_square = match self.probabilities.sure_of() {
            SureOf::Positive(_) => self.brier_score_loss().ok(),
            SureOf::Both => None,
            SureOf::Every(every) => every.mean_confidence_error(),
        }?;
        (rows > 1).then(|| ((mean_square - error * error).max(0.0) / (rows - 1) as f64).sqrt())
    }
}

fn named(intervals: Vec<(&str, Option<Interval>)>) -> Named {
    intervals.into_iter().map(|(name, interval)| (name.to_owned(), interval)).collect()
}

fn around_area(places: &[Place]) -> Option<Interval> {
    let area = curves::roc_auc(places).ok()?;
    let error = delong::standard_error(places, area)?;
    Some(Interval::normal(area, error).within(0.0, 1.0))
}

fn around_precision(places: &[Place]) -> Option<Interval> {
    Interval::logit(curves::average_precision(places).ok()?, curves::totals(places).0)
}

/// Of shares of labels that are among the likeliest classes.
fn around_shares(every: &EveryClass) -> Named {
    let share = |(field, k): (&str, usize)| {
        let (hits, rows) = every.top(k);
        (format!("top_k_accuracy_score.{field}"), Interval::wilson(hits, rows))
    };
    [("k2", 2), ("k3", 3), ("k5", 5)].map(share).into()
}

/// Of each class's area, and of means over classes: these are the means of the ends, which are wide enough however the classes'
/// errors go together.
fn around_areas(every: &EveryClass) -> Named {
    let classes = every.classes().unwrap_or_default();
    let scores = classes.into_iter().map(|class| (class, every.of(class)));
    let labelled = scores.filter(|(_, scores)| scores.of_label(true) > 0);
    let labelled: Vec<_> = labelled.map(|(class, scores)| (class, scores.by_label())).collect();
    let areas: Vec<Option<Interval>> = labelled.iter().map(|(_, places)| around_area(places)).collect();
    let precisions: Vec<_> = labelled.iter().map(|(_, places)| around_precision(places)).collect();
    let ones = vec![1; labelled.len()];
    let rows: Vec<u64> = labelled.iter().map(|(_, places)| curves::totals(places).0).collect();
    let one_vs_all = labelled.iter().zip(&areas);
    let one_vs_all =
        one_vs_all.map(|((class, _), area)| (format!("roc_auc_score.one_vs_all.{class}"), *area));
    let means = [
        ("roc_auc_score.macro", mean(&areas, &ones)),
        ("roc_auc_score.weighted", mean(&areas, &rows)),
        ("average_precision_score", mean(&precisions, &ones)),
    ];
    one_vs_all.chain(named(means.into())).collect()
}

/// Weighted means of the ends, if all are there.
fn mean(intervals: &[Option<Interval>], weights: &[u64]) -> Option<Interval> {
    let intervals: Vec<Interval> = intervals.iter().copied().collect::<Option<_>>()?;
    let total: u64 = weights.iter().sum();
    let weighted = |end: fn(&Interval) -> f64| {
        let sum: f64 = intervals.iter().zip(weights).map(|(one, weight)| end(one) * *weight as f64).sum();
        sum / total as f64
    };
    (total > 0).then(|| Interval { low: weighted(|one| one.low), high: weighted(|one| one.high) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::profile::classification::Room;
    use crate::profile::classification::every_class::{Gathered, Row};

    /// An interval of what is not measured would be believed.
    #[test]
    fn an_interval_stands_beside_its_measure_alone() {
        let names = ["Basic", "Plus", "basic"].map(str::to_owned);
        let of_scores = |probabilities: &[(usize, f64)]| {
            let (mut state, mut gathered) = (ClassificationState::default(), Gathered::default());
            gathered.clear(names.len());
            for _ in 0..4 {
                state.add("Basic", "basic", false, 1);
                gathered.add(Row { probabilities, said: 0, label: Some(2) });
            }
            state.probabilities.add_of_every_class(&gathered, &names, &mut Room::default());
            let intervals = state.intervals().unwrap().into_keys();
            let of_scores =
                |name: &String| ["top_k", "roc_auc", "log_loss"].iter().any(|of| name.starts_with(of));
            intervals.filter(of_scores).collect::<Vec<_>>()
        };
        assert!(of_scores(&[(0, 0.75), (1, 0.25)]).is_empty());
        assert_eq!(of_scores(&[(0, 0.75), (2, 0.25)])[0], "log_loss");
    }
}
