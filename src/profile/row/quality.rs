//! Measures of the model's quality, and estimates of it, in the row of a whole table.

use super::ProfileRow;
use crate::profile::classification::{ClassificationState, SureOf};
use crate::profile::estimate::{Estimate, Estimators};
use crate::profile::fairness::{ClassDifferences, Parity, TwoGroups};
use crate::profile::losses::{LossEstimate, LossState};
use crate::profile::reason::{Absence, Reasons};
use crate::profile::regression::RegressionState;
use crate::profile::{Group, QualityState, Segment, percent};

/// The quality to be expected of `group`, if that is estimated.
pub(super) fn estimate(
    estimators: &Estimators,
    segment: &Segment,
    group: &Group,
) -> Option<Result<Estimate, Absence>> {
    let Some(QualityState::Classification(state)) = &group.table.quality else { return None };
    let estimator = estimators.of_segment(segment)?;
    Some(estimator.and_then(|estimator| estimator.estimate(state)))
}

/// With what labels say of predictions.
pub(super) fn quality_row(
    row: ProfileRow,
    quality: &QualityState,
    has_scores: bool,
    reasons: &mut Reasons,
) -> ProfileRow {
    let label_count = quality.count();
    if label_count == 0 {
        let is_awaited = row.window.is_some();
        let yet = "no prediction has a label yet";
        reasons.of_row(Absence::new(if is_awaited { yet } else { "no prediction has a label" }));
    }
    let row = ProfileRow {
        label_count: Some(label_count),
        percent_labelled: percent(label_count, row.row_count),
        ..row
    };
    match quality {
        QualityState::Classification(state) => classification_row(row, state, has_scores, reasons),
        QualityState::Regression(state) => regression_row(row, state, reasons),
    }
}

/// With the errors that are to be expected of predictions of numbers, where the baseline's own are `reference`. `without` says
/// why none are, where they would be.
pub(super) fn expected_errors_row(
    row: ProfileRow,
    losses: Option<&LossState>,
    reference: Option<&RegressionState>,
    without: Option<&Absence>,
    reasons: &mut Reasons,
) -> ProfileRow {
    let estimate = match (losses, reference, without) {
        (Some(losses), Some(reference), _) => losses.estimate(reference),
        (_, _, Some(why)) => Err(why.clone()),
        (Some(_), None, None) => Err(Absence::new("the baseline has no such rows")),
        (None, ..) => return row,
    };
    let mut of = |name, of: fn(&LossEstimate) -> f64| {
        reasons.noted_apart(name, estimate.as_ref().map(of).map_err(Clone::clone))
    };
    let row = ProfileRow {
        estimated_mean_average_error: of("estimated_mean_average_error", |estimate| {
            estimate.mean_average_error
        }),
        estimated_root_mean_squared_error: of("estimated_root_mean_squared_error", |estimate| {
            estimate.root_mean_squared_error
        }),
        ..row
    };
    let errors = estimate.map(|estimate| estimate.sampling_errors);
    ProfileRow { estimated_sampling_errors: reasons.noted_apart("estimated_sampling_errors", errors), ..row }
}

fn classification_row(
    row: ProfileRow,
    state: &ClassificationState,
    has_scores: bool,
    reasons: &mut Reasons,
) -> ProfileRow {
    let row = ProfileRow {
        accuracy_score: reasons.noted("accuracy_score", state.accuracy_score()),
        confusion_matrix: reasons.noted("confusion_matrix", state.confusion_matrix()),
        precision: reasons.noted("precision", state.precision()),
        recall: reasons.noted("recall", state.recall()),
        f1_score: reasons.noted("f1_score", state.f1_score()),
        balanced_accuracy_score: reasons.noted("balanced_accuracy_score", state.balanced_accuracy_score()),
        matthews_corrcoef: reasons.noted("matthews_corrcoef", state.matthews_corrcoef()),
        cohen_kappa_score: reasons.noted("cohen_kappa_score", state.cohen_kappa_score()),
        confidence_intervals: reasons.noted("confidence_intervals", state.intervals()),
        ..row
    };
    if !has_scores {
        return row;
    }
    if let Some(few) = state.few_left_out() {
        reasons.lacks("log_loss", few);
    }
    ProfileRow {
        log_loss: reasons.noted("log_loss", state.log_loss()),
        roc_auc_score: reasons.noted("roc_auc_score", state.roc_auc_score()),
        average_precision_score: reasons.noted("average_precision_score", state.average_precision_score()),
        brier_score_loss: reasons.noted("brier_score_loss", state.brier_score_loss()),
        expected_calibration_error: reasons
            .noted("expected_calibration_error", state.expected_calibration_error()),
        // Of one class there is no order.
        top_k_accuracy_score: Some(state.probabilities.sure_of())
            .filter(|sure_of| !matches!(sure_of, SureOf::Positive(_)))
            .and_then(|_| reasons.noted("top_k_accuracy_score", state.top_k_accuracy_score())),
        ..row
    }
}

