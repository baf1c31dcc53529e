//! How much better or worse a model is than what it is compared with, in the row of a whole table.

use serde::Serialize;

use super::{DriftRow, delta};
use crate::profile::classification::{ClassScores, ClassificationState};
use crate::profile::reason::Absence;
use crate::profile::regression::RegressionState;
use crate::profile::{Group, QualityState, percent};

macro_rules! deltas {
    ($($name:ident),* $(,)?) => {
        /// Differences of measures of quality, this window minus the comparison. Field names are the column names.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[allow(missing_docs)] // The contract documents every column once.
        pub struct QualityDeltas {
            $(pub $name: Option<f64>,)*
        }

        impl QualityDeltas {
            /// The number in the column called `name`.
            pub(super) fn metric(&self, name: &str) -> Option<f64> {
                match name {
                    $(stringify!($name) => self.$name,)*
                    _ => None,
                }
            }
        }
    };
}

deltas! {
    accuracy_score_delta,
    f1_score_delta,
    balanced_accuracy_score_delta,
    matthews_corrcoef_delta,
    cohen_kappa_score_delta,
    roc_auc_score_delta,
    average_precision_score_delta,
    log_loss_delta,
    brier_score_loss_delta,
    expected_calibration_error_delta,
    mean_average_error_delta,
    median_absolute_error_delta,
    root_mean_squared_error_delta,
    mean_absolute_percentage_error_delta,
    mean_error_delta,
    r2_score_delta,
    percent_labelled_delta,
}

/// With differences in quality, of a monitor with labels. What a side lacks, and why, its row of the profile table says.
pub(super) fn table_row(row: DriftRow, group: &Group, other: &Group) -> DriftRow {
    let (Some(now), Some(then)) = (&group.table.quality, &other.table.quality) else { return row };
    let percent_labelled_delta =
        delta(percent(now.count(), group.row_count), percent(then.count(), other.row_count));
    let deltas = match (now, then) {
        (QualityState::Classification(now), QualityState::Classification(then)) => of_classes(now, then),
        (QualityState::Regression(now), QualityState::Regression(then)) => of_numbers(now, then),
        _ => QualityDeltas::default(),
    };
    DriftRow {
        quality: QualityDeltas { percent_labelled_delta, ..deltas },
        label_count_current: Some(now.count()),
        label_count_cmp: Some(then.count()),
        ..row
    }
}

fn of_classes(now: &ClassificationState, then: &ClassificationState) -> QualityDeltas {
    let of =
        |measure: fn(&ClassificationState) -> Result<f64, Absence>| difference(measure(now), measure(then));
    let mean = |scores: ClassScores| scores.macro_mean;
    QualityDeltas {
        accuracy_score_delta: of(ClassificationState::accuracy_score),
        balanced_accuracy_score_delta: of(ClassificationState::balanced_accuracy_score),
        matthews_corrcoef_delta: of(ClassificationState::matthews_corrcoef),
        cohen_kappa_score_delta: of(ClassificationState::cohen_kappa_score),
        f1_score_delta: difference(now.f1_score().map(mean), then.f1_score().map(mean)),
        roc_auc_score_delta: difference(now.roc_auc_score().map(mean), then.roc_auc_score().map(mean)),
        log_loss_delta: of(ClassificationState::log_loss),
        average_precision_score_delta: of(ClassificationState::average_precision_score),
        brier_score_loss_delta: of(ClassificationState::brier_score_loss),
        expected_calibration_error_delta: of(ClassificationState::expected_calibration_error),
        ..QualityDeltas::default()
    }
}

fn of_numbers(now: &RegressionState, then: &RegressionState) -> QualityDeltas {
    let of = |measure: fn(&RegressionState) -> Result<f64, Absence>| difference(measure(now), measure(then));
    QualityDeltas {
        mean_average_error_delta: of(RegressionState::mean_average_error),
        root_mean_squared_error_delta: of(RegressionState::root_mean_squared_error),
        median_absolute_error_delta: of(RegressionState::median_absolute_error),
        mean_absolute_percentage_error_delta: of(RegressionState::mean_absolute_percentage_error),
        mean_error_delta: of(RegressionState::mean_error),
        r2_score_delta: of(RegressionState::r2_score),
        ..QualityDeltas::default()
    }
}

fn difference(now: Result<f64, Absence>, then: Result<f64, Absence>) -> Option<f64> {
    delta(now.ok(), then.ok()).filter(|difference| difference.is_finite())
}
