//! The condition of a rule: what is too much.

use super::Notes;
use crate::config::monitor::{Change, Condition, Tail};
use crate::config::spec::{Amount, Bound, ChangeSpec, LearnedWord, Range, RuleSpec};

/// The one condition of `rule`, which stands at `pointer`.
pub fn condition(rule: &RuleSpec, pointer: &str, notes: &mut Notes<'_>) -> Option<Condition> {
    let change = rule.change_from_baseline.as_ref();
    let change = change.map(|spec| self::change(spec, &format!("{pointer}/change_from_baseline"), notes));
    let given = [
        rule.above.map(|bound| Some(bounded(bound, Condition::Above, Tail::Above))),
        rule.below.map(|bound| Some(bounded(bound, Condition::Below, Tail::Below))),
        rule.outside.map(|range| Some(within(range))),
        change.map(|change| change.map(Condition::ChangeFromBaseline)),
    ];
    let mut given = given.into_iter().flatten();
    let (Some(condition), None) = (given.next(), given.next()) else {
        let keys = ["above", "below", "outside", "change_from_baseline"];
        let keys = keys.map(|key| format!("{pointer}/{key}"));
        notes.lacks(
            pointer,
            &keys.each_ref().map(String::as_str),
            format!("is rule `{}`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`", rule.rule),
            "for example `above: 0.2`",
        );
        return None;
    };
    if let Some(Condition::Outside(low, high)) = condition
        && low > high
    {
        notes.problem(
            &format!("{pointer}/outside"),
            format!("is [{low}, {high}], which is empty"),
            "the lower bound first",
        );
        return None;
    }
    condition
}

fn bounded(bound: Bound, of: fn(f64) -> Condition, tail: Tail) -> Condition {
    match bound {
        Bound::Number(number) => of(number),
        Bound::Word(LearnedWord::Learned) => Condition::Learned(tail),
    }
}

fn within(range: Range) -> Condition {
    match range {
        Range::Numbers([low, high]) => Condition::Outside(low, high),
        Range::Word(LearnedWord::Learned) => Condition::Learned(Tail::Outside),
    }
}

fn change(spec: &ChangeSpec, pointer: &str, notes: &mut Notes<'_>) -> Option<Change> {
    let (key, rises, amount) = match (&spec.above, &spec.below) {
        (Some(amount), None) => ("above", true, amount),
        (None, Some(amount)) => ("below", false, amount),
        _ => {
            notes.lacks(
                pointer,
                &[&format!("{pointer}/above"), &format!("{pointer}/below")],
                "needs exactly one of `above` and `below`",
                "for example `{ below: -5% }`",
            );
            return None;
        }
    };
    match amount {
        Amount::Number(bound) => Some(Change { rises, bound: *bound, relative: false }),
        Amount::Percent(typed) => match percent(typed) {
            Some(percent) => Some(Change { rises, bound: percent / 100.0, relative: true }),
            None => {
                notes.problem(
                    &format!("{pointer}/{key}"),
                    format!("is `{typed}`, neither a number nor a percentage"),
                    "such as `-5%` or `-0.05`",
                );
                None
            }
        },
    }
}

/// `-5%`.
fn percent(typed: &str) -> Option<f64> {
    let number = typed.trim().strip_suffix('%')?.trim();
    number.parse().ok().filter(|percent: &f64| percent.is_finite())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::problems_of_rule;

    #[test]
    fn a_rule_has_exactly_one_condition() {
        assert_snapshot!(problems_of_rule(""), @r"
        churn.yaml:6:5: `alerts[0]` is rule `drift`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`
          hint: for example `above: 0.2`
        ");
        assert_snapshot!(problems_of_rule("    above: 1\n    below: 2\n"), @r"
        churn.yaml:6:5: `alerts[0]` is rule `drift`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`
          hint: for example `above: 0.2`
        ");
        assert_snapshot!(problems_of_rule("    change_from_baseline: { above: 5% }\n"), @r"
        churn.yaml:8:27: `alerts[0].change_from_baseline` has no meaning for a drift metric, which is a change already
          hint: use `above` or `below`
        ");
        assert_snapshot!(problems_of_rule("    above: .nan\n"), @r"
        churn.yaml:8:12: cannot be read as YAML: `.nan` is not finite
          hint: numbers are finite
        ");
    }
}