/// With what is to be expected. Labels of the rows have no part in an estimate, so what is said of them is not why it is NULL.
pub(super) fn estimated_row(
    row: ProfileRow,
    estimate: Result<Estimate, Absence>,
    reasons: &mut Reasons,
) -> ProfileRow {
    let mut of = |name, of: fn(&Estimate) -> f64| {
        reasons.noted_apart(name, estimate.as_ref().map(of).map_err(Clone::clone))
    };
    let row = ProfileRow {
        estimated_accuracy_score: of("estimated_accuracy_score", |estimate| estimate.accuracy_score),
        estimated_precision: of("estimated_precision", |estimate| estimate.precision),
        estimated_recall: of("estimated_recall", |estimate| estimate.recall),
        estimated_specificity: of("estimated_specificity", |estimate| estimate.specificity),
        estimated_f1_score: of("estimated_f1_score", |estimate| estimate.f1_score),
        ..row
    };
    let ranked = |of: fn(&Estimate) -> &Result<f64, Absence>| {
        estimate.as_ref().map_or_else(|why| Err(why.clone()), |estimate| of(estimate).clone())
    };
    let area = ranked(|estimate| &estimate.roc_auc_score);
    let precision = ranked(|estimate| &estimate.average_precision_score);
    ProfileRow {
        estimated_roc_auc_score: reasons.noted_apart("estimated_roc_auc_score", area),
        estimated_average_precision_score: reasons
            .noted_apart("estimated_average_precision_score", precision),
        estimated_sampling_errors: reasons
            .noted_apart("estimated_sampling_errors", estimate.map(|estimate| estimate.sampling_errors)),
        ..row
    }
}

/// With how differently two groups fare.
pub(super) fn fairness_row(row: ProfileRow, groups: &TwoGroups<'_>, reasons: &mut Reasons) -> ProfileRow {
    let row = match groups.have_labels() {
        false => row,
        true => ProfileRow {
            predictive_parity: parity(reasons, "predictive_parity", groups.predictive_parity()),
            predictive_equality: parity(reasons, "predictive_equality", groups.predictive_equality()),
            equal_opportunity: parity(reasons, "equal_opportunity", groups.equal_opportunity()),
            ..row
        },
    };
    // Labels have no part in this one, so what is said of them is not why it is NULL.
    let statistical_parity = reasons.noted_apart("statistical_parity", groups.statistical_parity());
    ProfileRow { statistical_parity, ..row }
}

/// The differences of `measure`; which classes have none is noted, too.
fn parity(
    reasons: &mut Reasons,
    measure: &'static str,
    value: Result<Parity, Absence>,
) -> Option<ClassDifferences> {
    let Parity { differences, left_out } = reasons.noted(measure, value)?;
    left_out.into_iter().for_each(|why| reasons.lacks(measure, why));
    Some(differences)
}

fn regression_row(row: ProfileRow, state: &RegressionState, reasons: &mut Reasons) -> ProfileRow {
    ProfileRow {
        mean_squared_error: reasons.noted("mean_squared_error", state.mean_squared_error()),
        root_mean_squared_error: reasons.noted("root_mean_squared_error", state.root_mean_squared_error()),
        mean_average_error: reasons.noted("mean_average_error", state.mean_average_error()),
        mean_absolute_percentage_error: reasons
            .noted("mean_absolute_percentage_error", state.mean_absolute_percentage_error()),
        r2_score: reasons.noted("r2_score", state.r2_score()),
        median_absolute_error: reasons.noted("median_absolute_error", state.median_absolute_error()),
        mean_error: reasons.noted("mean_error", state.mean_error()),
        mean_pinball_loss: reasons.noted("mean_pinball_loss", state.mean_pinball_loss()),
        confidence_intervals: reasons.noted("confidence_intervals", state.intervals()),
        ..row
    }
}
