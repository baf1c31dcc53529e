//! A rule: what it watches, and when it fires.

use super::condition::condition;
use super::{Notes, granularity, needs, quality};
use crate::comparisons::Comparisons;
use crate::config::monitor::{Condition, CustomMetric, Metric, Rule, Tail};
use crate::config::problem::suggest;
use crate::config::spec::{Comparison, MonitorSpec, RuleSpec, Severity};
use crate::contract::{self, ALL_VERSIONS, MeasureOf, drift_metrics, measure_of, profile_metrics};
use crate::window::Granularity;

/// Most windows that a rule may look back on.
const WINDOWS_MAX: u32 = 1000;

/// What a rule is checked against.
pub struct Context<'a> {
    /// The monitor.
    pub spec: &'a MonitorSpec,
    /// The window lengths that it computes.
    pub granularities: &'a [Granularity],
    /// The shortest of them.
    pub finest: Granularity,
    /// The monitor's own metrics.
    pub custom_metrics: &'a [CustomMetric],
    /// What windows are compared with.
    pub comparisons: &'a Comparisons,
}

/// The rule that `spec`, the one at `index`, describes.
pub fn rule(spec: &RuleSpec, index: usize, context: &Context<'_>, notes: &mut Notes<'_>) -> Option<Rule> {
    let pointer = format!("/alerts/{index}");
    let at = |key: &str| format!("{pointer}/{key}");
    name_is_new(spec, index, context.spec, notes);
    let metric = metric(&spec.metric, &at("metric"), context, notes);
    if let Some(metric) = &metric {
        quality::is_measured(metric.name(), &at("metric"), context.spec, notes);
    }
    let condition = condition(spec, &pointer, notes);
    if let (Some(Condition::ChangeFromBaseline(_)), Some(metric)) = (&condition, &metric) {
        change_has_a_meaning(metric, context.spec, &at("change_from_baseline"), notes);
    }
    let granularity = computed(spec.granularity.as_deref(), context, &at("granularity"), notes);
    let comparison = comparison(spec, metric.as_ref(), context, &at("comparison"), notes);
    if let (Some(comparison), Some(granularity)) = (comparison, granularity) {
        comparison_is_made(comparison, granularity, spec, context, &at("comparison"), notes);
    }
    needs::are_there(spec, comparison, context.spec, &pointer, notes);
    if let (Some(Condition::Learned(tail)), Some(metric)) = (&condition, &metric) {
        let key = match tail {
            Tail::Above => "above",
            Tail::Below => "below",
            Tail::Outside => "outside",
        };
        can_be_learned(metric, comparison, context, &at(key), notes);
    }
    slices_are_known(spec, &context.spec.slicing_exprs, &at("slices"), notes);
    let significance = significance(spec, metric.as_ref(), condition.as_ref(), &at("significance"), notes);
    let (hold, of) = hold(spec.hold.as_deref(), &at("for"), notes);
    Some(Rule {
        name: spec.rule.clone(),
        metric: metric?,
        condition: condition?,
        columns: spec.columns.clone(),
        model_versions: spec.model_versions.clone(),
        slices: spec.slices.clone(),
        granularity: granularity?,
        comparison,
        hold,
        of,
        min_count: spec.min_count.unwrap_or(1),
        significance,
        severity: spec.severity.unwrap_or(Severity::Warning),
        owner: spec.owner.clone().or_else(|| context.spec.owner.clone()),
        runbook: spec.runbook.clone().or_else(|| context.spec.runbook.clone()),
        provisional: spec.provisional,
    })
}

fn name_is_new(rule: &RuleSpec, index: usize, monitor: &MonitorSpec, notes: &mut Notes<'_>) {
    if monitor.alerts.iter().flatten().take(index).any(|other| other.rule == rule.rule) {
        notes.problem(
            &format!("/alerts/{index}/rule"),
            format!("is `{}`, the name of another rule", rule.rule),
            "rules are told apart by name",
        );
    }
}

