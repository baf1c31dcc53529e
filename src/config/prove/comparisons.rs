//! What each window is compared with.

use super::Notes;
use crate::comparisons::{Comparisons, OtherVersion};
use crate::config::spec::{AliasSpec, MonitorSpec, OneOrMore, OtherVersionSpec};
use crate::contract::ALL_VERSIONS;
use crate::window::{Granularity, Period};

/// The comparisons that `spec` describes, of windows of these lengths.
pub fn comparisons(spec: &MonitorSpec, granularities: &[Granularity], notes: &mut Notes<'_>) -> Comparisons {
    let seasonal = match &spec.comparisons.seasonal {
        None => Vec::new(),
        Some(OneOrMore::One(typed)) => vec![("/comparisons/seasonal".to_owned(), typed)],
        Some(OneOrMore::Several(typed)) => {
            let typed = typed.iter().enumerate();
            typed.map(|(index, typed)| (format!("/comparisons/seasonal/{index}"), typed)).collect()
        }
    };
    Comparisons {
        seasonal: periods(&seasonal, granularities, notes),
        rolling: spec.comparisons.rolling.unwrap_or_default(),
        version: spec.comparisons.version.as_ref().and_then(|typed| version(typed, spec, notes)),
    }
}

/// Periods, of which each is that of some window length.
fn periods(typed: &[(String, &String)], granularities: &[Granularity], notes: &mut Notes<'_>) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for (pointer, typed) in typed {
        let Ok(period) = typed.parse::<Period>() else {
            notes.problem(
                pointer,
                format!("is `{typed}`, which is not a period"),
                "use `n hours`, `n days`, `n weeks`, `n months` or `n years`, with n from 1 to 999",
            );
            continue;
        };
        let mut fitting =
            granularities.iter().filter(|granularity| period.is_of_whole(**granularity)).peekable();
        let is_taken =
            |granularity: &Granularity| periods.iter().any(|other| other.is_of_whole(*granularity));
        if fitting.peek().is_none() {
            notes.lacks(
                pointer,
                &["/granularities"],
                format!("is `{typed}`, which is no whole number of windows of any of the `granularities`"),
                "days go into days, weeks, months and years, weeks into weeks, months into months and years",
            );
        } else if fitting.all(is_taken) {
            notes.problem(
                pointer,
                format!("is `{typed}`, which no window length takes: all that it suits take one before it"),
                "take it out, or move it up",
            );
        }
        periods.push(period);
    }
    periods
}

