//! What is known of columns beforehand: bounds that are some, or values of which there is one.

use std::collections::BTreeMap;

use super::Notes;
use crate::config::monitor::Expectation;
use crate::config::spec::{ExpectationSpec, ScalarSpec};

/// The expectations that `typed` describes.
pub fn expectations(
    typed: &BTreeMap<String, ExpectationSpec>,
    notes: &mut Notes<'_>,
) -> BTreeMap<String, Expectation> {
    let proven = typed.iter().map(|(column, spec)| Some((column.clone(), expectation(column, spec, notes)?)));
    proven.flatten().collect()
}

fn expectation(column: &str, spec: &ExpectationSpec, notes: &mut Notes<'_>) -> Option<Expectation> {
    let at = format!("/expectations/{}", column.replace('~', "~0").replace('/', "~1"));
    let ExpectationSpec { min, max, values } = spec;
    match (min.or(*max), values) {
        (Some(_), Some(_)) => {
            let hint = "numbers have bounds, names have values; take one of the two out";
            notes.problem(&at, "has bounds and a list of values", hint);
            None
        }
        (None, None) => {
            notes.problem(&at, "expects nothing", "`min`, `max` or both, or `values`");
            None
        }
        (None, Some(values)) if values.is_empty() => {
            notes.problem(&at, "lists no values", "name one, or take the column out");
            None
        }
        (None, Some(values)) => Some(Expectation::Among(values.iter().map(ScalarSpec::name).collect())),
        (Some(_), None) => {
            let (low, high) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
            if low.is_nan() || high.is_nan() || low > high {
                notes.problem(&at, format!("has no number from {low} to {high}"), "exchange the two");
                return None;
            }
            Some(Expectation::Between(low, high))
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{GOOD, good_monitor, problems};
    use crate::config::monitor::Expectation;

    #[test]
    fn an_expectation_is_of_one_kind() {
        let said = problems(&format!(
            "{GOOD}expectations:\n  age: {{ min: 1, values: [a] }}\n  region: {{}}\n  channel: {{ values: [] }}\n  \
             income: {{ min: 2, max: 1 }}\n"
        ));
        assert_snapshot!(said, @r"
        churn.yaml:6:8: `expectations.age` has bounds and a list of values
          hint: numbers have bounds, names have values; take one of the two out
        churn.yaml:7:11: `expectations.region` expects nothing
          hint: `min`, `max` or both, or `values`
        churn.yaml:8:12: `expectations.channel` lists no values
          hint: name one, or take the column out
        churn.yaml:9:11: `expectations.income` has no number from 2 to 1
          hint: exchange the two
        ");
        let good = good_monitor(&format!(
            "{GOOD}expectations: {{ age: {{ min: 18 }}, tier: {{ values: [b, a, 7, true] }} }}\n"
        ));
        assert_eq!(good.expectations["age"], Expectation::Between(18.0, f64::INFINITY));
        let values = ["7", "a", "b", "true"].map(str::to_owned).into();
        assert_eq!(good.expectations["tier"], Expectation::Among(values));
    }
}