/// The number that is watched, in whichever metric table it is a column of.
fn metric(name: &str, pointer: &str, context: &Context<'_>, notes: &mut Notes<'_>) -> Option<Metric> {
    if let Some(custom) = context.custom_metrics.iter().find(|custom| custom.name == name) {
        return custom_metric(custom, pointer, notes);
    }
    let drift: Vec<String> = drift_metrics::TABLE.metrics().collect();
    let profile: Vec<String> = profile_metrics::TABLE.metrics().collect();
    if drift.iter().any(|known| known == name) {
        return Some(Metric::Drift(name.to_owned()));
    }
    if profile.iter().any(|known| known == name) {
        return Some(Metric::Profile(name.to_owned()));
    }
    let own = context.custom_metrics.iter().filter(|custom| custom.is_number()).map(|custom| &custom.name);
    let known = own.chain(&drift).chain(&profile).map(String::as_str);
    notes.lacks(
        pointer,
        &["/custom_metrics"],
        format!("is `{name}`, which is not a number in a metric table"),
        suggest(name, known),
    );
    None
}

/// A metric of the monitor's own, if it is a number.
fn custom_metric(custom: &CustomMetric, pointer: &str, notes: &mut Notes<'_>) -> Option<Metric> {
    if !custom.is_number() {
        notes.problem(
            pointer,
            format!("is `{}`, a custom metric that is no number", custom.name),
            "give it the `output_data_type` `double`, `int` or `bigint`",
        );
        return None;
    }
    let name = custom.name.clone();
    Some(if custom.is_drift() { Metric::Drift(name) } else { Metric::Profile(name) })
}

/// What a drift metric is compared with; a profile metric with nothing.
fn comparison(
    rule: &RuleSpec,
    metric: Option<&Metric>,
    context: &Context<'_>,
    pointer: &str,
    notes: &mut Notes<'_>,
) -> Option<Comparison> {
    let monitor = context.spec;
    match (metric?, rule.comparison) {
        (Metric::Profile(_), Some(_)) => {
            notes.problem(pointer, "is for drift metrics only", "leave it out");
            None
        }
        (Metric::Profile(_), None) => None,
        (Metric::Drift(_), Some(comparison)) => Some(comparison),
        // A baseline is as long as it is.
        (Metric::Drift(name), None) if monitor.baseline.is_some() && name != "row_count_ratio" => {
            Some(Comparison::Baseline)
        }
        (Metric::Drift(_), None) => Some(Comparison::Consecutive),
    }
}

/// What the p-value must be below, of a metric that has one.
fn significance(
    rule: &RuleSpec,
    metric: Option<&Metric>,
    condition: Option<&Condition>,
    pointer: &str,
    notes: &mut Notes<'_>,
) -> Option<f64> {
    let bound = rule.significance?;
    match metric? {
        Metric::Profile(name) if !has_interval(name) => {
            let message = format!("has no meaning for `{name}`, which has neither a p-value nor an interval");
            notes.problem(pointer, message, "leave it out");
        }
        Metric::Profile(name) if !matches!(condition, Some(Condition::ChangeFromBaseline(_)) | None) => {
            let message = format!("asks whether `{name}` differs from the baseline's by more than chance");
            notes.problem(pointer, message, "`change_from_baseline`, or leave it out");
        }
        Metric::Drift(name) if measure_of(name).is_some_and(|of| !of.is_of_columns()) => {
            notes.problem(
                pointer,
                format!("has no meaning for `{name}`, which is of all columns together"),
                "leave it out",
            );
        }
        _ if bound > 0.0 && bound < 1.0 => return Some(bound),
        _ => {
            notes.problem(
                pointer,
                format!("is {bound}, which is no chance"),
                "such as 0.01, above 0 and below 1",
            );
        }
    }
    None
}

/// Whether a measure of quality comes with an interval.
fn has_interval(metric: &str) -> bool {
    contract::quality(metric).is_some_and(|of| !of.is_estimated() && !of.is_of_labels_alone())
}

/// Windows of the baseline are counted as those of a log are, and compared with all of the baseline; more is not known of them.
fn can_be_learned(
    metric: &Metric,
    comparison: Option<Comparison>,
    context: &Context<'_>,
    pointer: &str,
    notes: &mut Notes<'_>,
) {
    let (name, lacks) = (metric.name(), "/baseline");
    let is_custom = context.custom_metrics.iter().any(|custom| custom.name == name);
    let (message, hint) = if context.spec.baseline.is_none() {
        ("is `learned`, which needs a `baseline`".to_owned(), "name the baseline table, or a number")
    } else if is_custom
        || OF_ALL_COLUMNS.contains(&name)
        || measure_of(name).is_some_and(MeasureOf::is_of_a_log)
    {
        (format!("is `learned`, which `{name}` cannot be from windows of the baseline"), "a number")
    } else if name.ends_with("pvalue") {
        (
            format!(
                "is `learned`, which a chance such as `{name}` cannot be: it lies anywhere between 0 and 1"
            ),
            "a number, or `significance` beside the bound of an effect",
        )
    } else if comparison.is_some_and(|comparison| comparison != Comparison::Baseline) {
        let message =
            "is `learned`, from windows of the baseline beside all of it, so not for another comparison";
        (message.to_owned(), "a number, or `comparison: BASELINE`")
    } else {
        return;
    };
    notes.lacks(pointer, &[lacks], message, hint);
}