fn version(typed: &OtherVersionSpec, spec: &MonitorSpec, notes: &mut Notes<'_>) -> Option<OtherVersion> {
    let pointer = "/comparisons/version";
    if spec.inference.model_id_col.is_none() {
        notes.lacks(
            pointer,
            &["/inference/model_id_col"],
            "needs `inference.model_id_col`",
            "name the column that says which version predicted",
        );
    }
    let version = match typed {
        OtherVersionSpec::Named(version) => version.clone(),
        OtherVersionSpec::Numbered(version) => version.to_string(),
        OtherVersionSpec::Aliased(AliasSpec { alias }) => {
            if spec.registry.is_none() {
                notes.lacks(
                    pointer,
                    &["/registry"],
                    "names an alias, and so needs a `registry`",
                    "say where model versions are registered, or name the version itself",
                );
            }
            return Some(OtherVersion::Aliased(alias.clone()));
        }
    };
    if version == ALL_VERSIONS {
        notes.problem(pointer, "is `*`, all versions together", "name one of them");
    }
    Some(OtherVersion::Named(version))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::comparisons::OtherVersion;
    use crate::config::given::{GOOD, good_monitor, problems, problems_with};

    #[test]
    fn a_comparison_is_typed_as_it_is_said() {
        let of = |lines: &str| good_monitor(&format!("{GOOD}{lines}")).comparisons;
        let all = of("granularities: [1 day, 1 month]
comparisons: { seasonal: [1 week, 1 year], rolling: 4, version: \"7\" }\n");
        let seasonal: Vec<String> = all.seasonal.iter().map(ToString::to_string).collect();
        assert_eq!((seasonal.join(", "), all.rolling), ("1 week, 1 year".to_owned(), 4));
        assert_eq!(all.version, Some(OtherVersion::Named("7".to_owned())));
        assert_eq!(of("comparisons: { version: 7 }\n").version, all.version);
        assert_eq!(of("comparisons: { seasonal: 7 days }\n").seasonal[0].to_string(), "7 days");
        let champion =
            of("registry: { table: models, model: churn }\ncomparisons: { version: { alias: champion } }\n");
        assert_eq!(champion.version, Some(OtherVersion::Aliased("champion".to_owned())));
    }

    #[test]
    fn a_comparison_without_a_meaning_is_refused() {
        assert_snapshot!(problems_with("comparisons: { seasonal: 7, rolling: 1, version: [7] }\n"), @r"
        churn.yaml:5:26: `comparisons.seasonal` is `7`, but must be a text or a list
          hint: A text, or a list of texts
        churn.yaml:5:38: `comparisons.rolling` is `1`, but must be at least 2
          hint: `ROLLING`: so many windows before it taken together, of which at least half must have rows. Default: none
        churn.yaml:5:50: `comparisons.version` is a list, but must be a text or a whole number or a map
          hint: A model version: its name, or an alias of it
        ");
        assert_snapshot!(problems_with("comparisons: { seasonal: weekly, version: { alias: champion } }\n"), @r"
        churn.yaml:5:26: `comparisons.seasonal` is `weekly`, which is not a period
          hint: use `n hours`, `n days`, `n weeks`, `n months` or `n years`, with n from 1 to 999
        churn.yaml:5:43: `comparisons.version` names an alias, and so needs a `registry`
          hint: say where model versions are registered, or name the version itself
        ");
        assert_snapshot!(problems_with("comparisons: { seasonal: [1 week, 2 weeks, 1 hour], version: '*' }\n"), @r"
        churn.yaml:5:35: `comparisons.seasonal[1]` is `2 weeks`, which no window length takes: all that it suits take one before it
          hint: take it out, or move it up
        churn.yaml:5:44: `comparisons.seasonal[2]` is `1 hour`, which is no whole number of windows of any of the `granularities`
          hint: days go into days, weeks, months and years, weeks into weeks, months into months and years
        churn.yaml:5:62: `comparisons.version` is `*`, all versions together
          hint: name one of them
        ");
        let text = GOOD.replace(", model_id_col: version", "");
        assert_snapshot!(problems(&format!("{text}comparisons: {{ version: 7 }}\n")), @r"
        churn.yaml:5:25: `comparisons.version` needs `inference.model_id_col`
          hint: name the column that says which version predicted
        ");
    }

    #[test]
    fn a_rule_on_a_comparison_that_is_not_made_is_refused() {
        let rules: String = ["SEASONAL", "ROLLING", "VERSION"]
            .map(|comparison| {
                format!(
                    "  - {{ rule: {comparison}, metric: js_distance, above: 1, comparison: {comparison} }}\n"
                )
            })
            .concat();
        assert_snapshot!(problems_with(&format!("alerts:\n{rules}")), @r#"
        churn.yaml:6:66: `alerts[0].comparison` needs `comparisons.seasonal`
          hint: say how much earlier the other window is: `comparisons: { seasonal: 1 week }`
        churn.yaml:7:65: `alerts[1].comparison` needs `comparisons.rolling`
          hint: say how many windows are taken together: `comparisons: { rolling: 7 }`
        churn.yaml:8:65: `alerts[2].comparison` needs `comparisons.version`
          hint: name the other version: `comparisons: { version: "7" }`, or `{ alias: champion }`
        "#);
        let made = "granularities: [1 day, 1 month]
comparisons: { seasonal: 1 week, rolling: 7, version: 7 }\n";
        good_monitor(&format!("{GOOD}{made}alerts:\n{rules}"));
        let monthly =
            "  - { rule: a, metric: js_distance, above: 1, comparison: SEASONAL, granularity: 1 month }
  - { rule: b, metric: js_distance, above: 1, comparison: VERSION, model_versions: ['*'] }\n";
        assert_snapshot!(problems_with(&format!("{made}alerts:\n{monthly}")), @r"
        churn.yaml:8:59: `alerts[0].comparison` has no period that is a whole number of windows of `1 month`
          hint: add one to `comparisons.seasonal`, which can be a list: `[1 week, 1 year]`
        churn.yaml:9:59: `alerts[1].comparison` is with one version, with which all versions together are not compared
          hint: leave `model_versions` out, or name versions
        ");
    }
}
