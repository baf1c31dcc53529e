//! How much better or worse a model is than what it is compared with, in the row of a whole table.

use serde::Serialize;

use super::{DriftRow, delta};
use crate::profile::classification::{ClassScores, ClassificationState};
use crate::profile::reason::Absence;
use crate::profile::regression::RegressionState;
use crate::profile::{Group, QualityState, percent};

/// Differences of measures of quality, this window minus the comparison. Field names are the column names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct QualityDeltas {
    pub accuracy_score_delta: Option<f64>,
    pub f1_score_delta: Option<f64>,
    pub roc_auc_score_delta: Option<f64>,
    pub log_loss_delta: Option<f64>,
    pub brier_score_loss_delta: Option<f64>,
    pub mean_average_error_delta: Option<f64>,
    pub root_mean_squared_error_delta: Option<f64>,
    pub r2_score_delta: Option<f64>,
    pub percent_labelled_delta: Option<f64>,
}

impl QualityDeltas {
    /// Whether labelled rows stand behind the column called `name`; behind `percent_labelled_delta` all rows do.
    pub(super) fn is_of_labels(name: &str) -> bool {
        name != "percent_labelled_delta" && Self::COLUMNS.contains(&name)
    }

    /// All of them.
    pub(super) const COLUMNS: [&str; 9] = [
        "accuracy_score_delta",
        "f1_score_delta",
        "roc_auc_score_delta",
        "log_loss_delta",
        "brier_score_loss_delta",
        "mean_average_error_delta",
        "root_mean_squared_error_delta",
        "r2_score_delta",
        "percent_labelled_delta",
    ];

    /// The number in the column called `name`.
    pub(super) fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "accuracy_score_delta" => self.accuracy_score_delta,
            "f1_score_delta" => self.f1_score_delta,
            "roc_auc_score_delta" => self.roc_auc_score_delta,
            "log_loss_delta" => self.log_loss_delta,
            "brier_score_loss_delta" => self.brier_score_loss_delta,
            "mean_average_error_delta" => self.mean_average_error_delta,
            "root_mean_squared_error_delta" => self.root_mean_squared_error_delta,
            "r2_score_delta" => self.r2_score_delta,
            "percent_labelled_delta" => self.percent_labelled_delta,
            _ => None,
        }
    }
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
        f1_score_delta: difference(now.f1_score().map(mean), then.f1_score().map(mean)),
        roc_auc_score_delta: difference(now.roc_auc_score().map(mean), then.roc_auc_score().map(mean)),
        log_loss_delta: of(ClassificationState::log_loss),
        brier_score_loss_delta: of(ClassificationState::brier_score_loss),
        ..QualityDeltas::default()
    }
}

fn of_numbers(now: &RegressionState, then: &RegressionState) -> QualityDeltas {
    let of = |measure: fn(&RegressionState) -> Result<f64, Absence>| difference(measure(now), measure(then));
    QualityDeltas {
        mean_average_error_delta: of(RegressionState::mean_average_error),
        root_mean_squared_error_delta: of(RegressionState::root_mean_squared_error),
        r2_score_delta: of(RegressionState::r2_score),
        ..QualityDeltas::default()
    }
}

fn difference(now: Result<f64, Absence>, then: Result<f64, Absence>) -> Option<f64> {
    delta(now.ok(), then.ok()).filter(|difference| difference.is_finite())
}
