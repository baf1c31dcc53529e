//! Measures of quality: which of them a monitor has, by what its model says and what is known of the truth.
//!
//! A rule on one that it has not would never fire, and so look like a rule that is content.

use super::Notes;
use super::inference::{is_scored, problem_type};
use crate::config::spec::{MonitorSpec, ProblemType};
use crate::contract::{Quality, profile_metrics, quality};

/// Checks that `metric`, which stands at `pointer`, is one that `spec` has.
pub fn is_measured(metric: &str, pointer: &str, monitor: &MonitorSpec, notes: &mut Notes<'_>) {
    let Some(of) = quality(metric) else { return };
    let spec = &monitor.inference;
    if let (Some(problem_type), Some(other)) = (problem_type(spec), problem_type_of(of))
        && problem_type != other
    {
        notes.lacks(
            pointer,
            &["/inference/problem_type"],
            format!(
                "is `{metric}`, which {} does not have, so the rule would never fire",
                name(problem_type)
            ),
            there_are(problem_type, monitor),
        );
        return;
    }
    if of == Quality::ClassProbabilities && spec.positive_class.is_some() {
        notes.lacks(
            pointer,
            &["/inference/positive_class"],
            format!("is `{metric}`, which takes probabilities of every class, so the rule would never fire"),
            "take `positive_class` out, if `prediction_proba_col` holds those of every class".to_owned(),
        );
        return;
    }
    let is_scored = !needs_scores(of) || is_scored(spec);
    for (key, is_there) in [
        ("prediction_col", spec.prediction_col.is_some()),
        ("label_col", spec.label_col.is_some()),
        ("prediction_proba_col", is_scored),
    ] {
        if !is_there {
            let instead = match is_scored || spec.label_col.is_none() {
                true => String::new(),
                false => format!(", or watch {}", there_are(ProblemType::Classification, monitor)),
            };
            notes.lacks(
                pointer,
                &[&format!("/inference/{key}")],
                format!("is `{metric}`, which needs `{key}`, so the rule would never fire"),
                format!("add `{key}` under `inference`{instead}"),
            );
            return;
        }
    }
    if of.is_estimated() && monitor.baseline.is_none() {
        notes.lacks(
            pointer,
            &["/baseline"],
            format!("is `{metric}`, which needs a baseline with labels, so the rule would never fire"),
            "add `baseline: { table: … }`".to_owned(),
        );
    }
}

fn needs_scores(of: Quality) -> bool {
    matches!(of, Quality::Probabilities | Quality::ClassProbabilities | Quality::Estimates)
}

/// The measures of `problem_type` that `monitor` has.
fn there_are(problem_type: ProblemType, monitor: &MonitorSpec) -> String {
    let is_there = |metric: &String| {
        quality(metric).is_some_and(|of| {
            problem_type_of(of) == Some(problem_type)
                && (!needs_scores(of) || is_scored(&monitor.inference))
                && (of != Quality::ClassProbabilities || monitor.inference.positive_class.is_none())
                && (!of.is_estimated() || monitor.baseline.is_some())
        })
    };
    let all: Vec<String> = profile_metrics::TABLE.metrics().filter(is_there).collect();
    format!("one of `{}`", all.join("`, `"))
}

fn problem_type_of(of: Quality) -> Option<ProblemType> {
    match of {
        Quality::Classes | Quality::Probabilities | Quality::ClassProbabilities | Quality::Estimates => {
            Some(ProblemType::Classification)
        }
        Quality::Numbers | Quality::EstimatedErrors => Some(ProblemType::Regression),
        Quality::Labels | Quality::Arrivals => None,
    }
}

