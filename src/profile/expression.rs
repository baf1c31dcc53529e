//! Expressions by intent: SQL that the owner of a monitor writes, parsed by itself and never substituted.
//!
//! What all of them share is here: they read no table, name what there is, and give the same value each time.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::logical_expr::{Expr, Volatility};

use crate::cause::plain;
use crate::config::suggest;

/// Aggregates whose value depends on which row comes first.
const ORDERED: [&str; 5] = ["array_agg", "first_value", "last_value", "nth_value", "string_agg"];

/// Why `expression` could have another value of the same rows, or needs what is not one row; `None` if neither.
/// Aggregates are left to the caller who wants them.
pub(crate) fn misuse(expression: &Expr, may_aggregate: bool) -> Option<String> {
    let mut problem = None;
    let looked = expression.apply(|part| {
        problem = match part {
            Expr::AggregateFunction(call) if !may_aggregate => {
                Some(format!("`{}()` needs many rows", call.func.name()))
            }
            Expr::AggregateFunction(call) => {
                let is_ordered = !call.params.order_by.is_empty();
                let name = call.func.name();
                (!is_ordered && ORDERED.contains(&name))
                    .then(|| format!("`{name}()` depends on the order of the rows, which is none"))
            }
            Expr::WindowFunction(_) if may_aggregate => {
                Some("a window function looks beyond the rows of its group".to_owned())
            }
            Expr::WindowFunction(_) => Some("a window function needs many rows".to_owned()),
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
                Some("it must not read a table".to_owned())
            }
            Expr::Placeholder(placeholder) => Some(format!("`{}` stands for no value", placeholder.id)),
            Expr::ScalarVariable(_, names) => Some(format!("`{}` stands for no value", names.join("."))),
            Expr::Unnest(_) => Some("it makes several rows of one".to_owned()),
            Expr::ScalarFunction(call) => match call.func.signature().volatility {
                Volatility::Immutable => None,
                Volatility::Stable if !call.args.is_empty() => None,
                _ => Some(format!("`{}()` has another value each time", call.func.name())),
            },
            _ => None,
        };
        Ok(if problem.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    problem.or_else(|| looked.err().map(|error| plain(&error)))
}

/// Why `error`, met where an expression was parsed, is the expression's own.
pub(crate) fn of_words(error: &DataFusionError) -> String {
    match plain(error) {
        problem if problem.starts_with("table '") => "it must not read a table".to_owned(),
        problem => mismatch(&problem).unwrap_or(problem),
    }
}

/// That a function takes no such arguments, which the engine says with all that it would take.
fn mismatch(problem: &str) -> Option<String> {
    let (before, _) = problem.split_once(" failed to match any signature")?;
    let name = before.rsplit('\'').nth(1)?;
    Some(format!("`{name}()` takes no such arguments"))
}

/// What to do about the column `missing`, which `written` names: the `known` that is meant or, where it is written as other
/// dialects write a text, single quotes.
pub(crate) fn column_or_text<'a>(
    missing: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    written: &str,
) -> String {
    if written.contains(&format!("\"{missing}\"")) {
        return format!(
            "a text stands in single quotes, as '{missing}'; double quotes are for names of columns"
        );
    }
    suggest(missing, known)
}

/// The column that is not there, and those that are.
pub(crate) fn missing_column(error: &DataFusionError) -> Option<(String, Vec<String>)> {
    match error {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let known = valid_fields.iter().map(|field| field.name.clone());
                Some((field.name.clone(), known.collect()))
            }
            _ => None,
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => missing_column(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(missing_column),
        _ => None,
    }
}