/// What all columns of a comparison decide together.
const OF_ALL_COLUMNS: [&str; 5] =
    ["drift_pvalue_adjusted", "null_pvalue_adjusted", "columns_compared", "columns_drifted", "drift_share"];

/// A rule on a comparison that is not made would never fire.
fn comparison_is_made(
    comparison: Comparison,
    granularity: Granularity,
    rule: &RuleSpec,
    context: &Context<'_>,
    pointer: &str,
    notes: &mut Notes<'_>,
) {
    let Context { spec, comparisons, .. } = context;
    let is_of_all = |versions: &[String]| versions.iter().all(|version| version == ALL_VERSIONS);
    let (needed, message, hint) = match comparison {
        Comparison::Baseline if spec.baseline.is_none() => (
            "/baseline",
            "needs a `baseline`".to_owned(),
            "name the baseline table, or compare with `CONSECUTIVE`",
        ),
        Comparison::Seasonal if comparisons.seasonal.is_empty() => (
            "/comparisons/seasonal",
            "needs `comparisons.seasonal`".to_owned(),
            "say how much earlier the other window is: `comparisons: { seasonal: 1 week }`",
        ),
        Comparison::Seasonal if comparisons.season(granularity).is_none() => (
            "/comparisons/seasonal",
            format!("has no period that is a whole number of windows of `{granularity}`"),
            "add one to `comparisons.seasonal`, which can be a list: `[1 week, 1 year]`",
        ),
        Comparison::Rolling if comparisons.rolling == 0 => (
            "/comparisons/rolling",
            "needs `comparisons.rolling`".to_owned(),
            "say how many windows are taken together: `comparisons: { rolling: 7 }`",
        ),
        Comparison::Version if comparisons.version.is_none() => (
            "/comparisons/version",
            "needs `comparisons.version`".to_owned(),
            "name the other version: `comparisons: { version: \"7\" }`, or `{ alias: champion }`",
        ),
        Comparison::Version if rule.model_versions.as_deref().is_some_and(is_of_all) => (
            "/model_versions",
            "is with one version, with which all versions together are not compared".to_owned(),
            "leave `model_versions` out, or name versions",
        ),
        _ => return,
    };
    notes.lacks(pointer, &[needed], message, hint);
}

fn change_has_a_meaning(metric: &Metric, monitor: &MonitorSpec, pointer: &str, notes: &mut Notes<'_>) {
    if matches!(metric, Metric::Drift(_)) {
        notes.problem(
            pointer,
            "has no meaning for a drift metric, which is a change already",
            "use `above` or `below`",
        );
    } else if monitor.baseline.is_none() {
        notes.lacks(pointer, &["/baseline"], "needs a `baseline`", "name the baseline table");
    }
}

/// The window length that was typed, which must be one that is computed, or else the finest.
fn computed(
    typed: Option<&str>,
    context: &Context<'_>,
    pointer: &str,
    notes: &mut Notes<'_>,
) -> Option<Granularity> {
    let Some(typed) = typed else { return Some(context.finest) };
    let granularity = granularity(typed, pointer, notes)?;
    if !context.granularities.contains(&granularity) {
        notes.lacks(
            pointer,
            &["/granularities"],
            format!("is `{granularity}`, which is not computed"),
            "add it to `granularities`",
        );
    }
    Some(granularity)
}

fn slices_are_known(rule: &RuleSpec, known: &[String], pointer: &str, notes: &mut Notes<'_>) {
    for (index, slice) in rule.slices.iter().flatten().enumerate() {
        if known.contains(slice) {
            continue;
        }
        let hint = match known {
            [] => "add it to `slicing_exprs`".to_owned(),
            known => suggest(slice, known.iter().map(String::as_str)),
        };
        notes.lacks(
            &format!("{pointer}/{index}"),
            &["/slicing_exprs"],
            format!("is `{slice}`, which is not a slicing expression"),
            hint,
        );
    }
}

