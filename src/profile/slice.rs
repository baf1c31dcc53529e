//! Slicing expressions: from what was typed to an expression over one row.
//!
//! A slice is a group of rows, so its expression may look at one row only, must give the same value each
//! time, and its value must have a name. What does not is refused before a row is read.

use arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{ExprSchemable, cast, lit};

use super::expression::{column_or_text, missing_column, misuse, of_words};
use super::own_names::OwnNames;
use crate::cause::{is_fault, plain};
use crate::contract::NULL_SLICE;
use crate::source::spark_type;

/// What to do where nothing better is known.
const HINT: &str = "write one SQL expression over the columns of a row, such as `region` or `amount > 1000`; two \
                    expressions are two entries of `slicing_exprs`";
/// What to do when some rows are to blame.
const HINT_ROWS: &str = "some rows have no value for it; guard it, for example with `TRY_CAST` or `NULLIF`";
/// What to do when the engine is to blame.
const HINT_ENGINE: &str = "write it in another way; and please report it, with what `--verbose` says";

/// Why an expression is no slicing expression, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct SliceError {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl SliceError {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: HINT.to_owned() }
    }

    /// It was found to be wrong when rows were read.
    pub(super) fn of_rows(error: &DataFusionError) -> Self {
        let hint = if is_fault(error) { HINT_ENGINE } else { HINT_ROWS };
        Self { hint: hint.to_owned(), ..Self::of_plan(error) }
    }

    /// It was found to be wrong when the query was planned.
    pub(super) fn of_plan(error: &DataFusionError) -> Self {
        if is_fault(error) {
            tracing::info!(%error, "the query engine failed");
            let problem = "the query engine fails on it, whatever the rows".to_owned();
            return Self { problem, hint: HINT_ENGINE.to_owned() };
        }
        Self::new(plain(error))
    }

    fn of_words(error: &DataFusionError, own: &OwnNames, expression: &str) -> Self {
        if let Some((missing, known)) = missing_column(error) {
            let known = known.iter().map(String::as_str).filter(|name| !own.is_own(name));
            let hint = column_or_text(&missing, known, expression);
            return Self { problem: format!("there is no column `{missing}`"), hint };
        }
        Self::new(of_words(error))
    }
}

/// `frame` with the value of `expression`, as a text, in the column `name`.
///
/// # Errors
/// If it is no expression over one row of `frame`.
pub(super) fn with_value(
    frame: &DataFrame,
    expression: &str,
    name: &str,
    own: &OwnNames,
) -> Result<DataFrame, SliceError> {
    let misspelt = |error: DataFusionError| SliceError::of_words(&error, own, expression);
    let parsed = frame.parse_sql_expr(expression).map_err(misspelt)?;
    if let Some(problem) = misuse(&parsed, false) {
        return Err(SliceError::new(problem));
    }
    let data_type = parsed.get_type(frame.schema()).map_err(misspelt)?;
    if data_type.is_nested() {
        return Err(SliceError::new(format!(
            "its value is of type {}, which has no name",
            spark_type(&data_type)
        )));
    }
    let value = coalesce(vec![cast(parsed, DataType::Utf8), lit(NULL_SLICE)]);
    frame.clone().with_column(name, value).map_err(misspelt)
}

/// Whether `expression`, over rows of `frame`, is a predicate: true, false or NULL.
pub(super) fn is_predicate(frame: &DataFrame, expression: &str) -> bool {
    let parsed = frame.parse_sql_expr(expression).ok();
    let data_type = parsed.and_then(|parsed| parsed.get_type(frame.schema()).ok());
    data_type == Some(DataType::Boolean)
}
