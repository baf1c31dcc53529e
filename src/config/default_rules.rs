//! The rules of people who write none: few, and quiet on data that do not drift.
//!
//! What is told has to be sure, and worth telling: a rule that looks at the size alone is blind to what is small and sure, and in few
//! rows is woken by chance. They are what could be typed, so they are proven like any others, and recorded with the settings
//! that decide a run: another release may have others.

use super::spec::{Amount, Bound, ChangeSpec, MonitorSpec, ProblemType, RuleSpec, Severity};

/// Fewer values than this say little about a distribution.
const MIN_COUNT: u64 = 200;

/// What is significant: of columns whose adjusted p-value is below, about one in a hundred has not moved.
pub(crate) const SIGNIFICANCE: f64 = 0.01;

/// What is worth telling of what is significant: below, less than one value in twenty-five has moved, which is found in
/// many rows, and which seasons and weekdays do, too.
pub(crate) const NOTABLE_EFFECT: f64 = 0.04;

/// Percentage points of NULLs that are worth telling, if they are significant.
const NOTABLE_NULLS: f64 = 1.0;

/// Drift and missing values, each in a window against the baseline (or the window before), and quality
/// against the baseline where labels are.
pub(super) fn rules(spec: &MonitorSpec) -> Vec<RuleSpec> {
    let rule = |name: &str, metric: &str, severity: Severity| RuleSpec {
        rule: name.to_owned(),
        metric: metric.to_owned(),
        min_count: Some(MIN_COUNT),
        severity: Some(severity),
        ..RuleSpec::default()
    };
    let mut rules = vec![
        RuleSpec {
            above: Some(Bound::Number(NOTABLE_EFFECT)),
            significance: Some(SIGNIFICANCE),
            ..rule("drift", "effect_size", Severity::Warning)
        },
        RuleSpec {
            above: Some(Bound::Number(NOTABLE_NULLS)),
            significance: Some(SIGNIFICANCE),
            ..rule("missing values", "percent_null_delta", Severity::Warning)
        },
    ];
    let inference = &spec.inference;
    if inference.prediction_col.is_some() && inference.label_col.is_some() && spec.baseline.is_some() {
        let percent = |text: &str| Some(Amount::Percent(text.to_owned()));
        let (metric, change) = match inference.problem_type {
            Some(ProblemType::Regression) => {
                ("mean_average_error", ChangeSpec { above: percent("20%"), ..ChangeSpec::default() })
            }
            _ => ("accuracy_score", ChangeSpec { below: percent("-10%"), ..ChangeSpec::default() }),
        };
        rules.push(RuleSpec {
            change_from_baseline: Some(change),
            significance: Some(SIGNIFICANCE),
            ..rule("quality", metric, Severity::Critical)
        });
    }
    rules
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::yaml::Document;
    use super::*;

    /// What a monitor file with these keys under `inference`, and a baseline, would have under `alerts`.
    fn shown(inference: &str) -> serde_json::Value {
        let text = format!(
            "monitor: churn\ninference: {{ table: t, timestamp_col: at{inference} }}\nbaseline: {{ table: b }}\n"
        );
        let spec: MonitorSpec = serde_json::from_value(Document::parse(&text).unwrap().value).unwrap();
        let mut rules = serde_json::to_value(rules(&spec)).unwrap();
        for rule in rules.as_array_mut().unwrap() {
            let rule = rule.as_object_mut().unwrap();
            rule.retain(|key, value| !value.is_null() && key != "provisional");
            if let Some(change) = rule.get_mut("change_from_baseline") {
                change.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            }
        }
        rules
    }

    /// The template shows each default rule on lines of its own, commented out once more.
    #[test]
    fn the_template_shows_the_default_rules() {
        let template = include_str!("../draft/monitor.yaml.jinja");
        let lines = template.lines().skip_while(|line| !line.starts_with("# Without this key"));
        let lines =
            lines.take_while(|line| *line != "# alerts:").filter_map(|line| line.strip_prefix("#   "));
        let text: Vec<&str> = lines.collect();
        let typed = Document::parse(&text.join("\n")).unwrap().value;
        let typed = typed.as_array().unwrap();
        let classifier = shown(", prediction_col: p, label_col: l, problem_type: classification");
        let regression = shown(", prediction_col: p, label_col: l, problem_type: regression");
        let mut expected = classifier.as_array().unwrap().clone();
        expected.push(regression[2].clone());
        assert_eq!(typed, &expected);
        assert_eq!(shown("").as_array().unwrap(), &typed[..2], "without labels");
    }
}
