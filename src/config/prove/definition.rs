//! The definition of a custom metric: a template whose variables are names of columns.
//!
//! Names are filled in as quoted identifiers, so that any name may be a column's; quotes that stand around a
//! variable already are taken off. What comes out is SQL by intent, which is not looked at here.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};

use crate::config::problem::suggest;

/// What a definition may name: each variable, and the column that it stands for in this monitor, if it has one.
pub type Variables<'a> = BTreeMap<&'static str, Option<&'a str>>;

/// Why a definition cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfilled {
    /// It is no template, or names what is no variable.
    Wrong {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// It names a variable that has no meaning in this monitor.
    Lacks(&'static str),
}

/// `definition` with its `variables` filled in.
pub fn filled(definition: &str, variables: &Variables<'_>) -> Result<String, Unfilled> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let source = unquoted(definition);
    let wrong = |problem: String, hint: String| Unfilled::Wrong { problem, hint };
    let template = environment.template_from_str(&source).map_err(|error| {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        wrong(format!("is no template: {detail}"), "a variable is written as `{{input_column}}`".to_owned())
    })?;
    // In the order of the alphabet, so that the same file has the same problem each time.
    let mut named: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    named.sort_unstable();
    for name in &named {
        match variables.get_key_value(name.as_str()) {
            Some((_, Some(_))) => {}
            Some((known, None)) => return Err(Unfilled::Lacks(known)),
            None if variables.is_empty() => {
                return Err(wrong(
                    format!("names `{{{{{name}}}}}`, but a derived metric has no variables"),
                    "name other metrics as they are, such as `sqrt(squared_error)`".to_owned(),
                ));
            }
            None => {
                let known = variables.keys().copied();
                return Err(wrong(
                    format!("names `{{{{{name}}}}}`, which is no variable of such a metric"),
                    suggest(name, known),
                ));
            }
        }
    }
    let known: BTreeMap<&str, String> =
        variables.iter().filter_map(|(name, column)| Some((*name, quoted((*column)?)))).collect();
    template.render(known).map_err(|error| {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let hint = "a variable stands alone in its braces, as in `{{current_df}}.avg`";
        wrong(format!("cannot be filled in: {detail}"), hint.to_owned())
    })
}

/// `name` as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `definition` without quotes right around its variables: Databricks' own examples have some.
fn unquoted(definition: &str) -> String {
    let mut text = String::with_capacity(definition.len());
    let mut rest = definition;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((variable, next)) = after.split_once("}}") else { break };
        let quote = ['`', '"'].into_iter().find(|quote| before.ends_with(*quote) && next.starts_with(*quote));
        text.push_str(quote.and_then(|quote| before.strip_suffix(quote)).unwrap_or(before));
        text.push_str("{{");
        text.push_str(variable);
        text.push_str("}}");
        rest = quote.and_then(|quote| next.strip_prefix(quote)).unwrap_or(next);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn variables() -> Variables<'static> {
        Variables::from([("input_column", Some("f\"1")), ("label_col", None)])
    }

    #[test]
    fn names_are_quoted_once() {
        let filled = |text: &str| filled(text, &variables()).unwrap();
        assert_eq!(filled("avg({{input_column}})"), "avg(\"f\"\"1\")");
        assert_eq!(filled("avg(`{{ input_column }}`*\"{{input_column}}\")"), "avg(\"f\"\"1\"*\"f\"\"1\")");
        assert_eq!(filled("count(*) -- `x` {{input_column}}`"), "count(*) -- `x` \"f\"\"1\"`");
        assert_eq!(filled("avg(x)"), "avg(x)");
    }

    #[test]
    fn what_is_filled_in_is_no_template() {
        let variables = Variables::from([("input_column", Some("{{label_col}}"))]);
        assert_eq!(filled("avg({{input_column}})", &variables).unwrap(), "avg(\"{{label_col}}\")");
    }

    #[test]
    fn a_variable_without_a_meaning_is_told_from_an_unknown_one() {
        assert_eq!(filled("avg({{label_col}})", &variables()), Err(Unfilled::Lacks("label_col")));
        let Err(Unfilled::Wrong { problem, hint }) = filled("avg({{inputcolumn}})", &variables()) else {
            unreachable!("it is not known")
        };
        assert_eq!(problem, "names `{{inputcolumn}}`, which is no variable of such a metric");
        assert_eq!(hint, "did you mean `input_column`?");
    }
}
