//! The rules of people who write none: few, and quiet on data that do not drift.

use super::monitor::{Change, Condition, Metric, Rule};
use super::spec::{Comparison, MonitorSpec, ProblemType, Severity};
use crate::window::Granularity;

/// Fewer values than this say little about a distribution.
const MIN_COUNT: u64 = 200;

/// Drift and missing values, each in a window against the baseline (or the window before), and quality
/// against the baseline where labels are.
pub(super) fn rules(spec: &MonitorSpec, granularity: Granularity) -> Vec<Rule> {
    let comparison = if spec.baseline.is_some() { Comparison::Baseline } else { Comparison::Consecutive };
    let rule = |name: &str, metric: Metric, condition: Condition, severity: Severity| Rule {
        name: name.to_owned(),
        comparison: matches!(metric, Metric::Drift(_)).then_some(comparison),
        metric,
        condition,
        columns: None,
        model_versions: None,
        slices: None,
        granularity,
        hold: 1,
        of: 1,
        min_count: MIN_COUNT,
        severity,
        owner: spec.owner.clone(),
        runbook: spec.runbook.clone(),
        provisional: false,
    };
    let drift = |metric: &str| Metric::Drift(metric.to_owned());
    let mut rules = vec![
        rule("drift", drift("population_stability_index"), Condition::Above(0.25), Severity::Warning),
        rule("missing values", drift("percent_null_delta"), Condition::Above(5.0), Severity::Warning),
    ];
    let labelled = spec.inference.label_col.is_some() && spec.baseline.is_some();
    if labelled {
        let (metric, change) = match spec.inference.problem_type {
            Some(ProblemType::Regression) => {
                ("mean_average_error", Change { rises: true, bound: 0.2, relative: true })
            }
            _ => ("accuracy_score", Change { rises: false, bound: -0.1, relative: true }),
        };
        rules.push(rule(
            "quality",
            Metric::Profile(metric.to_owned()),
            Condition::ChangeFromBaseline(change),
            Severity::Critical,
        ));
    }
    rules
}