/// In how many of how many last windows the condition must hold.
fn hold(typed: Option<&str>, pointer: &str, notes: &mut Notes<'_>) -> (u32, u32) {
    let Some(typed) = typed else { return (1, 1) };
    n_of_m(typed).unwrap_or_else(|| {
        notes.problem(
            pointer,
            "is not `N of M`",
            format!("such as `2 of 3`, with 1 ≤ N ≤ M ≤ {WINDOWS_MAX}"),
        );
        (1, 1)
    })
}

/// `2 of 3`.
fn n_of_m(typed: &str) -> Option<(u32, u32)> {
    let (n, m) = typed.split_once(" of ")?;
    let (n, m) = (n.trim().parse().ok()?, m.trim().parse().ok()?);
    (1 <= n && n <= m && m <= WINDOWS_MAX).then_some((n, m))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{GOOD, problems};

    #[test]
    fn misspelt_metrics_are_recognised() {
        let metric =
            |name: &str| problems(&format!("{GOOD}alerts:\n  - {{ rule: a, metric: {name}, above: 1 }}\n"));
        assert_snapshot!(metric("population_stability_indx"), @r"
        churn.yaml:6:24: `alerts[0].metric` is `population_stability_indx`, which is not a number in a metric table
          hint: did you mean `population_stability_index`?
        ");
        assert_snapshot!(metric("psi"), @r"
        churn.yaml:6:24: `alerts[0].metric` is `psi`, which is not a number in a metric table
          hint: did you mean `population_stability_index`?
        ");
        assert_snapshot!(metric("accuracy"), @r"
        churn.yaml:6:24: `alerts[0].metric` is `accuracy`, which is not a number in a metric table
          hint: did you mean `accuracy_score`?
        ");
        assert_snapshot!(metric("rmse"), @r"
        churn.yaml:6:24: `alerts[0].metric` is `rmse`, which is not a number in a metric table
          hint: did you mean `root_mean_squared_error`?
        ");
        assert_snapshot!(metric("ks_test"), @r"
        churn.yaml:6:24: `alerts[0].metric` is `ks_test`, which is not a number in a metric table
          hint: did you mean `ks_test.statistic`?
        ");
        assert_snapshot!(metric("precision.one_vs_all.true"), @r"
        churn.yaml:6:24: `alerts[0].metric` is `precision.one_vs_all.true`, which is not a number in a metric table
          hint: one of `precision.macro`, `precision.weighted`
        ");
    }

    #[test]
    fn a_chance_is_asked_for_where_there_is_one() {
        let model = "prediction_col: p, label_col: l, problem_type: classification";
        let good = GOOD.replace("model_id_col: version", &format!("model_id_col: version, {model}"));
        let rules = [
            "metric: count, below: 1, significance: 0.01",
            "metric: percent_labelled, change_from_baseline: { below: -5 }, significance: 0.01",
            "metric: accuracy_score, below: 0.9, significance: 0.01",
            "metric: accuracy_score, change_from_baseline: { below: -5% }, significance: 1",
            "metric: drift_share, above: 0.5, significance: 0.01",
            "metric: drift_pvalue, below: learned",
        ];
        let rules: String = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| format!("  - {{ rule: r{index}, {rule} }}\n"))
            .collect();
        assert_snapshot!(problems(&format!("{good}alerts:\n{rules}")), @r"
        churn.yaml:6:56: `alerts[0].significance` has no meaning for `count`, which has neither a p-value nor an interval
          hint: leave it out
        churn.yaml:7:94: `alerts[1].significance` has no meaning for `percent_labelled`, which has neither a p-value nor an interval
          hint: leave it out
        churn.yaml:8:67: `alerts[2].significance` asks whether `accuracy_score` differs from the baseline's by more than chance
          hint: `change_from_baseline`, or leave it out
        churn.yaml:9:93: `alerts[3].significance` is 1, which is no chance
          hint: such as 0.01, above 0 and below 1
        churn.yaml:10:64: `alerts[4].significance` has no meaning for `drift_share`, which is of all columns together
          hint: leave it out
        churn.yaml:11:46: `alerts[5].below` is `learned`, which a chance such as `drift_pvalue` cannot be: it lies anywhere between 0 and 1
          hint: a number, or `significance` beside the bound of an effect
        ");
    }
}