fn name(problem_type: ProblemType) -> &'static str {
    match problem_type {
        ProblemType::Classification => "a classification",
        ProblemType::Regression => "a regression",
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{good_monitor, problems};

    fn text(inference: &str, metric: &str) -> String {
        format!(
            "monitor: churn
inference: {{ table: requests, timestamp_col: at{inference} }}
output: {{ uri: metrics }}
alerts:
  - {{ rule: quality, metric: {metric}, above: 1 }}
"
        )
    }

    #[test]
    fn a_rule_on_what_is_not_measured_is_refused() {
        let classes = ", prediction_col: p, label_col: l, problem_type: classification";
        let numbers = ", prediction_col: p, label_col: l, problem_type: regression";
        let scored = ", prediction_col: p, label_col: l, prediction_proba_col: s";
        let unlabelled = ", prediction_col: p, prediction_proba_col: s";
        let cases = [
            (classes, "mean_squared_error"),
            (scored, "r2_score"),
            (numbers, "accuracy_score"),
            (numbers, "roc_auc_score.macro"),
            (classes, "roc_auc_score.macro"),
            (classes, "log_loss"),
            (unlabelled, "precision.macro"),
            (unlabelled, "label_count"),
            ("", "percent_labelled"),
            ("", "mean_average_error"),
        ];
        let said: Vec<String> =
            cases.iter().map(|(inference, metric)| problems(&text(inference, metric))).collect();
        assert_snapshot!(said.join("\n"), @r"
        churn.yaml:5:30: `alerts[0].metric` is `mean_squared_error`, which a classification does not have, so the rule would never fire
          hint: one of `accuracy_score`, `precision.macro`, `precision.weighted`, `recall.macro`, `recall.weighted`, `f1_score.macro`, `f1_score.weighted`, `balanced_accuracy_score`, `matthews_corrcoef`, `cohen_kappa_score`
        churn.yaml:5:30: `alerts[0].metric` is `r2_score`, which a classification does not have, so the rule would never fire
          hint: one of `accuracy_score`, `precision.macro`, `precision.weighted`, `recall.macro`, `recall.weighted`, `f1_score.macro`, `f1_score.weighted`, `log_loss`, `roc_auc_score.macro`, `roc_auc_score.weighted`, `balanced_accuracy_score`, `matthews_corrcoef`, `cohen_kappa_score`, `average_precision_score`, `brier_score_loss`, `expected_calibration_error`, `top_k_accuracy_score.k2`, `top_k_accuracy_score.k3`, `top_k_accuracy_score.k5`
        churn.yaml:5:30: `alerts[0].metric` is `accuracy_score`, which a regression does not have, so the rule would never fire
          hint: one of `mean_squared_error`, `root_mean_squared_error`, `mean_average_error`, `mean_absolute_percentage_error`, `r2_score`, `median_absolute_error`, `mean_error`, `mean_pinball_loss.p10`, `mean_pinball_loss.p50`, `mean_pinball_loss.p90`
        churn.yaml:5:30: `alerts[0].metric` is `roc_auc_score.macro`, which a regression does not have, so the rule would never fire
          hint: one of `mean_squared_error`, `root_mean_squared_error`, `mean_average_error`, `mean_absolute_percentage_error`, `r2_score`, `median_absolute_error`, `mean_error`, `mean_pinball_loss.p10`, `mean_pinball_loss.p50`, `mean_pinball_loss.p90`
        churn.yaml:5:30: `alerts[0].metric` is `roc_auc_score.macro`, which needs `prediction_proba_col`, so the rule would never fire
          hint: add `prediction_proba_col` under `inference`, or watch one of `accuracy_score`, `precision.macro`, `precision.weighted`, `recall.macro`, `recall.weighted`, `f1_score.macro`, `f1_score.weighted`, `balanced_accuracy_score`, `matthews_corrcoef`, `cohen_kappa_score`
        churn.yaml:5:30: `alerts[0].metric` is `log_loss`, which needs `prediction_proba_col`, so the rule would never fire
          hint: add `prediction_proba_col` under `inference`, or watch one of `accuracy_score`, `precision.macro`, `precision.weighted`, `recall.macro`, `recall.weighted`, `f1_score.macro`, `f1_score.weighted`, `balanced_accuracy_score`, `matthews_corrcoef`, `cohen_kappa_score`
        churn.yaml:5:30: `alerts[0].metric` is `precision.macro`, which needs `label_col`, so the rule would never fire
          hint: add `label_col` under `inference`
        churn.yaml:5:30: `alerts[0].metric` is `label_count`, which needs `label_col`, so the rule would never fire
          hint: add `label_col` under `inference`
        churn.yaml:5:30: `alerts[0].metric` is `percent_labelled`, which needs `prediction_col`, so the rule would never fire
          hint: add `prediction_col` under `inference`
        churn.yaml:5:30: `alerts[0].metric` is `mean_average_error`, which needs `prediction_col`, so the rule would never fire
          hint: add `prediction_col` under `inference`
        ");
        for (inference, metric) in [
            (classes, "accuracy_score"),
            (scored, "log_loss"),
            (scored, "roc_auc_score.macro"),
            (numbers, "r2_score"),
            (numbers, "percent_labelled"),
            ("", "avg"),
            ("", "population_stability_index"),
        ] {
            assert_eq!(good_monitor(&text(inference, metric)).rules.len(), 1, "{metric}");
        }
    }
}
